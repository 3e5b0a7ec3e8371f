#include "hostd/mo.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#define BUCKETS_MIN 256
#define CLASSES_MAX 128

struct mo_registry {
    struct mo **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    struct mo_class_info *classes[CLASSES_MAX];
    size_t class_count;
};

static uint64_t hash_id(const char *id)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (; *id; id++)
        h = (h ^ (uint8_t)*id) * 0x100000001b3u;
    return h ^ (h >> 29);
}

int mo_registry_new(struct mo_registry **ret)
{
    struct mo_registry *r = mem_calloc(1, sizeof(*r));

    if (!r)
        return -ENOMEM;
    r->bucket_count = BUCKETS_MIN;
    r->buckets = mem_calloc(r->bucket_count, sizeof(*r->buckets));
    if (!r->buckets) {
        mem_free(r);
        return -ENOMEM;
    }
    *ret = r;
    return 0;
}

void mo_registry_free(struct mo_registry *r)
{
    if (!r)
        return;
    if (r->count)
        log_error("%zu managed objects outlive their registry", r->count);
    for (size_t i = 0; i < r->class_count; i++)
        mem_free(r->classes[i]);
    mem_free(r->buckets);
    mem_free(r);
}

static int class_fill(struct mo_class_info *info, const struct mo_class *class)
{
    int r;

    if (class->base) {
        r = class_fill(info, class->base);
        if (r < 0)
            return r;
    }
    for (const struct mo_property *p = class->properties; p && p->name; p++) {
        const struct vim_field *field = vim_property_find(info->type, p->name);

        if (!field || field - info->type->properties >= MO_PROPERTY_MAX) {
            log_error("class %s has a getter for %s, which the type %s does not have", class->type,
                      p->name, info->type->name);
            return -EINVAL;
        }
        info->getters[field - info->type->properties] = p->get;
    }
    return 0;
}

static int class_info(struct mo_registry *r, const struct mo_class *class,
                      const struct mo_class_info **ret)
{
    AUTO_FREE struct mo_class_info *info = NULL;
    int ret_code;

    for (size_t i = 0; i < r->class_count; i++) {
        if (r->classes[i]->class == class) {
            *ret = r->classes[i];
            return 0;
        }
    }
    if (r->class_count == CLASSES_MAX)
        return -ENOSPC;
    info = mem_calloc(1, sizeof(*info));
    if (!info)
        return -ENOMEM;
    info->class = class;
    info->type = vim_mo_type_find(class->type);
    if (!info->type) {
        log_error("class %s: no such managed object type", class->type);
        return -EINVAL;
    }
    ret_code = class_fill(info, class);
    if (ret_code < 0)
        return ret_code;
    *ret = r->classes[r->class_count++] = TAKE_PTR(info);
    return 0;
}

static void grow(struct mo_registry *r)
{
    size_t n = r->bucket_count * 2;
    struct mo **buckets = mem_calloc(n, sizeof(*buckets));

    if (!buckets)
        return; /* longer chains, nothing worse */
    for (size_t i = 0; i < r->bucket_count; i++) {
        for (struct mo *mo = r->buckets[i], *next; mo; mo = next) {
            size_t b = hash_id(mo->id) & (n - 1);

            next = mo->hash_next;
            mo->hash_next = buckets[b];
            buckets[b] = mo;
        }
    }
    mem_free(r->buckets);
    r->buckets = buckets;
    r->bucket_count = n;
}

int mo_add(struct mo_registry *r, struct mo *mo, const struct mo_class *class, const char *id)
{
    const struct mo_class_info *info;
    struct mo **bucket;
    char *copy;
    int ret;

    if (!id[0] || strlen(id) > MO_ID_MAX)
        return -EINVAL;
    if (mo_find(r, id))
        return -EEXIST;
    ret = class_info(r, class, &info);
    if (ret < 0)
        return ret;
    copy = mem_strdup(id);
    if (!copy)
        return -ENOMEM;
    if (r->count >= r->bucket_count)
        grow(r);
    mo->registry = r;
    mo->info = info;
    mo->id = copy;
    mo->watches = NULL;
    bucket = &r->buckets[hash_id(id) & (r->bucket_count - 1)];
    mo->hash_next = *bucket;
    *bucket = mo;
    r->count++;
    return 0;
}

