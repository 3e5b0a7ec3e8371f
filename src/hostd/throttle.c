#include "hostd/throttle.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define SOURCE_MAX 64
#define BUCKETS    512u

struct entry {
    char source[SOURCE_MAX];
    unsigned failures;
    unsigned pending;
    uint64_t last_ms;
    struct entry *next;
};

struct throttle {
    struct entry *buckets[BUCKETS];
    unsigned count;
};

int throttle_new(struct throttle **ret)
{
    *ret = mem_calloc(1, sizeof(**ret));
    return *ret ? 0 : -ENOMEM;
}

void throttle_free(struct throttle *t)
{
    if (!t)
        return;
    for (unsigned i = 0; i < BUCKETS; i++)
        while (t->buckets[i]) {
            struct entry *e = t->buckets[i];
            t->buckets[i] = e->next;
            mem_free(e);
        }
    mem_free(t);
}

static struct entry **bucket(struct throttle *t, const char *source)
{
    uint32_t h = 2166136261u;
    for (; *source; source++)
        h = (h ^ (unsigned char)*source) * 16777619u;
    return &t->buckets[h % BUCKETS];
}

static struct entry *find(struct throttle *t, const char *source)
{
    if (!t)
        return NULL;
    for (struct entry *e = *bucket(t, source); e; e = e->next)
        if (strcmp(e->source, source) == 0)
            return e;
    return NULL;
}

static bool forgotten(const struct entry *e)
{
    return !e->pending && (!e->failures || clock_ms() - e->last_ms > THROTTLE_FORGET_MS);
}

static void remove_entry(struct throttle *t, struct entry *e)
{
    struct entry **p = bucket(t, e->source);
    while (*p != e)
        p = &(*p)->next;
    *p = e->next;
    mem_free(e);
    t->count--;
}

static void make_room(struct throttle *t)
{
    struct entry *oldest = NULL;
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct entry *e = t->buckets[i], *next; e; e = next) {
            next = e->next;
            if (forgotten(e))
                remove_entry(t, e);
            else if (!e->pending && (!oldest || e->last_ms < oldest->last_ms))
                oldest = e;
        }
    if (t->count >= THROTTLE_SOURCES_MAX && oldest)
        remove_entry(t, oldest);
}

bool throttle_begin(struct throttle *t, const char *source)
{
    struct entry *e = find(t, source);
    if (!e) {
        if (t->count >= THROTTLE_SOURCES_MAX)
            make_room(t);
        if (t->count >= THROTTLE_SOURCES_MAX || !(e = mem_calloc(1, sizeof(*e))))
            return false;
        snprintf(e->source, sizeof(e->source), "%s", source);
        struct entry **b = bucket(t, e->source);
        e->next = *b;
        *b = e;
        t->count++;
    }
    if (e->pending >= THROTTLE_PENDING_MAX && e->failures)
        return false;
    if (clock_ms() - e->last_ms > THROTTLE_FORGET_MS)
        e->failures = 0;
    e->last_ms = clock_ms();
    e->pending++;
    return true;
}

uint64_t throttle_judge(struct throttle *t, const char *source, bool right)
{
    struct entry *e = find(t, source);
    if (!e)
        return right ? 0 : THROTTLE_FIRST_MS;
    e->last_ms = clock_ms();
    if (right) {
        e->failures = 0;
        return 0;
    }
    uint64_t delay = THROTTLE_FIRST_MS;
    for (unsigned i = 0; i < e->failures && delay < THROTTLE_MAX_MS; i++)
        delay *= 2;
    e->failures++;
    return delay < THROTTLE_MAX_MS ? delay : THROTTLE_MAX_MS;
}

void throttle_end(struct throttle *t, const char *source)
{
    struct entry *e = find(t, source);
    if (!e)
        return;
    e->pending--;
    if (forgotten(e))
        remove_entry(t, e);
}
