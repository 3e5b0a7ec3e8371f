/* VirtualMachine.guest: GuestInfo out of the guest state that the VM's vmx reports. */
#include <errno.h>
#include <string.h>

#include "api/vim_types.h"
#include "base/mem.h"
#include "hostd/vm.h"

#define TOOLS_UNMANAGED "2147483647"

/* vmx bounds these lists; it also parses what a hostile guest sends, so they are bounded again. */
#define NICS_MAX    16
#define IPS_MAX     64
#define DNS_MAX     64
#define ROUTES_MAX  100
#define DISKS_MAX   256
#define STRING_MAX  1024
#define DETAILS_MAX 8192

static const char *text(struct arena *a, const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    size_t max = strcmp(key, "guestDetailedData") ? STRING_MAX : DETAILS_MAX;

    return s && s[0] && strlen(s) <= max ? arena_strdup(a, s) : NULL;
}

static size_t list_count(const json_t *list, size_t max)
{
    size_t n = json_array_size(list);

    return n < max ? n : max;
}

static int list_strings(struct arena *a, const json_t *list, size_t max, size_t *ret_count,
                        const char ***ret)
{
    size_t n = list_count(list, max), used = 0;
    const char **items = ARENA_ARRAY(a, n + 1, const char *);

    if (!items)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_array_get(list, i));

        if (!s || strlen(s) > STRING_MAX)
            continue;
        items[used] = arena_strdup(a, s);
        if (!items[used++])
            return -ENOMEM;
    }
    *ret = items;
    *ret_count = used;
    return 0;
}

/* The tools' place in the old and new status fields. */
struct tools {
    bool installed, running, unmanaged, executing;
    const char *version, *install_type;
};

static const char *const install_types[] = {"guestToolsTypeUnknown", "guestToolsTypeMSI",
                                            "guestToolsTypeTar", "guestToolsTypeOSP",
                                            "guestToolsTypeOpenVMTools"};

static void tools_of(const struct vm *vm, struct tools *ret)
{
    const json_t *g = vm->guest;
    const char *version = json_string_value(json_object_get(g, "toolsVersion"));
    json_int_t type = json_integer_value(json_object_get(g, "toolsVersionType"));

    *ret = (struct tools){
        .running = vm->power == VM_POWER_ON && json_is_true(json_object_get(g, "toolsRunning")),
        .version = version && strlen(version) < 16 ? version : NULL,
    };
    ret->installed = ret->running || ret->version;
    if (type < 0 || (size_t)type >= ARRAY_SIZE(install_types))
        type = 0;
    ret->install_type = install_types[type];
    ret->unmanaged = type >= 3 || (ret->version && !strcmp(ret->version, TOOLS_UNMANAGED));
}

bool vm_tools_running(const struct vm *vm)
{
    struct tools t;

    tools_of(vm, &t);
    return t.running;
}

bool vm_tools_managed(const struct vm *vm)
{
    struct tools t;

    tools_of(vm, &t);
    return t.installed && !t.unmanaged;
}

const char *vm_guest_operations_off(const struct vm *vm)
{
    if (vm->e.inv->host->options.guest_ops_off)
        return "hostd: guest operations are disabled for this host (--guest-operations off)";
    if (!vm_config_bool(vm, "guest.commands.enabled", true))
        return "hostd: guest operations are disabled by guest.commands.enabled of the VM";
    return NULL;
}

/* An agent may take requests and refuse them all: its own configuration says so. */
static bool guest_operations_ready(const struct vm *vm)
{
    return vm_tools_running(vm) && json_is_true(json_object_get(vm->guest, "guestOps")) &&
           !json_is_true(json_object_get(vm->guest, "guestOpsDisabled")) &&
           !vm_guest_operations_off(vm);
}

/* Whether the agent said that it can change the guest's power state, by any of the words. */
static bool state_change(const struct vm *vm)
{
    return vm_tools_running(vm) && json_array_size(json_object_get(vm->guest, "capabilities")) > 0;
}

