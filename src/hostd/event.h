/*
 * Events: what happened on the host, the newest EVENTS_MAX kept in memory.
 *
 * Posting never fails a caller: an event that there is no memory for is logged and lost.
 */
#ifndef HOSTD_EVENT_H
#define HOSTD_EVENT_H

#include <stdint.h>

#include "api/vim_types.h"
#include "hostd/inventory.h"

#define EVENTS_MAX      5000
#define EVENT_ARENA_MAX (64u << 10) /* bytes of one event */

struct event_log;
struct session;
struct task;

/* One kept event. */
struct event {
    struct arena arena;
    struct vim_Event *data;
    char *entity; /* id of the object it is about; NULL = the root folder */
};

int event_log_start(struct inventory *inv, struct error *err);
void event_log_stop(struct inventory *inv);

/* A number that ties together the events of one action. */
int32_t event_new_chain(struct event_log *log);

/* Posts a copy: key, time, and, when missing, chain and message are filled in. `entity` may be
 * NULL; what the tree says about it (datacenter, host, vm) is filled in too. */
void event_post(struct event_log *log, struct vim_Event *event, const struct entity *entity,
                const char *user);

/* A VmEvent without fields of its own, "VmPoweredOnEvent". */
void event_vm(struct event_log *log, const struct entity *vm, const struct vim_type *type,
              const char *user, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
#define EVENT_VM(log, vm, name, user, ...) \
    event_vm((log), (vm), &vim_type_##name, (user), __VA_ARGS__)

/* TaskEvent. */
void event_task(struct event_log *log, const struct task *task, const struct entity *entity,
                const char *user);

/* Keys count from 1; the kept ones are first..last (last < first: none). */
int32_t event_first_key(const struct event_log *log);
int32_t event_last_key(const struct event_log *log);
const struct event *event_by_key(const struct event_log *log, int32_t key);

/* Does the event pass the filter? `objects` is looked up for recursion. */
bool event_matches(struct inventory *inv, const struct event *event,
                   const struct vim_EventFilterSpec *filter);
/* "info", "warning", "error" or "user". */
const char *event_category(const struct vim_type *type, const struct vim_Event *event);

#endif
