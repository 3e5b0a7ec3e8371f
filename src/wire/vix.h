/*
 * VIX guest commands: the request message, the relay envelope it travels in and the reply.
 *
 * On TCLO a request is `Vix_1_Relayed_Command "NAME"` NUL and the binary message: a 51-byte header,
 * the body of the opcode (vix_body.h), the credential (vix_auth.h). A reply is text: error, second
 * error, result; the result is raw bytes after a `#` when the request asked for that.
 * All integers little endian, structures packed. Decoded data points into the input.
 */
#ifndef WIRE_VIX_H
#define WIRE_VIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define VIX_MAGIC          0xd00d0001u
#define VIX_VERSION        5u
#define VIX_HEADER_SIZE    23u    /* common header */
#define VIX_REQUEST_SIZE   51u    /* common and request header */
#define VIX_AUTH_DATA_SIZE 44u    /* optional authentication data of the host socket */
#define VIX_REQUEST_MAX    65536u /* a whole request message */
#define VIX_INPUT_MAX      60536u /* what a client may put into one request */
#define VIX_REPLY_MAX      65536u /* a whole TCLO reply */
#define VIX_RESULT_MAX     65444u /* the result part of a reply */
#define VIX_RELAY_NAME_MAX 128u   /* request name, bytes */
/* Between our own host and agent on a tagged channel (docs/guest-rpc-extensions.md). What these
 * codecs accept; a caller that talks to a stock peer keeps to the limits above. */
#define VIX_MESSAGE_LARGE 589824u
#define VIX_TIMEOUT_NONE  0xffffffffu

#define VIX_RELAYED_COMMAND "Vix_1_Relayed_Command"

enum vix_common_flag {
    VIX_COMMON_REQUEST = 0x01,
    VIX_COMMON_REPORT_EVENT = 0x02,
    VIX_COMMON_FORWARD_TO_GUEST = 0x04,
    VIX_COMMON_STRING = 0x08,
    VIX_COMMON_INTEGER_STRING = 0x10,
    VIX_COMMON_PROPERTY_LIST = 0x40,
    VIX_COMMON_BINARY = 0x80, /* the reply is `#` and bytes */
};

enum vix_request_flag {
    VIX_REQUEST_ANY_VMX_STATE = 0x004,
    VIX_REQUEST_INTERACTIVE = 0x008,
    VIX_REQUEST_AUTH_DATA = 0x010, /* 44 bytes follow the credential */
    VIX_REQUEST_ESCAPE_XML = 0x040,
    VIX_REQUEST_HASHED_SECRET = 0x080,
};

struct vix_request {
    uint8_t common_flags;
    uint32_t opcode;
    uint32_t flags;
    uint32_t timeout; /* seconds; agents ignore it */
    uint64_t cookie;
    uint32_t client_handle;
    uint32_t credential_type; /* enum vix_credential_type */
    const uint8_t *body;
    size_t body_len;
    const uint8_t *credential;
    size_t credential_len;
    const uint8_t *auth_data; /* VIX_AUTH_DATA_SIZE bytes, or NULL */
};

/* Appends the message. Sets the REQUEST bit; AUTH_DATA follows auth_data. -EMSGSIZE when the whole
 * would exceed VIX_MESSAGE_LARGE, -ENOMEM, -ENOBUFS. */
int vix_request_encode(struct buf *b, const struct vix_request *rq);

/* -EPROTO (agents answer 10000) unless magic, version, lengths and flags are exactly those of one
 * request of `len` bytes. Does not look into body or credential. */
int vix_request_decode(const void *message, size_t len, struct vix_request *ret);

/* The TCLO message around a request. `name` (at most VIX_RELAY_NAME_MAX bytes of printable ASCII
 * without quote and backslash) comes back only in Run_Program_Done. */
int vix_relay_encode(struct buf *b, const char *name, const void *message, size_t len);
/* `args` is what follows "Vix_1_Relayed_Command " (rpc_split, binary). A name without quotes is
 * empty. -EPROTO without the NUL or with a name over the limit. */
int vix_relay_decode(const void *args, size_t len, const char **ret_name, size_t *ret_name_len,
                     const uint8_t **ret_message, size_t *ret_len);

struct vix_reply {
    uint64_t error;      /* VixError; low 16 bits are the code */
    uint32_t additional; /* guest errno; only of interest when error is set */
    bool binary;
    const uint8_t *result; /* text: without its NULs */
    size_t result_len;
};

/* The reply payload (what follows "OK "). -EMSGSIZE when the result exceeds VIX_MESSAGE_LARGE;
 * -EINVAL when a text result contains a NUL. */
int vix_reply_encode(struct buf *b, const struct vix_reply *reply);
/* `binary`: the request had VIX_COMMON_BINARY. The text form is accepted then too (an agent that
 * refuses a request before dispatch). -EBADMSG. */
int vix_reply_decode(const void *payload, size_t len, bool binary, struct vix_reply *ret);

/* RPCI notification at the end of a RUN_PROGRAM or RUN_SCRIPT. */
#define VIX_RUN_DONE "Run_Program_Done"
struct vix_run_done {
    const char *name; /* request name; not NUL-terminated after decoding */
    size_t name_len;
    uint64_t error;
    uint32_t additional;
    int32_t exit_code;
    int64_t pid;
};
int vix_run_done_encode(struct buf *b, const struct vix_run_done *done);         /* with its NUL */
int vix_run_done_decode(const void *args, size_t len, struct vix_run_done *ret); /* -EBADMSG */

#endif
