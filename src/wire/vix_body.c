#include "wire/vix_body_private.h"

#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/vix_ops.h"

int vix_get_str(struct cursor *c, uint32_t len, const char **ret)
{
    if (cursor_text(c, len, ret))
        return -EBADMSG;
    return utf8_valid(*ret, len) ? 0 : -EILSEQ;
}

int vix_get_optstr(struct cursor *c, uint32_t len, const char **ret)
{
    if (!len) {
        *ret = "";
        return 0;
    }
    return vix_get_str(c, len - 1, ret);
}

int vix_get_optstrs(struct cursor *c, uint32_t count, uint32_t len, struct vix_strings *ret)
{
    const uint8_t *bytes;
    uint32_t nuls = 0;

    if (cursor_bytes(c, len, &bytes) || (len && bytes[len - 1]))
        return -EBADMSG;
    for (uint32_t i = 0; i < len; i++)
        nuls += !bytes[i];
    if (nuls != count)
        return -EBADMSG;
    if (!utf8_valid(bytes, len))
        return -EILSEQ;
    *ret = (struct vix_strings){.count = count, .data = (const char *)bytes, .len = len};
    return 0;
}

static const char *text_of(const char *s)
{
    return s ? s : "";
}

uint32_t vix_str_len(const char *s)
{
    size_t n = strlen(text_of(s));

    return n > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint32_t)n;
}

uint32_t vix_optstr_len(const char *s)
{
    uint32_t n = vix_str_len(s);

    return n ? n + 1 : 0;
}

int vix_put_str(struct buf *b, const char *s)
{
    return buf_put(b, text_of(s), (size_t)vix_str_len(s) + 1);
}

int vix_put_optstr(struct buf *b, const char *s)
{
    return buf_put(b, text_of(s), vix_optstr_len(s));
}

int vix_check_strings(const struct vix_strings *s)
{
    size_t nuls = 0;

    for (size_t i = 0; i < s->len; i++)
        nuls += !s->data[i];
    return nuls != s->count || s->len > UINT32_MAX || (s->len && s->data[s->len - 1]) ? -EINVAL : 0;
}

void vix_get_bool(struct cursor *c, bool *ret)
{
    uint8_t v;

    cursor_u8(c, &v);
    *ret = v != 0;
}

void vix_get_i32(struct cursor *c, int32_t *ret)
{
    uint32_t v;

    cursor_le32(c, &v);
    *ret = (int32_t)v;
}

void vix_get_i64(struct cursor *c, int64_t *ret)
{
    uint64_t v;

    cursor_le64(c, &v);
    *ret = (int64_t)v;
}

const char *vix_strings_next(const struct vix_strings *s, size_t *pos)
{
    const char *text;

    if (*pos >= s->len)
        return NULL;
    text = s->data + *pos;
    *pos += strlen(text) + 1;
    return text;
}

uint64_t vix_list_processes_pid(const struct vix_list_processes *l, uint32_t i)
{
    struct cursor c;
    uint64_t pid;

    if (l->pid_list)
        return l->pid_list[i];
    c = CURSOR_INIT(l->pids + (size_t)i * 8, 8);
    cursor_le64(&c, &pid);
    return pid;
}

static int decode_empty(uint32_t op, struct cursor *c, union vix_body *ret)
{
    (void)op;
    (void)c;
    memset(ret, 0, sizeof(*ret));
    return 0;
}

static int encode_empty(struct buf *b, uint32_t op, const union vix_body *body)
{
    (void)op;
    (void)body;
    return b->err;
}

static int decode_options(uint32_t op, struct cursor *c, union vix_body *ret)
{
    struct vix_options o = {0};

    cursor_le32(c, &o.options);
    if (op == VIX_OP_WAIT_FOR_TOOLS)
        cursor_le32(c, &o.extra);
    if (cursor_error(c))
        return -EPROTO;
    ret->options = o;
    return 0;
}

static int encode_options(struct buf *b, uint32_t op, const union vix_body *body)
{
    buf_put_le32(b, body->options.options);
    return op == VIX_OP_WAIT_FOR_TOOLS ? buf_put_le32(b, body->options.extra) : b->err;
}

static int decode_acquire(uint32_t op, struct cursor *c, union vix_body *ret)
{
    uint64_t id;

    (void)op;
    if (cursor_le64(c, &id))
        return -EPROTO;
    ret->acquire.session_id = (int64_t)id;
    return 0;
}

