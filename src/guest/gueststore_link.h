/*
 * How vmx's data connection comes to the agent (GuestStore, "guestStore.connect <port>"): over
 * vsock vmx connects to a port that the agent listens on, and only the host may; where the link is
 * a folder of sockets, the agent connects to the service GUESTSTORE_LINK_SERVICE once vmx expects
 * it. One loop, one thread.
 */
#ifndef GUEST_GUESTSTORE_LINK_H
#define GUEST_GUESTSTORE_LINK_H

#include <uv.h>

#include "base/error.h"

/* Beside the services of guest RPC, 976 and 975. */
#define GUESTSTORE_LINK_SERVICE 973

struct gueststore_link;

/* A connection of vmx, non-blocking; the callback owns it. */
typedef void gueststore_link_fn(int fd, void *arg);

/* `link_dir` NULL: vsock. */
int gueststore_link_open(uv_loop_t *loop, const char *link_dir, gueststore_link_fn *fn, void *arg,
                         struct gueststore_link **ret, struct error *err);
/* NULL is fine. */
void gueststore_link_close(struct gueststore_link *l);

/* What to say in guestStore.connect. */
unsigned gueststore_link_port(const struct gueststore_link *l);
/* vmx has agreed: where the agent is the one that connects, it does now and the callback comes
 * before this returns. */
int gueststore_link_agreed(struct gueststore_link *l);

#endif
