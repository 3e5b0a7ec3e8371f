/*
 * Names of streams: /proc/PID/stdin, stdout and stderr of programs that this worker started with
 * streams (VIX, process I/O without disk files). Loop's thread.
 */
#ifndef GUEST_STREAM_PATH_H
#define GUEST_STREAM_PATH_H

#include "guest/stream.h"
#include "guest/vixops.h"

/* Whoever looks at output waits this long for the end of the program. */
#define STREAM_SETTLE_MS 1000u
#define STREAM_MODE_IN   0200
#define STREAM_MODE_OUT  0400

/* NULL: not one of them. Not a reference. */
struct stream *stream_path_find(const struct worker_ctx *w, const char *path);

#endif
