/*
 * Messages, with descriptors beside them, between two of our own processes (hostd and vmx, vmx
 * and its launcher, the agent's monitor and its workers), on a libuv loop.
 *
 * On the socket a message is: u32 LE body length, u16 LE type, u16 LE number of descriptors,
 * u64 LE id, body. The descriptors travel with the first byte. Types and ids mean what the two
 * ends agree on. Neither end trusts the other: a body over `max_body`, a descriptor too many, or
 * bytes after which nothing can be understood close the channel.
 *
 * One thread: the loop's. A channel belongs to whoever made it. channel_close may be called at any
 * time, also inside a callback; after it no callback comes. Nothing here blocks.
 */
#ifndef BASE_CHANNEL_H
#define BASE_CHANNEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <uv.h>

#define CHANNEL_FDS_MAX   4
#define CHANNEL_HEAD_SIZE 16
#define CHANNEL_PARTS_MAX 6

struct channel;

struct channel_msg {
    uint16_t type;
    uint64_t id;
    const uint8_t *body; /* valid during the callback; followed by a NUL that is not counted */
    size_t len;
    /* Descriptors: the callback sets those it keeps to -1, the others are closed after it. */
    int fds[CHANNEL_FDS_MAX];
    unsigned nfds;
};

struct channel_ops {
    void (*message)(struct channel *ch, struct channel_msg *msg, void *arg);
    /* The peer is gone or talks nonsense; `reason` is 0 (orderly end) or a negative errno code.
     * Comes at most once. The callee calls channel_close, now or later. */
    void (*closed)(struct channel *ch, int reason, void *arg);
    /* Optional: the send queue, which had something in it, is empty again. */
    void (*drained)(struct channel *ch, void *arg);
};

/* Takes `fd` (a non-blocking Unix stream socket) on success. `max_queue` bounds the bytes that wait
 * to be sent. */
int channel_new(uv_loop_t *loop, int fd, size_t max_body, size_t max_queue,
                const struct channel_ops *ops, void *arg, struct channel **ret);

/* Sends a message of the parts joined. Takes the descriptors, on failure too (they are closed).
 * 0, -ENOBUFS (queue full: nothing was sent), -EMSGSIZE, -EPIPE (already closed), -ENOMEM. */
int channel_send(struct channel *ch, uint16_t type, uint64_t id, const struct iovec *parts,
                 unsigned count, const int *fds, unsigned nfds);

size_t channel_queued(const struct channel *ch);

/* Closes the socket; drops what is queued. NULL is fine. */
void channel_close(struct channel *ch);

#endif
