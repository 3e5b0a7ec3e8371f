#include "guest/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

extern char **environ;

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

enum { GATE_OPEN = 'g' };

struct gate {
    int open[2];   /* parent writes GATE_OPEN, or closes */
    int status[2]; /* child writes errno; closed by execve */
};

/* --- child: nothing here may use the heap or a lock, other threads may have held them --- */

/* By the kernel's call: the C library keeps two signals to itself, which a starter of ours may have
 * left ignored, and would not let them be set. All zero is the default action, on every
 * architecture. */
static void default_signals(void)
{
    const unsigned long action[8] = {0};
    sigset_t none;

    for (int n = 1; n < _NSIG; n++)
        (void)syscall(SYS_rt_sigaction, n, action, NULL, (size_t)_NSIG / 8);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int take_stdio(const struct spawn_options *o)
{
    int from[3];

    /* First out of the way of each other's places. */
    for (int i = 0; i < 3; i++) {
        from[i] = o->stdio[i] >= 0 ? fcntl(o->stdio[i], F_DUPFD_CLOEXEC, 3)
                                   : open("/dev/null", O_RDWR | O_CLOEXEC);
        if (from[i] >= 0 && from[i] < 3)
            from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3);
        if (from[i] < 0)
            return -1;
    }
    for (int i = 0; i < 3; i++)
        if (dup2(from[i], i) < 0)
            return -1;
    return 0;
}

_Noreturn static void run_child(const struct spawn_options *o, struct gate *g)
{
    char word = 0;
    int saved;

    close(g->open[1]);
    while (read(g->open[0], &word, 1) < 0 && errno == EINTR)
        ;
    if (word != GATE_OPEN)
        _exit(0);
    default_signals();
    setsid();
    if (take_stdio(o) == 0 && (!o->terminal || ioctl(0, TIOCSCTTY, 0) == 0) &&
        (!o->cwd || chdir(o->cwd) == 0))
        execve(o->file, o->args, o->env ? o->env : environ);
    saved = errno;
    if (write(g->status[1], &saved, sizeof(saved)) < 0)
        _exit(126);
    _exit(127);
}

/* --- parent --- */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int open_gate(struct gate *g)
{
    if (pipe2(g->open, O_CLOEXEC) < 0)
        return -errno;
    if (pipe2(g->status, O_CLOEXEC) == 0)
        return 0;
    int r = -errno;

    close_fd(&g->open[0]);
    close_fd(&g->open[1]);
    return r;
}

static void close_gate(struct gate *g)
{
    for (int i = 0; i < 2; i++) {
        close_fd(&g->open[i]);
        close_fd(&g->status[i]);
    }
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static int wait_exec(struct gate *g)
{
    struct pollfd p = {.fd = g->status[0], .events = POLLIN};
    uint64_t until = clock_ms() + SPAWN_EXEC_MS, now;
    int saved = 0;

    for (;;) {
        now = clock_ms();
        int n = poll(&p, 1, until > now ? (int)(until - now) : 0);

        if (n == 0)
            return -ETIMEDOUT;
        if (n > 0)
            break;
        if (errno != EINTR)
            return -errno;
    }
    return read(g->status[0], &saved, sizeof(saved)) == sizeof(saved) ? -saved : 0;
}

static int try_spawn(const struct spawn_options *o, pid_t *ret_pid, int *ret_pidfd)
{
    struct gate g;
    int r = open_gate(&g), pidfd = -1;
    sigset_t all, before;
    pid_t pid;

    if (r < 0)
        return r;
    /* Our handlers must not run in the child, which shares their pipes. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0)
        run_child(o, &g);
    r = pid < 0 ? -errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r < 0) {
        close_gate(&g);
        return r;
    }
    close_fd(&g.open[0]);
    close_fd(&g.status[1]);
    if (o->taken && o->taken(o->arg, pid))
        r = -EEXIST;
    else if ((pidfd = (int)syscall(SYS_pidfd_open, pid, 0)) < 0)
        r = -errno;
    else if (write(g.open[1], &(char){GATE_OPEN}, 1) != 1)
        r = -errno;
    else
        r = wait_exec(&g);
    close_gate(&g);
    if (r < 0 && r != -ETIMEDOUT) {
        reap(pid);
        close_fd(&pidfd);
        return r;
    }
    if (r == -ETIMEDOUT)
        kill(pid, SIGKILL);
    *ret_pid = pid;
    *ret_pidfd = pidfd;
    return r;
}

int spawn_process(const struct spawn_options *o, int64_t *ret_pid, int *ret_pidfd)
{
    pid_t pid;
    int r = -EEXIST;

    for (unsigned i = 0; i < SPAWN_TRIES_MAX && r == -EEXIST; i++)
        r = try_spawn(o, &pid, ret_pidfd);
    if (r == 0)
        *ret_pid = pid;
    return r == -EEXIST ? -EAGAIN : r;
}

int spawn_wait(int pidfd, int32_t *ret_code, int *ret_signal)
{
    siginfo_t info = {0};

    if (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0)
        return -errno;
    if (!info.si_pid)
        return -EAGAIN;
    *ret_signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
    *ret_code = *ret_signal ? 128 + *ret_signal : info.si_status;
    return 0;
}
