/* Snapshots: handles to the nodes of VirtualMachine.snapshot. */
#include <string.h>

#include "client/vix_impl.h"

#define DEPTH_MAX 64 /* vSphere allows 32 */

static void destroy(struct vix_object *o)
{
    struct vix_snapshot *s = (struct vix_snapshot *)(void *)o;

    mem_free(s->id);
    mem_free(s->vm_id);
    mem_free(s->name);
    mem_free(s->description);
}

static VixError snapshot_new(struct vix_session *session, const char *vm_id,
                             const struct vim_VirtualMachineSnapshotTree *node, VixHandle *ret)
{
    struct vix_snapshot *s = vix_object_new(sizeof(*s), VIX_HANDLETYPE_SNAPSHOT, session, destroy);

    if (!s)
        return VIX_E_OUT_OF_MEMORY;
    s->id = mem_strdup(node->snapshot.value);
    s->vm_id = mem_strdup(vm_id);
    s->name = mem_strdup(node->name ? node->name : "");
    s->description = mem_strdup(node->description ? node->description : "");
    s->power_state =
        node->state == VIM_VirtualMachinePowerState_poweredOn   ? VIX_POWERSTATE_POWERED_ON
        : node->state == VIM_VirtualMachinePowerState_suspended ? VIX_POWERSTATE_SUSPENDED
                                                                : VIX_POWERSTATE_POWERED_OFF;
    if (!s->id || !s->vm_id || !s->name || !s->description) {
        vix_object_unref(&s->obj);
        return VIX_E_OUT_OF_MEMORY;
    }
    return vix_handle_new(&s->obj, ret);
}

typedef const struct vim_array_VirtualMachineSnapshotTree snapshot_list;

/* *ret is NULL for a VM without snapshots. */
static VixError read_tree(struct vix_ctx *x, const char *vm_id,
                          const struct vim_VirtualMachineSnapshotInfo **ret)
{
    struct vim_any *value = NULL;
    VixError error = vix_property(x, vim_ref_make("VirtualMachine", vm_id), "snapshot", &value);

    *ret = value ? VIM_CAST(value->v.object, VirtualMachineSnapshotInfo) : NULL;
    return error;
}

/* The node of an id; *ret_parent is the node above it, NULL for a root. */
static const struct vim_VirtualMachineSnapshotTree *
find_id(snapshot_list *list, const char *id, const struct vim_VirtualMachineSnapshotTree *parent,
        const struct vim_VirtualMachineSnapshotTree **ret_parent, int depth)
{
    for (size_t i = 0; depth < DEPTH_MAX && i < list->count; i++) {
        const struct vim_VirtualMachineSnapshotTree *node = list->items[i];

        if (!strcmp(node->snapshot.value, id)) {
            *ret_parent = parent;
            return node;
        }
        node = find_id(&node->childSnapshotList, id, node, ret_parent, depth + 1);
        if (node)
            return node;
    }
    return NULL;
}

/* A name anywhere in the tree; *ret_count is how many have it. */
static void find_name(snapshot_list *list, const char *name, int depth, unsigned *ret_count,
                      const struct vim_VirtualMachineSnapshotTree **ret)
{
    for (size_t i = 0; depth < DEPTH_MAX && i < list->count; i++) {
        if (list->items[i]->name && !strcmp(list->items[i]->name, name)) {
            *ret = list->items[i];
            ++*ret_count;
        }
        find_name(&list->items[i]->childSnapshotList, name, depth + 1, ret_count, ret);
    }
}

/* A path from a root, parts between '/' or '\'. */
static void find_path(snapshot_list *list, const char *path, int depth, unsigned *ret_count,
                      const struct vim_VirtualMachineSnapshotTree **ret)
{
    size_t len = strcspn(path, "/\\");

    for (size_t i = 0; depth < DEPTH_MAX && i < list->count; i++) {
        const struct vim_VirtualMachineSnapshotTree *node = list->items[i];

        if (!node->name || strncmp(node->name, path, len) != 0 || node->name[len])
            continue;
        if (path[len]) {
            find_path(&node->childSnapshotList, path + len + 1, depth + 1, ret_count, ret);
        } else {
            *ret = node;
            ++*ret_count;
        }
    }
}

