/*
 * TCLO: requests from vmx to agents in the guest.
 *
 * An agent connects, is sent `reset`, and tells its name with the answer ("toolbox" is the one that
 * counts; only a program of the guest's root may have that name). Requests go to a name; they wait
 * in its channel's queue. On a plain channel one is outstanding at a time. On a tagged one
 * (docs/guest-rpc-extensions.md) that holds for control requests; relayed guest operations run
 * beside them, up to TCLO_PARALLEL_MAX, so a slow one delays nothing.
 *
 * Control requests and pings overtake relayed operations in the queue. A channel idle for
 * TCLO_PING_MS is pinged; one that does not answer in time is closed, and what was outstanding or
 * queued on it fails with -EPIPE. When a relayed operation's own deadline passes first, its caller
 * is told -ETIMEDOUT and the late answer is dropped.
 */
#ifndef VMX_TCLO_H
#define VMX_TCLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"
#include "vmx/vm.h"

#define TCLO_CHANNELS_MAX       8u
#define TCLO_PRIVILEGED_RESERVE 4u
#define TCLO_PACKET_MAX         (1u << 20)
#define TCLO_BUDGET             (4u << 20)
#define TCLO_PARALLEL_MAX       64u
#define TCLO_QUEUE_MAX          1024u       /* requests waiting or outstanding */
#define TCLO_QUEUE_BYTES_MAX    (16u << 20) /* of those that wait */
#define TCLO_RESET_MS           15000u
#define TCLO_ANSWER_MS          15000u
#define TCLO_RELAY_MS           60000u /* an untagged channel is given up after this */
#define TCLO_PING_MS            5000u

enum tclo_class { TCLO_CONTROL, TCLO_RELAYED };

/* Result: 0 and the payload after "OK ", or -EREMOTEIO and the text after "ERROR " (the agent
 * refused), -ETIMEDOUT, -EPIPE (the channel is gone), -ECANCELED. The payload is valid during the
 * call, which comes exactly once. */
typedef void tclo_cb(int result, const uint8_t *payload, size_t len, void *arg);

struct tclo;
struct tclo_request;

struct tclo_ops {
    /* The channel named `name` is up (it answered `reset`) or gone. */
    void (*up)(const char *name, void *arg);
    void (*down)(const char *name, void *arg);
    /* Something came from it: an answer or a PING. */
    void (*alive)(const char *name, void *arg);
};

int tclo_new(struct vm *vm, const char *path, const struct tclo_ops *ops, void *arg,
             struct tclo **ret, struct error *err);
void tclo_free(struct tclo *t);
/* Closes every channel; agents come back with fresh ones. */
void tclo_drop_all(struct tclo *t);

bool tclo_is_up(const struct tclo *t, const char *name);
bool tclo_is_tagged(const struct tclo *t, const char *name);

/* Sends the parts joined as one request. -ENOTCONN (no such channel), -ENOBUFS, -EMSGSIZE, -ENOMEM;
 * then `cb` does not come. *ret_request, when asked for, is valid until `cb` has come. */
int tclo_request(struct tclo *t, const char *name, enum tclo_class class, const struct iovec *parts,
                 unsigned count, unsigned deadline_ms, tclo_cb *cb, void *arg,
                 struct tclo_request **ret_request);

/* `cb` comes with -ECANCELED, before this returns. */
void tclo_cancel(struct tclo_request *rq);

#endif
