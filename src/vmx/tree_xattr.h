/* Extended attributes of a guest's file: which are copied, and the ids in them moved along. */
#ifndef VMX_TREE_XATTR_H
#define VMX_TREE_XATTR_H

#include <stddef.h>
#include <stdint.h>

#include "vmx/tree_copy.h"

/* Copies user.*, POSIX ACLs and file capabilities; others belong to the host. Fine where the file
 * system has none. 0 or a negative errno code. */
int tree_xattr_copy(int from, int to, const struct tree_owners *owners);

/* Moves the ids in the value of an attribute; 1: fine, 0: the attribute is not to be copied. */
int tree_xattr_shift(const char *name, uint8_t *value, size_t len,
                     const struct tree_owners *owners);

#endif
