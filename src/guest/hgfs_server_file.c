/* Open, read, write, close. Thread pool. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "guest/hgfs_server_impl.h"
#include "wire/hgfs_name.h"

int hgfs_job_path(const struct hgfs_name *name, struct buf *path)
{
    int r = hgfs_name_to_path(path, name->bytes, name->len);

    return r < 0 ? hgfs_fail(r) : HGFS_SUCCESS;
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
    return access_modes[mode] | create_modes[flags];
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
    n->file.path = (char *)buf_steal(&path, NULL);
    r = n->file.path ? regular_file_open(&n->file, flags, new_mode(o)) : -ENOMEM;
    if (r < 0) {
        regular_file_close(&n->file);
        hgfs_node_free(n);
        return hgfs_fail(r);
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
    bool stream = n->sequential || n->file.pseudo;
    size_t got = 0;

    if (n->stream)
        return hgfs_stream_read(n, out, size);
    /* The kernel makes such a file up from its beginning again for every positioned read; hosts
     * read on where they were. */
    if (n->file.pseudo && offset != n->position && lseek(n->file.fd, (off_t)offset, SEEK_SET) < 0)
        return -errno;
    while (got < size) {
        ssize_t r = stream ? read(n->file.fd, out + got, size - got)
                           : pread(n->file.fd, out + got, size - got, (off_t)(offset + got));

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0 && !got)
            return -errno;
        if (r <= 0)
            break;
        got += (size_t)r;
    }
    if (n->file.pseudo)
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
    int flags = fcntl(n->file.fd, F_GETFL);

    if (flags < 0 || fcntl(n->file.fd, F_SETFL, flags | O_APPEND) < 0)
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
    if (!n->file.writable)
        return hgfs_fail(EBADF);
    if (io->flags & 1 && !n->append) {
        r = set_append(n);
        if (r != HGFS_SUCCESS)
            return r;
    }
    while (done < io->size) {
        ssize_t w =
            n->sequential || n->append
                ? write(n->file.fd, io->data + done, io->size - done)
                : pwrite(n->file.fd, io->data + done, io->size - done, (off_t)(io->offset + done));

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

/* The host's close makes an upload complete. */
int hgfs_work_close(struct hgfs_job *job)
{
    int r = regular_file_complete(&job->node->file);

    return r < 0 ? hgfs_fail(r) : HGFS_SUCCESS;
}