bool vm_guest_can(const struct vm *vm, const char *capability)
{
    const json_t *list = json_object_get(vm->guest, "capabilities");
    size_t i;
    json_t *v;

    if (!vm_tools_running(vm))
        return false;
    json_array_foreach(list, i, v)
    {
        const char *s = json_string_value(v);

        if (s && !strcmp(s, capability))
            return true;
    }
    return false;
}

const char *vm_tools_version(const struct vm *vm)
{
    struct tools t;

    tools_of(vm, &t);
    return t.version ? t.version : "0";
}

const char *vm_tools_install_type(const struct vm *vm)
{
    struct tools t;

    tools_of(vm, &t);
    return t.installed ? t.install_type : NULL;
}

static const char *guest_state(const struct vm *vm)
{
    const char *state = json_string_value(json_object_get(vm->guest, "powerState"));
    static const char *const known[] = {"running", "shuttingDown", "resetting", "standby"};

    if (vm->power != VM_POWER_ON)
        return "notRunning";
    for (size_t i = 0; state && i < ARRAY_SIZE(known); i++) {
        if (!strcmp(state, known[i]))
            return known[i];
    }
    return "running";
}

static const char *family_of(const char *guest_id)
{
    static const struct {
        const char *prefix, *family;
    } table[] = {
        {"win", "windowsGuest"},         {"solaris", "solarisGuest"},
        {"darwin", "darwinGuestFamily"}, {"netware", "netwareGuest"},
        {"other26", "linuxGuest"},       {"other3x", "linuxGuest"},
        {"other4x", "linuxGuest"},       {"other5x", "linuxGuest"},
        {"other6x", "linuxGuest"},       {"otherLinux", "linuxGuest"},
        {"other", "otherGuestFamily"},
    };

    if (!guest_id)
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        if (!strncmp(guest_id, table[i].prefix, strlen(table[i].prefix)))
            return table[i].family;
    }
    return "linuxGuest";
}

static struct vim_NetDnsConfigInfo *dns_of(struct arena *a, const json_t *j)
{
    struct vim_NetDnsConfigInfo *dns;

    if (!json_is_object(j))
        return NULL;
    dns = VIM_NEW(a, NetDnsConfigInfo);
    if (!dns)
        return NULL;
    dns->dhcp = json_is_true(json_object_get(j, "dhcp"));
    dns->hostName = text(a, j, "hostName");
    dns->domainName = text(a, j, "domainName");
    if (!dns->hostName)
        dns->hostName = "";
    if (!dns->domainName)
        dns->domainName = "";
    if (list_strings(a, json_object_get(j, "servers"), DNS_MAX, &dns->ipAddress.count,
                     &dns->ipAddress.items) < 0 ||
        list_strings(a, json_object_get(j, "search"), DNS_MAX, &dns->searchDomain.count,
                     &dns->searchDomain.items) < 0)
        return NULL;
    return dns;
}

static const char *one_of(const char *s, const char *const *list)
{
    for (; s && *list; list++) {
        if (!strcmp(s, *list))
            return *list;
    }
    return NULL;
}

static int nic_addresses(struct arena *a, const json_t *ips, struct vim_GuestNicInfo *nic)
{
    static const char *const origins[] = {"other", "manual", "dhcp", "linklayer", "random", NULL};
    static const char *const states[] = {"preferred", "deprecated", "invalid",   "inaccessible",
                                         "unknown",   "tentative",  "duplicate", NULL};
    size_t n = list_count(ips, IPS_MAX), used = 0;

    nic->ipConfig = VIM_NEW(a, NetIpConfigInfo);
    nic->ipAddress.items = ARENA_ARRAY(a, n + 1, const char *);
    if (!nic->ipConfig || !nic->ipAddress.items ||
        !(nic->ipConfig->ipAddress.items =
              arena_calloc(a, n + 1, sizeof(*nic->ipConfig->ipAddress.items))))
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const json_t *ip = json_array_get(ips, i);
        const char *address = text(a, ip, "address");
        struct vim_NetIpConfigInfoIpAddress *out;

        if (!address)
            continue;
        out = VIM_NEW(a, NetIpConfigInfoIpAddress);
        if (!out)
            return -ENOMEM;
        out->ipAddress = address;
        out->prefixLength = (int32_t)json_integer_value(json_object_get(ip, "prefix"));
        out->origin = one_of(json_string_value(json_object_get(ip, "origin")), origins);
        out->state = one_of(json_string_value(json_object_get(ip, "state")), states);
        nic->ipAddress.items[used] = address;
        nic->ipConfig->ipAddress.items[used++] = out;
    }
    nic->ipAddress.count = used;
    nic->ipConfig->ipAddress.count = used;
    return 0;
}

