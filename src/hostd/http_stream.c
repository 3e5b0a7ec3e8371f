/*
 * Bodies that flow through a descriptor. The connection's MHD thread reads and writes it without
 * blocking; when it is full or empty the connection is suspended and the loop waits for the
 * descriptor, so a body takes the connection's buffer and what the pipe holds, however long it is.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "hostd/http_internal.h"

#define STREAM_BLOCK (64u << 10)
#define GATHER       (128u << 10) /* bytes of a long body that are written at once */
/* What is thrown away of a body that nobody wants, so that the client reads the answer instead of
 * finding the connection closed. */
#define DISCARD_MAX (64u << 20)
/* A client that sends slowly is not waited for longer than this. */
#define DISCARD_MS 5000u

/* What the loop waits for while a connection is suspended: a descriptor, and that the client goes
 * away meanwhile, which libmicrohttpd does not notice then. */
struct http_wait {
    uv_poll_t poll, client;
    unsigned handles;
    struct http_request *req; /* NULL: stopped */
    void (*cb)(struct http_request *req, int events);
};

static void free_wait(uv_handle_t *handle)
{
    struct http_wait *w = handle->data;
    if (--w->handles == 0)
        mem_free(w);
}

void http_stream_wait_stop(struct http_request *req)
{
    struct http_wait *w = req->wait;
    if (!w)
        return;
    req->wait = NULL;
    req->wait_until = 0;
    w->req = NULL;
    uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, free_wait);
    if (w->handles == 2) {
        uv_poll_stop(&w->client);
        uv_close((uv_handle_t *)&w->client, free_wait);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct http_wait *w = poll->data;
    if (w->req)
        w->cb(w->req, status < 0 ? UV_DISCONNECT : events);
}

static void give_up(struct http_request *req)
{
    http_stream_wait_stop(req);
    req->given_up = true;
    http_request_release(req);
}

/* A reader that has gone wants nothing more. Of a sender all may have come already; there is no
 * reason to wait for long, though. */
static void on_client(uv_poll_t *poll, int status, int events)
{
    struct http_wait *w = poll->data;
    (void)status;
    (void)events;
    if (!w->req)
        return;
    uv_poll_stop(poll);
    if (w->req->receiving) {
        if (!w->req->wait_until)
            w->req->wait_until = clock_ms() + w->req->client_patience;
        return;
    }
    give_up(w->req);
}

void http_stream_check(struct http_request *req, uint64_t now)
{
    if (req->wait && req->wait_until && now >= req->wait_until)
        give_up(req);
}

static void watch_client(struct http_request *req, struct http_wait *w, int fd)
{
    if (fd == req->conn->fd || uv_poll_init(req->http->host->loop, &w->client, req->conn->fd))
        return;
    w->client.data = w;
    w->handles = 2;
    uv_poll_start(&w->client, UV_DISCONNECT, on_client);
}

void http_stream_wait(struct http_request *req, int fd, int events,
                      void (*cb)(struct http_request *req, int events))
{
    http_stream_wait_stop(req);
    struct http_wait *w = mem_calloc(1, sizeof(*w));
    int rc = w ? uv_poll_init(req->http->host->loop, &w->poll, fd) : UV_ENOMEM;
    if (rc == 0) {
        w->poll.data = w;
        w->handles = 1;
        w->req = req;
        w->cb = cb;
        req->wait = w;
        req->wait_until = req->patience ? clock_ms() + req->patience : 0;
        rc = uv_poll_start(&w->poll, events, on_poll);
        if (rc == 0) {
            watch_client(req, w, fd);
            return;
        }
        http_stream_wait_stop(req);
    } else {
        mem_free(w);
    }
    log_warn("http: cannot wait for a descriptor: %s", uv_strerror(rc));
    if (events & (UV_READABLE | UV_WRITABLE)) {
        http_abort(req);
        http_request_release(req);
    }
}

void http_stream_patience(struct http_request *req, unsigned ms)
{
    req->patience = ms;
}