/* --- synchronous functions --- */

/* What a pick from the tree gives; NULL in *ret: VIX_OK without a snapshot. */
typedef VixError pick_fn(const struct vim_VirtualMachineSnapshotInfo *info, const void *arg,
                         int index, const struct vim_VirtualMachineSnapshotTree **ret);

static VixError pick(VixHandle handle, VixHandleType type, pick_fn *fn, const void *arg, int index,
                     VixHandle *ret)
{
    const struct vim_VirtualMachineSnapshotInfo *info = NULL;
    const struct vim_VirtualMachineSnapshotTree *node = NULL;
    struct vix_object *o = NULL;
    const char *vm_id;
    struct vix_ctx x;
    VixError error = ret ? vix_handle_get(handle, type, &o) : VIX_E_INVALID_ARG;

    if (error)
        return error;
    vm_id = type == VIX_HANDLETYPE_VM ? ((struct vix_vm *)(void *)o)->id
                                      : ((struct vix_snapshot *)(void *)o)->vm_id;
    if (type == VIX_HANDLETYPE_SNAPSHOT)
        arg = ((struct vix_snapshot *)(void *)o)->id;
    error = vix_ctx_begin(&x, o->session, NULL, VIX_OP_SNAPSHOT);
    if (!error)
        error = read_tree(&x, vm_id, &info);
    if (!error)
        error = fn(info, arg, index, &node);
    *ret = VIX_INVALID_HANDLE;
    if (!error && node)
        error = snapshot_new(o->session, vm_id, node, ret);
    vix_ctx_end(&x);
    vix_object_unref(o);
    return error;
}

static VixError nth(snapshot_list *list, int index,
                    const struct vim_VirtualMachineSnapshotTree **ret)
{
    if (!list || index < 0 || (size_t)index >= list->count)
        return VIX_E_INVALID_ARG;
    *ret = list->items[index];
    return VIX_OK;
}

static VixError pick_root(const struct vim_VirtualMachineSnapshotInfo *info, const void *arg,
                          int index, const struct vim_VirtualMachineSnapshotTree **ret)
{
    (void)arg;
    return nth(info ? &info->rootSnapshotList : NULL, index, ret);
}

VixError VixVM_GetRootSnapshot(VixHandle vmHandle, int index, VixHandle *snapshotHandle)
{
    return pick(vmHandle, VIX_HANDLETYPE_VM, pick_root, NULL, index, snapshotHandle);
}

static VixError pick_current(const struct vim_VirtualMachineSnapshotInfo *info, const void *arg,
                             int index, const struct vim_VirtualMachineSnapshotTree **ret)
{
    const struct vim_VirtualMachineSnapshotTree *parent = NULL;

    (void)arg;
    (void)index;
    if (info && info->currentSnapshot.value)
        *ret = find_id(&info->rootSnapshotList, info->currentSnapshot.value, NULL, &parent, 0);
    return *ret ? VIX_OK : VIX_E_SNAPSHOT_NOTFOUND;
}

VixError VixVM_GetCurrentSnapshot(VixHandle vmHandle, VixHandle *snapshotHandle)
{
    return pick(vmHandle, VIX_HANDLETYPE_VM, pick_current, NULL, 0, snapshotHandle);
}

static VixError pick_named(const struct vim_VirtualMachineSnapshotInfo *info, const void *arg,
                           int index, const struct vim_VirtualMachineSnapshotTree **ret)
{
    const char *name = arg;
    unsigned count = 0;

    (void)index;
    if (info && strpbrk(name, "/\\"))
        find_path(&info->rootSnapshotList, name, 0, &count, ret);
    else if (info)
        find_name(&info->rootSnapshotList, name, 0, &count, ret);
    return count == 1 ? VIX_OK : count ? VIX_E_SNAPSHOT_NONUNIQUE_NAME : VIX_E_SNAPSHOT_NOTFOUND;
}

VixError VixVM_GetNamedSnapshot(VixHandle vmHandle, const char *name, VixHandle *snapshotHandle)
{
    return name ? pick(vmHandle, VIX_HANDLETYPE_VM, pick_named, name, 0, snapshotHandle)
                : VIX_E_INVALID_ARG;
}

