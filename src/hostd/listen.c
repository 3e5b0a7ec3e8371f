#include "hostd/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define BACKLOG 512

unsigned listen_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
    } sa;
    socklen_t len = sizeof(sa);
    memset(&sa, 0, sizeof(sa));
    if (getsockname(fd, &sa.any, &len) < 0)
        return 0;
    return ntohs(sa.any.sa_family == AF_INET6 ? sa.in6.sin6_port : sa.in4.sin_port);
}

/* What is accepted inherits it. */
static int keep_alive(int fd)
{
    static const struct {
        int level, option, value;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, LISTEN_KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, LISTEN_KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_KEEPCNT, LISTEN_KEEPALIVE_PROBES},
    };

    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        if (setsockopt(fd, options[i].level, options[i].option, &options[i].value,
                       sizeof(options[i].value)) < 0)
            return -1;
    return 0;
}

static int open_one(const struct addrinfo *ai)
{
    int one = 1;
    AUTO_CLOSE int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 || keep_alive(fd) < 0 ||
        bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    return TAKE_FD(fd);
}

int listen_open(const char *address, unsigned *ret_port, struct error *err)
{
    AUTO_FREE char *host = mem_strdup(address);
    char *port = host ? strrchr(host, ':') : NULL;
    if (!port)
        return error_set(err, -EINVAL, "%s is not HOST:PORT", address);
    *port++ = '\0';
    char *name = host;
    size_t n = strlen(name);
    if (n >= 2 && name[0] == '[' && name[n - 1] == ']') {
        name[n - 1] = '\0';
        name++;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list = NULL;
    int rc = getaddrinfo(*name ? name : NULL, port, &hints, &list);
    if (rc != 0)
        return error_set(err, -EINVAL, "%s: %s", address, gai_strerror(rc));
    int fd = -EADDRNOTAVAIL;
    for (const struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next)
        fd = open_one(ai);
    freeaddrinfo(list);
    if (fd < 0)
        return error_errno(err, fd, "cannot listen on %s", address);
    *ret_port = listen_port(fd);
    return fd;
}
