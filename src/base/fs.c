#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

#define FS_READ_CHUNK 65536u

int fs_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
    struct open_how how = {
        .flags = (unsigned)(flags | O_CLOEXEC),
        .mode = flags & (O_CREAT | O_TMPFILE) ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

    return fd < 0 ? -errno : (int)fd;
}

int fs_read_file(int dirfd, const char *path, struct buf *b, struct error *err)
{
    AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd < 0)
        return error_errno(err, -errno, "cannot open %s", path);
    if (fstat(fd, &st) < 0)
        return error_errno(err, -errno, "cannot stat %s", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, -EINVAL, "%s is not a regular file", path);
    for (;;) {
        size_t want = b->max - b->len < FS_READ_CHUNK ? b->max - b->len + 1 : FS_READ_CHUNK;
        static _Thread_local uint8_t chunk[FS_READ_CHUNK];
        ssize_t n = read(fd, chunk, want);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, -errno, "cannot read %s", path);
        if (n == 0)
            return 0;
        if (buf_put(b, chunk, (size_t)n))
            return error_errno(err, b->err, "%s is larger than %zu bytes", path, b->max);
    }
}

int fs_write_all(int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int fs_write_file(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
                  struct error *err)
{
    char temp[NAME_MAX + 1];
    AUTO_CLOSE int fd = -1;
    AUTO_CLOSE int folder = -1;
    int r;

    if (snprintf(temp, sizeof(temp), "%s.%d.tmp", name, (int)getpid()) >= (int)sizeof(temp))
        return error_set(err, -ENAMETOOLONG, "the name %s is too long", name);
    unlinkat(dirfd, temp, 0);
    fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return error_errno(err, -errno, "cannot create %s", temp);
    r = fchmod(fd, mode) < 0 ? -errno : fs_write_all(fd, data, len);
    if (!r && fsync(fd) < 0)
        r = -errno;
    if (!r && renameat(dirfd, temp, dirfd, name) < 0)
        r = -errno;
    if (r) {
        unlinkat(dirfd, temp, 0);
        return error_errno(err, r, "cannot write %s", name);
    }
    folder = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || fsync(folder) < 0)
        return error_errno(err, -errno, "cannot make %s durable", name);
    return 0;
}

int fs_mkdirs(const char *path, mode_t mode, struct error *err)
{
    char part[PATH_MAX];
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof(part))
        return error_set(err, -ENAMETOOLONG, "bad folder name \"%s\"", path);
    memcpy(part, path, len + 1);
    for (size_t i = 1; i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        part[i] = '\0';
        if (mkdir(part, mode) < 0 && errno != EEXIST)
            return error_errno(err, -errno, "cannot create folder %s", part);
        if (i < len)
            part[i] = '/';
    }
    return 0;
}

/* Folders nested deeper than this are moved up first: a tree that somebody else made may be deeper
 * than there are descriptors. */
#define REMOVE_DEPTH_MAX 64u

struct removal {
    int top; /* the tree itself */
    unsigned moved;
};

static int remove_entry(struct removal *rm, int dirfd, const char *name, unsigned depth);

/* Takes `dirfd`. */
static int remove_children(struct removal *rm, int dirfd, unsigned depth)
{
    DIR *d = fdopendir(dirfd);
    const struct dirent *e;
    int r = 0;

    if (!d) {
        r = -errno;
        close(dirfd);
        return r;
    }
    while (!r && (e = readdir(d))) {
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            r = remove_entry(rm, dirfd, e->d_name, depth);
    }
    closedir(d);
    return r;
}

/* To the top, under a name of its own; remove_top comes to it. */
static int move_up(struct removal *rm, int dirfd, const char *name)
{
    char temp[32];
    int r;

    do {
        snprintf(temp, sizeof(temp), ".deep-%u", rm->moved++);
        r = renameat2(dirfd, name, rm->top, temp, RENAME_NOREPLACE) < 0 ? -errno : 0;
    } while (r == -EEXIST);
    return r;
}

static int remove_entry(struct removal *rm, int dirfd, const char *name, unsigned depth)
{
    int r, fd;

    if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    if (depth >= REMOVE_DEPTH_MAX && unlinkat(dirfd, name, AT_REMOVEDIR) == 0)
        return 0;
    if (depth >= REMOVE_DEPTH_MAX)
        return move_up(rm, dirfd, name);
    fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    r = remove_children(rm, fd, depth + 1);
    return !r && unlinkat(dirfd, name, AT_REMOVEDIR) < 0 ? -errno : r;
}

/* Rounds, until nothing has been moved up. */
static int remove_top(int top)
{
    struct removal rm = {.top = top};
    unsigned before;
    int r;

    do {
        int fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        before = rm.moved;
        r = fd < 0 ? -errno : remove_children(&rm, fd, 0);
    } while (!r && rm.moved != before);
    return r;
}

int fs_remove_tree(int dirfd, const char *name, struct error *err)
{
    AUTO_CLOSE int top = -1;
    int r;

    if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return error_errno(err, -errno, "cannot remove %s", name);
    top = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (top < 0)
        return error_errno(err, -errno, "cannot open folder %s", name);
    r = remove_top(top);
    if (!r && unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
        r = -errno;
    return r ? error_errno(err, r, "cannot remove folder %s", name) : 0;
}
