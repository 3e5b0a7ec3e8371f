#include "hostd/dispatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "hostd/about.h"
#include "hostd/auth.h"
#include "hostd/call_internal.h"
#include "hostd/session.h"

struct dispatch {
    struct host *host;
    call_handler *handlers; /* in the order of vim_methods */
    struct call_private *calls;
    size_t running;
};

static int by_name(const void *key, const void *item)
{
    return strcmp(key, (*(const struct vim_method *const *)item)->name);
}

static call_handler *handler_slot(const struct dispatch *d, const struct vim_method *method)
{
    const struct vim_method *const *m =
        bsearch(method->name, vim_methods, vim_method_count, sizeof(vim_methods[0]), by_name);
    return m ? &d->handlers[m - vim_methods] : NULL;
}

int dispatch_new(struct host *host, const struct host_module *const *modules, struct dispatch **ret)
{
    struct dispatch *d = mem_calloc(1, sizeof(*d));
    if (!d || !(d->handlers = mem_calloc(vim_method_count, sizeof(*d->handlers)))) {
        mem_free(d);
        return -ENOMEM;
    }
    d->host = host;
    for (const struct host_module *const *m = modules; *m; m++)
        for (const struct call_row *row = (*m)->calls; row && row->method; row++) {
            call_handler *slot = handler_slot(d, row->method);
            if (!slot || *slot) {
                log_error("dispatch: module %s: second handler for %s", (*m)->name,
                          row->method->name);
                mem_free(d->handlers);
                mem_free(d);
                return -EEXIST;
            }
            *slot = row->handler;
        }
    *ret = d;
    return 0;
}

void dispatch_free(struct dispatch *d)
{
    if (!d)
        return;
    while (d->calls) {
        struct call_private *c = d->calls;
        dispatch_cancel(&c->pub);
        if (d->calls == c) /* it had no callback, or the callback did not end it */
            call_fault_request_canceled(&c->pub);
    }
    mem_free(d->handlers);
    mem_free(d);
}

void call_finish(struct call_private *c)
{
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    c->dispatch->running--;
    if (c->running)
        *c->running = NULL;
    if (c->pub.session)
        session_unref(c->pub.session);
    vim_wipe_secrets(c->pub.method->request, (void *)(uintptr_t)c->pub.req);
    struct arena arena = c->arena; /* the call itself lies in it */
    arena_free(&arena);
}

static void method_not_found(struct call *call)
{
    struct vim_MethodNotFound *f = VIM_NEW(call->arena, MethodNotFound);
    if (f) {
        f->receiver = call->self;
        f->method = call->method->name;
    }
    call_fault(call, f, "Method not found.");
}

/* Privileges that a method's parameters ask for on the objects they refer to. */
static bool check_parameters(struct call *call)
{
    const struct vim_type *type = call->method->request;
    for (size_t i = 0; i < type->field_count; i++) {
        const struct vim_field *f = &type->fields[i];
        if (!f->privilege || f->type->kind != VIM_KIND_REF || !vim_field_is_set(f, call->req))
            continue;
        const void *at = (const char *)call->req + f->offset;
        const struct vim_ref *refs = at;
        size_t count = 1;
        if (f->flags & VIM_FIELD_ARRAY) {
            const struct vim_array_ref *array = at;
            refs = array->items;
            count = array->count;
        }
        const struct vim_mo_type *want = f->mo ? vim_mo_type_find(f->mo) : NULL;
        for (size_t n = 0; n < count; n++)
            if (refs[n].value && (!call_check_object(call, refs[n], want, f->name) ||
                                  !call_check_privilege(call, refs[n], f->privilege)))
                return false;
    }
    return true;
}

/* False: the call has been ended. */
static bool check(struct call *call)
{
    const struct vim_method *m = call->method;
    if ((m->flags & VIM_METHOD_NEEDS_SESSION) && !call->session) {
        call_fault_not_authenticated(call, call->self, m->privilege ? m->privilege : "System.View");
        return false;
    }
    const struct vim_mo_type *type = about_type_of(call->host, call->self);
    if (!type) {
        call_fault_object_not_found(call, call->self);
        return false;
    }
    if (!vim_mo_is_a(type, m->mo)) {
        method_not_found(call);
        return false;
    }
    if (call->session && m->privilege && !call_check_privilege(call, call->self, m->privilege))
        return false;
    return !call->session || check_parameters(call);
}

static size_t calls_of(const struct dispatch *d, const struct session *s)
{
    size_t n = 0;
    for (const struct call_private *c = d->calls; c; c = c->next)
        n += c->pub.session == s;
    return n;
}

int dispatch_call(struct host *host, const struct dispatch_params *params, struct call **ret_call)
{
    struct dispatch *d = host->dispatch;
    *ret_call = NULL;
    struct call_private *c = arena_alloc(params->arena, sizeof(*c));
    char *source = arena_strdup(params->arena, params->source);
    char *agent = arena_strdup(params->arena, params->user_agent ? params->user_agent : "");
    if (!c || !source || !agent)
        return -ENOMEM;
    c->arena = *params->arena;
    *params->arena = (struct arena){.max = params->arena->max};
    c->pub = (struct call){
        .host = host,
        .arena = &c->arena,
        .session = params->session,
        .version = params->version,
        .method = params->method,
        .self = params->self,
        .req = params->req,
        .source = source,
        .user_agent = agent,
    };
    c->dispatch = d;
    c->sink = params->sink;
    c->sink_arg = params->arg;
    if (params->session)
        session_ref(params->session);
    c->next = d->calls;
    c->link = &d->calls;
    if (c->next)
        c->next->link = &c->next;
    d->calls = c;
    d->running++;
    struct call_private *running = c;
    c->running = &running;

    call_handler *slot = handler_slot(d, params->method);
    if (d->running > DISPATCH_CALLS_MAX ||
        (params->session && d->running > DISPATCH_CALLS_PER_SESSION_MAX &&
         calls_of(d, params->session) > DISPATCH_CALLS_PER_SESSION_MAX))
        call_fault_system(&c->pub, "too many calls at once");
    else if (check(&c->pub)) {
        if (slot && *slot)
            (*slot)(&c->pub);
        else
            call_fault_not_supported(&c->pub);
    }
    if (running) {
        running->running = NULL;
        *ret_call = &running->pub;
    }
    return 0;
}

void dispatch_cancel(struct call *call)
{
    struct call_private *c = call_private(call);
    void (*cb)(struct call *, void *) = c->cancel_cb;
    c->cancel_cb = NULL;
    c->cancelled = true;
    if (cb)
        cb(call, c->cancel_arg);
}

void dispatch_cancel_session(struct host *host, struct session *session)
{
    /* A callback may end any call, so start over after each. */
    struct call_private *c = host->dispatch ? host->dispatch->calls : NULL;
    while (c) {
        if (c->pub.session == session && !c->cancelled) {
            dispatch_cancel(&c->pub);
            c = host->dispatch->calls;
        } else {
            c = c->next;
        }
    }
}

size_t dispatch_running(const struct dispatch *d)
{
    return d->running;
}
