/* Transfers by file packets: vmx exchanges them with the guest, and a pipe joins it with the
 * client's connection. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "hostd/guest_op.h"
#include "hostd/transfer_internal.h"
#include "wire/vix_ops.h"

#define PIPE_BYTES (1 << 20)

static void on_closed(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct transfer *t = arg;

    (void)link;
    (void)reply;
    t->pending--;
    transfer_settle(t);
}

static void close_file(struct transfer *t)
{
    t->opened = false;
    transfer_ask(t, "file.close", json_pack("{s:I}", "handle", (json_int_t)t->handle), NULL, 0, -1,
                 transfer_deadline_ms(t), on_closed);
}

static void on_attributes(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct transfer *t = arg;
    json_int_t error = json_integer_value(json_object_get(reply->result, "vix"));

    (void)link;
    t->pending--;
    if (reply->code) {
        transfer_fail_reply(t, reply);
        return;
    }
    if (error) {
        transfer_fail(t, 500, "the file is there, but its attributes could not be set");
        return;
    }
    transfer_moved(t);
}

static void set_attributes(struct transfer *t)
{
    union vix_body body = {.set_attributes = t->attributes};
    struct buf message = BUF_INIT(TRANSFER_CREDENTIAL_MAX);
    int r = guest_message(&message, VIX_OP_SET_GUEST_FILE_ATTRIBUTES, &body, &t->credential, 0);

    if (!r)
        r = transfer_ask(
            t, "vix",
            json_pack("{s:i, s:s, s:s}", "deadlineMs", (int)transfer_deadline_ms(t), "user",
                      t->user, "source", t->req ? http_source(t->req) : "here"),
            message.data, message.len, -1, transfer_deadline_ms(t) + 1000, on_attributes);
    if (message.data)
        explicit_bzero(message.data, message.len);
    buf_free(&message);
    if (r)
        transfer_fail(t, 500, strerror(-r));
}

static void on_moved(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct transfer *t = arg;

    (void)link;
    t->pending--;
    if (reply->code) {
        transfer_fail_reply(t, reply);
        return;
    }
    t->opened = false;
    if (t->upload && t->attributes.options)
        set_attributes(t);
    else
        transfer_moved(t);
}

static void on_body(struct http_request *req, int code, uint64_t bytes, void *arg)
{
    (void)req;
    (void)bytes;
    transfer_body_over(arg, code);
}

static int make_pipe(int ret[2])
{
    if (pipe2(ret, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    /* Larger is faster; the default will do where the limit is low. */
    if (fcntl(ret[1], F_SETPIPE_SZ, PIPE_BYTES) < 0)
        log_debug("pipe size: %s", strerror(errno));
    return 0;
}

static void on_opened(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct transfer *t = arg;
    int pipes[2], r;
    json_int_t size;

    (void)link;
    t->pending--;
    if (reply->code) {
        transfer_fail_reply(t, reply);
        return;
    }
    t->opened = true;
    t->handle = json_integer_value(json_object_get(reply->result, "handle"));
    size = json_integer_value(json_object_get(reply->result, "size"));
    if (!t->req) {
        close_file(t);
        transfer_settle(t);
        return;
    }
    r = make_pipe(pipes);
    if (r) {
        transfer_fail(t, 500, strerror(-r));
        return;
    }
    r = transfer_ask(t, "file.run",
                     json_pack("{s:I, s:i}", "handle", (json_int_t)t->handle, "stallMs",
                               (int)transfer_deadline_ms(t)),
                     NULL, 0, t->upload ? pipes[0] : pipes[1], 0, on_moved);
    if (r) {
        close(t->upload ? pipes[1] : pipes[0]);
        transfer_fail(t, 500, strerror(-r));
        return;
    }
    if (t->upload) {
        t->body_pending = true;
        http_receive_fd(t->req, pipes[1], on_body, t);
    } else {
        t->answered = true;
        http_respond_fd(t->req, 200, TRANSFER_CONTENT_TYPE, pipes[0], size, NULL, NULL);
    }
}

static void start(struct transfer *t)
{
    struct buf secret = BUF_INIT(TRANSFER_CREDENTIAL_MAX);
    json_t *args =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:I, s:b}", "deadlineMs", (int)transfer_deadline_ms(t),
                  "mode", t->upload ? "write" : "read", "path", t->path, "user", t->user, "source",
                  http_source(t->req), "size", (json_int_t)t->size, "overwrite", (int)t->overwrite);
    int r;

    buf_put_le32(&secret, t->credential.type);
    r = vix_credential_encode(&secret, &t->credential);
    if (r)
        json_decref(args);
    else
        r = transfer_ask(t, "file.open", args, secret.data, secret.len, -1,
                         transfer_deadline_ms(t) + 1000, on_opened);
    if (secret.data)
        explicit_bzero(secret.data, secret.len);
    buf_free(&secret);
    if (r)
        transfer_fail(t, 500, r == -ENOTCONN ? "the VM is not running" : strerror(-r));
}

const struct transfer_carrier transfer_by_packets = {start, close_file, NULL};
