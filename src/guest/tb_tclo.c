/*
 * TCLO: requests of the host. Answers to tagged requests leave as they come, answers to a stock
 * host's untagged ones in the order of the requests. (Guest RPC protocol, "TCLO over vsock", "TCLO:
 * requests from the host"; docs/guest-rpc-extensions.md.)
 */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "guest/toolbox_impl.h"
#include "wire/rpc.h"

static void request_free(struct toolbox_request *req)
{
    TAILQ_REMOVE(&req->tb->requests, req, link);
    if (!req->lost)
        req->tb->open_requests--;
    mem_free(req->answer);
    mem_free(req);
}

void requests_free(struct toolbox *tb)
{
    struct toolbox_request *req;
    while ((req = TAILQ_FIRST(&tb->requests)))
        request_free(req);
}

/* Longer with every attempt that did not lead to a `reset`. */
static uint64_t reconnect_pause(const struct conn *c)
{
    uint64_t pause = (uint64_t)RECONNECT_FIRST_MS << (c->failures < 6 ? c->failures : 6);
    return pause < RECONNECT_MAX_MS ? pause : RECONNECT_MAX_MS;
}

static void tclo_down(struct toolbox *tb, int reason)
{
    struct toolbox_request *req, *next;
    (void)reason;
    for (req = TAILQ_FIRST(&tb->requests); req; req = next) {
        next = TAILQ_NEXT(req, link);
        req->lost = true;
        if (req->answered)
            request_free(req); /* its handler is done with it */
    }
    tb->open_requests = 0;
    tb->tclo_tagged = false;
    tb->ping_ms = 0;
    bool was_up = tb->tclo.ch && tb->tclo.ch->connected;
    conn_fail(&tb->tclo, reconnect_pause(&tb->tclo));
    if (was_up && tb->rpci.ch) {
        /* Both ends start over together: the host may have moved. */
        struct rpci_request *rq = STAILQ_FIRST(&tb->queue);
        if (rq)
            rq->sent = false;
        tb->rpci.candidate = 0;
        conn_close(&tb->rpci);
    }
    state_set(tb, TOOLBOX_DOWN);
}

static int answer_send(struct toolbox *tb, uint64_t id, const void *data, size_t len)
{
    struct rpc_packet packet = {.payload = data, .len = len, .request_id = id};
    if (!tb->tclo.ch)
        return -ENOTCONN;
    int r = rpc_send(tb->tclo.ch, &packet);
    if (r == 0 && tb->tclo.ch->heartbeat && tb->ping_ms == 0)
        tb->ping_ms = clock_ms() + PING_PERIOD_MS;
    if (r < 0) {
        tclo_down(tb, r);
        return -ENOTCONN;
    }
    return 0;
}

/* Sends the answers of untagged requests whose turn has come. */
static int answers_flush(struct toolbox *tb)
{
    struct toolbox_request *req;
again:
    TAILQ_FOREACH(req, &tb->requests, link)
    {
        if (req->lost || req->id)
            continue;
        if (!req->answered)
            return 0;
        int r = answer_send(tb, 0, req->answer, req->answer_len);
        if (r < 0)
            return r; /* all of them are gone */
        request_free(req);
        goto again;
    }
    return 0;
}

static size_t request_max_message(const struct toolbox_request *req)
{
    return req->id ? TOOLBOX_MESSAGE_MAX - 64 : RPC_MESSAGE_MAX;
}

int toolbox_reply(struct toolbox_request *req, bool ok, const void *data, size_t len)
{
    struct toolbox *tb = req->tb;
    if (req->lost) {
        request_free(req);
        return -ENOTCONN;
    }
    AUTO_BUF struct buf b = BUF_INIT(TOOLBOX_MESSAGE_MAX);
    int too_long = len > request_max_message(req) - sizeof("ERROR ") ? -EMSGSIZE : 0;
    int r = too_long ? rpc_put_tclo_reply_str(&b, false, "Result too large")
                     : rpc_put_tclo_reply(&b, ok, data, len);
    if (r < 0) {
        /* Without an answer the host would wait for its timeout; an end it understands at once. */
        request_free(req);
        tclo_down(tb, r);
        return r;
    }
    if (req->id) {
        r = answer_send(tb, req->id, b.data, b.len);
        /* On failure the channel went down, and this request, not answered, was kept. */
        request_free(req);
        return r < 0 ? r : too_long;
    }
    req->answered = true;
    req->answer = buf_steal(&b, &req->answer_len);
    r = answers_flush(tb);
    return r < 0 ? r : too_long;
}

