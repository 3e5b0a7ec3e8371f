#include "hostd/property_select.h"

#include <errno.h>
#include <string.h>

#include "hostd/auth.h"
#include "hostd/hostd.h"
#include "hostd/property_path.h"

/* The traversals of one spec, found by name wherever they stand. */
struct names {
    struct vim_TraversalSpec *items[SELECT_TRAVERSALS_MAX];
    size_t count;
};

static int fault_property(struct arena *a, const char *path, struct select_fault *ret)
{
    struct vim_InvalidProperty *f = VIM_NEW(a, InvalidProperty);

    if (!f)
        return -ENOMEM;
    f->name = path;
    ret->fault = &f->base;
    ret->text = arena_printf(a, "The property '%s' is not valid for the object.", path);
    return ret->text ? -EINVAL : -ENOMEM;
}

static int fault_type(struct arena *a, const char *type, struct select_fault *ret)
{
    struct vim_InvalidType *f = VIM_NEW(a, InvalidType);

    if (!f)
        return -ENOMEM;
    f->argument = type;
    ret->fault = &f->base;
    ret->text = arena_printf(a, "There is no managed object type '%s'.", type ? type : "");
    return ret->text ? -EINVAL : -ENOMEM;
}

static int fault_argument(struct arena *a, const char *property, struct select_fault *ret)
{
    struct vim_InvalidArgument *f = VIM_NEW(a, InvalidArgument);

    if (!f)
        return -ENOMEM;
    f->invalidProperty = property;
    ret->fault = &f->base;
    ret->text = arena_printf(a, "A specified parameter was not correct: %s", property);
    return ret->text ? -EINVAL : -ENOMEM;
}

static int fault_object(struct arena *a, struct vim_ref ref, struct select_fault *ret)
{
    struct vim_ManagedObjectNotFound *f = VIM_NEW(a, ManagedObjectNotFound);

    if (!f)
        return -ENOMEM;
    f->obj = ref;
    ret->fault = &f->base;
    ret->text = arena_printf(
        a, "The object 'vim.%s:%s' has already been deleted or has not been completely created",
        ref.type ? ref.type : "ManagedObject", ref.value);
    return ret->text ? -EINVAL : -ENOMEM;
}

static int fault_permission(struct mo_reader *reader, const struct mo *mo, struct select_fault *ret)
{
    struct arena *a = reader->arena;
    struct vim_NoPermission *f =
        reader->session ? VIM_NEW(a, NoPermission)
                        : (struct vim_NoPermission *)(void *)VIM_NEW(a, NotAuthenticated);

    if (!f)
        return -ENOMEM;
    f->object = mo_ref(mo);
    f->privilegeId = "System.View";
    ret->fault = &f->base;
    ret->text = reader->session ? "Permission to perform this operation was denied."
                                : "The session is not authenticated.";
    return -EINVAL;
}

bool select_allowed(const struct mo_reader *reader, const struct mo *mo, const char *privilege)
{
    if (!privilege || !strcmp(privilege, "System.Anonymous"))
        return true;
    if (!reader->session)
        return false;
    return authz_check(reader->host, reader->session, mo_ref(mo), privilege);
}

/* ---- names and checks ---- */

static int collect(const struct vim_array_SelectionSpec *set, struct names *names)
{
    for (size_t i = 0; i < set->count; i++) {
        struct vim_TraversalSpec *t = VIM_CAST(set->items[i], TraversalSpec);
        int r;

        if (!t)
            continue;
        if (names->count == SELECT_TRAVERSALS_MAX)
            return -E2BIG;
        names->items[names->count++] = t;
        r = collect(&t->selectSet, names); /* as deep as the request, which is bounded */
        if (r < 0)
            return r;
    }
    return 0;
}

static int names_of(const struct vim_PropertyFilterSpec *spec, struct names *ret)
{
    ret->count = 0;
    for (size_t i = 0; i < spec->objectSet.count; i++) {
        int r = collect(&spec->objectSet.items[i]->selectSet, ret);

        if (r < 0)
            return r;
    }
    return 0;
}

