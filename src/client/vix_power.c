/* Power, upgrade and end of a VM, its tools. */
#include <errno.h>
#include <string.h>

#include "client/vix_impl.h"

#define GUEST_POWER_MS (10u * 60 * 1000) /* a guest may take that long to shut down */

static VixHandle vm_job(VixHandle vm, const struct vix_op *op, const struct vix_args *args,
                        VixEventProc *callback, void *data)
{
    return vix_job_start(vm, VIX_HANDLETYPE_VM, op, args, callback, data);
}

VixError vix_power_state(struct vix_ctx *x, int *ret)
{
    struct vim_any *value = NULL;
    VixError error = vix_property(x, vix_vm_ref(x->vm), "runtime.powerState", &value);

    *ret = value ? value->v.enumeration : 0;
    return error;
}

static int is_off(const struct vim_any *value, void *arg)
{
    (void)arg;
    return value && value->v.enumeration == VIM_VirtualMachinePowerState_poweredOff;
}

static int is_not_on(const struct vim_any *value, void *arg)
{
    (void)arg;
    return value && value->v.enumeration != VIM_VirtualMachinePowerState_poweredOn;
}

static VixError wait_power(struct vix_ctx *x, int (*done)(const struct vim_any *value, void *arg))
{
    int r = vim_client_wait(x->c, vix_vm_ref(x->vm), "runtime.powerState", done, NULL,
                            GUEST_POWER_MS, &x->err);

    return r == -ETIMEDOUT ? VIX_E_OBJECT_IS_BUSY : vix_ctx_error(x, r);
}

/* --- on, off, reset, suspend --- */

static VixError run_power_on(struct vix_ctx *x, const struct vix_args *a)
{
    const struct vim_PowerOnVM_Task_request req = {.this_ = vix_vm_ref(x->vm)};
    struct vim_any *question = NULL;
    VixError error;
    int state = 0;

    if (a->options & VIX_VMPOWEROP_START_VM_PAUSED)
        return VIX_E_NOT_SUPPORTED;
    error = vix_power_state(x, &state);
    if (error || state == VIM_VirtualMachinePowerState_poweredOn)
        return error;
    error = vix_call_task(x, &vim_method_PowerOnVM_Task, &req, NULL);
    if (error == VIX_E_VM_IS_RUNNING) /* somebody else was faster */
        return VIX_OK;
    if (error && !vix_property(x, vix_vm_ref(x->vm), "runtime.question", &question) && question)
        return VIX_E_VMX_MSG_DIALOG_AND_NO_UI;
    return error == VIX_E_FAIL ? VIX_E_CANNOT_POWER_ON_VM : error;
}

VixHandle VixVM_PowerOn(VixHandle vmHandle, VixVMPowerOpOptions powerOnOptions,
                        VixHandle propertyListHandle, VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_power_on, VIX_OP_MUST_BE_OFF};
    const struct vix_args args = {.options = powerOnOptions, .list = propertyListHandle};

    return vm_job(vmHandle, &op, &args, callbackProc, clientData);
}

static VixError run_power_off(struct vix_ctx *x, const struct vix_args *a)
{
    const struct vim_PowerOffVM_Task_request off = {.this_ = vix_vm_ref(x->vm)};
    const struct vim_ShutdownGuest_request soft = {.this_ = vix_vm_ref(x->vm)};
    VixError error;
    int state = 0;

    if (!(a->options & VIX_VMPOWEROP_FROM_GUEST)) {
        error = vix_power_state(x, &state);
        if (!error && state != VIM_VirtualMachinePowerState_poweredOn)
            error = VIX_E_VM_NOT_RUNNING;
        return error ? error : vix_call_task(x, &vim_method_PowerOffVM_Task, &off, NULL);
    }
    error = vix_call(x, &vim_method_ShutdownGuest, &soft, NULL);
    return error ? error : wait_power(x, is_off);
}

