/*
 * What lies beneath what, and the container view, which is made of that.
 *
 * A container view computes its content when it is read. It watches the containers that its
 * content comes from, and says that `view` changed when one of them does.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "hostd/property_path.h"
#include "hostd/property_select.h"
#include "hostd/view_internal.h"

/* ---- what lies beneath what ---- */

/* The properties through which a container holds others. */
static const struct {
    const char *type, *property;
} holds[] = {
    {"Folder", "childEntity"},
    {"Datacenter", "vmFolder"},
    {"Datacenter", "hostFolder"},
    {"Datacenter", "datastoreFolder"},
    {"Datacenter", "networkFolder"},
    {"ComputeResource", "host"},
    {"ComputeResource", "resourcePool"},
    {"ComputeResource", "datastore"},
    {"ComputeResource", "network"},
    {"ResourcePool", "resourcePool"},
    {"ResourcePool", "vm"},
    {"HostSystem", "vm"},
    {"HostSystem", "datastore"},
    {"HostSystem", "network"},
};

static int add_child(struct mo_registry *registry, struct vim_ref ref, struct mo **items,
                     size_t room, size_t *n)
{
    struct mo *mo = ref.value ? mo_find(registry, ref.value) : NULL;

    if (mo && *n < room)
        items[(*n)++] = mo;
    return 0;
}

int inventory_children(struct mo *mo, struct arena *a, struct mo ***ret, size_t *ret_count)
{
    struct inventory *inv = ((struct entity *)(void *)mo)->inv;
    struct mo_reader reader = {.host = inv->host, .arena = a};
    size_t n = 0, room = 8;
    struct vim_any *values[ARRAY_SIZE(holds)] = {NULL};

    for (size_t i = 0; i < ARRAY_SIZE(holds); i++) {
        int r;

        if (!mo_is_a(mo, holds[i].type))
            continue;
        r = mo_get(mo, holds[i].property, &reader, &values[i]);
        if (r < 0)
            return r;
        room += values[i] && values[i]->is_array ? values[i]->v.array.count : 1;
    }
    *ret = ARENA_ARRAY(a, room, struct mo *);
    if (!*ret)
        return -ENOMEM;
    for (size_t i = 0; i < ARRAY_SIZE(holds); i++) {
        const struct vim_any *v = values[i];

        if (v && !v->is_array)
            add_child(mo->registry, v->v.ref, *ret, room, &n);
        for (size_t j = 0; v && v->is_array && j < v->v.array.count; j++)
            add_child(mo->registry, ((struct vim_ref *)v->v.array.items)[j], *ret, room, &n);
    }
    *ret_count = n;
    return 0;
}

/* ---- container views ---- */

static bool type_wanted(const struct view *v, const struct mo *mo)
{
    for (size_t i = 0; i < v->type_count; i++) {
        if (mo_is_a(mo, v->types[i]))
            return true;
    }
    return v->type_count == 0;
}

static bool listed(struct mo *const *items, size_t count, const struct mo *mo)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i] == mo)
            return true;
    }
    return false;
}

/* The objects beneath the container, each once, in the order of a walk by levels. The same VM is
 * found in a folder, in the pool and at the host. */
struct walk {
    struct mo **all;
    size_t count, room;
    struct arena *a;
    uint64_t *bloom; /* bit set over addresses: no means certainly not yet listed */
};

#define BLOOM_BITS (1u << 16)

static int walk_add(struct walk *w, struct mo *mo)
{
    size_t bit = (size_t)(((uintptr_t)mo >> 4) * 0x9e3779b97f4a7c15u >> 40) % BLOOM_BITS;

    if ((w->bloom[bit / 64] & (1ull << (bit % 64))) && listed(w->all, w->count, mo))
        return 0;
    if (w->count == VIEW_OBJECTS_MAX)
        return -E2BIG;
    if (w->count == w->room) {
        size_t n = w->room ? w->room * 2 : 64;
        struct mo **p = ARENA_ARRAY(w->a, n, struct mo *);

        if (!p)
            return -ENOMEM;
        if (w->count)
            memcpy(p, w->all, w->count * sizeof(*p));
        w->all = p;
        w->room = n;
    }
    w->bloom[bit / 64] |= 1ull << (bit % 64);
    w->all[w->count++] = mo;
    return 0;
}

