/* Programs with live streams and connections to the loopback, by way of a socket pair and the real
 * helper. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/sock.h"
#include "guest/exec_program.h"
#include "guest/proc_started.h"
#include "guest/vixops.h"
#include "wire/exec_frame.h"

#define PATIENCE_MS 60000u
#define OUT_MAX     (64u << 20)

/* The client's end: everything that came, in order of its kind. */
struct client {
    struct worker_ctx ctx;
    uv_loop_t loop;
    uv_poll_t poll;
    uv_timer_t timer;
    int fd;
    int deaf; /* nothing is read */
    struct buf in, out, err;
    struct exec_frame end;
    char end_text[EXEC_REASON_MAX + 1];
    uint64_t pid, credit;
    unsigned frames;
    int ended, eof, closed;
    int running, overs;      /* what was started, and told over */
    struct proc_record last; /* told by the list */
};

static void take(struct client *c)
{
    struct cursor at = CURSOR_INIT(c->in.data, c->in.len);
    struct exec_frame f;
    int r;

    while ((r = exec_frame_next(&at, EXEC_TO_CLIENT, &f)) == 1) {
        assert_false(c->ended);
        assert_int_equal(f.type == EXEC_STARTED, c->frames++ == 0);
        switch (f.type) {
        case EXEC_STARTED:
            c->pid = f.value;
            break;
        case EXEC_STDOUT:
            buf_put(&c->out, f.data, f.len);
            break;
        case EXEC_STDERR:
            buf_put(&c->err, f.data, f.len);
            break;
        case EXEC_STDOUT_EOF:
            c->eof = 1;
            break;
        case EXEC_CREDIT_MORE:
            c->credit += f.value;
            break;
        case EXEC_EXIT:
            c->ended = 1;
            c->end = f;
            memcpy(c->end_text, f.data, f.len);
            break;
        default:
            fail();
        }
    }
    assert_int_equal(r, 0);
    buf_consume(&c->in, c->in.len - at.left);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct client *c = poll->data;
    uint8_t *to;
    ssize_t n;

    (void)events;
    assert_int_equal(buf_reserve(&c->in, EXEC_FRAME_MAX, &to), 0);
    n = read(c->fd, to, EXEC_FRAME_MAX);
    if (n > 0) {
        buf_commit(&c->in, (size_t)n);
        take(c);
    } else if (n == 0 || errno == ECONNRESET) {
        c->closed = 1;
        uv_poll_stop(poll);
        return;
    }
    if (status < 0) /* the worker closed with bytes of ours unread; libuv stopped */
        uv_poll_start(poll, UV_READABLE, on_readable);
}

static void on_time(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("nothing happened for too long");
}

static void changed(void *arg)
{
    (void)arg;
}

static void stay_changed(struct worker_ctx *ctx)
{
    (void)ctx;
}

static void over(void *arg)
{
    struct client *c = arg;

    c->overs++;
}

static void ended(void *arg, const struct proc_record *r)
{
    struct client *c = arg;

    c->last = *r;
}

static void begin(struct client *c)
{
    memset(c, 0, sizeof(*c));
    uv_loop_init(&c->loop);
    c->ctx = (struct worker_ctx){.loop = &c->loop,
                                 .shell = "/bin/sh",
                                 .home = "/",
                                 .stay_changed = stay_changed,
                                 .exec_fd = open(getenv("TOOLBOX_EXEC"), O_PATH | O_CLOEXEC)};
    assert_true(c->ctx.exec_fd >= 0);
    assert_int_equal(proc_started_new(&c->loop, changed, c, &c->ctx.started), 0);
    proc_started_on_end(c->ctx.started, ended, c);
    c->in = BUF_INIT(4 * EXEC_FRAME_MAX);
    c->out = c->err = BUF_INIT(OUT_MAX);
    uv_timer_init(&c->loop, &c->timer);
    uv_timer_start(&c->timer, on_time, PATIENCE_MS, 0);
}

static int attach(struct client *c)
{
    int fds[2];

    assert_int_equal(sock_pair(fds), 0);
    c->fd = fds[0];
    c->credit = EXEC_CREDIT;
    uv_poll_init(&c->loop, &c->poll, c->fd);
    c->poll.data = c;
    if (!c->deaf)
        uv_poll_start(&c->poll, UV_READABLE, on_readable);
    return fds[1];
}

