#include "guest/vix_audit.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/vix_body.h"
#include "wire/vix_describe.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"
#include "wire/vix_stream.h"

struct vix_audit_stream {
    struct vix_audit_stream *next;
    uint8_t token[VIX_STREAM_TOKEN_SIZE];
    uint64_t begun_ms;
    char *what; /* the line's beginning */
};

static char *beginning(const struct vix_request *rq, const char *origin)
{
    char what[VIX_DESCRIBE_SIZE], who[VIX_DESCRIBE_SIZE];

    return mem_printf("guest operation %s by %s as %s", vix_describe(rq, what),
                      origin ? origin : "the host", vix_describe_user(rq, who));
}

static void write_line(const char *what, const char *result, uint64_t bytes, bool more,
                       uint64_t begun_ms)
{
    log_info("%s: %s, %" PRIu64 "%s bytes, %" PRIu64 " ms", what ? what : "guest operation", result,
             bytes, more ? "+" : "", clock_ms() - begun_ms);
}

static const char *result_text(const struct vix_audit_outcome *o, char out[], size_t size)
{
    if (!o->err)
        return "ok";
    snprintf(out, size, "%s%s%s (VIX error %u)", vix_error_text(o->err), o->additional ? ", " : "",
             o->additional ? strerror((int)o->additional) : "", VIX_ERROR_CODE(o->err));
    return out;
}

/* --- streams --- */

static void drop(struct vix_audit *a, struct vix_audit_stream **at)
{
    struct vix_audit_stream *s = *at;

    *at = s->next;
    a->count--;
    explicit_bzero(s->token, sizeof(s->token));
    mem_free(s->what);
    mem_free(s);
}

static void stream_opened(struct vix_audit *a, const struct vix_request *rq,
                          const union vix_body *body, const struct vix_audit_outcome *o)
{
    struct vix_audit_stream *s = mem_calloc(1, sizeof(*s)), **at = &a->first;

    if (!s)
        return;
    memcpy(s->token, body->stream_open.token, sizeof(s->token));
    s->begun_ms = o->begun_ms;
    s->what = beginning(rq, o->origin);
    s->next = a->first;
    a->first = s;
    if (++a->count <= VIX_AUDIT_STREAMS_MAX)
        return;
    while ((*at)->next)
        at = &(*at)->next;
    write_line((*at)->what, "not ended", 0, false, (*at)->begun_ms);
    drop(a, at);
}

static void stream_ended(struct vix_audit *a, const union vix_body *body,
                         const struct vix_audit_outcome *o)
{
    struct vix_audit_stream **at = &a->first;
    struct vix_stream_ended ended = {0};
    char text[160];

    while (*at && memcmp((*at)->token, body->stream_end.token, VIX_STREAM_TOKEN_SIZE) != 0)
        at = &(*at)->next;
    if (!*at)
        return;
    if (!o->err)
        vix_stream_ended_decode(o->data, o->len, &ended);
    write_line((*at)->what,
               !o->err && body->stream_end.outcome != VIX_STREAM_FINISH
                   ? "given up"
                   : result_text(o, text, sizeof(text)),
               ended.bytes, false, (*at)->begun_ms);
    drop(a, at);
}

/* --- all of them --- */

void vix_audit_log(struct vix_audit *a, const struct vix_request *rq,
                   const struct vix_audit_outcome *o)
{
    AUTO_FREE char *what = NULL;
    union vix_body body;
    char text[160];
    bool stream = (rq->opcode == VIX_OP_STREAM_OPEN || rq->opcode == VIX_OP_STREAM_END) &&
                  !vix_body_decode(rq->opcode, rq->body, rq->body_len, &body);

    /* What goes on all the time, and further parts of one answer, are no operations. */
    if (rq->opcode == VIX_OP_HGFS_SEND_PACKET || vix_continues(rq))
        return;
    if (stream && rq->opcode == VIX_OP_STREAM_END) {
        stream_ended(a, &body, o);
        return;
    }
    if (stream && !o->err) {
        stream_opened(a, rq, &body, o);
        return;
    }
    what = beginning(rq, o->origin);
    write_line(what, result_text(o, text, sizeof(text)), o->err ? 0 : o->len,
               !o->err && vix_result_is_partial(rq->opcode, o->data, o->len), o->begun_ms);
}

void vix_audit_free(struct vix_audit *a)
{
    while (a->first)
        drop(a, &a->first);
}
