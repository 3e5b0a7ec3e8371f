/*
 * Inside of http: who owns a request when.
 *
 * A request is owned by the libmicrohttpd thread of its connection, except while the connection is
 * suspended: then the loop's thread owns it. It changes hands by http_hand_over (thread to loop: a
 * queue under a lock) and MHD_resume_connection (loop to thread: MHD's own lock), so its members
 * need no lock. What both sides look at any time (a connection's deadline) is atomic or under
 * `lock`.
 */
#ifndef HOSTD_HTTP_INTERNAL_H
#define HOSTD_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "base/buf.h"
#include "hostd/http.h"

/* Why a request is handed to the loop. */
enum http_note {
    HTTP_NOTE_NONE,
    HTTP_NOTE_START,      /* run the handler */
    HTTP_NOTE_BODY_END,   /* a streamed body has ended, see recv_code */
    HTTP_NOTE_WAIT_WRITE, /* recv_fd is full */
    HTTP_NOTE_WAIT_READ,  /* send_fd is empty */
    HTTP_NOTE_SEND_END,   /* send_fd has come to its end: send_end_cb decides */
    HTTP_NOTE_ENDED       /* the request is over; not suspended any more */
};

/* A TCP connection. Made and freed by its MHD thread, listed for the loop's scan. */
struct http_conn {
    struct http_conn *next, **link; /* under http.lock */
    int fd;
    atomic_uint_fast64_t deadline;   /* clock_ms; cut when later */
    atomic_uint_fast64_t idle_since; /* 0 = not between requests */
    char *uri;                       /* of the request that begins; the connection's thread's */
};

struct http_wait; /* a uv_poll_t of the loop; http_stream.c */

struct http_header_add {
    struct http_header_add *next;
    char *name, *value;
};

struct http_request {
    struct http *http;
    struct MHD_Connection *connection; /* NULL when over */
    struct http_conn *conn;            /* same */
    const struct http_route *route;
    enum http_method method;
    char *path;
    char *raw_path; /* NULL: the same */
    char source[64];
    int64_t content_length;
    struct buf body;
    bool too_large; /* the rest of the body is thrown away, then 413 */
    uint64_t body_start_ms;
    void *data;

    enum http_note note;
    struct http_request *next;                   /* in the hand-over queue */
    struct http_request *held_next, **held_link; /* loop: requests that the loop owns */

    /* answer, made by the loop, queued by the MHD thread */
    struct MHD_Response *response;
    unsigned status;
    size_t answer_len; /* bytes of an answer that is not streamed */
    struct http_header_add *headers;
    bool answered; /* by the handler; no `response` then means: no memory, close */

    /* loop: what is waited for while suspended */
    struct http_wait *wait;
    uint64_t wait_until;      /* clock_ms; 0 = for ever */
    unsigned patience;        /* ms, 0 = for ever */
    bool given_up;            /* what was waited for did not come */
    unsigned client_patience; /* ms for a client that neither sends nor takes */
    void (*gone_cb)(struct http_request *, void *);
    void *gone_arg;

    /* body stream */
    bool body_begun; /* the headers' part is over */
    bool receiving, recv_ended;
    int recv_fd;
    bool recv_is_socket;
    int recv_code;
    uint64_t recv_bytes, discarded;
    bool bulk;
    char *gathered; /* room for GATHER bytes: gathered_len are there, gathered_out of them gone */
    size_t gathered_len, gathered_out;
    uint64_t discard_until; /* clock_ms; 0 = nothing was thrown away yet */
    void (*recv_done)(struct http_request *, int, uint64_t, void *);
    void *recv_arg;

    /* answer stream */
    int send_fd;
    int64_t send_length;
    bool send_over, send_whole; /* decided */
    void (*send_end_cb)(struct http_request *, bool whole, void *);
    void *send_arg;

    bool complete; /* with HTTP_NOTE_ENDED */
};

struct http {
    struct host *host;
    struct MHD_Daemon *daemon;
    uv_async_t async;
    uv_timer_t scan;
    const struct http_route **routes;
    size_t nroutes;

    pthread_mutex_t lock;
    struct http_request *queue_head, **queue_tail; /* under lock */
    bool stopping;                                 /* under lock */
    struct http_conn *conns;                       /* under lock */
    unsigned nconns;                               /* under lock */

    struct http_request *held; /* loop only */
    struct http_join *joins;   /* loop only: connections that have left HTTP */
    unsigned closing_handles;
};

/* --- http_request.c --- */
struct http_request *http_request_new(struct http *http, struct MHD_Connection *c, const char *url,
                                      enum http_method method);
void http_request_free(struct http_request *req);
/* Runs on the loop: takes the request in hand. */
void http_request_hold(struct http_request *req);
void http_request_release(struct http_request *req); /* lets MHD go on with it */
void http_respond_response(struct http_request *req, unsigned status, const char *content_type,
                           struct MHD_Response *response);

/* --- http_server.c --- */
/* MHD thread: suspends the connection and gives the request to the loop. False when the server is
 * stopping: the connection is to be closed. */
bool http_hand_over(struct http_request *req, enum http_note note);

/* --- http_stream.c --- */
/* MHD thread: takes bytes of a streamed body; returns how many, or -1 to close the connection. */
ssize_t http_stream_discard(struct http_request *req, size_t len);
ssize_t http_stream_body(struct http_request *req, const char *data, size_t len);
/* Loop: the notes of streams. */
void http_stream_body_end(struct http_request *req);
void http_stream_wait(struct http_request *req, int fd, int events,
                      void (*cb)(struct http_request *req, int events));
void http_stream_wait_stop(struct http_request *req);
void http_stream_ready(struct http_request *req, int events);
void http_stream_send_end(struct http_request *req);
/* Gives up what has been waited for too long. */
void http_stream_check(struct http_request *req, uint64_t now);
void http_stream_ended(struct http_request *req);

/* --- http_upgrade.c --- */
/* Ends all connections that have left HTTP. */
void http_joins_stop(struct http *http);

#endif
