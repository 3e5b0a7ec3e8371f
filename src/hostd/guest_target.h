/*
 * The VM that a guest operation is for: its state, its link, and waiting until its agent takes
 * requests. Loop thread only.
 */
#ifndef HOSTD_GUEST_TARGET_H
#define HOSTD_GUEST_TARGET_H

#include <stdint.h>

#include "hostd/hostd.h"
#include "hostd/vmlink.h"

struct guest_wait;

/* NULL when the VM is gone or its vmx is not up. */
struct vmlink *guest_target_link(struct host *host, struct vim_ref vm);
void guest_target_cancel(struct host *host, struct vim_ref vm, uint64_t request);
/* The task of the VM that forbids guest operations while it runs; value NULL: none. */
struct vim_ref guest_target_task(struct host *host, struct vim_ref vm);
/* enum vim_VirtualMachinePowerState; poweredOff for a VM that is gone. */
int guest_target_power(struct host *host, struct vim_ref vm);

/* `cb` gets 0 when the VM is on and guest operations are ready; -ESHUTDOWN when it is not on;
 * -EINPROGRESS when a task that changes its state is under way; -EHOSTUNREACH when its agent was
 * not ready within `grace_ms`, or guest operations are switched off. The words begin with the hop.
 * The callback may come before this returns (then *ret_wait is NULL). */
void guest_target_wait(struct host *host, struct vim_ref vm, uint64_t grace_ms,
                       void (*cb)(int code, const char *why, void *arg), void *arg,
                       struct guest_wait **ret_wait);
/* No callback comes after this. NULL is fine. */
void guest_wait_cancel(struct guest_wait *wait);

#endif
