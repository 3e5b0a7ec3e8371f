/* Listings, and the checks before a transfer. Thread pool. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "guest/dir_archive.h"
#include "guest/list_cursor.h"
#include "guest/name_match.h"
#include "guest/pseudo_file.h"
#include "guest/vixops.h"
#include "wire/vix.h"
#include "wire/vix_text.h"

struct info {
    struct vix_file_info file;
    char target[PATH_MAX];
};

/* What the protocol says about one name. The type is that of the name itself, the rest that of the
 * file behind a link, where there is one. */
static int read_info(int dir, const char *name, struct info *ret)
{
    struct stat st, behind;
    ssize_t n = 0;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    behind = st;
    if (S_ISLNK(st.st_mode)) {
        n = readlinkat(dir, name, ret->target, sizeof(ret->target) - 1);
        if (fstatat(dir, name, &behind, 0) < 0)
            behind = st;
    }
    ret->target[n > 0 ? n : 0] = '\0';
    utf8_clean(ret->target);
    ret->file = (struct vix_file_info){
        .name = name,
        .flags = S_ISLNK(st.st_mode)   ? VIX_FILE_SYMLINK
                 : S_ISDIR(st.st_mode) ? VIX_FILE_DIRECTORY
                                       : 0,
        .size = S_ISREG(st.st_mode) ? st.st_size : 0,
        .modified = behind.st_mtim.tv_sec,
        .accessed = behind.st_atim.tv_sec,
        .created = -1,
        .uid = behind.st_uid,
        .gid = behind.st_gid,
        .mode = behind.st_mode,
        .target = ret->target,
    };
    return 0;
}

/* One walk over a folder. */
struct walk {
    struct vixop *op;
    int dir;
    const struct name_match *match;
    uint64_t first; /* position of the first entry wanted, among those that match */
    uint64_t max;   /* how many are wanted */
    uint64_t seen;  /* entries that match so far */
    uint64_t taken; /* of those from `first` on, how many were put or are gone */
    uint64_t put;
    size_t room; /* of the result */
    struct buf text;
    bool full;    /* an entry did not fit */
    bool stopped; /* an entry was wanted no more, or did not fit */
    struct info info;
};

/* An entry that matches: put it, count it, or notice that there is no more room. */
static int take(struct walk *w, const char *name)
{
    char shown[NAME_MAX + 1];
    size_t before = w->text.len;
    uint64_t index = w->seen++;
    int r;

    if (index < w->first)
        return 0;
    w->stopped |= w->put >= w->max;
    if (w->stopped)
        return 0;
    if (read_info(w->dir, name, &w->info) < 0) {
        w->taken++;
        return 0;
    }
    snprintf(shown, sizeof(shown), "%s", name);
    utf8_clean(shown);
    w->info.file.name = shown;
    r = vix_text_put_file(&w->text, &w->info.file);
    if (r < 0)
        return r;
    if (w->text.len > w->room) {
        w->text.len = before;
        w->full = w->stopped = true;
        return 0;
    }
    w->taken++;
    w->put++;
    return 0;
}

static int consider(struct walk *w, const char *name)
{
    char shown[NAME_MAX + 1];
    int r;

    snprintf(shown, sizeof(shown), "%s", name);
    utf8_clean(shown);
    r = name_match_test(w->match, shown);
    return r > 0 ? take(w, name) : r;
}

/* Entries from where the folder stands; it then stands at the first one that was not put. With
 * `count` all the others have been looked at too. */
static int walk_entries(struct walk *w, DIR *d, bool count)
{
    bool stopped = w->stopped;
    long stopped_at = -1;
    int r = 0;

    while (r == 0 && (count || !stopped)) {
        long at = telldir(d);
        const struct dirent *e;

        errno = 0;
        e = readdir(d);
        if (!e) {
            r = -errno;
            break;
        }
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            r = consider(w, e->d_name);
        if (w->stopped && !stopped) {
            stopped = true;
            stopped_at = at;
        }
    }
    if (stopped_at >= 0)
        seekdir(d, stopped_at);
    return r;
}

static int put_list(struct walk *w, uint64_t remaining)
{
    struct vix_list_head head = {.truncated = w->full != 0, .remaining = remaining};
    int r = vix_text_put_list_head(&w->op->result, &head);

    return r < 0 ? r : buf_put(&w->op->result, w->text.data, w->text.len);
}

