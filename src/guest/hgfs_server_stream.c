/*
 * Streams as files of the HGFS server: standard input and output of programs, and archives. Nothing
 * here blocks, so all of it runs on the loop's thread; a request that cannot go on waits for the
 * pipe, and one that has waited long is answered "busy" (SHARING_VIOLATION): the host asks again.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "guest/dir_archive.h"
#include "guest/hgfs_server_impl.h"
#include "guest/stream_path.h"

/* Hosts give a packet a minute and more. */
#define QUIET_MS 2000u

static void step(void *arg);

struct stream *hgfs_stream_find(const struct hgfs_job *job, const struct worker_ctx *w)
{
    AUTO_BUF struct buf path = BUF_INIT(PATH_MAX);
    const struct hgfs_name *name;

    if (job->def->work == hgfs_work_open)
        name = &job->request.open.name;
    else if (job->def->work == hgfs_work_setattr)
        name = &job->request.setattr.name;
    else if (job->def->work == hgfs_work_getattr)
        name = &job->request.file.name;
    else
        return NULL;
    if (name->by_handle || hgfs_job_path(name, &path) != HGFS_SUCCESS)
        return NULL;
    return stream_path_find(w, buf_text(&path));
}

static struct stream *stream_of(const struct hgfs_job *job)
{
    return job->node ? job->node->stream : job->stream;
}

/* `event` may have come; time is up at `until`. */
static int later(struct hgfs_job *job, enum stream_event event, unsigned ms, int busy)
{
    uint64_t now = clock_ms();
    int r;

    if (!job->until)
        job->until = now + ms;
    if (now >= job->until || (job->node && job->node->gone))
        return busy;
    r = stream_wait(stream_of(job), event, (unsigned)(job->until - now), step, job);
    return r < 0 ? hgfs_fail(r) : HGFS_LATER;
}

static void attributes(struct hgfs_job *job, int64_t size, unsigned mode)
{
    struct timespec now;
    struct hgfs_attr *a = &job->reply.entry.attr;

    clock_gettime(CLOCK_REALTIME, &now);
    job->reply.entry = (struct hgfs_entry){.name.bytes = ""};
    *a = (struct hgfs_attr){
        .mask = HGFS_ATTR_TYPE | HGFS_ATTR_SIZE | HGFS_ATTR_ACCESS_TIME | HGFS_ATTR_WRITE_TIME |
                HGFS_ATTR_USERID | HGFS_ATTR_GROUPID | HGFS_ATTR_SPECIAL_PERMS |
                HGFS_ATTR_OWNER_PERMS | HGFS_ATTR_GROUP_PERMS | HGFS_ATTR_OTHER_PERMS,
        .type = HGFS_TYPE_REGULAR,
        .size = (uint64_t)size,
        .access_time = hgfs_time_from_unix(&now),
        .write_time = hgfs_time_from_unix(&now),
        .uid = getuid(),
        .gid = getgid(),
    };
    hgfs_attr_set_mode(a, mode);
    job->has_reply = true;
}

void hgfs_archive_attributes(struct hgfs_job *job)
{
    attributes(job, INT64_MAX, ARCHIVE_MODE);
}

static int getattr(struct hgfs_job *job)
{
    struct stream *s = stream_of(job);
    int64_t size;

    if (job->node && job->node->archive) {
        hgfs_archive_attributes(job);
        return HGFS_SUCCESS;
    }
    if (!job->node && !stream_settled(s, &size))
        return later(job, STREAM_EVENT_SETTLED, STREAM_SETTLE_MS, HGFS_ACCESS_DENIED);
    stream_settled(s, &size);
    attributes(job, size, stream_way(s) == STREAM_IN ? STREAM_MODE_IN : STREAM_MODE_OUT);
    return HGFS_SUCCESS;
}

static int open_stream(struct hgfs_job *job)
{
    uint32_t mode = job->request.open.mode & ~(uint32_t)HGFS_MODE_SEQUENTIAL;
    struct stream *s = job->stream;
    struct hgfs_node *n;
    int64_t size;

    if (mode != (stream_way(s) == STREAM_IN ? HGFS_MODE_WRITE : HGFS_MODE_READ))
        return HGFS_ACCESS_DENIED;
    if (!stream_settled(s, &size))
        return later(job, STREAM_EVENT_SETTLED, STREAM_SETTLE_MS, HGFS_ACCESS_DENIED);
    n = hgfs_node_new();
    if (!n)
        return hgfs_fail(ENOMEM);
    if (!stream_take(s)) {
        hgfs_node_free(n);
        return HGFS_SHARING_VIOLATION;
    }
    n->stream = stream_ref(s);
    job->opened = n;
    return HGFS_SUCCESS;
}

int hgfs_archive_open(struct hgfs_job *job, const struct worker_ctx *w)
{
    bool upload = job->request.open.mode & HGFS_MODE_WRITE;
    struct hgfs_node *n = hgfs_node_new();
    int r = n ? archive_start(w, &job->archive, upload, &n->archive) : -ENOMEM;

    archive_spec_clear(&job->archive);
    if (r < 0) {
        if (n)
            hgfs_node_free(n);
        return hgfs_fail(r);
    }
    n->stream = stream_ref(archive_stream(n->archive));
    stream_take(n->stream);
    /* Hosts that take larger packets are ours, and send a body without a length. */
    n->mark = !upload && job->op && job->op->result.max < HGFS_PACKET_MAX;
    job->opened = n;
    return HGFS_SUCCESS;
}

