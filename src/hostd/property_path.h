/*
 * Property paths: `summary.runtime.powerState`, `config.hardware.device[4000].key`,
 * `config.extraConfig["guestinfo.x"].value`.
 *
 * The first name is a property of the managed object type, the others are fields of the value. An
 * element of an array is named by its key (its field `key`, or for strings and references the value
 * itself): quoted or not for strings, a number for numbers.
 */
#ifndef HOSTD_PROPERTY_PATH_H
#define HOSTD_PROPERTY_PATH_H

#include <stdbool.h>

#include "api/vim.h"

#define PROPERTY_PATH_MAX 512 /* bytes */

/* The property that the path begins with, NULL when the path is unknown for the type: a name that
 * neither the declared type nor a type derived from it has, a field of an array without a key, a
 * step into a scalar. */
const struct vim_field *property_path_check(const struct vim_mo_type *type, const char *path);

/* The property that the path begins with; the rest of the path is not looked at. */
const struct vim_field *property_path_root(const struct vim_mo_type *type, const char *path);

/* Follows the rest of the path (all but the property's name) in the value of its property. Stores
 * NULL when something on the way is unset or absent. -ENOMEM. */
int property_path_follow(struct arena *a, const struct vim_any *value, const char *path,
                         const struct vim_any **ret);

/* Does a change of one of the paths mean that the other may have changed (one is the beginning of
 * the other)? */
bool property_path_related(const char *a, const char *b);

/* A hash over type and content, equal for equal values; 0 only for NULL. */
uint64_t property_hash(const struct vim_any *value);

#endif