void http_stream_client_patience(struct http_request *req, unsigned ms)
{
    req->client_patience = ms;
}

void http_stream_ready(struct http_request *req, int events)
{
    (void)events;
    http_request_release(req);
}

static void touch(struct http_request *req, uint64_t deadline)
{
    atomic_store(&req->conn->deadline, deadline);
}

/* --- request bodies --- */

/* A body that is longer than what may be thrown away is cut at once, a client that sends too
 * slowly, or nothing more, at the deadline. */
ssize_t http_stream_discard(struct http_request *req, size_t len)
{
    if (!req->discard_until) {
        req->discard_until = clock_ms() + DISCARD_MS;
        touch(req, req->discard_until);
        if (req->content_length > 0 &&
            (uint64_t)req->content_length > req->recv_bytes + DISCARD_MAX)
            return -1;
    }
    req->discarded += len;
    return req->discarded > DISCARD_MAX || clock_ms() >= req->discard_until ? -1 : (ssize_t)len;
}

/* libmicrohttpd takes a short read for a sign that there is no more, and the kernel tells of each
 * event once: of a client's end that came together with its last bytes libmicrohttpd never hears.
 * Shutting down once more what the client has shut down changes nothing, but is told again. */
static void repeat_end(const struct http_request *req)
{
    struct pollfd p = {.fd = req->conn->fd, .events = POLLRDHUP};
    if (poll(&p, 1, 0) == 1 && p.revents & POLLRDHUP)
        shutdown(p.fd, SHUT_RD);
}

static ssize_t write_failed(struct http_request *req, size_t len)
{
    req->recv_code = errno == EAGAIN ? -ETIMEDOUT : errno ? -errno : -EIO;
    req->recv_ended = true;
    return http_hand_over(req, HTTP_NOTE_BODY_END) ? (ssize_t)len : -1;
}

