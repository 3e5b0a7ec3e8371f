#include "vmx/guest_state.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "wire/diskinfo.h"
#include "wire/guestinfo.h"
#include "wire/nicinfo.h"
#include "wire/rpc.h"

#define DECODE_MAX (4u << 20)
#define DISKS_MAX  256u
/* So that the whole state, however the guest fills it, fits a message to hostd. */
#define NAME_TEXT_MAX 255u
#define PATH_TEXT_MAX 512u
#define TYPE_TEXT_MAX 64u

int guest_state_init(struct guest_state *g)
{
    *g = (struct guest_state){.json = json_object()};
    return g->json ? 0 : -ENOMEM;
}

void guest_state_free(struct guest_state *g)
{
    json_decref(g->json);
    g->json = NULL;
}

/* Length of the UTF-8 sequence at p of one printable character, 0 when it is none. */
static size_t utf8_length(const uint8_t *p, size_t left)
{
    static const struct {
        uint8_t mask, lead;
        size_t len;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 1, 0x20},
                 {0xe0, 0xc0, 2, 0x80},
                 {0xf0, 0xe0, 3, 0x800},
                 {0xf8, 0xf0, 4, 0x10000}};

    for (size_t f = 0; f < ARRAY_SIZE(forms); f++) {
        uint32_t cp = p[0] & (uint8_t)~forms[f].mask;

        if ((p[0] & forms[f].mask) != forms[f].lead || forms[f].len > left)
            continue;
        for (size_t i = 1; i < forms[f].len; i++) {
            if ((p[i] & 0xc0) != 0x80)
                return 0;
            cp = cp << 6 | (p[i] & 0x3f);
        }
        if (cp < forms[f].least || cp == 0x7f || (cp >= 0x80 && cp < 0xa0) || cp > 0x10ffff ||
            (cp >= 0xd800 && cp < 0xe000))
            return 0;
        return forms[f].len;
    }
    return 0;
}

/* A bounded, clean JSON string of what the guest said. */
static json_t *clean(const void *text, size_t len, size_t max)
{
    AUTO_BUF struct buf b = BUF_INIT(max);
    const uint8_t *p = text;

    while (len) {
        size_t n = utf8_length(p, len);

        if (n ? buf_put(&b, p, n) : buf_put_u8(&b, '?'))
            break; /* full: cut between characters */
        n = n ? n : 1;
        p += n;
        len -= n;
    }
    return json_stringn(buf_text(&b), b.len);
}

static json_t *clean_name(const char *text)
{
    return clean(text, strlen(text), NAME_TEXT_MAX);
}

/* Takes the reference; NULL removes. */
static void put(struct guest_state *g, const char *member, json_t *v)
{
    const json_t *old = json_object_get(g->json, member);

    if ((!v && !old) || (v && old && json_equal(v, old))) {
        json_decref(v);
        return;
    }
    g->changed = true;
    if (v)
        json_object_set_new(g->json, member, v);
    else
        json_object_del(g->json, member);
}

static void guest_state_set_text(struct guest_state *g, const char *member, const void *text,
                                 size_t len)
{
    put(g, member, clean(text, len, GUEST_STATE_TEXT_MAX));
}

void guest_state_set_string(struct guest_state *g, const char *member, const char *text)
{
    put(g, member, text ? clean(text, strlen(text), GUEST_STATE_TEXT_MAX) : NULL);
}

void guest_state_set_bool(struct guest_state *g, const char *member, bool v)
{
    put(g, member, json_boolean(v));
}

void guest_state_set_int(struct guest_state *g, const char *member, int64_t v)
{
    put(g, member, json_integer(v));
}

void guest_state_remove(struct guest_state *g, const char *member)
{
    put(g, member, NULL);
}

const char *guest_state_get(const struct guest_state *g, const char *member)
{
    return json_string_value(json_object_get(g->json, member));
}

bool guest_state_get_bool(const struct guest_state *g, const char *member)
{
    return json_is_true(json_object_get(g->json, member));
}

void guest_state_set_statechange(struct guest_state *g, bool on)
{
    put(g, "capabilities", on ? json_pack("[sss]", "shutdown", "reboot", "standby") : json_array());
}

