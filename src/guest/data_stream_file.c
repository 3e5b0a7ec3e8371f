/*
 * Raw streams of files: regular ones, folders' archives, and the standard streams of programs, by
 * the names that file transfers know.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "guest/data_move.h"
#include "guest/data_stream.h"
#include "guest/dir_archive.h"
#include "guest/file_attributes.h"
#include "guest/regular_file.h"
#include "guest/stream_path.h"

struct file_state {
    struct data_stream *s; /* while a finish waits for something */
    struct regular_file file;
    bool write, overwrite;
    int64_t expected; /* bytes to be written; -1 = not known */
    struct vix_set_attributes attributes;
    bool is_archive;
    struct archive_spec spec;
    struct archive *archive;
    struct stream *stream; /* of a program or an archive; a reference, and taken */
    int pipe;              /* its descriptor, for the thread */
    struct vixop *op;      /* STREAM_END under way */
    int result;
    struct work work;
};

/* --- opening -------------------------------------------------------------------------------- */

static void take_program_stream(struct file_state *f, struct stream *s, struct vixop *op)
{
    if (stream_way(s) != (f->write ? STREAM_IN : STREAM_OUT))
        vixop_fail(op, VIX_E_INVALID_ARG);
    else if (!stream_take(s))
        vixop_fail(op, VIX_E_OBJECT_IS_BUSY);
    else
        f->stream = stream_ref(s);
}

static void prepare(struct data_stream *s, struct vixop *op)
{
    const struct vix_stream_open *o = &op->body.stream_open;
    struct file_state *f = mem_calloc(1, sizeof(*f));
    struct vix_stream_file body;
    struct stream *stream;
    int r;

    if (!f) {
        vixop_fail(op, VIX_E_OUT_OF_MEMORY);
        return;
    }
    s->state = f;
    f->file = REGULAR_FILE_INIT;
    f->pipe = -1;
    f->write = s->kind == &data_stream_file_write;
    r = vix_stream_file_decode(o->body, o->len, &body);
    if (r < 0) {
        vixop_fail(op, vix_error_from_decode(r));
        return;
    }
    if (body.path[0] != '/') {
        vixop_fail(op, VIX_E_INVALID_ARG);
        return;
    }
    if (body.attributes.options & (VIX_ATTR_READ_ONLY | VIX_ATTR_HIDDEN)) {
        vixop_fail(op, VIX_E_INVALID_ARG);
        return;
    }
    f->overwrite = body.overwrite;
    f->attributes = body.attributes;
    f->expected = body.size;
    f->file.path = mem_strdup(body.path);
    if (!f->file.path)
        vixop_fail(op, VIX_E_OUT_OF_MEMORY);
    stream = stream_path_find(op->ctx, body.path);
    if (stream && op->error == VIX_OK)
        take_program_stream(f, stream, op);
}

/* 1: it is an archive, and can be. */
static int look_at_archive(struct file_state *f)
{
    int r = archive_spec_parse(f->file.path, &f->spec);

    if (r <= 0)
        return r;
    f->is_archive = true;
    r = archive_spec_check(&f->spec, f->write);
    return r < 0 ? r : 1;
}

static int open_file(struct data_stream *s, struct file_state *f)
{
    int flags = f->write ? O_WRONLY | O_CREAT | (f->overwrite ? O_TRUNC : O_EXCL) : O_RDONLY;
    int r = regular_file_open(&f->file, flags, REGULAR_FILE_NEW_MODE);
    struct stat st;

    if (r < 0)
        return r;
    if (fstat(f->file.fd, &st) < 0)
        return -errno;
    if (!f->write && !f->file.pseudo)
        s->size = st.st_size;
    return 0;
}

static void open_it(struct data_stream *s, struct vixop *op)
{
    struct file_state *f = s->state;
    int r;

    if (f->stream)
        return;
    r = look_at_archive(f);
    if (r == 0)
        r = open_file(s, f);
    if (r < 0)
        vixop_fail_errno(op, r);
}

/* --- moving, on the stream's thread ----------------------------------------------------------- */

static int move_out(struct data_stream *s)
{
    const struct file_state *f = s->state;

    if (f->stream)
        return f->pipe < 0 ? 0 : data_move_send_pipe(s->fd, f->pipe, &s->bytes);
    if (f->file.pseudo)
        return data_move_send_read(s->fd, f->file.fd, &s->bytes);
    return data_move_send_file(s->fd, f->file.fd, (uint64_t)s->size, &s->bytes);
}

static int move_in(struct data_stream *s)
{
    const struct file_state *f = s->state;

    if (f->stream)
        return data_move_receive_pipe(s->fd, f->pipe, &s->bytes);
    return data_move_receive_file(s->fd, f->file.fd,
                                  f->expected < 0 ? UINT64_MAX : (uint64_t)f->expected, &s->bytes);
}

static int start_archive(struct file_state *f, struct vixop *op)
{
    int r = archive_start(op->ctx, &f->spec, f->write, &f->archive);

    if (r < 0)
        return r;
    f->stream = stream_ref(archive_stream(f->archive));
    stream_take(f->stream);
    return 0;
}

