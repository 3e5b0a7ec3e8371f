#include "hostd/event_manager.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "hostd/about.h"
#include "hostd/event.h"
#include "hostd/inventory_internal.h"
#include "hostd/property_select.h"
#include "hostd/session.h"

#define COLLECTOR_ARENA_MAX (64u << 10)

struct manager {
    struct mo mo;
    struct inventory *inv;
};

/* An EventHistoryCollector of a session. `next` is the key that ReadNextEvents begins with. */
struct history {
    struct mo mo;
    struct inventory *inv;
    struct history *next_of_session;
    struct arena arena;
    struct vim_EventFilterSpec *filter;
    size_t page;
    int32_t next;
};

struct history_session {
    struct session *session;
    struct history *list;
    size_t count;
    uint64_t number;
};

/* ---- reading ---- */

/* May this reader see the event: is what it is about visible to him? */
static bool visible(struct mo_reader *r, struct inventory *inv, const struct event *e)
{
    const struct mo *mo = e->entity ? mo_find(inv->host->registry, e->entity) : NULL;

    return select_allowed(r, mo ? mo : &inv->root.e.mo, "System.View");
}

static bool wanted(struct mo_reader *r, struct inventory *inv, const struct event *e,
                   const struct vim_EventFilterSpec *filter)
{
    return e && event_matches(inv, e, filter) && visible(r, inv, e);
}

/* Up to `max` matching events from `key` on, upwards (step 1) or downwards (-1). Stores them in the
 * order found and where the search stopped. They are not copied: answer before anything is posted.
 */
static int collect(struct mo_reader *r, struct inventory *inv,
                   const struct vim_EventFilterSpec *filter, int32_t key, int step, size_t max,
                   struct vim_array_Event *ret, int32_t *ret_stop)
{
    size_t room = max < HISTORY_PAGE_MAX ? max : HISTORY_PAGE_MAX;
    int32_t first = event_first_key(inv->events), last = event_last_key(inv->events);

    ret->count = 0;
    ret->items = arena_calloc(r->arena, room + 1, sizeof(*ret->items));
    if (!ret->items)
        return -ENOMEM;
    if (step > 0 && key < first)
        key = first;
    if (step < 0 && key > last)
        key = last;
    for (; key >= first && key <= last && ret->count < room; key += step) {
        const struct event *e = event_by_key(inv->events, key);

        if (wanted(r, inv, e, filter))
            ret->items[ret->count++] = e->data;
    }
    *ret_stop = key;
    return 0;
}

static void reverse(struct vim_array_Event *a)
{
    for (size_t i = 0; i < a->count / 2; i++) {
        struct vim_Event *e = a->items[i];

        a->items[i] = a->items[a->count - 1 - i];
        a->items[a->count - 1 - i] = e;
    }
}

/* ---- collectors ---- */

static int get_filter(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_object(r->arena, ((struct history *)(void *)mo)->filter), ret);
}

static int get_latest_page(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct history *h = (struct history *)(void *)mo;
    struct vim_array_Event page;
    int32_t stop;
    int code = collect(r, h->inv, h->filter, INT32_MAX, -1, h->page, &page, &stop);

    if (code < 0)
        return code;
    return mo_value(VIM_ANY_ARRAY(r->arena, Event, page), ret);
}

static int get_initialized(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    (void)mo;
    return mo_value(vim_any_boolean(r->arena, true), ret);
}

static const struct mo_property history_properties[] = {{"filter", get_filter},
                                                        {"latestPage", get_latest_page},
                                                        {"initialized", get_initialized},
                                                        {NULL, NULL}};
static const struct mo_class history_class = {.type = "EventHistoryCollector",
                                              .properties = history_properties};

static void history_free(struct history *h)
{
    mo_remove(&h->mo);
    arena_free(&h->arena);
    mem_free(h);
}

static void session_ended(struct session *s, void *data)
{
    struct history_session *hs = data;

    (void)s;
    while (hs->list) {
        struct history *h = hs->list;

        hs->list = h->next_of_session;
        history_free(h);
    }
    mem_free(hs);
}

static struct history_session *session_of(struct call *call)
{
    struct history_session *hs = session_slot_get(call->session, SESSION_SLOT_HISTORY);

    if (!hs && (hs = mem_calloc(1, sizeof(*hs)))) {
        hs->session = call->session;
        session_slot_set(call->session, SESSION_SLOT_HISTORY, hs, session_ended);
    }
    return hs;
}

