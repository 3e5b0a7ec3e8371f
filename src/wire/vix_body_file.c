/* Layouts of the file operations. */
#include "wire/vix_body_private.h"

#include <errno.h>

#include "wire/vix_ops.h"

int vix_body_decode_path(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_path p = {0};
    uint32_t len;

    (void)op;
    cursor_le32(c, &p.options);
    if (cursor_le32(c, &len))
        return -EPROTO;
    TRY(vix_get_str(c, len, &p.path));
    ret->path = p;
    return 0;
}

int vix_body_encode_path(struct buf *b, uint32_t op, const union vix_body *body)
{
    (void)op;
    buf_put_le32(b, body->path.options);
    buf_put_le32(b, vix_str_len(body->path.path));
    return vix_put_str(b, body->path.path);
}

/* options, path length, properties length, and except in the oldest form a flag. */
int vix_body_decode_directory(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_path p = {.flag = true};
    uint32_t len, properties;

    cursor_le32(c, &p.options);
    cursor_le32(c, &len);
    cursor_le32(c, &properties);
    if (op != VIX_OP_CREATE_DIRECTORY)
        vix_get_bool(c, &p.flag);
    if (cursor_error(c))
        return -EPROTO;
    TRY(vix_get_str(c, len, &p.path));
    if (cursor_skip(c, properties))
        return -EBADMSG;
    ret->path = p;
    return 0;
}

int vix_body_encode_directory(struct buf *b, uint32_t op, const union vix_body *body)
{
    buf_put_le32(b, body->path.options);
    buf_put_le32(b, vix_str_len(body->path.path));
    buf_put_le32(b, 0);
    if (op != VIX_OP_CREATE_DIRECTORY)
        buf_put_u8(b, body->path.flag);
    return vix_put_str(b, body->path.path);
}

int vix_body_decode_transfer_to(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_path p = {0};
    uint32_t len;

    (void)op;
    cursor_le32(c, &p.options);
    cursor_le32(c, &len);
    vix_get_bool(c, &p.flag);
    if (cursor_error(c))
        return -EPROTO;
    TRY(vix_get_str(c, len, &p.path));
    ret->path = p;
    return 0;
}

int vix_body_encode_transfer_to(struct buf *b, uint32_t op, const union vix_body *body)
{
    (void)op;
    buf_put_le32(b, body->path.options);
    buf_put_le32(b, vix_str_len(body->path.path));
    buf_put_u8(b, body->path.flag);
    return vix_put_str(b, body->path.path);
}

int vix_body_decode_move(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_move m = {.overwrite = true};
    uint32_t from, to, properties;

    cursor_le32(c, &m.options);
    cursor_le32(c, &from);
    cursor_le32(c, &to);
    cursor_le32(c, &properties);
    if (op != VIX_OP_MOVE_GUEST_FILE)
        vix_get_bool(c, &m.overwrite);
    if (cursor_error(c))
        return -EPROTO;
    TRY(vix_get_str(c, from, &m.from));
    TRY(vix_get_str(c, to, &m.to));
    if (cursor_skip(c, properties))
        return -EBADMSG;
    ret->move = m;
    return 0;
}

int vix_body_encode_move(struct buf *b, uint32_t op, const union vix_body *body)
{
    const struct vix_move *m = &body->move;

    buf_put_le32(b, m->options);
    buf_put_le32(b, vix_str_len(m->from));
    buf_put_le32(b, vix_str_len(m->to));
    buf_put_le32(b, 0);
    if (op != VIX_OP_MOVE_GUEST_FILE)
        buf_put_u8(b, m->overwrite);
    vix_put_str(b, m->from);
    return vix_put_str(b, m->to);
}

int vix_body_decode_temp(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_temp t = {0};
    uint32_t prefix, suffix, directory, properties;

    (void)op;
    cursor_le32(c, &t.options);
    cursor_le32(c, &prefix);
    cursor_le32(c, &suffix);
    cursor_le32(c, &directory);
    if (cursor_le32(c, &properties))
        return -EPROTO;
    TRY(vix_get_str(c, prefix, &t.prefix));
    TRY(vix_get_str(c, suffix, &t.suffix));
    TRY(vix_get_str(c, directory, &t.directory));
    /* This layout must be used up exactly. */
    if (cursor_skip(c, properties) || c->left)
        return -EBADMSG;
    ret->temp = t;
    return 0;
}

