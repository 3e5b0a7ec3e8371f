/* HostSystem: this machine. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <uv.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "hostd/about.h"
#include "hostd/inventory_internal.h"

#define CERTIFICATE_MAX 65536

static struct inventory *inv_of(struct mo *mo)
{
    return ((struct entity *)(void *)mo)->inv;
}

static struct vim_AboutInfo *about_info(const struct inventory *inv, struct arena *a)
{
    struct vim_ServiceContent *content = about_content(inv->host, a);

    return content ? content->about : NULL;
}

static struct vim_HostRuntimeInfo *runtime_info(const struct inventory *inv, struct arena *a)
{
    struct vim_HostRuntimeInfo *i = VIM_NEW(a, HostRuntimeInfo);

    if (!i)
        return NULL;
    i->connectionState = VIM_HostSystemConnectionState_connected;
    i->powerState = VIM_HostSystemPowerState_poweredOn;
    i->has_bootTime = true;
    i->bootTime = inv->facts.boot_time;
    return i;
}

static struct vim_HostHardwareSummary *hardware_summary(const struct inventory *inv,
                                                        struct arena *a)
{
    const struct host_facts *f = &inv->facts;
    struct vim_HostHardwareSummary *h = VIM_NEW(a, HostHardwareSummary);

    if (!h)
        return NULL;
    h->vendor = f->vendor;
    h->model = f->model;
    h->uuid = f->uuid;
    h->memorySize = f->memory;
    h->cpuModel = f->cpu_model;
    h->cpuMhz = f->cpu_mhz;
    h->numCpuPkgs = (int16_t)f->packages;
    h->numCpuCores = (int16_t)f->cores;
    h->numCpuThreads = (int16_t)f->threads;
    h->numNics = f->nics;
    return h;
}

static struct vim_HostListSummaryQuickStats *quick_stats(const struct inventory *inv,
                                                         struct arena *a)
{
    struct vim_HostListSummaryQuickStats *q = VIM_NEW(a, HostListSummaryQuickStats);
    struct host_load load;

    if (!q)
        return NULL;
    host_load_read(&inv->facts, &load);
    q->has_overallCpuUsage = q->has_overallMemoryUsage = q->has_uptime = true;
    q->overallCpuUsage = inv->facts.cpu_mhz * inv->facts.cores * load.cpu_permille / 1000;
    q->overallMemoryUsage = (int32_t)(load.memory_used >> 20);
    q->uptime = (int32_t)load.uptime;
    return q;
}

static int get_runtime(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_object(r->arena, runtime_info(inv_of(mo), r->arena)), ret);
}

static int get_summary(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct inventory *inv = inv_of(mo);
    struct vim_HostListSummary *s = VIM_NEW(r->arena, HostListSummary);

    if (!s || !(s->config = VIM_NEW(r->arena, HostConfigSummary)))
        return -ENOMEM;
    s->host = mo_ref(mo);
    s->hardware = hardware_summary(inv, r->arena);
    s->runtime = runtime_info(inv, r->arena);
    s->quickStats = quick_stats(inv, r->arena);
    s->config->name = arena_strdup(r->arena, inv->host_system.name);
    s->config->port = 443;
    s->config->sslThumbprint = inv->host->options.thumbprint;
    s->config->product = about_info(inv, r->arena);
    s->overallStatus = VIM_ManagedEntityStatus_green;
    if (!s->hardware || !s->runtime || !s->quickStats || !s->config->name || !s->config->product)
        return -ENOMEM;
    return mo_value(vim_any_object(r->arena, s), ret);
}

/* ---- config: what clients look for before they trust a transfer address ---- */

/* The first address that is neither loopback nor link-local. */
static const char *own_address(struct arena *a)
{
    uv_interface_address_t *list;
    const char *found = NULL;
    int count;

    if (uv_interface_addresses(&list, &count) < 0)
        return NULL;
    for (int i = 0; i < count && !found; i++) {
        char text[INET6_ADDRSTRLEN];

        if (list[i].is_internal || list[i].address.address4.sin_family != AF_INET)
            continue;
        if (uv_ip4_name(&list[i].address.address4, text, sizeof(text)) == 0 &&
            strncmp(text, "169.254.", 8))
            found = arena_strdup(a, text);
    }
    uv_free_interface_addresses(list, count);
    return found ? found : "127.0.0.1";
}

static struct vim_HostVirtualNicManagerInfo *nic_manager(struct arena *a)
{
    struct vim_HostVirtualNicManagerInfo *info = VIM_NEW(a, HostVirtualNicManagerInfo);
    struct vim_VirtualNicManagerNetConfig *net = VIM_NEW(a, VirtualNicManagerNetConfig);
    struct vim_HostVirtualNic *nic = VIM_NEW(a, HostVirtualNic);

