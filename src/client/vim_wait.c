/* Properties, and waiting for them to change. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "client/vim_client_impl.h"

#define WAIT_SECONDS 60u /* the longest that a server holds one call */
#define OBJECTS_MAX  100000u

static struct vim_PropertyFilterSpec *property_spec(struct arena *a, const char *type, size_t count,
                                                    const char *const *paths)
{
    struct vim_PropertyFilterSpec *spec = VIM_NEW(a, PropertyFilterSpec);
    struct vim_PropertySpec *prop = VIM_NEW(a, PropertySpec);
    struct vim_ObjectSpec *obj = VIM_NEW(a, ObjectSpec);
    struct vim_PropertySpec **props = ARENA_ARRAY(a, 1, struct vim_PropertySpec *);
    struct vim_ObjectSpec **objects = ARENA_ARRAY(a, 1, struct vim_ObjectSpec *);

    if (!spec || !prop || !obj || !props || !objects)
        return NULL;
    props[0] = prop;
    objects[0] = obj;
    prop->type = type;
    prop->pathSet.count = count;
    prop->pathSet.items = arena_memdup(a, paths, count * sizeof(*paths));
    spec->propSet = (struct vim_array_PropertySpec){1, props};
    spec->objectSet = (struct vim_array_ObjectSpec){1, objects};
    return prop->pathSet.items ? spec : NULL;
}

static struct vim_PropertyFilterSpec *one_object(struct arena *a, struct vim_ref object,
                                                 size_t count, const char *const *paths)
{
    struct vim_PropertyFilterSpec *spec = property_spec(a, object.type, count, paths);

    if (spec)
        spec->objectSet.items[0]->obj = object;
    return spec;
}

const struct vim_any *vim_client_value(const struct vim_ObjectContent *object, const char *path)
{
    for (size_t i = 0; i < object->propSet.count; i++)
        if (!strcmp(object->propSet.items[i]->name, path))
            return object->propSet.items[i]->val;
    return NULL;
}

/* Follows the tokens of a long answer; at most OBJECTS_MAX objects. */
static int retrieve(struct vim_client *c, struct vim_PropertyFilterSpec *spec, struct arena *arena,
                    struct vim_array_ObjectContent *ret, struct error *err)
{
    struct vim_RetrievePropertiesEx_request req = {.this_ = c->content->propertyCollector};
    struct vim_RetrievePropertiesEx_result *result = NULL;
    const struct vim_RetrieveResult *page;
    int r;

    req.options = VIM_NEW(arena, RetrieveOptions);
    if (!spec || !req.options)
        return error_set(err, -ENOMEM, "out of memory");
    req.specSet = (struct vim_array_PropertyFilterSpec){1, &spec};
    r = vim_client_call(c, &vim_method_RetrievePropertiesEx, &req, arena, (void **)&result, err);
    *ret = (struct vim_array_ObjectContent){0};
    page = r ? NULL : result->value;
    while (page) {
        struct vim_ContinueRetrievePropertiesEx_request more = {
            .this_ = c->content->propertyCollector, .token = page->token};
        struct vim_ContinueRetrievePropertiesEx_result *next = NULL;
        struct vim_ObjectContent **all =
            ARENA_ARRAY(arena, ret->count + page->objects.count + 1, struct vim_ObjectContent *);

        if (!all || ret->count + page->objects.count > OBJECTS_MAX)
            return error_set(err, -E2BIG, "the host has too many objects");
        if (ret->count)
            memcpy(all, ret->items, ret->count * sizeof(struct vim_ObjectContent *));
        if (page->objects.count)
            memcpy(all + ret->count, page->objects.items,
                   page->objects.count * sizeof(struct vim_ObjectContent *));
        ret->items = all;
        ret->count += page->objects.count;
        if (!page->token)
            break;
        r = vim_client_call(c, &vim_method_ContinueRetrievePropertiesEx, &more, arena,
                            (void **)&next, err);
        if (r)
            return r;
        page = next->value;
    }
    return r;
}

int vim_client_properties(struct vim_client *c, struct vim_ref object, size_t count,
                          const char *const *paths, struct arena *arena, struct vim_any **ret,
                          struct error *err)
{
    struct vim_array_ObjectContent objects;
    int r = retrieve(c, one_object(arena, object, count, paths), arena, &objects, err);

