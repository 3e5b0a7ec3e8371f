/*
 * The guest's end of a raw stream: connecting to the host's stream service.
 * (docs/guest-rpc-extensions.md, "Raw streams".)
 */
#ifndef GUEST_STREAM_LINK_H
#define GUEST_STREAM_LINK_H

#include <stdint.h>

#include "wire/vix_stream.h"

#define STREAM_LINK_CONNECT_S 5u

/* Connects by way of `link_dir` (folder of the host's Unix sockets; NULL = none) or, where that has
 * no stream service, vsock, and sends the greeting. Returns a blocking, close-on-exec descriptor or
 * a negative errno code. May block for STREAM_LINK_CONNECT_S; any thread. */
int stream_link_connect(const char *link_dir, const uint8_t token[VIX_STREAM_TOKEN_SIZE]);

#endif
