/* The host's side of the backdoor message layer: a table of channels, each a small state machine.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "wire/backdoor.h"

#define PRODUCT_SERVER 2u
#define VERSION        6u
#define UNSUPPORTED    UINT32_MAX

enum state { STATE_FREE, STATE_IDLE, STATE_SENDING, STATE_RECEIVING, STATE_RECEIVED };

struct channel {
    enum state state;
    uint32_t cookie_high, cookie_low;
    struct buf in;      /* SENDING: what came so far */
    size_t size;        /* SENDING, RECEIVING: bytes of the message */
    const uint8_t *out; /* RECEIVING: owned by whoever `fetch` got it from */
    size_t done;
};

struct backdoor_host {
    const struct backdoor_host_ops *ops;
    void *arg;
    struct channel channels[BACKDOOR_CHANNELS_MAX];
};

int backdoor_host_new(const struct backdoor_host_ops *ops, void *arg, struct backdoor_host **ret)
{
    struct backdoor_host *h = mem_calloc(1, sizeof(*h));

    if (!h)
        return -ENOMEM;
    h->ops = ops;
    h->arg = arg;
    for (size_t i = 0; i < BACKDOOR_CHANNELS_MAX; i++)
        h->channels[i].in = BUF_INIT(BACKDOOR_MESSAGE_MAX);
    *ret = h;
    return 0;
}

static uint16_t id_of(const struct backdoor_host *h, const struct channel *c)
{
    return (uint16_t)(c - h->channels);
}

/* A message that was being fetched is given up or delivered. */
static void finish_fetch(struct backdoor_host *h, struct channel *c, bool delivered)
{
    if (c->state == STATE_RECEIVING || c->state == STATE_RECEIVED)
        h->ops->taken(h->arg, id_of(h, c), delivered);
    c->out = NULL;
    c->state = STATE_IDLE;
}

static void close_channel(struct backdoor_host *h, struct channel *c)
{
    if (c->state == STATE_FREE)
        return;
    finish_fetch(h, c, false);
    c->state = STATE_FREE;
    buf_free(&c->in);
    h->ops->closed(h->arg, id_of(h, c));
}

void backdoor_host_reset(struct backdoor_host *h)
{
    for (size_t i = 0; i < BACKDOOR_CHANNELS_MAX; i++)
        close_channel(h, &h->channels[i]);
}

void backdoor_host_free(struct backdoor_host *h)
{
    if (!h)
        return;
    backdoor_host_reset(h);
    mem_free(h);
}

static bool offers_hb(const struct backdoor_host *h)
{
    return h->ops->read_guest && h->ops->write_guest;
}

static uint32_t open_channel(struct backdoor_host *h, struct backdoor_regs *r)
{
    uint32_t protocol = (uint32_t)r->bx & ~BACKDOOR_COOKIE_FLAG;

    /* Without a cookie any program could speak on a channel of another. */
    if (!(r->bx & BACKDOOR_COOKIE_FLAG))
        return 0;
    for (uint16_t i = 0; i < BACKDOOR_CHANNELS_MAX; i++) {
        struct channel *c = &h->channels[i];
        uint64_t cookie;

        if (c->state != STATE_FREE)
            continue;
        if (h->ops->open(h->arg, i, protocol))
            return 0;
        cookie = h->ops->cookie(h->arg);
        c->state = STATE_IDLE;
        c->cookie_high = (uint32_t)(cookie >> 32);
        c->cookie_low = (uint32_t)cookie;
        r->dx = (uint32_t)i << 16 | (r->dx & 0xffff);
        r->si = c->cookie_high;
        r->di = c->cookie_low;
        return BACKDOOR_SUCCESS;
    }
    return 0;
}

static void deliver(struct backdoor_host *h, struct channel *c)
{
    c->state = STATE_IDLE;
    h->ops->message(h->arg, id_of(h, c), c->in.len ? c->in.data : (const uint8_t *)"", c->in.len);
}

static uint32_t send_size(struct backdoor_host *h, struct channel *c, struct backdoor_regs *r)
{
    if (c->state != STATE_IDLE && c->state != STATE_SENDING)
        return 0;
    if ((uint32_t)r->bx > BACKDOOR_MESSAGE_MAX)
        return 0;
    buf_clear(&c->in);
    c->size = (uint32_t)r->bx;
    c->state = STATE_SENDING;
    if (!c->size)
        deliver(h, c);
    return BACKDOOR_SUCCESS | (offers_hb(h) ? BACKDOOR_HB : 0);
}

static uint32_t send_payload(struct backdoor_host *h, struct channel *c, struct backdoor_regs *r)
{
    if (c->state != STATE_SENDING)
        return 0;
    for (unsigned i = 0; i < 4 && c->in.len < c->size; i++)
        buf_put_u8(&c->in, (uint8_t)(r->bx >> (8 * i)));
    if (buf_error(&c->in)) {
        c->state = STATE_IDLE;
        return 0;
    }
    if (c->in.len == c->size)
        deliver(h, c);
    return BACKDOOR_SUCCESS;
}

static uint32_t recv_size(struct backdoor_host *h, struct channel *c, struct backdoor_regs *r)
{
    if (c->state != STATE_IDLE)
        return 0;
    if (!h->ops->fetch(h->arg, id_of(h, c), &c->out, &c->size))
        return BACKDOOR_SUCCESS;
    c->state = c->size ? STATE_RECEIVING : STATE_RECEIVED;
    c->done = 0;
    r->bx = (uint32_t)c->size;
    r->dx = (uint32_t)BACKDOOR_SENDSIZE << 16 | (r->dx & 0xffff);
    return BACKDOOR_SUCCESS | BACKDOOR_DORECV | (offers_hb(h) ? BACKDOOR_HB : 0);
}

