/* File handlers of the embedding program, and the HGFS packets about their files and the streams of
 * its programs. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "guest/tb_embed.h"
#include "wire/hgfs.h"
#include "wire/hgfs_name.h"
#include "wire/vix_text.h"

/* Handles of ours, apart from those of whoever else serves packets of the same session. */
#define HANDLE_BASE 0xf0000000u
#define MODE_IN     0200
#define MODE_OUT    0400

struct embed_file {
    struct embed_file *next;
    uint32_t handle;
    uint64_t session;
    uint32_t uid;
    bool write;
    uint64_t position; /* bytes written */
    int64_t pid;       /* a stream: of this process, if it is still remembered */
    int fd;
    struct toolbox_scheme ops; /* a file of a scheme */
    void *arg, *file;
};

int toolbox_add_scheme(struct toolbox *tb, const char *name, const struct toolbox_scheme *scheme,
                       void *arg)
{
    struct embed *e;
    struct scheme *s;
    int r;

    if (!scheme->look || !scheme->open || !scheme->close || !*name ||
        strlen(name) > EMBED_NAME_MAX || strpbrk(name, "/:?"))
        return -EINVAL;
    r = embed_get(tb, &e);
    if (r < 0)
        return r;
    for (s = e->schemes; s && strcmp(s->name, name) != 0; s = s->next)
        ;
    if (!s) {
        s = mem_calloc(1, sizeof(*s));
        if (!s)
            return -ENOMEM;
        snprintf(s->name, sizeof(s->name), "%s", name);
        s->next = e->schemes;
        e->schemes = s;
    }
    s->ops = *scheme;
    s->arg = arg;
    return 0;
}

/* ---- paths ---- */

struct place {
    const struct scheme *scheme;
    char path[PATH_MAX];
    const char *query;
};

/* "/NAME:/REST?QUERY", or without the colon. */
static bool find_scheme(const struct embed *e, const char *text, struct place *ret)
{
    size_t name, len;
    char *mark;

    if (text[0] != '/')
        return false;
    text++;
    name = strcspn(text, "/?");
    len = strlen(text + name);
    if (text[name] != '/' || len >= sizeof(ret->path))
        return false;
    memcpy(ret->path, text + name, len + 1);
    if (name && text[name - 1] == ':')
        name--;
    mark = strchr(ret->path, '?');
    ret->query = mark ? mark + 1 : "";
    if (mark)
        *mark = '\0';
    for (ret->scheme = e->schemes; ret->scheme; ret->scheme = ret->scheme->next)
        if (strlen(ret->scheme->name) == name && memcmp(ret->scheme->name, text, name) == 0)
            return true;
    return false;
}

bool embed_path(const struct embed *e, const char *path)
{
    struct toolbox_process *p;
    struct place place;

    return process_stream(e, path, &p) >= 0 || find_scheme(e, path, &place);
}

/* 0, -EAGAIN (not now: output of a program that runs), or what is wrong. */
static int look(const struct toolbox_vix *vix, const char *path, bool write,
                struct toolbox_file_info *ret)
{
    const struct embed *e = vix->tb->embed;
    struct toolbox_process *p;
    struct place place;
    int fd = process_stream(e, path, &p);

    if (fd >= 0) {
        if (!process_allows(p, &vix->identity))
            return -EACCES;
        if (write != (fd == 0))
            return -EINVAL;
        if (!process_settled(p, fd, &ret->size))
            return -EAGAIN;
        ret->mode = fd ? MODE_OUT : MODE_IN;
        ret->modified = time(NULL);
        return 0;
    }
    if (!find_scheme(e, path, &place))
        return -ENOENT;
    return place.scheme->ops.look(vix->tb, &vix->identity, place.path, place.query, write, ret,
                                  place.scheme->arg);
}

enum embed_result embed_look(struct toolbox_vix *vix, const char *path, bool write, bool final)
{
    AUTO_BUF struct buf out = BUF_INIT(vix->max_result);
    struct toolbox_file_info info = {0};
    struct vix_file_info file;
    int r = look(vix, path, write, &info);

    if (r == -EAGAIN)
        return final ? embed_answer(vix, VIX_E_FILE_ACCESS_ERROR) : EMBED_LATER;
    if (r == -EINVAL)
        return embed_answer(vix, VIX_E_INVALID_ARG);
    if (r < 0)
        return embed_fail_errno(vix, r);
    file = (struct vix_file_info){.name = path,
                                  .size = info.size,
                                  .modified = info.modified,
                                  .accessed = info.modified,
                                  .created = -1,
                                  .uid = vix->identity.uid,
                                  .gid = vix->identity.gid,
                                  .mode = (int64_t)(S_IFREG | (info.mode & 07777)),
                                  .target = ""};
    if (!write && vix_text_put_file(&out, &file) < 0)
        return embed_answer(vix, VIX_E_OUT_OF_MEMORY);
    toolbox_vix_reply(vix, VIX_OK, 0, out.data, out.len);
    return EMBED_DONE;
}

