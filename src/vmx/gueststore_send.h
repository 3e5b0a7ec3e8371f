/*
 * Content from a file to the guest's stream, by sendfile, as far as the file has arrived. The work
 * is done on libuv's threads, because a file may lie where reading it takes long; one thread at a
 * time and never for longer than SENDER_TURN_MS.
 *
 * A file that somebody writes over while it is sent must not reach the guest as a mixture that
 * looks whole: with `watch`, size and times are compared before the last byte goes out. What was
 * sent by sendfile are pages of the file itself, which might change as long as they wait in the
 * guest's sockets and pipes; so the last SENDER_TAIL bytes, more than these can hold, are copied.
 *
 * The callbacks come on the loop; after sender_free none comes.
 */
#ifndef VMX_GUESTSTORE_SEND_H
#define VMX_GUESTSTORE_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define SENDER_TURN_MS 50u
#define SENDER_TAIL    (4u << 20)

struct sender;

struct sender_ops {
    void (*moved)(void *arg);            /* the guest took something */
    void (*over)(int result, void *arg); /* all is out (0), or a negative errno; once */
};

struct sender_config {
    uv_loop_t *loop;
    int file;     /* taken, on failure too */
    int stream;   /* non-blocking; stays the caller's */
    int64_t size; /* 1 or more */
    bool watch;
    const struct sender_ops *ops;
    void *arg;
};

int sender_new(const struct sender_config *config, struct sender **ret);
/* Bytes 0 to `limit` may be sent; it only grows. */
void sender_allow(struct sender *s, int64_t limit);
/* NULL is fine. */
void sender_free(struct sender *s);

#endif
