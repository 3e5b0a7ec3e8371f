#include "hostd/property_retrieve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "hostd/mo.h"
#include "hostd/property.h"
#include "hostd/property_path.h"
#include "hostd/property_read.h"
#include "hostd/property_select.h"
#include "hostd/session.h"

#define TYPES_MAX       64         /* different managed object types in one answer */
#define TOKEN_ARENA_MAX (8u << 20) /* bytes that an unfinished retrieval may hold */

/* What is left of a retrieval that was cut. */
struct retrieve_token {
    struct retrieve_token *next;
    uint64_t number;
    char *collector;
    struct arena arena;
    struct vim_PropertyFilterSpec **specs;
    size_t spec_count;
    const char **ids;
    size_t id_count, at;
    size_t max;
    int version;
};

struct retrieve {
    struct call *call;
    struct mo_reader reader;
    struct vim_PropertyFilterSpec *const *specs;
    size_t spec_count;
    int version;
    struct property_paths types[TYPES_MAX];
    size_t type_count;
    struct mo **objects; /* to be reported, each once */
    size_t object_count;
};

static void retrieve_init(struct retrieve *rt, struct call *call)
{
    *rt = (struct retrieve){
        .call = call,
        .reader = {.host = call->host, .session = call->session, .arena = call->arena},
        .version = call->version,
    };
}

/* Ends the call for a failed retrieval. */
static void fail(struct call *call, int code, const struct select_fault *fault)
{
    if (code == -EINVAL && fault->fault)
        call_fault(call, fault->fault, "%s", fault->text);
    else
        call_fault_errno(call, code, "retrieving properties");
}

static int paths_of(struct retrieve *rt, const struct mo *mo, const struct property_paths **ret)
{
    int r;

    for (size_t i = 0; i < rt->type_count; i++) {
        if (rt->types[i].type == mo->info->type) {
            *ret = &rt->types[i];
            return 0;
        }
    }
    if (rt->type_count == TYPES_MAX)
        return -E2BIG;
    r = property_paths_for(rt->reader.arena, rt->specs, rt->spec_count, mo->info->type, rt->version,
                           &rt->types[rt->type_count]);
    if (r < 0)
        return r;
    *ret = &rt->types[rt->type_count++];
    return 0;
}

/* ---- the objects ---- */

static int cmp_mo(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (struct mo *const *)a, y = (uintptr_t) * (struct mo *const *)b;

    return x < y ? -1 : x > y;
}

/* Adds what one spec reports; `seen` is sorted and has what the specs before it reported. */
static int add_selection(struct retrieve *rt, const struct selection *sel, size_t seen_count,
                         struct mo **seen)
{
    for (size_t i = 0; i < sel->count; i++) {
        struct mo *mo = sel->objects[i].mo;
        const struct property_paths *paths;
        int r;

        if (!sel->objects[i].reported)
            continue;
        if (seen_count && bsearch(&mo, seen, seen_count, sizeof(struct mo *), cmp_mo))
            continue;
        r = paths_of(rt, mo, &paths);
        if (r < 0)
            return r;
        if (paths->applies)
            rt->objects[rt->object_count++] = mo;
    }
    return 0;
}

