#include "vmx/relay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "vmx/tclo.h"
#include "vmx/tools.h"
#include "wire/vix.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"

#define TIMEOUT_OFFSET 31u
#define COOKIE_OFFSET  35u
#define AGENT          "toolbox"

struct relay {
    struct vm *vm;
    uint64_t last_cookie;
};

struct relay_request {
    unsigned deadline_ms;
    struct tclo_request *tclo;
    bool binary;
    relay_cb *cb;
    void *arg;
};

int relay_new(struct vm *vm, struct relay **ret)
{
    struct relay *r = mem_calloc(1, sizeof(*r));

    if (!r)
        return -ENOMEM;
    r->vm = vm;
    *ret = r;
    return 0;
}

void relay_free(struct relay *r)
{
    mem_free(r);
}

static void end(struct relay_request *rq, const struct relay_result *result)
{
    relay_cb *cb = rq->cb;
    void *arg = rq->arg;

    mem_free(rq);
    cb(result, arg);
}

static void end_failed(struct relay_request *rq, int err, const char *hop, uint32_t vix,
                       const char *text)
{
    struct relay_result result = {.err = err, .hop = hop, .vix = vix, .text = text};

    end(rq, &result);
}

static void answered(int r, const uint8_t *payload, size_t len, void *arg)
{
    struct relay_request *rq = arg;
    struct relay_result result = {.hop = "worker"};
    struct vix_reply reply;
    char words[64];

    switch (r) {
    case 0:
        break;
    case -ETIMEDOUT:
        snprintf(words, sizeof(words), "no answer within %u s", (rq->deadline_ms + 999) / 1000);
        end_failed(rq, r, "agent", VIX_E_TOOLS_NOT_RUNNING, words);
        return;
    case -ECANCELED:
        end_failed(rq, r, "vmx", VIX_E_CANCELLED, "cancelled");
        return;
    case -EPIPE:
        end_failed(rq, r, "agent", VIX_E_TOOLS_NOT_RUNNING,
                   "the agent went away before it had answered");
        return;
    default:
        end_failed(rq, r, "agent", VIX_E_TOOLS_NOT_RUNNING,
                   "the agent does not take guest operations");
        return;
    }
    r = vix_reply_decode(payload, len, rq->binary, &reply);
    if (r) {
        end_failed(rq, -EBADMSG, "agent", VIX_E_INVALID_MESSAGE_BODY,
                   "the agent's answer is not understood");
        return;
    }
    result.vix = reply.error;
    if (reply.error) {
        result.err = -EREMOTEIO;
        result.guest_error = reply.additional;
        result.text = vix_error_text(reply.error & 0xffff);
    } else {
        result.data = reply.result;
        result.len = reply.result_len;
    }
    end(rq, &result);
}

/* The request's name: the cookie, and for agents that know what follows it, who asks
 * (docs/guest-rpc-extensions.md). */
static void put_name(struct buf *b, const struct relay *r, uint64_t cookie, const char *origin)
{
    size_t room = VIX_RELAY_NAME_MAX - 17;

    buf_printf(b, VIX_RELAYED_COMMAND " \"%016" PRIx64, cookie);
    if (origin && tclo_is_tagged(r->vm->tclo, AGENT)) {
        buf_put_u8(b, ' ');
        for (; *origin && room; origin++, room--)
            buf_put_u8(b, *origin > ' ' && *origin < 0x7f && *origin != '"' && *origin != '\\'
                              ? (uint8_t)*origin
                              : '?');
    }
    buf_put_u8(b, '"');
    buf_put_u8(b, 0);
}

static int dispatch(struct relay *r, const char *origin, const struct vix_request *vix,
                    const void *message, size_t len, unsigned deadline_ms, relay_cb *cb, void *arg,
                    struct relay_request **ret_request)
{
    AUTO_FREE struct relay_request *rq = mem_calloc(1, sizeof(*rq));
    AUTO_BUF struct buf head = BUF_INIT(256);
    AUTO_BUF struct buf numbers = BUF_INIT(16);
    const uint8_t *bytes = message;
    struct iovec parts[4];
    uint64_t cookie = ++r->last_cookie;
    int e;

