/* REST: the list of virtual machines and one of them in detail, out of the API's properties. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/vim_types.h"
#include "base/mem.h"
#include "hostd/mo.h"
#include "hostd/property_select.h"
#include "hostd/rest.h"

#define LIST_MAX 4000 /* virtual machines in an answer */

/* ---- list ---- */

struct list {
    struct rest *rest;
    const struct rest_vm_list_query *query;
    struct rest_vm_list_result result;
    size_t room;
};

/* An empty filter lets everything through. */
static bool matches(const struct vim_array_string *filter, const char *value)
{
    for (size_t i = 0; i < filter->count; i++)
        if (value && strcmp(filter->items[i], value) == 0)
            return true;
    return filter->count == 0;
}

/* Is the machine somewhere beneath one of these objects? */
static bool beneath(const struct vim_array_string *filter, const struct mo *mo)
{
    for (; mo && filter->count; mo = mo->parent)
        if (matches(filter, mo->id))
            return true;
    return filter->count == 0;
}

static bool in_state(const struct rest_array_PowerState *filter, enum rest_PowerState state)
{
    for (size_t i = 0; i < filter->count; i++)
        if (filter->items[i] == state)
            return true;
    return filter->count == 0;
}

/* The object that a reference in the runtime info names. */
static bool runs_on(const struct list *l, const struct vim_array_string *filter, struct vim_ref ref,
                    bool above)
{
    const struct mo *mo = ref.value ? mo_find(l->rest->host->registry, ref.value) : NULL;
    if (above)
        return beneath(filter, mo ? mo->parent : NULL);
    return matches(filter, ref.value);
}

static int list_add(struct list *l, struct mo *mo, const struct vim_VirtualMachineSummary *summary)
{
    struct rest_array_VMSummary *out = &l->result.value;
    struct rest_VMSummary *vm = REST_NEW(l->rest->room, VMSummary);
    if (out->count == LIST_MAX)
        return -E2BIG;
    if (out->count == l->room) {
        size_t room = l->room ? l->room * 2 : 16;
        struct rest_VMSummary **items = ARENA_ARRAY(l->rest->room, room, struct rest_VMSummary *);
        if (!items)
            return -ENOMEM;
        if (out->count)
            memcpy(items, out->items, out->count * sizeof(*items));
        out->items = items;
        l->room = room;
    }
    if (!vm)
        return -ENOMEM;
    vm->vm = mo->id;
    vm->name = summary->config->name;
    vm->power_state = rest_power_state(summary->runtime->powerState);
    vm->has_cpu_count = summary->config->has_numCpu;
    vm->cpu_count = summary->config->numCpu;
    vm->has_memory_size_MiB = summary->config->has_memorySizeMB;
    vm->memory_size_MiB = summary->config->memorySizeMB;
    out->items[out->count++] = vm;
    return 0;
}

static int list_one(struct mo *mo, void *arg)
{
    struct list *l = arg;
    const struct rest_vm_list_query *q = l->query;
    struct mo_reader reader = {l->rest->host, l->rest->session, l->rest->room};
    struct vim_any *value = NULL;
    const struct vim_field *field;
    if (!mo_is_a(mo, "VirtualMachine") || !matches(&q->vms, mo->id) ||
        !beneath(&q->folders, mo->parent) || !beneath(&q->datacenters, mo->parent))
        return 0;
    field = vim_property_find(mo->info->type, "summary");
    if (!select_allowed(&reader, mo, field->privilege))
        return 0;
    int rc = mo_get(mo, "summary", &reader, &value);
    const struct vim_VirtualMachineSummary *s =
        value ? VIM_CAST(value->v.object, VirtualMachineSummary) : NULL;
    if (rc == -ENOMEM || !s)
        return rc;
    if (!matches(&q->names, s->config->name) ||
        !in_state(&q->power_states, rest_power_state(s->runtime->powerState)) ||
        !runs_on(l, &q->hosts, s->runtime->host, false) ||
        !runs_on(l, &q->clusters, s->runtime->host, true))
        return 0;
    return list_add(l, mo, s);
}

static void list(struct rest *rest)
{
    struct list l = {.rest = rest, .query = rest->query};
    int rc = mo_each(rest->host->registry, list_one, &l);
    if (rc == -E2BIG)
        rest_fail(rest, REST_UNABLE_TO_ALLOCATE_RESOURCE, "com.vmware.api.vcenter.vm.list.too_many",
                  "More than %d virtual machines match; narrow the filter.", LIST_MAX);
    else if (rc < 0)
        rest_no_memory(rest);
    else
        rest_return(rest, &l.result);
}

/* ---- one in detail ---- */

struct detail {
    struct arena *a;
    const struct vim_VirtualMachineConfigInfo *config;
    struct rest_VMInfo *out;
    bool failed; /* no memory */
};

static const char *key_text(struct detail *d, int32_t key)
{
    const char *text = arena_printf(d->a, "%d", key);
    d->failed = d->failed || !text;
    return text;
}

