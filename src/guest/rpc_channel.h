/*
 * One open conversation with the host, whatever carries it: the seam between libtoolbox and its
 * carriers. (Guest RPC protocol, "vsock transport" and "Backdoor transport".)
 *
 * A channel is made by one of the rpc_open_* functions and belongs to the caller, who ends it with
 * rpc_close(). Nothing here blocks; a channel that needs attention is found through its epoll
 * registration (data.ptr is the channel) or its deadline, and then gets rpc_service(). Every
 * function that returns a negative errno value leaves a channel that can only be closed.
 */
#ifndef GUEST_RPC_CHANNEL_H
#define GUEST_RPC_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RPC_LINK_DIR  "/run/inguest/link" /* of the Unix sockets, unless told otherwise */
#define RPC_PORT_RPCI 976
#define RPC_PORT_TCLO 975
/* Bytes that wait to be sent; more means that the host does not read. */
#define RPC_SEND_QUEUE_MAX (48u * 1024u * 1024u)
/* With this much waiting, no further request is taken in. */
#define RPC_SEND_QUEUE_HIGH (2u * 1024u * 1024u)
/* The kernel's own limit for vsock is the same (Guest RPC, "Limits and times"). */
#define RPC_CONNECT_TIMEOUT_MS 2000

enum rpc_role { RPC_ROLE_RPCI, RPC_ROLE_TCLO };

struct rpc_packet {
    bool ping;              /* heartbeat without payload; guest to host only */
    bool fast_close;        /* the host closes after its answer */
    uint64_t request_id;    /* 0 = none (docs/guest-rpc-extensions.md) */
    const uint8_t *payload; /* received: valid until the next call */
    size_t len;
};

struct rpc_channel;

struct rpc_channel_ops {
    const char *name;
    int (*send)(struct rpc_channel *ch, const struct rpc_packet *msg);
    int (*service)(struct rpc_channel *ch);
    int (*next)(struct rpc_channel *ch, struct rpc_packet *ret);
    void (*close)(struct rpc_channel *ch);
};

struct rpc_channel {
    const struct rpc_channel_ops *ops;
    enum rpc_role role;
    bool connected;       /* the host has accepted it */
    bool heartbeat;       /* this carrier wants PING packets */
    uint64_t deadline_ms; /* of clock_ms(); 0 = none */
    size_t queued;        /* bytes that wait to be sent */
    int fd;               /* -1: only the deadline counts */
    short events;         /* what poll(2) should wait for on it */
};

/* Queues a message; it is sent as soon as the carrier can. */
static inline int rpc_send(struct rpc_channel *ch, const struct rpc_packet *msg)
{
    return ch->ops->send(ch, msg);
}

/* Moves bytes and the connect forward. 0, or why the channel is dead (-ECONNRESET for its end). */
static inline int rpc_service(struct rpc_channel *ch)
{
    return ch->ops->service(ch);
}

/* 1 and the next complete message, 0 when there is none yet, negative for nonsense. */
static inline int rpc_next(struct rpc_channel *ch, struct rpc_packet *ret)
{
    return ch->ops->next(ch, ret);
}

static inline void rpc_close(struct rpc_channel *ch)
{
    if (ch)
        ch->ops->close(ch);
}

/* `epfd` is where the channel registers itself; -1 = the caller waits in another way.
 * Errors are those of connecting: -ENOENT, -ECONNREFUSED, -EAFNOSUPPORT, -ENODEV ... */
int rpc_open_unix(const char *folder, enum rpc_role role, int epfd, struct rpc_channel **ret);
int rpc_open_vsock(enum rpc_role role, int epfd, struct rpc_channel **ret);
int rpc_open_backdoor(enum rpc_role role, int epfd, struct rpc_channel **ret);

/* Waits until the channel has something to do, for tools without a loop. 0 or -ETIMEDOUT. */
int rpc_wait(const struct rpc_channel *ch, uint64_t deadline_ms);

#endif