/* All of the archive has been read; was it all there is? */
static int end_of_archive(struct hgfs_job *job)
{
    struct hgfs_node *n = job->node;
    int result;

    if (!archive_wait(n->archive, step, job, &result))
        return HGFS_LATER;
    return result < 0 ? hgfs_fail(result) : HGFS_SUCCESS;
}

ssize_t hgfs_stream_read(struct hgfs_node *n, void *out, size_t size)
{
    ssize_t got = stream_read(n->stream, out, size);

    if (got == 0 && size)
        n->at_end = true;
    if (n->at_end && n->mark && got == 0 && size >= sizeof(ARCHIVE_MARK) - 1) {
        memcpy(out, ARCHIVE_MARK, sizeof(ARCHIVE_MARK) - 1);
        n->mark = false;
        got = sizeof(ARCHIVE_MARK) - 1;
    }
    return got;
}

static int read_stream(struct hgfs_job *job)
{
    struct hgfs_node *n = job->node;
    int r;

    if (stream_way(n->stream) == STREAM_IN)
        return hgfs_fail(EBADF);
    if (!n->at_end || !n->archive) {
        buf_clear(&job->op->result);
        buf_clear(&job->text);
        r = hgfs_work_read(job);
        if (r == HGFS_LATER)
            return later(job, STREAM_EVENT_IO, QUIET_MS, HGFS_SHARING_VIOLATION);
        if (r != HGFS_SUCCESS || !n->at_end || !n->archive)
            return r;
    }
    r = end_of_archive(job);
    if (r == HGFS_SUCCESS && !job->encoded && !job->has_reply)
        r = hgfs_work_read(job);
    return r;
}

static int write_stream(struct hgfs_job *job)
{
    const struct hgfs_io *io = &job->request.io;
    struct hgfs_node *n = job->node;
    int r;

    if (stream_way(n->stream) == STREAM_OUT)
        return hgfs_fail(EBADF);
    /* One in front of it was not taken, or not whole, and comes again. */
    if (!(io->flags & 1) && io->offset + job->progress != n->position)
        return HGFS_SHARING_VIOLATION;
    while (job->progress < io->size) {
        ssize_t w = stream_write(n->stream, io->data + job->progress, io->size - job->progress);

        if (w == -EAGAIN) {
            r = later(job, STREAM_EVENT_IO, QUIET_MS, HGFS_SHARING_VIOLATION);
            if (r == HGFS_SHARING_VIOLATION && job->progress)
                break; /* the host sends the rest again */
            return r;
        }
        /* Why the helper gave up says more than that it did. */
        if (w == -EPIPE && n->archive) {
            r = end_of_archive(job);
            return r == HGFS_SUCCESS ? HGFS_GENERIC_ERROR : r;
        }
        if (w < 0)
            return hgfs_fail((int)w);
        job->progress += (size_t)w;
        n->position += (size_t)w;
    }
    job->reply.io = (struct hgfs_done_io){.size = (uint32_t)job->progress};
    job->has_reply = true;
    return HGFS_SUCCESS;
}

/* The end of an upload is the end of what the process reads. */
static int close_stream(struct hgfs_job *job)
{
    struct hgfs_node *n = job->node;
    int result;

    if (stream_way(n->stream) == STREAM_OUT)
        return HGFS_SUCCESS;
    stream_close(n->stream);
    if (!n->archive)
        return HGFS_SUCCESS;
    if (!archive_wait(n->archive, step, job, &result))
        return HGFS_LATER;
    return result < 0 ? hgfs_fail(result) : HGFS_SUCCESS;
}

void hgfs_stream_abandon(struct hgfs_node *n)
{
    stream_wake(n->stream);
    if (n->archive)
        archive_kill(n->archive);
}

void hgfs_stream_drop(struct hgfs_node *n)
{
    archive_free(TAKE_PTR(n->archive));
    if (stream_way(n->stream) == STREAM_IN)
        stream_close(n->stream);
    stream_give_back(n->stream);
    stream_unref(TAKE_PTR(n->stream));
}

static int run(struct hgfs_job *job)
{
    static const struct {
        int (*work)(struct hgfs_job *job); /* of the table of operations */
        int (*here)(struct hgfs_job *job);
    } map[] = {
        {hgfs_work_open, open_stream},   {hgfs_work_getattr, getattr},
        {hgfs_work_read, read_stream},   {hgfs_work_write, write_stream},
        {hgfs_work_close, close_stream},
    };

    if (!job->def)
        return HGFS_SUCCESS; /* a disposal */
    if (job->def->work == hgfs_work_setattr)
        return HGFS_SUCCESS; /* owner, mode and times mean nothing here */
    for (size_t i = 0; i < ARRAY_SIZE(map); i++)
        if (map[i].work == job->def->work)
            return map[i].here(job);
    return HGFS_NOT_SUPPORTED;
}

static void step(void *arg)
{
    struct hgfs_job *job = arg;
    int status = run(job);

    if (status == HGFS_LATER)
        return;
    job->status = status;
    hgfs_job_done(job);
}

void hgfs_stream_start(struct hgfs_job *job)
{
    step(job);
}
