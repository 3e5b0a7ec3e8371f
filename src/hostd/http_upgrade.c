/*
 * Connections that leave HTTP: after the answer 101 their bytes go to and from a descriptor.
 *
 * The connection stays suspended for libmicrohttpd until it is over, so socket and TLS session are
 * the loop's alone. The loop moves one block each way at a time, and reads the next only when the
 * last has been taken. (libmicrohttpd's own upgrade passes TLS on through a few bytes of what is
 * left of a connection's memory.) When one side ends, what it has said is passed on and both are
 * closed.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sock.h"
#include "hostd/http_internal.h"

#define BLOCK (64u << 10)
/* Blocks that one event moves before others have their turn. */
#define ROUNDS 8

struct side {
    int fd;
    gnutls_session_t tls; /* NULL: none */
    uv_poll_t *poll;      /* allocated: libuv lets go of it later than we do */
    int events;
};

struct flow {
    struct side *from, *to;
    size_t at, len;
    bool ended;
    bool drop;     /* nobody takes it any more */
    bool may_drop; /* that is no reason to end */
    uint64_t moved;
    uint8_t *bytes;
};

struct http_join {
    struct http_request *req;
    struct http_join *next, **link; /* in http.joins */
    struct side client, other;
    struct flow up, down; /* from the client, to the client */
    void (*done)(void *arg, uint64_t received, uint64_t sent);
    void *arg;
};

/* ---- moving bytes ---- */

static void free_poll(uv_handle_t *handle)
{
    mem_free(handle);
}

static void side_close(struct side *s)
{
    if (s->poll)
        uv_close((uv_handle_t *)TAKE_PTR(s->poll), free_poll);
}

static void join_free(struct http_join *j)
{
    side_close(&j->client);
    side_close(&j->other);
    close(j->other.fd);
    mem_free(j->up.bytes);
    mem_free(j->down.bytes);
    mem_free(j);
}

/* The connection goes back to libmicrohttpd, which finds it closed. */
static void join_end(struct http_join *j)
{
    struct http_request *req = j->req;
    void (*done)(void *, uint64_t, uint64_t) = j->done;
    void *arg = j->arg;
    uint64_t received = j->up.moved, sent = j->down.moved;

    *j->link = j->next;
    if (j->next)
        j->next->link = j->link;
    if (j->client.tls)
        gnutls_bye(j->client.tls, GNUTLS_SHUT_WR);
    join_free(j);
    http_abort(req);
    http_request_release(req);
    done(arg, received, sent);
}

/* ---- either side ---- */

/* As recv and send: -EAGAIN, another negative errno code, 0 at the end. */
static ssize_t tls_result(ssize_t n)
{
    if (n >= 0)
        return n;
    return gnutls_error_is_fatal((int)n) ? -ECONNRESET : -EAGAIN;
}

