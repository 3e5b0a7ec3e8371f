#include "vmx/rpc_conn.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define READ_CHUNK 65536u
/* Bytes read from one connection before the others get their turn. */
#define READS_PER_TURN 4

struct rpc_conn {
    uv_poll_t poll;
    uv_timer_t timer;
    int fd;
    struct rpc_conn_config config;
    struct datamap_framer in;
    size_t counted; /* of the shared budget */
    struct buf out;
    size_t sent; /* bytes at the front of `out` that are gone */
    bool dead, closing, finishing, held, stuck, partial, delivering;
    int handles;
};

static void poll_event(uv_poll_t *poll, int status, int events);

static size_t queued(const struct rpc_conn *c)
{
    return c->out.len - c->sent;
}

static void fail(struct rpc_conn *c, int reason)
{
    if (c->dead)
        return;
    c->dead = true;
    uv_poll_stop(&c->poll);
    uv_timer_stop(&c->timer);
    c->config.ops->closed(c, reason, c->config.arg);
}

static bool may_read(const struct rpc_conn *c)
{
    return !c->finishing && !c->held && (!c->config.pause_at || queued(c) <= c->config.pause_at);
}

static void update_poll(struct rpc_conn *c)
{
    int events = (may_read(c) ? UV_READABLE : 0) | (queued(c) ? UV_WRITABLE : 0);

    if (c->dead)
        return;
    if (c->held && !events) {
        uv_poll_stop(&c->poll);
        return;
    }
    /* A peer that is only being waited for to go is noticed by its hang-up. */
    uv_poll_start(&c->poll, events ? events : UV_DISCONNECT, poll_event);
}

static void late(uv_timer_t *timer)
{
    fail(timer->data, -ETIMEDOUT);
}

/* A deadline runs while a packet has begun or something waits to be sent. */
static void update_deadline(struct rpc_conn *c)
{
    /* Of one that is held it is not the peer that keeps us waiting. */
    bool partial = !c->held && datamap_framer_partial(&c->in);
    bool stuck = queued(c) > 0;

    if (c->dead)
        return;
    if (!partial && !stuck)
        uv_timer_stop(&c->timer);
    else if (partial != c->partial || stuck != c->stuck || !uv_is_active((uv_handle_t *)&c->timer))
        uv_timer_start(&c->timer, late, stuck ? RPC_CONN_SEND_MS : RPC_CONN_PACKET_MS, 0);
    c->partial = partial;
    c->stuck = stuck;
}

int rpc_conn_new(const struct rpc_conn_config *config, int fd, struct rpc_conn **ret)
{
    struct rpc_conn *c = mem_calloc(1, sizeof(*c));
    int r;

    if (!c)
        return -ENOMEM;
    c->fd = fd;
    c->config = *config;
    c->out = BUF_INIT(config->max_queue + READ_CHUNK);
    datamap_framer_init(&c->in, config->max_packet);
    r = uv_poll_init(config->loop, &c->poll, fd);
    if (r) {
        datamap_framer_free(&c->in);
        mem_free(c);
        return r;
    }
    uv_timer_init(config->loop, &c->timer);
    c->poll.data = c->timer.data = c;
    c->handles = 2;
    update_poll(c);
    *ret = c;
    return 0;
}

/* `told`: an error is told to the owner; otherwise it is left for the loop to find. */
static void flush(struct rpc_conn *c, bool told)
{
    while (queued(c)) {
        ssize_t n = send(c->fd, c->out.data + c->sent, queued(c), MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) {
            if (!told)
                break;
            fail(c, -errno);
            return;
        }
        c->sent += (size_t)n;
        /* Progress: the deadline is for a peer that takes nothing at all. */
        uv_timer_stop(&c->timer);
    }
    if (!queued(c)) {
        c->sent = 0;
        buf_free(&c->out);
        c->out = BUF_INIT(c->config.max_queue + READ_CHUNK);
        if (c->finishing) {
            fail(c, 0);
            return;
        }
    } else if (c->sent > c->out.len / 2) {
        buf_consume(&c->out, c->sent);
        c->sent = 0;
    }
    update_poll(c);
    update_deadline(c);
}

