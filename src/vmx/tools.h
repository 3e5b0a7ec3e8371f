/*
 * The conversation with the agent of name "toolbox": what is said to it after each `reset`
 * (capabilities, options, power-on, tools state), whether it is alive, whether guest operations are
 * possible and, if not, why; and the guest's part in power changes.
 *
 * What it learns goes into vm->guest; `tools_changed` sees to it that hostd hears of it, at most
 * TOOLS_EVENTS_PER_SECOND times a second. One thread.
 */
#ifndef VMX_TOOLS_H
#define VMX_TOOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "vmx/tclo.h"
#include "vmx/vm.h"

#define TOOLS_EVENTS_PER_SECOND 5u
#define TOOLS_YELLOW_MS         10000u /* without a sign of life */
#define TOOLS_RED_MS            20000u
#define TOOLS_SCRIPT_MS         120000u /* power-on scripts */
#define TOOLS_POWER_MS          60000u  /* the agent's answer to a power request */
#define TOOLS_STATE_MS          15000u

/* Ids of tools.os.statechange.status. */
enum tools_statechange {
    TOOLS_HALT = 1,
    TOOLS_REBOOT = 2,
    TOOLS_POWER_ON = 3,
    TOOLS_RESUME = 4,
    TOOLS_SUSPEND = 5,
};

struct tools;

int tools_new(struct vm *vm, struct tools **ret);
void tools_free(struct tools *t);

/* For tclo_new; arg is the struct tools. */
extern const struct tclo_ops tools_tclo_ops;

/* NULL when guest operations are possible, else why not, in words. */
const char *tools_unready(const struct tools *t);
/* The VM's configuration, or (by its own word) the agent's, has changed. */
void tools_config_changed(struct tools *t);
void tools_state_changed(struct tools *t);

/* Whether the agent has raw streams. */
bool tools_streams(const struct tools *t);

/* Asks the agent to halt, reboot or stand by. `cb` comes once, with NULL when the agent has agreed.
 * -ENOTCONN (no agent), -EOPNOTSUPP (it cannot), -EBUSY; `err` says it, `cb` does not come. */
typedef void tools_power_cb(const struct error *err, void *arg);
int tools_power(struct tools *t, enum tools_statechange what, tools_power_cb *cb, void *arg,
                struct error *err);

/* vm->guest or vm->vars may have changed: an event follows. */
void tools_changed(struct tools *t);

/* From the machine: it starts (or resumes), it is gone. */
void tools_machine_starts(struct tools *t, bool resumed);
void tools_machine_gone(struct tools *t);

/* From RPCI. */
void tools_on_statechange_capability(struct tools *t, bool on);
void tools_on_streams_capability(struct tools *t, bool on);
void tools_on_version(struct tools *t, uint32_t version, int type); /* type -1 = not given */
void tools_on_statechange_status(struct tools *t, bool ok, int id);
void tools_on_nics(struct tools *t);

/* Access to GuestStore was switched on or off. */
void tools_gueststore(struct tools *t, bool access);

#endif