static int start(struct client *c, uint32_t flags, const char *cwd, const char *const *env,
                 const char *const *args)
{
    struct exec_spec spec = {
        .flags = flags, .rows = 30, .columns = 100, .cwd = cwd, .args = args, .env = env};

    while (args && args[spec.argc])
        spec.argc++;
    while (env && env[spec.envc])
        spec.envc++;
    {
        struct exec_program *p;
        int r = exec_program_start(&c->ctx, &spec, attach(c), over, c, &p);

        c->running += r == 0;
        return r;
    }
}

static void start_shell(struct client *c, uint32_t flags, const char *line)
{
    const char *const args[] = {"sh", "-c", line, NULL};

    begin(c);
    assert_int_equal(start(c, flags, "", NULL, args), 0);
}

static void hear(struct client *c)
{
    c->deaf = 0;
    uv_poll_start(&c->poll, UV_READABLE, on_readable);
}

#define WAIT_FOR(c, condition)                                \
    do {                                                      \
        while (!(condition))                                  \
            uv_run(&(c)->loop, UV_RUN_ONCE);                  \
        uv_timer_start(&(c)->timer, on_time, PATIENCE_MS, 0); \
    } while (0)

static void send_frame(struct client *c, const struct exec_frame *f)
{
    AUTO_BUF struct buf b = BUF_INIT(EXEC_FRAME_MAX);
    size_t at = 0;

    assert_int_equal(exec_frame_put(&b, f), 0);
    while (at < b.len) {
        ssize_t n = write(c->fd, b.data + at, b.len - at);

        if (n < 0 && errno == EAGAIN) {
            uv_run(&c->loop, UV_RUN_ONCE);
            continue;
        }
        assert_true(n > 0);
        at += (size_t)n;
    }
}

static void send_text(struct client *c, const char *text)
{
    send_frame(c, &(struct exec_frame){
                      .type = EXEC_STDIN, .data = (const uint8_t *)text, .len = strlen(text)});
}

static void send_eof(struct client *c)
{
    send_frame(c, &(struct exec_frame){.type = EXEC_STDIN_EOF});
}

static void close_client(struct client *c)
{
    uv_poll_stop(&c->poll);
    close(c->fd);
    c->fd = -1;
}

/* Ends the client; nothing may be left of what it started. */
static void end(struct client *c)
{
    if (c->fd >= 0)
        close_client(c);
    WAIT_FOR(c, c->overs == c->running);
    uv_timer_stop(&c->timer);
    close(c->ctx.exec_fd);
    buf_free(&c->in);
    buf_free(&c->out);
    buf_free(&c->err);
}

static const char *text_of(struct buf *b)
{
    return buf_text(b);
}

static void test_output_and_code(void **state)
{
    struct client c;

    (void)state;
    start_shell(&c, 0, "echo out; echo err >&2; exit 7");
    WAIT_FOR(&c, c.closed);
    assert_string_equal(text_of(&c.out), "out\n");
    assert_string_equal(text_of(&c.err), "err\n");
    assert_int_equal(c.end.end, EXEC_END_CODE);
    assert_int_equal(c.end.value, 7);
    assert_false(c.eof);
    assert_int_equal(c.last.pid, c.pid);
    assert_int_equal(c.last.exit_code, 7);
    end(&c);
}

static void test_signal_ends(void **state)
{
    struct client c;

    (void)state;
    start_shell(&c, 0, "kill -TERM $$");
    WAIT_FOR(&c, c.closed);
    assert_int_equal(c.end.end, EXEC_END_SIGNAL);
    assert_int_equal(c.end.value, SIGTERM);
    assert_int_equal(c.last.exit_code, 128 + SIGTERM);
    end(&c);
}

static void test_not_there(void **state)
{
    static const char *const missing[] = {"no-such-program", NULL},
                             *const folder[] = {"/tmp", NULL}, *const fine[] = {"true", NULL};
    struct client c;

    (void)state;
    begin(&c);
    assert_int_equal(start(&c, 0, "", NULL, missing), 0);
    WAIT_FOR(&c, c.closed);
    assert_int_equal(c.end.value, 127);
    assert_non_null(strstr(text_of(&c.err), "no-such-program: No such file"));
    end(&c);
    begin(&c);
    assert_int_equal(start(&c, 0, "", NULL, folder), 0);
    WAIT_FOR(&c, c.closed);
    assert_int_equal(c.end.value, 126);
    end(&c);
    begin(&c);
    assert_int_equal(start(&c, 0, "/no/such/folder", NULL, fine), 0);
    WAIT_FOR(&c, c.closed);
    assert_int_equal(c.end.value, 126);
    end(&c);
    begin(&c);
    assert_int_equal(start(&c, 0, "relative", NULL, fine), -EINVAL);
    end(&c);
}

