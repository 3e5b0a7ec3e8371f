/* VM handles: their life, their properties, and Vix_GetProperties of every kind of handle. */
#include <string.h>

#include "client/vix_impl.h"

#define TASKS_MAX 16u /* looked at for what a VM is doing */

void vix_vm_logout(struct vix_vm *vm)
{
    pthread_mutex_lock(&vm->lock);
    if (vm->password)
        mem_free_secret(vm->password, strlen(vm->password));
    mem_free(vm->user);
    vm->user = vm->password = NULL;
    vm->interactive = false;
    pthread_mutex_unlock(&vm->lock);
}

static void destroy(struct vix_object *o)
{
    struct vix_vm *vm = (struct vix_vm *)(void *)o;

    vix_vm_logout(vm);
    mem_free(vm->path);
    mem_free(vm->id);
    pthread_mutex_destroy(&vm->lock);
}

VixError vix_vm_new(struct vix_session *s, struct vim_ref ref, const char *path, VixHandle *ret)
{
    struct vix_vm *vm = vix_object_new(sizeof(*vm), VIX_HANDLETYPE_VM, s, destroy);

    if (!vm)
        return VIX_E_OUT_OF_MEMORY;
    pthread_mutex_init(&vm->lock, NULL);
    vm->path = mem_strdup(path);
    vm->id = mem_strdup(ref.value);
    if (!vm->path || !vm->id) {
        vix_object_unref(&vm->obj);
        return VIX_E_OUT_OF_MEMORY;
    }
    return vix_handle_new(&vm->obj, ret);
}

/* --- properties --- */

enum {
    V_CPUS,
    V_MEMORY,
    V_NAME,
    V_GUEST,
    V_POWER,
    V_TOOLS,
    V_VERSION,
    V_STATE,
    V_QUESTION,
    V_PAUSED,
    V_TASKS,
    V_COUNT
};

static const char *const vm_paths[V_COUNT] = {
    [V_CPUS] = "config.hardware.numCPU",
    [V_MEMORY] = "config.hardware.memoryMB",
    [V_NAME] = "name",
    [V_GUEST] = "config.guestId",
    [V_POWER] = "runtime.powerState",
    [V_TOOLS] = "guest.toolsRunningStatus",
    [V_VERSION] = "guest.toolsVersionStatus2",
    [V_STATE] = "guest.guestState",
    [V_QUESTION] = "runtime.question",
    [V_PAUSED] = "runtime.paused",
    [V_TASKS] = "recentTask",
};

static int as_int(const struct vim_any *v)
{
    return v && v->type == &vim_type_int ? v->v.int_ : 0;
}

static const char *as_string(const struct vim_any *v)
{
    return v && v->type == &vim_type_string && v->v.string ? v->v.string : "";
}

/* What the VM is doing just now, from its tasks. */
static int task_bits(struct vix_ctx *x, const struct vim_any *tasks)
{
    static const struct {
        const char *method;
        int bit;
    } doing[] = {{"powerOn", VIX_POWERSTATE_POWERING_ON},
                 {"powerOff", VIX_POWERSTATE_POWERING_OFF},
                 {"suspend", VIX_POWERSTATE_SUSPENDING},
                 {"reset", VIX_POWERSTATE_RESETTING}};
    const struct vim_ref *refs = tasks && tasks->is_array ? tasks->v.array.items : NULL;
    size_t count = refs ? tasks->v.array.count : 0;
    int bits = 0;

    for (size_t i = 0; i < count && i < TASKS_MAX; i++) {
        struct vim_any *value = NULL;
        const struct vim_TaskInfo *info;
        const char *method;

        if (vim_client_property(x->c, refs[i], "info", &x->arena, &value, NULL) || !value)
            continue; /* forgotten meanwhile */
        info = VIM_CAST(value->v.object, TaskInfo);
        if (!info || info->state != VIM_TaskInfoState_running || !info->descriptionId)
            continue;
        method = strrchr(info->descriptionId, '.');
        for (size_t k = 0; method && k < ARRAY_SIZE(doing); k++)
            if (!strcmp(method + 1, doing[k].method))
                bits |= doing[k].bit;
    }
    return bits;
}

