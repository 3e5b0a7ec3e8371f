/*
 * A virtual machine as clients see it: its configuration (the .vmx file), its power state, what its
 * guest reports, and the operations on it.
 *
 * The files belong to the VM's vmx process; hostd reads the .vmx file when no vmx runs and asks vmx
 * (config.set) for every change. vmx is started when something needs it and stopped again when the
 * machine has been off for a while. A VM whose .vmx file cannot be read is there all the same:
 * connectionState "inaccessible", no config.
 *
 * One operation at a time: `task` is the one that runs.
 *
 *   vm.c         objects and their properties   vm_vmx.c      their vmx, and what it reports
 *   vm_store.c   hostd.db, the scan of vms/     vm_device.c   devices
 *   vm_config.c  config                         vm_guest.c    guest
 *   vm_summary.c runtime, summary, layout       vm_power.c    power methods
 *   vm_spec.c    specs to keys of the .vmx file vm_change.c   reconfigure, rename, destroy
 *   vm_create.c  create, register               vm_clone.c    clone, templates
 *   vm_upgrade.c hardware, tools                vm_console.c  what needs a display
 *   vm_snapshot.c, vm_snapshot_ops.c            snapshots
 */
#ifndef HOSTD_VM_H
#define HOSTD_VM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "hostd/call.h"
#include "hostd/gueststore.h"
#include "hostd/inventory.h"
#include "hostd/vmlink.h"
#include "wire/vmxfile.h"

#define VM_HW_VERSION "21" /* virtualHW.version of new VMs */

enum vm_power { VM_POWER_OFF, VM_POWER_ON, VM_POWER_SUSPENDED };
#define VM_POWER_BIT(power) (1u << (power)) /* for sets of them */

struct task;
struct vm_pending;
struct vm_snapshots;

struct vm {
    struct entity e;
    struct vm *next, **link_in_list;
    char *folder;           /* beneath STATE/vms */
    char *file;             /* the .vmx file in it */
    struct vmxfile *config; /* NULL: cannot be read */
    char *problem;          /* why not */
    enum vm_power power;
    bool clean_off;    /* the guest shut itself down */
    json_t *guest;     /* the guest state of docs/control-protocol.md, NULL = none yet */
    json_t *guestinfo; /* volatile guestinfo.* values */
    int heartbeat;     /* enum vim_ManagedEntityStatus */
    int64_t modified;  /* wall clock, us: last reconfiguration */
    int64_t boot_time, suspend_time;
    uint32_t change_number;                   /* makes changeVersion different */
    struct gueststore_vm gueststore;          /* access rules, gueststore.c */
    struct vmlink *link;                      /* always there */
    struct vm_pending *pending;               /* waiting for the link to come up */
    void (*halted)(struct vm *vm, void *arg); /* vm_halt */
    void *halted_arg;
    uv_timer_t *idle;               /* stops vmx some time after power off */
    struct task *task;              /* the operation that runs */
    struct vm_snapshots *snapshots; /* vm_snapshot.h; NULL = none */
    bool busy; /* an operation without a task is under way, such as unregistering it */
};

/* ---- objects (vm.c) ---- */

struct vm *vm_cast(struct mo *mo); /* NULL when it is none */
/* The VM that a call is made on; ends the call when it is gone. */
struct vm *vm_of(struct call *call);
struct vm *vm_find(struct host *host, struct vim_ref ref);

/* Adds a VM under `id` in a folder of the inventory. */
int vm_add(struct inventory *inv, const char *id, const char *folder, const char *file,
           struct folder *parent, struct vm **ret);
/* Takes it out of the inventory and frees it. Its vmx must have been stopped. */
void vm_remove(struct vm *vm);

/* Something of the VM changed: tells the watchers of everything that shows it. */
enum vm_change { VM_CHANGED_POWER = 1, VM_CHANGED_GUEST = 2, VM_CHANGED_CONFIG = 4 };
void vm_changed(struct vm *vm, unsigned what);
void vm_set_power(struct vm *vm, enum vm_power power);

/* A value of the .vmx file; NULL when absent or when there is no file. */
const char *vm_config_get(const struct vm *vm, const char *key);
int64_t vm_config_int(const struct vm *vm, const char *key, int64_t fallback);
bool vm_config_bool(const struct vm *vm, const char *key, bool fallback);
/* Applies keys that vmx has written (or the guest has set): object key to string or null. */
void vm_config_apply(struct vm *vm, const json_t *set);

/* The name that clients see follows displayName. */
void vm_update_name(struct vm *vm);

/* enum vim_VirtualMachinePowerState */
int vm_power_state(const struct vm *vm);

/* ---- its vmx (vm_vmx.c) ---- */

/* `cb` runs once the VM's vmx answers (code 0) or cannot be had; perhaps at once. */
typedef void (*vm_ready_cb)(struct vm *vm, int code, const char *why, void *arg);
int vm_ready(struct vm *vm, vm_ready_cb cb, void *arg);
/* Ends the VM's vmx (the machine must be off); `cb` runs when it is gone, perhaps at once. */
void vm_halt(struct vm *vm, void (*cb)(struct vm *vm, void *arg), void *arg);
/* Lets vmx go when the machine stays off. */
void vm_idle(struct vm *vm);

/* The link to it, not started yet; for vm_add. vm_vmx_free also takes what vm_vmx_new left halfway.
 */
