/* The file tree of a sandbox: what of the host is in it, and how it becomes the only one. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "vmx/sandbox.h"

#define ROOT_NAME_MAX 300

#define ATTR_SHARED_WITH_HOST (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

static const struct {
    const char *from; /* NULL: from struct sandbox_place */
    const char *to;
    uint64_t attr;
    int is_file;
} sources[SANDBOX_SOURCES] = {
    [SANDBOX_ROOT] = {NULL, "/", MOUNT_ATTR_NODEV, 0},
    [SANDBOX_USR] = {"/usr", "/usr", ATTR_SHARED_WITH_HOST, 0},
    [SANDBOX_LINK] = {NULL, "/run/inguest/link", ATTR_SHARED_WITH_HOST | MOUNT_ATTR_NOEXEC, 0},
    [SANDBOX_AGENT] = {NULL, "/run/inguest/bin", ATTR_SHARED_WITH_HOST, 0},
    [SANDBOX_DEV_FIRST] = {"/dev/null", "/dev/null", MOUNT_ATTR_NOEXEC, 1},
    {"/dev/zero", "/dev/zero", MOUNT_ATTR_NOEXEC, 1},
    {"/dev/full", "/dev/full", MOUNT_ATTR_NOEXEC, 1},
    {"/dev/random", "/dev/random", MOUNT_ATTR_NOEXEC, 1},
    {"/dev/urandom", "/dev/urandom", MOUNT_ATTR_NOEXEC, 1},
    {"/dev/tty", "/dev/tty", MOUNT_ATTR_NOEXEC, 1},
};