/* A reset ends when the machine has begun anew; a reboot when the guest has accepted it. */
static VixError run_reset(struct vix_ctx *x, const struct vix_args *a)
{
    const struct vim_ResetVM_Task_request reset = {.this_ = vix_vm_ref(x->vm)};
    const struct vim_RebootGuest_request soft = {.this_ = vix_vm_ref(x->vm)};

    return a->options & VIX_VMPOWEROP_FROM_GUEST
               ? vix_call(x, &vim_method_RebootGuest, &soft, NULL)
               : vix_call_task(x, &vim_method_ResetVM_Task, &reset, NULL);
}

/* A guest that goes to sleep by itself may stay powered on: the machine is suspended then. */
static VixError run_suspend(struct vix_ctx *x, const struct vix_args *a)
{
    const struct vim_SuspendVM_Task_request suspend = {.this_ = vix_vm_ref(x->vm)};
    const struct vim_StandbyGuest_request soft = {.this_ = vix_vm_ref(x->vm)};
    VixError error = VIX_OK;
    int state = 0;

    if (a->options & VIX_VMPOWEROP_FROM_GUEST) {
        error = vix_call(x, &vim_method_StandbyGuest, &soft, NULL);
        if (!error)
            error = vim_client_wait(x->c, vix_vm_ref(x->vm), "runtime.powerState", is_not_on, NULL,
                                    2000, &x->err)
                        ? VIX_OK
                        : vix_power_state(x, &state);
        if (error || state == VIM_VirtualMachinePowerState_suspended)
            return error;
    }
    return vix_call_task(x, &vim_method_SuspendVM_Task, &suspend, NULL);
}

static const struct {
    struct vix_op hard, soft;
} off_ops = {{run_power_off, 0}, {run_power_off, VIX_OP_SOFT_POWER}},
  reset_ops = {{run_reset, 0}, {run_reset, VIX_OP_SOFT_POWER}},
  suspend_ops = {{run_suspend, 0}, {run_suspend, VIX_OP_SOFT_POWER}};

VixHandle VixVM_PowerOff(VixHandle vmHandle, VixVMPowerOpOptions powerOffOptions,
                         VixEventProc *callbackProc, void *clientData)
{
    const struct vix_args args = {.options = powerOffOptions};

    return vm_job(vmHandle,
                  powerOffOptions & VIX_VMPOWEROP_FROM_GUEST ? &off_ops.soft : &off_ops.hard, &args,
                  callbackProc, clientData);
}

VixHandle VixVM_Reset(VixHandle vmHandle, VixVMPowerOpOptions resetOptions,
                      VixEventProc *callbackProc, void *clientData)
{
    const struct vix_args args = {.options = resetOptions};

    return vm_job(vmHandle,
                  resetOptions & VIX_VMPOWEROP_FROM_GUEST ? &reset_ops.soft : &reset_ops.hard,
                  &args, callbackProc, clientData);
}

VixHandle VixVM_Suspend(VixHandle vmHandle, VixVMPowerOpOptions suspendOptions,
                        VixEventProc *callbackProc, void *clientData)
{
    const struct vix_args args = {.options = suspendOptions};

    return vm_job(vmHandle,
                  suspendOptions & VIX_VMPOWEROP_FROM_GUEST ? &suspend_ops.soft : &suspend_ops.hard,
                  &args, callbackProc, clientData);
}

/* --- delete, upgrade --- */

static VixError run_delete(struct vix_ctx *x, const struct vix_args *a)
{
    const struct vim_Destroy_Task_request destroy = {.this_ = vix_vm_ref(x->vm)};
    const struct vim_UnregisterVM_request leave = {.this_ = vix_vm_ref(x->vm)};
    int state = 0;
    VixError error = vix_power_state(x, &state);

    if (!error && state != VIM_VirtualMachinePowerState_poweredOff)
        error = VIX_E_VM_IS_RUNNING;
    if (error)
        return error;
    return a->options & VIX_VMDELETE_DISK_FILES
               ? vix_call_task(x, &vim_method_Destroy_Task, &destroy, NULL)
               : vix_call(x, &vim_method_UnregisterVM, &leave, NULL); /* its files stay */
}

