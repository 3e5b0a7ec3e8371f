/*
 * A login checked against the shadow file, for machines without PAM rules for us. Runs in the
 * toolbox-auth helper only: it blocks, and it may read name services.
 */
#ifndef GUEST_AUTH_SHADOW_H
#define GUEST_AUTH_SHADOW_H

#include "base/error.h"

/* 0 = the password is right and the account is neither locked nor expired. -EACCES = refused (the
 * error says why, for the log of the guest, never for the host). Other: the check failed. Takes
 * about as long for a name that does not exist as for a wrong password. */
int auth_shadow_check(const char *shadow_path, const char *user, const char *password,
                      struct error *err);

#endif
