/*
 * Runs a small program of ours that does one piece of blocking work with rights of its own, from a
 * libuv loop, and tells how it ended. Such a program exits with 0, or says on its standard output
 * why not: a negative errno code, a space, words. It should end with its starter (parent death
 * signal; its standard output is hung up then).
 *
 * One thread, the loop's. A run belongs to this module; `done` is called once, from the loop, also
 * after helper_kill.
 */
#ifndef BASE_HELPER_H
#define BASE_HELPER_H

#include <uv.h>

#include "base/error.h"

#define HELPER_FDS_MAX 4u

struct helper;

/* err->code 0: it ended well. */
typedef void (*helper_done_cb)(const struct error *err, void *arg);

/* `argv`, argv[0] included, is ended by NULL. The descriptors, which stay the caller's, are 3, 4
 * ... in the program; it has no others, and no environment but a PATH. 0 or a negative errno code;
 * then `done` is not called. */
int helper_start(uv_loop_t *loop, const char *program, char *const argv[], const int *fds,
                 unsigned nfds, helper_done_cb done, void *arg, struct helper **ret);
/* Ends it at once. What it has made stays. */
void helper_kill(struct helper *h);

#endif
