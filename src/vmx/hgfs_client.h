/*
 * One HGFS packet to the guest and its answer: HGFS in VIX opcode 84 over the relay.
 */
#ifndef VMX_HGFS_CLIENT_H
#define VMX_HGFS_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "vmx/relay.h"
#include "wire/hgfs.h"

/* Who asks, in which session. The credential bytes are the caller's. */
struct hgfs_client {
    struct relay *relay;
    uint64_t session_id; /* HGFS_NO_SESSION before there is one */
    uint32_t credential_type;
    const uint8_t *credential;
    size_t credential_len;
    uint32_t last_request;
};

/* What came back. err 0: `reply` is filled in; its data is valid during the callback. */
struct hgfs_answer {
    int err; /* negative errno */
    const char *hop;
    uint64_t vix; /* VixError of the failure */
    const char *text;
    union hgfs_reply reply;
};

struct hgfs_call;
typedef void hgfs_cb(const struct hgfs_answer *answer, void *arg);

/* -ENOTCONN, -ENOBUFS, -EMSGSIZE, -ENOMEM: `cb` does not come. *ret_call, when asked for, is valid
 * until `cb` has come. */
int hgfs_client_send(struct hgfs_client *c, uint32_t op, const union hgfs_request *request,
                     unsigned deadline_ms, hgfs_cb *cb, void *arg, struct hgfs_call **ret_call);

#endif
