/* Requests of HGFS operations, both directions. */
#include <errno.h>

#include "wire/hgfs_private.h"

#define DELETE_BY_HANDLE 1u

/* V1 set-attributes says with one byte what is valid. */
static const struct {
    uint8_t update;
    uint32_t mask;
    uint32_t hint;
} v1_updates[] = {
    {1, HGFS_ATTR_SIZE, 0},
    {2, HGFS_ATTR_CREATE_TIME, 0},
    {4, HGFS_ATTR_ACCESS_TIME, 0},
    {8, HGFS_ATTR_WRITE_TIME, 0},
    {16, HGFS_ATTR_CHANGE_TIME, 0},
    {32, HGFS_ATTR_OWNER_PERMS, 0},
    {64, 0, HGFS_HINT_SET_ACCESS_TIME},
    {128, 0, HGFS_HINT_SET_WRITE_TIME},
};

static int get_versioned_name(struct cursor *c, unsigned version, struct hgfs_name *ret)
{
    return version < 3 ? hgfs_get_name(c, ret) : hgfs_get_name_v3(c, ret);
}

static void put_versioned_name(struct buf *b, unsigned version, const struct hgfs_name *n)
{
    if (version < 3)
        hgfs_put_name(b, n);
    else
        hgfs_put_name_v3(b, n);
}

/* Early versions have the handle in a field of its own and a hint that says to use it. */
static void apply_handle(struct hgfs_name *n, bool by_handle, uint32_t handle)
{
    if (!by_handle)
        return;
    n->by_handle = true;
    if (handle)
        n->handle = handle;
}

static int decode_none(unsigned version, struct cursor *c, union hgfs_request *ret)
{
    (void)version;
    (void)c;
    *ret = (union hgfs_request){0};
    return 0;
}

static int encode_none(unsigned version, struct buf *b, const union hgfs_request *rq)
{
    (void)rq;
    return version < 3 ? b->err : buf_put_zeros(b, 8);
}

static int decode_open(unsigned version, struct cursor *c, union hgfs_request *ret)
{
    struct hgfs_open o = {.mask = HGFS_OPEN_MODE | HGFS_OPEN_FLAGS | HGFS_OPEN_OWNER_PERMS |
                                  HGFS_OPEN_FILE_NAME};
    int r;

    if (version > 1)
        cursor_le64(c, &o.mask);
    cursor_le32(c, &o.mode);
    cursor_le32(c, &o.flags);
    if (version > 1)
        cursor_u8(c, &o.special_perms);
    cursor_u8(c, &o.owner_perms);
    if (version > 1) {
        cursor_u8(c, &o.group_perms);
        cursor_u8(c, &o.other_perms);
        cursor_le64(c, &o.attr_flags);
        cursor_le64(c, &o.allocation_size);
        cursor_le32(c, &o.desired_access);
        cursor_le32(c, &o.share_access);
        cursor_le32(c, &o.lock);
        cursor_skip(c, 16);
    }
    r = get_versioned_name(c, version, &o.name);
    if (!r)
        ret->open = o;
    return r;
}

static int encode_open(unsigned version, struct buf *b, const union hgfs_request *rq)
{
    const struct hgfs_open *o = &rq->open;

    if (version > 1)
        buf_put_le64(b, o->mask);
    buf_put_le32(b, o->mode);
    buf_put_le32(b, o->flags);
    if (version > 1)
        buf_put_u8(b, o->special_perms);
    buf_put_u8(b, o->owner_perms);
    if (version > 1) {
        buf_put_u8(b, o->group_perms);
        buf_put_u8(b, o->other_perms);
        buf_put_le64(b, o->attr_flags);
        buf_put_le64(b, o->allocation_size);
        buf_put_le32(b, o->desired_access);
        buf_put_le32(b, o->share_access);
        buf_put_le32(b, o->lock);
        buf_put_zeros(b, 16);
    }
    put_versioned_name(b, version, &o->name);
    return b->err;
}

static int decode_read(unsigned version, struct cursor *c, union hgfs_request *ret)
{
    struct hgfs_io io = {0};

    (void)version; /* later versions have 8 reserved bytes at the end */
    cursor_le32(c, &io.handle);
    cursor_le64(c, &io.offset);
    if (cursor_le32(c, &io.size))
        return -EBADMSG;
    ret->io = io;
    return 0;
}

