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

struct machine_events {
    /* An operation is over: err is NULL or says why it failed. */
    void (*done)(struct machine *m, const struct error *err, void *arg);
    /* The machine is off. After machine_stop it comes before `done`. */
    void (*stopped)(struct machine *m, enum machine_stop_reason reason, const char *text,
                    void *arg);
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
};

/* NULL when there is no provider of that name. */
const struct machine_ops *machine_find(const char *name);

#endif
