#include "base/base64.h"

#include <errno.h>
#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(struct buf *b, const void *bytes, size_t len)
{
    const uint8_t *in = bytes;

    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t v = (uint32_t)in[i] << 16;
        char quad[4];

        if (n > 1)
            v |= (uint32_t)in[i + 1] << 8;
        if (n > 2)
            v |= in[i + 2];
        quad[0] = alphabet[v >> 18 & 63];
        quad[1] = alphabet[v >> 12 & 63];
        quad[2] = n > 1 ? alphabet[v >> 6 & 63] : '=';
        quad[3] = n > 2 ? alphabet[v & 63] : '=';
        if (buf_put(b, quad, sizeof(quad)))
            return b->err;
    }
    return 0;
}

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_decode(struct buf *b, const char *text, size_t len)
{
    size_t pad = 0;
    uint8_t *out;
    size_t n = 0;
    int r;

    if (len % 4)
        return -EBADMSG;
    if (!len)
        return 0;
    if (text[len - 1] == '=')
        pad = text[len - 2] == '=' ? 2 : 1;
    r = buf_reserve(b, len / 4 * 3, &out);
    if (r)
        return r;
    for (size_t i = 0; i < len; i += 4) {
        size_t skip = i + 4 == len ? pad : 0;
        uint32_t v = 0;

        for (size_t k = 0; k < 4; k++) {
            int d = k < 4 - skip ? digit(text[i + k]) : 0;

            if (d < 0)
                return -EBADMSG;
            v = v << 6 | (uint32_t)d;
        }
        if ((skip == 1 && (v & 0xff)) || (skip == 2 && (v & 0xffff)))
            return -EBADMSG;
        for (size_t k = 0; k < 3 - skip; k++)
            out[n++] = (uint8_t)(v >> (16 - 8 * k));
    }
    buf_commit(b, n);
    return 0;
}
