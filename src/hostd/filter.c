#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "hostd/collector.h"
#include "hostd/filter_internal.h"

#define BUCKETS_MIN 16

/* ---- objects of a filter ---- */

static size_t bucket_of(const struct filter *f, const void *mo)
{
    uint64_t h = ((uint64_t)(uintptr_t)mo >> 4) * 0x9e3779b97f4a7c15u;

    return (size_t)(h >> 32) & (f->bucket_count - 1);
}

static struct filter_object *object_find(const struct filter *f, const struct mo *mo)
{
    struct filter_object *o = f->buckets[bucket_of(f, mo)];

    while (o && o->mo != mo)
        o = o->hash_next;
    return o;
}

static void buckets_grow(struct filter *f)
{
    size_t old = f->bucket_count;
    struct filter_object **was = f->buckets;
    struct filter_object **buckets = mem_calloc(old * 4, sizeof(struct filter_object *));

    if (!buckets)
        return;
    f->buckets = buckets;
    f->bucket_count = old * 4;
    for (size_t i = 0; i < old; i++) {
        for (struct filter_object *o = was[i], *next; o; o = next) {
            size_t b = bucket_of(f, o->hash_key);

            next = o->hash_next;
            o->hash_next = buckets[b];
            buckets[b] = o;
        }
    }
    mem_free(was);
}

static void order_unlink(struct filter *f, struct filter_object *o)
{
    *(o->older ? &o->older->newer : &f->oldest) = o->newer;
    *(o->newer ? &o->newer->older : &f->newest) = o->older;
    o->older = o->newer = NULL;
}

static void order_append(struct filter *f, struct filter_object *o)
{
    o->older = f->newest;
    o->newer = NULL;
    *(f->newest ? &f->newest->newer : &f->oldest) = o;
    f->newest = o;
}

/* An object without a stamp is older than all others. */
static void order_prepend(struct filter *f, struct filter_object *o)
{
    o->newer = f->oldest;
    o->older = NULL;
    *(f->oldest ? &f->oldest->older : &f->newest) = o;
    f->oldest = o;
}

static uint64_t object_stamp(struct filter_object *o)
{
    o->last = ++o->filter->collector->stamp;
    order_unlink(o->filter, o);
    order_append(o->filter, o);
    return o->last;
}

static void object_free(struct filter_object *o)
{
    struct filter *f = o->filter;
    struct filter_object **p = &f->buckets[bucket_of(f, o->hash_key)];

    while (*p != o)
        p = &(*p)->hash_next;
    *p = o->hash_next;
    if (o->is_dirty) {
        p = &f->dirty;
        while (*p != o)
            p = &(*p)->dirty_next;
        *p = o->dirty_next;
    }
    order_unlink(f, o);
    mo_watch_remove(&o->watch);
    f->object_count--;
    f->collector->object_count--;
    mem_free(o->id);
    mem_free(o->traversed);
    mem_free(o->state);
    mem_free(o);
}

static void object_changed(struct mo_watch *watch, const char *path)
{
    struct filter_object *o = (struct filter_object *)(void *)watch;
    struct filter *f = o->filter;
    bool marked = false;

    if (!path) {
        o->mo = NULL;
        f->reselect = true;
        collector_marked(f->collector);
        return;
    }
    for (size_t i = 0; i < o->traversed_count; i++) {
        if (property_path_related(o->traversed[i], path))
            f->reselect = marked = true;
    }
    for (size_t i = 0; o->reported && i < o->paths->count; i++) {
        if (o->state[i].known && property_path_related(o->paths->paths[i], path))
            o->state[i].dirty = marked = true;
    }
    if (!marked)
        return;
    if (!o->is_dirty) {
        o->is_dirty = true;
        o->dirty_next = f->dirty;
        f->dirty = o;
    }
    collector_marked(f->collector);
}

static int paths_of(struct filter *f, const struct mo *mo, const struct property_paths **ret)
{
    int r;

    for (size_t i = 0; i < f->type_count; i++) {
        if (f->types[i].type == mo->info->type) {
            *ret = &f->types[i];
            return 0;
        }
    }
    if (f->type_count == FILTER_TYPES_MAX)
        return -E2BIG;
    r = property_paths_for(&f->arena, &f->spec, 1, mo->info->type, f->version,
                           &f->types[f->type_count]);
    if (r < 0)
        return r;
    *ret = &f->types[f->type_count++];
    return 0;
}

