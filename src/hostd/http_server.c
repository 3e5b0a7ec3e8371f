/* The daemon: libmicrohttpd's callbacks, the hand-over to the loop, and the deadlines of
 * connections. */
#include "hostd/http_server.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/http_internal.h"

#define SCAN_MS 1000
/* Of a buffered body or answer, over and above HTTP_STALL_SECONDS: bytes per millisecond. */
#define BYTES_PER_MS 4
/* With more connections than this the idle ones are closed after IDLE_SHORT_MS. */
#define CONNECTIONS_MANY (HTTP_CONNECTIONS_MAX * 3 / 4)
#define IDLE_SHORT_MS    30000u
#define STALL_MS         (HTTP_STALL_SECONDS * 1000u)

static const struct {
    const char *name;
    enum http_method method;
} method_names[] = {
    {"GET", HTTP_GET}, {"HEAD", HTTP_HEAD},     {"POST", HTTP_POST},
    {"PUT", HTTP_PUT}, {"DELETE", HTTP_DELETE}, {"PATCH", HTTP_PATCH},
};

static unsigned method_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(method_names); i++)
        if (strcmp(name, method_names[i].name) == 0)
            return method_names[i].method;
    return 0;
}

static bool route_matches(const struct http_route *r, const char *path)
{
    size_t n = strlen(r->path);
    return r->prefix ? strncmp(path, r->path, n) == 0 : strcmp(path, r->path) == 0;
}

/* *ret_status is what to answer when there is none. */
static const struct http_route *route_find(const struct http *http, const char *path,
                                           unsigned method, unsigned *ret_status)
{
    const struct http_route *best = NULL;
    bool known = false;
    for (size_t i = 0; i < http->nroutes; i++) {
        const struct http_route *r = http->routes[i];
        if (!route_matches(r, path))
            continue;
        known = true;
        if ((r->methods & method) && (!best || strlen(r->path) > strlen(best->path)))
            best = r;
    }
    *ret_status = known ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND;
    return best;
}

/* --- hand-over --- */

static void enqueue(struct http_request *req, enum http_note note)
{
    struct http *http = req->http;
    req->note = note;
    req->next = NULL;
    *http->queue_tail = req;
    http->queue_tail = &req->next;
}

bool http_hand_over(struct http_request *req, enum http_note note)
{
    struct http *http = req->http;
    pthread_mutex_lock(&http->lock);
    bool ok = !http->stopping;
    if (ok) {
        MHD_suspend_connection(req->connection);
        enqueue(req, note);
    }
    pthread_mutex_unlock(&http->lock);
    if (ok)
        uv_async_send(&http->async);
    return ok;
}

static void take(struct http_request *req)
{
    switch (req->note) {
    case HTTP_NOTE_START:
        http_request_hold(req);
        req->route->handler(req);
        break;
    case HTTP_NOTE_BODY_END:
        http_request_hold(req);
        http_stream_body_end(req);
        break;
    case HTTP_NOTE_WAIT_WRITE:
        http_request_hold(req);
        http_stream_wait(req, req->recv_fd, UV_WRITABLE | UV_DISCONNECT, http_stream_ready);
        break;
    case HTTP_NOTE_WAIT_READ:
        http_request_hold(req);
        http_stream_wait(req, req->send_fd, UV_READABLE | UV_DISCONNECT, http_stream_ready);
        break;
    case HTTP_NOTE_SEND_END:
        http_request_hold(req);
        http_stream_send_end(req);
        break;
    case HTTP_NOTE_ENDED:
        http_stream_ended(req);
        break;
    case HTTP_NOTE_NONE:
        break;
    }
}

static void drain_queue(struct http *http)
{
    for (;;) {
        pthread_mutex_lock(&http->lock);
        struct http_request *list = http->queue_head;
        http->queue_head = NULL;
        http->queue_tail = &http->queue_head;
        pthread_mutex_unlock(&http->lock);
        if (!list)
            return;
        while (list) {
            struct http_request *req = list;
            list = req->next;
            take(req);
        }
    }
}

static void on_async(uv_async_t *async)
{
    drain_queue(async->data);
}

/* --- libmicrohttpd's callbacks, on its threads --- */

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned status)
{
    static const char text[] = "The request cannot be served.\n";
    struct MHD_Response *r =
        MHD_create_response_from_buffer(sizeof(text) - 1, (void *)text, MHD_RESPMEM_PERSISTENT);
    if (!r)
        return MHD_NO;
    enum MHD_Result rc = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return rc;
}

