/* Layouts of the operations on processes, variables and aliases, and the HGFS carrier. */
#include "wire/vix_body_private.h"

#include <errno.h>

#include "wire/vix_ops.h"

int vix_body_decode_hgfs(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_hgfs h = {0};
    uint32_t len;

    (void)op;
    cursor_le32(c, &len);
    if (cursor_le32(c, &h.timeout))
        return -EPROTO;
    if (cursor_bytes(c, len, &h.packet))
        return -EBADMSG;
    h.len = len;
    ret->hgfs = h;
    return 0;
}

int vix_body_encode_hgfs(struct buf *b, uint32_t op, const union vix_body *body)
{
    (void)op;
    if (body->hgfs.len > UINT32_MAX)
        return -EINVAL;
    buf_put_le32(b, (uint32_t)body->hgfs.len);
    buf_put_le32(b, body->hgfs.timeout);
    return buf_put(b, body->hgfs.packet, body->hgfs.len);
}

int vix_body_decode_start_program(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_start_program s = {0};
    uint32_t path, arguments, directory, count, len;

    (void)op;
    vix_get_bool(c, &s.minimized);
    cursor_le32(c, &path);
    cursor_le32(c, &arguments);
    cursor_le32(c, &directory);
    cursor_le32(c, &count);
    if (cursor_le32(c, &len))
        return -EPROTO;
    TRY(vix_get_optstr(c, path, &s.path));
    TRY(vix_get_optstr(c, arguments, &s.arguments));
    TRY(vix_get_optstr(c, directory, &s.directory));
    TRY(vix_get_optstrs(c, count, len, &s.environment));
    ret->start_program = s;
    return 0;
}

int vix_body_encode_start_program(struct buf *b, uint32_t op, const union vix_body *body)
{
    const struct vix_start_program *s = &body->start_program;

    (void)op;
    TRY(vix_check_strings(&s->environment));
    buf_put_u8(b, s->minimized);
    buf_put_le32(b, vix_optstr_len(s->path));
    buf_put_le32(b, vix_optstr_len(s->arguments));
    buf_put_le32(b, vix_optstr_len(s->directory));
    buf_put_le32(b, s->environment.count);
    buf_put_le32(b, (uint32_t)s->environment.len);
    vix_put_optstr(b, s->path);
    vix_put_optstr(b, s->arguments);
    vix_put_optstr(b, s->directory);
    return buf_put(b, s->environment.data, s->environment.len);
}

int vix_body_decode_run_program(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_run r = {.arguments = "", .script = "", .properties = ""};
    uint32_t program, arguments;

    (void)op;
    cursor_le32(c, &r.options);
    cursor_le32(c, &program);
    if (cursor_le32(c, &arguments))
        return -EPROTO;
    TRY(vix_get_str(c, program, &r.program));
    if (arguments)
        TRY(vix_get_str(c, arguments, &r.arguments));
    ret->run = r;
    return 0;
}

int vix_body_encode_run_program(struct buf *b, uint32_t op, const union vix_body *body)
{
    const struct vix_run *r = &body->run;

    (void)op;
    buf_put_le32(b, r->options);
    buf_put_le32(b, vix_str_len(r->program));
    buf_put_le32(b, vix_str_len(r->arguments));
    vix_put_str(b, r->program);
    return vix_str_len(r->arguments) ? vix_put_str(b, r->arguments) : b->err;
}

/* The strings come in another order than their lengths. */
int vix_body_decode_run_script(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_run r = {.arguments = ""};
    uint32_t interpreter, script, properties;

    (void)op;
    cursor_le32(c, &r.options);
    cursor_le32(c, &interpreter);
    cursor_le32(c, &script);
    if (cursor_le32(c, &properties))
        return -EPROTO;
    TRY(vix_get_str(c, interpreter, &r.program));
    TRY(vix_get_str(c, properties, &r.properties));
    TRY(vix_get_str(c, script, &r.script));
    ret->run = r;
    return 0;
}

int vix_body_encode_run_script(struct buf *b, uint32_t op, const union vix_body *body)
{
    const struct vix_run *r = &body->run;

    (void)op;
    buf_put_le32(b, r->options);
    buf_put_le32(b, vix_str_len(r->program));
    buf_put_le32(b, vix_str_len(r->script));
    buf_put_le32(b, vix_str_len(r->properties));
    vix_put_str(b, r->program);
    vix_put_str(b, r->properties);
    return vix_put_str(b, r->script);
}

int vix_body_decode_process(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_process p = {0};

    (void)op;
    cursor_le64(c, &p.pid);
    if (cursor_le32(c, &p.options))
        return -EPROTO;
    ret->process = p;
    return 0;
}

int vix_body_encode_process(struct buf *b, uint32_t op, const union vix_body *body)
{
    (void)op;
    buf_put_le64(b, body->process.pid);
    return buf_put_le32(b, body->process.options);
}

int vix_body_decode_list_processes(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_list_processes l = {0};

    (void)op;
    cursor_le32(c, &l.key);
    cursor_le32(c, &l.offset);
    if (cursor_le32(c, &l.count))
        return -EPROTO;
    if (l.count > c->left / 8 || cursor_bytes(c, (size_t)l.count * 8, &l.pids))
        return -EBADMSG;
    ret->list_processes = l;
    return 0;
}