static const char *label(const struct vim_VirtualDevice *device)
{
    return device->deviceInfo && device->deviceInfo->label ? device->deviceInfo->label : "";
}

static void add_disk(struct detail *d, const struct vim_VirtualDisk *disk)
{
    const struct vim_VirtualDevice *device = (const struct vim_VirtualDevice *)disk;
    const struct vim_VirtualDeviceFileBackingInfo *file =
        VIM_CAST(device->backing, VirtualDeviceFileBackingInfo);
    struct rest_MapOfHardwareDiskInfo *entry = REST_NEW(d->a, MapOfHardwareDiskInfo);
    struct rest_HardwareDiskInfo *info = REST_NEW(d->a, HardwareDiskInfo);
    struct rest_HardwareScsiAddressInfo *scsi = REST_NEW(d->a, HardwareScsiAddressInfo);
    struct rest_HardwareDiskBackingInfo *backing = REST_NEW(d->a, HardwareDiskBackingInfo);
    if (!entry || !info || !scsi || !backing) {
        d->failed = true;
        return;
    }
    backing->type = REST_HardwareDiskBackingType_VMDK_FILE;
    backing->vmdk_file = file ? file->fileName : NULL;
    scsi->bus = device->controllerKey % 1000;
    scsi->unit = device->unitNumber;
    info->label = label(device);
    info->type = REST_HardwareDiskHostBusAdapterType_SCSI;
    info->scsi = scsi;
    info->backing = backing;
    info->has_capacity = true;
    info->capacity = disk->has_capacityInBytes ? disk->capacityInBytes : disk->capacityInKB * 1024;
    entry->key = key_text(d, device->key);
    entry->value = info;
    d->out->disks.items[d->out->disks.count++] = entry;
}

static void connection(struct rest_HardwareEthernetInfo *info,
                       const struct vim_VirtualDeviceConnectInfo *c)
{
    info->state = c && c->connected ? REST_HardwareConnectionState_CONNECTED
                                    : REST_HardwareConnectionState_NOT_CONNECTED;
    info->start_connected = c && c->startConnected;
    info->allow_guest_control = c && c->allowGuestControl;
}

static void add_nic(struct detail *d, const struct vim_VirtualEthernetCard *nic)
{
    const struct vim_VirtualDevice *device = (const struct vim_VirtualDevice *)nic;
    const struct vim_VirtualEthernetCardNetworkBackingInfo *network =
        VIM_CAST(device->backing, VirtualEthernetCardNetworkBackingInfo);
    struct rest_MapOfHardwareEthernetInfo *entry = REST_NEW(d->a, MapOfHardwareEthernetInfo);
    struct rest_HardwareEthernetInfo *info = REST_NEW(d->a, HardwareEthernetInfo);
    struct rest_HardwareEthernetBackingInfo *backing = REST_NEW(d->a, HardwareEthernetBackingInfo);
    if (!entry || !info || !backing) {
        d->failed = true;
        return;
    }
    backing->type = REST_HardwareEthernetBackingType_STANDARD_PORTGROUP;
    if (network) {
        backing->network = network->network.value;
        backing->network_name = network->deviceName;
    }
    info->label = label(device);
    info->type = VIM_IS_A(nic, VirtualE1000) ? REST_HardwareEthernetEmulationType_E1000
                                             : REST_HardwareEthernetEmulationType_VMXNET3;
    info->mac_type = nic->addressType && strcmp(nic->addressType, "manual") == 0
                         ? REST_HardwareEthernetMacAddressType_MANUAL
                         : REST_HardwareEthernetMacAddressType_GENERATED;
    info->mac_address = nic->macAddress;
    info->wake_on_lan_enabled = nic->has_wakeOnLanEnabled && nic->wakeOnLanEnabled;
    info->backing = backing;
    connection(info, device->connectable);
    entry->key = key_text(d, device->key);
    entry->value = info;
    d->out->nics.items[d->out->nics.count++] = entry;
}

static void add_scsi(struct detail *d, const struct vim_VirtualSCSIController *controller)
{
    const struct vim_VirtualController *base = (const struct vim_VirtualController *)controller;
    struct rest_MapOfHardwareAdapterScsiInfo *entry = REST_NEW(d->a, MapOfHardwareAdapterScsiInfo);
    struct rest_HardwareAdapterScsiInfo *info = REST_NEW(d->a, HardwareAdapterScsiInfo);
    struct rest_HardwareScsiAddressInfo *scsi = REST_NEW(d->a, HardwareScsiAddressInfo);
    if (!entry || !info || !scsi) {
        d->failed = true;
        return;
    }
    scsi->bus = base->busNumber;
    scsi->unit = controller->has_scsiCtlrUnitNumber ? controller->scsiCtlrUnitNumber : 7;
    info->label = label((const struct vim_VirtualDevice *)controller);
    info->type = VIM_IS_A(controller, VirtualLsiLogicController)
                     ? REST_HardwareAdapterScsiType_LSILOGIC
                     : REST_HardwareAdapterScsiType_PVSCSI;
    info->scsi = scsi;
    info->sharing = REST_HardwareAdapterScsiSharing_NONE;
    entry->key = key_text(d, base->key);
    entry->value = info;
    d->out->scsi_adapters.items[d->out->scsi_adapters.count++] = entry;
}

