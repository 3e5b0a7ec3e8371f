#include "wire/vix_stream.h"

#include <errno.h>
#include <string.h>

#include "wire/vix_body_private.h"

int vix_body_decode_stream_open(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_stream_open o = {0};
    const uint8_t *token;

    (void)op;
    cursor_le32(c, &o.kind);
    if (cursor_bytes(c, sizeof(o.token), &token))
        return -EPROTO;
    if (c->left > VIX_STREAM_BODY_MAX)
        return -EBADMSG;
    memcpy(o.token, token, sizeof(o.token));
    o.body = c->p;
    o.len = c->left;
    ret->stream_open = o;
    return 0;
}

int vix_body_encode_stream_open(struct buf *b, uint32_t op, const union vix_body *body)
{
    const struct vix_stream_open *o = &body->stream_open;

    (void)op;
    if (o->len > VIX_STREAM_BODY_MAX)
        return -EINVAL;
    buf_put_le32(b, o->kind);
    buf_put(b, o->token, sizeof(o->token));
    return buf_put(b, o->body, o->len);
}

int vix_body_decode_stream_end(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_stream_end e = {0};
    const uint8_t *token;

    (void)op;
    if (cursor_bytes(c, sizeof(e.token), &token))
        return -EPROTO;
    memcpy(e.token, token, sizeof(e.token));
    cursor_le32(c, &e.outcome);
    if (cursor_le64(c, &e.bytes))
        return -EPROTO;
    if (c->left || (e.outcome != VIX_STREAM_FINISH && e.outcome != VIX_STREAM_ABORT))
        return -EBADMSG;
    ret->stream_end = e;
    return 0;
}

int vix_body_encode_stream_end(struct buf *b, uint32_t op, const union vix_body *body)
{
    const struct vix_stream_end *e = &body->stream_end;

    (void)op;
    buf_put(b, e->token, sizeof(e->token));
    buf_put_le32(b, e->outcome);
    return buf_put_le64(b, e->bytes);
}

int vix_stream_opened_encode(struct buf *b, const struct vix_stream_opened *opened)
{
    if (opened->size < VIX_STREAM_SIZE_UNKNOWN)
        return -EINVAL;
    buf_put_le64(b, (uint64_t)opened->size);
    return buf_put(b, opened->extra, opened->len);
}

int vix_stream_opened_decode(const void *result, size_t len, struct vix_stream_opened *ret)
{
    struct cursor c = CURSOR_INIT(result, len);
    struct vix_stream_opened o = {0};

    vix_get_i64(&c, &o.size);
    if (cursor_error(&c))
        return -EPROTO;
    if (o.size < VIX_STREAM_SIZE_UNKNOWN)
        return -EBADMSG;
    o.extra = c.p;
    o.len = c.left;
    *ret = o;
    return 0;
}

int vix_stream_ended_encode(struct buf *b, const struct vix_stream_ended *ended)
{
    return buf_put_le64(b, ended->bytes);
}

int vix_stream_ended_decode(const void *result, size_t len, struct vix_stream_ended *ret)
{
    struct cursor c = CURSOR_INIT(result, len);
    uint64_t bytes;

    if (cursor_le64(&c, &bytes))
        return -EPROTO;
    if (c.left)
        return -EBADMSG;
    ret->bytes = bytes;
    return 0;
}

int vix_stream_file_encode(struct buf *b, const struct vix_stream_file *file)
{
    if (file->size < VIX_STREAM_SIZE_UNKNOWN)
        return -EINVAL;
    buf_put_u8(b, file->overwrite);
    buf_put_le64(b, (uint64_t)file->size);
    buf_put_le32(b, vix_str_len(file->path));
    vix_put_str(b, file->path);
    if (file->attributes.options)
        vix_put_attributes(b, &file->attributes);
    return buf_error(b);
}

int vix_stream_file_decode(const void *body, size_t len, struct vix_stream_file *ret)
{
    struct cursor c = CURSOR_INIT(body, len);
    struct vix_stream_file f = {0};
    uint32_t path;

    vix_get_bool(&c, &f.overwrite);
    vix_get_i64(&c, &f.size);
    if (cursor_le32(&c, &path))
        return -EPROTO;
    TRY(vix_get_str(&c, path, &f.path));
    if (c.left) {
        vix_get_attributes(&c, &f.attributes);
        if (cursor_error(&c))
            return -EPROTO;
        /* None is told by there being none. */
        if (!f.attributes.options)
            return -EBADMSG;
    }
    if (c.left || f.size < VIX_STREAM_SIZE_UNKNOWN)
        return -EBADMSG;
    *ret = f;
    return 0;
}

int vix_stream_greeting_encode(struct buf *b, const uint8_t token[VIX_STREAM_TOKEN_SIZE])
{
    buf_put(b, VIX_STREAM_MAGIC, VIX_STREAM_MAGIC_SIZE);
    return buf_put(b, token, VIX_STREAM_TOKEN_SIZE);
}

int vix_stream_greeting_decode(const uint8_t bytes[VIX_STREAM_GREETING_SIZE],
                               const uint8_t **ret_token)
{
    struct cursor c = CURSOR_INIT(bytes, VIX_STREAM_GREETING_SIZE);
    const uint8_t *magic;

    if (cursor_bytes(&c, VIX_STREAM_MAGIC_SIZE, &magic) ||
        memcmp(magic, VIX_STREAM_MAGIC, VIX_STREAM_MAGIC_SIZE) != 0)
        return -EBADMSG;
    return cursor_bytes(&c, VIX_STREAM_TOKEN_SIZE, ret_token);
}

bool vix_stream_token_equal(const uint8_t *a, const uint8_t *b)
{
    unsigned char differ = 0;

    for (size_t i = 0; i < VIX_STREAM_TOKEN_SIZE; i++)
        differ |= (unsigned char)(a[i] ^ b[i]);
    return differ == 0;
}
