#include "guest/gueststore_link.h"

#include <errno.h>
#include <limits.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"

#define BACKLOG 4

struct gueststore_link {
    uv_poll_t poll; /* vsock only */
    int fd;         /* vsock: listens; -1 = the link is a folder */
    unsigned port;
    char dir[PATH_MAX];
    gueststore_link_fn *fn;
    void *arg;
};

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct gueststore_link *l = poll->data;
    struct sockaddr_vm peer = {0};
    socklen_t len = sizeof(peer);

    (void)status;
    (void)events;
    int fd = accept4(l->fd, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    /* A program of this guest could connect as well. */
    if (peer.svm_family != AF_VSOCK ||
        (peer.svm_cid != VMADDR_CID_HOST && peer.svm_cid != VMADDR_CID_HYPERVISOR)) {
        log_warn("gueststore: a connection of CID %u, which is not the host, is refused",
                 peer.svm_cid);
        close(fd);
        return;
    }
    l->fn(fd, l->arg);
}

static int listen_vsock(struct gueststore_link *l, struct error *err)
{
    struct sockaddr_vm own = {
        .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = VMADDR_PORT_ANY};
    socklen_t len = sizeof(own);

    l->fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return error_errno(err, -errno, "no vsock");
    if (bind(l->fd, (const struct sockaddr *)&own, sizeof(own)) < 0 || listen(l->fd, BACKLOG) < 0 ||
        getsockname(l->fd, (struct sockaddr *)&own, &len) < 0)
        return error_errno(err, -errno, "cannot listen on vsock");
    l->port = own.svm_port;
    return 0;
}

int gueststore_link_open(uv_loop_t *loop, const char *link_dir, gueststore_link_fn *fn, void *arg,
                         struct gueststore_link **ret, struct error *err)
{
    AUTO_FREE struct gueststore_link *l = mem_calloc(1, sizeof(*l));
    int r = 0;

    if (!l)
        return error_set(err, -ENOMEM, "no memory");
    l->fn = fn;
    l->arg = arg;
    l->fd = -1;
    l->port = GUESTSTORE_LINK_SERVICE;
    if (link_dir)
        snprintf(l->dir, sizeof(l->dir), "%s", link_dir);
    else
        r = listen_vsock(l, err);
    if (r == 0 && l->fd >= 0) {
        r = uv_poll_init(loop, &l->poll, l->fd);
        if (r < 0)
            error_errno(err, r, "cannot watch the vsock");
    }
    if (r < 0) {
        if (l->fd >= 0)
            close(l->fd);
        return r;
    }
    if (l->fd >= 0) {
        l->poll.data = l;
        uv_poll_start(&l->poll, UV_READABLE, on_connection);
    }
    *ret = TAKE_PTR(l);
    return 0;
}

static void link_gone(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void gueststore_link_close(struct gueststore_link *l)
{
    if (!l)
        return;
    if (l->fd < 0) {
        mem_free(l);
        return;
    }
    uv_poll_stop(&l->poll);
    uv_close((uv_handle_t *)&l->poll, link_gone);
    close(l->fd);
}

unsigned gueststore_link_port(const struct gueststore_link *l)
{
    return l->port;
}

int gueststore_link_agreed(struct gueststore_link *l)
{
    if (l->fd >= 0)
        return 0;
    AUTO_FREE char *path = mem_printf("%s/%u", l->dir, l->port);
    int fd = path ? sock_connect_unix(path, NULL) : -ENOMEM;
    if (fd < 0)
        return fd;
    l->fn(fd, l->arg);
    return 0;
}
