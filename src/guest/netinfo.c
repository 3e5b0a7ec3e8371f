#include "guest/netinfo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"

#define PROC_FILE_MAX   (256u * 1024u)
#define ROUTE_UP        0x0001u
#define ROUTE6_LOCAL    0x80000000u
#define NIC_NAME_FORMAT "%15s" /* IFNAMSIZ - 1 */
#define PATTERNS_MAX    1024

struct nic {
    char name[IFNAMSIZ];
    int rank; /* 0 primary, 1 ordinary, 2 low priority */
    unsigned order;
    struct nicinfo_nic info;
};

static bool matches(const char *patterns, const char *name)
{
    char list[PATTERNS_MAX], *save = NULL;
    if (!patterns || strlen(patterns) >= sizeof(list))
        return false;
    memcpy(list, patterns, strlen(patterns) + 1);
    for (char *p = strtok_r(list, ", ", &save); p; p = strtok_r(NULL, ", ", &save)) {
        if (fnmatch(p, name, 0) == 0)
            return true;
    }
    return false;
}

static int compare(const void *a, const void *b)
{
    const struct nic *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank - y->rank;
    return x->order < y->order ? -1 : 1;
}

static unsigned prefix_of(const struct sockaddr *mask)
{
    const uint8_t *p = NULL;
    size_t n = 0;
    unsigned bits = 0;
    if (mask && mask->sa_family == AF_INET) {
        p = (const uint8_t *)&((const struct sockaddr_in *)mask)->sin_addr;
        n = 4;
    } else if (mask && mask->sa_family == AF_INET6) {
        p = (const uint8_t *)&((const struct sockaddr_in6 *)mask)->sin6_addr;
        n = 16;
    }
    for (size_t i = 0; i < n; i++)
        bits += (unsigned)__builtin_popcount(p[i]);
    return bits;
}

static int put_address(struct arena *a, const void *bytes, uint32_t len,
                       struct nicinfo_address *ret)
{
    ret->bytes = arena_memdup(a, bytes, len);
    ret->type = len == 4 ? NICINFO_IPV4 : NICINFO_IPV6;
    ret->len = len;
    return ret->bytes ? 0 : -ENOMEM;
}

static int add_nics(const struct ifaddrs *list, const struct conf *conf, struct arena *a,
                    struct nic *nics, uint32_t *ret_count)
{
    uint32_t count = 0;
    for (const struct ifaddrs *i = list; i && count < NICINFO_NICS_MAX; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_PACKET || (i->ifa_flags & IFF_LOOPBACK))
            continue;
        const struct sockaddr_ll *ll = (const struct sockaddr_ll *)i->ifa_addr;
        static const uint8_t zero[6];
        if (ll->sll_halen != 6 || memcmp(ll->sll_addr, zero, 6) == 0 ||
            matches(conf_get(conf, "guestinfo", "exclude-nics"), i->ifa_name))
            continue;
        struct nic *nic = &nics[count];
        memset(nic, 0, sizeof(*nic));
        snprintf(nic->name, sizeof(nic->name), "%s", i->ifa_name);
        nic->order = count++;
        nic->rank = matches(conf_get(conf, "guestinfo", "primary-nics"), nic->name)        ? 0
                    : matches(conf_get(conf, "guestinfo", "low-priority-nics"), nic->name) ? 2
                                                                                           : 1;
        nic->info.mac =
            arena_printf(a, "%02x:%02x:%02x:%02x:%02x:%02x", ll->sll_addr[0], ll->sll_addr[1],
                         ll->sll_addr[2], ll->sll_addr[3], ll->sll_addr[4], ll->sll_addr[5]);
        nic->info.ips = ARENA_ARRAY(a, NETINFO_IPS_MAX, struct nicinfo_ip);
        if (!nic->info.mac || !nic->info.ips)
            return -ENOMEM;
    }
    *ret_count = count;
    return 0;
}

