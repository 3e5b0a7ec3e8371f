#include "guest/regular_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mem.h"
#include "guest/pseudo_file.h"

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

/* Opens it as a nameless upload: 1, or 0 when it has to be opened in place. */
static int open_nameless(struct regular_file *f, int flags, mode_t mode)
{
    AUTO_FREE char *parent = parent_of(f->path);
    AUTO_CLOSE int fd = -1;
    struct stat old;
    int there = lstat(f->path, &old) == 0;

    if ((flags & O_ACCMODE) == O_RDONLY || !parent)
        return 0;
    if (there && (!(flags & O_TRUNC) || flags & O_EXCL || !replaceable(f->path, &old)))
        return 0;
    if (!there && (errno != ENOENT || !(flags & O_CREAT)))
        return 0;
    /* The right to write this file is needed, as it would be in place. */
    if (there && access(f->path, W_OK) < 0)
        return 0;
    fd = open(parent, O_TMPFILE | O_CLOEXEC | (flags & O_ACCMODE), mode);
    if (fd < 0 || (there && take_identity(fd, &old) < 0))
        return 0;
    f->fd = TAKE_FD(fd);
    f->nameless = true;
    f->replace = !(flags & O_EXCL);
    f->writable = true;
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

/* Gives a nameless upload its name. */
static int publish(struct regular_file *f)
{
    AUTO_FREE char *from = mem_printf("/proc/self/fd/%d", f->fd);
    int r = 0;

    if (!from)
        return -ENOMEM;
    if (linkat(AT_FDCWD, from, AT_FDCWD, f->path, AT_SYMLINK_FOLLOW) < 0)
        r = errno == EEXIST && f->replace ? link_over(from, f->path) : -errno;
    f->nameless = false;
    return r;
}

int regular_file_open(struct regular_file *f, int flags, mode_t mode)
{
    struct stat st;
    bool before = lstat(f->path, &st) == 0;

    if (before && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
        return -EACCES;
    if (open_nameless(f, flags, mode))
        return 0;
    f->fd = open(f->path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, mode);
    if (f->fd < 0)
        return errno == EAGAIN ? -EACCES : -errno;
    if (fstat(f->fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EACCES;
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    f->writable = (flags & O_ACCMODE) != O_RDONLY;
    f->pseudo = !f->writable && pseudo_file_fd(f->fd, &st);
    f->unfinished = f->writable && (flags & O_TRUNC || (flags & O_CREAT && !before));
    return 0;
}

int regular_file_complete(struct regular_file *f)
{
    int r = 0;

    f->unfinished = false;
    if (f->nameless)
        r = publish(f);
    if (f->fd >= 0 && close(f->fd) < 0 && errno != EINTR && r == 0)
        r = -errno;
    f->fd = -1;
    return r;
}

/* Is the name still that of the file that was opened? */
static bool still_there(const struct regular_file *f)
{
    struct stat st;

    return f->path && lstat(f->path, &st) == 0 && st.st_dev == f->dev && st.st_ino == f->ino;
}

void regular_file_remove(const struct regular_file *f)
{
    if (f->unfinished && still_there(f))
        unlink(f->path);
}

void regular_file_close(struct regular_file *f)
{
    regular_file_remove(f);
    f->unfinished = false;
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}
