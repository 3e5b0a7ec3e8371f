/*
 * toolbox-roundtrip HOST:PORT, known to clients as the program http.RoundTrip (VIX,
 * http.RoundTrip): joins its standard input and output with a TCP connection made inside the guest.
 * It ends when the peer closes; the end of the input is not passed on, since servers take that for
 * a client that went away. Exit status 1 and a text on standard error when something fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sock.h"

#define CONNECT_MS 30000
#define BUFFER     65536u

struct flow {
    int from, to;
    size_t have, done;
    bool ended;
    char bytes[BUFFER];
};

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    return 1;
}

static int connect_one(const struct addrinfo *a)
{
    AUTO_CLOSE int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    socklen_t len = sizeof(int);
    int err = 0;

    if (fd < 0)
        return -errno;
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
        return TAKE_FD(fd);
    if (errno != EINPROGRESS)
        return -errno;
    if (poll(&p, 1, CONNECT_MS) != 1)
        return -ETIMEDOUT;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
        return -errno;
    return err ? -err : TAKE_FD(fd);
}

/* 1: one step further, 0: nothing to do now, negative errno. */
static int move(struct flow *f)
{
    ssize_t n;

    if (f->done < f->have) {
        n = write(f->to, f->bytes + f->done, f->have - f->done);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        f->done += (size_t)n;
        return 1;
    }
    if (f->ended)
        return 0;
    n = read(f->from, f->bytes, sizeof(f->bytes));
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    f->ended = n == 0;
    f->have = (size_t)n;
    f->done = 0;
    return 1;
}

static int round_trip(int fd)
{
    static struct flow up, down;
    int r = 0;

    up.from = STDIN_FILENO;
    up.to = down.from = fd;
    down.to = STDOUT_FILENO;
    for (int i = 0; i < 2 && r == 0; i++)
        r = sock_set_nonblocking(i, 1);
    while (r == 0 && !(down.ended && down.done == down.have)) {
        struct pollfd p[4] = {
            {.fd = up.ended || up.done < up.have ? -1 : up.from, .events = POLLIN},
            {.fd = fd},
            {.fd = down.done < down.have ? down.to : -1, .events = POLLOUT},
            /* Nobody reads any more: POLLERR comes unasked. */
            {.fd = down.to}};

        if (up.done < up.have)
            p[1].events |= POLLOUT;
        if (down.done == down.have)
            p[1].events |= POLLIN;
        if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
            return -errno;
        if (p[3].revents & POLLERR)
            return -EPIPE;
        r = move(&down);
        if (r >= 0 && !(up.ended && up.done == up.have)) {
            int u = move(&up);

            /* A server may answer and close before it has read everything. */
            if (u < 0) {
                up.ended = true;
                up.have = up.done = 0;
            }
        }
        r = r < 0 ? r : 0;
    }
    return r;
}

int main(int argc, char **argv)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    AUTO_FREE char *host = argc == 2 ? mem_strdup(argv[1]) : NULL;
    char *port = host ? strrchr(host, ':') : NULL, *name = host;
    int r, fd = -EINVAL;

    if (!port || !port[1])
        return fail("http.RoundTrip", "HOST:PORT is wanted");
    *port++ = '\0';
    if (name[0] == '[' && port[-2] == ']') {
        port[-2] = '\0';
        name++;
    }
    r = getaddrinfo(*name ? name : "localhost", port, &hints, &list);
    if (r)
        return fail(argv[1], gai_strerror(r));
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
        fd = connect_one(a);
    freeaddrinfo(list);
    if (fd < 0)
        return fail(argv[1], strerror(-fd));
    r = round_trip(fd);
    close(fd);
    return r < 0 ? fail(argv[1], strerror(-r)) : 0;
}