static int add_addresses(const struct ifaddrs *list, struct arena *a, struct nic *nics,
                         uint32_t count)
{
    for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
        struct nic *nic = NULL;
        for (uint32_t n = 0; n < count; n++) {
            if (strcmp(nics[n].name, i->ifa_name) == 0)
                nic = &nics[n];
        }
        if (!nic || !i->ifa_addr || nic->info.ip_count == NETINFO_IPS_MAX)
            continue;
        struct nicinfo_ip *ip = &nic->info.ips[nic->info.ip_count];
        int r;
        if (i->ifa_addr->sa_family == AF_INET)
            r = put_address(a, &((const struct sockaddr_in *)i->ifa_addr)->sin_addr, 4,
                            &ip->address);
        else if (i->ifa_addr->sa_family == AF_INET6)
            r = put_address(a, &((const struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, 16,
                            &ip->address);
        else
            continue;
        if (r < 0)
            return r;
        ip->prefix = prefix_of(i->ifa_netmask);
        ip->status = ip->address.len == 4 ? NICINFO_STATUS_PREFERRED : NICINFO_STATUS_UNKNOWN;
        nic->info.ip_count++;
    }
    return 0;
}

static int nic_index(const char *const *nics, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(nics[i], name) == 0)
            return (int)i;
    }
    return -1;
}

/* Room for one more; NULL at the protocol's limit or without memory. */
static struct nicinfo_route *next_route(struct arena *a, struct nicinfo *info)
{
    if (!info->routes)
        info->routes = ARENA_ARRAY(a, NICINFO_ROUTES_MAX, struct nicinfo_route);
    if (!info->routes || info->route_count == NICINFO_ROUTES_MAX)
        return NULL;
    return &info->routes[info->route_count];
}

static const char *next_line(const char *p)
{
    p += strcspn(p, "\n");
    return *p ? p + 1 : p;
}

static int route_done(struct arena *a, struct nicinfo *info, const void *dest, const void *hop,
                      uint32_t len, unsigned prefix, unsigned nic, unsigned metric)
{
    static const uint8_t none[16];
    struct nicinfo_route *r = next_route(a, info);
    if (!r)
        return info->routes ? 0 : -ENOMEM;
    *r = (struct nicinfo_route){.prefix = prefix, .nic = nic, .metric = metric};
    if (put_address(a, dest, len, &r->destination) < 0)
        return -ENOMEM;
    if (memcmp(hop, none, len) != 0) {
        r->next_hop = ARENA_NEW(a, struct nicinfo_address);
        if (!r->next_hop || put_address(a, hop, len, r->next_hop) < 0)
            return -ENOMEM;
    }
    info->route_count++;
    return 0;
}

int netinfo_routes4(const char *text, const char *const *nics, uint32_t nic_count, struct arena *a,
                    struct nicinfo *info)
{
    int r = 0;
    for (const char *p = next_line(text); *p && r == 0; p = next_line(p)) {
        char name[IFNAMSIZ];
        uint32_t dest, hop, mask;
        unsigned flags, metric;
        /* The kernel prints addresses as they lie in memory, as one number. */
        if (sscanf(p, NIC_NAME_FORMAT " %x %x %x %*u %*u %u %x", name, &dest, &hop, &flags, &metric,
                   &mask) != 6)
            continue;
        int nic = nic_index(nics, nic_count, name);
        if (nic < 0 || !(flags & ROUTE_UP))
            continue;
        r = route_done(a, info, &dest, &hop, 4, (unsigned)__builtin_popcount(mask), (unsigned)nic,
                       metric);
    }
    return r;
}

static bool hex16(const char *s, uint8_t out[16])
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned v;
        if (sscanf(s + 2 * i, "%2x", &v) != 1)
            return false;
        out[i] = (uint8_t)v;
    }
    return true;
}

int netinfo_routes6(const char *text, const char *const *nics, uint32_t nic_count, struct arena *a,
                    struct nicinfo *info)
{
    int r = 0;
    for (const char *p = text; *p && r == 0; p = next_line(p)) {
        char name[IFNAMSIZ], dest[33], hop[33];
        unsigned prefix, metric, flags;
        uint8_t d[16], h[16];
        if (sscanf(p, "%32s %x %*s %*s %32s %x %*s %*s %x " NIC_NAME_FORMAT, dest, &prefix, hop,
                   &metric, &flags, name) != 6 ||
            strlen(dest) != 32 || strlen(hop) != 32 || !hex16(dest, d) || !hex16(hop, h))
            continue;
        int nic = nic_index(nics, nic_count, name);
        if (nic < 0 || !(flags & ROUTE_UP) || (flags & ROUTE6_LOCAL) || prefix > 128)
            continue;
        r = route_done(a, info, d, h, 16, prefix, (unsigned)nic, metric);
    }
    return r;
}

