#include "vmx/listener.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"

/* Connections taken before other descriptors of the loop get their turn. */
#define ACCEPTS_PER_TURN 16

struct listener {
    uv_poll_t poll;
    uv_timer_t pause;
    int fd;
    listener_cb *cb;
    void *arg;
    int handles;
};

static void ready(uv_poll_t *poll, int status, int events);

static void resume(uv_timer_t *timer)
{
    struct listener *l = timer->data;

    uv_poll_start(&l->poll, UV_READABLE, ready);
}

static void ready(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;

    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && !uv_is_closing((uv_handle_t *)poll); i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            l->cb(fd, l->arg);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        if (errno == EAGAIN)
            return;
        log_warn("link: cannot take a connection (errno %d), waiting", errno);
        uv_poll_stop(&l->poll);
        uv_timer_start(&l->pause, resume, LISTENER_PAUSE_MS, 0);
        return;
    }
}

int listener_new(uv_loop_t *loop, const char *path, mode_t mode, listener_cb *cb, void *arg,
                 struct listener **ret, struct error *err)
{
    AUTO_FREE struct listener *l = mem_calloc(1, sizeof(*l));
    AUTO_CLOSE int fd = -1;
    int r;

    if (!l)
        return error_set(err, -ENOMEM, "no memory for a listening socket");
    fd = sock_listen_unix(path, mode, err);
    if (fd < 0)
        return fd;
    r = uv_poll_init(loop, &l->poll, fd);
    if (r)
        return error_errno(err, r, "cannot watch %s", path);
    uv_timer_init(loop, &l->pause);
    l->poll.data = l->pause.data = l;
    l->fd = TAKE_FD(fd);
    l->cb = cb;
    l->arg = arg;
    l->handles = 2;
    uv_poll_start(&l->poll, UV_READABLE, ready);
    *ret = TAKE_PTR(l);
    return 0;
}

static void handle_gone(uv_handle_t *h)
{
    struct listener *l = h->data;

    if (--l->handles == 0)
        mem_free(l);
}

void listener_free(struct listener *l)
{
    if (!l)
        return;
    uv_poll_stop(&l->poll);
    uv_close((uv_handle_t *)&l->poll, handle_gone);
    uv_close((uv_handle_t *)&l->pause, handle_gone);
    close(l->fd);
}
