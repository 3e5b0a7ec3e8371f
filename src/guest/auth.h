/*
 * Logins, as the monitor sees them: asynchronous, cached for a short time, slowed down after
 * failures, and never checked in this process. The check is made by the toolbox-auth helper (PAM,
 * or the shadow file), one process per attempt, or by an authenticator of the embedding program.
 *
 * One thread: the loop's. Attempts for one name are made one after the other; other names do not
 * wait for them. Equal logins that arrive during a check share its outcome.
 */
#ifndef GUEST_AUTH_H
#define GUEST_AUTH_H

#include <uv.h>

#include "guest/vix_service.h"

/* Helpers at once; waiting logins, over all names. */
#define AUTH_HELPERS_MAX       4u
#define AUTH_WAITERS_MAX       1024u
#define AUTH_HELPER_TIMEOUT_MS 30000u

struct auth;
struct auth_waiter;

struct auth_config {
    const char *auth_path;
    const char *pam_service; /* NULL = the built-in names */
    const char *shadow_path;
    uint32_t cache_ms; /* 0 = nothing is cached */
    struct vix_authenticator hook;
};

/* The strings must live as long as the auth. */
int auth_new(uv_loop_t *loop, const struct auth_config *config, struct auth **ret);
/* Ends helpers; no waiter is answered any more. NULL is fine. */
void auth_free(struct auth *a);

/* The account of a login that is known to be right, or NULL. At once; no waiting. */
const char *auth_check_cached(struct auth *a, const char *user, const char *password);

/* 0 = right (`account` is the user to run as), -EACCES = refused, other: could not be checked. */
typedef void (*auth_done)(void *arg, int result, const char *account);

/* Starts, or joins, a check; `done` comes later from the loop. *ret is valid until then.
 * -ENAMETOOLONG, -EBUSY (too many waiting), -ENOMEM: `done` is not called. */
int auth_check(struct auth *a, const char *user, const char *password, auth_done done, void *arg,
               struct auth_waiter **ret);
/* `done` will not be called. */
void auth_forget(struct auth_waiter *w);

#endif
