/* Reading the values that PropertySpecs ask of one object. */
#ifndef HOSTD_PROPERTY_READ_H
#define HOSTD_PROPERTY_READ_H

#include <stdbool.h>

#include "api/vim.h"
#include "api/vim_types.h"
#include "hostd/mo.h"

#define PROPERTY_PATHS_MAX 1024 /* of one object in one call */

/* The paths that apply to objects of one type, each once. */
struct property_paths {
    const struct vim_mo_type *type;
    bool applies; /* at least one PropertySpec is for this type */
    size_t count;
    const char **paths; /* belong to the specs or to the descriptors */
};

/* Joins the PropertySpecs of `specs` that are for `type`; `version` leaves out of `all` what a
 * client of that version does not know. -ENOMEM, -E2BIG. */
int property_paths_for(struct arena *a, struct vim_PropertyFilterSpec *const *specs, size_t count,
                       const struct vim_mo_type *type, int version, struct property_paths *ret);

/* What reading several paths of one object can share. Start with the object set, rest zero. */
struct property_cache {
    struct mo *mo;
    const struct vim_field *root;
    struct vim_any *value;
    const char *privilege;
    bool allowed;
};

/* Stores the value, NULL when unset. -EACCES: the reader may not see it (cache->root->privilege
 * says what it needs), -ENOMEM. */
int property_read(struct mo_reader *reader, struct property_cache *cache, const char *path,
                  const struct vim_any **ret);

/* The missingSet entry for a path that gave -EACCES. NULL when out of memory. */
struct vim_MissingProperty *property_missing(struct mo_reader *reader,
                                             const struct property_cache *cache, const char *path);

#endif