static struct vim_TraversalSpec *name_find(const struct names *names, const char *name)
{
    for (size_t i = 0; name && i < names->count; i++) {
        if (names->items[i]->name && !strcmp(names->items[i]->name, name))
            return names->items[i];
    }
    return NULL;
}

static int check_names(struct arena *a, const struct names *names,
                       const struct vim_array_SelectionSpec *set, struct select_fault *ret)
{
    for (size_t i = 0; i < set->count; i++) {
        if (!VIM_IS_A(set->items[i], TraversalSpec) && !name_find(names, set->items[i]->name))
            return fault_argument(a, "specSet.objectSet.selectSet.name", ret);
    }
    return 0;
}

static int check_traversal(struct arena *a, const struct vim_TraversalSpec *t,
                           struct select_fault *ret)
{
    const struct vim_mo_type *type = t->type ? vim_mo_type_find(t->type) : NULL;
    const struct vim_field *root;

    if (!type)
        return fault_type(a, t->type, ret);
    root = t->path ? property_path_check(type, t->path) : NULL;
    /* A path of one name must hold references; of a longer one only the value tells. */
    if (!root || (!strpbrk(t->path, ".[") && root->type->kind != VIM_KIND_REF))
        return fault_property(a, t->path ? t->path : "", ret);
    return 0;
}

static int check_properties(struct arena *a, const struct vim_PropertySpec *p,
                            struct select_fault *ret)
{
    const struct vim_mo_type *type = p->type ? vim_mo_type_find(p->type) : NULL;

    if (!type)
        return fault_type(a, p->type, ret);
    if (p->has_all && p->all)
        return 0;
    for (size_t i = 0; i < p->pathSet.count; i++) {
        if (!property_path_check(type, p->pathSet.items[i]))
            return fault_property(a, p->pathSet.items[i], ret);
    }
    return 0;
}

int select_check(struct arena *a, const struct vim_PropertyFilterSpec *spec,
                 struct select_fault *ret)
{
    struct names names;
    int r = names_of(spec, &names);