void mo_remove(struct mo *mo)
{
    struct mo_registry *r = mo->registry;
    struct mo **p;

    if (!r)
        return;
    p = &r->buckets[hash_id(mo->id) & (r->bucket_count - 1)];
    while (*p != mo)
        p = &(*p)->hash_next;
    *p = mo->hash_next;
    mo->hash_next = NULL;
    mo->registry = NULL;
    r->count--;
    /* Out of the registry first, so that a watcher that looks the id up does not find it. */
    while (mo->watches) {
        struct mo_watch *w = mo->watches;

        mo_watch_remove(w);
        w->changed(w, NULL);
    }
    mem_free(mo->id);
    mo->id = NULL;
}

struct mo *mo_find(struct mo_registry *r, const char *id)
{
    for (struct mo *mo = r->buckets[hash_id(id) & (r->bucket_count - 1)]; mo; mo = mo->hash_next) {
        if (!strcmp(mo->id, id))
            return mo;
    }
    return NULL;
}

struct mo *mo_find_for(struct mo_registry *r, const char *id, const struct session *session)
{
    struct mo *mo = mo_find(r, id);

    return mo && (!mo->session || mo->session == session) ? mo : NULL;
}

int mo_each(struct mo_registry *r, int (*each)(struct mo *mo, void *arg), void *arg)
{
    for (size_t i = 0; i < r->bucket_count; i++) {
        for (struct mo *mo = r->buckets[i]; mo; mo = mo->hash_next) {
            int ret = each(mo, arg);

            if (ret)
                return ret;
        }
    }
    return 0;
}

const char *mo_type_name(const struct mo *mo)
{
    return mo->info->type->name;
}

bool mo_is_a(const struct mo *mo, const char *type)
{
    for (const struct vim_mo_type *t = mo->info->type; t; t = t->base) {
        if (!strcmp(t->name, type))
            return true;
    }
    return false;
}

struct vim_ref mo_ref(const struct mo *mo)
{
    return mo ? (struct vim_ref){.type = mo->info->type->name, .value = mo->id}
              : (struct vim_ref){NULL, NULL};
}

void mo_changed(struct mo *mo, const char *path)
{
    if (!mo->registry)
        return;
    mo->generation++;
    /* A watcher only takes notes: it may take itself off, but not free its neighbours. */
    for (struct mo_watch *w = mo->watches, *next; w; w = next) {
        next = w->next;
        w->changed(w, path);
    }
}

void mo_set_parent(struct mo *mo, struct mo *parent)
{
    if (mo->parent == parent)
        return;
    mo->parent = parent;
    mo_changed(mo, "parent");
}

int mo_watch_add(struct mo *mo, struct mo_watch *w)
{
    if (!mo->registry)
        return -ENOENT;
    w->mo = mo;
    w->next = mo->watches;
    w->link = &mo->watches;
    if (w->next)
        w->next->link = &w->next;
    mo->watches = w;
    return 0;
}

void mo_watch_remove(struct mo_watch *w)
{
    if (!w->mo)
        return;
    *w->link = w->next;
    if (w->next)
        w->next->link = w->link;
    w->mo = NULL;
    w->next = NULL;
    w->link = NULL;
}

int mo_get(struct mo *mo, const char *name, struct mo_reader *reader, struct vim_any **ret)
{
    const struct vim_field *field = vim_property_find(mo->info->type, name);
    struct vim_any *value = NULL;
    mo_getter *get;
    int r;

    if (!field)
        return -ENOENT;
    get = mo->info->getters[field - mo->info->type->properties];
    if (get) {
        r = get(mo, reader, &value);
        if (r < 0)
            return r;
    }
    *ret = value;
    return 0;
}
