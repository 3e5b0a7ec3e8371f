#include "hostd/guest_stream.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/sock.h"
#include "hostd/guest_target.h"

#define BLOB_MAX (VIX_STREAM_BODY_MAX + 65536u)
/* vmx answers in time, and knows better why: an answer that comes too late would be lost. */
#define MARGIN_MS 10000u
/* Larger is faster; the kernel gives what an account without rights may have. */
#define SOCKET_BYTES (1 << 20)

struct pending {
    guest_stream_opened_cb opened;
    guest_stream_finished_cb finished;
    void *arg;
};

static int ask(struct host *host, struct vim_ref vm, const char *op, json_t *args, const void *blob,
               size_t len, unsigned deadline_ms, vmlink_reply_cb cb, const struct pending *pending)
{
    struct vmlink *link = guest_target_link(host, vm);
    struct pending *p = pending ? mem_memdup(pending, sizeof(*pending)) : NULL;
    int r = !args || (pending && !p) ? -ENOMEM : link ? 0 : -ENOTCONN;

    if (!r)
        r = vmlink_request(link, op, args, blob, len, NULL, 0, deadline_ms + MARGIN_MS, cb, p,
                           NULL);
    if (r)
        mem_free(p);
    json_decref(args);
    return r;
}

static void on_opened(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct pending p = *(struct pending *)arg;
    struct vmlink_reply failure = *reply;
    const int size = SOCKET_BYTES;
    struct guest_stream_opened opened = {
        .handle = json_integer_value(json_object_get(reply->result, "handle")),
        .size = json_integer_value(json_object_get(reply->result, "size")),
        .extra = reply->blob,
        .extra_len = reply->blob_len,
    };

    (void)link;
    mem_free(arg);
    if (!reply->code && (!reply->fd || *reply->fd < 0)) {
        failure.code = -EBADMSG;
        failure.text = "a stream without its socket";
    }
    if (failure.code) {
        p.opened(NULL, &failure, p.arg);
        return;
    }
    opened.fd = TAKE_FD(*reply->fd);
    sock_set_nonblocking(opened.fd, 1);
    setsockopt(opened.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    p.opened(&opened, NULL, p.arg);
}

int guest_stream_open(struct host *host, const struct guest_stream_request *request,
                      guest_stream_opened_cb cb, void *arg)
{
    AUTO_BUF struct buf blob = BUF_INIT(BLOB_MAX);
    const struct pending pending = {.opened = cb, .arg = arg};
    int r;

    buf_put_le32(&blob, request->credential->type);
    buf_put_le32(&blob, 0);
    r = vix_credential_encode(&blob, request->credential);
    if (!r)
        r = buf_patch_le32(&blob, 4, (uint32_t)(blob.len - 8));
    if (!r)
        r = buf_put(&blob, request->body, request->len);
    if (!r)
        r = ask(host, request->vm, "stream.open",
                json_pack("{s:i, s:s, s:s, s:I}", "deadlineMs", (int)request->deadline_ms, "user",
                          request->user, "source", request->source ? request->source : "here",
                          "kind", (json_int_t)request->kind),
                blob.data, blob.len, request->deadline_ms, on_opened, &pending);
    if (blob.data)
        explicit_bzero(blob.data, blob.len);
    return r;
}

static void on_finished(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct pending p = *(struct pending *)arg;

    (void)link;
    mem_free(arg);
    p.finished((uint64_t)json_integer_value(json_object_get(reply->result, "bytes")),
               reply->code ? reply : NULL, p.arg);
}

int guest_stream_finish(struct host *host, struct vim_ref vm, int64_t handle, uint64_t bytes,
                        unsigned deadline_ms, guest_stream_finished_cb cb, void *arg)
{
    const struct pending pending = {.finished = cb, .arg = arg};
    int r = ask(host, vm, "stream.finish",
                json_pack("{s:I, s:I, s:i}", "handle", (json_int_t)handle, "bytes",
                          (json_int_t)bytes, "deadlineMs", (int)deadline_ms),
                NULL, 0, deadline_ms, on_finished, &pending);

    if (r)
        guest_stream_close(host, vm, handle);
    return r;
}

void guest_stream_received(struct host *host, struct vim_ref vm, int64_t handle)
{
    ask(host, vm, "stream.close", json_pack("{s:I, s:b}", "handle", (json_int_t)handle, "whole", 1),
        NULL, 0, 0, NULL, NULL);
}

void guest_stream_close(struct host *host, struct vim_ref vm, int64_t handle)
{
    /* When vmx cannot be asked it is gone, and the stream with it. */
    ask(host, vm, "stream.close", json_pack("{s:I}", "handle", (json_int_t)handle), NULL, 0, 0,
        NULL, NULL);
}