static json_t *address_json(const struct nicinfo_address *a)
{
    char text[NICINFO_TEXT_MAX];

    return nicinfo_address_text(a, text) ? NULL : json_string(text);
}

static json_t *dns_json(const struct nicinfo_dns *dns, const struct nicinfo_dhcp *dhcp)
{
    json_t *servers = json_array(), *search = json_array();
    json_t *o;

    for (uint32_t i = 0; dns && i < dns->server_count && i < GUEST_STATE_LIST_MAX; i++) {
        json_t *a = address_json(&dns->servers[i]);

        if (a)
            json_array_append_new(servers, a);
    }
    for (uint32_t i = 0; dns && i < dns->suffix_count && i < GUEST_STATE_LIST_MAX; i++)
        json_array_append_new(search, clean_name(dns->suffixes[i]));
    o = json_pack("{s:o, s:o, s:o, s:o}", "hostName", clean_name(dns && dns->host ? dns->host : ""),
                  "domainName", clean_name(dns && dns->domain ? dns->domain : ""), "servers",
                  servers, "search", search);
    if (o && dhcp)
        json_object_set_new(o, "dhcp", json_boolean(dhcp->enabled));
    return o;
}

static json_t *ips_json(const struct nicinfo_nic *nic)
{
    static const char *const origins[] = {[NICINFO_ORIGIN_OTHER] = "other",
                                          [NICINFO_ORIGIN_MANUAL] = "manual",
                                          [NICINFO_ORIGIN_DHCP] = "dhcp",
                                          [NICINFO_ORIGIN_LINK_LAYER] = "linklayer",
                                          [NICINFO_ORIGIN_RANDOM] = "random"};
    static const char *const states[] = {
        [NICINFO_STATUS_PREFERRED] = "preferred",       [NICINFO_STATUS_DEPRECATED] = "deprecated",
        [NICINFO_STATUS_INVALID] = "invalid",           [NICINFO_STATUS_UNKNOWN] = "unknown",
        [NICINFO_STATUS_INACCESSIBLE] = "inaccessible", [NICINFO_STATUS_TENTATIVE] = "tentative",
        [NICINFO_STATUS_DUPLICATE] = "duplicate"};
    json_t *ips = json_array();

    for (uint32_t i = 0; i < nic->ip_count && json_array_size(ips) < GUEST_STATE_IPS_MAX; i++) {
        const struct nicinfo_ip *ip = &nic->ips[i];
        json_t *address = address_json(&ip->address);
        json_t *o;

        if (!address)
            continue;
        o = json_pack("{s:o, s:i}", "address", address, "prefix", (int)(ip->prefix & 0xff));
        if (o && ip->origin < ARRAY_SIZE(origins) && origins[ip->origin])
            json_object_set_new(o, "origin", json_string(origins[ip->origin]));
        if (o && ip->status < ARRAY_SIZE(states) && states[ip->status])
            json_object_set_new(o, "state", json_string(states[ip->status]));
        json_array_append_new(ips, o);
    }
    return ips;
}

static json_t *routes_json(const struct nicinfo *info)
{
    json_t *routes = json_array();

    for (uint32_t i = 0; i < info->route_count && i < NICINFO_ROUTES_MAX; i++) {
        const struct nicinfo_route *route = &info->routes[i];
        json_t *network = address_json(&route->destination);
        json_t *o;

        if (!network)
            continue;
        o = json_pack("{s:o, s:i, s:I}", "network", network, "prefix", (int)(route->prefix & 0xff),
                      "nic", (json_int_t)route->nic);
        if (o && route->next_hop)
            json_object_set_new(o, "gateway", address_json(route->next_hop));
        json_array_append_new(routes, o);
    }
    return routes;
}

/* Whether some NIC of the list has the address. */
static bool has_address(const json_t *nics, const char *address)
{
    size_t i, j;
    json_t *nic, *ip;

    json_array_foreach(nics, i, nic)
        json_array_foreach(json_object_get(nic, "ips"), j,
                           ip) if (!strcmp(json_string_value(json_object_get(ip, "address")) ?: "",
                                           address)) return true;
    return false;
}