static int select_all(struct retrieve *rt, struct select_fault *fault)
{
    struct arena *a = rt->reader.arena;
    struct mo **seen = NULL;

    for (size_t i = 0; i < rt->spec_count; i++) {
        struct selection sel = {0};
        struct mo **grown;
        int r = select_check(a, rt->specs[i], fault);

        if (r == 0)
            r = select_evaluate(&rt->reader, rt->specs[i], &sel, fault);
        if (r < 0)
            return r;
        grown = ARENA_ARRAY(a, rt->object_count + sel.count + 1, struct mo *);
        if (!grown)
            return -ENOMEM;
        if (rt->object_count)
            memcpy(grown, rt->objects, rt->object_count * sizeof(struct mo *));
        rt->objects = grown;
        if (i > 0) {
            seen = arena_memdup(a, grown, (rt->object_count + 1) * sizeof(struct mo *));
            if (!seen)
                return -ENOMEM;
            qsort(seen, rt->object_count, sizeof(struct mo *), cmp_mo);
        }
        r = add_selection(rt, &sel, i > 0 ? rt->object_count : 0, seen);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- their properties ---- */

/* -EPERM: nobody is logged in and the property is not for everybody; the call was ended. */
static int read_object(struct retrieve *rt, struct mo *mo, struct vim_ObjectContent **ret)
{
    struct arena *a = rt->reader.arena;
    struct property_cache cache = {.mo = mo};
    const struct property_paths *paths;
    struct vim_ObjectContent *oc = VIM_NEW(a, ObjectContent);
    int r = paths_of(rt, mo, &paths);

    if (r < 0)
        return r;
    if (!oc)
        return -ENOMEM;
    oc->obj = mo_ref(mo);
    oc->propSet.items = arena_calloc(a, paths->count + 1, sizeof(*oc->propSet.items));
    if (!oc->propSet.items)
        return -ENOMEM;
    for (size_t i = 0; i < paths->count; i++) {
        const struct vim_any *value;
        struct vim_DynamicProperty *p;

        r = property_read(&rt->reader, &cache, paths->paths[i], &value);
        if (r == -EACCES && !rt->reader.session) {
            call_fault_not_authenticated(rt->call, oc->obj, cache.privilege);
            return -EPERM;
        }
        if (r == -EACCES) {
            if (!oc->missingSet.items)
                oc->missingSet.items = arena_calloc(a, paths->count, sizeof(*oc->missingSet.items));
            if (!oc->missingSet.items ||
                !(oc->missingSet.items[oc->missingSet.count] =
                      property_missing(&rt->reader, &cache, paths->paths[i])))
                return -ENOMEM;
            oc->missingSet.count++;
            continue;
        }
        if (r < 0)
            return r;
        if (!value)
            continue;
        p = VIM_NEW(a, DynamicProperty);
        if (!p)
            return -ENOMEM;
        p->name = paths->paths[i];
        p->val = (struct vim_any *)value;
        oc->propSet.items[oc->propSet.count++] = p;
    }
    *ret = oc;
    return 0;
}

static int read_objects(struct retrieve *rt, size_t count, struct vim_array_ObjectContent *ret)
{
    ret->items = arena_calloc(rt->reader.arena, count + 1, sizeof(*ret->items));
    if (!ret->items)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        int r = read_object(rt, rt->objects[i], &ret->items[ret->count]);

        if (r < 0)
            return r;
        ret->count++;
    }
    return 0;
}

/* ---- tokens ---- */

static void token_free(struct retrieve_token *t)
{
    arena_free(&t->arena);
    mem_free(t->collector);
    mem_free(t);
}

static void token_unlink(struct property_session *ps, struct retrieve_token *t)
{
    struct retrieve_token **p = &ps->tokens;

    while (*p != t)
        p = &(*p)->next;
    *p = t->next;
    ps->token_count--;
    token_free(t);
}

void retrieve_tokens_drop(struct property_session *ps, const char *collector)
{
    for (struct retrieve_token *t = ps->tokens, *next; t; t = next) {
        next = t->next;
        if (!collector || !strcmp(t->collector, collector))
            token_unlink(ps, t);
    }
}

static struct retrieve_token *token_find(struct property_session *ps, const char *collector,
                                         const char *text)
{
    for (struct retrieve_token *t = ps ? ps->tokens : NULL; t; t = t->next) {
        char number[24];

        snprintf(number, sizeof(number), "%llu", (unsigned long long)t->number);
        if (text && !strcmp(number, text) && !strcmp(t->collector, collector))
            return t;
    }
    return NULL;
}

/* Remembers the objects from `from` on, and how to read them. */
static int token_fill(struct retrieve_token *t, const struct retrieve *rt, size_t from)
{
    t->specs = ARENA_ARRAY(&t->arena, rt->spec_count, struct vim_PropertyFilterSpec *);
    t->ids = ARENA_ARRAY(&t->arena, rt->object_count - from, const char *);
    if (!t->specs || !t->ids)
        return -ENOMEM;
    for (size_t i = 0; i < rt->spec_count; i++) {
        t->specs[i] = VIM_COPY(&t->arena, rt->specs[i]);
        if (!t->specs[i])
            return -ENOMEM;
    }
    t->spec_count = rt->spec_count;
    for (size_t i = from; i < rt->object_count; i++) {
        t->ids[t->id_count] = arena_strdup(&t->arena, rt->objects[i]->id);
        if (!t->ids[t->id_count++])
            return -ENOMEM;
    }
    t->version = rt->version;
    return 0;
}

static int token_new(struct retrieve *rt, size_t from, size_t max, const char **ret)
{
    struct property_session *ps;
    struct retrieve_token *t;
    int r = property_session_get(rt->call, &ps);

    if (r < 0)
        return r;
    t = mem_calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    t->arena = ARENA_INIT(TOKEN_ARENA_MAX);
    t->collector = mem_strdup(rt->call->self.value);
    t->max = max;
    r = t->collector ? token_fill(t, rt, from) : -ENOMEM;
    if (r < 0) {
        token_free(t);
        return r;
    }
    while (ps->token_count >= RETRIEVE_TOKENS_MAX) {
        struct retrieve_token *oldest = ps->tokens;

        while (oldest->next)
            oldest = oldest->next;
        token_unlink(ps, oldest);
    }
    t->number = ++ps->token_number;
    t->next = ps->tokens;
    ps->tokens = t;
    ps->token_count++;
    *ret = arena_printf(rt->reader.arena, "%llu", (unsigned long long)t->number);
    return *ret ? 0 : -ENOMEM;
}

/* ---- methods ---- */

void retrieve_properties(struct call *call)
{
    const struct vim_RetrieveProperties_request *req = call->req;
    struct vim_RetrieveProperties_result result = {0};
    struct select_fault fault = {0};
    struct retrieve rt;
    int r;

    if (req->specSet.count > SELECT_SPECS_MAX) {
        call_fault_invalid_argument(call, "specSet");
        return;
    }
    retrieve_init(&rt, call);
    rt.specs = req->specSet.items;
    rt.spec_count = req->specSet.count;
    r = select_all(&rt, &fault);
    if (r == 0)
        r = read_objects(&rt, rt.object_count, &result.value);
    if (r == -EPERM)
        return;
    if (r < 0)
        fail(call, r, &fault);
    else
        call_return(call, &result);
}

void retrieve_properties_ex(struct call *call)
{
    const struct vim_RetrievePropertiesEx_request *req = call->req;
    const struct vim_RetrieveOptions *options = req->options;
    struct vim_RetrievePropertiesEx_result result = {0};
    struct select_fault fault = {0};
    size_t max = RETRIEVE_OBJECTS_MAX, n;
    struct retrieve rt;
    int r;

    if (options && options->has_maxObjects && options->maxObjects <= 0) {
        call_fault_invalid_argument(call, "options.maxObjects");
        return;
    }
    if (req->specSet.count > SELECT_SPECS_MAX) {
        call_fault_invalid_argument(call, "specSet");
        return;
    }
    if (options && options->has_maxObjects && (size_t)options->maxObjects < max)
        max = (size_t)options->maxObjects;
    retrieve_init(&rt, call);
    rt.specs = req->specSet.items;
    rt.spec_count = req->specSet.count;
    r = select_all(&rt, &fault);
    n = rt.object_count < max ? rt.object_count : max;
    if (r == 0 && n) {
        result.value = VIM_NEW(call->arena, RetrieveResult);
        r = result.value ? read_objects(&rt, n, &result.value->objects) : -ENOMEM;
    }
    if (r == 0 && n < rt.object_count && call->session)
        r = token_new(&rt, n, max, &result.value->token);
    if (r == -EPERM)
        return;
    if (r < 0)
        fail(call, r, &fault);
    else
        call_return(call, &result);
}

/* The next objects of the token that still exist. */
static int token_take(struct retrieve *rt, struct retrieve_token *t)
{
    rt->specs = t->specs;
    rt->spec_count = t->spec_count;
    rt->version = t->version;
    rt->objects = ARENA_ARRAY(rt->reader.arena, t->max, struct mo *);
    if (!rt->objects)
        return -ENOMEM;
    while (t->at < t->id_count && rt->object_count < t->max) {
        struct mo *mo = mo_find_for(rt->reader.host->registry, t->ids[t->at++], rt->reader.session);

        if (mo && select_allowed(&rt->reader, mo, "System.View"))
            rt->objects[rt->object_count++] = mo;
    }
    return 0;
}

void retrieve_continue(struct call *call)
{
    const struct vim_ContinueRetrievePropertiesEx_request *req = call->req;
    struct vim_ContinueRetrievePropertiesEx_result result = {0};
    struct property_session *ps = property_session_find(call->session);
    struct retrieve_token *t = token_find(ps, call->self.value, req->token);
    struct retrieve rt;
    int r;

    if (!t) {
        call_fault_invalid_argument(call, "token");
        return;
    }
    retrieve_init(&rt, call);
    result.value = VIM_NEW(call->arena, RetrieveResult);
    r = result.value ? token_take(&rt, t) : -ENOMEM;
    if (r == 0)
        r = read_objects(&rt, rt.object_count, &result.value->objects);
    if (r == 0 && t->at < t->id_count) {
        /* A token is used once: the rest gets a new number. */
        t->number = ++ps->token_number;
        result.value->token = arena_printf(call->arena, "%llu", (unsigned long long)t->number);
    } else if (r == 0) {
        /* The copies that the answer points to must live until it is encoded. */
        call_return(call, &result);
        token_unlink(ps, t);
        return;
    }
    if (r == -EPERM)
        return;
    if (r < 0)
        call_fault_errno(call, r, "retrieving properties");
    else
        call_return(call, &result);
}

void retrieve_cancel(struct call *call)
{
    const struct vim_CancelRetrievePropertiesEx_request *req = call->req;
    struct property_session *ps = property_session_find(call->session);
    struct retrieve_token *t = token_find(ps, call->self.value, req->token);

    if (!t) {
        call_fault_invalid_argument(call, "token");
        return;
    }
    token_unlink(ps, t);
    call_return(call, NULL);
}

void retrieve_fetch(struct call *call)
{
    const struct vim_Fetch_request *req = call->req;
    struct vim_Fetch_result result = {0};
    struct mo_reader reader = {.host = call->host, .session = call->session, .arena = call->arena};
    struct mo *mo = mo_find_for(call->host->registry, call->self.value, call->session);
    const struct vim_field *field;
    int r;

    if (!mo) {
        call_fault_object_not_found(call, call->self);
        return;
    }
    field = req->prop ? vim_property_find(mo->info->type, req->prop) : NULL;
    if (!field) {
        struct vim_InvalidProperty *f = VIM_NEW(call->arena, InvalidProperty);

        if (f)
            f->name = req->prop;
        call_fault(call, f, "The property '%s' is not valid for the object.",
                   req->prop ? req->prop : "");
        return;
    }
    if (!select_allowed(&reader, mo, field->privilege)) {
        if (call->session)
            call_fault_no_permission(call, call->self, field->privilege);
        else
            call_fault_not_authenticated(call, call->self, field->privilege);
        return;
    }
    r = mo_get(mo, field->name, &reader, &result.value);
    if (r == -ENOMEM)
        call_fault_errno(call, r, "reading a property");
    else
        call_return(call, &result);
}
