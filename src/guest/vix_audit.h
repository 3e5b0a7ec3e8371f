/*
 * Who did what: one line of the agent's log for each guest operation (docs/guest-operations.md,
 * "Who did what"). A stream is one operation from its opening to its end; what is known of it is
 * kept meanwhile, for a bounded number of streams.
 */
#ifndef GUEST_VIX_AUDIT_H
#define GUEST_VIX_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "wire/vix.h"

/* Beyond these the oldest is written as one that has not ended. */
#define VIX_AUDIT_STREAMS_MAX 512u

struct vix_audit {
    struct vix_audit_stream *first; /* newest first */
    unsigned count;
};

struct vix_audit_outcome {
    const char *origin; /* who asked; NULL = not known */
    uint64_t begun_ms;
    uint64_t err;
    uint32_t additional;
    const void *data; /* the answer */
    size_t len;
};

void vix_audit_log(struct vix_audit *a, const struct vix_request *rq,
                   const struct vix_audit_outcome *outcome);
void vix_audit_free(struct vix_audit *a);

#endif