static void create_collector(struct call *call)
{
    const struct vim_CreateCollectorForEvents_request *req = call->req;
    struct history_session *hs = session_of(call);
    struct history *h;
    char id[MO_ID_MAX];
    int r = -ENOMEM;

    if (hs && hs->count >= HISTORY_COLLECTORS_MAX) {
        call_fault_invalid_state(call);
        return;
    }
    h = hs ? mem_calloc(1, sizeof(*h)) : NULL;
    if (h) {
        h->inv = inventory_of(call->host);
        h->arena = ARENA_INIT(COLLECTOR_ARENA_MAX);
        h->page = HISTORY_PAGE_DEFAULT;
        h->mo.session = call->session;
        h->filter = VIM_COPY(&h->arena, req->filter);
        /* Just before the latest page: reading forwards gives what comes from now on. */
        h->next = event_last_key(h->inv->events) + 1;
        snprintf(id, sizeof(id), "session[%s]history-%llu", call->session->key,
                 (unsigned long long)++hs->number);
        if (h->filter)
            r = mo_add(call->host->registry, &h->mo, &history_class, id);
    }
    if (r < 0) {
        if (h) {
            arena_free(&h->arena);
            mem_free(h);
        }
        call_fault_errno(call, r, "creating an event collector");
        return;
    }
    h->next_of_session = hs->list;
    hs->list = h;
    hs->count++;
    call_return(call, &(struct vim_CreateCollectorForEvents_result){.value = mo_ref(&h->mo)});
}

static struct history *history_of(struct call *call)
{
    struct mo *mo = mo_find_for(call->host->registry, call->self.value, call->session);

    if (mo && mo_is_a(mo, "EventHistoryCollector"))
        return (struct history *)(void *)mo;
    call_fault_object_not_found(call, call->self);
    return NULL;
}

static void set_page_size(struct call *call)
{
    const struct vim_SetCollectorPageSize_request *req = call->req;
    struct history *h = history_of(call);

    if (!h)
        return;
    if (req->maxCount < 1 || req->maxCount > HISTORY_PAGE_MAX) {
        call_fault_invalid_argument(call, "maxCount");
        return;
    }
    h->page = (size_t)req->maxCount;
    mo_changed(&h->mo, "latestPage");
    call_return(call, NULL);
}

static void rewind_collector(struct call *call)
{
    struct history *h = history_of(call);

    if (!h)
        return;
    h->next = 0;
    call_return(call, NULL);
}

static void reset_collector(struct call *call)
{
    struct history *h = history_of(call);

    if (!h)
        return;
    h->next = event_last_key(h->inv->events) + 1;
    call_return(call, NULL);
}

static void destroy_collector(struct call *call)
{
    struct history *h = history_of(call), **p;
    struct history_session *hs;

    if (!h)
        return;
    hs = session_of(call);
    for (p = &hs->list; *p != h; p = &(*p)->next_of_session)
        ;
    *p = h->next_of_session;
    hs->count--;
    history_free(h);
    call_return(call, NULL);
}

static void read_events(struct call *call, int32_t max, int step)
{
    struct history *h = history_of(call);
    struct mo_reader reader = {.host = call->host, .session = call->session, .arena = call->arena};
    struct vim_ReadNextEvents_result result = {0};
    int32_t stop;
    int r;

    if (!h)
        return;
    if (max < 1 || max > HISTORY_PAGE_MAX) {
        call_fault_invalid_argument(call, "maxCount");
        return;
    }
    r = collect(&reader, h->inv, h->filter, step > 0 ? h->next : h->next - 1, step, (size_t)max,
                &result.value, &stop);
    if (r < 0) {
        call_fault_errno(call, r, "reading events");
        return;
    }
    h->next = step > 0 ? stop : stop + 1;
    call_return(call, &result);
}

static void read_next(struct call *call)
{
    read_events(call, ((const struct vim_ReadNextEvents_request *)call->req)->maxCount, 1);
}

static void read_previous(struct call *call)
{
    read_events(call, ((const struct vim_ReadPreviousEvents_request *)call->req)->maxCount, -1);
}

/* ---- EventManager ---- */

static void query_events(struct call *call)
{
    const struct vim_QueryEvents_request *req = call->req;
    struct mo_reader reader = {.host = call->host, .session = call->session, .arena = call->arena};
    struct vim_QueryEvents_result result = {0};
    size_t max = HISTORY_PAGE_MAX;
    int32_t stop;
    int r;

    if (req->filter->has_maxCount && req->filter->maxCount > 0 &&
        (size_t)req->filter->maxCount < max)
        max = (size_t)req->filter->maxCount;
    r = collect(&reader, inventory_of(call->host), req->filter, INT32_MAX, -1, max, &result.value,
                &stop);
    if (r < 0) {
        call_fault_errno(call, r, "querying events");
        return;
    }
    reverse(&result.value);
    call_return(call, &result);
}

