/* The guest's side of the backdoor message layer. */
#include <errno.h>
#include <string.h>

#include "wire/backdoor.h"

#define HB_SUCCESS 0x00010000u

enum op { OP_NONE, OP_OPEN, OP_SEND, OP_RECV, OP_CLOSE };
enum phase { PHASE_SIZE, PHASE_PAYLOAD, PHASE_PAYLOAD_HB, PHASE_STATUS, PHASE_ABORT };

void backdoor_version_request(struct backdoor_regs *r)
{
    *r = (struct backdoor_regs){
        .ax = BACKDOOR_MAGIC,
        .bx = (uint32_t)~BACKDOOR_MAGIC,
        .cx = 0xffffu << 16 | BACKDOOR_CMD_GETVERSION,
        .dx = BACKDOOR_PORT_LB,
    };
}

bool backdoor_version_ok(const struct backdoor_regs *r, uint32_t *ret_product)
{
    uint32_t product = (uint32_t)r->cx;

    if ((uint32_t)r->bx != BACKDOOR_MAGIC || (uint32_t)r->ax == UINT32_MAX)
        return false;
    *ret_product = product >> 16 == 0xffff ? 0 : product;
    return true;
}

void backdoor_guest_init(struct backdoor_guest *g, uint32_t protocol, bool no_hb)
{
    *g = (struct backdoor_guest){.protocol = protocol, .no_hb = no_hb};
    g->in = BUF_INIT(BACKDOOR_MESSAGE_MAX);
}

void backdoor_guest_free(struct backdoor_guest *g)
{
    buf_free(&g->in);
}

static enum backdoor_step failed(struct backdoor_guest *g, int err)
{
    g->op = OP_NONE;
    g->err = err;
    return BACKDOOR_STEP_FAILED;
}

static enum backdoor_step low(const struct backdoor_guest *g, enum backdoor_sub sub, uint32_t bx,
                              struct backdoor_regs *r)
{
    *r = (struct backdoor_regs){
        .ax = BACKDOOR_MAGIC,
        .bx = bx,
        .cx = (uint32_t)sub << 16 | BACKDOOR_CMD_MESSAGE,
        .dx = (uint32_t)g->id << 16 | BACKDOOR_PORT_LB,
        .si = g->cookie_high,
        .di = g->cookie_low,
    };
    return BACKDOOR_STEP_LB;
}

/* The next four bytes of the message, the first in the lowest byte, zeros behind the end. */
static enum backdoor_step send_word(struct backdoor_guest *g, struct backdoor_regs *r)
{
    uint32_t word = 0;

    for (size_t i = 0; i < 4 && g->done + i < g->out_len; i++)
        word |= (uint32_t)g->out[g->done + i] << (8 * i);
    return low(g, BACKDOOR_SENDPAYLOAD, word, r);
}

static enum backdoor_step send_hb(struct backdoor_guest *g, struct backdoor_regs *r)
{
    *r = (struct backdoor_regs){
        .ax = BACKDOOR_MAGIC,
        .bx = HB_SUCCESS,
        .cx = g->out_len,
        .dx = (uint32_t)g->id << 16 | BACKDOOR_PORT_HB,
        .si = (uintptr_t)g->out,
        .di = g->cookie_low,
        .bp = g->cookie_high,
    };
    return BACKDOOR_STEP_HB_OUT;
}

static enum backdoor_step recv_hb(struct backdoor_guest *g, struct backdoor_regs *r)
{
    *r = (struct backdoor_regs){
        .ax = BACKDOOR_MAGIC,
        .bx = HB_SUCCESS,
        .cx = g->out_len,
        .dx = (uint32_t)g->id << 16 | BACKDOOR_PORT_HB,
        .si = g->cookie_high,
        .di = (uintptr_t)g->in.data,
        .bp = g->cookie_low,
    };
    return BACKDOOR_STEP_HB_IN;
}

