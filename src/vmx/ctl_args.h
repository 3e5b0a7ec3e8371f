/* Arguments of control requests, for the handlers of operations. */
#ifndef VMX_CTL_ARGS_H
#define VMX_CTL_ARGS_H

#include "vmx/ctl.h"
#include "vmx/relay.h"

#define DEADLINE_MS 60000 /* when the request names none */
#define WORDS_MAX   200   /* of what hostd says for the log */

static inline const char *text_arg(const struct ctl_request *rq, const char *name)
{
    return json_string_value(json_object_get(rq->args, name));
}

static inline int64_t int_arg(const struct ctl_request *rq, const char *name, int64_t fallback)
{
    const json_t *v = json_object_get(rq->args, name);

    return json_is_integer(v) ? json_integer_value(v) : fallback;
}

static inline unsigned deadline_arg(const struct ctl_request *rq)
{
    int64_t ms = int_arg(rq, "deadlineMs", DEADLINE_MS);

    return ms < 1 ? 1 : ms > RELAY_DEADLINE_MAX_MS ? RELAY_DEADLINE_MAX_MS : (unsigned)ms;
}

/* Handlers of other files. */
void ctl_stream_open(struct ctl_request *rq);
void ctl_stream_finish(struct ctl_request *rq);
void ctl_stream_close(struct ctl_request *rq);

#endif
