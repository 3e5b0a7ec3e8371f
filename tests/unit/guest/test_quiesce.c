/* Quiesced snapshots: toolboxd as a process, with scripts of its own, against a fake host. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "child.h"
#include "fake_host.h"
#include "wire/vix.h"
#include "wire/vmbackup.h"

#define EVENT(text) VMBACKUP_EVENT " " text

struct fixture {
    struct host host;
    struct child child;
    char dir[64], conf[128], mark[128];
    bool deaf;   /* events are refused */
    bool silent; /* events are not answered */
    unsigned from;
};

static const char *reply(struct host *h, const char *request)
{
    const struct fixture *f = h->arg;

    if (strncmp(request, VMBACKUP_EVENT, strlen(VMBACKUP_EVENT)) != 0)
        return "1 ";
    return f->silent ? NULL : f->deaf ? "0 Unknown command" : "1 ";
}

static void put(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* A script that writes down what it is called with; `more` follows. */
static void script(const struct fixture *f, const char *name, const char *more)
{
    char path[256], text[512];

    snprintf(path, sizeof(path), "%s/backupScripts.d/%s", f->dir, name);
    snprintf(text, sizeof(text), "#!/bin/sh\necho \"%s $*\" >>%s\n%s\n", name, f->mark, more);
    put(path, text, 0755);
}

static int setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof(*f));
    char path[256];

    assert_non_null(f);
    host_start(&f->host);
    f->host.rpci_reply = reply;
    f->host.arg = f;
    snprintf(f->dir, sizeof(f->dir), "/tmp/quiesce-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(path, sizeof(path), "%s/backupScripts.d", f->dir);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(f->conf, sizeof(f->conf), "%s/tools.conf", f->dir);
    snprintf(f->mark, sizeof(f->mark), "%s/mark", f->dir);
    put(f->mark, "", 0600);
    script(f, "10-first", "");
    script(f, "20-second", "");
    snprintf(path, sizeof(path), "%s/backupScripts.d/30-no-script", f->dir);
    put(path, "#!/bin/sh\nexit 1\n", 0644);
    *state = f;
    return 0;
}

static int forget(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    int code = -1;

    if (f->child.pid > 0)
        kill(f->child.pid, SIGTERM);
    while (f->child.pid > 0 && !child_ended(&f->child, &code) && clock_ms() < until)
        host_turn(&f->host, 2);
    char *messages = child_output(f->child.err);
    if (code != 0)
        print_message("%s", messages);
    free(messages);
    child_close(&f->child);
    host_stop(&f->host);
    nftw(f->dir, forget, 8, FTW_DEPTH | FTW_PHYS);
    mem_free(f);
    assert_int_equal(code, 0);
    return 0;
}

static void start(struct fixture *f, const char *conf)
{
    put(f->conf, conf, 0600);
    child_start(&f->child, "src/guest/toolboxd", f->host.dir,
                (const char *const[]){"toolboxd", "--conf", f->conf, NULL});
    host_wait_tclo(&f->host);
    assert_string_equal(host_call(&f->host, "reset"), "OK ATR toolbox");
    f->from = 0;
}

/* The next event; keep-alives may come at any time. */
static void event(struct fixture *f, const char *expected)
{
    const char *got;

    do {
        got = host_wait_rpci(&f->host, VMBACKUP_EVENT, &f->from);
    } while (!strcmp(got, EVENT("req.keepAlive 0 ")) && strcmp(expected, got) != 0);
    assert_string_equal(got, expected);
}

static void scripts_said(struct fixture *f, const char *expected)
{
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    char text[1024];

    do {
        int fd = open(f->mark, O_RDONLY | O_CLOEXEC);
        ssize_t n = read(fd, text, sizeof(text) - 1);

        close(fd);
        assert_true(n >= 0);
        text[n] = '\0';
        host_turn(&f->host, 5);
    } while (strcmp(text, expected) != 0 && clock_ms() < until);
    assert_string_equal(text, expected);
}

/* The VIX error that a guest operation is answered with. */
static unsigned operation(struct fixture *f)
{
    struct buf message = BUF_INIT(VIX_REQUEST_MAX), relay = BUF_INIT(VIX_REQUEST_MAX + 256);
    struct vix_request rq = {.opcode = 62,
                             .common_flags = VIX_COMMON_REQUEST | VIX_COMMON_PROPERTY_LIST,
                             .timeout = VIX_TIMEOUT_NONE};
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    unsigned before = f->host.answers, error = 99999;

    assert_int_equal(vix_request_encode(&message, &rq), 0);
    assert_int_equal(vix_relay_encode(&relay, "00000000000000a1", message.data, message.len), 0);
    host_send(&f->host, relay.data, relay.len, 0);
    while (f->host.answers == before && clock_ms() < until)
        host_turn(&f->host, 2);
    buf_free(&message);
    buf_free(&relay);
    assert_int_equal(sscanf((const char *)f->host.answer.bytes, "OK %u ", &error), 1);
    return error;
}

