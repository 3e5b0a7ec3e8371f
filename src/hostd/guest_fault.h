/*
 * VIX errors of a guest operation as vSphere faults: the one table. What the agent, the link or the
 * vmx said goes into the text, so that a person sees which hop failed and why.
 */
#ifndef HOSTD_GUEST_FAULT_H
#define HOSTD_GUEST_FAULT_H

#include <stdint.h>

#include "hostd/call.h"
#include "hostd/vmlink.h"

/* What the faults of an operation speak of. */
struct guest_subject {
    const char *file;      /* path for file faults; NULL: the operation has none */
    const char *directory; /* path for NotADirectory, when it is another than `file` */
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

/* Ends the call: guest operations cannot be had now, `why` says so in words. */
void guest_fault_unavailable(struct call *call, const char *why);

#endif
