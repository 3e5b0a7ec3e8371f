/*
 * VIX relay: guest operations from hostd to the agent and back.
 *
 * A request is one VIX request message; the relay gives it a cookie and the seconds that are left,
 * wraps it in Vix_1_Relayed_Command and hands it to TCLO, which sees to how many run at once. Any
 * number may be open. Every request ends with exactly one callback, at its deadline at the latest.
 */
#ifndef VMX_RELAY_H
#define VMX_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "vmx/vm.h"

#define RELAY_DEADLINE_MAX_MS 3600000u

struct relay;
struct relay_request;

struct relay_result {
    int err;         /* 0: the agent answered and vix is 0; else a negative errno code */
    const char *hop; /* who failed: "vmx", "agent", "worker" */
    uint64_t vix;    /* VixError */
    uint32_t guest_error;
    const uint8_t *data; /* the result; valid during the callback */
    size_t len;
    const char *text; /* in words, when err is set */
};

typedef void relay_cb(const struct relay_result *result, void *arg);

int relay_new(struct vm *vm, struct relay **ret);
void relay_free(struct relay *r);

/* Takes a copy of the message. On failure, which `err` and *ret_vix (VixError; may be NULL) tell,
 * `cb` does not come: -EBADMSG (not a VIX request), -ENOTCONN (no agent that takes guest
 * operations), -ENOBUFS, -ENOMEM. *ret_request, when asked for, is valid until `cb` has come. */
int relay_send(struct relay *r, const void *message, size_t len, unsigned deadline_ms, relay_cb *cb,
               void *arg, struct relay_request **ret_request, uint32_t *ret_vix, struct error *err);

/* The same for a caller with a name: `origin`, "USER@ADDRESS", goes to an agent of our own for its
 * log. NULL: none. */
int relay_send_for(struct relay *r, const char *origin, const void *message, size_t len,
                   unsigned deadline_ms, relay_cb *cb, void *arg,
                   struct relay_request **ret_request, uint32_t *ret_vix, struct error *err);

/* `cb` comes with -ECANCELED before this returns. The agent may still do the work. */
void relay_cancel(struct relay_request *rq);

/* Opcode 62, which is asked of an agent before anything else may be. */
int relay_tools_state(struct relay *r, unsigned deadline_ms, relay_cb *cb, void *arg,
                      struct error *err);

#endif
