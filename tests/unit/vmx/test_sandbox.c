/*
 * The sandbox from outside and from inside: a real launcher, real namespaces, a shell in the guest
 * that answers over the link socket. Needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/sock.h"
#include "vmx/launcher.h"
#include "vmx/machine.h"

#define LIMIT_MS  60000u
#define REPLY_MAX (1u << 20)
#define HASH      "$y$j9T$abcdefgh$0123456789012345678901234567890123456789012"

static char folder[64];

/* Its own for each run, so that runs side by side do not count each other's processes. */
static unsigned uid_base;

struct vm {
    uv_loop_t loop;
    struct machine *machine;
    const struct machine_ops *ops;
    int folder_fd, listener, guest; /* guest: the stand-in agent's connection */
    int launcher_pid;
    int done, stopped;
    enum machine_stop_reason reason;
    struct error err;
    const char *users;
};

static void on_done(struct machine *m, const struct error *err, void *arg)
{
    struct vm *vm = arg;

    (void)m;
    vm->done++;
    uv_stop(&vm->loop);
    vm->err = err ? *err : (struct error){0};
}

static void on_stopped(struct machine *m, enum machine_stop_reason reason, const char *text,
                       void *arg)
{
    struct vm *vm = arg;

    (void)m;
    assert_true(strlen(text) > 0);
    vm->stopped++;
    uv_stop(&vm->loop);
    vm->reason = reason;
}

static const struct machine_events events = {on_done, on_stopped};

static const char *config_get(const char *key, void *arg)
{
    (void)arg;
    if (strcmp(key, "memsize") == 0)
        return "256";
    if (strcmp(key, "inguest.sandbox.maxProcesses") == 0)
        return "200";
    if (strcmp(key, "inguest.sandbox.user.0.name") == 0)
        return "root";
    if (strcmp(key, "inguest.sandbox.user.1.name") == 0)
        return "alice";
    if (strcmp(key, "inguest.sandbox.user.1.passwordHash") == 0)
        return HASH;
    return NULL;
}

static void expire(uv_timer_t *timer)
{
    *(int *)timer->data = 1;
    uv_stop(timer->loop);
}

/* Runs the loop until *flag is at least `want`. */
static void wait_for(struct vm *vm, const int *flag, int want)
{
    int expired = 0;
    uv_timer_t *timer = calloc(1, sizeof(*timer));

    uv_timer_init(&vm->loop, timer);
    timer->data = &expired;
    uv_timer_start(timer, expire, LIMIT_MS, 0);
    while (*flag < want && !expired)
        uv_run(&vm->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)timer, (uv_close_cb)(void (*)(void))free);
    uv_run(&vm->loop, UV_RUN_NOWAIT);
    assert_true(*flag >= want);
}

static void operate(struct vm *vm, void (*operation)(struct machine *))
{
    int want = vm->done + 1;

    operation(vm->machine);
    wait_for(vm, &vm->done, want);
}

static int accept_guest(struct vm *vm)
{
    struct pollfd p = {vm->listener, POLLIN, 0};
    int fd;

    if (poll(&p, 1, LIMIT_MS) != 1)
        return -1;
    fd = accept4(vm->listener, NULL, NULL, SOCK_CLOEXEC);
    return fd;
}

static void open_vm(struct vm *vm)
{
    struct launcher_options options = {.name = "demo", .uid_base = uid_base};
    struct machine_config config = {.name = "demo", .uid_base = uid_base, .events = &events};
    char link[128], sock[160], agent[128];
    char programs[PATH_MAX];
    const char *build = getenv("INGUEST_BUILDDIR");
    struct error err;

    memset(vm, 0, sizeof(*vm));
    snprintf(link, sizeof(link), "%s/link", folder);
    snprintf(sock, sizeof(sock), "%s/976", link);
    snprintf(agent, sizeof(agent), "%s/agent", folder);
    vm->listener = sock_listen_unix(sock, 0666, &err);
    assert_true(vm->listener >= 0);
    vm->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    vm->guest = -1;
    options.folder_fd = vm->folder_fd;
    options.link_path = link;
    options.agent_dir = agent;
    snprintf(programs, sizeof(programs), "%s/src/vmx", build ? build : "build");
    options.program_dir = programs;
    if (launcher_spawn(&options, &config.launcher_fd, &vm->launcher_pid, &err) < 0)
        fail_msg("%s", err.text);
    uv_loop_init(&vm->loop);
    config.loop = &vm->loop;
    config.folder_fd = vm->folder_fd;
    config.config_get = config_get;
    config.arg = vm;
    vm->ops = machine_find("sandbox");
    assert_non_null(vm->ops);
    assert_int_equal(vm->ops->open(&config, &vm->machine, &err), 0);
}

