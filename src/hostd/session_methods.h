/* SessionManager: its methods, and what its properties show. */
#ifndef HOSTD_SESSION_METHODS_H
#define HOSTD_SESSION_METHODS_H

#include "api/vim_types.h"
#include "base/arena.h"
#include "hostd/hostd.h"
#include "hostd/session.h"

/* NULL: out of memory. */
struct vim_UserSession *session_describe(const struct session *s, struct arena *arena);
const char *session_service_message(struct host *host); /* "" = none */

extern const struct host_module session_module;

#endif