static int encode_read(unsigned version, struct buf *b, const union hgfs_request *rq)
{
    buf_put_le32(b, rq->io.handle);
    buf_put_le64(b, rq->io.offset);
    buf_put_le32(b, rq->io.size);
    return version < 3 ? b->err : buf_put_zeros(b, 8);
}

static int decode_write(unsigned version, struct cursor *c, union hgfs_request *ret)
{
    struct hgfs_io io = {0};

    cursor_le32(c, &io.handle);
    cursor_u8(c, &io.flags);
    cursor_le64(c, &io.offset);
    cursor_le32(c, &io.size);
    if (version > 2)
        cursor_skip(c, 8);
    if (cursor_error(c) || cursor_bytes(c, io.size, &io.data))
        return -EBADMSG;
    ret->io = io;
    return 0;
}

static int encode_write(unsigned version, struct buf *b, const union hgfs_request *rq)
{
    buf_put_le32(b, rq->io.handle);
    buf_put_u8(b, rq->io.flags);
    buf_put_le64(b, rq->io.offset);
    buf_put_le32(b, rq->io.size);
    if (version > 2)
        buf_put_zeros(b, 8);
    return buf_put(b, rq->io.data, rq->io.size);
}

static int decode_close(unsigned version, struct cursor *c, union hgfs_request *ret)
{
    uint32_t handle;

    (void)version;
    if (cursor_le32(c, &handle))
        return -EBADMSG;
    ret->close.handle = handle;
    return 0;
}

static int encode_close(unsigned version, struct buf *b, const union hgfs_request *rq)
{
    buf_put_le32(b, rq->close.handle);
    return version < 3 ? b->err : buf_put_zeros(b, 8);
}

/* SEARCH_OPEN and QUERY_VOLUME: only a name. */
static int decode_name(unsigned version, struct cursor *c, union hgfs_request *ret)
{
    struct hgfs_file f = {0};
    int r;

    if (version > 2)
        cursor_skip(c, 8);
    r = get_versioned_name(c, version, &f.name);
    if (!r)
        ret->file = f;
    return r;
}

static int encode_name(unsigned version, struct buf *b, const union hgfs_request *rq)
{
    if (version > 2)
        buf_put_zeros(b, 8);
    put_versioned_name(b, version, &rq->file.name);
    return b->err;
}

static int decode_search_read(unsigned version, struct cursor *c, union hgfs_request *ret)
{
    struct hgfs_search_read s = {0};

    cursor_le32(c, &s.search);
    cursor_le32(c, &s.index);
    if (version > 2)
        cursor_le32(c, &s.flags);
    if (cursor_error(c))
        return -EBADMSG;
    ret->search_read = s;
    return 0;
}

static int encode_search_read(unsigned version, struct buf *b, const union hgfs_request *rq)
{
    buf_put_le32(b, rq->search_read.search);
    buf_put_le32(b, rq->search_read.index);
    if (version > 2) {
        buf_put_le32(b, rq->search_read.flags);
        buf_put_zeros(b, 8);
    }
    return b->err;
}

/* GETATTR and DELETE: hints and a name, which a hint may replace by a handle. */
static int decode_file(unsigned version, struct cursor *c, uint64_t handle_hint,
                       union hgfs_request *ret)
{
    struct hgfs_file f = {0};
    uint32_t handle = 0;
    int r;

    if (version > 1)
        cursor_le64(c, &f.hints);
    if (version == 2)
        cursor_le32(c, &handle);
    if (version > 2)
        cursor_skip(c, 8);
    r = get_versioned_name(c, version, &f.name);
    if (r)
        return r;
    if (version == 2 && (f.hints & handle_hint))
        f.name = (struct hgfs_name){.by_handle = true, .handle = handle};
    else
        apply_handle(&f.name, f.hints & handle_hint, 0);
    ret->file = f;
    return 0;
}

