/* The login in the guest, and what guest operations share. */
#include "client/vix_guest.h"

#include <errno.h>
#include <string.h>

static const char *const manager_paths[] = {
    [VIX_MANAGER_AUTH] = "authManager",
    [VIX_MANAGER_FILE] = "fileManager",
    [VIX_MANAGER_PROCESS] = "processManager",
};

VixHandle vix_guest_job(VixHandle vm, const struct vix_op *op, const struct vix_args *args,
                        VixEventProc *callback, void *data)
{
    return vix_job_start(vm, VIX_HANDLETYPE_VM, op, args, callback, data);
}

static VixError find_manager(struct vix_ctx *x, enum vix_manager manager, struct vim_ref *ret)
{
    struct vim_ref all = vim_client_content(x->c)->guestOperationsManager;
    struct vim_any *value = NULL;
    VixError error;

    *ret = x->managers[manager];
    if (ret->value)
        return VIX_OK;
    if (!all.value)
        return VIX_E_NOT_SUPPORTED;
    error = vix_property(x, all, manager_paths[manager], &value);
    if (!error && (!value || value->type != &vim_type_ref))
        error = VIX_E_NOT_SUPPORTED;
    if (!error)
        *ret = x->managers[manager] = value->v.ref;
    return error;
}

VixError vix_guest_begin(struct vix_ctx *x, enum vix_manager manager, struct vim_ref *ret_this,
                         struct vim_GuestAuthentication **ret_auth)
{
    VixError error = find_manager(x, manager, ret_this);

    return error ? error : vix_guest_auth(x, ret_auth);
}

VixError vix_guest_refine(struct vix_ctx *x, VixError error)
{
    static const char *const paths[] = {"guest.toolsRunningStatus", "guest.guestOperationsReady",
                                        "config.extraConfig"};
    struct vim_any *v[ARRAY_SIZE(paths)];
    bool running, ready;

    if (error != VIX_E_TOOLS_NOT_RUNNING ||
        !VIM_IS_A(vim_client_fault(x->c), GuestOperationsUnavailable))
        return error;
    if (vim_client_properties(x->c, vix_vm_ref(x->vm), ARRAY_SIZE(paths), paths, &x->arena, v,
                              NULL))
        return error;
    running =
        v[0] && v[0]->type == &vim_type_string && !strcmp(v[0]->v.string, "guestToolsRunning");
    ready = v[1] && v[1]->type == &vim_type_boolean && v[1]->v.boolean;
    for (size_t i = 0; v[2] && v[2]->is_array && i < v[2]->v.array.count; i++) {
        const struct vim_OptionValue *o = ((struct vim_OptionValue **)v[2]->v.array.items)[i];

        if (!strcasecmp(o->key, "guest.commands.enabled") && o->value &&
            o->value->type == &vim_type_string && !strcasecmp(o->value->v.string, "FALSE"))
            return VIX_E_GUEST_OPERATIONS_PROHIBITED;
    }
    /* The host has waited for an agent that was coming: this one is there and may not. */
    return running && !ready ? VIX_E_GUEST_OPERATIONS_PROHIBITED : error;
}

VixError vix_host_error(struct vix_ctx *x, const char *path)
{
    static const struct {
        int number;
        VixError error;
    } rows[] = {{ENOENT, VIX_E_FILE_NOT_FOUND},
                {ENOTDIR, VIX_E_FILE_NOT_FOUND},
                {EACCES, VIX_E_FILE_ACCESS_ERROR},
                {EPERM, VIX_E_FILE_ACCESS_ERROR},
                {EROFS, VIX_E_FILE_ACCESS_ERROR},
                {ENOSPC, VIX_E_DISK_FULL},
                {EISDIR, VIX_E_NOT_A_FILE},
                {EEXIST, VIX_E_FILE_ALREADY_EXISTS},
                {ENAMETOOLONG, VIX_E_FILE_NAME_TOO_LONG},
                {ENOMEM, VIX_E_OUT_OF_MEMORY}};
    int number = errno;

    error_errno(&x->err, -number, "%s", path);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].number == number)
            return rows[i].error;
    return VIX_E_FILE_ERROR;
}

void vix_guest_progress(uint64_t done, uint64_t total, void *job)
{
    vix_job_progress((int)(done * 100 / total), job);
}

/* --- login --- */

static VixError run_login(struct vix_ctx *x, const struct vix_args *a)
{
    struct vim_ValidateCredentialsInGuest_request req = {.vm = vix_vm_ref(x->vm)};
    struct vim_NamePasswordAuthentication *auth = VIM_NEW(&x->arena, NamePasswordAuthentication);
    char *user, *password;
    VixError error;

    /* Names that stood for "the administrator" and "who sits at the console" long ago. */
    if (!strncmp(a->a, "__VMware_Vix_Guest_", 19))
        return VIX_E_LOGIN_TYPE_NOT_SUPPORTED;
    if (!auth)
        return VIX_E_OUT_OF_MEMORY;
    auth->username = a->a;
    auth->password = a->b ? a->b : "";
    auth->interactiveSession =
        (a->options & VIX_LOGIN_IN_GUEST_REQUIRE_INTERACTIVE_ENVIRONMENT) != 0;
    req.auth = (struct vim_GuestAuthentication *)auth;
    error = find_manager(x, VIX_MANAGER_AUTH, &req.this_);
    if (!error)
        error = vix_call(x, &vim_method_ValidateCredentialsInGuest, &req, NULL);
    if (error == VIX_E_GUEST_USER_PERMISSIONS && auth->interactiveSession)
        return VIX_E_INTERACTIVE_SESSION_NOT_PRESENT;
    if (error)
        return error;
    user = mem_strdup(auth->username);
    password = mem_strdup(auth->password);
    if (!user || !password) {
        mem_free(user);
        mem_free(password);
        return VIX_E_OUT_OF_MEMORY;
    }
    vix_vm_logout(x->vm);
    pthread_mutex_lock(&x->vm->lock);
    x->vm->user = user;
    x->vm->password = password;
    x->vm->interactive = auth->interactiveSession;
    pthread_mutex_unlock(&x->vm->lock);
    return VIX_OK;
}

VixHandle VixVM_LoginInGuest(VixHandle vmHandle, const char *userName, const char *password,
                             int options, VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_login, VIX_OP_NEEDS_A | VIX_OP_LOGGING_IN};
    const struct vix_args args = {
        .a = (char *)(uintptr_t)userName, .b = (char *)(uintptr_t)password, .options = options};

    return vix_guest_job(vmHandle, &op, &args, callbackProc, clientData);
}

static VixError run_logout(struct vix_ctx *x, const struct vix_args *a)
{
    (void)a;
    vix_vm_logout(x->vm);
    return VIX_OK;
}

VixHandle VixVM_LogoutFromGuest(VixHandle vmHandle, VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_logout, 0};
    const struct vix_args args = {0};

    return vix_guest_job(vmHandle, &op, &args, callbackProc, clientData);
}
