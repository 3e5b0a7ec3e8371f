/*
 * Data map packets: the framing of guest RPC on every stream (Unix, vsock).
 *
 * A packet is a u32 BE length and that many bytes of entries; an entry is a type, a field id and a
 * value. Guest RPC uses the fields TYPE, PAYLOAD and FAST_CLOSE, and REQUEST_ID between our own
 * programs. A peer that breaks a rule is to
 * be disconnected: there is no way to find the next packet. Decoded data points into the input.
 * Pure functions; any thread, one at a time per framer.
 */
#ifndef WIRE_DATAMAP_H
#define WIRE_DATAMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cursor.h"

#define DATAMAP_PACKET_MAX  (1u << 20) /* bytes after the length field, unless a framer has less */
#define DATAMAP_REPLY_MAX   (8u << 20) /* of an RPCI reply: an entry of a data set comes whole */
#define DATAMAP_ENTRIES_MAX 64u        /* entries of one packet */
#define DATAMAP_HEAD_SIZE   4u

enum datamap_type {
    DATAMAP_INT64 = 1,
    DATAMAP_STRING = 2,
    DATAMAP_INT64_LIST = 3,
    DATAMAP_STRING_LIST = 4,
};

struct datamap_entry {
    enum datamap_type type;
    uint32_t field;
    int64_t number;       /* INT64 */
    const uint8_t *bytes; /* STRING (never empty) */
    size_t len;
    uint32_t count;      /* the lists: elements, read from `list` with datamap_list_* */
    struct cursor items; /* checked already: reading `count` elements cannot fail */
};

/* Decodes the entries of a packet body (without the length field). 0 or -EBADMSG: unknown type, a
 * field twice, an empty string, a count or length beyond the end, more than DATAMAP_ENTRIES_MAX. */
int datamap_decode(const void *body, size_t len, struct datamap_entry ret[DATAMAP_ENTRIES_MAX],
                   size_t *ret_count);
int datamap_list_int64(struct cursor *items, int64_t *ret);
int datamap_list_string(struct cursor *items, const uint8_t **ret, size_t *ret_len);

/* A packet is written as: begin, entries, end. The length is filled in by `end`; errors stick in
 * the buffer. */
size_t datamap_begin(struct buf *b);
void datamap_put_int64(struct buf *b, uint32_t field, int64_t v);
void datamap_put_string(struct buf *b, uint32_t field, const void *bytes, size_t len); /* len > 0 */
void datamap_put_int64_list(struct buf *b, uint32_t field, const int64_t *v, uint32_t count);
struct datamap_string {
    const void *bytes;
    size_t len; /* > 0 */
};
void datamap_put_string_list(struct buf *b, uint32_t field, const struct datamap_string *v,
                             uint32_t count);
int datamap_end(struct buf *b, size_t start); /* 0, -ENOBUFS, -ENOMEM, -EINVAL (an empty string) */

/* Field ids of guest RPC. The last one is an extension of ours. */
enum datamap_rpc_field {
    DATAMAP_RPC_TYPE = 1,
    DATAMAP_RPC_PAYLOAD = 2,
    DATAMAP_RPC_FAST_CLOSE = 3,
    DATAMAP_RPC_REQUEST_ID = 64,
};

/* One message of guest RPC. */
enum datamap_rpc_type { DATAMAP_RPC_DATA = 1, DATAMAP_RPC_PING = 2 };

struct datamap_rpc {
    enum datamap_rpc_type type;
    const uint8_t *payload; /* NULL when there is none */
    size_t len;
    bool fast_close;    /* the sender wants the connection closed after the reply */
    int64_t request_id; /* REQUEST_ID of docs/guest-rpc-extensions.md; 0 = the field is absent, else
                           1 or more */
};

/* Appends one whole packet. A PING has no payload; DATA needs one (-EINVAL). */
int datamap_rpc_encode(struct buf *b, const struct datamap_rpc *rpc);
/* Takes a packet body apart; a missing TYPE is DATA, unknown fields are skipped. -EBADMSG: not a
 * data map, a field with the wrong type, an unknown TYPE, DATA without payload. */
int datamap_rpc_decode(const void *body, size_t len, struct datamap_rpc *ret);

/* Cuts a byte stream into packets. Memory grows with the bytes that have come, never with an
 * announced length. */
struct datamap_framer {
    struct buf bytes;
    size_t taken; /* bytes at the front that earlier packets used */
    size_t max;   /* largest packet body accepted */
    int err;
};

void datamap_framer_init(struct datamap_framer *f, size_t max);
void datamap_framer_free(struct datamap_framer *f);

/* Where to read up to n more bytes to; then commit what came. Invalidates the last packet.
 * -ENOMEM, -ENOBUFS (a caller that does not take its packets), or the sticky framing error. */
int datamap_framer_reserve(struct datamap_framer *f, size_t n, uint8_t **ret);
void datamap_framer_commit(struct datamap_framer *f, size_t n);
int datamap_framer_push(struct datamap_framer *f, const void *data, size_t n);

/* 1 and the body of the next packet (valid until the next reserve, push or free), 0 when more bytes
 * are needed, -EMSGSIZE when the announced packet is larger than `max` (sticks). */
int datamap_framer_next(struct datamap_framer *f, const uint8_t **ret, size_t *ret_len);

/* True while a packet has begun and not ended: what a read deadline looks at. */
bool datamap_framer_partial(const struct datamap_framer *f);

#endif
