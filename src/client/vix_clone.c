/* VixVM_Clone: CloneVM_Task, and the name. */
#include <errno.h>
#include <string.h>

#include "client/vix_impl.h"

#define CLONE_NAME_MAX 80

/* A snapshot to clone from; a new one when none was named. */
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

/*
 * Where a clone goes: a host puts it into "[datastore] NAME/NAME.vmx", so that is what a path must
 * look like, lest the program look for it elsewhere afterwards. A name alone will do.
 */
static VixError clone_place(struct vix_ctx *x, const char *path, const char **ret_datastore,
                            const char **ret_name)
{
    const char *datacenter = NULL, *in = path, *end = NULL, *slash;
    VixError error = VIX_OK;
    size_t n;

    *ret_datastore = NULL;
    if (strpbrk(path, "/[")) {
        error = vix_path_datastore(x, path, &datacenter, &in);
        end = error ? NULL : strchr(in, ']');
        if (!end)
            return error_set(&x->err, -EINVAL, "%s is not in a datastore of the host", path),
                   VIX_E_INVALID_ARG;
        *ret_datastore = arena_strndup(&x->arena, in + 1, (size_t)(end - in) - 1);
        in = end + 1 + strspn(end + 1, " ");
    }
    slash = strchr(in, '/');
    n = slash ? (size_t)(slash - in) : strlen(in);
    *ret_name = n && n <= CLONE_NAME_MAX ? arena_strndup(&x->arena, in, n) : NULL;
    if (*ret_name &&
        (slash ? !strncmp(slash + 1, *ret_name, n) && !strcmp(slash + 1 + n, ".vmx") : !end))
        return VIX_OK;
    return error_set(&x->err, -EINVAL, "a clone's path is NAME/NAME.vmx in a datastore, not %s",
                     path),
           VIX_E_INVALID_ARG;
}

static VixError find_datastore(struct vix_ctx *x, const char *name, struct vim_ref *ret)
{
    static const char *const paths[] = {"name"};
    struct vim_array_ObjectContent all;
    VixError error =
        vix_ctx_error(x, vim_client_objects(x->c, "Datastore", 1, paths, &x->arena, &all, &x->err));

    for (size_t i = 0; !error && i < all.count; i++) {
        const struct vim_any *value = vim_client_value(all.items[i], "name");

        if (value && value->type == &vim_type_string && !strcmp(value->v.string, name)) {
            *ret = all.items[i]->obj;
            return VIX_OK;
        }
    }
    return error ? error
                 : (error_set(&x->err, -ENOENT, "the host has no datastore %s", name),
                    VIX_E_INVALID_ARG);
}

/* A clone that did not get its name is not what was asked for. */
static void give_up(struct vix_ctx *x, struct vim_ref vm)
{
    const struct vim_Destroy_Task_request destroy = {.this_ = vm};
    struct error why = x->err;

    vix_call_task(x, &vim_method_Destroy_Task, &destroy, NULL);
    x->err = why;
}

static VixError run_clone(struct vix_ctx *x, const struct vix_args *a)
{
    struct vim_CloneVM_Task_request req = {.this_ = vix_vm_ref(x->vm)};
    struct vim_Rename_Task_request rename = {.newName = a->b};
    struct vim_any *made = NULL, *path = NULL;
    struct vix_props *props = vix_job_set(x->job, 0);
    VixHandle handle = VIX_INVALID_HANDLE;
    const char *datastore = NULL;
    int state = 0;
    VixError error = a->options == VIX_CLONETYPE_FULL || a->options == VIX_CLONETYPE_LINKED
                         ? vix_power_state(x, &state)
                         : VIX_E_INVALID_ARG;

    if (!error && !a->snapshot && state == VIM_VirtualMachinePowerState_poweredOn)
        error = VIX_E_VM_IS_RUNNING;
    if (!error && a->options == VIX_CLONETYPE_LINKED &&
        state == VIM_VirtualMachinePowerState_suspended)
        error = VIX_E_VM_IS_RUNNING;
    if (error)
        return error;
    error = clone_place(x, a->a, &datastore, &req.name);
    if (error)
        return error;
    req.spec = VIM_NEW(&x->arena, VirtualMachineCloneSpec);
    if (req.spec)
        req.spec->location = VIM_NEW(&x->arena, VirtualMachineRelocateSpec);
    if (!props || !req.spec || !req.spec->location)
        return VIX_E_OUT_OF_MEMORY;
    if (datastore)
        error = find_datastore(x, datastore, &req.spec->location->datastore);
    if (error)
        return error;
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
    if (!error && a->b && strcmp(a->b, req.name) != 0) {
        rename.this_ = made->v.ref;
        error = vix_call_task(x, &vim_method_Rename_Task, &rename, NULL);
        if (error)
            give_up(x, made->v.ref);
    }
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
    job = vix_job_start(vm, VIX_HANDLETYPE_VM, &op, &args, callback, data);
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
