/* Starting programs: ids that may be refused, faults of the start, what the program gets. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest/spawn.h"

#define SHELL(script) ((char *[]){(char *)"sh", (char *)"-c", (char *)(script), NULL})

static int32_t wait_for(int pidfd)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    int32_t code = -1;
    int sig = -1;

    assert_int_equal(poll(&p, 1, 60000), 1);
    assert_int_equal(spawn_wait(pidfd, &code, &sig), 0);
    assert_int_equal(sig, code > 128 ? code - 128 : 0);
    close(pidfd);
    return code;
}

static int start(struct spawn_options *o, char *const *args, int64_t *ret_pid, int *ret_pidfd)
{
    o->file = "/bin/sh";
    o->args = args;
    return spawn_process(o, ret_pid, ret_pidfd);
}

static void no_children(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void test_ends(void **state)
{
    struct spawn_options o = {.stdio = {-1, -1, -1}};
    int32_t code;
    int64_t pid;
    int fd, sig;

    (void)state;
    assert_int_equal(start(&o, SHELL("exit 42"), &pid, &fd), 0);
    assert_int_equal(wait_for(fd), 42);
    assert_int_equal(start(&o, SHELL("kill -9 $$"), &pid, &fd), 0);
    assert_int_equal(wait_for(fd), 128 + 9);
    assert_int_equal(start(&o, SHELL("exec sleep 600"), &pid, &fd), 0);
    assert_int_equal(spawn_wait(fd, &code, &sig), -EAGAIN);
    assert_int_equal(getsid((pid_t)pid), pid);
    kill((pid_t)pid, SIGTERM);
    assert_int_equal(wait_for(fd), 128 + 15);
    no_children();
}

static void test_faults(void **state)
{
    struct spawn_options o = {.stdio = {-1, -1, -1}, .cwd = "/does/not/exist"};
    int64_t pid;
    int fd;

    (void)state;
    assert_int_equal(start(&o, SHELL("exit 0"), &pid, &fd), -ENOENT);
    o = (struct spawn_options){.stdio = {-1, -1, -1}, .file = "/etc/passwd", .args = SHELL("")};
    assert_int_equal(spawn_process(&o, &pid, &fd), -EACCES);
    no_children();
}

struct refused {
    int64_t ids[8];
    unsigned count, max;
};

static bool refuse(void *arg, int64_t pid)
{
    struct refused *r = arg;

    if (r->count == r->max)
        return false;
    r->ids[r->count++ % 8] = pid;
    return true;
}

static void test_refused_ids(void **state)
{
    struct refused r = {.max = 3};
    struct spawn_options o = {.stdio = {-1, -1, -1}, .taken = refuse, .arg = &r};
    char file[] = "/tmp/spawn-test-XXXXXX";
    int64_t pid;
    int fd = mkstemp(file), pidfd;

    (void)state;
    assert_true(fd >= 0);
    o.stdio[1] = fd;
    assert_int_equal(start(&o, SHELL("echo ran"), &pid, &pidfd), 0);
    assert_int_equal(wait_for(pidfd), 0);
    assert_int_equal(r.count, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_not_equal(pid, r.ids[i]);
    /* The refused ones have run nothing. */
    assert_int_equal(lseek(fd, 0, SEEK_END), 4);

    r = (struct refused){.max = UINT32_MAX};
    assert_int_equal(start(&o, SHELL("echo ran"), &pid, &pidfd), -EAGAIN);
    assert_int_equal(r.count, SPAWN_TRIES_MAX);
    assert_int_equal(lseek(fd, 0, SEEK_END), 4);
    no_children();
    close(fd);
    unlink(file);
}

static void test_descriptors_and_signals(void **state)
{
    struct spawn_options o = {.stdio = {-1, -1, -1}};
    int kept = fcntl(0, F_DUPFD_CLOEXEC, 77), pipes[2], pidfd;
    char text[16384] = {0}; /* whoever runs the tests may leave descriptors open */
    size_t len = 0;
    ssize_t n;
    int64_t pid;

    (void)state;
    assert_int_equal(kept, 77);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    o.stdio[1] = pipes[1];
    assert_int_equal(
        start(&o, SHELL("echo /proc/$$/fd/*; grep ^SigIgn: /proc/$$/status"), &pid, &pidfd), 0);
    close(pipes[1]);
    while (len < sizeof(text) - 1 && (n = read(pipes[0], text + len, sizeof(text) - 1 - len)) > 0)
        len += (size_t)n;
    assert_int_equal(wait_for(pidfd), 0);
    assert_non_null(strstr(text, "/fd/0 "));
    assert_non_null(strstr(text, "SigIgn:\t0000000000000000"));
    assert_null(strstr(text, "/fd/77"));
    close(pipes[0]);
    close(kept);
}

static void test_terminal(void **state)
{
    struct spawn_options o = {.terminal = true};
    struct pollfd p = {.events = POLLIN};
    int host, guest, pidfd;
    char text[64] = {0};
    int64_t pid;

    (void)state;
    assert_int_equal(openpty(&host, &guest, NULL, NULL, NULL), 0);
    fcntl(host, F_SETFD, FD_CLOEXEC);
    fcntl(guest, F_SETFD, FD_CLOEXEC);
    o.stdio[0] = o.stdio[1] = o.stdio[2] = guest;
    /* Only the session's own terminal can be opened as /dev/tty. */
    assert_int_equal(start(&o, SHELL("echo yes >/dev/tty"), &pid, &pidfd), 0);
    p.fd = host;
    assert_int_equal(poll(&p, 1, 60000), 1);
    assert_true(read(host, text, sizeof(text) - 1) >= 3);
    assert_memory_equal(text, "yes", 3);
    assert_int_equal(wait_for(pidfd), 0);
    close(host);
    close(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_refused_ids), cmocka_unit_test(test_descriptors_and_signals),
        cmocka_unit_test(test_terminal),
    };

    return cmocka_run_group_tests_name("spawn", tests, NULL, NULL);
}
