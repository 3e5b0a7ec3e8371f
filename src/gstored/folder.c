/*
 * A repository that is a folder. Its files are handed out themselves, so nothing is copied and the
 * kernel's page cache is the cache. Opening may wait for a file server, so libuv's pool does it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "gstored/repo.h"
#include "wire/gstore.h"

#define TURNS 8 /* somebody may rename in the folder while we walk it */

struct folder {
    struct repo repo;
    uv_loop_t *loop;
    char *path;
    /* What the folder was when this process was confined to it. */
    bool known;
    dev_t dev;
    ino_t ino;
    uint64_t size_max;
    unsigned opening; /* in the pool */
    bool freed;
    void (*moved)(void *arg);
    void *arg;
};

struct opening {
    uv_work_t work;
    struct repo_reader *rd; /* NULL: cancelled */
    struct folder *folder;  /* the pool's thread reads what does not change */
    int root;
    uint64_t size;
    int fd, code;
    bool moved;
    const char *why;
    char path[GSTORE_PATH_MAX + 1]; /* relative */
};

static int open_turns(struct opening *o, int flags)
{
    int fd = -EAGAIN;
    for (int turn = 0; turn < TURNS && fd == -EAGAIN; turn++)
        fd = fs_open_beneath(o->root, o->path, flags, 0);
    return fd;
}

static int refuse(struct opening *o, int code, const char *why)
{
    o->why = why;
    return code;
}

/* The share may have been mounted after we were confined to what was there before. */
static int open_root(struct opening *o)
{
    const struct folder *f = o->folder;
    struct stat st;
    o->root = open(f->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (o->root < 0 || fstat(o->root, &st) < 0)
        return refuse(o, -EIO, "the repository's folder cannot be opened");
    o->moved = !f->known || st.st_dev != f->dev || st.st_ino != f->ino;
    return o->moved ? refuse(o, -EIO, "the repository's folder was replaced") : 0;
}

/* First by name only: opening a device or a pipe for reading would do something to it. */
static int open_file(struct opening *o)
{
    struct stat named, st;
    AUTO_CLOSE int name = open_turns(o, O_PATH);
    if (name >= 0 && fstat(name, &named) < 0)
        return refuse(o, -errno, "looking at it failed");
    if (name == -ENOENT || name == -ENOTDIR || (name >= 0 && !S_ISREG(named.st_mode)))
        return refuse(o, -ENOENT, name < 0 ? "there is none" : "not a regular file");
    if (name == -EXDEV || name == -ELOOP)
        return refuse(o, -EPERM, "it leads out of the repository");
    if (name == -EACCES)
        return refuse(o, -EPERM, "gstored may not read it");
    if (name == -ENAMETOOLONG)
        return refuse(o, -ENOENT, "no name can be that long");
    if (name < 0)
        return refuse(o, name, "it cannot be opened");
    AUTO_CLOSE int fd = open_turns(o, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fd == -EACCES ? refuse(o, -EPERM, "gstored may not read it")
                             : refuse(o, -EIO, "it cannot be opened");
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return refuse(o, -EIO, "it was replaced at this moment");
    if ((uint64_t)st.st_size > o->folder->size_max)
        return refuse(o, -EPERM, "it is larger than the limit");
    o->size = (uint64_t)st.st_size;
    o->fd = TAKE_FD(fd);
    return 0;
}

static void open_work(uv_work_t *work)
{
    struct opening *o = work->data;
    o->code = open_root(o);
    if (o->code == 0)
        o->code = open_file(o);
    if (o->root >= 0)
        close(o->root);
}

static void destroy(struct folder *f)
{
    mem_free(f->path);
    mem_free(f);
}

static void open_done(uv_work_t *work, int status)
{
    struct opening *o = work->data;
    struct repo_reader *rd = o->rd;
    if (status < 0)
        o->code = status;
    if (rd && o->code == 0) {
        rd->ops->opened(rd, TAKE_FD(o->fd), o->size, o->size);
        rd = o->rd; /* it may have been cancelled just now */
    }
    if (rd)
        rd->ops->ended(rd, o->code, o->why);
    if (o->fd >= 0)
        close(o->fd);
    struct folder *f = o->folder;
    if (o->moved && f->moved && !f->freed)
        f->moved(f->arg);
    f->opening--;
    if (f->freed && !f->opening)
        destroy(f);
    mem_free(o);
}

static int folder_read(struct repo *repo, const char *path, struct repo_reader *rd)
{
    struct folder *f = (struct folder *)repo;
    struct opening *o = mem_calloc(1, sizeof(*o));
    if (!o)
        return -ENOMEM;
    o->rd = rd;
    o->folder = f;
    o->root = o->fd = -1;
    o->work.data = o;
    memcpy(o->path, path + 1, strlen(path));
    rd->work = o;
    rd->source = "folder";
    int rc = uv_queue_work(f->loop, &o->work, open_work, open_done);
    if (rc < 0)
        mem_free(o);
    else
        f->opening++;
    return rc < 0 ? -ENOMEM : 0;
}

static void folder_cancel(struct repo_reader *rd)
{
    struct opening *o = rd->work;
    o->rd = NULL;
}

static void folder_free(struct repo *repo)
{
    struct folder *f = (struct folder *)repo;
    f->freed = true;
    if (!f->opening)
        destroy(f);
}

int folder_new(uv_loop_t *loop, const struct settings *settings, void (*moved)(void *arg),
               void *arg, struct repo **ret)
{
    static const struct repo_ops ops = {
        .read = folder_read, .cancel = folder_cancel, .free = folder_free};
    struct folder *f = mem_calloc(1, sizeof(*f));
    struct stat st;
    if (!f || !(f->path = mem_strdup(settings->folder))) {
        mem_free(f);
        return -ENOMEM;
    }
    f->repo.ops = &ops;
    f->loop = loop;
    f->size_max = settings->size_max;
    f->moved = moved;
    f->arg = arg;
    f->known = stat(f->path, &st) == 0;
    if (f->known) {
        f->dev = st.st_dev;
        f->ino = st.st_ino;
    }
    *ret = &f->repo;
    return 0;
}
