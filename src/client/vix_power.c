/* Power, clones, upgrade and end of a VM, its tools. */
#include <errno.h>
#include <string.h>

#include "client/vix_impl.h"

#define GUEST_POWER_MS (10u * 60 * 1000) /* a guest may take that long to shut down */
#define CLONE_NAME_MAX 80

static VixHandle vm_job(VixHandle vm, const struct vix_op *op, const struct vix_args *args,
                        VixEventProc *callback, void *data)
{
    return vix_job_start(vm, VIX_HANDLETYPE_VM, op, args, callback, data);
}

static VixError power_state(struct vix_ctx *x, int *ret)
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
    error = power_state(x, &state);
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
        error = power_state(x, &state);
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
                        : power_state(x, &state);
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

/* --- delete, upgrade, clone --- */

static VixError run_delete(struct vix_ctx *x, const struct vix_args *a)
{
    const struct vim_Destroy_Task_request destroy = {.this_ = vix_vm_ref(x->vm)};
    const struct vim_UnregisterVM_request leave = {.this_ = vix_vm_ref(x->vm)};
    int state = 0;
    VixError error = power_state(x, &state);

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

/* A snapshot to clone from, when none was named: the current one, or a new one. */
static VixError clone_base(struct vix_ctx *x, const struct vix_args *a, struct vim_ref *ret)
{
    struct vim_CreateSnapshot_Task_request make = {.this_ = vix_vm_ref(x->vm),
                                                   .name = "Snapshot for a linked clone"};
    struct vim_any *made = NULL;
    VixError error;

    if (a->snapshot) {
        *ret = vim_ref_make("VirtualMachineSnapshot", a->snapshot->id);
        return VIX_OK;
    }
    error = vix_call_task(x, &vim_method_CreateSnapshot_Task, &make, &made);
    if (!error && (!made || made->type != &vim_type_ref))
        error = VIX_E_SNAPSHOT_INVAL;
    if (!error)
        *ret = made->v.ref;
    return error;
}

/* "[datastore] NAME/NAME.vmx", a path, or a name: the last part without its suffix. */
static const char *clone_name(struct vix_ctx *x, const char *path)
{
    const char *last = strrchr(path, '/'), *space = strrchr(path, ' ');
    size_t len;

    last = last ? last + 1 : space && path[0] == '[' ? space + 1 : path;
    len = strlen(last);
    if (len > 4 && !strcasecmp(last + len - 4, ".vmx"))
        len -= 4;
    return len && len <= CLONE_NAME_MAX ? arena_strndup(&x->arena, last, len) : NULL;
}

static VixError run_clone(struct vix_ctx *x, const struct vix_args *a)
{
    struct vim_CloneVM_Task_request req = {.this_ = vix_vm_ref(x->vm)};
    struct vim_any *made = NULL, *path = NULL;
    struct vix_props *props = vix_job_set(x->job, 0);
    VixHandle handle = VIX_INVALID_HANDLE;
    int state = 0;
    VixError error = a->options == VIX_CLONETYPE_FULL || a->options == VIX_CLONETYPE_LINKED
                         ? power_state(x, &state)
                         : VIX_E_INVALID_ARG;

    if (!error && !a->snapshot && state == VIM_VirtualMachinePowerState_poweredOn)
        error = VIX_E_VM_IS_RUNNING;
    if (!error && a->options == VIX_CLONETYPE_LINKED &&
        state == VIM_VirtualMachinePowerState_suspended)
        error = VIX_E_VM_IS_RUNNING;
    if (error)
        return error;
    req.name = a->b ? a->b : clone_name(x, a->a);
    req.spec = VIM_NEW(&x->arena, VirtualMachineCloneSpec);
    if (req.spec)
        req.spec->location = VIM_NEW(&x->arena, VirtualMachineRelocateSpec);
    if (!props || !req.spec || !req.spec->location)
        return VIX_E_OUT_OF_MEMORY;
    if (!req.name)
        return VIX_E_INVALID_ARG;
    if (a->options == VIX_CLONETYPE_LINKED) {
        req.spec->location->diskMoveType = "createNewChildDiskBacking";
        error = clone_base(x, a, &req.spec->snapshot);
    } else if (a->snapshot) {
        req.spec->snapshot = vim_ref_make("VirtualMachineSnapshot", a->snapshot->id);
    }
    if (!error)
        error = vix_first_object(x, "Datacenter", "vmFolder", &req.folder);
    if (!error)
        error = vix_call_task(x, &vim_method_CloneVM_Task, &req, &made);
    if (!error && (!made || made->type != &vim_type_ref))
        error = VIX_E_FAIL;
    if (!error)
        error = vix_property(x, made->v.ref, "config.files.vmPathName", &path);
    if (!error)
        error = vix_vm_new(x->session, made->v.ref,
                           path ? vix_path_location(x, path->v.string) : a->a, &handle);
    return error ? error : vix_props_handle(props, VIX_PROPERTY_JOB_RESULT_HANDLE, handle);
}

VixHandle vix_clone_start(VixHandle vm, VixHandle snapshot, VixCloneType type, const char *path,
                          const char *name, VixHandle list, VixEventProc *callback, void *data)
{
    static const struct vix_op op = {run_clone, VIX_OP_NEEDS_A};
    struct vix_args args = {
        .a = (char *)(uintptr_t)path, .b = (char *)(uintptr_t)name, .options = type, .list = list};
    struct vix_object *o = NULL;
    VixError error = snapshot ? vix_handle_get(snapshot, VIX_HANDLETYPE_SNAPSHOT, &o) : VIX_OK;
    VixHandle job;

    if (error)
        return vix_job_fail(error, callback, data);
    args.snapshot = (struct vix_snapshot *)(void *)o;
    job = vm_job(vm, &op, &args, callback, data);
    vix_object_unref(o);
    return job;
}

VixHandle VixVM_Clone(VixHandle vmHandle, VixHandle snapshotHandle, VixCloneType cloneType,
                      const char *destConfigPathName, int options, VixHandle propertyListHandle,
                      VixEventProc *callbackProc, void *clientData)
{
    (void)options;
    return vix_clone_start(vmHandle, snapshotHandle, cloneType, destConfigPathName, NULL,
                           propertyListHandle, callbackProc, clientData);
}

/* --- tools --- */

static VixError run_install_tools(struct vix_ctx *x, const struct vix_args *a)
{
    const struct vim_MountToolsInstaller_request mount = {.this_ = vix_vm_ref(x->vm)};
    const struct vim_UpgradeTools_Task_request upgrade = {.this_ = vix_vm_ref(x->vm),
                                                          .installerOptions = a->a};
    int state = 0;
    VixError error = power_state(x, &state);

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
    static const struct vix_op op = {run_install_tools, 0};
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
    VixError error = power_state(x, &state);

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
