#include "guest/stream_link.h"

#include <errno.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

/* Larger is faster; the kernel gives what an account without rights may have. */
#define SOCKET_BYTES (1024 * 1024)

static int connect_unix(const char *link_dir)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = STREAM_LINK_CONNECT_S};
    const int size = SOCKET_BYTES;
    AUTO_CLOSE int fd = -1;
    int n;

    if (!link_dir)
        return -ENOENT;
    n = snprintf(to.sun_path, sizeof(to.sun_path), "%s/%u", link_dir, VIX_STREAM_SERVICE);
    if (n < 0 || (size_t)n >= sizeof(to.sun_path))
        return -ENAMETOOLONG;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
        return -errno;
    return TAKE_FD(fd);
}

static int connect_vsock(unsigned cid)
{
    const struct sockaddr_vm to = {
        .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = VIX_STREAM_SERVICE};
    const struct timeval patience = {.tv_sec = STREAM_LINK_CONNECT_S};
    const unsigned long long size = SOCKET_BYTES;
    AUTO_CLOSE int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &size, sizeof(size));
    setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &size, sizeof(size));
    setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
        return -errno;
    return TAKE_FD(fd);
}

/* A new connection takes so few bytes whole. */
static int greet(int fd, const uint8_t token[VIX_STREAM_TOKEN_SIZE])
{
    static const struct timeval forever;
    AUTO_BUF struct buf b = BUF_INIT(VIX_STREAM_GREETING_SIZE);
    ssize_t n;

    if (vix_stream_greeting_encode(&b, token) < 0)
        return buf_error(&b);
    n = send(fd, b.data, b.len, MSG_NOSIGNAL);
    if (n != (ssize_t)b.len)
        return n < 0 ? -errno : -EIO;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &forever, sizeof(forever));
    return 0;
}

int stream_link_connect(const char *link_dir, const uint8_t token[VIX_STREAM_TOKEN_SIZE])
{
    AUTO_CLOSE int fd = connect_unix(link_dir);
    int r;

    if (fd < 0)
        fd = connect_vsock(VMADDR_CID_HYPERVISOR);
    if (fd < 0)
        fd = connect_vsock(VMADDR_CID_HOST);
    if (fd < 0)
        return fd;
    r = greet(fd, token);
    return r < 0 ? r : TAKE_FD(fd);
}