enum backdoor_step backdoor_guest_open(struct backdoor_guest *g, struct backdoor_regs *r)
{
    g->op = OP_OPEN;
    g->err = 0;
    g->open = false;
    g->cookie = true;
    g->id = 0;
    g->cookie_high = g->cookie_low = 0;
    return low(g, BACKDOOR_OPEN, g->protocol | BACKDOOR_COOKIE_FLAG, r);
}

static enum backdoor_step opened(struct backdoor_guest *g, uint32_t status, struct backdoor_regs *r)
{
    if (status & BACKDOOR_SUCCESS) {
        g->id = (uint16_t)(r->dx >> 16);
        g->cookie_high = g->cookie ? (uint32_t)r->si : 0;
        g->cookie_low = g->cookie ? (uint32_t)r->di : 0;
        g->open = true;
        g->op = OP_NONE;
        return BACKDOOR_STEP_DONE;
    }
    if (!g->cookie)
        return failed(g, -EIO);
    /* An old host knows no cookies. */
    g->cookie = false;
    return low(g, BACKDOOR_OPEN, g->protocol, r);
}

enum backdoor_step backdoor_guest_send(struct backdoor_guest *g, const void *bytes, size_t len,
                                       struct backdoor_regs *r)
{
    g->err = 0;
    if (!g->open)
        return failed(g, -ECONNRESET);
    if (len > BACKDOOR_MESSAGE_MAX)
        return failed(g, -EMSGSIZE);
    g->op = OP_SEND;
    g->phase = PHASE_SIZE;
    g->restarts = 0;
    g->out = bytes;
    g->out_len = len;
    g->done = 0;
    return low(g, BACKDOOR_SENDSIZE, (uint32_t)len, r);
}

static enum backdoor_step lost(struct backdoor_guest *g, uint32_t status)
{
    if (status & BACKDOOR_CLOSED)
        g->open = false;
    return failed(g, status & BACKDOOR_CLOSED ? -ECONNRESET : -EIO);
}

/* A checkpoint hit in the middle: the whole message again, but not for ever. */
static bool restart(struct backdoor_guest *g, uint32_t status)
{
    if (status & BACKDOOR_SUCCESS || !(status & BACKDOOR_CPT) ||
        g->restarts == BACKDOOR_RESTARTS_MAX)
        return false;
    g->restarts++;
    g->phase = PHASE_SIZE;
    g->done = 0;
    return true;
}

static enum backdoor_step sent(struct backdoor_guest *g, uint32_t status, struct backdoor_regs *r)
{
    if (restart(g, status))
        return low(g, BACKDOOR_SENDSIZE, (uint32_t)g->out_len, r);
    if (!(status & BACKDOOR_SUCCESS))
        return lost(g, status);
    if (g->phase == PHASE_SIZE)
        g->phase = status & BACKDOOR_HB && !g->no_hb ? PHASE_PAYLOAD_HB : PHASE_PAYLOAD;
    else if (g->phase == PHASE_PAYLOAD_HB)
        g->done = g->out_len;
    else
        g->done += g->out_len - g->done < 4 ? g->out_len - g->done : 4;
    if (g->done == g->out_len) {
        g->op = OP_NONE;
        return BACKDOOR_STEP_DONE;
    }
    return g->phase == PHASE_PAYLOAD_HB ? send_hb(g, r) : send_word(g, r);
}

enum backdoor_step backdoor_guest_recv(struct backdoor_guest *g, struct backdoor_regs *r)
{
    g->err = 0;
    if (!g->open)
        return failed(g, -ECONNRESET);
    g->op = OP_RECV;
    g->phase = PHASE_SIZE;
    g->restarts = 0;
    g->done = 0;
    buf_clear(&g->in);
    return low(g, BACKDOOR_RECVSIZE, 0, r);
}