static uint32_t recv_payload(struct backdoor_host *h, struct channel *c, struct backdoor_regs *r)
{
    uint32_t word = 0;

    if (c->state != STATE_RECEIVING)
        return 0;
    if (!(r->bx & BACKDOOR_SUCCESS)) {
        finish_fetch(h, c, false);
        return BACKDOOR_SUCCESS;
    }
    for (unsigned i = 0; i < 4 && c->done < c->size; i++)
        word |= (uint32_t)c->out[c->done++] << (8 * i);
    if (c->done == c->size)
        c->state = STATE_RECEIVED;
    r->bx = word;
    r->dx = (uint32_t)BACKDOOR_SENDPAYLOAD << 16 | (r->dx & 0xffff);
    return BACKDOOR_SUCCESS;
}

static uint32_t recv_status(struct backdoor_host *h, struct channel *c, struct backdoor_regs *r)
{
    if (c->state != STATE_RECEIVED)
        return 0;
    finish_fetch(h, c, r->bx & BACKDOOR_SUCCESS);
    return BACKDOOR_SUCCESS;
}

static uint32_t close_sub(struct backdoor_host *h, struct channel *c, struct backdoor_regs *r)
{
    (void)r;
    close_channel(h, c);
    return BACKDOOR_SUCCESS;
}

static uint32_t (*const subs[])(struct backdoor_host *h, struct channel *c,
                                struct backdoor_regs *r) = {
    [BACKDOOR_SENDSIZE] = send_size,     [BACKDOOR_SENDPAYLOAD] = send_payload,
    [BACKDOOR_RECVSIZE] = recv_size,     [BACKDOOR_RECVPAYLOAD] = recv_payload,
    [BACKDOOR_RECVSTATUS] = recv_status, [BACKDOOR_CLOSE] = close_sub,
};

/* NULL and a status when the channel is not the caller's. */
static struct channel *find(struct backdoor_host *h, uint32_t id, uint64_t high, uint64_t low,
                            uint32_t *ret_status)
{
    struct channel *c = id < BACKDOOR_CHANNELS_MAX ? &h->channels[id] : NULL;

    *ret_status = c && c->state == STATE_FREE ? BACKDOOR_CLOSED : 0;
    if (!c || c->state == STATE_FREE || c->cookie_high != (uint32_t)high ||
        c->cookie_low != (uint32_t)low)
        return NULL;
    return c;
}

static void message_call(struct backdoor_host *h, struct backdoor_regs *r)
{
    uint32_t sub = (uint32_t)r->cx >> 16, status;
    struct channel *c;

    if (sub == BACKDOOR_OPEN) {
        status = open_channel(h, r);
    } else {
        c = find(h, (uint32_t)r->dx >> 16, r->si, r->di, &status);
        if (c)
            status = sub < ARRAY_SIZE(subs) ? subs[sub](h, c, r) : 0;
    }
    r->cx = status << 16 | ((uint32_t)r->cx & 0xffff);
}

bool backdoor_host_lb(struct backdoor_host *h, struct backdoor_regs *r)
{
    if ((uint32_t)r->ax != BACKDOOR_MAGIC)
        return false;
    switch ((uint32_t)r->cx & 0xffff) {
    case BACKDOOR_CMD_GETVERSION:
        r->ax = VERSION;
        r->bx = BACKDOOR_MAGIC;
        r->cx = PRODUCT_SERVER;
        break;
    case BACKDOOR_CMD_MESSAGE:
        message_call(h, r);
        break;
    default:
        r->ax = UNSUPPORTED;
    }
    return true;
}

/* Bytes of the guest's message arrive at once. */
static uint32_t hb_out(struct backdoor_host *h, struct channel *c, const struct backdoor_regs *r)
{
    uint8_t *to;

    if (c->state != STATE_SENDING || r->cx != c->size || c->in.len ||
        buf_reserve(&c->in, c->size, &to) || h->ops->read_guest(h->arg, r->si, to, c->size))
        return 0;
    buf_commit(&c->in, c->size);
    deliver(h, c);
    return BACKDOOR_SUCCESS;
}

static uint32_t hb_in(struct backdoor_host *h, struct channel *c, const struct backdoor_regs *r)
{
    if (c->state != STATE_RECEIVING || r->cx != c->size || c->done ||
        h->ops->write_guest(h->arg, r->di, c->out, c->size))
        return 0;
    c->state = STATE_RECEIVED;
    return BACKDOOR_SUCCESS;
}

bool backdoor_host_hb(struct backdoor_host *h, struct backdoor_regs *r, bool out)
{
    uint32_t status;
    struct channel *c;

    if ((uint32_t)r->ax != BACKDOOR_MAGIC)
        return false;
    /* One index register holds the address, so the cookie is elsewhere in each direction. */
    c = find(h, (uint32_t)r->dx >> 16, out ? r->bp : r->si, out ? r->di : r->bp, &status);
    if (c && !(r->bx & 0xffff) && offers_hb(h))
        status = out ? hb_out(h, c, r) : hb_in(h, c, r);
    else
        status &= BACKDOOR_CLOSED;
    r->bx = status << 16 | ((uint32_t)r->bx & 0xffff);
    return true;
}
