#include "vmx/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/sock.h"

#define INIT_PROGRAM_MAX   (16u << 20)
#define GUEST_FILES_MAX    65536u
#define DATA_LIMIT_MIN_MIB 64u

/* AddressSanitizer maps terabytes that it never touches; an agent built with it could not start. */
#ifdef __SANITIZE_ADDRESS__
#define DATA_LIMIT 0
#else
#define DATA_LIMIT 1
#endif

#define INIT_NAMESPACES \
    (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_PARENT)

/* What builder, init and launcher tell each other while the sandbox is made: one packet each. */
enum note_kind { NOTE_FAILED = 1, NOTE_CLONED, NOTE_MAPPED, NOTE_READY, NOTE_GO };
struct note {
    enum note_kind kind;
    pid_t pid;
    struct error err;
};

/* Everything that the three processes share at birth. */
struct birth {
    const struct sandbox_place *place;
    const struct sandbox_request *request;
    struct sandbox_sources sources;
    struct sandbox_host_files files;
    int builder[2], init[2]; /* [0] is the launcher's end, [1] the other's */
    uint64_t deadline;
    int limit_data; /* memory has to be limited process by process */
};

int sandbox_init_open(const char *path, struct error *err)
{
    AUTO_CLOSE int from = open(path, O_RDONLY | O_CLOEXEC);
    AUTO_CLOSE int to = -1;
    struct stat st;

    if (from < 0 || fstat(from, &st) < 0)
        return error_errno(err, -errno, "cannot open the init program %s", path);
    if (!S_ISREG(st.st_mode) || st.st_size > INIT_PROGRAM_MAX)
        return error_set(err, -EINVAL, "%s is not an init program", path);
    to = memfd_create("inguest-init", MFD_CLOEXEC);
    if (to < 0)
        return error_errno(err, -errno, "cannot make a memory file for the init program");
    for (off_t at = 0; at < st.st_size;)
        if (sendfile(to, from, &at, (size_t)(st.st_size - at)) <= 0)
            return error_errno(err, -errno, "cannot copy the init program");
    if (fchmod(to, 0111) < 0)
        return error_errno(err, -errno, "cannot protect the init program");
    return TAKE_FD(to);
}

