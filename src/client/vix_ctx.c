/* What every operation needs: a client, the host's answers as VIX errors, the guest's login. */
#include <errno.h>
#include <string.h>

#include "client/vix_impl.h"

#define ARENA_MAX (128u << 20)

VixError vix_ctx_begin(struct vix_ctx *x, struct vix_session *s, struct vix_vm *vm, unsigned flags)
{
    *x = (struct vix_ctx){.session = s, .vm = vm, .flags = flags};
    x->arena = ARENA_INIT(ARENA_MAX);
    return flags & VIX_OP_CONNECT ? VIX_OK : vix_session_borrow(s, &x->c, &x->err);
}

void vix_ctx_end(struct vix_ctx *x)
{
    if (x->c)
        vix_session_return(x->session, x->c);
    if (x->auth)
        explicit_bzero((char *)(uintptr_t)x->auth->password, strlen(x->auth->password));
    arena_free(&x->arena);
    x->c = NULL;
}

VixError vix_ctx_error(struct vix_ctx *x, int r)
{
    enum vim_client_failure failure;

    if (!r)
        return VIX_OK;
    failure = vim_client_failure(x->c);
    if (failure == VIM_CLIENT_CANCELLED)
        return vix_session_reason(x->session);
    if (r == -ENOMEM)
        return VIX_E_OUT_OF_MEMORY;
    return failure == VIM_CLIENT_FAULT ? vix_error_of_fault(vim_client_fault(x->c), x->flags)
                                       : vix_error_of_failure(failure, false);
}

VixError vix_call(struct vix_ctx *x, const struct vim_method *method, const void *req,
                  void **ret_result)
{
    return vix_ctx_error(x, vim_client_call(x->c, method, req, &x->arena, ret_result, &x->err));
}

VixError vix_call_task(struct vix_ctx *x, const struct vim_method *method, const void *req,
                       struct vim_any **ret)
{
    struct {
        struct vim_ref value;
    } *task = NULL; /* every ..._Task method answers one reference */
    VixError error = vix_call(x, method, req, (void **)&task);

    if (error)
        return error;
    return vix_ctx_error(x, vim_client_follow_task(x->c, task->value, VIX_TASK_MS,
                                                   x->job ? vix_job_progress : NULL, x->job,
                                                   &x->arena, ret, &x->err));
}

VixError vix_property(struct vix_ctx *x, struct vim_ref object, const char *path,
                      struct vim_any **ret)
{
    return vix_ctx_error(x, vim_client_property(x->c, object, path, &x->arena, ret, &x->err));
}

VixError vix_ctx_sleep(struct vix_ctx *x, unsigned ms)
{
    return vix_session_sleep(x->session, ms);
}

VixError vix_guest_auth(struct vix_ctx *x, struct vim_GuestAuthentication **ret)
{
    struct vim_NamePasswordAuthentication *auth = VIM_NEW(&x->arena, NamePasswordAuthentication);
    VixError error = auth ? VIX_OK : VIX_E_OUT_OF_MEMORY;

    if (x->auth) { /* an operation of several calls */
        *ret = (struct vim_GuestAuthentication *)x->auth;
        return VIX_OK;
    }
    pthread_mutex_lock(&x->vm->lock);
    if (!error && !x->vm->user)
        error = VIX_E_ANON_GUEST_OPERATIONS_PROHIBITED;
    if (!error) {
        auth->interactiveSession = x->vm->interactive;
        auth->username = arena_strdup(&x->arena, x->vm->user);
        auth->password = arena_strdup(&x->arena, x->vm->password);
        if (!auth->username || !auth->password)
            error = VIX_E_OUT_OF_MEMORY;
    }
    pthread_mutex_unlock(&x->vm->lock);
    x->auth = error ? NULL : auth;
    if (!error)
        *ret = (struct vim_GuestAuthentication *)auth;
    return error;
}
