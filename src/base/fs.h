/*
 * Files, by descriptor. A name that somebody else chose is only ever opened beneath a directory
 * descriptor; configuration is replaced, never rewritten in place.
 */
#ifndef BASE_FS_H
#define BASE_FS_H

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

/* open(2) of `path`, relative to and never leaving `dirfd` (openat2 RESOLVE_BENEATH, no magic
 * links). O_CLOEXEC is added. Returns the descriptor or a negative errno code. */
int fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode);

/* Appends the whole content of a regular file to `b`, up to b->max. */
int fs_read_file(int dirfd, const char *path, struct buf *b, struct error *err);

/* Writes a temporary file next to `name`, fsyncs it, renames it over `name`, fsyncs the folder. */
int fs_write_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
                  struct error *err);

/* write(2) until all is out; for blocking descriptors. */
int fs_write_all(int fd, const void *data, size_t len);

/* mkdir -p of an absolute or relative path, mode for the ones it makes. */
int fs_mkdirs(const char *path, mode_t mode, struct error *err);

/* Removes everything beneath dirfd/name and name itself, never following links. 0 if absent. */
int fs_remove_tree(int dirfd, const char *name, struct error *err);

#endif
