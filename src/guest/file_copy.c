#include "guest/file_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

#define COPY_CHUNK (256u * 1024u)
#define DEPTH_MAX  256u

int file_rename(const char *from, const char *to, int replace)
{
    if (replace)
        return rename(from, to) < 0 ? -errno : 0;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    /* Some file systems do not know the flag; the caller has looked already. */
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    if (faccessat(AT_FDCWD, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return -EEXIST;
    return rename(from, to) < 0 ? -errno : 0;
}

static int copy_bytes(int from, int to)
{
    AUTO_FREE char *chunk = mem_alloc(COPY_CHUNK);
    int r = 0;

    if (!chunk)
        return -ENOMEM;
    while (r == 0) {
        ssize_t n = read(from, chunk, COPY_CHUNK);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        r = fs_write_all(to, chunk, (size_t)n);
    }
    return r;
}

static int keep_metadata(int fd, const struct stat *st)
{
    struct timespec times[2] = {st->st_atim, st->st_mtim};

    /* Only root may give files away; for others the copy is their own. */
    if (fchown(fd, st->st_uid, st->st_gid) < 0 && errno != EPERM)
        return -errno;
    if (fchmod(fd, st->st_mode & 07777) < 0 || futimens(fd, times) < 0)
        return -errno;
    return 0;
}

static int copy_file(int fromdir, const char *from, int todir, const char *to)
{
    AUTO_CLOSE int in = -1, out = -1;
    struct stat st;
    int r;

    in = openat(fromdir, from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (in < 0 || fstat(in, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    out = openat(todir, to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (out < 0)
        return -errno;
    r = copy_bytes(in, out);
    return r < 0 ? r : keep_metadata(out, &st);
}

static int copy_link(int fromdir, const char *from, int todir, const char *to)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(fromdir, from, target, sizeof(target) - 1);

    if (n < 0)
        return -errno;
    target[n] = '\0';
    return symlinkat(target, todir, to) < 0 ? -errno : 0;
}

static int copy_any(int fromdir, const char *from, int todir, const char *to, unsigned depth);

static int copy_entries(DIR *d, int out, unsigned depth)
{
    struct dirent *e;
    int r = 0;

    while (r == 0 && (e = readdir(d)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            r = copy_any(dirfd(d), e->d_name, out, e->d_name, depth + 1);
    return r;
}

static int copy_directory(int fromdir, const char *from, int todir, const char *to, unsigned depth)
{
    AUTO_CLOSE int in = -1, out = -1;
    struct stat st;
    DIR *d;
    int r;

    if (depth >= DEPTH_MAX)
        return -ELOOP;
    in = openat(fromdir, from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (in < 0 || fstat(in, &st) < 0)
        return -errno;
    if (mkdirat(todir, to, 0700) < 0)
        return -errno;
    out = openat(todir, to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    d = out < 0 ? NULL : fdopendir(in);
    if (!d)
        return -errno;
    (void)TAKE_FD(in);
    r = copy_entries(d, out, depth);
    closedir(d);
    return r < 0 ? r : keep_metadata(out, &st);
}

static int copy_any(int fromdir, const char *from, int todir, const char *to, unsigned depth)
{
    struct stat st;

    if (fstatat(fromdir, from, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return copy_directory(fromdir, from, todir, to, depth);
    if (S_ISLNK(st.st_mode))
        return copy_link(fromdir, from, todir, to);
    return copy_file(fromdir, from, todir, to);
}

int file_move_across(const char *from, const char *to, int replace)
{
    AUTO_FREE char *beside = NULL;
    size_t n = strlen(to);
    uint64_t number;
    int r;

    while (n > 1 && to[n - 1] == '/')
        n--;
    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        return -EIO;
    beside = mem_printf("%.*s.%016llx", (int)n, to, (unsigned long long)number);
    if (!beside)
        return -ENOMEM;
    r = copy_any(AT_FDCWD, from, AT_FDCWD, beside, 0);
    if (r == 0)
        r = file_rename(beside, to, replace);
    if (r < 0) {
        fs_remove_tree(AT_FDCWD, beside, NULL);
        return r;
    }
    return fs_remove_tree(AT_FDCWD, from, NULL);
}
