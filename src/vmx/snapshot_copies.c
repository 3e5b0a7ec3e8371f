/* The files beside the disk: plain ones that vmx may read itself. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "vmx/snapshot_store.h"
#include "vmx/vmfiles.h"

#define COPY_CHUNK 65536u

static char *plan_name(const struct snapshot_store *s, const struct vmfile_kind *kind, uint32_t uid)
{
    return uid ? mem_printf("%s-Snapshot%u.%s", s->name, uid, kind->suffix)
               : snapshot_store_file(s, kind);
}

int snapshot_copies_plan(const struct snapshot_store *s, uint32_t uid, struct snapshot_copies *ret)
{
    struct snapshot_copies c = {.folder_fd = s->folder_fd};

    for (size_t i = 0; i < vmfile_kind_count && c.count < ARRAY_SIZE(c.files); i++) {
        const struct vmfile_kind *kind = &vmfile_kinds[i];

        if (!kind->goes_along)
            continue;
        c.files[c.count].from = plan_name(s, kind, uid);
        c.files[c.count].to = uid ? mem_printf("%s-Revert.%s", s->name, kind->suffix)
                                  : plan_name(s, kind, snapshot_store_next(s));
        if (!c.files[c.count].from || !c.files[c.count].to) {
            c.count++;
            snapshot_copies_free(&c);
            return -ENOMEM;
        }
        c.count++;
    }
    *ret = c;
    return 0;
}

void snapshot_copies_free(struct snapshot_copies *c)
{
    for (unsigned i = 0; i < c->count; i++) {
        mem_free(c->files[i].from);
        mem_free(c->files[i].to);
    }
    c->count = 0;
}

static int copy_bytes(int from, int to)
{
    char chunk[COPY_CHUNK];

    for (;;) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, 1u << 30, 0);

        if (n < 0 &&
            (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS)) {
            int r;

            n = read(from, chunk, sizeof(chunk));
            r = n > 0 ? fs_write_all(to, chunk, (size_t)n) : 0;
            if (r)
                return r;
        }
        if (n == 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -errno;
    }
}

static int copy_file(int folder, const char *name, const char *as, struct error *err)
{
    AUTO_CLOSE int from = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    AUTO_CLOSE int to = -1;
    struct stat st;
    int r;

    if (unlinkat(folder, as, 0) < 0 && errno != ENOENT)
        return error_errno(err, -errno, "cannot replace %s", as);
    if (from < 0)
        return errno == ENOENT ? 0 : error_errno(err, -errno, "cannot open %s", name);
    if (fstat(from, &st) < 0 || !S_ISREG(st.st_mode))
        return error_set(err, -EINVAL, "%s is not a file", name);
    to = openat(folder, as, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (to < 0)
        return error_errno(err, -errno, "cannot make %s", as);
    r = copy_bytes(from, to);
    if (!r && fsync(to) < 0)
        r = -errno;
    return r ? error_errno(err, r, "cannot copy %s", name) : 0;
}

int snapshot_copies_make(const struct snapshot_copies *c, struct error *err)
{
    AUTO_CLOSE int folder = openat(c->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = folder < 0 ? error_errno(err, -errno, "cannot open the VM's folder") : 0;

    for (unsigned i = 0; !r && i < c->count; i++)
        r = copy_file(folder, c->files[i].from, c->files[i].to, err);
    if (!r && fsync(folder) < 0)
        r = error_errno(err, -errno, "cannot make the copies durable");
    return r;
}
