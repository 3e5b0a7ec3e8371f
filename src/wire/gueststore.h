/*
 * GuestStore, as guests speak it: the HTTP-like text between a client and the agent on a local
 * socket, and the data maps between the agent and vmx on a stream of their own. (GuestStore,
 * "Hop 1: client to plugin" and "Hop 3: data connection between plugin and vmx".)
 *
 * Pure functions; any thread. Decoded data points into the input. What a peer sends is hostile: a
 * decoder gives -EBADMSG and the connection is to be closed.
 */
#ifndef WIRE_GUESTSTORE_H
#define WIRE_GUESTSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define GUESTSTORE_PATH_MAX 1024u /* bytes of a resource path, decoded, without a NUL */
/* A request may be one byte shorter than this: as many received bytes end the connection. */
#define GUESTSTORE_REQUEST_SIZE 4096u
#define GUESTSTORE_HEAD_MAX     65535u /* bytes of the head of a response */
#define GUESTSTORE_SOCKET       "/var/run/vmware/guestStorePipe"
/* Payload limits of the data maps: what vmx takes, what the agent takes. */
#define GUESTSTORE_MAP_REQUEST_MAX 4096u
#define GUESTSTORE_MAP_REPLY_MAX   65532u

/* ---- client and agent ---- */

/* A path that the client library sends: begins with a slash, 1..1024 bytes, no control bytes. */
bool gueststore_path_valid(const char *path, size_t len);

/* Appends the request for a path. */
int gueststore_put_get(struct buf *b, const char *path, size_t len);

/* Whether all of the request has come: its last four bytes are an empty line. */
bool gueststore_get_complete(const void *bytes, size_t len);
/* The decoded path of a complete request. It may hold any byte but NUL; only its first byte and its
 * length have been checked. */
int gueststore_parse_get(const void *bytes, size_t len, char ret_path[GUESTSTORE_PATH_MAX + 1],
                         size_t *ret_len);

#define GUESTSTORE_HTTP_OK        200u
#define GUESTSTORE_HTTP_FORBIDDEN 403u
#define GUESTSTORE_HTTP_NOT_FOUND 404u

/* Appends the head of a response: one of the three statuses, the size of the body, the time in
 * seconds since 1970 (negative: none). -EINVAL for another status. */
int gueststore_put_head(struct buf *b, unsigned status, int64_t size, int64_t now);

struct gueststore_head {
    unsigned status;
    int64_t size; /* of the body; only for status 200 */
    size_t len;   /* of the head: where the body begins */
};

/* 1 and the head, 0 while its end has not come, -EBADMSG when it is none (or has a status that is
 * not one of the three), or longer than GUESTSTORE_HEAD_MAX. */
int gueststore_parse_head(const void *bytes, size_t len, struct gueststore_head *ret);

/* ---- agent and vmx ---- */

enum gueststore_command { GUESTSTORE_GET = 1, GUESTSTORE_CLOSE = 2 };

struct gueststore_request {
    enum gueststore_command command;
    const uint8_t *path; /* GET only; any bytes */
    size_t path_len;
};

/* `error` of a reply; any other value means that the request failed. */
enum gueststore_error {
    GUESTSTORE_OK = 0,
    GUESTSTORE_FORBIDDEN = 1,
    GUESTSTORE_NOT_FOUND = 2,
    GUESTSTORE_FAILED = 5,
};

struct gueststore_reply {
    int64_t error;
    int64_t size; /* with error 0: this many bytes of content follow */
};

/* Append a whole packet; decode the body of one. */
int gueststore_request_encode(struct buf *b, const struct gueststore_request *rq);
int gueststore_request_decode(const void *body, size_t len, struct gueststore_request *ret);
int gueststore_reply_encode(struct buf *b, const struct gueststore_reply *reply);
int gueststore_reply_decode(const void *body, size_t len, struct gueststore_reply *ret);

#endif
