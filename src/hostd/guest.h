/* The guest managers: shared declarations of guest_*.c and transfer.c. */
#ifndef HOSTD_GUEST_H
#define HOSTD_GUEST_H

#include <stdbool.h>

#include "hostd/call.h"
#include "hostd/session.h"
#include "wire/vix_body.h"

extern const struct host_module guest_module;

void guest_file_call(struct call *call);
void guest_process_call(struct call *call);
void guest_auth_call(struct call *call);

#endif