static void start(struct vm *vm)
{
    operate(vm, vm->ops->start);
    if (vm->err.code)
        fail_msg("start: %s", vm->err.text);
    vm->guest = accept_guest(vm);
    assert_true(vm->guest >= 0);
}

static void close_vm(struct vm *vm)
{
    int status;

    if (vm->guest >= 0)
        close(vm->guest);
    vm->ops->close(vm->machine);
    uv_run(&vm->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&vm->loop), 0);
    assert_int_equal(waitpid(vm->launcher_pid, &status, 0), vm->launcher_pid);
    close(vm->listener);
    close(vm->folder_fd);
}

/* What a command in the guest prints, without the last newline. */
static const char *ask(struct vm *vm, const char *command)
{
    static struct buf out = {.max = REPLY_MAX};
    uint64_t end = clock_ms() + LIMIT_MS;
    char line[4096];
    char *mark;

    buf_clear(&out);
    snprintf(line, sizeof(line), "{ %s\n} </dev/null 2>&1; printf '\\001'\n", command);
    assert_int_equal(fs_write_all(vm->guest, line, strlen(line)), 0);
    for (;;) {
        struct pollfd p = {vm->guest, POLLIN, 0};
        char chunk[4096];
        ssize_t n;

        assert_true(clock_ms() < end);
        if (poll(&p, 1, LIMIT_MS) != 1)
            fail_msg("no answer to: %s (so far: %s)", command, buf_text(&out));
        n = read(vm->guest, chunk, sizeof(chunk));
        if (n <= 0)
            fail_msg("the guest is gone at: %s", command);
        buf_put(&out, chunk, (size_t)n);
        mark = memchr(out.data, 1, out.len);
        if (mark)
            break;
    }
    while (mark > (char *)out.data && (mark[-1] == '\n' || mark[-1] == ' '))
        mark--;
    *mark = '\0';
    return (char *)out.data;
}

static void tell(struct vm *vm, const char *command)
{
    assert_int_equal(fs_write_all(vm->guest, command, strlen(command)), 0);
}

static void assert_says(struct vm *vm, const char *command, const char *want)
{
    const char *got = ask(vm, command);

    if (strcmp(got, want) != 0)
        fail_msg("%s\n  printed: %s\n  not:     %s", command, got, want);
}

/* Living processes on the host that run as one of the guest's users. */
static unsigned guest_processes(void)
{
    char command[256], text[64] = "";
    FILE *f;

    snprintf(command, sizeof(command),
             "cat /proc/[0-9]*/status 2>/dev/null | awk '$1==\"State:\"{z=$2} $1==\"Uid:\" && "
             "z!=\"Z\" && $2>=%u && $2<%u' | wc -l",
             uid_base, uid_base + LAUNCHER_IDS);
    f = popen(command, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof(text), f));
    pclose(f);
    return (unsigned)strtoul(text, NULL, 10);
}

static void wait_no_processes(void)
{
    uint64_t end = clock_ms() + LIMIT_MS;

    while (guest_processes() && clock_ms() < end)
        poll(NULL, 0, 5);
    assert_int_equal(guest_processes(), 0);
}

