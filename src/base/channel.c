#include "base/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cursor.h"
#include "base/mem.h"

#define CHANNEL_READ_CHUNK 65536u
/* Frames handled in one go before other descriptors of the loop get their turn. */
#define CHANNEL_READS_PER_TURN  8
#define CHANNEL_FDS_PENDING_MAX 32

struct outgoing {
    struct outgoing *next;
    size_t len, sent;
    int fds[CHANNEL_FDS_MAX];
    unsigned nfds;
    uint8_t bytes[];
};

struct channel {
    uv_poll_t poll;
    int fd;
    const struct channel_ops *ops;
    void *arg;
    size_t max_body, max_queue;
    struct buf in;
    int in_fds[CHANNEL_FDS_PENDING_MAX];
    unsigned in_nfds;
    struct outgoing *out_head, **out_tail;
    size_t queued;
    int delivering;
    int dead;    /* `closed` was told, or channel_close was called */
    int closing; /* channel_close was called */
};

static void poll_event(uv_poll_t *poll, int status, int events);
static void deliver(struct channel *ch);

static void close_fds(int *fds, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static void update_poll(struct channel *ch)
{
    int events = UV_READABLE | (ch->out_head ? UV_WRITABLE : 0);

    if (ch->dead)
        return;
    if (events)
        uv_poll_start(&ch->poll, events, poll_event);
    else
        uv_poll_stop(&ch->poll);
}

static void fail(struct channel *ch, int reason)
{
    if (ch->dead)
        return;
    ch->dead = 1;
    uv_poll_stop(&ch->poll);
    if (ch->ops->closed)
        ch->ops->closed(ch, reason, ch->arg);
}

int channel_new(uv_loop_t *loop, int fd, size_t max_body, size_t max_queue,
                const struct channel_ops *ops, void *arg, struct channel **ret)
{
    struct channel *ch = mem_calloc(1, sizeof(*ch));
    int r;

    if (!ch)
        return -ENOMEM;
    ch->fd = fd;
    ch->ops = ops;
    ch->arg = arg;
    ch->max_body = max_body;
    ch->max_queue = max_queue;
    ch->in = BUF_INIT(max_body + CHANNEL_HEAD_SIZE + CHANNEL_READ_CHUNK);
    ch->out_tail = &ch->out_head;
    r = uv_poll_init(loop, &ch->poll, fd);
    if (r) {
        mem_free(ch);
        return r;
    }
    ch->poll.data = ch;
    update_poll(ch);
    *ret = ch;
    return 0;
}

size_t channel_queued(const struct channel *ch)
{
    return ch->queued;
}

static void drop_outgoing(struct channel *ch, struct outgoing *o)
{
    ch->out_head = o->next;
    if (!ch->out_head)
        ch->out_tail = &ch->out_head;
    ch->queued -= o->len;
    close_fds(o->fds, o->nfds);
    mem_free(o);
}

/* Returns 0 when the message is out, -EAGAIN, or the error that ends the channel. */
static int send_some(struct channel *ch, struct outgoing *o)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_FDS_MAX)];
    } control = {0};

    while (o->sent < o->len) {
        struct iovec iov = {o->bytes + o->sent, o->len - o->sent};
        struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
        ssize_t n;

        if (o->sent == 0 && o->nfds) {
            struct cmsghdr *cm;

            mh.msg_control = control.bytes;
            mh.msg_controllen = CMSG_SPACE(sizeof(int) * o->nfds);
            cm = CMSG_FIRSTHDR(&mh);
            cm->cmsg_level = SOL_SOCKET;
            cm->cmsg_type = SCM_RIGHTS;
            cm->cmsg_len = CMSG_LEN(sizeof(int) * o->nfds);
            memcpy(CMSG_DATA(cm), o->fds, sizeof(int) * o->nfds);
        }
        n = sendmsg(ch->fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EWOULDBLOCK ? -EAGAIN : -errno;
        o->sent += (size_t)n;
    }
    return 0;
}

static void flush(struct channel *ch)
{
    int had = ch->out_head != NULL;

    while (ch->out_head) {
        int r = send_some(ch, ch->out_head);

        if (r == -EAGAIN)
            break;
        if (r) {
            fail(ch, r);
            return;
        }
        drop_outgoing(ch, ch->out_head);
    }
    update_poll(ch);
    if (had && !ch->out_head && ch->ops->drained)
        ch->ops->drained(ch, ch->arg);
}

static struct outgoing *build(uint16_t type, uint64_t id, const struct iovec *parts, unsigned count,
                              unsigned nfds, size_t body)
{
    struct outgoing *o = mem_alloc(sizeof(*o) + CHANNEL_HEAD_SIZE + body);
    struct buf head = BUF_INIT(CHANNEL_HEAD_SIZE);
    size_t at = CHANNEL_HEAD_SIZE;

    buf_put_le32(&head, (uint32_t)body);
    buf_put_le16(&head, type);
    buf_put_le16(&head, (uint16_t)nfds);
    buf_put_le64(&head, id);
    if (!o || buf_error(&head)) {
        buf_free(&head);
        mem_free(o);
        return NULL;
    }
    memset(o, 0, sizeof(*o));
    o->len = CHANNEL_HEAD_SIZE + body;
    memcpy(o->bytes, head.data, CHANNEL_HEAD_SIZE);
    buf_free(&head);
    for (unsigned i = 0; i < count; i++) {
        if (parts[i].iov_len)
            memcpy(o->bytes + at, parts[i].iov_base, parts[i].iov_len);
        at += parts[i].iov_len;
    }
    return o;
}