int vm_vmx_new(struct vm *vm, const char *id);
void vm_vmx_free(struct vm *vm);
/* Connects to a vmx that an earlier hostd left running, if there is one. */
void vm_vmx_adopt(struct vm *vm);
/* Runs what waits in vm_ready: vmx answers (code 0), or cannot be had. */
void vm_ready_run(struct vm *vm, int code, const char *why);

/* ---- what is shown ---- */

struct vim_GuestInfo *vm_guest_info(const struct vm *vm, struct arena *a);
bool vm_tools_running(const struct vm *vm);
/* Are they the host's to upgrade? Those of the guest's packages are not. */
bool vm_tools_managed(const struct vm *vm);
/* Who has switched guest operations off, in words that begin with "hostd: "; NULL: nobody. */
const char *vm_guest_operations_off(const struct vm *vm);
bool vm_guest_can(const struct vm *vm, const char *capability);
const char *vm_tools_version(const struct vm *vm);
const char *vm_tools_install_type(const struct vm *vm);

struct vim_VirtualMachineConfigInfo *vm_config_info(const struct vm *vm, struct arena *a);
/* "564d..-..": 36 characters; NULL when the key is not there or is none. */
const char *vm_config_uuid(const struct vm *vm, const char *key, struct arena *a);
/* "[datastore1] folder/NAME"; NULL when out of memory. */
const char *vm_path(const struct vm *vm, const char *name, struct arena *a);
/* The full name that goes with a guest id ("debian12_64Guest"). */
const char *vm_guest_full_name(const char *guest_id);
const char *vm_guest_id(const struct vm *vm, struct arena *a);
const char *vm_change_version(const struct vm *vm, struct arena *a);

int vm_devices(const struct vm *vm, struct arena *a, struct vim_array_VirtualDevice *ret);
/* The key of the adapter with this MAC address, -1 when there is none. */
int vm_device_nic_key(const struct vm *vm, const char *mac);
int vm_device_count(const struct vm *vm, const char *kind); /* "ethernet", "disk" */

struct vim_VirtualMachineRuntimeInfo *vm_runtime_info(const struct vm *vm, struct arena *a);
struct vim_VirtualMachineSummary *vm_summary(const struct vm *vm, struct arena *a);
struct vim_VirtualMachineFileLayout *vm_layout(const struct vm *vm, struct arena *a);
struct vim_VirtualMachineFileLayoutEx *vm_layout_ex(const struct vm *vm, struct arena *a);
struct vim_VirtualMachineStorageInfo *vm_storage(const struct vm *vm, struct arena *a);

/* One that can only be cloned (vm_clone.c). */
bool vm_is_template(const struct vm *vm);

/* ---- operations (vm_op.c) ---- */

/* Starts a task that keeps others away from the VM until vm_op_end. NULL when the call has been
 * ended: another task runs, or none could be made. The call is answered by the caller. */
struct task *vm_op_begin(struct call *call, struct vm *vm, const char *method,
                         const char *description);
/* For a method that makes no task: true when nothing else is under way and the power state is one
 * that the method is for (the table in vm_op.c). False: the call has been ended. */
bool vm_op_direct(struct call *call, const struct vm *vm);
/* The task has ended. */
void vm_op_end(struct vm *vm);
/* Ends the task with what a failed request to vmx means. */
void vm_op_fail(struct vm *vm, const struct vmlink_reply *reply, int requested_power);
/* The reply to the one request that a task is: ends the task with it. `arg` is the VM. */
void vm_op_replied(struct vmlink *link, const struct vmlink_reply *reply, void *arg);
void vm_fail_power_state(struct task *task, const struct vm *vm, int requested);

/* Asks vmx to write keys, and takes them over. `cb` gets what config.set was answered. */
int vm_write_keys(struct vm *vm, json_t *set, const char *user, vmlink_reply_cb cb, void *arg);

/* ---- specs (vm_spec.c) ---- */

/* Why a spec cannot be done; ends a task. */
struct spec_fault {
    const struct vim_object *fault;
    const char *text;
};

/* The keys of the .vmx file that a spec sets (null: removes) go to `set`. `vm` NULL: a new one.
 * 0, -EINVAL with the fault filled in, -ENOMEM. */
int vm_spec_keys(struct arena *a, const struct vim_VirtualMachineConfigSpec *spec,
                 const struct vm *vm, json_t *set, struct spec_fault *ret_fault);
/* Does the caller hold the privileges that the spec needs on the VM? Otherwise ends the call. */
bool vm_spec_allowed(struct call *call, const struct vim_VirtualMachineConfigSpec *spec);
/* A MAC address for an adapter whose address is "generated"; returns `ret`. */
#define VM_MAC_SIZE 18
const char *vm_generate_mac(char ret[VM_MAC_SIZE]);
/* Sets what a new VM needs and the spec left open. */
int vm_spec_defaults(json_t *set);
void spec_fail_name(struct arena *a, const char *name, struct spec_fault *ret);
void spec_fail_duplicate(struct arena *a, const char *name, const struct mo *there,
                         struct spec_fault *ret);

/* ---- storing (vm_store.c) ---- */

int vm_store_start(struct inventory *inv, struct error *err);
/* Reads the .vmx file into vm->config, or says in vm->problem why it cannot. */
void vm_load_config(struct vm *vm);
int vm_store_put(struct vm *vm);                                    /* remembers id and folder */
int vm_store_unregister(struct vm *vm);                             /* the files stay */
int vm_store_forget(struct inventory *inv, const char *folder);     /* the files are gone */
int vm_store_new_id(struct inventory *inv, char *ret, size_t size); /* an id never used */

#endif