static ssize_t side_read(const struct side *s, void *to, size_t size)
{
    ssize_t n;

    if (s->tls)
        return tls_result(gnutls_record_recv(s->tls, to, size));
    do
        n = recv(s->fd, to, size, 0);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static ssize_t side_write(const struct side *s, const void *from, size_t len)
{
    ssize_t n;

    if (s->tls)
        return tls_result(gnutls_record_send(s->tls, from, len));
    do
        n = send(s->fd, from, len, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* What has been taken off the socket already makes it readable no more. */
static bool side_pending(const struct side *s)
{
    return s->tls && gnutls_record_check_pending(s->tls) > 0;
}

/* ---- both ---- */

/* 0: went on or waits; -EPIPE: nobody takes it; 1: all there was has been moved. */
static int move(struct flow *f)
{
    for (int i = 0; i < ROUNDS || side_pending(f->from); i++) {
        ssize_t n;

        while (f->at < f->len && !f->drop) {
            n = side_write(f->to, f->bytes + f->at, f->len - f->at);
            if (n == -EAGAIN)
                return 0;
            if (n < 0 && !f->may_drop)
                return -EPIPE;
            if (n < 0) {
                f->drop = true;
                break;
            }
            f->at += (size_t)n;
            f->moved += (uint64_t)n;
        }
        if (f->ended)
            return 1;
        f->at = f->len = 0;
        n = side_read(f->from, f->bytes, BLOCK);
        if (n == -EAGAIN)
            return 0;
        /* An error is an end, too: what came before it has been read. */
        f->ended = n <= 0;
        f->len = n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static void on_event(uv_poll_t *poll, int status, int events);

static void side_watch(struct side *s, int events)
{
    if (s->events == events)
        return;
    s->events = events;
    if (events)
        uv_poll_start(s->poll, events, on_event); /* fails only for a handle that is closing */
    else
        uv_poll_stop(s->poll);
}

static int wanted(const struct flow *in, const struct flow *out)
{
    return (!in->ended && in->at == in->len ? UV_READABLE : 0) |
           (out->at < out->len ? UV_WRITABLE : 0);
}

static void step(struct http_join *j)
{
    int down = move(&j->down), up = move(&j->up);

    if (down != 0 || up > 0) {
        join_end(j);
        return;
    }
    side_watch(&j->client, wanted(&j->up, &j->down));
    side_watch(&j->other, wanted(&j->down, &j->up));
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct http_join *j = poll->data;

    (void)events;
    /* libuv has stopped; there may be bytes left to read. */
    if (status < 0)
        (poll == j->client.poll ? &j->client : &j->other)->events = 0;
    step(j);
}

/* ---- the beginning ---- */

static int side_open(struct http_join *j, struct side *s)
{
    int r = sock_set_nonblocking(s->fd, 1);

    if (r < 0)
        return r;
    s->poll = mem_calloc(1, sizeof(*s->poll));
    if (!s->poll)
        return -ENOMEM;
    r = uv_poll_init(j->req->http->host->loop, s->poll, s->fd);
    if (r < 0)
        mem_free(TAKE_PTR(s->poll));
    else
        s->poll->data = j;
    return r;
}

bool http_upgrade_wanted(const struct http_request *req, const char *protocol)
{
    const char *upgrade = http_header(req, MHD_HTTP_HEADER_UPGRADE);
    const char *connection = http_header(req, MHD_HTTP_HEADER_CONNECTION);

    return upgrade && !strcasecmp(upgrade, protocol) && connection &&
           strcasestr(connection, "upgrade");
}

static struct http_join *join_new(struct http_request *req, const char *protocol, int fd)
{
    const union MHD_ConnectionInfo *tls =
        MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    struct http_join *j = mem_calloc(1, sizeof(*j));

    if (!j) {
        close(fd);
        return NULL;
    }
    j->req = req;
    j->client = (struct side){.fd = req->conn->fd, .tls = tls ? tls->tls_session : NULL};
    j->other.fd = fd;
    /* What the other side has still said the client gets, even when it takes nothing any more. */
    j->up = (struct flow){.from = &j->client, .to = &j->other, .may_drop = true};
    j->down = (struct flow){.from = &j->other, .to = &j->client};
    j->up.bytes = mem_alloc(BLOCK);
    j->down.bytes = mem_alloc(BLOCK);
    if (!j->up.bytes || !j->down.bytes || side_open(j, &j->client) < 0 ||
        side_open(j, &j->other) < 0) {
        join_free(j);
        return NULL;
    }
    j->down.len = (size_t)snprintf((char *)j->down.bytes, BLOCK,
                                   "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                                   "Upgrade: %s\r\n\r\n",
                                   protocol);
    return j;
}

void http_join_fd(struct http_request *req, const char *protocol, int fd,
                  void (*done)(void *arg, uint64_t received, uint64_t sent), void *arg)
{
    struct http_join *j;

    http_on_gone(req, NULL, NULL);
    j = join_new(req, protocol, fd);
    if (!j) {
        http_respond_text(req, MHD_HTTP_INTERNAL_SERVER_ERROR, "The server is out of memory.\n");
        done(arg, 0, 0);
        return;
    }
    j->done = done;
    j->arg = arg;
    j->next = req->http->joins;
    j->link = &req->http->joins;
    if (j->next)
        j->next->link = &j->next;
    req->http->joins = j;
    req->answered = true;
    atomic_store(&req->conn->deadline, UINT64_MAX);
    step(j);
}

void http_joins_stop(struct http *http)
{
    while (http->joins)
        join_end(http->joins);
}