/* The host announced a message of bx bytes. */
static enum backdoor_step recv_begin(struct backdoor_guest *g, uint32_t status,
                                     struct backdoor_regs *r)
{
    if (!(status & BACKDOOR_DORECV)) {
        g->op = OP_NONE;
        return BACKDOOR_STEP_EMPTY;
    }
    g->out_len = (uint32_t)r->bx;
    if ((uint16_t)(r->dx >> 16) != BACKDOOR_SENDSIZE)
        return failed(g, -EIO);
    buf_clear(&g->in);
    if (g->out_len > BACKDOOR_MESSAGE_MAX || buf_reserve(&g->in, g->out_len, NULL)) {
        /* Tell the host to forget the message. */
        g->err = g->out_len > BACKDOOR_MESSAGE_MAX ? -EMSGSIZE : -ENOMEM;
        g->phase = PHASE_ABORT;
        return low(g, g->out_len ? BACKDOOR_RECVPAYLOAD : BACKDOOR_RECVSTATUS, 0, r);
    }
    g->done = 0;
    if (!g->out_len) {
        g->phase = PHASE_STATUS;
        return low(g, BACKDOOR_RECVSTATUS, BACKDOOR_SUCCESS, r);
    }
    g->phase = status & BACKDOOR_HB && !g->no_hb ? PHASE_PAYLOAD_HB : PHASE_PAYLOAD;
    return g->phase == PHASE_PAYLOAD_HB ? recv_hb(g, r)
                                        : low(g, BACKDOOR_RECVPAYLOAD, BACKDOOR_SUCCESS, r);
}

static enum backdoor_step received(struct backdoor_guest *g, uint32_t status,
                                   struct backdoor_regs *r)
{
    if (g->phase == PHASE_ABORT)
        return failed(g, g->err);
    if (restart(g, status))
        return low(g, BACKDOOR_RECVSIZE, 0, r);
    if (!(status & BACKDOOR_SUCCESS))
        return lost(g, status);
    switch (g->phase) {
    case PHASE_SIZE:
        return recv_begin(g, status, r);
    case PHASE_PAYLOAD_HB:
        buf_commit(&g->in, g->out_len);
        break;
    case PHASE_PAYLOAD:
        if ((uint16_t)(r->dx >> 16) != BACKDOOR_SENDPAYLOAD)
            return failed(g, -EIO);
        for (unsigned i = 0; i < 4 && g->in.len < g->out_len; i++)
            buf_put_u8(&g->in, (uint8_t)(r->bx >> (8 * i)));
        if (g->in.len < g->out_len)
            return low(g, BACKDOOR_RECVPAYLOAD, BACKDOOR_SUCCESS, r);
        break;
    default:
        g->op = OP_NONE;
        return BACKDOOR_STEP_DONE;
    }
    g->phase = PHASE_STATUS;
    return low(g, BACKDOOR_RECVSTATUS, BACKDOOR_SUCCESS, r);
}

enum backdoor_step backdoor_guest_close(struct backdoor_guest *g, struct backdoor_regs *r)
{
    g->err = 0;
    if (!g->open)
        return failed(g, -ECONNRESET);
    g->op = OP_CLOSE;
    return low(g, BACKDOOR_CLOSE, 0, r);
}

enum backdoor_step backdoor_guest_next(struct backdoor_guest *g, struct backdoor_regs *r)
{
    bool hb = (g->op == OP_SEND || g->op == OP_RECV) && g->phase == PHASE_PAYLOAD_HB;
    uint32_t status = (uint32_t)(hb ? r->bx : r->cx) >> 16;

    switch (g->op) {
    case OP_OPEN:
        return opened(g, status, r);
    case OP_SEND:
        return sent(g, status, r);
    case OP_RECV:
        return received(g, status, r);
    case OP_CLOSE:
        g->op = OP_NONE;
        g->open = false;
        return BACKDOOR_STEP_DONE;
    default:
        return failed(g, -EINVAL);
    }
}

const uint8_t *backdoor_guest_message(const struct backdoor_guest *g, size_t *ret_len)
{
    *ret_len = g->in.len;
    return g->in.data;
}
