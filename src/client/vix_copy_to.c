/*
 * Copies from this machine into the guest: a file, or a folder with all that is in it. Files in the
 * guest are overwritten, folders merged; permission bits come along; symbolic links are followed
 * when the path itself is one, and left out inside of folders. The first failure ends the copy.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/vix_guest.h"

VixError vix_guest_put(struct vix_ctx *x, int fd, uint64_t size, mode_t mode, const char *path)
{
    struct vim_InitiateFileTransferToGuest_request req = {.vm = vix_vm_ref(x->vm),
                                                          .guestFilePath = path,
                                                          .fileSize = (int64_t)size,
                                                          .overwrite = true};
    struct vim_InitiateFileTransferToGuest_result *result = NULL;
    struct vim_GuestPosixFileAttributes *attributes = VIM_NEW(&x->arena, GuestPosixFileAttributes);
    VixError error = attributes ? vix_guest_begin(x, VIX_MANAGER_FILE, &req.this_, &req.auth)
                                : VIX_E_OUT_OF_MEMORY;

    if (error)
        return error;
    attributes->has_permissions = true;
    attributes->permissions = mode & 0777;
    req.fileAttributes = (struct vim_GuestFileAttributes *)attributes;
    error = vix_call(x, &vim_method_InitiateFileTransferToGuest, &req, (void **)&result);
    if (!error && x->job)
        vim_client_on_progress(x->c, vix_guest_progress, x->job);
    if (!error)
        error = vix_ctx_error(x, vim_client_put(x->c, result->value, fd, size, &x->err));
    vim_client_on_progress(x->c, NULL, NULL);
    return error;
}

static VixError put_file(struct vix_ctx *x, int fd, const struct stat *st, const char *guest)
{
    return S_ISREG(st->st_mode) ? vix_guest_put(x, fd, (uint64_t)st->st_size, st->st_mode, guest)
                                : VIX_E_INCORRECT_FILE_TYPE;
}

/* Takes over the descriptor. */
static VixError put_folder(struct vix_ctx *x, int fd, const char *guest, int depth);

static VixError put_entry(struct vix_ctx *x, int dir, const char *name, const char *guest,
                          int depth)
{
    AUTO_FREE char *path = mem_printf("%s/%s", guest, name);
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    VixError error;

    if (fd < 0 && errno == ELOOP)
        return VIX_OK;
    if (fd < 0)
        return vix_host_error(x, name);
    if (!path || fstat(fd, &st)) {
        close(fd);
        return VIX_E_OUT_OF_MEMORY;
    }
    if (S_ISDIR(st.st_mode))
        return put_folder(x, fd, path, depth + 1);
    error = S_ISREG(st.st_mode) ? put_file(x, fd, &st, path) : VIX_OK; /* no pipes, no devices */
    close(fd);
    return error;
}

static VixError put_folder(struct vix_ctx *x, int fd, const char *guest, int depth)
{
    DIR *d = depth < VIX_COPY_DEPTH_MAX ? fdopendir(fd) : NULL;
    struct vix_guest_file there = {0};
    struct dirent *entry;
    VixError error;

    if (!d) {
        close(fd);
        return depth < VIX_COPY_DEPTH_MAX ? VIX_E_OUT_OF_MEMORY : VIX_E_FILE_NAME_TOO_LONG;
    }
    error = vix_guest_mkdir(x, guest, false);
    if (error == VIX_E_FILE_ALREADY_EXISTS) {
        error = vix_guest_stat(x, guest, &there);
        if (!error && !there.directory)
            error = VIX_E_NOT_A_DIRECTORY;
    }
    while (!error && (errno = 0, entry = readdir(d)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            error = put_entry(x, dirfd(d), entry->d_name, guest, depth);
    closedir(d);
    return error;
}

VixError vix_copy_to_guest(struct vix_ctx *x, const struct vix_args *a)
{
    int fd = open(a->a, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    VixError error;

    if (fd < 0)
        return vix_host_error(x, a->a);
    if (fstat(fd, &st)) {
        close(fd);
        return VIX_E_FILE_ERROR;
    }
    if (S_ISDIR(st.st_mode))
        return put_folder(x, fd, a->b, 0);
    error = put_file(x, fd, &st, a->b);
    close(fd);
    return error;
}
