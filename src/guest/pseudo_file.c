#include "guest/pseudo_file.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include "base/mem.h"

/* Large files of procfs have real sizes: /proc/kcore, the configuration of the kernel. */
static bool made_up(const struct statfs *fs, const struct stat *st)
{
    static const long small[] = {SYSFS_MAGIC,      DEBUGFS_MAGIC,      TRACEFS_MAGIC,
                                 SECURITYFS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
                                 SELINUX_MAGIC,    BPF_FS_MAGIC};

    if (!S_ISREG(st->st_mode))
        return false;
    if (fs->f_type == PROC_SUPER_MAGIC)
        return st->st_size == 0;
    for (size_t i = 0; i < ARRAY_SIZE(small); i++)
        if (fs->f_type == small[i])
            return true;
    return false;
}

bool pseudo_file_fd(int fd, const struct stat *st)
{
    struct statfs fs;

    return fstatfs(fd, &fs) == 0 && made_up(&fs, st);
}

bool pseudo_file_path(const char *path, const struct stat *st)
{
    struct statfs fs;

    return statfs(path, &fs) == 0 && made_up(&fs, st);
}
