#include "hostd/task.h"

#include <errno.h>
#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/about.h"
#include "hostd/auth.h"
#include "hostd/event.h"
#include "hostd/inventory_internal.h"
#include "hostd/session.h"

#define SWEEP_MS 30000

struct task {
    struct mo mo;
    struct task_manager *tm;
    struct task *newer, *older;
    const char *method, *description;
    struct mo_watch entity_watch;
    struct vim_ref entity; /* mem_alloc'd value */
    char *entity_name;
    char user[SESSION_USER_MAX];
    int state;
    bool cancelled;
    void (*cancel)(struct task *task, void *arg);
    void *cancel_arg;
    int64_t queued, started, completed; /* wall clock, us; 0 = not yet */
    uint64_t ended_ms;
    int32_t chain;
    struct arena arena;
    struct vim_any *result;
    struct vim_LocalizedMethodFault *error;
};

struct task_manager {
    struct mo mo;
    struct inventory *inv;
    struct task *newest, *oldest;
    size_t count;
    uv_timer_t *sweep;
};

static bool ended(const struct task *t)
{
    return t->state == VIM_TaskInfoState_success || t->state == VIM_TaskInfoState_error;
}

static void task_free(struct task *t)
{
    struct task_manager *tm = t->tm;

    *(t->newer ? &t->newer->older : &tm->newest) = t->older;
    *(t->older ? &t->older->newer : &tm->oldest) = t->newer;
    tm->count--;
    mo_watch_remove(&t->entity_watch);
    mo_remove(&t->mo);
    mem_free((char *)t->entity.value);
    mem_free(t->entity_name);
    arena_free(&t->arena);
    mem_free(t);
}

/* Drops ended tasks that are old, or oldest first while there are too many. */
static void sweep(struct task_manager *tm)
{
    size_t before = tm->count;

    for (struct task *t = tm->oldest, *next; t; t = next) {
        next = t->newer;
        if (ended(t) &&
            (tm->count > TASKS_MAX || clock_ms() - t->ended_ms > TASK_KEEP_SECONDS * 1000ull))
            task_free(t);
    }
    if (tm->count != before)
        mo_changed(&tm->mo, "recentTask");
}

static void on_sweep(uv_timer_t *timer)
{
    sweep(timer->data);
}

/* ---- TaskInfo ---- */

struct vim_TaskInfo *task_info(const struct task *t, struct arena *a)
{
    struct vim_TaskInfo *i = VIM_NEW(a, TaskInfo);
    struct vim_TaskReasonUser *reason = VIM_NEW(a, TaskReasonUser);

    if (!i || !reason)
        return NULL;
    i->key = arena_strdup(a, t->mo.id);
    i->task = vim_ref_make("Task", i->key);
    i->name = t->method;
    i->descriptionId = t->description;
    if (t->entity.value) {
        i->entity = vim_ref_make(t->entity.type, arena_strdup(a, t->entity.value));
        i->entityName = arena_strdup(a, t->entity_name);
    }
    i->state = t->state;
    i->cancelled = t->cancelled;
    i->cancelable = t->cancel && !ended(t);
    i->error = VIM_COPY(a, t->error);
    i->result = vim_any_copy(a, t->result);
    i->has_progress = t->state == VIM_TaskInfoState_running;
    reason->userName = arena_strdup(a, t->user);
    i->reason = (__typeof__(i->reason))(void *)reason;
    i->queueTime = t->queued;
    i->has_startTime = t->started != 0;
    i->startTime = t->started;
    i->has_completeTime = t->completed != 0;
    i->completeTime = t->completed;
    i->eventChainId = t->chain;
    return i->key && reason->userName ? i : NULL;
}

static int get_info(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_object(r->arena, task_info((struct task *)(void *)mo, r->arena)), ret);
}

static const struct mo_property task_properties[] = {{"info", get_info}, {NULL, NULL}};
static const struct mo_class task_class = {.type = "Task", .properties = task_properties};