static void note_send(int fd, enum note_kind kind, pid_t pid, const struct error *err)
{
    struct note n = {.kind = kind, .pid = pid};

    if (err)
        n.err = *err;
    while (send(fd, &n, sizeof(n), MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

/* 1 = a note, 0 = the other end is gone, negative = deadline or error. */
static int note_receive(int fd, uint64_t deadline, struct note *ret)
{
    for (;;) {
        uint64_t now = clock_ms();
        struct pollfd p = {fd, POLLIN, 0};
        ssize_t n;
        int r;

        if (now >= deadline)
            return -ETIMEDOUT;
        r = poll(&p, 1, (int)(deadline - now));
        if (r < 0 && errno != EINTR)
            return -errno;
        if (r <= 0)
            continue;
        n = recv(fd, ret, sizeof(*ret), MSG_DONTWAIT);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return 0;
        return n == sizeof(*ret) ? 1 : -EBADMSG;
    }
}

static pid_t clone_process(uint64_t flags, int exit_signal)
{
    struct clone_args args = {.flags = flags, .exit_signal = (uint64_t)exit_signal};

    return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* ---- init, until it executes its program ---- */

static int set_limit(__rlimit_resource_t what, rlim_t value, const char *words, struct error *err)
{
    struct rlimit old;

    if (getrlimit(what, &old) == 0 && old.rlim_max < value)
        value = old.rlim_max; /* the host allows less */
    if (setrlimit(what, &(struct rlimit){value, value}) < 0)
        return error_errno(err, -errno, "cannot limit %s", words);
    return 0;
}

static int init_become_root(struct error *err)
{
    if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
        return error_errno(err, -errno, "cannot become the guest's root");
    return 0;
}

static int init_limit(const struct birth *b, struct error *err)
{
    int r = set_limit(RLIMIT_NOFILE, GUEST_FILES_MAX, "open files", err);

    if (r == 0)
        r = set_limit(RLIMIT_CORE, 0, "core files", err);
    if (r == 0)
        r = set_limit(RLIMIT_NPROC, b->request->processes, "processes", err);
    if (r == 0 && b->limit_data)
        r = set_limit(RLIMIT_DATA, (rlim_t)b->request->memory_mib << 20, "memory", err);
    if (r == 0)
        r = sandbox_limit_calls(err);
    return r;
}

static int init_prepare(const struct birth *b, struct error *err)
{
    const char *host = b->request->host_name;
    int r = init_become_root(err);

    if (r == 0 && sethostname(host, strlen(host)) < 0)
        r = error_errno(err, -errno, "cannot set the host name");
    if (r == 0)
        r = sandbox_net_up(b->place->uid_base, err);
    if (r == 0)
        r = sandbox_root_complete(b->request, &b->files, err);
    /* The copy of the mounts belongs to the guest's user namespace: what came from the host in it
     * cannot be unmounted, uncovered or made writable any more. */
    if (r == 0 && unshare(CLONE_NEWNS | CLONE_NEWCGROUP) < 0)
        r = error_errno(err, -errno, "cannot take an own copy of the mounts");
    if (r == 0)
        r = init_limit(b, err);
    return r;
}

static void init_reset_signals(void)
{
    sigset_t none;

    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int init_exec(const struct birth *b, struct error *err)
{
    char *argv[] = {(char *)"init", (char *)"/run/inguest/bin/toolboxd", (char *)"--log",
                    (char *)"/var/log/toolboxd.log", NULL};
    char *envp[] = {(char *)"PATH=/run/commands:/usr/local/sbin:/usr/local/bin:/usr/sbin:"
                            "/usr/bin:/sbin:/bin",
                    (char *)"HOME=/root", (char *)"container=inguest", NULL};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
        return error_errno(err, -errno, "cannot open /dev/null in the guest");
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        return error_errno(err, -errno, "cannot mark descriptors");
    init_reset_signals();
    setsid();
    umask(022);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return error_errno(err, -errno, "cannot tie the guest's life to the launcher's");
    /* The launcher may have died before that. */
    if (poll(&(struct pollfd){b->init[1], POLLIN, 0}, 1, 0) != 0)
        return error_set(err, -EPIPE, "the launcher is gone");
    syscall(SYS_execveat, b->place->init_fd, "", argv, envp, AT_EMPTY_PATH);
    return error_errno(err, -errno, "cannot execute the init program");
}

static _Noreturn void init_main(const struct birth *b)
{
    struct error err = {0};
    struct note n = {0};
    int r;

    close(b->builder[0]);
    close(b->builder[1]);
    close(b->init[0]);
    r = note_receive(b->init[1], b->deadline, &n);
    if (r == 1 && n.kind == NOTE_GO) {
        r = init_prepare(b, &err);
        if (r == 0)
            init_exec(b, &err);
        note_send(b->init[1], NOTE_FAILED, 0, &err);
    }
    _exit(1);
}

/* ---- builder ---- */

/* A proc file system shows the pid namespace of the process that mounts it, and the builder's
 * children alone can be in init's. */
static int mount_proc(pid_t init, struct error *err)
{
    AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, init, 0);
    int status;
    pid_t pid;

    if (pidfd < 0 || setns(pidfd, CLONE_NEWPID) < 0)
        return error_errno(err, -errno, "cannot join the guest's pid namespace");
    pid = fork();
    if (pid < 0)
        return error_errno(err, -errno, "cannot fork");
    if (pid == 0) {
        if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
            _exit(errno < 255 ? errno : 255);
        _exit(0);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return error_errno(err, -errno, "cannot wait for a child");
    if (!WIFEXITED(status))
        return error_set(err, -EIO, "the process that mounts /proc was killed");
    if (WEXITSTATUS(status))
        return error_errno(err, -WEXITSTATUS(status), "cannot mount the guest's /proc");
    return 0;
}

/* The user namespace belongs to the host uid that made it, and the kernel counts the processes of
 * the whole namespace as that uid's, up to the maker's RLIMIT_NPROC. */
static pid_t clone_init(const struct birth *b, struct error *err)
{
    unsigned uid = b->place->uid_base;
    pid_t pid;
    int r = set_limit(RLIMIT_NPROC, b->request->processes, "processes", err);

    if (r < 0)
        return r;
    if (seteuid(uid) < 0)
        return error_errno(err, -errno, "cannot act as host user %u", uid);
    pid = clone_process(INIT_NAMESPACES, 0);
    if (pid == 0)
        init_main(b);
    r = -errno;
    if (seteuid(0) < 0)
        _exit(1);
    return pid > 0 ? pid : error_errno(err, r, "cannot make the guest's namespaces (clone3)");
}

static int build(struct birth *b, struct error *err)
{
    struct note n = {0};
    pid_t init;
    int r;

    /* The launcher may die while we work. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    r = sandbox_enter_root(b->place, &b->sources, err);
    if (r < 0)
        return r;
    init = clone_init(b, err);
    if (init < 0)
        return init;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* changing the uid has cleared it */
    note_send(b->builder[1], NOTE_CLONED, init, NULL);
    r = note_receive(b->builder[1], b->deadline, &n);
    if (r != 1 || n.kind != NOTE_MAPPED)
        return error_set(err, -EPIPE, "the launcher did not map the guest's users");
    return mount_proc(init, err);
}

static _Noreturn void builder_main(struct birth *b)
{
    struct error err = {0};
    int r;

    signal(SIGCHLD, SIG_DFL); /* the launcher's loop is not ours */
    close(b->builder[0]);
    close(b->init[0]);
    b->builder[0] = b->init[0] = -1;
    r = build(b, &err);
    note_send(b->builder[1], r < 0 ? NOTE_FAILED : NOTE_READY, 0, &err);
    _exit(0);
}

/* ---- launcher ---- */

static int write_map(pid_t pid, const char *file, unsigned base, struct error *err)
{
    char path[64], text[64];
    AUTO_CLOSE int fd = -1;
    int r;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    snprintf(text, sizeof(text), "0 %u %u\n", base, SANDBOX_IDS);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    r = fd < 0 ? -errno : fs_write_all(fd, text, strlen(text));
    return r < 0 ? error_errno(err, r, "cannot write the guest's %s", file) : 0;
}

/* A note of the kind wanted, or why not. */
static int expect(int fd, const struct birth *b, enum note_kind kind, struct note *ret,
                  struct error *err)
{
    int r = note_receive(fd, b->deadline, ret);

    if (r < 0)
        return error_errno(err, r, "waiting for the sandbox to be made");
    if (r == 0)
        return error_set(err, -ECHILD, "a process that makes the sandbox died");
    if (ret->kind == NOTE_FAILED) {
        if (err)
            *err = ret->err;
        return ret->err.code < 0 ? ret->err.code : -EIO;
    }
    return ret->kind == kind ? 0 : error_set(err, -EBADMSG, "unexpected note from the builder");
}

static int bring_up(struct birth *b, struct sandbox *s, struct error *err)
{
    struct note n = {0};
    int r = expect(b->builder[0], b, NOTE_CLONED, &n, err);

    if (r < 0)
        return r;
    s->pid = n.pid;
    s->pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
    if (s->pidfd < 0)
        return error_errno(err, -errno, "cannot open a pidfd of the guest's init");
    r = write_map(s->pid, "uid_map", b->place->uid_base, err);
    if (r == 0)
        r = write_map(s->pid, "gid_map", b->place->uid_base, err);
    if (r < 0)
        return r;
    if (s->cgroup.fd >= 0 && sandbox_cgroup_enter(&s->cgroup, s->pid) < 0)
        sandbox_cgroup_close(&s->cgroup);
    note_send(b->builder[0], NOTE_MAPPED, 0, NULL);
    r = expect(b->builder[0], b, NOTE_READY, &n, err);
    if (r < 0)
        return r;
    note_send(b->init[0], NOTE_GO, 0, NULL);
    /* Its end of the pair closes when the init program is executed. */
    r = note_receive(b->init[0], b->deadline, &n);
    if (r < 0)
        return error_errno(err, r, "waiting for the guest's init");
    if (r == 1) {
        if (err)
            *err = n.err;
        return n.err.code < 0 ? n.err.code : -EIO;
    }
    /* An end without a note is also what dying looks like. */
    if (poll(&(struct pollfd){s->pidfd, POLLIN, 0}, 1, 0) != 0)
        return error_set(err, -ECHILD, "the guest's init died");
    return 0;
}

static void birth_close(struct birth *b)
{
    sandbox_sources_close(&b->sources);
    sandbox_host_files_close(&b->files);
    for (int i = 0; i < 2; i++) {
        if (b->builder[i] >= 0)
            close(b->builder[i]);
        if (b->init[i] >= 0)
            close(b->init[i]);
    }
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

static int give_birth(struct birth *b, struct sandbox *s, struct error *err)
{
    pid_t builder;
    int r;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, b->builder) < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, b->init) < 0)
        return error_errno(err, -errno, "cannot make a socket pair");
    builder = clone_process(CLONE_NEWNS, SIGCHLD);
    if (builder < 0)
        return error_errno(err, -errno, "cannot make a mount namespace (clone3)");
    if (builder == 0)
        builder_main(b);
    close(b->builder[1]);
    close(b->init[1]);
    b->builder[1] = b->init[1] = -1;
    r = bring_up(b, s, err);
    kill(builder, SIGKILL); /* after its last note it has nothing left to do */
    reap(builder);
    return r;
}

int sandbox_start(const struct sandbox_place *place, const struct sandbox_request *request,
                  struct sandbox *ret, struct error *err)
{
    struct sandbox s = {.pidfd = -1};
    struct birth b = {
        .place = place,
        .request = request,
        .builder = {-1, -1},
        .init = {-1, -1},
        .deadline = clock_ms() + SANDBOX_START_MS,
    };
    int r = sandbox_sources_open(place, &b.sources, err);

    if (r < 0)
        return r;
    sandbox_host_files_open(&b.files);
    sandbox_cgroup_open(place->folder_fd, &s.cgroup);
    sandbox_cgroup_limit(&s.cgroup, request->memory_mib, request->processes);
    b.limit_data =
        DATA_LIMIT && !s.cgroup.limits_memory && request->memory_mib >= DATA_LIMIT_MIN_MIB;
    r = give_birth(&b, &s, err);
    birth_close(&b);
    if (r < 0) {
        if (s.pid > 0) {
            kill(s.pid, SIGKILL);
            reap(s.pid);
        }
        if (s.pidfd >= 0)
            close(s.pidfd);
        sandbox_cgroup_close(&s.cgroup);
        return r;
    }
    *ret = s;
    return 0;
}

int sandbox_kill(struct sandbox *s)
{
    if (s->pid <= 0)
        return -ESRCH;
    return syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0) < 0 ? -errno : 0;
}

int sandbox_freeze(struct sandbox *s, int frozen, struct error *err)
{
    int r = sandbox_cgroup_freeze(&s->cgroup, frozen);

    if (r < 0)
        r = sandbox_tree_stop(s->pid, frozen);
    return r < 0 ? error_errno(err, r, "cannot %s the guest", frozen ? "stop" : "continue") : 0;
}

/* The signal that ended init is how the kernel reports reboot(2) from inside a pid namespace. */
static const struct {
    int code, status; /* of siginfo; status -1 = any */
    enum machine_stop_reason reason;
    const char *text;
} ends[] = {
    {CLD_KILLED, SIGHUP, MACHINE_STOP_REBOOT, "the guest restarted itself"},
    {CLD_KILLED, SIGINT, MACHINE_STOP_POWEROFF, "the guest powered itself off"},
    {CLD_EXITED, 0, MACHINE_STOP_POWEROFF, "the guest's init ended"},
    {CLD_EXITED, -1, MACHINE_STOP_FAILURE, "the guest's init failed"},
    {CLD_KILLED, -1, MACHINE_STOP_FAILURE, "the guest was killed"},
    {CLD_DUMPED, -1, MACHINE_STOP_FAILURE, "the guest's init crashed"},
};

enum machine_stop_reason sandbox_reap(struct sandbox *s, int asked, struct error *ret_text)
{
    enum machine_stop_reason reason = MACHINE_STOP_FAILURE;
    siginfo_t info = {0};

    while (waitid(P_PID, (id_t)s->pid, &info, WEXITED) < 0 && errno == EINTR) {
    }
    error_set(ret_text, 0, "the guest ended in an unknown way");
    for (unsigned i = 0; i < ARRAY_SIZE(ends); i++)
        if (ends[i].code == info.si_code &&
            (ends[i].status < 0 || ends[i].status == info.si_status)) {
            reason = ends[i].reason;
            error_set(ret_text, 0, "%s", ends[i].text);
            break;
        }
    if (asked && reason == MACHINE_STOP_FAILURE) {
        reason = MACHINE_STOP_ASKED;
        error_set(ret_text, 0, "stopped");
    }
    close(s->pidfd);
    sandbox_cgroup_close(&s->cgroup);
    *s = (struct sandbox){.pidfd = -1, .cgroup = {.parent_fd = -1, .fd = -1}};
    return reason;
}
