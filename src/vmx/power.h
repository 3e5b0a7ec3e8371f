/*
 * A VM's power state: which action is allowed in which state, one machine operation at a time, and
 * what follows when a machine stops by itself.
 *
 * Transitions are the rows of a const table in power.c; an action without a row for the state is
 * refused. The owner forwards the machine's events to power_done and power_stopped. One thread, the
 * loop's. Callbacks come from inside the calls and from timers.
 */
#ifndef VMX_POWER_H
#define VMX_POWER_H

#include <uv.h>

#include "base/error.h"
#include "vmx/machine.h"

enum power_state {
    POWER_OFF,
    POWER_STARTING,
    POWER_ON,
    POWER_STOPPING,
    POWER_SUSPENDING,
    POWER_SUSPENDED,
    POWER_RESUMING,
    POWER_FREEZING, /* these three look like POWER_ON from outside */
    POWER_FROZEN,
    POWER_THAWING,
};

enum power_action { POWER_DO_ON, POWER_DO_OFF, POWER_DO_RESET, POWER_DO_SUSPEND };

enum power_reason { POWER_BY_API, POWER_BY_GUEST, POWER_BY_FAILURE };

/* A machine that has not finished an operation by then: the request fails with -ETIMEDOUT. */
#define POWER_OPERATION_MS 60000u
/* A guest that reboots again and again is started at most once in this time. */
#define POWER_RESTART_MS 1000u

/* err is NULL on success. Comes exactly once for each request that power_request accepted. */
typedef void power_cb(const struct error *err, void *arg);

struct power_ops {
    /* The settled state (off, on, suspended) is another one now. `text` may be NULL. */
    void (*changed)(enum power_state state, enum power_reason reason, const char *text, void *arg);
    /* The machine is about to start, to resume (a guest that was there before comes back), or has
     * gone: the guest's connections and its volatile state mean nothing any more. */
    void (*starting)(void *arg);
    void (*resuming)(void *arg);
    void (*gone)(void *arg);
};

struct power;

int power_new(uv_loop_t *loop, const struct power_ops *ops, void *arg, struct power **ret);
void power_free(struct power *p);

/* The machine must be set before the first request. */
void power_set_machine(struct power *p, const struct machine_ops *ops, struct machine *machine);

/* Nobody shall be told any more: a pending request ends with -ECANCELED. */
void power_abandon(struct power *p);

enum power_state power_get(const struct power *p);
/* "poweredOn", "poweredOff" or "suspended": what the API shows meanwhile. */
const char *power_name(const struct power *p);
const char *power_reason_name(enum power_reason reason);

/* -EALREADY (it is so already), -EBUSY (another operation is under way), -EINVAL (not from this
 * state); `err` says it in words. `cb` may be NULL. */
int power_request(struct power *p, enum power_action action, enum power_reason reason, power_cb *cb,
                  void *arg, struct error *err);

/* Brings the machine to rest for a copy of its disk: stops a running one where it is, leaves
 * another as it is, and refuses every other request (-EBUSY) until power_thaw. `cb` may come
 * before the return. -EBUSY when an operation is under way. */
int power_freeze(struct power *p, power_cb *cb, void *arg, struct error *err);
/* Ends that; `cb` may come before the return. It has an error when the machine could not go on; it
 * is suspended then. */
void power_thaw(struct power *p, power_cb *cb, void *arg);

/* From the machine's events. */
void power_done(struct power *p, const struct error *err);
void power_stopped(struct power *p, enum machine_stop_reason reason, const char *text);

#endif
