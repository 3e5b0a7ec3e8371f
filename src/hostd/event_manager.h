/* EventManager and the collectors that page through events and tasks. */
#ifndef HOSTD_EVENT_MANAGER_H
#define HOSTD_EVENT_MANAGER_H

#include "hostd/inventory.h"

#define HISTORY_COLLECTORS_MAX 32   /* a session */
#define HISTORY_PAGE_DEFAULT   10   /* latestPage before SetCollectorPageSize */
#define HISTORY_PAGE_MAX       1000 /* also what one Read or QueryEvents gives */

int event_manager_start(struct inventory *inv, struct error *err);
void event_manager_stop(struct inventory *inv);
/* There is a new event. */
void event_manager_changed(struct inventory *inv);

#endif
