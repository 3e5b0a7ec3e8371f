/*
 * A faithful copy of a guest's files: content (shared by reflink where the file system can,
 * holes kept), types, owners, modes, times, extended attributes, ACLs and hard links, with the
 * owners moved from one range of host ids to another.
 *
 * Called by a process that has root's rights over files, on files that a guest has made. So
 * nothing is reached by a path (every name is opened beneath the descriptor of its folder, links
 * are never followed), every list has an end, and what belongs to nobody of the range is refused:
 * a hard link to a file of the host does not end up as a guest's own.
 *
 * Blocking; one thread. Device nodes are left out, except the ones by which overlay file systems
 * mark what was deleted: no guest can use others.
 */
#ifndef VMX_TREE_COPY_H
#define VMX_TREE_COPY_H

#include <stdint.h>

#include "base/error.h"

#define TREE_DEPTH_MAX 1000u  /* folders in folders */
#define TREE_XATTR_MAX 65536u /* bytes, of the names or of one value */

struct tree_owners {
    uint32_t from, to; /* first ids of the two ranges; equal: owners are kept */
    uint32_t count;
};

/* Copies from/name to to/as, a folder with everything beneath it or a file; `as` must not exist,
 * neither may `as`.links, which holds a second name of hard-linked files while the copy is made.
 * The caller makes the copy durable (syncfs). On failure what there is of the copy remains.
 * -ENOENT: no `name`. -EPERM: a file of nobody in the range. -ELOOP: nested too deeply. */
int tree_copy(int from, const char *name, int to, const char *as, const struct tree_owners *owners,
              struct error *err);

#endif
