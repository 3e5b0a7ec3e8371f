/* VirtualMachine.runtime, summary, layout and storage. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "hostd/inventory_internal.h"
#include "hostd/vm_snapshot.h"

#define FILES_MAX 1000 /* of a VM's folder that layoutEx shows */

struct vim_VirtualMachineRuntimeInfo *vm_runtime_info(const struct vm *vm, struct arena *a)
{
    struct vim_VirtualMachineRuntimeInfo *i = VIM_NEW(a, VirtualMachineRuntimeInfo);
    bool on = vm->power == VM_POWER_ON;

    if (!i)
        return NULL;
    i->host = mo_ref(&vm->e.inv->host_system.mo);
    i->connectionState = vm->config ? VIM_VirtualMachineConnectionState_connected
                                    : VIM_VirtualMachineConnectionState_inaccessible;
    i->powerState = vm_power_state(vm);
    i->faultToleranceState = VIM_VirtualMachineFaultToleranceState_notConfigured;
    i->has_suspendTime = vm->power == VM_POWER_SUSPENDED && vm->suspend_time;
    i->suspendTime = vm->suspend_time;
    i->has_bootTime = on && vm->boot_time;
    i->bootTime = vm->boot_time;
    i->has_suspendInterval = true;
    i->has_maxCpuUsage = i->has_maxMemoryUsage = on;
    i->maxCpuUsage = (int32_t)vm_config_int(vm, "numvcpus", 1) * vm->e.inv->facts.cpu_mhz;
    i->maxMemoryUsage = (int32_t)vm_config_int(vm, "memSize", 0);
    i->recordReplayState = VIM_VirtualMachineRecordReplayState_inactive;
    i->has_cleanPowerOff = vm->power == VM_POWER_OFF;
    i->cleanPowerOff = vm->clean_off;
    i->has_paused = i->has_snapshotInBackground = true;
    return i;
}

static struct vim_VirtualMachineGuestSummary *guest_summary(const struct vm *vm, struct arena *a)
{
    struct vim_VirtualMachineGuestSummary *s = VIM_NEW(a, VirtualMachineGuestSummary);
    const struct vim_GuestInfo *g = vm_guest_info(vm, a);

    if (!s || !g)
        return NULL;
    s->guestId = g->guestId;
    s->guestFullName = g->guestFullName;
    s->toolsStatus = g->toolsStatus;
    s->toolsVersionStatus = g->toolsVersionStatus;
    s->toolsVersionStatus2 = g->toolsVersionStatus2;
    s->toolsRunningStatus = g->toolsRunningStatus;
    s->hostName = g->hostName;
    s->ipAddress = g->ipAddress;
    s->hwVersion = g->hwVersion;
    return s;
}

static struct vim_VirtualMachineConfigSummary *config_summary(const struct vm *vm, struct arena *a)
{
    struct vim_VirtualMachineConfigSummary *s = VIM_NEW(a, VirtualMachineConfigSummary);
    const char *notes = vm_config_get(vm, "annotation");

    if (!s)
        return NULL;
    s->name = arena_strdup(a, vm->e.name);
    s->vmPathName = vm_path(vm, vm->file, a);
    if (!s->name || !s->vmPathName)
        return NULL;
    if (!vm->config)
        return s;
    s->has_memorySizeMB = s->has_cpuReservation = s->has_memoryReservation = s->has_numCpu = true;
    s->memorySizeMB = (int32_t)vm_config_int(vm, "memSize", 0);
    s->numCpu = (int32_t)vm_config_int(vm, "numvcpus", 1);
    s->has_numEthernetCards = s->has_numVirtualDisks = true;
    s->numEthernetCards = vm_device_count(vm, "ethernet");
    s->numVirtualDisks = vm_device_count(vm, "disk");
    s->uuid = vm_config_uuid(vm, "uuid.bios", a);
    s->instanceUuid = vm_config_uuid(vm, "vc.uuid", a);
    s->guestId = vm_guest_id(vm, a);
    s->guestFullName = s->guestId ? vm_guest_full_name(s->guestId) : NULL;
    s->annotation = notes ? arena_strdup(a, notes) : "";
    s->template = vm_is_template(vm);
    s->has_installBootRequired = s->has_tpmPresent = true;
    s->hwVersion =
        arena_printf(a, "vmx-%lld", (long long)vm_config_int(vm, "virtualHW.version", 21));
    return s;
}

static struct vim_VirtualMachineQuickStats *quick_stats(const struct vm *vm, struct arena *a)
{
    struct vim_VirtualMachineQuickStats *q = VIM_NEW(a, VirtualMachineQuickStats);

    if (!q)
        return NULL;
    q->guestHeartbeatStatus = vm->heartbeat;
    if (vm->power == VM_POWER_ON && vm->boot_time) {
        q->has_uptimeSeconds = true;
        q->uptimeSeconds = (int32_t)((clock_wall_us() - vm->boot_time) / 1000000);
    }
    return q;
}

/* ---- files ---- */