static void test_folder_and_environment(void **state)
{
    static const char *const args[] = {"sh", "-c",
                                       "pwd; echo $HOME $EXTRA; env | grep -c ^HOME=", NULL},
                             *const env[] = {"EXTRA=yes", "HOME=/elsewhere", NULL};
    struct client c;

    (void)state;
    begin(&c);
    assert_int_equal(start(&c, 0, "/usr", env, args), 0);
    WAIT_FOR(&c, c.closed);
    assert_string_equal(text_of(&c.out), "/usr\n/elsewhere yes\n1\n");
    end(&c);
}

static void test_input(void **state)
{
    struct client c;

    (void)state;
    start_shell(&c, 0, "cat; echo end");
    send_text(&c, "one\n");
    WAIT_FOR(&c, c.out.len == 4);
    send_text(&c, "two\n");
    send_eof(&c);
    WAIT_FOR(&c, c.closed);
    assert_string_equal(text_of(&c.out), "one\ntwo\nend\n");
    assert_int_equal(c.credit, EXEC_CREDIT + 8);
    end(&c);
}

/* 4 MiB through `cat` with a client that keeps to its credit: what comes back is what was sent. */
static void test_binary_both_ways(void **state)
{
    const size_t total = 4u << 20;
    struct client c;
    uint8_t *data = mem_alloc(total);
    size_t sent = 0;

    (void)state;
    for (size_t i = 0; i < total; i++)
        data[i] = (uint8_t)(i * 31 + (i >> 8));
    start_shell(&c, 0, "exec cat");
    while (sent < total) {
        size_t n = total - sent < EXEC_DATA_MAX ? total - sent : EXEC_DATA_MAX;

        WAIT_FOR(&c, c.credit >= sent + n);
        send_frame(&c, &(struct exec_frame){.type = EXEC_STDIN, .data = data + sent, .len = n});
        sent += n;
    }
    send_eof(&c);
    WAIT_FOR(&c, c.closed);
    assert_int_equal(c.out.len, total);
    assert_memory_equal(c.out.data, data, total);
    assert_int_equal(c.end.value, 0);
    mem_free(data);
    end(&c);
}

static void test_more_than_credit(void **state)
{
    static uint8_t block[EXEC_DATA_MAX];
    struct client c;

    (void)state;
    start_shell(&c, 0, "exec sleep 30"); /* takes what a pipe holds, then nothing */
    while (!c.closed) {
        const struct exec_frame f = {.type = EXEC_STDIN, .data = block, .len = sizeof(block)};
        AUTO_BUF struct buf b = BUF_INIT(EXEC_FRAME_MAX);

        exec_frame_put(&b, &f);
        while (b.len && !c.closed) {
            ssize_t n = send(c.fd, b.data, b.len, MSG_NOSIGNAL);

            buf_consume(&b, n > 0 ? (size_t)n : 0);
            if (n < 0)
                uv_run(&c.loop, UV_RUN_ONCE);
        }
    }
    assert_false(c.ended);
    kill((pid_t)c.pid, SIGKILL);
    end(&c);
}

/* Input that the program does not read holds up no signal. */
static void test_signal_behind_input(void **state)
{
    static uint8_t block[EXEC_DATA_MAX];
    struct client c;

    (void)state;
    start_shell(&c, 0, "trap 'echo got; exit 3' USR1; echo ready; while :; do sleep 0.01; done");
    WAIT_FOR(&c, c.out.len == 6);
    for (size_t n = 0; n < EXEC_CREDIT; n += sizeof(block))
        send_frame(&c,
                   &(struct exec_frame){.type = EXEC_STDIN, .data = block, .len = sizeof(block)});
    send_frame(&c, &(struct exec_frame){.type = EXEC_SIGNAL, .value = SIGUSR1});
    WAIT_FOR(&c, c.closed);
    assert_string_equal(text_of(&c.out), "ready\ngot\n");
    assert_int_equal(c.end.value, 3);
    end(&c);
}