    if (r == -E2BIG)
        return fault_argument(a, "specSet.objectSet.selectSet", ret);
    for (size_t i = 0; i < spec->propSet.count; i++) {
        r = check_properties(a, spec->propSet.items[i], ret);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < spec->objectSet.count; i++) {
        r = check_names(a, &names, &spec->objectSet.items[i]->selectSet, ret);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < names.count; i++) {
        r = check_names(a, &names, &names.items[i]->selectSet, ret);
        if (r == 0)
            r = check_traversal(a, names.items[i], ret);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- evaluation ---- */

struct visit {
    size_t object; /* index in selection.objects */
    const struct vim_array_SelectionSpec *set;
};

struct walk {
    struct mo_reader *reader;
    struct names names;
    struct selection *sel;
    struct visit *queue;
    size_t queue_count, queue_room;
    /* What has been seen: objects by address, and (object, selectSet) pairs, in one table each. */
    size_t *index; /* into sel->objects, plus 1 */
    size_t index_size;
    struct pair {
        const void *mo, *set;
    } * pairs;
    size_t pair_count, pair_size;
};

static size_t hash_pointers(const void *a, const void *b)
{
    uint64_t h = ((uint64_t)(uintptr_t)a >> 4) * 0x9e3779b97f4a7c15u;

    h ^= ((uint64_t)(uintptr_t)b >> 3) * 0xc2b2ae3d27d4eb4fu;
    return (size_t)(h ^ (h >> 29));
}

/* Grows an arena array to hold one more; the old one stays in the arena. */
static int room_for(struct arena *a, void **items, size_t count, size_t *room, size_t size)
{
    size_t n = *room ? *room * 2 : 16;
    void *p;

    if (count < *room)
        return 0;
    p = arena_calloc(a, n, size);
    if (!p)
        return -ENOMEM;
    if (count)
        memcpy(p, *items, count * size);
    *items = p;
    *room = n;
    return 0;
}

static int index_grow(struct walk *w)
{
    size_t n = w->index_size ? w->index_size * 2 : 64;
    size_t *index = ARENA_ARRAY(w->reader->arena, n, size_t);

    if (!index)
        return -ENOMEM;
    for (size_t i = 0; i < w->sel->count; i++) {
        size_t at = hash_pointers(w->sel->objects[i].mo, NULL) & (n - 1);

        while (index[at])
            at = (at + 1) & (n - 1);
        index[at] = i + 1;
    }
    w->index = index;
    w->index_size = n;
    return 0;
}

static int object_index(struct walk *w, struct mo *mo, size_t *ret)
{
    size_t at;
    int r;

    if (w->sel->count * 2 >= w->index_size) {
        r = index_grow(w);
        if (r < 0)
            return r;
    }
    at = hash_pointers(mo, NULL) & (w->index_size - 1);
    for (; w->index[at]; at = (at + 1) & (w->index_size - 1)) {
        if (w->sel->objects[w->index[at] - 1].mo == mo) {
            *ret = w->index[at] - 1;
            return 0;
        }
    }
    if (w->sel->count == SELECT_OBJECTS_MAX)
        return -E2BIG;
    r = room_for(w->reader->arena, (void **)&w->sel->objects, w->sel->count, &w->sel->room,
                 sizeof(*w->sel->objects));
    if (r < 0)
        return r;
    w->sel->objects[w->sel->count] = (struct select_object){.mo = mo};
    w->index[at] = w->sel->count + 1;
    *ret = w->sel->count++;
    return 0;
}

static int pairs_grow(struct walk *w)
{
    size_t n = w->pair_size ? w->pair_size * 2 : 64;
    struct pair *pairs = ARENA_ARRAY(w->reader->arena, n, struct pair);

    if (!pairs)
        return -ENOMEM;
    for (size_t i = 0; i < w->pair_size; i++) {
        size_t at;

        if (!w->pairs[i].mo)
            continue;
        at = hash_pointers(w->pairs[i].mo, w->pairs[i].set) & (n - 1);
        while (pairs[at].mo)
            at = (at + 1) & (n - 1);
        pairs[at] = w->pairs[i];
    }
    w->pairs = pairs;
    w->pair_size = n;
    return 0;
}

/* 1: seen for the first time. */
static int pair_add(struct walk *w, const void *mo, const void *set)
{
    size_t at;

    if (w->pair_count * 2 >= w->pair_size) {
        int r = pairs_grow(w);

        if (r < 0)
            return r;
    }
    at = hash_pointers(mo, set) & (w->pair_size - 1);
    for (; w->pairs[at].mo; at = (at + 1) & (w->pair_size - 1)) {
        if (w->pairs[at].mo == mo && w->pairs[at].set == set)
            return 0;
    }
    w->pairs[at] = (struct pair){.mo = mo, .set = set};
    w->pair_count++;
    return 1;
}

static int visit(struct walk *w, struct mo *mo, bool skip,
                 const struct vim_array_SelectionSpec *set)
{
    size_t i;
    int r = object_index(w, mo, &i);

    if (r < 0)
        return r;
    if (!skip)
        w->sel->objects[i].reported = true;
    if (!set->count)
        return 0;
    r = room_for(w->reader->arena, (void **)&w->queue, w->queue_count, &w->queue_room,
                 sizeof(*w->queue));
    if (r < 0)
        return r;
    w->queue[w->queue_count++] = (struct visit){.object = i, .set = set};
    return 0;
}

static int visit_ref(struct walk *w, struct vim_ref ref, const struct vim_TraversalSpec *t)
{
    struct mo *mo;

    if (!ref.value)
        return 0;
    mo = mo_find_for(w->reader->host->registry, ref.value, w->reader->session);
    if (!mo || !select_allowed(w->reader, mo, "System.View"))
        return 0;
    return visit(w, mo, t->has_skip && t->skip, &t->selectSet);
}

static int note_path(struct walk *w, size_t object, const char *path)
{
    struct select_object *o = &w->sel->objects[object];
    int r;

    for (size_t i = 0; i < o->path_count; i++) {
        if (!strcmp(o->paths[i], path))
            return 0;
    }
    r = room_for(w->reader->arena, (void **)&o->paths, o->path_count, &o->path_room,
                 sizeof(*o->paths));
    if (r < 0)
        return r;
    o->paths[o->path_count++] = path;
    return 0;
}

static int traverse(struct walk *w, size_t object, const struct vim_TraversalSpec *t)
{
    struct mo *mo = w->sel->objects[object].mo;
    const struct vim_field *root;
    const struct vim_any *value;
    struct vim_any *property;
    int r;

    if (!mo_is_a(mo, t->type))
        return 0;
    r = pair_add(w, mo, t);
    if (r <= 0)
        return r;
    root = property_path_root(mo->info->type, t->path);
    if (!root || !select_allowed(w->reader, mo, root->privilege))
        return 0;
    r = note_path(w, object, t->path);
    if (r < 0)
        return r;
    r = mo_get(mo, root->name, w->reader, &property);
    if (r < 0)
        return r == -ENOMEM ? r : 0;
    r = property_path_follow(w->reader->arena, property, t->path, &value);
    if (r < 0 || !value || value->type->kind != VIM_KIND_REF)
        return r;
    if (!value->is_array)
        return visit_ref(w, value->v.ref, t);
    for (size_t i = 0; i < value->v.array.count && r == 0; i++)
        r = visit_ref(w, ((const struct vim_ref *)value->v.array.items)[i], t);
    return r;
}

static int start(struct walk *w, const struct vim_PropertyFilterSpec *spec,
                 struct select_fault *fault)
{
    bool report = spec->has_reportMissingObjectsInResults && spec->reportMissingObjectsInResults;
    struct vim_ref *missing =
        ARENA_ARRAY(w->reader->arena, spec->objectSet.count + 1, struct vim_ref);

    if (!missing)
        return -ENOMEM;
    w->sel->missing = missing;
    for (size_t i = 0; i < spec->objectSet.count; i++) {
        const struct vim_ObjectSpec *o = spec->objectSet.items[i];
        struct mo *mo =
            o->obj.value ? mo_find_for(w->reader->host->registry, o->obj.value, w->reader->session)
                         : NULL;
        int r;

        if (!mo && !report)
            return fault_object(w->reader->arena, o->obj, fault);
        if (!mo) {
            missing[w->sel->missing_count++] = o->obj;
            continue;
        }
        if (w->reader->session && !select_allowed(w->reader, mo, "System.View"))
            return fault_permission(w->reader, mo, fault);
        r = visit(w, mo, o->has_skip && o->skip, &o->selectSet);
        if (r < 0)
            return r;
    }
    return 0;
}

int select_evaluate(struct mo_reader *reader, const struct vim_PropertyFilterSpec *spec,
                    struct selection *ret, struct select_fault *fault)
{
    struct walk w = {.reader = reader, .sel = ret};
    int r;

    *ret = (struct selection){0};
    r = names_of(spec, &w.names);
    if (r == 0)
        r = start(&w, spec, fault);
    for (size_t q = 0; r == 0 && q < w.queue_count; q++) {
        struct visit v = w.queue[q];

        for (size_t i = 0; r == 0 && i < v.set->count; i++) {
            const struct vim_TraversalSpec *t = VIM_CAST(v.set->items[i], TraversalSpec);

            if (!t)
                t = name_find(&w.names, v.set->items[i]->name);
            if (t)
                r = traverse(&w, v.object, t);
        }
    }
    return r;
}
