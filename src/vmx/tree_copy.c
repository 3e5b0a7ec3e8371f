#include "vmx/tree_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "vmx/tree_xattr.h"

#define COPY_CHUNK (1u << 20)

struct copy {
    const struct tree_owners *owners;
    int links; /* folder of the second names, -1 = none yet */
    int to;
    const char *as;
    unsigned depth;
    struct error *err;
};

/* A file or folder on its way. */
struct item {
    int from, to; /* descriptors of the two folders */
    const char *name, *as;
    struct stat st;
};

static int fail(const struct copy *c, int code, const struct item *it, const char *what)
{
    return error_errno(c->err, code, "cannot %s \"%.200s\"", what, it->name);
}

/* ---- owners, modes, times ---- */

/* Folders and empty files that nobody of the range owns hold nothing worth hiding: what a killed
 * start left between making and giving away. They become the guest root's. */
static int shift_owner(const struct copy *c, const struct item *it, uint32_t id, uint32_t *ret)
{
    const struct tree_owners *o = c->owners;

    if (id - o->from < o->count)
        *ret = id - o->from + o->to;
    else if (S_ISDIR(it->st.st_mode) || (S_ISREG(it->st.st_mode) && it->st.st_size == 0))
        *ret = o->to;
    else
        return error_set(c->err, -EPERM, "\"%.200s\" belongs to nobody in the guest (id %u)",
                         it->name, id);
    return 0;
}

