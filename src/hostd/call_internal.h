/* Inside of a call: what dispatch.c and call.c share. */
#ifndef HOSTD_CALL_INTERNAL_H
#define HOSTD_CALL_INTERNAL_H

#include "hostd/call.h"
#include "hostd/dispatch.h"
#include "hostd/session.h"

struct call_private {
    struct call pub; /* first */
    struct arena arena;
    struct dispatch *dispatch;
    const struct dispatch_sink *sink;
    void *sink_arg;
    struct call_private *next, **link; /* running calls */
    struct call_private **running;     /* dispatch_call's own pointer to it, while in the handler */
    bool cancelled;
    void (*cancel_cb)(struct call *call, void *arg);
    void *cancel_arg;
    char cookie[SESSION_COOKIE_SIZE];
};

static inline struct call_private *call_private(const struct call *call)
{
    return (struct call_private *)(uintptr_t)call;
}

/* dispatch.c: takes the call out of the books and frees it. */
void call_finish(struct call_private *call);

#endif