/* The VM's folder; -1 when it cannot be opened. */
static int open_folder(const struct vm *vm)
{
    return fs_open_beneath(vm->e.inv->vms_dir, vm->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

/* Bytes on disk of the plain files in the folder. */
static int64_t committed_bytes(const struct vm *vm)
{
    int fd = open_folder(vm);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;
    int64_t sum = 0;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    while ((e = readdir(d))) {
        struct stat st;

        if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            sum += (int64_t)st.st_blocks * 512;
    }
    closedir(d);
    return sum;
}

struct vim_VirtualMachineStorageInfo *vm_storage(const struct vm *vm, struct arena *a)
{
    struct vim_VirtualMachineStorageInfo *s = VIM_NEW(a, VirtualMachineStorageInfo);
    struct vim_VirtualMachineUsageOnDatastore *u = VIM_NEW(a, VirtualMachineUsageOnDatastore);

    if (!s || !u || !(s->perDatastoreUsage.items = arena_memdup(a, &u, sizeof(u))))
        return NULL;
    s->perDatastoreUsage.count = 1;
    u->datastore = mo_ref(&vm->e.inv->datastore.mo);
    u->committed = u->unshared = committed_bytes(vm);
    s->timestamp = clock_wall_us();
    return s;
}

static const char *file_type(const char *name)
{
    static const struct {
        const char *ending, *type;
    } table[] = {{".vmx", "config"},
                 {".log", "log"},
                 {".nvram", "nvram"},
                 {".vmdk", "diskDescriptor"},
                 {".vmsd", "snapshotList"},
                 {".vmsn", "snapshotData"},
                 {".vmss", "suspend"},
                 {".dsd", "dataSetsDiskModeStore"},
                 {".dsv", "dataSetsVmModeStore"}};
    size_t n = strlen(name);

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        size_t m = strlen(table[i].ending);

        if (n > m && !strcmp(name + n - m, table[i].ending))
            return table[i].type;
    }
    return "extendedConfig";
}

static int add_file(const struct vm *vm, struct arena *a, const char *name, int64_t size,
                    struct vim_VirtualMachineFileLayoutEx *l)
{
    struct vim_VirtualMachineFileLayoutExFileInfo *f =
        VIM_NEW(a, VirtualMachineFileLayoutExFileInfo);

    if (!f)
        return -ENOMEM;
    f->key = (int32_t)l->file.count;
    f->name = vm_path(vm, name, a);
    f->type = file_type(name);
    f->size = size;
    f->has_uniqueSize = true;
    f->uniqueSize = size;
    f->has_accessible = f->accessible = true;
    l->file.items[l->file.count++] = f;
    return f->name ? 0 : -ENOMEM;
}

struct vim_VirtualMachineFileLayoutEx *vm_layout_ex(const struct vm *vm, struct arena *a)
{
    struct vim_VirtualMachineFileLayoutEx *l = VIM_NEW(a, VirtualMachineFileLayoutEx);
    int fd = open_folder(vm), r = 0;
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;

    if (!d && fd >= 0)
        close(fd);
    if (!l || !(l->file.items = arena_calloc(a, FILES_MAX, sizeof(*l->file.items)))) {
        if (d)
            closedir(d);
        return NULL;
    }
    l->timestamp = clock_wall_us();
    while (d && r == 0 && l->file.count < FILES_MAX && (e = readdir(d))) {
        struct stat st;

        if (e->d_name[0] != '.' && fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode))
            r = add_file(vm, a, e->d_name, st.st_size, l);
    }
    if (d)
        closedir(d);
    return r == 0 && vm_snapshot_layout_ex(vm, a, l) == 0 ? l : NULL;
}

struct vim_VirtualMachineFileLayout *vm_layout(const struct vm *vm, struct arena *a)
{
    struct vim_VirtualMachineFileLayout *l = VIM_NEW(a, VirtualMachineFileLayout);

    if (!l)
        return NULL;
    l->configFile.items = ARENA_ARRAY(a, 1, const char *);
    l->logFile.items = ARENA_ARRAY(a, 1, const char *);
    if (!l->configFile.items || !l->logFile.items)
        return NULL;
    l->configFile.items[0] = arena_strdup(a, vm->file);
    l->logFile.items[0] = "vmware.log";
    l->configFile.count = l->logFile.count = 1;
    return l->configFile.items[0] && vm_snapshot_layout(vm, a, l) == 0 ? l : NULL;
}

struct vim_VirtualMachineSummary *vm_summary(const struct vm *vm, struct arena *a)
{
    struct vim_VirtualMachineSummary *s = VIM_NEW(a, VirtualMachineSummary);

    if (!s)
        return NULL;
    s->vm = mo_ref(&vm->e.mo);
    s->runtime = vm_runtime_info(vm, a);
    s->guest = guest_summary(vm, a);
    s->config = config_summary(vm, a);
    s->quickStats = quick_stats(vm, a);
    s->storage = VIM_NEW(a, VirtualMachineStorageSummary);
    s->overallStatus = VIM_ManagedEntityStatus_green;
    if (!s->runtime || !s->guest || !s->config || !s->quickStats || !s->storage)
        return NULL;
    s->storage->committed = s->storage->unshared = vm->config ? committed_bytes(vm) : 0;
    s->storage->timestamp = vm->modified;
    return s;
}
