/*
 * Channels over the backdoor. A call returns when the host is done with it, so nothing is ever in
 * flight; the host cannot call us, so TCLO polls. (Guest RPC protocol, "MESSAGE channel", "RPC over
 * a MESSAGE channel", "Polling on the backdoor".)
 */
#include "guest/rpc_channel.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "guest/backdoor_port.h"

#define POLL_FIRST_MS 10
#define POLL_MAX_MS   100

struct backdoor {
    struct rpc_channel ch;
    struct backdoor_guest guest;
    struct buf reply;  /* TCLO: goes out with the next round */
    bool have_message; /* waits for rpc_next */
    bool busy;         /* TCLO: a request is out, no rounds until it is answered */
    unsigned delay_ms;
};

/* Executes the calls of an operation. 1 done, 0 nothing was there, negative failed. */
static int run(struct backdoor *b, enum backdoor_step step, struct backdoor_regs *r)
{
    for (;;) {
        switch (step) {
        case BACKDOOR_STEP_LB:
            backdoor_port_lb(r);
            break;
        case BACKDOOR_STEP_HB_OUT:
            backdoor_port_hb_out(r);
            break;
        case BACKDOOR_STEP_HB_IN:
            backdoor_port_hb_in(r);
            break;
        case BACKDOOR_STEP_DONE:
            return 1;
        case BACKDOOR_STEP_EMPTY:
            return 0;
        case BACKDOOR_STEP_FAILED:
        default:
            return b->guest.err < 0 ? b->guest.err : -EIO;
        }
        step = backdoor_guest_next(&b->guest, r);
    }
}

static int exchange(struct backdoor *b, const void *data, size_t len)
{
    struct backdoor_regs r = {0};
    int n = run(b, backdoor_guest_send(&b->guest, data, len, &r), &r);
    if (n < 0)
        return n;
    memset(&r, 0, sizeof(r));
    return run(b, backdoor_guest_recv(&b->guest, &r), &r);
}

static int backdoor_send(struct rpc_channel *ch, const struct rpc_packet *msg)
{
    struct backdoor *b = (struct backdoor *)ch;
    if (msg->ping)
        return 0; /* polling is the sign of life here */
    if (msg->len > BACKDOOR_MESSAGE_MAX)
        return -EMSGSIZE;
    ch->deadline_ms = clock_ms();
    if (ch->role == RPC_ROLE_TCLO) {
        buf_clear(&b->reply);
        b->busy = false;
        return buf_put(&b->reply, msg->payload, msg->len);
    }
    int n = exchange(b, msg->payload, msg->len);
    if (n < 0)
        return n;
    if (n == 0)
        return -EBADMSG; /* a host must have the answer ready */
    b->have_message = true;
    return 0;
}

static int backdoor_service(struct rpc_channel *ch)
{
    struct backdoor *b = (struct backdoor *)ch;
    if (ch->role == RPC_ROLE_RPCI) {
        ch->deadline_ms = 0;
        return 0;
    }
    if (b->busy || b->have_message || ch->deadline_ms == 0 || clock_ms() < ch->deadline_ms)
        return 0;
    int n = exchange(b, b->reply.data, b->reply.len);
    buf_clear(&b->reply);
    if (n < 0)
        return n;
    if (n > 0) {
        b->have_message = b->busy = true;
        b->delay_ms = 0;
        ch->deadline_ms = 0;
        return 0;
    }
    b->delay_ms = b->delay_ms ? b->delay_ms * 2 : POLL_FIRST_MS;
    if (b->delay_ms > POLL_MAX_MS)
        b->delay_ms = POLL_MAX_MS;
    ch->deadline_ms = clock_ms() + b->delay_ms;
    return 0;
}

static int backdoor_next(struct rpc_channel *ch, struct rpc_packet *ret)
{
    struct backdoor *b = (struct backdoor *)ch;
    if (!b->have_message)
        return 0;
    b->have_message = false;
    *ret = (struct rpc_packet){0};
    ret->payload = backdoor_guest_message(&b->guest, &ret->len);
    return 1;
}

static void backdoor_close(struct rpc_channel *ch)
{
    struct backdoor *b = (struct backdoor *)ch;
    struct backdoor_regs r = {0};
    if (b->guest.open)
        run(b, backdoor_guest_close(&b->guest, &r), &r);
    backdoor_guest_free(&b->guest);
    buf_free(&b->reply);
    mem_free(b);
}

static const struct rpc_channel_ops backdoor_ops = {
    .name = "backdoor",
    .send = backdoor_send,
    .service = backdoor_service,
    .next = backdoor_next,
    .close = backdoor_close,
};

int rpc_open_backdoor(enum rpc_role role, int epfd, struct rpc_channel **ret)
{
    (void)epfd;
    if (!backdoor_port_present(NULL))
        return -ENODEV;
    struct backdoor *b = mem_calloc(1, sizeof(*b));
    if (!b)
        return -ENOMEM;
    b->ch = (struct rpc_channel){.ops = &backdoor_ops, .role = role, .fd = -1, .connected = true};
    b->reply = BUF_INIT(BACKDOOR_MESSAGE_MAX);
    backdoor_guest_init(&b->guest, role == RPC_ROLE_RPCI ? BACKDOOR_RPCI : BACKDOOR_TCLO, false);
    struct backdoor_regs r = {0};
    int n = run(b, backdoor_guest_open(&b->guest, &r), &r);
    if (n < 0) {
        backdoor_close(&b->ch);
        return n;
    }
    if (role == RPC_ROLE_TCLO)
        b->ch.deadline_ms = clock_ms();
    *ret = &b->ch;
    return 0;
}
