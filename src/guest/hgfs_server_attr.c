/* Attributes of files. Thread pool. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "guest/hgfs_server_impl.h"
#include "guest/pseudo_file.h"

void hgfs_attr_from_stat(struct hgfs_attr *a, const struct stat *st)
{
    *a = (struct hgfs_attr){
        .mask = HGFS_ATTR_TYPE | HGFS_ATTR_SIZE | HGFS_ATTR_CREATE_TIME | HGFS_ATTR_ACCESS_TIME |
                HGFS_ATTR_WRITE_TIME | HGFS_ATTR_CHANGE_TIME | HGFS_ATTR_ALLOCATION_SIZE |
                HGFS_ATTR_USERID | HGFS_ATTR_GROUPID | HGFS_ATTR_FILEID | HGFS_ATTR_VOLID,
        .type = S_ISDIR(st->st_mode)   ? HGFS_TYPE_DIRECTORY
                : S_ISLNK(st->st_mode) ? HGFS_TYPE_SYMLINK
                                       : HGFS_TYPE_REGULAR,
        .size = (uint64_t)st->st_size,
        /* Linux keeps no time of creation that every file system has. */
        .create_time = hgfs_time_from_unix(&st->st_mtim),
        .access_time = hgfs_time_from_unix(&st->st_atim),
        .write_time = hgfs_time_from_unix(&st->st_mtim),
        .change_time = hgfs_time_from_unix(&st->st_ctim),
        .allocation_size = (uint64_t)st->st_blocks * 512,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .file_id = st->st_ino,
        .volume_id = (uint32_t)st->st_dev,
    };
    hgfs_attr_set_mode(a, st->st_mode & 07777);
    a->mask |= HGFS_ATTR_SPECIAL_PERMS | HGFS_ATTR_OWNER_PERMS | HGFS_ATTR_GROUP_PERMS |
               HGFS_ATTR_OTHER_PERMS;
}

static void add_effective(struct hgfs_attr *a, const char *path)
{
    static const struct {
        int mode;
        unsigned bit;
    } checks[] = {{R_OK, 4}, {W_OK, 2}, {X_OK, 1}};

    for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
        if (access(path, checks[i].mode) == 0)
            a->effective_perms |= checks[i].bit;
    a->mask |= HGFS_ATTR_EFFECTIVE_PERMS;
}

/* The text of a link, in the form of names: every slash is a NUL. */
static int put_target(struct hgfs_job *job, const char *path)
{
    char target[PATH_MAX];
    ssize_t n = readlink(path, target, sizeof(target));

    if (n < 0)
        return hgfs_fail(errno);
    for (ssize_t i = 0; i < n; i++)
        if (target[i] == '/')
            target[i] = '\0';
    if (buf_put(&job->text, target, (size_t)n) < 0)
        return hgfs_fail(ENOMEM);
    job->reply.entry.name.bytes = (const char *)job->text.data;
    job->reply.entry.name.len = (size_t)n;
    return HGFS_SUCCESS;
}

int hgfs_work_getattr(struct hgfs_job *job)
{
    AUTO_BUF struct buf path = BUF_INIT(PATH_MAX);
    struct archive_spec spec;
    struct stat st;
    int r;

    job->reply.entry = (struct hgfs_entry){.name.bytes = ""};
    job->has_reply = true;
    if (job->node) {
        if (fstat(job->node->file.fd, &st) < 0)
            return hgfs_fail(errno);
        hgfs_attr_from_stat(&job->reply.entry.attr, &st);
        if (job->node->file.pseudo)
            job->reply.entry.attr.size = SIZE_NOT_KNOWN;
        return HGFS_SUCCESS;
    }
    r = hgfs_job_path(&job->request.file.name, &path);
    if (r != HGFS_SUCCESS)
        return r;
    r = archive_spec_parse(buf_text(&path), &spec);
    if (r) {
        if (r > 0) {
            archive_spec_clear(&spec);
            hgfs_archive_attributes(job);
        }
        return r < 0 ? hgfs_fail(r) : HGFS_SUCCESS;
    }
    if (lstat(buf_text(&path), &st) < 0)
        return hgfs_fail(errno);
    hgfs_attr_from_stat(&job->reply.entry.attr, &st);
    if (S_ISLNK(st.st_mode))
        return put_target(job, buf_text(&path));
    if (pseudo_file_path(buf_text(&path), &st))
        job->reply.entry.attr.size = SIZE_NOT_KNOWN;
    add_effective(&job->reply.entry.attr, buf_text(&path));
    return HGFS_SUCCESS;
}

