#include "hostd/event.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/about.h"
#include "hostd/event_manager.h"
#include "hostd/session.h"
#include "hostd/task.h"

struct event_log {
    struct inventory *inv;
    struct event *ring[EVENTS_MAX];
    int32_t last_key;
    int32_t last_chain;
};

int32_t event_new_chain(struct event_log *log)
{
    return ++log->last_chain;
}

int32_t event_first_key(const struct event_log *log)
{
    return log->last_key > EVENTS_MAX ? log->last_key - EVENTS_MAX + 1 : 1;
}

int32_t event_last_key(const struct event_log *log)
{
    return log->last_key;
}

const struct event *event_by_key(const struct event_log *log, int32_t key)
{
    return key >= event_first_key(log) && key <= log->last_key ? log->ring[key % EVENTS_MAX] : NULL;
}

static void event_free(struct event *e)
{
    if (!e)
        return;
    arena_free(&e->arena);
    mem_free(e->entity);
    mem_free(e);
}

/* ---- where it happened ---- */

#define ARGUMENT(a, event, field, argument, member, entity_)                                     \
    do {                                                                                         \
        struct vim_##argument *arg_ = VIM_NEW((a), argument);                                    \
        if (arg_) {                                                                              \
            arg_->name = arena_strdup((a), (entity_)->name);                                     \
            arg_->member =                                                                       \
                vim_ref_make(mo_type_name(&(entity_)->mo), arena_strdup((a), (entity_)->mo.id)); \
            (event)->field = arg_;                                                               \
        }                                                                                        \
    } while (0)

static void fill_places(struct inventory *inv, struct arena *a, struct vim_Event *e,
                        const struct entity *entity)
{
    if (!entity)
        return;
    ARGUMENT(a, e, datacenter, DatacenterEventArgument, datacenter, &inv->datacenter);
    if (mo_is_a(&entity->mo, "VirtualMachine") || mo_is_a(&entity->mo, "HostSystem")) {
        ARGUMENT(a, e, computeResource, ComputeResourceEventArgument, computeResource,
                 &inv->compute);
        ARGUMENT(a, e, host, HostEventArgument, host, &inv->host_system);
    }
    if (mo_is_a(&entity->mo, "VirtualMachine"))
        ARGUMENT(a, e, vm, VmEventArgument, vm, entity);
}

void event_post(struct event_log *log, struct vim_Event *event, const struct entity *entity,
                const char *user)
{
    struct event *e = mem_calloc(1, sizeof(*e));
    int32_t key = log->last_key + 1;

    if (e) {
        e->arena = ARENA_INIT(EVENT_ARENA_MAX);
        e->entity = entity ? mem_strdup(entity->mo.id) : NULL;
        e->data = (struct vim_Event *)(void *)vim_copy(&e->arena, event);
    }
    if (!e || !e->data || (entity && !e->entity) || key <= 0) {
        event_free(e);
        log_warn("an event of type %s is lost: out of memory", event->base.type->name);
        return;
    }
    e->data->key = key;
    e->data->createdTime = clock_wall_us();
    if (!e->data->chainId)
        e->data->chainId = event_new_chain(log);
    e->data->userName = arena_strdup(&e->arena, user ? user : "");
    fill_places(log->inv, &e->arena, e->data, entity);
    if (!e->data->fullFormattedMessage)
        e->data->fullFormattedMessage = event->base.type->name;
    event_free(log->ring[key % EVENTS_MAX]);
    log->ring[key % EVENTS_MAX] = e;
    log->last_key = key;
    event_manager_changed(log->inv);
}

void event_vm(struct event_log *log, const struct entity *vm, const struct vim_type *type,
              const char *user, const char *fmt, ...)
{
    AUTO_ARENA struct arena a = ARENA_INIT(EVENT_ARENA_MAX);
    struct vim_Event *e = (struct vim_Event *)(void *)vim_new(&a, type);
    va_list ap;

    if (!e)
        return;
    va_start(ap, fmt);
    e->fullFormattedMessage = arena_vprintf(&a, fmt, ap);
    va_end(ap);
    event_post(log, e, vm, user);
}

