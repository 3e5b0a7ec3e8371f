/*
 * The server end of the protocol between hostd and vmx (docs/control-protocol.md).
 *
 * One connection at a time; a new one replaces the old, whose open requests are cancelled. Requests
 * are dispatched through the const table of ctl_ops.c. A handler ends its request with exactly one
 * ctl_reply or ctl_fail, now or later; one that waits sets `cancel`. What is told to hostd about
 * the guest is gathered and sent at most CTL_EVENTS_PER_SECOND times a second.
 */
#ifndef VMX_CTL_H
#define VMX_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "vmx/audit.h"
#include "vmx/power.h"
#include "vmx/vm.h"

#define CTL_EVENTS_PER_SECOND 5u
#define CTL_REQUEST_ID_NONE   0

struct ctl;

struct ctl_request {
    struct ctl_request *next;
    struct ctl *ctl;
    struct vm *vm;
    uint64_t id;
    const struct ctl_op *op;
    uint64_t started_ms;
    json_t *args;        /* valid until the request has ended */
    const uint8_t *blob; /* valid during the handler only */
    size_t blob_len;
    int fd; /* beside the message, -1 = none; a handler that keeps it sets -1 */
    /* Set by a handler that waits: ends the request soon, or does nothing when that cannot be. */
    void (*cancel)(struct ctl_request *rq);
    void *work;         /* the handler's */
    uint32_t opcode;    /* of a guest operation, */
    struct audit audit; /* and its line in the log */
    char *what;         /* for the log; NULL = the op is not logged */
};

struct ctl_op {
    const char *name;
    void (*serve)(struct ctl_request *rq);
};

/* NULL when there is no operation of that name. */
const struct ctl_op *ctl_op_find(const char *name);

int ctl_new(struct vm *vm, const char *path, int peer_uid, struct ctl **ret, struct error *err);
void ctl_free(struct ctl *c);

/* End a request. `result` is taken, NULL means {}. */
void ctl_reply(struct ctl_request *rq, json_t *result, const void *blob, size_t blob_len);
/* The same with a descriptor beside it, which is taken; -1 = none. */
void ctl_reply_fd(struct ctl_request *rq, json_t *result, const void *blob, size_t blob_len,
                  int fd);
/* `code` is a negative errno code. */
void ctl_fail(struct ctl_request *rq, const char *hop, int code, uint64_t vix, const char *text);

/* Events. */
/* Keys that vmx itself has written: object key to string or null, told at once. */
void ctl_config_changed(struct ctl *c, json_t *set);
void ctl_guest_changed(struct ctl *c);
void ctl_guestinfo_changed(struct ctl *c, const char *key);
void ctl_heartbeat(struct ctl *c, const char *status);
/* Times in Unix seconds. */
void ctl_program_exit(struct ctl *c, int64_t pid, int64_t code, int64_t start, int64_t end);
/* RFC 3339, or null when the machine does not run. */
json_t *ctl_boot_time(const struct vm *vm);
void ctl_power(struct ctl *c, const char *power, enum power_reason reason, const char *text);

/* The guest writes a key that the configuration has: written to the file with the next events, so
 * a guest cannot make it be written more often than those. */
int ctl_guest_config(struct ctl *c, const char *key, const char *value, size_t len);
/* What ctl_guest_config has not written yet; NULL when there is nothing. */
const char *ctl_guest_config_get(const struct ctl *c, const char *key);

#endif
