#include "client/vix_extra.h"

#include <ctype.h>
#include <string.h>

#include "client/vix_impl.h"

static VixError put_string(struct vix_ctx *x, const char *text)
{
    struct vix_props *props = vix_job_set(x->job, 0);

    return props ? vix_props_string(props, VIX_PROPERTY_JOB_RESULT_VM_VARIABLE_STRING, text)
                 : VIX_E_OUT_OF_MEMORY;
}

static int has_text(const struct vim_any *value, void *arg)
{
    (void)arg;
    return value && value->type == &vim_type_string && value->v.string && *value->v.string;
}

static VixError run_address(struct vix_ctx *x, const struct vix_args *a)
{
    struct vim_any *value = NULL;
    VixError error = VIX_OK;

    if (a->n)
        error = vix_ctx_error(x, vim_client_wait(x->c, vix_vm_ref(x->vm), "guest.ipAddress",
                                                 has_text, NULL, VIX_FOREVER_MS, &x->err));
    if (!error)
        error = vix_property(x, vix_vm_ref(x->vm), "guest.ipAddress", &value);
    if (error)
        return error;
    return has_text(value, NULL) ? put_string(x, value->v.string) : VIX_E_OBJECT_NOT_FOUND;
}

VixHandle vix_guest_address_start(VixHandle vm, int wait)
{
    static const struct vix_op op = {run_address, 0};
    const struct vix_args args = {.n = wait};

    return vix_job_start(vm, VIX_HANDLETYPE_VM, &op, &args, NULL, NULL);
}

static VixError run_tools_state(struct vix_ctx *x, const struct vix_args *a)
{
    static const char *const paths[] = {"guest.toolsRunningStatus", "guest.toolsVersionStatus2"};
    struct vim_any *v[ARRAY_SIZE(paths)];
    VixError error =
        vix_ctx_error(x, vim_client_properties(x->c, vix_vm_ref(x->vm), ARRAY_SIZE(paths), paths,
                                               &x->arena, v, &x->err));

    (void)a;
    if (error)
        return error;
    if (has_text(v[0], NULL) && !strcmp(v[0]->v.string, "guestToolsRunning"))
        return put_string(x, "running");
    return put_string(x, has_text(v[1], NULL) && strcmp(v[1]->v.string, "guestToolsNotInstalled")
                             ? "installed"
                             : "unknown");
}

VixHandle vix_tools_state_start(VixHandle vm)
{
    static const struct vix_op op = {run_tools_state, 0};
    const struct vix_args args = {0};

    return vix_job_start(vm, VIX_HANDLETYPE_VM, &op, &args, NULL, NULL);
}

/* --- devices --- */

/* "Ethernet0" of a .vmx file is "Network adapter 1" to the API; "serial0" is "Serial port 1". */
static const struct {
    const char *vmx, *label;
} device_names[] = {{"ethernet", "Network adapter"}, {"serial", "Serial port"},
                    {"parallel", "Parallel port"},   {"floppy", "Floppy drive"},
                    {"sound", "Sound card"},         {"usb", "USB controller"}};

static bool names_label(const char *name, const char *label)
{
    if (!strcasecmp(name, label))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(device_names); i++) {
        size_t n = strlen(device_names[i].vmx), k = strlen(device_names[i].label);

        if (strncasecmp(name, device_names[i].vmx, n) != 0 ||
            strncasecmp(label, device_names[i].label, k) != 0)
            continue;
        /* Counted from 0 there and from 1 here; a single device may have no number. */
        if (!name[n])
            return true;
        if (isdigit((unsigned char)name[n]) && !name[n + 1] && label[k] == ' ')
            return label[k + 1] == name[n] + 1 && !label[k + 2];
    }
    return false;
}

static VixError run_device(struct vix_ctx *x, const struct vix_args *a)
{
    struct vim_ReconfigVM_Task_request req = {.this_ = vix_vm_ref(x->vm)};
    struct vim_VirtualDeviceConfigSpec *change = VIM_NEW(&x->arena, VirtualDeviceConfigSpec);
    static const char *const paths[] = {"runtime.powerState", "config.hardware.device"};
    struct vim_any *v[ARRAY_SIZE(paths)];
    const struct vim_any *devices;
    VixError error =
        vix_ctx_error(x, vim_client_properties(x->c, vix_vm_ref(x->vm), ARRAY_SIZE(paths), paths,
                                               &x->arena, v, &x->err));

    if (error)
        return error;
    if (!v[0] || v[0]->v.enumeration != VIM_VirtualMachinePowerState_poweredOn)
        return VIX_E_VM_NOT_RUNNING;
    devices = v[1];
    req.spec = VIM_NEW(&x->arena, VirtualMachineConfigSpec);
    if (!req.spec || !change)
        return VIX_E_OUT_OF_MEMORY;
    for (size_t i = 0; devices && devices->is_array && i < devices->v.array.count; i++) {
        struct vim_VirtualDevice *d = ((struct vim_VirtualDevice **)devices->v.array.items)[i];

        if (d->connectable && d->deviceInfo && d->deviceInfo->label &&
            names_label(a->a, d->deviceInfo->label))
            change->device = d;
    }
    if (!change->device)
        return VIX_E_INVALID_ARG;
    if (change->device->connectable->connected == (a->n != 0))
        return VIX_OK;
    change->operation = VIM_VirtualDeviceConfigSpecOperation_edit;
    change->device->connectable->connected = a->n != 0;
    req.spec->deviceChange = (struct vim_array_VirtualDeviceConfigSpec){1, &change};
    return vix_call_task(x, &vim_method_ReconfigVM_Task, &req, NULL);
}

VixHandle vix_device_start(VixHandle vm, const char *name, int connect)
{
    static const struct vix_op op = {run_device, VIX_OP_NEEDS_A};
    const struct vix_args args = {.a = (char *)(uintptr_t)name, .n = connect};

    return vix_job_start(vm, VIX_HANDLETYPE_VM, &op, &args, NULL, NULL);
}
