/*
 * Quiesced snapshots, the host's part: has the agent bring the guest to rest, and lets it go on.
 * (Guest RPC protocol, "Quiesced snapshots"; the agent's events come by RPCI.)
 *
 * An agent that says nothing for VMBACKUP_SILENCE_MS, or is not done in time, is given up and told
 * so; what it does then is its own affair, and it goes on by itself. One operation at a time, one
 * thread.
 */
#ifndef VMX_QUIESCE_H
#define VMX_QUIESCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "vmx/vm.h"

struct quiesce;

/* err is NULL on success. Comes once, perhaps before the function that asked for it returns. */
typedef void quiesce_cb(const struct error *err, void *arg);

int quiesce_new(struct vm *vm, struct quiesce **ret);
void quiesce_free(struct quiesce *q); /* callbacks do not come any more */

/* `cb` comes when the guest is at rest; then quiesce_end is due. Errors, of both ways: -ENOTCONN
 * (no agent), -EBUSY, -EREMOTEIO (the agent says it cannot, in the text), -ETIME (not in time),
 * -ECANCELED. */
int quiesce_begin(struct quiesce *q, uint64_t limit_ms, quiesce_cb *cb, void *arg,
                  struct error *err);
/* Nobody waits for that any more: `cb` comes with -ECANCELED. */
void quiesce_cancel(struct quiesce *q);
/* Whether it is at rest still; if not -ETIME, and `err` says what has become of it. */
int quiesce_check(const struct quiesce *q, struct error *err);
/* The snapshot was `taken`, or came to nothing: the guest goes on, and `cb` comes when it has said
 * so, without an error. */
void quiesce_end(struct quiesce *q, bool taken, quiesce_cb *cb, void *arg);

/* From RPCI: an event of the agent's. 0, -EBADMSG, -EINVAL (nobody asked). */
int quiesce_event(struct quiesce *q, const void *args, size_t len);
/* The agent's channel, or the machine, is gone. */
void quiesce_guest_gone(struct quiesce *q);

#endif
