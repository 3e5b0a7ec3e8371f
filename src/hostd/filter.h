/*
 * PropertyFilter: which objects a client watches, which of their properties, and what has changed.
 *
 * A filter does not keep values. For each selected property it keeps a hash of the value that was
 * last told, and the stamp of its last change; for each object the stamp of its coming, and for a
 * while that of its going. Stamps are counted per collector, and a collector's version is a stamp:
 * what a client has to be told is what is newer than the version that it comes with. So a version
 * may be used again after a lost answer, and a cut answer is continued from any point.
 *
 * A filter watches the objects that it selected and those that it traversed. A change only marks:
 * the properties that may be different, or the whole selection when a traversed property changed.
 * filter_refresh then looks at what is marked and at nothing else.
 */
#ifndef HOSTD_FILTER_H
#define HOSTD_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/vim_types.h"
#include "base/arena.h"
#include "hostd/mo.h"
#include "hostd/property_read.h"
#include "hostd/property_select.h"

#define FILTERS_MAX         64         /* of one collector */
#define FILTER_SPEC_MAX     (1u << 20) /* bytes of a spec and what belongs to it */
#define FILTER_TYPES_MAX    64         /* managed object types that one filter selects */
#define FILTER_GONE_MAX     10000      /* leavings kept; beyond, old versions become invalid */
#define SESSION_OBJECTS_MAX 200000     /* in all filters of a session */

struct collector;
struct filter_object;
struct filter_gone;

struct filter {
    struct mo mo;
    struct collector *collector;
    struct filter *next; /* of the collector */
    struct arena arena;  /* the spec, paths */
    struct vim_PropertyFilterSpec *spec;
    bool partial;
    int version; /* of the client that made it */
    struct property_paths types[FILTER_TYPES_MAX];
    size_t type_count;

    struct filter_object **buckets; /* by object */
    size_t bucket_count, object_count;
    struct filter_object *oldest, *newest; /* by the last stamp */
    struct filter_object *dirty;
    struct filter_gone *gone_first, *gone_last; /* by stamp */
    size_t gone_count;
    struct vim_ref *missing; /* mem_alloc'd, with their strings */
    size_t missing_count;
    uint64_t missing_stamp;
    uint64_t epoch; /* of the last selection */
    bool reselect;
};

/* Makes a filter of a checked spec (copied). `id` names the object. It is on no list yet. */
int filter_new(struct collector *c, struct mo_registry *registry, const char *id,
               const struct vim_PropertyFilterSpec *spec, bool partial, int version,
               struct filter **ret);
void filter_free(struct filter *f);

/* Looks at everything that is marked. Uses the reader's arena for what it throws away. 0, -ENOMEM,
 * -E2BIG, -EINVAL with the fault when the filter cannot be evaluated (only of interest when it is
 * new; later it selects nothing then). */
int filter_refresh(struct filter *f, struct mo_reader *reader, struct select_fault *ret_fault);

/* Is there anything newer than `since`? */
bool filter_has_news(const struct filter *f, uint64_t since);

/* Builds, in the reader's arena, what is newer than `since` in all the filters (of one collector),
 * `max` objects at most, oldest news first. *ret is NULL when there is nothing. *ret_version is the
 * version that the client has then reached. */
int filter_updates(struct filter *const *filters, size_t count, struct mo_reader *reader,
                   uint64_t since, size_t max, struct vim_UpdateSet **ret, uint64_t *ret_version);

/* Forgets leavings up to and with `stamp`. */
void filter_forget(struct filter *f, uint64_t stamp);

#endif