static void devices(struct detail *d)
{
    const struct vim_array_VirtualDevice *all = &d->config->hardware->device;
    size_t room = all->count + 1;
    d->out->disks.items = arena_calloc(d->a, room, sizeof(*d->out->disks.items));
    d->out->nics.items = arena_calloc(d->a, room, sizeof(*d->out->nics.items));
    d->out->scsi_adapters.items = arena_calloc(d->a, room, sizeof(*d->out->scsi_adapters.items));
    if (!d->out->disks.items || !d->out->nics.items || !d->out->scsi_adapters.items) {
        d->failed = true;
        return;
    }
    for (size_t i = 0; i < all->count && !d->failed; i++) {
        const void *device = all->items[i];
        if (VIM_IS_A(device, VirtualDisk))
            add_disk(d, device);
        else if (VIM_IS_A(device, VirtualEthernetCard))
            add_nic(d, device);
        else if (VIM_IS_A(device, VirtualSCSIController))
            add_scsi(d, device);
    }
}

static const char *hardware_version(struct arena *a, const char *version)
{
    int n = version && strncmp(version, "vmx-", 4) == 0 ? (int)strtol(version + 4, NULL, 10) : 0;
    return arena_printf(a, "VMX_%02d", n);
}

static void parts(struct detail *d)
{
    const struct vim_VirtualMachineConfigInfo *c = d->config;
    struct rest_VMInfo *out = d->out;
    out->identity = REST_NEW(d->a, IdentityInfo);
    out->hardware = REST_NEW(d->a, HardwareInfo);
    out->boot = REST_NEW(d->a, HardwareBootInfo);
    out->cpu = REST_NEW(d->a, HardwareCpuInfo);
    out->memory = REST_NEW(d->a, HardwareMemoryInfo);
    if (!out->identity || !out->hardware || !out->boot || !out->cpu || !out->memory) {
        d->failed = true;
        return;
    }
    out->guest_OS = rest_guest_os(d->a, c->guestId);
    out->name = c->name;
    out->has_instant_clone_frozen = true;
    out->identity->name = c->name;
    out->identity->bios_uuid = c->uuid;
    out->identity->instance_uuid = c->instanceUuid ? c->instanceUuid : "";
    out->hardware->version = hardware_version(d->a, c->version);
    out->hardware->upgrade_policy = REST_HardwareUpgradePolicy_NEVER;
    out->hardware->upgrade_status = REST_HardwareUpgradeStatus_NONE;
    out->boot->type = c->firmware && strcmp(c->firmware, "efi") == 0 ? REST_HardwareBootType_EFI
                                                                     : REST_HardwareBootType_BIOS;
    if (c->bootOptions) {
        out->boot->delay = c->bootOptions->bootDelay;
        out->boot->retry = c->bootOptions->bootRetryEnabled;
        out->boot->retry_delay = c->bootOptions->bootRetryDelay;
        out->boot->enter_setup_mode = c->bootOptions->enterBIOSSetup;
    }
    out->cpu->count = c->hardware->numCPU;
    out->cpu->cores_per_socket =
        c->hardware->has_numCoresPerSocket ? c->hardware->numCoresPerSocket : 1;
    out->cpu->hot_add_enabled = c->cpuHotAddEnabled;
    out->cpu->hot_remove_enabled = c->cpuHotRemoveEnabled;
    out->memory->size_MiB = c->hardware->memoryMB;
    out->memory->hot_add_enabled = c->memoryHotAddEnabled;
}

static void get(struct rest *rest)
{
    bool failed = false;
    struct mo *vm = rest_vm(rest);
    if (!vm)
        return;
    const struct vim_VirtualMachineRuntimeInfo *runtime =
        rest_vm_property(rest, vm, "runtime", &failed);
    if (failed)
        return;
    struct detail d = {.a = rest->room};
    d.config = rest_vm_property(rest, vm, "config", &failed);
    if (failed)
        return;
    if (!d.config || !runtime) {
        rest_fail(rest, REST_RESOURCE_INACCESSIBLE, "com.vmware.api.vcenter.vm.inaccessible",
                  "The configuration of virtual machine %s cannot be read.", rest->vm);
        return;
    }
    d.out = REST_NEW(rest->room, VMInfo);
    if (d.out) {
        d.out->power_state = rest_power_state(runtime->powerState);
        parts(&d);
    }
    if (d.out && !d.failed)
        devices(&d);
    if (!d.out || d.failed)
        rest_no_memory(rest);
    else
        rest_return(rest, &(struct rest_vm_get_result){.value = d.out});
}

const struct rest_row rest_vm_rows[] = {
    {REST_OP_vm_list, list},
    {REST_OP_vm_get, get},
    {0, NULL},
};