static void come_to_rest(struct fixture *f)
{
    assert_string_equal(host_call(&f->host, "vmbackup.start 0"), "OK ");
    event(f, EVENT("reset 0 "));
    event(f, EVENT("prov.snapshotCommit 0 "));
}

#define FREEZE "10-first freeze\n20-second freeze\n"
#define FAILED "20-second freezeFail\n10-first freezeFail\n"

static void a_snapshot_that_is_taken(void **state)
{
    struct fixture *f = *state;

    start(f, "");
    assert_string_equal(host_call(&f->host, "vmbackup.snapshotDone"),
                        "ERROR Error: no quiesce operation in progress");
    assert_string_equal(host_call(&f->host, "vmbackup.abort"),
                        "ERROR Error: no quiesce operation in progress");
    assert_int_equal(operation(f), 0);
    for (unsigned i = 0; i < 2; i++) {
        put(f->mark, "", 0600);
        come_to_rest(f);
        scripts_said(f, FREEZE);
        /* Nothing is begun in a guest that is at rest, and only one asks at a time. */
        assert_int_equal(operation(f), 5);
        assert_string_equal(host_call(&f->host, "vmbackup.start 1"),
                            "ERROR Quiesce operation already in progress.");
        /* It says that it is there. */
        host_wait_rpci(&f->host, EVENT("req.keepAlive 0 "), &f->from);
        assert_string_equal(host_call(&f->host, "vmbackup.snapshotDone"), "OK ");
        event(f, EVENT("req.done 0 "));
        scripts_said(f, FREEZE "20-second thaw\n10-first thaw\n");
        assert_int_equal(operation(f), 0);
    }
}

static void a_script_that_fails(void **state)
{
    struct fixture *f = *state;

    script(f, "15-fails", "test \"$1\" != freeze");
    start(f, "");
    assert_string_equal(host_call(&f->host, "vmbackup.start 0"), "OK ");
    event(f, EVENT("reset 0 "));
    event(f, EVENT("req.error 2 Custom quiesce script failed."));
    event(f, EVENT("req.done 0 "));
    scripts_said(f, "10-first freeze\n15-fails freeze\n15-fails freezeFail\n10-first freezeFail\n");
    assert_int_equal(operation(f), 0);
    assert_string_equal(host_call(&f->host, "vmbackup.snapshotDone"),
                        "ERROR Error: no quiesce operation in progress");
}

static void the_host_changes_its_mind(void **state)
{
    struct fixture *f = *state;

    script(f, "30-slow", "test \"$1\" != freeze || exec sleep 1000");
    start(f, "[vmbackup]\nscriptArg=to all\n");
    assert_string_equal(host_call(&f->host, "vmbackup.start 0"), "OK ");
    event(f, EVENT("reset 0 "));
    scripts_said(f, "10-first freeze to all\n20-second freeze to all\n30-slow freeze to all\n");
    assert_string_equal(host_call(&f->host, "vmbackup.snapshotDone"),
                        "ERROR Error: unexpected state for quiesce done message.");
    assert_string_equal(host_call(&f->host, "vmbackup.abort"), "OK ");
    event(f, EVENT("req.aborted 4 Quiesce canceled."));
    event(f, EVENT("req.done 0 "));
    scripts_said(f, "10-first freeze to all\n20-second freeze to all\n30-slow freeze to all\n"
                    "30-slow freezeFail to all\n20-second freezeFail to all\n"
                    "10-first freezeFail to all\n");
}

static void a_host_that_says_nothing(void **state)
{
    struct fixture *f = *state;

    start(f, "[vmbackup]\ntimeout=8\n");
    come_to_rest(f);
    assert_int_equal(operation(f), 5);
    event(f, EVENT("req.aborted 4 Quiesce canceled."));
    event(f, EVENT("req.done 0 "));
    scripts_said(f, FREEZE FAILED);
    assert_int_equal(operation(f), 0);
}

static void a_host_that_is_gone(void **state)
{
    struct fixture *f = *state;

    start(f, "");
    come_to_rest(f);
    host_die(&f->host);
    host_listen(&f->host);
    scripts_said(f, FREEZE FAILED);
    /* A new one finds everything as ever. */
    host_wait_tclo(&f->host);
    assert_string_equal(host_call(&f->host, "reset"), "OK ATR toolbox");
    assert_int_equal(operation(f), 0);
    put(f->mark, "", 0600);
    f->from = f->host.nlog;
    come_to_rest(f);
    assert_string_equal(host_call(&f->host, "vmbackup.snapshotDone"), "OK ");
    event(f, EVENT("req.done 0 "));
}