/* ---- life of a task ---- */

static void entity_changed(struct mo_watch *watch, const char *path)
{
    (void)watch; /* the watch comes off by itself when the entity goes; that is all it is for */
    (void)path;
}

void task_set_entity(struct task *t, struct entity *e)
{
    char *id = e ? mem_strdup(e->mo.id) : NULL;
    char *name = e ? mem_strdup(e->name) : NULL;

    if (e && (!id || !name)) {
        mem_free(id);
        mem_free(name);
        return;
    }
    mo_watch_remove(&t->entity_watch);
    mem_free((char *)t->entity.value);
    mem_free(t->entity_name);
    t->entity = vim_ref_make(e ? mo_type_name(&e->mo) : NULL, id);
    t->entity_name = name;
    if (e)
        mo_watch_add(&e->mo, &t->entity_watch);
}

static void make_id(struct task_manager *tm, const struct entity *e, const char *description,
                    int64_t number, char out[MO_ID_MAX])
{
    if (tm->inv->vcenter)
        snprintf(out, MO_ID_MAX, "task-%lld", (long long)number);
    else
        snprintf(out, MO_ID_MAX, "haTask-%.24s-vim.%.64s-%lld", e ? e->mo.id : "ha", description,
                 (long long)number);
}

int task_new(struct call *call, struct entity *entity, const char *method, const char *description,
             struct task **ret)
{
    struct task_manager *tm = inventory_of(call->host)->tasks;
    int64_t number = inventory_next_number(tm->inv);
    struct task *t;
    char id[MO_ID_MAX];
    int r;

    if (number < 0)
        return (int)number;
    if (tm->count >= TASKS_MAX)
        sweep(tm);
    if (tm->count > TASKS_MAX)
        return -ENOSPC;
    t = mem_calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    make_id(tm, entity, description, number, id);
    r = mo_add(call->host->registry, &t->mo, &task_class, id);
    if (r < 0) {
        mem_free(t);
        return r;
    }
    t->tm = tm;
    t->entity_watch.changed = entity_changed;
    t->method = method;
    t->description = description;
    t->state = VIM_TaskInfoState_queued;
    t->queued = clock_wall_us();
    t->arena = ARENA_INIT(TASK_ARENA_MAX);
    t->chain = event_new_chain(tm->inv->events);
    snprintf(t->user, sizeof(t->user), "%s", call->session ? call->session->user : "");
    task_set_entity(t, entity);
    t->older = tm->newest;
    *(tm->newest ? &tm->newest->newer : &tm->oldest) = t;
    tm->newest = t;
    tm->count++;
    mo_changed(&tm->mo, "recentTask");
    if (entity)
        mo_changed(&entity->mo, "recentTask");
    event_task(tm->inv->events, t, entity, t->user);
    *ret = t;
    return 0;
}

void task_return(struct call *call, const struct task *t)
{
    /* The result of every task method is a structure of this one member. */
    struct vim_PowerOnVM_Task_result result = {.value = mo_ref(&t->mo)};

    call_return(call, &result);
}

struct task *task_begin(struct call *call, struct entity *entity, const char *method,
                        const char *description)
{
    struct task *t = NULL;
    int r = task_new(call, entity, method, description, &t);

    if (r < 0) {
        call_fault_errno(call, r, "making a task");
        return NULL;
    }
    return t;
}

void task_start(struct task *t)
{
    if (t->state != VIM_TaskInfoState_queued)
        return;
    t->state = VIM_TaskInfoState_running;
    t->started = clock_wall_us();
    mo_changed(&t->mo, "info");
}

static void finish(struct task *t, int state)
{
    if (!t->started)
        t->started = clock_wall_us();
    t->state = state;
    t->completed = clock_wall_us();
    t->ended_ms = clock_ms();
    t->cancel = NULL;
    mo_changed(&t->mo, "info");
    mo_changed(&t->tm->mo, "recentTask");
    if (t->entity_watch.mo)
        mo_changed(t->entity_watch.mo, "recentTask");
}

