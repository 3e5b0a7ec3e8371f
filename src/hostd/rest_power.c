/*
 * REST power operations. A hard one is answered when its task has ended; a soft one as soon as the
 * guest has agreed.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "hostd/mo.h"
#include "hostd/rest.h"

#define WAIT_MS (10u * 60u * 1000u) /* for a task */

/* A request that waits for a task. Its timer ends the wait when time is up, and also as soon as the
 * task has changed: a watcher itself may only take notes. */
struct wait {
    struct mo_watch watch; /* first */
    struct rest *rest;     /* NULL: answered */
    uv_timer_t timer;
    uint64_t deadline;
};

static void free_wait(uv_handle_t *h)
{
    mem_free(h->data);
}

static struct rest *wait_over(struct wait *w)
{
    struct rest *rest = TAKE_PTR(w->rest);
    mo_watch_remove(&w->watch);
    uv_close((uv_handle_t *)&w->timer, free_wait);
    http_on_gone(rest->req, NULL, NULL);
    return rest;
}

static void answer(struct wait *w, const struct vim_TaskInfo *info)
{
    if (info->state == VIM_TaskInfoState_success)
        rest_return(wait_over(w), NULL);
    else if (info->error && info->error->fault)
        rest_fault(wait_over(w), &info->error->fault->base,
                   info->error->localizedMessage ? info->error->localizedMessage
                                                 : "The operation failed.");
    else
        rest_fail(wait_over(w), REST_ERROR, "com.vmware.vapi.std.errors.error",
                  "The operation failed.");
}

static void look(struct wait *w)
{
    struct arena arena = ARENA_INIT(1u << 20);
    struct mo_reader reader = {w->rest->host, w->rest->session, &arena};
    struct vim_any *value = NULL;
    int rc = w->watch.mo ? mo_get(w->watch.mo, "info", &reader, &value) : -ENOENT;
    const struct vim_TaskInfo *info = rc == 0 && value ? VIM_CAST(value->v.object, TaskInfo) : NULL;
    if (!info)
        rest_fail(wait_over(w), REST_ERROR, "com.vmware.vapi.std.errors.error",
                  "The operation's task is gone.");
    else if (info->state == VIM_TaskInfoState_success || info->state == VIM_TaskInfoState_error)
        answer(w, info);
    else if (uv_now(w->rest->host->loop) >= w->deadline)
        rest_fail(wait_over(w), REST_TIMED_OUT, "com.vmware.vapi.std.errors.timed_out",
                  "The operation has not ended within %u s; it goes on.", WAIT_MS / 1000);
    arena_free(&arena);
}

static void on_timer(uv_timer_t *timer)
{
    struct wait *w = timer->data;
    uv_timer_start(timer, on_timer, WAIT_MS, 0);
    look(w);
}

static void on_changed(struct mo_watch *watch, const char *path)
{
    struct wait *w = (struct wait *)watch;
    (void)path;
    if (w->rest)
        uv_timer_start(&w->timer, on_timer, 0, 0);
}

/* The task goes on without the client. */
static void on_gone(struct http_request *req, void *arg)
{
    (void)req;
    rest_fail(wait_over(arg), REST_CANCELED, "com.vmware.vapi.std.errors.canceled",
              "The client has gone.");
}

static void wait_for_task(struct rest *rest, struct call *call, const void *result)
{
    const struct vim_ref *task = result; /* all results of task methods are one reference */
    struct mo *mo = mo_find(rest->host->registry, task->value);
    struct wait *w = mo ? mem_calloc(1, sizeof(*w)) : NULL;
    (void)call;
    if (!w) {
        rest_no_memory(rest);
        return;
    }
    w->rest = rest;
    w->watch.changed = on_changed;
    w->deadline = uv_now(rest->host->loop) + WAIT_MS;
    if (mo_watch_add(mo, &w->watch) < 0) {
        mem_free(w);
        rest_no_memory(rest);
        return;
    }
    uv_timer_init(rest->host->loop, &w->timer);
    w->timer.data = w;
    http_on_gone(rest->req, on_gone, w);
    uv_timer_start(&w->timer, on_timer, 0, 0); /* it may have ended already */
}

static void rest_task(struct rest *rest, const struct vim_method *method, void *args)
{
    if (rest_vm(rest))
        rest_call(rest, method, rest_vm_ref(rest), args, wait_for_task);
}

static void start(struct rest *rest)
{
    rest_task(rest, &vim_method_PowerOnVM_Task,
              ARENA_NEW(rest->room, struct vim_PowerOnVM_Task_request));
}

static void stop(struct rest *rest)
{
    rest_task(rest, &vim_method_PowerOffVM_Task,
              ARENA_NEW(rest->room, struct vim_PowerOffVM_Task_request));
}

static void reset(struct rest *rest)
{
    rest_task(rest, &vim_method_ResetVM_Task,
              ARENA_NEW(rest->room, struct vim_ResetVM_Task_request));
}

static void suspend(struct rest *rest)
{
    rest_task(rest, &vim_method_SuspendVM_Task,
              ARENA_NEW(rest->room, struct vim_SuspendVM_Task_request));
}

static void get(struct rest *rest)
{
    bool failed;
    struct mo *vm = rest_vm(rest);
    const struct vim_VirtualMachineRuntimeInfo *runtime =
        vm ? rest_vm_property(rest, vm, "runtime", &failed) : NULL;
    struct rest_power_get_result r = {0};
    if (!vm || failed)
        return;
    r.value = runtime ? REST_NEW(rest->room, PowerInfo) : NULL;
    if (!r.value) {
        rest_no_memory(rest);
        return;
    }
    r.value->state = rest_power_state(runtime->powerState);
    r.value->has_clean_power_off = r.value->state == REST_PowerState_POWERED_OFF;
    r.value->clean_power_off = runtime->has_cleanPowerOff && runtime->cleanPowerOff;
    rest_return(rest, &r);
}

static void soft(struct rest *rest, const struct vim_method *method, void *args)
{
    if (rest_vm(rest))
        rest_call(rest, method, rest_vm_ref(rest), args, rest_done);
}

static void guest_shutdown(struct rest *rest)
{
    soft(rest, &vim_method_ShutdownGuest, ARENA_NEW(rest->room, struct vim_ShutdownGuest_request));
}

static void guest_reboot(struct rest *rest)
{
    soft(rest, &vim_method_RebootGuest, ARENA_NEW(rest->room, struct vim_RebootGuest_request));
}

static void guest_standby(struct rest *rest)
{
    soft(rest, &vim_method_StandbyGuest, ARENA_NEW(rest->room, struct vim_StandbyGuest_request));
}

static void vm_delete(struct rest *rest)
{
    rest_task(rest, &vim_method_Destroy_Task,
              ARENA_NEW(rest->room, struct vim_Destroy_Task_request));
}

const struct rest_row rest_power_rows[] = {
    {REST_OP_power_get, get},
    {REST_OP_power_start, start},
    {REST_OP_power_stop, stop},
    {REST_OP_power_reset, reset},
    {REST_OP_power_suspend, suspend},
    {REST_OP_guest_power_shutdown, guest_shutdown},
    {REST_OP_guest_power_reboot, guest_reboot},
    {REST_OP_guest_power_standby, guest_standby},
    {REST_OP_vm_delete, vm_delete},
    {0, NULL},
};
