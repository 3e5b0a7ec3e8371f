/* Transfers by a raw stream: the guest's end is held by a process with the guest user's rights,
 * ours is joined with the client's connection, and the guest says in the end whether that was all.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "hostd/guest_stream.h"
#include "hostd/transfer_internal.h"
#include "wire/vix_error.h"

#define BODY_MAX 8192u

static void close_socket(struct transfer *t)
{
    if (t->socket >= 0)
        close(TAKE_FD(t->socket));
}

static void close_stream(struct transfer *t)
{
    t->opened = false;
    close_socket(t);
    guest_stream_close(transfer_host(t), transfer_vm(t), t->handle);
}

/* A download that is not whole after all ends the connection, which tells the client. */
static void on_finished(uint64_t bytes, const struct vmlink_reply *failure, void *arg)
{
    struct transfer *t = arg;
    struct http_request *reader = t->upload ? NULL : t->req;
    bool whole = !failure && !t->failure;

    (void)bytes;
    t->pending--;
    close_socket(t);
    if (failure)
        transfer_fail_reply(t, failure);
    else if (!whole)
        transfer_fail(t, 500, "worker: not all of it was moved");
    else if (t->upload || reader)
        transfer_moved(t);
    else
        transfer_settle(t); /* the client has gone meanwhile */
    if (reader)
        http_respond_fd_end(reader, whole);
}

/* `bytes` have been sent, or all that there is has come: what does the guest say? */
static void finish(struct transfer *t, uint64_t bytes)
{
    int r = guest_stream_finish(transfer_host(t), transfer_vm(t), t->handle, bytes,
                                transfer_deadline_ms(t), on_finished, t);

    t->opened = false;
    if (!r) {
        t->pending++;
        return;
    }
    close_socket(t);
    transfer_fail(t, 500, r == -ENOTCONN ? "the VM is not running" : strerror(-r));
}

static void on_body(struct http_request *req, int code, uint64_t bytes, void *arg)
{
    struct transfer *t = arg;

    (void)req;
    if (code != -ECONNRESET && !t->status && t->opened) {
        t->failure = code;
        t->body_pending = false;
        finish(t, bytes);
        return;
    }
    transfer_body_over(t, code);
}

static void on_end(struct http_request *req, bool whole, void *arg)
{
    struct transfer *t = arg;

    /* Less than announced, whatever the guest says. */
    t->failure = whole ? 0 : -EIO;
    if (t->opened)
        finish(t, 0);
    else
        http_respond_fd_end(req, false);
}

static void receive(struct transfer *t, int fd)
{
    t->socket = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (t->socket < 0) {
        close(fd);
        transfer_fail(t, 500, strerror(errno));
        return;
    }
    t->body_pending = true;
    http_receive_fd(t->req, fd, on_body, t);
}

static void on_opened(const struct guest_stream_opened *opened, const struct vmlink_reply *failure,
                      void *arg)
{
    struct transfer *t = arg;

    t->pending--;
    if (failure && (failure->code == -EOPNOTSUPP || failure->vix == VIX_E_NOT_SUPPORTED)) {
        t->carrier = &transfer_by_packets;
        t->carrier->start(t);
        return;
    }
    if (failure) {
        transfer_fail_reply(t, failure);
        return;
    }
    t->opened = true;
    t->handle = opened->handle;
    t->failure = 0;
    if (!t->req) {
        close(opened->fd);
        close_stream(t);
        transfer_settle(t);
        return;
    }
    /* What a program writes or reads comes and goes when it likes; a file should not be waited for
     * for ever. */
    http_stream_patience(t->req,
                         opened->size == VIX_STREAM_SIZE_UNKNOWN ? 0 : transfer_deadline_ms(t));
    if (t->upload) {
        if (opened->size != VIX_STREAM_SIZE_UNKNOWN)
            http_stream_bulk(t->req);
        receive(t, opened->fd);
        return;
    }
    t->answered = true;
    http_respond_fd(t->req, 200, TRANSFER_CONTENT_TYPE, opened->fd, opened->size, on_end, t);
}

static void start(struct transfer *t)
{
    AUTO_BUF struct buf body = BUF_INIT(BODY_MAX);
    const struct vix_stream_file file = {
        .path = t->path,
        .overwrite = t->overwrite,
        .size = t->upload ? t->size : 0,
        .attributes = t->attributes,
    };
    struct guest_stream_request request = {
        .vm = transfer_vm(t),
        .kind = t->upload ? VIX_STREAM_FILE_WRITE : VIX_STREAM_FILE_READ,
        .credential = &t->credential,
        .user = t->user,
        .source = http_source(t->req),
        .deadline_ms = transfer_deadline_ms(t),
    };
    int r = vix_stream_file_encode(&body, &file);

    request.body = body.data;
    request.len = body.len;
    if (!r)
        r = guest_stream_open(transfer_host(t), &request, on_opened, t);
    if (!r)
        t->pending++;
    else
        transfer_fail(t, 500, r == -ENOTCONN ? "the VM is not running" : strerror(-r));
}

static void sent(struct transfer *t)
{
    if (t->upload)
        return;
    t->complete = true;
    t->opened = false;
    close_socket(t);
    guest_stream_received(transfer_host(t), transfer_vm(t), t->handle);
}

const struct transfer_carrier transfer_by_stream = {start, close_stream, sent};