static int set_owner(const struct copy *c, const struct item *it)
{
    uint32_t uid = 0, gid = 0;
    int r = shift_owner(c, it, it->st.st_uid, &uid);

    /* vmx's own files, of the last id, have hostd's group. */
    if (it->st.st_uid - c->owners->from == c->owners->count - 1 &&
        it->st.st_gid - c->owners->from >= c->owners->count)
        gid = it->st.st_gid;
    else if (!r)
        r = shift_owner(c, it, it->st.st_gid, &gid);
    if (r)
        return r;
    if (fchownat(it->to, it->as, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
        return fail(c, -errno, it, "set the owner of");
    return 0;
}

static int set_times(const struct copy *c, const struct item *it)
{
    const struct timespec times[2] = {it->st.st_atim, it->st.st_mtim};

    return utimensat(it->to, it->as, times, AT_SYMLINK_NOFOLLOW) < 0
               ? fail(c, -errno, it, "set the times of")
               : 0;
}

/* Owner first: changing it takes set-uid bits and capabilities away. */
static int finish(const struct copy *c, const struct item *it, int from, int to)
{
    int r = set_owner(c, it);

    if (!r && fchmod(to, it->st.st_mode & 07777) < 0)
        r = fail(c, -errno, it, "set the mode of");
    if (!r) {
        r = tree_xattr_copy(from, to, c->owners);
        if (r)
            r = fail(c, r, it, "copy the attributes of");
    }
    return r ? r : set_times(c, it);
}

/* ---- content ---- */

/* The bytes from `at` to `end`, which hold data. */
static int copy_range(int from, int to, off_t at, off_t end)
{
    static char chunk[COPY_CHUNK];

    while (at < end) {
        off_t in = at, out = at;
        ssize_t n = copy_file_range(from, &in, to, &out, (size_t)(end - at), 0);

        if (n < 0 &&
            (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS)) {
            n = pread(from, chunk,
                      end - at < (off_t)sizeof(chunk) ? (size_t)(end - at) : sizeof(chunk), at);
            if (n > 0)
                n = pwrite(to, chunk, (size_t)n, at);
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break; /* it has become shorter */
        at += n;
    }
    return 0;
}

static int copy_content(int from, int to, off_t size)
{
    off_t data = 0, hole;
    int r = 0;

    if (ioctl(to, FICLONE, from) == 0)
        return 0;
    while (!r && data < size) {
        data = lseek(from, data, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            break; /* nothing but a hole */
        if (data < 0)
            return -errno;
        hole = lseek(from, data, SEEK_HOLE);
        if (hole < 0)
            return -errno;
        r = copy_range(from, to, data, hole < size ? hole : size);
        data = hole;
    }
    return !r && ftruncate(to, size) < 0 ? -errno : r;
}

/* ---- hard links ---- */

static int open_links(struct copy *c)
{
    AUTO_FREE char *name = mem_printf("%s.links", c->as);

    if (!name)
        return -ENOMEM;
    if (mkdirat(c->to, name, 0700) < 0)
        return -errno;
    c->links = openat(c->to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return c->links < 0 ? -errno : 0;
}

static void link_name(const struct item *it, char name[32])
{
    snprintf(name, 32, "%llx", (unsigned long long)it->st.st_ino);
}

/* 1: the file is there already under another name, and now under this. */
static int take_link(struct copy *c, const struct item *it)
{
    char name[32];

    if (it->st.st_nlink < 2 || c->links < 0)
        return 0;
    link_name(it, name);
    if (linkat(c->links, name, it->to, it->as, 0) == 0)
        return 1;
    return errno == ENOENT ? 0 : fail(c, -errno, it, "link");
}

static int remember_link(struct copy *c, const struct item *it)
{
    char name[32];
    int r = 0;

    if (it->st.st_nlink < 2)
        return 0;
    if (c->links < 0)
        r = open_links(c);
    link_name(it, name);
    if (!r && linkat(it->to, it->as, c->links, name, 0) < 0)
        r = -errno;
    return r ? fail(c, r, it, "link") : 0;
}

/* ---- kinds ---- */

static int copy_file(struct copy *c, struct item *it)
{
    AUTO_CLOSE int from =
        openat(it->from, it->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    AUTO_CLOSE int to = -1;
    int r;

    if (from < 0 || fstat(from, &it->st) < 0)
        return fail(c, -errno, it, "open");
    if (!S_ISREG(it->st.st_mode))
        return fail(c, -ESTALE, it, "copy");
    to = openat(it->to, it->as, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return fail(c, -errno, it, "make");
    r = copy_content(from, to, it->st.st_size);
    if (r)
        return fail(c, r, it, "copy");
    r = finish(c, it, from, to);
    return r ? r : remember_link(c, it);
}

static int copy_symlink(struct copy *c, const struct item *it)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(it->from, it->name, target, sizeof(target) - 1);
    int r;

    if (n < 0)
        return fail(c, -errno, it, "read the link");
    target[n] = '\0';
    if (symlinkat(target, it->to, it->as) < 0)
        return fail(c, -errno, it, "make the link");
    r = set_owner(c, it);
    if (!r)
        r = set_times(c, it);
    return r ? r : remember_link(c, it);
}

static int copy_special(struct copy *c, const struct item *it)
{
    int r;

    if (S_ISBLK(it->st.st_mode) || (S_ISCHR(it->st.st_mode) && it->st.st_rdev != makedev(0, 0)))
        return 0;
    if (mknodat(it->to, it->as, (it->st.st_mode & S_IFMT) | 0600, 0) < 0)
        return fail(c, -errno, it, "make");
    r = set_owner(c, it);
    if (!r && fchmodat(it->to, it->as, it->st.st_mode & 07777, 0) < 0)
        r = fail(c, -errno, it, "set the mode of");
    if (!r)
        r = set_times(c, it);
    return r ? r : remember_link(c, it);
}

static int copy_item(struct copy *c, struct item *it);

static int copy_children(struct copy *c, DIR *dir, int from, int to)
{
    const struct dirent *e;
    int r = 0;

    while (!r) {
        struct item it = {.from = from, .to = to};

        errno = 0;
        e = readdir(dir);
        if (!e)
            return errno ? error_errno(c->err, -errno, "cannot read a folder") : 0;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        it.name = it.as = e->d_name;
        r = copy_item(c, &it);
    }
    return r;
}

static int copy_folder(struct copy *c, struct item *it)
{
    AUTO_CLOSE int to = -1;
    int from, r;
    DIR *dir;

    if (c->depth == TREE_DEPTH_MAX)
        return error_set(c->err, -ELOOP, "\"%.200s\" lies more than %u folders deep", it->name,
                         TREE_DEPTH_MAX);
    from = openat(it->from, it->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0)
        return fail(c, -errno, it, "open the folder");
    dir = fdopendir(from);
    if (!dir) {
        r = -errno;
        close(from);
        return fail(c, r, it, "read the folder");
    }
    if (fstat(from, &it->st) < 0 || mkdirat(it->to, it->as, 0700) < 0 ||
        (to = openat(it->to, it->as, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0) {
        r = fail(c, -errno, it, "make the folder");
    } else {
        c->depth++;
        r = copy_children(c, dir, from, to);
        c->depth--;
        if (!r)
            r = finish(c, it, from, to);
    }
    closedir(dir);
    return r;
}

static int copy_item(struct copy *c, struct item *it)
{
    int r;

    if (fstatat(it->from, it->name, &it->st, AT_SYMLINK_NOFOLLOW) < 0)
        return fail(c, -errno, it, "find");
    if (S_ISDIR(it->st.st_mode))
        return copy_folder(c, it);
    r = take_link(c, it);
    if (r)
        return r < 0 ? r : 0;
    if (S_ISREG(it->st.st_mode))
        return copy_file(c, it);
    return S_ISLNK(it->st.st_mode) ? copy_symlink(c, it) : copy_special(c, it);
}

int tree_copy(int from, const char *name, int to, const char *as, const struct tree_owners *owners,
              struct error *err)
{
    struct copy c = {.owners = owners, .links = -1, .to = to, .as = as, .err = err};
    struct item it = {.from = from, .to = to, .name = name, .as = as};
    int r = copy_item(&c, &it);

    if (c.links >= 0) {
        AUTO_FREE char *links = mem_printf("%s.links", as);
        int gone;

        close(c.links);
        gone = links ? fs_remove_tree(to, links, r ? NULL : err) : -ENOMEM;
        r = r ? r : gone;
    }
    return r;
}
