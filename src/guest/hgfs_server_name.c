/* Folders, names and volumes. Thread pool. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "guest/file_copy.h"
#include "guest/hgfs_server_impl.h"
#include "wire/hgfs_name.h"

/* Bytes of names that one search may hold. */
#define SEARCH_NAMES_MAX (16u * 1024u * 1024u)

static int add_name(struct hgfs_node *n, uint32_t *room, const char *name)
{
    size_t *more;

    if (n->count == *room) {
        *room = *room ? 2 * *room : 64;
        more = mem_realloc(n->starts, *room * sizeof(*more));
        if (!more)
            return -ENOMEM;
        n->starts = more;
    }
    n->starts[n->count++] = n->names.len;
    return buf_put(&n->names, name, strlen(name) + 1);
}

static int read_folder(struct hgfs_node *n)
{
    uint32_t room = 0;
    struct dirent *e;
    DIR *d = opendir(n->folder);
    int r = 0;

    if (!d)
        return -errno;
    while (r == 0) {
        errno = 0;
        e = readdir(d);
        if (!e) {
            r = -errno;
            break;
        }
        /* A name that is no text cannot be told, let alone asked for. */
        if (utf8_valid(e->d_name, strlen(e->d_name)))
            r = add_name(n, &room, e->d_name);
    }
    closedir(d);
    return r;
}

int hgfs_work_search_open(struct hgfs_job *job)
{
    AUTO_BUF struct buf path = BUF_INIT(PATH_MAX);
    struct hgfs_node *n;
    int r = hgfs_job_path(&job->request.file.name, &path);

    if (r != HGFS_SUCCESS)
        return r;
    n = hgfs_node_new();
    if (!n)
        return hgfs_fail(ENOMEM);
    n->search = true;
    n->names = BUF_INIT(SEARCH_NAMES_MAX);
    n->folder = (char *)buf_steal(&path, NULL);
    r = n->folder ? read_folder(n) : -ENOMEM;
    if (r < 0) {
        hgfs_node_free(n);
        return hgfs_fail(r);
    }
    job->opened = n;
    return HGFS_SUCCESS;
}

int hgfs_work_search_read(struct hgfs_job *job)
{
    struct hgfs_node *n = job->node;
    struct hgfs_entry *e = &job->reply.entry;
    AUTO_FREE char *path = NULL;
    const char *name;
    struct stat st;

    *e = (struct hgfs_entry){.name.bytes = ""};
    job->has_reply = true;
    if (job->request.search_read.index >= n->count) {
        e->end = true;
        return HGFS_SUCCESS;
    }
    name = (const char *)n->names.data + n->starts[job->request.search_read.index];
    path = mem_printf("%s/%s", n->folder, name);
    if (!path || hgfs_name_unescape(&job->text, name, strlen(name)) < 0)
        return hgfs_fail(ENOMEM);
    e->name.bytes = buf_text(&job->text);
    e->name.len = job->text.len;
    /* Deleted since the search began: the name alone, without attributes. */
    if (lstat(path, &st) == 0)
        hgfs_attr_from_stat(&e->attr, &st);
    return HGFS_SUCCESS;
}

int hgfs_work_create_dir(struct hgfs_job *job)
{
    const struct hgfs_create_dir *c = &job->request.create_dir;
    AUTO_BUF struct buf path = BUF_INIT(PATH_MAX);
    unsigned owner = c->mask & HGFS_DIR_OWNER_PERMS ? c->owner_perms & 7 : 7;
    unsigned group = c->mask & HGFS_DIR_GROUP_PERMS ? c->group_perms & 7 : owner;
    unsigned other = c->mask & HGFS_DIR_OTHER_PERMS ? c->other_perms & 7 : owner;
    unsigned special = c->mask & HGFS_DIR_SPECIAL_PERMS ? c->special_perms & 7 : 0;
    int r = hgfs_job_path(&c->name, &path);

    if (r != HGFS_SUCCESS)
        return r;
    if (mkdir(buf_text(&path), (mode_t)(special << 9 | owner << 6 | group << 3 | other)) < 0)
        return hgfs_fail(errno);
    return HGFS_SUCCESS;
}