static void the_guest_sees_its_own_world(void **state)
{
    struct vm vm;
    struct ucred peer;
    char map[64];

    (void)state;
    open_vm(&vm);
    start(&vm);
    assert_int_equal(sock_peer(vm.guest, &peer), 0);
    assert_int_equal(peer.uid, uid_base);
    assert_true(vm.ops->peer_is_root(vm.machine, peer.uid));
    assert_false(vm.ops->peer_is_root(vm.machine, 0));
    assert_false(vm.ops->peer_is_root(vm.machine, uid_base + 1000));
    assert_says(&vm, "id -u; id -g; id -G; hostname", "0\n0\n0\ndemo");
    snprintf(map, sizeof(map), " 0 %u 65535", uid_base);
    assert_says(&vm, "cat /proc/self/uid_map | tr -s ' '", map);
    assert_says(&vm, "cat /proc/1/comm; ls / | grep -v lib32 | tr '\\n' ' '",
                "init\nbin dev etc home lib lib64 media mnt opt proc root run sbin "
                "srv tmp usr var");
    /* Nothing of the host's. */
    assert_says(&vm, "ls -a /home /root | tr '\\n' ' '",
                "/home: . .. alice  /root: . .. .bashrc .profile");
    assert_says(&vm, "cut -d: -f1 /etc/passwd | tr '\\n' ' '",
                "root daemon bin sys mail nobody alice");
    assert_says(&vm, "ls -d /sys /etc/apt /etc/ssh /var/lib/dpkg 2>/dev/null", "");
    assert_says(&vm, "cut -d' ' -f5 /proc/self/mountinfo | sort | tr '\\n' ' '",
                "/ /dev /dev/full /dev/null /dev/pts /dev/random /dev/shm /dev/tty /dev/urandom "
                "/dev/zero /proc /run /run/inguest/bin /run/inguest/link /usr");
    assert_says(&vm, "ls /proc | grep -c '^[0-9]' | awk '{print ($1 < 10)}'", "1");
    assert_says(&vm, "grep : /proc/net/dev | cut -d: -f1 | tr -d ' ' | sort | xargs", "eth0 lo");
    assert_says(&vm, "awk -F: '$1==\"alice\"{print $2}' /etc/shadow", HASH);
    assert_says(&vm, "awk -F: '$1==\"root\"{print $2}' /etc/shadow", "!");
    assert_says(&vm, "stat -c '%U %G %a' /home/alice /etc/shadow",
                "alice alice 700\nroot shadow 640");
    operate(&vm, vm.ops->stop);
    assert_int_equal(vm.err.code, 0);
    assert_int_equal(vm.stopped, 1);
    assert_int_equal(vm.reason, MACHINE_STOP_ASKED);
    wait_no_processes();
    close_vm(&vm);
}

static void the_guest_cannot_get_out(void **state)
{
    struct vm vm;

    (void)state;
    open_vm(&vm);
    start(&vm);
    assert_says(&vm, "touch /usr/x 2>&1 | grep -o 'Read-only.*'", "Read-only file system");
    assert_says(&vm, "mount -o remount,rw,bind /usr >/dev/null 2>&1; echo $?", "32");
    assert_says(&vm,
                "umount /usr >/dev/null 2>&1; umount /run/inguest/link >/dev/null 2>&1; "
                "ls /usr/bin/env",
                "/usr/bin/env");
    assert_says(&vm, "touch /run/inguest/link/x 2>&1 | grep -o 'Read-only.*'",
                "Read-only file system");
    assert_says(&vm, "mknod /tmp/sda b 8 0 2>/dev/null; echo $?", "1");
    assert_says(&vm, "unshare -U true 2>/dev/null; echo $?", "1");
    assert_says(&vm, "mount -t tmpfs t /mnt && touch /mnt/x && umount /mnt && echo fine", "fine");
    /* Process 1 is not the guest's to trace or kill. */
    assert_says(&vm, "kill -9 1; cat /proc/1/environ 2>&1 | grep -o 'Permission denied'",
                "Permission denied");
    /* What is bounded. */
    assert_says(&vm, "grep processes /proc/self/limits | awk '{print $3, $4}'; ulimit -c",
                "200 200\n0");
    assert_says(&vm,
                "sh -c 'for i in $(seq 300); do sleep 100 >/dev/null 2>&1 & done' 2>&1 |"
                " grep -o 'Cannot fork'",
                "Cannot fork");
    close_vm(&vm);
    wait_no_processes();
}

static void what_the_guest_writes_stays(void **state)
{
    struct vm vm;

    (void)state;
    open_vm(&vm);
    start(&vm);
    ask(&vm, "echo kept > /root/kept; echo gone > /run/gone; echo changed >/etc/hosts");
    operate(&vm, vm.ops->stop);
    close(vm.guest);
    start(&vm);
    assert_says(&vm, "cat /root/kept /etc/hosts; ls /run/gone 2>/dev/null", "kept\nchanged");
    close_vm(&vm);
    wait_no_processes();
}

