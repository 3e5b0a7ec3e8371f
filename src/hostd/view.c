/* ViewManager: list and inventory views, and how views come and go; each is bound to its session.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "hostd/about.h"
#include "hostd/managers.h"
#include "hostd/property_select.h"
#include "hostd/view_internal.h"

#define VIEWS_MAX      128 /* of a session */
#define VIEW_TYPES_MAX 64  /* types that a container view names */

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
    view_container_clear(v);
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