static void free_cursor(void *state)
{
    list_cursor_free(state);
}

static void drop_cursor(struct vixop *op)
{
    list_cursor_free(op->state);
    op->state = NULL;
}

static int open_directory(struct vixop *op)
{
    const struct vix_list_files *b = &op->body.list_files;
    struct list_cursor *c = mem_calloc(1, sizeof(*c));
    struct stat st;

    if (!c)
        return -ENOMEM;
    op->state = c;
    op->free_state = free_cursor;
    c->path = mem_strdup(b->path);
    c->pattern = mem_strdup(b->pattern);
    if (!c->path || !c->pattern)
        return -ENOMEM;
    c->dir = opendir(b->path);
    if (!c->dir || fstat(dirfd(c->dir), &st) < 0)
        return -errno;
    c->changed = st.st_mtim;
    return 0;
}

/* The rest of the call that stopped here sees what that call saw. Another call wants to see the
 * folder as it is. */
static bool cursor_is_good(const struct vixop *op, const struct list_cursor *c)
{
    struct stat st;

    return op->body.list_files.offset > 0 ||
           (fstat(dirfd(c->dir), &st) == 0 && st.st_mtim.tv_sec == c->changed.tv_sec &&
            st.st_mtim.tv_nsec == c->changed.tv_nsec);
}

/* op->state: the cursor of an earlier request, if there is one; afterwards one for the next. */
static int walk_directory(struct walk *w)
{
    struct vixop *op = w->op;
    struct list_cursor *c;
    bool fresh, in_dots = false;
    int r = 0;

    if (op->state && !cursor_is_good(op, op->state))
        drop_cursor(op);
    fresh = !op->state;
    if (fresh)
        r = open_directory(op);
    if (r < 0)
        return r;
    c = op->state;
    w->dir = dirfd(c->dir);
    if (fresh) {
        r = consider(w, ".");
        if (r == 0)
            r = consider(w, "..");
        in_dots = w->stopped;
    } else {
        w->seen = w->first;
    }
    if (r == 0)
        r = walk_entries(w, c->dir, fresh);
    if (r < 0)
        return r;
    if (fresh)
        c->remaining = w->seen > w->first ? w->seen - w->first : 0;
    c->remaining -= w->taken < c->remaining ? w->taken : c->remaining;
    c->next = w->first + w->put;
    r = put_list(w, c->remaining);
    if (r < 0 || in_dots || !w->put || !w->stopped)
        drop_cursor(op);
    return r;
}

static int walk_single(struct walk *w, const char *path)
{
    bool wanted = w->first == 0 && w->max > 0;
    int r;

    r = name_match_test(w->match, path);
    if (r > 0 && wanted) {
        r = read_info(AT_FDCWD, path, &w->info);
        if (r == 0)
            r = vix_text_put_file(&w->text, &w->info.file);
        return r < 0 ? r : put_list(w, 0);
    }
    return r < 0 ? r : put_list(w, r > 0 && w->first == 0 ? 1 : 0);
}

enum vixop_step vixop_list_files_prepare(struct vixop *op)
{
    const struct vix_list_files *b = &op->body.list_files;

    if (b->index >= 0 && (b->index > 0 || b->offset > 0)) {
        op->state = list_cursors_take(op->ctx->listings, b->path, b->pattern,
                                      (uint64_t)b->index + b->offset);
        op->free_state = free_cursor;
    }
    return VIXOP_NEXT;
}

void vixop_list_files(struct vixop *op)
{
    const struct vix_list_files *b = &op->body.list_files;
    AUTO_FREE struct walk *w = NULL;
    struct name_match match = {0};
    struct stat st;
    int r;

    if (!*b->path || b->index < 0 || b->max_results < 0 || b->offset >= INT32_MAX ||
        (b->max_results > 0 && b->offset >= (uint64_t)b->max_results) ||
        op->result.max <= VIX_LIST_HEAD_MAX) {
        vixop_fail(op, VIX_E_INVALID_ARG);
        return;
    }
    if (lstat(b->path, &st) < 0) {
        vixop_fail_errno(op, errno);
        return;
    }
    r = name_match_init(&match, b->pattern);
    w = r == 0 ? mem_calloc(1, sizeof(*w)) : NULL;
    if (!w) {
        vixop_fail_errno(op, r < 0 ? r : -ENOMEM);
        return;
    }
    w->op = op;
    w->match = &match;
    w->first = (uint64_t)b->index + b->offset;
    w->max = b->max_results ? (uint64_t)b->max_results - b->offset : 0;
    w->room = op->result.max - VIX_LIST_HEAD_MAX;
    w->text = BUF_INIT(op->result.max + 65536);
    r = S_ISDIR(st.st_mode) ? walk_directory(w) : walk_single(w, b->path);
    if (r < 0)
        vixop_fail_errno(op, r);
    buf_free(&w->text);
    name_match_free(&match);
}

