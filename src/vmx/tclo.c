#include "vmx/tclo.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "vmx/listener.h"
#include "vmx/rpc_conn.h"
#include "wire/datamap.h"
#include "wire/rpc.h"

#define NAME_MAX_BYTES 32u
#define ATR_PREFIX     "ATR "
#define AGENT_NAME     "toolbox"
#define USER_NAME      "toolbox-dnd"

enum kind { KIND_RESET, KIND_PING, KIND_CONTROL, KIND_RELAYED, KINDS };

struct tclo_request {
    uv_timer_t timer;
    struct tclo_request *prev, *next;
    struct channel_list *list;
    struct chan *chan;
    enum kind kind;
    int64_t id;
    bool abandoned; /* its caller has been told; only the answer is still waited for */
    uint64_t queued_ms;
    tclo_cb *cb;
    void *arg;
    size_t len;
    uint8_t *bytes; /* freed when sent */
};

/* Requests in order. */
struct channel_list {
    struct tclo_request *head, *tail;
    unsigned count;
};

struct chan {
    struct chan *next;
    struct tclo *tclo;
    struct rpc_conn *conn;
    uv_timer_t ping;
    bool privileged, tagged, up, dead;
    char name[NAME_MAX_BYTES + 1];
    int64_t last_id;
    uint64_t answered_ms;
    struct channel_list waiting[KINDS], sent;
    unsigned sent_of[KINDS];
    unsigned total;
    size_t waiting_bytes;
};

struct tclo {
    struct vm *vm;
    struct listener *listener;
    const struct tclo_ops *ops;
    void *arg;
    struct rpc_budget budget;
    struct chan *chans;
    unsigned count, unprivileged;
};

static void pump(struct chan *ch);
static void drop(struct chan *ch, const char *why);

static void list_add(struct channel_list *l, struct tclo_request *rq)
{
    rq->list = l;
    rq->prev = l->tail;
    rq->next = NULL;
    if (l->tail)
        l->tail->next = rq;
    else
        l->head = rq;
    l->tail = rq;
    l->count++;
}

static void list_remove(struct tclo_request *rq)
{
    struct channel_list *l = rq->list;

    if (rq->prev)
        rq->prev->next = rq->next;
    else
        l->head = rq->next;
    if (rq->next)
        rq->next->prev = rq->prev;
    else
        l->tail = rq->prev;
    l->count--;
}

static void request_freed(uv_handle_t *h)
{
    mem_free(h->data);
}

/* Takes the request out of its channel and tells its caller. */
static void finish(struct tclo_request *rq, int result, const uint8_t *payload, size_t len)
{
    struct chan *ch = rq->chan;
    tclo_cb *cb = rq->abandoned ? NULL : rq->cb;

    if (rq->list == &ch->sent)
        ch->sent_of[rq->kind]--;
    else
        ch->waiting_bytes -= rq->len;
    list_remove(rq);
    ch->total--;
    mem_free_secret(rq->bytes, rq->len);
    uv_close((uv_handle_t *)&rq->timer, request_freed);
    if (cb)
        cb(result, payload, len, rq->arg);
}

static void request_late(uv_timer_t *timer)
{
    struct tclo_request *rq = timer->data;
    struct chan *ch = rq->chan;
    bool sent = rq->list == &ch->sent;
    uint64_t age = clock_ms() - rq->queued_ms;
    tclo_cb *cb = rq->cb;

    if (!sent) {
        finish(rq, -ETIMEDOUT, NULL, 0);
        return;
    }
    if (rq->kind != KIND_RELAYED && (!ch->tagged || rq->kind != KIND_CONTROL)) {
        drop(ch, "does not answer");
        return;
    }
    if (rq->abandoned || rq->kind != KIND_RELAYED) {
        if (ch->tagged)
            finish(rq, -ETIMEDOUT, NULL, 0);
        else
            drop(ch, "has not answered a guest operation");
        if (!ch->dead)
            pump(ch);
        return;
    }
    /* The caller stops waiting; the channel goes on for a while, the answer may still come. */
    rq->abandoned = true;
    uv_timer_start(&rq->timer, request_late, age < TCLO_RELAY_MS ? TCLO_RELAY_MS - age : 0, 0);
    cb(-ETIMEDOUT, NULL, 0, rq->arg);
}

