/* The operations stream.* of docs/control-protocol.md. */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/log.h"
#include "base/mem.h"
#include "vmx/ctl_args.h"
#include "vmx/stream.h"
#include "wire/vix_error.h"

static void failed(struct ctl_request *rq, const struct stream_error *e)
{
    ctl_fail(rq, e->hop, e->code, e->vix, e->text);
}

static void cancel(struct ctl_request *rq)
{
    stream_abort(rq->work);
}

static void opened(struct stream *s, const struct stream_opened *o, const struct stream_error *err,
                   void *arg)
{
    struct ctl_request *rq = arg;

    rq->cancel = NULL;
    if (err) {
        failed(rq, err);
        return;
    }
    /* hostd has gone meanwhile: nobody would end it. */
    if (rq->id == CTL_REQUEST_ID_NONE) {
        close(o->fd);
        ctl_reply(rq, NULL, NULL, 0);
        stream_abort(s);
        return;
    }
    ctl_reply_fd(
        rq, json_pack("{s:I, s:I}", "handle", (json_int_t)o->handle, "size", (json_int_t)o->size),
        o->extra, o->extra_len, o->fd);
}

void ctl_stream_open(struct ctl_request *rq)
{
    int64_t kind = int_arg(rq, "kind", 0);
    struct stream_open o = {.kind = (uint32_t)kind, .deadline_ms = deadline_arg(rq)};
    struct cursor c = CURSOR_INIT(rq->blob, rq->blob_len);
    struct stream_error err;
    struct stream *s;
    uint32_t len;

    cursor_le32(&c, &o.credential_type);
    cursor_le32(&c, &len);
    cursor_bytes(&c, len, &o.credential);
    if (cursor_error(&c) || kind < 1 || kind > UINT32_MAX) {
        ctl_fail(rq, "vmx", -EINVAL, VIX_E_INVALID_ARG, "bad arguments of stream.open");
        return;
    }
    o.credential_len = len;
    o.body = c.p;
    o.body_len = c.left;
    o.user = text_arg(rq, "user");
    o.source = text_arg(rq, "source");
    rq->cancel = cancel;
    if (stream_open(rq->vm->streams, &o, opened, rq, &s, &err)) {
        rq->cancel = NULL;
        failed(rq, &err);
    } else {
        rq->work = s;
    }
}

static struct stream *handle_arg(struct ctl_request *rq)
{
    struct stream *s = stream_find(rq->vm->streams, (uint64_t)int_arg(rq, "handle", 0));

    if (!s)
        ctl_fail(rq, "vmx", -EBADF, VIX_E_INVALID_HANDLE, "there is no such handle");
    return s;
}

static void finished(uint64_t bytes, const struct stream_error *err, void *arg)
{
    struct ctl_request *rq = arg;

    rq->cancel = NULL;
    if (err)
        failed(rq, err);
    else
        ctl_reply(rq, json_pack("{s:I}", "bytes", (json_int_t)bytes), NULL, 0);
}

void ctl_stream_finish(struct ctl_request *rq)
{
    struct stream *s = handle_arg(rq);
    struct stream_error err;

    if (!s)
        return;
    rq->cancel = cancel;
    rq->work = s;
    if (stream_finish(s, (uint64_t)int_arg(rq, "bytes", 0), deadline_arg(rq), finished, rq, &err)) {
        rq->cancel = NULL;
        failed(rq, &err);
    }
}

static void nobody_waits(uint64_t bytes, const struct stream_error *err, void *arg)
{
    (void)bytes, (void)err, (void)arg; /* the log has it */
}

void ctl_stream_close(struct ctl_request *rq)
{
    struct stream *s = handle_arg(rq);
    struct stream_error err;

    if (!s)
        return;
    if (!json_is_true(json_object_get(rq->args, "whole")))
        stream_abort(s);
    else if (stream_finish(s, 0, STREAM_END_MS, nobody_waits, NULL, &err))
        log_info("stream: %s", err.text);
    ctl_reply(rq, NULL, NULL, 0);
}
