#include "wire/gstore.h"

#include <errno.h>

#include "base/cursor.h"

#define ERRNO_MAX 4095 /* as the kernel's */

int gstore_encode(struct buf *b, const struct gstore_msg *m)
{
    switch (m->type) {
    case GSTORE_GET:
        if (m->path_len < 1 || m->path_len > GSTORE_PATH_MAX)
            return -EINVAL;
        return buf_put(b, m->path, m->path_len);
    case GSTORE_CANCEL:
        return 0;
    case GSTORE_OPENED:
        if (m->size > GSTORE_SIZE_MAX || m->available > m->size)
            return -EINVAL;
        buf_put_le64(b, m->size);
        return buf_put_le64(b, m->available);
    case GSTORE_PROGRESS:
        if (m->available > GSTORE_SIZE_MAX)
            return -EINVAL;
        return buf_put_le64(b, m->available);
    case GSTORE_END:
        if (m->code > 0 || m->code < -ERRNO_MAX)
            return -EINVAL;
        buf_put_le32(b, (uint32_t)m->code);
        return buf_put(b, m->text, m->text_len < GSTORE_TEXT_MAX ? m->text_len : GSTORE_TEXT_MAX);
    }
    return -EINVAL;
}

static int decode_end(struct cursor *c, struct gstore_msg *m)
{
    uint32_t code;
    if (cursor_le32(c, &code) < 0)
        return -EBADMSG;
    m->code = (int32_t)code;
    if (m->code > 0 || m->code < -ERRNO_MAX || c->left > GSTORE_TEXT_MAX)
        return -EBADMSG;
    m->text = (const char *)c->p;
    m->text_len = c->left;
    return cursor_skip(c, c->left);
}

int gstore_decode(uint16_t type, const void *body, size_t len, struct gstore_msg *ret)
{
    struct cursor c = CURSOR_INIT(body, len);
    struct gstore_msg m = {.type = type};
    int rc = 0;

    switch (type) {
    case GSTORE_GET:
        m.path_len = len;
        rc = len < 1 || len > GSTORE_PATH_MAX ? -EBADMSG : cursor_bytes(&c, len, &m.path);
        break;
    case GSTORE_CANCEL:
        break;
    case GSTORE_OPENED:
        cursor_le64(&c, &m.size);
        cursor_le64(&c, &m.available);
        if (m.size > GSTORE_SIZE_MAX || m.available > m.size)
            rc = -EBADMSG;
        break;
    case GSTORE_PROGRESS:
        cursor_le64(&c, &m.available);
        if (m.available > GSTORE_SIZE_MAX)
            rc = -EBADMSG;
        break;
    case GSTORE_END:
        rc = decode_end(&c, &m);
        break;
    default:
        rc = -EBADMSG;
    }
    if (rc == 0)
        rc = cursor_error(&c);
    if (rc == 0 && c.left)
        rc = -EBADMSG;
    if (rc == 0)
        *ret = m;
    return rc;
}