/* Writes as much as goes: how much; less than `len` with errno set. */
static size_t write_out(struct http_request *req, const char *data, size_t len)
{
    size_t done = 0;
    errno = 0;
    while (done < len) {
        ssize_t n = write(req->recv_fd, data + done, len - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            break;
    }
    return done;
}

/* Bytes of a long body are gathered while there are certainly more to come than fit, so that no
 * other call is needed to write the last of them. */
static bool gathers(struct http_request *req)
{
    if (!req->bulk ||
        (!req->gathered_len && req->content_length <= (int64_t)(req->recv_bytes + GATHER)))
        return false;
    if (!req->gathered)
        req->gathered = mem_alloc(GATHER);
    return req->gathered;
}

static size_t gather(struct http_request *req, const char *data, size_t len)
{
    size_t room = GATHER - req->gathered_len, take = len < room ? len : room;
    memcpy(req->gathered + req->gathered_len, data, take);
    req->gathered_len += take;
    return take;
}

/* 1: there is nothing that has to go first; 0: it does not go now; -1: it failed, errno. */
static int flush(struct http_request *req)
{
    if (req->gathered_len < GATHER)
        return 1;
    req->gathered_out +=
        write_out(req, req->gathered + req->gathered_out, GATHER - req->gathered_out);
    if (req->gathered_out < GATHER)
        return errno == EAGAIN && !req->given_up ? 0 : -1;
    req->gathered_len = req->gathered_out = 0;
    return 1;
}

ssize_t http_stream_body(struct http_request *req, const char *data, size_t len)
{
    size_t done = 0;
    int r = 1;
    if (req->answered || !req->receiving || req->recv_ended)
        return http_stream_discard(req, len);
    while (done < len && (r = flush(req)) > 0) {
        size_t n = gathers(req) ? gather(req, data + done, len - done)
                                : write_out(req, data + done, len - done);
        if (n == 0) {
            r = errno == EAGAIN && !req->given_up ? 0 : -1;
            break;
        }
        done += n;
        req->recv_bytes += n;
    }
    if (r < 0)
        return write_failed(req, len);
    /* libmicrohttpd comes again with the rest when the connection goes on, and only then. */
    if (done < len) {
        touch(req, UINT64_MAX);
        return http_hand_over(req, HTTP_NOTE_WAIT_WRITE) ? (ssize_t)done : -1;
    }
    touch(req, clock_ms() + req->client_patience);
    repeat_end(req);
    return (ssize_t)done;
}

void http_stream_bulk(struct http_request *req)
{
    req->bulk = true;
}

void http_receive_fd(struct http_request *req, int fd,
                     void (*done)(struct http_request *req, int code, uint64_t bytes, void *arg),
                     void *arg)
{
    struct stat st;
    req->recv_fd = fd;
    req->recv_is_socket = fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
    sock_set_nonblocking(fd, 1);
    req->recv_done = done;
    req->recv_arg = arg;
    req->receiving = true;
    req->gone_cb = NULL;
    http_request_release(req);
}

void http_stream_body_end(struct http_request *req)
{
    void (*done)(struct http_request *, int, uint64_t, void *) = req->recv_done;
    req->recv_done = NULL;
    req->recv_ended = true;
    if (req->recv_code == 0 && req->recv_fd >= 0) {
        if (req->recv_is_socket)
            shutdown(req->recv_fd, SHUT_WR);
        close(TAKE_FD(req->recv_fd));
    }
    if (done)
        done(req, req->recv_code, req->recv_bytes, req->recv_arg);
    /* `done` may have answered, and then the request may be gone; but an answer never frees it
     * before the connection's thread has handed it over again (HTTP_NOTE_ENDED), which only this
     * thread takes. */
    if (req->recv_fd >= 0)
        close(TAKE_FD(req->recv_fd));
}

/* --- answers --- */

static ssize_t end_of_input(struct http_request *req, uint64_t pos)
{
    req->send_whole = req->send_length < 0 || pos >= (uint64_t)req->send_length;
    if (req->send_end_cb) {
        touch(req, UINT64_MAX);
        return http_hand_over(req, HTTP_NOTE_SEND_END) ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
    }
    return req->send_whole ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t read_block(void *cls, uint64_t pos, char *buf, size_t max)
{
    struct http_request *req = cls;
    if (req->send_over)
        return req->send_whole ? MHD_CONTENT_READER_END_OF_STREAM
                               : MHD_CONTENT_READER_END_WITH_ERROR;
    if (req->send_fd < 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    for (;;) {
        ssize_t n = read(req->send_fd, buf, max);
        if (n > 0) {
            touch(req, clock_ms() + req->client_patience);
            return n;
        }
        if (n == 0)
            return end_of_input(req, pos);
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN || req->given_up)
            return MHD_CONTENT_READER_END_WITH_ERROR;
        touch(req, UINT64_MAX);
        return http_hand_over(req, HTTP_NOTE_WAIT_READ) ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
    }
}

void http_respond_fd(struct http_request *req, unsigned status, const char *content_type, int fd,
                     int64_t length, void (*end)(struct http_request *req, bool whole, void *arg),
                     void *arg)
{
    req->send_fd = fd;
    req->send_length = length;
    req->send_end_cb = end;
    req->send_arg = arg;
    sock_set_nonblocking(fd, 1);
    http_respond_response(
        req, status, content_type,
        MHD_create_response_from_callback(length < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)length,
                                          STREAM_BLOCK, read_block, req, NULL));
}

void http_stream_send_end(struct http_request *req)
{
    void (*end)(struct http_request *, bool, void *) = req->send_end_cb;
    req->send_end_cb = NULL;
    end(req, req->send_whole, req->send_arg);
}

void http_respond_fd_end(struct http_request *req, bool whole)
{
    req->send_over = true;
    req->send_whole = whole;
    http_request_release(req);
}

/* The request is over. */
void http_stream_ended(struct http_request *req)
{
    http_stream_wait_stop(req);
    if (req->receiving && req->recv_done) {
        if (req->recv_code == 0)
            req->recv_code = -ECONNRESET;
        http_stream_body_end(req);
    }
    if (req->route && req->route->ended)
        req->route->ended(req, req->complete);
    http_request_free(req);
}