static int encode_acquire(struct buf *b, uint32_t op, const union vix_body *body)
{
    (void)op;
    return buf_put_le64(b, (uint64_t)body->acquire.session_id);
}

static int decode_opaque(uint32_t op, struct cursor *c, union vix_body *ret)
{
    (void)op;
    ret->opaque = (struct vix_opaque){.bytes = c->p, .len = c->left};
    return 0;
}

static int encode_opaque(struct buf *b, uint32_t op, const union vix_body *body)
{
    (void)op;
    return buf_put(b, body->opaque.bytes, body->opaque.len);
}

static const struct vix_layout layouts[] = {
    [VIX_BODY_EMPTY] = {decode_empty, encode_empty},
    [VIX_BODY_PATH] = {vix_body_decode_path, vix_body_encode_path},
    [VIX_BODY_DELETE_DIRECTORY] = {vix_body_decode_directory, vix_body_encode_directory},
    [VIX_BODY_CREATE_DIRECTORY] = {vix_body_decode_directory, vix_body_encode_directory},
    [VIX_BODY_MOVE] = {vix_body_decode_move, vix_body_encode_move},
    [VIX_BODY_TEMP] = {vix_body_decode_temp, vix_body_encode_temp},
    [VIX_BODY_TEMP_OLD] = {vix_body_decode_temp_old, vix_body_encode_temp_old},
    [VIX_BODY_SET_ATTRIBUTES] = {vix_body_decode_set_attributes, vix_body_encode_set_attributes},
    [VIX_BODY_LIST_FILES] = {vix_body_decode_list_files, vix_body_encode_list_files},
    [VIX_BODY_LIST_DIRECTORY] = {vix_body_decode_list_directory, vix_body_encode_list_directory},
    [VIX_BODY_TRANSFER_TO] = {vix_body_decode_transfer_to, vix_body_encode_transfer_to},
    [VIX_BODY_HGFS] = {vix_body_decode_hgfs, vix_body_encode_hgfs},
    [VIX_BODY_START_PROGRAM] = {vix_body_decode_start_program, vix_body_encode_start_program},
    [VIX_BODY_RUN_PROGRAM] = {vix_body_decode_run_program, vix_body_encode_run_program},
    [VIX_BODY_RUN_SCRIPT] = {vix_body_decode_run_script, vix_body_encode_run_script},
    [VIX_BODY_PROCESS] = {vix_body_decode_process, vix_body_encode_process},
    [VIX_BODY_LIST_PROCESSES] = {vix_body_decode_list_processes, vix_body_encode_list_processes},
    [VIX_BODY_READ_ENV] = {vix_body_decode_read_env, vix_body_encode_read_env},
    [VIX_BODY_VARIABLE] = {vix_body_decode_variable, vix_body_encode_variable},
    [VIX_BODY_LIST_FILESYSTEMS] = {vix_body_decode_list_filesystems,
                                   vix_body_encode_list_filesystems},
    [VIX_BODY_OPTIONS] = {decode_options, encode_options},
    [VIX_BODY_WAIT_FOR_TOOLS] = {decode_options, encode_options},
    [VIX_BODY_ALIAS] = {vix_body_decode_alias, vix_body_encode_alias},
    [VIX_BODY_ACQUIRE] = {decode_acquire, encode_acquire},
    [VIX_BODY_STREAM_OPEN] = {vix_body_decode_stream_open, vix_body_encode_stream_open},
    [VIX_BODY_STREAM_END] = {vix_body_decode_stream_end, vix_body_encode_stream_end},
    [VIX_BODY_OPAQUE] = {decode_opaque, encode_opaque},
};

int vix_body_decode(uint32_t opcode, const void *body, size_t len, union vix_body *ret)
{
    const struct vix_op *op = vix_op_find(opcode);
    struct cursor c = CURSOR_INIT(body, len);

    return op ? layouts[op->body].decode(opcode, &c, ret) : -EOPNOTSUPP;
}

int vix_body_encode(struct buf *b, uint32_t opcode, const union vix_body *body)
{
    const struct vix_op *op = vix_op_find(opcode);

    return op ? layouts[op->body].encode(b, opcode, body) : -EOPNOTSUPP;
}