static void set_nics(struct guest_state *g, const struct nicinfo *info)
{
    json_t *nics = json_array();
    const char *ip = guest_state_get(g, "primaryIp");
    char primary[NICINFO_TEXT_MAX];

    for (uint32_t i = 0; i < info->nic_count && i < NICINFO_NICS_MAX; i++) {
        const struct nicinfo_nic *nic = &info->nics[i];
        json_t *o = json_pack("{s:o, s:o}", "mac", clean_name(nic->mac), "ips", ips_json(nic));

        if (o && nic->config.dns)
            json_object_set_new(o, "dns", dns_json(nic->config.dns, nic->config.dhcp4));
        json_array_append_new(nics, o);
    }
    /* An address that the agent named stays the guest's address while it exists. */
    if (!ip || !has_address(nics, ip))
        guest_state_set_string(g, "primaryIp", nicinfo_primary(info, primary) ? NULL : primary);
    put(g, "nics", nics);
    put(g, "routes", routes_json(info));
    put(g, "dnsConfig", info->config.dns ? dns_json(info->config.dns, info->config.dhcp4) : NULL);
}

void guest_state_primary_ip(struct guest_state *g, const char *text, size_t len)
{
    struct in6_addr ignored;
    char address[INET6_ADDRSTRLEN];

    if (len == 0 || len >= sizeof(address))
        return;
    memcpy(address, text, len);
    address[len] = '\0';
    if (inet_pton(AF_INET, address, &ignored) == 1 || inet_pton(AF_INET6, address, &ignored) == 1)
        guest_state_set_string(g, "primaryIp", address);
}

static void set_disks(struct guest_state *g, const struct diskinfo *info)
{
    json_t *disks = json_array();

    for (uint32_t i = 0; i < info->count && i < DISKS_MAX; i++) {
        const struct diskinfo_disk *d = &info->disks[i];
        json_t *o = json_pack(
            "{s:o, s:I, s:I}", "path", clean(d->name, strlen(d->name), PATH_TEXT_MAX), "capacity",
            (json_int_t)(d->size & INT64_MAX), "free", (json_int_t)(d->free & INT64_MAX));

        if (o && d->fstype)
            json_object_set_new(o, "type", clean(d->fstype, strlen(d->fstype), TYPE_TEXT_MAX));
        json_array_append_new(disks, o);
    }
    put(g, "disks", disks);
}

int guest_state_disks(struct guest_state *g, const uint8_t *text, size_t len)
{
    AUTO_ARENA struct arena a = ARENA_INIT(DECODE_MAX);
    struct diskinfo info;
    int r = diskinfo_decode_json(text, len, &a, &info);

    if (!r)
        set_disks(g, &info);
    return r;
}

/* "debian12-64" is shown as "debian12_64Guest". */
static void set_guest_id(struct guest_state *g, const char *name, size_t len)
{
    char id[GUESTINFO_SHORT_NAME_MAX + 8];
    size_t n = 0;

    if (!len)
        return;
    for (; n < len && n < GUESTINFO_SHORT_NAME_MAX; n++)
        id[n] = name[n] == '-' ? '_' : name[n];
    memcpy(id + n, "Guest", 6);
    guest_state_set_text(g, "guestId", id, n + 5);
}

static const char *family(const char *name)
{
    static const struct {
        const char *name, *family;
    } families[] = {{"Linux", "linuxGuest"},
                    {"Windows", "windowsGuest"},
                    {"Darwin", "darwinGuestFamily"},
                    {"Solaris", "solarisGuest"},
                    {"Netware", "netwareGuest"}};

    for (size_t i = 0; i < ARRAY_SIZE(families); i++)
        if (!strcmp(name, families[i].name))
            return families[i].family;
    return "otherGuestFamily";
}