/* ---- packets ---- */

struct packet {
    struct toolbox_vix *vix;
    struct hgfs_header header;
    union hgfs_request rq;
    struct embed_file *file; /* that the request is about */
};

static enum embed_result reply(struct packet *p, uint32_t status, const union hgfs_reply *r)
{
    AUTO_BUF struct buf b = BUF_INIT(p->vix->max_result);

    p->header.flags = HGFS_FLAG_REPLY;
    p->header.status = p->header.information = status;
    if (hgfs_reply_encode(&b, &p->header, r) < 0)
        return embed_answer(p->vix, VIX_E_FAIL);
    toolbox_vix_reply(p->vix, VIX_OK, 0, b.data, b.len);
    return EMBED_DONE;
}

static enum embed_result refuse(struct packet *p, int err)
{
    return reply(p, hgfs_status_from_errno(err), NULL);
}

static struct embed_file **find_file(struct embed *e, uint32_t handle)
{
    struct embed_file **at = &e->files;

    while (*at && (*at)->handle != handle)
        at = &(*at)->next;
    return at;
}

/* Lets go of a file; the result of the close. */
static int drop(struct embed *e, struct embed_file **at, bool complete)
{
    struct embed_file *f = *at;
    struct toolbox_process *p = process_find(e, f->pid);
    int r = 0;

    *at = f->next;
    e->file_count--;
    if (f->ops.close) {
        r = f->ops.close(f->file, complete, f->arg);
    } else if (f->write && p && !p->end && !p->input_ended) {
        /* Given up or not: the program must learn that nothing follows. */
        p->input_ended = true;
        if (p->ops.input)
            p->ops.input(p, NULL, 0, p->arg);
    }
    mem_free(f);
    return r;
}

void files_free(struct embed *e)
{
    while (e->files)
        drop(e, &e->files, false);
}

static void end_session(struct embed *e, uint64_t session)
{
    for (struct embed_file **at = &e->files; *at;) {
        if ((*at)->session == session)
            drop(e, at, false);
        else
            at = &(*at)->next;
    }
}

static int open_stream(struct packet *p, const struct toolbox_process *process, int fd, bool write,
                       struct embed_file *f)
{
    int64_t size;

    if (!process_allows(process, &p->vix->identity) || write != (fd == 0) ||
        (write && (!process->ops.input || process->end || process->input_ended)))
        return -EACCES;
    if (!process_settled(process, fd, &size))
        return -EAGAIN;
    f->pid = process->pid;
    f->fd = fd;
    return 0;
}

static enum embed_result open_file(struct packet *p, const char *path, bool final)
{
    struct embed *e = p->vix->tb->embed;
    bool write = p->rq.open.mode & HGFS_MODE_WRITE;
    struct embed_file *f = e->file_count < EMBED_FILES_MAX ? mem_calloc(1, sizeof(*f)) : NULL;
    union hgfs_reply answer = {0};
    struct toolbox_process *process;
    struct place place;
    int fd, r = 0;

    if (!f)
        return refuse(p, EMFILE);
    fd = process_stream(e, path, &process);
    if (p->rq.open.mode & HGFS_MODE_READ_WRITE) {
        r = -EACCES;
    } else if (fd >= 0) {
        r = open_stream(p, process, fd, write, f);
    } else if (find_scheme(e, path, &place)) {
        r = (write ? (void *)place.scheme->ops.write : (void *)place.scheme->ops.read)
                ? place.scheme->ops.open(p->vix->tb, &p->vix->identity, place.path, place.query,
                                         write, &f->file, place.scheme->arg)
                : -EACCES;
        f->ops = place.scheme->ops;
        f->arg = place.scheme->arg;
    } else {
        r = -ENOENT;
    }
    if (r < 0) {
        mem_free(f);
        return r == -EAGAIN && !final ? EMBED_LATER : refuse(p, r == -EAGAIN ? EACCES : r);
    }
    f->write = write;
    f->session = p->header.session_id;
    f->uid = p->vix->identity.uid;
    f->handle = HANDLE_BASE | (++e->last_handle & ~HANDLE_BASE);
    f->next = e->files;
    e->files = f;
    e->file_count++;
    answer.opened.handle = f->handle;
    return reply(p, HGFS_SUCCESS, &answer);
}

static enum embed_result get_attributes(struct packet *p, const char *path, bool final)
{
    struct toolbox_file_info info = {0};
    union hgfs_reply answer = {.entry = {.name.bytes = ""}};
    struct hgfs_attr *a = &answer.entry.attr;
    struct timespec at;
    int r = look(p->vix, path, false, &info);

