/* Operations of one VM, one at a time (docs/inventory.md, "One operation at a time"). */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "hostd/task.h"
#include "hostd/vm.h"

#define OFF       VM_POWER_BIT(VM_POWER_OFF)
#define ON        VM_POWER_BIT(VM_POWER_ON)
#define SUSPENDED VM_POWER_BIT(VM_POWER_SUSPENDED)
#define ANY       (OFF | ON | SUSPENDED)

/* Methods that make no task: the power states that they are for, and the one that is told as
 * wanted. Those that make one are refused alike while another runs, and fail in their task when the
 * state is wrong. */
static const struct {
    const struct vim_method *method;
    unsigned from;
    int requested; /* enum vim_VirtualMachinePowerState */
} direct[] = {
    {&vim_method_ShutdownGuest, ON, VIM_VirtualMachinePowerState_poweredOn},
    {&vim_method_RebootGuest, ON, VIM_VirtualMachinePowerState_poweredOn},
    {&vim_method_StandbyGuest, ON, VIM_VirtualMachinePowerState_poweredOn},
    {&vim_method_TerminateVM, ON | SUSPENDED, VIM_VirtualMachinePowerState_poweredOff},
    {&vim_method_UnregisterVM, OFF, VIM_VirtualMachinePowerState_poweredOff},
    {&vim_method_RenameSnapshot, ANY, 0},
};

static bool not_busy(struct call *call, const struct vm *vm)
{
    struct vim_TaskInProgress *f;

    if (!vm->task && !vm->busy)
        return true;
    f = VIM_NEW(call->arena, TaskInProgress);
    if (f && vm->task)
        f->task = mo_ref(task_mo(vm->task));
    call_fault(call, f, "Another task is already in progress.");
    return false;
}

bool vm_op_direct(struct call *call, const struct vm *vm)
{
    size_t i = 0;

    while (i < ARRAY_SIZE(direct) && direct[i].method != call->method)
        i++;
    if (i == ARRAY_SIZE(direct)) {
        call_fault_not_supported(call);
        return false;
    }
    if (!not_busy(call, vm))
        return false;
    if (direct[i].from & VM_POWER_BIT(vm->power))
        return true;
    call_fault_invalid_power_state(call, direct[i].requested, vm_power_state(vm));
    return false;
}

struct task *vm_op_begin(struct call *call, struct vm *vm, const char *method,
                         const char *description)
{
    if (!not_busy(call, vm))
        return NULL;
    vm->task = task_begin(call, &vm->e, method, description);
    if (vm->task)
        task_start(vm->task);
    return vm->task;
}

void vm_op_end(struct vm *vm)
{
    vm->task = NULL;
    vm_idle(vm);
}

static const char *state_text(const struct vm *vm)
{
    static const char *const texts[] = {"Powered off", "Powered on", "Suspended"};

    return texts[vm->power];
}

void vm_fail_power_state(struct task *t, const struct vm *vm, int requested)
{
    struct vim_InvalidPowerState *f = VIM_NEW(task_arena(t), InvalidPowerState);

    if (f) {
        f->requestedState = requested;
        f->existingState = vm_power_state(vm);
    }
    task_fail(t, f, "The attempted operation cannot be performed in the current state (%s).",
              state_text(vm));
}

void vm_op_fail(struct vm *vm, const struct vmlink_reply *reply, int requested)
{
    struct task *t = vm->task;
    struct vim_GenericVmConfigFault *f;

    if (reply->code == -EALREADY || reply->code == -EINVAL) {
        vm_fail_power_state(t, vm, requested);
    } else if (!strcmp(reply->hop, "machine") || !strcmp(reply->hop, "vmx")) {
        f = VIM_NEW(task_arena(t), GenericVmConfigFault);
        if (f)
            f->reason = reply->text;
        task_fail(t, f, "%s", reply->text);
    } else {
        task_fail(t, NULL, "%s: %s", reply->hop, reply->text);
    }
    vm_op_end(vm);
}

void vm_op_replied(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct vm *vm = arg;

    (void)link;
    if (reply->code < 0) {
        vm_op_fail(vm, reply, 0);
        return;
    }
    task_succeed(vm->task, NULL);
    vm_op_end(vm);
}
