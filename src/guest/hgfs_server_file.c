/* Open, read, write, close. Thread pool. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "guest/hgfs_server_impl.h"
#include "guest/pseudo_file.h"
#include "wire/hgfs_name.h"

#define NEW_FILE_MODE 0600

int hgfs_job_path(const struct hgfs_name *name, struct buf *path)
{
    int r = hgfs_name_to_path(path, name->bytes, name->len);

    return r < 0 ? hgfs_fail(r) : HGFS_SUCCESS;
}

/* Is the name still that of the file that was opened? */
static bool still_there(const struct hgfs_node *n)
{
    struct stat st;

    return n->path && lstat(n->path, &st) == 0 && st.st_dev == n->dev && st.st_ino == n->ino;
}

void hgfs_node_remove(const struct hgfs_node *n)
{
    if (n->unfinished && still_there(n))
        unlink(n->path);
}

void hgfs_node_close(struct hgfs_node *n)
{
    hgfs_node_remove(n);
    n->unfinished = false;
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

/* open(2) flags of a request; -1 = not a valid one. */
static int open_flags(const struct hgfs_open *o)
{
    static const int access_modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
    static const int create_modes[] = {0, O_TRUNC, O_CREAT, O_CREAT | O_EXCL, O_CREAT | O_TRUNC};
    uint32_t mode = o->mode & ~(uint32_t)HGFS_MODE_SEQUENTIAL;
    uint32_t flags = o->mask & HGFS_OPEN_FLAGS ? o->flags : HGFS_OPEN_EXISTING;

    if (!(o->mask & HGFS_OPEN_MODE) || mode >= ARRAY_SIZE(access_modes) ||
        flags >= ARRAY_SIZE(create_modes))
        return -1;
    /* Emptying needs the right to write; a host that asks for less means an existing file. */
    return access_modes[mode] | create_modes[flags] | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
           O_NOCTTY;
}

static mode_t new_mode(const struct hgfs_open *o)
{
    unsigned owner = o->mask & HGFS_OPEN_OWNER_PERMS ? o->owner_perms & 7 : 6;
    unsigned group = o->mask & HGFS_OPEN_GROUP_PERMS ? o->group_perms & 7 : owner;
    unsigned other = o->mask & HGFS_OPEN_OTHER_PERMS ? o->other_perms & 7 : owner;
    unsigned special = o->mask & HGFS_OPEN_SPECIAL_PERMS ? o->special_perms & 7 : 0;

    return (mode_t)(special << 9 | owner << 6 | group << 3 | other);
}

/* What is wrong with it shows here; the loop's thread starts it then. */
static int prepare_archive(struct hgfs_job *job, const char *path)
{
    uint32_t mode = job->request.open.mode & ~(uint32_t)HGFS_MODE_SEQUENTIAL;
    int r = archive_spec_parse(path, &job->archive);

    if (r <= 0)
        return r;
    r = mode == HGFS_MODE_READ_WRITE ? -EACCES
                                     : archive_spec_check(&job->archive, mode == HGFS_MODE_WRITE);
    if (r < 0)
        archive_spec_clear(&job->archive);
    return r < 0 ? r : 1;
}

/* Regular files only: a pipe or a device has no content to transfer, and may hang. */
static int open_file(struct hgfs_node *n, const struct hgfs_open *o, int flags)
{
    struct stat st;
    int before;

    before = lstat(n->path, &st) == 0;
    if (before && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
        return HGFS_ACCESS_DENIED;
    if (hgfs_upload_open(n, flags, new_mode(o)))
        return HGFS_SUCCESS;
    n->fd = open(n->path, flags, new_mode(o));
    if (n->fd < 0)
        return errno == EAGAIN ? HGFS_ACCESS_DENIED : hgfs_fail(errno);
    if (fstat(n->fd, &st) < 0)
        return hgfs_fail(errno);
    if (!S_ISREG(st.st_mode))
        return HGFS_ACCESS_DENIED;
    n->dev = st.st_dev;
    n->ino = st.st_ino;
    n->writable = (flags & O_ACCMODE) != O_RDONLY;
    n->pseudo = !n->writable && pseudo_file_fd(n->fd, &st);
    n->unfinished = n->writable && (flags & O_TRUNC || (flags & O_CREAT && !before));
    return HGFS_SUCCESS;
}

int hgfs_work_open(struct hgfs_job *job)
{
    const struct hgfs_open *o = &job->request.open;
    AUTO_BUF struct buf path = BUF_INIT(PATH_MAX);
    struct hgfs_node *n;
    int flags = open_flags(o), r;

    if (!(o->mask & HGFS_OPEN_FILE_NAME) || flags < 0 || o->name.by_handle)
        return HGFS_PROTOCOL_ERROR;
    r = hgfs_job_path(&o->name, &path);
    if (r != HGFS_SUCCESS)
        return r;
    r = prepare_archive(job, buf_text(&path));
    if (r)
        return r < 0 ? hgfs_fail(r) : HGFS_SUCCESS;
    n = hgfs_node_new();
    if (!n)
        return hgfs_fail(ENOMEM);
    n->sequential = o->mode & HGFS_MODE_SEQUENTIAL;
    n->path = (char *)buf_steal(&path, NULL);
    r = n->path ? open_file(n, o, flags) : hgfs_fail(ENOMEM);
    if (r != HGFS_SUCCESS) {
        hgfs_node_close(n);
        hgfs_node_free(n);
        return r;
    }
    job->opened = n;
    return HGFS_SUCCESS;
}

static int read_fail(const struct hgfs_job *job, ssize_t err)
{
    return job->node->stream && err == -EAGAIN ? HGFS_LATER : hgfs_fail((int)err);
}

/* All of it, or what is there before the end of the file. */
static ssize_t read_fully(struct hgfs_node *n, uint8_t *out, size_t size, uint64_t offset)
{
    bool stream = n->sequential || n->pseudo;
    size_t got = 0;

    if (n->stream)
        return hgfs_stream_read(n, out, size);
    /* The kernel makes such a file up from its beginning again for every positioned read; hosts
     * read on where they were. */
    if (n->pseudo && offset != n->position && lseek(n->fd, (off_t)offset, SEEK_SET) < 0)
        return -errno;
    while (got < size) {
        ssize_t r = stream ? read(n->fd, out + got, size - got)
                           : pread(n->fd, out + got, size - got, (off_t)(offset + got));

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0 && !got)
            return -errno;
        if (r <= 0)
            break;
        got += (size_t)r;
    }
    if (n->pseudo)
        n->position = offset + got;
    return (ssize_t)got;
}

static int read_old(struct hgfs_job *job)
{
    struct hgfs_done_io *done = &job->reply.io;
    size_t size = job->request.io.size < HGFS_IO_SMALL ? job->request.io.size : HGFS_IO_SMALL;
    uint8_t *room;
    ssize_t n;

    if (buf_reserve(&job->text, size, &room) < 0)
        return hgfs_fail(ENOMEM);
    n = read_fully(job->node, room, size, job->request.io.offset);
    if (n < 0)
        return read_fail(job, n);
    *done = (struct hgfs_done_io){.size = (uint32_t)n, .data = room};
    job->has_reply = true;
    return HGFS_SUCCESS;
}

int hgfs_work_read(struct hgfs_job *job)
{
    const struct hgfs_io *io = &job->request.io;
    struct hgfs_header h = job->header;
    struct buf *out = &job->op->result;
    size_t room = out->max > HGFS_READ_OVERHEAD ? out->max - HGFS_READ_OVERHEAD : 0;
    uint32_t size = io->size < room ? io->size : (uint32_t)room;
    uint8_t *data;
    size_t start;
    ssize_t n;

    if (io->offset > INT64_MAX - UINT32_MAX)
        return HGFS_INVALID_PARAMETER;
    if (h.op != HGFS_READ_V3)
        return read_old(job);
    if (size > HGFS_PACKET_MAX)
        size = HGFS_PACKET_MAX;
    h.flags = HGFS_FLAG_REPLY;
    if (hgfs_read_reply_begin(out, &h, size, &data, &start) < 0)
        return hgfs_fail(ENOMEM);
    n = read_fully(job->node, data, size, io->offset);
    if (n < 0)
        return read_fail(job, n);
    if (hgfs_read_reply_end(out, &h, start, (uint32_t)n) < 0)
        return HGFS_GENERIC_ERROR;
    job->encoded = true;
    return HGFS_SUCCESS;
}

static int set_append(struct hgfs_node *n)
{
    int flags = fcntl(n->fd, F_GETFL);

    if (flags < 0 || fcntl(n->fd, F_SETFL, flags | O_APPEND) < 0)
        return hgfs_fail(errno);
    n->append = true;
    return HGFS_SUCCESS;
}

int hgfs_work_write(struct hgfs_job *job)
{
    const struct hgfs_io *io = &job->request.io;
    struct hgfs_node *n = job->node;
    size_t done = 0;
    int r;

    if (io->offset > INT64_MAX - UINT32_MAX)
        return HGFS_INVALID_PARAMETER;
    if (!n->writable)
        return hgfs_fail(EBADF);
    if (io->flags & 1 && !n->append) {
        r = set_append(n);
        if (r != HGFS_SUCCESS)
            return r;
    }
    while (done < io->size) {
        ssize_t w = n->sequential || n->append ? write(n->fd, io->data + done, io->size - done)
                                               : pwrite(n->fd, io->data + done, io->size - done,
                                                        (off_t)(io->offset + done));

        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return hgfs_fail(errno);
        done += (size_t)w;
    }
    job->reply.io = (struct hgfs_done_io){.size = (uint32_t)done};
    job->has_reply = true;
    return HGFS_SUCCESS;
}

/* The host's close makes an upload complete. An error that only close(2) tells (a full quota on a
 * network file system) is the host's to know. */
int hgfs_work_close(struct hgfs_job *job)
{
    struct hgfs_node *n = job->node;
    int r = 0;

    n->unfinished = false;
    if (n->nameless)
        r = hgfs_upload_publish(n);
    if (n->fd >= 0 && close(n->fd) < 0 && errno != EINTR && r == 0)
        r = -errno;
    n->fd = -1;
    return r ? hgfs_fail(r) : HGFS_SUCCESS;
}
