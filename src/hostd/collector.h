/* A property collector of one session: its filters, its versions, the calls that wait on it. */
#ifndef HOSTD_COLLECTOR_H
#define HOSTD_COLLECTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "hostd/filter.h"
#include "hostd/mo.h"
#include "hostd/property.h"

#define VERSIONS_KEPT 4 /* the newest that were returned; older ones are invalid */

struct waiter;

struct collector {
    struct mo mo;      /* added to the registry only when it was created by a client */
    struct mo *object; /* the object that clients name: &mo, or the shared default one */
    struct property_session *ps;
    struct collector *next;
    struct filter *filters;
    size_t filter_count;
    size_t object_count;              /* in its filters */
    uint64_t stamp;                   /* the last one given */
    uint64_t returned[VERSIONS_KEPT]; /* oldest first; 0 = none yet */
    struct waiter *first, *last;      /* answered one after the other */
    size_t waiter_count;
    bool ready; /* on the list of those to be looked at */
    struct collector *ready_next;
};

/* Of one host. */
struct property_engine {
    uv_timer_t *kick;        /* runs when `ready` is to be looked at */
    struct collector *ready; /* those with waits and something marked */
    struct mo shared;        /* the collector of ServiceContent */
};

/* The collector that the call is made on; ends the call when there is none. */
struct collector *collector_of(struct call *call);
/* Something in one of its filters is marked. */
void collector_marked(struct collector *c);

#endif
