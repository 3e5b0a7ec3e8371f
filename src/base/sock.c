#include "base/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

#define SOCK_BACKLOG 128

static int fill_address(struct sockaddr_un *sa, const char *path, struct error *err)
{
    memset(sa, 0, sizeof(*sa));
    sa->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof(sa->sun_path))
        return error_set(err, -ENAMETOOLONG, "socket path %s is longer than %zu bytes", path,
                         sizeof(sa->sun_path) - 1);
    memcpy(sa->sun_path, path, strlen(path));
    return 0;
}

int sock_listen_unix(const char *path, mode_t mode, struct error *err)
{
    struct sockaddr_un sa;
    struct stat st;
    AUTO_CLOSE int fd = -1;
    int r = fill_address(&sa, path, err);

    if (r)
        return r;
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_errno(err, -errno, "cannot make a socket");
    /* fchmod before bind narrows what bind creates; chmod after it widens to the exact mode. */
    if (fchmod(fd, mode & 0700) < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
        chmod(path, mode) < 0 || listen(fd, SOCK_BACKLOG) < 0)
        return error_errno(err, -errno, "cannot listen on %s", path);
    return TAKE_FD(fd);
}

int sock_connect_unix(const char *path, struct error *err)
{
    struct sockaddr_un sa;
    AUTO_CLOSE int fd = -1;
    int r = fill_address(&sa, path, err);

    if (r)
        return r;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_errno(err, -errno, "cannot make a socket");
    if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
        return error_errno(err, -errno, "cannot connect to %s", path);
    return TAKE_FD(fd);
}

int sock_pair(int ret_fds[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) < 0 ? -errno
                                                                                           : 0;
}

int sock_set_nonblocking(int fd, int on)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return -errno;
    flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int sock_peer(int fd, struct ucred *ret)
{
    socklen_t len = sizeof(*ret);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &len) < 0 ? -errno : 0;
}
