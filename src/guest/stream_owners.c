#include "guest/stream_owners.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "wire/vix_stream.h"

struct stream_owner {
    struct stream_owner *next;
    uint8_t token[VIX_STREAM_TOKEN_SIZE];
    char *account;
};

static void drop(struct stream_owners *all, struct stream_owner **at)
{
    struct stream_owner *o = *at;

    *at = o->next;
    all->count--;
    explicit_bzero(o->token, sizeof(o->token));
    mem_free(o->account);
    mem_free(o);
}

const char *stream_owners_find(const struct stream_owners *all, const uint8_t *token)
{
    for (const struct stream_owner *o = all->first; o; o = o->next)
        if (vix_stream_token_equal(o->token, token))
            return o->account;
    return NULL;
}

int stream_owners_add(struct stream_owners *all, const uint8_t *token, const char *account)
{
    struct stream_owner *o, **at = &all->first;

    if (stream_owners_find(all, token))
        return -EEXIST;
    o = mem_calloc(1, sizeof(*o));
    if (o)
        o->account = mem_strdup(account);
    if (!o || !o->account) {
        mem_free(o);
        return -ENOMEM;
    }
    memcpy(o->token, token, sizeof(o->token));
    o->next = all->first;
    all->first = o;
    if (++all->count <= STREAM_OWNERS_MAX)
        return 0;
    while ((*at)->next)
        at = &(*at)->next;
    drop(all, at);
    return 0;
}

void stream_owners_remove(struct stream_owners *all, const uint8_t *token)
{
    for (struct stream_owner **at = &all->first; *at; at = &(*at)->next)
        if (vix_stream_token_equal((*at)->token, token)) {
            drop(all, at);
            return;
        }
}

void stream_owners_clear(struct stream_owners *all)
{
    while (all->first)
        drop(all, &all->first);
}
