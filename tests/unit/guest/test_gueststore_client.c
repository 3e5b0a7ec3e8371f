/* The client library against an agent that is written here from the protocol: a child process that
 * gives a prepared answer. The library trusts a socket of root only, so the tests want root. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/sock.h"
#include "guest/conf.h"
#include "guest/globalconf.h"
#include "guest/gueststore_link.h"
#include "inguest/gueststore.h"
#include "wire/gueststore.h"

#define BIG 5000000

struct fixture {
    char dir[48], socket[80], out[80], conf[80], kept[80];
    int listening;
    pid_t agent;
};

static int setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof(*f));

    if (getuid() != 0)
        skip();
    snprintf(f->dir, sizeof(f->dir), "/tmp/gueststore-client-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->socket, sizeof(f->socket), "%s/pipe", f->dir);
    snprintf(f->out, sizeof(f->out), "%s/out", f->dir);
    snprintf(f->conf, sizeof(f->conf), "%s/tools.conf", f->dir);
    snprintf(f->kept, sizeof(f->kept), "%s/tools-global.conf", f->dir);
    setenv("GUESTSTORE_SOCKET", f->socket, 1);
    f->listening = sock_listen_unix(f->socket, 0777, NULL);
    assert_true(f->listening >= 0);
    assert_int_equal(GuestStore_Init(), GSLIBERR_SUCCESS);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(GuestStore_DeInit(), GSLIBERR_SUCCESS);
    close(f->listening);
    unlink(f->socket);
    unlink(f->out);
    unlink(f->conf);
    unlink(f->kept);
    /* Nothing else was left. */
    assert_int_equal(rmdir(f->dir), 0);
    mem_free(f);
    return 0;
}

/* One answer for the next client, after a whole request. */
static void answer_bytes(struct fixture *f, const void *bytes, size_t len)
{
    f->agent = fork();
    assert_true(f->agent >= 0);
    if (f->agent)
        return;
    char request[GUESTSTORE_REQUEST_SIZE];
    size_t got = 0;
    int fd;

    alarm(20);
    sock_set_nonblocking(f->listening, 0);
    fd = accept(f->listening, NULL, NULL);
    while (!gueststore_get_complete(request, got)) {
        ssize_t n = recv(fd, request + got, sizeof(request) - got, 0);
        if (n <= 0)
            _exit(1);
        got += (size_t)n;
    }
    for (size_t done = 0; done < len;) {
        ssize_t n = send(fd, (const char *)bytes + done, len - done, MSG_NOSIGNAL);
        if (n < 0)
            break;
        done += (size_t)n;
    }
    _exit(0);
}

static void answer(struct fixture *f, const char *text)
{
    answer_bytes(f, text, strlen(text));
}