int channel_send(struct channel *ch, uint16_t type, uint64_t id, const struct iovec *parts,
                 unsigned count, const int *fds, unsigned nfds)
{
    struct outgoing *o;
    size_t body = 0;
    int r = 0;

    for (unsigned i = 0; i < count; i++)
        body += parts[i].iov_len;
    if (ch->dead)
        r = -EPIPE;
    else if (nfds > CHANNEL_FDS_MAX || body > ch->max_body)
        r = -EMSGSIZE;
    else if (ch->queued && ch->queued + body + CHANNEL_HEAD_SIZE > ch->max_queue)
        r = -ENOBUFS;
    o = r ? NULL : build(type, id, parts, count, nfds, body);
    if (!o) {
        for (unsigned i = 0; i < nfds; i++)
            close(fds[i]);
        return r ? r : -ENOMEM;
    }
    if (nfds)
        memcpy(o->fds, fds, sizeof(int) * nfds);
    o->nfds = nfds;
    *ch->out_tail = o;
    ch->out_tail = &o->next;
    ch->queued += o->len;
    if (ch->out_head == o) {
        /* Try at once; an error is told from the loop, not from inside the caller. */
        r = send_some(ch, o);
        if (r == 0)
            drop_outgoing(ch, o);
    }
    update_poll(ch);
    return 0;
}

static int take_fds(struct channel *ch, struct msghdr *mh)
{
    int r = mh->msg_flags & MSG_CTRUNC ? -EBADMSG : 0;

    for (struct cmsghdr *cm = CMSG_FIRSTHDR(mh); cm; cm = CMSG_NXTHDR(mh, cm)) {
        size_t n;

        if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
            continue;
        n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int), sizeof(int));
            if (ch->in_nfds < CHANNEL_FDS_PENDING_MAX) {
                ch->in_fds[ch->in_nfds++] = fd;
            } else {
                close(fd);
                r = -EBADMSG;
            }
        }
    }
    return r;
}

/* Hands over every whole message in the buffer. */
static void deliver(struct channel *ch)
{
    size_t done = 0;

    ch->delivering = 1;
    while (!ch->dead) {
        struct cursor c = CURSOR_INIT(ch->in.data + done, ch->in.len - done);
        struct channel_msg msg = {0};
        uint32_t len;
        uint16_t nfds;
        uint8_t *end;
        uint8_t saved;

        if (c.left < CHANNEL_HEAD_SIZE)
            break;
        cursor_le32(&c, &len);
        cursor_le16(&c, &msg.type);
        cursor_le16(&c, &nfds);
        cursor_le64(&c, &msg.id);
        if (len > ch->max_body || nfds > CHANNEL_FDS_MAX) {
            fail(ch, -EBADMSG);
            break;
        }
        if (c.left < len)
            break;
        if (nfds > ch->in_nfds) {
            fail(ch, -EBADMSG);
            break;
        }
        msg.body = c.p;
        msg.len = len;
        msg.nfds = nfds;
        memcpy(msg.fds, ch->in_fds, sizeof(int) * nfds);
        ch->in_nfds -= nfds;
        memmove(ch->in_fds, ch->in_fds + nfds, sizeof(int) * ch->in_nfds);
        done += CHANNEL_HEAD_SIZE + len;
        end = ch->in.data + done; /* the buffer has a byte after its end */
        saved = *end;
        *end = '\0';
        ch->ops->message(ch, &msg, ch->arg);
        *end = saved;
        close_fds(msg.fds, msg.nfds);
    }
    ch->delivering = 0;
    buf_consume(&ch->in, done);
}

static void receive(struct channel *ch)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_FDS_PENDING_MAX)];
    } control;

    for (int turn = 0; turn < CHANNEL_READS_PER_TURN && !ch->dead; turn++) {
        struct msghdr mh = {.msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
        struct iovec iov;
        uint8_t *to;
        ssize_t n;

        if (buf_reserve(&ch->in, CHANNEL_READ_CHUNK, &to)) {
            fail(ch, -ENOMEM);
            return;
        }
        iov = (struct iovec){to, CHANNEL_READ_CHUNK};
        mh.msg_iov = &iov;
        mh.msg_iovlen = 1;
        n = recvmsg(ch->fd, &mh, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            if (errno != EAGAIN)
                fail(ch, -errno);
            return;
        }
        if (take_fds(ch, &mh)) {
            fail(ch, -EBADMSG);
            return;
        }
        if (n == 0) {
            fail(ch, ch->in.len ? -EBADMSG : 0);
            return;
        }
        buf_commit(&ch->in, (size_t)n);
        deliver(ch);
        if ((size_t)n < CHANNEL_READ_CHUNK)
            return;
    }
}

static void poll_event(uv_poll_t *poll, int status, int events)
{
    struct channel *ch = poll->data;

    if (status < 0) {
        fail(ch, status);
        return;
    }
    if (events & UV_WRITABLE && !ch->dead)
        flush(ch);
    if (events & UV_READABLE && !ch->dead)
        receive(ch);
}

static void free_channel(uv_handle_t *handle)
{
    struct channel *ch = handle->data;

    close(ch->fd);
    close_fds(ch->in_fds, ch->in_nfds);
    buf_free(&ch->in);
    mem_free(ch);
}

void channel_close(struct channel *ch)
{
    if (!ch || ch->closing)
        return;
    ch->closing = ch->dead = 1;
    uv_poll_stop(&ch->poll);
    while (ch->out_head)
        drop_outgoing(ch, ch->out_head);
    shutdown(ch->fd, SHUT_RDWR);
    uv_close((uv_handle_t *)&ch->poll, free_channel);
}
