#include "wire/hgfs_name.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "wire/hgfs.h"

/* A byte of a wire name that cannot be in a file name (on Linux only '/') is stored as a substitute
 * and '%'; a wire name that has such a pair by itself gets ']' between the two. */
#define SUBSTITUTE '!'
#define MARK       '%'
#define GUARD      ']'

/* Whether bytes i.. are a substitute, any number of guards and the mark. */
static bool guarded(const char *p, size_t len, size_t i)
{
    if (p[i] != SUBSTITUTE)
        return false;
    while (++i < len && p[i] == GUARD)
        ;
    return i < len && p[i] == MARK;
}

/* One component, from the wire to the local file system: `/` becomes `!%`, `!%` becomes `!]%`. */
static int hgfs_name_escape(struct buf *b, const char *component, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (component[i] == '/') {
            buf_put_u8(b, SUBSTITUTE);
            buf_put_u8(b, MARK);
            continue;
        }
        buf_put_u8(b, (uint8_t)component[i]);
        if (guarded(component, len, i))
            buf_put_u8(b, GUARD);
    }
    return b->err;
}

int hgfs_name_unescape(struct buf *b, const char *component, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool pair = guarded(component, len, i);

        if (pair && component[i + 1] == MARK) {
            buf_put_u8(b, '/');
            i++;
        } else {
            buf_put_u8(b, (uint8_t)component[i]);
            i += pair ? 1 : 0;
        }
    }
    return b->err;
}

int hgfs_name_from_path(struct buf *b, const char *path)
{
    if (path[0] != '/')
        return -EINVAL;
    buf_put_str(b, HGFS_SHARE);
    while (*path) {
        const char *end;

        path += strspn(path, "/");
        end = path + strcspn(path, "/");
        if (end == path)
            break;
        buf_put_u8(b, 0);
        hgfs_name_unescape(b, path, (size_t)(end - path));
        path = end;
    }
    return b->err;
}

static bool dots(const char *p, size_t len)
{
    return (len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.');
}

int hgfs_name_to_path(struct buf *b, const char *name, size_t len)
{
    const size_t share = sizeof(HGFS_SHARE) - 1;
    size_t first, start = b->len;
    const char *nul;

    if (len > HGFS_NAME_MAX)
        return -ENAMETOOLONG;
    if (!len || !name[0] || !name[len - 1] || !utf8_valid(name, len))
        return -EINVAL;
    nul = memchr(name, '\0', len);
    first = nul ? (size_t)(nul - name) : len;
    if (first != share || strncasecmp(name, HGFS_SHARE, share))
        return -ENOENT;
    for (size_t i = first; i < len;) {
        size_t n = 0;

        while (i < len && !name[i])
            i++;
        while (i + n < len && name[i + n])
            n++;
        if (dots(name + i, n))
            return -EINVAL;
        buf_put_u8(b, '/');
        hgfs_name_escape(b, name + i, n);
        i += n;
    }
    if (b->len == start)
        buf_put_u8(b, '/');
    return b->err;
}
