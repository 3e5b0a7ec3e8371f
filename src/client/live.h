/*
 * The client's end of a live stream: frames joined with descriptors of this process. Used for
 * programs
 * (`inguest exec`) and for connections (`inguest forward`). Blocks until the stream is over; one
 * thread.
 */
#ifndef CLIENT_LIVE_H
#define CLIENT_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/vim_stream.h"
#include "wire/exec_frame.h"

struct live;

struct live_options {
    int input;          /* read until its end; -1: no input */
    int output, errors; /* written; may be the same */
    bool socket;        /* input and output are one socket, each half of which ends by itself */
    /* Optional: a descriptor that is readable when `event` is to be called, which may ask for
     * frames. */
    int events;
    void (*event)(void *arg, struct live *l);
    void *arg;
};

struct live_result {
    enum exec_end end;
    uint32_t value; /* exit code, signal, errno */
    char text[EXEC_REASON_MAX + 1];
};

/* 0 when the guest has told the end; -ECONNRESET: the stream broke before; -EPROTO; -EPIPE:
 * `output` cannot be written any more. */
int live_run(struct vim_stream *s, const struct live_options *o, struct live_result *ret,
             struct error *err);

/* For `event`: the newest size, a signal. */
void live_window(struct live *l, uint16_t rows, uint16_t columns);
void live_signal(struct live *l, int number);

#endif
