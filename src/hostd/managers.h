/* The singletons of ServiceContent that are no part of their own. */
#ifndef HOSTD_MANAGERS_H
#define HOSTD_MANAGERS_H

#include "hostd/call.h"
#include "hostd/inventory.h"

extern const struct call_row manager_calls[];
extern const struct mo_class view_manager_class;

int managers_start(struct inventory *inv, struct error *err);
void managers_stop(struct inventory *inv);

#endif
