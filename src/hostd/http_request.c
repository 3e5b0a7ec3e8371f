/* A request as the loop's thread sees it: what was asked, and the answer. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/http_internal.h"

static void source_text(struct MHD_Connection *c, char *out, size_t size)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const char *ok = NULL;
    if (info && info->client_addr) {
        const struct sockaddr *sa = info->client_addr;
        if (sa->sa_family == AF_INET)
            ok = inet_ntop(AF_INET, &((const struct sockaddr_in *)sa)->sin_addr, out,
                           (socklen_t)size);
        else if (sa->sa_family == AF_INET6)
            ok = inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)sa)->sin6_addr, out,
                           (socklen_t)size);
    }
    if (!ok && size)
        memcpy(out, "?", 2);
}

static int64_t content_length(struct MHD_Connection *c)
{
    const char *text =
        MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING))
        return -1;
    if (!text)
        return 0;
    char *end;
    long long n = strtoll(text, &end, 10);
    return n >= 0 && !*end ? (int64_t)n : -1;
}

struct http_request *http_request_new(struct http *http, struct MHD_Connection *c, const char *url,
                                      enum http_method method)
{
    struct http_request *req = mem_calloc(1, sizeof(*req));
    if (!req)
        return NULL;
    req->path = mem_strdup(url);
    if (!req->path) {
        mem_free(req);
        return NULL;
    }
    req->http = http;
    req->connection = c;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    req->conn = info ? info->socket_context : NULL;
    req->raw_path = req->conn ? TAKE_PTR(req->conn->uri) : NULL;
    req->method = method;
    req->content_length = content_length(c);
    req->body = BUF_INIT(HTTP_BODY_MAX);
    req->recv_fd = req->send_fd = -1;
    req->client_patience = HTTP_STALL_SECONDS * 1000u;
    source_text(c, req->source, sizeof(req->source));
    return req;
}

static void free_headers(struct http_request *req)
{
    while (req->headers) {
        struct http_header_add *h = req->headers;
        req->headers = h->next;
        mem_free(h->name);
        mem_free(h->value);
        mem_free(h);
    }
}

void http_request_free(struct http_request *req)
{
    if (!req)
        return;
    if (req->response)
        MHD_destroy_response(req->response);
    free_headers(req);
    buf_free(&req->body);
    if (req->recv_fd >= 0)
        close(req->recv_fd);
    if (req->send_fd >= 0)
        close(req->send_fd);
    mem_free(req->gathered);
    mem_free(req->path);
    mem_free(req->raw_path);
    mem_free(req);
}

void http_request_hold(struct http_request *req)
{
    req->held_next = req->http->held;
    req->held_link = &req->http->held;
    if (req->held_next)
        req->held_next->held_link = &req->held_next;
    req->http->held = req;
}

static void unhold(struct http_request *req)
{
    if (!req->held_link)
        return;
    *req->held_link = req->held_next;
    if (req->held_next)
        req->held_next->held_link = req->held_link;
    req->held_next = NULL;
    req->held_link = NULL;
}

void http_request_release(struct http_request *req)
{
    http_stream_wait_stop(req);
    unhold(req);
    MHD_resume_connection(req->connection);
}

struct host *http_host(const struct http_request *req)
{
    return req->http->host;
}

enum http_method http_method(const struct http_request *req)
{
    return req->method;
}

const char *http_raw_path(const struct http_request *req)
{
    return req->raw_path && req->raw_path[0] == '/' ? req->raw_path : req->path;
}

const char *http_path(const struct http_request *req)
{
    return req->path;
}

const char *http_query(const struct http_request *req, const char *name)
{
    if (!req->connection)
        return NULL;
    return MHD_lookup_connection_value(req->connection, MHD_GET_ARGUMENT_KIND, name);
}

struct query_walk {
    void (*each)(const char *name, const char *value, void *arg);
    void *arg;
};

static enum MHD_Result query_step(void *data, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    const struct query_walk *walk = data;
    (void)kind;
    walk->each(name, value ? value : "", walk->arg);
    return MHD_YES;
}

void http_query_each(const struct http_request *req,
                     void (*each)(const char *name, const char *value, void *arg), void *arg)
{
    struct query_walk walk = {each, arg};
    if (req->connection)
        MHD_get_connection_values(req->connection, MHD_GET_ARGUMENT_KIND, query_step, &walk);
}

const char *http_header(const struct http_request *req, const char *name)
{
    if (!req->connection)
        return NULL;
    return MHD_lookup_connection_value(req->connection, MHD_HEADER_KIND, name);
}

/* Some clients send the whole Set-Cookie text back, so libmicrohttpd's own parser will not do:
 * split at ';', look for the name, take quotes off. */
