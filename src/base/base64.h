/*
 * Base64 with the standard alphabet and padding (RFC 4648, section 4).
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

#include "base/buf.h"

/* Characters that n bytes become. */
#define BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/* Appends the text. -ENOMEM, -ENOBUFS. */
int base64_encode(struct buf *b, const void *bytes, size_t len);

/* Appends the bytes. -EBADMSG: a character outside the alphabet, a length that is no multiple of
 * four, padding in the wrong place, or bits after the end; nothing is appended then. */
int base64_decode(struct buf *b, const char *text, size_t len);

#endif
