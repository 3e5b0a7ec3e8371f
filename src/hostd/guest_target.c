#include "hostd/guest_target.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "hostd/task.h"
#include "hostd/vm.h"

struct guest_wait {
    struct host *host;
    struct vim_ref ref;
    char *id; /* ref.value */
    struct mo_watch watch;
    uv_timer_t deadline;
    uv_timer_t look; /* fires at the loop's next turn: a watcher may only take notes */
    unsigned closing;
    void (*cb)(int code, const char *why, void *arg);
    void *arg;
};

struct vmlink *guest_target_link(struct host *host, struct vim_ref ref)
{
    struct vm *vm = vm_find(host, ref);

    return vm && vmlink_state(vm->link) == VMLINK_UP ? vm->link : NULL;
}

void guest_target_cancel(struct host *host, struct vim_ref ref, uint64_t request)
{
    struct vmlink *link = guest_target_link(host, ref);

    if (link)
        vmlink_cancel(link, request);
}

int guest_target_power(struct host *host, struct vim_ref ref)
{
    const struct vm *vm = vm_find(host, ref);

    return vm ? vm_power_state(vm) : VIM_VirtualMachinePowerState_poweredOff;
}

/* What takes the guest away, or is about to: an operation begun now would be cut off. */
static const char *const ending_tasks[] = {
    "VirtualMachine.powerOff", "VirtualMachine.suspend", "VirtualMachine.reset",
    "VirtualMachine.revertToCurrentSnapshot", "vm.Snapshot.revert"};

static bool ends_guest(const struct vm *vm)
{
    const char *description = vm->task ? task_description(vm->task) : NULL;

    for (size_t i = 0; description && i < ARRAY_SIZE(ending_tasks); i++)
        if (!strcmp(description, ending_tasks[i]))
            return true;
    return false;
}

struct vim_ref guest_target_task(struct host *host, struct vim_ref ref)
{
    const struct vm *vm = vm_find(host, ref);

    return vm && ends_guest(vm) ? mo_ref(task_mo(vm->task)) : vim_ref_make("Task", NULL);
}

/* 0: ready. -EAGAIN: may become so. Else final. *ret_why says what is missing. */
static int look(struct host *host, struct vim_ref ref, const char **ret_why)
{
    const struct vm *vm = vm_find(host, ref);

    *ret_why = "hostd: the VM is gone";
    if (!vm)
        return -EHOSTUNREACH;
    /* A vmx that died under a running VM is on its way back: its machine will be on again. */
    if (vm->power != VM_POWER_ON && vmlink_state(vm->link) != VMLINK_STARTING)
        return -ESHUTDOWN;
    if (vm->power == VM_POWER_ON && ends_guest(vm)) {
        *ret_why = "hostd: the VM is about to leave its power state";
        return -EINPROGRESS;
    }
    if (vm_guest_operations_off(vm)) {
        *ret_why = vm_guest_operations_off(vm);
        return -EHOSTUNREACH;
    }
    if (vmlink_state(vm->link) != VMLINK_UP) {
        *ret_why = "vmx: the VM's vmx process is being started";
        return -EAGAIN;
    }
    if (vm->power == VM_POWER_ON && json_is_true(json_object_get(vm->guest, "guestOps")))
        return 0;
    *ret_why = json_string_value(json_object_get(vm->guest, "guestOpsReason"));
    if (!*ret_why)
        *ret_why = "agent: no agent is running in the guest";
    return -EAGAIN;
}

static void free_wait(uv_handle_t *handle)
{
    struct guest_wait *w = handle->data;

    if (--w->closing)
        return;
    mem_free(w->id);
    mem_free(w);
}

void guest_wait_cancel(struct guest_wait *w)
{
    if (!w)
        return;
    mo_watch_remove(&w->watch);
    w->closing = 2;
    uv_close((uv_handle_t *)&w->deadline, free_wait);
    uv_close((uv_handle_t *)&w->look, free_wait);
}

static void finish(struct guest_wait *w, int code, const char *why)
{
    void (*cb)(int, const char *, void *) = w->cb;
    void *arg = w->arg;

    guest_wait_cancel(w);
    cb(code, why, arg);
}

static void on_look(uv_timer_t *timer)
{
    struct guest_wait *w = timer->data;
    const char *why;
    int r = look(w->host, w->ref, &why);

    if (r != -EAGAIN)
        finish(w, r, why);
}

static void on_deadline(uv_timer_t *timer)
{
    struct guest_wait *w = timer->data;
    const char *why;
    int r = look(w->host, w->ref, &why);

    finish(w, r == -EAGAIN ? -EHOSTUNREACH : r, why);
}

static void on_changed(struct mo_watch *watch, const char *path)
{
    struct guest_wait *w =
        (struct guest_wait *)((char *)watch - offsetof(struct guest_wait, watch));

    (void)path;
    uv_timer_start(&w->look, on_look, 0, 0);
}

void guest_target_wait(struct host *host, struct vim_ref ref, uint64_t grace_ms,
                       void (*cb)(int code, const char *why, void *arg), void *arg,
                       struct guest_wait **ret_wait)
{
    const char *why;
    int r = look(host, ref, &why);
    struct vm *vm = vm_find(host, ref);
    struct guest_wait *w;

    *ret_wait = NULL;
    if (r != -EAGAIN || !grace_ms) {
        cb(r == -EAGAIN ? -EHOSTUNREACH : r, why, arg);
        return;
    }
    w = mem_calloc(1, sizeof(*w));
    if (w)
        w->id = mem_strdup(ref.value);
    if (!w || !w->id) {
        mem_free(w);
        cb(-EHOSTUNREACH, "out of memory", arg);
        return;
    }
    w->host = host;
    w->ref = vim_ref_make("VirtualMachine", w->id);
    w->cb = cb;
    w->arg = arg;
    w->watch.changed = on_changed;
    uv_timer_init(host->loop, &w->deadline);
    uv_timer_init(host->loop, &w->look);
    w->deadline.data = w->look.data = w;
    mo_watch_add(&vm->e.mo, &w->watch);
    uv_timer_start(&w->deadline, on_deadline, grace_ms, 0);
    *ret_wait = w;
}