static int set_details(struct guest_state *g, const uint8_t *data, size_t len)
{
    AUTO_ARENA struct arena a = ARENA_INIT(DECODE_MAX);
    struct guestinfo_details d;
    const char *p, *key, *value;
    int r = guestinfo_details_decode(data, len, &a, &d);

    if (r)
        return r;
    if (d.full_name && *d.full_name)
        guest_state_set_string(g, "guestFullName", d.full_name);
    if (d.short_name)
        set_guest_id(g, d.short_name, strlen(d.short_name));
    put(g, "guestDetailedData", clean(d.text, strlen(d.text), GUESTINFO_DETAILS_MAX));
    p = d.text;
    while (guestinfo_details_next(&p, &a, &key, &value) == 1) {
        if (!strcmp(key, "familyName"))
            guest_state_set_string(g, "guestFamily", family(value));
        else if (!strcmp(key, "kernelVersion"))
            guest_state_set_string(g, "guestKernelVersion", value);
    }
    return 0; /* what cannot be taken apart is still shown as it is */
}

static int set_uptime(struct guest_state *g, const uint8_t *data, size_t len)
{
    char when[CLOCK_RFC3339_SIZE];
    int64_t ticks;
    int r = rpc_word_int64((const char *)data, len, &ticks);

    if (r || ticks < 0 || ticks > INT64_MAX / 10000)
        return -EBADMSG;
    if ((uint64_t)ticks < g->uptime)
        g->soft_reset = true;
    if (!json_object_get(g->json, "bootTime") || g->soft_reset)
        guest_state_set_string(g, "bootTime", clock_rfc3339(clock_wall_us() - ticks * 10000, when));
    g->uptime = (uint64_t)ticks;
    guest_state_set_int(g, "uptime", ticks / 100);
    return 0;
}

static int set_nic_message(struct guest_state *g, unsigned id, const uint8_t *data, size_t len)
{
    AUTO_ARENA struct arena a = ARENA_INIT(DECODE_MAX);
    struct nicinfo info;
    int r = id == GUESTINFO_NICS_V1 ? nicinfo_decode_v1(data, len, &a, &info)
                                    : nicinfo_decode(data, len, &a, &info);

    if (!r)
        set_nics(g, &info);
    return r;
}

int guest_state_info(struct guest_state *g, unsigned id, const uint8_t *data, size_t len)
{
    AUTO_ARENA struct arena a = ARENA_INIT(DECODE_MAX);
    struct diskinfo disks;
    struct guestinfo_memory memory;
    int r;

    if (!guestinfo_is_binary(id) && id != GUESTINFO_OS_DETAILS && len > GUESTINFO_TEXT_MAX)
        return -EMSGSIZE;
    switch (id) {
    case GUESTINFO_DNS_NAME:
        guest_state_set_text(g, "hostName", data, len);
        return 0;
    case GUESTINFO_NICS_V1:
    case GUESTINFO_NICS_V2:
    case GUESTINFO_NICS_V3:
        return set_nic_message(g, id, data, len);
    case GUESTINFO_DISKS_V0:
        r = diskinfo_decode_v0(data, len, &a, &disks);
        if (!r)
            set_disks(g, &disks);
        return r;
    case GUESTINFO_BUILD:
        guest_state_set_text(g, "toolsBuild", data, len);
        return 0;
    case GUESTINFO_OS_FULL:
        if (!json_object_get(g->json, "guestDetailedData"))
            guest_state_set_text(g, "guestFullName", data, len);
        return 0;
    case GUESTINFO_OS_SHORT:
        if (!json_object_get(g->json, "guestDetailedData"))
            set_guest_id(g, (const char *)data, len);
        return 0;
    case GUESTINFO_UPTIME:
        return set_uptime(g, data, len);
    case GUESTINFO_MEMORY:
        r = guestinfo_memory_decode(data, len, &memory);
        if (!r && memory.total_kib)
            guest_state_set_int(g, "memoryKiB", (int64_t)(memory.total_kib & INT64_MAX));
        return r;
    case GUESTINFO_OS_DETAILS:
        return set_details(g, data, len);
    default:
        return -EOPNOTSUPP;
    }
}

void guest_state_powered_off(struct guest_state *g)
{
    static const char *const running[] = {"primaryIp",    "nics",     "dnsConfig", "routes",
                                          "disks",        "hostName", "uptime",    "appName",
                                          "capabilities", "bootTime", "memoryKiB"};

    for (size_t i = 0; i < ARRAY_SIZE(running); i++)
        guest_state_remove(g, running[i]);
    g->uptime = 0;
}