static int send_request(struct chan *ch, struct tclo_request *rq)
{
    struct datamap_rpc packet = {.type = DATAMAP_RPC_DATA,
                                 .payload = rq->bytes,
                                 .len = rq->len,
                                 .request_id = ch->last_id + 1};
    int r = rpc_conn_send(ch->conn, &packet);

    if (r)
        return r;
    rq->id = ++ch->last_id;
    ch->waiting_bytes -= rq->len;
    list_remove(rq);
    list_add(&ch->sent, rq);
    ch->sent_of[rq->kind]++;
    mem_free_secret(rq->bytes, rq->len);
    rq->bytes = NULL;
    rq->len = 0;
    if (rq->kind != KIND_RELAYED)
        uv_timer_start(&rq->timer, request_late,
                       rq->kind == KIND_RESET ? TCLO_RESET_MS : TCLO_ANSWER_MS, 0);
    return 0;
}

static bool may_send(const struct chan *ch, enum kind kind)
{
    if (!ch->tagged || kind == KIND_RESET)
        return ch->sent.count == 0;
    return ch->sent_of[kind] < (kind == KIND_RELAYED ? TCLO_PARALLEL_MAX : 1);
}

static void pump(struct chan *ch)
{
    for (int kind = 0; kind < KINDS && !ch->dead; kind++)
        while (ch->waiting[kind].head && may_send(ch, (enum kind)kind))
            if (send_request(ch, ch->waiting[kind].head))
                return; /* full: goes on with the next answer */
}

static int enqueue(struct chan *ch, enum kind kind, const struct iovec *parts, unsigned count,
                   unsigned deadline_ms, tclo_cb *cb, void *arg, struct tclo_request **ret)
{
    AUTO_FREE struct tclo_request *rq = mem_calloc(1, sizeof(*rq));
    size_t len = 0, at = 0;

    for (unsigned i = 0; i < count; i++)
        len += parts[i].iov_len;
    if (len > TCLO_PACKET_MAX - 128)
        return -EMSGSIZE;
    if (ch->total >= TCLO_QUEUE_MAX || ch->waiting_bytes + len > TCLO_QUEUE_BYTES_MAX)
        return -ENOBUFS;
    if (!rq)
        return -ENOMEM;
    rq->bytes = mem_alloc(len ? len : 1);
    if (!rq->bytes)
        return -ENOMEM;
    for (unsigned i = 0; i < count; at += parts[i++].iov_len)
        if (parts[i].iov_len)
            memcpy(rq->bytes + at, parts[i].iov_base, parts[i].iov_len);
    rq->len = len;
    rq->chan = ch;
    rq->kind = kind;
    rq->cb = cb;
    rq->arg = arg;
    rq->queued_ms = clock_ms();
    uv_timer_init(ch->tclo->vm->loop, &rq->timer);
    rq->timer.data = rq;
    if (kind == KIND_RELAYED)
        uv_timer_start(&rq->timer, request_late, deadline_ms ? deadline_ms : 1, 0);
    list_add(&ch->waiting[kind], rq);
    ch->total++;
    ch->waiting_bytes += len;
    if (ret)
        *ret = rq;
    rq = NULL;
    pump(ch);
    return 0;
}

static int enqueue_text(struct chan *ch, enum kind kind, const char *text, tclo_cb *cb)
{
    struct iovec part = {(void *)text, strlen(text)};

    return enqueue(ch, kind, &part, 1, 0, cb, ch, NULL);
}

static struct chan *find(const struct tclo *t, const char *name)
{
    for (struct chan *ch = t->chans; ch; ch = ch->next)
        if (ch->up && !strcmp(ch->name, name))
            return ch;
    return NULL;
}

static void chan_freed(uv_handle_t *h)
{
    mem_free(h->data);
}

static void drop(struct chan *ch, const char *why)
{
    struct tclo *t = ch->tclo;
    bool was_up = ch->up;

    if (ch->dead)
        return;
    ch->dead = true;
    ch->up = false;
    for (struct chan **p = &t->chans; *p; p = &(*p)->next)
        if (*p == ch) {
            *p = ch->next;
            break;
        }
    t->count--;
    t->unprivileged -= !ch->privileged;
    log_info("guestrpc: channel %s closed: %s", ch->name[0] ? ch->name : "without a name", why);
    rpc_conn_close(ch->conn);
    if (was_up)
        t->ops->down(ch->name, t->arg);
    while (ch->sent.head)
        finish(ch->sent.head, -EPIPE, NULL, 0);
    for (int kind = 0; kind < KINDS; kind++)
        while (ch->waiting[kind].head)
            finish(ch->waiting[kind].head, -EPIPE, NULL, 0);
    uv_close((uv_handle_t *)&ch->ping, chan_freed);
}

