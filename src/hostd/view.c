/*
 * ViewManager: container, list and inventory views, each an object bound to its session.
 *
 * A container view computes its content when it is read. It watches the containers that its
 * content comes from, and says that `view` changed when one of them does.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "hostd/about.h"
#include "hostd/inventory_internal.h"
#include "hostd/managers.h"
#include "hostd/property_path.h"
#include "hostd/property_select.h"
#include "hostd/session.h"

#define VIEWS_MAX        128   /* of a session */
#define VIEW_OBJECTS_MAX 50000 /* in one view */
#define VIEW_TYPES_MAX   64    /* types that a container view names */

struct view;

struct view_watch {
    struct mo_watch watch;
    struct view *view;
    struct view_watch *next;
};

struct view {
    struct mo mo;
    struct inventory *inv;
    struct view *next_of_session;
    struct view_session *vs;
    /* container view */
    struct mo *container;
    struct mo_watch container_watch;
    char **types;
    size_t type_count;
    bool recursive;
    struct view_watch *watches;
    /* list and inventory view: references, which may have become stale */
    char **ids;
    size_t id_count;
};

struct view_session {
    struct session *session;
    struct view *views;
    size_t count;
    uint64_t number;
};

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
static const struct mo_class container_view_class = {.type = "ContainerView",
                                                     .properties = container_properties};

/* ---- list views ---- */

static int get_list_view(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct view *v = (struct view *)(void *)mo;
    struct mo **items = ARENA_ARRAY(r->arena, v->id_count + 1, struct mo *);
    size_t n = 0;

    if (!items)
        return -ENOMEM;
    for (size_t i = 0; i < v->id_count; i++) {
        items[n] = mo_find_for(r->host->registry, v->ids[i], r->session);
        if (items[n] && select_allowed(r, items[n], "System.View"))
            n++;
    }
    return mo_value_refs(r->arena, items, n, ret);
}

static const struct mo_property list_properties[] = {{"view", get_list_view}, {NULL, NULL}};
static const struct mo_class list_view_class = {.type = "ListView", .properties = list_properties};
static const struct mo_class inventory_view_class = {.type = "InventoryView",
                                                     .properties = list_properties};

static void list_clear(struct view *v)
{
    for (size_t i = 0; i < v->id_count; i++)
        mem_free(v->ids[i]);
    mem_free(v->ids);
    v->ids = NULL;
    v->id_count = 0;
}

static bool list_has(const struct view *v, const char *id)
{
    for (size_t i = 0; i < v->id_count; i++) {
        if (!strcmp(v->ids[i], id))
            return true;
    }
    return false;
}

static void list_remove(struct view *v, const char *id)
{
    for (size_t i = 0; id && i < v->id_count; i++) {
        if (!strcmp(v->ids[i], id)) {
            mem_free(v->ids[i]);
            v->ids[i] = v->ids[--v->id_count];
            return;
        }
    }
}

static int list_add(struct view *v, const char *id)
{
    char **ids, *copy;

    if (list_has(v, id))
        return 0;
    if (v->id_count == VIEW_OBJECTS_MAX)
        return -E2BIG;
    copy = mem_strdup(id);
    ids = mem_realloc(v->ids, (v->id_count + 1) * sizeof(*ids));
    if (ids)
        v->ids = ids;
    if (!copy || !ids) {
        mem_free(copy);
        return -ENOMEM;
    }
    ids[v->id_count++] = copy;
    return 0;
}

