/* What view.c (views and their lists) and view_container.c (what a container holds) share. */
#ifndef HOSTD_VIEW_INTERNAL_H
#define HOSTD_VIEW_INTERNAL_H

#include "hostd/inventory_internal.h"
#include "hostd/session.h"

#define VIEW_OBJECTS_MAX 50000 /* in one view */

struct view;

struct view_watch {
    struct mo_watch watch;
    struct view *view;
    struct view_watch *next;
};

struct view {
    struct mo mo;
    struct inventory *inv;
    struct view *next_of_session;
    struct view_session *vs;
    /* container view */
    struct mo *container;
    struct mo_watch container_watch;
    char **types;
    size_t type_count;
    bool recursive;
    struct view_watch *watches;
    /* list and inventory view: references, which may have become stale */
    char **ids;
    size_t id_count;
};

struct view_session {
    struct session *session;
    struct view *views;
    size_t count;
    uint64_t number;
};

extern const struct mo_class container_view_class;

/* Stops watching what the view's content came from. */
void view_container_clear(struct view *v);

#endif
