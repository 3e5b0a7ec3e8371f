/* What filter.c (which objects, what has changed) and filter_updates.c (telling it) share. */
#ifndef HOSTD_FILTER_INTERNAL_H
#define HOSTD_FILTER_INTERNAL_H

#include "hostd/filter.h"
#include "hostd/property_path.h"

struct path_state {
    uint64_t hash;    /* of the value last told; 0 = unset */
    uint64_t changed; /* stamp */
    bool known;       /* told at least once */
    bool dirty;
};

struct filter_object {
    struct mo_watch watch;
    struct filter *filter;
    struct mo *mo; /* NULL: left the registry */
    struct filter_object *hash_next;
    const void *hash_key; /* the address that it was filed under */
    struct filter_object *older, *newer;
    struct filter_object *dirty_next;
    bool is_dirty;
    bool reported;
    uint64_t epoch;
    uint64_t entered; /* stamp */
    uint64_t last;    /* the newest of its stamps */
    const char *type; /* for the leaving; a descriptor's */
    char *id;
    const char **traversed; /* paths in the filter's spec */
    size_t traversed_count;
    const struct property_paths *paths;
    struct path_state *state; /* paths->count */
};

struct filter_gone {
    struct filter_gone *next;
    uint64_t entered, left;
    const char *type;
    char *id;
};

#endif