static enum MHD_Result first_call(struct http *http, struct MHD_Connection *c, const char *url,
                                  const char *method, void **req_cls)
{
    unsigned m = method_find(method), status;
    const struct http_route *route = route_find(http, url, m, &status);
    struct http_request *req = http_request_new(http, c, url, m ? (enum http_method)m : HTTP_GET);
    if (!req || !req->conn) {
        http_request_free(req);
        return MHD_NO;
    }
    *req_cls = req; /* http_completed frees it from now on */
    req->body_start_ms = clock_ms();
    atomic_store(&req->conn->deadline, req->body_start_ms + STALL_MS);
    if (!route) {
        log_info("http: %s: %s %s: %u", req->source, method, url, status);
        return refuse(c, status);
    }
    req->route = route;
    if (route->body == HTTP_BODY_STREAM) {
        atomic_store(&req->conn->deadline, UINT64_MAX);
        return http_hand_over(req, HTTP_NOTE_START) ? MHD_YES : MHD_NO;
    }
    if (req->content_length > (int64_t)HTTP_BODY_MAX) {
        log_warn("http: %s: body of %lld bytes refused", req->source,
                 (long long)req->content_length);
        return refuse(c, MHD_HTTP_CONTENT_TOO_LARGE);
    }
    return MHD_YES;
}

static enum MHD_Result body_call(struct http_request *req, const char *data, size_t *size)
{
    bool stream = req->route && req->route->body == HTTP_BODY_STREAM;
    req->body_begun = true;
    if (!stream && !req->too_large && buf_put(&req->body, data, *size) != 0) {
        log_warn("http: %s: body over %u bytes refused", req->source, HTTP_BODY_MAX);
        req->too_large = true;
        buf_free(&req->body);
    }
    if (stream || req->too_large) {
        ssize_t n = stream ? http_stream_body(req, data, *size) : http_stream_discard(req, *size);
        if (n < 0)
            return MHD_NO;
        *size -= (size_t)n;
        return MHD_YES;
    }
    *size = 0;
    atomic_store(&req->conn->deadline,
                 req->body_start_ms + STALL_MS + req->body.len / BYTES_PER_MS);
    return MHD_YES;
}

/* The connection was suspended before its body was read, and goes on: libmicrohttpd asks once more.
 * An answer now would close the connection on a client that is still sending, who would often see
 * only a reset; so it is given now only to one who waits for leave to send. */
static bool body_first(struct http_request *req)
{
    if (req->route->body != HTTP_BODY_STREAM || req->body_begun)
        return false;
    req->body_begun = true;
    atomic_store(&req->conn->deadline, clock_ms() + req->client_patience); /* for its first byte */
    return !(req->answered && http_header(req, MHD_HTTP_HEADER_EXPECT));
}

static enum MHD_Result last_call(struct http_request *req)
{
    if (body_first(req))
        return MHD_YES;
    if (req->answered) {
        if (!req->response)
            return MHD_NO;
        atomic_store(&req->conn->deadline, clock_ms() + STALL_MS + req->answer_len / BYTES_PER_MS);
        return MHD_queue_response(req->connection, req->status, req->response);
    }
    if (req->too_large)
        return refuse(req->connection, MHD_HTTP_CONTENT_TOO_LARGE);
    atomic_store(&req->conn->deadline, UINT64_MAX);
    enum http_note note = HTTP_NOTE_START;
    if (req->route->body == HTTP_BODY_STREAM) {
        if (req->recv_ended)
            return MHD_NO; /* resumed without an answer: a programming error */
        req->recv_ended = true;
        note = HTTP_NOTE_BODY_END;
    }
    return http_hand_over(req, note) ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **req_cls)
{
    (void)version;
    struct http_request *req = *req_cls;
    if (!req)
        return first_call(cls, c, url, method, req_cls);
    if (*size)
        return body_call(req, data, size);
    return last_call(req);
}

static void on_completed(void *cls, struct MHD_Connection *c, void **req_cls,
                         enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)c;
    struct http_request *req = *req_cls;
    *req_cls = NULL;
    if (!req)
        return;
    struct http *http = req->http;
    atomic_store(&req->conn->deadline, clock_ms() + HTTP_IDLE_SECONDS * 1000u);
    atomic_store(&req->conn->idle_since, clock_ms());
    bool loop_waits = req->route && (req->route->ended || req->receiving);
    pthread_mutex_lock(&http->lock);
    req->connection = NULL;
    req->conn = NULL;
    req->complete = code == MHD_REQUEST_TERMINATED_COMPLETED_OK;
    if (loop_waits)
        enqueue(req, HTTP_NOTE_ENDED);
    pthread_mutex_unlock(&http->lock);
    if (loop_waits)
        uv_async_send(&http->async);
    else
        http_request_free(req);
}

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *c)
{
    (void)cls;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct http_conn *conn = info ? info->socket_context : NULL;
    if (conn) {
        mem_free(conn->uri);
        conn->uri = mem_strndup(uri, strcspn(uri, "?"));
        atomic_store(&conn->idle_since, 0);
        atomic_store(&conn->deadline, clock_ms() + HTTP_HEADER_SECONDS * 1000u);
    }
    return NULL;
}

