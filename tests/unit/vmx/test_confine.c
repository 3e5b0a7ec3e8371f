/*
 * Each test confines a child, as vmx confines itself, and looks at what the child can still do.
 * Needs root, because giving rights up takes having them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/confine.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/sock.h"
#include "vmx/confine.h"

#define UID 1900065535u
#define GID 1900065534u

static char folder[64];

/* Runs `body` in a confined child; returns its wait status. The child exits with body's result. */
static int confined(int (*body)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct confine_options options = {UID, GID, folder, NULL};
        struct error err;

        if (confine_vmx(&options, &err) < 0) {
            fprintf(stderr, "%s\n", err.text);
            _exit(99);
        }
        _exit(body());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static int do_exec(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return 1;
}

static int do_inet(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static int do_inet6(void)
{
    return socket(AF_INET6, SOCK_DGRAM, 0) >= 0;
}

static int do_vsock(void)
{
    return socket(AF_VSOCK, SOCK_STREAM, 0) >= 0;
}

static int do_netlink(void)
{
    return socket(AF_NETLINK, SOCK_RAW, 0) >= 0;
}

static int do_mount(void)
{
    return mount("none", "/mnt", "tmpfs", 0, NULL) == 0;
}

static int do_unshare(void)
{
    return unshare(CLONE_NEWUSER) == 0;
}

static int do_setuid(void)
{
    return setresuid(0, 0, 0) == 0;
}

static int do_bpf(void)
{
    return syscall(SYS_bpf, 0, NULL, 0) == 0;
}

#ifndef __SANITIZE_ADDRESS__
static int do_ptrace(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}
#endif

static void what_no_vmx_does_is_fatal(void **state)
{
    static const struct {
        const char *name;
        int (*body)(void);
    } cases[] = {
        {"execve", do_exec},     {"AF_INET", do_inet},    {"AF_INET6", do_inet6},
        {"AF_VSOCK", do_vsock},  {"netlink", do_netlink}, {"mount", do_mount},
        {"unshare", do_unshare}, {"setuid", do_setuid},   {"bpf", do_bpf},
#ifndef __SANITIZE_ADDRESS__
        {"ptrace", do_ptrace},
#endif
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        int status = confined(cases[i].body);

        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
            fail_msg("%s: status 0x%x, not killed", cases[i].name, (unsigned)status);
    }
}

/* Each check has a number of its own, so that a failure says which. */
static int check_identity(void)
{
    uid_t r, e, s;
    gid_t gr, ge, gs;
    int fd;
    char text[4096];
    ssize_t n;

    if (getresuid(&r, &e, &s) < 0 || r != UID || e != UID || s != UID)
        return 1;
    if (getresgid(&gr, &ge, &gs) < 0 || gr != GID || ge != GID || gs != GID)
        return 2;
    if (getgroups(0, NULL) != 0)
        return 3;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return 4;
    if (prctl(PR_CAPBSET_READ, 21 /* CAP_SYS_ADMIN */) != 0)
        return 5;
    fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n <= 0)
        return 6;
    text[n] = '\0';
    if (!strstr(text, "CapPrm:\t0000000000000000") || !strstr(text, "CapEff:\t0000000000000000") ||
        !strstr(text, "CapBnd:\t0000000000000000"))
        return 7;
    return 0;
}

static void all_rights_are_gone(void **state)
{
    (void)state;
    assert_int_equal(confined(check_identity), 0);
}

static int landlock_abi(void)
{
    return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

/* Both files can be read by everybody, as far as their modes go. */
static int check_files(void)
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/new", folder);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "x", 1) != 1 || fsync(fd) < 0)
        return 1;
    if (rename(path, folder) == 0)
        return 2;
    if (unlink(path) < 0)
        return 3;
    if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
        return 4;
    if (open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0 || errno != EACCES)
        return 5;
    if (open("/tmp/inguest-confine-escape", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0)
        return 6;
    return 0;
}

static void only_the_folder_can_be_opened(void **state)
{
    (void)state;
    if (landlock_abi() < 1) {
        print_message("this kernel has no Landlock: only modes and owners hold vmx back\n");
        return;
    }
    assert_int_equal(confined(check_files), 0);
}

static void *thread_main(void *arg)
{
    *(int *)arg = 1;
    return NULL;
}

static int check_work(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int pair[2], server, client, ran = 0;
    struct error err;
    pthread_t thread;

    if (pthread_create(&thread, NULL, thread_main, &ran) || pthread_join(thread, NULL) || !ran)
        return 1;
    if (sock_pair(pair) < 0 || write(pair[0], "x", 1) != 1)
        return 2;
    snprintf(un.sun_path, sizeof(un.sun_path), "%s/sock", folder);
    server = sock_listen_unix(un.sun_path, 0600, &err);
    if (server < 0)
        return 3;
    client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client < 0 || connect(client, (struct sockaddr *)&un, sizeof(un)) < 0)
        return 4;
    if (accept4(server, NULL, NULL, SOCK_CLOEXEC) < 0)
        return 5;
    /* Refused without dying: a call that is merely not needed. */
    if (syscall(SYS_getsid, 0) != -1 || errno != EPERM)
        return 6;
    return 0;
}

static void vmx_can_still_do_its_work(void **state)
{
    (void)state;
    assert_int_equal(confined(check_work), 0);
}

static int check_no_fork(void)
{
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

    if (pid == 0)
        _exit(0);
    return pid >= 0;
}

static int check_limits(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_CORE, &r) < 0 || r.rlim_max != 0)
        return 1;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_max > 2048)
        return 2;
    if (getrlimit(RLIMIT_NPROC, &r) < 0 || r.rlim_max > 64)
        return 3;
    return 0;
}

static void limits_hold(void **state)
{
    (void)state;
    assert_int_equal(confined(check_limits), 0);
#ifndef __SANITIZE_ADDRESS__
    assert_int_equal(confined(check_no_fork), 0);
#else
    (void)check_no_fork;
#endif
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/inguest-confine-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    return chown(folder, UID, GID);
}

static int remove_folder(void **state)
{
    (void)state;
    return fs_remove_tree(AT_FDCWD, folder, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_rights_are_gone),
        cmocka_unit_test(only_the_folder_can_be_opened),
        cmocka_unit_test(vmx_can_still_do_its_work),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(what_no_vmx_does_is_fatal),
    };

    if (geteuid() != 0) {
        const char *ci = getenv("CI");

        fputs("skipped: confinement needs root to give up\n", stderr);
        return ci && strcmp(ci, "true") == 0 ? 1 : 77;
    }
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