static void power_from_inside(void **state)
{
    static const struct {
        const char *command;
        enum machine_stop_reason reason;
    } cases[] = {
        {"kill -TERM 1\n", MACHINE_STOP_POWEROFF},
        {"kill -INT 1\n", MACHINE_STOP_REBOOT},
    };
    struct vm vm;

    (void)state;
    open_vm(&vm);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        vm.stopped = 0;
        start(&vm);
        tell(&vm, cases[i].command);
        wait_for(&vm, &vm.stopped, 1);
        assert_int_equal(vm.reason, cases[i].reason);
        close(vm.guest);
        vm.guest = -1;
        wait_no_processes();
    }
    close_vm(&vm);
}

static void the_agent_comes_back(void **state)
{
    struct vm vm;

    (void)state;
    open_vm(&vm);
    start(&vm);
    for (int i = 0; i < 3; i++) {
        tell(&vm, "kill -9 $$\n");
        close(vm.guest);
        vm.guest = accept_guest(&vm);
        assert_true(vm.guest >= 0);
    }
    assert_int_equal(vm.stopped, 0);
    assert_says(&vm, "id -u", "0");
    close_vm(&vm);
    wait_no_processes();
}

static void suspend_and_resume(void **state)
{
    struct vm vm;
    struct pollfd p;
    char chunk[512];
    int pending;

    (void)state;
    open_vm(&vm);
    start(&vm);
    tell(&vm, "(while :; do echo tick; sleep 0.01; done) &\n");
    operate(&vm, vm.ops->suspend);
    assert_int_equal(vm.err.code, 0);
    p = (struct pollfd){vm.guest, POLLIN, 0};
    for (pending = 0; poll(&p, 1, 0) == 1 && pending < 10000; pending++)
        assert_true(read(vm.guest, chunk, sizeof(chunk)) > 0);
    assert_int_equal(poll(&p, 1, 100), 0); /* ten ticks' time */
    operate(&vm, vm.ops->suspend);         /* not from here */
    assert_int_equal(vm.err.code, -EBUSY);
    operate(&vm, vm.ops->resume);
    assert_int_equal(vm.err.code, 0);
    assert_int_equal(poll(&p, 1, LIMIT_MS), 1);
    operate(&vm, vm.ops->suspend);
    operate(&vm, vm.ops->stop);
    assert_int_equal(vm.reason, MACHINE_STOP_ASKED);
    wait_no_processes();
    close_vm(&vm);
}

static void nothing_outlives_a_killed_launcher(void **state)
{
    struct vm vm;

    (void)state;
    open_vm(&vm);
    start(&vm);
    assert_true(guest_processes() >= 2);
    /* A guest that wants to live. */
    ask(&vm, "trap '' TERM HUP INT; setsid sleep 1000 & echo");
    kill(vm.launcher_pid, SIGKILL);
    wait_for(&vm, &vm.stopped, 1);
    assert_int_equal(vm.reason, MACHINE_STOP_FAILURE);
    wait_no_processes();
    operate(&vm, vm.ops->start);
    assert_int_equal(vm.err.code, -EPIPE);
    close_vm(&vm);
    /* And the next one starts. */
    open_vm(&vm);
    start(&vm);
    assert_says(&vm, "id -u", "0");
    close_vm(&vm);
    wait_no_processes();
}

