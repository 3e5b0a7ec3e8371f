/*
 * Channels over stream sockets, Unix and vsock: data map packets. (Guest RPC protocol, "vsock
 * transport"; over a Unix socket the same bytes.)
 */
#include "guest/rpc_channel.h"

#include <errno.h>
#include <limits.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/sock.h"
#include "wire/datamap.h"

#define READ_CHUNK         (64u * 1024u)
#define PRIVILEGED_PORT    1023
#define CONNECT_ATTEMPTS   8
#define TCLO_SOCKET_BUFFER (64 * 1024)
/* An idle channel keeps no more memory than this. */
#define IDLE_BUFFER_MAX 4096u

struct stream {
    struct rpc_channel ch;
    int epfd;
    struct datamap_framer in;
    struct buf out;
    bool eof;
    /* vsock only: what to try next when the host resets the connect */
    bool vsock;
    unsigned cid;
    int source_port; /* 0 = any */
    unsigned attempts;
};

static int stream_watch(struct stream *s)
{
    short events = POLLIN;
    if (!s->ch.connected)
        events = POLLOUT;
    else if (s->out.len > 0)
        events = s->out.len > RPC_SEND_QUEUE_HIGH ? POLLOUT : POLLIN | POLLOUT;
    s->ch.queued = s->out.len;
    if (events == s->ch.events)
        return 0;
    if (s->epfd >= 0) {
        struct epoll_event ev = {.events = ((events & POLLIN) ? EPOLLIN : 0u) |
                                           ((events & POLLOUT) ? EPOLLOUT : 0u),
                                 .data.ptr = &s->ch};
        if (epoll_ctl(s->epfd, s->ch.events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, s->ch.fd, &ev) < 0)
            return -errno;
    }
    s->ch.events = events;
    return 0;
}

static int stream_flush(struct stream *s)
{
    while (s->out.len > 0) {
        ssize_t n = send(s->ch.fd, s->out.data, s->out.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n < 0)
            return -errno;
        buf_consume(&s->out, (size_t)n);
    }
    if (s->out.size > IDLE_BUFFER_MAX)
        buf_free(&s->out);
    return 0;
}

static int stream_send(struct rpc_channel *ch, const struct rpc_packet *msg)
{
    struct stream *s = (struct stream *)ch;
    struct datamap_rpc rpc = {
        .type = msg->ping ? DATAMAP_RPC_PING : DATAMAP_RPC_DATA,
        .payload = msg->payload,
        .len = msg->len,
        .fast_close = msg->fast_close,
        .request_id = msg->request_id,
    };
    int r = datamap_rpc_encode(&s->out, &rpc);
    if (r < 0)
        return r;
    if (ch->connected) {
        r = stream_flush(s);
        if (r < 0)
            return r;
    }
    return stream_watch(s);
}

static int vsock_connect(struct stream *s);

static int stream_connected(struct stream *s)
{
    int soerr = 0;
    socklen_t len = sizeof(soerr);
    if (getsockopt(s->ch.fd, SOL_SOCKET, SO_ERROR, &soerr, &len) < 0)
        return -errno;
    if (soerr == 0) {
        struct pollfd p = {.fd = s->ch.fd, .events = POLLOUT};
        if (poll(&p, 1, 0) == 0)
            return clock_ms() >= s->ch.deadline_ms ? -ETIMEDOUT : 0;
        s->ch.connected = true;
        s->ch.deadline_ms = 0;
        return stream_flush(s);
    }
    if (!s->vsock)
        return -soerr;
    /* A reset means "that source port is still in use at the host": try the next one. Any other
     * refusal means that nobody listens at this address. */
    if (soerr == ECONNRESET && s->source_port > 1 && ++s->attempts < CONNECT_ATTEMPTS) {
        s->source_port--;
    } else if (s->cid == VMADDR_CID_HYPERVISOR) {
        s->cid = VMADDR_CID_HOST;
        s->attempts = 0;
    } else {
        return -soerr;
    }
    return vsock_connect(s);
}

static int stream_service(struct rpc_channel *ch)
{
    struct stream *s = (struct stream *)ch;
    if (!ch->connected) {
        int r = stream_connected(s);
        if (r < 0)
            return r;
        if (!ch->connected)
            return stream_watch(s);
    }
    int r = stream_flush(s);
    if (r < 0)
        return r;
    if (s->out.len <= RPC_SEND_QUEUE_HIGH && !s->eof) {
        uint8_t *room;
        r = datamap_framer_reserve(&s->in, READ_CHUNK, &room);
        if (r < 0)
            return r;
        ssize_t n = recv(ch->fd, room, READ_CHUNK, 0);
        if (n > 0)
            datamap_framer_commit(&s->in, (size_t)n);
        else if (n == 0)
            s->eof = true;
        else if (errno != EAGAIN && errno != EINTR)
            return -errno;
    }
    return stream_watch(s);
}

static size_t packet_max(enum rpc_role role)
{
    return role == RPC_ROLE_RPCI ? DATAMAP_REPLY_MAX : DATAMAP_PACKET_MAX;
}

static int stream_next(struct rpc_channel *ch, struct rpc_packet *ret)
{
    struct stream *s = (struct stream *)ch;
    if (s->out.len > RPC_SEND_QUEUE_HIGH)
        return stream_watch(s);
    const uint8_t *body;
    size_t len;
    int r = datamap_framer_next(&s->in, &body, &len);
    if (r < 0)
        return r;
    if (r == 0) {
        if (!datamap_framer_partial(&s->in)) {
            datamap_framer_free(&s->in); /* idle: keep no memory */
            datamap_framer_init(&s->in, packet_max(ch->role));
        }
        return s->eof ? -ECONNRESET : 0;
    }
    struct datamap_rpc rpc;
    r = datamap_rpc_decode(body, len, &rpc);
    if (r < 0)
        return r;
    *ret = (struct rpc_packet){
        .ping = rpc.type == DATAMAP_RPC_PING,
        .fast_close = rpc.fast_close,
        .request_id = rpc.request_id,
        .payload = rpc.payload,
        .len = rpc.len,
    };
    return 1;
}

