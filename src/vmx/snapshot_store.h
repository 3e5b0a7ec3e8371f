/*
 * The snapshots of a VM on disk. In its folder, N being a snapshot's uid:
 *
 *   NAME.vmsd               the list (wire/vmsd.h); what it names is there, whole and durable
 *   NAME-SnapshotN.vmsn     the configuration of then
 *   NAME-SnapshotN.root     the disk of then, unless there was none (made by machine_ops.disk)
 *   NAME-SnapshotN.SUFFIX   files of vmfiles.h that go along
 *   NAME-Revert.*           what is being prepared for going back
 *   NAME-TrashK.root        disks that are no longer needed
 *
 * The list is the truth and is replaced as a whole, so an operation has happened when its list has
 * been written and not before: a crash leaves the old state or the new one. Files that no list
 * names are left over and are removed when the store is opened.
 *
 * Going back takes several renames. The list's key `reverting` says that everything for them is
 * prepared; from then on they are done again by whoever opens the store next, each being harmless
 * when it was done before, until the last step takes the key away.
 *
 * Blocking file operations, small ones except snapshot_copies_make; one thread.
 */
#ifndef VMX_SNAPSHOT_STORE_H
#define VMX_SNAPSHOT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "vmx/machine.h"
#include "vmx/vmconfig.h"
#include "vmx/vmfiles.h"
#include "wire/vmsd.h"

struct snapshot_store {
    int folder_fd;           /* not owned */
    const char *name;        /* of the VM, not owned */
    struct vmconfig *config; /* not owned */
    struct vmsd list;
    struct error damaged;    /* code not 0: the list cannot be read and nothing is done */
    void (*step)(void *arg); /* for tests: before each durable step; may be NULL */
    void *step_arg;
};

/* Reads the list and finishes what a crash has left half done. A damaged list is no failure: it is
 * kept as it is, and every operation is refused with `damaged`. */
int snapshot_store_open(struct snapshot_store *s, int folder_fd, const char *name,
                        struct vmconfig *config, struct error *err);
void snapshot_store_close(struct snapshot_store *s);

/* What `machine_ops.disk` shall still remove, one at a time: false when there is nothing (more).
 * Plain files that are left over are removed by the way. */
bool snapshot_store_leftover(const struct snapshot_store *s, enum machine_disk *ret_what,
                             unsigned *ret_number);

/* ---- taking one ---- */

/* Why none can be taken now, before any work is done: the errors of vmsd_add. */
int snapshot_store_may_add(const struct snapshot_store *s, const char *name,
                           const char *description, struct error *err);
/* The uid that the next snapshot will have. */
uint32_t snapshot_store_next(const struct snapshot_store *s);
/* Does the VM have a disk? */
bool snapshot_store_has_disk(const struct snapshot_store *s);
/* After the copies of the disk and the files have been made under the next uid: the snapshot is
 * there when this succeeds. */
int snapshot_store_add(struct snapshot_store *s, const char *name, const char *description,
                       bool quiesced, bool has_disk, struct error *err);

/* ---- going back ---- */

/* After the disk and the files have been prepared: from here on the VM goes back, crash or not. */
int snapshot_store_begin_revert(struct snapshot_store *s, uint32_t uid, struct error *err);
/* Does it. On failure the next snapshot_store_open tries again. */
int snapshot_store_finish_revert(struct snapshot_store *s, struct error *err);

/* ---- the rest ---- */

int snapshot_store_remove(struct snapshot_store *s, uint32_t uid, bool with_children,
                          struct error *err);
int snapshot_store_remove_all(struct snapshot_store *s, struct error *err);
int snapshot_store_rename(struct snapshot_store *s, uint32_t uid, const char *name,
                          const char *description, struct error *err);

/* ---- files that go along (vmfiles.h) ---- */

struct snapshot_copies {
    int folder_fd;
    unsigned count;
    struct {
        char *from, *to;
    } files[VMFILES_MAX];
};

/* The file of a kind that the VM has now; the caller's. NULL: out of memory. */
char *snapshot_store_file(const struct snapshot_store *s, const struct vmfile_kind *kind);

/* Which files to copy for a new snapshot, or (uid not 0) for going back to one. */
int snapshot_copies_plan(const struct snapshot_store *s, uint32_t uid, struct snapshot_copies *ret);
/* Copies them, durably; what is not there is left out. May run on another thread. */
int snapshot_copies_make(const struct snapshot_copies *c, struct error *err);
void snapshot_copies_free(struct snapshot_copies *c);

#endif
