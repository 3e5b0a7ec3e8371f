/* A login checked by PAM. Runs in the toolbox-auth helper only: modules block as they like. */
#ifndef GUEST_AUTH_PAM_H
#define GUEST_AUTH_PAM_H

#include <stddef.h>

#include "base/error.h"

/* 1 when PAM is built in and the machine has rules for this service. */
int auth_pam_has_service(const char *service);

/* 0 = authenticated and the account may be used; PAM may have mapped the name: the account's is
 * written to ret_user (size > 0). -EACCES = refused. Other: the check failed. */
int auth_pam_check(const char *service, const char *user, const char *password, char *ret_user,
                   size_t size, struct error *err);

#endif