void task_succeed(struct task *t, const struct vim_any *result)
{
    if (ended(t))
        return;
    t->result = vim_any_copy(&t->arena, result);
    finish(t, VIM_TaskInfoState_success);
}

void task_fail(struct task *t, const void *fault, const char *fmt, ...)
{
    struct vim_LocalizedMethodFault *error;
    struct vim_SystemError *system = NULL;
    va_list ap;

    if (ended(t))
        return;
    error = VIM_NEW(&t->arena, LocalizedMethodFault);
    if (error) {
        va_start(ap, fmt);
        error->localizedMessage = arena_vprintf(&t->arena, fmt, ap);
        va_end(ap);
        if (!fault) {
            system = VIM_NEW(&t->arena, SystemError);
            if (system)
                system->reason = error->localizedMessage;
        }
        error->fault = fault ? (__typeof__(error->fault))(void *)vim_copy(&t->arena, fault)
                             : (__typeof__(error->fault))(void *)system;
        if (error->fault)
            t->error = error;
        log_info("task %s of %s failed: %s", t->mo.id, t->user,
                 error->localizedMessage ? error->localizedMessage : "");
    }
    finish(t, VIM_TaskInfoState_error);
}

void task_set_cancel(struct task *t, void (*cancel)(struct task *task, void *arg), void *arg)
{
    t->cancel = cancel;
    t->cancel_arg = arg;
    mo_changed(&t->mo, "info.cancelable");
}

const struct mo *task_mo(const struct task *t)
{
    return &t->mo;
}

const char *task_user(const struct task *t)
{
    return t->user;
}

const char *task_description(const struct task *t)
{
    return t->description;
}

struct arena *task_arena(struct task *t)
{
    return &t->arena;
}

int task_running_refs(struct task_manager *tm, const struct mo *entity, struct arena *a,
                      struct vim_any **ret)
{
    struct mo *items[64];
    size_t n = 0;

    for (struct task *t = tm ? tm->newest : NULL; t && n < ARRAY_SIZE(items); t = t->older) {
        if (!ended(t) && t->entity.value && !strcmp(t->entity.value, entity->id))
            items[n++] = &t->mo;
    }
    return n ? mo_value_refs(a, items, n, ret) : 0;
}

/* ---- methods of Task ---- */

static struct task *task_of(struct call *call)
{
    return (struct task *)(void *)mo_find(call->host->registry, call->self.value);
}

static void cancel_task(struct call *call)
{
    struct task *t = task_of(call);
    bool own = call->session && !strcmp(call->session->user, t->user);

    if (!own &&
        !call_check_privilege(call, t->entity.value ? t->entity : call->self, "Global.CancelTask"))
        return;
    if (ended(t)) {
        call_fault_invalid_state(call);
    } else if (!t->cancel) {
        call_fault_not_supported(call);
    } else {
        t->cancelled = true;
        mo_changed(&t->mo, "info.cancelled");
        t->cancel(t, t->cancel_arg);
        call_return(call, NULL);
    }
}

/* ---- TaskManager ---- */

static int get_recent(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    const struct task_manager *tm = (const struct task_manager *)(void *)mo;
    struct mo *items[TASKS_RECENT];
    size_t n = 0;

    for (struct task *t = tm->newest; t && n < TASKS_RECENT; t = t->older)
        items[TASKS_RECENT - ++n] = &t->mo; /* newest last */
    return mo_value_refs(r->arena, items + TASKS_RECENT - n, n, ret);
}

static struct vim_ElementDescription *element(struct arena *a, const char *key, const char *label)
{
    struct vim_ElementDescription *e = VIM_NEW(a, ElementDescription);

    if (e) {
        e->key = key;
        e->label = e->summary = label;
    }
    return e;
}

