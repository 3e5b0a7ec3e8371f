/* How a handler ends its call, and the faults that many handlers need. */
#include "hostd/call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "hostd/about.h"
#include "hostd/auth.h"
#include "hostd/call_internal.h"

#define TEXT_MAX 1024

void call_return(struct call *call, const void *result)
{
    struct call_private *p = call_private(call);
    p->cancel_cb = NULL;
    p->sink->result(call, result, p->sink_arg);
    call_finish(p);
}

static void end_with_fault(struct call *call, const void *fault, const char *text)
{
    static const struct vim_RuntimeFault no_memory = {.base = {&vim_type_RuntimeFault}};
    struct call_private *p = call_private(call);
    p->cancel_cb = NULL;
    if (!fault) {
        fault = &no_memory;
        text = "The server is out of memory.";
    }
    log_debug("call: %s: %s: %s: %s", call->source, call->method->name,
              ((const struct vim_object *)fault)->type->name, text);
    p->sink->fault(call, fault, text, p->sink_arg);
    call_finish(p);
}

void call_fault(struct call *call, const void *fault, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    end_with_fault(call, fault, text);
}

void call_fault_invalid_argument(struct call *call, const char *property)
{
    struct vim_InvalidArgument *f = VIM_NEW(call->arena, InvalidArgument);
    if (f)
        f->invalidProperty = arena_strdup(call->arena, property);
    call_fault(call, f, "A specified parameter was not correct: %s", property);
}

void call_fault_user_not_found(struct call *call, const char *name)
{
    struct vim_UserNotFound *f = VIM_NEW(call->arena, UserNotFound);
    if (f) {
        f->principal = arena_strdup(call->arena, name);
        f->unresolved = false;
    }
    call_fault(call, f, "The user or group named '%s' does not exist.", name);
}

void call_fault_not_found(struct call *call)
{
    call_fault(call, VIM_NEW(call->arena, NotFound),
               "The object or item referred to could not be found.");
}

void call_fault_object_not_found(struct call *call, struct vim_ref ref)
{
    struct vim_ManagedObjectNotFound *f = VIM_NEW(call->arena, ManagedObjectNotFound);
    if (f)
        f->obj = ref;
    call_fault(call, f,
               "The object 'vim.%s:%s' has already been deleted or has not been completely created",
               ref.type ? ref.type : "ManagedObject", ref.value ? ref.value : "");
}

void call_fault_not_authenticated(struct call *call, struct vim_ref object, const char *privilege)
{
    struct vim_NotAuthenticated *f = VIM_NEW(call->arena, NotAuthenticated);
    if (f) {
        f->object = object;
        f->privilegeId = arena_strdup(call->arena, privilege);
    }
    call_fault(call, f, "The session is not authenticated.");
}

void call_fault_no_permission(struct call *call, struct vim_ref object, const char *privilege)
{
    struct vim_NoPermission *f = VIM_NEW(call->arena, NoPermission);
    if (f) {
        f->object = object;
        f->privilegeId = arena_strdup(call->arena, privilege);
    }
    log_info("call: %s: %s: user %s lacks %s on %s", call->source, call->method->name,
             call->session ? call->session->user : "-", privilege,
             object.value ? object.value : "-");
    call_fault(call, f, "Permission to perform this operation was denied.");
}

void call_fault_invalid_state(struct call *call)
{
    call_fault(call, VIM_NEW(call->arena, InvalidState),
               "The operation is not allowed in the current state.");
}

void call_fault_invalid_power_state(struct call *call, int requested, int existing)
{
    static const char *const words[] = {
        [VIM_VirtualMachinePowerState_poweredOff] = "Powered off",
        [VIM_VirtualMachinePowerState_poweredOn] = "Powered on",
        [VIM_VirtualMachinePowerState_suspended] = "Suspended",
    };
    struct vim_InvalidPowerState *f = VIM_NEW(call->arena, InvalidPowerState);
    if (f) {
        f->requestedState = requested;
        f->existingState = existing;
    }
    const char *word = existing > 0 && (size_t)existing < sizeof(words) / sizeof(words[0])
                           ? words[existing]
                           : NULL;
    call_fault(call, f, "The attempted operation cannot be performed in the current state (%s).",
               word ? word : "unknown");
}

void call_fault_not_supported(struct call *call)
{
    call_fault(call, VIM_NEW(call->arena, NotSupported),
               "The operation is not supported on the object.");
}

void call_fault_request_canceled(struct call *call)
{
    call_fault(call, VIM_NEW(call->arena, RequestCanceled), "The task was canceled by a user.");
}

void call_fault_duplicate_name(struct call *call, const char *name, struct vim_ref object)
{
    struct vim_DuplicateName *f = VIM_NEW(call->arena, DuplicateName);
    if (f) {
        f->name = arena_strdup(call->arena, name);
        f->object = object;
    }
    call_fault(call, f, "The name '%s' already exists.", name);
}

static void system_error(struct call *call, const char *reason)
{
    struct vim_SystemError *f = VIM_NEW(call->arena, SystemError);
    if (f)
        f->reason = arena_strdup(call->arena, reason);
    log_warn("call: %s: %s: %s", call->source, call->method->name, reason);
    call_fault(call, f, "A general system error occurred: %s", reason);
}

void call_fault_system(struct call *call, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    system_error(call, text);
}

void call_fault_errno(struct call *call, int code, const char *what)
{
    char text[TEXT_MAX];
    snprintf(text, sizeof(text), "%s: %s", what, strerror(-code));
    system_error(call, text);
}

void call_on_cancel(struct call *call, void (*cb)(struct call *call, void *arg), void *arg)
{
    struct call_private *p = call_private(call);
    p->cancel_cb = cb;
    p->cancel_arg = arg;
}

bool call_check_privilege(struct call *call, struct vim_ref object, const char *privilege)
{
    if (!call->session) {
        call_fault_not_authenticated(call, object, privilege);
        return false;
    }
    if (authz_check(call->host, call->session, object, privilege))
        return true;
    call_fault_no_permission(call, object, privilege);
    return false;
}

bool call_check_object(struct call *call, struct vim_ref object, const struct vim_mo_type *type,
                       const char *property)
{
    const struct vim_mo_type *real = about_type_of(call->host, object);
    if (!real) {
        call_fault_object_not_found(call, object);
        return false;
    }
    if (type && !vim_mo_is_a(real, type)) {
        call_fault_invalid_argument(call, property);
        return false;
    }
    return true;
}

void call_set_cookie(struct call *call, const char *cookie)
{
    memcpy(call_private(call)->cookie, cookie, SESSION_COOKIE_SIZE);
}

const char *call_cookie(const struct call *call)
{
    const struct call_private *p = call_private(call);
    return p->cookie[0] ? p->cookie : NULL;
}
