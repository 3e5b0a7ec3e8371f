/*
 * Logins that were right a short while ago, so that a client with many requests does not pay for
 * the deliberately slow password hash each time; and how long a name that failed has to wait.
 *
 * Only keyed digests are kept (HMAC-SHA-256 under a key of this process), in bounded tables, for a
 * short time; every success is forgotten when the shadow or the passwd file changes. Owner: the
 * caller's thread. Times are clock_ms.
 */
#ifndef GUEST_AUTH_CACHE_H
#define GUEST_AUTH_CACHE_H

#include <nettle/sha2.h>
#include <stdint.h>

#include "guest/auth_files.h"
#include "guest/auth_proto.h"

#define AUTH_CACHE_ENTRIES    256u
#define AUTH_PENALTY_ENTRIES  256u
#define AUTH_PENALTY_FIRST_MS 500u
#define AUTH_PENALTY_MAX_MS   8000u
/* A name that was left alone for so long starts afresh. */
#define AUTH_PENALTY_FORGET_MS 300000u

struct auth_cache_entry {
    uint8_t digest[SHA256_DIGEST_SIZE];
    uint64_t until_ms; /* 0 = free */
    char account[AUTH_NAME_MAX + 1];
};

struct auth_penalty {
    char user[AUTH_NAME_MAX + 1];
    unsigned failures; /* 0 = free */
    uint64_t next_ms;
};

struct auth_cache {
    uint8_t key[SHA256_DIGEST_SIZE];
    const char *shadow_path;
    uint32_t keep_ms;
    struct auth_files files;
    struct auth_cache_entry entries[AUTH_CACHE_ENTRIES];
    struct auth_penalty penalties[AUTH_PENALTY_ENTRIES];
};

/* `shadow_path` must live as long. -EIO when the kernel gives no random key. */
int auth_cache_init(struct auth_cache *c, const char *shadow_path, uint32_t keep_ms);
void auth_cache_clear(struct auth_cache *c);

void auth_cache_digest(const struct auth_cache *c, const char *user, const char *password,
                       uint8_t ret[SHA256_DIGEST_SIZE]);

/* The account name of an earlier success, or NULL. */
const char *auth_cache_find(struct auth_cache *c, const uint8_t digest[SHA256_DIGEST_SIZE]);
void auth_cache_put(struct auth_cache *c, const uint8_t digest[SHA256_DIGEST_SIZE],
                    const char *account);

/* Milliseconds that the next attempt with this name has to wait. */
uint32_t auth_penalty_wait(const struct auth_cache *c, const char *user);
/* Notes a failure and returns the wait after it. */
uint32_t auth_penalty_add(struct auth_cache *c, const char *user);
void auth_penalty_clear(struct auth_cache *c, const char *user);

#endif
