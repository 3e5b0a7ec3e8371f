/* Operations on single names: exists, delete, create, move, attributes. Thread pool. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "guest/dir_archive.h"
#include "guest/file_attributes.h"
#include "guest/file_copy.h"
#include "guest/vixops.h"
#include "wire/vix_ops.h"

#define DIRECTORY_MODE 0700

static int have_path(struct vixop *op, const char *path)
{
    if (*path)
        return 1;
    vixop_fail(op, VIX_E_INVALID_ARG);
    return 0;
}

/* lstat; the error becomes the operation's. */
static int look(struct vixop *op, const char *path, struct stat *ret)
{
    if (!have_path(op, path))
        return 0;
    if (lstat(path, ret) == 0)
        return 1;
    vixop_fail_errno(op, errno);
    return 0;
}

void vixop_exists(struct vixop *op)
{
    const char *path = op->body.path.path;
    struct stat st;
    int yes;

    if (!have_path(op, path))
        return;
    yes = stat(path, &st) == 0 &&
          (op->opcode == VIX_OP_DIRECTORY_EXISTS ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode));
    buf_put_str(&op->result, yes ? "1" : "0");
}

void vixop_delete_file(struct vixop *op)
{
    struct stat st;

    if (!look(op, op->body.path.path, &st))
        return;
    if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
        vixop_fail(op, VIX_E_NOT_A_FILE);
    else if (unlink(op->body.path.path) < 0)
        vixop_fail_errno(op, errno);
}

static void remove_directory(struct vixop *op, const char *path, int recursive)
{
    struct error err = {0};
    int r;

    if (recursive) {
        r = fs_remove_tree(AT_FDCWD, path, &err);
        if (r < 0)
            vixop_fail_errno(op, r);
    } else if (rmdir(path) < 0) {
        vixop_fail_errno(op, errno == EEXIST ? ENOTEMPTY : errno);
    }
}

/* The older calls follow a link to a directory when they look, but what they delete is what the
 * name says, which rmdir and the tree walk then refuse. */
static void delete_directory_old(struct vixop *op, int recursive)
{
    const char *path = op->body.path.path;
    struct stat st;

    if (!have_path(op, path))
        return;
    if (stat(path, &st) < 0)
        vixop_fail_errno(op, errno);
    else if (!S_ISDIR(st.st_mode) || lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        vixop_fail(op, VIX_E_NOT_A_DIRECTORY);
    else
        remove_directory(op, path, recursive);
}

void vixop_delete_directory_old(struct vixop *op)
{
    delete_directory_old(op, 1);
}

void vixop_delete_empty_directory(struct vixop *op)
{
    delete_directory_old(op, 0);
}

void vixop_delete_directory(struct vixop *op)
{
    struct stat st;

    if (!look(op, op->body.path.path, &st))
        return;
    if (!S_ISDIR(st.st_mode))
        vixop_fail(op, VIX_E_NOT_A_DIRECTORY);
    else
        remove_directory(op, op->body.path.path, op->body.path.flag);
}

void vixop_create_directory(struct vixop *op)
{
    const char *path = op->body.path.path;
    struct stat st;
    int r = 0;

    if (!have_path(op, path))
        return;
    if (lstat(path, &st) == 0) {
        vixop_fail(op, VIX_E_FILE_ALREADY_EXISTS);
        return;
    }
    if (op->body.path.flag)
        r = fs_mkdirs(path, DIRECTORY_MODE, NULL);
    else if (mkdir(path, DIRECTORY_MODE) < 0)
        r = -errno;
    if (r < 0)
        vixop_fail_errno(op, r);
}

static int same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* What the calls refuse before anything is moved, in the order of the protocol's document. 1 = go
 * on. */
static int may_move(struct vixop *op, const struct vix_move *m)
{
    int directory = op->opcode == VIX_OP_MOVE_GUEST_DIRECTORY;
    struct stat from, to;
    int there;

    if (!look(op, m->from, &from) || !have_path(op, m->to))
        return 0;
    there = lstat(m->to, &to) == 0;
    if (there && same_file(&from, &to))
        return 0;
    if (op->opcode == VIX_OP_MOVE_GUEST_FILE) {
        if (is_directory(m->to))
            vixop_fail(op, VIX_E_ALREADY_EXISTS);
        return op->error == VIX_OK;
    }
    if (there && S_ISDIR(to.st_mode))
        vixop_fail(op, VIX_E_FILE_ALREADY_EXISTS);
    else if (!directory && S_ISDIR(from.st_mode))
        vixop_fail(op, VIX_E_NOT_A_FILE);
    else if (directory && !S_ISDIR(from.st_mode))
        vixop_fail(op, VIX_E_NOT_A_DIRECTORY);
    else if (there && (directory || !m->overwrite))
        vixop_fail(op, VIX_E_FILE_ALREADY_EXISTS);
    return op->error == VIX_OK;
}

void vixop_move(struct vixop *op)
{
    const struct vix_move *m = &op->body.move;
    int replace = op->opcode == VIX_OP_MOVE_GUEST_FILE ||
                  (op->opcode == VIX_OP_MOVE_GUEST_FILE_EX && m->overwrite);
    int r;

    if (!may_move(op, m))
        return;
    r = file_rename(m->from, m->to, replace);
    if (r == -EXDEV)
        r = file_move_across(m->from, m->to, replace);
    if (r < 0)
        vixop_fail_errno(op, r);
}

void vixop_set_attributes(struct vixop *op)
{
    const struct vix_set_attributes *a = &op->body.set_attributes;
    struct archive_spec spec;
    struct stat st;
    int r;

    if (a->options & (VIX_ATTR_READ_ONLY | VIX_ATTR_HIDDEN)) {
        vixop_fail(op, VIX_E_INVALID_ARG);
        return;
    }
    if (!have_path(op, a->path))
        return;
    r = archive_spec_parse(a->path, &spec);
    if (r > 0) {
        /* What a client asks to be set after the upload of an archive has no place there. */
        archive_spec_clear(&spec);
        return;
    }
    if (stat(a->path, &st) < 0) {
        vixop_fail_errno(op, errno);
        return;
    }
    r = file_attributes_set(a->path, a);
    if (r < 0)
        vixop_fail_errno(op, r);
}
