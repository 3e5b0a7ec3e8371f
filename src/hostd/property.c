#include "hostd/property.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/collector.h"
#include "hostd/filter.h"
#include "hostd/property_retrieve.h"
#include "hostd/property_select.h"
#include "hostd/session.h"

#define SCRATCH_MAX (64u << 20) /* bytes for one look at what is marked */

/* All collectors of the host that have something to look at. */
struct property_engine {
    struct host *host;
    uv_timer_t *kick;
    struct collector *ready;
    struct mo shared; /* the collector of ServiceContent */
};

/* A call that waits on a collector. */
struct waiter {
    struct waiter *next;
    struct collector *collector;
    struct call *call;
    uv_timer_t *timer;
    uint64_t since;
    size_t max;
};

static struct property_engine *engine_of(const struct host *host)
{
    return host->properties;
}

/* ---- sessions and their collectors ---- */

static void waiter_fail_all(struct collector *c);

static void collector_free(struct collector *c)
{
    struct property_session *ps = c->ps;
    struct property_engine *e = engine_of(ps->host);
    struct collector **p;

    waiter_fail_all(c);
    while (c->filters) {
        struct filter *f = c->filters;

        c->filters = f->next;
        filter_free(f);
    }
    for (p = &e->ready; *p; p = &(*p)->ready_next) {
        if (*p == c) {
            *p = c->ready_next;
            break;
        }
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

/* The collector that the call is made on; ends the call when there is none. */
static struct collector *collector_of(struct call *call)
{
    struct property_engine *e = engine_of(call->host);
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

/* ---- waits ---- */

static void timer_closed(uv_handle_t *handle)
{
    mem_free(handle);
}

/* Takes the waiter off its collector; its call is ended by the caller. */
static struct call *waiter_take(struct waiter *w)
{
    struct collector *c = w->collector;
    struct waiter **p = &c->first, *before = NULL;
    struct call *call = w->call;

    while (*p != w) {
        before = *p;
        p = &(*p)->next;
    }
    *p = w->next;
    if (c->last == w)
        c->last = before;
    c->waiter_count--;
    if (w->timer)
        uv_close((uv_handle_t *)w->timer, timer_closed);
    call_on_cancel(call, NULL, NULL);
    mem_free(w);
    return call;
}

static void waiter_fail_all(struct collector *c)
{
    while (c->first)
        call_fault_request_canceled(waiter_take(c->first));
}

/* The newest versions are kept, so that a lost answer can be asked for again. */
static void version_returned(struct collector *c, uint64_t version)
{
    if (c->returned[VERSIONS_KEPT - 1] == version)
        return;
    memmove(c->returned, c->returned + 1, sizeof(c->returned) - sizeof(c->returned[0]));
    c->returned[VERSIONS_KEPT - 1] = version;
    for (struct filter *f = c->filters; f; f = f->next) {
        filter_forget(f, c->returned[0]);
        if (f->gone_count > FILTER_GONE_MAX) {
            memset(c->returned, 0, sizeof(c->returned));
            c->returned[VERSIONS_KEPT - 1] = version;
            filter_forget(f, version);
        }
    }
}

static bool version_known(const struct collector *c, uint64_t version)
{
    for (size_t i = 0; i < VERSIONS_KEPT; i++) {
        if (version && c->returned[i] == version)
            return true;
    }
    return false;
}

static int refresh(struct collector *c, const struct call *call)
{
    for (struct filter *f = c->filters; f; f = f->next) {
        AUTO_ARENA struct arena scratch = ARENA_INIT(SCRATCH_MAX);
        struct mo_reader reader = {.host = call->host, .session = call->session, .arena = &scratch};
        struct select_fault fault = {0};
        int r = filter_refresh(f, &reader, &fault);

        if (r == -ENOMEM || r == -E2BIG)
            return r;
    }
    return 0;
}

/* What is newer than `since`, in the call's arena; NULL when nothing is. */
static int news_for(struct collector *c, struct call *call, uint64_t since, size_t max,
                    struct vim_UpdateSet **ret)
{
    struct mo_reader reader = {.host = call->host, .session = call->session, .arena = call->arena};
    struct filter *filters[FILTERS_MAX];
    uint64_t version = 0;
    size_t n = 0;
    bool any = false;
    int r = refresh(c, call);

    *ret = NULL;
    for (struct filter *f = c->filters; f; f = f->next) {
        filters[n++] = f;
        any = any || filter_has_news(f, since);
    }
    if (r < 0 || !any)
        return r;
    r = filter_updates(filters, n, &reader, since, max, ret, &version);
    if (r < 0 || !*ret)
        return r;
    (*ret)->version = arena_printf(call->arena, "%llu", (unsigned long long)version);
    if (!(*ret)->version)
        return -ENOMEM;
    version_returned(c, version);
    return 0;
}

/* Ends a wait with its updates (NULL: none). */
static void answer(struct call *call, struct vim_UpdateSet *set)
{
    if (call->method == &vim_method_WaitForUpdates) {
        call_return(call, &(struct vim_WaitForUpdates_result){.value = set});
    } else if (call->method == &vim_method_CheckForUpdates) {
        call_return(call, &(struct vim_CheckForUpdates_result){.value = set});
    } else {
        call_return(call, &(struct vim_WaitForUpdatesEx_result){.value = set});
    }
}

/* Answers the waiters, first come first served, as long as there is something to tell. */
static void serve(struct collector *c)
{
    while (c->first) {
        struct waiter *w = c->first;
        struct vim_UpdateSet *set;
        int r = news_for(c, w->call, w->since, w->max, &set);

        if (r == 0 && !set)
            return;
        if (r < 0)
            call_fault_errno(waiter_take(w), r, "property updates");
        else
            answer(waiter_take(w), set);
    }
}

static void on_kick(uv_timer_t *timer)
{
    struct property_engine *e = timer->data;

    while (e->ready) {
        struct collector *c = e->ready;

        e->ready = c->ready_next;
        c->ready = false;
        serve(c);
    }
}

void collector_marked(struct collector *c)
{
    struct property_engine *e = engine_of(c->ps->host);

    if (c->ready || !c->first)
        return;
    c->ready = true;
    c->ready_next = e->ready;
    e->ready = c;
    /* Later, not now: whoever reports a change may be in the middle of it. */
    uv_timer_start(e->kick, on_kick, 0, 0);
}

static void on_deadline(uv_timer_t *timer)
{
    struct waiter *w = timer->data;
    struct collector *c = w->collector;

    answer(waiter_take(w), NULL);
    serve(c);
}

static void on_cancel(struct call *call, void *arg)
{
    struct waiter *w = arg;
    struct collector *c = w->collector;

    waiter_take(w);
    call_fault_request_canceled(call);
    serve(c);
}

static int wait_on(struct collector *c, struct call *call, uint64_t since, size_t max, bool old,
                   uint64_t seconds)
{
    struct waiter *w = mem_calloc(1, sizeof(*w));

    if (!w)
        return -ENOMEM;
    *w = (struct waiter){.collector = c, .call = call, .since = since, .max = max};
    if (!old) {
        w->timer = mem_calloc(1, sizeof(*w->timer));
        if (!w->timer) {
            mem_free(w);
            return -ENOMEM;
        }
        uv_timer_init(call->host->loop, w->timer);
        w->timer->data = w;
        uv_timer_start(w->timer, on_deadline, seconds * 1000, 0);
    }
    *(c->last ? &c->last->next : &c->first) = w;
    c->last = w;
    c->waiter_count++;
    call_on_cancel(call, on_cancel, w);
    return 0;
}

static bool parse_version(struct collector *c, const char *text, uint64_t *ret)
{
    char *end;

    *ret = 0;
    if (!text || !text[0])
        return true;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    return !errno && !*end && version_known(c, *ret);
}

struct wait_options {
    const char *version;
    int64_t seconds; /* -1: as long as the method allows */
    size_t max;
    bool old;
};

static void updates(struct call *call, const struct wait_options *options)
{
    struct collector *c = collector_of(call);
    struct vim_UpdateSet *set = NULL;
    uint64_t since;
    int r;

    if (!c)
        return;
    if (!parse_version(c, options->version, &since)) {
        call_fault(call, VIM_NEW(call->arena, InvalidCollectorVersion),
                   "The version '%.40s' is not one of this collector.", options->version);
        return;
    }
    if (c->waiter_count >= WAITS_MAX) {
        call_fault_system(call, "more than %d waits on one property collector", WAITS_MAX);
        return;
    }
    if (c->first && options->seconds != 0) {
        r = 0; /* one after the other */
    } else {
        r = news_for(c, call, since, options->max, &set);
        if (r == 0 && (set || options->seconds == 0)) {
            answer(call, set);
            return;
        }
    }
    if (r == 0)
        r = wait_on(c, call, since, options->max, options->old,
                    options->seconds < 0 ? WAIT_SECONDS_MAX : (uint64_t)options->seconds);
    if (r < 0)
        call_fault_errno(call, r, "property updates");
}

static void wait_for_updates_ex(struct call *call)
{
    const struct vim_WaitForUpdatesEx_request *req = call->req;
    const struct vim_WaitOptions *o = req->options;
    struct wait_options options = {.version = req->version, .seconds = -1, .max = SIZE_MAX};

    if (o && o->has_maxWaitSeconds && o->maxWaitSeconds < 0) {
        call_fault_invalid_argument(call, "options.maxWaitSeconds");
        return;
    }
    if (o && o->has_maxObjectUpdates && o->maxObjectUpdates <= 0) {
        call_fault_invalid_argument(call, "options.maxObjectUpdates");
        return;
    }
    if (o && o->has_maxWaitSeconds)
        options.seconds =
            o->maxWaitSeconds < WAIT_SECONDS_MAX ? o->maxWaitSeconds : WAIT_SECONDS_MAX;
    if (o && o->has_maxObjectUpdates)
        options.max = (size_t)o->maxObjectUpdates;
    updates(call, &options);
}

static void wait_for_updates(struct call *call)
{
    const struct vim_WaitForUpdates_request *req = call->req;

    updates(call, &(struct wait_options){
                      .version = req->version, .seconds = -1, .max = SIZE_MAX, .old = true});
}

static void check_for_updates(struct call *call)
{
    const struct vim_CheckForUpdates_request *req = call->req;

    updates(call, &(struct wait_options){.version = req->version, .max = SIZE_MAX});
}

static void cancel_wait(struct call *call)
{
    struct collector *c = collector_of(call);

    if (!c)
        return;
    waiter_fail_all(c);
    call_return(call, NULL);
}

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
    e->host = host;
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
    {&vim_method_WaitForUpdatesEx, wait_for_updates_ex},
    {&vim_method_WaitForUpdates, wait_for_updates},
    {&vim_method_CheckForUpdates, check_for_updates},
    {&vim_method_CancelWaitForUpdates, cancel_wait},
    {NULL, NULL},
};

const struct host_module property_module = {
    .name = "property collector", .start = start, .stop = stop, .calls = calls};
