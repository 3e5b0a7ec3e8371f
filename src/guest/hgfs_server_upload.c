/*
 * Uploads. A file that is made new, or emptied, is written without a name (O_TMPFILE) and gets its
 * name when the host closes it: whatever dies before, even this process by SIGKILL, leaves no half
 * file, and an old file keeps its content until then. Where that is not possible, or would change
 * what the old file is (hard links, extended attributes, an owner that cannot be kept), the file is
 * written in place, and removed when it stays unfinished. Thread pool.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mem.h"
#include "guest/hgfs_server_impl.h"

/* "/a/b" is "/a"; the path is absolute. */
static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* 1 = a nameless file may take the old one's place later; 0 = better in place. */
static int replaceable(const char *path, const struct stat *old)
{
    return S_ISREG(old->st_mode) && old->st_nlink == 1 && llistxattr(path, NULL, 0) <= 0;
}

static int take_identity(int fd, const struct stat *old)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if ((st.st_uid != old->st_uid || st.st_gid != old->st_gid) &&
        fchown(fd, old->st_uid, old->st_gid) < 0)
        return -errno;
    return fchmod(fd, old->st_mode & 07777) < 0 ? -errno : 0;
}

int hgfs_upload_open(struct hgfs_node *n, int flags, mode_t mode)
{
    AUTO_FREE char *parent = parent_of(n->path);
    AUTO_CLOSE int fd = -1;
    struct stat old;
    int there = lstat(n->path, &old) == 0;

    if ((flags & O_ACCMODE) == O_RDONLY || !parent)
        return 0;
    if (there && (!(flags & O_TRUNC) || flags & O_EXCL || !replaceable(n->path, &old)))
        return 0;
    if (!there && (errno != ENOENT || !(flags & O_CREAT)))
        return 0;
    /* The right to write this file is needed, as it would be in place. */
    if (there && access(n->path, W_OK) < 0)
        return 0;
    fd = open(parent, O_TMPFILE | O_CLOEXEC | (flags & O_ACCMODE), mode);
    if (fd < 0 || (there && take_identity(fd, &old) < 0))
        return 0;
    n->fd = TAKE_FD(fd);
    n->nameless = true;
    n->replace = !(flags & O_EXCL);
    n->writable = true;
    return 1;
}

static int link_over(const char *from, const char *path)
{
    AUTO_FREE char *beside = NULL;
    uint64_t number;
    int r;

    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        return -EIO;
    beside = mem_printf("%s.%016llx", path, (unsigned long long)number);
    if (!beside)
        return -ENOMEM;
    if (linkat(AT_FDCWD, from, AT_FDCWD, beside, AT_SYMLINK_FOLLOW) < 0)
        return -errno;
    if (rename(beside, path) == 0)
        return 0;
    r = -errno;
    unlink(beside);
    return r;
}

int hgfs_upload_publish(struct hgfs_node *n)
{
    AUTO_FREE char *from = mem_printf("/proc/self/fd/%d", n->fd);
    int r = 0;

    if (!from)
        return -ENOMEM;
    if (linkat(AT_FDCWD, from, AT_FDCWD, n->path, AT_SYMLINK_FOLLOW) < 0)
        r = errno == EEXIST && n->replace ? link_over(from, n->path) : -errno;
    n->nameless = false;
    return r;
}
