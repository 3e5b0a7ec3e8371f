#include "guest/auth_ticket.h"

#include <errno.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/mem.h"
#include "guest/auth_files.h"
#include "guest/auth_proto.h"
#include "wire/vix_ticket.h"

struct ticket {
    uint8_t digest[SHA256_DIGEST_SIZE];
    uint64_t idle_until_ms, until_ms; /* 0 = free */
    struct auth_files files;          /* as they were when `entry` was made */
    uint8_t entry[SHA256_DIGEST_SIZE];
    char account[AUTH_NAME_MAX + 1];
};

struct auth_tickets {
    uint8_t key[SHA256_DIGEST_SIZE];
    const char *shadow_path;
    struct ticket tickets[AUTH_TICKETS_MAX];
};

int auth_tickets_new(const char *shadow_path, struct auth_tickets **ret)
{
    struct auth_tickets *all = mem_calloc(1, sizeof(*all));

    if (!all)
        return -ENOMEM;
    all->shadow_path = shadow_path;
    if (getrandom(all->key, sizeof(all->key), 0) != (ssize_t)sizeof(all->key)) {
        mem_free(all);
        return -EIO;
    }
    *ret = all;
    return 0;
}

void auth_tickets_free(struct auth_tickets *all)
{
    mem_free_secret(all, sizeof(*all));
}

static void digest_of(const struct auth_tickets *all, const char *ticket,
                      uint8_t ret[SHA256_DIGEST_SIZE])
{
    struct hmac_sha256_ctx m;

    hmac_sha256_set_key(&m, sizeof(all->key), all->key);
    hmac_sha256_update(&m, strlen(ticket), (const uint8_t *)ticket);
    hmac_sha256_digest(&m, SHA256_DIGEST_SIZE, ret);
    explicit_bzero(&m, sizeof(m));
}

static void forget(struct ticket *t)
{
    explicit_bzero(t, sizeof(*t));
}

/* Is the ticket still good? Forgets it when it is not. */
static bool alive(struct auth_tickets *all, struct ticket *t)
{
    uint64_t now = clock_ms();
    uint8_t entry[SHA256_DIGEST_SIZE];
    struct auth_files files;

    if (!t->until_ms)
        return false;
    if (now >= t->until_ms || now >= t->idle_until_ms) {
        forget(t);
        return false;
    }
    auth_files_look(all->shadow_path, &files);
    if (auth_files_same(&files, &t->files))
        return true;
    auth_files_digest(all->shadow_path, t->account, all->key, entry);
    if (memcmp(entry, t->entry, sizeof(entry)) != 0) {
        forget(t);
        return false;
    }
    t->files = files;
    return true;
}

static struct ticket *find(struct auth_tickets *all, const char *ticket)
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    struct ticket *hit = NULL;

    digest_of(all, ticket, digest);
    for (size_t i = 0; i < AUTH_TICKETS_MAX; i++)
        if (all->tickets[i].until_ms &&
            memeql_sec(all->tickets[i].digest, digest, SHA256_DIGEST_SIZE))
            hit = &all->tickets[i];
    return hit && alive(all, hit) ? hit : NULL;
}

/* A free place, if the account may have one more. */
static struct ticket *place_for(struct auth_tickets *all, const char *account)
{
    struct ticket *free_one = NULL;
    unsigned mine = 0;

    for (size_t i = 0; i < AUTH_TICKETS_MAX; i++) {
        struct ticket *t = &all->tickets[i];

        if (!alive(all, t))
            free_one = t;
        else if (strcmp(t->account, account) == 0)
            mine++;
    }
    return mine < AUTH_TICKETS_ACCOUNT_MAX ? free_one : NULL;
}

int auth_ticket_issue(struct auth_tickets *all, const char *account, struct buf *b)
{
    struct ticket *t = place_for(all, account);
    uint8_t random[VIX_TICKET_RANDOM];
    size_t before = b->len;
    int r;

    if (!t)
        return -EUSERS;
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return -EIO;
    r = vix_ticket_encode(b, random, account);
    explicit_bzero(random, sizeof(random));
    if (r)
        return r;
    digest_of(all, buf_text(b) + before, t->digest);
    t->until_ms = clock_ms() + AUTH_TICKET_LIFE_MS;
    t->idle_until_ms = clock_ms() + AUTH_TICKET_IDLE_MS;
    snprintf(t->account, sizeof(t->account), "%s", account);
    auth_files_look(all->shadow_path, &t->files);
    auth_files_digest(all->shadow_path, account, all->key, t->entry);
    return 0;
}

const char *auth_ticket_use(struct auth_tickets *all, const char *ticket)
{
    struct ticket *t = find(all, ticket);

    if (!t)
        return NULL;
    t->idle_until_ms = clock_ms() + AUTH_TICKET_IDLE_MS;
    return t->account;
}

int auth_ticket_release(struct auth_tickets *all, const char *ticket)
{
    struct ticket *t = find(all, ticket);

    if (!t)
        return -ENOENT;
    forget(t);
    return 0;
}