/* "00:0c:29:..": lower case with colons, whatever the agent sent. */
static const char *mac_text(struct arena *a, const char *mac)
{
    char *s = mac && strlen(mac) <= 64 ? arena_strdup(a, mac) : NULL;

    for (char *p = s; p && *p; p++) {
        if (*p == '-')
            *p = ':';
        else if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    }
    return s;
}

static int nics_of(const struct vm *vm, struct arena *a, struct vim_GuestInfo *info)
{
    const json_t *list = json_object_get(vm->guest, "nics");
    size_t n = list_count(list, NICS_MAX), used = 0;

    info->net.items = arena_calloc(a, n + 1, sizeof(*info->net.items));
    if (!info->net.items)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const json_t *j = json_array_get(list, i);
        struct vim_GuestNicInfo *nic = VIM_NEW(a, GuestNicInfo);
        int key;

        if (!nic)
            return -ENOMEM;
        nic->macAddress = mac_text(a, json_string_value(json_object_get(j, "mac")));
        key = vm_device_nic_key(vm, nic->macAddress);
        nic->connected = true;
        nic->deviceConfigId = key;
        if (key >= 0)
            nic->network = arena_strdup(a, vm->e.inv->network.name);
        nic->dnsConfig = dns_of(a, json_object_get(j, "dns"));
        if (nic_addresses(a, json_object_get(j, "ips"), nic) < 0)
            return -ENOMEM;
        info->net.items[used++] = nic;
    }
    info->net.count = used;
    return 0;
}

static int routes_of(struct arena *a, const json_t *list, struct vim_GuestStackInfo *stack)
{
    size_t n = list_count(list, ROUTES_MAX);

    stack->ipRouteConfig = VIM_NEW(a, NetIpRouteConfigInfo);
    if (!stack->ipRouteConfig)
        return -ENOMEM;
    stack->ipRouteConfig->ipRoute.items =
        arena_calloc(a, n + 1, sizeof(*stack->ipRouteConfig->ipRoute.items));
    if (!stack->ipRouteConfig->ipRoute.items)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const json_t *j = json_array_get(list, i);
        struct vim_NetIpRouteConfigInfoIpRoute *route = VIM_NEW(a, NetIpRouteConfigInfoIpRoute);
        struct vim_NetIpRouteConfigInfoGateway *gateway = VIM_NEW(a, NetIpRouteConfigInfoGateway);
        const json_t *nic = json_object_get(j, "nic");

        if (!route || !gateway)
            return -ENOMEM;
        route->network = text(a, j, "network");
        if (!route->network)
            continue;
        route->prefixLength = (int32_t)json_integer_value(json_object_get(j, "prefix"));
        gateway->ipAddress = text(a, j, "gateway");
        if (json_is_integer(nic) && json_integer_value(nic) >= 0)
            gateway->device = arena_printf(a, "%lld", (long long)json_integer_value(nic));
        route->gateway = gateway;
        stack->ipRouteConfig->ipRoute.items[stack->ipRouteConfig->ipRoute.count++] = route;
    }
    return 0;
}

static int stack_of(const struct vm *vm, struct arena *a, struct vim_GuestInfo *info)
{
    const json_t *routes = json_object_get(vm->guest, "routes");
    const json_t *dns = json_object_get(vm->guest, "dnsConfig");
    struct vim_GuestStackInfo *stack;

    if (!json_is_object(dns) && !json_array_size(routes))
        return 0;
    stack = VIM_NEW(a, GuestStackInfo);
    info->ipStack.items = arena_calloc(a, 1, sizeof(*info->ipStack.items));
    if (!stack || !info->ipStack.items)
        return -ENOMEM;
    stack->dnsConfig = dns_of(a, dns);
    if (routes_of(a, routes, stack) < 0)
        return -ENOMEM;
    info->ipStack.items[0] = stack;
    info->ipStack.count = 1;
    return 0;
}

