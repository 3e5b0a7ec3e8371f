/* The command line tools against a fake host: output, exit codes, what goes over the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "child.h"
#include "fake_host.h"

static const char *reply(struct host *h, const char *request)
{
    (void)h;
    if (strcmp(request, "info-get guestinfo.x") == 0)
        return "1 hello world";
    if (strncmp(request, "info-get ", 9) == 0)
        return "0 No value found";
    if (strcmp(request, "bad") == 0)
        return "?";
    return "1 ";
}

static int setup(void **state)
{
    struct host *h = mem_calloc(1, sizeof(*h));
    host_start(h);
    h->rpci_reply = reply;
    *state = h;
    return 0;
}

static int teardown(void **state)
{
    host_stop(*state);
    mem_free(*state);
    return 0;
}

static void run(struct host *h, const char *const argv[], int code, const char *out,
                const char *err)
{
    struct child c;
    int got = -1;
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    child_start(&c, "src/guest/toolbox", h->dir, argv);
    while (!child_ended(&c, &got) && clock_ms() < until)
        host_turn(h, 2);
    char *text = child_output(c.out), *errors = child_output(c.err);
    if (out)
        assert_string_equal(text, out);
    if (err)
        assert_string_equal(errors, err);
    assert_int_equal(got, code);
    free(text);
    free(errors);
    child_close(&c);
}

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_cmd(void **state)
{
    struct host *h = *state;
    run(h, ARGV("vmtoolsd", "--cmd", "info-get guestinfo.x"), 0, "hello world\n", "");
    /* One-shot: the flag that frees the port at once, and no NUL. */
    assert_true(h->last_fast_close);
    assert_int_equal(h->last_rpci_len, strlen("info-get guestinfo.x"));
    run(h, ARGV("vmtoolsd", "--cmd=info-get guestinfo.none"), 1, "", "No value found\n");
    run(h, ARGV("toolbox", "--cmd", "info-get guestinfo.x"), 0, "hello world\n", "");
    run(h, ARGV("/usr/bin/vmware-rpctool", "info-get guestinfo.x"), 0, "hello world\n", "");
    run(h, ARGV("vmware-rpctool", "info-get guestinfo.y"), 1, "", "No value found\n");
    run(h, ARGV("toolbox", "info-get", "x"), 0, "hello world\n", "");
    run(h, ARGV("toolbox", "info-get", "guestinfo.x"), 0, "hello world\n", "");
    run(h, ARGV("toolbox", "info-set", "a.b", "some value"), 0, "\n", "");
    assert_string_equal((const char *)h->last_rpci, "info-set guestinfo.a.b some value");
    run(h, ARGV("toolbox", "rpc", "log x"), 0, "\n", "");
}

static void test_cmdfile(void **state)
{
    struct host *h = *state;
    char name[] = "/tmp/toolbox-cmdfile-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "info-set guestinfo.bin a b \t\n\n", 31), 31);
    run(h, ARGV("vmtoolsd", "--cmdfile", name), 0, "\n", "");
    assert_int_equal(h->last_rpci_len, 26);
    assert_memory_equal(h->last_rpci, "info-set guestinfo.bin a b", 26);
    /* It is text, which ends at a NUL. */
    assert_int_equal(pwrite(fd, "info-set guestinfo.bin a\0b\n", 27, 0), 27);
    run(h, ARGV("vmtoolsd", "--cmdfile", name, "--cmd", "never done"), 0, "\n", "");
    assert_int_equal(h->last_rpci_len, 24);
    close(fd);
    unlink(name);
    run(h, ARGV("vmtoolsd", "--cmdfile", name), 1, "", NULL);
    run(h, ARGV("vmtoolsd", "--cmdfile", "/no/file"), 1, "",
        "Unable to read command from file /no/file.\n");
}

static void test_usage(void **state)
{
    struct host *h = *state;
    run(h, ARGV("vmtoolsd"), 1, "", NULL);
    run(h, ARGV("vmtoolsd", "a", "b"), 1, "", NULL);
    run(h, ARGV("vmtoolsd", "--no-such"), 1, "", NULL);
    run(h, ARGV("vmware-rpctool"), 1, "", NULL);
    run(h, ARGV("vmware-toolbox-cmd"), EX_USAGE, "", NULL);
    run(h, ARGV("vmware-toolbox-cmd", "stat"), EX_USAGE, "", NULL);
    run(h, ARGV("vmware-toolbox-cmd", "stat", "weather"), EX_USAGE, "", NULL);
    run(h, ARGV("vmware-toolbox-cmd", "fly"), EX_USAGE, "", NULL);
    run(h, ARGV("toolbox"), 2, "", NULL);
    run(h, ARGV("toolbox", "info-set", "a"), 2, "", NULL);
    run(h, ARGV("toolbox", "--cmd", ""), 1, "", "The command is empty.\n");
    run(h, ARGV("vmware-toolbox-cmd", "-v"), 0, NULL, "");
    run(h, ARGV("vmware-toolbox-cmd", "help"), 0, NULL, "");
    run(h, ARGV("toolbox", "-h"), 0, NULL, "");
    assert_int_equal(h->nlog, 0);
}

static void test_toolbox_cmd(void **state)
{
    struct host *h = *state;
    run(h, ARGV("vmware-toolbox-cmd", "info", "update", "network"), 0, "", "");
    assert_memory_equal(h->last_rpci, "SetGuestInfo  10 \0\0\0\3", 21);
    run(h, ARGV("vmware-toolbox-cmd", "timesync", "enable"), 0, "Enabled\n", "");
    assert_string_equal((const char *)h->last_rpci, "vmx.set_option synctime 0 1");
    run(h, ARGV("vmware-toolbox-cmd", "timesync", "disable"), 0, "Disabled\n", "");
    run(h, ARGV("vmware-toolbox-cmd", "stat", "balloon"), EX_UNAVAILABLE, "", NULL);
}

static void test_no_host(void **state)
{
    struct host *h = *state;
    host_die(h);
    run(h, ARGV("vmtoolsd", "--cmd", "x"), 1, "", "Unable to send command to VMware hypervisor.\n");
    run(h, ARGV("vmware-rpctool", "x"), 1, "", "Failed sending message to VMware.\n");
    host_listen(h);
    run(h, ARGV("vmtoolsd", "--cmd", "bad"), 1, "",
        "Unable to send command to VMware hypervisor.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_cmd), T(test_cmdfile), T(test_usage), T(test_toolbox_cmd), T(test_no_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
