#include "hostd/vm.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/inventory_internal.h"
#include "hostd/vm_snapshot.h"

/* ---- look-up ---- */

struct vm *vm_cast(struct mo *mo)
{
    return mo && mo->info->class == &vm_class ? (struct vm *)(void *)mo : NULL;
}

struct vm *vm_find(struct host *host, struct vim_ref ref)
{
    return ref.value ? vm_cast(mo_find(host->registry, ref.value)) : NULL;
}

struct vm *vm_of(struct call *call)
{
    struct vm *vm = vm_find(call->host, call->self);

    if (!vm)
        call_fault_object_not_found(call, call->self);
    return vm;
}

int vm_power_state(const struct vm *vm)
{
    static const int states[] = {
        [VM_POWER_OFF] = VIM_VirtualMachinePowerState_poweredOff,
        [VM_POWER_ON] = VIM_VirtualMachinePowerState_poweredOn,
        [VM_POWER_SUSPENDED] = VIM_VirtualMachinePowerState_suspended,
    };

    return states[vm->power];
}

/* ---- what changed ---- */

void vm_changed(struct vm *vm, unsigned what)
{
    static const struct {
        unsigned what;
        const char *path;
    } table[] = {
        {VM_CHANGED_POWER, "runtime"},
        {VM_CHANGED_POWER, "summary"},
        {VM_CHANGED_POWER, "guest"},
        {VM_CHANGED_POWER, "config.hardware.device"},
        {VM_CHANGED_POWER | VM_CHANGED_GUEST, "guestHeartbeatStatus"},
        {VM_CHANGED_GUEST, "guest"},
        {VM_CHANGED_GUEST, "summary.guest"},
        {VM_CHANGED_GUEST, "summary.quickStats"},
        {VM_CHANGED_GUEST, "config.tools"},
        {VM_CHANGED_CONFIG, "config"},
        {VM_CHANGED_CONFIG, "summary"},
        {VM_CHANGED_CONFIG, "runtime"},
        {VM_CHANGED_CONFIG, "guest.hwVersion"},
        {VM_CHANGED_CONFIG, "guest.net"},
        {VM_CHANGED_CONFIG, "guest.guestOperationsReady"},
        {VM_CHANGED_CONFIG, "layout"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        if (table[i].what & what)
            mo_changed(&vm->e.mo, table[i].path);
    }
}

void vm_set_power(struct vm *vm, enum vm_power power)
{
    if (vm->power == power)
        return;
    vm->power = power;
    if (power == VM_POWER_ON) {
        vm->boot_time = clock_wall_us();
        vm->clean_off = false;
    }
    if (power == VM_POWER_SUSPENDED)
        vm->suspend_time = clock_wall_us();
    if (power != VM_POWER_ON)
        vm->heartbeat = VIM_ManagedEntityStatus_gray;
    vm_changed(vm, VM_CHANGED_POWER);
}

void vm_update_name(struct vm *vm)
{
    const char *display = vm_config_get(vm, "displayName");
    AUTO_FREE char *name = NULL;

    if (!display || !inventory_name_valid(display))
        return;
    name = inventory_escape(display);
    if (name && (!vm->e.name || strcmp(name, vm->e.name)))
        entity_rename(&vm->e, name);
}

void vm_config_apply(struct vm *vm, const json_t *set)
{
    const char *key;
    json_t *value;

    if (!vm->config)
        return;
    json_object_foreach((json_t *)set, key, value)
    {
        const char *s = json_string_value(value);
        int r = s ? vmxfile_set(vm->config, key, s) : vmxfile_remove(vm->config, key);

        if (r < 0 && r != -ENOENT)
            log_warn("vm %s: key of the configuration not taken over (%s)", vm->e.mo.id,
                     strerror(-r));
    }
    vm->modified = clock_wall_us();
    vm->change_number++;
    vm_update_name(vm);
    vm_changed(vm, VM_CHANGED_CONFIG);
}

/* ---- life ---- */

static void vm_free(struct vm *vm)
{
    vm_vmx_free(vm);
    vmxfile_free(vm->config);
    json_decref(vm->guest);
    json_decref(vm->guestinfo);
    mem_free(vm->gueststore.grant);
    mem_free(vm->gueststore.deny);
    mem_free(vm->folder);
    mem_free(vm->file);
    mem_free(vm->problem);
    mem_free(vm);
}

int vm_add(struct inventory *inv, const char *id, const char *folder, const char *file,
           struct folder *parent, struct vm **ret)
{
    struct vm *vm;
    int r = -ENOMEM;

    if (inv->vm_count >= INVENTORY_VMS_MAX)
        return -ENOSPC;
    vm = mem_calloc(1, sizeof(*vm));
    if (!vm)
        return -ENOMEM;
    vm->e.inv = inv;
    vm->folder = mem_strdup(folder);
    vm->file = mem_strdup(file);
    vm->heartbeat = VIM_ManagedEntityStatus_gray;
    vm->modified = clock_wall_us();
    if (vm->folder && vm->file)
        r = vm_vmx_new(vm, id);
    if (r == 0)
        r = entity_add(inv, &vm->e, &vm_class, id, folder, &parent->e.mo);
    if (r < 0) {
        vm_free(vm);
        return r;
    }
    vm_load_config(vm);
    vm_snapshots_load(vm);
    gueststore_vm_known(vm);
    vm_update_name(vm);
    r = folder_insert(parent, &vm->e.mo);
    if (r < 0) {
        vm_snapshots_free(vm);
        entity_remove(&vm->e);
        vm_free(vm);
        return r;
    }
    vm->next = inv->vms;
    vm->link_in_list = &inv->vms;
    if (vm->next)
        vm->next->link_in_list = &vm->next;
    inv->vms = vm;
    inv->vm_count++;
    mo_changed(&inv->host_system.mo, "vm");
    mo_changed(&inv->pool.mo, "vm");
    mo_changed(&inv->datastore.mo, "vm");
    mo_changed(&inv->network.mo, "vm");
    vm_vmx_adopt(vm);
    *ret = vm;
    return 0;
}

void vm_remove(struct vm *vm)
{
    struct inventory *inv = vm->e.inv;
    struct folder *parent = folder_cast(vm->e.mo.parent);

    vm_ready_run(vm, -ENOENT, "the virtual machine was removed");
    gueststore_vm_gone(vm);
    if (parent)
        folder_remove(parent, &vm->e.mo);
    *vm->link_in_list = vm->next;
    if (vm->next)
        vm->next->link_in_list = vm->link_in_list;
    inv->vm_count--;
    vm_snapshots_free(vm);
    entity_remove(&vm->e);
    vm_free(vm);
    mo_changed(&inv->host_system.mo, "vm");
    mo_changed(&inv->pool.mo, "vm");
    mo_changed(&inv->datastore.mo, "vm");
    mo_changed(&inv->network.mo, "vm");
}

/* ---- properties ---- */

static const struct vm *shown(struct mo *mo)
{
    return (const struct vm *)(void *)mo;
}

static int get_config(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    if (!shown(mo)->config)
        return 0;
    return mo_value(vim_any_object(r->arena, vm_config_info(shown(mo), r->arena)), ret);
}

static int get_guest(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_object(r->arena, vm_guest_info(shown(mo), r->arena)), ret);
}