static void pinged(int result, const uint8_t *payload, size_t len, void *arg)
{
    (void)result, (void)payload, (void)len, (void)arg; /* an answer of any kind is life */
}

static void ping_due(uv_timer_t *timer)
{
    struct chan *ch = timer->data;
    uint64_t idle = clock_ms() - ch->answered_ms;

    if (idle >= TCLO_PING_MS && !ch->waiting[KIND_PING].count && !ch->sent_of[KIND_PING])
        enqueue_text(ch, KIND_PING, "ping", pinged);
    if (!ch->dead)
        uv_timer_start(&ch->ping, ping_due,
                       idle < TCLO_PING_MS ? TCLO_PING_MS - idle : TCLO_PING_MS, 0);
}

/* Whether a channel of this peer may have the name; an older holder is turned out for the agent. */
static bool claim(struct chan *ch, const char *name)
{
    struct chan *other = find(ch->tclo, name);

    if (!ch->privileged && strcmp(name, USER_NAME)) {
        log_warn("guestrpc: a program that is not the guest's root wants to be \"%s\"", name);
        return false;
    }
    if (other && strcmp(name, AGENT_NAME))
        return false;
    if (other)
        drop(other, "a newer one took its place");
    return true;
}

static void reset_answered(int result, const uint8_t *payload, size_t len, void *arg)
{
    struct chan *ch = arg;
    char name[NAME_MAX_BYTES + 1];
    size_t prefix = strlen(ATR_PREFIX);

    if (ch->dead)
        return;
    if (result || len <= prefix || memcmp(payload, ATR_PREFIX, prefix)) {
        drop(ch, "its answer to reset is not understood");
        return;
    }
    payload += prefix;
    len -= prefix;
    while (len && (payload[len - 1] == ' ' || payload[len - 1] == '\0'))
        len--;
    if (len > NAME_MAX_BYTES || !len) {
        drop(ch, "its name is too long");
        return;
    }
    for (size_t i = 0; i < len; i++)
        if (payload[i] <= ' ' || payload[i] > '~') {
            drop(ch, "its name has strange bytes");
            return;
        }
    memcpy(name, payload, len);
    name[len] = '\0';
    if (!claim(ch, name)) {
        drop(ch, "it may not have that name");
        return;
    }
    memcpy(ch->name, name, len + 1);
    ch->up = true;
    log_info("guestrpc: channel %s is up%s", name, ch->tagged ? ", tagged" : "");
    uv_timer_start(&ch->ping, ping_due, TCLO_PING_MS, 0);
    ch->tclo->ops->up(ch->name, ch->tclo->arg);
}

static struct tclo_request *match(struct chan *ch, int64_t id)
{
    struct tclo_request *rq = ch->sent.head;

    if (!ch->tagged)
        return rq;
    while (rq && rq->id != id)
        rq = rq->next;
    return rq;
}

static void answered(struct chan *ch, const struct datamap_rpc *packet)
{
    struct tclo_request *rq = match(ch, packet->request_id);
    const uint8_t *result = NULL;
    size_t len = 0;
    bool ok;

    if (!rq && ch->tagged && packet->request_id > 0 && packet->request_id <= ch->last_id)
        return; /* came after its deadline */
    if (!rq) {
        drop(ch, "it answered what was not asked");
        return;
    }
    if (rq->kind == KIND_RESET)
        ch->tagged = packet->request_id == rq->id;
    if (rpc_parse_tclo_reply(packet->payload, packet->len, &ok, &result, &len)) {
        /* An agent that knows neither form (its "Unknown Command" is bare) has refused. */
        ok = false;
        result = packet->payload;
        len = packet->len;
    }
    finish(rq, ok ? 0 : -EREMOTEIO, result, len);
    if (!ch->dead)
        pump(ch);
}

