/* Power commands. */
#include <strings.h>

#include "client/vmrun.h"

/* What to do when neither hard nor soft is said: soft when the guest can be asked. */
static bool tools_run(struct vmrun *v)
{
    int state = 0;

    return !Vix_GetProperties(v->vm, VIX_PROPERTY_VM_TOOLS_STATE, &state, VIX_PROPERTY_NONE) &&
           state == VIX_TOOLSSTATE_RUNNING;
}

/* -1: a word that is neither. */
static int option(struct vmrun *v, bool soft_by_default)
{
    if (!v->argc)
        return soft_by_default && tools_run(v) ? VIX_VMPOWEROP_FROM_GUEST : VIX_VMPOWEROP_NORMAL;
    if (!strcasecmp(v->argv[0], "soft"))
        return VIX_VMPOWEROP_FROM_GUEST;
    return strcasecmp(v->argv[0], "hard") ? -1 : VIX_VMPOWEROP_NORMAL;
}

static int change(struct vmrun *v, int how,
                  VixHandle (*fn)(VixHandle, VixVMPowerOpOptions, VixEventProc *, void *))
{
    VixError error = how < 0 ? VIX_E_INVALID_ARG : vmrun_wait(v, fn(v->vm, how, NULL, NULL));

    if (error == VIX_E_VM_NOT_RUNNING)
        return vmrun_error("The virtual machine is not powered on: %s", v->path);
    if (error == VIX_E_TOOLS_NOT_RUNNING)
        return vmrun_error("The VMware Tools are not running in the virtual machine: %s", v->path);
    return vmrun_end(v, error);
}

int vmrun_start(struct vmrun *v)
{
    if (v->argc && strcasecmp(v->argv[0], "gui") && strcasecmp(v->argv[0], "nogui"))
        return vmrun_end(v, VIX_E_INVALID_ARG);
    return vmrun_job(v, VixVM_PowerOn(v->vm, VIX_VMPOWEROP_NORMAL, VIX_INVALID_HANDLE, NULL, NULL));
}

int vmrun_stop(struct vmrun *v)
{
    return change(v, option(v, true), VixVM_PowerOff);
}

int vmrun_reset(struct vmrun *v)
{
    return change(v, option(v, true), VixVM_Reset);
}

int vmrun_suspend(struct vmrun *v)
{
    return change(v, option(v, false), VixVM_Suspend);
}

int vmrun_pause(struct vmrun *v)
{
    return vmrun_job(v, VixVM_Pause(v->vm, 0, VIX_INVALID_HANDLE, NULL, NULL));
}

int vmrun_unpause(struct vmrun *v)
{
    return vmrun_job(v, VixVM_Unpause(v->vm, 0, VIX_INVALID_HANDLE, NULL, NULL));
}