int vix_body_encode_list_processes(struct buf *b, uint32_t op, const union vix_body *body)
{
    const struct vix_list_processes *l = &body->list_processes;

    (void)op;
    buf_put_le32(b, l->key);
    buf_put_le32(b, l->offset);
    buf_put_le32(b, l->count);
    for (uint32_t i = 0; i < l->count; i++)
        buf_put_le64(b, vix_list_processes_pid(l, i));
    return b->err;
}

int vix_body_decode_read_env(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_read_env e = {0};
    uint32_t count, len;

    (void)op;
    cursor_le32(c, &count);
    if (cursor_le32(c, &len))
        return -EPROTO;
    TRY(vix_get_optstrs(c, count, len, &e.names));
    ret->read_env = e;
    return 0;
}

int vix_body_encode_read_env(struct buf *b, uint32_t op, const union vix_body *body)
{
    const struct vix_strings *s = &body->read_env.names;

    (void)op;
    TRY(vix_check_strings(s));
    buf_put_le32(b, s->count);
    buf_put_le32(b, (uint32_t)s->len);
    return buf_put(b, s->data, s->len);
}

int vix_body_decode_variable(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_variable v = {.value = ""};
    uint32_t name, value = 0;

    vix_get_i32(c, &v.type);
    cursor_le32(c, &v.options);
    cursor_le32(c, &name);
    if (op == VIX_OP_WRITE_VARIABLE)
        cursor_le32(c, &value);
    if (cursor_error(c))
        return -EPROTO;
    TRY(vix_get_str(c, name, &v.name));
    if (op == VIX_OP_WRITE_VARIABLE)
        TRY(vix_get_str(c, value, &v.value));
    ret->variable = v;
    return 0;
}

int vix_body_encode_variable(struct buf *b, uint32_t op, const union vix_body *body)
{
    const struct vix_variable *v = &body->variable;

    buf_put_le32(b, (uint32_t)v->type);
    buf_put_le32(b, v->options);
    buf_put_le32(b, vix_str_len(v->name));
    if (op == VIX_OP_WRITE_VARIABLE)
        buf_put_le32(b, vix_str_len(v->value));
    vix_put_str(b, v->name);
    return op == VIX_OP_WRITE_VARIABLE ? vix_put_str(b, v->value) : b->err;
}

int vix_body_decode_list_filesystems(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_options o = {0};
    uint32_t properties;

    (void)op;
    cursor_le32(c, &o.options);
    if (cursor_le32(c, &properties))
        return -EPROTO;
    if (cursor_skip(c, properties))
        return -EBADMSG;
    ret->options = o;
    return 0;
}

int vix_body_encode_list_filesystems(struct buf *b, uint32_t op, const union vix_body *body)
{
    (void)op;
    buf_put_le32(b, body->options.options);
    return buf_put_le32(b, 0);
}

/* ADD has a mapping flag and a comment, the list has only the user. */
int vix_body_decode_alias(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_alias a = {.certificate = "", .subject = "", .comment = ""};
    uint32_t user = 0, certificate = 0, subject = 0, comment = 0;

    cursor_le32(c, &a.options);
    cursor_le32(c, &user);
    if (op != VIX_OP_LIST_AUTH_PROVIDER_ALIASES) {
        cursor_le32(c, &certificate);
        if (op == VIX_OP_ADD_AUTH_ALIAS)
            vix_get_bool(c, &a.add_mapping);
        vix_get_i32(c, &a.subject_type);
        cursor_le32(c, &subject);
        if (op == VIX_OP_ADD_AUTH_ALIAS)
            cursor_le32(c, &comment);
    }
    if (cursor_error(c))
        return -EPROTO;
    TRY(vix_get_optstr(c, user, &a.user));
    TRY(vix_get_optstr(c, certificate, &a.certificate));
    TRY(vix_get_optstr(c, subject, &a.subject));
    TRY(vix_get_optstr(c, comment, &a.comment));
    ret->alias = a;
    return 0;
}

int vix_body_encode_alias(struct buf *b, uint32_t op, const union vix_body *body)
{
    const struct vix_alias *a = &body->alias;

    buf_put_le32(b, a->options);
    buf_put_le32(b, vix_optstr_len(a->user));
    if (op == VIX_OP_LIST_AUTH_PROVIDER_ALIASES)
        return vix_put_optstr(b, a->user);
    buf_put_le32(b, vix_optstr_len(a->certificate));
    if (op == VIX_OP_ADD_AUTH_ALIAS)
        buf_put_u8(b, a->add_mapping);
    buf_put_le32(b, (uint32_t)a->subject_type);
    buf_put_le32(b, vix_optstr_len(a->subject));
    if (op == VIX_OP_ADD_AUTH_ALIAS)
        buf_put_le32(b, vix_optstr_len(a->comment));
    vix_put_optstr(b, a->user);
    vix_put_optstr(b, a->certificate);
    vix_put_optstr(b, a->subject);
    return op == VIX_OP_ADD_AUTH_ALIAS ? vix_put_optstr(b, a->comment) : b->err;
}
