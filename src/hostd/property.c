#include "hostd/property.h"

#include <errno.h>
#include <stdio.h>
#include <uv.h>

#include "base/mem.h"
#include "hostd/collector.h"
#include "hostd/filter.h"
#include "hostd/property_retrieve.h"
#include "hostd/property_select.h"
#include "hostd/property_wait.h"
#include "hostd/session.h"

static void timer_closed(uv_handle_t *handle)
{
    mem_free(handle);
}

/* ---- sessions and their collectors ---- */

static void collector_free(struct collector *c)
{
    struct property_session *ps = c->ps;
    struct collector **p;

    property_wait_end(c);
    while (c->filters) {
        struct filter *f = c->filters;

        c->filters = f->next;
        filter_free(f);
    }
    for (p = &ps->collectors; *p != c; p = &(*p)->next)
        ;
    *p = c->next;
    ps->collector_count--;
    if (c->object == &c->mo)
        retrieve_tokens_drop(ps, c->mo.id);
    mo_remove(&c->mo);
    mem_free(c);
}

static void session_ended(struct session *s, void *data)
{
    struct property_session *ps = data;

    (void)s;
    while (ps->collectors)
        collector_free(ps->collectors);
    retrieve_tokens_drop(ps, NULL);
    mem_free(ps);
}

struct property_session *property_session_find(const struct session *session)
{
    return session ? session_slot_get(session, SESSION_SLOT_PROPERTY) : NULL;
}

int property_session_get(struct call *call, struct property_session **ret)
{
    struct property_session *ps = property_session_find(call->session);

    if (!call->session || call->session->ended)
        return -EACCES;
    if (!ps) {
        ps = mem_calloc(1, sizeof(*ps));
        if (!ps)
            return -ENOMEM;
        ps->session = call->session;
        ps->host = call->host;
        session_slot_set(call->session, SESSION_SLOT_PROPERTY, ps, session_ended);
    }
    *ret = ps;
    return 0;
}

static int collector_new(struct property_session *ps, struct mo *object, struct collector **ret)
{
    struct collector *c = mem_calloc(1, sizeof(*c));

    if (!c)
        return -ENOMEM;
    c->ps = ps;
    c->object = object ? object : &c->mo;
    c->next = ps->collectors;
    ps->collectors = c;
    ps->collector_count++;
    *ret = c;
    return 0;
}

struct collector *collector_of(struct call *call)
{
    struct property_engine *e = call->host->properties;
    struct mo *mo = mo_find_for(call->host->registry, call->self.value, call->session);
    struct property_session *ps;
    struct collector *c;
    int r;

    if (!mo || !mo_is_a(mo, "PropertyCollector")) {
        call_fault_object_not_found(call, call->self);
        return NULL;
    }
    r = property_session_get(call, &ps);
    if (r == -EACCES) {
        call_fault_not_authenticated(call, call->self, "System.View");
        return NULL;
    }
    for (c = r == 0 ? ps->collectors : NULL; c; c = c->next) {
        if (c->object == mo)
            return c;
    }
    if (r == 0 && mo == &e->shared)
        r = collector_new(ps, mo, &c);
    if (r == 0 && c)
        return c;
    call_fault_errno(call, r < 0 ? r : -EINVAL, "property collector");
    return NULL;
}

static int get_filters(struct mo *mo, struct mo_reader *reader, struct vim_any **ret)
{
    struct property_session *ps = property_session_find(reader->session);
    struct vim_array_ref refs = {0};

    for (struct collector *c = ps ? ps->collectors : NULL; c; c = c->next) {
        if (c->object != mo)
            continue;
        refs.items = ARENA_ARRAY(reader->arena, c->filter_count + 1, struct vim_ref);
        if (!refs.items)
            return -ENOMEM;
        for (struct filter *f = c->filters; f; f = f->next)
            refs.items[refs.count++] = mo_ref(&f->mo);
    }
    *ret = vim_any_array(reader->arena, &vim_type_ref, refs.count, refs.items);
    return *ret ? 0 : -ENOMEM;
}

static const struct mo_property collector_properties[] = {
    {"filter", get_filters},
    {NULL, NULL},
};

static const struct mo_class collector_class = {.type = "PropertyCollector",
                                                .properties = collector_properties};

/* ---- filters and collectors ---- */