static int object_new(struct filter *f, struct mo *mo, struct filter_object **ret)
{
    const struct property_paths *paths;
    struct filter_object *o;
    size_t b;
    int r = paths_of(f, mo, &paths);

    if (r < 0)
        return r;
    if (f->collector->object_count >= SESSION_OBJECTS_MAX)
        return -E2BIG;
    o = mem_calloc(1, sizeof(*o));
    if (!o)
        return -ENOMEM;
    o->id = mem_strdup(mo->id);
    o->state = mem_calloc(paths->count + 1, sizeof(*o->state));
    if (!o->id || !o->state) {
        mem_free(o->id);
        mem_free(o->state);
        mem_free(o);
        return -ENOMEM;
    }
    if (f->object_count >= f->bucket_count)
        buckets_grow(f);
    o->filter = f;
    o->mo = mo;
    o->hash_key = mo;
    o->type = mo->info->type->name;
    o->paths = paths;
    o->watch.changed = object_changed;
    mo_watch_add(mo, &o->watch);
    b = bucket_of(f, mo);
    o->hash_next = f->buckets[b];
    f->buckets[b] = o;
    order_prepend(f, o);
    f->object_count++;
    f->collector->object_count++;
    *ret = o;
    return 0;
}

/* The paths belong to the spec, so only the list is copied. */
static int object_traversed(struct filter_object *o, const struct select_object *s)
{
    const char **copy = NULL;

    if (s->path_count) {
        copy = mem_memdup(s->paths, s->path_count * sizeof(*copy));
        if (!copy)
            return -ENOMEM;
    }
    mem_free(o->traversed);
    o->traversed = copy;
    o->traversed_count = s->path_count;
    return 0;
}

/* ---- coming and going ---- */

void filter_forget(struct filter *f, uint64_t stamp)
{
    while (f->gone_first && f->gone_first->left <= stamp) {
        struct filter_gone *g = f->gone_first;

        f->gone_first = g->next;
        if (!f->gone_first)
            f->gone_last = NULL;
        f->gone_count--;
        mem_free(g->id);
        mem_free(g);
    }
}

/* The object is no longer selected. */
static int object_left(struct filter_object *o)
{
    struct filter *f = o->filter;
    struct filter_gone *g = mem_calloc(1, sizeof(*g));
    char *id = mem_strdup(o->id);

    if (!g || !id) {
        mem_free(g);
        mem_free(id);
        return -ENOMEM;
    }
    *g = (struct filter_gone){.entered = o->entered, .type = o->type, .id = id};
    g->left = ++f->collector->stamp;
    *(f->gone_last ? &f->gone_last->next : &f->gone_first) = g;
    f->gone_last = g;
    f->gone_count++;
    o->reported = false;
    return 0;
}

static void object_entered(struct filter_object *o)
{
    memset(o->state, 0, o->paths->count * sizeof(*o->state));
    o->reported = true;
    o->entered = object_stamp(o);
}

static int merge(struct filter *f, const struct selection *sel)
{
    f->epoch++;
    for (size_t i = 0; i < sel->count; i++) {
        const struct select_object *s = &sel->objects[i];
        struct filter_object *o = object_find(f, s->mo);
        bool report;
        int r;

        if (!o) {
            r = object_new(f, s->mo, &o);
            if (r < 0)
                return r;
        }
        r = object_traversed(o, s);
        if (r < 0)
            return r;
        o->epoch = f->epoch;
        report = s->reported && o->paths->applies;
        if (report && !o->reported)
            object_entered(o);
        else if (!report && o->reported && (r = object_left(o)) < 0)
            return r;
    }
    for (struct filter_object *o = f->oldest, *next; o; o = next) {
        int r;

        next = o->newer;
        if (o->epoch == f->epoch)
            continue;
        if (o->reported && (r = object_left(o)) < 0)
            return r;
        object_free(o);
    }
    return 0;
}

static void missing_free(struct filter *f)
{
    for (size_t i = 0; i < f->missing_count; i++) {
        mem_free((char *)f->missing[i].type);
        mem_free((char *)f->missing[i].value);
    }
    mem_free(f->missing);
    f->missing = NULL;
    f->missing_count = 0;
}

/* Keeps the starting objects that do not exist; a new stamp when there are others than before. */
static int missing_set(struct filter *f, const struct selection *sel)
{
    bool same = sel->missing_count == f->missing_count;

    for (size_t i = 0; same && i < f->missing_count; i++)
        same = vim_ref_equal(f->missing[i], sel->missing[i]);
    if (same)
        return 0;
    missing_free(f);
    if (!sel->missing_count)
        return 0;
    f->missing = mem_calloc(sel->missing_count, sizeof(*f->missing));
    if (!f->missing)
        return -ENOMEM;
    for (size_t i = 0; i < sel->missing_count; i++) {
        f->missing[i].type = mem_strdup(sel->missing[i].type ? sel->missing[i].type : "");
        f->missing[i].value = mem_strdup(sel->missing[i].value ? sel->missing[i].value : "");
        f->missing_count++;
        if (!f->missing[i].type || !f->missing[i].value)
            return -ENOMEM;
    }
    f->missing_stamp = ++f->collector->stamp;
    return 0;
}