static int power_bits(struct vix_ctx *x, struct vim_any *const v[V_COUNT])
{
    int state = v[V_POWER] ? v[V_POWER]->v.enumeration : 0;
    int bits = task_bits(x, v[V_TASKS]);

    if (state == VIM_VirtualMachinePowerState_poweredOff)
        bits |= VIX_POWERSTATE_POWERED_OFF;
    else if (state == VIM_VirtualMachinePowerState_suspended)
        bits |= bits & VIX_POWERSTATE_POWERING_ON
                    ? VIX_POWERSTATE_SUSPENDED | VIX_POWERSTATE_RESUMING
                    : VIX_POWERSTATE_SUSPENDED;
    else if (state == VIM_VirtualMachinePowerState_poweredOn)
        bits |= VIX_POWERSTATE_POWERED_ON;
    if ((bits & VIX_POWERSTATE_POWERED_ON) && !strcmp(as_string(v[V_TOOLS]), "guestToolsRunning"))
        bits |= VIX_POWERSTATE_TOOLS_RUNNING;
    if (!strcmp(as_string(v[V_STATE]), "shuttingDown"))
        bits |= VIX_POWERSTATE_POWERING_OFF;
    if (v[V_QUESTION])
        bits |= VIX_POWERSTATE_BLOCKED_ON_MSG;
    if (v[V_PAUSED] && v[V_PAUSED]->type == &vim_type_boolean && v[V_PAUSED]->v.boolean)
        bits |= VIX_POWERSTATE_PAUSED;
    return bits;
}

static int tools_state(struct vim_any *const v[V_COUNT])
{
    if (!strcmp(as_string(v[V_TOOLS]), "guestToolsRunning"))
        return VIX_TOOLSSTATE_RUNNING;
    return !strcmp(as_string(v[V_VERSION]), "guestToolsNotInstalled") ? VIX_TOOLSSTATE_NOT_INSTALLED
                                                                      : VIX_TOOLSSTATE_UNKNOWN;
}

static VixError fill_vm(struct vix_props *p, struct vix_ctx *x, struct vim_any *const v[V_COUNT])
{
    int power = power_bits(x, v);
    VixError error = vix_props_int(p, VIX_PROPERTY_VM_NUM_VCPUS, as_int(v[V_CPUS]));

    error = error ? error : vix_props_string(p, VIX_PROPERTY_VM_VMX_PATHNAME, x->vm->path);
    error = error ? error : vix_props_string(p, VIX_PROPERTY_VM_VMTEAM_PATHNAME, "");
    error = error ? error : vix_props_int(p, VIX_PROPERTY_VM_MEMORY_SIZE, as_int(v[V_MEMORY]));
    error = error ? error : vix_props_bool(p, VIX_PROPERTY_VM_READ_ONLY, false);
    error = error ? error : vix_props_string(p, VIX_PROPERTY_VM_NAME, as_string(v[V_NAME]));
    error = error ? error : vix_props_string(p, VIX_PROPERTY_VM_GUESTOS, as_string(v[V_GUEST]));
    error = error ? error : vix_props_bool(p, VIX_PROPERTY_VM_IN_VMTEAM, false);
    error = error ? error : vix_props_int(p, VIX_PROPERTY_VM_POWER_STATE, power);
    error = error ? error : vix_props_int(p, VIX_PROPERTY_VM_TOOLS_STATE, tools_state(v));
    error = error
                ? error
                : vix_props_bool(p, VIX_PROPERTY_VM_IS_RUNNING, power & VIX_POWERSTATE_POWERED_ON);
    error = error ? error
                  : vix_props_int(p, VIX_PROPERTY_VM_SUPPORTED_FEATURES,
                                  VIX_VM_SUPPORT_MULTIPLE_SNAPSHOTS);
    return error ? error : vix_props_bool(p, VIX_PROPERTY_VM_SSL_ERROR, false);
}

static VixError vm_props(struct vix_object *o, struct vix_props *ret)
{
    struct vix_vm *vm = (struct vix_vm *)(void *)o;
    struct vim_any *values[V_COUNT];
    struct vix_ctx x;
    VixError error = vix_ctx_begin(&x, o->session, vm, 0);

    if (!error)
        error = vix_ctx_error(&x, vim_client_properties(x.c, vix_vm_ref(vm), V_COUNT, vm_paths,
                                                        &x.arena, values, &x.err));
    if (!error)
        error = fill_vm(ret, &x, values);
    vix_ctx_end(&x);
    return error;
}

