/*
 * Upgrades: of the virtual hardware, and of the tools in the guest.
 *
 * The tools of our machines are not installed by the host: a sandbox's agent is the host's own,
 * other machines' comes with their system's packages. So there is no image to mount and nothing to
 * upgrade with; the methods check what they can and then say so.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/inventory_internal.h"
#include "hostd/task.h"
#include "hostd/vm.h"

/* ---- hardware ---- */

/* The number in "vmx-21"; -1 when it is none. */
static int hardware_number(const char *version)
{
    const char *digits = version + 4;
    size_t n;

    if (strncmp(version, "vmx-", 4) != 0)
        return -1;
    n = strspn(digits, "0123456789");
    return n >= 1 && n <= 4 && !digits[n] ? (int)strtol(digits, NULL, 10) : -1;
}

/* The newest version, or the one that was asked for; never an older one than the VM has. */
static void upgrade_vm(struct call *call)
{
    const struct vim_UpgradeVM_Task_request *req = call->req;
    const int newest = hardware_number("vmx-" VM_HW_VERSION);
    int wanted = req->version ? hardware_number(req->version) : newest;
    struct vm *vm = vm_of(call);
    json_t *set = NULL;
    struct task *t;
    int r;

    if (!vm)
        return;
    if (wanted < 0 || wanted > newest) {
        call_fault_invalid_argument(call, "version");
        return;
    }
    if (!vm->config || vm_is_template(vm)) {
        call_fault_invalid_state(call);
        return;
    }
    t = vm_op_begin(call, vm, "UpgradeVM_Task", "VirtualMachine.upgradeVirtualHardware");
    if (!t)
        return;
    task_return(call, t);
    if (vm->power != VM_POWER_OFF) {
        vm_fail_power_state(t, vm, VIM_VirtualMachinePowerState_poweredOff);
        vm_op_end(vm);
        return;
    }
    if (vm_config_int(vm, "virtualHW.version", newest) >= wanted) {
        task_fail(t, VIM_NEW(task_arena(t), AlreadyUpgraded),
                  "The virtual hardware has version %d already.",
                  (int)vm_config_int(vm, "virtualHW.version", newest));
        vm_op_end(vm);
        return;
    }
    set = json_pack("{s:o}", "virtualHW.version", json_sprintf("%d", wanted));
    r = set ? vm_write_keys(vm, set, task_user(t), vm_op_replied, vm) : -ENOMEM;
    json_decref(set);
    if (r < 0) {
        task_fail(t, NULL, "writing the configuration: %s", strerror(-r));
        vm_op_end(vm);
    }
}

/* ---- tools ---- */

/* NULL: it is not powered on, or not there, and the call has its fault. */
static struct vm *powered_on(struct call *call)
{
    struct vm *vm = vm_of(call);

    if (!vm || vm->power == VM_POWER_ON)
        return vm;
    call_fault_invalid_power_state(call, VIM_VirtualMachinePowerState_poweredOn,
                                   vm_power_state(vm));
    return NULL;
}

static void mount_installer(struct call *call)
{
    if (powered_on(call))
        call_fault(call, VIM_NEW(call->arena, ToolsImageNotAvailable),
                   "There is no image of the tools for this virtual machine: its agent comes with "
                   "the machine or with the guest's packages.");
}

/* None is ever mounted, so there is nothing to be done about it. */
static void unmount_installer(struct call *call)
{
    if (powered_on(call))
        call_return(call, NULL);
}

static void upgrade_tools(struct call *call)
{
    struct vm *vm = vm_of(call);
    struct task *t =
        vm ? vm_op_begin(call, vm, "UpgradeTools_Task", "VirtualMachine.upgradeTools") : NULL;

    if (!t)
        return;
    task_return(call, t);
    if (vm->power != VM_POWER_ON)
        vm_fail_power_state(t, vm, VIM_VirtualMachinePowerState_poweredOn);
    else if (!vm_tools_running(vm))
        task_fail(t, VIM_NEW(task_arena(t), ToolsUnavailable),
                  "The tools are not running in this virtual machine.");
    else if (!vm_tools_managed(vm))
        task_fail(t, VIM_NEW(task_arena(t), ToolsAutoUpgradeNotSupported),
                  "The tools in this virtual machine are not the host's to upgrade: they come with "
                  "the machine or with the guest's packages.");
    else
        task_fail(t, VIM_NEW(task_arena(t), ToolsAlreadyUpgraded),
                  "The tools have the newest version that this host knows.");
    vm_op_end(vm);
}

const struct call_row vm_upgrade_calls[] = {
    {&vim_method_UpgradeVM_Task, upgrade_vm},
    {&vim_method_MountToolsInstaller, mount_installer},
    {&vim_method_UnmountToolsInstaller, unmount_installer},
    {&vim_method_UpgradeTools_Task, upgrade_tools},
    {NULL, NULL},
};