bool toolbox_request_lost(const struct toolbox_request *req)
{
    return req->lost;
}

static const struct command *command_find(const struct toolbox *tb, const char *name, size_t len)
{
    for (unsigned i = 0; i < tb->ncommands; i++) {
        const struct command *c = &tb->commands[i];
        if (strlen(c->name) == len && memcmp(c->name, name, len) == 0)
            return c;
    }
    return NULL;
}

int toolbox_on_tclo(struct toolbox *tb, const char *name, toolbox_tclo_fn fn, void *arg)
{
    if (!name || !*name || strchr(name, ' ') || strlen(name) > RPC_NAME_MAX)
        return -EINVAL;
    struct command *c = (struct command *)command_find(tb, name, strlen(name));
    if (c) {
        if (fn) {
            c->fn = fn;
            c->arg = arg;
        } else {
            mem_free(c->name);
            *c = tb->commands[--tb->ncommands];
        }
        return 0;
    }
    if (!fn)
        return 0;
    if (tb->ncommands == COMMANDS_MAX)
        return -ENOSPC;
    char *copy = mem_strdup(name);
    if (!copy)
        return -ENOMEM;
    tb->commands[tb->ncommands++] = (struct command){.name = copy, .fn = fn, .arg = arg};
    return 0;
}

/* 0, or why the channel must end. */
static int tclo_request(struct toolbox *tb, const struct rpc_packet *packet)
{
    if (packet->ping || packet->len == 0)
        return -EBADMSG;
    if (tb->open_requests >= TOOLBOX_REQUESTS_MAX)
        return -EPROTO;
    struct toolbox_request *req = mem_calloc(1, sizeof(*req));
    if (!req)
        return -ENOMEM;
    req->tb = tb;
    req->id = packet->request_id;
    TAILQ_INSERT_TAIL(&tb->requests, req, link);
    tb->open_requests++;

    struct rpc_message m;
    if (rpc_split(packet->payload, packet->len, &m) < 0) {
        toolbox_reply(req, false, "Bad command", strlen("Bad command"));
        return 0;
    }
    const struct command *c = command_find(tb, m.name, m.name_len);
    if (!c) {
        toolbox_reply(req, false, RPC_TCLO_UNKNOWN, strlen(RPC_TCLO_UNKNOWN));
        return 0;
    }
    /* The handler may send, and thereby lose, the channel that owns these bytes. */
    AUTO_FREE uint8_t *args = mem_alloc(m.args_len + 1);
    if (!args) {
        toolbox_reply(req, false, "Out of memory.", strlen("Out of memory."));
        return 0;
    }
    if (m.args_len)
        memcpy(args, m.args, m.args_len);
    args[m.args_len] = '\0';
    c->fn(tb, req, args, m.args_len, c->arg);
    return 0;
}

static void tclo_up(struct toolbox *tb)
{
    if (tb->tclo.ch && tb->tclo.ch->connected && tb->state == TOOLBOX_DOWN)
        state_set(tb, TOOLBOX_CONNECTED);
}

void tclo_event(struct toolbox *tb)
{
    struct rpc_channel *ch = tb->tclo.ch;
    int r = rpc_service(ch);
    if (r >= 0)
        tclo_up(tb);
    while (r >= 0) {
        struct rpc_packet packet;
        r = rpc_next(ch, &packet);
        if (r <= 0)
            break;
        r = tclo_request(tb, &packet);
        if (tb->tclo.ch != ch)
            return;
    }
    if (r < 0)
        tclo_down(tb, r);
}

void tclo_pump(struct toolbox *tb)
{
    if (!tb->started)
        return;
    uint64_t now = clock_ms();
    if (!tb->tclo.ch) {
        if (tb->tclo.retry_ms > now)
            return;
        if (conn_open(tb, &tb->tclo) < 0) {
            tb->tclo.retry_ms = now + reconnect_pause(&tb->tclo);
            tb->tclo.failures++;
            return;
        }
        tclo_up(tb);
    }
    if (tb->ping_ms && tb->ping_ms <= now) {
        struct rpc_packet packet = {.ping = true};
        tb->ping_ms = now + PING_PERIOD_MS;
        int r = rpc_send(tb->tclo.ch, &packet);
        if (r < 0)
            tclo_down(tb, r);
    }
}