/* Adds what exists and may be seen; the others go to `ret`. */
static int list_add_refs(struct call *call, struct view *v, const struct vim_ref *refs,
                         size_t count, struct vim_array_ref *ret)
{
    struct mo_reader reader = {.host = call->host, .session = call->session, .arena = call->arena};

    ret->items = ARENA_ARRAY(call->arena, count + 1, struct vim_ref);
    if (!ret->items)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        struct mo *mo =
            refs[i].value ? mo_find_for(call->host->registry, refs[i].value, call->session) : NULL;
        int r;

        if (!mo || !select_allowed(&reader, mo, "System.View")) {
            ret->items[ret->count++] = refs[i];
            continue;
        }
        r = list_add(v, mo->id);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- life of a view ---- */

static void view_free(struct view *v)
{
    struct view **p = &v->vs->views;

    while (*p != v)
        p = &(*p)->next_of_session;
    *p = v->next_of_session;
    v->vs->count--;
    mo_remove(&v->mo);
    mo_watch_remove(&v->container_watch);
    while (v->watches) {
        struct view_watch *w = v->watches;

        v->watches = w->next;
        mo_watch_remove(&w->watch);
        mem_free(w);
    }
    for (size_t i = 0; i < v->type_count; i++)
        mem_free(v->types[i]);
    mem_free(v->types);
    list_clear(v);
    mem_free(v);
}

static void session_ended(struct session *s, void *data)
{
    struct view_session *vs = data;

    (void)s;
    while (vs->views)
        view_free(vs->views);
    mem_free(vs);
}

static struct view_session *session_of(struct call *call)
{
    struct view_session *vs = session_slot_get(call->session, SESSION_SLOT_VIEW);

    if (!vs && (vs = mem_calloc(1, sizeof(*vs)))) {
        vs->session = call->session;
        session_slot_set(call->session, SESSION_SLOT_VIEW, vs, session_ended);
    }
    return vs;
}

static void views_changed(struct call *call)
{
    struct mo *mo = mo_find(call->host->registry, about_ref(call->host, "viewManager").value);

    if (mo)
        mo_changed(mo, "viewList");
}

/* Makes a view; on failure ends the call and returns NULL. */
static struct view *view_new(struct call *call, const struct mo_class *class)
{
    struct view_session *vs = session_of(call);
    struct view *v;
    char id[MO_ID_MAX];
    int r = -ENOMEM;

    if (vs && vs->count >= VIEWS_MAX) {
        call_fault_system(call, "more than %d views in one session", VIEWS_MAX);
        return NULL;
    }
    v = vs ? mem_calloc(1, sizeof(*v)) : NULL;
    if (v) {
        v->inv = inventory_of(call->host);
        v->vs = vs;
        v->mo.session = call->session;
        snprintf(id, sizeof(id), "session[%s]view-%llu", call->session->key,
                 (unsigned long long)++vs->number);
        r = mo_add(call->host->registry, &v->mo, class, id);
    }
    if (r < 0) {
        mem_free(v);
        call_fault_errno(call, r, "creating a view");
        return NULL;
    }
    v->next_of_session = vs->views;
    vs->views = v;
    vs->count++;
    views_changed(call);
    return v;
}

static void container_changed(struct mo_watch *watch_, const char *path)
{
    struct view *v =
        (struct view *)(void *)((char *)watch_ - offsetof(struct view, container_watch));

    if (!path) {
        v->container = NULL;
        mo_changed(&v->mo, "view");
    }
}

static void create_container_view(struct call *call)
{
    const struct vim_CreateContainerView_request *req = call->req;
    struct view *v;

    if (!call_check_object(call, req->container, vim_mo_type_find("ManagedEntity"), "container") ||
        !call_check_privilege(call, req->container, "System.View"))
        return;
    if (req->type.count > VIEW_TYPES_MAX) {
        call_fault_invalid_argument(call, "type");
        return;
    }
    for (size_t i = 0; i < req->type.count; i++) {
        if (!vim_mo_type_find(req->type.items[i])) {
            call_fault_invalid_argument(call, "type");
            return;
        }
    }
    v = view_new(call, &container_view_class);
    if (!v)
        return;
    v->recursive = req->recursive;
    v->container = mo_find(call->host->registry, req->container.value);
    v->container_watch.changed = container_changed;
    mo_watch_add(v->container, &v->container_watch);
    v->types = mem_calloc(req->type.count + 1, sizeof(char *));
    for (size_t i = 0; v->types && i < req->type.count; i++) {
        v->types[i] = mem_strdup(req->type.items[i]);
        v->type_count += v->types[i] != NULL;
    }
    if (!v->types || v->type_count != req->type.count) {
        view_free(v);
        call_fault_errno(call, -ENOMEM, "creating a view");
        return;
    }
    call_return(call, &(struct vim_CreateContainerView_result){.value = mo_ref(&v->mo)});
}

static void create_list_view(struct call *call)
{
    const struct vim_CreateListView_request *req = call->req;
    struct view *v = view_new(call, &list_view_class);
    struct vim_array_ref missing = {0};
    int r;

    if (!v)
        return;
    r = list_add_refs(call, v, req->obj.items, req->obj.count, &missing);
    if (r < 0) {
        view_free(v);
        call_fault_errno(call, r, "creating a view");
        return;
    }
    call_return(call, &(struct vim_CreateListView_result){.value = mo_ref(&v->mo)});
}

static struct view *view_by_ref(struct call *call, struct vim_ref ref)
{
    struct mo *mo = ref.value ? mo_find_for(call->host->registry, ref.value, call->session) : NULL;

    if (mo && mo_is_a(mo, "View"))
        return (struct view *)(void *)mo;
    call_fault_object_not_found(call, ref);
    return NULL;
}

/* The content of a view as a list. */
static int view_refs(struct call *call, struct view *v, struct vim_array_ref *ret)
{
    struct mo_reader reader = {.host = call->host, .session = call->session, .arena = call->arena};
    struct vim_any *value = NULL;
    int r = mo_get(&v->mo, "view", &reader, &value);

    if (r < 0)
        return r;
    if (value)
        *ret = (struct vim_array_ref){value->v.array.count, value->v.array.items};
    return 0;
}

static void create_list_view_from_view(struct call *call)
{
    const struct vim_CreateListViewFromView_request *req = call->req;
    struct view *from = view_by_ref(call, req->view), *v;
    struct vim_array_ref refs = {0}, missing = {0};
    int r;

    if (!from)
        return;
    v = view_new(call, &list_view_class);
    if (!v)
        return;
    r = view_refs(call, from, &refs);
    if (r == 0)
        r = list_add_refs(call, v, refs.items, refs.count, &missing);
    if (r < 0) {
        view_free(v);
        call_fault_errno(call, r, "creating a view");
        return;
    }
    call_return(call, &(struct vim_CreateListViewFromView_result){.value = mo_ref(&v->mo)});
}

static struct view *list_of(struct call *call, const struct mo_class *class)
{
    struct view *v = view_by_ref(call, call->self);

    if (v && v->mo.info->class != class) {
        call_fault_not_supported(call);
        return NULL;
    }
    return v;
}

static void modify_list_view(struct call *call)
{
    const struct vim_ModifyListView_request *req = call->req;
    struct view *v = list_of(call, &list_view_class);
    struct vim_ModifyListView_result result = {0};
    int r;

    if (!v)
        return;
    for (size_t i = 0; i < req->remove.count; i++)
        list_remove(v, req->remove.items[i].value);
    r = list_add_refs(call, v, req->add.items, req->add.count, &result.value);
    mo_changed(&v->mo, "view");
    if (r < 0)
        call_fault_errno(call, r, "changing a view");
    else
        call_return(call, &result);
}

static void reset_list_view(struct call *call)
{
    const struct vim_ResetListView_request *req = call->req;
    struct view *v = list_of(call, &list_view_class);
    struct vim_ResetListView_result result = {0};
    int r;

    if (!v)
        return;
    list_clear(v);
    r = list_add_refs(call, v, req->obj.items, req->obj.count, &result.value);
    mo_changed(&v->mo, "view");
    if (r < 0)
        call_fault_errno(call, r, "changing a view");
    else
        call_return(call, &result);
}

static void reset_list_view_from_view(struct call *call)
{
    const struct vim_ResetListViewFromView_request *req = call->req;
    struct view *v = list_of(call, &list_view_class);
    struct view *from = v ? view_by_ref(call, req->view) : NULL;
    struct vim_array_ref refs = {0}, missing = {0};
    int r;

    if (!from)
        return;
    r = view_refs(call, from, &refs);
    if (r == 0) {
        list_clear(v);
        r = list_add_refs(call, v, refs.items, refs.count, &missing);
        mo_changed(&v->mo, "view");
    }
    if (r < 0)
        call_fault_errno(call, r, "changing a view");
    else
        call_return(call, NULL);
}

static void create_inventory_view(struct call *call)
{
    struct view *v = view_new(call, &inventory_view_class);
    int r;

    if (!v)
        return;
    r = list_add(v, v->inv->root.e.mo.id);
    if (r < 0) {
        view_free(v);
        call_fault_errno(call, r, "creating a view");
        return;
    }
    call_return(call, &(struct vim_CreateInventoryView_result){.value = mo_ref(&v->mo)});
}

/* Adds or takes out the children of the entities; returns those that are none. */
static void open_or_close(struct call *call, const struct vim_array_ref *entities, bool open)
{
    struct view *v = list_of(call, &inventory_view_class);
    struct vim_OpenInventoryViewFolder_result result = {0};

    if (!v)
        return;
    result.value.items = ARENA_ARRAY(call->arena, entities->count + 1, struct vim_ref);
    for (size_t i = 0; result.value.items && i < entities->count; i++) {
        struct vim_ref ref = entities->items[i];
        struct mo *mo = ref.value ? mo_find(call->host->registry, ref.value) : NULL, **children;
        size_t n = 0;

        if (!mo || !inventory_name(mo) || inventory_children(mo, call->arena, &children, &n) < 0) {
            result.value.items[result.value.count++] = ref;
            continue;
        }
        for (size_t j = 0; j < n; j++) {
            if (open)
                list_add(v, children[j]->id);
            else
                list_remove(v, children[j]->id);
        }
    }
    mo_changed(&v->mo, "view");
    call_return(call, &result);
}

static void open_folder(struct call *call)
{
    open_or_close(call, &((const struct vim_OpenInventoryViewFolder_request *)call->req)->entity,
                  true);
}

static void close_folder(struct call *call)
{
    open_or_close(call, &((const struct vim_CloseInventoryViewFolder_request *)call->req)->entity,
                  false);
}

static void destroy_view(struct call *call)
{
    struct view *v = view_by_ref(call, call->self);

    if (!v)
        return;
    view_free(v);
    views_changed(call);
    call_return(call, NULL);
}

/* ---- ViewManager ---- */

static int get_view_list(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct view_session *vs = r->session ? session_slot_get(r->session, SESSION_SLOT_VIEW) : NULL;
    struct mo **items = ARENA_ARRAY(r->arena, (vs ? vs->count : 0) + 1, struct mo *);
    size_t n = 0;

    (void)mo;
    if (!items)
        return -ENOMEM;
    for (struct view *v = vs ? vs->views : NULL; v; v = v->next_of_session)
        items[n++] = &v->mo;
    return mo_value_refs(r->arena, items, n, ret);
}

static const struct mo_property manager_properties[] = {{"viewList", get_view_list}, {NULL, NULL}};
const struct mo_class view_manager_class = {.type = "ViewManager",
                                            .properties = manager_properties};

const struct call_row view_calls[] = {
    {&vim_method_CreateContainerView, create_container_view},
    {&vim_method_CreateListView, create_list_view},
    {&vim_method_CreateListViewFromView, create_list_view_from_view},
    {&vim_method_CreateInventoryView, create_inventory_view},
    {&vim_method_ModifyListView, modify_list_view},
    {&vim_method_ResetListView, reset_list_view},
    {&vim_method_ResetListViewFromView, reset_list_view_from_view},
    {&vim_method_OpenInventoryViewFolder, open_folder},
    {&vim_method_CloseInventoryViewFolder, close_folder},
    {&vim_method_DestroyView, destroy_view},
    {NULL, NULL},
};