static int get_runtime(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_object(r->arena, vm_runtime_info(shown(mo), r->arena)), ret);
}

static int get_summary(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_object(r->arena, vm_summary(shown(mo), r->arena)), ret);
}

static int get_layout(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_object(r->arena, vm_layout(shown(mo), r->arena)), ret);
}

static int get_layout_ex(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_object(r->arena, vm_layout_ex(shown(mo), r->arena)), ret);
}

static int get_storage(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_object(r->arena, vm_storage(shown(mo), r->arena)), ret);
}

static int get_heartbeat(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(VIM_ANY_ENUM(r->arena, ManagedEntityStatus, shown(mo)->heartbeat), ret);
}

static int get_capability(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct vim_VirtualMachineCapability *c = VIM_NEW(r->arena, VirtualMachineCapability);

    (void)mo; /* every capability that is not offered is false */
    if (c) {
        c->snapshotOperationsSupported = c->multipleSnapshotsSupported = true;
        c->quiescedSnapshotsSupported = true;
        c->snapshotConfigSupported = c->poweredOffSnapshotsSupported = true;
        c->revertToSnapshotSupported = true;
    }
    return mo_value(vim_any_object(r->arena, c), ret);
}

static int get_resource_config(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct vim_ResourceConfigSpec *c = VIM_NEW(r->arena, ResourceConfigSpec);

    if (!c)
        return -ENOMEM;
    c->entity = mo_ref(mo);
    c->cpuAllocation = resource_allocation(r->arena, false, 1000);
    c->memoryAllocation = resource_allocation(r->arena, false, 10240);
    if (!c->cpuAllocation || !c->memoryAllocation)
        return -ENOMEM;
    return mo_value(vim_any_object(r->arena, c), ret);
}

static const struct mo_property vm_properties[] = {
    {"capability", get_capability},
    {"config", get_config},
    {"layout", get_layout},
    {"layoutEx", get_layout_ex},
    {"storage", get_storage},
    {"environmentBrowser", inventory_get_environment},
    {"resourcePool", inventory_get_pool},
    {"resourceConfig", get_resource_config},
    {"runtime", get_runtime},
    {"guest", get_guest},
    {"summary", get_summary},
    {"datastore", inventory_get_datastores},
    {"network", inventory_get_networks},
    {"guestHeartbeatStatus", get_heartbeat},
    {"snapshot", vm_get_snapshot},
    {"rootSnapshot", vm_get_root_snapshot},
    {NULL, NULL},
};

const struct mo_class vm_class = {
    .type = "VirtualMachine", .base = &entity_class, .properties = vm_properties};
