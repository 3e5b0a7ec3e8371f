#include "wire/vix_proplist.h"

#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "base/utf8.h"

#define RECORD_HEAD 12u

static int put_head(struct buf *b, int32_t id, enum vix_property_type type, size_t len)
{
    if (!b->err && (!len || len > VIX_PROPLIST_MAX))
        return -EINVAL;
    buf_put_le32(b, (uint32_t)id);
    buf_put_le32(b, type);
    return buf_put_le32(b, (uint32_t)len);
}

int vix_proplist_put_int(struct buf *b, int32_t id, int32_t v)
{
    put_head(b, id, VIX_PROP_INTEGER, 4);
    return buf_put_le32(b, (uint32_t)v);
}

int vix_proplist_put_bool(struct buf *b, int32_t id, bool v)
{
    put_head(b, id, VIX_PROP_BOOL, 1);
    return buf_put_u8(b, v);
}

int vix_proplist_put_int64(struct buf *b, int32_t id, int64_t v)
{
    put_head(b, id, VIX_PROP_INT64, 8);
    return buf_put_le64(b, (uint64_t)v);
}

int vix_proplist_put_string(struct buf *b, int32_t id, const char *v)
{
    size_t len = strlen(v) + 1;
    int r = put_head(b, id, VIX_PROP_STRING, len);

    return r ? r : buf_put(b, v, len);
}

int vix_proplist_put_blob(struct buf *b, int32_t id, const void *v, size_t len)
{
    int r = put_head(b, id, VIX_PROP_BLOB, len);

    return r ? r : buf_put(b, v, len);
}

static int take_value(struct cursor *c, uint32_t len, struct vix_property *p)
{
    struct cursor value;
    uint32_t v32;
    uint64_t v64;
    uint8_t v8;

    if (!len || cursor_sub(c, len, &value))
        return -EBADMSG;
    p->bytes = value.p;
    p->len = len;
    switch (p->type) {
    case VIX_PROP_INTEGER:
    case VIX_PROP_HANDLE:
        cursor_le32(&value, &v32);
        p->number = (int32_t)v32;
        break;
    case VIX_PROP_BOOL:
        cursor_u8(&value, &v8);
        p->number = v8 != 0;
        break;
    case VIX_PROP_INT64:
        cursor_le64(&value, &v64);
        p->number = (int64_t)v64;
        break;
    case VIX_PROP_STRING:
        if (cursor_text(&value, len - 1, &p->text))
            return -EBADMSG;
        return utf8_valid(p->text, len - 1) ? 0 : -EILSEQ;
    case VIX_PROP_BLOB:
        return 0;
    default:
        return -EOPNOTSUPP;
    }
    return cursor_error(&value) || value.left ? -EBADMSG : 0;
}

int vix_proplist_next(struct cursor *c, struct vix_property *ret)
{
    struct vix_property p = {0};
    uint32_t id, type, len;
    int r;

    if (c->left <= RECORD_HEAD)
        return 0;
    cursor_le32(c, &id);
    cursor_le32(c, &type);
    cursor_le32(c, &len);
    p.id = (int32_t)id;
    p.type = (enum vix_property_type)type;
    r = take_value(c, len, &p);
    if (r)
        return r;
    *ret = p;
    return 1;
}

int vix_proplist_get(const void *list, size_t len, int32_t id, struct vix_property *ret)
{
    struct cursor c = CURSOR_INIT(list, len);
    struct vix_property p, found;
    bool have = false;
    int r;

    while ((r = vix_proplist_next(&c, &p)) == 1) {
        if (p.id == id) {
            found = p;
            have = true;
        }
    }
    if (r)
        return r;
    if (!have)
        return -ENOENT;
    *ret = found;
    return 0;
}

int vix_proplist_to_text(struct buf *b, const void *list, size_t len)
{
    return base64_encode(b, list, len);
}

int vix_proplist_from_text(struct buf *b, const char *text, size_t len)
{
    if (len > BASE64_SIZE(VIX_PROPLIST_MAX))
        return -EBADMSG;
    return base64_decode(b, text, len);
}