int vix_body_encode_temp(struct buf *b, uint32_t op, const union vix_body *body)
{
    const struct vix_temp *t = &body->temp;

    (void)op;
    buf_put_le32(b, t->options);
    buf_put_le32(b, vix_str_len(t->prefix));
    buf_put_le32(b, vix_str_len(t->suffix));
    buf_put_le32(b, vix_str_len(t->directory));
    buf_put_le32(b, 0);
    vix_put_str(b, t->prefix);
    vix_put_str(b, t->suffix);
    return vix_put_str(b, t->directory);
}

/* The old form names prefix and suffix and agents ignore them. */
int vix_body_decode_temp_old(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_temp t = {.prefix = "", .suffix = "", .directory = ""};

    (void)op;
    cursor_le32(c, &t.options);
    if (cursor_skip(c, 12))
        return -EPROTO;
    ret->temp = t;
    return 0;
}

int vix_body_encode_temp_old(struct buf *b, uint32_t op, const union vix_body *body)
{
    (void)op;
    buf_put_le32(b, body->temp.options);
    return buf_put_zeros(b, 12);
}

void vix_get_attributes(struct cursor *c, struct vix_set_attributes *s)
{
    cursor_le32(c, &s->options);
    vix_get_i64(c, &s->access_time);
    vix_get_i64(c, &s->modification_time);
    vix_get_i32(c, &s->owner);
    vix_get_i32(c, &s->group);
    vix_get_i32(c, &s->permissions);
}

void vix_put_attributes(struct buf *b, const struct vix_set_attributes *s)
{
    buf_put_le32(b, s->options);
    buf_put_le64(b, (uint64_t)s->access_time);
    buf_put_le64(b, (uint64_t)s->modification_time);
    buf_put_le32(b, (uint32_t)s->owner);
    buf_put_le32(b, (uint32_t)s->group);
    buf_put_le32(b, (uint32_t)s->permissions);
}

int vix_body_decode_set_attributes(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_set_attributes s = {0};
    uint32_t len;

    (void)op;
    vix_get_attributes(c, &s);
    vix_get_bool(c, &s.hidden);
    vix_get_bool(c, &s.read_only);
    if (cursor_le32(c, &len))
        return -EPROTO;
    TRY(vix_get_str(c, len, &s.path));
    ret->set_attributes = s;
    return 0;
}

int vix_body_encode_set_attributes(struct buf *b, uint32_t op, const union vix_body *body)
{
    const struct vix_set_attributes *s = &body->set_attributes;

    (void)op;
    vix_put_attributes(b, s);
    buf_put_u8(b, s->hidden);
    buf_put_u8(b, s->read_only);
    buf_put_le32(b, vix_str_len(s->path));
    return vix_put_str(b, s->path);
}

int vix_body_decode_list_files(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_list_files l = {.pattern = ""};
    uint32_t path, pattern;

    (void)op;
    cursor_le32(c, &l.options);
    cursor_le32(c, &path);
    cursor_le32(c, &pattern);
    vix_get_i32(c, &l.index);
    vix_get_i32(c, &l.max_results);
    if (cursor_le64(c, &l.offset))
        return -EPROTO;
    TRY(vix_get_str(c, path, &l.path));
    if (pattern)
        TRY(vix_get_str(c, pattern, &l.pattern));
    ret->list_files = l;
    return 0;
}

int vix_body_encode_list_files(struct buf *b, uint32_t op, const union vix_body *body)
{
    const struct vix_list_files *l = &body->list_files;

    (void)op;
    buf_put_le32(b, l->options);
    buf_put_le32(b, vix_str_len(l->path));
    buf_put_le32(b, vix_str_len(l->pattern));
    buf_put_le32(b, (uint32_t)l->index);
    buf_put_le32(b, (uint32_t)l->max_results);
    buf_put_le64(b, l->offset);
    vix_put_str(b, l->path);
    return vix_str_len(l->pattern) ? vix_put_str(b, l->pattern) : b->err;
}

/* Bit 0 of the options says whether an offset is there. */
int vix_body_decode_list_directory(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_list_files l = {.pattern = ""};
    uint32_t len;

    (void)op;
    cursor_le32(c, &l.options);
    cursor_le32(c, &len);
    if (l.options & 1)
        cursor_le64(c, &l.offset);
    if (cursor_error(c))
        return -EPROTO;
    TRY(vix_get_str(c, len, &l.path));
    ret->list_files = l;
    return 0;
}

int vix_body_encode_list_directory(struct buf *b, uint32_t op, const union vix_body *body)
{
    const struct vix_list_files *l = &body->list_files;

    (void)op;
    buf_put_le32(b, l->options);
    buf_put_le32(b, vix_str_len(l->path));
    if (l->options & 1)
        buf_put_le64(b, l->offset);
    return vix_put_str(b, l->path);
}
