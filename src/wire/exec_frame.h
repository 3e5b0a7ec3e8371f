/*
 * Frames of a live program's stream (docs/guest-rpc-extensions.md, "Programs with live streams"):
 * one connection between a client and the guest user's worker carries standard input, output and
 * error, the terminal's size, signals and the end. A TCP connection made in the guest uses the same
 * frames.
 *
 *     u8   type
 *     u24  length of the payload, little-endian, at most EXEC_DATA_MAX
 *     ...  payload
 *
 * Input is sent on credit: EXEC_CREDIT bytes at first, then what CREDIT frames add. So the worker
 * can always take the next frame, and a signal is never stuck behind input that the program does
 * not read. Output needs none: a client that does not read fills the connection, and the program
 * waits.
 *
 * Pure functions. Neither end trusts the other: a type that does not go this way, or a length that
 * the type does not have, is -EBADMSG.
 */
#ifndef WIRE_EXEC_FRAME_H
#define WIRE_EXEC_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cursor.h"

#define EXEC_FRAME_HEAD 4u
#define EXEC_DATA_MAX   65536u
#define EXEC_FRAME_MAX  (EXEC_FRAME_HEAD + EXEC_DATA_MAX)
/* Input that may be under way before the first CREDIT frame, and the most that ever may be. */
#define EXEC_CREDIT      262144u
#define EXEC_REASON_MAX  1024u
#define EXEC_SIGNAL_LAST 31u

enum exec_frame_type {
    /* client to worker */
    EXEC_STDIN = 1,     /* bytes, one at least */
    EXEC_STDIN_EOF = 2, /* no more input */
    EXEC_WINDOW = 3,    /* u16 rows, u16 columns of the terminal */
    EXEC_SIGNAL = 4,    /* u32 number, 1..EXEC_SIGNAL_LAST, as Linux numbers them */
    /* worker to client */
    EXEC_STARTED = 16,     /* u64 process id, 0 for a connection; always the first */
    EXEC_STDOUT = 17,      /* bytes, one at least */
    EXEC_STDERR = 18,      /* bytes, one at least */
    EXEC_STDOUT_EOF = 19,  /* no more output; only a connection tells it before the end */
    EXEC_CREDIT_MORE = 20, /* u32 bytes of input that were taken */
    EXEC_EXIT = 21,        /* u32 enum exec_end, u32 value, text: always the last */
};

enum exec_end {
    EXEC_END_CODE = 0,   /* value: exit code */
    EXEC_END_SIGNAL = 1, /* value: number of the signal */
    EXEC_END_FAILED = 2, /* value: errno; the text says what failed */
};

enum exec_way { EXEC_TO_WORKER, EXEC_TO_CLIENT };

struct exec_frame {
    enum exec_frame_type type;
    const uint8_t *data; /* STDIN, STDOUT, STDERR, and the text of EXIT (no NUL); in place */
    size_t len;
    uint64_t value; /* SIGNAL, STARTED, CREDIT_MORE; of EXIT the value */
    enum exec_end end;
    uint16_t rows, columns;
};

/* Takes one frame off the cursor. 1: taken; 0: not all of it is there yet, the cursor is where it
 * was; -EBADMSG: nothing after this can be understood. */
int exec_frame_next(struct cursor *c, enum exec_way way, struct exec_frame *ret);

/* Appends a frame. -EINVAL: not a frame that exec_frame_next would take; or buf_put's. */
int exec_frame_put(struct buf *b, const struct exec_frame *f);

/* The head alone, for payload that is already in place; `len` is at most EXEC_DATA_MAX. */
void exec_frame_head(uint8_t out[EXEC_FRAME_HEAD], enum exec_frame_type type, size_t len);

#endif
