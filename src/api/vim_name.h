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

#endif
