/* Snapshot commands and clone. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/vix_impl.h"
#include "client/vmrun.h"

#define DEPTH_MAX 64

/* Depth first. With `print` the names, indented by tabs when `tree`; always counts. */
static VixError walk(VixHandle snapshot, bool print, bool tree, int depth, int *count)
{
    char *name = NULL;
    int children = 0;
    VixError error =
        Vix_GetProperties(snapshot, VIX_PROPERTY_SNAPSHOT_DISPLAYNAME, &name, VIX_PROPERTY_NONE);

    if (!error && print)
        printf("%.*s%s\n", tree ? depth : 0,
               "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t", name);
    Vix_FreeBuffer(name);
    ++*count;
    if (!error && depth < DEPTH_MAX)
        error = VixSnapshot_GetNumChildren(snapshot, &children);
    for (int i = 0; !error && i < children; i++) {
        VixHandle child = VIX_INVALID_HANDLE;

        error = VixSnapshot_GetChild(snapshot, i, &child);
        if (!error)
            error = walk(child, print, tree, depth + 1, count);
        Vix_ReleaseHandle(child);
    }
    return error;
}

static VixError walk_roots(struct vmrun *v, bool print, bool tree, int *count)
{
    int roots = 0;
    VixError error = VixVM_GetNumRootSnapshots(v->vm, &roots);

    *count = 0;
    for (int i = 0; !error && i < roots; i++) {
        VixHandle root = VIX_INVALID_HANDLE;

        error = VixVM_GetRootSnapshot(v->vm, i, &root);
        if (!error)
            error = walk(root, print, tree, 0, count);
        Vix_ReleaseHandle(root);
    }
    return error;
}

int vmrun_list_snapshots(struct vmrun *v)
{
    bool tree = v->argc > 0;
    int count = 0;
    VixError error = tree && strcasecmp(v->argv[0], "showTree")
                         ? VIX_E_INVALID_ARG
                         : walk_roots(v, false, tree, &count);

    if (!error) {
        printf("Total snapshots: %d\n", count);
        error = walk_roots(v, true, tree, &count);
    }
    return vmrun_end(v, error);
}

int vmrun_snapshot(struct vmrun *v)
{
    int power = 0;
    VixError error =
        strpbrk(v->argv[0], "/\\")
            ? VIX_E_INVALID_ARG
            : Vix_GetProperties(v->vm, VIX_PROPERTY_VM_POWER_STATE, &power, VIX_PROPERTY_NONE);

    if (error)
        return vmrun_end(v, error);
    return vmrun_job(
        v, VixVM_CreateSnapshot(v->vm, v->argv[0], "",
                                power & VIX_POWERSTATE_POWERED_ON ? VIX_SNAPSHOT_INCLUDE_MEMORY : 0,
                                VIX_INVALID_HANDLE, NULL, NULL));
}

int vmrun_delete_snapshot(struct vmrun *v)
{
    VixHandle snapshot = VIX_INVALID_HANDLE;
    int options = v->argc > 1 ? VIX_SNAPSHOT_REMOVE_CHILDREN : 0;
    VixError error = options && strcasecmp(v->argv[1], "andDeleteChildren")
                         ? VIX_E_INVALID_ARG
                         : VixVM_GetNamedSnapshot(v->vm, v->argv[0], &snapshot);

    if (!error)
        error = vmrun_wait(v, VixVM_RemoveSnapshot(v->vm, snapshot, options, NULL, NULL));
    Vix_ReleaseHandle(snapshot);
    return vmrun_end(v, error);
}

int vmrun_revert(struct vmrun *v)
{
    VixHandle snapshot = VIX_INVALID_HANDLE;
    VixError error = VixVM_GetNamedSnapshot(v->vm, v->argv[0], &snapshot);

    if (!error)
        error = vmrun_wait(
            v, VixVM_RevertToSnapshot(v->vm, snapshot, 0, VIX_INVALID_HANDLE, NULL, NULL));
    Vix_ReleaseHandle(snapshot);
    return vmrun_end(v, error);
}

int vmrun_clone(struct vmrun *v)
{
    const char *snapshot_name = NULL, *name = NULL;
    VixHandle snapshot = VIX_INVALID_HANDLE;
    VixError error = VIX_OK;
    int type = !strcasecmp(v->argv[1], "full")     ? VIX_CLONETYPE_FULL
               : !strcasecmp(v->argv[1], "linked") ? VIX_CLONETYPE_LINKED
                                                   : -1;

    for (int i = 2; i < v->argc; i++) {
        if (!strncasecmp(v->argv[i], "-snapshot=", 10))
            snapshot_name = v->argv[i] + 10;
        else if (!strncasecmp(v->argv[i], "-cloneName=", 11))
            name = v->argv[i] + 11;
        else
            error = VIX_E_INVALID_ARG;
    }
    if (type < 0)
        error = VIX_E_INVALID_ARG;
    if (!error && snapshot_name)
        error = VixVM_GetNamedSnapshot(v->vm, snapshot_name, &snapshot);
    if (!error)
        error = vmrun_wait(v, vix_clone_start(v->vm, snapshot, type, v->argv[0], name,
                                              VIX_INVALID_HANDLE, NULL, NULL));
    Vix_ReleaseHandle(snapshot);
    return vmrun_end(v, error);
}
