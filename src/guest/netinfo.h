/*
 * The guest's network as it is now: NICs with their addresses, routes, DNS. (Guest RPC protocol,
 * "V3 (id 10)".) Loopback and interfaces without a MAC address are left out.
 */
#ifndef GUEST_NETINFO_H
#define GUEST_NETINFO_H

#include "base/arena.h"
#include "guest/conf.h"
#include "wire/nicinfo.h"

#define NETINFO_ARENA_MAX (1024u * 1024u)
/* What the host keeps of one NIC at most. */
#define NETINFO_IPS_MAX 64u

/* Everything in `ret` lives in the arena. tools.conf, group guestinfo: exclude-nics, primary-nics
 * and low-priority-nics, comma separated patterns as of fnmatch(3). -ENOMEM or what the kernel
 * says. */
int netinfo_collect(const struct conf *conf, const char *host_name, struct arena *a,
                    struct nicinfo *ret);

/* The pieces, for tests: text of /proc/net/route, /proc/net/ipv6_route and resolv.conf. `nics`
 * names the interfaces in the order of the NIC list. */
int netinfo_routes4(const char *text, const char *const *nics, uint32_t nic_count, struct arena *a,
                    struct nicinfo *info);
int netinfo_routes6(const char *text, const char *const *nics, uint32_t nic_count, struct arena *a,
                    struct nicinfo *info);
int netinfo_resolv(const char *text, const char *host_name, struct arena *a, struct nicinfo *info);

#endif
