#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define BUF_FIRST_SIZE 256u

void buf_free(struct buf *b)
{
    mem_free(b->data);
    *b = BUF_INIT(b->max);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->err = 0;
    if (b->data)
        b->data[0] = '\0';
}

int buf_reserve(struct buf *b, size_t n, uint8_t **ret)
{
    if (b->err)
        return b->err;
    if (n > b->max || b->len > b->max - n)
        return b->err = -ENOBUFS;
    if (b->len + n + 1 > b->size) {
        size_t size = b->size ? b->size : BUF_FIRST_SIZE;
        uint8_t *data;

        while (size < b->len + n + 1)
            size = size > SIZE_MAX / 2 ? b->len + n + 1 : size * 2;
        if (size > b->max + 1)
            size = b->max + 1;
        data = mem_realloc(b->data, size);
        if (!data)
            return b->err = -ENOMEM;
        b->data = data;
        b->size = size;
    }
    if (ret)
        *ret = b->data + b->len;
    return 0;
}

void buf_commit(struct buf *b, size_t n)
{
    b->len += n;
    b->data[b->len] = '\0';
}

int buf_put(struct buf *b, const void *data, size_t n)
{
    uint8_t *to;
    int r = buf_reserve(b, n, &to);

    if (r)
        return r;
    if (n)
        memcpy(to, data, n);
    buf_commit(b, n);
    return 0;
}

int buf_put_str(struct buf *b, const char *s)
{
    return buf_put(b, s, strlen(s));
}

int buf_put_zeros(struct buf *b, size_t n)
{
    uint8_t *to;
    int r = buf_reserve(b, n, &to);

    if (r)
        return r;
    memset(to, 0, n);
    buf_commit(b, n);
    return 0;
}

static int put_le(struct buf *b, uint64_t v, size_t width)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < width; i++)
        bytes[i] = (uint8_t)(v >> (8 * i));
    return buf_put(b, bytes, width);
}

static int put_be(struct buf *b, uint64_t v, size_t width)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < width; i++)
        bytes[i] = (uint8_t)(v >> (8 * (width - 1 - i)));
    return buf_put(b, bytes, width);
}

int buf_put_u8(struct buf *b, uint8_t v)
{
    return buf_put(b, &v, 1);
}

int buf_put_le16(struct buf *b, uint16_t v)
{
    return put_le(b, v, 2);
}

int buf_put_le32(struct buf *b, uint32_t v)
{
    return put_le(b, v, 4);
}

int buf_put_le64(struct buf *b, uint64_t v)
{
    return put_le(b, v, 8);
}

int buf_put_be32(struct buf *b, uint32_t v)
{
    return put_be(b, v, 4);
}

int buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    uint8_t *to;
    int n, r;

    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    r = n < 0 ? (b->err = -EINVAL) : buf_reserve(b, (size_t)n, &to);
    if (!r) {
        vsnprintf((char *)to, (size_t)n + 1, fmt, again);
        buf_commit(b, (size_t)n);
    }
    va_end(again);
    return r;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = buf_vprintf(b, fmt, ap);
    va_end(ap);
    return r;
}

static int patch(struct buf *b, size_t offset, const uint8_t bytes[4])
{
    if (b->err)
        return b->err;
    if (b->len < 4 || offset > b->len - 4)
        return -EINVAL;
    memcpy(b->data + offset, bytes, 4);
    return 0;
}

int buf_patch_le32(struct buf *b, size_t offset, uint32_t v)
{
    const uint8_t bytes[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
                              (uint8_t)(v >> 24)};

    return patch(b, offset, bytes);
}

int buf_patch_be32(struct buf *b, size_t offset, uint32_t v)
{
    const uint8_t bytes[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
                              (uint8_t)v};

    return patch(b, offset, bytes);
}

void buf_consume(struct buf *b, size_t n)
{
    if (n > b->len)
        n = b->len;
    if (!n)
        return;
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
    b->data[b->len] = '\0';
}

uint8_t *buf_steal(struct buf *b, size_t *ret_len)
{
    uint8_t *data;

    if (buf_reserve(b, 0, NULL))
        return NULL;
    data = b->data;
    data[b->len] = '\0';
    if (ret_len)
        *ret_len = b->len;
    *b = BUF_INIT(b->max);
    return data;
}
