/*
 * Snapshots of the VM: taking one, going back, removing; and holding the VM still while somebody
 * else copies it. One operation at a time (-EBUSY). Each is a row of steps in snapshot.c; whatever
 * happens, the VM is let go again at its end. What is on disk when is told in snapshot_store.h.
 *
 * There are no memory snapshots: a snapshot is what the disk would be after a loss of power, or,
 * quiesced, after the guest's programs had come to rest (quiesce.h). Going back stops the machine.
 *
 * One thread, the loop's; nothing blocks for longer than a small file takes to be written.
 */
#ifndef VMX_SNAPSHOT_H
#define VMX_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "vmx/vm.h"

/* Whoever holds the VM and does not come back. */
#define SNAPSHOT_HOLD_MAX_MS 3600000u

struct snapshots;

/* Opens the store, which finishes what a crash has left; vm->config may be another one then. */
int snapshots_new(struct vm *vm, struct snapshots **ret, struct error *err);
/* The machine is open: what is left over is removed. */
void snapshots_start(struct snapshots *s);
/* Nobody shall be told any more: what is under way ends with -ECANCELED. */
void snapshots_abandon(struct snapshots *s);
void snapshots_free(struct snapshots *s); /* after the machine was closed */
bool snapshots_busy(const struct snapshots *s);

/* err is NULL on success; `uid` is the snapshot's. Comes once for each operation that was begun,
 * perhaps before the function that began it returns. */
typedef void snapshot_cb(const struct error *err, uint32_t uid, void *arg);

struct snapshot_quiesce {
    uint64_t limit_ms; /* for the guest to come to rest and be copied; 0: the protocol's */
};

/* The errors are those of snapshot_store.h; -EBUSY; -EOPNOTSUPP: the machine has no snapshots. With
 * `wish` the guest of a running machine is brought to rest first, or there is no snapshot: errors
 * of quiesce_begin. */
int snapshot_create(struct snapshots *s, const char *name, const char *description,
                    const struct snapshot_quiesce *wish, snapshot_cb *cb, void *arg,
                    struct error *err);
int snapshot_revert(struct snapshots *s, uint32_t uid, snapshot_cb *cb, void *arg,
                    struct error *err);
int snapshot_remove(struct snapshots *s, uint32_t uid, bool with_children, snapshot_cb *cb,
                    void *arg, struct error *err);
int snapshot_remove_all(struct snapshots *s, snapshot_cb *cb, void *arg, struct error *err);
int snapshot_rename(struct snapshots *s, uint32_t uid, const char *name, const char *description,
                    struct error *err);

/* Holds the VM still, its files at rest, until snapshot_release, the end of hostd's connection or
 * `limit_ms`. With `uid` the VM runs on and only that snapshot stays as it is. */
int snapshot_hold(struct snapshots *s, uint32_t uid, uint64_t limit_ms, snapshot_cb *cb, void *arg,
                  struct error *err);
/* -ENOENT: it was not held any more, what was copied may be inconsistent. */
int snapshot_release(struct snapshots *s, snapshot_cb *cb, void *arg, struct error *err);
/* Whoever held it is gone. */
void snapshots_hostd_gone(struct snapshots *s);

/* Ends what is under way soon, when it has not gone too far: its callback gets -ECANCELED. */
void snapshot_cancel(struct snapshots *s);

#endif
