/* toolboxd as a process, against a fake host: handshake, reports, power, stop. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "child.h"
#include "fake_host.h"
#include "wire/vix.h"

struct fixture {
    struct host host;
    struct child child;
    char conf[64], script[64], mark[64];
    bool refuse; /* new forms of guest information */
};

static const char *reply(struct host *h, const char *request)
{
    const struct fixture *f = h->arg;
    if (f->refuse && (strncmp(request, "SetGuestInfo  11 ", 17) == 0 ||
                      strncmp(request, "SetGuestInfo  10 ", 17) == 0 ||
                      strncmp(request, "SetGuestDiskInfo ", 17) == 0))
        return "0 Unknown command";
    return "1 ";
}

static void write_file(char path[64], const char *kind, const char *text, mode_t mode)
{
    snprintf(path, 64, "/tmp/toolboxd-%s-XXXXXX", kind);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    fchmod(fd, mode);
    close(fd);
}

/* The shutdown command and the scripts of the test write down their arguments; nothing here can
 * turn this machine off. */
static int setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof(*f));
    char text[512];
    host_start(&f->host);
    f->host.rpci_reply = reply;
    f->host.arg = f;
    write_file(f->mark, "mark", "", 0600);
    snprintf(text, sizeof(text),
             "#!/bin/sh\necho \"$0 $*\" >> %s\ncase \"$*\" in '') test ! -e %s.fail;; esac\n",
             f->mark, f->mark);
    write_file(f->script, "script", text, 0700);
    snprintf(text, sizeof(text),
             "[powerops]\npoweroff-script=%s\nsuspend-script=%s\npoweron-script=/nonexistent\n"
             "resume-script=\nshutdown-command=%s\n",
             f->script, f->script, f->script);
    write_file(f->conf, "conf", text, 0600);
    child_start(&f->child, "src/guest/toolboxd", f->host.dir,
                (const char *const[]){"toolboxd", "--conf", f->conf, NULL});
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char fail[80];
    int code = -1;
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    if (f->child.pid > 0)
        kill(f->child.pid, SIGTERM);
    while (f->child.pid > 0 && !child_ended(&f->child, &code) && clock_ms() < until)
        host_turn(&f->host, 2);
    char *messages = child_output(f->child.err);
    if (code != 0)
        print_message("%s", messages);
    free(messages);
    child_close(&f->child);
    snprintf(fail, sizeof(fail), "%s.fail", f->mark);
    unlink(fail);
    unlink(f->mark);
    unlink(f->conf);
    unlink(f->script);
    host_stop(&f->host);
    mem_free(f);
    assert_int_equal(code, 0);
    return 0;
}

static void ready(struct fixture *f)
{
    host_wait_tclo(&f->host);
    assert_string_equal(host_call(&f->host, "reset"), "OK ATR toolbox");
}

static void test_start(void **state)
{
    struct fixture *f = *state;
    char name[256], line[300];
    ready(f);
    host_wait_rpci(&f->host, "vmx.capability.unified_loop toolbox", NULL);
    host_wait_rpci(&f->host, "info-set guestinfo.vmtools.versionNumber ", NULL);
    assert_string_equal(host_call(&f->host, "Capabilities_Register"), "OK ");
    assert_true(host_saw_rpci(&f->host, "tools.capability.statechange"));
    assert_true(host_saw_rpci(&f->host, "tools.capability.softpowerop_retry"));
    assert_true(host_saw_rpci(&f->host, "tools.set.versiontype 12389 4"));
    assert_int_equal(gethostname(name, sizeof(name)), 0);
    snprintf(line, sizeof(line), "SetGuestInfo  1 %s", name);
    host_wait_rpci(&f->host, line, NULL);
    host_wait_rpci(&f->host, "SetGuestInfo  11 ", NULL);
    host_wait_rpci(&f->host, "SetGuestInfo  10 ", NULL);
    host_wait_rpci(&f->host, "SetGuestInfo  7 ", NULL);
    host_wait_rpci(&f->host, "SetGuestInfo  8 ", NULL);
    host_wait_rpci(&f->host, "SetGuestDiskInfo {", NULL);
    unsigned from = f->host.nlog;
    assert_string_equal(host_call(&f->host, "Set_Option broadcastIP 1"), "OK ");
    host_wait_rpci(&f->host, "info-set guestinfo.ip ", &from);
}

/* A host that only knows the old forms gets those. */
static void test_fallbacks(void **state)
{
    struct fixture *f = *state;
    f->refuse = true;
    ready(f);
    host_wait_rpci(&f->host, "SetGuestInfo  5 Linux ", NULL);
    host_wait_rpci(&f->host, "SetGuestInfo  6 ", NULL);
    host_wait_rpci(&f->host, "SetGuestInfo  9 ", NULL);
    host_wait_rpci(&f->host, "SetGuestInfo  3 ", NULL);
    /* After the next reset it is asked afresh. */
    f->refuse = false;
    unsigned from = f->host.nlog;
    assert_string_equal(host_call(&f->host, "reset"), "OK ATR toolbox");
    host_wait_rpci(&f->host, "SetGuestInfo  11 ", &from);
}