static int disks_of(const struct vm *vm, struct arena *a, struct vim_GuestInfo *info)
{
    const json_t *list = json_object_get(vm->guest, "disks");
    size_t n = list_count(list, DISKS_MAX);

    info->disk.items = arena_calloc(a, n + 1, sizeof(*info->disk.items));
    if (!info->disk.items)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const json_t *j = json_array_get(list, i);
        struct vim_GuestDiskInfo *disk = VIM_NEW(a, GuestDiskInfo);

        if (!disk)
            return -ENOMEM;
        disk->diskPath = text(a, j, "path");
        disk->has_capacity = json_is_integer(json_object_get(j, "capacity"));
        disk->capacity = json_integer_value(json_object_get(j, "capacity"));
        disk->has_freeSpace = json_is_integer(json_object_get(j, "free"));
        disk->freeSpace = json_integer_value(json_object_get(j, "free"));
        disk->filesystemType = text(a, j, "type");
        info->disk.items[info->disk.count++] = disk;
    }
    return 0;
}

/* What only a running guest can say. */
static int running_guest(const struct vm *vm, struct arena *a, struct vim_GuestInfo *info)
{
    info->ipAddress = text(a, vm->guest, "primaryIp");
    if (nics_of(vm, a, info) < 0 || stack_of(vm, a, info) < 0 || disks_of(vm, a, info) < 0)
        return -ENOMEM;
    return 0;
}

static void tools_status(const struct tools *t, struct vim_GuestInfo *info)
{
    info->toolsStatus = !t->installed ? VIM_VirtualMachineToolsStatus_toolsNotInstalled
                        : !t->running ? VIM_VirtualMachineToolsStatus_toolsNotRunning
                                      : VIM_VirtualMachineToolsStatus_toolsOk;
    info->toolsVersionStatus = !t->installed  ? "guestToolsNotInstalled"
                               : t->unmanaged ? "guestToolsUnmanaged"
                                              : "guestToolsCurrent";
    info->toolsVersionStatus2 = info->toolsVersionStatus;
    info->toolsRunningStatus = t->running ? "guestToolsRunning" : "guestToolsNotRunning";
    info->toolsInstallType = t->installed ? t->install_type : NULL;
}

struct vim_GuestInfo *vm_guest_info(const struct vm *vm, struct arena *a)
{
    struct vim_GuestInfo *info = VIM_NEW(a, GuestInfo);
    const json_t *g = vm->guest;
    struct tools t;

    if (!info)
        return NULL;
    tools_of(vm, &t);
    tools_status(&t, info);
    info->toolsVersion = t.version ? arena_strdup(a, t.version) : "0";
    info->guestId = text(a, g, "guestId");
    info->guestFamily = text(a, g, "guestFamily");
    if (!info->guestFamily)
        info->guestFamily = family_of(info->guestId);
    info->guestFullName = text(a, g, "guestFullName");
    info->guestDetailedData = text(a, g, "guestDetailedData");
    info->hostName = text(a, g, "hostName");
    info->guestState = guest_state(vm);
    info->appHeartbeatStatus = "appStatusGray";
    info->appState = "none";
    info->has_guestOperationsReady = true;
    info->guestOperationsReady = guest_operations_ready(vm);
    info->has_interactiveGuestOperationsReady = true;
    info->has_guestStateChangeSupported = true;
    info->guestStateChangeSupported = state_change(vm);
    info->has_guestKernelCrashed = true;
    info->hwVersion = vm_config_get(vm, "virtualHW.version")
                          ? arena_printf(a, "vmx-%s", vm_config_get(vm, "virtualHW.version"))
                          : "vmx-21";
    if (t.running && running_guest(vm, a, info) < 0)
        return NULL;
    return info;
}