enum vixop_step vixop_list_files_finish(struct vixop *op)
{
    if (op->state)
        list_cursors_keep(op->ctx->listings, op->state);
    op->state = NULL;
    return VIXOP_NEXT;
}

/* <FileInfo>: a link to a folder counts as a folder. */
static int put_old(struct vixop *op, int dir, const char *name, const char *shown, struct buf *out)
{
    AUTO_FREE struct info *info = mem_calloc(1, sizeof(*info));
    int r = info ? read_info(dir, name, info) : -ENOMEM;

    if (r < 0)
        return r;
    if (info->file.flags == VIX_FILE_SYMLINK && S_ISDIR((mode_t)info->file.mode))
        info->file.flags = VIX_FILE_DIRECTORY;
    info->file.name = shown;
    return vix_text_put_file_old(out, &info->file, op->flags & VIX_REQUEST_ESCAPE_XML);
}

void vixop_get_file_info(struct vixop *op)
{
    int r;

    if (!*op->body.path.path) {
        vixop_fail(op, VIX_E_INVALID_ARG);
        return;
    }
    r = put_old(op, AT_FDCWD, op->body.path.path, "", &op->result);
    if (r < 0)
        vixop_fail_errno(op, r);
}

static int list_old(struct vixop *op, DIR *d, int with_offset)
{
    AUTO_BUF struct buf text = BUF_INIT(op->result.max + 65536);
    uint64_t index = 0;
    struct dirent *e;
    int full = 0, r = 0;
    size_t room = op->result.max - sizeof("0 " VIX_TEXT_ESCAPED);

    while (r == 0 && !full && (e = readdir(d))) {
        char shown[NAME_MAX + 1];
        size_t before = text.len;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (with_offset && index++ < op->body.list_files.offset)
            continue;
        snprintf(shown, sizeof(shown), "%s", e->d_name);
        utf8_clean(shown);
        r = put_old(op, dirfd(d), e->d_name, shown, &text);
        if (r == -ENOENT)
            r = 0;
        if (text.len > room) {
            text.len = before;
            full = 1;
        }
    }
    if (r < 0)
        return r;
    if (with_offset)
        buf_put_str(&op->result, full ? "1 " : "0 ");
    if (op->flags & VIX_REQUEST_ESCAPE_XML)
        buf_put_str(&op->result, VIX_TEXT_ESCAPED);
    return buf_put(&op->result, text.data, text.len);
}

void vixop_list_directory(struct vixop *op)
{
    const struct vix_list_files *b = &op->body.list_files;
    DIR *d;
    int r;

    if (!*b->path || op->result.max <= VIX_LIST_HEAD_MAX) {
        vixop_fail(op, VIX_E_INVALID_ARG);
        return;
    }
    d = opendir(b->path);
    if (!d) {
        vixop_fail_errno(op, errno);
        return;
    }
    r = list_old(op, d, b->options & 1);
    closedir(d);
    if (r < 0)
        vixop_fail_errno(op, r);
}

/* Transfers of archives: 1 = it was one, and the operation has its result. */
static int transfer_archive(struct vixop *op, const char *path, bool upload)
{
    struct vix_file_info info = {.name = path,
                                 .size = SIZE_NOT_KNOWN,
                                 .modified = time(NULL),
                                 .accessed = time(NULL),
                                 .created = -1,
                                 .uid = getuid(),
                                 .gid = getgid(),
                                 .mode = S_IFREG | ARCHIVE_MODE,
                                 .target = ""};
    struct archive_spec spec;
    int r = archive_spec_parse(path, &spec);

    if (r == 0)
        return 0;
    if (r == -EINVAL)
        vixop_fail(op, VIX_E_INVALID_ARG);
    if (r > 0) {
        r = archive_spec_check(&spec, upload);
        archive_spec_clear(&spec);
    }
    if (r < 0)
        vixop_fail_errno(op, r);
    else if (!upload)
        vix_text_put_file(&op->result, &info);
    return 1;
}

