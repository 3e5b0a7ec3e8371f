/*
 * Becoming a guest user: the one place where rights are given up. Called once, by a worker that
 * has no threads yet and has not touched anything of the user's.
 */
#ifndef GUEST_USER_SETUP_H
#define GUEST_USER_SETUP_H

#include <sys/types.h>

#include "base/error.h"

struct user_info {
    char *name, *home, *shell; /* owned */
    uid_t uid;
    gid_t gid;
};

/* Looks the account up; may ask name services. -ENOENT: no such account. */
int user_find(const char *name, struct user_info *ret, struct error *err);

/* Takes on the user's groups, gid and uid for good, with umask 022, the environment of a login
 * (HOME, USER, LOGNAME, SHELL, PATH, and what /etc/environment and /etc/default/locale say) and
 * the home folder as working directory ("/" when it cannot be entered). A process that is not
 * root can only become the user that it is already (-EPERM). */
int user_become(const struct user_info *u, struct error *err);

#endif
