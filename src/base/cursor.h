/*
 * The only way to read bytes that come from outside: a cursor that knows what is left.
 *
 * A getter consumes what it returns. The first one that runs out sets the error to -EBADMSG, and
 * from then on every getter fails and stores zero, so a reader may take a whole structure and
 * look once at the end (cursor_error). A cursor does not own the bytes; decode from a private copy.
 */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include <stddef.h>
#include <stdint.h>

struct cursor {
    const uint8_t *p;
    size_t left;
    int err; /* 0 or -EBADMSG */
};

#define CURSOR_INIT(bytes, n) ((struct cursor){.p = (const uint8_t *)(bytes), .left = (n)})

static inline int cursor_error(const struct cursor *c)
{
    return c->err;
}

int cursor_u8(struct cursor *c, uint8_t *ret);
int cursor_le16(struct cursor *c, uint16_t *ret);
int cursor_le32(struct cursor *c, uint32_t *ret);
int cursor_le64(struct cursor *c, uint64_t *ret);
int cursor_be32(struct cursor *c, uint32_t *ret);

/* n bytes in place; they live as long as the bytes under the cursor. */
int cursor_bytes(struct cursor *c, size_t n, const uint8_t **ret);
int cursor_skip(struct cursor *c, size_t n);

/* Splits the next n bytes off as a cursor of their own. */
int cursor_sub(struct cursor *c, size_t n, struct cursor *ret);

/* n bytes of text followed by a NUL that must be there; no NUL may lie inside. */
int cursor_text(struct cursor *c, size_t n, const char **ret);

#endif
