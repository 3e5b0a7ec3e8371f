/* GuestStore in the agent: toolboxd as a process between a host and clients that are both written
 * here from the protocol. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/sock.h"
#include "child.h"
#include "fake_host.h"
#include "wire/gueststore.h"

#define BIG (8 * 1024 * 1024)

struct fixture {
    struct host host;
    struct child child;
    char conf[96], dir[64], socket[96];
    int service; /* the listening end of the data connection */
    int vmx;     /* -1 = none */
    bool refuse_connect, access;
    unsigned connects;
};

static const char *reply(struct host *h, const char *request)
{
    struct fixture *f = h->arg;

    if (strncmp(request, "guestStore.connect 973", 22) == 0) {
        f->connects++;
        return f->refuse_connect ? "0 Permission denied" : "1 ";
    }
    if (strcmp(request, "guestStore.accessEnabled") == 0)
        return f->access ? "1 true" : "1 false";
    return "1 ";
}

static void write_conf(struct fixture *f, const char *text)
{
    int fd = open(f->conf, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void start_agent(struct fixture *f)
{
    setenv("GUESTSTORE_SOCKET", f->socket, 1);
    child_start(&f->child, "src/guest/toolboxd", f->host.dir,
                (const char *const[]){"toolboxd", "--conf", f->conf, NULL});
    host_wait_tclo(&f->host);
    assert_string_equal(host_call(&f->host, "reset"), "OK ATR toolbox");
}

static int setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof(*f));
    char path[PATH_MAX + 8];

    host_start(&f->host);
    f->host.rpci_reply = reply;
    f->host.arg = f;
    f->vmx = -1;
    snprintf(f->dir, sizeof(f->dir), "/tmp/gueststore-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->socket, sizeof(f->socket), "%s/vmware/pipe", f->dir);
    snprintf(f->conf, sizeof(f->conf), "%s/tools.conf", f->dir);
    write_conf(f, "[guestStore]\nclientRecvTimeout = 1\n");
    snprintf(path, sizeof(path), "%s/973", f->host.dir);
    f->service = sock_listen_unix(path, 0600, NULL);
    assert_true(f->service >= 0);
    start_agent(f);
    *state = f;
    return 0;
}

static void stop_agent(struct fixture *f)
{
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    int code = -1;

    kill(f->child.pid, SIGTERM);
    while (!child_ended(&f->child, &code) && clock_ms() < until)
        host_turn(&f->host, 2);
    char *messages = child_output(f->child.err);
    if (code != 0)
        print_message("%s", messages);
    free(messages);
    child_close(&f->child);
    assert_int_equal(code, 0);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char path[PATH_MAX + 8];

    stop_agent(f);
    assert_int_equal(access(f->socket, F_OK), -1);
    close(f->service);
    if (f->vmx >= 0)
        close(f->vmx);
    snprintf(path, sizeof(path), "%s/973", f->host.dir);
    unlink(path);
    unlink(f->conf);
    snprintf(path, sizeof(path), "%s/vmware", f->dir);
    rmdir(path);
    rmdir(f->dir);
    host_stop(&f->host);
    mem_free(f);
    return 0;
}

/* ---- both ends ---- */

#define until(f, condition)                                     \
    do {                                                        \
        uint64_t end_ = clock_ms() + HOST_TIMEOUT_MS;           \
        while (!(condition)) {                                  \
            if (clock_ms() > end_)                              \
                fail_msg("waited in vain for: %s", #condition); \
            host_turn(&(f)->host, 2);                           \
        }                                                       \
    } while (0)

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, 0) > 0;
}

static void enable(struct fixture *f)
{
    assert_string_equal(host_call(&f->host, "Set_Option enableGuestStoreAccess 1"), "OK ");
}