void event_task(struct event_log *log, const struct task *task, const struct entity *entity,
                const char *user)
{
    AUTO_ARENA struct arena a = ARENA_INIT(EVENT_ARENA_MAX);
    struct vim_TaskEvent *e = VIM_NEW(&a, TaskEvent);

    if (!e || !(e->info = task_info(task, &a)))
        return;
    e->chainId = e->info->eventChainId;
    e->fullFormattedMessage = arena_printf(&a, "Task: %s", e->info->descriptionId);
    event_post(log, (struct vim_Event *)(void *)e, entity, user);
}

/* ---- filters ---- */

static bool in_list(const struct vim_array_string *list, const char *s)
{
    for (size_t i = 0; i < list->count; i++) {
        if (s && !strcmp(list->items[i], s))
            return true;
    }
    return false;
}

const char *event_category(const struct vim_type *type, const struct vim_Event *event)
{
    const struct vim_EventEx *ex = VIM_CAST(event, EventEx);

    if (ex && ex->severity)
        return ex->severity;
    if (strstr(type->name, "Failed") || strstr(type->name, "Error"))
        return "error";
    if (strstr(type->name, "Warning") || !strcmp(type->name, "BadUsernameSessionEvent"))
        return "warning";
    return !strcmp(type->name, "GeneralUserEvent") ? "user" : "info";
}

static bool type_matches(const struct event *e, const struct vim_EventFilterSpec *f)
{
    const struct vim_EventEx *ex = VIM_CAST(e->data, EventEx);

    for (size_t i = 0; i < f->type.count; i++) {
        const struct vim_type *type = vim_type_find(f->type.items[i]);

        if (type && vim_type_is_a(e->data->base.type, type))
            return true;
    }
    for (size_t i = 0; i < f->eventTypeId.count; i++) {
        const char *id = f->eventTypeId.items[i], *dot = strrchr(id, '.');

        if (ex && ex->eventTypeId && !strcmp(ex->eventTypeId, id))
            return true;
        if (!strncmp(id, "vim.event.", 10) && dot && !strcmp(dot + 1, e->data->base.type->name))
            return true;
    }
    return !f->type.count && !f->eventTypeId.count;
}

static bool entity_matches(struct inventory *inv, const struct event *e,
                           const struct vim_EventFilterSpecByEntity *by)
{
    const char *id = e->entity ? e->entity : inv->root.e.mo.id;
    const struct mo *mo, *of;

    if (by->recursion == VIM_EventFilterSpecRecursionOption_self || !by->entity.value)
        return by->entity.value && !strcmp(id, by->entity.value);
    mo = mo_find(inv->host->registry, id);
    of = mo_find(inv->host->registry, by->entity.value);
    if (!mo || !of)
        return false;
    if (by->recursion == VIM_EventFilterSpecRecursionOption_children)
        return mo->parent == of;
    return inventory_is_beneath(mo, of);
}

bool event_matches(struct inventory *inv, const struct event *e,
                   const struct vim_EventFilterSpec *f)
{
    const struct vim_EventFilterSpecByTime *t = f->time;

    if (f->entity && !entity_matches(inv, e, f->entity))
        return false;
    if (t && t->has_beginTime && e->data->createdTime < t->beginTime)
        return false;
    if (t && t->has_endTime && e->data->createdTime > t->endTime)
        return false;
    if (f->userName && f->userName->userList.count &&
        !in_list(&f->userName->userList, e->data->userName))
        return false;
    if (f->has_eventChainId && e->data->chainId != f->eventChainId)
        return false;
    if (f->category.count && !in_list(&f->category, event_category(e->data->base.type, e->data)))
        return false;
    return type_matches(e, f);
}

int event_log_start(struct inventory *inv, struct error *err)
{
    inv->events = mem_calloc(1, sizeof(*inv->events));
    if (!inv->events)
        return error_set(err, -ENOMEM, "event log: out of memory");
    inv->events->inv = inv;
    return event_manager_start(inv, err);
}

void event_log_stop(struct inventory *inv)
{
    if (!inv->events)
        return;
    event_manager_stop(inv);
    for (size_t i = 0; i < EVENTS_MAX; i++)
        event_free(inv->events->ring[i]);
    mem_free(inv->events);
    inv->events = NULL;
}