static int add_server(struct arena *a, struct nicinfo_dns *dns, const char *text)
{
    uint8_t bytes[16];
    uint32_t len = inet_pton(AF_INET, text, bytes) == 1    ? 4
                   : inet_pton(AF_INET6, text, bytes) == 1 ? 16
                                                           : 0;
    if (len == 0 || dns->server_count == NICINFO_SERVERS_MAX)
        return 0;
    return put_address(a, bytes, len, &dns->servers[dns->server_count++]);
}

int netinfo_resolv(const char *text, const char *host_name, struct arena *a, struct nicinfo *info)
{
    struct nicinfo_dns *dns = ARENA_NEW(a, struct nicinfo_dns);
    char *copy = arena_strdup(a, text), *save = NULL;
    if (!dns || !copy)
        return -ENOMEM;
    dns->servers = ARENA_ARRAY(a, NICINFO_SERVERS_MAX, struct nicinfo_address);
    dns->suffixes = ARENA_ARRAY(a, NICINFO_SUFFIXES_MAX, const char *);
    dns->host = arena_strndup(a, host_name, NICINFO_NAME_MAX);
    if (!dns->servers || !dns->suffixes || !dns->host)
        return -ENOMEM;
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *words = NULL;
        char *key = strtok_r(line, " \t\r", &words), *word;
        if (!key)
            continue;
        if (strcmp(key, "nameserver") == 0 && (word = strtok_r(NULL, " \t\r", &words))) {
            if (add_server(a, dns, word) < 0)
                return -ENOMEM;
        } else if (strcmp(key, "domain") == 0 && (word = strtok_r(NULL, " \t\r", &words))) {
            if (strlen(word) <= NICINFO_NAME_MAX)
                dns->domain = word;
        } else if (strcmp(key, "search") == 0) {
            dns->suffix_count = 0; /* the last search line counts */
            while ((word = strtok_r(NULL, " \t\r", &words))) {
                if (dns->suffix_count < NICINFO_SUFFIXES_MAX && strlen(word) <= NICINFO_NAME_MAX)
                    dns->suffixes[dns->suffix_count++] = word;
            }
        }
    }
    if (!dns->domain && dns->suffix_count > 0)
        dns->domain = dns->suffixes[0];
    info->config.dns = dns;
    return 0;
}

int netinfo_collect(const struct conf *conf, const char *host_name, struct arena *a,
                    struct nicinfo *ret)
{
    AUTO_FREE struct nic *nics = mem_calloc(NICINFO_NICS_MAX, sizeof(*nics));
    const char *names[NICINFO_NICS_MAX];
    struct nicinfo info = {.version = 3};
    struct ifaddrs *list;
    if (!nics)
        return -ENOMEM;
    if (getifaddrs(&list) < 0)
        return -errno;
    int r = add_nics(list, conf, a, nics, &info.nic_count);
    if (r == 0)
        r = add_addresses(list, a, nics, info.nic_count);
    freeifaddrs(list);
    if (r < 0)
        return r;
    qsort(nics, info.nic_count, sizeof(*nics), compare);
    info.nics = ARENA_ARRAY(a, info.nic_count + 1, struct nicinfo_nic);
    if (!info.nics)
        return -ENOMEM;
    for (uint32_t i = 0; i < info.nic_count; i++) {
        info.nics[i] = nics[i].info;
        names[i] = nics[i].name;
    }
    AUTO_BUF struct buf b = BUF_INIT(PROC_FILE_MAX);
    /* What cannot be read, or not in full, is left out; the addresses matter more. */
    fs_read_file(AT_FDCWD, "/etc/resolv.conf", &b, NULL);
    r = netinfo_resolv(buf_text(&b), host_name, a, &info);
    buf_clear(&b);
    if (r == 0 && fs_read_file(AT_FDCWD, "/proc/net/route", &b, NULL) != -ENOENT)
        r = netinfo_routes4(buf_text(&b), names, info.nic_count, a, &info);
    buf_clear(&b);
    if (r == 0 && fs_read_file(AT_FDCWD, "/proc/net/ipv6_route", &b, NULL) != -ENOENT)
        r = netinfo_routes6(buf_text(&b), names, info.nic_count, a, &info);
    if (r < 0)
        return r;
    *ret = info;
    return 0;
}
