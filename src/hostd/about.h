/*
 * What this host says it is: the service instance, its content, and the ids of the singletons,
 * which depend on the persona (an ESXi host or a vCenter).
 */
#ifndef HOSTD_ABOUT_H
#define HOSTD_ABOUT_H

#include "api/vim_types.h"
#include "base/arena.h"
#include "hostd/hostd.h"

/* The singleton that a field of ServiceContent names ("propertyCollector"), by persona; value NULL
 * when this persona has none. Static memory. */
struct vim_ref about_ref(const struct host *host, const char *field);

/* Every singleton of the persona, the service instance first. */
void about_each(const struct host *host,
                void (*each)(const char *field, struct vim_ref ref, void *arg), void *arg);

/* Leaves out the singletons that do not exist. NULL: out of memory. */
struct vim_ServiceContent *about_content(struct host *host, struct arena *arena);

/* The type of an object: the inventory's answer, or, before there is an inventory, that of the
 * singletons. NULL: no such object. */
const struct vim_mo_type *about_type_of(struct host *host, struct vim_ref ref);

extern const struct host_module about_module;

#endif
