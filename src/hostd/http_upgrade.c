/*
 * Connections that leave HTTP: after the answer 101 their bytes go to and from a descriptor.
 *
 * libmicrohttpd gives a socket that stands for the connection (its thread does the TLS behind it).
 * The loop moves bytes between that and the descriptor, one block each way at a time, and reads the
 * next only when the last has been taken. The descriptor's end is the connection's; the
 * connection's end is the descriptor's.
 */
#include <errno.h>
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
    uv_poll_t *poll; /* allocated: libuv lets go of it later than we do */
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
    struct http_join *next, **link; /* in http.joins once it runs */
    struct MHD_UpgradeResponseHandle *urh;
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
    if (j->link) {
        *j->link = j->next;
        if (j->next)
            j->next->link = j->link;
    }
    close(j->other.fd);
    mem_free(j->up.bytes);
    mem_free(j->down.bytes);
    mem_free(j);
}

/* Over, in whatever state. The request itself ends when libmicrohttpd has closed the connection. */
static void join_end(struct http_join *j)
{
    void (*done)(void *, uint64_t, uint64_t) = j->done;
    void *arg = j->arg;
    uint64_t received = j->up.moved, sent = j->down.moved;

    j->req->join = NULL;
    side_close(&j->client); /* before libmicrohttpd closes what it watches */
    if (j->urh)
        MHD_upgrade_action(j->urh, MHD_UPGRADE_ACTION_CLOSE);
    join_free(j);
    done(arg, received, sent);
}

/* 0: went on or waits; -EPIPE: nobody takes it; 1: all there was has been moved. */
static int move(struct flow *f)
{
    for (int i = 0; i < ROUNDS; i++) {
        ssize_t n;

        while (f->at < f->len && !f->drop) {
            n = send(f->to->fd, f->bytes + f->at, f->len - f->at, MSG_NOSIGNAL);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0 && errno == EAGAIN)
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
        do
            n = recv(f->from->fd, f->bytes, BLOCK, 0);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno == EAGAIN)
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

/* ---- the change of hands ---- */

static int side_open(struct http_join *j, struct side *s)
{
    int r = sock_set_nonblocking(s->fd, 1);

    if (r == 0 && !(s->poll = mem_calloc(1, sizeof(*s->poll))))
        r = -ENOMEM;
    if (r == 0)
        r = uv_poll_init(j->req->http->host->loop, s->poll, s->fd);
    if (r < 0)
        mem_free(TAKE_PTR(s->poll));
    else
        s->poll->data = j;
    return r;
}

/* Loop: the connection has left HTTP. */
void http_join_begin(struct http_request *req)
{
    struct http_join *j = req->join;
    struct http *http = req->http;

    j->next = http->joins;
    j->link = &http->joins;
    if (j->next)
        j->next->link = &j->next;
    http->joins = j;
    if (!http->daemon) /* stopped meanwhile, and the connection is gone */
        j->urh = NULL;
    if (!j->urh || side_open(j, &j->client) < 0 || side_open(j, &j->other) < 0)
        join_end(j);
    else
        step(j);
}

/* MHD thread. */
static void on_upgrade(void *cls, struct MHD_Connection *connection, void *req_cls,
                       const char *extra, size_t extra_len, MHD_socket sock,
                       struct MHD_UpgradeResponseHandle *urh)
{
    struct http_request *req = cls;
    struct http_join *j = req->join;

    (void)connection;
    (void)req_cls;
    atomic_store(&req->conn->deadline, UINT64_MAX);
    j->urh = urh;
    j->client.fd = sock;
    /* A client that did not wait for the answer. */
    j->up.len = extra_len < BLOCK ? extra_len : BLOCK;
    memcpy(j->up.bytes, extra, j->up.len);
    http_notify(req, HTTP_NOTE_UPGRADED);
}

bool http_upgrade_wanted(const struct http_request *req, const char *protocol)
{
    const char *upgrade = http_header(req, MHD_HTTP_HEADER_UPGRADE);
    const char *connection = http_header(req, MHD_HTTP_HEADER_CONNECTION);

    return upgrade && !strcasecmp(upgrade, protocol) && connection &&
           strcasestr(connection, "upgrade");
}

void http_join_fd(struct http_request *req, const char *protocol, int fd,
                  void (*done)(void *arg, uint64_t received, uint64_t sent), void *arg)
{
    struct http_join *j = mem_calloc(1, sizeof(*j));
    struct MHD_Response *response = NULL;

    if (j) {
        *j = (struct http_join){.req = req, .client = {.fd = -1}, .other = {.fd = fd}};
        j->done = done;
        j->arg = arg;
        j->up = (struct flow){.from = &j->client, .to = &j->other, .bytes = mem_alloc(BLOCK)};
        /* What the other side has still said the client gets, even when it takes nothing any more.
         */
        j->up.may_drop = true;
        j->down = (struct flow){.from = &j->other, .to = &j->client, .bytes = mem_alloc(BLOCK)};
        if (j->up.bytes && j->down.bytes)
            response = MHD_create_response_for_upgrade(on_upgrade, req);
    }
    if (!response) {
        if (j)
            join_free(j);
        else
            close(fd);
        http_respond_text(req, MHD_HTTP_INTERNAL_SERVER_ERROR, "The server is out of memory.\n");
        done(arg, 0, 0);
        return;
    }
    req->join = j;
    req->joined = true;
    MHD_add_response_header(response, MHD_HTTP_HEADER_UPGRADE, protocol);
    http_respond_response(req, MHD_HTTP_SWITCHING_PROTOCOLS, NULL, response);
}

/* Loop: the request is over; the connection may have gone before it left HTTP. */
void http_join_over(struct http_request *req)
{
    if (req->join) {
        req->join->urh = NULL;
        join_end(req->join);
    }
}

void http_joins_stop(struct http *http)
{
    while (http->joins)
        join_end(http->joins);
}