static int reselect(struct filter *f, struct mo_reader *reader, struct select_fault *fault)
{
    struct selection sel;
    int r = select_evaluate(reader, f->spec, &sel, fault), m;

    if (r == -ENOMEM || r == -E2BIG)
        return r;
    if (r < 0)
        sel = (struct selection){0}; /* a starting object is gone: nothing is selected any more */
    f->reselect = false;
    m = merge(f, &sel);
    if (m == 0)
        m = missing_set(f, &sel);
    if (m < 0) {
        f->reselect = true;
        return m;
    }
    return r;
}

/* ---- changes ---- */

static int refresh_object(struct filter_object *o, struct mo_reader *reader)
{
    struct property_cache cache = {.mo = o->mo};
    uint64_t stamp = 0;

    for (size_t i = 0; o->reported && o->mo && i < o->paths->count; i++) {
        struct path_state *s = &o->state[i];
        const struct vim_any *value;
        uint64_t hash;
        int r;

        if (!s->dirty)
            continue;
        r = property_read(reader, &cache, o->paths->paths[i], &value);
        if (r == -ENOMEM)
            return r;
        s->dirty = false;
        hash = r < 0 ? 0 : property_hash(value);
        if (hash == s->hash)
            continue;
        s->hash = hash;
        if (!stamp)
            stamp = object_stamp(o);
        s->changed = stamp;
    }
    return 0;
}

int filter_refresh(struct filter *f, struct mo_reader *reader, struct select_fault *fault)
{
    int ret = 0;

    if (f->reselect) {
        ret = reselect(f, reader, fault);
        if (ret == -ENOMEM || ret == -E2BIG)
            return ret;
    }
    while (f->dirty) {
        struct filter_object *o = f->dirty;
        int r = refresh_object(o, reader);

        if (r < 0)
            return r;
        f->dirty = o->dirty_next;
        o->dirty_next = NULL;
        o->is_dirty = false;
    }
    return ret;
}

bool filter_has_news(const struct filter *f, uint64_t since)
{
    return (f->newest && f->newest->last > since) || f->missing_stamp > since ||
           (since && f->gone_last && f->gone_last->left > since);
}

/* ---- the filter itself ---- */

static int get_spec(struct mo *mo, struct mo_reader *reader, struct vim_any **ret)
{
    struct filter *f = (struct filter *)(void *)mo;

    *ret = vim_any_object(reader->arena, f->spec);
    return *ret ? 0 : -ENOMEM;
}

static int get_partial(struct mo *mo, struct mo_reader *reader, struct vim_any **ret)
{
    struct filter *f = (struct filter *)(void *)mo;

    *ret = vim_any_boolean(reader->arena, f->partial);
    return *ret ? 0 : -ENOMEM;
}

static const struct mo_property filter_properties[] = {
    {"spec", get_spec},
    {"partialUpdates", get_partial},
    {NULL, NULL},
};

static const struct mo_class filter_class = {.type = "PropertyFilter",
                                             .properties = filter_properties};

int filter_new(struct collector *c, struct mo_registry *registry, const char *id,
               const struct vim_PropertyFilterSpec *spec, bool partial, int version,
               struct filter **ret)
{
    struct filter *f = mem_calloc(1, sizeof(*f));
    int r = -ENOMEM;

    if (!f)
        return -ENOMEM;
    f->collector = c;
    f->arena = ARENA_INIT(FILTER_SPEC_MAX);
    f->partial = partial;
    f->version = version;
    f->reselect = true;
    f->bucket_count = BUCKETS_MIN;
    f->buckets = mem_calloc(f->bucket_count, sizeof(struct filter_object *));
    f->spec = (struct vim_PropertyFilterSpec *)(void *)vim_copy(&f->arena, spec);
    f->mo.session = c->ps->session;
    if (f->buckets && f->spec)
        r = mo_add(registry, &f->mo, &filter_class, id);
    if (r < 0) {
        arena_free(&f->arena);
        mem_free(f->buckets);
        mem_free(f);
        return r;
    }
    *ret = f;
    return 0;
}

void filter_free(struct filter *f)
{
    mo_remove(&f->mo);
    while (f->oldest)
        object_free(f->oldest);
    filter_forget(f, UINT64_MAX);
    missing_free(f);
    arena_free(&f->arena);
    mem_free(f->buckets);
    mem_free(f);
}
