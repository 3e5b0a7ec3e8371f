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
    uint64_t first; /* index of the first entry wanted */
    uint64_t max;   /* how many are wanted */
    uint64_t seen;  /* entries that match so far */
    uint64_t taken; /* of those, how many were put or left out after `first` */
    size_t room;    /* of the result */
    struct buf text;
    int full;
    struct info info;
};

/* An entry that matches: put it, count it, or notice that there is no more room. */
static int take(struct walk *w, const char *name)
{
    char shown[NAME_MAX + 1];
    size_t before = w->text.len;
    uint64_t index = w->seen++;
    int r;

    if (index < w->first || w->taken >= w->max || w->full)
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
        w->full = 1;
        return 0;
    }
    w->taken++;
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

static int walk_directory(struct walk *w, const char *path)
{
    struct dirent *e;
    DIR *d = opendir(path);
    int r;

    if (!d)
        return -errno;
    w->dir = dirfd(d);
    r = consider(w, ".");
    if (r == 0)
        r = consider(w, "..");
    while (r == 0) {
        errno = 0;
        e = readdir(d);
        if (!e) {
            r = -errno;
            break;
        }
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            r = consider(w, e->d_name);
    }
    closedir(d);
    return r;
}

static int walk_single(struct walk *w, const char *path)
{
    int r;

    w->dir = AT_FDCWD;
    r = name_match_test(w->match, path);
    if (r <= 0)
        return r;
    w->seen = 1;
    if (w->first > 0 || w->max == 0)
        return 0;
    r = read_info(AT_FDCWD, path, &w->info);
    if (r < 0)
        return r;
    w->taken = 1;
    return vix_text_put_file(&w->text, &w->info.file);
}

static int put_list(struct walk *w)
{
    uint64_t after = w->first + w->taken;
    struct vix_list_head head = {.truncated = w->full != 0,
                                 .remaining = w->seen > after ? w->seen - after : 0};
    int r = vix_text_put_list_head(&w->op->result, &head);

    return r < 0 ? r : buf_put(&w->op->result, w->text.data, w->text.len);
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
    r = S_ISDIR(st.st_mode) ? walk_directory(w, b->path) : walk_single(w, b->path);
    if (r == 0)
        r = put_list(w);
    if (r < 0)
        vixop_fail_errno(op, r);
    buf_free(&w->text);
    name_match_free(&match);
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
    parent = slash ? mem_strndup(b->path, slash == b->path ? 1 : (size_t)(slash - b->path)) : NULL;
    if (!parent || !slash[1] || stat(parent, &st) < 0 || !S_ISDIR(st.st_mode))
        vixop_fail(op, VIX_E_FILE_NAME_INVALID);
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
