/*
 * One call of an API method, as its handler sees it: typed request in, typed result or typed fault
 * out, now or later. No XML, JSON or HTTP is in sight; SOAP and VI JSON share the handlers.
 *
 * Before the handler runs, the dispatcher has checked: the method is known; there is a session
 * (unless the method works without one); the object exists and its type has the method; the
 * session's user holds the method's privilege on the object. Privileges on parameters are the
 * handler's (auth.h).
 *
 * Ending. A handler ends its call by exactly one call_return or call_fault, before it returns or
 * any time later, on the loop's thread. The call and its arena are gone when that function returns.
 * Whatever a handler keeps until then it keeps beside the call, or in the call's arena.
 */
#ifndef HOSTD_CALL_H
#define HOSTD_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "api/vim.h"
#include "api/vim_methods.h"
#include "api/vim_types.h"
#include "base/arena.h"
#include "hostd/hostd.h"

struct session;

#define CALL_ARENA_MAX (64u << 20) /* request, objects made for the answer: bytes a call */

struct call {
    struct host *host;
    struct arena *arena;     /* of this call */
    struct session *session; /* NULL: none. Stays valid (perhaps ended) until the call ends */
    vim_version version;     /* of the client's request */
    const struct vim_method *method;
    struct vim_ref self;    /* the object the method is called on */
    const void *req;        /* struct vim_METHOD_request */
    const char *source;     /* the peer's address, text */
    const char *user_agent; /* "" when not given */
};

typedef void (*call_handler)(struct call *call);

/* A row of a module's table; the last one has method NULL. A method with no row anywhere is
 * answered NotSupported. */
struct call_row {
    const struct vim_method *method;
    call_handler handler;
};

/* `result` is a struct vim_METHOD_result (NULL for a method without result). It is encoded before
 * this returns. */
void call_return(struct call *call, const void *result);

/* `fault` is an object of a type that derives from MethodFault; the text is for people and must not
 * be empty. */
void call_fault(struct call *call, const void *fault, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The common faults, with the texts that vSphere servers use. */
void call_fault_invalid_argument(struct call *call, const char *property);
void call_fault_user_not_found(struct call *call, const char *name);
void call_fault_not_found(struct call *call); /* NotFound */
void call_fault_object_not_found(struct call *call, struct vim_ref ref);
void call_fault_not_authenticated(struct call *call, struct vim_ref object, const char *privilege);
void call_fault_no_permission(struct call *call, struct vim_ref object, const char *privilege);
void call_fault_invalid_state(struct call *call);
void call_fault_invalid_power_state(struct call *call, int requested /* UNSET: none */,
                                    int existing /* enum vim_VirtualMachinePowerState */);
void call_fault_not_supported(struct call *call);
void call_fault_request_canceled(struct call *call);
void call_fault_duplicate_name(struct call *call, const char *name, struct vim_ref object);
/* SystemError: something of ours failed; also logged. */
void call_fault_system(struct call *call, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* SystemError for a negative errno code (-ENOMEM: out of memory). */
void call_fault_errno(struct call *call, int code, const char *what);

/* `cb` runs, at most once, when nobody needs the answer any more: the client's connection is gone,
 * or the session has ended. The call must still be ended, in the callback or soon after
 * (call_fault_request_canceled will do). One callback a call; NULL takes it back. Without it a call
 * just runs to its end. */
void call_on_cancel(struct call *call, void (*cb)(struct call *call, void *arg), void *arg);

/* True when the session's user holds `privilege` on `object`; otherwise ends the call with
 * NotAuthenticated or NoPermission and returns false. For parameters. */
bool call_check_privilege(struct call *call, struct vim_ref object, const char *privilege);

/* True when the object exists and is a `type` (or derived from it; NULL: any); otherwise ends the
 * call with ManagedObjectNotFound or InvalidArgument. */
bool call_check_object(struct call *call, struct vim_ref object, const struct vim_mo_type *type,
                       const char *property);

/* Login: the answer carries this cookie (SESSION_COOKIE_SIZE, copied). */
void call_set_cookie(struct call *call, const char *cookie);
const char *call_cookie(const struct call *call); /* NULL: none */

#endif
