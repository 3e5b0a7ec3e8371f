/*
 * The body of a message between hostd and vmx: a JSON object and a blob. docs/control-protocol.md
 * has the operations; src/base/channel.h carries the body.
 */
#ifndef WIRE_CTL_H
#define WIRE_CTL_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define CTL_PROTOCOL     1
#define CTL_JSON_MAX     (1u << 20)
#define CTL_BLOB_MAX     (2u << 20)
#define CTL_BODY_MAX     (4u + CTL_JSON_MAX + CTL_BLOB_MAX)
#define CTL_QUEUE_MAX    (64u << 20)
#define CTL_REQUESTS_MAX 2048u /* open at once on a link; both ends count */

enum ctl_type { CTL_REQUEST = 1, CTL_REPLY = 2, CTL_EVENT = 3, CTL_CANCEL = 4 };

/* Appends the body. `blob` may be NULL when blob_len is 0. -ENOBUFS, -ENOMEM, -EINVAL (not an
 * object). */
int ctl_encode(struct buf *b, const json_t *object, const void *blob, size_t blob_len);

/* Takes a body apart. *ret_json is a new reference; *ret_blob points into `body`.
 * -EBADMSG when it is not a body of this protocol. */
int ctl_decode(const void *body, size_t len, json_t **ret_json, const uint8_t **ret_blob,
               size_t *ret_blob_len);

#endif