static int attach(int tree, const char *to)
{
    return syscall(SYS_move_mount, tree, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno
                                                                                        : 0;
}

/* The folder NAME.root, made when it is not there: the guest root's own. */
static int open_root_folder(const struct sandbox_place *place, struct error *err)
{
    char name[ROOT_NAME_MAX];
    int fd, n = snprintf(name, sizeof(name), "%s.root", place->name);
    struct stat st;

    if (n < 0 || (size_t)n >= sizeof(name))
        return error_set(err, -ENAMETOOLONG, "the name of the VM is too long");
    if (mkdirat(place->folder_fd, name, 0755) < 0 && errno != EEXIST)
        return error_errno(err, -errno, "cannot make the folder %s", name);
    fd = openat(place->folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, -errno, "cannot open the folder %s", name);
    if (fstat(fd, &st) < 0 ||
        (st.st_uid != place->uid_base &&
         (fchown(fd, place->uid_base, place->uid_base) < 0 || fchmod(fd, 0755) < 0))) {
        int r = -errno;

        close(fd);
        return error_errno(err, r, "cannot give the folder %s to the guest", name);
    }
    return fd;
}

static int open_source(const struct sandbox_place *place, unsigned i, struct error *err)
{
    struct mount_attr attr = {.attr_set = sources[i].attr, .propagation = MS_PRIVATE};
    AUTO_CLOSE int folder = -1;
    AUTO_CLOSE int tree = -1;
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    const char *path = sources[i].from;

    if (i == SANDBOX_ROOT) {
        folder = open_root_folder(place, err);
        if (folder < 0)
            return folder;
        path = "";
        flags |= AT_EMPTY_PATH;
    } else {
        path = i == SANDBOX_LINK ? place->link_path : i == SANDBOX_AGENT ? place->agent_dir : path;
        folder = AT_FDCWD;
        flags |= AT_RECURSIVE;
    }
    tree = (int)syscall(SYS_open_tree, folder, path, flags);
    if (tree < 0)
        return error_errno(err, -errno, "cannot open %s for the guest (open_tree)",
                           *path ? path : "the root folder");
    if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
        return error_errno(err, -errno, "cannot set the mount attributes of %s",
                           *path ? path : "the root folder");
    return TAKE_FD(tree);
}

int sandbox_sources_open(const struct sandbox_place *place, struct sandbox_sources *ret,
                         struct error *err)
{
    struct sandbox_sources s;

    for (unsigned i = 0; i < SANDBOX_SOURCES; i++)
        s.tree[i] = -1;
    for (unsigned i = 0; i < SANDBOX_SOURCES; i++) {
        s.tree[i] = open_source(place, i, err);
        if (s.tree[i] < 0) {
            int r = s.tree[i];

            sandbox_sources_close(&s);
            return r;
        }
    }
    *ret = s;
    return 0;
}

void sandbox_sources_close(struct sandbox_sources *s)
{
    for (unsigned i = 0; i < SANDBOX_SOURCES; i++) {
        if (s->tree[i] >= 0)
            close(s->tree[i]);
        s->tree[i] = -1;
    }
}

/* If the launcher runs in a chroot, the builder has to leave it: the kernel makes no user
 * namespaces for processes whose root is not that of their mount namespace. Entering a mount
 * namespace, even one's own, goes to its root. What comes from the chroot is open already. */
static int leave_chroot(void)
{
    AUTO_CLOSE int self = (int)syscall(SYS_pidfd_open, getpid(), 0);

    return self < 0 || setns(self, CLONE_NEWNS) < 0 ? -errno : 0;
}

/* The new root hides /proc, which every host has, until the old tree is gone altogether. */
static int change_root(int tree, struct error *err)
{
    int r = leave_chroot();

    if (r < 0)
        return error_errno(err, r, "cannot go to the root of the mount namespace");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return error_errno(err, -errno, "cannot make the mounts private");
    r = attach(tree, "/proc");
    if (r < 0)
        return error_errno(err, r, "cannot mount the guest's root folder");
    if (chdir("/proc") < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
        return error_errno(err, -errno, "cannot change to the guest's root (pivot_root)");
    if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return error_errno(err, -errno, "cannot leave the host's file tree");
    return 0;
}

static int make_mount_point(const char *path, int is_file, unsigned uid)
{
    if (is_file) {
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);

        if (fd < 0)
            return -errno;
        close(fd);
    } else if (mkdir(path, 0755) < 0) {
        return errno == EEXIST ? 0 : -errno;
    }
    return lchown(path, uid, uid) < 0 ? -errno : 0;
}

struct filesystem {
    const char *to, *type;
    const char *size; /* options of a tmpfs, which belongs to the guest's root */
    unsigned long flags;
};

static const struct filesystem filesystems[] = {
    {"/run", "tmpfs", "mode=0755,size=64m,nr_inodes=65536", MS_NOSUID | MS_NODEV},
    {"/dev", "tmpfs", "mode=0755,size=64k,nr_inodes=256", MS_NOSUID | MS_NOEXEC},
    {"/dev/shm", "tmpfs", "mode=1777,size=256m,nr_inodes=65536", MS_NOSUID | MS_NODEV},
    {"/dev/pts", "devpts", NULL, MS_NOSUID | MS_NOEXEC},
};

#define GUEST_TTY_GID 5u

static int mount_filesystem(const struct filesystem *fs, unsigned uid, struct error *err)
{
    char options[128];
    int r = make_mount_point(fs->to, 0, uid);

    if (r < 0)
        return error_errno(err, r, "cannot make the folder %s in the guest's root", fs->to);
    if (fs->size)
        snprintf(options, sizeof(options), "%s,uid=%u,gid=%u", fs->size, uid, uid);
    else
        snprintf(options, sizeof(options), "newinstance,ptmxmode=0666,mode=0620,gid=%u,max=1024",
                 uid + GUEST_TTY_GID);
    if (mount(fs->type, fs->to, fs->type, fs->flags, options) < 0)
        return error_errno(err, -errno, "cannot mount %s", fs->to);
    return 0;
}

static const char *const folders[] = {"/usr", "/proc", "/run/inguest"};

static const struct {
    const char *name, *to;
} dev_links[] = {
    {"/dev/fd", "/proc/self/fd"},       {"/dev/stdin", "/proc/self/fd/0"},
    {"/dev/stdout", "/proc/self/fd/1"}, {"/dev/stderr", "/proc/self/fd/2"},
    {"/dev/ptmx", "pts/ptmx"},
};

int sandbox_enter_root(const struct sandbox_place *place, struct sandbox_sources *s,
                       struct error *err)
{
    unsigned uid = place->uid_base;
    int r = change_root(s->tree[SANDBOX_ROOT], err);

    if (r < 0)
        return r;
    umask(0);
    for (unsigned i = 0; i < ARRAY_SIZE(filesystems); i++) {
        r = mount_filesystem(&filesystems[i], uid, err);
        if (r < 0)
            return r;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(folders); i++) {
        r = make_mount_point(folders[i], 0, uid);
        if (r < 0)
            return error_errno(err, r, "cannot make the folder %s in the guest's root", folders[i]);
    }
    for (unsigned i = SANDBOX_ROOT + 1; i < SANDBOX_SOURCES; i++) {
        r = make_mount_point(sources[i].to, sources[i].is_file, uid);
        if (r == 0)
            r = attach(s->tree[i], sources[i].to);
        if (r < 0)
            return error_errno(err, r, "cannot mount %s in the guest's root", sources[i].to);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(dev_links); i++)
        if (symlink(dev_links[i].to, dev_links[i].name) < 0)
            return error_errno(err, -errno, "cannot make %s in the guest's root",
                               dev_links[i].name);
    return 0;
}