static int encode_file(unsigned version, struct buf *b, uint64_t handle_hint,
                       const union hgfs_request *rq)
{
    const struct hgfs_name *n = &rq->file.name;
    static const struct hgfs_name none;

    if (version == 1 && n->by_handle)
        return -EINVAL;
    if (version > 1)
        buf_put_le64(b, rq->file.hints | (n->by_handle ? handle_hint : 0));
    if (version == 2)
        buf_put_le32(b, n->by_handle ? n->handle : 0);
    if (version > 2)
        buf_put_zeros(b, 8);
    put_versioned_name(b, version, version == 2 && n->by_handle ? &none : n);
    return b->err;
}

static int decode_getattr(unsigned version, struct cursor *c, union hgfs_request *ret)
{
    return decode_file(version, c, HGFS_HINT_BY_HANDLE, ret);
}

static int encode_getattr(unsigned version, struct buf *b, const union hgfs_request *rq)
{
    return encode_file(version, b, HGFS_HINT_BY_HANDLE, rq);
}

static int decode_delete(unsigned version, struct cursor *c, union hgfs_request *ret)
{
    return decode_file(version, c, DELETE_BY_HANDLE, ret);
}

static int encode_delete(unsigned version, struct buf *b, const union hgfs_request *rq)
{
    return encode_file(version, b, DELETE_BY_HANDLE, rq);
}

static int decode_setattr_v1(struct cursor *c, union hgfs_request *ret)
{
    struct hgfs_setattr s = {0};
    uint8_t update;
    int r;

    cursor_u8(c, &update);
    hgfs_get_attr_v1(c, &s.attr);
    r = hgfs_get_name(c, &s.name);
    if (r)
        return r;
    s.attr.mask = 0;
    for (size_t i = 0; i < sizeof(v1_updates) / sizeof(v1_updates[0]); i++) {
        if (update & v1_updates[i].update) {
            s.attr.mask |= v1_updates[i].mask;
            s.hints |= v1_updates[i].hint;
        }
    }
    ret->setattr = s;
    return 0;
}

static int decode_setattr(unsigned version, struct cursor *c, union hgfs_request *ret)
{
    struct hgfs_setattr s = {0};
    uint32_t handle = 0;
    int r;

    if (version == 1)
        return decode_setattr_v1(c, ret);
    cursor_le64(c, &s.hints);
    hgfs_get_attr_v2(c, &s.attr);
    if (version == 2)
        cursor_le32(c, &handle);
    else
        cursor_skip(c, 8);
    r = get_versioned_name(c, version, &s.name);
    if (r)
        return r;
    if (version == 2 && (s.hints & HGFS_HINT_BY_HANDLE))
        s.name = (struct hgfs_name){.by_handle = true, .handle = handle};
    else
        apply_handle(&s.name, s.hints & HGFS_HINT_BY_HANDLE, 0);
    ret->setattr = s;
    return 0;
}

static int encode_setattr(unsigned version, struct buf *b, const union hgfs_request *rq)
{
    const struct hgfs_setattr *s = &rq->setattr;
    static const struct hgfs_name none;
    uint8_t update = 0;

    if (version == 1) {
        if (s->name.by_handle)
            return -EINVAL;
        for (size_t i = 0; i < sizeof(v1_updates) / sizeof(v1_updates[0]); i++)
            if ((s->attr.mask & v1_updates[i].mask) || (s->hints & v1_updates[i].hint))
                update |= v1_updates[i].update;
        buf_put_u8(b, update);
        hgfs_put_attr_v1(b, &s->attr);
        hgfs_put_name(b, &s->name);
        return b->err;
    }
    buf_put_le64(b, s->hints | (s->name.by_handle ? HGFS_HINT_BY_HANDLE : 0));
    hgfs_put_attr_v2(b, &s->attr);
    if (version == 2)
        buf_put_le32(b, s->name.by_handle ? s->name.handle : 0);
    else
        buf_put_zeros(b, 8);
    put_versioned_name(b, version, version == 2 && s->name.by_handle ? &none : &s->name);
    return b->err;
}

