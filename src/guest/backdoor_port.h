/*
 * The backdoor's instruction: x86 port I/O or a hypercall, as the hypervisor wants it. (Guest RPC
 * protocol, "The instruction", "Hypercall variants".)
 */
#ifndef GUEST_BACKDOOR_PORT_H
#define GUEST_BACKDOOR_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/backdoor.h"

/* Whether a VMware-like host answers here; asked once per process, then remembered. Where nobody
 * answers, the processor may refuse the instruction: during the question, and only then, the
 * process has a SIGSEGV handler of ours. Call it first from a time when no other thread changes
 * signal handlers. `ret_product` may be NULL. */
bool backdoor_port_present(uint32_t *ret_product);

/* One call. Only after backdoor_port_present() said true. */
void backdoor_port_lb(struct backdoor_regs *r);
void backdoor_port_hb_out(struct backdoor_regs *r);
void backdoor_port_hb_in(struct backdoor_regs *r);

#endif
