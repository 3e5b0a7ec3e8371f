/* Variables: guest variables (guestinfo.*), runtime configuration, the guest's environment. */
#include <string.h>

#include "client/vix_guest.h"

#define GUEST_PREFIX "guestinfo."

/* The value of a key of config.extraConfig; NULL when it is not set. */
static VixError read_extra(struct vix_ctx *x, const char *key, const char **ret)
{
    struct vim_any *value = NULL;
    VixError error = vix_property(x, vix_vm_ref(x->vm), "config.extraConfig", &value);

    *ret = NULL;
    for (size_t i = 0; !error && value && value->is_array && i < value->v.array.count; i++) {
        const struct vim_OptionValue *o = ((struct vim_OptionValue **)value->v.array.items)[i];

        if (!strcasecmp(o->key, key) && o->value && o->value->type == &vim_type_string)
            *ret = o->value->v.string;
    }
    return error;
}

/* Keys of the configuration file that the API shows as fields. */
static VixError read_field(struct vix_ctx *x, const char *key, const char **ret)
{
    static const struct {
        const char *key, *path;
    } fields[] = {{"displayName", "name"},
                  {"guestOS", "config.guestId"},
                  {"numvcpus", "config.hardware.numCPU"},
                  {"memsize", "config.hardware.memoryMB"},
                  {"annotation", "config.annotation"},
                  {"uuid.bios", "config.uuid"},
                  {"virtualHW.version", "config.version"}};
    struct vim_any *value = NULL;
    VixError error = VIX_OK;

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        if (strcasecmp(fields[i].key, key) != 0)
            continue;
        error = vix_property(x, vix_vm_ref(x->vm), fields[i].path, &value);
        if (!error && value && value->type == &vim_type_string)
            *ret = value->v.string;
        else if (!error && value && value->type == &vim_type_int)
            *ret = arena_printf(&x->arena, "%d", value->v.int_);
    }
    return error;
}

static VixError read_environment(struct vix_ctx *x, const char *name, const char **ret)
{
    struct vim_ReadEnvironmentVariableInGuest_request req = {.vm = vix_vm_ref(x->vm),
                                                             .names = {1, &name}};
    struct vim_ReadEnvironmentVariableInGuest_result *result = NULL;
    size_t len = strlen(name);
    VixError error = vix_guest_begin(x, VIX_MANAGER_PROCESS, &req.this_, &req.auth);

    if (!error)
        error = vix_call(x, &vim_method_ReadEnvironmentVariableInGuest, &req, (void **)&result);
    for (size_t i = 0; !error && i < result->value.count; i++)
        if (!strncmp(result->value.items[i], name, len) && result->value.items[i][len] == '=')
            *ret = result->value.items[i] + len + 1;
    return error;
}

static const char *guest_key(struct vix_ctx *x, const char *name)
{
    return arena_printf(&x->arena, GUEST_PREFIX "%s", name);
}

static VixError run_read(struct vix_ctx *x, const struct vix_args *a)
{
    struct vix_props *props = vix_job_set(x->job, 0);
    const char *value = NULL, *key;
    VixError error;

    switch (a->n) {
    case VIX_VM_GUEST_VARIABLE:
        key = guest_key(x, a->a);
        error = key ? read_extra(x, key, &value) : VIX_E_OUT_OF_MEMORY;
        break;
    case VIX_VM_CONFIG_RUNTIME_ONLY:
        error = read_extra(x, a->a, &value);
        if (!error && !value)
            error = read_field(x, a->a, &value);
        break;
    case VIX_GUEST_ENVIRONMENT_VARIABLE:
        error = strchr(a->a, '=') ? VIX_E_INVALID_ARG : read_environment(x, a->a, &value);
        break;
    default:
        error = VIX_E_INVALID_ARG;
        break;
    }
    if (!error && !props)
        error = VIX_E_OUT_OF_MEMORY;
    return error ? error
                 : vix_props_string(props, VIX_PROPERTY_JOB_RESULT_VM_VARIABLE_STRING,
                                    value ? value : "");
}

static VixError write_extra(struct vix_ctx *x, const char *key, const char *value)
{
    struct vim_ReconfigVM_Task_request req = {.this_ = vix_vm_ref(x->vm)};
    struct vim_OptionValue *option = VIM_NEW(&x->arena, OptionValue);

    req.spec = VIM_NEW(&x->arena, VirtualMachineConfigSpec);
    if (!req.spec || !option || !key)
        return VIX_E_OUT_OF_MEMORY;
    option->key = key;
    option->value = vim_any_string(&x->arena, value);
    req.spec->extraConfig = (struct vim_array_OptionValue){1, &option};
    return vix_call_task(x, &vim_method_ReconfigVM_Task, &req, NULL);
}

static VixError run_write(struct vix_ctx *x, const struct vix_args *a)
{
    if (!*a->a || strchr(a->a, '='))
        return VIX_E_INVALID_ARG;
    switch (a->n) {
    case VIX_VM_GUEST_VARIABLE:
        return strchr(a->a, '/') ? VIX_E_INVALID_ARG : write_extra(x, guest_key(x, a->a), a->b);
    case VIX_VM_CONFIG_RUNTIME_ONLY:
        return write_extra(x, a->a, a->b);
    case VIX_GUEST_ENVIRONMENT_VARIABLE: /* the API has no such method */
        return VIX_E_NOT_SUPPORTED;
    default:
        return VIX_E_INVALID_ARG;
    }
}

static const struct vix_op reading[] = {{run_read, VIX_OP_NEEDS_A},
                                        {run_read, VIX_OP_NEEDS_A | VIX_OP_LOGIN}};
static const struct vix_op writing[] = {
    {run_write, VIX_OP_NEEDS_A | VIX_OP_NEEDS_B},
    {run_write, VIX_OP_NEEDS_A | VIX_OP_NEEDS_B | VIX_OP_LOGIN}};

VixHandle VixVM_ReadVariable(VixHandle vmHandle, int variableType, const char *name, int options,
                             VixEventProc *callbackProc, void *clientData)
{
    const struct vix_args args = {
        .a = (char *)(uintptr_t)name, .n = variableType, .options = options};

    return vix_job_start(vmHandle, VIX_HANDLETYPE_VM,
                         &reading[variableType == VIX_GUEST_ENVIRONMENT_VARIABLE], &args,
                         callbackProc, clientData);
}

VixHandle VixVM_WriteVariable(VixHandle vmHandle, int variableType, const char *valueName,
                              const char *value, int options, VixEventProc *callbackProc,
                              void *clientData)
{
    const struct vix_args args = {.a = (char *)(uintptr_t)valueName,
                                  .b = (char *)(uintptr_t)value,
                                  .n = variableType,
                                  .options = options};

    return vix_job_start(vmHandle, VIX_HANDLETYPE_VM,
                         &writing[variableType == VIX_GUEST_ENVIRONMENT_VARIABLE], &args,
                         callbackProc, clientData);
}