static void start(struct data_stream *s, struct vixop *op)
{
    struct file_state *f = s->state;
    int64_t there;
    int r = f->is_archive ? start_archive(f, op) : 0;

    if (r == 0 && f->stream) {
        f->pipe = stream_dup(f->stream);
        /* Output that has been read to its end is empty. */
        r = f->pipe < 0 && (f->pipe != -EBADF || f->write) ? f->pipe : 0;
        /* The whole output of a program that has ended can be counted. */
        if (!f->write && !f->archive && stream_settled(f->stream, &there) && there >= 0 &&
            there != INT64_MAX)
            s->size = there;
    }
    /* Only a program takes bytes when it likes. */
    if (f->write && (f->archive || !f->stream))
        s->size = 0;
    if (r == 0)
        r = data_stream_run(s, f->write ? move_in : move_out);
    if (r < 0)
        vixop_fail_errno(op, r);
}

/* --- the end -------------------------------------------------------------------------------- */

/* What the helper says counts more than that it did not take or give all. */
static void helper_ended(void *arg)
{
    struct file_state *f = arg;
    int result;

    if (!archive_wait(f->archive, helper_ended, f, &result))
        return;
    if (f->op) {
        if (result < 0)
            vixop_fail_errno(f->op, result);
        data_stream_finished(f->s, f->op);
    } else {
        data_stream_over(f->s, result < 0 ? result : f->result);
    }
}

static void ran(struct data_stream *s, int error)
{
    struct file_state *f = s->state;

    f->s = s;
    f->result = error;
    if (f->pipe >= 0)
        close(TAKE_FD(f->pipe));
    if (f->archive && (!f->write || error == -EPIPE)) {
        helper_ended(f);
        return;
    }
    /* Its close is the end of the input, also when it was given up. */
    if (f->write && f->stream && !f->archive)
        stream_close(f->stream);
    data_stream_over(s, error);
}

/* Of the file that is open, which may have no name yet. */
static int set_attributes(const struct file_state *f)
{
    AUTO_FREE char *path = mem_printf("/proc/self/fd/%d", f->file.fd);

    if (!f->attributes.options)
        return 0;
    return path ? file_attributes_set(path, &f->attributes) : -ENOMEM;
}

/* What cannot be as it is wanted is not there at all; but an old file, written in place, is not
 * lost because its mode cannot be changed. */
static void complete_file(struct work *work)
{
    struct file_state *f = CONTAINER_OF(work, struct file_state, work);
    int r = set_attributes(f);

    if (r == 0 || !f->file.nameless)
        f->result = regular_file_complete(&f->file);
    if (r < 0)
        f->result = r;
}

static void file_complete(struct work *work)
{
    struct file_state *f = CONTAINER_OF(work, struct file_state, work);

    if (f->result < 0)
        vixop_fail_errno(f->op, f->result);
    data_stream_finished(f->s, f->op);
}

static void finish_write(struct data_stream *s, struct vixop *op)
{
    struct file_state *f = s->state;

    f->op = op;
    if (op->body.stream_end.bytes != s->bytes ||
        (f->expected >= 0 && s->bytes != (uint64_t)f->expected)) {
        vixop_fail(op, VIX_E_CANCELLED); /* the host did not send all of it */
        data_stream_finished(s, op);
    } else if (f->archive) {
        stream_close(f->stream);
        helper_ended(f);
    } else if (f->stream) {
        data_stream_finished(s, op);
    } else {
        f->work = (struct work){.run = complete_file, .done = file_complete};
        work_pool_submit(op->ctx->pool, &f->work);
    }
}

static void free_state(struct file_state *f)
{
    mem_free(f->file.path);
    mem_free(f);
}

/* Closing may block, too. */
static void close_file(struct work *work)
{
    regular_file_close(&CONTAINER_OF(work, struct file_state, work)->file);
}

static void file_closed(struct work *work)
{
    free_state(CONTAINER_OF(work, struct file_state, work));
}

static void close_it(struct data_stream *s)
{
    struct file_state *f = TAKE_PTR(s->state);

    if (!f)
        return;
    if (f->is_archive)
        archive_spec_clear(&f->spec);
    archive_free(f->archive);
    if (f->pipe >= 0)
        close(f->pipe);
    if (f->stream) {
        if (f->write)
            stream_close(f->stream);
        stream_give_back(f->stream);
        stream_unref(f->stream);
    }
    if (f->file.fd < 0) {
        free_state(f);
        return;
    }
    f->work = (struct work){.run = close_file, .done = file_closed};
    work_pool_submit(data_stream_worker(s)->pool, &f->work);
}

static void abandon(struct data_stream *s)
{
    const struct file_state *f = s->state;

    if (f->archive)
        archive_kill(f->archive);
    regular_file_remove(&f->file);
}

const struct data_stream_kind data_stream_file_read = {
    .kind = VIX_STREAM_FILE_READ,
    .prepare = prepare,
    .open = open_it,
    .start = start,
    .ran = ran,
    .close = close_it,
    .abandon = abandon,
};

const struct data_stream_kind data_stream_file_write = {
    .kind = VIX_STREAM_FILE_WRITE,
    .prepare = prepare,
    .open = open_it,
    .start = start,
    .ran = ran,
    .finish = finish_write,
    .close = close_it,
    .abandon = abandon,
};
