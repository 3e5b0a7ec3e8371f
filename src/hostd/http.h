/*
 * HTTPS. libmicrohttpd's threads do TLS, parse HTTP and move bodies; a request is handed to the
 * loop's thread, where its route's handler runs, and stays suspended until it is answered. No
 * thread waits for anything.
 *
 * All functions here are for the loop's thread. A request belongs to this module; a handler may use
 * it until it has answered (http_respond...), after that only if its route has `ended`, until that
 * callback has come.
 */
#ifndef HOSTD_HTTP_H
#define HOSTD_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "hostd/hostd.h"

#define HTTP_BODY_MAX        (20u << 20) /* of a request with HTTP_BODY_BUFFER; more: 413 */
#define HTTP_HEADER_MAX      (16u << 10) /* request line and headers; more: 431 */
#define HTTP_CONNECTIONS_MAX 1000
#define HTTP_HEADER_SECONDS  30  /* TLS handshake, request line and headers */
#define HTTP_IDLE_SECONDS    910 /* between requests; 30 when connections run short */
#define HTTP_STALL_SECONDS   60  /* a body that does not move either way */

struct http;
struct http_request;

enum http_method {
    HTTP_GET = 1 << 0,
    HTTP_HEAD = 1 << 1,
    HTTP_POST = 1 << 2,
    HTTP_PUT = 1 << 3,
    HTTP_DELETE = 1 << 4,
    HTTP_PATCH = 1 << 5
};

enum http_body {
    HTTP_BODY_BUFFER, /* the handler runs when the whole body (up to HTTP_BODY_MAX) is there */
    HTTP_BODY_STREAM  /* the handler runs after the headers and calls http_receive_fd or answers */
};

/* A row of a module's table; the last one has path NULL. The longest path that matches wins; what
 * matches none is 404, a known path with another method 405. */
struct http_route {
    const char *path;
    bool prefix;      /* also everything beneath path (path ends in '/') */
    unsigned methods; /* enum http_method, or'ed */
    enum http_body body;
    void (*handler)(struct http_request *req);
    /* Optional: the answer has been sent whole (`complete`) or the connection was lost. The last
     * time the request may be used. Not called if the handler never ran. */
    void (*ended)(struct http_request *req, bool complete);
};

struct host *http_host(const struct http_request *req);
enum http_method http_method(const struct http_request *req);
const char *http_path(const struct http_request *req); /* decoded, no query */
/* As it was sent, no query: for those who split it before they decode it. */
const char *http_raw_path(const struct http_request *req);
const char *http_query(const struct http_request *req, const char *name); /* decoded; NULL: none */
/* Every parameter of the query, decoded, in order; `value` is "" when there is none. */
void http_query_each(const struct http_request *req,
                     void (*each)(const char *name, const char *value, void *arg), void *arg);
const char *http_header(const struct http_request *req, const char *name); /* NULL: none */
/* Unquoted; copied to out; NULL: none, or longer than fits. */
const char *http_cookie(const struct http_request *req, const char *name, char *out, size_t size);
const char *http_source(const struct http_request *req); /* peer address */
void http_body(const struct http_request *req, const void **ret, size_t *ret_len);
int64_t http_content_length(const struct http_request *req); /* -1: chunked */

/* A handler's own data. */
void http_set_data(struct http_request *req, void *data);
void *http_data(const struct http_request *req);

/* `cb` runs, at most once, when the client closes the connection before the request was answered.
 * The request must be answered all the same. NULL takes it back. */
void http_on_gone(struct http_request *req, void (*cb)(struct http_request *req, void *arg),
                  void *arg);

/* Adds a header to the answer; before http_respond... */
void http_add_header(struct http_request *req, const char *name, const char *value);

/* Answers with a copy of `body`. */
void http_respond(struct http_request *req, unsigned status, const char *content_type,
                  const void *body, size_t len);
/* As http_respond, but takes over `body` (mem_free'd later), without a copy. */
void http_respond_take(struct http_request *req, unsigned status, const char *content_type,
                       void *body, size_t len);
/* A short text/plain answer, for errors. */
void http_respond_text(struct http_request *req, unsigned status, const char *text);

/* --- streams, in constant memory --- */

/* Answers with what is read from `fd` (pipe or socket; taken and set non-blocking) until its end.
 * `length` -1: unknown, sent chunked. Fewer bytes than `length` end the connection without
 * completing the answer, so that the client notices.
 * With `end` (may be NULL) the end of what is read, unless `length` bytes have come, is not the end
 * of the answer: `end` runs, with `whole` false when there should have been more, and later
 * http_respond_fd_end completes the answer, or ends the connection. */
void http_respond_fd(struct http_request *req, unsigned status, const char *content_type, int fd,
                     int64_t length, void (*end)(struct http_request *req, bool whole, void *arg),
                     void *arg);
void http_respond_fd_end(struct http_request *req, bool whole);

/* Before http_respond_fd or http_receive_fd: `fd` may be empty, or full, for so long, then reading
 * has failed, or writing with -ETIMEDOUT. 0, as when this was not called: for ever. */
void http_stream_patience(struct http_request *req, unsigned ms);

/* The same for the client, which may send nothing, or take nothing, for so long; then the
 * connection is cut. HTTP_STALL_SECONDS unless this was called. */
void http_stream_client_patience(struct http_request *req, unsigned ms);

/* HTTP_BODY_STREAM: writes the body to `fd` (pipe or socket; taken and set non-blocking), stopping
 * the client while it is full. Then `done` runs, once. Code 0: the whole body was written (`bytes`)
 * and the descriptor is closed already (a socket was shut down for writing first). -ECONNRESET: the
 * client went away or stalled; the request is over, an answer goes nowhere and `ended` follows.
 * Another negative errno code: writing failed (-EPIPE: the reader closed it); the rest of the body
 * is thrown away. After a failure the descriptor is still open while `done` runs, so that the
 * reader can be told first that what it got is not the whole; it is closed afterwards. Except after
 * -ECONNRESET the request is to be answered, in `done` or later. */
void http_receive_fd(struct http_request *req, int fd,
                     void (*done)(struct http_request *req, int code, uint64_t bytes, void *arg),
                     void *arg);

/* Whether the client asks to go on with this protocol instead of HTTP. */
bool http_upgrade_wanted(const struct http_request *req, const char *protocol);

/* Answers 101; from then on the connection's bytes go to and from `fd` (a stream socket; taken),
 * each way only as fast as they are taken. When one side ends, what it has said still reaches the
 * other, and both are closed. Then `done` runs, once, also when it never came so far. */
void http_join_fd(struct http_request *req, const char *protocol, int fd,
                  void (*done)(void *arg, uint64_t received, uint64_t sent), void *arg);

/* Before http_receive_fd: nobody needs the bytes as soon as they come, so they may be passed on in
 * larger pieces. */
void http_stream_bulk(struct http_request *req);

/* Ends an answer that is under way, or a body that is being received, by closing the connection. */
void http_abort(struct http_request *req);

#endif
