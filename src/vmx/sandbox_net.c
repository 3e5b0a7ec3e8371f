/*
 * The sandbox's network: lo, and an interface eth0 that leads nowhere. It gives the guest an
 * address to report, as every guest has one, and a place to bind servers to; it is a bridge without
 * ports in the guest's own network namespace, so no packet ever leaves it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "vmx/sandbox.h"

#define NET_NAME "eth0"

static int set_up(int fd, const char *name, struct error *err)
{
    struct ifreq ifr = {0};

    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
    ifr.ifr_flags = IFF_UP;
    return ioctl(fd, SIOCSIFFLAGS, &ifr) < 0
               ? error_errno(err, -errno, "cannot set the interface %s up", name)
               : 0;
}

static int set_address(int fd, unsigned long what, uint32_t address, struct error *err)
{
    struct ifreq ifr = {.ifr_name = NET_NAME};
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};

    memcpy(&ifr.ifr_addr, &sa, sizeof(sa));
    return ioctl(fd, what, &ifr) < 0
               ? error_errno(err, -errno, "cannot give " NET_NAME " its address")
               : 0;
}

/* Unlike any other sandbox's of this machine: from the guest's range of user ids. */
static int make_eth0(int fd, unsigned uid_base, struct error *err)
{
    unsigned number = uid_base >> 16;
    const unsigned char mac[6] = {
        0x02, 0x69, 0x67, 0, (unsigned char)(number >> 8), (unsigned char)number};
    struct ifreq ifr = {.ifr_name = NET_NAME};
    uint32_t address = 10u << 24 | (number >> 8 & 0xff) << 16 | (number & 0xff) << 8 | 2;
    int r;

    if (ioctl(fd, SIOCBRADDBR, NET_NAME) < 0)
        return -errno;
    ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    memcpy(ifr.ifr_hwaddr.sa_data, mac, sizeof(mac));
    if (ioctl(fd, SIOCSIFHWADDR, &ifr) < 0)
        return error_errno(err, -errno, "cannot give " NET_NAME " its MAC address");
    r = set_address(fd, SIOCSIFADDR, address, err);
    if (!r)
        r = set_address(fd, SIOCSIFNETMASK, 0xffffff00u, err);
    return r ? r : set_up(fd, NET_NAME, err);
}

int sandbox_net_up(unsigned uid_base, struct error *err)
{
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int r;

    if (fd < 0)
        return errno == EAFNOSUPPORT ? 0 : error_errno(err, -errno, "cannot open a socket for lo");
    r = set_up(fd, "lo", err);
    if (r)
        return r;
    r = make_eth0(fd, uid_base, err);
    /* A kernel without bridges: the guest has lo only. */
    return r == -ENOPKG || r == -EOPNOTSUPP || r == -ENOTTY || r == -EINVAL ? 0 : r;
}
