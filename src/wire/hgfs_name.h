/*
 * HGFS names: a path as components joined by NULs, first the share. A guest has one share, `root`,
 * which is its whole file system.
 */
#ifndef WIRE_HGFS_NAME_H
#define WIRE_HGFS_NAME_H

#include <stddef.h>

#include "base/buf.h"

#define HGFS_SHARE "root"

/* "/etc/hosts" becomes root NUL etc NUL hosts. -EINVAL for a path that is not absolute. */
int hgfs_name_from_path(struct buf *b, const char *path);

/* The other way: appends an absolute path. A slash inside a component is escaped, so that it never
 * separates. Errors, as HGFS statuses would have them: -EINVAL (9: empty, leading or trailing NUL,
 * `.` or `..`, not UTF-8), -ENOENT (1: another share), -ENAMETOOLONG (14). */
int hgfs_name_to_path(struct buf *b, const char *name, size_t len);

/* And back: the name of a directory entry as it goes into a reply. */
int hgfs_name_unescape(struct buf *b, const char *component, size_t len);

#endif
