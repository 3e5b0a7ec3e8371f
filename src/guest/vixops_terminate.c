/*
 * TERMINATE_PROCESS and KILL_PROCESS: SIGTERM, and SIGKILL to what is still there after a while.
 * The process is held by a pidfd, so a later process with the same number is never hit.
 */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "guest/vixops.h"

/* The answer comes when the process is gone, or after this time if it takes longer. */
#define ANSWER_MS 1000u
#define KILL_MS   5000u
/* After SIGKILL a process in an uninterruptible sleep may still take its time; nobody waits. */
#define WATCH_MS 20000u

struct termination {
    struct vixop *op; /* NULL = answered */
    int fd;
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned handles;
    unsigned waited_ms;
};

static int send_signal(int fd, int sig)
{
    return syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) < 0 ? -errno : 0;
}

static void handle_closed(uv_handle_t *h)
{
    struct termination *t = h->data;

    if (--t->handles == 0)
        mem_free(t);
}

static void answer(struct termination *t)
{
    struct vixop *op = t->op;

    t->op = NULL;
    if (op)
        vixop_done(op);
}

static void end(struct termination *t)
{
    uv_close((uv_handle_t *)&t->poll, handle_closed);
    uv_close((uv_handle_t *)&t->timer, handle_closed);
    close(t->fd);
    answer(t);
}

static void gone(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    end(poll->data);
}

static void waited(uv_timer_t *timer)
{
    struct termination *t = timer->data;
    static const unsigned steps[] = {ANSWER_MS, KILL_MS, WATCH_MS};

    if (t->waited_ms == 0)
        answer(t);
    else if (t->waited_ms == ANSWER_MS)
        send_signal(t->fd, SIGKILL);
    for (size_t i = 0; i + 1 < ARRAY_SIZE(steps); i++)
        if (t->waited_ms < steps[i]) {
            t->waited_ms = steps[i];
            uv_timer_start(timer, waited, steps[i + 1] - steps[i], 0);
            return;
        }
    end(t);
}

static int watch(struct vixop *op, int fd)
{
    struct termination *t = mem_calloc(1, sizeof(*t));
    int r;

    if (!t)
        return -ENOMEM;
    t->op = op;
    t->fd = fd;
    r = uv_poll_init(op->ctx->loop, &t->poll, fd);
    if (r < 0) {
        mem_free(t);
        return r;
    }
    uv_timer_init(op->ctx->loop, &t->timer);
    t->handles = 2;
    t->poll.data = t->timer.data = t;
    uv_poll_start(&t->poll, UV_READABLE, gone);
    uv_timer_start(&t->timer, waited, ANSWER_MS, 0);
    return 0;
}

enum vixop_step vixop_terminate(struct vixop *op)
{
    int64_t pid = (int64_t)op->body.process.pid;
    int fd, r;

    /* Ourselves, the agent, and the numbers that kill(2) takes for groups. */
    if (pid <= 0 || pid > INT32_MAX || pid == getpid() || pid == getppid()) {
        vixop_fail(op, VIX_E_GUEST_USER_PERMISSIONS);
        return VIXOP_NEXT;
    }
    fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    if (fd < 0) {
        /* EINVAL: the number of a thread, not of a process. */
        vixop_fail_errno(op, errno == EINVAL ? ESRCH : errno);
        return VIXOP_NEXT;
    }
    r = send_signal(fd, SIGTERM);
    if (r == 0)
        r = watch(op, fd);
    if (r == 0)
        return VIXOP_LATER;
    close(fd);
    if (r == -EPERM || r == -EACCES)
        vixop_fail(op, VIX_E_GUEST_USER_PERMISSIONS);
    vixop_fail_errno(op, r);
    return VIXOP_NEXT;
}