static int decode_create_dir(unsigned version, struct cursor *c, union hgfs_request *ret)
{
    struct hgfs_create_dir d = {.mask = HGFS_DIR_OWNER_PERMS | HGFS_DIR_FILE_NAME};
    int r;

    if (version > 1) {
        cursor_le64(c, &d.mask);
        cursor_u8(c, &d.special_perms);
    }
    cursor_u8(c, &d.owner_perms);
    if (version > 1) {
        cursor_u8(c, &d.group_perms);
        cursor_u8(c, &d.other_perms);
    }
    if (version > 2)
        cursor_le64(c, &d.attr_flags);
    r = get_versioned_name(c, version, &d.name);
    if (!r)
        ret->create_dir = d;
    return r;
}

static int encode_create_dir(unsigned version, struct buf *b, const union hgfs_request *rq)
{
    const struct hgfs_create_dir *d = &rq->create_dir;

    if (version > 1) {
        buf_put_le64(b, d->mask);
        buf_put_u8(b, d->special_perms);
    }
    buf_put_u8(b, d->owner_perms);
    if (version > 1) {
        buf_put_u8(b, d->group_perms);
        buf_put_u8(b, d->other_perms);
    }
    if (version > 2)
        buf_put_le64(b, d->attr_flags);
    put_versioned_name(b, version, &d->name);
    return b->err;
}

/* The second name begins one byte after the first one's last; that byte is the spare NUL. With a
 * handle in place of the first name (`no_first`) it stands as if that were empty, whatever the
 * length says. */
static int decode_names(unsigned version, struct cursor *c, bool no_first, struct hgfs_two_names *n)
{
    int r = 0;

    if (no_first) {
        cursor_skip(c, version < 3 ? 4 : 8);
        if (version > 2) {
            cursor_le32(c, &n->from.case_type);
            cursor_le32(c, &n->from.handle);
        }
        n->from.by_handle = true;
    } else {
        r = get_versioned_name(c, version, &n->from);
    }
    if (r)
        return r;
    if (cursor_skip(c, 1))
        return -EBADMSG;
    return get_versioned_name(c, version, &n->to);
}

static int decode_rename(unsigned version, struct cursor *c, union hgfs_request *ret)
{
    struct hgfs_two_names n = {0};
    uint32_t from = 0, to = 0;
    int r;

    if (version > 1)
        cursor_le64(c, &n.hints);
    if (version == 2) {
        cursor_le32(c, &from);
        cursor_le32(c, &to);
    }
    if (version > 2)
        cursor_skip(c, 8);
    r = decode_names(version, c, n.hints & HGFS_RENAME_SOURCE_HANDLE, &n);
    if (r)
        return r;
    apply_handle(&n.from, n.hints & HGFS_RENAME_SOURCE_HANDLE, from);
    apply_handle(&n.to, n.hints & HGFS_RENAME_TARGET_HANDLE, to);
    ret->names = n;
    return 0;
}

static int encode_rename(unsigned version, struct buf *b, const union hgfs_request *rq)
{
    const struct hgfs_two_names *n = &rq->names;
    static const struct hgfs_name none;
    uint64_t hints = n->hints;

    if (n->from.by_handle)
        hints |= HGFS_RENAME_SOURCE_HANDLE;
    if (n->to.by_handle)
        hints |= HGFS_RENAME_TARGET_HANDLE;
    if (version == 1 && (n->from.by_handle || n->to.by_handle))
        return -EINVAL;
    if (version > 1)
        buf_put_le64(b, hints);
    if (version == 2) {
        buf_put_le32(b, n->from.by_handle ? n->from.handle : 0);
        buf_put_le32(b, n->to.by_handle ? n->to.handle : 0);
    }
    if (version > 2)
        buf_put_zeros(b, 8);
    put_versioned_name(b, version, version < 3 && n->from.by_handle ? &none : &n->from);
    put_versioned_name(b, version, version < 3 && n->to.by_handle ? &none : &n->to);
    return b->err;
}

static int decode_symlink(unsigned version, struct cursor *c, union hgfs_request *ret)
{
    struct hgfs_two_names n = {0};
    int r;

    if (version > 2)
        cursor_skip(c, 8);
    r = decode_names(version, c, false, &n);
    if (!r)
        ret->names = n;
    return r;
}

static int encode_symlink(unsigned version, struct buf *b, const union hgfs_request *rq)
{
    if (version > 2)
        buf_put_zeros(b, 8);
    put_versioned_name(b, version, &rq->names.from);
    put_versioned_name(b, version, &rq->names.to);
    return b->err;
}

