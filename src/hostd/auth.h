/*
 * Who may do what: roles, permissions along the inventory tree, and the check that every call
 * passes. Kept in hostd.db and, for speed, in memory.
 */
#ifndef HOSTD_AUTH_H
#define HOSTD_AUTH_H

#include <stdbool.h>

#include "hostd/hostd.h"

struct session;

/* Does the session's user hold `privilege` on `object`? The permission nearest to the object wins,
 * a user's over his groups' on the same object, several groups' are united. Objects outside the
 * tree are checked at the root folder. */
bool authz_check(struct host *host, const struct session *session, struct vim_ref object,
                 const char *privilege);

/* The object is destroyed: its permissions go. */
void authz_forget(struct host *host, struct vim_ref object);

#endif
