/*
 * RPCI: requests of the guest, one at a time on one long-lived channel; and the one-shot call of
 * command line tools. (Guest RPC protocol, "RPCI over vsock", "RPCI: requests from the guest".)
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "guest/toolbox_impl.h"
#include "wire/rpc.h"

/* The channel broke under a request: once more on a new one, as agents do. */
#define RESENDS_MAX 1

static void request_done(struct toolbox *tb, struct rpci_request *rq, int status,
                         const uint8_t *data, size_t len)
{
    STAILQ_REMOVE(&tb->queue, rq, rpci_request, link);
    tb->queued--;
    if (rq->fn)
        rq->fn(tb, status, data, len, rq->arg);
    mem_free(rq);
}

void rpci_fail_all(struct toolbox *tb, int status)
{
    /* Only those that are there now: a callback may ask again. */
    unsigned n = tb->queued;
    while (n-- > 0 && !STAILQ_EMPTY(&tb->queue))
        request_done(tb, STAILQ_FIRST(&tb->queue), status, (const uint8_t *)"", 0);
}

uint64_t rpci_deadline(const struct toolbox *tb)
{
    const struct rpci_request *rq = STAILQ_FIRST(&tb->queue);
    uint64_t at = tb->rpci.ch ? tb->rpci.ch->deadline_ms : 0;
    if (!rq)
        return at;
    if (!rq->sent && tb->rpci.ch)
        return 1; /* it came while nothing was under way: now */
    if (!rq->sent) {
        uint64_t retry = tb->rpci.retry_ms ? tb->rpci.retry_ms : 1;
        return retry < rq->deadline_ms ? retry : rq->deadline_ms;
    }
    return at && at < rq->deadline_ms ? at : rq->deadline_ms;
}

static void rpci_down(struct toolbox *tb, int reason)
{
    bool was_up = tb->rpci.ch && tb->rpci.ch->connected;
    struct rpci_request *rq = STAILQ_FIRST(&tb->queue);
    conn_fail(&tb->rpci, was_up ? 0 : RPCI_RETRY_MS);
    if (was_up)
        tb->rpci.failures = 0;
    if (rq && rq->sent) {
        rq->sent = false;
        if (was_up && rq->resent++ >= RESENDS_MAX)
            request_done(tb, rq, reason, (const uint8_t *)"", 0);
    }
}

void rpci_pump(struct toolbox *tb)
{
    struct rpci_request *rq;
    while ((rq = STAILQ_FIRST(&tb->queue))) {
        uint64_t now = clock_ms();
        if (now >= rq->deadline_ms) {
            /* An answer that comes late would be taken for the next one's. */
            if (rq->sent)
                conn_close(&tb->rpci);
            request_done(tb, rq, -ETIMEDOUT, (const uint8_t *)"", 0);
            continue;
        }
        if (!tb->rpci.ch) {
            if (tb->rpci.failures >= RPCI_OPEN_ATTEMPTS) {
                tb->rpci.failures = 0;
                rpci_fail_all(tb, -ENOTCONN);
                return;
            }
            if (tb->rpci.retry_ms > now)
                return;
            if (conn_open(tb, &tb->rpci) < 0) {
                tb->rpci.failures++;
                tb->rpci.retry_ms = now + RPCI_RETRY_MS;
                continue;
            }
        }
        if (rq->sent)
            return;
        struct rpc_packet packet = {.payload = rq->data, .len = rq->len};
        rq->sent = true;
        int r = rpc_send(tb->rpci.ch, &packet);
        if (r == 0)
            return;
        rpci_down(tb, r);
    }
}

static int rpci_answer(struct toolbox *tb, const struct rpc_packet *packet)
{
    struct rpci_request *rq = STAILQ_FIRST(&tb->queue);
    if (!rq || !rq->sent)
        return -EBADMSG; /* an answer that nobody asked for */
    bool ok;
    const uint8_t *result;
    size_t len;
    int r =
        packet->ping ? -EBADMSG : rpc_parse_reply(packet->payload, packet->len, &ok, &result, &len);
    if (r < 0)
        return r;
    AUTO_FREE uint8_t *copy = mem_alloc(len + 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, result, len);
    copy[len] = '\0';
    request_done(tb, rq, ok ? 1 : 0, copy, len);
    return 0;
}

