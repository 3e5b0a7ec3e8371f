#include "hostd/property_wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/mem.h"
#include "hostd/collector.h"
#include "hostd/filter.h"
#include "hostd/property_select.h"

#define SCRATCH_MAX (64u << 20) /* bytes for one look at what is marked */

/* A call that waits on a collector. */
struct waiter {
    struct waiter *next;
    struct collector *collector;
    struct call *call;
    uv_timer_t *timer; /* NULL: WaitForUpdates, which has no end of its own */
    uint64_t since;
    size_t max;
};

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

static void cancel_all(struct collector *c)
{
    while (c->first)
        call_fault_request_canceled(waiter_take(c->first));
}

void property_wait_end(struct collector *c)
{
    struct property_engine *e = c->ps->host->properties;

    cancel_all(c);
    for (struct collector **p = &e->ready; *p; p = &(*p)->ready_next) {
        if (*p == c) {
            *p = c->ready_next;
            break;
        }
    }
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
    struct property_engine *e = c->ps->host->properties;

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

void property_wait_for_updates_ex(struct call *call)
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

void property_wait_for_updates(struct call *call)
{
    const struct vim_WaitForUpdates_request *req = call->req;

    updates(call, &(struct wait_options){
                      .version = req->version, .seconds = -1, .max = SIZE_MAX, .old = true});
}

void property_check_for_updates(struct call *call)
{
    const struct vim_CheckForUpdates_request *req = call->req;

    updates(call, &(struct wait_options){.version = req->version, .max = SIZE_MAX});
}

void property_cancel_wait(struct call *call)
{
    struct collector *c = collector_of(call);

    if (!c)
        return;
    cancel_all(c);
    call_return(call, NULL);
}
