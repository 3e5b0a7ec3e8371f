/*
 * Which objects a PropertyFilterSpec selects: its objectSet, followed along the traversals, also
 * named and recursive ones.
 */
#ifndef HOSTD_PROPERTY_SELECT_H
#define HOSTD_PROPERTY_SELECT_H

#include <stdbool.h>

#include "api/vim.h"
#include "api/vim_types.h"
#include "base/arena.h"
#include "hostd/mo.h"

#define SELECT_SPECS_MAX      64    /* PropertyFilterSpecs in a call */
#define SELECT_TRAVERSALS_MAX 256   /* TraversalSpecs in one PropertyFilterSpec */
#define SELECT_OBJECTS_MAX    50000 /* visited for one PropertyFilterSpec */

/* A fault that checking or evaluating found, to be thrown as it is. */
struct select_fault {
    struct vim_object *fault;
    const char *text;
};

/* One visited object. */
struct select_object {
    struct mo *mo;
    bool reported; /* at least one visit was not skipped */
    /* What was traversed from it: changes there change the selection. */
    const char **paths;
    size_t path_count, path_room;
};

struct selection {
    struct select_object *objects; /* in the order of the first visit */
    size_t count, room;
    const struct vim_ref *missing; /* starting objects that do not exist */
    size_t missing_count;
};

/* Checks types, paths and names. 0, -EINVAL with the fault filled in, -ENOMEM. */
int select_check(struct arena *a, const struct vim_PropertyFilterSpec *spec,
                 struct select_fault *ret_fault);

/* Evaluates a checked spec; everything lives in the reader's arena. 0, -ENOMEM, -E2BIG, or -EINVAL
 * with the fault filled in: a starting object that does not exist (unless
 * reportMissingObjectsInResults) or that the user may not see. */
int select_evaluate(struct mo_reader *reader, const struct vim_PropertyFilterSpec *spec,
                    struct selection *ret, struct select_fault *ret_fault);

/* May the reader's user do this? With no session: only what nobody needs to be known for. */
bool select_allowed(const struct mo_reader *reader, const struct mo *mo, const char *privilege);

#endif