void rpci_event(struct toolbox *tb)
{
    struct rpc_channel *ch = tb->rpci.ch;
    int r = rpc_service(ch);
    while (r >= 0) {
        struct rpc_packet packet;
        r = rpc_next(ch, &packet);
        if (r <= 0)
            break;
        r = rpci_answer(tb, &packet);
        if (tb->rpci.ch != ch)
            return;
    }
    if (r < 0)
        rpci_down(tb, r);
    else if (ch->connected)
        tb->rpci.failures = 0;
    rpci_pump(tb);
}

int toolbox_rpci(struct toolbox *tb, const void *request, size_t len, toolbox_rpci_fn fn, void *arg)
{
    if (len == 0)
        return -EINVAL;
    if (len > TOOLBOX_MESSAGE_MAX)
        return -EMSGSIZE;
    if (tb->queued >= TOOLBOX_RPCI_QUEUE_MAX)
        return -EAGAIN;
    struct rpci_request *rq = mem_alloc(sizeof(*rq) + len);
    if (!rq)
        return -ENOMEM;
    *rq = (struct rpci_request){
        .fn = fn, .arg = arg, .len = len, .deadline_ms = clock_ms() + TOOLBOX_RPCI_TIMEOUT_MS};
    memcpy(rq->data, request, len);
    STAILQ_INSERT_TAIL(&tb->queue, rq, link);
    tb->queued++;
    return 0;
}

int toolbox_rpci_text(struct toolbox *tb, toolbox_rpci_fn fn, void *arg, const char *fmt, ...)
{
    AUTO_BUF struct buf b = BUF_INIT(TOOLBOX_MESSAGE_MAX);
    va_list ap;
    va_start(ap, fmt);
    int r = buf_vprintf(&b, fmt, ap);
    va_end(ap);
    if (r == 0)
        r = buf_put_u8(&b, 0);
    if (r < 0)
        return r == -ENOBUFS ? -EMSGSIZE : r;
    return toolbox_rpci(tb, b.data, b.len, fn, arg);
}

/* Sends and waits on one carrier. */
static int once_on(struct rpc_channel *ch, const void *request, size_t len, uint64_t deadline,
                   char **ret_reply, size_t *ret_len)
{
    struct rpc_packet packet = {.payload = request, .len = len, .fast_close = true};
    int r = rpc_send(ch, &packet);
    while (r >= 0) {
        r = rpc_next(ch, &packet);
        if (r < 0)
            break;
        if (r > 0) {
            bool ok;
            const uint8_t *result;
            size_t n;
            r = packet.ping ? -EBADMSG
                            : rpc_parse_reply(packet.payload, packet.len, &ok, &result, &n);
            if (r < 0)
                break;
            char *copy = mem_alloc(n + 1);
            if (!copy)
                return -ENOMEM;
            memcpy(copy, result, n);
            copy[n] = '\0';
            *ret_reply = copy;
            *ret_len = n;
            return ok ? 1 : 0;
        }
        r = rpc_wait(ch, deadline);
        if (r == 0)
            r = rpc_service(ch);
    }
    return r;
}

int toolbox_rpci_once(const struct toolbox_options *options, const void *request, size_t len,
                      unsigned timeout_ms, char **ret_reply, size_t *ret_len)
{
    if (len == 0)
        return -EINVAL;
    if (len > TOOLBOX_MESSAGE_MAX)
        return -EMSGSIZE;
    AUTO_FREE struct toolbox *where = mem_calloc(1, sizeof(*where));
    if (!where)
        return -ENOMEM;
    int r = options_apply(where, options);
    if (r < 0)
        return r;
    uint64_t deadline = clock_ms() + timeout_ms;
    int err = -ENOTCONN;
    for (unsigned i = 0; i < CARRIERS; i++) {
        struct rpc_channel *ch;
        r = carrier_open(where, i, RPC_ROLE_RPCI, -1, &ch);
        if (r < 0) {
            if (r != -ENOTCONN && err == -ENOTCONN)
                err = r;
            continue;
        }
        r = once_on(ch, request, len, deadline, ret_reply, ret_len);
        bool reached = ch->connected;
        rpc_close(ch);
        if (r >= 0 || reached || r == -ETIMEDOUT)
            return r;
        err = r;
    }
    return err;
}
