/* Virtual devices, out of the ethernetN, scsiN:M and ideN:M keys of the .vmx file. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "hostd/inventory_internal.h"
#include "hostd/vm.h"

#define NICS_MAX        10
#define CONTROLLERS_MAX 4
#define UNITS_MAX       16
#define DEVICES_MAX     (NICS_MAX + CONTROLLERS_MAX * (UNITS_MAX + 1) + 8)

#define KEY_PCI  100
#define KEY_IDE  200
#define KEY_SCSI 1000
#define KEY_DISK 2000
#define KEY_NIC  4000
#define KEY_VMCI 12000

static const char *key_get(const struct vm *vm, const char *prefix, int n, const char *name)
{
    char key[64];

    snprintf(key, sizeof(key), "%s%d.%s", prefix, n, name);
    return vm_config_get(vm, key);
}

static bool nic_present(const struct vm *vm, int n)
{
    const char *v = key_get(vm, "ethernet", n, "present");

    return v && !strcasecmp(v, "TRUE");
}

static const char *nic_mac(const struct vm *vm, int n)
{
    const char *mac = key_get(vm, "ethernet", n, "generatedAddress");

    return mac ? mac : key_get(vm, "ethernet", n, "address");
}

int vm_device_nic_key(const struct vm *vm, const char *mac)
{
    for (int i = 0; mac && i < NICS_MAX; i++) {
        const char *own = nic_present(vm, i) ? nic_mac(vm, i) : NULL;

        if (own && !strcasecmp(own, mac))
            return KEY_NIC + i;
    }
    return -1;
}

static const char *disk_file(const struct vm *vm, const char *bus, int controller, int unit)
{
    char key[64];
    const char *v;

    snprintf(key, sizeof(key), "%s%d:%d.present", bus, controller, unit);
    v = vm_config_get(vm, key);
    if (!v || strcasecmp(v, "TRUE"))
        return NULL;
    snprintf(key, sizeof(key), "%s%d:%d.fileName", bus, controller, unit);
    v = vm_config_get(vm, key);
    return v && strlen(v) > 5 && !strcasecmp(v + strlen(v) - 5, ".vmdk") ? v : NULL;
}

int vm_device_count(const struct vm *vm, const char *kind)
{
    int n = 0;

    if (!strcmp(kind, "ethernet")) {
        for (int i = 0; i < NICS_MAX; i++)
            n += nic_present(vm, i);
        return n;
    }
    for (int c = 0; c < CONTROLLERS_MAX; c++) {
        for (int u = 0; u < UNITS_MAX; u++)
            n += disk_file(vm, "scsi", c, u) != NULL;
    }
    return n;
}

static struct vim_Description *describe(struct arena *a, const char *label, const char *summary)
{
    struct vim_Description *d = VIM_NEW(a, Description);

    if (!d || !label || !summary)
        return NULL;
    d->label = label;
    d->summary = summary;
    return d;
}

/* A device of the given type, with what all have. */
static struct vim_VirtualDevice *device_new(struct arena *a, const struct vim_type *type, int key,
                                            const char *label, const char *summary)
{
    struct vim_VirtualDevice *d = (struct vim_VirtualDevice *)(void *)vim_new(a, type);

    if (!d || !(d->deviceInfo = describe(a, label, summary)))
        return NULL;
    d->key = key;
    return d;
}

struct list {
    struct arena *a;
    struct vim_array_VirtualDevice *out;
};

static int append(struct list *l, void *device)
{
    if (!device)
        return -ENOMEM;
    if (l->out->count < DEVICES_MAX)
        l->out->items[l->out->count++] = device;
    return 0;
}

static int add_controllers(const struct vm *vm, struct list *l)
{
    struct vim_VirtualDevice *d;
    int r = append(l, device_new(l->a, &vim_type_VirtualPCIController, KEY_PCI, "PCI controller 0",
                                 "PCI controller 0"));

    for (int i = 0; r == 0 && i < 2; i++) {
        const char *label = arena_printf(l->a, "IDE %d", i);

        d = device_new(l->a, &vim_type_VirtualIDEController, KEY_IDE + i, label, label);
        if (d)
            ((struct vim_VirtualIDEController *)(void *)d)->busNumber = i;
        r = append(l, d);
    }
    for (int i = 0; r == 0 && i < CONTROLLERS_MAX; i++) {
        const char *present = key_get(vm, "scsi", i, "present");
        const char *dev = key_get(vm, "scsi", i, "virtualDev");
        struct vim_VirtualSCSIController *c;

        if (!present || strcasecmp(present, "TRUE"))
            continue;
        c = (struct vim_VirtualSCSIController *)(void *)device_new(
            l->a,
            dev && !strcmp(dev, "lsilogic") ? &vim_type_VirtualLsiLogicController
                                            : &vim_type_ParaVirtualSCSIController,
            KEY_SCSI + i, arena_printf(l->a, "SCSI controller %d", i), "SCSI");
        if (!c)
            return -ENOMEM;
        c->has_controllerKey = true;
        c->controllerKey = KEY_PCI;
        c->busNumber = i;
        c->sharedBus = VIM_VirtualSCSISharing_noSharing;
        c->has_scsiCtlrUnitNumber = true;
        c->scsiCtlrUnitNumber = 7;
        c->has_hotAddRemove = c->hotAddRemove = true;
        r = append(l, c);
    }
    return r;
}

