/*
 * A VM's list of snapshots, NAME.vmsd: a dictionary like NAME.vmx (wire/vmxfile.h) with the keys
 * that VMware's products use:
 *
 *   snapshot.lastUID, snapshot.current, snapshot.numSnapshots, and for N = 0, 1, ...
 *   snapshotN.uid, .parent, .filename, .displayName, .description, .createTimeHigh,
 *   .createTimeLow (microseconds since 1970, two 32-bit halves), .numDisks, .disk0.fileName
 *
 * and two of our own: inguest.snapshotN.quiesced and inguest.snapshot.reverting (the uid of the
 * snapshot that the VM is being taken back to; src/vmx/snapshot_store.h).
 *
 * The struct is owned by whoever made it; not thread-safe.
 */
#ifndef WIRE_VMSD_H
#define WIRE_VMSD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define VMSD_SIZE_MAX        (1u << 20)
#define VMSD_SNAPSHOTS_MAX   128u
#define VMSD_DEPTH_MAX       32u  /* snapshots in a row */
#define VMSD_NAME_MAX        255u /* bytes */
#define VMSD_DESCRIPTION_MAX 4096u

struct vmsd_snapshot {
    uint32_t uid;    /* from 1, never used twice in a VM */
    uint32_t parent; /* uid, 0 = none */
    char *name, *description;
    int64_t create_us; /* wall clock */
    bool quiesced;
    bool has_disk; /* the VM's disk existed */
};

struct vmsd {
    uint32_t last_uid, current, reverting; /* 0 = none */
    struct vmsd_snapshot *items;           /* in the order of their making */
    unsigned count;
};

/* An empty list is all zeros. */
void vmsd_clear(struct vmsd *v);

/* -EBADMSG: not a list of snapshots (a number missing, a parent that is not there, a circle);
 * -EMSGSIZE, -ENOMEM. */
int vmsd_parse(const void *text, size_t len, struct vmsd *ret, struct error *err);
/* `vm` is the VM's name, which the names of the files begin with. */
int vmsd_write(const struct vmsd *v, const char *vm, struct buf *b);
int vmsd_copy(const struct vmsd *v, struct vmsd *ret);

/* NULL when there is none. Valid until the list changes. */
struct vmsd_snapshot *vmsd_find(const struct vmsd *v, uint32_t uid);

/* Adds a child of the current snapshot, which becomes the current one; its uid is last_uid then.
 * -EINVAL (name or description), -ELOOP (VMSD_DEPTH_MAX), -E2BIG (VMSD_SNAPSHOTS_MAX), -ENOMEM. */
int vmsd_add(struct vmsd *v, const char *name, const char *description, int64_t create_us,
             bool quiesced, bool has_disk);
/* Takes a snapshot out; its children become its parent's, or go too. The current one becomes the
 * nearest ancestor that is left. -ENOENT. */
int vmsd_remove(struct vmsd *v, uint32_t uid, bool with_children);
/* NULL: as it is. -ENOENT, -EINVAL, -ENOMEM. */
int vmsd_rename(struct vmsd *v, uint32_t uid, const char *name, const char *description);

bool vmsd_name_valid(const char *name);

#endif
