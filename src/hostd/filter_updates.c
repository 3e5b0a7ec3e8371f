/* What a filter tells its client: everything newer than what the client has, the oldest first. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/collector.h"
#include "hostd/filter_internal.h"

/* One thing to tell, filed under the first of its stamps that the client has not seen. */
struct news {
    uint64_t key;
    size_t filter;
    struct filter_object *object; /* or */
    const struct filter_gone *gone;
};

static int cmp_news(const void *a, const void *b)
{
    const struct news *x = a, *y = b;

    return x->key < y->key ? -1 : x->key > y->key;
}

static uint64_t first_unseen(const struct filter_object *o, uint64_t since)
{
    uint64_t key = o->last;

    if (o->entered > since)
        return o->entered;
    for (size_t i = 0; i < o->paths->count; i++) {
        if (o->state[i].changed > since && o->state[i].changed < key)
            key = o->state[i].changed;
    }
    return key;
}

static int gather(struct filter *const *filters, size_t count, struct arena *a, uint64_t since,
                  struct news **ret, size_t *ret_count)
{
    size_t n = 0, room = 0;
    struct news *news;

    for (size_t f = 0; f < count; f++) {
        for (struct filter_object *o = filters[f]->newest; o && o->last > since; o = o->older)
            room++;
        room += since ? filters[f]->gone_count : 0;
    }
    news = ARENA_ARRAY(a, room + 1, struct news);
    if (!news)
        return -ENOMEM;
    for (size_t f = 0; f < count; f++) {
        for (struct filter_object *o = filters[f]->newest; o && o->last > since; o = o->older) {
            if (o->reported)
                news[n++] = (struct news){first_unseen(o, since), f, o, NULL};
        }
        for (const struct filter_gone *g = since ? filters[f]->gone_first : NULL; g; g = g->next) {
            if (g->left > since && g->entered <= since)
                news[n++] = (struct news){g->left, f, NULL, g};
        }
    }
    qsort(news, n, sizeof(*news), cmp_news);
    *ret = news;
    *ret_count = n;
    return 0;
}

static int tell_path(struct filter_object *o, size_t i, struct mo_reader *reader,
                     struct property_cache *cache, bool enter, struct vim_ObjectUpdate *u)
{
    const char *path = o->paths->paths[i];
    struct path_state *s = &o->state[i];
    const struct vim_any *value;
    struct vim_PropertyChange *change;
    int r = property_read(reader, cache, path, &value);

    if (r == -ENOMEM)
        return r;
    s->known = true;
    s->dirty = false;
    s->hash = r < 0 ? 0 : property_hash(value);
    if (r == -EACCES) {
        u->missingSet.items[u->missingSet.count] = property_missing(reader, cache, path);
        return u->missingSet.items[u->missingSet.count++] ? 0 : -ENOMEM;
    }
    if (!value && enter)
        return 0;
    change = VIM_NEW(reader->arena, PropertyChange);
    if (!change)
        return -ENOMEM;
    change->name = path;
    change->op = VIM_PropertyChangeOp_assign;
    change->val = (struct vim_any *)value;
    u->changeSet.items[u->changeSet.count++] = change;
    return 0;
}

static int tell_object(struct filter_object *o, struct mo_reader *reader, uint64_t since,
                       struct vim_ObjectUpdate *u)
{
    struct property_cache cache = {.mo = o->mo};
    bool enter = o->entered > since;

    u->kind = enter ? VIM_ObjectUpdateKind_enter : VIM_ObjectUpdateKind_modify;
    u->obj.type = o->type;
    u->obj.value = arena_strdup(reader->arena, o->id);
    u->changeSet.items =
        arena_calloc(reader->arena, o->paths->count + 1, sizeof(*u->changeSet.items));
    u->missingSet.items =
        arena_calloc(reader->arena, o->paths->count + 1, sizeof(*u->missingSet.items));
    if (!u->obj.value || !u->changeSet.items || !u->missingSet.items)
        return -ENOMEM;
    for (size_t i = 0; o->mo && i < o->paths->count; i++) {
        int r = 0;

        if (enter || o->state[i].changed > since)
            r = tell_path(o, i, reader, &cache, enter, u);
        if (r < 0)
            return r;
    }
    return 0;
}

