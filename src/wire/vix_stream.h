/*
 * Raw streams between host and guest: bodies and answers of the VIX requests that open and end
 * one, and the greeting with which the guest's end of it introduces itself
 * (docs/guest-rpc-extensions.md, "Raw streams").
 *
 * STREAM_OPEN names a kind and a token. Whoever serves it opens the thing, connects to the host's
 * stream service, sends the greeting and answers. From then on the connection is the kind's own
 * bytes. STREAM_END tells the other side how it ended, and is answered with how it ended there.
 * What a body or an answer points to lives in the message. Numbers are little-endian.
 */
#ifndef WIRE_VIX_STREAM_H
#define WIRE_VIX_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/vix_attributes.h"

#define VIX_STREAM_SERVICE       974u /* port, and name of the socket in the link's folder */
#define VIX_STREAM_TOKEN_SIZE    16u
#define VIX_STREAM_MAGIC         "IGSTREAM"
#define VIX_STREAM_MAGIC_SIZE    8u
#define VIX_STREAM_GREETING_SIZE (VIX_STREAM_MAGIC_SIZE + VIX_STREAM_TOKEN_SIZE)
#define VIX_STREAM_SIZE_UNKNOWN  (-1)
#define VIX_STREAM_BODY_MAX      49152u /* of a kind; with header and credential one VIX request */

/* What a stream is. The kind decides what its body holds, which way its bytes go and what they
 * mean; only its two ends know. */
enum vix_stream_kind {
    VIX_STREAM_FILE_READ = 1,  /* struct vix_stream_file; bytes to the host */
    VIX_STREAM_FILE_WRITE = 2, /* struct vix_stream_file; bytes to the guest */
    VIX_STREAM_EXEC = 3,       /* wire/exec_spec.h, a program; frames of wire/exec_frame.h */
    VIX_STREAM_CONNECT = 4,    /* same, a TCP connection */
};

struct vix_stream_open {
    uint32_t kind;
    uint8_t token[VIX_STREAM_TOKEN_SIZE];
    const uint8_t *body; /* of the kind */
    size_t len;
};

/* Answer to STREAM_OPEN. */
struct vix_stream_opened {
    /* Bytes that will come. VIX_STREAM_SIZE_UNKNOWN: that nobody knows, nor when they come; of a
     * kind that takes bytes, that it may be long before they are taken (else 0). */
    int64_t size;
    const uint8_t *extra; /* of the kind */
    size_t len;
};

enum vix_stream_outcome {
    VIX_STREAM_FINISH = 0, /* the host has had, or has sent, all of it */
    VIX_STREAM_ABORT = 1,  /* nothing of it may stay */
};

struct vix_stream_end {
    uint8_t token[VIX_STREAM_TOKEN_SIZE];
    uint32_t outcome; /* enum vix_stream_outcome */
    uint64_t bytes;   /* FINISH: that the host has sent; it is not whole with less or more */
};

/* Answer to STREAM_END with FINISH: bytes that the guest has sent or taken. */
struct vix_stream_ended {
    uint64_t bytes;
};

/* Body of the file kinds. A file, a folder's archive, or a stream of a program, by the names that
 * file transfers know (docs/guest-worker.md). */
struct vix_stream_file {
    const char *path; /* after decoding NUL-terminated, UTF-8; not checked to be absolute */
    bool overwrite;   /* writing: may take an existing file's place */
    int64_t size;     /* writing: bytes to come, or VIX_STREAM_SIZE_UNKNOWN; reading: 0 */
    /* Writing: what the file has from the moment that it is there. `path`, `hidden` and `read_only`
     * are not carried. Encoded only when one of the options is set. */
    struct vix_set_attributes attributes;
};

/* Encoders append; -ENOMEM, -ENOBUFS, -EINVAL (a field that cannot be). Decoders take exactly one;
 * -EPROTO (too short), -EBADMSG, and for text -EILSEQ. Requests themselves are encoded and decoded
 * by vix_body.h. */
int vix_stream_opened_encode(struct buf *b, const struct vix_stream_opened *opened);
int vix_stream_opened_decode(const void *result, size_t len, struct vix_stream_opened *ret);
int vix_stream_ended_encode(struct buf *b, const struct vix_stream_ended *ended);
int vix_stream_ended_decode(const void *result, size_t len, struct vix_stream_ended *ret);
int vix_stream_file_encode(struct buf *b, const struct vix_stream_file *file);
int vix_stream_file_decode(const void *body, size_t len, struct vix_stream_file *ret);

int vix_stream_greeting_encode(struct buf *b, const uint8_t token[VIX_STREAM_TOKEN_SIZE]);
/* *ret_token points into `bytes`. */
int vix_stream_greeting_decode(const uint8_t bytes[VIX_STREAM_GREETING_SIZE],
                               const uint8_t **ret_token);
/* Takes the same time whatever the tokens are. */
bool vix_stream_token_equal(const uint8_t *a, const uint8_t *b);

#endif
