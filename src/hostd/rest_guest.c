/* REST: what a guest says of itself, out of the property `guest`. */
#include <stdlib.h>
#include <string.h>

#include "api/vim_types.h"
#include "hostd/mo.h"
#include "hostd/rest.h"

/* The guest's information. `running`: only while its tools run. NULL: answered. */
static const struct vim_GuestInfo *guest_of(struct rest *rest, bool running)
{
    struct mo *vm = rest_vm(rest);
    bool failed;
    const struct vim_GuestInfo *guest = vm ? rest_vm_property(rest, vm, "guest", &failed) : NULL;
    if (!vm || failed)
        return NULL;
    if (!guest) {
        rest_fail(rest, REST_ERROR, "com.vmware.api.vcenter.vm.guest.error",
                  "There is no information about the guest.");
        return NULL;
    }
    if (running && (!guest->toolsRunningStatus ||
                    strcmp(guest->toolsRunningStatus, "guestToolsRunning") != 0)) {
        rest_fail(rest, REST_SERVICE_UNAVAILABLE,
                  "com.vmware.api.vcenter.vm.guest.tools_not_running",
                  "VMware Tools are not running in virtual machine %s.", rest->vm);
        return NULL;
    }
    return guest;
}

/* ---- identity, file systems ---- */

static int family(const char *name)
{
    char plain[32] = "";
    const char *end = name ? strstr(name, "Guest") : NULL;
    int value = 0;
    if (end && (size_t)(end - name) < sizeof(plain)) {
        memcpy(plain, name, (size_t)(end - name));
        value = rest_enum(&rest_type_OSFamily, "", plain);
    }
    return value ? value : REST_OSFamily_OTHER;
}

static void identity(struct rest *rest)
{
    const struct vim_GuestInfo *g = guest_of(rest, true);
    struct rest_guest_identity_result r = {.value = REST_NEW(rest->room, GuestIdentityInfo)};
    if (!g)
        return;
    if (r.value)
        r.value->full_name = REST_NEW(rest->room, LocalizableMessage);
    if (!r.value || !r.value->full_name) {
        rest_no_memory(rest);
        return;
    }
    r.value->name = rest_guest_os(rest->room, g->guestId);
    r.value->family = family(g->guestFamily);
    r.value->full_name->id = "vmsg.guestos.name";
    r.value->full_name->default_message = g->guestFullName ? g->guestFullName : "";
    r.value->host_name = g->hostName ? g->hostName : "";
    r.value->ip_address = g->ipAddress;
    rest_return(rest, &r);
}

static void local_filesystem(struct rest *rest)
{
    const struct vim_GuestInfo *g = guest_of(rest, true);
    struct rest_guest_local_filesystem_result r = {0};
    if (!g)
        return;
    r.value.items = arena_calloc(rest->room, g->disk.count + 1, sizeof(*r.value.items));
    for (size_t i = 0; r.value.items && i < g->disk.count; i++) {
        const struct vim_GuestDiskInfo *disk = g->disk.items[i];
        struct rest_MapOfLocalFilesystemInfo *entry =
            REST_NEW(rest->room, MapOfLocalFilesystemInfo);
        struct rest_LocalFilesystemInfo *info = REST_NEW(rest->room, LocalFilesystemInfo);
        if (!entry || !info) {
            r.value.items = NULL;
            break;
        }
        info->capacity = disk->capacity;
        info->free_space = disk->freeSpace;
        info->filesystem = disk->filesystemType;
        entry->key = disk->diskPath ? disk->diskPath : "";
        entry->value = info;
        r.value.items[r.value.count++] = entry;
    }
    if (r.value.items)
        rest_return(rest, &r);
    else
        rest_no_memory(rest);
}

/* ---- network ---- */