static void wait_mark(struct fixture *f, const char *what)
{
    char text[1024];
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    for (;;) {
        int fd = open(f->mark, O_RDONLY | O_CLOEXEC);
        ssize_t n = read(fd, text, sizeof(text) - 1);
        close(fd);
        text[n > 0 ? n : 0] = '\0';
        if (strstr(text, what))
            return;
        if (clock_ms() >= until)
            fail_msg("\"%s\" did not run; the mark has \"%s\"", what, text);
        host_turn(&f->host, 5);
    }
}

static void test_halt(void **state)
{
    struct fixture *f = *state;
    ready(f);
    assert_string_equal(host_call(&f->host, "OS_Halt"), "OK ");
    host_wait_rpci(&f->host, "log Executing script for state change 'OS_Halt'.", NULL);
    host_wait_rpci(&f->host, "log Script exit code: 0, success = 1", NULL);
    host_wait_rpci(&f->host, "tools.os.statechange.status 1 1", NULL);
    host_wait_rpci(&f->host, "log Initiating halt.", NULL);
    wait_mark(f, " -h now\n");
}

/* A failing script keeps the guest up, once. */
static void test_reboot_refused(void **state)
{
    struct fixture *f = *state;
    char fail[80];
    snprintf(fail, sizeof(fail), "%s.fail", f->mark);
    close(open(fail, O_CREAT | O_CLOEXEC | O_WRONLY, 0600));
    ready(f);
    assert_string_equal(host_call(&f->host, "OS_Reboot"), "OK ");
    host_wait_rpci(&f->host, "tools.os.statechange.status 0 2", NULL);
    for (unsigned i = 0; i < 10; i++)
        host_turn(&f->host, 10);
    assert_false(host_saw_rpci(&f->host, "log Initiating"));
    assert_string_equal(host_call(&f->host, "OS_Reboot"), "OK ");
    host_wait_rpci(&f->host, "tools.os.statechange.status 1 2", NULL);
    wait_mark(f, " -r now\n");
}

static void test_scripts(void **state)
{
    struct fixture *f = *state;
    ready(f);
    /* No script is a success; a script that is not there is a failure. */
    assert_string_equal(host_call(&f->host, "OS_Resume"), "OK ");
    host_wait_rpci(&f->host, "tools.os.statechange.status 1 4", NULL);
    assert_string_equal(host_call(&f->host, "OS_PowerOn"), "OK ");
    host_wait_rpci(&f->host, "tools.os.statechange.status 0 3", NULL);
    assert_string_equal(host_call(&f->host, "Set_Option toolScripts.afterPowerOn 0"), "OK ");
    assert_string_equal(host_call(&f->host, "Set_Option toolScripts.afterPowerOn x"),
                        "ERROR Unknown or invalid option");
    assert_string_equal(host_call(&f->host, "OS_PowerOn"), "OK ");
    host_wait_rpci(&f->host, "tools.os.statechange.status 1 3", NULL);
    assert_string_equal(host_call(&f->host, "OS_Suspend"), "OK ");
    host_wait_rpci(&f->host, "tools.os.statechange.status 1 5", NULL);
    assert_false(host_saw_rpci(&f->host, "log Initiating"));
}

/* The tools state needs no login and no worker. */
static void test_tools_state(void **state)
{
    struct fixture *f = *state;
    struct buf message = BUF_INIT(VIX_REQUEST_MAX), relay = BUF_INIT(VIX_REQUEST_MAX + 256);
    struct vix_request rq = {.opcode = 62,
                             .common_flags = VIX_COMMON_REQUEST | VIX_COMMON_PROPERTY_LIST,
                             .timeout = VIX_TIMEOUT_NONE};
    ready(f);
    assert_int_equal(vix_request_encode(&message, &rq), 0);
    assert_int_equal(vix_relay_encode(&relay, "00000000000000a1", message.data, message.len), 0);
    unsigned before = f->host.answers;
    host_send(&f->host, relay.data, relay.len, 0);
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    while (f->host.answers == before && clock_ms() < until)
        host_turn(&f->host, 2);
    assert_memory_equal(f->host.answer.bytes, "OK 0 0 ", 7);
    assert_true(f->host.answer.len > 200);
    buf_free(&message);
    buf_free(&relay);
}

static void test_host_returns(void **state)
{
    struct fixture *f = *state;
    ready(f);
    host_die(&f->host);
    host_listen(&f->host);
    ready(f);
    unsigned from = f->host.nlog;
    host_wait_rpci(&f->host, "SetGuestInfo  7 ", &from);
    assert_string_equal(host_call(&f->host, "ping"), "OK ");
}

static void test_arguments(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *const argv[4];
        int code;
    } cases[] = {
        {{"toolboxd", "--version", NULL}, 0},
        {{"toolboxd", "-h", NULL}, 0},
        {{"toolboxd", "--nonsense", NULL}, 2},
        {{"toolboxd", "extra", NULL}, 2},
        {{"toolboxd", "--log", "/nonexistent/x", NULL}, 1},
        {{"toolboxd", "--conf", "/tmp", NULL}, 1},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct child c;
        int code = -1;
        uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
        child_start(&c, "src/guest/toolboxd", f->host.dir, cases[i].argv);
        while (!child_ended(&c, &code) && clock_ms() < until)
            usleep(1000);
        child_close(&c);
        assert_int_equal(code, cases[i].code);
    }
    ready(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_start),   T(test_fallbacks),   T(test_halt),         T(test_reboot_refused),
        T(test_scripts), T(test_tools_state), T(test_host_returns), T(test_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
