/*
 * Slows bad logins down, by the address that they come from: after the first failure an answer is
 * late by 2 seconds, then 4, 8, up to 30; after THROTTLE_FORGET_MS without one an address starts
 * afresh. The delay is what the caller waits (with a timer) before it answers; nothing blocks.
 * The table is bounded; when it is full the entry that is longest quiet makes room.
 */
#ifndef HOSTD_THROTTLE_H
#define HOSTD_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_SOURCES_MAX 4096
#define THROTTLE_FIRST_MS    2000
#define THROTTLE_MAX_MS      30000
#define THROTTLE_FORGET_MS   (15 * 60 * 1000)
#define THROTTLE_PENDING_MAX 8 /* attempts of one source under way at once; more fail at once */

struct throttle;

int throttle_new(struct throttle **ret);
void throttle_free(struct throttle *t);

/* An attempt begins. False: the source has too many under way; refuse without looking. */
bool throttle_begin(struct throttle *t, const char *source);
/* NULL is fine in the two below: an attempt may be judged after the host has stopped. */

/* The attempt was judged. Returns how long to wait before the answer is given (0 when it was
 * right, which also clears the source's record). */
uint64_t throttle_judge(struct throttle *t, const char *source, bool right);
/* The answer has been given. */
void throttle_end(struct throttle *t, const char *source);

#endif
