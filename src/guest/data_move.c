#include "guest/data_move.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define BLOCK    (256u * 1024u)
#define SEND_MAX (1u << 30) /* of one call */

static int send_all(int sock, const uint8_t *data, size_t len, uint64_t *count)
{
    while (len) {
        ssize_t n = send(sock, data, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        data += n;
        len -= (size_t)n;
        *count += (size_t)n;
    }
    return 0;
}

int data_move_send_read(int sock, int fd, uint64_t *count)
{
    AUTO_FREE uint8_t *block = mem_alloc(BLOCK);

    if (!block)
        return -ENOMEM;
    for (;;) {
        ssize_t n = read(fd, block, BLOCK);
        int r;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        r = send_all(sock, block, (size_t)n, count);
        if (r < 0)
            return r;
    }
}

/* For file systems that cannot splice. */
static int copy_file(int sock, int fd, uint64_t size, uint64_t *count)
{
    AUTO_FREE uint8_t *block = mem_alloc(BLOCK);

    if (!block)
        return -ENOMEM;
    while (*count < size) {
        uint64_t left = size - *count;
        ssize_t n = pread(fd, block, left < BLOCK ? left : BLOCK, (off_t)*count);
        int r;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        r = send_all(sock, block, (size_t)n, count);
        if (r < 0)
            return r;
    }
    return 0;
}

int data_move_send_file(int sock, int fd, uint64_t size, uint64_t *count)
{
    while (*count < size) {
        off_t at = (off_t)*count;
        uint64_t left = size - *count;
        ssize_t n = sendfile(sock, fd, &at, left < SEND_MAX ? left : SEND_MAX);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EINVAL || errno == ENOSYS))
            return copy_file(sock, fd, size, count);
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        *count += (uint64_t)n;
    }
    return 0;
}

/* Until the pipe can go on; -EPIPE when there is no connection any more. */
static int wait_pipe(int sock, int pipe, short events)
{
    struct pollfd p[2] = {{.fd = pipe, .events = events}, {.fd = sock}};

    while (poll(p, 2, -1) < 0)
        if (errno != EINTR)
            return -errno;
    return p[1].revents & (POLLHUP | POLLERR) ? -EPIPE : 0;
}

int data_move_send_pipe(int sock, int pipe, uint64_t *count)
{
    for (;;) {
        ssize_t n = splice(pipe, NULL, sock, NULL, BLOCK, SPLICE_F_NONBLOCK);
        int r = 0;

        if (n == 0)
            return 0;
        if (n > 0)
            *count += (uint64_t)n;
        else if (errno == EAGAIN)
            r = wait_pipe(sock, pipe, POLLIN);
        else if (errno != EINTR)
            return -errno;
        if (r < 0)
            return r;
    }
}

/* Bytes, 0 at the end. */
static ssize_t receive(int sock, uint8_t *block)
{
    ssize_t n;

    do
        n = recv(sock, block, BLOCK, 0);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static bool all_zero(const uint8_t *p, size_t len)
{
    return !p[0] && memcmp(p, p + 1, len - 1) == 0;
}

static int write_at(int fd, const uint8_t *data, size_t len, uint64_t *count)
{
    while (len) {
        ssize_t n = pwrite(fd, data, len, (off_t)*count);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        data += n;
        len -= (size_t)n;
        *count += (uint64_t)n;
    }
    return 0;
}

int data_move_receive_file(int sock, int fd, uint64_t max, uint64_t *count)
{
    AUTO_FREE uint8_t *block = mem_alloc(BLOCK);
    bool hole = false;

    if (!block)
        return -ENOMEM;
    for (;;) {
        ssize_t got = receive(sock, block);
        int r = 0;

        if (got < 0)
            return (int)got;
        /* A hole at the end is only there when the size says so. */
        if (got == 0)
            return hole && ftruncate(fd, (off_t)*count) < 0 ? -errno : 0;
        if ((uint64_t)got > max - *count)
            return -EFBIG;
        hole = all_zero(block, (size_t)got);
        if (hole)
            *count += (uint64_t)got;
        else
            r = write_at(fd, block, (size_t)got, count);
        if (r < 0)
            return r;
    }
}

int data_move_receive_pipe(int sock, int pipe, uint64_t *count)
{
    AUTO_FREE uint8_t *block = mem_alloc(BLOCK);

    if (!block)
        return -ENOMEM;
    for (;;) {
        ssize_t got = receive(sock, block);

        if (got <= 0)
            return (int)got;
        for (ssize_t done = 0; done < got;) {
            ssize_t n = write(pipe, block + done, (size_t)(got - done));
            int r = 0;

            if (n > 0) {
                done += n;
                *count += (uint64_t)n;
            } else if (n < 0 && errno == EAGAIN) {
                r = wait_pipe(sock, pipe, POLLOUT);
            } else if (n < 0 && errno != EINTR) {
                return -errno;
            }
            if (r < 0)
                return r;
        }
    }
}
