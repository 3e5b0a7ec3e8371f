/*
 * The SOAP form of the vSphere API, both ends of it, for any method that the schema knows.
 *
 * Decoding takes bytes from strangers: a DOCTYPE is refused, and depth, number of elements and
 * attributes, size of a text and of the whole are limited. Values go into the caller's arena,
 * whose cap bounds memory. What a decoded request promises its handler: every required string,
 * reference, data object and enumeration is there; everything else may be absent. Encoding leaves
 * out what the client's release does not know and always yields well-formed XML, whatever bytes
 * the strings hold.
 *
 * A decoder belongs to one thread at a time.
 */
#ifndef API_SOAP_H
#define API_SOAP_H

#include "api/vim.h"
#include "base/buf.h"
#include "base/error.h"

#define SOAP_CONTENT_TYPE "text/xml; charset=utf-8"

struct soap_limits {
    size_t bytes;      /* the whole document */
    size_t text;       /* text of one element, bytes */
    size_t elements;   /* in the document */
    size_t depth;      /* of elements */
    size_t attributes; /* of one element */
};

#define SOAP_LIMITS_DEFAULT                     \
    ((struct soap_limits){.bytes = 20u << 20,   \
                          .text = 8u << 20,     \
                          .elements = 1000000u, \
                          .depth = 64,          \
                          .attributes = 64})

/* What goes wrong, as the other side is or was told. */
struct soap_fault {
    bool client;                     /* the request itself was bad (faultcode ClientFaultCode) */
    const char *text;                /* faultstring, for people; never empty */
    const struct vim_object *detail; /* a fault type; NULL = none was given */
};

struct soap_request {
    const struct vim_method *method;
    void *args;                    /* struct vim_NAME_request */
    struct vim_ref self;           /* the same as args' this_ */
    const char *operation_id;      /* from the SOAP header, NULL = none */
    const char *vc_session_cookie; /* from the SOAP header, NULL = none; a secret */
};

/*
 * Decodes one request; `version` is what the SOAPAction header asked for (vim_version_find).
 * Returns
 *   0         *ret is set
 *   -EBADMSG  answer with *ret_fault: not well-formed, over a limit, unknown method, a parameter
 *             missing or of the wrong type. err says the same with more detail.
 *   -EPROTO   answer with HTTP status 400: there is a DOCTYPE
 *   -ENOMEM   memory or the arena's cap is exhausted
 */
int soap_decode_request(const void *bytes, size_t size, const struct soap_limits *limits,
                        vim_version version, struct arena *arena, struct soap_request *ret,
                        struct soap_fault *ret_fault, struct error *err);

/* The same for bytes that come in pieces. After an error feed does nothing; finish tells it. */
struct soap_decoder;
struct soap_decoder *soap_decoder_new(const struct soap_limits *limits, vim_version version,
                                      struct arena *arena);
void soap_decoder_feed(struct soap_decoder *d, const void *bytes, size_t size);
int soap_decoder_finish(struct soap_decoder *d, struct soap_request *ret,
                        struct soap_fault *ret_fault, struct error *err);
void soap_decoder_free(struct soap_decoder *d); /* NULL is fine */

/*
 * Decodes what a server answered to a call of `method`. Returns 0 with *ret_result (struct
 * vim_NAME_result), -EREMOTEIO with *ret_fault when it answered a fault, -EBADMSG when the answer
 * is no answer to this, -ENOMEM. Types and values that this program does not know are taken as
 * their declared type or left out, so that a newer server can be talked to.
 */
int soap_decode_response(const void *bytes, size_t size, const struct soap_limits *limits,
                         const struct vim_method *method, struct arena *arena, void **ret_result,
                         struct soap_fault *ret_fault, struct error *err);

/*
 * Encoders append a whole document. They return 0 or the buffer's error (-ENOBUFS, -ENOMEM), or
 * -ELOOP for a value that nests too deep; what was written by then is of no use.
 */
int soap_encode_response(struct buf *out, const struct vim_method *method, const void *result,
                         vim_version version);
int soap_encode_fault(struct buf *out, const struct soap_fault *fault, vim_version version);
/* operation_id may be NULL. */
int soap_encode_request(struct buf *out, const struct vim_method *method, const void *args,
                        const char *operation_id, vim_version version);

#endif
