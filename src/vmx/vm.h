/*
 * One VM: everything that a vmx process serves, tied together.
 *
 * Who calls whom: the guest's programs reach `rpci` (their requests) and `tclo` (ours); `tools`
 * keeps up the conversation with the agent and turns what it says into `guest`; hostd reaches
 * `ctl`, which uses `power`, `relay` (guest operations), `streams` and, for agents
 * without them, `transfers` (file data). All of it runs
 * on one loop, in one thread; nothing blocks. Parts know the VM and reach each other through it.
 */
#ifndef VMX_VM_H
#define VMX_VM_H

#include <uv.h>

#include "base/error.h"
#include "vmx/guest_state.h"
#include "vmx/guestvars.h"
#include "vmx/machine.h"
#include "vmx/power.h"
#include "vmx/vmconfig.h"
#include "vmx/vmlog.h"

#define VM_NAME_MAX 80u

struct rpci;
struct tclo;
struct tools;
struct relay;
struct transfers;
struct snapshots;
struct quiesce;
struct datasets;
struct streams;
struct gueststore;
struct ctl;

struct vm_options {
    uv_loop_t *loop;
    const char *folder; /* the VM's folder */
    const char *config; /* file name in it: NAME.vmx */
    const char *run;    /* folder for the sockets ctl, link/976, link/975 and link/974 */
    int peer_uid;       /* who may connect to ctl; -1 = our own uid and root */
    int launcher_fd;    /* for the machine, which takes it; -1 = none */
    unsigned uid_base;
    const struct machine_ops *machine; /* NULL = by the key inguest.machine */
    /* After the last socket is there and before the first byte is read; may be NULL. */
    int (*confine)(void *arg, struct error *err);
    void *confine_arg;
    /* The loop may end: hostd asked for it, or vm_stop is through. */
    void (*ended)(void *arg);
    void *ended_arg;
};

struct vm {
    uv_loop_t *loop;
    char name[VM_NAME_MAX + 1];
    int folder_fd;
    struct vmconfig config;
    struct vmlog log;
    const struct machine_ops *machine_ops;
    struct machine *machine;
    struct power *power;
    struct guestvars vars;
    struct guest_state guest;
    struct rpci *rpci;
    struct tclo *tclo;
    struct tools *tools;
    struct relay *relay;
    struct transfers *transfers;
    struct snapshots *snapshots;
    struct quiesce *quiesce;
    struct datasets *datasets;
    struct streams *streams;
    struct gueststore *gueststore;
    struct ctl *ctl;
    void (*ended)(void *arg);
    void *ended_arg;
    int stopping;
    int64_t boot_us;             /* wall clock when it came to run; 0 = it does not */
    enum power_state last_power; /* what the previous vmx of this VM left */
};

int vm_open(const struct vm_options *options, struct vm **ret, struct error *err);

/* Clean end: stops the machine when it runs, then tells `ended`. */
void vm_stop(struct vm *vm);

/* Everything is released once the loop has run until it is empty. */
void vm_close(struct vm *vm);

/* Whether this peer of a link socket is the guest's root. */
int vm_peer_is_root(struct vm *vm, int fd);

#endif
