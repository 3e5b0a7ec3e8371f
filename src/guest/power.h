/*
 * Power state changes: the administrator's scripts, the report to the host, and turning the guest
 * off or round. (Guest RPC protocol, "Power state changes".)
 *
 * Which scripts: tools.conf, group powerops, poweron-script, poweroff-script, resume-script,
 * suspend-script; without that /etc/vmware-tools/NAME if it can be executed; without that every
 * executable of /etc/vmware-tools/scripts/NAME.d in the order of their names. NAME is
 * poweron-vm-default and so on. They run as the agent's user, one after the other; each must end
 * with 0 within POWER_SCRIPT_MS.
 *
 * How the guest is turned off: powerops/shutdown-command of tools.conf with the arguments `-h now`
 * or `-r now`; shutdown(8) where an init that listens to it runs; in a sandbox VM a signal to
 * its init (SIGTERM halts, SIGINT restarts); reboot(2) when all that did not help.
 */
#ifndef GUEST_POWER_H
#define GUEST_POWER_H

#include <uv.h>

#include "guest/conf.h"
#include "inguest/toolbox.h"

#define POWER_SCRIPT_MS   120000
#define POWER_SCRIPTS_MAX 64
/* A way of turning off that has not worked by then did not. */
#define POWER_ACTION_MS 60000
#define POWER_CONF_DIR  "/etc/vmware-tools"

struct power;

/* Registers itself as the power hook. `conf` may be replaced later with power_set_conf. */
int power_new(uv_loop_t *loop, struct toolbox *tb, const struct conf *conf, struct power **ret);
void power_set_conf(struct power *p, const struct conf *conf);
/* The loop has to turn until the handles are closed. NULL is fine. */
void power_free(struct power *p);

/* Set_Option toolScripts.*: 0, -ENOENT for another option, -EINVAL for a value that is not 0 or 1.
 */
int power_option(struct power *p, const char *name, const char *value);

#endif