static void create_filter(struct call *call)
{
    const struct vim_CreateFilter_request *req = call->req;
    struct collector *c = collector_of(call);
    struct mo_reader reader = {.host = call->host, .session = call->session, .arena = call->arena};
    struct select_fault fault = {0};
    struct filter *f = NULL;
    char id[MO_ID_MAX];
    int r;

    if (!c)
        return;
    if (c->filter_count >= FILTERS_MAX) {
        call_fault_system(call, "more than %d filters on one property collector", FILTERS_MAX);
        return;
    }
    snprintf(id, sizeof(id), "session[%s]filter-%llu", call->session->key,
             (unsigned long long)++c->ps->next_id);
    r = select_check(call->arena, req->spec, &fault);
    if (r == 0)
        r = filter_new(c, call->host->registry, id, req->spec, req->partialUpdates, call->version,
                       &f);
    if (r == 0)
        r = filter_refresh(f, &reader, &fault);
    if (r) {
        if (f)
            filter_free(f);
        if (r == -EINVAL && fault.fault)
            call_fault(call, fault.fault, "%s", fault.text);
        else
            call_fault_errno(call, r, "creating a property filter");
        return;
    }
    f->next = c->filters;
    c->filters = f;
    c->filter_count++;
    collector_marked(c);
    call_return(call, &(struct vim_CreateFilter_result){.value = mo_ref(&f->mo)});
}

static void destroy_filter(struct call *call)
{
    struct mo *mo = mo_find_for(call->host->registry, call->self.value, call->session);
    struct filter *f = (struct filter *)(void *)mo, **p;

    if (!mo || !mo_is_a(mo, "PropertyFilter")) {
        call_fault_object_not_found(call, call->self);
        return;
    }
    for (p = &f->collector->filters; *p != f; p = &(*p)->next)
        ;
    *p = f->next;
    f->collector->filter_count--;
    filter_free(f);
    call_return(call, NULL);
}

static void create_collector(struct call *call)
{
    struct property_session *ps;
    struct collector *c = NULL;
    char id[MO_ID_MAX];
    int r = property_session_get(call, &ps);

    if (r == 0 && ps->collector_count > COLLECTORS_MAX) {
        call_fault_system(call, "more than %d property collectors", COLLECTORS_MAX);
        return;
    }
    if (r == 0)
        r = collector_new(ps, NULL, &c);
    if (r == 0) {
        snprintf(id, sizeof(id), "session[%s]collector-%llu", call->session->key,
                 (unsigned long long)++ps->next_id);
        c->mo.session = call->session;
        r = mo_add(call->host->registry, &c->mo, &collector_class, id);
        if (r < 0)
            collector_free(c);
    }
    if (r < 0)
        call_fault_errno(call, r, "creating a property collector");
    else
        call_return(call, &(struct vim_CreatePropertyCollector_result){.value = mo_ref(&c->mo)});
}

static void destroy_collector(struct call *call)
{
    struct collector *c = collector_of(call);

    if (!c)
        return;
    if (c->object != &c->mo) {
        call_fault_not_supported(call);
        return;
    }
    collector_free(c);
    call_return(call, NULL);
}

/* ---- the module ---- */

static int start(struct host *host, struct error *err)
{
    struct property_engine *e = mem_calloc(1, sizeof(*e));
    int r;

    if (e)
        e->kick = mem_calloc(1, sizeof(*e->kick));
    if (!e || !e->kick) {
        mem_free(e);
        return error_set(err, -ENOMEM, "property collector: out of memory");
    }
    r = mo_add(host->registry, &e->shared, &collector_class,
               host->options.persona == HOST_PERSONA_HOST_AGENT ? "ha-property-collector"
                                                                : "propertyCollector");
    if (r < 0) {
        mem_free(e->kick);
        mem_free(e);
        return error_errno(err, r, "property collector");
    }
    uv_timer_init(host->loop, e->kick);
    e->kick->data = e;
    host->properties = e;
    return 0;
}

static void stop(struct host *host)
{
    struct property_engine *e = host->properties;

    uv_close((uv_handle_t *)e->kick, timer_closed);
    mo_remove(&e->shared);
    mem_free(e);
    host->properties = NULL;
}

static const struct call_row calls[] = {
    {&vim_method_RetrieveProperties, retrieve_properties},
    {&vim_method_RetrievePropertiesEx, retrieve_properties_ex},
    {&vim_method_ContinueRetrievePropertiesEx, retrieve_continue},
    {&vim_method_CancelRetrievePropertiesEx, retrieve_cancel},
    {&vim_method_Fetch, retrieve_fetch},
    {&vim_method_CreateFilter, create_filter},
    {&vim_method_DestroyPropertyFilter, destroy_filter},
    {&vim_method_CreatePropertyCollector, create_collector},
    {&vim_method_DestroyPropertyCollector, destroy_collector},
    {&vim_method_WaitForUpdatesEx, property_wait_for_updates_ex},
    {&vim_method_WaitForUpdates, property_wait_for_updates},
    {&vim_method_CheckForUpdates, property_check_for_updates},
    {&vim_method_CancelWaitForUpdates, property_cancel_wait},
    {NULL, NULL},
};

const struct host_module property_module = {
    .name = "property collector", .start = start, .stop = stop, .calls = calls};