static unsigned wanted_mode(const struct hgfs_attr *a, unsigned now)
{
    static const struct {
        uint64_t bit;
        unsigned shift;
    } groups[] = {{HGFS_ATTR_SPECIAL_PERMS, 9},
                  {HGFS_ATTR_OWNER_PERMS, 6},
                  {HGFS_ATTR_GROUP_PERMS, 3},
                  {HGFS_ATTR_OTHER_PERMS, 0}};
    unsigned given = hgfs_attr_mode(a), mode = now & 07777;

    for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
        if (a->mask & groups[i].bit)
            mode = (mode & ~(7u << groups[i].shift)) | (given & 7u << groups[i].shift);
    return mode;
}

static struct timespec wanted_time(const struct hgfs_setattr *s, uint64_t bit, uint64_t hint,
                                   uint64_t value)
{
    struct timespec t = {.tv_nsec = UTIME_OMIT};

    if (s->attr.mask & bit) {
        t.tv_nsec = UTIME_NOW;
        if (s->hints & hint)
            hgfs_time_to_unix(value, &t);
    }
    return t;
}

/* Every change that was asked for is tried; the last failure is what the host learns. All through
 * the descriptor, so that the file cannot be exchanged between two changes. A descriptor that only
 * names the file (O_PATH) is reached by way of /proc. */
static int apply(const struct hgfs_setattr *s, int fd, const struct stat *st)
{
    const struct hgfs_attr *a = &s->attr;
    struct timespec times[2] = {
        wanted_time(s, HGFS_ATTR_ACCESS_TIME, HGFS_HINT_SET_ACCESS_TIME, a->access_time),
        wanted_time(s, HGFS_ATTR_WRITE_TIME, HGFS_HINT_SET_WRITE_TIME, a->write_time)};
    unsigned mode = wanted_mode(a, st->st_mode);
    AUTO_FREE char *path = mem_printf("/proc/self/fd/%d", fd);
    int r = 0;

    if (!path)
        return ENOMEM;
    if (a->mask & (HGFS_ATTR_USERID | HGFS_ATTR_GROUPID) &&
        fchownat(fd, "", a->mask & HGFS_ATTR_USERID ? a->uid : (uid_t)-1,
                 a->mask & HGFS_ATTR_GROUPID ? a->gid : (gid_t)-1, AT_EMPTY_PATH) < 0)
        r = errno;
    if (a->mask & (HGFS_ATTR_SPECIAL_PERMS | HGFS_ATTR_OWNER_PERMS | HGFS_ATTR_GROUP_PERMS |
                   HGFS_ATTR_OTHER_PERMS) &&
        chmod(path, mode) < 0)
        r = errno;
    if (a->mask & HGFS_ATTR_SIZE && truncate(path, (off_t)a->size) < 0)
        r = errno;
    if (a->mask & (HGFS_ATTR_ACCESS_TIME | HGFS_ATTR_WRITE_TIME) &&
        utimensat(AT_FDCWD, path, times, 0) < 0)
        r = errno;
    return r;
}

int hgfs_work_setattr(struct hgfs_job *job)
{
    const struct hgfs_setattr *s = &job->request.setattr;
    AUTO_BUF struct buf path = BUF_INIT(PATH_MAX);
    AUTO_CLOSE int opened = -1;
    struct archive_spec spec;
    int fd = job->node ? job->node->file.fd : -1, r;
    struct stat st;

    if (!job->node) {
        r = hgfs_job_path(&s->name, &path);
        if (r != HGFS_SUCCESS)
            return r;
        r = archive_spec_parse(buf_text(&path), &spec);
        if (r > 0)
            archive_spec_clear(&spec);
        if (r)
            return r < 0 ? hgfs_fail(r) : HGFS_SUCCESS; /* nothing there has attributes */
        opened = open(buf_text(&path), O_PATH | O_NOFOLLOW | O_CLOEXEC);
        fd = opened;
    }
    if (fd < 0 || fstat(fd, &st) < 0)
        return hgfs_fail(errno);
    if (S_ISLNK(st.st_mode))
        return HGFS_INVALID_NAME;
    r = apply(s, fd, &st);
    return r ? hgfs_fail(r) : HGFS_SUCCESS;
}
