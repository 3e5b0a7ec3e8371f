/*
 * A byte buffer with a maximum: everything that is written for the wire, or gathered from it,
 * passes through one.
 *
 * Errors stick: after the first failed put every further put fails with the same code, so a
 * writer may put a whole message and look once at the end (buf_error). The content is always
 * followed by a NUL byte that is not counted, so text can be read in place.
 * Owner: whoever holds the struct; buf_free releases the bytes and leaves a usable empty buffer.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data;
    size_t len;  /* bytes in use */
    size_t size; /* bytes allocated */
    size_t max;  /* `len` never exceeds this */
    int err;     /* 0, -ENOBUFS (over max) or -ENOMEM */
};

#define BUF_INIT(maximum) ((struct buf){.max = (maximum)})

void buf_free(struct buf *b);
/* Forgets the content and the error, keeps the memory. */
void buf_clear(struct buf *b);
static inline int buf_error(const struct buf *b)
{
    return b->err;
}

/* Room for n more bytes; *ret is where they go, to be taken over with buf_commit. */
int buf_reserve(struct buf *b, size_t n, uint8_t **ret);
void buf_commit(struct buf *b, size_t n);

int buf_put(struct buf *b, const void *data, size_t n);
int buf_put_str(struct buf *b, const char *s); /* without its NUL */
int buf_put_zeros(struct buf *b, size_t n);
int buf_put_u8(struct buf *b, uint8_t v);
int buf_put_le16(struct buf *b, uint16_t v);
int buf_put_le32(struct buf *b, uint32_t v);
int buf_put_le64(struct buf *b, uint64_t v);
int buf_put_be32(struct buf *b, uint32_t v);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *b, const char *fmt, va_list ap);

/* Overwrites four bytes that were put earlier; -EINVAL when they do not exist. */
int buf_patch_le32(struct buf *b, size_t offset, uint32_t v);
int buf_patch_be32(struct buf *b, size_t offset, uint32_t v);

/* Drops n bytes from the front (at most len). */
void buf_consume(struct buf *b, size_t n);

/* Hands the bytes (NUL-terminated) to the caller, who frees them with mem_free; NULL when the
 * buffer is in error or memory is short. Leaves the buffer empty. */
uint8_t *buf_steal(struct buf *b, size_t *ret_len);

static inline const char *buf_text(const struct buf *b)
{
    return b->data ? (const char *)b->data : "";
}

#define AUTO_BUF __attribute__((cleanup(buf_free)))

#endif