int rpc_conn_send(struct rpc_conn *c, const struct datamap_rpc *packet)
{
    size_t before = c->out.len;
    int r;

    if (c->dead || c->finishing)
        return -EPIPE;
    if (queued(c) && queued(c) + packet->len > c->config.max_queue)
        return -ENOBUFS;
    r = datamap_rpc_encode(&c->out, packet);
    if (r) {
        c->out.len = before;
        c->out.err = 0;
        return r;
    }
    if (before == c->sent)
        flush(c, false);
    else
        update_poll(c);
    return 0;
}

void rpc_conn_finish(struct rpc_conn *c)
{
    if (c->dead)
        return;
    c->finishing = true;
    if (!queued(c))
        fail(c, 0);
    else
        update_poll(c);
}

/* Keeps the shared budget; -ENOBUFS when it is exhausted. */
static int count(struct rpc_conn *c)
{
    struct rpc_budget *b = c->config.budget;
    size_t held = datamap_framer_partial(&c->in) ? c->in.bytes.size : 0;

    if (!b)
        return 0;
    b->used += held - c->counted;
    c->counted = held;
    return held && b->used > b->max ? -ENOBUFS : 0;
}

static void deliver(struct rpc_conn *c)
{
    const uint8_t *body;
    size_t len;
    int r = 0;

    if (c->delivering)
        return;
    c->delivering = true;
    while (!c->dead && may_read(c) && (r = datamap_framer_next(&c->in, &body, &len)) == 1) {
        struct datamap_rpc packet;

        c->partial = false; /* the next one has its own deadline */
        r = datamap_rpc_decode(body, len, &packet);
        if (r)
            break;
        c->config.ops->packet(c, &packet, c->config.arg);
    }
    c->delivering = false;
    if (!c->dead && r >= 0)
        r = count(c);
    if (r < 0)
        fail(c, r);
}

static void receive(struct rpc_conn *c)
{
    deliver(c); /* what was left while reading was paused */
    for (int turn = 0; turn < READS_PER_TURN && !c->dead && may_read(c); turn++) {
        uint8_t *to;
        ssize_t n;
        int r = datamap_framer_reserve(&c->in, READ_CHUNK, &to);

        if (r) {
            fail(c, r);
            return;
        }
        n = recv(c->fd, to, READ_CHUNK, MSG_DONTWAIT);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            break;
        if (n <= 0) {
            fail(c, n < 0 ? -errno : datamap_framer_partial(&c->in) ? -EBADMSG : 0);
            return;
        }
        datamap_framer_commit(&c->in, (size_t)n);
        deliver(c);
        if ((size_t)n < READ_CHUNK)
            break;
    }
}

static void poll_event(uv_poll_t *poll, int status, int events)
{
    struct rpc_conn *c = poll->data;

    if (status < 0) {
        fail(c, status);
        return;
    }
    if (events & UV_WRITABLE && !c->dead)
        flush(c, true);
    if (events & (UV_READABLE | UV_WRITABLE) && !c->dead && may_read(c))
        receive(c);
    if (events & UV_DISCONNECT && !c->dead && !(events & UV_READABLE))
        fail(c, -EPIPE);
    if (!c->dead) {
        update_poll(c);
        update_deadline(c);
    }
}

static void handle_gone(uv_handle_t *h)
{
    struct rpc_conn *c = h->data;

    if (--c->handles)
        return;
    close(c->fd);
    datamap_framer_free(&c->in);
    buf_free(&c->out);
    mem_free(c);
}

void rpc_conn_hold(struct rpc_conn *c, bool hold)
{
    c->held = hold;
    if (c->dead)
        return;
    /* What has been received already waits for no event of the socket: a writable one comes. */
    if (!hold && datamap_framer_partial(&c->in))
        uv_poll_start(&c->poll, UV_READABLE | UV_WRITABLE, poll_event);
    else
        update_poll(c);
    update_deadline(c);
}

size_t rpc_conn_queued(const struct rpc_conn *c)
{
    return queued(c);
}

void rpc_conn_close(struct rpc_conn *c)
{
    if (!c || c->closing)
        return;
    c->closing = c->dead = true;
    if (c->config.budget)
        c->config.budget->used -= c->counted;
    c->counted = 0;
    uv_poll_stop(&c->poll);
    shutdown(c->fd, SHUT_RDWR);
    uv_close((uv_handle_t *)&c->poll, handle_gone);
    uv_close((uv_handle_t *)&c->timer, handle_gone);
}
