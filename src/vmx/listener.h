/*
 * A listening Unix socket on the loop. A connection is handed over as a non-blocking descriptor
 * that the callback owns. When descriptors run out, accepting pauses for LISTENER_PAUSE_MS instead
 * of spinning; the peers wait in the backlog.
 */
#ifndef VMX_LISTENER_H
#define VMX_LISTENER_H

#include <sys/types.h>
#include <uv.h>

#include "base/error.h"

#define LISTENER_PAUSE_MS 200u

struct listener;

typedef void listener_cb(int fd, void *arg);

int listener_new(uv_loop_t *loop, const char *path, mode_t mode, listener_cb *cb, void *arg,
                 struct listener **ret, struct error *err);
/* NULL is fine. The socket file stays: it is the next vmx's. */
void listener_free(struct listener *l);

#endif