static void on_connection(void *cls, struct MHD_Connection *c, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http *http = cls;
    struct http_conn *conn = *context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (!conn)
            return;
        pthread_mutex_lock(&http->lock);
        *conn->link = conn->next;
        if (conn->next)
            conn->next->link = conn->link;
        http->nconns--;
        pthread_mutex_unlock(&http->lock);
        mem_free(conn->uri);
        mem_free(conn);
        *context = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    conn = mem_calloc(1, sizeof(*conn));
    if (!conn || !info)
        return; /* first_call refuses a connection without a record */
    conn->fd = info->connect_fd;
    atomic_init(&conn->idle_since, 0);
    atomic_init(&conn->deadline, clock_ms() + HTTP_HEADER_SECONDS * 1000u);
    pthread_mutex_lock(&http->lock);
    conn->next = http->conns;
    conn->link = &http->conns;
    if (conn->next)
        conn->next->link = &conn->next;
    http->conns = conn;
    http->nconns++;
    pthread_mutex_unlock(&http->lock);
    *context = conn;
}

/* Loop: cuts the connections that are past their deadline; libmicrohttpd notices. */
static void on_scan(uv_timer_t *timer)
{
    struct http *http = timer->data;
    uint64_t now = clock_ms();
    pthread_mutex_lock(&http->lock);
    bool many = http->nconns > CONNECTIONS_MANY;
    for (struct http_conn *c = http->conns; c; c = c->next) {
        uint64_t idle = atomic_load(&c->idle_since);
        if (now > atomic_load(&c->deadline) || (many && idle && now - idle > IDLE_SHORT_MS)) {
            shutdown(c->fd, SHUT_RDWR);
            atomic_store(&c->deadline, UINT64_MAX);
        }
    }
    pthread_mutex_unlock(&http->lock);
    for (struct http_request *req = http->held, *next; req; req = next) {
        next = req->held_next;
        http_stream_check(req, now);
    }
}

static void mhd_log(void *cls, const char *fmt, va_list ap)
{
    (void)cls;
    char text[512];
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    while (n > 0 && (size_t)n < sizeof(text) && text[n - 1] == '\n')
        text[--n] = '\0';
    log_debug("http: %s", text);
}

/* --- life --- */

static int collect_routes(struct http *http, const struct host_module *const *modules)
{
    for (int pass = 0; pass < 2; pass++) {
        size_t n = 0;
        for (const struct host_module *const *m = modules; *m; m++)
            for (const struct http_route *r = (*m)->routes; r && r->path; r++, n++)
                if (pass)
                    http->routes[n] = r;
        if (pass)
            http->nroutes = n;
        else if (!(http->routes = mem_calloc(n + 1, sizeof(*http->routes))))
            return -ENOMEM;
    }
    return 0;
}

int http_start(struct host *host, int listen_fd, const char *cert_pem, const char *key_pem,
               const struct host_module *const *modules, struct http **ret, struct error *err)
{
    struct http *http = mem_calloc(1, sizeof(*http));
    if (!http || collect_routes(http, modules) != 0) {
        mem_free(http);
        return error_set(err, -ENOMEM, "no memory for the HTTPS server");
    }
    http->host = host;
    http->queue_tail = &http->queue_head;
    pthread_mutex_init(&http->lock, NULL);
    uv_async_init(host->loop, &http->async, on_async);
    uv_timer_init(host->loop, &http->scan);
    http->async.data = http->scan.data = http;
    uv_timer_start(&http->scan, on_scan, SCAN_MS, SCAN_MS);
    http->closing_handles = 2;

    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (cert_pem)
        flags |= MHD_USE_TLS;
    const struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert_pem},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key_pem},
        {MHD_OPTION_HTTPS_PRIORITIES, 0,
         (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };
    const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    http->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER, mhd_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)(2 * HTTP_HEADER_MAX), MHD_OPTION_CONNECTION_TIMEOUT, 0u,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, http, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, http, MHD_OPTION_URI_LOG_CALLBACK, on_uri, http, MHD_OPTION_ARRAY,
        cert_pem ? tls : none, MHD_OPTION_END);
    if (!http->daemon) {
        http_stop(http);
        return error_set(err, -EIO, "the HTTPS server does not start (certificate or key bad?)");
    }
    *ret = http;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct http *http = handle->data;
    if (--http->closing_handles)
        return;
    pthread_mutex_destroy(&http->lock);
    mem_free(http->routes);
    mem_free(http);
}

void http_stop(struct http *http)
{
    if (!http)
        return;
    if (http->daemon) {
        pthread_mutex_lock(&http->lock);
        http->stopping = true;
        pthread_mutex_unlock(&http->lock);
        drain_queue(http);
        http_joins_stop(http);
        /* libmicrohttpd cannot stop while a connection is suspended. */
        while (http->held) {
            struct http_request *req = http->held;
            void (*gone)(struct http_request *, void *) = req->gone_cb;
            if (gone && !req->answered) { /* whoever waits on its behalf lets it go */
                req->gone_cb = NULL;
                gone(req, req->gone_arg);
                continue;
            }
            if (req->answered || req->receiving) {
                http_abort(req);
                http_request_release(req);
            } else {
                http_respond_text(req, MHD_HTTP_SERVICE_UNAVAILABLE, "The server is stopping.\n");
            }
        }
        MHD_stop_daemon(http->daemon);
        http->daemon = NULL;
        drain_queue(http);
    }
    uv_timer_stop(&http->scan);
    uv_close((uv_handle_t *)&http->async, on_closed);
    uv_close((uv_handle_t *)&http->scan, on_closed);
}