/* False: no memory. Nothing for no configuration. */
static bool dns(struct arena *a, const struct vim_NetDnsConfigInfo *in,
                struct rest_DnsAssignedValues **ret_values, struct rest_DnsConfigInfo **ret_config)
{
    if (!in)
        return true;
    *ret_values = REST_NEW(a, DnsAssignedValues);
    *ret_config = REST_NEW(a, DnsConfigInfo);
    if (!*ret_values || !*ret_config)
        return false;
    (*ret_values)->host_name = in->hostName;
    (*ret_values)->domain_name = in->domainName;
    (*ret_config)->ip_addresses = in->ipAddress;
    (*ret_config)->search_domains = in->searchDomain;
    return true;
}

static void networking(struct rest *rest)
{
    const struct vim_GuestInfo *g = guest_of(rest, true);
    struct rest_guest_networking_result r = {.value = REST_NEW(rest->room, NetworkingInfo)};
    if (!g)
        return;
    if (r.value && (g->ipStack.count == 0 || dns(rest->room, g->ipStack.items[0]->dnsConfig,
                                                 &r.value->dns_values, &r.value->dns)))
        rest_return(rest, &r);
    else
        rest_no_memory(rest);
}

static struct rest_NetworkingInterfacesIpConfigInfo *addresses(struct arena *a,
                                                               const struct vim_NetIpConfigInfo *in)
{
    struct rest_NetworkingInterfacesIpConfigInfo *out =
        REST_NEW(a, NetworkingInterfacesIpConfigInfo);
    if (out)
        out->ip_addresses.items =
            arena_calloc(a, in->ipAddress.count + 1, sizeof(*out->ip_addresses.items));
    if (!out || !out->ip_addresses.items)
        return NULL;
    for (size_t i = 0; i < in->ipAddress.count; i++) {
        const struct vim_NetIpConfigInfoIpAddress *from = in->ipAddress.items[i];
        struct rest_NetworkingInterfacesIpAddressInfo *to =
            REST_NEW(a, NetworkingInterfacesIpAddressInfo);
        if (!to)
            return NULL;
        to->ip_address = from->ipAddress;
        to->prefix_length = from->prefixLength;
        to->origin = rest_enum(&rest_type_NetworkingInterfacesIpAddressOrigin, "", from->origin);
        to->state = rest_enum(&rest_type_NetworkingInterfacesIpAddressStatus, "", from->state);
        if (!to->state)
            to->state = REST_NetworkingInterfacesIpAddressStatus_UNKNOWN;
        out->ip_addresses.items[out->ip_addresses.count++] = to;
    }
    return out;
}

static struct rest_NetworkingInterfacesInfo *interface(struct arena *a,
                                                       const struct vim_GuestNicInfo *nic)
{
    struct rest_NetworkingInterfacesInfo *out = REST_NEW(a, NetworkingInterfacesInfo);
    if (!out || !dns(a, nic->dnsConfig, &out->dns_values, &out->dns))
        return NULL;
    out->mac_address = nic->macAddress;
    if (nic->ipConfig && !(out->ip = addresses(a, nic->ipConfig)))
        return NULL;
    if (nic->deviceConfigId >= 0 && !(out->nic = arena_printf(a, "%d", nic->deviceConfigId)))
        return NULL;
    return out;
}

static void interfaces(struct rest *rest)
{
    const struct vim_GuestInfo *g = guest_of(rest, true);
    struct rest_guest_networking_interfaces_result r = {0};
    if (!g)
        return;
    r.value.items = arena_calloc(rest->room, g->net.count + 1, sizeof(*r.value.items));
    while (r.value.items && r.value.count < g->net.count) {
        struct rest_NetworkingInterfacesInfo *one =
            interface(rest->room, g->net.items[r.value.count]);
        if (one)
            r.value.items[r.value.count++] = one;
        else
            r.value.items = NULL;
    }
    if (r.value.items)
        rest_return(rest, &r);
    else
        rest_no_memory(rest);
}

