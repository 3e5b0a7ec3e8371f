/*
 * Our end of a pipe to or from another process: what that process writes is kept by the kernel
 * until the host reads it, and what the host writes until the process does. So output of any length
 * takes a constant amount of memory; a process whose pipe is full waits for its reader.
 *
 * Reference-counted. One thread, the loop's. Errors: negative errno.
 */
#ifndef GUEST_STREAM_H
#define GUEST_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

/* Wanted size of the pipe: as large as accounts without rights may have it. Where even that is
 * refused (an account's total is bounded) it is what the kernel gives. */
#define STREAM_PIPE_BYTES (1024 * 1024)

enum stream_way {
    STREAM_OUT, /* of the process: the host reads it */
    STREAM_IN,  /* into the process */
};

struct stream;

/* The child's end is the caller's; close it when the child has been started. */
int stream_new(uv_loop_t *loop, enum stream_way way, struct stream **ret, int *ret_child_fd);
struct stream *stream_ref(struct stream *s);
void stream_unref(struct stream *s); /* NULL is fine */
enum stream_way stream_way(const struct stream *s);

/* Another descriptor of our end, for a thread that reads or writes by itself; it does not block. */
int stream_dup(const struct stream *s);

/* One user at a time may read or write. false: taken. */
bool stream_take(struct stream *s);
void stream_give_back(struct stream *s);

/* Whether reading can begin: all of the output is there (*ret_size is its size), or so much that
 * the process waits or soon will (SIZE_NOT_KNOWN). Input is always ready, with size 0. */
bool stream_settled(struct stream *s, int64_t *ret_size);

/* Bytes moved; 0 at the end of output; -EAGAIN nothing now; -EPIPE nobody reads the input. */
ssize_t stream_read(struct stream *s, void *out, size_t size);
ssize_t stream_write(struct stream *s, const void *data, size_t size);
/* No more for the process: it sees the end. For output: nobody reads it any more. */
void stream_close(struct stream *s);

enum stream_event { STREAM_EVENT_SETTLED, STREAM_EVENT_IO };

/* Calls `fn` once, never from inside this call: when the event may have come, or after `ms`. The
 * stream is kept until then. */
int stream_wait(struct stream *s, enum stream_event event, unsigned ms, void (*fn)(void *arg),
                void *arg);
/* Makes all waits end now. */
void stream_wake(struct stream *s);

#endif
