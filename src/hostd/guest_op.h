/*
 * A guest operation under way: an API call that becomes one or more VIX requests to a VM's agent.
 *
 * A manager's methods are rows: opcode, which request field names the path, how to fill the body,
 * what to do with the result. guest_op_start does the rest in the order that the API prescribes:
 * the VM exists and the user may; the request is well formed; the VM is on; the agent is ready (a
 * VM that is just coming back is waited for, up to GUEST_OP_GRACE_MS); then the request goes out.
 *
 * Requests of guest methods all begin alike: this_, vm, auth (guest_op.c asserts it).
 */
#ifndef HOSTD_GUEST_OP_H
#define HOSTD_GUEST_OP_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "hostd/call.h"
#include "hostd/guest_fault.h"
#include "wire/vix_auth.h"
#include "wire/vix_body.h"

#define GUEST_OP_SECONDS     60u /* for one VIX request, unless configured otherwise */
#define GUEST_OP_SECONDS_MAX 3600u
#define GUEST_OP_GRACE_MS    10000u /* for an agent that is coming back */
#define GUEST_PATH_MAX       4096u  /* bytes; longer: FileNameTooLong */

struct guest_op;
struct vm;

struct guest_method {
    const struct vim_method *method;
    uint32_t opcode;
    /* Checks the parameters and fills the body (strings may point into the request). Returns false
     * after having ended the call. Runs once, before anything else about the VM is looked at. */
    bool (*build)(struct guest_op *op);
    /* The guest has answered without error. Ends the call, or sends again. NULL: no result. */
    void (*done)(struct guest_op *op, const char *result, size_t len);
    /* In place of guest_op_send, once the VM takes requests; has to listen to call_on_cancel
     * itself. NULL: guest_op_send. */
    void (*send)(struct guest_op *op);
};

struct guest_op {
    struct call *call;
    const struct guest_method *method;
    struct guest_subject subject;
    union vix_body body;
    struct vix_credential credential;
    uint32_t request_flags; /* enum vix_request_flag */
    struct buf text;        /* a result that comes in parts */
    void *data;             /* the method's own, in the call's arena, or: */
    void (*free_data)(void *data);
    uint64_t request; /* of vmlink, 0 = none out */
    struct guest_wait *wait;
};

/* Runs one call to its end. `rows` ends with a row whose method is NULL. */
void guest_op_start(struct call *call, const struct guest_method *rows);

/* Sends the body that is in op->body; `done` follows. */
void guest_op_send(struct guest_op *op);

/* Ends the operation and the call. */
void guest_op_return(struct guest_op *op, const void *result);
void guest_op_invalid(struct guest_op *op, const char *property);
void guest_op_malformed(struct guest_op *op); /* the guest's answer cannot be understood */
void guest_op_no_memory(struct guest_op *op);
void guest_op_cancelled(struct guest_op *op);
void guest_op_failed(struct guest_op *op, const struct vmlink_reply *failure);
void guest_op_refused(struct guest_op *op, uint64_t vix_error);
void guest_op_not_sent(struct guest_op *op,
                       int r); /* an error of vmlink_request or guest_message */

/* How long one request to the guest may take, and a transfer move no byte. */
unsigned guest_op_deadline_ms(const struct host *host);

/* Refuses what is not an absolute path of a sensible length; sets subject.file and .argument. */
bool guest_op_path(struct guest_op *op, const char *path, const char *property);

/* One VIX message with the credential inside; clears `b` on error. */
int guest_message(struct buf *b, uint32_t opcode, const union vix_body *body,
                  const struct vix_credential *credential, uint32_t flags);

#endif
