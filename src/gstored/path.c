#include "gstored/path.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DECODE_ROUNDS 4 /* a path that is still encoded after that is refused */

static bool is_slash(uint8_t c)
{
    return c == '/' || c == '\\';
}

static bool has_dot_segment(const uint8_t *p, size_t len)
{
    size_t start = 0;

    for (size_t i = 0; i <= len; i++) {
        if (i < len && !is_slash(p[i]))
            continue;
        size_t n = i - start;
        if ((n == 1 || n == 2) && p[start] == '.' && p[start + n - 1] == '.')
            return true;
        start = i + 1;
    }
    return false;
}

static bool has_control(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] < 0x20 || p[i] == 0x7f)
            return true;
    return false;
}

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

/* Decodes %XX, and two- and three-byte forms of ASCII characters, in place. Says whether anything
 * was there to decode. */
static bool decode(uint8_t *p, size_t *len)
{
    size_t to = 0;
    bool some = false;

    for (size_t i = 0; i < *len; to++) {
        size_t left = *len - i;
        if (p[i] == '%' && left >= 3 && hex_digit(p[i + 1]) >= 0 && hex_digit(p[i + 2]) >= 0) {
            p[to] = (uint8_t)(hex_digit(p[i + 1]) << 4 | hex_digit(p[i + 2]));
            i += 3;
        } else if ((p[i] == 0xc0 || p[i] == 0xc1) && left >= 2 && (p[i + 1] & 0xc0) == 0x80) {
            p[to] = (uint8_t)((p[i] & 1) << 6 | (p[i + 1] & 0x3f));
            i += 2;
        } else if (p[i] == 0xe0 && left >= 3 && (p[i + 1] == 0x80 || p[i + 1] == 0x81) &&
                   (p[i + 2] & 0xc0) == 0x80) {
            p[to] = (uint8_t)((p[i + 1] & 1) << 6 | (p[i + 2] & 0x3f));
            i += 3;
        } else {
            p[to] = p[i++];
            continue;
        }
        some = true;
    }
    *len = to;
    return some;
}

static const char *check_decoded(const char *path, size_t len)
{
    uint8_t copy[GSTORE_PATH_MAX];

    memcpy(copy, path, len);
    for (int round = 0; round < DECODE_ROUNDS; round++) {
        if (has_dot_segment(copy, len))
            return "a segment is . or ..";
        if (has_control(copy, len))
            return "it holds control bytes";
        if (!decode(copy, &len))
            return NULL;
    }
    return "it is encoded too often";
}

const char *path_resolve(const void *path, size_t len, char ret[GSTORE_PATH_MAX + 1])
{
    size_t extra = strlen(PATH_FOLDER_RESOURCE);

    if (len < 1 || len > GSTORE_PATH_MAX)
        return "its length is not 1 to 1024 bytes";
    memcpy(ret, path, len);
    if (ret[0] != '/')
        return "it does not begin with /";
    if (has_control(path, len))
        return "it holds control bytes";
    if (ret[len - 1] == '/') {
        if (len + extra > GSTORE_PATH_MAX)
            return "its length is not 1 to 1024 bytes";
        memcpy(ret + len, PATH_FOLDER_RESOURCE, extra);
        len += extra;
    }
    ret[len] = '\0';
    if (strstr(ret, "//"))
        return "a segment is empty";
    return check_decoded(ret, len);
}