/* A client that does not read stops the program; when it reads, everything is there. */
static void test_slow_client(void **state)
{
    const size_t total = 16u << 20;
    struct client c;
    const char *const args[] = {"sh", "-c", "head -c 16777216 /dev/zero; echo done >&2", NULL};

    (void)state;
    begin(&c);
    c.deaf = 1;
    assert_int_equal(start(&c, 0, "", NULL, args), 0);
    for (uint64_t until = clock_ms() + 200; clock_ms() < until;)
        uv_run(&c.loop, UV_RUN_NOWAIT);
    assert_int_equal(c.last.pid, 0); /* it cannot have ended */
    hear(&c);
    WAIT_FOR(&c, c.closed);
    assert_int_equal(c.out.len, total);
    assert_string_equal(text_of(&c.err), "done\n");
    end(&c);
}

/* What a program leaves behind does not keep its client. */
static void test_left_behind(void **state)
{
    struct client c;

    (void)state;
    start_shell(&c, 0, "sleep 30 & echo $!");
    WAIT_FOR(&c, c.closed);
    assert_int_equal(c.end.value, 0);
    assert_true(atoll(text_of(&c.out)) > 1);
    kill((pid_t)atoll(text_of(&c.out)), SIGKILL);
    end(&c);
}

static void test_client_goes(void **state)
{
    struct client c;

    (void)state;
    /* Without a terminal: the end of the input, and the program's own time. */
    start_shell(&c, 0, "echo ready; cat; exit 5");
    WAIT_FOR(&c, c.out.len == 6);
    close_client(&c);
    WAIT_FOR(&c, c.last.pid);
    assert_int_equal(c.last.exit_code, 5);
    end(&c);
}

static void test_terminal(void **state)
{
    struct client c;

    (void)state;
    start_shell(&c, EXEC_TERMINAL,
                "test -t 0 && test -t 2 && stty size && read x && stty size && echo $x");
    WAIT_FOR(&c, strstr(text_of(&c.out), "30 100"));
    send_frame(&c, &(struct exec_frame){.type = EXEC_WINDOW, .rows = 40, .columns = 120});
    send_text(&c, "word\n");
    WAIT_FOR(&c, c.closed);
    assert_non_null(strstr(text_of(&c.out), "40 120\r\nword\r\n"));
    assert_int_equal(c.err.len, 0);
    assert_int_equal(c.end.value, 0);
    end(&c);
}

static void test_terminal_interrupt(void **state)
{
    struct client c;

    (void)state;
    start_shell(&c, EXEC_TERMINAL, "trap 'exit 9' INT; echo ready; while :; do sleep 0.1; done");
    WAIT_FOR(&c, strstr(text_of(&c.out), "ready"));
    send_text(&c, "\x03");
    WAIT_FOR(&c, c.closed);
    assert_int_equal(c.end.value, 9);
    end(&c);
}

static void test_terminal_eof(void **state)
{
    struct client c;

    (void)state;
    start_shell(&c, EXEC_TERMINAL, "cat; echo over");
    send_text(&c, "line\n");
    send_eof(&c);
    WAIT_FOR(&c, c.closed);
    assert_non_null(strstr(text_of(&c.out), "over"));
    end(&c);
}

static void test_terminal_client_goes(void **state)
{
    struct client c;

    (void)state;
    start_shell(&c, EXEC_TERMINAL, "echo ready; sleep 60");
    WAIT_FOR(&c, strstr(text_of(&c.out), "ready"));
    close_client(&c);
    WAIT_FOR(&c, c.last.pid);
    assert_int_equal(c.last.exit_signal, SIGHUP);
    end(&c);
}

static void test_terminal_that_stays(void **state)
{
    struct client c;

    (void)state;
    start_shell(&c, EXEC_TERMINAL, "trap '' HUP; echo ready; while :; do sleep 1; done");
    WAIT_FOR(&c, strstr(text_of(&c.out), "ready"));
    close_client(&c);
    WAIT_FOR(&c, c.last.pid);
    assert_int_equal(c.last.exit_signal, SIGKILL);
    end(&c);
}

static void test_login_shell(void **state)
{
    struct client c;

    (void)state;
    begin(&c);
    assert_int_equal(start(&c, 0, "", NULL, NULL), 0);
    send_text(&c, "echo $0; exit 4\n");
    WAIT_FOR(&c, c.closed);
    assert_string_equal(text_of(&c.out), "-sh\n");
    assert_int_equal(c.end.value, 4);
    end(&c);
}

/* ---- connections ---- */

static int listener(int family, uint16_t *ret_port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr *a = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t len = family == AF_INET ? sizeof(v4) : sizeof(v6);
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, a, len) < 0 || listen(fd, 4) < 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    getsockname(fd, a, &len);
    *ret_port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    return fd;
}

