/*
 * Sessions: who is logged in. In memory only; a restart logs everybody out. The cookie (160 random
 * bits) is the authority and is never shown; the key (a UUID) names the session in lists.
 */
#ifndef HOSTD_SESSION_H
#define HOSTD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "hostd/hostd.h"

struct sessions;

#define SESSION_MAX            2000      /* all together */
#define SESSION_PER_USER_MAX   500       /* the longest unused one makes room */
#define SESSION_IDLE_SECONDS   (30 * 60) /* default of host_options.session_idle_seconds */
#define SESSION_SCAN_MS        5000
#define SESSION_COOKIE_SIZE    41 /* 40 hex digits and NUL */
#define SESSION_USER_MAX       64
#define SESSION_USER_AGENT_MAX 256
#define SESSION_SOURCE_MAX     64

/* State that others keep for a session's life: property filters, views, history collectors. */
enum session_slot {
    SESSION_SLOT_PROPERTY,
    SESSION_SLOT_VIEW,
    SESSION_SLOT_HISTORY,
    SESSION_SLOT_OTHER,
    SESSION_SLOT_COUNT
};

struct session {
    char key[37];
    char user[SESSION_USER_MAX];
    int64_t user_id; /* of users.h */
    char locale[32];
    char source[SESSION_SOURCE_MAX];
    char user_agent[SESSION_USER_AGENT_MAX];
    int64_t login_time;       /* wall clock, us */
    int64_t last_active_time; /* wall clock, us */
    uint64_t call_count;
    bool ended; /* logged out, expired or terminated; kept only for calls that still run */
    struct session_private *priv; /* session.c's own */
};

int sessions_new(struct host *host, struct sessions **ret);
void sessions_free(struct sessions *all); /* ends every session first */

/* A new session; *ret_cookie (of SESSION_COOKIE_SIZE) is what the client shows from now on.
 * -ENFILE: SESSION_MAX are open; -ENOMEM. */
int session_create(struct sessions *all, int64_t user_id, const char *user, const char *locale,
                   const char *source, const char *user_agent, struct session **ret,
                   char *ret_cookie);

/* The live session of a cookie, NULL when there is none. Marks it as used. */
struct session *session_by_cookie(struct sessions *all, const char *cookie);

/* Ends it: calls are cancelled, slots destroyed; freed when the last reference is gone. */
void session_end(struct session *s);
/* Ends all sessions of a user (who was removed, or whose password changed), except one. */
void session_end_user(struct sessions *all, int64_t user_id, const struct session *except);

/* Ends what has been unused too long; called by a timer every SESSION_SCAN_MS. */
void session_expire(struct sessions *all);

/* A call on behalf of the session: keeps the struct, and counts as use until session_unref. */
void session_ref(struct session *s);
void session_unref(struct session *s);

size_t session_count(const struct sessions *all);

/* What the slot holds, NULL when nothing. */
void *session_slot_get(const struct session *s, enum session_slot slot);
/* `destroy` is called when the session ends, after its calls were cancelled and before it is
 * freed. */
void session_slot_set(struct session *s, enum session_slot slot, void *data,
                      void (*destroy)(struct session *s, void *data));

/* Calls `each` for all sessions; it must not end any. */
void session_each(struct sessions *all, void (*each)(struct session *s, void *arg), void *arg);
struct session *session_by_key(struct sessions *all, const char *key);

#endif
