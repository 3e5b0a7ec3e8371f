/*
 * VIX errors of a guest operation as vSphere faults: the one table.
 *
 * Behind the text that vSphere servers use, in parentheses, every fault names the hop that refused
 * or failed (hostd, vmx, machine, link, agent, worker) and its reason. Programs find the same in
 * faultMessage: key "inguest.guestOperations.HOP", arguments `method` and `hop`, the reason.
 */
#ifndef HOSTD_GUEST_FAULT_H
#define HOSTD_GUEST_FAULT_H

#include <stdint.h>

#include "hostd/call.h"
#include "hostd/vmlink.h"

/* What the faults of an operation speak of. */
struct guest_subject {
    struct vim_ref vm;
    uint32_t credential;   /* enum vix_credential_type: what the caller logged in with */
    const char *file;      /* path for file faults; NULL: the operation has none */
    const char *directory; /* path for NotADirectory, when it is another than `file` */
    const char *existing;  /* path of what a move would replace, for FileAlreadyExists */
    const char *argument;  /* parameter that a refused argument most likely is, or NULL */
    int64_t pid;           /* for GuestProcessNotFound */
};

/* Ends the call with the fault for an error that the guest answered. `additional` is the guest's
 * errno, 0 = unknown. */
void guest_fault_vix(struct call *call, uint64_t error, uint32_t additional,
                     const struct guest_subject *subject);

/* Ends the call with the fault for a request that got no answer from the guest. */
void guest_fault_reply(struct call *call, const struct vmlink_reply *reply,
                       const struct guest_subject *subject);

/* Ends the call with what guest_target_wait has found: its code and its words. */
void guest_fault_not_ready(struct call *call, struct vim_ref vm, int code, const char *why);

#endif
