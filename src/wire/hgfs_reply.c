/* Replies of HGFS operations, both directions. */
#include <errno.h>

#include "wire/hgfs_private.h"

/* A directory entry of version 3: next-entry offset, attributes, name; the reference structure is
 * padded, and one byte more is sent. */
#define ENTRY_TAIL 5u
#define ENTRY_SIZE 129u

static int decode_none(unsigned version, struct cursor *c, union hgfs_reply *ret)
{
    (void)version;
    (void)c;
    *ret = (union hgfs_reply){0};
    return 0;
}

static int encode_none(unsigned version, struct buf *b, const union hgfs_reply *reply)
{
    (void)reply;
    return version < 3 ? b->err : buf_put_zeros(b, 8);
}

static int decode_open(unsigned version, struct cursor *c, union hgfs_reply *ret)
{
    struct hgfs_opened o = {0};

    cursor_le32(c, &o.handle);
    if (version > 1)
        cursor_le32(c, &o.lock);
    if (version > 2)
        cursor_le32(c, &o.flags);
    if (cursor_error(c))
        return -EBADMSG;
    ret->opened = o;
    return 0;
}

static int encode_open(unsigned version, struct buf *b, const union hgfs_reply *reply)
{
    buf_put_le32(b, reply->opened.handle);
    if (version > 1)
        buf_put_le32(b, reply->opened.lock);
    if (version > 2) {
        buf_put_le32(b, reply->opened.flags);
        buf_put_le32(b, 0);
    }
    return b->err;
}

static int decode_search_open(unsigned version, struct cursor *c, union hgfs_reply *ret)
{
    struct hgfs_opened o = {0};

    (void)version;
    if (cursor_le32(c, &o.handle))
        return -EBADMSG;
    ret->opened = o;
    return 0;
}

static int encode_search_open(unsigned version, struct buf *b, const union hgfs_reply *reply)
{
    buf_put_le32(b, reply->opened.handle);
    return version < 3 ? b->err : buf_put_zeros(b, 8);
}

static int decode_read(unsigned version, struct cursor *c, union hgfs_reply *ret)
{
    struct hgfs_done_io io = {0};

    cursor_le32(c, &io.size);
    if (version > 2)
        cursor_skip(c, 8);
    if (cursor_error(c) || cursor_bytes(c, io.size, &io.data))
        return -EBADMSG;
    ret->io = io;
    return 0;
}

static int encode_read(unsigned version, struct buf *b, const union hgfs_reply *reply)
{
    if (reply->io.size && !reply->io.data)
        return -EINVAL;
    buf_put_le32(b, reply->io.size);
    if (version > 2)
        buf_put_zeros(b, 8);
    return buf_put(b, reply->io.data, reply->io.size);
}

static int decode_write(unsigned version, struct cursor *c, union hgfs_reply *ret)
{
    struct hgfs_done_io io = {0};

    (void)version;
    if (cursor_le32(c, &io.size))
        return -EBADMSG;
    ret->io = io;
    return 0;
}

static int encode_write(unsigned version, struct buf *b, const union hgfs_reply *reply)
{
    buf_put_le32(b, reply->io.size);
    return version < 3 ? b->err : buf_put_zeros(b, 8);
}

static int decode_getattr(unsigned version, struct cursor *c, union hgfs_reply *ret)
{
    struct hgfs_entry e = {0};
    int r = 0;

    if (version == 1)
        hgfs_get_attr_v1(c, &e.attr);
    else
        hgfs_get_attr_v2(c, &e.attr);
    if (cursor_error(c))
        return -EBADMSG;
    /* Agents that know no link targets may leave the name out. */
    if (version == 2 && c->left >= 4)
        r = hgfs_get_name(c, &e.name);
    else if (version == 3 && c->left >= 24 && !cursor_skip(c, 8))
        r = hgfs_get_name_v3(c, &e.name);
    if (!r)
        ret->entry = e;
    return r;
}