static void nothing_outlives_a_killed_vmx(void **state)
{
    int status, ready[2];
    char c;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        struct vm vm;

        open_vm(&vm);
        start(&vm);
        ask(&vm, "setsid sleep 1000 & echo");
        fs_write_all(ready[1], "x", 1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    assert_true(guest_processes() >= 2);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    wait_no_processes();
    /* The launcher, whose parent died, has come to us: it ends by itself. */
    while (waitpid(-1, &status, 0) > 0)
        assert_true(WIFEXITED(status) || WTERMSIG(status) == SIGKILL);
    assert_int_equal(errno, ECHILD);
}

static void the_host_is_as_before(void **state)
{
    AUTO_BUF struct buf before = BUF_INIT(REPLY_MAX), after = BUF_INIT(REPLY_MAX);
    struct vm vm;

    (void)state;
    assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/mountinfo", &before, NULL), 0);
    open_vm(&vm);
    for (int i = 0; i < 5; i++) {
        uint64_t t = clock_ms();

        start(&vm);
        print_message("start to connection: %u ms\n", (unsigned)(clock_ms() - t));
        operate(&vm, vm.ops->stop);
        close(vm.guest);
        vm.guest = -1;
    }
    close_vm(&vm);
    assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/mountinfo", &after, NULL), 0);
    assert_string_equal(buf_text(&before), buf_text(&after));
    wait_no_processes();
}

/* A guest's root that is hostile to the next start. */
static void a_spoilt_root_does_no_harm(void **state)
{
    struct stat before, after;
    struct vm vm;

    (void)state;
    assert_int_equal(stat("/etc/hostname", &before), 0);
    open_vm(&vm);
    start(&vm);
    ask(&vm, "rm -rf /etc/hostname /etc/pam.d; ln -s /../../../../../../etc/hostname /etc/hostname;"
             "mv /var /var2; ln -s /../../../../etc /var; rm /etc/passwd");
    operate(&vm, vm.ops->stop);
    close(vm.guest);
    start(&vm);
    assert_says(&vm, "ls /etc/passwd; ls -d /etc/lib", "/etc/passwd\n/etc/lib");
    ask(&vm, "umount /proc; mv /run /run2; mv /dev /dev2; cd /; rmdir /usr; true");
    operate(&vm, vm.ops->stop);
    close(vm.guest);
    vm.guest = -1;
    close_vm(&vm);
    assert_int_equal(stat("/etc/hostname", &after), 0);
    assert_int_equal(before.st_mtime, after.st_mtime);
    assert_int_equal(access("/etc/log", F_OK), -1);
    wait_no_processes();
}

static void a_start_that_fails_says_why(void **state)
{
    struct error err = {0};
    struct vm vm;

    (void)state;
    open_vm(&vm);
    assert_int_equal(renameat(vm.folder_fd, "demo.root", vm.folder_fd, "away.root"), 0);
    assert_true(openat(vm.folder_fd, "demo.root", O_CREAT | O_WRONLY, 0600) >= 0);
    operate(&vm, vm.ops->start);
    assert_int_equal(vm.err.code, -ENOTDIR);
    assert_non_null(strstr(vm.err.text, "demo.root"));
    assert_int_equal(unlinkat(vm.folder_fd, "demo.root", 0), 0);
    operate(&vm, vm.ops->stop);
    assert_int_equal(vm.err.code, -EBUSY);
    start(&vm);
    close_vm(&vm);
    wait_no_processes();
    (void)err;
}

static int make_world(void **state)
{
    const char *build = getenv("INGUEST_BUILDDIR");
    char command[2 * PATH_MAX];

    (void)state;
    /* A process whose parent died shall come to us, not to init. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    snprintf(folder, sizeof(folder), "/tmp/inguest-sandbox-XXXXXX");
    if (!mkdtemp(folder) || chmod(folder, 0755) < 0)
        return -1;
    snprintf(command, sizeof(command),
             "mkdir -m 755 %s/link %s/agent && cp %s/tests/unit/vmx/sandbox_agent "
             "%s/agent/toolboxd",
             folder, folder, build ? build : "build", folder);
    return system(command);
}

static int remove_world(void **state)
{
    (void)state;
    return fs_remove_tree(AT_FDCWD, folder, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_guest_sees_its_own_world),
        cmocka_unit_test(the_guest_cannot_get_out),
        cmocka_unit_test(what_the_guest_writes_stays),
        cmocka_unit_test(power_from_inside),
        cmocka_unit_test(the_agent_comes_back),
        cmocka_unit_test(suspend_and_resume),
        cmocka_unit_test(nothing_outlives_a_killed_launcher),
        cmocka_unit_test(nothing_outlives_a_killed_vmx),
        cmocka_unit_test(the_host_is_as_before),
        cmocka_unit_test(a_start_that_fails_says_why),
        cmocka_unit_test(a_spoilt_root_does_no_harm),
    };

    if (geteuid() != 0) {
        const char *ci = getenv("CI");

        fputs("skipped: the sandbox needs root\n", stderr);
        return ci && strcmp(ci, "true") == 0 ? 1 : 77;
    }
    uid_base = 1900000000u + ((unsigned)getpid() & 0x3fffu) * LAUNCHER_IDS;
    return cmocka_run_group_tests(tests, make_world, remove_world);
}
