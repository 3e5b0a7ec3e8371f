/*
 * The calls that look for what has changed in a collector's filters, or wait for it. Whoever waits
 * on one collector is answered in the order of asking; a wait ends with its updates, its time, its
 * cancellation or its collector. The loop's thread only.
 */
#ifndef HOSTD_PROPERTY_WAIT_H
#define HOSTD_PROPERTY_WAIT_H

#include "hostd/call.h"

#define WAITS_MAX 16 /* on one collector */
/* A wait without maxWaitSeconds is answered with nothing after this; longer ones are cut to it. */
#define WAIT_SECONDS_MAX 600

struct collector;

/* The collector goes: its waits end with RequestCanceled, and nobody looks at it any more. */
void property_wait_end(struct collector *c);

/* The handlers of WaitForUpdatesEx, WaitForUpdates, CheckForUpdates, CancelWaitForUpdates. */
void property_wait_for_updates_ex(struct call *call);
void property_wait_for_updates(struct call *call);
void property_check_for_updates(struct call *call);
void property_cancel_wait(struct call *call);

#endif
