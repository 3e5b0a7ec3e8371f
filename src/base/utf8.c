#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

bool utf8_valid(const void *text, size_t len)
{
    const uint8_t *p = text;

    for (size_t i = 0; i < len;) {
        uint8_t c = p[i++];
        uint32_t v, least;
        size_t more;

        if (c < 0x80)
            continue;
        if (c >= 0xc2 && c <= 0xdf) {
            more = 1, v = c & 0x1f, least = 0x80;
        } else if (c >= 0xe0 && c <= 0xef) {
            more = 2, v = c & 0x0f, least = 0x800;
        } else if (c >= 0xf0 && c <= 0xf4) {
            more = 3, v = c & 0x07, least = 0x10000;
        } else {
            return false;
        }
        for (; more; more--) {
            if (i == len || (p[i] & 0xc0) != 0x80)
                return false;
            v = v << 6 | (p[i++] & 0x3f);
        }
        if (v < least || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
            return false;
    }
    return true;
}

/* Length of the valid sequence that begins at p, 0 = none. */
static size_t sequence(const uint8_t *p, size_t left)
{
    for (size_t n = 1; n <= 4 && n <= left; n++)
        if (utf8_valid(p, n))
            return n;
    return 0;
}

void utf8_clean(char *text)
{
    uint8_t *p = (uint8_t *)text;
    size_t left = strlen(text);

    while (left) {
        size_t n = sequence(p, left);

        if (n == 0 || p[0] == 0x7f || (p[0] < 0x20 && !strchr("\t\n\r", p[0]))) {
            *p = '?';
            n = 1;
        }
        p += n;
        left -= n;
    }
}