static void routes(struct rest *rest)
{
    const struct vim_GuestInfo *g = guest_of(rest, true);
    struct rest_guest_networking_routes_result r = {0};
    if (!g)
        return;
    const struct vim_NetIpRouteConfigInfo *config =
        g->ipStack.count ? g->ipStack.items[0]->ipRouteConfig : NULL;
    size_t count = config ? config->ipRoute.count : 0;
    r.value.items = arena_calloc(rest->room, count + 1, sizeof(*r.value.items));
    for (size_t i = 0; r.value.items && i < count; i++) {
        const struct vim_NetIpRouteConfigInfoIpRoute *from = config->ipRoute.items[i];
        struct rest_NetworkingRoutesInfo *to = REST_NEW(rest->room, NetworkingRoutesInfo);
        if (!to) {
            r.value.items = NULL;
            break;
        }
        to->network = from->network;
        to->prefix_length = from->prefixLength;
        to->gateway_address = from->gateway->ipAddress;
        to->has_interface_index = from->gateway->device != NULL;
        to->interface_index = to->has_interface_index ? strtol(from->gateway->device, NULL, 10) : 0;
        r.value.items[r.value.count++] = to;
    }
    if (r.value.items)
        rest_return(rest, &r);
    else
        rest_no_memory(rest);
}

/* ---- readiness, power, tools ---- */

static void operations(struct rest *rest)
{
    const struct vim_GuestInfo *g = guest_of(rest, false);
    struct rest_guest_operations_result r = {.value = REST_NEW(rest->room, OperationsInfo)};
    if (!g)
        return;
    if (!r.value) {
        rest_no_memory(rest);
        return;
    }
    r.value->guest_operations_ready = g->guestOperationsReady;
    r.value->interactive_guest_operations_ready = g->interactiveGuestOperationsReady;
    rest_return(rest, &r);
}

static void power(struct rest *rest)
{
    const struct vim_GuestInfo *g = guest_of(rest, false);
    struct rest_guest_power_get_result r = {.value = REST_NEW(rest->room, GuestPowerInfo)};
    if (!g)
        return;
    if (!r.value) {
        rest_no_memory(rest);
        return;
    }
    r.value->state = rest_enum(&rest_type_GuestPowerState, "", g->guestState);
    if (!r.value->state)
        r.value->state = REST_GuestPowerState_UNAVAILABLE;
    r.value->operations_ready = g->guestStateChangeSupported;
    rest_return(rest, &r);
}

static void tools(struct rest *rest)
{
    const struct vim_GuestInfo *g = guest_of(rest, false);
    struct rest_tools_get_result r = {.value = REST_NEW(rest->room, ToolsInfo)};
    if (!g)
        return;
    struct rest_ToolsInfo *t = r.value;
    if (!t) {
        rest_no_memory(rest);
        return;
    }
    t->version = g->toolsVersion;
    t->has_version_number = g->toolsVersion != NULL;
    t->version_number = g->toolsVersion ? strtol(g->toolsVersion, NULL, 10) : 0;
    t->upgrade_policy = REST_ToolsUpgradePolicy_MANUAL;
    t->version_status =
        rest_enum(&rest_type_ToolsVersionStatus, "guestTools", g->toolsVersionStatus2);
    t->install_type =
        rest_enum(&rest_type_ToolsToolsInstallType, "guestToolsType", g->toolsInstallType);
    t->run_state = rest_enum(&rest_type_ToolsRunState, "guestTools", g->toolsRunningStatus);
    if (!t->run_state)
        t->run_state = REST_ToolsRunState_NOT_RUNNING;
    rest_return(rest, &r);
}

const struct rest_row rest_guest_rows[] = {
    {REST_OP_guest_identity, identity},
    {REST_OP_guest_local_filesystem, local_filesystem},
    {REST_OP_guest_networking, networking},
    {REST_OP_guest_networking_interfaces, interfaces},
    {REST_OP_guest_networking_routes, routes},
    {REST_OP_guest_operations, operations},
    {REST_OP_guest_power_get, power},
    {REST_OP_tools_get, tools},
    {0, NULL},
};
