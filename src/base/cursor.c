#include "base/cursor.h"

#include <errno.h>
#include <string.h>

int cursor_bytes(struct cursor *c, size_t n, const uint8_t **ret)
{
    if (c->err || n > c->left) {
        c->err = -EBADMSG;
        *ret = NULL;
        return c->err;
    }
    *ret = c->p;
    if (n) {
        c->p += n;
        c->left -= n;
    }
    return 0;
}

int cursor_skip(struct cursor *c, size_t n)
{
    const uint8_t *ignored;

    return cursor_bytes(c, n, &ignored);
}

static int get_le(struct cursor *c, size_t width, uint64_t *ret)
{
    const uint8_t *p;
    int r = cursor_bytes(c, width, &p);

    *ret = 0;
    if (r)
        return r;
    for (size_t i = 0; i < width; i++)
        *ret |= (uint64_t)p[i] << (8 * i);
    return 0;
}

static int get_be(struct cursor *c, size_t width, uint64_t *ret)
{
    const uint8_t *p;
    int r = cursor_bytes(c, width, &p);

    *ret = 0;
    if (r)
        return r;
    for (size_t i = 0; i < width; i++)
        *ret = *ret << 8 | p[i];
    return 0;
}

int cursor_u8(struct cursor *c, uint8_t *ret)
{
    uint64_t v;
    int r = get_le(c, 1, &v);

    *ret = (uint8_t)v;
    return r;
}

int cursor_le16(struct cursor *c, uint16_t *ret)
{
    uint64_t v;
    int r = get_le(c, 2, &v);

    *ret = (uint16_t)v;
    return r;
}

int cursor_le32(struct cursor *c, uint32_t *ret)
{
    uint64_t v;
    int r = get_le(c, 4, &v);

    *ret = (uint32_t)v;
    return r;
}

int cursor_le64(struct cursor *c, uint64_t *ret)
{
    return get_le(c, 8, ret);
}

int cursor_be32(struct cursor *c, uint32_t *ret)
{
    uint64_t v;
    int r = get_be(c, 4, &v);

    *ret = (uint32_t)v;
    return r;
}

int cursor_sub(struct cursor *c, size_t n, struct cursor *ret)
{
    const uint8_t *p;
    int r = cursor_bytes(c, n, &p);

    *ret = CURSOR_INIT(p, r ? 0 : n);
    ret->err = r;
    return r;
}

int cursor_text(struct cursor *c, size_t n, const char **ret)
{
    const uint8_t *p;

    *ret = NULL;
    if (n == SIZE_MAX)
        return c->err = -EBADMSG;
    if (cursor_bytes(c, n + 1, &p))
        return c->err;
    if (p[n] != '\0' || memchr(p, '\0', n))
        return c->err = -EBADMSG;
    *ret = (const char *)p;
    return 0;
}
