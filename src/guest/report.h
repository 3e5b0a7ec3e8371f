/*
 * What the guest tells about itself: host name, system, network, file systems, memory, uptime.
 * (Guest RPC protocol, "SetGuestInfo".)
 *
 * Everything is sent after each `reset` of the host, then what has changed: the network when the
 * kernel says so, the rest at a period of REPORT_PERIOD_S (tools.conf, guestinfo/poll-interval).
 * What the host refuses in today's form is sent in the older ones.
 */
#ifndef GUEST_REPORT_H
#define GUEST_REPORT_H

#include <uv.h>

#include "guest/conf.h"
#include "guest/osinfo.h"
#include "inguest/toolbox.h"

#define REPORT_PERIOD_S     30
#define REPORT_PERIOD_MIN_S 5
#define REPORT_PERIOD_MAX_S 3600

struct report;

int report_new(uv_loop_t *loop, struct toolbox *tb, const struct conf *conf, struct report **ret);
void report_set_conf(struct report *r, const struct conf *conf);
/* The loop has to turn until the handles are closed. NULL is fine. */
void report_free(struct report *r);

/* The host has said `reset`: it knows nothing. */
void report_all(struct report *r);
/* The host is gone: nothing is sent until report_all(). */
void report_stop(struct report *r);
/* Set_Option broadcastIP. */
void report_broadcast_ip(struct report *r, bool on);

const struct osinfo *report_os(const struct report *r);

#endif
