#include "wire/vix_describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "wire/exec_spec.h"
#include "wire/vix_auth.h"
#include "wire/vix_body.h"
#include "wire/vix_ops.h"
#include "wire/vix_stream.h"
#include "wire/vix_text.h"
#include "wire/vix_ticket.h"

/* For taking apart what a program is started with: all of it is in one request. */
#define EXEC_SPEC_ROOM (256u << 10)

static void put_quoted(struct buf *b, const char *text)
{
    size_t n = strlen(text), keep = n > VIX_DESCRIBE_NAME_MAX ? VIX_DESCRIBE_NAME_MAX : n;

    buf_put_u8(b, '"');
    for (size_t i = 0; i < keep; i++) {
        uint8_t c = (uint8_t)text[i];

        if (c < 0x20 || c == 0x7f) {
            buf_put_u8(b, '?');
            continue;
        }
        if (c == '"' || c == '\\')
            buf_put_u8(b, '\\');
        buf_put_u8(b, c);
    }
    buf_put_str(b, keep < n ? "...\"" : "\"");
}

static void put_subject(struct buf *b, uint32_t kind, const union vix_body *body)
{
    const char *name = NULL;

    switch (kind) {
    case VIX_BODY_PATH:
    case VIX_BODY_DELETE_DIRECTORY:
    case VIX_BODY_CREATE_DIRECTORY:
    case VIX_BODY_TRANSFER_TO:
        name = body->path.path;
        break;
    case VIX_BODY_MOVE:
        buf_put_u8(b, ' ');
        put_quoted(b, body->move.from);
        buf_put_str(b, " to");
        name = body->move.to;
        break;
    case VIX_BODY_TEMP:
        name = body->temp.directory;
        break;
    case VIX_BODY_SET_ATTRIBUTES:
        name = body->set_attributes.path;
        break;
    case VIX_BODY_LIST_FILES:
    case VIX_BODY_LIST_DIRECTORY:
        name = body->list_files.path;
        break;
    case VIX_BODY_START_PROGRAM:
        name = body->start_program.path;
        break;
    case VIX_BODY_RUN_PROGRAM:
    case VIX_BODY_RUN_SCRIPT:
        name = body->run.program;
        break;
    case VIX_BODY_PROCESS:
        buf_printf(b, " %" PRIu64, body->process.pid);
        break;
    case VIX_BODY_VARIABLE:
        name = body->variable.name;
        break;
    case VIX_BODY_ALIAS:
        name = body->alias.user;
        break;
    default:
        break;
    }
    if (name && name[0]) {
        buf_put_u8(b, ' ');
        put_quoted(b, name);
    }
}

static void put_program(struct buf *b, const struct vix_stream_open *stream)
{
    AUTO_ARENA struct arena a = ARENA_INIT(EXEC_SPEC_ROOM);
    struct exec_spec spec;

    if (exec_spec_decode(stream->body, stream->len, &a, &spec))
        return;
    buf_put_u8(b, ' ');
    if (spec.argc)
        put_quoted(b, spec.args[0]);
    else
        buf_put_str(b, "of a login");
}

/* Streams: what the bytes are. */
static void put_stream(struct buf *b, const struct vix_stream_open *stream)
{
    struct vix_stream_file file;
    uint16_t port;

    switch (stream->kind) {
    case VIX_STREAM_FILE_READ:
    case VIX_STREAM_FILE_WRITE:
        buf_put_str(b, stream->kind == VIX_STREAM_FILE_READ ? "transfer from" : "transfer to");
        if (vix_stream_file_decode(stream->body, stream->len, &file))
            return;
        buf_put_u8(b, ' ');
        put_quoted(b, file.path);
        return;
    case VIX_STREAM_EXEC:
        buf_put_str(b, "program");
        put_program(b, stream);
        return;
    case VIX_STREAM_CONNECT:
        buf_put_str(b, "connection");
        if (!exec_connect_decode(stream->body, stream->len, &port))
            buf_printf(b, " to port %u", port);
        return;
    default:
        buf_printf(b, "stream of kind %" PRIu32, stream->kind);
    }
}

static const char *finish(struct buf *b, char out[VIX_DESCRIBE_SIZE])
{
    snprintf(out, VIX_DESCRIBE_SIZE, "%s", buf_error(b) ? "something" : buf_text(b));
    buf_free(b);
    return out;
}

const char *vix_describe(const struct vix_request *rq, char out[VIX_DESCRIBE_SIZE])
{
    const struct vix_op *op = vix_op_find(rq->opcode);
    struct buf b = BUF_INIT(VIX_DESCRIBE_SIZE - 1);
    union vix_body body;

    if (!op) {
        snprintf(out, VIX_DESCRIBE_SIZE, "opcode %" PRIu32, rq->opcode);
        return out;
    }
    if (vix_body_decode(rq->opcode, rq->body, rq->body_len, &body)) {
        buf_put_str(&b, op->method ? op->method : op->name);
    } else if (rq->opcode == VIX_OP_STREAM_OPEN) {
        put_stream(&b, &body.stream_open);
    } else {
        buf_put_str(&b, op->method ? op->method : op->name);
        put_subject(&b, op->body, &body);
    }
    return finish(&b, out);
}

const char *vix_describe_user(const struct vix_request *rq, char out[VIX_DESCRIBE_SIZE])
{
    AUTO_VIX_CREDENTIAL struct vix_credential cred = {0};
    struct buf b = BUF_INIT(VIX_DESCRIBE_SIZE - 1);
    char name[VIX_NAME_MAX + 1];

    if (vix_credential_decode(rq->credential_type, rq->credential, rq->credential_len, &cred))
        buf_put_str(&b, "somebody");
    else if (cred.name && cred.name[0])
        put_quoted(&b, cred.name);
    else if (cred.type == VIX_CRED_TICKETED_SESSION && !vix_ticket_name(cred.token, name))
        put_quoted(&b, name);
    else
        buf_put_str(&b, cred.type == VIX_CRED_TICKETED_SESSION ? "a ticket"
                        : cred.token                           ? "a token"
                                                               : "nobody");
    return finish(&b, out);
}

bool vix_continues(const struct vix_request *rq)
{
    union vix_body body;

    if (vix_body_decode(rq->opcode, rq->body, rq->body_len, &body))
        return false;
    if (rq->opcode == VIX_OP_LIST_FILES)
        return body.list_files.offset > 0;
    return rq->opcode == VIX_OP_LIST_PROCESSES_EX && body.list_processes.offset > 0;
}

bool vix_result_is_partial(uint32_t opcode, const void *result, size_t len)
{
    struct vix_chunk_head chunk;
    struct vix_list_head list;
    struct vix_text t;

    vix_text_begin(&t, result, len, true);
    if (opcode == VIX_OP_LIST_FILES)
        return !vix_text_list_head(&t, &list) && list.truncated;
    return opcode == VIX_OP_LIST_PROCESSES_EX && !vix_text_chunk_head(&t, &chunk) &&
           chunk.chunked && chunk.left > 0;
}