static int encode_getattr(unsigned version, struct buf *b, const union hgfs_reply *reply)
{
    if (version == 1) {
        hgfs_put_attr_v1(b, &reply->entry.attr);
        return b->err;
    }
    hgfs_put_attr_v2(b, &reply->entry.attr);
    if (version == 2) {
        hgfs_put_name(b, &reply->entry.name);
    } else {
        buf_put_zeros(b, 8);
        hgfs_put_name_v3(b, &reply->entry.name);
    }
    return b->err;
}

static int decode_search_read_v3(struct cursor *c, union hgfs_reply *ret)
{
    struct hgfs_entry e = {0};
    uint64_t count;
    int r = 0;

    cursor_le64(c, &count);
    if (cursor_skip(c, 8))
        return -EBADMSG;
    if (count) {
        cursor_skip(c, 4);
        hgfs_get_attr_v2(c, &e.attr);
        r = hgfs_get_name_v3(c, &e.name);
    }
    if (r)
        return r;
    e.end = !count || !e.name.len;
    ret->entry = e;
    return 0;
}

static int decode_search_read(unsigned version, struct cursor *c, union hgfs_reply *ret)
{
    struct hgfs_entry e = {0};
    int r;

    if (version > 2)
        return decode_search_read_v3(c, ret);
    if (version == 1)
        hgfs_get_attr_v1(c, &e.attr);
    else
        hgfs_get_attr_v2(c, &e.attr);
    r = hgfs_get_name(c, &e.name);
    if (r)
        return r;
    e.end = !e.name.len;
    ret->entry = e;
    return 0;
}

static int encode_search_read(unsigned version, struct buf *b, const union hgfs_reply *reply)
{
    static const struct hgfs_entry none;
    const struct hgfs_entry *e = reply->entry.end ? &none : &reply->entry;

    if (version == 1) {
        hgfs_put_attr_v1(b, &e->attr);
        hgfs_put_name(b, &e->name);
        return b->err;
    }
    if (version == 2) {
        hgfs_put_attr_v2(b, &e->attr);
        hgfs_put_name(b, &e->name);
        return b->err;
    }
    buf_put_le64(b, !reply->entry.end);
    buf_put_zeros(b, 8);
    if (reply->entry.end)
        return buf_put_zeros(b, ENTRY_SIZE);
    buf_put_le32(b, 0);
    hgfs_put_attr_v2(b, &e->attr);
    hgfs_put_name_v3(b, &e->name);
    return buf_put_zeros(b, ENTRY_TAIL - 1);
}

static int decode_volume(unsigned version, struct cursor *c, union hgfs_reply *ret)
{
    struct hgfs_volume v = {0};

    (void)version;
    cursor_le64(c, &v.free);
    if (cursor_le64(c, &v.total))
        return -EBADMSG;
    ret->volume = v;
    return 0;
}

static int encode_volume(unsigned version, struct buf *b, const union hgfs_reply *reply)
{
    buf_put_le64(b, reply->volume.free);
    buf_put_le64(b, reply->volume.total);
    return version < 3 ? b->err : buf_put_zeros(b, 8);
}

static int decode_session(unsigned version, struct cursor *c, union hgfs_reply *ret)
{
    struct hgfs_session s = {0};

    (void)version;
    cursor_le64(c, &s.session_id);
    cursor_le32(c, &s.capability_count);
    cursor_le32(c, &s.max_packet);
    cursor_skip(c, 4);
    cursor_le32(c, &s.flags);
    cursor_skip(c, 4);
    if (cursor_error(c) || s.capability_count > HGFS_CAPABILITIES_MAX ||
        cursor_bytes(c, (size_t)s.capability_count * 8, &s.capability_bytes))
        return -EBADMSG;
    ret->session = s;
    return 0;
}

static int encode_session(unsigned version, struct buf *b, const union hgfs_reply *reply)
{
    const struct hgfs_session *s = &reply->session;

    (void)version;
    if (s->capability_count > HGFS_CAPABILITIES_MAX)
        return -EINVAL;
    buf_put_le64(b, s->session_id);
    buf_put_le32(b, s->capability_count);
    buf_put_le32(b, s->max_packet);
    buf_put_le32(b, 0);
    buf_put_le32(b, s->flags);
    buf_put_le32(b, 0);
    for (uint32_t i = 0; i < s->capability_count; i++) {
        struct hgfs_capability cap = hgfs_session_capability(s, i);

        buf_put_le32(b, cap.op);
        buf_put_le32(b, cap.flags);
    }
    return s->capability_count ? b->err : buf_put_zeros(b, 8);
}

