/*
 * One stream connection of a guest's program to vmx: guest RPC packets both ways, on the loop.
 *
 * The other end is hostile. What it can make us hold is bounded: a packet by `max_packet`, the
 * bytes of all half-received packets by a shared budget, what waits to be sent by `max_queue`, the
 * time for a packet that has begun by RPC_CONN_PACKET_MS, the time for taking what is sent by
 * RPC_CONN_SEND_MS. Whoever breaks a bound is disconnected.
 *
 * One thread: the loop's. rpc_conn_close may be called at any time, also in a callback; after it no
 * callback comes.
 */
#ifndef VMX_RPC_CONN_H
#define VMX_RPC_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "wire/datamap.h"

#define RPC_CONN_PACKET_MS 10000u
#define RPC_CONN_SEND_MS   30000u

struct rpc_conn;

/* Bytes that half-received packets may hold together, over all connections that share it. */
struct rpc_budget {
    size_t used, max;
};

struct rpc_conn_ops {
    /* A DATA or PING packet; `packet` points into the connection's buffer, valid during the call.
     */
    void (*packet)(struct rpc_conn *c, const struct datamap_rpc *packet, void *arg);
    /* The peer is gone (0) or broke a rule (negative errno). At most once; the callee calls
     * rpc_conn_close, now or later. */
    void (*closed)(struct rpc_conn *c, int reason, void *arg);
};

struct rpc_conn_config {
    uv_loop_t *loop;
    size_t max_packet;         /* bytes after the length field */
    size_t max_queue;          /* bytes waiting to be sent */
    size_t pause_at;           /* reading stops while more than this waits to be sent; 0 = never */
    struct rpc_budget *budget; /* may be NULL */
    const struct rpc_conn_ops *ops;
    void *arg;
};

/* Takes the descriptor on success. */
int rpc_conn_new(const struct rpc_conn_config *config, int fd, struct rpc_conn **ret);

/* Sends one packet. -ENOBUFS (queue full, nothing was sent), -EPIPE, -ENOMEM, -EINVAL. */
int rpc_conn_send(struct rpc_conn *c, const struct datamap_rpc *packet);

/* Closes when all that was sent is out (or RPC_CONN_SEND_MS is over); no more packets come. */
void rpc_conn_finish(struct rpc_conn *c);

/* While a connection is held no packet is delivered from it and nothing is read. */
void rpc_conn_hold(struct rpc_conn *c, bool hold);

/* Bytes that wait to be sent. */
size_t rpc_conn_queued(const struct rpc_conn *c);

/* NULL is fine. */
void rpc_conn_close(struct rpc_conn *c);

#endif