VixHandle VixVM_Delete(VixHandle vmHandle, VixVMDeleteOptions deleteOptions,
                       VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_delete, VIX_OP_MUST_BE_OFF};
    const struct vix_args args = {.options = deleteOptions};

    return vm_job(vmHandle, &op, &args, callbackProc, clientData);
}

static VixError run_upgrade(struct vix_ctx *x, const struct vix_args *a)
{
    const struct vim_UpgradeVM_Task_request req = {.this_ = vix_vm_ref(x->vm)};

    (void)a;
    return vix_call_task(x, &vim_method_UpgradeVM_Task, &req, NULL);
}

VixHandle VixVM_UpgradeVirtualHardware(VixHandle vmHandle, int options, VixEventProc *callbackProc,
                                       void *clientData)
{
    static const struct vix_op op = {run_upgrade, VIX_OP_MUST_BE_OFF};
    const struct vix_args args = {.options = options};

    return vm_job(vmHandle, &op, &args, callbackProc, clientData);
}

/* --- tools --- */

static VixError run_install_tools(struct vix_ctx *x, const struct vix_args *a)
{
    const struct vim_MountToolsInstaller_request mount = {.this_ = vix_vm_ref(x->vm)};
    const struct vim_UpgradeTools_Task_request upgrade = {.this_ = vix_vm_ref(x->vm),
                                                          .installerOptions = a->a};
    int state = 0;
    VixError error = vix_power_state(x, &state);

    if (!error && state != VIM_VirtualMachinePowerState_poweredOn)
        error = VIX_E_VM_NOT_RUNNING;
    if (error)
        return error;
    return a->options & VIX_INSTALLTOOLS_AUTO_UPGRADE
               ? vix_call_task(x, &vim_method_UpgradeTools_Task, &upgrade, NULL)
               : vix_call(x, &vim_method_MountToolsInstaller, &mount, NULL);
}

VixHandle VixVM_InstallTools(VixHandle vmHandle, int options, const char *commandLineArgs,
                             VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_install_tools, VIX_OP_TOOLS};
    const struct vix_args args = {.a = (char *)(uintptr_t)commandLineArgs, .options = options};

    return vm_job(vmHandle, &op, &args, callbackProc, clientData);
}

static int is_true(const struct vim_any *value, void *arg)
{
    (void)arg;
    return value && value->type == &vim_type_boolean && value->v.boolean;
}

static VixError run_wait_tools(struct vix_ctx *x, const struct vix_args *a)
{
    uint64_t ms = a->n > 0 ? (uint64_t)a->n * 1000 : VIX_FOREVER_MS;
    const char *path;
    int state = 0, r;
    VixError error = vix_power_state(x, &state);

    if (!error && state != VIM_VirtualMachinePowerState_poweredOn)
        error = VIX_E_VM_NOT_RUNNING;
    if (error)
        return error;
    pthread_mutex_lock(&x->vm->lock);
    path =
        x->vm->interactive ? "guest.interactiveGuestOperationsReady" : "guest.guestOperationsReady";
    pthread_mutex_unlock(&x->vm->lock);
    r = vim_client_wait(x->c, vix_vm_ref(x->vm), path, is_true, NULL, ms, &x->err);
    return r == -ETIMEDOUT && vim_client_failure(x->c) == VIM_CLIENT_FINE
               ? VIX_E_TIMEOUT_WAITING_FOR_TOOLS
               : vix_ctx_error(x, r);
}

VixHandle VixVM_WaitForToolsInGuest(VixHandle vmHandle, int timeoutInSeconds,
                                    VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_wait_tools, 0};
    const struct vix_args args = {.n = timeoutInSeconds};

    return vm_job(vmHandle, &op, &args, callbackProc, clientData);
}