static int decode_session(unsigned version, struct cursor *c, union hgfs_request *ret)
{
    struct hgfs_session s = {.session_id = HGFS_NO_SESSION};

    (void)version;
    cursor_le32(c, &s.capability_count);
    cursor_le32(c, &s.max_packet);
    cursor_le32(c, &s.flags);
    if (cursor_error(c) || s.capability_count > HGFS_CAPABILITIES_MAX)
        return -EBADMSG;
    if (s.capability_count) {
        cursor_skip(c, 4);
        if (cursor_bytes(c, (size_t)s.capability_count * 8, &s.capability_bytes))
            return -EBADMSG;
    }
    ret->session = s;
    return 0;
}

static int encode_session(unsigned version, struct buf *b, const union hgfs_request *rq)
{
    const struct hgfs_session *s = &rq->session;

    (void)version;
    if (s->capability_count > HGFS_CAPABILITIES_MAX)
        return -EINVAL;
    buf_put_le32(b, s->capability_count);
    buf_put_le32(b, s->max_packet);
    buf_put_le32(b, s->flags);
    buf_put_le32(b, 0);
    for (uint32_t i = 0; i < s->capability_count; i++) {
        struct hgfs_capability cap = hgfs_session_capability(s, i);

        buf_put_le32(b, cap.op);
        buf_put_le32(b, cap.flags);
    }
    /* The structure is declared with one entry, so one is sent even when it says nothing. */
    return s->capability_count ? b->err : buf_put_zeros(b, 8);
}

static const struct {
    int (*decode)(unsigned version, struct cursor *c, union hgfs_request *ret);
    int (*encode)(unsigned version, struct buf *b, const union hgfs_request *rq);
} shapes[HGFS_SHAPE_COUNT] = {
    [HGFS_SHAPE_NONE] = {decode_none, encode_none},
    [HGFS_SHAPE_OPEN] = {decode_open, encode_open},
    [HGFS_SHAPE_READ] = {decode_read, encode_read},
    [HGFS_SHAPE_WRITE] = {decode_write, encode_write},
    [HGFS_SHAPE_CLOSE] = {decode_close, encode_close},
    [HGFS_SHAPE_SEARCH_OPEN] = {decode_name, encode_name},
    [HGFS_SHAPE_SEARCH_READ] = {decode_search_read, encode_search_read},
    [HGFS_SHAPE_GETATTR] = {decode_getattr, encode_getattr},
    [HGFS_SHAPE_SETATTR] = {decode_setattr, encode_setattr},
    [HGFS_SHAPE_CREATE_DIR] = {decode_create_dir, encode_create_dir},
    [HGFS_SHAPE_DELETE] = {decode_delete, encode_delete},
    [HGFS_SHAPE_RENAME] = {decode_rename, encode_rename},
    [HGFS_SHAPE_SYMLINK] = {decode_symlink, encode_symlink},
    [HGFS_SHAPE_VOLUME] = {decode_name, encode_name},
    [HGFS_SHAPE_SESSION] = {decode_session, encode_session},
};

int hgfs_request_decode(uint32_t op, const void *payload, size_t len, union hgfs_request *ret)
{
    const struct hgfs_op_row *row = hgfs_op_find(op);
    struct cursor c = CURSOR_INIT(payload, len);

    if (!row)
        return -EOPNOTSUPP;
    if (op < HGFS_FIRST_V3 && cursor_skip(&c, HGFS_OLD_HEADER_SIZE))
        return -EBADMSG;
    return shapes[row->request].decode(row->version, &c, ret);
}

int hgfs_request_encode(struct buf *b, const struct hgfs_header *header,
                        const union hgfs_request *request)
{
    const struct hgfs_op_row *row = hgfs_op_find(header->op);
    size_t start;
    int r;

    if (!row)
        return -EOPNOTSUPP;
    if (header->old && row->version > 3)
        return -EINVAL;
    start = hgfs_begin_packet(b, header, false);
    r = shapes[row->request].encode(row->version, b, request);
    return r ? r : hgfs_end_packet(b, header, start);
}