static void agent_is_done(struct fixture *f)
{
    int status;

    assert_int_equal(waitpid(f->agent, &status, 0), f->agent);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void write_out(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static char *content(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = calloc(1, BIG + 1);

    if (!file) {
        free(text);
        return NULL;
    }
    size_t n = fread(text, 1, BIG, file);
    text[n] = '\0';
    fclose(file);
    return text;
}

static void assert_content(const char *path, const char *want)
{
    char *text = content(path);

    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

static GuestStoreLibError get(struct fixture *f, const char *path)
{
    return GuestStore_GetContent(path, f->out, NULL, NULL, NULL, NULL);
}

#define OK "HTTP/1.1 200 OK\r\nContent-Length: "

static void results(void **state)
{
    static const struct {
        const char *text;
        GuestStoreLibError want;
        const char *body; /* NULL: no file */
    } cases[] = {
        {OK "5\r\n\r\nhello", GSLIBERR_SUCCESS, "hello"},
        {OK "0\r\n\r\n", GSLIBERR_SUCCESS, ""},
        {OK "5\r\n\r\nhell", GSLIBERR_CONNECT_PEER_RESET, NULL},
        {OK "5\r\n\r\n", GSLIBERR_CONNECT_PEER_RESET, NULL},
        {OK "4\r\n\r\nhello", GSLIBERR_SERVER, NULL},
        {OK "-1\r\n\r\nhello", GSLIBERR_SERVER, NULL},
        {OK "9999999999999999999\r\n\r\nhello", GSLIBERR_SERVER, NULL},
        {"HTTP/1.1 200 OK\r\n\r\nhello", GSLIBERR_SERVER, NULL},
        {"HTTP/1.0 200 OK\r\n\r\n", GSLIBERR_SERVER, NULL},
        {"HTTP/1.1 503 Busy\r\n\r\n", GSLIBERR_SERVER, NULL},
        {"HTTP/1.1 403 Forbidden\r\n\r\n", GSLIBERR_CONTENT_FORBIDDEN, NULL},
        {"HTTP/1.1 404 Not Found\r\n\r\n", GSLIBERR_CONTENT_NOT_FOUND, NULL},
        {"HTTP/1.1 200", GSLIBERR_CONNECT_PEER_RESET, NULL},
        {"", GSLIBERR_CONNECT_PEER_RESET, NULL},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        unlink(f->out);
        answer(f, cases[i].text);
        GuestStoreLibError err = get(f, "/a");
        if (err != cases[i].want)
            fail_msg("\"%s\" gives %d", cases[i].text, err);
        agent_is_done(f);
        assert_int_equal(access(f->out, F_OK), cases[i].body ? 0 : -1);
        if (cases[i].body)
            assert_content(f->out, cases[i].body);
    }
}

static void an_output_that_was_there(void **state)
{
    struct fixture *f = *state;

    /* Refused: it stays. Replaced: as a whole. Broken off: it is gone. */
    write_out(f->out, "older and longer content");
    answer(f, "HTTP/1.1 404 Not Found\r\n\r\n");
    assert_int_equal(get(f, "/a"), GSLIBERR_CONTENT_NOT_FOUND);
    agent_is_done(f);
    assert_content(f->out, "older and longer content");
    answer(f, OK "3\r\n\r\nnew");
    assert_int_equal(get(f, "/a"), GSLIBERR_SUCCESS);
    agent_is_done(f);
    assert_content(f->out, "new");
    answer(f, OK "9\r\n\r\nnew");
    assert_int_equal(get(f, "/a"), GSLIBERR_CONNECT_PEER_RESET);
    agent_is_done(f);
    assert_int_equal(access(f->out, F_OK), -1);
    /* Under a second name, nothing is left in the file itself either. */
    char other[96];
    snprintf(other, sizeof(other), "%s.target", f->out);
    write_out(other, "x");
    assert_int_equal(symlink(other, f->out), 0);
    answer(f, OK "9\r\n\r\nnew");
    assert_int_equal(get(f, "/a"), GSLIBERR_CONNECT_PEER_RESET);
    agent_is_done(f);
    assert_content(other, "");
    unlink(other);
    /* A device is written to, and stays whatever happens. */
    answer(f, OK "9\r\n\r\nnew");
    assert_int_equal(GuestStore_GetContent("/a", "/dev/null", NULL, NULL, NULL, NULL),
                     GSLIBERR_CONNECT_PEER_RESET);
    agent_is_done(f);
    assert_int_equal(access("/dev/null", F_OK), 0);
}

struct seen {
    unsigned calls;
    int64_t size, last;
    int64_t stop_at;
};

static char progress(int64_t size, int64_t received, void *arg)
{
    struct seen *s = arg;

    assert_true(received > s->last && received <= size);
    s->calls++;
    s->size = size;
    s->last = received;
    return received < s->stop_at;
}

/* Of a new file nobody sees anything before it is whole. */
static char nothing_is_seen(int64_t size, int64_t received, void *arg)
{
    const struct fixture *f = arg;

    (void)size;
    assert_int_equal(access(f->out, F_OK), -1);
    return received >= 0;
}

static char killed(int64_t size, int64_t received, void *arg)
{
    (void)size;
    (void)arg;
    if (received >= 2)
        raise(SIGKILL);
    return 1;
}

static char another_comes_first(int64_t size, int64_t received, void *arg)
{
    const struct fixture *f = arg;

    (void)size;
    if (received == 4)
        write_out(f->out, "another's, and longer");
    return 1;
}

#define BODY "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"

static void get_body(struct fixture *f, GuestStore_GetContentCallback callback)
{
    answer(f, BODY);
    assert_int_equal(GuestStore_GetContent("/a", f->out, NULL, NULL, callback, f),
                     GSLIBERR_SUCCESS);
    agent_is_done(f);
    assert_content(f->out, "body");
}

static void a_new_output_appears_whole(void **state)
{
    struct fixture *f = *state;
    int status;
    pid_t child;
    int fd = open(f->dir, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);

    if (fd < 0)
        skip(); /* the file system has no files without names */
    close(fd);
    get_body(f, nothing_is_seen);
    unlink(f->out);

    answer(f, BODY);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit((int)GuestStore_GetContent("/a", f->out, NULL, NULL, killed, f));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(access(f->out, F_OK), -1);
    agent_is_done(f);

    get_body(f, another_comes_first);
}

static void big_content_and_progress(void **state)
{
    struct fixture *f = *state;
    char *bytes = malloc(BIG + 100);
    size_t head = (size_t)snprintf(bytes, 100, OK "%d\r\n\r\n", BIG);
    struct seen seen = {.stop_at = INT64_MAX};

    for (size_t i = 0; i < BIG; i++)
        bytes[head + i] = (char)('a' + i % 23);
    bytes[head + BIG] = '\0';
    answer_bytes(f, bytes, head + BIG);
    assert_int_equal(GuestStore_GetContent("/big", f->out, NULL, NULL, progress, &seen),
                     GSLIBERR_SUCCESS);
    agent_is_done(f);
    assert_true(seen.calls > 1 && seen.size == BIG && seen.last == BIG);
    assert_content(f->out, bytes + head);
    /* Stopped in the middle, and at the very last piece. */
    static const int64_t stops[] = {1, BIG / 2, BIG};
    for (size_t i = 0; i < ARRAY_SIZE(stops); i++) {
        seen = (struct seen){.stop_at = stops[i]};
        answer_bytes(f, bytes, head + BIG);
        assert_int_equal(GuestStore_GetContent("/big", f->out, NULL, NULL, progress, &seen),
                         GSLIBERR_CANCELLED);
        agent_is_done(f);
        assert_int_equal(access(f->out, F_OK), -1);
    }
    /* A full device. */
    answer_bytes(f, bytes, head + BIG);
    assert_int_equal(GuestStore_GetContent("/big", "/dev/full", NULL, NULL, NULL, NULL),
                     GSLIBERR_WRITE_OUTPUT_FILE);
    agent_is_done(f);
    assert_int_equal(errno, ENOSPC);
    /* An output that cannot be spliced to. */
    int pair[2];
    char name[32];
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    snprintf(name, sizeof(name), "/dev/fd/%d", pair[1]);
    answer(f, OK "5\r\n\r\nhello");
    assert_int_equal(GuestStore_GetContent("/a", name, NULL, NULL, NULL, NULL), GSLIBERR_SUCCESS);
    agent_is_done(f);
    char got[8] = "";
    assert_int_equal(read(pair[0], got, sizeof(got)), 5);
    assert_string_equal(got, "hello");
    close(pair[0]);
    close(pair[1]);
    free(bytes);
}

static char message[2048];

static void logger(GuestStoreLibLogLevel level, const char *text, void *arg)
{
    (void)arg;
    assert_int_equal(level, GSLIBLOGLEVEL_ERROR);
    assert_memory_equal(text, "[guestStoreClientLib] ", 22);
    assert_true(strlen(text) <= 1023);
    snprintf(message, sizeof(message), "%s", text);
    errno = EDOM;
}

static void arguments(void **state)
{
    struct fixture *f = *state;
    char path[GUESTSTORE_PATH_MAX + 2];

    assert_int_equal(get(f, NULL), GSLIBERR_INVALID_PARAMETER);
    assert_int_equal(get(f, ""), GSLIBERR_INVALID_PARAMETER);
    assert_int_equal(get(f, "a"), GSLIBERR_INVALID_PARAMETER);
    assert_int_equal(get(f, "/a\r\nb"), GSLIBERR_INVALID_PARAMETER);
    assert_int_equal(GuestStore_GetContent("/a", NULL, NULL, NULL, NULL, NULL),
                     GSLIBERR_INVALID_PARAMETER);
    assert_int_equal(GuestStore_GetContent("/a", "", NULL, NULL, NULL, NULL),
                     GSLIBERR_INVALID_PARAMETER);
    memset(path, '/', sizeof(path));
    path[GUESTSTORE_PATH_MAX + 1] = '\0';
    assert_int_equal(get(f, path), GSLIBERR_INVALID_PARAMETER);
    path[GUESTSTORE_PATH_MAX] = '\0';
    answer(f, "HTTP/1.1 403 Forbidden\r\n\r\n");
    assert_int_equal(get(f, path), GSLIBERR_CONTENT_FORBIDDEN);
    agent_is_done(f);
    answer(f, OK "5\r\n\r\nhello");
    assert_int_equal(GuestStore_GetContent("/a", "/nonexistent/x", logger, NULL, NULL, NULL),
                     GSLIBERR_CREATE_OUTPUT_FILE);
    agent_is_done(f);
    /* What the logger does to errno does not matter. */
    assert_int_equal(errno, ENOENT);
    assert_non_null(strstr(message, "/nonexistent/x"));
    /* Counted. */
    assert_int_equal(GuestStore_Init(), GSLIBERR_SUCCESS);
    assert_int_equal(GuestStore_DeInit(), GSLIBERR_SUCCESS);
    assert_int_equal(GuestStore_DeInit(), GSLIBERR_SUCCESS);
    assert_int_equal(GuestStore_DeInit(), GSLIBERR_NOT_INITIALIZED);
    assert_int_equal(get(f, "/a"), GSLIBERR_NOT_INITIALIZED);
    assert_int_equal(GuestStore_Init(), GSLIBERR_SUCCESS);
}

static void an_agent_that_is_not_there(void **state)
{
    struct fixture *f = *state;

    close(f->listening);
    assert_int_equal(get(f, "/a"), GSLIBERR_CONNECT_SERVICE_NOT_RUNNING);
    unlink(f->socket);
    assert_int_equal(get(f, "/a"), GSLIBERR_CONNECT_GENERIC);
    f->listening = sock_listen_unix(f->socket, 0777, NULL);
    /* A user who may not connect. */
    pid_t pid = fork();
    if (pid == 0) {
        chmod(f->dir, 0755);
        chmod(f->socket, 0755);
        if (setuid(65534) < 0)
            _exit(100);
        _exit((int)get(f, "/a"));
    }
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(WEXITSTATUS(status), GSLIBERR_CONNECT_PERMISSION_DENIED);
}

/* The published results, by number. */
static void numbers(void **state)
{
    (void)state;
    assert_int_equal(GSLIBERR_SUCCESS, 0);
    assert_int_equal(GSLIBERR_INVALID_PARAMETER, 4);
    assert_int_equal(GSLIBERR_CONNECT_PEER_RESET, 12);
    assert_int_equal(GSLIBERR_CONTENT_FORBIDDEN, 15);
    assert_int_equal(GSLIBERR_CONTENT_NOT_FOUND, 16);
    assert_int_equal(GSLIBERR_CANCELLED, 18);
    assert_int_equal(GSLIBERR_CHECKSUM, 19);
    assert_int_equal(GUESTSTORE_LIB_ERR_MAX, 20);
}

/* The shared object has the published names and no others. */
static void the_shared_object(void **state)
{
    static const char *const names[] = {"GuestStore_Init", "GuestStore_GetContent",
                                        "GuestStore_DeInit"};
    char path[512];

    (void)state;
    snprintf(path, sizeof(path), "%s/src/guest/libguestStoreClient.so.0",
             getenv("INGUEST_BUILDDIR"));
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_non_null(dlsym(handle, names[i]));
    int (*init)(void);
    int (*deinit)(void);
    *(void **)&init = dlsym(handle, "GuestStore_Init");
    *(void **)&deinit = dlsym(handle, "GuestStore_DeInit");
    assert_int_equal(init(), 0);
    assert_int_equal(deinit(), 0);
    assert_int_equal(deinit(), 3);
    dlclose(handle);
}

/* ---- configuration from the host ---- */

static GuestStoreLibError refresh(struct fixture *f, const char *text, bool *ret_changed)
{
    answer(f, text);
    GuestStoreLibError err =
        globalconf_refresh(f->conf, GLOBALCONF_RESOURCE, GuestStore_GetContent, ret_changed);
    agent_is_done(f);
    return err;
}

static GuestStoreLibError refresh_with(struct fixture *f, const char *body, bool *ret_changed)
{
    char text[1024];

    snprintf(text, sizeof(text), OK "%zu\r\n\r\n%s", strlen(body), body);
    return refresh(f, text, ret_changed);
}

static void global_configuration(void **state)
{
    struct fixture *f = *state;
    struct conf *conf;
    bool changed;

    write_out(f->conf, "[globalconf]\nenabled = true\n[a]\nx = mine\n");
    assert_int_equal(refresh_with(f, "[a]\nx = host\ny=2\n[b]\nz=\\s 3\n###", &changed),
                     GSLIBERR_SUCCESS);
    assert_true(changed);
    assert_int_equal(globalconf_load(f->conf, &conf, NULL), 0);
    assert_string_equal(conf_get(conf, "a", "x"), "mine");
    assert_string_equal(conf_get(conf, "a", "y"), "2");
    assert_string_equal(conf_get(conf, "b", "z"), "  3");
    conf_free(conf);
    /* The same settings in another form change nothing. */
    assert_int_equal(refresh_with(f, "[b]\nz=\\s\\s3\n[a]\ny= 2\nx=host", &changed),
                     GSLIBERR_SUCCESS);
    assert_false(changed);
    /* What does not parse, and what does not come, change nothing either. */
    assert_int_equal(refresh_with(f, "nonsense", &changed), GSLIBERR_GENERIC);
    assert_false(changed);
    assert_int_equal(refresh_with(f, "x = 1", &changed), GSLIBERR_GENERIC);
    assert_int_equal(refresh(f, "", &changed), GSLIBERR_CONNECT_PEER_RESET);
    assert_int_equal(access(f->kept, F_OK), 0);
    assert_int_equal(refresh(f, "HTTP/1.1 403 Forbidden\r\n\r\n", &changed),
                     GSLIBERR_CONTENT_FORBIDDEN);
    assert_true(changed);
    assert_int_equal(access(f->kept, F_OK), -1);
    assert_int_equal(refresh(f, "HTTP/1.1 404 Not Found\r\n\r\n", &changed),
                     GSLIBERR_CONTENT_NOT_FOUND);
    assert_false(changed);
    /* Not enabled: what lies there does not count. */
    write_out(f->kept, "[a]\ny = 2\n");
    write_out(f->conf, "");
    assert_int_equal(globalconf_load(f->conf, &conf, NULL), 0);
    assert_null(conf_get(conf, "a", "y"));
    assert_int_equal(globalconf_poll_s(conf), 3600);
    conf_free(conf);
}

static void configuration_is_edited(void **state)
{
    static const struct {
        const char *before, *after;
    } cases[] = {
        {"", "[g]\nk = v\n"},
        {"[x]\nk = 1", "[x]\nk = 1\n\n[g]\nk = v\n"},
        {"# a\n[g]\n# b\nj = 1\n[x]\nk = 2\n", "# a\n[g]\nk = v\n# b\nj = 1\n[x]\nk = 2\n"},
        {"[g]\n k=old\nj = 1\nk = older\n", "[g]\nk = v\nj = 1\n"},
        {"[g]\nkk = 1\n#k = 2\n[g]\nk = 3\n", "[g]\nk = v\nkk = 1\n#k = 2\n[g]\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_BUF struct buf b = BUF_INIT(1024);

        assert_int_equal(conf_edit(&b, cases[i].before, strlen(cases[i].before), "g", "k", "v"), 0);
        assert_string_equal(buf_text(&b), cases[i].after);
    }
}

/* ---- vsock: there is no peer on a test machine, but the kernel gives a port ---- */

static void no_connection(int fd, void *arg)
{
    (void)arg;
    close(fd);
    fail_msg("nobody can connect here");
}

static void a_vsock_port_is_listened_on(void **state)
{
    struct gueststore_link *a, *b;
    struct error err = {0};
    uv_loop_t loop;

    (void)state;
    uv_loop_init(&loop);
    int r = gueststore_link_open(&loop, NULL, no_connection, NULL, &a, &err);
    if (r == -EAFNOSUPPORT || r == -ENODEV) {
        uv_loop_close(&loop);
        skip();
    }
    assert_int_equal(r, 0);
    assert_int_equal(gueststore_link_open(&loop, NULL, no_connection, NULL, &b, &err), 0);
    assert_true(gueststore_link_port(a) > 1023 && gueststore_link_port(b) > 1023);
    assert_int_not_equal(gueststore_link_port(a), gueststore_link_port(b));
    /* vmx connects: nothing is to be done here. */
    assert_int_equal(gueststore_link_agreed(a), 0);
    gueststore_link_close(a);
    gueststore_link_close(b);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

#define with(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with(results),
        with(an_output_that_was_there),
        with(a_new_output_appears_whole),
        with(big_content_and_progress),
        with(arguments),
        with(an_agent_that_is_not_there),
        with(global_configuration),
        cmocka_unit_test(numbers),
        cmocka_unit_test(the_shared_object),
        cmocka_unit_test(configuration_is_edited),
        cmocka_unit_test(a_vsock_port_is_listened_on),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
