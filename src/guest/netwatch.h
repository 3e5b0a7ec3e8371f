/*
 * Says when addresses, links or routes change, from the kernel's own notices: nothing is polled.
 */
#ifndef GUEST_NETWATCH_H
#define GUEST_NETWATCH_H

#include <uv.h>

/* A burst of notices becomes one call, this long after its first. */
#define NETWATCH_SETTLE_MS 250

struct netwatch;

/* -ENOMEM or what the kernel says, where there is no netlink. */
int netwatch_new(uv_loop_t *loop, void (*changed)(void *arg), void *arg, struct netwatch **ret);
/* The loop has to turn until the handles are closed. NULL is fine. */
void netwatch_free(struct netwatch *w);

#endif
