/* The power methods of a virtual machine. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "hostd/event.h"
#include "hostd/inventory_internal.h"
#include "hostd/session.h"
#include "hostd/task.h"
#include "hostd/vm.h"

#define POWER_MS 120000 /* for the machine to change state */
#define SOFT_MS  30000  /* for the agent to agree */

/* ---- hard ---- */

struct power_op {
    const struct vim_method *method;
    const char *description, *action;
    unsigned from; /* bits: 1 << enum vm_power */
    enum vm_power to;
    const struct vim_type *event; /* when it begins */
    const char *words;
};

#define OFF       VM_POWER_BIT(VM_POWER_OFF)
#define ON        VM_POWER_BIT(VM_POWER_ON)
#define SUSPENDED VM_POWER_BIT(VM_POWER_SUSPENDED)

static const struct power_op power_ops[] = {
    {&vim_method_PowerOnVM_Task, "VirtualMachine.powerOn", "on", OFF | SUSPENDED, VM_POWER_ON,
     &vim_type_VmStartingEvent, "is starting"},
    {&vim_method_PowerOffVM_Task, "VirtualMachine.powerOff", "off", ON | SUSPENDED, VM_POWER_OFF,
     &vim_type_VmStoppingEvent, "is stopping"},
    {&vim_method_SuspendVM_Task, "VirtualMachine.suspend", "suspend", ON, VM_POWER_SUSPENDED,
     &vim_type_VmSuspendingEvent, "is being suspended"},
    {&vim_method_ResetVM_Task, "VirtualMachine.reset", "reset", ON, VM_POWER_ON,
     &vim_type_VmResettingEvent, "is being reset"},
};

static int state_of(enum vm_power power)
{
    return vm_power_state(&(struct vm){.power = power});
}

static const struct power_op *op_of(const struct task *t)
{
    const char *description = task_description(t);

    for (size_t i = 0; i < ARRAY_SIZE(power_ops); i++) {
        if (power_ops[i].description == description)
            return &power_ops[i];
    }
    return NULL;
}

static void on_power(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct vm *vm = arg;
    const struct power_op *op = op_of(vm->task);

    (void)link;
    if (reply->code < 0) {
        vm_op_fail(vm, reply, state_of(op->to));
        return;
    }
    vm_set_power(vm, op->to);
    task_succeed(vm->task, NULL);
    vm_op_end(vm);
}

static void on_ready(struct vm *vm, int code, const char *why, void *arg)
{
    const struct power_op *op = op_of(vm->task);
    json_t *args;
    int r = code;

    (void)arg;
    /* vmx knows better than a state that was read before it ran. */
    if (code == 0 && !(op->from & VM_POWER_BIT(vm->power))) {
        vm_fail_power_state(vm->task, vm, state_of(op->to));
        vm_op_end(vm);
        return;
    }
    if (code == 0) {
        args = json_pack("{s:s, s:s}", "action", op->action, "user", task_user(vm->task));
        r = args ? vmlink_request(vm->link, "power", args, NULL, 0, NULL, 0, POWER_MS, on_power, vm,
                                  NULL)
                 : -ENOMEM;
        json_decref(args);
    }
    if (r < 0) {
        task_fail(vm->task, NULL, "the virtual machine's process: %s", why ? why : strerror(-r));
        vm_op_end(vm);
    }
}

static void power(struct call *call)
{
    struct vm *vm = vm_of(call);
    const struct power_op *op = power_ops;
    struct task *t;
    int r;

    if (!vm)
        return;
    while (op->method != call->method)
        op++;
    if (op->to == VM_POWER_ON && vm_is_template(vm)) {
        call_fault_not_supported(call);
        return;
    }
    t = vm_op_begin(call, vm, op->method->name, op->description);
    if (!t)
        return;
    task_return(call, t);
    if (!(op->from & VM_POWER_BIT(vm->power))) {
        vm_fail_power_state(t, vm, state_of(op->to));
        vm_op_end(vm);
        return;
    }
    if (!vm->config)
        vm_load_config(vm); /* perhaps it has been repaired */
    if (!vm->config) {
        task_fail(t, NULL, "the configuration cannot be read: %s",
                  vm->problem ? vm->problem : "unknown");
        vm_op_end(vm);
        return;
    }
    event_vm(vm->e.inv->events, &vm->e, op->event, task_user(t), "%s %s", vm->e.name, op->words);
    r = vm_ready(vm, on_ready, NULL);
    if (r < 0) {
        task_fail(t, NULL, "the virtual machine's process: %s", strerror(-r));
        vm_op_end(vm);
    }
}