static bool same_as_node(const char *path, const struct hgfs_node *n)
{
    struct stat st;

    return lstat(path, &st) == 0 && st.st_dev == n->file.dev && st.st_ino == n->file.ino;
}

static int delete_name(struct hgfs_job *job, int flags)
{
    AUTO_BUF struct buf path = BUF_INIT(PATH_MAX);
    const char *name;
    struct stat st;
    int r;

    if (job->node && job->node->file.nameless) {
        /* Not wanted any more: the close gives it no name. What had the name before goes, too. */
        job->node->file.nameless = false;
        if (unlink(job->node->file.path) < 0 && errno != ENOENT)
            return hgfs_fail(errno);
        return HGFS_SUCCESS;
    }
    if (job->node) {
        name = job->node->file.path;
        if (!name || !same_as_node(name, job->node))
            return HGFS_NO_SUCH_FILE;
    } else {
        r = hgfs_job_path(&job->request.file.name, &path);
        if (r != HGFS_SUCCESS)
            return r;
        name = buf_text(&path);
    }
    /* unlink(2) of a folder is EISDIR, which would read as "exists". */
    if (!flags && lstat(name, &st) == 0 && S_ISDIR(st.st_mode))
        return HGFS_NOT_PERMITTED;
    if (unlinkat(AT_FDCWD, name, flags) < 0)
        return hgfs_fail(errno == EEXIST ? ENOTEMPTY : errno);
    return HGFS_SUCCESS;
}

int hgfs_work_delete_file(struct hgfs_job *job)
{
    return delete_name(job, 0);
}

int hgfs_work_delete_dir(struct hgfs_job *job)
{
    return delete_name(job, AT_REMOVEDIR);
}

int hgfs_work_rename(struct hgfs_job *job)
{
    const struct hgfs_two_names *n = &job->request.names;
    AUTO_BUF struct buf from = BUF_INIT(PATH_MAX), to = BUF_INIT(PATH_MAX);
    int r;

    /* Handles name files by what they were opened as; no host is known to rename so. */
    if (n->from.by_handle || n->to.by_handle)
        return HGFS_NOT_SUPPORTED;
    r = hgfs_job_path(&n->from, &from);
    if (r == HGFS_SUCCESS)
        r = hgfs_job_path(&n->to, &to);
    if (r != HGFS_SUCCESS)
        return r;
    r = file_rename(buf_text(&from), buf_text(&to), !(n->hints & HGFS_RENAME_NO_REPLACE));
    return r < 0 ? hgfs_fail(r) : HGFS_SUCCESS;
}

/* The target's components are joined by NULs, as names are, but there is no share in front: an
 * absolute one begins with a NUL. */
int hgfs_work_symlink(struct hgfs_job *job)
{
    const struct hgfs_two_names *n = &job->request.names;
    AUTO_BUF struct buf link = BUF_INIT(PATH_MAX);
    char target[PATH_MAX];
    int r = hgfs_job_path(&n->from, &link);

    if (r != HGFS_SUCCESS)
        return r;
    if (n->from.by_handle || n->to.by_handle)
        return HGFS_NOT_SUPPORTED;
    if (n->to.len == 0 || n->to.len >= sizeof(target))
        return n->to.len ? HGFS_NAME_TOO_LONG : HGFS_INVALID_NAME;
    for (size_t i = 0; i < n->to.len; i++)
        target[i] = n->to.bytes[i] ? n->to.bytes[i] : '/';
    target[n->to.len] = '\0';
    return symlink(target, buf_text(&link)) < 0 ? hgfs_fail(errno) : HGFS_SUCCESS;
}

int hgfs_work_volume(struct hgfs_job *job)
{
    AUTO_BUF struct buf path = BUF_INIT(PATH_MAX);
    struct statvfs v;
    int r = hgfs_job_path(&job->request.file.name, &path);

    if (r != HGFS_SUCCESS)
        return r;
    if (statvfs(buf_text(&path), &v) < 0)
        return hgfs_fail(errno);
    job->reply.volume = (struct hgfs_volume){.free = (uint64_t)v.f_bavail * v.f_frsize,
                                             .total = (uint64_t)v.f_blocks * v.f_frsize};
    job->has_reply = true;
    return HGFS_SUCCESS;
}