static void join(struct client *c, uint16_t port)
{
    struct exec_connection *connection;
    int fd = exec_connect(port);

    assert_true(fd >= 0);
    assert_int_equal(exec_connection_start(&c->ctx, fd, attach(c), over, c, &connection), 0);
    c->running++;
}

static void test_connection(void **state)
{
    struct client c;
    uint16_t port;
    char text[16] = "";
    int server, peer;

    (void)state;
    for (int i = 0; i < 2; i++) {
        begin(&c);
        server = listener(i ? AF_INET6 : AF_INET, &port);
        if (server < 0) {
            end(&c);
            continue; /* a machine without IPv6 */
        }
        join(&c, port);
        peer = accept(server, NULL, NULL);
        assert_true(peer >= 0);
        send_text(&c, "ask");
        send_eof(&c);
        WAIT_FOR(&c, c.credit == EXEC_CREDIT + 3);
        assert_int_equal(read(peer, text, 3), 3);
        assert_memory_equal(text, "ask", 3);
        assert_int_equal(read(peer, text, 1), 0); /* half closed */
        assert_int_equal(write(peer, "answer", 6), 6);
        close(peer);
        WAIT_FOR(&c, c.closed);
        assert_string_equal(text_of(&c.out), "answer");
        assert_true(c.eof && c.ended);
        assert_int_equal(c.pid, 0);
        assert_int_equal(c.end.end, EXEC_END_CODE);
        close(server);
        end(&c);
    }
}

/* The server closes first: its end is told, and the client may still speak. */
static void test_connection_half(void **state)
{
    struct client c;
    uint16_t port;
    char text[16] = "";
    int server, peer;

    (void)state;
    begin(&c);
    server = listener(AF_INET, &port);
    join(&c, port);
    peer = accept(server, NULL, NULL);
    shutdown(peer, SHUT_WR);
    WAIT_FOR(&c, c.eof);
    assert_false(c.ended);
    send_text(&c, "late");
    send_eof(&c);
    WAIT_FOR(&c, c.closed);
    assert_true(c.ended);
    assert_int_equal(read(peer, text, sizeof(text)), 4);
    close(peer);
    close(server);
    end(&c);
}

static void test_connection_refused(void **state)
{
    struct exec_connection *connection;
    struct client c;
    uint16_t port;
    int server = listener(AF_INET, &port);

    (void)state;
    close(server);
    begin(&c);
    assert_int_equal(exec_connect(port), -ECONNREFUSED);
    assert_int_equal(
        exec_connection_start(&c.ctx, -ECONNREFUSED, attach(&c), over, &c, &connection), 0);
    c.running++;
    WAIT_FOR(&c, c.closed);
    assert_int_equal(c.end.end, EXEC_END_FAILED);
    assert_int_equal(c.end.value, ECONNREFUSED);
    assert_string_equal(c.end_text, "Connection refused");
    end(&c);
}

static void test_connection_client_goes(void **state)
{
    struct client c;
    uint16_t port;
    char text[16];
    int server, peer;

    (void)state;
    begin(&c);
    server = listener(AF_INET, &port);
    join(&c, port);
    peer = accept(server, NULL, NULL);
    close_client(&c);
    WAIT_FOR(&c, c.overs == 1);
    assert_int_equal(read(peer, text, sizeof(text)), 0);
    close(peer);
    close(server);
    end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_and_code),
        cmocka_unit_test(test_signal_ends),
        cmocka_unit_test(test_not_there),
        cmocka_unit_test(test_folder_and_environment),
        cmocka_unit_test(test_input),
        cmocka_unit_test(test_binary_both_ways),
        cmocka_unit_test(test_more_than_credit),
        cmocka_unit_test(test_signal_behind_input),
        cmocka_unit_test(test_slow_client),
        cmocka_unit_test(test_left_behind),
        cmocka_unit_test(test_client_goes),
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_terminal_interrupt),
        cmocka_unit_test(test_terminal_eof),
        cmocka_unit_test(test_terminal_client_goes),
        cmocka_unit_test(test_terminal_that_stays),
        cmocka_unit_test(test_login_shell),
        cmocka_unit_test(test_connection),
        cmocka_unit_test(test_connection_half),
        cmocka_unit_test(test_connection_refused),
        cmocka_unit_test(test_connection_client_goes),
    };

    signal(SIGPIPE, SIG_IGN);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
