/*
 * Waiting for the end of a program in a guest (WaitForProcessInGuest): the guest is asked how the
 * program is, and again when its agent has told that it has ended (docs/guest-rpc-extensions.md).
 * The notice only says when to ask: what is answered the guest has said to that caller's own
 * credentials.
 *
 * Loop thread only. A wait belongs to its operation: guest_op.data, freed with it.
 */
#ifndef HOSTD_GUEST_PROCESS_WAIT_H
#define HOSTD_GUEST_PROCESS_WAIT_H

#include "hostd/guest_op.h"

#define PROCESS_WAIT_SECONDS_MAX 600
/* Agents that tell nothing, and notices that are lost with a process in between, are made up for by
 * asking this often. */
#define PROCESS_WAIT_ASK_MS 5000u

/* From `build`: the notice counts from now on. 0 or -ENOMEM. */
int process_wait_begin(struct guest_op *op, int64_t pid, int seconds);
/* The program still runs: true when `again` will be called, false when the time is over. */
bool process_wait_more(struct guest_op *op, void (*again)(struct guest_op *op));

/* Is this the start (microseconds) of the program that was waited for from the first answer on?
 * When the machine was reset or set back to a snapshot meanwhile, its number may be another one's.
 */
bool process_wait_same(struct guest_op *op, int64_t start);

/* A VM's agent says that a program has ended. */
void process_wait_ended(struct host *host, const char *vm, int64_t pid);

#endif
