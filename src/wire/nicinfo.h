/*
 * GuestNicInfo: what an agent reports about the guest's network (SetGuestInfo 2, 9 and 10).
 *
 * V3 is XDR and what agents send today, also under id 9; V2 is an older XDR, V1 a C structure. All
 * decode to the same struct; V3 can be written. Decoded data lives in the caller's arena, in
 * proportion to the input. Array limits are those of the protocol.
 */
#ifndef WIRE_NICINFO_H
#define WIRE_NICINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

#define NICINFO_NICS_MAX     16u
#define NICINFO_IPS_MAX      2048u
#define NICINFO_ROUTES_MAX   100u
#define NICINFO_SERVERS_MAX  16u
#define NICINFO_SUFFIXES_MAX 10u
#define NICINFO_MAC_MAX      18u /* characters */
#define NICINFO_ADDRESS_MAX  255u
#define NICINFO_NAME_MAX     255u
#define NICINFO_DHCP_MAX     16384u
#define NICINFO_V1_SIZE      2436u
#define NICINFO_METRIC_NONE  0xffffffffu

enum nicinfo_address_type {
    NICINFO_UNKNOWN = 0,
    NICINFO_IPV4 = 1,
    NICINFO_IPV6 = 2,
    NICINFO_IPV4_ZONE = 3,
    NICINFO_IPV6_ZONE = 4,
    NICINFO_DNS_NAME = 16,
};
enum nicinfo_origin {
    NICINFO_ORIGIN_NONE = 0, /* not given */
    NICINFO_ORIGIN_OTHER = 1,
    NICINFO_ORIGIN_MANUAL = 2,
    NICINFO_ORIGIN_DHCP = 4,
    NICINFO_ORIGIN_LINK_LAYER = 5,
    NICINFO_ORIGIN_RANDOM = 6,
};
enum nicinfo_status {
    NICINFO_STATUS_NONE = 0, /* not given */
    NICINFO_STATUS_PREFERRED = 1,
    NICINFO_STATUS_DEPRECATED = 2,
    NICINFO_STATUS_INVALID = 3,
    NICINFO_STATUS_INACCESSIBLE = 4,
    NICINFO_STATUS_UNKNOWN = 5,
    NICINFO_STATUS_TENTATIVE = 6,
    NICINFO_STATUS_DUPLICATE = 7,
    NICINFO_STATUS_OPTIMISTIC = 8,
};

struct nicinfo_address {
    uint32_t type;
    uint32_t len;         /* 4, 16, or what the type has */
    const uint8_t *bytes; /* network order */
};
struct nicinfo_ip {
    struct nicinfo_address address;
    uint32_t prefix;
    uint32_t origin; /* enum nicinfo_origin */
    uint32_t status; /* enum nicinfo_status */
};
struct nicinfo_dns {
    const char *host;   /* NULL = not given */
    const char *domain; /* NULL = not given */
    struct nicinfo_address *servers;
    uint32_t server_count;
    const char **suffixes;
    uint32_t suffix_count;
};
struct nicinfo_wins {
    struct nicinfo_address primary, secondary;
};
struct nicinfo_dhcp {
    bool enabled;
    const char *settings;
};
/* NULL pointers: not given. */
struct nicinfo_config {
    struct nicinfo_dns *dns;
    struct nicinfo_wins *wins;
    struct nicinfo_dhcp *dhcp4, *dhcp6;
};
struct nicinfo_nic {
    const char *mac; /* "52:54:00:12:34:56", may be "" */
    struct nicinfo_ip *ips;
    uint32_t ip_count;
    struct nicinfo_config config;
};
struct nicinfo_route {
    struct nicinfo_address destination;
    uint32_t prefix;
    struct nicinfo_address *next_hop; /* NULL = none */
    uint32_t nic;                     /* index into nics */
    uint32_t type;                    /* 0 is what Linux agents send */
    uint32_t metric;
};
struct nicinfo {
    uint32_t version; /* 1, 2, 3: how it came */
    struct nicinfo_nic *nics;
    uint32_t nic_count;
    struct nicinfo_route *routes;
    uint32_t route_count;
    struct nicinfo_config config; /* of the whole guest */
};

/* V2 or V3 by the version word (ids 9 and 10). -EBADMSG, -EMSGSIZE (a list over its limit), -ENOMEM
 * (or the arena's cap). */
int nicinfo_decode(const void *bytes, size_t len, struct arena *a, struct nicinfo *ret);
/* V1 (id 2), little endian. */
int nicinfo_decode_v1(const void *bytes, size_t len, struct arena *a, struct nicinfo *ret);
/* Appends V3. -EINVAL when a limit of the protocol would be exceeded. */
int nicinfo_encode(struct buf *b, const struct nicinfo *info);

/* "10.0.2.15", "fe80::1"; -EINVAL for types that are not addresses. Needs NICINFO_TEXT_MAX. */
#define NICINFO_TEXT_MAX 64u
int nicinfo_address_text(const struct nicinfo_address *a, char ret[NICINFO_TEXT_MAX]);
/* The address a guest is known by: the first IPv4 one, or the first IPv6 one, that is neither
 * loopback nor link-local; -ENOENT when there is none. */
int nicinfo_primary(const struct nicinfo *info, char ret[NICINFO_TEXT_MAX]);

#endif