/* ---- soft ---- */

struct soft_op {
    const struct vim_method *method;
    const char *action;
    const struct vim_type *event;
    const char *words;
};

static const struct soft_op soft_ops[] = {
    {&vim_method_ShutdownGuest, "shutdown", &vim_type_VmGuestShutdownEvent, "shutdown"},
    {&vim_method_RebootGuest, "reboot", &vim_type_VmGuestRebootEvent, "reboot"},
    {&vim_method_StandbyGuest, "standby", &vim_type_VmGuestStandbyEvent, "standby"},
};

struct soft {
    struct vm *vm;
    struct call *call;
};

static void fault_tools(struct call *call)
{
    call_fault(call, VIM_NEW(call->arena, ToolsUnavailable),
               "Cannot complete operation because VMware Tools is not running in this virtual "
               "machine.");
}

static void on_soft(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct soft *s = arg;
    struct call *call = s->call;

    (void)link;
    mem_free(s);
    if (reply->code == 0) {
        call_return(call, NULL);
    } else if (reply->code == -EINVAL || reply->code == -EBUSY) {
        call_fault_invalid_state(call);
    } else {
        log_info("guest power operation on %s: %s: %s", call->self.value, reply->hop, reply->text);
        fault_tools(call);
    }
}

static void soft_power(struct call *call)
{
    struct vm *vm = vm_of(call);
    const struct soft_op *op = soft_ops;
    struct soft *s;
    json_t *args;
    int r = -ENOMEM;

    if (!vm || !vm_op_direct(call, vm))
        return;
    while (op->method != call->method)
        op++;
    if (!vm_guest_can(vm, op->action)) {
        fault_tools(call);
        return;
    }
    s = mem_calloc(1, sizeof(*s));
    args = json_pack("{s:s, s:s}", "action", op->action, "user", call->session->user);
    if (s && args) {
        *s = (struct soft){vm, call};
        event_vm(vm->e.inv->events, &vm->e, op->event, call->session->user, "Guest OS %s for %s",
                 op->words, vm->e.name);
        r = vmlink_request(vm->link, "power", args, NULL, 0, NULL, 0, SOFT_MS, on_soft, s, NULL);
    }
    json_decref(args);
    if (r < 0) {
        mem_free(s);
        if (r == -ENOTCONN)
            fault_tools(call);
        else
            call_fault_errno(call, r, "guest power operation");
    }
}

/* ---- the rest ---- */

static void on_terminated(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct soft *s = arg;
    struct call *call = s->call;

    (void)link;
    s->vm->busy = false;
    if (reply->code == 0)
        vm_set_power(s->vm, VM_POWER_OFF);
    vm_idle(s->vm);
    mem_free(s);
    if (reply->code == 0)
        call_return(call, NULL);
    else
        call_fault_system(call, "%s: %s", reply->hop, reply->text);
}

static void terminate_vm(struct call *call)
{
    struct vm *vm = vm_of(call);
    struct soft *s;
    json_t *args;
    int r = -ENOMEM;

    if (!vm || !vm_op_direct(call, vm))
        return;
    s = mem_calloc(1, sizeof(*s));
    args = json_pack("{s:s, s:s}", "action", "off", "user", call->session->user);
    if (s && args) {
        *s = (struct soft){vm, call};
        vm->busy = true;
        r = vmlink_request(vm->link, "power", args, NULL, 0, NULL, 0, POWER_MS, on_terminated, s,
                           NULL);
    }
    json_decref(args);
    if (r < 0) {
        vm->busy = false;
        mem_free(s);
        call_fault_errno(call, r, "ending the virtual machine");
    }
}

const struct call_row vm_power_calls[] = {
    {&vim_method_PowerOnVM_Task, power},
    {&vim_method_PowerOffVM_Task, power},
    {&vim_method_SuspendVM_Task, power},
    {&vim_method_ResetVM_Task, power},
    {&vim_method_ShutdownGuest, soft_power},
    {&vim_method_RebootGuest, soft_power},
    {&vim_method_StandbyGuest, soft_power},
    {&vim_method_TerminateVM, terminate_vm},
    {NULL, NULL},
};