/* Whatever is under way comes to its end. */
static void idle(struct fixture *f)
{
    for (uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
         strncmp(host_call(&f->host, "vmbackup.snapshotDone"), "ERROR Error: no quiesce", 23) != 0;
         host_turn(&f->host, 10))
        assert_true(clock_ms() < until);
}

static void a_host_that_does_not_listen(void **state)
{
    struct fixture *f = *state;

    start(f, "");
    f->deaf = true;
    assert_string_equal(host_call(&f->host, "vmbackup.start 0"), "OK ");
    host_wait_rpci(&f->host, EVENT("reset 0 "), &f->from);
    idle(f);
    assert_int_equal(operation(f), 0);
    f->deaf = false;
    put(f->mark, "", 0600);
    assert_string_equal(host_call(&f->host, "vmbackup.start 0"), "OK ");
    host_wait_rpci(&f->host, EVENT("reset 0 "), &f->from); /* behind what the first may have said */
    event(f, EVENT("prov.snapshotCommit 0 "));
    assert_string_equal(host_call(&f->host, "vmbackup.abort"), "OK ");
    scripts_said(f, FREEZE FAILED);
}

/* What the host says about one snapshot, late, does not end the next. */
static void a_host_that_refuses_late(void **state)
{
    struct fixture *f = *state;

    start(f, "");
    f->silent = true;
    assert_string_equal(host_call(&f->host, "vmbackup.start 0"), "OK ");
    event(f, EVENT("reset 0 "));
    for (uint64_t until = clock_ms() + HOST_TIMEOUT_MS; operation(f) == 0; host_turn(&f->host, 5))
        assert_true(clock_ms() < until);
    idle(f);
    scripts_said(f, FREEZE "20-second thaw\n10-first thaw\n");
    assert_string_equal(host_call(&f->host, "vmbackup.start 0"), "OK ");
    f->silent = false;
    host_answer_rpci(&f->host, "0 Unknown command");
    event(f, EVENT("prov.snapshotCommit 0 "));
    event(f, EVENT("req.done 0 "));
    event(f, EVENT("reset 0 "));
    event(f, EVENT("prov.snapshotCommit 0 "));
    assert_string_equal(host_call(&f->host, "vmbackup.snapshotDone"), "OK ");
    event(f, EVENT("req.done 0 "));
}

static const char *start_with(struct fixture *f, const struct vmbackup_options *o)
{
    AUTO_BUF struct buf b = BUF_INIT(8192);
    unsigned before = f->host.answers;

    buf_put_str(&b, VMBACKUP_START_WITH " ");
    assert_int_equal(vmbackup_options_encode(&b, o), 0);
    host_send(&f->host, b.data, b.len, 0);
    while (f->host.answers == before)
        host_turn(&f->host, 2);
    f->host.answer.bytes[f->host.answer.len] = '\0';
    return (const char *)f->host.answer.bytes;
}

static void options(void **state)
{
    struct fixture *f = *state;
    struct vmbackup_options o = {.quiesce_fs = true, .script_arg = "", .volumes = ""};

    start(f, "[vmbackup]\nexecScripts=false\nscriptArg=unused\n");
    /* File systems are not frozen, and a host that insists is told. */
    assert_string_equal(start_with(f, &o), "ERROR Error initializing quiesce operation.");
    o = (struct vmbackup_options){.exec_scripts = true, .script_arg = "x y", .volumes = ""};
    assert_string_equal(start_with(f, &o), "OK ");
    event(f, EVENT("reset 0 "));
    event(f, EVENT("prov.snapshotCommit 0 "));
    assert_string_equal(host_call(&f->host, "vmbackup.snapshotDone"), "OK ");
    event(f, EVENT("req.done 0 "));
    scripts_said(f, "10-first freeze x y\n20-second freeze x y\n20-second thaw x y\n"
                    "10-first thaw x y\n");
    assert_string_equal(host_call(&f->host, VMBACKUP_START_WITH " x"),
                        "ERROR XDR deserialization failed.");
    /* The configuration forbids scripts to those who bring no options. */
    put(f->mark, "", 0600);
    come_to_rest(f);
    assert_string_equal(host_call(&f->host, "vmbackup.snapshotDone"), "OK ");
    event(f, EVENT("req.done 0 "));
    scripts_said(f, "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_snapshot_that_is_taken),  T(a_script_that_fails),
        T(the_host_changes_its_mind), T(a_host_that_says_nothing),
        T(a_host_that_is_gone),       T(a_host_that_does_not_listen),
        T(a_host_that_refuses_late),  T(options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
