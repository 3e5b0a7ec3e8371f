/*
 * The message layer of the VMware backdoor, as logic: which registers to load for the next call,
 * and what a host answers. The instruction itself is somebody else's (the guest's transport, a
 * hypervisor), so both ends can be tested against each other here.
 *
 * A message goes out as length and then bytes, four at a time through the low-bandwidth port or at
 * once through the high-bandwidth port when the host offers that. A checkpoint in the middle makes
 * the guest start the message again. Registers hold 32 bits, except the addresses of a
 * high-bandwidth call.
 */
#ifndef WIRE_BACKDOOR_H
#define WIRE_BACKDOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define BACKDOOR_MAGIC        0x564d5868u
#define BACKDOOR_PORT_LB      0x5658u
#define BACKDOOR_PORT_HB      0x5659u
#define BACKDOOR_RPCI         0x49435052u
#define BACKDOOR_TCLO         0x4f4c4354u
#define BACKDOOR_COOKIE_FLAG  0x80000000u
#define BACKDOOR_MESSAGE_MAX  65536u /* one message, either way */
#define BACKDOOR_CHANNELS_MAX 128u   /* per VM */
#define BACKDOOR_RESTARTS_MAX 8u     /* checkpoints survived within one message */

enum backdoor_command {
    BACKDOOR_CMD_GETVERSION = 10,
    BACKDOOR_CMD_GETGUIOPTIONS = 13,
    BACKDOOR_CMD_GETHWVERSION = 17,
    BACKDOOR_CMD_MESSAGE = 30,
};
enum backdoor_sub {
    BACKDOOR_OPEN = 0,
    BACKDOOR_SENDSIZE = 1,
    BACKDOOR_SENDPAYLOAD = 2,
    BACKDOOR_RECVSIZE = 3,
    BACKDOOR_RECVPAYLOAD = 4,
    BACKDOOR_RECVSTATUS = 5,
    BACKDOOR_CLOSE = 6,
};
enum backdoor_status {
    BACKDOOR_SUCCESS = 0x01,
    BACKDOOR_DORECV = 0x02,
    BACKDOOR_CLOSED = 0x04,
    BACKDOOR_UNSENT = 0x08,
    BACKDOOR_CPT = 0x10,
    BACKDOOR_POWEROFF = 0x20,
    BACKDOOR_TIMEOUT = 0x40,
    BACKDOOR_HB = 0x80,
};

struct backdoor_regs {
    uint64_t ax, bx, cx, dx, si, di, bp;
};

/* The presence question and its answer. */
void backdoor_version_request(struct backdoor_regs *r);
bool backdoor_version_ok(const struct backdoor_regs *r, uint32_t *ret_product);

/* ---- guest side ---------------------------------------------------------------------------- */

enum backdoor_step {
    BACKDOOR_STEP_LB,     /* execute a low-bandwidth call with the registers, then next() */
    BACKDOOR_STEP_HB_OUT, /* high-bandwidth call, guest to host (si = address, cx = length) */
    BACKDOOR_STEP_HB_IN,  /* high-bandwidth call, host to guest (di = address, cx = length) */
    BACKDOOR_STEP_DONE,   /* the operation is complete */
    BACKDOOR_STEP_EMPTY,  /* receive: no message waits */
    BACKDOOR_STEP_FAILED, /* see `err`; close and open again */
};

/* One channel of the guest. Owned by the caller; zero it, then use it through these. One operation
 * at a time: start one, execute calls as told, feed the registers back with next() until it says
 * DONE, EMPTY or FAILED. Not thread-safe. */
struct backdoor_guest {
    uint16_t id;
    uint32_t cookie_high, cookie_low;
    bool open;
    int err; /* after FAILED: -EIO refused, -ECONNRESET channel closed, -EMSGSIZE, -ENOMEM */
    /* private */
    uint8_t op, phase;
    uint32_t protocol;
    bool cookie;
    bool no_hb;
    unsigned restarts;
    const uint8_t *out;
    size_t out_len, done;
    struct buf in;
};

/* `no_hb`: never use the high-bandwidth port. */
void backdoor_guest_init(struct backdoor_guest *g, uint32_t protocol, bool no_hb);
void backdoor_guest_free(struct backdoor_guest *g);
enum backdoor_step backdoor_guest_open(struct backdoor_guest *g, struct backdoor_regs *r);
/* `bytes` stay valid until the operation ends. An empty message is legal. */
enum backdoor_step backdoor_guest_send(struct backdoor_guest *g, const void *bytes, size_t len,
                                       struct backdoor_regs *r);
enum backdoor_step backdoor_guest_recv(struct backdoor_guest *g, struct backdoor_regs *r);
enum backdoor_step backdoor_guest_close(struct backdoor_guest *g, struct backdoor_regs *r);
enum backdoor_step backdoor_guest_next(struct backdoor_guest *g, struct backdoor_regs *r);
/* The message that a receive brought; valid until the next operation. */
const uint8_t *backdoor_guest_message(const struct backdoor_guest *g, size_t *ret_len);

/* ---- host side ----------------------------------------------------------------------------- */

struct backdoor_host;

struct backdoor_host_ops {
    /* A guest opens a channel: 0 to accept. */
    int (*open)(void *arg, uint16_t id, uint32_t protocol);
    /* A whole message came (may be empty). The bytes live during the call. */
    void (*message)(void *arg, uint16_t id, const uint8_t *bytes, size_t len);
    /* RECVSIZE: the message to hand out, which stays valid until `taken`; 0 when there is none
     * (*ret_len may be 0 for an empty message with 1). */
    int (*fetch)(void *arg, uint16_t id, const uint8_t **ret, size_t *ret_len);
    void (*taken)(void *arg, uint16_t id, bool delivered);
    void (*closed)(void *arg, uint16_t id);
    uint64_t (*cookie)(void *arg); /* unpredictable */
    /* Guest memory for the high-bandwidth port; NULL members switch that off. -EFAULT. */
    int (*read_guest)(void *arg, uint64_t address, void *to, size_t len);
    int (*write_guest)(void *arg, uint64_t address, const void *from, size_t len);
};

int backdoor_host_new(const struct backdoor_host_ops *ops, void *arg, struct backdoor_host **ret);
void backdoor_host_free(struct backdoor_host *h);
/* VM reset or resume: every channel is gone (closed is called); old ids answer CLOSED. */
void backdoor_host_reset(struct backdoor_host *h);
/* A low-bandwidth call: changes the registers as the guest will see them. False when this is not a
 * backdoor call at all (no magic). Commands other than MESSAGE answer "unsupported", GETVERSION
 * answers for a server product. */
bool backdoor_host_lb(struct backdoor_host *h, struct backdoor_regs *r);
/* A high-bandwidth call; `out`: guest to host. */
bool backdoor_host_hb(struct backdoor_host *h, struct backdoor_regs *r, bool out);

#endif
