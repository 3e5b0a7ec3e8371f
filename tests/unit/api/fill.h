/*
 * Fills values of any type from its descriptor, for round trips: everything required, and optional
 * fields, array lengths and contents as `seed` decides.
 */
#ifndef TEST_API_FILL_H
#define TEST_API_FILL_H

#include "api/vim.h"

struct fill {
    struct arena *arena;
    uint64_t seed;
    unsigned depth; /* how many levels of objects below optional fields */
};

struct vim_object *fill_object(struct fill *f, const struct vim_type *type);
void fill_struct(struct fill *f, const struct vim_type *type, void *container);
struct vim_any *fill_any(struct fill *f);

#endif
