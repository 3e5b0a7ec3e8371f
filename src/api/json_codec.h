/*
 * The JSON form of the vSphere API (VI JSON) and of the REST types, over the same descriptors as
 * SOAP. Both directions know no single method.
 *
 * Decoding takes bytes from strangers: size, depth, number of values and length of a string are
 * checked in one pass over the bytes before a parser builds anything, and values go into the
 * caller's arena, whose cap bounds memory. A decoded request promises its handler what a SOAP
 * request promises (api/soap.h). Encoding leaves out what the client's release does not know and
 * always yields well-formed JSON in UTF-8, whatever bytes the strings hold.
 *
 * Stateless; any thread.
 */
#ifndef API_JSON_CODEC_H
#define API_JSON_CODEC_H

#include "api/vim.h"
#include "base/buf.h"
#include "base/error.h"

#define JSON_CONTENT_TYPE "application/json"

struct json_limits {
    size_t bytes;  /* the whole text */
    size_t text;   /* one string or number, bytes as sent */
    size_t values; /* in the text: members and items at any depth */
    size_t depth;  /* of objects and arrays */
};

#define JSON_LIMITS_DEFAULT \
    ((struct json_limits){.bytes = 20u << 20, .text = 8u << 20, .values = 200000u, .depth = 64})

enum json_dialect {
    JSON_VIM,  /* every data object says its type in `_typeName` */
    JSON_REST, /* types are known from the place; a map is an object */
};

/* What the other side is told. */
struct json_fault {
    const char *text;                /* for people; never empty */
    const struct vim_object *detail; /* a fault type; NULL = none */
};

/* Is the text within the limits? Looks at tokens only: a text that passes may still be no JSON.
 * 0, -EMSGSIZE. */
int json_check_limits(const void *bytes, size_t size, const struct json_limits *limits,
                      struct error *err);

/*
 * Decodes a body into *ret, a new struct of `type`: with JSON_VIM a method's request without its
 * `this_`, with JSON_REST a data object. An empty body is an empty object. `version` as in a SOAP
 * request: what is newer than it may be missing. Returns 0; -EBADMSG with *ret_fault (not JSON,
 * over a limit, a parameter missing or of the wrong type); -ENOMEM.
 */
int json_decode(const void *bytes, size_t size, const struct json_limits *limits,
                enum json_dialect dialect, const struct vim_type *type, vim_version version,
                struct arena *arena, void **ret, struct json_fault *ret_fault, struct error *err);

/*
 * Encoders append one value. They return 0 or the buffer's error (-ENOBUFS, -ENOMEM), or -ELOOP for
 * a value that nests too deep; what was written by then is of no use.
 */

/* The value of a result, *ret_empty when there is none (nothing is written then). An array is
 * always there. */
int json_encode_result(struct buf *out, enum json_dialect dialect, const struct vim_type *result,
                       const void *container, vim_version version, bool *ret_empty);
/* What a property of the declared type holds: the bare value, boxed only where the type is anyType.
 * Empty as above; NULL is. */
int json_encode_property(struct buf *out, const struct vim_field *property,
                         const struct vim_any *value, vim_version version, bool *ret_empty);
int json_encode_fault(struct buf *out, const struct json_fault *fault, vim_version version);
/* The body of a request. For clients and tests. */
int json_encode_args(struct buf *out, enum json_dialect dialect, const struct vim_type *type,
                     const void *args, vim_version version);

/* A string with its quotes; bytes that are no UTF-8 become U+FFFD. */
int json_put_string(struct buf *out, const char *s);

#endif