static void stream_close(struct rpc_channel *ch)
{
    struct stream *s = (struct stream *)ch;
    if (ch->fd >= 0)
        close(ch->fd);
    datamap_framer_free(&s->in);
    buf_free(&s->out);
    mem_free(s);
}

static const struct rpc_channel_ops unix_ops = {
    .name = "unix",
    .send = stream_send,
    .service = stream_service,
    .next = stream_next,
    .close = stream_close,
};

static const struct rpc_channel_ops vsock_ops = {
    .name = "vsock",
    .send = stream_send,
    .service = stream_service,
    .next = stream_next,
    .close = stream_close,
};

static struct stream *stream_new(const struct rpc_channel_ops *ops, enum rpc_role role, int epfd)
{
    struct stream *s = mem_calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->ch = (struct rpc_channel){.ops = ops, .role = role, .fd = -1};
    s->epfd = epfd;
    datamap_framer_init(&s->in, packet_max(role));
    s->out = BUF_INIT(RPC_SEND_QUEUE_MAX);
    return s;
}

int rpc_open_unix(const char *folder, enum rpc_role role, int epfd, struct rpc_channel **ret)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/%d", folder,
                     role == RPC_ROLE_RPCI ? RPC_PORT_RPCI : RPC_PORT_TCLO);
    if (n < 0 || (size_t)n >= sizeof(path))
        return -ENAMETOOLONG;
    struct stream *s = stream_new(&unix_ops, role, epfd);
    if (!s)
        return -ENOMEM;
    int r = sock_connect_unix(path, NULL);
    if (r >= 0) {
        s->ch.fd = r;
        s->ch.connected = true;
        r = stream_watch(s);
    }
    if (r < 0) {
        stream_close(&s->ch);
        return r;
    }
    *ret = &s->ch;
    return 0;
}

/* Binds to the source port or the next lower free one. */
static int vsock_bind(struct stream *s)
{
    struct sockaddr_vm own = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY};
    for (; s->source_port > 0; s->source_port--) {
        own.svm_port = (unsigned)s->source_port;
        if (bind(s->ch.fd, (const struct sockaddr *)&own, sizeof(own)) == 0)
            return 0;
        if (errno == EACCES) {
            s->source_port = 0; /* not root: an unprivileged channel from any port */
            return 0;
        }
        if (errno != EADDRINUSE)
            return -errno;
    }
    return -EADDRINUSE;
}

static int vsock_connect(struct stream *s)
{
    for (;;) {
        if (s->ch.fd >= 0)
            close(s->ch.fd);
        s->ch.events = 0;
        s->ch.fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (s->ch.fd < 0)
            return -errno;
        if (s->ch.role == RPC_ROLE_RPCI && s->source_port > 0) {
            int r = vsock_bind(s);
            if (r < 0)
                return r;
        } else if (s->ch.role == RPC_ROLE_TCLO) {
            unsigned long long size = TCLO_SOCKET_BUFFER;
            setsockopt(s->ch.fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &size, sizeof(size));
        }
        struct sockaddr_vm to = {
            .svm_family = AF_VSOCK,
            .svm_cid = s->cid,
            .svm_port = s->ch.role == RPC_ROLE_RPCI ? RPC_PORT_RPCI : RPC_PORT_TCLO,
        };
        s->ch.deadline_ms = clock_ms() + RPC_CONNECT_TIMEOUT_MS + 500;
        if (connect(s->ch.fd, (const struct sockaddr *)&to, sizeof(to)) == 0) {
            s->ch.connected = true;
            s->ch.deadline_ms = 0;
            return stream_watch(s);
        }
        if (errno == EINPROGRESS)
            return stream_watch(s);
        if (errno == EINTR)
            continue;
        if (errno == ECONNRESET && s->source_port > 1 && ++s->attempts < CONNECT_ATTEMPTS) {
            s->source_port--;
            continue;
        }
        if (s->cid == VMADDR_CID_HOST)
            return -errno;
        s->cid = VMADDR_CID_HOST;
        s->attempts = 0;
    }
}

int rpc_open_vsock(enum rpc_role role, int epfd, struct rpc_channel **ret)
{
    struct stream *s = stream_new(&vsock_ops, role, epfd);
    if (!s)
        return -ENOMEM;
    s->vsock = true;
    s->ch.heartbeat = role == RPC_ROLE_TCLO;
    s->cid = VMADDR_CID_HYPERVISOR;
    s->source_port = role == RPC_ROLE_RPCI ? PRIVILEGED_PORT : 0;
    int r = vsock_connect(s);
    if (r < 0) {
        stream_close(&s->ch);
        return r;
    }
    *ret = &s->ch;
    return 0;
}

int rpc_wait(const struct rpc_channel *ch, uint64_t deadline_ms)
{
    uint64_t now = clock_ms();
    if (now >= deadline_ms)
        return -ETIMEDOUT;
    uint64_t until = deadline_ms;
    if (ch->deadline_ms && ch->deadline_ms < until)
        until = ch->deadline_ms;
    int wait = until <= now ? 0 : until - now > INT_MAX ? INT_MAX : (int)(until - now);
    struct pollfd p = {.fd = ch->fd, .events = ch->events};
    if (poll(&p, 1, wait) < 0 && errno != EINTR)
        return -errno;
    return 0;
}
