#include "vmx/hgfs_client.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/vix.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"

/* Body of HGFS_SEND_PACKET before the packet: its size, a time-out that agents ignore. */
#define BODY_HEAD 8u

struct hgfs_call {
    struct relay_request *relay;
    uint32_t op;
    uint32_t request_id;
    hgfs_cb *cb;
    void *arg;
};

static void end(struct hgfs_call *call, const struct hgfs_answer *answer)
{
    hgfs_cb *cb = call->cb;
    void *arg = call->arg;

    mem_free(call);
    cb(answer, arg);
}

static int status_errno(uint32_t status)
{
    static const int codes[] = {
        [HGFS_NO_SUCH_FILE] = -ENOENT,      [HGFS_INVALID_HANDLE] = -EBADF,
        [HGFS_NOT_PERMITTED] = -EPERM,      [HGFS_FILE_EXISTS] = -EEXIST,
        [HGFS_NOT_DIRECTORY] = -ENOTDIR,    [HGFS_ACCESS_DENIED] = -EACCES,
        [HGFS_INVALID_NAME] = -EINVAL,      [HGFS_NO_SPACE] = -ENOSPC,
        [HGFS_NOT_SUPPORTED] = -EOPNOTSUPP, [HGFS_NAME_TOO_LONG] = -ENAMETOOLONG,
        [HGFS_STALE_SESSION] = -ENETRESET,  [HGFS_SHARING_VIOLATION] = -EBUSY};

    return status < ARRAY_SIZE(codes) && codes[status] ? codes[status] : -EIO;
}

static void answered(const struct relay_result *result, void *arg)
{
    struct hgfs_call *call = arg;
    struct hgfs_answer answer = {
        .err = result->err, .hop = result->hop, .vix = result->vix, .text = result->text};
    struct hgfs_header header;
    const uint8_t *payload;
    size_t len;
    int r;

    if (result->err) {
        end(call, &answer);
        return;
    }
    r = hgfs_reply_header_decode(result->data, result->len, call->op, &header, &payload, &len);
    if (!r && (header.request_id != call->request_id || header.op != call->op))
        r = -EBADMSG;
    if (!r && header.status) {
        answer.err = status_errno(header.status);
        answer.hop = "worker";
        answer.vix = hgfs_status_to_vix(header.status);
        answer.text = vix_error_text(answer.vix);
        end(call, &answer);
        return;
    }
    if (!r)
        r = hgfs_reply_decode(call->op, payload, len, &answer.reply);
    if (r) {
        answer.err = -EBADMSG;
        answer.hop = "agent";
        answer.vix = VIX_E_FAIL;
        answer.text = "the agent's file packet is not understood";
    }
    end(call, &answer);
}

int hgfs_client_send(struct hgfs_client *c, uint32_t op, const union hgfs_request *request,
                     unsigned deadline_ms, hgfs_cb *cb, void *arg, struct hgfs_call **ret_call)
{
    AUTO_BUF struct buf body = BUF_INIT(HGFS_PACKET_MAX + BODY_HEAD);
    AUTO_BUF struct buf message = BUF_INIT(VIX_REQUEST_MAX);
    AUTO_FREE struct hgfs_call *call = mem_calloc(1, sizeof(*call));
    struct hgfs_header header = {.request_id = ++c->last_request,
                                 .op = op,
                                 .flags = HGFS_FLAG_REQUEST,
                                 .session_id = c->session_id};
    struct vix_request vix = {.common_flags = VIX_COMMON_BINARY,
                              .opcode = VIX_OP_HGFS_SEND_PACKET,
                              .timeout = VIX_TIMEOUT_NONE,
                              .credential_type = c->credential_type,
                              .credential = c->credential,
                              .credential_len = c->credential_len};
    int r;

    if (!call)
        return -ENOMEM;
    buf_put_zeros(&body, BODY_HEAD);
    r = hgfs_request_encode(&body, &header, request);
    if (!r)
        r = buf_patch_le32(&body, 0, (uint32_t)(body.len - BODY_HEAD));
    vix.body = body.data;
    vix.body_len = body.len;
    if (!r)
        r = vix_request_encode(&message, &vix);
    if (r)
        return r;
    call->op = op;
    call->request_id = header.request_id;
    call->cb = cb;
    call->arg = arg;
    r = relay_send(c->relay, message.data, message.len, deadline_ms, answered, call, &call->relay,
                   NULL, NULL);
    explicit_bzero(message.data, message.len);
    if (r)
        return r;
    if (ret_call)
        *ret_call = call;
    call = NULL;
    return 0;
}