static int add_disk(const struct vm *vm, struct list *l, int c, int u, const char *file)
{
    int key = KEY_DISK + c * UNITS_MAX + u;
    struct vim_VirtualDisk *d = (struct vim_VirtualDisk *)(void *)device_new(
        l->a, &vim_type_VirtualDisk, key, arena_printf(l->a, "Hard disk %d", key - KEY_DISK + 1),
        arena_strdup(l->a, file));
    struct vim_VirtualDiskFlatVer2BackingInfo *b = VIM_NEW(l->a, VirtualDiskFlatVer2BackingInfo);
    char name[64];
    const char *mb;

    if (!d || !b)
        return -ENOMEM;
    snprintf(name, sizeof(name), "scsi%d:%d.inguest.sizeKB", c, u);
    mb = vm_config_get(vm, name);
    d->has_controllerKey = d->has_unitNumber = true;
    d->controllerKey = KEY_SCSI + c;
    d->unitNumber = u;
    d->capacityInKB = mb ? vm_config_int(vm, name, 0) : 0;
    d->has_capacityInBytes = true;
    d->capacityInBytes = d->capacityInKB * 1024;
    b->fileName = vm_path(vm, file, l->a);
    b->datastore = mo_ref(&vm->e.inv->datastore.mo);
    b->diskMode = "persistent";
    b->has_thinProvisioned = b->thinProvisioned = true;
    d->backing = (__typeof__(d->backing))(void *)b;
    return b->fileName ? append(l, d) : -ENOMEM;
}

static int add_nic(const struct vm *vm, struct list *l, int n)
{
    const char *kind = key_get(vm, "ethernet", n, "virtualDev");
    const char *type = key_get(vm, "ethernet", n, "addressType");
    const char *start = key_get(vm, "ethernet", n, "startConnected");
    struct vim_VirtualEthernetCard *d = (struct vim_VirtualEthernetCard *)(void *)device_new(
        l->a, kind && !strcmp(kind, "e1000") ? &vim_type_VirtualE1000 : &vim_type_VirtualVmxnet3,
        KEY_NIC + n, arena_printf(l->a, "Network adapter %d", n + 1),
        arena_strdup(l->a, vm->e.inv->network.name));
    struct vim_VirtualEthernetCardNetworkBackingInfo *b =
        VIM_NEW(l->a, VirtualEthernetCardNetworkBackingInfo);
    struct vim_VirtualDeviceConnectInfo *c = VIM_NEW(l->a, VirtualDeviceConnectInfo);
    const char *mac = nic_mac(vm, n);

    if (!d || !b || !c)
        return -ENOMEM;
    b->deviceName = arena_strdup(l->a, vm->e.inv->network.name);
    b->network = mo_ref(&vm->e.inv->network.mo);
    c->startConnected = !start || strcasecmp(start, "FALSE");
    c->allowGuestControl = true;
    c->connected = vm->power == VM_POWER_ON && c->startConnected;
    c->status = "ok";
    d->backing = (__typeof__(d->backing))(void *)b;
    d->connectable = c;
    d->has_controllerKey = d->has_unitNumber = true;
    d->controllerKey = KEY_PCI;
    d->unitNumber = 7 + n;
    d->addressType = type && !strcmp(type, "static") ? "manual" : "generated";
    d->macAddress = mac ? arena_strdup(l->a, mac) : NULL;
    d->has_wakeOnLanEnabled = true;
    return append(l, d);
}

int vm_devices(const struct vm *vm, struct arena *a, struct vim_array_VirtualDevice *ret)
{
    struct list l = {.a = a, .out = ret};
    struct vim_VirtualMachineVMCIDevice *vmci;
    const char *file;
    int r;

    ret->count = 0;
    ret->items = arena_calloc(a, DEVICES_MAX, sizeof(*ret->items));
    if (!ret->items)
        return -ENOMEM;
    r = add_controllers(vm, &l);
    for (int c = 0; r == 0 && c < CONTROLLERS_MAX; c++) {
        for (int u = 0; r == 0 && u < UNITS_MAX; u++) {
            if ((file = disk_file(vm, "scsi", c, u)))
                r = add_disk(vm, &l, c, u, file);
        }
    }
    for (int i = 0; r == 0 && i < NICS_MAX; i++) {
        if (nic_present(vm, i))
            r = add_nic(vm, &l, i);
    }
    if (r < 0)
        return r;
    vmci = (struct vim_VirtualMachineVMCIDevice *)(void *)device_new(
        a, &vim_type_VirtualMachineVMCIDevice, KEY_VMCI, "VMCI device",
        "Device on the virtual machine PCI bus that provides support for the virtual machine "
        "communication interface");
    return append(&l, vmci);
}