    for (size_t i = 0; !r && i < count; i++)
        ret[i] =
            objects.count ? (struct vim_any *)vim_client_value(objects.items[0], paths[i]) : NULL;
    return r;
}

int vim_client_property(struct vim_client *c, struct vim_ref object, const char *path,
                        struct arena *arena, struct vim_any **ret, struct error *err)
{
    return vim_client_properties(c, object, 1, &path, arena, ret, err);
}

int vim_client_objects(struct vim_client *c, const char *type, size_t count,
                       const char *const *paths, struct arena *arena,
                       struct vim_array_ObjectContent *ret, struct error *err)
{
    struct vim_CreateContainerView_request make = {.this_ = c->content->viewManager,
                                                   .container = c->content->rootFolder,
                                                   .recursive = true,
                                                   .type = {1, &type}};
    struct vim_CreateContainerView_result *view = NULL;
    struct vim_PropertyFilterSpec *spec = property_spec(arena, type, count, paths);
    struct vim_TraversalSpec *walk = VIM_NEW(arena, TraversalSpec);
    struct vim_SelectionSpec **walks = ARENA_ARRAY(arena, 1, struct vim_SelectionSpec *);
    int r;

    if (!spec || !walk || !walks)
        return error_set(err, -ENOMEM, "out of memory");
    r = vim_client_call(c, &vim_method_CreateContainerView, &make, arena, (void **)&view, err);
    if (r)
        return r;
    walk->type = "ContainerView";
    walk->path = "view";
    walks[0] = (struct vim_SelectionSpec *)walk;
    spec->objectSet.items[0]->obj = view->value;
    spec->objectSet.items[0]->has_skip = spec->objectSet.items[0]->skip = true;
    spec->objectSet.items[0]->selectSet = (struct vim_array_SelectionSpec){1, walks};
    r = retrieve(c, spec, arena, ret, err);
    {
        const struct vim_DestroyView_request destroy = {.this_ = view->value};

        if (!r)
            r = vim_client_call(c, &vim_method_DestroyView, &destroy, arena, NULL, err);
    }
    return r;
}

/* The newest value that an update set carries for the path; *found when it carries one. */
static const struct vim_any *newest(const struct vim_UpdateSet *set, int *found)
{
    const struct vim_any *value = NULL;

    *found = 0;
    for (size_t f = 0; f < set->filterSet.count; f++) {
        const struct vim_PropertyFilterUpdate *update = set->filterSet.items[f];

        for (size_t o = 0; o < update->objectSet.count; o++) {
            const struct vim_ObjectUpdate *object = update->objectSet.items[o];

            for (size_t i = 0; i < object->changeSet.count; i++) {
                value = object->changeSet.items[i]->val;
                *found = 1;
            }
        }
    }
    return value;
}

unsigned vim_client_hold_s(const struct vim_client *c)
{
    return c->timeout_s / 2 < WAIT_SECONDS ? c->timeout_s / 2 + 1 : WAIT_SECONDS;
}

static int wait_loop(struct vim_client *c, struct vim_ref collector,
                     int (*done)(const struct vim_any *value, void *arg), void *arg,
                     uint64_t timeout_ms, struct error *err)
{
    uint64_t end = clock_ms() + timeout_ms;
    unsigned held = vim_client_hold_s(c);
    char version[64] = "";

    for (;;) {
        AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
        struct vim_WaitForUpdatesEx_request req = {.this_ = collector};
        struct vim_WaitForUpdatesEx_result *result = NULL;
        uint64_t now = clock_ms();
        const struct vim_any *value;
        int found, r;

        if (now >= end)
            return error_set(err, -ETIMEDOUT, "waited %llu s in vain",
                             (unsigned long long)timeout_ms / 1000);
        req.version = version[0] ? version : NULL;
        req.options = VIM_NEW(&a, WaitOptions);
        if (!req.options)
            return error_set(err, -ENOMEM, "out of memory");
        req.options->has_maxWaitSeconds = true;
        req.options->maxWaitSeconds =
            (end - now) / 1000 + 1 < held ? (int32_t)((end - now) / 1000 + 1) : (int32_t)held;
        r = vim_client_call(c, &vim_method_WaitForUpdatesEx, &req, &a, (void **)&result, err);
        if (r)
            return r;
        if (!result->value)
            continue;
        snprintf(version, sizeof(version), "%s", result->value->version);
        value = newest(result->value, &found);
        if (found && done(value, arg))
            return 0;
    }
}