static int client(struct fixture *f)
{
    int fd = sock_connect_unix(f->socket, NULL);

    assert_true(fd >= 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void accept_vmx(struct fixture *f)
{
    until(f, readable(f->service));
    f->vmx = accept4(f->service, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(f->vmx >= 0);
}

/* Exactly `len` bytes. */
static void take(struct fixture *f, int fd, void *out, size_t len)
{
    size_t got = 0;

    while (got < len) {
        until(f, readable(fd));
        ssize_t n = recv(fd, (char *)out + got, len - got, 0);
        assert_true(n > 0);
        got += (size_t)n;
    }
}

/* The next map of the agent; its path in `path`. */
static enum gueststore_command take_map(struct fixture *f, char path[GUESTSTORE_PATH_MAX + 1])
{
    uint8_t head[4], body[GUESTSTORE_MAP_REQUEST_MAX];
    struct gueststore_request rq;

    take(f, f->vmx, head, 4);
    assert_int_equal(head[0] | head[1], 0);
    size_t len = (size_t)(head[2] << 8 | head[3]);
    assert_true(len <= sizeof(body));
    take(f, f->vmx, body, len);
    assert_int_equal(gueststore_request_decode(body, len, &rq), 0);
    if (rq.command == GUESTSTORE_GET)
        snprintf(path, GUESTSTORE_PATH_MAX + 1, "%.*s", (int)rq.path_len, rq.path);
    return rq.command;
}

static void expect_get(struct fixture *f, const char *want)
{
    char path[GUESTSTORE_PATH_MAX + 1];

    assert_int_equal(take_map(f, path), GUESTSTORE_GET);
    assert_string_equal(path, want);
}

static void send_reply(struct fixture *f, int64_t error, int64_t size)
{
    AUTO_BUF struct buf b = BUF_INIT(256);
    struct gueststore_reply r = {.error = error, .size = size};

    assert_int_equal(gueststore_reply_encode(&b, &r), 0);
    assert_int_equal(send(f->vmx, b.data, b.len, MSG_NOSIGNAL), b.len);
}

static bool closed(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);

    return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* The head of an answer, then exactly `body`, then the end. */
static void expect_answer(struct fixture *f, int fd, const char *status, const char *body)
{
    char text[2048] = "", want[64];
    size_t got = 0;

    for (;;) {
        until(f, readable(fd));
        ssize_t n = recv(fd, text + got, sizeof(text) - 1 - got, 0);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    text[got] = '\0';
    assert_memory_equal(text, status, strlen(status));
    snprintf(want, sizeof(want), "\r\nContent-Length: %zu\r\n", strlen(body));
    assert_non_null(strstr(text, want));
    assert_string_equal(strstr(text, "\r\n\r\n") + 4, body);
    close(fd);
}

static void expect_closed(struct fixture *f, int fd)
{
    until(f, closed(fd));
    close(fd);
}

/* A whole exchange over the connection that is there or comes. */
static void serve_one(struct fixture *f, const char *path, const char *body)
{
    char request[256];
    int fd = client(f);

    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n\r\n", path);
    say(fd, request);
    if (f->vmx < 0)
        accept_vmx(f);
    expect_get(f, path);
    send_reply(f, 0, (int64_t)strlen(body));
    if (*body)
        say(f->vmx, body);
    expect_answer(f, fd, "HTTP/1.1 200 OK\r\n", body);
}

/* After the last client: CLOSE and the end. */
static void expect_close(struct fixture *f)
{
    char path[GUESTSTORE_PATH_MAX + 1];

    assert_int_equal(take_map(f, path), GUESTSTORE_CLOSE);
    until(f, closed(f->vmx));
    close(f->vmx);
    f->vmx = -1;
}

static void expect_dropped(struct fixture *f)
{
    until(f, closed(f->vmx));
    close(f->vmx);
    f->vmx = -1;
}

/* ---- tests ---- */

static void content_comes(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    /* Nothing listens before the host says so. */
    assert_int_equal(access(f->socket, F_OK), -1);
    enable(f);
    assert_int_equal(stat(f->socket, &st), 0);
    assert_int_equal(st.st_mode & 07777, 01777);
    serve_one(f, "/a/b.txt", "hello");
    expect_close(f);
    serve_one(f, "/empty", "");
    expect_close(f);
    assert_int_equal(f->connects, 2);
    /* Said again, it is no option any more; and the other way round. */
    assert_string_equal(host_call(&f->host, "Set_Option enableGuestStoreAccess 1"),
                        "ERROR Unknown or invalid option");
    assert_string_equal(host_call(&f->host, "Set_Option enableGuestStoreAccess 0"), "OK ");
    assert_int_equal(access(f->socket, F_OK), -1);
    assert_string_equal(host_call(&f->host, "Set_Option enableGuestStoreAccess 0"),
                        "ERROR Unknown or invalid option");
    enable(f);
    serve_one(f, "/again", "x");
    expect_close(f);
}

static void big_content_comes_whole(void **state)
{
    struct fixture *f = *state;
    uint8_t *data = malloc(BIG), *got = malloc(BIG + 1024);
    size_t sent = 0, have = 0;

    enable(f);
    for (size_t i = 0; i < BIG; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    int fd = client(f);
    say(fd, "GET /big HTTP/1.1\r\n\r\n");
    accept_vmx(f);
    expect_get(f, "/big");
    send_reply(f, 0, BIG);
    uint64_t end = clock_ms() + HOST_TIMEOUT_MS;
    for (;;) {
        ssize_t n = send(f->vmx, data + sent, BIG - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            sent += (size_t)n;
        n = recv(fd, got + have, BIG + 1024 - have, 0);
        if (n == 0)
            break;
        if (n > 0)
            have += (size_t)n;
        else
            host_turn(&f->host, 1);
        assert_true(clock_ms() < end);
    }
    const uint8_t *body = memmem(got, have, "\r\n\r\n", 4);
    assert_non_null(body);
    assert_int_equal(have - (size_t)(body + 4 - got), BIG);
    assert_memory_equal(body + 4, data, BIG);
    close(fd);
    expect_close(f);
    free(data);
    free(got);
}

static void refusals_keep_the_connection(void **state)
{
    struct fixture *f = *state;

    enable(f);
    int a = client(f), b = client(f), c = client(f);
    say(a, "GET /no HTTP/1.1\r\n\r\n");
    say(b, "GET /none HTTP/1.1\r\n\r\n");
    say(c, "GET /yes HTTP/1.1\r\n\r\n");
    accept_vmx(f);
    expect_get(f, "/no");
    send_reply(f, 1, 0);
    expect_answer(f, a, "HTTP/1.1 403 Forbidden\r\n", "");
    expect_get(f, "/none");
    send_reply(f, 2, 0);
    expect_answer(f, b, "HTTP/1.1 404 Not Found\r\n", "");
    expect_get(f, "/yes");
    send_reply(f, 0, 3);
    say(f->vmx, "yes");
    expect_answer(f, c, "HTTP/1.1 200 OK\r\n", "yes");
    expect_close(f);
    assert_int_equal(f->connects, 1);
}

static void other_errors_close_client_and_connection(void **state)
{
    static const struct {
        int64_t error;
        const char *raw; /* instead of a map */
        size_t len;
    } cases[] = {
        {13, NULL, 0},
        {5, NULL, 0},
        {-1, NULL, 0},
        {0, "\xff\xff\xff\xff", 4},
        {0, "\0\0\0\x04\0\0\0\x07", 8},
        {0, "\0\0\0\0", 4},
        /* success without a size */
        {0, "\0\0\0\x10\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0", 20},
        /* size -1 */
        {0,
         "\0\0\0\x20\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x02\xff\xff\xff\xff"
         "\xff\xff\xff\xff",
         36},
    };
    struct fixture *f = *state;

    enable(f);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int fd = client(f);
        say(fd, "GET /x HTTP/1.1\r\n\r\n");
        accept_vmx(f);
        expect_get(f, "/x");
        if (cases[i].raw)
            assert_int_equal(send(f->vmx, cases[i].raw, cases[i].len, MSG_NOSIGNAL), cases[i].len);
        else
            send_reply(f, cases[i].error, 0);
        expect_closed(f, fd);
        expect_dropped(f);
    }
    serve_one(f, "/still", "works");
    expect_close(f);
}

static void content_that_breaks_off(void **state)
{
    struct fixture *f = *state;
    char text[1024];

    enable(f);
    int fd = client(f), next = client(f);
    say(fd, "GET /short HTTP/1.1\r\n\r\n");
    say(next, "GET /next HTTP/1.1\r\n\r\n");
    accept_vmx(f);
    expect_get(f, "/short");
    send_reply(f, 0, 5);
    say(f->vmx, "hell");
    close(f->vmx);
    f->vmx = -1;
    /* The client gets less than was announced, and the end. */
    size_t got = 0;
    ssize_t n;
    do {
        until(f, readable(fd));
        n = recv(fd, text + got, sizeof(text) - got, 0);
        got += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    assert_memory_equal(text + got - 4, "hell", 4);
    close(fd);
    /* The one that waited has another connection. */
    accept_vmx(f);
    expect_get(f, "/next");
    send_reply(f, 0, 2);
    /* One byte too many: not for this client, and the end of the connection. */
    say(f->vmx, "ok!");
    expect_answer(f, next, "HTTP/1.1 200 OK\r\n", "ok");
    char path[GUESTSTORE_PATH_MAX + 1];
    assert_int_equal(take_map(f, path), GUESTSTORE_CLOSE);
    expect_dropped(f);
}

static void a_client_that_goes(void **state)
{
    struct fixture *f = *state;

    enable(f);
    /* Before its request: costs nothing. After: takes the connection along. */
    int fd = client(f);
    say(fd, "GET /");
    close(fd);
    fd = client(f);
    int next = client(f);
    say(fd, "GET /gone HTTP/1.1\r\n\r\n");
    say(next, "GET /next HTTP/1.1\r\n\r\n");
    accept_vmx(f);
    expect_get(f, "/gone");
    close(fd);
    expect_close(f);
    accept_vmx(f);
    expect_get(f, "/next");
    send_reply(f, 0, 1 << 30);
    say(f->vmx, "begin");
    until(f, readable(next));
    close(next);
    expect_close(f);
    assert_int_equal(f->connects, 2);
    /* One that will say no more but reads on is served. */
    fd = client(f);
    say(fd, "GET /half HTTP/1.1\r\n\r\n");
    shutdown(fd, SHUT_WR);
    accept_vmx(f);
    expect_get(f, "/half");
    send_reply(f, 0, 2);
    say(f->vmx, "ok");
    expect_answer(f, fd, "HTTP/1.1 200 OK\r\n", "ok");
    expect_close(f);
}

static void a_request_has_a_size(void **state)
{
    struct fixture *f = *state;

    enable(f);
    for (size_t len = 4095; len <= 4097; len++) {
        char text[5000];
        int n = snprintf(text, sizeof(text), "GET /long HTTP/1.1\r\nX: ");
        memset(text + n, 'x', sizeof(text) - (size_t)n);
        memcpy(text + len - 4, "\r\n\r\n", 4);
        int fd = client(f);
        assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
        if (len > 4095) {
            expect_closed(f, fd);
            continue;
        }
        accept_vmx(f);
        expect_get(f, "/long");
        send_reply(f, 0, 0);
        expect_answer(f, fd, "HTTP/1.1 200 OK\r\n", "");
        expect_close(f);
    }
    /* Byte by byte. */
    const char *text = "GET /slow%20one?q HTTP/1.1\r\nHost: here\r\n\r\n";
    int fd = client(f);
    for (size_t i = 0; text[i]; i++) {
        assert_int_equal(send(fd, text + i, 1, MSG_NOSIGNAL), 1);
        host_turn(&f->host, 1);
    }
    accept_vmx(f);
    expect_get(f, "/slow one");
    send_reply(f, 2, 0);
    expect_answer(f, fd, "HTTP/1.1 404 Not Found\r\n", "");
    expect_close(f);
    fd = client(f);
    say(fd, "POST /a HTTP/1.1\r\n\r\n");
    expect_closed(f, fd);
}

/* The head of the queue is silent: the others wait for its second to be over, and only for that. */
static void *talk(void *arg)
{
    char words[65536];

    memset(words, 'x', sizeof(words));
    while (send(*(int *)arg, words, sizeof(words), MSG_NOSIGNAL) > 0)
        continue;
    return NULL;
}

static void a_client_that_never_stops(void **state)
{
    struct fixture *f = *state;
    pthread_t talkers[4];
    int to;

    enable(f);
    int fd = client(f);
    say(fd, "GET /a HTTP/1.1\r\n\r\n");
    accept_vmx(f);
    expect_get(f, "/a");
    to = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    for (size_t i = 0; i < ARRAY_SIZE(talkers); i++)
        assert_int_equal(pthread_create(&talkers[i], NULL, talk, &to), 0);
    /* It has its answer, and the next one its turn. */
    send_reply(f, 0, 5);
    say(f->vmx, "hello");
    expect_answer(f, fd, "HTTP/1.1 200 OK\r\n", "hello");
    expect_close(f);
    for (size_t i = 0; i < ARRAY_SIZE(talkers); i++)
        pthread_join(talkers[i], NULL);
    close(to);
    serve_one(f, "/b", "b");
    expect_close(f);
}

static void a_silent_client(void **state)
{
    struct fixture *f = *state;

    enable(f);
    int silent = client(f), trailing = client(f), good = client(f);
    uint64_t begun = clock_ms();
    say(trailing, "GET /a HTTP/1.1\r\n\r\nmore");
    say(good, "GET /good HTTP/1.1\r\n\r\n");
    accept_vmx(f);
    /* Two were waited for, one second each. */
    assert_true(clock_ms() - begun >= 1900);
    expect_get(f, "/good");
    send_reply(f, 0, 2);
    say(f->vmx, "ok");
    expect_answer(f, good, "HTTP/1.1 200 OK\r\n", "ok");
    expect_closed(f, silent);
    expect_closed(f, trailing);
    expect_close(f);
}

static void nine_clients(void **state)
{
    struct fixture *f = *state;
    int fds[9];

    enable(f);
    for (unsigned i = 0; i < 9; i++)
        fds[i] = client(f);
    /* The ninth is turned away while eight are held. */
    expect_closed(f, fds[8]);
    for (unsigned i = 0; i < 8; i++)
        say(fds[i], "GET /x HTTP/1.1\r\n\r\n");
    accept_vmx(f);
    for (unsigned i = 0; i < 8; i++) {
        expect_get(f, "/x");
        send_reply(f, 0, 1);
        say(f->vmx, "x");
        expect_answer(f, fds[i], "HTTP/1.1 200 OK\r\n", "x");
    }
    expect_close(f);
    assert_int_equal(f->connects, 1);
}

static void a_host_that_refuses_or_does_not_come(void **state)
{
    struct fixture *f = *state;

    enable(f);
    f->refuse_connect = true;
    int a = client(f), b = client(f);
    say(a, "GET /a HTTP/1.1\r\n\r\n");
    expect_closed(f, a);
    expect_closed(f, b);
    /* The service is not there any more. */
    f->refuse_connect = false;
    close(f->service);
    a = client(f);
    say(a, "GET /a HTTP/1.1\r\n\r\n");
    expect_closed(f, a);
    char path[PATH_MAX + 8];
    snprintf(path, sizeof(path), "%s/973", f->host.dir);
    f->service = sock_listen_unix(path, 0600, NULL);
    serve_one(f, "/b", "b");
    expect_close(f);
}

static void switched_off_in_the_middle(void **state)
{
    struct fixture *f = *state;

    enable(f);
    int fd = client(f), waiting = client(f);
    say(fd, "GET /a HTTP/1.1\r\n\r\n");
    accept_vmx(f);
    expect_get(f, "/a");
    send_reply(f, 0, 1 << 20);
    say(f->vmx, "some");
    assert_string_equal(host_call(&f->host, "Set_Option enableGuestStoreAccess 0"), "OK ");
    char path[GUESTSTORE_PATH_MAX + 1];
    assert_int_equal(take_map(f, path), GUESTSTORE_CLOSE);
    expect_dropped(f);
    expect_closed(f, waiting);
    close(fd);
}

static unsigned reloads(const struct fixture *f)
{
    char *messages = child_output(f->child.err);
    unsigned n = 0;

    for (const char *p = messages; (p = strstr(p, "configuration read again")); p++)
        n++;
    free(messages);
    return n;
}

static void reload(struct fixture *f, const char *text)
{
    unsigned before = reloads(f);

    write_conf(f, text);
    kill(f->child.pid, SIGHUP);
    until(f, reloads(f) > before);
}

static mode_t socket_mode(const struct fixture *f)
{
    struct stat st;

    return stat(f->socket, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void tools_conf_decides(void **state)
{
    struct fixture *f = *state;

    enable(f);
    reload(f, "[guestStore]\nadminOnly = true\n");
    until(f, socket_mode(f) == 0755);
    serve_one(f, "/root", "may");
    expect_close(f);
    reload(f, "[guestStore]\ndisabled = true\n");
    until(f, access(f->socket, F_OK) != 0);
    assert_string_equal(host_call(&f->host, "Set_Option enableGuestStoreAccess 1"),
                        "ERROR Unknown or invalid option");
    /* Allowed again: the host is asked. */
    f->access = false;
    unsigned from = f->host.nlog;
    reload(f, "");
    host_wait_rpci(&f->host, "guestStore.accessEnabled", &from);
    assert_int_equal(access(f->socket, F_OK), -1);
    reload(f, "[guestStore]\ndisabled = true\n");
    f->access = true;
    reload(f, "");
    until(f, socket_mode(f) == 01777);
}

static void limits_of_tools_conf(void **state)
{
    struct fixture *f = *state;

    reload(f, "[guestStore]\nmaxConnections = 2\nconnTimeout = 1\nclientRecvTimeout = 0\n");
    enable(f);
    int a = client(f), b = client(f), c = client(f);
    expect_closed(f, c);
    say(a, "GET /a HTTP/1.1\r\n\r\n");
    accept_vmx(f);
    expect_get(f, "/a");
    send_reply(f, 0, 10);
    say(f->vmx, "12345");
    /* Nothing moves for a second. */
    uint64_t begun = clock_ms();
    until(f, closed(f->vmx));
    assert_true(clock_ms() - begun >= 900);
    close(f->vmx);
    f->vmx = -1;
    close(a);
    close(b);
}

static void a_reset_while_connecting(void **state)
{
    struct fixture *f = *state;

    enable(f);
    serve_one(f, "/a", "a");
    expect_close(f);
    /* A reset with nothing under way changes nothing. */
    host_send(&f->host, "reset", 5, 0);
    host_turn(&f->host, 50);
    serve_one(f, "/b", "b");
    expect_close(f);
}

#define with_agent(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_agent(content_comes),
        with_agent(big_content_comes_whole),
        with_agent(refusals_keep_the_connection),
        with_agent(other_errors_close_client_and_connection),
        with_agent(content_that_breaks_off),
        with_agent(a_client_that_goes),
        with_agent(a_request_has_a_size),
        with_agent(a_client_that_never_stops),
        with_agent(a_silent_client),
        with_agent(nine_clients),
        with_agent(a_host_that_refuses_or_does_not_come),
        with_agent(switched_off_in_the_middle),
        with_agent(tools_conf_decides),
        with_agent(limits_of_tools_conf),
        with_agent(a_reset_while_connecting),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
