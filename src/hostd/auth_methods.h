/* AuthorizationManager: its methods, and what its properties show. */
#ifndef HOSTD_AUTH_METHODS_H
#define HOSTD_AUTH_METHODS_H

#include "api/vim_types.h"
#include "base/arena.h"
#include "hostd/auth.h"

/* NULL: out of memory. */
struct vim_AuthorizationRole *auth_describe_role(const struct auth_role *role, struct arena *a);
struct vim_Permission *auth_describe_permission(struct host *host, const struct auth_permission *p,
                                                struct arena *a);

#endif