/* What happened before, a fault too, stays readable. */
static void drop_collector(struct vim_client *c, struct vim_ref collector)
{
    const struct vim_DestroyPropertyCollector_request destroy = {.this_ = collector};
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    const struct vim_object *fault = c->fault;
    enum vim_client_failure failure = c->failure;
    struct arena kept = c->fault_arena;

    c->fault_arena = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    vim_client_call(c, &vim_method_DestroyPropertyCollector, &destroy, &a, NULL, NULL);
    arena_free(&c->fault_arena);
    c->fault_arena = kept;
    c->fault = fault;
    c->failure = failure;
}

int vim_client_wait(struct vim_client *c, struct vim_ref object, const char *path,
                    int (*done)(const struct vim_any *value, void *arg), void *arg,
                    uint64_t timeout_ms, struct error *err)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    const struct vim_CreatePropertyCollector_request make = {.this_ =
                                                                 c->content->propertyCollector};
    struct vim_CreatePropertyCollector_result *made = NULL;
    struct vim_CreateFilter_request filter = {.partialUpdates = false};
    int r = vim_client_call(c, &vim_method_CreatePropertyCollector, &make, &a, (void **)&made, err);

    if (r)
        return r;
    filter.this_ = made->value;
    filter.spec = one_object(&a, object, 1, &path);
    r = filter.spec ? vim_client_call(c, &vim_method_CreateFilter, &filter, &a, NULL, err)
                    : error_set(err, -ENOMEM, "out of memory");
    if (!r)
        r = wait_loop(c, made->value, done, arg, timeout_ms, err);
    if (r)
        error_prefix(err, r, "waiting for %s", path);
    drop_collector(c, made->value);
    return r;
}

struct follow {
    void (*progress)(int percent, void *arg);
    void *arg;
};

static int task_over(const struct vim_any *value, void *arg)
{
    const struct vim_TaskInfo *info = value ? VIM_CAST(value->v.object, TaskInfo) : NULL;
    const struct follow *f = arg;

    if (info && info->has_progress && f->progress)
        f->progress(info->progress, f->arg);
    return info &&
           (info->state == VIM_TaskInfoState_success || info->state == VIM_TaskInfoState_error);
}

int vim_client_follow_task(struct vim_client *c, struct vim_ref task, uint64_t timeout_ms,
                           void (*progress)(int percent, void *arg), void *arg, struct arena *arena,
                           struct vim_any **ret, struct error *err)
{
    struct follow follow = {progress, arg};
    const struct vim_TaskInfo *info;
    struct vim_any *value = NULL;
    int r = vim_client_wait(c, task, "info", task_over, &follow, timeout_ms, err);

    if (!r)
        r = vim_client_property(c, task, "info", arena, &value, err);
    if (r)
        return r;
    info = value ? VIM_CAST(value->v.object, TaskInfo) : NULL;
    if (!info) {
        c->failure = VIM_CLIENT_PROTOCOL;
        return error_set(err, -EPROTO, "the task %s has no information", task.value);
    }
    if (info->state == VIM_TaskInfoState_error) {
        c->failure = VIM_CLIENT_FAULT;
        c->fault = info->error ? (const struct vim_object *)info->error->fault : NULL;
        return error_set(err, -EREMOTEIO, "%s: %s", info->name ? info->name : "task",
                         info->error && info->error->localizedMessage
                             ? info->error->localizedMessage
                             : "failed");
    }
    if (ret)
        *ret = info->result;
    return 0;
}

int vim_client_wait_task(struct vim_client *c, struct vim_ref task, uint64_t timeout_ms,
                         struct arena *arena, struct vim_any **ret, struct error *err)
{
    return vim_client_follow_task(c, task, timeout_ms, NULL, NULL, arena, ret, err);
}
