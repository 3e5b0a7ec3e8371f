/*
 * The current client and the connection of vmx. A client that breaks before its request is whole
 * costs nothing else; one that breaks later takes the connection of vmx with it, because bytes for
 * it may be under way. Whatever vmx does wrong ends its connection, and the client that has asked.
 */
#include "guest/gueststore_impl.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/log.h"
#include "base/mem.h"

#define US_PER_S 1000000

static void watch_client(struct client *c, int events);
static void watch_vmx(struct gueststore *g);
static void idle_late(uv_timer_t *timer);

static void restart_idle(struct gueststore *g)
{
    if (g->vmx)
        uv_timer_start(&g->idle_timer, idle_late, g->idle_ms, 0);
}

/* ---- ends ---- */

static void vmx_gone(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void drop_vmx(struct gueststore *g)
{
    struct vmx_conn *v = g->vmx;

    if (!v)
        return;
    g->vmx = NULL;
    uv_timer_stop(&g->idle_timer);
    uv_poll_stop(&v->poll);
    uv_close((uv_handle_t *)&v->poll, vmx_gone);
    close(v->fd);
    pump_free(v->pump);
}

/* The end of the connection says the same as CLOSE: one that does not fit is not waited for. */
static void send_close(int fd)
{
    AUTO_BUF struct buf b = BUF_INIT(64);
    const struct gueststore_request rq = {.command = GUESTSTORE_CLOSE};

    if (gueststore_request_encode(&b, &rq) == 0 &&
        send(fd, b.data, b.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        log_debug("gueststore: CLOSE was not sent (errno %d)", errno);
}

void gueststore_close_vmx(struct gueststore *g)
{
    if (!g->vmx)
        return;
    send_close(g->vmx->fd);
    drop_vmx(g);
}

static void client_failed(struct gueststore *g, const char *why)
{
    log_info("gueststore: a client is dropped: %s", why);
    if (g->current->state >= CLIENT_ASKED)
        gueststore_close_vmx(g);
    gueststore_next(g);
}

static void vmx_failed(struct gueststore *g, const char *why)
{
    log_warn("gueststore: the connection of the host is dropped: %s", why);
    drop_vmx(g);
    if (g->current && g->current->state >= CLIENT_ASKED)
        gueststore_next(g);
}

static void request_late(uv_timer_t *timer)
{
    client_failed(timer->data, "its request did not come in time");
}

static void connect_late(uv_timer_t *timer)
{
    struct gueststore *g = timer->data;

    log_warn("gueststore: the host did not connect in time");
    g->connecting = false;
    g->asked++;
    gueststore_close_clients(g);
}

static void idle_late(uv_timer_t *timer)
{
    vmx_failed(timer->data, "nothing has moved for too long");
}

/* ---- asking vmx ---- */

static void ask(struct gueststore *g)
{
    AUTO_BUF struct buf b = BUF_INIT(GUESTSTORE_MAP_REQUEST_MAX);
    struct client *c = g->current;
    const struct gueststore_request rq = {
        .command = GUESTSTORE_GET, .path = (const uint8_t *)c->path, .path_len = c->path_len};
    int r = gueststore_request_encode(&b, &rq);

    c->state = CLIENT_ASKED;
    g->vmx->got = 0;
    /* Nothing else is on its way to vmx: a request that does not fit is no request. */
    if (r < 0 || send(g->vmx->fd, b.data, b.len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)b.len) {
        vmx_failed(g, "the request could not be sent");
        return;
    }
    watch_vmx(g);
}

static void connect_refused(struct gueststore *g, const char *why)
{
    log_warn("gueststore: the host does not connect: %s", why);
    g->connecting = false;
    uv_timer_stop(&g->connect_timer);
    gueststore_close_clients(g);
}

struct connect_call {
    struct gueststore *g;
    unsigned number;
};

static void on_connect_answered(struct toolbox *tb, int status, const uint8_t *data, size_t len,
                                void *arg)
{
    AUTO_FREE struct connect_call *call = arg;
    struct gueststore *g = call->g;
    int r;

    (void)tb;
    (void)len;
    if (!g->connecting || call->number != g->asked || g->stopped)
        return;
    if (status != 1) {
        connect_refused(g, status == 0 ? (const char *)data : strerror(-status));
        return;
    }
    r = gueststore_link_agreed(g->link);
    if (r < 0)
        connect_refused(g, strerror(-r));
}

static void ask_to_connect(struct gueststore *g)
{
    struct connect_call *call = mem_calloc(1, sizeof(*call));
    int r = -ENOMEM;

    g->connecting = true;
    uv_timer_start(&g->connect_timer, connect_late, GUESTSTORE_VMX_CONNECT_MS, 0);
    if (call) {
        *call = (struct connect_call){g, ++g->asked};
        r = toolbox_rpci_text(g->config.tb, on_connect_answered, call, "guestStore.connect %u",
                              gueststore_link_port(g->link));
    }
    if (r < 0) {
        mem_free(call);
        connect_refused(g, strerror(-r));
    }
}

/* ---- the client's request ---- */

/* A request that has come is followed by nothing; what the client can still do is go. */
static void watch_end(struct client *c)
{
    watch_client(c, c->half_closed ? 0 : UV_DISCONNECT);
}

static void request_whole(struct gueststore *g)
{
    struct client *c = g->current;

    uv_timer_stop(&g->request_timer);
    if (gueststore_parse_get(c->request, c->got, c->path, &c->path_len) < 0) {
        client_failed(g, "its request is none");
        return;
    }
    watch_end(c);
    if (g->vmx) {
        ask(g);
        return;
    }
    c->state = CLIENT_CONNECTING;
    if (!g->connecting)
        ask_to_connect(g);
}

static void read_request(struct gueststore *g)
{
    struct client *c = g->current;
    ssize_t n = recv(c->fd, c->request + c->got, sizeof(c->request) - c->got, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        client_failed(g, "it has hung up");
        return;
    }
    c->got += (size_t)n;
    if (c->got >= sizeof(c->request))
        client_failed(g, "its request is too long");
    else if (gueststore_get_complete(c->request, c->got))
        request_whole(g);
}

void gueststore_serve(struct gueststore *g)
{
    struct client *c = g->current;

    c->state = CLIENT_READING;
    if (uv_poll_init(g->config.loop, &c->poll, c->fd) < 0) {
        gueststore_next(g);
        return;
    }
    c->polled = true;
    c->poll.data = c;
    uv_timer_start(&g->request_timer, request_late, g->request_ms, 0);
    watch_client(c, UV_READABLE);
}

/* ---- the answer ---- */

static void client_served(struct gueststore *g)
{
    char rest[4096];

    /* What a client has sent after its request would make the end look like a failure to it. First
     * it may send no more: one that never stops would be read for ever. */
    shutdown(g->current->fd, SHUT_RD);
    while (recv(g->current->fd, rest, sizeof(rest), MSG_DONTWAIT) > 0)
        continue;
    gueststore_next(g);
}

/* Bytes that vmx sends while nothing was asked belong to nothing. */
static bool vmx_is_quiet(struct gueststore *g)
{
    char byte;

    return !g->vmx || recv(g->vmx->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

static void content_over(struct gueststore *g)
{
    client_served(g);
    if (g->vmx)
        watch_vmx(g);
    if (!vmx_is_quiet(g) && !(g->current && g->current->state >= CLIENT_ASKED))
        vmx_failed(g, "it sent more than it had announced");
}

static void send_content(struct gueststore *g)
{
    struct client *c = g->current;
    int64_t moved;
    enum pump_result r = pump_run(g->vmx->pump, g->vmx->fd, c->fd, &c->left, &moved);

    if (moved > 0)
        restart_idle(g);
    switch (r) {
    case PUMP_DONE:
        content_over(g);
        break;
    case PUMP_MORE:
    case PUMP_WANT_ROOM:
        uv_poll_stop(&g->vmx->poll);
        watch_client(c, UV_WRITABLE);
        break;
    case PUMP_WANT_INPUT:
        watch_end(c);
        watch_vmx(g);
        break;
    case PUMP_INPUT_FAILED:
        vmx_failed(g, "the content broke off");
        break;
    case PUMP_OUTPUT_FAILED:
        client_failed(g, "it has hung up");
        break;
    }
}

static void send_head(struct gueststore *g)
{
    struct client *c = g->current;

    while (c->out.len > 0) {
        ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            uv_poll_stop(&g->vmx->poll);
            watch_client(c, UV_WRITABLE);
            return;
        }
        if (n < 0) {
            client_failed(g, "it has hung up");
            return;
        }
        buf_consume(&c->out, (size_t)n);
    }
    restart_idle(g);
    if (c->left == 0) {
        content_over(g);
        return;
    }
    c->state = CLIENT_CONTENT;
    send_content(g);
}

static void answer(struct gueststore *g, const struct gueststore_reply *reply)
{
    struct client *c = g->current;
    unsigned status = reply->error == GUESTSTORE_OK          ? GUESTSTORE_HTTP_OK
                      : reply->error == GUESTSTORE_FORBIDDEN ? GUESTSTORE_HTTP_FORBIDDEN
                      : reply->error == GUESTSTORE_NOT_FOUND ? GUESTSTORE_HTTP_NOT_FOUND
                                                             : 0;

    log_info("gueststore: %s: %u, %lld bytes", c->path, status, (long long)reply->size);
    if (!status ||
        gueststore_put_head(&c->out, status, reply->size, clock_wall_us() / US_PER_S) < 0) {
        vmx_failed(g, "it cannot serve the request");
        return;
    }
    c->state = CLIENT_HEAD;
    c->left = reply->size;
    send_head(g);
}

/* ---- vmx's connection ---- */

/* How many bytes the map still wants; 0 = it is whole, negative = it is none. */
static ssize_t map_wants(const struct vmx_conn *v)
{
    struct cursor c = CURSOR_INIT(v->map, v->got);
    uint32_t len;

    if (v->got < 4)
        return (ssize_t)(4 - v->got);
    cursor_be32(&c, &len);
    if (len > GUESTSTORE_MAP_REPLY_MAX)
        return -EMSGSIZE;
    return (ssize_t)(4 + len - v->got);
}

static void read_map(struct gueststore *g)
{
    struct vmx_conn *v = g->vmx;
    struct gueststore_reply reply;
    ssize_t want;

    /* Not one byte of the content that follows the map is taken here. */
    while ((want = map_wants(v)) > 0) {
        ssize_t n = recv(v->fd, v->map + v->got, (size_t)want, MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            vmx_failed(g, "it has hung up");
            return;
        }
        v->got += (size_t)n;
    }
    if (want < 0 || gueststore_reply_decode(v->map + 4, v->got - 4, &reply) < 0) {
        vmx_failed(g, "its answer is not understood");
        return;
    }
    answer(g, &reply);
}

static void on_vmx_ready(uv_poll_t *poll, int status, int events)
{
    struct vmx_conn *v = poll->data;
    struct gueststore *g = v->g;
    struct client *c = g->current;

    (void)status;
    (void)events;
    if (c && c->state == CLIENT_ASKED)
        read_map(g);
    else if (c && c->state == CLIENT_CONTENT)
        send_content(g);
    else if (!c || c->state < CLIENT_ASKED)
        vmx_failed(g, vmx_is_quiet(g) ? "it has hung up" : "it sent what nobody has asked for");
}

static void watch_vmx(struct gueststore *g)
{
    uv_poll_start(&g->vmx->poll, UV_READABLE, on_vmx_ready);
}

void gueststore_on_vmx(int fd, void *arg)
{
    struct gueststore *g = arg;
    struct vmx_conn *v = NULL;

    if (!g->connecting || g->vmx) {
        log_warn("gueststore: a connection that was not asked for is closed");
        close(fd);
        return;
    }
    v = mem_calloc(1, sizeof(*v));
    if (!v || pump_new(&v->pump) < 0 || uv_poll_init(g->config.loop, &v->poll, fd) < 0) {
        if (v)
            pump_free(v->pump);
        mem_free(v);
        close(fd);
        connect_refused(g, "no memory");
        return;
    }
    v->g = g;
    v->fd = fd;
    v->poll.data = v;
    g->vmx = v;
    g->connecting = false;
    uv_timer_stop(&g->connect_timer);
    restart_idle(g);
    watch_vmx(g);
    if (!g->current)
        gueststore_close_vmx(g);
    else if (g->current->state == CLIENT_CONNECTING)
        ask(g);
}

/* ---- the client's socket ---- */

static bool client_is_gone(const struct client *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLOUT};

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

static void on_client_ready(uv_poll_t *poll, int status, int events)
{
    struct client *c = poll->data;
    struct gueststore *g = c->g;

    if (c != g->current)
        return;
    if (c->state == CLIENT_READING) {
        read_request(g);
    } else if (c->state == CLIENT_HEAD) {
        send_head(g);
    } else if (c->state == CLIENT_CONTENT && (events & UV_WRITABLE)) {
        send_content(g);
    } else if (status < 0 || client_is_gone(c)) {
        client_failed(g, "it has hung up");
    } else if (events & UV_DISCONNECT) {
        c->half_closed = true; /* it wants the answer all the same */
        watch_end(c);
    }
}

static void watch_client(struct client *c, int events)
{
    if (events)
        uv_poll_start(&c->poll, events, on_client_ready);
    else
        uv_poll_stop(&c->poll);
}
