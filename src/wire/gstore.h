/*
 * The messages between a VM's process (vmx) and the content daemon (gstored), over base/channel on
 * a connected Unix stream pair. docs/gueststore.md describes who makes the pair and what the order
 * of messages is; the VM's identity and its rules belong to the connection and are never in a
 * message, so a vmx cannot speak for another VM or widen its own rules.
 *
 * The id of a message is the request's: chosen by vmx, not 0, not in use.
 *
 *   vmx to gstored
 *     GET       path of the resource: 1 to GSTORE_PATH_MAX bytes, as the guest sent it
 *     CANCEL    empty; the request still gets its END, unless that is on its way already
 *   gstored to vmx
 *     OPENED    u64 LE size, u64 LE available; one descriptor beside it
 *     PROGRESS  u64 LE available; grows
 *     END       i32 LE code (0 or negative errno), text to the end of the body (for the log)
 *
 * Every request is ended by exactly one END.
 */
#ifndef WIRE_GSTORE_H
#define WIRE_GSTORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define GSTORE_PATH_MAX     1024u /* bytes of a resource path */
#define GSTORE_TEXT_MAX     480u  /* bytes of the text of END */
#define GSTORE_BODY_MAX     1536u /* for channel_new */
#define GSTORE_QUEUE_MAX    65536u
#define GSTORE_REQUESTS_MAX 4u /* open at once on a connection; one more is answered -EBUSY */
#define GSTORE_SIZE_MAX     INT64_MAX

enum gstore_type {
    GSTORE_GET = 1,
    GSTORE_CANCEL = 2,
    GSTORE_OPENED = 16,
    GSTORE_PROGRESS = 17,
    GSTORE_END = 18,
};

struct gstore_msg {
    enum gstore_type type;
    const uint8_t *path; /* GET; not terminated, any bytes */
    size_t path_len;
    uint64_t size;      /* OPENED: of the whole resource */
    uint64_t available; /* OPENED, PROGRESS: bytes from the start that can be read now; <= size */
    int code;           /* END: 0, or a negative errno code */
    const char *text;   /* END: not terminated */
    size_t text_len;
};

/* Appends the body of `m`. -EINVAL (a value out of its limits), -ENOBUFS, -ENOMEM. A longer text of
 * END is cut. */
int gstore_encode(struct buf *b, const struct gstore_msg *m);

/* Takes a body apart; what `ret` points to is in the body. -EBADMSG: an unknown type, a value out
 * of its limits, bytes too many or too few. Whether a descriptor came with OPENED, and whether
 * `available` of PROGRESS is within the size, is for the receiver to look at. */
int gstore_decode(uint16_t type, const void *body, size_t len, struct gstore_msg *ret);

#endif
