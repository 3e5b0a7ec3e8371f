/*
 * Copies from the guest to this machine. What the guest says is not believed: a name in a listing
 * must be one part of a path, and every file is opened in the folder that it belongs to, never
 * through a symbolic link.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/vix_guest.h"

static VixError get_file(struct vix_ctx *x, const char *guest, int dir, const char *name, int flags,
                         mode_t mode)
{
    struct vim_InitiateFileTransferFromGuest_request req = {.vm = vix_vm_ref(x->vm),
                                                            .guestFilePath = guest};
    struct vim_InitiateFileTransferFromGuest_result *result = NULL;
    VixError error = vix_guest_begin(x, VIX_MANAGER_FILE, &req.this_, &req.auth);
    AUTO_CLOSE int fd = -1;

    if (!error)
        error = vix_call(x, &vim_method_InitiateFileTransferFromGuest, &req, (void **)&result);
    if (error)
        return error;
    fd =
        openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | flags, mode & 0777);
    if (fd < 0)
        return vix_host_error(x, name);
    vim_client_on_progress(x->c, vix_guest_progress, x->job);
    error = vix_ctx_error(x, vim_client_get(x->c, result->value->url, fd, &x->err));
    vim_client_on_progress(x->c, NULL, NULL);
    return error;
}

static bool is_one_name(const char *name)
{
    return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strchr(name, '/');
}

static VixError get_folder(struct vix_ctx *x, const char *guest, int dir, int depth);

static VixError get_entry(struct vix_ctx *x, const char *guest,
                          const struct vim_GuestFileInfo *info, int dir, int depth)
{
    AUTO_FREE char *path = mem_printf("%s/%s", guest, info->path);
    AUTO_CLOSE int below = -1;
    struct vix_guest_file file;

    if (!path)
        return VIX_E_OUT_OF_MEMORY;
    vix_guest_describe(info, &file);
    if (file.symlink)
        return VIX_OK;
    if (!file.directory)
        return get_file(x, path, dir, info->path, O_NOFOLLOW, file.mode);
    if (mkdirat(dir, info->path, (file.mode & 0777) | S_IRWXU) < 0 && errno != EEXIST)
        return vix_host_error(x, info->path);
    below = openat(dir, info->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return below < 0 ? vix_host_error(x, info->path) : get_folder(x, path, below, depth + 1);
}

static VixError get_folder(struct vix_ctx *x, const char *guest, int dir, int depth)
{
    VixError error = depth < VIX_COPY_DEPTH_MAX ? VIX_OK : VIX_E_FILE_NAME_TOO_LONG;
    int index = 0;

    for (bool more = true; !error && more;) {
        AUTO_ARENA struct arena arena = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
        struct vim_GuestListFileInfo *list = NULL;

        error = vix_guest_list(x, &arena, guest, index, &list);
        for (size_t i = 0; !error && i < list->files.count; i++) {
            const struct vim_GuestFileInfo *info = list->files.items[i];

            if (!strcmp(info->path, ".") || !strcmp(info->path, ".."))
                continue;
            error = is_one_name(info->path) ? get_entry(x, guest, info, dir, depth)
                                            : VIX_E_FILE_NAME_INVALID;
        }
        more = !error && list->remaining > 0 && list->files.count > 0;
        index += error ? 0 : (int)list->files.count;
    }
    return error;
}

VixError vix_copy_from_guest(struct vix_ctx *x, const struct vix_args *a)
{
    struct vix_guest_file file = {0};
    AUTO_CLOSE int dir = -1;
    VixError error = vix_guest_stat(x, a->a, &file);

    if (error)
        return error;
    if (!file.directory)
        return get_file(x, a->a, AT_FDCWD, a->b, 0, file.symlink ? 0644 : file.mode);
    if (mkdir(a->b, (file.mode & 0777) | S_IRWXU) < 0 && errno != EEXIST)
        return vix_host_error(x, a->b);
    dir = open(a->b, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir < 0 ? vix_host_error(x, a->b) : get_folder(x, a->a, dir, 0);
}