static int tell(const struct news *n, struct mo_reader *reader, uint64_t since,
                struct vim_ObjectUpdate **ret)
{
    struct vim_ObjectUpdate *u = VIM_NEW(reader->arena, ObjectUpdate);

    if (!u)
        return -ENOMEM;
    *ret = u;
    if (n->object)
        return tell_object(n->object, reader, since, u);
    u->kind = VIM_ObjectUpdateKind_leave;
    u->obj.type = n->gone->type;
    u->obj.value = arena_strdup(reader->arena, n->gone->id);
    return u->obj.value ? 0 : -ENOMEM;
}

static int tell_missing(const struct filter *f, struct arena *a, struct vim_PropertyFilterUpdate *u)
{
    u->missingSet.items = arena_calloc(a, f->missing_count + 1, sizeof(*u->missingSet.items));
    if (!u->missingSet.items)
        return -ENOMEM;
    for (size_t i = 0; i < f->missing_count; i++) {
        struct vim_MissingObject *m = VIM_NEW(a, MissingObject);
        struct vim_ManagedObjectNotFound *fault = VIM_NEW(a, ManagedObjectNotFound);

        if (!m || !fault)
            return -ENOMEM;
        m->obj =
            vim_ref_make(arena_strdup(a, f->missing[i].type), arena_strdup(a, f->missing[i].value));
        m->fault = VIM_NEW(a, LocalizedMethodFault);
        if (!m->fault)
            return -ENOMEM;
        fault->obj = m->obj;
        m->fault->fault = (__typeof__(m->fault->fault))(void *)fault;
        m->fault->localizedMessage =
            "The object has already been deleted or has not been completely created";
        u->missingSet.items[u->missingSet.count++] = m;
    }
    return 0;
}

/* The update of one filter, of the news that are its. */
static int tell_filter(struct filter *f, size_t index, const struct news *news, size_t count,
                       struct mo_reader *reader, uint64_t since,
                       struct vim_PropertyFilterUpdate **ret)
{
    struct vim_PropertyFilterUpdate *u;
    bool missing = f->missing_stamp > since && f->missing_count;
    size_t mine = 0;
    int r = 0;

    for (size_t i = 0; i < count; i++)
        mine += news[i].filter == index;
    *ret = NULL;
    if (!mine && !missing)
        return 0;
    u = VIM_NEW(reader->arena, PropertyFilterUpdate);
    if (!u)
        return -ENOMEM;
    u->filter = mo_ref(&f->mo);
    u->objectSet.items = arena_calloc(reader->arena, mine + 1, sizeof(*u->objectSet.items));
    if (!u->objectSet.items)
        return -ENOMEM;
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (news[i].filter == index)
            r = tell(&news[i], reader, since, &u->objectSet.items[u->objectSet.count++]);
    }
    if (r == 0 && missing)
        r = tell_missing(f, reader->arena, u);
    *ret = u;
    return r;
}

int filter_updates(struct filter *const *filters, size_t count, struct mo_reader *reader,
                   uint64_t since, size_t max, struct vim_UpdateSet **ret, uint64_t *ret_version)
{
    struct arena *a = reader->arena;
    struct vim_UpdateSet *set;
    struct news *news = NULL;
    size_t n = 0;
    int r = gather(filters, count, a, since, &news, &n);

    if (r < 0)
        return r;
    *ret = NULL;
    set = VIM_NEW(a, UpdateSet);
    if (!set || !(set->filterSet.items = arena_calloc(a, count + 1, sizeof(*set->filterSet.items))))
        return -ENOMEM;
    *ret_version = count ? filters[0]->collector->stamp : 0;
    if (n > max) {
        n = max;
        *ret_version = news[n - 1].key;
        set->has_truncated = set->truncated = true;
    }
    for (size_t i = 0; i < count; i++) {
        struct vim_PropertyFilterUpdate *u;

        r = tell_filter(filters[i], i, news, n, reader, since, &u);
        if (r < 0)
            return r;
        if (u)
            set->filterSet.items[set->filterSet.count++] = u;
    }
    if (set->filterSet.count)
        *ret = set;
    return 0;
}
