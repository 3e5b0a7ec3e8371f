/*
 * A machine: what a VM runs on. A provider (sandbox, qemu, libvirt) implements these operations;
 * the key `inguest.machine` in the .vmx file names it.
 *
 * All operations return at once and report through the callbacks, from the loop. At most one
 * operation is under way at a time; vmx's power state machine sees to that. A machine that stops by
 * itself (the guest powered off or rebooted, or it crashed) reports `stopped` without being asked.
 */
#ifndef VMX_MACHINE_H
#define VMX_MACHINE_H

#include <uv.h>

#include "base/error.h"

struct machine;

enum machine_stop_reason {
    MACHINE_STOP_ASKED,    /* machine_stop */
    MACHINE_STOP_POWEROFF, /* the guest powered itself off */
    MACHINE_STOP_REBOOT,   /* the guest asked for a restart: vmx starts it again */
    MACHINE_STOP_FAILURE,  /* it died */
};

/* Work on the machine's disk, where that is the VM folder's NAME.root; N is a number. */
enum machine_disk {
    MACHINE_DISK_SAVE = 1, /* copies it to NAME-SnapshotN.root; the machine must be at rest */
    MACHINE_DISK_LOAD,     /* copies NAME-SnapshotN.root to NAME-Revert.root */
    MACHINE_DISK_REMOVE_SNAPSHOT, /* removes NAME-SnapshotN.root */
    MACHINE_DISK_REMOVE_REVERT,   /* removes NAME-Revert.root */
    MACHINE_DISK_REMOVE_TRASH,    /* removes NAME-TrashN.root */
};

/* err->code is 0 or why it failed. */
typedef void (*machine_disk_cb)(const struct error *err, void *arg);

struct machine_events {
    /* An operation is over: err is NULL or says why it failed. */
    void (*done)(struct machine *m, const struct error *err, void *arg);
    /* The machine is off. After machine_stop it comes before `done`. */
    void (*stopped)(struct machine *m, enum machine_stop_reason reason, const char *text,
                    void *arg);
    /* It can do nothing any more, not even start: after everything else has been reported. May be
     * NULL. */
    void (*lost)(struct machine *m, const char *why, void *arg);
};

struct machine_config {
    uv_loop_t *loop;
    int folder_fd;     /* the VM's folder; the machine does not close it */
    const char *name;  /* of the VM */
    int launcher_fd;   /* from launcher_spawn; the machine takes it. -1 = none */
    unsigned uid_base; /* host uid of the guest's root; 0 = no user range */
    /* Value of a .vmx key, or NULL. */
    const char *(*config_get)(const char *key, void *arg);
    void *config_arg;
    const struct machine_events *events;
    void *arg;
};

struct machine_ops {
    const char *name;
    int (*open)(const struct machine_config *config, struct machine **ret, struct error *err);
    void (*start)(struct machine *m);
    void (*stop)(struct machine *m); /* at once, the guest is not asked */
    void (*suspend)(struct machine *m);
    void (*resume)(struct machine *m);
    /* Whether this peer (as the kernel knows it) is the guest's root. */
    int (*peer_is_root)(struct machine *m, unsigned uid);
    void (*close)(struct machine *m); /* stops it if it runs */
    /* NULL: this machine's disk cannot be copied so, and it has no snapshots. One at a time, beside
     * the other operations; `cb` comes from the loop, unless the machine is closed. */
    void (*disk)(struct machine *m, enum machine_disk what, unsigned number, machine_disk_cb cb,
                 void *arg);
    void (*disk_cancel)(struct machine *m); /* `cb` still comes, soon */
};

/* NULL when there is no provider of that name. */
const struct machine_ops *machine_find(const char *name);

#endif
