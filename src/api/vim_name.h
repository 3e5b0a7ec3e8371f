/* Names that types have inside a boxed value (anyType), on every wire. */
#ifndef API_VIM_NAME_H
#define API_VIM_NAME_H

#include "api/vim.h"

#define VIM_ARRAY_NAME_MAX 128

/* "ArrayOfGuestNicInfo" -> GuestNicInfo, "ArrayOfString" -> string; NULL when it is no array of a
 * known type. */
const struct vim_type *vim_array_item_type(const char *name);
/* "ArrayOfGuestNicInfo"; all kinds of strings are "ArrayOfString". */
const char *vim_array_type_name(const struct vim_type *item, char ret[VIM_ARRAY_NAME_MAX]);
/* Name of an item's element in such an array: "GuestNicInfo", "string". */
const char *vim_array_item_name(const struct vim_type *item);

/* ---- what a client's release knows ---- */

/* The type to send an object as: its own, or the nearest base that the release knows, but nothing
 * above the declared type (NULL: anything will do). NULL: the release knows none. */
const struct vim_type *vim_known_type(const struct vim_type *type, const struct vim_type *declared,
                                      vim_version version);
/* The same for the type in a reference; a name that nobody knows is passed on. */
const char *vim_known_mo_name(const char *name, vim_version version);
/* False also for a value that is none of the enumeration's. */
bool vim_known_enum(const struct vim_type *type, int value, vim_version version);

#endif