    if (!info || !net || !nic || !(nic->spec = VIM_NEW(a, HostVirtualNicSpec)) ||
        !(nic->spec->ip = VIM_NEW(a, HostIpConfig)))
        return NULL;
    info->netConfig.items = arena_memdup(a, &net, sizeof(net));
    net->candidateVnic.items = arena_memdup(a, &nic, sizeof(nic));
    net->selectedVnic.items = ARENA_ARRAY(a, 1, const char *);
    nic->spec->ip->ipAddress = own_address(a);
    if (!info->netConfig.items || !net->candidateVnic.items || !net->selectedVnic.items ||
        !nic->spec->ip->ipAddress)
        return NULL;
    info->netConfig.count = net->candidateVnic.count = net->selectedVnic.count = 1;
    net->nicType = "management";
    net->multiSelectAllowed = true;
    nic->device = "vmk0";
    nic->key = "key-vim.host.VirtualNic-vmk0";
    net->selectedVnic.items[0] = nic->key;
    nic->portgroup = "Management Network";
    return info;
}

static int get_config(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct inventory *inv = inv_of(mo);
    struct vim_HostConfigInfo *c = VIM_NEW(r->arena, HostConfigInfo);
    AUTO_BUF struct buf pem = BUF_INIT(CERTIFICATE_MAX);
    AUTO_FREE char *path = mem_printf("%s/hostd/cert.pem", inv->host->options.state_dir);

    if (!c || !path)
        return -ENOMEM;
    c->host = mo_ref(mo);
    c->product = about_info(inv, r->arena);
    c->virtualNicManagerInfo = nic_manager(r->arena);
    if (!c->product || !c->virtualNicManagerInfo)
        return -ENOMEM;
    if (fs_read_file(AT_FDCWD, path, &pem, NULL) == 0 && pem.len) {
        c->certificate.items = arena_memdup(r->arena, pem.data, pem.len);
        if (!c->certificate.items)
            return -ENOMEM;
        c->certificate.count = pem.len;
    }
    return mo_value(vim_any_object(r->arena, c), ret);
}

static int get_hardware(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    const struct host_facts *f = &inv_of(mo)->facts;
    struct vim_HostHardwareInfo *h = VIM_NEW(r->arena, HostHardwareInfo);

    if (!h || !(h->systemInfo = VIM_NEW(r->arena, HostSystemInfo)) ||
        !(h->cpuInfo = VIM_NEW(r->arena, HostCpuInfo)))
        return -ENOMEM;
    h->systemInfo->vendor = f->vendor;
    h->systemInfo->model = f->model;
    h->systemInfo->uuid = f->uuid;
    h->cpuInfo->numCpuPackages = (int16_t)f->packages;
    h->cpuInfo->numCpuCores = (int16_t)f->cores;
    h->cpuInfo->numCpuThreads = (int16_t)f->threads;
    h->cpuInfo->hz = (int64_t)f->cpu_mhz * 1000000;
    h->memorySize = f->memory;
    return mo_value(vim_any_object(r->arena, h), ret);
}

static int get_config_manager(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    (void)mo;
    return mo_value(vim_any_object(r->arena, VIM_NEW(r->arena, HostConfigManager)), ret);
}

static int get_licensable(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct vim_HostLicensableResourceInfo *i = VIM_NEW(r->arena, HostLicensableResourceInfo);
    struct vim_KeyAnyValue *cpus = VIM_NEW(r->arena, KeyAnyValue);

    if (!i || !cpus || !(i->resource.items = arena_memdup(r->arena, &cpus, sizeof(cpus))))
        return -ENOMEM;
    i->resource.count = 1;
    cpus->key = "numCpuPackages";
    cpus->value = vim_any_int(r->arena, inv_of(mo)->facts.packages);
    return cpus->value ? mo_value(vim_any_object(r->arena, i), ret) : -ENOMEM;
}

static const struct mo_property host_properties[] = {
    {"licensableResource", get_licensable},
    {"runtime", get_runtime},
    {"summary", get_summary},
    {"hardware", get_hardware},
    {"configManager", get_config_manager},
    {"config", get_config},
    {"vm", inventory_get_vms},
    {"datastore", inventory_get_datastores},
    {"network", inventory_get_networks},
    {"datastoreBrowser", inventory_get_browser},
    {NULL, NULL},
};

const struct mo_class host_system_class = {
    .type = "HostSystem", .base = &entity_class, .properties = host_properties};
