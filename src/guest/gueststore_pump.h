/*
 * Moves bytes from one stream socket to another without blocking: through a pipe where the kernel
 * can splice both, else through a buffer. What was taken from the input and not yet given to the
 * output is held here. One thread; belongs to whoever made it; the sockets stay the caller's.
 */
#ifndef GUEST_GUESTSTORE_PUMP_H
#define GUEST_GUESTSTORE_PUMP_H

#include <stddef.h>
#include <stdint.h>

#define PUMP_PIPE_SIZE   (1u << 20)
#define PUMP_BUFFER_SIZE 65536u
/* Bytes moved before others get their turn. */
#define PUMP_TURN (4u << 20)

struct pump;

enum pump_result {
    PUMP_DONE,          /* all that was asked for is out */
    PUMP_MORE,          /* the turn is over */
    PUMP_WANT_INPUT,    /* call again when the input can be read */
    PUMP_WANT_ROOM,     /* call again when the output can be written */
    PUMP_INPUT_FAILED,  /* or has ended */
    PUMP_OUTPUT_FAILED, /* errno says why */
};

int pump_new(struct pump **ret);
void pump_free(struct pump *p);

/* Moves up to *left bytes and counts it down by what the output took; *ret_moved is that number. */
enum pump_result pump_run(struct pump *p, int from, int to, int64_t *left, int64_t *ret_moved);

#endif
