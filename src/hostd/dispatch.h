/*
 * From a decoded request to its handler and back: the checks that every call passes, whatever form
 * it came in, and the list of calls that run. Loop thread.
 */
#ifndef HOSTD_DISPATCH_H
#define HOSTD_DISPATCH_H

#include "base/arena.h"
#include "hostd/call.h"
#include "hostd/hostd.h"

struct dispatch;

#define DISPATCH_CALLS_MAX             4000 /* running at once; more: SystemError */
#define DISPATCH_CALLS_PER_SESSION_MAX 256

/* Where the outcome goes; exactly one of the two is called, once. */
struct dispatch_sink {
    void (*result)(struct call *call, const void *result, void *arg);
    void (*fault)(struct call *call, const struct vim_object *fault, const char *text, void *arg);
};

struct dispatch_params {
    const struct vim_method *method;
    struct vim_ref self;
    const void *req;     /* in `arena` */
    struct arena *arena; /* its content is taken over; left empty */
    vim_version version;
    struct session *session; /* NULL: none */
    const char *source;      /* copied */
    const char *user_agent;  /* copied */
    const struct dispatch_sink *sink;
    void *arg;
};

/* `modules` as host_modules. -EEXIST: two handlers for one method (a programming error). */
int dispatch_new(struct host *host, const struct host_module *const *modules,
                 struct dispatch **ret);
void dispatch_free(struct dispatch *d); /* ends running calls with RequestCanceled */

/* Checks and runs. The sink may be called before this returns; otherwise *ret_call is the call that
 * runs on (NULL when it is over). -ENOMEM: the sink was not called. */
int dispatch_call(struct host *host, const struct dispatch_params *params, struct call **ret_call);

/* Nobody waits for the answer any more; the sink is still called. */
void dispatch_cancel(struct call *call);
void dispatch_cancel_session(struct host *host, struct session *session);

size_t dispatch_running(const struct dispatch *d);

#endif