static int walk_children(struct walk *w, struct mo *mo)
{
    struct mo **children;
    size_t n;
    int r = inventory_children(mo, w->a, &children, &n);

    for (size_t i = 0; r == 0 && i < n; i++)
        r = walk_add(w, children[i]);
    return r;
}

static void view_changed(struct mo_watch *watch, const char *path)
{
    struct view_watch *w = (struct view_watch *)(void *)watch;

    if (!path) {
        mo_changed(&w->view->mo, "view");
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(holds); i++) {
        if (property_path_related(holds[i].property, path)) {
            mo_changed(&w->view->mo, "view");
            return;
        }
    }
}

static bool watched(const struct view *v, const struct mo *mo)
{
    for (const struct view_watch *w = v->watches; w; w = w->next) {
        if (w->watch.mo == mo)
            return true;
    }
    return false;
}

static int watch(struct view *v, struct mo *mo)
{
    struct view_watch *w;

    if (mo_is_a(mo, "VirtualMachine") || mo_is_a(mo, "Datastore") || mo_is_a(mo, "Network") ||
        watched(v, mo))
        return 0; /* holds nothing, or watched already */
    w = mem_calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->view = v;
    w->watch.changed = view_changed;
    w->next = v->watches;
    v->watches = w;
    return mo_watch_add(mo, &w->watch);
}

static int walk_container(struct view *v, struct walk *w)
{
    int r;

    w->bloom = ARENA_ARRAY(w->a, BLOOM_BITS / 64, uint64_t);
    if (!w->bloom)
        return -ENOMEM;
    if (!v->container)
        return 0;
    r = watch(v, v->container);
    if (r == 0)
        r = walk_children(w, v->container);
    for (size_t i = 0; r == 0 && v->recursive && i < w->count; i++) {
        if (w->all[i] == v->container)
            continue;
        r = watch(v, w->all[i]);
        if (r == 0)
            r = walk_children(w, w->all[i]);
    }
    return r;
}

static int get_container_view(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct view *v = (struct view *)(void *)mo;
    struct walk w = {.a = r->arena};
    size_t n = 0;
    int code = walk_container(v, &w);

    if (code < 0)
        return code;
    for (size_t i = 0; i < w.count; i++) {
        if (w.all[i] != v->container && type_wanted(v, w.all[i]) &&
            select_allowed(r, w.all[i], "System.View"))
            w.all[n++] = w.all[i];
    }
    return mo_value_refs(r->arena, w.all, n, ret);
}

static int get_container(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct view *v = (struct view *)(void *)mo;

    return v->container ? mo_value(vim_any_ref(r->arena, mo_ref(v->container)), ret) : 0;
}

static int get_types(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct view *v = (struct view *)(void *)mo;

    if (!v->type_count)
        return 0;
    return mo_value(vim_any_array(r->arena, &vim_type_string, v->type_count, v->types), ret);
}

static int get_recursive(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_boolean(r->arena, ((struct view *)(void *)mo)->recursive), ret);
}

static const struct mo_property container_properties[] = {{"view", get_container_view},
                                                          {"container", get_container},
                                                          {"type", get_types},
                                                          {"recursive", get_recursive},
                                                          {NULL, NULL}};
const struct mo_class container_view_class = {.type = "ContainerView",
                                              .properties = container_properties};

void view_container_clear(struct view *v)
{
    while (v->watches) {
        struct view_watch *w = v->watches;

        v->watches = w->next;
        mo_watch_remove(&w->watch);
        mem_free(w);
    }
}
