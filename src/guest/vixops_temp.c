/* Temporary files and folders with names nobody else can guess or take. Thread pool. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "guest/vixops.h"
#include "wire/vix_ops.h"

#define TRIES 64u

/* The user's private folder, made on first use and again when somebody cleaned it away. */
static int private_folder(struct worker_ctx *w, char **ret)
{
    const char *base = getenv("TMPDIR");
    struct stat st;
    int r = 0;

    if (!base || *base != '/' || stat(base, &st) < 0 || !S_ISDIR(st.st_mode))
        base = "/tmp";
    uv_mutex_lock(&w->temp_lock);
    if (w->temp_dir && (lstat(w->temp_dir, &st) < 0 || !S_ISDIR(st.st_mode) ||
                        st.st_uid != geteuid() || (st.st_mode & 077) != 0)) {
        mem_free(w->temp_dir);
        w->temp_dir = NULL;
    }
    if (!w->temp_dir) {
        char *path = mem_printf("%s/vmware-%s_%d-XXXXXX", base, w->user, (int)getpid());

        if (!path || !mkdtemp(path)) {
            r = path ? -errno : -ENOMEM;
            mem_free(path);
        } else {
            w->temp_dir = path;
        }
    }
    if (r == 0) {
        *ret = mem_strdup(w->temp_dir);
        r = *ret ? 0 : -ENOMEM;
    }
    uv_mutex_unlock(&w->temp_lock);
    return r;
}

static int folder(struct vixop *op, const char *given, char **ret)
{
    struct stat st;

    if (!*given)
        return private_folder(op->ctx, ret);
    if (stat(given, &st) < 0)
        return -errno;
    if (!S_ISDIR(st.st_mode))
        return -ENOTDIR;
    *ret = mem_strdup(given);
    return *ret ? 0 : -ENOMEM;
}

static int create(const char *path, int directory)
{
    int fd;

    if (directory)
        return mkdir(path, 0700) < 0 ? -errno : 0;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    close(fd);
    return 0;
}

void vixop_create_temp(struct vixop *op)
{
    const struct vix_temp *t = &op->body.temp;
    int directory = op->opcode == VIX_OP_CREATE_TEMPORARY_DIRECTORY;
    int old = op->opcode == VIX_OP_CREATE_TEMPORARY_FILE;
    AUTO_FREE char *dir = NULL;
    int r;

    if (strchr(t->prefix, '/') || strchr(t->suffix, '/')) {
        vixop_fail(op, VIX_E_INVALID_ARG);
        return;
    }
    r = folder(op, old ? "" : t->directory, &dir);
    for (unsigned i = 0; r == 0 && dir && i < TRIES; i++) {
        AUTO_FREE char *path = NULL;
        uint32_t number;

        if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number)) {
            r = -EIO;
            break;
        }
        /* Odd for files, even for folders, as VMware's agent has them. */
        number = directory ? number & ~1u : number | 1u;
        path = mem_printf("%s/%svmware%u%s", strcmp(dir, "/") == 0 ? "" : dir, t->prefix, number,
                          t->suffix);
        r = path ? create(path, directory) : -ENOMEM;
        if (r == 0) {
            buf_put_str(&op->result, path);
            return;
        }
        if (r == -EEXIST)
            r = 0;
    }
    vixop_fail_errno(op, r < 0 ? r : -EEXIST);
}
