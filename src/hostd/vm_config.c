/* VirtualMachine.config: VirtualMachineConfigInfo out of the .vmx file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hostd/inventory_internal.h"
#include "hostd/vm.h"

#define EXTRA_MAX 4096 /* entries of extraConfig */

const char *vm_config_get(const struct vm *vm, const char *key)
{
    return vm->config ? vmxfile_get(vm->config, key) : NULL;
}

int64_t vm_config_int(const struct vm *vm, const char *key, int64_t fallback)
{
    return vm->config ? vmxfile_get_int(vm->config, key, fallback) : fallback;
}

bool vm_config_bool(const struct vm *vm, const char *key, bool fallback)
{
    return vm->config ? vmxfile_get_bool(vm->config, key, fallback) : fallback;
}

const char *vm_path(const struct vm *vm, const char *name, struct arena *a)
{
    return arena_printf(a, "[%s] %s/%s", DATASTORE_NAME, vm->folder, name);
}

/* The file has "56 4d 71 fc 4f 58 8d 9a-26 64 4c ae a5 5d 29 44" or the dashed form. */
const char *vm_config_uuid(const struct vm *vm, const char *key, struct arena *a)
{
    const char *v = vm_config_get(vm, key);
    char hex[33];
    size_t n = 0;

    for (; v && *v; v++) {
        if (*v == ' ' || *v == '-')
            continue;
        if (n == 32 || !strchr("0123456789abcdefABCDEF", *v))
            return NULL;
        hex[n++] = *v >= 'A' && *v <= 'F' ? (char)(*v | 0x20) : *v;
    }
    if (n != 32)
        return NULL;
    hex[32] = '\0';
    return arena_printf(a, "%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

/* Is s a pattern's match: equal, or the pattern ends in '*' and s begins with it? Without case. */
static bool matches(const char *s, const char *pattern)
{
    size_t n = strlen(pattern);

    return pattern[n - 1] == '*' ? !strncasecmp(s, pattern, n - 1) : !strcasecmp(s, pattern);
}

/* Is the key one that config shows elsewhere (or not at all), so not in extraConfig? */
static bool is_modelled(const char *key)
{
    static const char *const patterns[] = {
        ".encoding",
        "config.version",
        "virtualHW.version",
        "displayName",
        "annotation",
        "guestOS",
        "memSize",
        "numvcpus",
        "cpuid.coresPerSocket",
        "uuid.bios",
        "uuid.location",
        "vc.uuid",
        "firmware",
        "ethernet*",
        "scsi*",
        "ide0*",
        "ide1*",
        "inguest.sandbox.user*",
        "inguest.powerState",
    };

    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
        if (matches(key, patterns[i]))
            return true;
    }
    return strcasestr(key, "password") != NULL || strcasestr(key, "secret") != NULL;
}

static int add_extra(struct arena *a, struct vim_array_OptionValue *out, const char *key,
                     const char *value)
{
    struct vim_OptionValue *o = VIM_NEW(a, OptionValue);

    if (!o)
        return -ENOMEM;
    o->key = arena_strdup(a, key);
    o->value = vim_any_string(a, arena_strdup(a, value));
    if (!o->key || !o->value)
        return -ENOMEM;
    out->items[out->count++] = o;
    return 0;
}

static int extra_config(const struct vm *vm, struct arena *a, struct vim_array_OptionValue *ret)
{
    const char *key, *value;
    size_t pos = 0, n = json_object_size(vm->guestinfo);
    json_t *v;

    while (vmxfile_next(vm->config, &pos, &key, &value))
        n++;
    if (n > EXTRA_MAX)
        n = EXTRA_MAX;
    ret->items = arena_calloc(a, n + 1, sizeof(*ret->items));
    if (!ret->items)
        return -ENOMEM;
    pos = 0;
    while (ret->count < n && vmxfile_next(vm->config, &pos, &key, &value)) {
        if (is_modelled(key) || json_object_get(vm->guestinfo, key))
            continue;
        if (add_extra(a, ret, key, value) < 0)
            return -ENOMEM;
    }
    json_object_foreach((json_t *)vm->guestinfo, key, v)
    {
        if (ret->count < n && json_is_string(v) && add_extra(a, ret, key, json_string_value(v)) < 0)
            return -ENOMEM;
    }
    return 0;
}

const char *vm_guest_id(const struct vm *vm, struct arena *a)
{
    const char *os = vm_config_get(vm, "guestOS");
    char *id;

    if (!os || !os[0])
        return "otherGuest";
    if (strlen(os) > 5 && !strcmp(os + strlen(os) - 5, "Guest"))
        return arena_strdup(a, os);
    id = arena_printf(a, "%sGuest", os);
    for (char *p = id; p && *p; p++) {
        if (*p == '-')
            *p = '_'; /* "debian12-64" of the file is "debian12_64Guest" of the API */
    }
    return id;
}

const char *vm_guest_full_name(const char *id)
{
    static const struct {
        const char *id, *name;
    } table[] = {
        {"debian13_64Guest", "Debian GNU/Linux 13 (64-bit)"},
        {"debian12_64Guest", "Debian GNU/Linux 12 (64-bit)"},
        {"debian11_64Guest", "Debian GNU/Linux 11 (64-bit)"},
        {"ubuntu64Guest", "Ubuntu Linux (64-bit)"},
        {"rhel9_64Guest", "Red Hat Enterprise Linux 9 (64-bit)"},
        {"rhel8_64Guest", "Red Hat Enterprise Linux 8 (64-bit)"},
        {"sles15_64Guest", "SUSE Linux Enterprise 15 (64-bit)"},
        {"other6xLinux64Guest", "Other 6.x Linux (64-bit)"},
        {"other5xLinux64Guest", "Other 5.x Linux (64-bit)"},
        {"other4xLinux64Guest", "Other 4.x Linux (64-bit)"},
        {"other3xLinux64Guest", "Other 3.x Linux (64-bit)"},
        {"otherLinux64Guest", "Other Linux (64-bit)"},
        {"otherLinuxGuest", "Other Linux (32-bit)"},
        {"windows2019srv_64Guest", "Microsoft Windows Server 2019 (64-bit)"},
        {"windows2022srvNext_64Guest", "Microsoft Windows Server 2022 (64-bit)"},
        {"windows9_64Guest", "Microsoft Windows 10 (64-bit)"},
        {"windows11_64Guest", "Microsoft Windows 11 (64-bit)"},
        {"freebsd13_64Guest", "FreeBSD 13 (64-bit)"},
        {"otherGuest64", "Other (64-bit)"},
        {"otherGuest", "Other (32-bit)"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        if (!strcmp(table[i].id, id))
            return table[i].name;
    }
    return id;
}

const char *vm_change_version(const struct vm *vm, struct arena *a)
{
    char time[CLOCK_RFC3339_SIZE];

    return arena_printf(a, "%s-%u", clock_rfc3339(vm->modified, time), vm->change_number);
}

static struct vim_ToolsConfigInfo *tools_config(const struct vm *vm, struct arena *a)
{
    struct vim_ToolsConfigInfo *t = VIM_NEW(a, ToolsConfigInfo);

    if (!t || !(t->lastInstallInfo = VIM_NEW(a, ToolsConfigInfoToolsLastInstallInfo)))
        return NULL;
    t->has_toolsVersion = true;
    t->toolsVersion = (int32_t)strtol(vm_tools_version(vm), NULL, 10);
    t->toolsInstallType = vm_tools_install_type(vm);
    t->has_afterPowerOn = t->afterPowerOn = true;
    t->has_afterResume = t->afterResume = true;
    t->has_beforeGuestStandby = t->beforeGuestStandby = true;
    t->has_beforeGuestShutdown = t->beforeGuestShutdown = true;
    t->toolsUpgradePolicy = "manual";
    t->has_syncTimeWithHost = true;
    return t;
}

static struct vim_VirtualMachineFlagInfo *flags_info(struct arena *a)
{
    struct vim_VirtualMachineFlagInfo *f = VIM_NEW(a, VirtualMachineFlagInfo);

    if (!f)
        return NULL;
    f->has_disableAcceleration = f->has_useToe = f->has_runWithDebugInfo = true;
    f->has_enableLogging = f->enableLogging = true;
    f->monitorType = "release";
    f->htSharing = "any";
    f->has_snapshotDisabled = f->has_snapshotLocked = f->has_diskUuidEnabled = true;
    f->snapshotPowerOffBehavior = "powerOff";
    f->has_recordReplayEnabled = true;
    return f;
}

static struct vim_VirtualMachineDefaultPowerOpInfo *power_ops(struct arena *a)
{
    struct vim_VirtualMachineDefaultPowerOpInfo *p = VIM_NEW(a, VirtualMachineDefaultPowerOpInfo);

    if (!p)
        return NULL;
    p->powerOffType = p->suspendType = p->resetType = "soft";
    p->defaultPowerOffType = p->defaultResetType = "soft";
    p->defaultSuspendType = "hard";
    p->standbyAction = "checkpoint";
    return p;
}

static int sub_objects(const struct vm *vm, struct arena *a, struct vim_VirtualMachineConfigInfo *c)
{
    struct vim_VirtualMachineConfigInfoDatastoreUrlPair *url =
        VIM_NEW(a, VirtualMachineConfigInfoDatastoreUrlPair);

    c->files = VIM_NEW(a, VirtualMachineFileInfo);
    c->hardware = VIM_NEW(a, VirtualHardware);
    c->bootOptions = VIM_NEW(a, VirtualMachineBootOptions);
    c->tools = tools_config(vm, a);
    c->flags = flags_info(a);
    c->defaultPowerOps = power_ops(a);
    c->cpuAllocation = resource_allocation(a, false, 1000);
    c->memoryAllocation = resource_allocation(a, false, 10240);
    c->datastoreUrl.items = arena_memdup(a, &url, sizeof(url));
    if (!c->files || !c->hardware || !c->bootOptions || !c->tools || !c->flags ||
        !c->defaultPowerOps || !c->cpuAllocation || !c->memoryAllocation || !url ||
        !c->datastoreUrl.items)
        return -ENOMEM;
    c->files->vmPathName = vm_path(vm, vm->file, a);
    c->files->snapshotDirectory = c->files->suspendDirectory = c->files->logDirectory =
        vm_path(vm, "", a);
    c->datastoreUrl.count = 1;
    url->name = DATASTORE_NAME;
    url->url = arena_printf(a, "/vmfs/volumes/%s", vm->e.inv->facts.uuid);
    c->bootOptions->has_bootDelay = c->bootOptions->has_enterBIOSSetup = true;
    return c->files->vmPathName && c->files->logDirectory && url->url ? 0 : -ENOMEM;
}

struct vim_VirtualMachineConfigInfo *vm_config_info(const struct vm *vm, struct arena *a)
{
    struct vim_VirtualMachineConfigInfo *c = VIM_NEW(a, VirtualMachineConfigInfo);
    const char *notes = vm_config_get(vm, "annotation");

    if (!c || sub_objects(vm, a, c) < 0)
        return NULL;
    c->changeVersion = vm_change_version(vm, a);
    c->modified = vm->modified;
    c->name = arena_strdup(a, vm->e.name);
    c->guestId = vm_guest_id(vm, a);
    c->guestFullName = c->guestId ? vm_guest_full_name(c->guestId) : NULL;
    c->template = vm_is_template(vm);
    c->version = arena_printf(a, "vmx-%lld", (long long)vm_config_int(vm, "virtualHW.version", 21));
    c->uuid = vm_config_uuid(vm, "uuid.bios", a);
    c->instanceUuid = vm_config_uuid(vm, "vc.uuid", a);
    if (!c->uuid)
        c->uuid = "";
    c->alternateGuestName = "";
    c->annotation = notes ? arena_strdup(a, notes) : "";
    c->firmware = vm_config_get(vm, "firmware") && !strcmp(vm_config_get(vm, "firmware"), "efi")
                      ? "efi"
                      : "bios";
    c->swapPlacement = "inherit";
    c->hardware->numCPU = (int32_t)vm_config_int(vm, "numvcpus", 1);
    c->hardware->has_numCoresPerSocket = true;
    c->hardware->numCoresPerSocket = (int32_t)vm_config_int(vm, "cpuid.coresPerSocket", 1);
    c->hardware->memoryMB = (int32_t)vm_config_int(vm, "memSize", 0);
    c->hardware->has_virtualICH7MPresent = c->hardware->has_virtualSMCPresent = true;
    c->has_changeTrackingEnabled = c->has_memoryHotAddEnabled = c->has_cpuHotAddEnabled = true;
    c->has_cpuHotRemoveEnabled = c->has_nestedHVEnabled = true;
    c->has_memoryReservationLockedToMax = true;
    if (!c->changeVersion || !c->name || !c->guestId || !c->version || !c->annotation ||
        vm_devices(vm, a, &c->hardware->device) < 0 || extra_config(vm, a, &c->extraConfig) < 0)
        return NULL;
    return c;
}