static VixError pick_child(const struct vim_VirtualMachineSnapshotInfo *info, const void *arg,
                           int index, const struct vim_VirtualMachineSnapshotTree **ret)
{
    const struct vim_VirtualMachineSnapshotTree *parent = NULL, *node = NULL;

    if (info)
        node = find_id(&info->rootSnapshotList, arg, NULL, &parent, 0);
    return node ? nth(&node->childSnapshotList, index, ret) : VIX_E_SNAPSHOT_NOTFOUND;
}

VixError VixSnapshot_GetChild(VixHandle parentSnapshotHandle, int index,
                              VixHandle *childSnapshotHandle)
{
    return pick(parentSnapshotHandle, VIX_HANDLETYPE_SNAPSHOT, pick_child, NULL, index,
                childSnapshotHandle);
}

static VixError pick_parent(const struct vim_VirtualMachineSnapshotInfo *info, const void *arg,
                            int index, const struct vim_VirtualMachineSnapshotTree **ret)
{
    const struct vim_VirtualMachineSnapshotTree *node = NULL;

    (void)index;
    if (info)
        node = find_id(&info->rootSnapshotList, arg, NULL, ret, 0);
    return node ? VIX_OK : VIX_E_SNAPSHOT_NOTFOUND;
}

VixError VixSnapshot_GetParent(VixHandle snapshotHandle, VixHandle *parentSnapshotHandle)
{
    return pick(snapshotHandle, VIX_HANDLETYPE_SNAPSHOT, pick_parent, NULL, 0,
                parentSnapshotHandle);
}

/* How many there are at the root (of a VM) or beneath a snapshot. */
static VixError count(VixHandle handle, VixHandleType type, int *ret)
{
    const struct vim_VirtualMachineSnapshotInfo *info = NULL;
    const struct vim_VirtualMachineSnapshotTree *node = NULL, *parent = NULL;
    struct vix_object *o = NULL;
    struct vix_ctx x;
    VixError error = ret ? vix_handle_get(handle, type, &o) : VIX_E_INVALID_ARG;

    if (error)
        return error;
    error = vix_ctx_begin(&x, o->session, NULL, VIX_OP_SNAPSHOT);
    if (!error)
        error = read_tree(&x,
                          type == VIX_HANDLETYPE_VM ? ((struct vix_vm *)(void *)o)->id
                                                    : ((struct vix_snapshot *)(void *)o)->vm_id,
                          &info);
    if (!error && type == VIX_HANDLETYPE_VM) {
        *ret = info ? (int)info->rootSnapshotList.count : 0;
    } else if (!error) {
        node = info ? find_id(&info->rootSnapshotList, ((struct vix_snapshot *)(void *)o)->id, NULL,
                              &parent, 0)
                    : NULL;
        error = node ? VIX_OK : VIX_E_SNAPSHOT_NOTFOUND;
        if (node)
            *ret = (int)node->childSnapshotList.count;
    }
    vix_ctx_end(&x);
    vix_object_unref(o);
    return error;
}

VixError VixVM_GetNumRootSnapshots(VixHandle vmHandle, int *result)
{
    return count(vmHandle, VIX_HANDLETYPE_VM, result);
}

VixError VixSnapshot_GetNumChildren(VixHandle parentSnapshotHandle, int *numChildSnapshots)
{
    return count(parentSnapshotHandle, VIX_HANDLETYPE_SNAPSHOT, numChildSnapshots);
}

/* --- jobs --- */