static VixError host_props(struct vix_object *o, struct vix_props *ret)
{
    VixError error =
        vix_props_int(ret, VIX_PROPERTY_HOST_HOSTTYPE, vix_session_options(o->session)->type);

    return error ? error : vix_props_int(ret, VIX_PROPERTY_HOST_API_VERSION, VIX_API_VERSION);
}

static VixError snapshot_props(struct vix_object *o, struct vix_props *ret)
{
    const struct vix_snapshot *s = (struct vix_snapshot *)(void *)o;
    VixError error = vix_props_string(ret, VIX_PROPERTY_SNAPSHOT_DISPLAYNAME, s->name);

    if (!error)
        error = vix_props_string(ret, VIX_PROPERTY_SNAPSHOT_DESCRIPTION, s->description);
    return error ? error : vix_props_int(ret, VIX_PROPERTY_SNAPSHOT_POWERSTATE, s->power_state);
}

static VixError list_props(struct vix_object *o, struct vix_props *ret)
{
    *ret = *vix_property_list_props(o);
    return VIX_OK;
}

static const struct {
    VixHandleType type;
    VixError (*get)(struct vix_object *o, struct vix_props *ret);
    bool made; /* for the reader, who frees it */
} readers[] = {
    {VIX_HANDLETYPE_HOST, host_props, true},           {VIX_HANDLETYPE_VM, vm_props, true},
    {VIX_HANDLETYPE_SNAPSHOT, snapshot_props, true},   {VIX_HANDLETYPE_JOB, vix_job_props, false},
    {VIX_HANDLETYPE_PROPERTY_LIST, list_props, false},
};

static VixError read_all(struct vix_object *o, struct vix_props *ret, bool *ret_made)
{
    for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
        if (readers[i].type != o->type)
            continue;
        *ret_made = readers[i].made;
        return readers[i].get(o, ret);
    }
    return VIX_E_NOT_SUPPORTED_ON_HANDLE_TYPE;
}

VixError Vix_GetProperties(VixHandle handle, VixPropertyID firstPropertyID, ...)
{
    struct vix_object *o = NULL;
    struct vix_props props = {0};
    bool made = false;
    va_list ap;
    VixError error = vix_handle_get(handle, VIX_HANDLETYPE_NONE, &o);

    if (error)
        return error;
    error = read_all(o, &props, &made);
    if (!error) {
        va_start(ap, firstPropertyID);
        error = vix_props_read(&props, firstPropertyID, &ap);
        va_end(ap);
    }
    if (made)
        vix_props_free(&props);
    vix_object_unref(o);
    return error;
}

/* The kinds of handle that have a property, by the ranges of their ids. */
static VixHandleType owner_of(VixPropertyID id)
{
    if (id == VIX_PROPERTY_HOST_HOSTTYPE || id == VIX_PROPERTY_HOST_API_VERSION)
        return VIX_HANDLETYPE_HOST;
    if (id > 100 && id < 3000)
        return VIX_HANDLETYPE_VM;
    if (id >= 3000 && id < 4000)
        return VIX_HANDLETYPE_JOB;
    if (id >= 4200 && id < 4300)
        return VIX_HANDLETYPE_SNAPSHOT;
    return VIX_HANDLETYPE_PROPERTY_LIST;
}

VixError Vix_GetPropertyType(VixHandle handle, VixPropertyID propertyID,
                             VixPropertyType *propertyType)
{
    VixHandleType type = Vix_GetHandleType(handle);
    VixPropertyType found = vix_property_type(propertyID);

    if (!propertyType)
        return VIX_E_INVALID_ARG;
    if (type == VIX_HANDLETYPE_NONE)
        return VIX_E_INVALID_HANDLE;
    if (found == VIX_PROPERTYTYPE_ANY ||
        (type != VIX_HANDLETYPE_PROPERTY_LIST && owner_of(propertyID) != type))
        return VIX_E_UNRECOGNIZED_PROPERTY;
    *propertyType = found;
    return VIX_OK;
}