static void log_user_event(struct call *call)
{
    const struct vim_LogUserEvent_request *req = call->req;
    struct inventory *inv = inventory_of(call->host);
    struct vim_GeneralUserEvent *e = VIM_NEW(call->arena, GeneralUserEvent);
    struct mo *mo;

    if (!call_check_object(call, req->entity, vim_mo_type_find("ManagedEntity"), "entity") ||
        !call_check_privilege(call, req->entity, "Global.LogEvent"))
        return;
    mo = mo_find(call->host->registry, req->entity.value);
    if (!e || !mo) {
        call_fault_errno(call, -ENOMEM, "posting an event");
        return;
    }
    e->message = e->fullFormattedMessage = req->msg;
    event_post(inv->events, (struct vim_Event *)(void *)e, (struct entity *)(void *)mo,
               call->session->user);
    call_return(call, NULL);
}

static int get_latest_event(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct inventory *inv = ((struct manager *)(void *)mo)->inv;
    const struct event *e = event_by_key(inv->events, event_last_key(inv->events));

    return e && visible(r, inv, e) ? mo_value(vim_any_object(r->arena, e->data), ret) : 0;
}

static int add_detail(struct arena *a, const struct vim_type *type, struct vim_EventDescription *d)
{
    struct vim_EventDescriptionEventDetail *e = VIM_NEW(a, EventDescriptionEventDetail);

    if (!e)
        return -ENOMEM;
    e->key = e->description = type->name;
    e->category = event_category(type, NULL);
    e->formatOnDatacenter = e->formatOnComputeResource = e->formatOnHost = e->formatOnVm = "";
    e->fullFormat = "";
    d->eventInfo.items[d->eventInfo.count++] = e;
    return 0;
}

static int get_description(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    static const char *const categories[] = {"info", "warning", "error", "user"};
    struct vim_EventDescription *d = VIM_NEW(r->arena, EventDescription);

    (void)mo;
    if (!d)
        return -ENOMEM;
    d->category.items = arena_calloc(r->arena, ARRAY_SIZE(categories), sizeof(void *));
    d->eventInfo.items = arena_calloc(r->arena, vim_type_count, sizeof(void *));
    if (!d->category.items || !d->eventInfo.items)
        return -ENOMEM;
    for (size_t i = 0; i < ARRAY_SIZE(categories); i++) {
        struct vim_ElementDescription *e = VIM_NEW(r->arena, ElementDescription);

        if (!e)
            return -ENOMEM;
        e->key = e->label = e->summary = categories[i];
        d->category.items[d->category.count++] = e;
    }
    for (size_t i = 0; i < vim_type_count; i++) {
        if (vim_types[i]->kind == VIM_KIND_DATA && vim_type_is_a(vim_types[i], &vim_type_Event) &&
            add_detail(r->arena, vim_types[i], d) < 0)
            return -ENOMEM;
    }
    return mo_value(vim_any_object(r->arena, d), ret);
}

static int get_max_collector(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    (void)mo;
    return mo_value(vim_any_int(r->arena, HISTORY_COLLECTORS_MAX), ret);
}

static const struct mo_property manager_properties[] = {{"description", get_description},
                                                        {"latestEvent", get_latest_event},
                                                        {"maxCollector", get_max_collector},
                                                        {NULL, NULL}};
static const struct mo_class manager_class = {.type = "EventManager",
                                              .properties = manager_properties};

static int changed_each(struct mo *mo, void *arg)
{
    (void)arg;
    if (mo->info->class == &history_class && mo->watches)
        mo_changed(mo, "latestPage");
    return 0;
}

void event_manager_changed(struct inventory *inv)
{
    struct mo *mo = mo_find(inv->host->registry, about_ref(inv->host, "eventManager").value);

    if (mo && mo->watches)
        mo_changed(mo, "latestEvent");
    mo_each(inv->host->registry, changed_each, NULL);
}

int event_manager_start(struct inventory *inv, struct error *err)
{
    struct manager *m = mem_calloc(1, sizeof(*m));
    int r = -ENOMEM;

    if (m) {
        m->inv = inv;
        r = mo_add(inv->host->registry, &m->mo, &manager_class,
                   about_ref(inv->host, "eventManager").value);
    }
    if (r < 0) {
        mem_free(m);
        return error_errno(err, r, "event manager");
    }
    return 0;
}

void event_manager_stop(struct inventory *inv)
{
    struct mo *mo = mo_find(inv->host->registry, about_ref(inv->host, "eventManager").value);

    if (!mo)
        return;
    mo_remove(mo);
    mem_free(mo);
}

const struct call_row event_calls[] = {
    {&vim_method_QueryEvents, query_events},
    {&vim_method_LogUserEvent, log_user_event},
    {&vim_method_CreateCollectorForEvents, create_collector},
    {&vim_method_SetCollectorPageSize, set_page_size},
    {&vim_method_RewindCollector, rewind_collector},
    {&vim_method_ResetCollector, reset_collector},
    {&vim_method_DestroyCollector, destroy_collector},
    {&vim_method_ReadNextEvents, read_next},
    {&vim_method_ReadPreviousEvents, read_previous},
    {NULL, NULL},
};