void vixop_transfer_from(struct vixop *op)
{
    const char *path = op->body.list_files.path;
    AUTO_FREE struct info *info = mem_calloc(1, sizeof(*info));
    struct stat st;
    int r;

    if (!info) {
        vixop_fail_errno(op, ENOMEM);
        return;
    }
    if (!*path) {
        vixop_fail(op, VIX_E_INVALID_ARG);
        return;
    }
    if (transfer_archive(op, path, false))
        return;
    r = read_info(AT_FDCWD, path, info);
    if (r < 0)
        vixop_fail_errno(op, r);
    else if (info->file.flags & VIX_FILE_SYMLINK)
        vixop_fail(op, VIX_E_INVALID_ARG);
    else if (info->file.flags & VIX_FILE_DIRECTORY)
        vixop_fail(op, VIX_E_NOT_A_FILE);
    /* Beyond what VMware's agent checks: pipes and devices hold no file's content. */
    else if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
        vixop_fail(op, VIX_E_NOT_A_FILE);
    else {
        if (pseudo_file_path(path, &st))
            info->file.size = SIZE_NOT_KNOWN;
        vix_text_put_file(&op->result, &info->file);
    }
}

void vixop_transfer_to(struct vixop *op)
{
    const struct vix_path *b = &op->body.path;
    const char *slash = strrchr(b->path, '/');
    AUTO_FREE char *parent = NULL;
    struct stat st;

    if (!*b->path || b->options & (VIX_ATTR_READ_ONLY | VIX_ATTR_HIDDEN)) {
        vixop_fail(op, VIX_E_INVALID_ARG);
        return;
    }
    if (transfer_archive(op, b->path, true))
        return;
    if (lstat(b->path, &st) == 0) {
        if (S_ISLNK(st.st_mode))
            vixop_fail(op, VIX_E_INVALID_ARG);
        else if (!S_ISREG(st.st_mode))
            vixop_fail(op, VIX_E_NOT_A_FILE);
        else if (!b->flag)
            vixop_fail(op, VIX_E_FILE_ALREADY_EXISTS);
        else if (access(b->path, W_OK) < 0)
            vixop_fail(op, VIX_E_FILE_ACCESS_ERROR);
        return;
    }
    if (errno == ENAMETOOLONG || errno == ELOOP) {
        vixop_fail_errno(op, errno);
        return;
    }
    parent = slash ? mem_strndup(b->path, slash == b->path ? 1 : (size_t)(slash - b->path)) : NULL;
    if (!parent || !slash[1])
        vixop_fail(op, VIX_E_FILE_NAME_INVALID);
    else if (stat(parent, &st) < 0)
        vixop_fail_for(op, VIX_E_FILE_NAME_INVALID, errno);
    else if (!S_ISDIR(st.st_mode))
        vixop_fail_for(op, VIX_E_FILE_NAME_INVALID, ENOTDIR);
    else if (access(parent, W_OK | X_OK) < 0)
        vixop_fail(op, VIX_E_FILE_ACCESS_ERROR);
}

void vixop_list_filesystems(struct vixop *op)
{
    bool escape = op->flags & VIX_REQUEST_ESCAPE_XML;
    FILE *f = setmntent("/proc/self/mounts", "re");
    char text[4096];
    struct mntent m;

    if (!f) {
        vixop_fail_errno(op, errno);
        return;
    }
    if (escape)
        buf_put_str(&op->result, VIX_TEXT_ESCAPED);
    while (getmntent_r(f, &m, text, sizeof(text))) {
        AUTO_BUF struct buf one = BUF_INIT(sizeof(text) * 4);
        struct statvfs vfs;
        struct vix_filesystem fs = {.name = m.mnt_fsname, .type = m.mnt_type};

        if (statvfs(m.mnt_dir, &vfs) < 0)
            continue;
        fs.size = (uint64_t)vfs.f_blocks * vfs.f_frsize;
        fs.free = (uint64_t)vfs.f_bfree * vfs.f_frsize;
        utf8_clean(m.mnt_fsname);
        utf8_clean(m.mnt_type);
        if (vix_text_put_filesystem(&one, &fs, escape) < 0 ||
            op->result.len + one.len > op->result.max)
            break;
        buf_put(&op->result, one.data, one.len);
    }
    endmntent(f);
}
