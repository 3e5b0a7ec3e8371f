/*
 * A tar stream from standard input, into a folder. Nothing is ever written outside of it: every
 * name is walked from the folder's descriptor, component by component, and no symbolic link is
 * followed on the way, whoever has made it.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "guest/archive_tool.h"

#define PARENT_MODE 0750
#define BLOCK_BYTES 65536u

/* A name that leads out of the folder, or nowhere: it is skipped. */
#define NO_NAME 1

static int archive_error(struct archive *a)
{
    int e = archive_errno(a);

    /* libarchive's own numbers are not errno values. */
    return e > 0 && e != EILSEQ ? -e : -EBADMSG;
}

static int enter(int dir, const char *name, bool make)
{
    int fd;

    if (make && mkdirat(dir, name, PARENT_MODE) < 0 && errno != EEXIST)
        return -errno;
    fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Opens the folder that `name` lies in; its last component goes to ret_base, "" when the name is
 * the folder itself. */
static int open_parent(int root, const char *name, bool make, int *ret_dir,
                       char ret_base[NAME_MAX + 1])
{
    AUTO_CLOSE int dir = fcntl(root, F_DUPFD_CLOEXEC, 3);
    unsigned depth = 0;

    ret_base[0] = '\0';
    if (dir < 0)
        return -errno;
    while (*name) {
        size_t len;
        int next;

        name += strspn(name, "/");
        len = strcspn(name, "/");
        if (len == 0 || (len == 1 && name[0] == '.')) {
            name += len;
            continue;
        }
        if (len == 2 && name[0] == '.' && name[1] == '.')
            return NO_NAME;
        if (len > NAME_MAX || ++depth > ARCHIVE_DEPTH_MAX)
            return -ENAMETOOLONG;
        if (ret_base[0]) {
            next = enter(dir, ret_base, make);
            if (next < 0)
                return next;
            close(dir);
            dir = next;
        }
        memcpy(ret_base, name, len);
        ret_base[len] = '\0';
        name += len;
    }
    *ret_dir = TAKE_FD(dir);
    return 0;
}

/* Makes way for what is not a folder. */
static int clear_name(int dir, const char *base)
{
    return unlinkat(dir, base, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int take_data(struct archive *in, int fd, int64_t size)
{
    const void *data;
    size_t len;
    int64_t offset;
    int r;

    while ((r = archive_read_data_block(in, &data, &len, &offset)) == ARCHIVE_OK) {
        const char *p = data;

        while (len) {
            ssize_t n = pwrite(fd, p, len, offset);

            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                return -errno;
            p += n;
            len -= (size_t)n;
            offset += n;
        }
    }
    if (r != ARCHIVE_EOF)
        return archive_error(in);
    /* A hole at the end. */
    return ftruncate(fd, size) < 0 ? -errno : 0;
}

static int take_file(struct archive *in, struct archive_entry *e, int dir, const char *base)
{
    /* A new file, not the old one's content: that may have other names elsewhere. */
    AUTO_CLOSE int fd = -1;
    struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
    int r = clear_name(dir, base);

    if (r < 0)
        return r;
    fd = openat(dir, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                archive_entry_perm(e) & 0777);
    if (fd < 0)
        return -errno;
    r = take_data(in, fd, archive_entry_size(e));
    if (r < 0) {
        unlinkat(dir, base, 0); /* half of a file is worse than none */
        return r;
    }
    if (archive_entry_mtime_is_set(e)) {
        times[1] = (struct timespec){archive_entry_mtime(e), archive_entry_mtime_nsec(e)};
        futimens(fd, times); /* for what it is worth */
    }
    return close(TAKE_FD(fd)) < 0 && errno != EINTR ? -errno : 0;
}

static int take_folder(struct archive_entry *e, int dir, const char *base)
{
    struct stat st;

    /* Its owner must be able to put into it what follows. */
    if (!*base || mkdirat(dir, base, (archive_entry_perm(e) & 0777) | S_IRWXU) == 0)
        return 0;
    if (errno != EEXIST)
        return -errno;
    if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static int take_link(struct archive_entry *e, int root, int dir, const char *base)
{
    const char *symbolic = archive_entry_symlink(e), *hard = archive_entry_hardlink(e);
    AUTO_CLOSE int from = -1;
    char from_base[NAME_MAX + 1];
    int r;

    if (hard) {
        r = open_parent(root, hard, false, &from, from_base);
        if (r)
            return r;
        if (!*from_base)
            return NO_NAME;
    } else if (!symbolic || !*symbolic) {
        return NO_NAME;
    }
    r = clear_name(dir, base);
    if (r < 0)
        return r;
    if (hard)
        return linkat(from, from_base, dir, base, 0) < 0 ? -errno : 0;
    return symlinkat(symbolic, dir, base) < 0 ? -errno : 0;
}

static int take_entry(const struct archive_request *rq, struct archive *in, struct archive_entry *e,
                      int root)
{
    const char *name = archive_entry_pathname(e);
    char base[NAME_MAX + 1];
    AUTO_CLOSE int dir = -1;
    int r;

    if (!name || archive_skips(rq, name))
        return 0;
    r = open_parent(root, name, true, &dir, base);
    if (r == 0 && archive_entry_filetype(e) == AE_IFDIR && !archive_entry_hardlink(e))
        r = take_folder(e, dir, base);
    else if (r == 0 && !*base)
        r = NO_NAME;
    else if (r == 0 && (archive_entry_hardlink(e) || archive_entry_filetype(e) == AE_IFLNK))
        r = take_link(e, root, dir, base);
    else if (r == 0 && archive_entry_filetype(e) == AE_IFREG)
        r = take_file(in, e, dir, base);
    /* Devices, pipes and the like are not made. */
    return r == NO_NAME ? 0 : r;
}

/* Whoever sends goes on to the end, filling after the archive's own included. */
static void drain(void)
{
    static char drop[BLOCK_BYTES];
    ssize_t n;

    do
        n = read(STDIN_FILENO, drop, sizeof(drop));
    while (n > 0 || (n < 0 && errno == EINTR));
}

int archive_extract(const struct archive_request *rq)
{
    struct archive *in = archive_read_new();
    AUTO_CLOSE int root = -1;
    struct archive_entry *e;
    int r = fs_mkdirs(rq->path, PARENT_MODE, NULL), next = ARCHIVE_EOF;

    if (!in)
        return -ENOMEM;
    if (r == 0)
        root = open(rq->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r == 0 && root < 0)
        r = -errno;
    if (r == 0 && (archive_read_support_filter_gzip(in) < ARCHIVE_WARN ||
                   archive_read_support_format_tar(in) < ARCHIVE_WARN ||
                   archive_read_support_format_empty(in) < ARCHIVE_WARN ||
                   archive_read_open_fd(in, STDIN_FILENO, BLOCK_BYTES) != ARCHIVE_OK))
        r = archive_error(in);
    while (r == 0) {
        next = archive_read_next_header(in, &e);
        if (next == ARCHIVE_EOF)
            break;
        r = next < ARCHIVE_WARN ? archive_error(in) : take_entry(rq, in, e, root);
    }
    if (r == 0)
        drain();
    archive_read_free(in);
    return r;
}
