/*
 * Names of virtual machines: "[datastore] dir/x.vmx" with or without "DATACENTER/" before it, and
 * for this machine's host the paths of files. Its datastore is the folder STATE/vms.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "client/vix_impl.h"

#define LOCAL_DATASTORE "[datastore1] "
#define STATE_DEFAULT   "/var/lib/inguest"

VixError vix_first_object(struct vix_ctx *x, const char *type, const char *path,
                          struct vim_ref *ret)
{
    struct vim_array_ObjectContent objects;
    VixError error =
        vix_ctx_error(x, vim_client_objects(x->c, type, 1, &path, &x->arena, &objects, &x->err));
    const struct vim_any *value =
        !error && objects.count ? vim_client_value(objects.items[0], path) : NULL;

    if (error)
        return error;
    if (!objects.count)
        return VIX_E_OBJECT_NOT_FOUND;
    *ret = value && value->type == &vim_type_ref && !value->is_array ? value->v.ref
                                                                     : objects.items[0]->obj;
    return VIX_OK;
}

/* STATE/vms, with no symbolic links in it. */
static char *local_root(struct vix_ctx *x)
{
    const struct vix_connect *o = vix_session_options(x->session);
    AUTO_FREE char *path = mem_printf("%s/vms", o->state_dir ? o->state_dir : STATE_DEFAULT);
    char *real = path ? realpath(path, NULL) : NULL;

    if (!real)
        return TAKE_PTR(path);
    mem_free(path);
    path = mem_strdup(real);
    free(real);
    return TAKE_PTR(path);
}

const char *vix_path_location(struct vix_ctx *x, const char *datastore_path)
{
    AUTO_FREE char *root = NULL;

    if (!vix_session_is_local(x->session) ||
        strncmp(datastore_path, LOCAL_DATASTORE, strlen(LOCAL_DATASTORE)) != 0)
        return datastore_path;
    root = local_root(x);
    return root ? arena_printf(&x->arena, "%s/%s", root, datastore_path + strlen(LOCAL_DATASTORE))
                : datastore_path;
}

/* The real path of a file that may be gone; its folder too. */
static char *resolve(const char *path)
{
    char *real = realpath(path, NULL);
    char *copy;

    if (!real && path[0] != '/')
        return NULL;
    copy = mem_strdup(real ? real : path);
    free(real);
    return copy;
}

static VixError local_path(struct vix_ctx *x, const char *path, const char **ret)
{
    AUTO_FREE char *root = local_root(x);
    AUTO_FREE char *real = resolve(path);
    size_t n = root ? strlen(root) : 0;

    if (!root)
        return VIX_E_OUT_OF_MEMORY;
    if (!real || strncmp(real, root, n) != 0 || real[n] != '/')
        return VIX_E_VM_NOT_FOUND; /* not in the folder that the host manages */
    *ret = arena_printf(&x->arena, LOCAL_DATASTORE "%s", real + n + 1);
    return *ret ? VIX_OK : VIX_E_OUT_OF_MEMORY;
}

VixError vix_path_datastore(struct vix_ctx *x, const char *path, const char **ret_datacenter,
                            const char **ret)
{
    const char *bracket = strchr(path, '[');

    *ret_datacenter = NULL;
    if (bracket && (bracket == path || bracket[-1] == '/')) {
        if (bracket > path) {
            *ret_datacenter = arena_strndup(&x->arena, path, (size_t)(bracket - path) - 1);
            if (!*ret_datacenter)
                return VIX_E_OUT_OF_MEMORY;
        }
        *ret = bracket;
        return VIX_OK;
    }
    return vix_session_is_local(x->session) ? local_path(x, path, ret) : VIX_E_VM_NOT_FOUND;
}

static VixError find_datacenter(struct vix_ctx *x, const char *name, struct vim_ref *ret)
{
    static const char *const paths[] = {"name"};
    struct vim_array_ObjectContent all;
    VixError error = vix_ctx_error(
        x, vim_client_objects(x->c, "Datacenter", 1, paths, &x->arena, &all, &x->err));

    for (size_t i = 0; !error && i < all.count; i++) {
        const struct vim_any *value = vim_client_value(all.items[i], "name");

        if (!name || (value && value->type == &vim_type_string && !strcmp(value->v.string, name))) {
            *ret = all.items[i]->obj;
            return VIX_OK;
        }
    }
    return error ? error : VIX_E_VM_NOT_FOUND;
}

VixError vix_path_find(struct vix_ctx *x, const char *path, struct vim_ref *ret)
{
    struct vim_FindByDatastorePath_request req = {.this_ = vim_client_content(x->c)->searchIndex};
    struct vim_FindByDatastorePath_result *result = NULL;
    const char *datacenter = NULL;
    VixError error = vix_path_datastore(x, path, &datacenter, &req.path);

    if (!error)
        error = find_datacenter(x, datacenter, &req.datacenter);
    if (!error)
        error = vix_call(x, &vim_method_FindByDatastorePath, &req, (void **)&result);
    if (error)
        return error;
    if (!result->value.value)
        return error_set(&x->err, -ENOENT, "the host knows no virtual machine %s", path),
               VIX_E_VM_NOT_FOUND;
    *ret = result->value;
    return VIX_OK;
}

VixError vix_path_register(struct vix_ctx *x, const char *path, struct vim_ref *ret)
{
    struct vim_RegisterVM_Task_request req = {0};
    struct vim_any *made = NULL;
    const char *datacenter = NULL;
    VixError error = vix_path_datastore(x, path, &datacenter, &req.path);

    if (error == VIX_E_VM_NOT_FOUND)
        error = VIX_E_NOT_FOUND;
    if (!error)
        error = vix_first_object(x, "Datacenter", "vmFolder", &req.this_);
    if (!error)
        error = vix_first_object(x, "ResourcePool", "name", &req.pool);
    if (!error)
        error = vix_call_task(x, &vim_method_RegisterVM_Task, &req, &made);
    if (!error && !made)
        error = VIX_E_FAIL;
    if (!error)
        *ret = made->v.ref;
    return error;
}
