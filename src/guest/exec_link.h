/*
 * The connection of a live program: frames of wire/exec_frame.h on a socket, joined with up to
 * three descriptors of our own (input, output, errors). Bytes move only as fast as both sides take
 * them: output is read when the last of it has been sent, input is bounded by the credit that was
 * given, so a link needs a constant amount of memory.
 *
 * A link takes its socket and descriptors. It lives until `gone` or `done` has been called, one of
 * them and once, or until exec_link_close. All callbacks but these two are optional. One thread:
 * the loop's; never calls back from inside its own functions.
 */
#ifndef GUEST_EXEC_LINK_H
#define GUEST_EXEC_LINK_H

#include <stdint.h>
#include <uv.h>

#include "wire/exec_frame.h"

struct exec_link;

struct exec_link_ops {
    void (*window)(void *arg, uint16_t rows, uint16_t columns);
    void (*signal)(void *arg, int number);
    /* The client has gone, or sent what is no frame, before the end was told. The link is over. */
    void (*gone)(void *arg);
    /* All output has ended, `err` is 0 or the errno code that reading gave. Not called after
     * exec_link_finish. */
    void (*output_ended)(void *arg, int err);
    /* All input has been passed on and its end told, or nobody takes it any more. */
    void (*input_ended)(void *arg);
    /* What exec_link_finish told has been handed to the kernel. The link is over. */
    void (*done)(void *arg);
};

/* -1 for what is not there; no two may be the same number. A socket as input is shut down for
 * writing at the end of the input; with an `eof_char`, a terminal's, that character is written
 * instead. */
struct exec_link_fds {
    int socket;
    int input, output, errors;
    int eof_char; /* -1: none */
};

/* Takes all descriptors, on failure too. */
int exec_link_new(uv_loop_t *loop, const struct exec_link_fds *fds, const struct exec_link_ops *ops,
                  void *arg, struct exec_link **ret);
/* The first frame. */
void exec_link_started(struct exec_link *l, uint64_t pid);
/* Sends what output there is, then the end (text of up to EXEC_REASON_MAX bytes; "" for none);
 * `done` follows, or `gone`. */
void exec_link_finish(struct exec_link *l, enum exec_end end, uint32_t value, const char *text);
/* Closes everything without another word; no callback follows. NULL is fine. */
void exec_link_close(struct exec_link *l);

#endif
