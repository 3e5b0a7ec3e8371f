#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

/* ---- identity ---- */

static int drop_capabilities(struct error *err)
{
    cap_t none = cap_init();
    int r = none && cap_set_proc(none) == 0 ? 0 : -errno;
    cap_free(none);
    if (r == 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        r = -errno;
    return r < 0 ? error_errno(err, r, "cannot give up capabilities") : 0;
}

int confine_identity(unsigned uid, unsigned gid, struct error *err)
{
    int r;

    if (uid) {
        if (setgroups(0, NULL) < 0)
            return error_errno(err, -errno, "cannot leave the groups");
        if (setresgid(gid, gid, gid) < 0)
            return error_errno(err, -errno, "cannot become group %u", gid);
        /* The bounding set goes while we may still change it. */
        for (int cap = 0; cap_get_bound(cap) >= 0; cap++)
            cap_drop_bound(cap);
        if (setresuid(uid, uid, uid) < 0)
            return error_errno(err, -errno, "cannot become user %u", uid);
        if (setresuid(0, 0, 0) == 0)
            return error_set(err, -EPERM, "user %u could become root again", uid);
    }
    r = drop_capabilities(err);
    if (r < 0)
        return r;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_errno(err, -errno, "cannot forbid new rights");
    return 0;
}

/* ---- files ---- */

/* Of later kernels than this header may know. */
#define ACCESS_FS_REFER    (1ULL << 13) /* Landlock 2 */
#define ACCESS_FS_TRUNCATE (1ULL << 14) /* Landlock 3 */

#define ACCESS_FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_FS_FOLDER                                                                          \
    (ACCESS_FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |             \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | ACCESS_FS_REFER | ACCESS_FS_TRUNCATE)
#define ACCESS_FS_VERSION_1 ((1ULL << 13) - 1)

/* What a process reads in passing: time zones, libc's locale and character tables. */
static const char *const readable[] = {"/usr", "/etc/localtime", "/proc/self", "/dev/null",
                                       "/dev/urandom"};

static int allow(int rules, const char *path, uint64_t access, struct error *err)
{
    AUTO_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr attr = {.allowed_access = access, .parent_fd = fd};
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return error_errno(err, -errno, "cannot open %s", path);
    if (!S_ISDIR(st.st_mode))
        attr.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
    if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) < 0)
        return error_errno(err, -errno, "cannot allow %s (Landlock)", path);
    return 0;
}

int confine_files(const struct confine_path *paths, size_t count, struct error *err)
{
    struct landlock_ruleset_attr attr = {.handled_access_fs = ACCESS_FS_VERSION_1};
    AUTO_CLOSE int rules = -1;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    if (abi < 1)
        return 0; /* the kernel has none, or it is switched off */
    if (abi >= 2)
        attr.handled_access_fs |= ACCESS_FS_REFER;
    if (abi >= 3)
        attr.handled_access_fs |= ACCESS_FS_TRUNCATE;
    rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
    if (rules < 0)
        return error_errno(err, -errno, "cannot make rules for files (Landlock)");
    for (size_t i = 0; i < count; i++) {
        uint64_t access = paths[i].writable ? ACCESS_FS_FOLDER : ACCESS_FS_READ;
        int r = allow(rules, paths[i].path, access & attr.handled_access_fs,
                      paths[i].optional ? NULL : err);

        if (r < 0 && !paths[i].optional)
            return r;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(readable); i++)
        allow(rules, readable[i], ACCESS_FS_READ, NULL);
    if (syscall(SYS_landlock_restrict_self, rules, 0) < 0)
        return error_errno(err, -errno, "cannot restrict files (Landlock)");
    return 0;
}