    if (r == -EINVAL || r == -EPERM || r == -EACCES)
        r = look(p->vix, path, true, &info);
    if (r == -EAGAIN && !final)
        return EMBED_LATER;
    if (r < 0)
        return refuse(p, r == -EAGAIN ? EACCES : r);
    /* Files are read in order; a host of many packets at once keeps to one if there is no size. */
    if (p->vix->max_result > TOOLBOX_VIX_MAX)
        info.size = INT64_MAX;
    at = (struct timespec){.tv_sec = (time_t)info.modified};
    *a = (struct hgfs_attr){.mask = HGFS_ATTR_TYPE | HGFS_ATTR_SIZE | HGFS_ATTR_WRITE_TIME |
                                    HGFS_ATTR_SPECIAL_PERMS | HGFS_ATTR_OWNER_PERMS |
                                    HGFS_ATTR_GROUP_PERMS | HGFS_ATTR_OTHER_PERMS,
                            .type = HGFS_TYPE_REGULAR,
                            .size = (uint64_t)info.size,
                            .write_time = hgfs_time_from_unix(&at)};
    hgfs_attr_set_mode(a, info.mode & 07777);
    return reply(p, HGFS_SUCCESS, &answer);
}

static long take_output(struct embed *e, const struct embed_file *f, void *out, size_t size)
{
    struct toolbox_process *p = process_find(e, f->pid);
    struct buf *from = p ? &p->out[f->fd - 1] : NULL;
    size_t n;

    if (!from || !from->len)
        return p && !p->end ? -EAGAIN : 0;
    n = from->len < size ? from->len : size;
    memcpy(out, from->data, n);
    buf_consume(from, n);
    if (p->full && !p->end) {
        p->full = false;
        if (p->ops.drained)
            p->ops.drained(p, p->arg);
    }
    return (long)n;
}

static enum embed_result read_file(struct packet *p, bool final)
{
    struct embed *e = p->vix->tb->embed;
    struct embed_file *f = p->file;
    AUTO_BUF struct buf b = BUF_INIT(p->vix->max_result);
    size_t room = b.max > HGFS_READ_OVERHEAD ? b.max - HGFS_READ_OVERHEAD : 0;
    uint32_t size = p->rq.io.size;
    uint8_t *data;
    size_t start;
    long n;

    if (f->write || p->header.op != HGFS_READ_V3)
        return refuse(p, f->write ? EBADF : EOPNOTSUPP);
    size = size < room ? size : (uint32_t)room;
    size = size < HGFS_PACKET_MAX ? size : HGFS_PACKET_MAX;
    p->header.flags = HGFS_FLAG_REPLY;
    if (hgfs_read_reply_begin(&b, &p->header, size, &data, &start) < 0)
        return refuse(p, ENOMEM);
    n = f->ops.read ? f->ops.read(f->file, data, size, f->arg) : take_output(e, f, data, size);
    if (n == -EAGAIN && !final)
        return EMBED_LATER;
    if (n < 0 || n > (long)size)
        return n == -EAGAIN ? reply(p, HGFS_SHARING_VIOLATION, NULL)
                            : refuse(p, n < 0 ? (int)n : EIO);
    if (hgfs_read_reply_end(&b, &p->header, start, (uint32_t)n) < 0)
        return refuse(p, EIO);
    toolbox_vix_reply(p->vix, VIX_OK, 0, b.data, b.len);
    return EMBED_DONE;
}

static long give_input(struct embed *e, const struct embed_file *f, const void *data, size_t len)
{
    struct toolbox_process *p = process_find(e, f->pid);

    if (!p || p->end || p->input_ended)
        return -EPIPE;
    return len ? p->ops.input(p, data, len, p->arg) : 0;
}

static enum embed_result write_file(struct packet *p, bool final)
{
    struct embed_file *f = p->file;
    const struct hgfs_io *io = &p->rq.io;
    union hgfs_reply answer = {0};
    long n;

    if (!f->write)
        return refuse(p, EBADF);
    /* One in front of it was not taken, or not whole, and comes again. */
    if (!(io->flags & 1) && io->offset != f->position)
        return reply(p, HGFS_SHARING_VIOLATION, NULL);
    n = f->ops.write ? f->ops.write(f->file, io->data, io->size, f->arg)
                     : give_input(p->vix->tb->embed, f, io->data, io->size);
    if (n == -EAGAIN && !final)
        return EMBED_LATER;
    if (n < 0 || n > (long)io->size)
        return n == -EAGAIN ? reply(p, HGFS_SHARING_VIOLATION, NULL)
                            : refuse(p, n < 0 ? (int)n : EIO);
    f->position += (uint64_t)n;
    answer.io.size = (uint32_t)n;
    return reply(p, HGFS_SUCCESS, &answer);
}

