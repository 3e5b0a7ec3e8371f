/*
 * The guest's file systems with their sizes. (Guest RPC protocol, "Disk information".) Only local
 * ones: asking a network file system may block for as long as its server is away.
 */
#ifndef GUEST_MOUNTS_H
#define GUEST_MOUNTS_H

#include "base/arena.h"
#include "wire/diskinfo.h"

#define MOUNTS_ARENA_MAX (512u * 1024u)

/* Everything in `ret` lives in the arena. May block on a broken disk: not for the loop's thread. */
int mounts_collect(struct arena *a, struct diskinfo *ret);
/* For tests: the mount points of a mountinfo text that count, without sizes. */
int mounts_parse(const char *mountinfo, struct arena *a, struct diskinfo *ret);

#endif
