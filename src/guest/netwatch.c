#include "guest/netwatch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

struct netwatch {
    uv_poll_t poll;
    uv_timer_t settle;
    int fd;
    unsigned open;
    void (*changed)(void *arg);
    void *arg;
};

static void on_settled(uv_timer_t *timer)
{
    struct netwatch *w = timer->data;
    w->changed(w->arg);
}

static void on_notice(uv_poll_t *poll, int status, int events)
{
    struct netwatch *w = poll->data;
    char drop[4096];
    (void)status;
    (void)events;
    for (;;) {
        ssize_t n = recv(w->fd, drop, sizeof(drop), MSG_DONTWAIT);
        /* ENOBUFS: notices were lost, so something changed. What changed is read afresh anyway. */
        if (n < 0 && errno != ENOBUFS && errno != EINTR)
            break;
        if (n == 0)
            break;
    }
    if (!uv_is_active((uv_handle_t *)&w->settle))
        uv_timer_start(&w->settle, on_settled, NETWATCH_SETTLE_MS, 0);
}

static void on_closed(uv_handle_t *handle)
{
    struct netwatch *w = handle->data;
    if (--w->open > 0)
        return;
    close(w->fd);
    mem_free(w);
}

int netwatch_new(uv_loop_t *loop, void (*changed)(void *arg), void *arg, struct netwatch **ret)
{
    struct sockaddr_nl own = {.nl_family = AF_NETLINK,
                              .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                                           RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE};
    AUTO_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&own, sizeof(own)) < 0)
        return -errno;
    struct netwatch *w = mem_calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->changed = changed;
    w->arg = arg;
    int r = uv_poll_init(loop, &w->poll, fd);
    if (r < 0) {
        mem_free(w);
        return r;
    }
    w->fd = TAKE_FD(fd);
    w->open = 2;
    w->poll.data = w;
    uv_timer_init(loop, &w->settle);
    w->settle.data = w;
    uv_poll_start(&w->poll, UV_READABLE, on_notice);
    *ret = w;
    return 0;
}

void netwatch_free(struct netwatch *w)
{
    if (!w)
        return;
    uv_close((uv_handle_t *)&w->poll, on_closed);
    uv_close((uv_handle_t *)&w->settle, on_closed);
}
