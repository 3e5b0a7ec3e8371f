#include "guest/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/fs.h"
#include "base/mem.h"

#define MOUNTINFO_MAX (1024u * 1024u)

static const char *const local_types[] = {
    "ext2", "ext3", "ext4",  "xfs",   "btrfs", "vfat", "f2fs",    "jfs",      "reiserfs",
    "zfs",  "ntfs", "ntfs3", "exfat", "hfs",   "ufs",  "overlay", "bcachefs",
};

static bool is_local(const char *type)
{
    for (size_t i = 0; i < ARRAY_SIZE(local_types); i++) {
        if (strcmp(type, local_types[i]) == 0)
            return true;
    }
    return false;
}

/* mountinfo writes blanks and backslashes as \ooo. */
static void unescape(char *s)
{
    char *out = s;
    for (; *s; s++) {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
            s[3] >= '0' && s[3] <= '7') {
            *out++ = (char)(((s[1] - '0') << 6) | ((s[2] - '0') << 3) | (s[3] - '0'));
            s += 3;
        } else {
            *out++ = *s;
        }
    }
    *out = '\0';
}

int mounts_parse(const char *mountinfo, struct arena *a, struct diskinfo *ret)
{
    char *copy = arena_strdup(a, mountinfo), *save = NULL;
    struct diskinfo info = {0};
    info.disks = ARENA_ARRAY(a, DISKINFO_DISKS_MAX, struct diskinfo_disk);
    const char **sources = ARENA_ARRAY(a, DISKINFO_DISKS_MAX, const char *);
    if (!copy || !info.disks || !sources)
        return -ENOMEM;
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        /* id parent major:minor root mount-point options [optional ...] - type source ... */
        char *words = NULL, *mount = NULL, *id = NULL, *word = strtok_r(line, " ", &words);
        for (unsigned i = 0; word && strcmp(word, "-") != 0; i++) {
            if (i == 2)
                id = word;
            else if (i == 4)
                mount = word;
            word = strtok_r(NULL, " ", &words);
        }
        char *type = word ? strtok_r(NULL, " ", &words) : NULL;
        if (!mount || !id || !type || !is_local(type) || info.count == DISKINFO_DISKS_MAX)
            continue;
        unescape(mount);
        if (strlen(mount) > DISKINFO_NAME_MAX)
            continue;
        /* One file system counts once, by its first mount; a mount over it hides the earlier. */
        bool seen = false;
        for (uint32_t i = 0; i < info.count && !seen; i++)
            seen = strcmp(sources[i], id) == 0 || strcmp(info.disks[i].name, mount) == 0;
        if (seen)
            continue;
        sources[info.count] = id;
        info.disks[info.count++] = (struct diskinfo_disk){.name = mount, .fstype = type};
    }
    *ret = info;
    return 0;
}

int mounts_collect(struct arena *a, struct diskinfo *ret)
{
    AUTO_BUF struct buf b = BUF_INIT(MOUNTINFO_MAX);
    struct diskinfo info;
    int r = fs_read_file(AT_FDCWD, "/proc/self/mountinfo", &b, NULL);
    if (r < 0)
        return r;
    r = mounts_parse(buf_text(&b), a, &info);
    if (r < 0)
        return r;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < info.count; i++) {
        struct statvfs st;
        if (statvfs(info.disks[i].name, &st) < 0 || st.f_blocks == 0)
            continue;
        info.disks[kept] = info.disks[i];
        info.disks[kept].size = (uint64_t)st.f_blocks * st.f_frsize;
        info.disks[kept++].free = (uint64_t)st.f_bavail * st.f_frsize;
    }
    info.count = kept;
    *ret = info;
    return 0;
}