    if (!rq)
        return -ENOMEM;
    put_name(&head, r, cookie, origin);
    buf_put_le32(&numbers, (deadline_ms + 999) / 1000);
    buf_put_le64(&numbers, cookie);
    if (buf_error(&head) || buf_error(&numbers))
        return -ENOMEM;
    /* The request as it came, with our time-out and cookie in the place of its own. */
    parts[0] = (struct iovec){head.data, head.len};
    parts[1] = (struct iovec){(void *)bytes, TIMEOUT_OFFSET};
    parts[2] = (struct iovec){numbers.data, numbers.len};
    parts[3] = (struct iovec){(void *)(bytes + TIMEOUT_OFFSET + numbers.len),
                              len - TIMEOUT_OFFSET - numbers.len};
    rq->binary = (vix->common_flags & VIX_COMMON_BINARY) != 0;
    rq->deadline_ms = deadline_ms;
    rq->cb = cb;
    rq->arg = arg;
    e = tclo_request(r->vm->tclo, AGENT, TCLO_RELAYED, parts, ARRAY_SIZE(parts), deadline_ms,
                     answered, rq, &rq->tclo);
    if (e)
        return e;
    if (ret_request)
        *ret_request = rq;
    rq = NULL;
    return 0;
}

_Static_assert(COOKIE_OFFSET == TIMEOUT_OFFSET + 4, "the cookie follows the time-out");

static int fail(struct error *err, uint32_t *ret_vix, uint32_t vix, int code, const char *text)
{
    if (ret_vix)
        *ret_vix = vix;
    return error_set(err, code, "%s", text);
}

static int send_checked(struct relay *r, const char *origin, const void *message, size_t len,
                        unsigned deadline_ms, bool first, relay_cb *cb, void *arg,
                        struct relay_request **ret_request, uint32_t *ret_vix, struct error *err)
{
    const char *unready = first ? NULL : tools_unready(r->vm->tools);
    struct vix_request vix;
    int e;

    if (vix_request_decode(message, len, &vix))
        return fail(err, ret_vix, VIX_E_INVALID_MESSAGE_HEADER, -EBADMSG, "not a VIX request");
    if (power_get(r->vm->power) == POWER_OFF)
        return fail(err, ret_vix, VIX_E_VM_NOT_RUNNING, -ENOTCONN, "the VM is powered off");
    if (unready)
        return fail(err, ret_vix, VIX_E_TOOLS_NOT_RUNNING, -ENOTCONN, unready);
    if (deadline_ms > RELAY_DEADLINE_MAX_MS)
        deadline_ms = RELAY_DEADLINE_MAX_MS;
    e = dispatch(r, origin, &vix, message, len, deadline_ms, cb, arg, ret_request);
    if (e == -ENOBUFS)
        return fail(err, ret_vix, VIX_E_OBJECT_IS_BUSY, e,
                    "too many guest operations are under way");
    if (e)
        return fail(err, ret_vix, VIX_E_TOOLS_NOT_RUNNING, e,
                    e == -ENOTCONN ? "the agent in the guest is not running"
                                   : "the request could not be sent to the agent");
    return 0;
}

int relay_send(struct relay *r, const void *message, size_t len, unsigned deadline_ms, relay_cb *cb,
               void *arg, struct relay_request **ret_request, uint32_t *ret_vix, struct error *err)
{
    return relay_send_for(r, NULL, message, len, deadline_ms, cb, arg, ret_request, ret_vix, err);
}

int relay_send_for(struct relay *r, const char *origin, const void *message, size_t len,
                   unsigned deadline_ms, relay_cb *cb, void *arg,
                   struct relay_request **ret_request, uint32_t *ret_vix, struct error *err)
{
    return send_checked(r, origin, message, len, deadline_ms, false, cb, arg, ret_request, ret_vix,
                        err);
}

int relay_tools_state(struct relay *r, unsigned deadline_ms, relay_cb *cb, void *arg,
                      struct error *err)
{
    struct vix_request request = {.common_flags = VIX_COMMON_PROPERTY_LIST,
                                  .opcode = VIX_OP_GET_TOOLS_STATE,
                                  .timeout = VIX_TIMEOUT_NONE};
    AUTO_BUF struct buf message = BUF_INIT(VIX_REQUEST_MAX);
    int e = vix_request_encode(&message, &request);

    if (e)
        return error_errno(err, e, "cannot ask for the tools state");
    return send_checked(r, NULL, message.data, message.len, deadline_ms, true, cb, arg, NULL, NULL,
                        err);
}

void relay_cancel(struct relay_request *rq)
{
    tclo_cancel(rq->tclo);
}
