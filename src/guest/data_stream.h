/*
 * Raw streams of a worker: what the host asks for by STREAM_OPEN, on a connection of its own
 * (docs/guest-rpc-extensions.md, "Raw streams"; wire/vix_stream.h).
 *
 * A stream is opened in four steps (prepare, open, connection, start), then its kind moves bytes,
 * on a thread of the stream's own or on the loop, and says when it is over. It stays until the host
 * ends it by STREAM_END, or, when the host never does, DATA_STREAM_KEEP_MS after its connection.
 * Whatever of it must not stay is undone by the kind's `close`, unless `finish` has completed it
 * before.
 *
 * A kind is a row of the table in data_stream.c. All of it belongs to the loop's thread except
 * where it is said otherwise. Errors go into the operation (vixop_fail, vixop_fail_errno) and so to
 * the host as those of any other request.
 */
#ifndef GUEST_DATA_STREAM_H
#define GUEST_DATA_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "guest/vixops.h"
#include "wire/vix_stream.h"

#define DATA_STREAMS_MAX      256u /* of one guest user */
#define DATA_STREAM_KEEP_MS   60000u
#define DATA_STREAM_EXTRA_MAX 4096u /* of a kind, in the answer to STREAM_OPEN */

struct data_stream;
struct data_streams;

struct data_stream_kind {
    uint32_t kind; /* enum vix_stream_kind */
    /* Takes op->body.stream_open.body apart, and looks up what only the loop knows. */
    void (*prepare)(struct data_stream *s, struct vixop *op);
    /* Thread pool: opens the thing. May block. May be NULL. */
    void (*open)(struct data_stream *s, struct vixop *op);
    /* The host is connected (s->fd): begins. May set s->size and append to s->extra. A kind whose
     * bytes tell their end themselves may take the descriptor (TAKE_FD(s->fd)): then the connection
     * is all there is, and the host does not ask for the end. */
    void (*start)(struct data_stream *s, struct vixop *op);
    /* The thread that data_stream_run began has ended; ends in data_stream_over, now or later.
     * NULL = over at once. */
    void (*ran)(struct data_stream *s, int error);
    /* It was over without an error, and the host says so, too: completes it. Ends in
     * data_stream_finished, now or later. NULL = nothing to do. */
    void (*finish)(struct data_stream *s, struct vixop *op);
    /* Ends what moves bytes on the loop; a thread ends because the connection does. May be NULL. */
    void (*stop)(struct data_stream *s);
    /* The worker ends at once: undoes what must not stay, while a thread may still run. May be
     * NULL.
     */
    void (*abandon)(struct data_stream *s);
    /* Releases s->state; nothing runs any more. May be NULL. */
    void (*close)(struct data_stream *s);
};

struct data_stream {
    struct data_stream *next;
    struct data_streams *all;
    const struct data_stream_kind *kind;
    uint8_t token[VIX_STREAM_TOKEN_SIZE];
    int fd;           /* to the host; a blocking stream socket */
    int64_t size;     /* what the host is told: VIX_STREAM_SIZE_UNKNOWN unless the kind knows */
    struct buf extra; /* what else the host is told */
    void *state;      /* of the kind */
    uint64_t bytes;   /* moved; for the kind to count */
    bool over;        /* no byte moves any more */
    int error;        /* why it is not whole; 0 or a negative errno code */
    /* data_stream.c: */
    struct vixop *end; /* a STREAM_END that waits */
    bool busy;         /* `finish` is at work */
    bool dropped;      /* goes as soon as its thread has ended */
    bool running;      /* has a thread */
    int result;        /* of the thread */
    int (*fn)(struct data_stream *s);
    uv_thread_t thread;
    struct data_stream *next_ended;
    uint64_t over_ms;
};

struct worker_ctx *data_stream_worker(const struct data_stream *s);

int data_streams_new(struct worker_ctx *ctx, struct data_streams **ret);
unsigned data_streams_count(const struct data_streams *all);
/* The worker ends: undoes what is unfinished. Nothing may be called any more. */
void data_streams_abandon(struct data_streams *all);

/* For `start`: runs `fn` (0 or a negative errno code) on a thread of its own, until which
 * has ended nothing else touches what it uses. 0 or a negative errno code. */
int data_stream_run(struct data_stream *s, int (*fn)(struct data_stream *s));
/* No byte moves any more. */
void data_stream_over(struct data_stream *s, int error);
/* Answers the STREAM_END that `finish` was called for. */
void data_stream_finished(struct data_stream *s, struct vixop *op);

/* Steps of the two operations. */
enum vixop_step vixop_stream_prepare(struct vixop *op);
void vixop_stream_open(struct vixop *op);
enum vixop_step vixop_stream_start(struct vixop *op);
enum vixop_step vixop_stream_end(struct vixop *op);

/* The kinds. */
extern const struct data_stream_kind data_stream_file_read, data_stream_file_write;
extern const struct data_stream_kind data_stream_exec, data_stream_connect;

#endif
