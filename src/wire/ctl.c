#include "wire/ctl.h"

#include <errno.h>

#include "base/cursor.h"

static int append(const char *text, size_t size, void *arg)
{
    return buf_put(arg, text, size) ? -1 : 0;
}

int ctl_encode(struct buf *b, const json_t *object, const void *blob, size_t blob_len)
{
    size_t start = b->len;

    if (!json_is_object(object))
        return -EINVAL;
    if (buf_put_le32(b, 0))
        return b->err;
    if (json_dump_callback(object, append, b, JSON_COMPACT) < 0)
        return b->err ? b->err : -EINVAL;
    if (b->len - start - 4 > CTL_JSON_MAX || blob_len > CTL_BLOB_MAX)
        return b->err = -ENOBUFS;
    buf_patch_le32(b, start, (uint32_t)(b->len - start - 4));
    return buf_put(b, blob, blob_len);
}

int ctl_decode(const void *body, size_t len, json_t **ret_json, const uint8_t **ret_blob,
               size_t *ret_blob_len)
{
    struct cursor c = CURSOR_INIT(body, len);
    const uint8_t *text;
    uint32_t size;
    json_t *json;

    cursor_le32(&c, &size);
    if (size > CTL_JSON_MAX || cursor_bytes(&c, size, &text) || c.left > CTL_BLOB_MAX)
        return -EBADMSG;
    json = json_loadb((const char *)text, size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        return -EBADMSG;
    }
    *ret_json = json;
    *ret_blob = c.p;
    *ret_blob_len = c.left;
    return 0;
}
