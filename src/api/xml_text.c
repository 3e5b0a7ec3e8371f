#include "api/xml_text.h"

#include <stdbool.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/* Bytes of the well-formed UTF-8 sequence at p that XML may hold, 0 when there is none. The text
 * ends with a NUL, which is no continuation byte, so nothing is read past it. */
static size_t sequence(const unsigned char *p)
{
    unsigned c = p[0];

    if (c < 0x20)
        return c == '\t' || c == '\n' ? 1 : 0;
    if (c < 0x80)
        return 1;
    if (c < 0xc2 || c > 0xf4 || (p[1] & 0xc0) != 0x80)
        return 0;
    if (c < 0xe0)
        return 2;
    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || (c == 0xf0 && p[1] < 0x90) ||
        (c == 0xf4 && p[1] > 0x8f) || (p[2] & 0xc0) != 0x80)
        return 0;
    if (c < 0xf0)
        return c == 0xef && p[1] == 0xbf && p[2] >= 0xbe ? 0 : 3; /* U+FFFE, U+FFFF */
    return (p[3] & 0xc0) == 0x80 ? 4 : 0;
}

static const char *entity(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\r':
        return "&#xD;"; /* a bare one would come back as a line feed */
    default:
        return NULL;
    }
}

int xml_put_text(struct buf *out, const char *s)
{
    const unsigned char *p = (const unsigned char *)s;
    const unsigned char *run = p;

    while (*p) {
        const char *instead = entity(*p);
        size_t n = instead ? 0 : sequence(p);

        if (n) {
            p += n;
            continue;
        }
        buf_put(out, run, (size_t)(p - run));
        buf_put_str(out, instead ? instead : REPLACEMENT);
        run = ++p;
    }
    return buf_put(out, run, (size_t)(p - run));
}
