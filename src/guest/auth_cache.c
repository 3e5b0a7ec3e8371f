#include "guest/auth_cache.h"

#include <errno.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/mem.h"

static void forget_all(struct auth_cache *c)
{
    explicit_bzero(c->entries, sizeof(c->entries));
}

int auth_cache_init(struct auth_cache *c, const char *shadow_path, uint32_t keep_ms)
{
    memset(c, 0, sizeof(*c));
    if (getrandom(c->key, sizeof(c->key), 0) != (ssize_t)sizeof(c->key))
        return -EIO;
    c->shadow_path = shadow_path;
    c->keep_ms = keep_ms;
    auth_files_look(shadow_path, &c->files);
    return 0;
}

void auth_cache_clear(struct auth_cache *c)
{
    explicit_bzero(c, sizeof(*c));
}

void auth_cache_digest(const struct auth_cache *c, const char *user, const char *password,
                       uint8_t ret[SHA256_DIGEST_SIZE])
{
    struct hmac_sha256_ctx m;

    hmac_sha256_set_key(&m, sizeof(c->key), c->key);
    hmac_sha256_update(&m, strlen(user) + 1, (const uint8_t *)user);
    hmac_sha256_update(&m, strlen(password), (const uint8_t *)password);
    hmac_sha256_digest(&m, SHA256_DIGEST_SIZE, ret);
    explicit_bzero(&m, sizeof(m));
}

const char *auth_cache_find(struct auth_cache *c, const uint8_t digest[SHA256_DIGEST_SIZE])
{
    struct auth_files now;

    auth_files_look(c->shadow_path, &now);
    if (!auth_files_same(&now, &c->files)) {
        forget_all(c);
        c->files = now;
        return NULL;
    }
    for (size_t i = 0; i < AUTH_CACHE_ENTRIES; i++) {
        struct auth_cache_entry *e = &c->entries[i];

        if (e->until_ms == 0 || !memeql_sec(e->digest, digest, SHA256_DIGEST_SIZE))
            continue;
        if (clock_ms() < e->until_ms)
            return e->account;
        explicit_bzero(e, sizeof(*e));
        return NULL;
    }
    return NULL;
}

void auth_cache_put(struct auth_cache *c, const uint8_t digest[SHA256_DIGEST_SIZE],
                    const char *account)
{
    struct auth_cache_entry *oldest = &c->entries[0];

    if (c->keep_ms == 0)
        return;
    for (size_t i = 0; i < AUTH_CACHE_ENTRIES; i++) {
        if (c->entries[i].until_ms &&
            memeql_sec(c->entries[i].digest, digest, SHA256_DIGEST_SIZE)) {
            oldest = &c->entries[i];
            break;
        }
        if (c->entries[i].until_ms < oldest->until_ms)
            oldest = &c->entries[i];
    }
    memcpy(oldest->digest, digest, SHA256_DIGEST_SIZE);
    oldest->until_ms = clock_ms() + c->keep_ms;
    snprintf(oldest->account, sizeof(oldest->account), "%s", account);
}

static struct auth_penalty *find_penalty(const struct auth_cache *c, const char *user)
{
    for (size_t i = 0; i < AUTH_PENALTY_ENTRIES; i++)
        if (c->penalties[i].failures && strcmp(c->penalties[i].user, user) == 0)
            return (struct auth_penalty *)&c->penalties[i];
    return NULL;
}

uint32_t auth_penalty_wait(const struct auth_cache *c, const char *user)
{
    const struct auth_penalty *p = find_penalty(c, user);
    uint64_t now = clock_ms();

    return p && p->next_ms > now ? (uint32_t)(p->next_ms - now) : 0;
}

uint32_t auth_penalty_add(struct auth_cache *c, const char *user)
{
    struct auth_penalty *p = find_penalty(c, user);
    uint64_t now = clock_ms(), wait;

    if (p && now > p->next_ms + AUTH_PENALTY_FORGET_MS)
        p->failures = 0;
    if (!p) {
        p = &c->penalties[0];
        for (size_t i = 0; i < AUTH_PENALTY_ENTRIES && p->failures; i++)
            if (!c->penalties[i].failures || c->penalties[i].next_ms < p->next_ms)
                p = &c->penalties[i];
        snprintf(p->user, sizeof(p->user), "%s", user);
        p->failures = 0;
    }
    wait = (uint64_t)AUTH_PENALTY_FIRST_MS << (p->failures < 8 ? p->failures : 8);
    if (wait > AUTH_PENALTY_MAX_MS)
        wait = AUTH_PENALTY_MAX_MS;
    p->failures++;
    p->next_ms = now + wait;
    return (uint32_t)wait;
}

void auth_penalty_clear(struct auth_cache *c, const char *user)
{
    struct auth_penalty *p = find_penalty(c, user);

    if (p)
        memset(p, 0, sizeof(*p));
}