struct hgfs_capability hgfs_session_capability(const struct hgfs_session *s, uint32_t i)
{
    struct hgfs_capability cap;
    struct cursor c;

    if (s->capabilities)
        return s->capabilities[i];
    c = CURSOR_INIT(s->capability_bytes + (size_t)i * 8, 8);
    cursor_le32(&c, &cap.op);
    cursor_le32(&c, &cap.flags);
    return cap;
}

static const struct {
    int (*decode)(unsigned version, struct cursor *c, union hgfs_reply *ret);
    int (*encode)(unsigned version, struct buf *b, const union hgfs_reply *reply);
} shapes[HGFS_SHAPE_COUNT] = {
    [HGFS_SHAPE_NONE] = {decode_none, encode_none},
    [HGFS_SHAPE_OPEN] = {decode_open, encode_open},
    [HGFS_SHAPE_READ] = {decode_read, encode_read},
    [HGFS_SHAPE_WRITE] = {decode_write, encode_write},
    [HGFS_SHAPE_SEARCH_OPEN] = {decode_search_open, encode_search_open},
    [HGFS_SHAPE_SEARCH_READ] = {decode_search_read, encode_search_read},
    [HGFS_SHAPE_GETATTR] = {decode_getattr, encode_getattr},
    [HGFS_SHAPE_VOLUME] = {decode_volume, encode_volume},
    [HGFS_SHAPE_SESSION] = {decode_session, encode_session},
};

int hgfs_reply_decode(uint32_t op, const void *payload, size_t len, union hgfs_reply *ret)
{
    const struct hgfs_op_row *row = hgfs_op_find(op);
    struct cursor c = CURSOR_INIT(payload, len);

    if (!row)
        return -EOPNOTSUPP;
    if (op < HGFS_FIRST_V3 && row->reply != HGFS_SHAPE_NONE &&
        cursor_skip(&c, HGFS_OLD_HEADER_SIZE))
        return -EBADMSG;
    return shapes[row->reply].decode(row->version, &c, ret);
}

int hgfs_reply_encode(struct buf *b, const struct hgfs_header *header,
                      const union hgfs_reply *reply)
{
    const struct hgfs_op_row *row = hgfs_op_find(header->op);
    size_t start;
    int r = 0;

    if (!header->status && (!row || (!reply && row->reply != HGFS_SHAPE_NONE)))
        return row ? -EINVAL : -EOPNOTSUPP;
    start = hgfs_begin_packet(b, header, true);
    /* A failure is told by the header alone. */
    if (!header->status)
        r = shapes[row->reply].encode(row->version, b, reply);
    return r ? r : hgfs_end_packet(b, header, start);
}

int hgfs_read_reply_begin(struct buf *b, const struct hgfs_header *header, uint32_t size,
                          uint8_t **ret_data, size_t *ret_start)
{
    const struct hgfs_op_row *row = hgfs_op_find(header->op);
    size_t start;
    int r;

    if (!row || row->reply != HGFS_SHAPE_READ || header->status)
        return -EINVAL;
    start = hgfs_begin_packet(b, header, true);
    buf_put_le32(b, 0);
    if (row->version > 2)
        buf_put_zeros(b, 8);
    r = buf_reserve(b, size, ret_data);
    if (!r)
        *ret_start = start;
    return r;
}

int hgfs_read_reply_end(struct buf *b, const struct hgfs_header *header, size_t start,
                        uint32_t actual)
{
    size_t at = b->len - (header->op < HGFS_FIRST_V3 ? 4 : 12);
    int r = buf_patch_le32(b, at, actual);

    if (r)
        return r;
    buf_commit(b, actual);
    return hgfs_end_packet(b, header, start);
}