static enum embed_result close_file(struct packet *p)
{
    struct embed *e = p->vix->tb->embed;
    int r = drop(e, find_file(e, p->file->handle), true);

    return r < 0 ? refuse(p, r) : reply(p, HGFS_SUCCESS, NULL);
}

static enum embed_result new_session(struct packet *p)
{
    union hgfs_reply answer = {
        .session = {.max_packet = HGFS_PACKET_LARGE,
                    .flags = HGFS_SESSION_MAX_PACKET_VALID | HGFS_SESSION_UNDO}};
    uint64_t *id = &answer.session.session_id;

    if (getrandom(id, sizeof(*id), 0) != (ssize_t)sizeof(*id))
        return refuse(p, EIO);
    return reply(p, HGFS_SUCCESS, &answer);
}

/* The name or the handle of a request; 0 = neither. */
static const struct hgfs_name *name_of(const struct packet *p, uint32_t *ret_handle)
{
    switch (p->header.op) {
    case HGFS_OPEN:
    case HGFS_OPEN_V3:
        return &p->rq.open.name;
    case HGFS_GETATTR_V2:
    case HGFS_GETATTR_V3:
        return &p->rq.file.name;
    case HGFS_SETATTR_V2:
    case HGFS_SETATTR_V3:
        return &p->rq.setattr.name;
    case HGFS_READ_V3:
    case HGFS_WRITE_V3:
        *ret_handle = p->rq.io.handle;
        return NULL;
    case HGFS_CLOSE:
    case HGFS_CLOSE_V3:
        *ret_handle = p->rq.close.handle;
        return NULL;
    default:
        return NULL;
    }
}

/* Takes a packet apart: 0, or negative when it is not whole. `path` is that of its name. */
static int take_apart(const struct vix_hgfs *body, struct packet *p, struct buf *path,
                      uint32_t *ret_handle)
{
    const struct hgfs_name *name;
    const uint8_t *payload;
    size_t len;
    int r = hgfs_request_header_decode(body->packet, body->len, &p->header, &payload, &len);

    *ret_handle = 0;
    if (r == 0)
        r = hgfs_request_decode(p->header.op, payload, len, &p->rq);
    if (r < 0)
        return r;
    name = name_of(p, ret_handle);
    return name && !name->by_handle ? hgfs_name_to_path(path, name->bytes, name->len) : 0;
}

bool embed_takes_packet(struct toolbox_vix *vix, const struct vix_hgfs *body)
{
    AUTO_BUF struct buf path = BUF_INIT(PATH_MAX);
    struct packet p = {.vix = vix};
    uint32_t handle;

    if (take_apart(body, &p, &path, &handle) < 0)
        return false;
    /* The session is another's; of ours its end takes the files. */
    if (p.header.op == HGFS_DESTROY_SESSION_V4)
        end_session(vix->tb->embed, p.header.session_id);
    return (handle & HANDLE_BASE) == HANDLE_BASE ||
           (path.len && embed_path(vix->tb->embed, buf_text(&path)));
}

enum embed_result embed_packet(struct toolbox_vix *vix, const struct vix_hgfs *body, bool final)
{
    AUTO_BUF struct buf path = BUF_INIT(PATH_MAX);
    struct embed *e = vix->tb->embed;
    struct packet p = {.vix = vix};
    uint32_t handle;
    int r = take_apart(body, &p, &path, &handle);

    if (r == -EPROTO && !p.header.op)
        return embed_answer(vix, VIX_E_FAIL);
    if (r < 0)
        return refuse(&p, r == -EOPNOTSUPP || r == -EINVAL || r == -ENOENT ? r : EPROTO);
    p.file = *find_file(e, handle);
    switch (p.header.op) {
    case HGFS_CREATE_SESSION_V4:
        return new_session(&p);
    case HGFS_DESTROY_SESSION_V4:
        end_session(e, p.header.session_id);
        return reply(&p, HGFS_SUCCESS, NULL);
    case HGFS_OPEN:
    case HGFS_OPEN_V3:
        return open_file(&p, buf_text(&path), final);
    case HGFS_GETATTR_V2:
    case HGFS_GETATTR_V3:
        return get_attributes(&p, buf_text(&path), final);
    case HGFS_SETATTR_V2:
    case HGFS_SETATTR_V3:
        return reply(&p, HGFS_SUCCESS, NULL);
    default:
        break;
    }
    if (!p.file || p.file->session != p.header.session_id || p.file->uid != vix->identity.uid)
        return refuse(&p, EBADF);
    switch (p.header.op) {
    case HGFS_READ_V3:
        return read_file(&p, final);
    case HGFS_WRITE_V3:
        return write_file(&p, final);
    case HGFS_CLOSE:
    case HGFS_CLOSE_V3:
        return close_file(&p);
    default:
        return refuse(&p, EOPNOTSUPP);
    }
}