static VixError run_create(struct vix_ctx *x, const struct vix_args *a)
{
    const struct vim_CreateSnapshot_Task_request req = {
        .this_ = vix_vm_ref(x->vm),
        .name = a->a ? a->a : "",
        .description = a->b,
        .memory = (a->options & VIX_SNAPSHOT_INCLUDE_MEMORY) != 0};
    const struct vim_VirtualMachineSnapshotInfo *info = NULL;
    const struct vim_VirtualMachineSnapshotTree *node, *parent = NULL;
    struct vix_props *props = vix_job_set(x->job, 0);
    VixHandle handle = VIX_INVALID_HANDLE;
    struct vim_any *made = NULL;
    VixError error = vix_call_task(x, &vim_method_CreateSnapshot_Task, &req, &made);

    if (!error && (!made || made->type != &vim_type_ref || !props))
        error = VIX_E_SNAPSHOT_INVAL;
    if (!error)
        error = read_tree(x, x->vm->id, &info);
    if (error)
        return error;
    node = info ? find_id(&info->rootSnapshotList, made->v.ref.value, NULL, &parent, 0) : NULL;
    if (!node)
        return VIX_E_SNAPSHOT_NOTFOUND; /* removed by somebody already */
    error = snapshot_new(x->session, x->vm->id, node, &handle);
    return error ? error : vix_props_handle(props, VIX_PROPERTY_JOB_RESULT_HANDLE, handle);
}

VixHandle VixVM_CreateSnapshot(VixHandle vmHandle, const char *name, const char *description,
                               VixCreateSnapshotOptions options, VixHandle propertyListHandle,
                               VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_create, VIX_OP_SNAPSHOT};
    const struct vix_args args = {.a = (char *)(uintptr_t)name,
                                  .b = (char *)(uintptr_t)description,
                                  .options = options,
                                  .list = propertyListHandle};

    return vix_job_start(vmHandle, VIX_HANDLETYPE_VM, &op, &args, callbackProc, clientData);
}

/* Starts a job on a VM with one of its snapshots. */
static VixHandle snapshot_job(VixHandle vm, VixHandle snapshot, const struct vix_op *op,
                              struct vix_args *args, VixEventProc *callback, void *data)
{
    struct vix_object *o = NULL;
    VixError error = vix_handle_get(snapshot, VIX_HANDLETYPE_SNAPSHOT, &o);
    VixHandle job;

    if (error)
        return vix_job_fail(error, callback, data);
    args->snapshot = (struct vix_snapshot *)(void *)o;
    job = vix_job_start(vm, VIX_HANDLETYPE_VM, op, args, callback, data);
    vix_object_unref(o);
    return job;
}

static VixError run_revert(struct vix_ctx *x, const struct vix_args *a)
{
    const struct vim_RevertToSnapshot_Task_request req = {
        .this_ = vim_ref_make("VirtualMachineSnapshot", a->snapshot->id),
        .has_suppressPowerOn = true,
        .suppressPowerOn = (a->options & VIX_VMPOWEROP_SUPPRESS_SNAPSHOT_POWERON) != 0};

    return strcmp(a->snapshot->vm_id, x->vm->id) != 0
               ? VIX_E_SNAPSHOT_NOTFOUND
               : vix_call_task(x, &vim_method_RevertToSnapshot_Task, &req, NULL);
}

VixHandle VixVM_RevertToSnapshot(VixHandle vmHandle, VixHandle snapshotHandle,
                                 VixVMPowerOpOptions options, VixHandle propertyListHandle,
                                 VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_revert, VIX_OP_SNAPSHOT};
    struct vix_args args = {.options = options, .list = propertyListHandle};

    return snapshot_job(vmHandle, snapshotHandle, &op, &args, callbackProc, clientData);
}

static VixError run_remove(struct vix_ctx *x, const struct vix_args *a)
{
    const struct vim_RemoveSnapshot_Task_request req = {
        .this_ = vim_ref_make("VirtualMachineSnapshot", a->snapshot->id),
        .removeChildren = (a->options & VIX_SNAPSHOT_REMOVE_CHILDREN) != 0};

    return strcmp(a->snapshot->vm_id, x->vm->id) != 0
               ? VIX_E_SNAPSHOT_NOTFOUND
               : vix_call_task(x, &vim_method_RemoveSnapshot_Task, &req, NULL);
}

VixHandle VixVM_RemoveSnapshot(VixHandle vmHandle, VixHandle snapshotHandle,
                               VixRemoveSnapshotOptions options, VixEventProc *callbackProc,
                               void *clientData)
{
    static const struct vix_op op = {run_remove, VIX_OP_SNAPSHOT};
    struct vix_args args = {.options = options};

    return snapshot_job(vmHandle, snapshotHandle, &op, &args, callbackProc, clientData);
}
