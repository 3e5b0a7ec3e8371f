/* A folder as a tar stream on standard output. */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "guest/archive_tool.h"

#define COPY_BYTES 65536u
/* Longer names than the system takes in one piece, as a tree that is deep enough has them. */
#define NAME_BYTES_MAX (64u * 1024u)
#define ENTRIES_MAX    (16u * 1024u * 1024u) /* of one folder */

struct sending {
    const struct archive_request *rq;
    struct archive *out;
    struct archive_entry *entry;
    struct buf name; /* below the folder */
    unsigned depth;
    uint8_t bytes[COPY_BYTES];
};

static int archive_error(struct archive *a)
{
    int e = archive_errno(a);

    return e > 0 ? -e : -EIO;
}

/* What may not be read is left out; everything else ends the archive. */
static bool left_out(int err)
{
    return err == EACCES || err == EPERM || err == ENOENT;
}

static int put_data(struct sending *s, int fd, off_t left)
{
    while (left > 0) {
        size_t want = left < (off_t)sizeof(s->bytes) ? (size_t)left : sizeof(s->bytes);
        ssize_t n = read(fd, s->bytes, want);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EIO; /* it became shorter, and the header has promised the old size */
        if (archive_write_data(s->out, s->bytes, (size_t)n) != n)
            return archive_error(s->out);
        left -= n;
    }
    return 0;
}

static int put_entry(struct sending *s, int dir, const char *base, const struct stat *st, int fd)
{
    AUTO_FREE char *name =
        mem_printf("%s%s%s", s->rq->prefix, buf_text(&s->name), S_ISDIR(st->st_mode) ? "/" : "");
    char target[PATH_MAX];
    ssize_t n;
    int r;

    if (!name)
        return -ENOMEM;
    archive_entry_clear(s->entry);
    archive_entry_copy_stat(s->entry, st);
    archive_entry_copy_pathname(s->entry, name);
    archive_entry_set_nlink(s->entry, 1);
    if (S_ISLNK(st->st_mode)) {
        n = readlinkat(dir, base, target, sizeof(target) - 1);
        if (n < 0)
            return left_out(errno) ? 0 : -errno;
        target[n] = '\0';
        archive_entry_copy_symlink(s->entry, target);
    }
    if (!S_ISREG(st->st_mode))
        archive_entry_set_size(s->entry, 0);
    r = archive_write_header(s->out, s->entry);
    if (r < ARCHIVE_WARN)
        return archive_error(s->out);
    return S_ISREG(st->st_mode) ? put_data(s, fd, st->st_size) : 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mem_free(names[i]);
    mem_free(names);
}

/* The names in a folder, sorted. */
static int list(DIR *d, char ***ret, size_t *ret_count)
{
    char **names = NULL, **more;
    size_t n = 0, room = 0;
    struct dirent *e;
    int r = 0;

    while (r == 0) {
        errno = 0;
        e = readdir(d);
        if (!e) {
            r = -errno;
            break;
        }
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (n == room) {
            room = room ? room * 2 : 64;
            more = room > ENTRIES_MAX ? NULL : mem_realloc(names, room * sizeof(*names));
            if (!more) {
                r = -ENOMEM;
                break;
            }
            names = more;
        }
        names[n] = mem_strdup(e->d_name);
        r = names[n] ? 0 : -ENOMEM;
        n += r == 0;
    }
    if (r < 0) {
        free_names(names, n);
        return r;
    }
    if (n)
        qsort(names, n, sizeof(*names), compare);
    *ret = names;
    *ret_count = n;
    return 0;
}

static int put_name(struct sending *s, int dir, const char *base);

/* What is in a folder; takes the descriptor. */
static int put_folder(struct sending *s, int fd)
{
    DIR *d = fdopendir(fd);
    size_t count = 0, before = s->name.len;
    char **names = NULL;
    int r;

    if (!d) {
        r = -errno;
        close(fd);
        return r;
    }
    r = ++s->depth > ARCHIVE_DEPTH_MAX ? -ENAMETOOLONG : list(d, &names, &count);
    for (size_t i = 0; i < count && r == 0; i++) {
        r = buf_printf(&s->name, "%s%s", before ? "/" : "", names[i]);
        if (r == 0 && !archive_skips(s->rq, buf_text(&s->name)))
            r = put_name(s, fd, names[i]);
        s->name.len = before;
    }
    free_names(names, count);
    closedir(d);
    s->depth--;
    return r;
}

static int put_name(struct sending *s, int dir, const char *base)
{
    AUTO_CLOSE int fd = -1;
    struct stat st;
    int r;

    if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return left_out(errno) ? 0 : -errno;
    if (S_ISSOCK(st.st_mode))
        return 0; /* tar has no such thing */
    if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
        fd = openat(dir, base,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
                        (S_ISDIR(st.st_mode) ? O_DIRECTORY : 0));
        if (fd < 0 && (!left_out(errno) || S_ISREG(st.st_mode)))
            return left_out(errno) ? 0 : -errno;
        /* It may be another file by now. */
        if (fd >= 0 && fstat(fd, &st) < 0)
            return -errno;
        if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
            return 0;
    }
    r = put_entry(s, dir, base, &st, fd);
    if (r == 0 && S_ISDIR(st.st_mode) && fd >= 0)
        r = put_folder(s, TAKE_FD(fd));
    return r;
}

static int put_all(struct sending *s)
{
    const char *path = s->rq->path, *slash = strrchr(path, '/');
    struct stat st;
    int fd;

    if (stat(path, &st) < 0)
        return -errno;
    if (!S_ISDIR(st.st_mode)) {
        buf_put_str(&s->name, slash ? slash + 1 : path);
        return buf_error(&s->name) ? buf_error(&s->name) : put_name(s, AT_FDCWD, path);
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : put_folder(s, fd);
}

int archive_create(const struct archive_request *rq, bool gzip)
{
    AUTO_FREE struct sending *s = mem_calloc(1, sizeof(*s));
    int r = 0;

    if (!s)
        return -ENOMEM;
    s->rq = rq;
    s->name = BUF_INIT(NAME_BYTES_MAX);
    s->entry = archive_entry_new();
    s->out = archive_write_new();
    if (!s->entry || !s->out)
        r = -ENOMEM;
    if (r == 0 && ((gzip && archive_write_add_filter_gzip(s->out) != ARCHIVE_OK) ||
                   archive_write_set_format_pax_restricted(s->out) != ARCHIVE_OK ||
                   /* The stream ends where it ends: readers of gzip stumble over filling. */
                   archive_write_set_bytes_in_last_block(s->out, 1) != ARCHIVE_OK ||
                   archive_write_open_fd(s->out, STDOUT_FILENO) != ARCHIVE_OK))
        r = archive_error(s->out);
    if (r == 0)
        r = put_all(s);
    /* An archive that lacks something must not look complete. */
    if (r == 0 && archive_write_close(s->out) != ARCHIVE_OK)
        r = archive_error(s->out);
    if (r == 0) {
        archive_write_free(s->out);
        archive_entry_free(s->entry);
        buf_free(&s->name);
    }
    return r;
}