const char *http_cookie(const struct http_request *req, const char *name, char *out, size_t size)
{
    const char *p = http_header(req, "Cookie");
    size_t nlen = strlen(name);
    while (p && *p) {
        p += strspn(p, " \t;");
        size_t len = strcspn(p, ";");
        if (len > nlen && p[nlen] == '=' && !strncasecmp(p, name, nlen)) {
            const char *v = p + nlen + 1;
            size_t n = len - nlen - 1;
            while (n && (v[n - 1] == ' ' || v[n - 1] == '\t'))
                n--;
            if (n >= 2 && v[0] == '"' && v[n - 1] == '"') {
                v++;
                n -= 2;
            }
            if (n >= size)
                return NULL;
            memcpy(out, v, n);
            out[n] = '\0';
            return out;
        }
        p += len;
    }
    return NULL;
}

const char *http_source(const struct http_request *req)
{
    return req->source;
}

void http_body(const struct http_request *req, const void **ret, size_t *ret_len)
{
    *ret = buf_text(&req->body);
    *ret_len = req->body.len;
}

int64_t http_content_length(const struct http_request *req)
{
    return req->content_length;
}

void http_set_data(struct http_request *req, void *data)
{
    req->data = data;
}

void *http_data(const struct http_request *req)
{
    return req->data;
}

static void peer_gone(struct http_request *req, int events)
{
    (void)events;
    void (*cb)(struct http_request *, void *) = req->gone_cb;
    http_stream_wait_stop(req);
    req->gone_cb = NULL;
    if (cb)
        cb(req, req->gone_arg);
}

void http_on_gone(struct http_request *req, void (*cb)(struct http_request *req, void *arg),
                  void *arg)
{
    if (req->answered)
        return;
    req->gone_cb = cb;
    req->gone_arg = arg;
    if (!cb)
        http_stream_wait_stop(req);
    else if (!req->wait)
        http_stream_wait(req, req->conn->fd, UV_DISCONNECT, peer_gone);
}

void http_add_header(struct http_request *req, const char *name, const char *value)
{
    struct http_header_add *h = mem_calloc(1, sizeof(*h));
    if (!h)
        return;
    h->name = mem_strdup(name);
    h->value = mem_strdup(value);
    h->next = req->headers;
    req->headers = h;
}

/* Hands the answer to the connection's thread. A NULL response (no memory) closes it. */
static void answer(struct http_request *req, unsigned status, const char *content_type,
                   struct MHD_Response *response)
{
    if (req->answered) { /* a programming error; the first answer stays */
        log_error("http: second answer to %s", req->path);
        if (response)
            MHD_destroy_response(response);
        return;
    }
    req->answered = true;
    if (!req->connection) { /* over already */
        if (response)
            MHD_destroy_response(response);
        return;
    }
    if (!response) {
        log_error("http: no memory for an answer to %s", req->source);
        req->status = 0;
    } else {
        req->status = status;
        if (content_type)
            MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
        for (struct http_header_add *h = req->headers; h; h = h->next)
            if (h->name && h->value)
                MHD_add_response_header(response, h->name, h->value);
    }
    free_headers(req);
    req->gone_cb = NULL;
    req->response = response;
    if (!response)
        http_abort(req);
    http_request_release(req);
}

void http_respond_take(struct http_request *req, unsigned status, const char *content_type,
                       void *body, size_t len)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer_with_free_callback(len, body, mem_free);
    req->answer_len = len;
    if (!r)
        mem_free(body);
    answer(req, status, content_type, r);
}

void http_respond(struct http_request *req, unsigned status, const char *content_type,
                  const void *body, size_t len)
{
    req->answer_len = len;
    answer(req, status, content_type,
           MHD_create_response_from_buffer(len, (void *)body, MHD_RESPMEM_MUST_COPY));
}

void http_respond_text(struct http_request *req, unsigned status, const char *text)
{
    http_respond(req, status, "text/plain; charset=utf-8", text, strlen(text));
}

void http_respond_response(struct http_request *req, unsigned status, const char *content_type,
                           struct MHD_Response *response)
{
    answer(req, status, content_type, response);
}

void http_abort(struct http_request *req)
{
    struct http *http = req->http;
    pthread_mutex_lock(&http->lock);
    if (req->conn && req->conn->fd >= 0)
        shutdown(req->conn->fd, SHUT_RDWR);
    pthread_mutex_unlock(&http->lock);
}