static int get_description(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    static const struct {
        const char *key, *label;
    } methods[] = {{"VirtualMachine.powerOn", "Power On virtual machine"},
                   {"VirtualMachine.powerOff", "Power Off virtual machine"},
                   {"VirtualMachine.suspend", "Suspend virtual machine"},
                   {"VirtualMachine.reset", "Reset virtual machine"},
                   {"VirtualMachine.reconfigure", "Reconfigure virtual machine"},
                   {"ManagedEntity.destroy", "Delete"},
                   {"ManagedEntity.rename", "Rename"},
                   {"Folder.createVm", "Create virtual machine"},
                   {"Folder.registerVm", "Register virtual machine"}},
      states[] = {
          {"queued", "Queued"}, {"running", "Running"}, {"success", "Success"}, {"error", "Error"}};
    struct vim_TaskDescription *d = VIM_NEW(r->arena, TaskDescription);
    struct vim_TypeDescription *reason = VIM_NEW(r->arena, TypeDescription);

    (void)mo;
    if (!d || !reason)
        return -ENOMEM;
    d->methodInfo.items = arena_calloc(r->arena, ARRAY_SIZE(methods), sizeof(void *));
    d->state.items = arena_calloc(r->arena, ARRAY_SIZE(states), sizeof(void *));
    d->reason.items = arena_memdup(r->arena, &reason, sizeof(reason));
    if (!d->methodInfo.items || !d->state.items || !d->reason.items)
        return -ENOMEM;
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        if (!(d->methodInfo.items[i] = element(r->arena, methods[i].key, methods[i].label)))
            return -ENOMEM;
    }
    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        if (!(d->state.items[i] = element(r->arena, states[i].key, states[i].label)))
            return -ENOMEM;
    }
    d->methodInfo.count = ARRAY_SIZE(methods);
    d->state.count = ARRAY_SIZE(states);
    reason->key = "TaskReasonUser";
    reason->label = reason->summary = "Task started by a user";
    d->reason.count = 1;
    return mo_value(vim_any_object(r->arena, d), ret);
}

static int get_max_collector(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    (void)mo;
    return mo_value(vim_any_int(r->arena, 32), ret);
}

static const struct mo_property manager_properties[] = {{"recentTask", get_recent},
                                                        {"description", get_description},
                                                        {"maxCollector", get_max_collector},
                                                        {NULL, NULL}};
static const struct mo_class manager_class = {.type = "TaskManager",
                                              .properties = manager_properties};

static void timer_closed(uv_handle_t *handle)
{
    mem_free(handle);
}

int task_manager_start(struct inventory *inv, struct error *err)
{
    struct task_manager *tm = mem_calloc(1, sizeof(*tm));
    int r = -ENOMEM;

    if (tm && (tm->sweep = mem_calloc(1, sizeof(*tm->sweep))))
        r = mo_add(inv->host->registry, &tm->mo, &manager_class,
                   about_ref(inv->host, "taskManager").value);
    if (r < 0) {
        if (tm)
            mem_free(tm->sweep);
        mem_free(tm);
        return error_errno(err, r, "task manager");
    }
    tm->inv = inv;
    uv_timer_init(inv->host->loop, tm->sweep);
    uv_unref((uv_handle_t *)tm->sweep);
    tm->sweep->data = tm;
    uv_timer_start(tm->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    inv->tasks = tm;
    return 0;
}

void task_manager_stop(struct inventory *inv)
{
    struct task_manager *tm = inv->tasks;

    if (!tm)
        return;
    while (tm->newest)
        task_free(tm->newest);
    mo_remove(&tm->mo);
    uv_close((uv_handle_t *)tm->sweep, timer_closed);
    mem_free(tm);
    inv->tasks = NULL;
}

const struct call_row task_calls[] = {{&vim_method_CancelTask, cancel_task}, {NULL, NULL}};