static void conn_packet(struct rpc_conn *c, const struct datamap_rpc *packet, void *arg)
{
    struct chan *ch = arg;

    (void)c;
    if (ch->up)
        ch->tclo->ops->alive(ch->name, ch->tclo->arg);
    if (packet->type == DATAMAP_RPC_PING || ch->dead)
        return;
    ch->answered_ms = clock_ms();
    answered(ch, packet);
}

static void conn_closed(struct rpc_conn *c, int reason, void *arg)
{
    (void)c;
    drop(arg, reason ? strerror(-reason) : "the agent hung up");
}

static void accepted(int fd, void *arg)
{
    static const struct rpc_conn_ops ops = {conn_packet, conn_closed};
    struct tclo *t = arg;
    struct chan *ch = NULL;
    bool privileged = vm_peer_is_root(t->vm, fd);
    struct rpc_conn_config config = {.loop = t->vm->loop,
                                     .max_packet = TCLO_PACKET_MAX,
                                     .max_queue = TCLO_QUEUE_BYTES_MAX / 2,
                                     .budget = &t->budget,
                                     .ops = &ops};

    if (t->count >= TCLO_CHANNELS_MAX ||
        (!privileged && t->unprivileged >= TCLO_CHANNELS_MAX - TCLO_PRIVILEGED_RESERVE)) {
        log_warn("guestrpc: too many channels, one refused");
        close(fd);
        return;
    }
    ch = mem_calloc(1, sizeof(*ch));
    config.arg = ch;
    if (!ch || rpc_conn_new(&config, fd, &ch->conn)) {
        mem_free(ch);
        close(fd);
        return;
    }
    ch->tclo = t;
    ch->privileged = privileged;
    ch->answered_ms = clock_ms();
    uv_timer_init(t->vm->loop, &ch->ping);
    ch->ping.data = ch;
    ch->next = t->chans;
    t->chans = ch;
    t->count++;
    t->unprivileged += !privileged;
    if (enqueue_text(ch, KIND_RESET, "reset", reset_answered))
        drop(ch, "no memory");
}

int tclo_new(struct vm *vm, const char *path, const struct tclo_ops *ops, void *arg,
             struct tclo **ret, struct error *err)
{
    AUTO_FREE struct tclo *t = mem_calloc(1, sizeof(*t));
    int r;

    if (!t)
        return error_set(err, -ENOMEM, "no memory for the TCLO server");
    t->vm = vm;
    t->ops = ops;
    t->arg = arg;
    t->budget.max = TCLO_BUDGET;
    /* Anybody in the guest may connect; what a peer may be follows from who it is. */
    r = listener_new(vm->loop, path, 0666, accepted, t, &t->listener, err);
    if (!r)
        *ret = TAKE_PTR(t);
    return r;
}

void tclo_drop_all(struct tclo *t)
{
    while (t->chans)
        drop(t->chans, "the guest starts afresh");
}

void tclo_free(struct tclo *t)
{
    if (!t)
        return;
    tclo_drop_all(t);
    listener_free(t->listener);
    mem_free(t);
}

bool tclo_is_up(const struct tclo *t, const char *name)
{
    return find(t, name) != NULL;
}

bool tclo_is_tagged(const struct tclo *t, const char *name)
{
    const struct chan *ch = find(t, name);

    return ch && ch->tagged;
}

int tclo_request(struct tclo *t, const char *name, enum tclo_class class, const struct iovec *parts,
                 unsigned count, unsigned deadline_ms, tclo_cb *cb, void *arg,
                 struct tclo_request **ret_request)
{
    struct chan *ch = find(t, name);

    if (!ch)
        return -ENOTCONN;
    return enqueue(ch, class == TCLO_RELAYED ? KIND_RELAYED : KIND_CONTROL, parts, count,
                   deadline_ms, cb, arg, ret_request);
}

void tclo_cancel(struct tclo_request *rq)
{
    tclo_cb *cb = rq->cb;

    if (rq->list != &rq->chan->sent) {
        finish(rq, -ECANCELED, NULL, 0);
        return;
    }
    if (rq->abandoned)
        return;
    rq->abandoned = true;
    uv_timer_start(&rq->timer, request_late, TCLO_RELAY_MS, 0);
    cb(-ECANCELED, NULL, 0, rq->arg);
}
