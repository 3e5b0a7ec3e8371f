/* Files and directories in the guest, but for copying them. */
#include <string.h>

#include "client/vix_guest.h"

#define LIST_BATCH  500
#define TEMP_PREFIX "vmware"

void vix_guest_describe(const struct vim_GuestFileInfo *info, struct vix_guest_file *ret)
{
    const struct vim_GuestPosixFileAttributes *posix =
        VIM_CAST(info->attributes, GuestPosixFileAttributes);

    *ret = (struct vix_guest_file){
        .directory = !strcmp(info->type, "directory"),
        .symlink = !strcmp(info->type, "symlink"),
        .size = info->size,
        .mode = posix && posix->has_permissions ? (mode_t)(posix->permissions & 0777) : 0644,
        .modified = info->attributes && info->attributes->has_modificationTime
                        ? info->attributes->modificationTime / 1000000
                        : 0};
    if (ret->directory)
        ret->size = 0;
}

static VixError list_call(struct vix_ctx *x, struct arena *arena,
                          const struct vim_ListFilesInGuest_request *what,
                          struct vim_GuestListFileInfo **ret)
{
    struct vim_ListFilesInGuest_request req = *what;
    struct vim_ListFilesInGuest_result *result = NULL;
    VixError error = vix_guest_begin(x, VIX_MANAGER_FILE, &req.this_, &req.auth);

    req.vm = vix_vm_ref(x->vm);
    if (!error)
        error = vix_ctx_error(x, vim_client_call(x->c, &vim_method_ListFilesInGuest, &req, arena,
                                                 (void **)&result, &x->err));
    if (!error && !result->value)
        error = VIX_E_FAIL;
    if (!error)
        *ret = result->value;
    return error;
}

/* The entry of a listing that describes the listed path itself: "." of a directory, or what the
 * path's last part names. */
static const struct vim_GuestFileInfo *itself(const struct vim_GuestListFileInfo *list,
                                              bool *ret_directory)
{
    *ret_directory = false;
    for (size_t i = 0; i < list->files.count; i++) {
        if (!strcmp(list->files.items[i]->path, ".")) {
            *ret_directory = true;
            return list->files.items[i];
        }
    }
    return list->files.count ? list->files.items[0] : NULL;
}

VixError vix_guest_stat(struct vix_ctx *x, const char *path, struct vix_guest_file *ret)
{
    const struct vim_ListFilesInGuest_request req = {
        .filePath = path, .matchPattern = "^\\.$", .has_maxResults = true, .maxResults = 1};
    const struct vim_ListFilesInGuest_request plain = {
        .filePath = path, .has_maxResults = true, .maxResults = 2};
    struct vim_GuestListFileInfo *list = NULL;
    const struct vim_GuestFileInfo *info;
    bool directory;
    /* A directory answers the pattern by its own entry; a file does not match it. */
    VixError error = list_call(x, &x->arena, &req, &list);

    if (error == VIX_OK && !list->files.count)
        error = list_call(x, &x->arena, &plain, &list);
    if (error)
        return error;
    info = itself(list, &directory);
    if (!info)
        return VIX_E_FILE_NOT_FOUND;
    vix_guest_describe(info, ret);
    return VIX_OK;
}

VixError vix_guest_list(struct vix_ctx *x, struct arena *arena, const char *path, int index,
                        struct vim_GuestListFileInfo **ret)
{
    const struct vim_ListFilesInGuest_request req = {.filePath = path,
                                                     .has_index = true,
                                                     .index = index,
                                                     .has_maxResults = true,
                                                     .maxResults = LIST_BATCH};

    return list_call(x, arena, &req, ret);
}

/* --- existence and information --- */

static VixError exists(struct vix_ctx *x, const char *path, bool directory)
{
    struct vix_props *props = vix_job_set(x->job, 0);
    struct vix_guest_file file = {0};
    VixError error = vix_guest_stat(x, path, &file);
    bool found = !error && file.directory == directory && !file.symlink;

    if (error == VIX_E_FILE_NOT_FOUND || error == VIX_E_NOT_A_DIRECTORY)
        error = VIX_OK;
    if (!error)
        error = props ? vix_props_bool(props, VIX_PROPERTY_JOB_RESULT_GUEST_OBJECT_EXISTS, found)
                      : VIX_E_OUT_OF_MEMORY;
    return error;
}

static VixError run_file_exists(struct vix_ctx *x, const struct vix_args *a)
{
    return exists(x, a->a, false);
}

static VixError run_directory_exists(struct vix_ctx *x, const struct vix_args *a)
{
    return exists(x, a->a, true);
}

static VixError put_info(struct vix_props *props, const struct vix_guest_file *file)
{
    int flags = (file->directory ? VIX_FILE_ATTRIBUTES_DIRECTORY : 0) |
                (file->symlink ? VIX_FILE_ATTRIBUTES_SYMLINK : 0);
    VixError error = vix_props_int64(props, VIX_PROPERTY_JOB_RESULT_FILE_SIZE, file->size);

    if (!error)
        error = vix_props_int(props, VIX_PROPERTY_JOB_RESULT_FILE_FLAGS, flags);
    return error ? error
                 : vix_props_int64(props, VIX_PROPERTY_JOB_RESULT_FILE_MOD_TIME, file->modified);
}

static VixError run_file_info(struct vix_ctx *x, const struct vix_args *a)
{
    struct vix_props *props = vix_job_set(x->job, 0);
    struct vix_guest_file file = {0};
    VixError error = props ? vix_guest_stat(x, a->a, &file) : VIX_E_OUT_OF_MEMORY;

    return error ? error : put_info(props, &file);
}

static VixError run_list(struct vix_ctx *x, const struct vix_args *a)
{
    struct vix_guest_file self = {0};
    VixError error = vix_guest_stat(x, a->a, &self);
    size_t count = 0;
    int index = 0;

    if (!error && !self.directory)
        error = VIX_E_NOT_A_DIRECTORY;
    for (bool more = true; !error && more;) {
        AUTO_ARENA struct arena arena = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
        struct vim_GuestListFileInfo *list = NULL;

        error = vix_guest_list(x, &arena, a->a, index, &list);
        for (size_t i = 0; !error && i < list->files.count; i++) {
            const struct vim_GuestFileInfo *info = list->files.items[i];
            struct vix_guest_file file;
            struct vix_props *props;

            if (!strcmp(info->path, ".") || !strcmp(info->path, ".."))
                continue;
            props = vix_job_set(x->job, count++);
            vix_guest_describe(info, &file);
            error = props ? vix_props_string(props, VIX_PROPERTY_JOB_RESULT_ITEM_NAME, info->path)
                          : VIX_E_OUT_OF_MEMORY;
            if (!error)
                error = put_info(props, &file);
        }
        /* A guest that always says "more" and gives nothing must not keep us. */
        more = !error && list->remaining > 0 && list->files.count > 0;
        index += error ? 0 : (int)list->files.count;
    }
    return error;
}

/* --- changes --- */

VixError vix_guest_mkdir(struct vix_ctx *x, const char *path, bool parents)
{
    struct vim_MakeDirectoryInGuest_request req = {
        .vm = vix_vm_ref(x->vm), .directoryPath = path, .createParentDirectories = parents};
    VixError error = vix_guest_begin(x, VIX_MANAGER_FILE, &req.this_, &req.auth);

    return error ? error : vix_call(x, &vim_method_MakeDirectoryInGuest, &req, NULL);
}

VixError vix_guest_delete(struct vix_ctx *x, const char *path)
{
    struct vim_DeleteFileInGuest_request req = {.vm = vix_vm_ref(x->vm), .filePath = path};
    VixError error = vix_guest_begin(x, VIX_MANAGER_FILE, &req.this_, &req.auth);

    return error ? error : vix_call(x, &vim_method_DeleteFileInGuest, &req, NULL);
}

VixError vix_guest_temp(struct vix_ctx *x, const char **ret)
{
    struct vim_CreateTemporaryFileInGuest_request req = {
        .vm = vix_vm_ref(x->vm), .prefix = TEMP_PREFIX, .suffix = ""};
    struct vim_CreateTemporaryFileInGuest_result *result = NULL;
    VixError error = vix_guest_begin(x, VIX_MANAGER_FILE, &req.this_, &req.auth);

    if (!error)
        error = vix_call(x, &vim_method_CreateTemporaryFileInGuest, &req, (void **)&result);
    if (!error)
        *ret = result->value;
    return error;
}

static VixError run_delete_file(struct vix_ctx *x, const struct vix_args *a)
{
    return vix_guest_delete(x, a->a);
}

/* Missing parents are made; a directory that is there already is told. */
static VixError run_make_directory(struct vix_ctx *x, const struct vix_args *a)
{
    struct vix_guest_file file;

    if (vix_guest_stat(x, a->a, &file) == VIX_OK)
        return VIX_E_FILE_ALREADY_EXISTS;
    return vix_guest_mkdir(x, a->a, true);
}

static VixError run_delete_directory(struct vix_ctx *x, const struct vix_args *a)
{
    struct vim_DeleteDirectoryInGuest_request req = {
        .vm = vix_vm_ref(x->vm), .directoryPath = a->a, .recursive = true};
    VixError error = vix_guest_begin(x, VIX_MANAGER_FILE, &req.this_, &req.auth);

    return error ? error : vix_call(x, &vim_method_DeleteDirectoryInGuest, &req, NULL);
}

static VixError run_temp(struct vix_ctx *x, const struct vix_args *a)
{
    struct vix_props *props = vix_job_set(x->job, 0);
    const char *path = NULL;
    VixError error = props ? vix_guest_temp(x, &path) : VIX_E_OUT_OF_MEMORY;

    (void)a;
    return error ? error : vix_props_string(props, VIX_PROPERTY_JOB_RESULT_ITEM_NAME, path);
}

static VixError run_rename(struct vix_ctx *x, const struct vix_args *a)
{
    struct vim_MoveFileInGuest_request file = {
        .vm = vix_vm_ref(x->vm), .srcFilePath = a->a, .dstFilePath = a->b};
    struct vim_MoveDirectoryInGuest_request folder = {
        .vm = vix_vm_ref(x->vm), .srcDirectoryPath = a->a, .dstDirectoryPath = a->b};
    VixError error = vix_guest_begin(x, VIX_MANAGER_FILE, &file.this_, &file.auth);

    if (error)
        return error;
    folder.this_ = file.this_;
    folder.auth = file.auth;
    error = vix_call(x, &vim_method_MoveFileInGuest, &file, NULL);
    return error == VIX_E_NOT_A_FILE ? vix_call(x, &vim_method_MoveDirectoryInGuest, &folder, NULL)
                                     : error;
}

/* --- the functions --- */

#define ONE_PATH (VIX_OP_NEEDS_A | VIX_OP_LOGIN)

static VixHandle path_job(VixHandle vm, const struct vix_op *op, const char *path, VixHandle list,
                          VixEventProc *callback, void *data)
{
    const struct vix_args args = {.a = (char *)(uintptr_t)path, .list = list};

    return vix_guest_job(vm, op, &args, callback, data);
}

VixHandle VixVM_DeleteFileInGuest(VixHandle vmHandle, const char *guestPathName,
                                  VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_delete_file, ONE_PATH};

    return path_job(vmHandle, &op, guestPathName, 0, callbackProc, clientData);
}

VixHandle VixVM_FileExistsInGuest(VixHandle vmHandle, const char *guestPathName,
                                  VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_file_exists, ONE_PATH};

    return path_job(vmHandle, &op, guestPathName, 0, callbackProc, clientData);
}

VixHandle VixVM_DirectoryExistsInGuest(VixHandle vmHandle, const char *pathName,
                                       VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_directory_exists, ONE_PATH};

    return path_job(vmHandle, &op, pathName, 0, callbackProc, clientData);
}

VixHandle VixVM_GetFileInfoInGuest(VixHandle vmHandle, const char *pathName,
                                   VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_file_info, ONE_PATH};

    return path_job(vmHandle, &op, pathName, 0, callbackProc, clientData);
}

VixHandle VixVM_ListDirectoryInGuest(VixHandle vmHandle, const char *pathName, int options,
                                     VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_list, ONE_PATH};

    (void)options;
    return path_job(vmHandle, &op, pathName, 0, callbackProc, clientData);
}

VixHandle VixVM_CreateDirectoryInGuest(VixHandle vmHandle, const char *pathName,
                                       VixHandle propertyListHandle, VixEventProc *callbackProc,
                                       void *clientData)
{
    static const struct vix_op op = {run_make_directory, ONE_PATH};

    return path_job(vmHandle, &op, pathName, propertyListHandle, callbackProc, clientData);
}

VixHandle VixVM_DeleteDirectoryInGuest(VixHandle vmHandle, const char *pathName, int options,
                                       VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_delete_directory, ONE_PATH};

    (void)options;
    return path_job(vmHandle, &op, pathName, 0, callbackProc, clientData);
}

VixHandle VixVM_CreateTempFileInGuest(VixHandle vmHandle, int options, VixHandle propertyListHandle,
                                      VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_temp, VIX_OP_LOGIN};

    (void)options;
    return path_job(vmHandle, &op, NULL, propertyListHandle, callbackProc, clientData);
}

static VixHandle two_paths(VixHandle vm, const struct vix_op *op, const char *a, const char *b,
                           VixHandle list, VixEventProc *callback, void *data)
{
    const struct vix_args args = {
        .a = (char *)(uintptr_t)a, .b = (char *)(uintptr_t)b, .list = list};

    return vix_guest_job(vm, op, &args, callback, data);
}

#define TWO_PATHS (VIX_OP_NEEDS_A | VIX_OP_NEEDS_B | VIX_OP_LOGIN)

VixHandle VixVM_RenameFileInGuest(VixHandle vmHandle, const char *oldName, const char *newName,
                                  int options, VixHandle propertyListHandle,
                                  VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_rename, TWO_PATHS};

    (void)options;
    return two_paths(vmHandle, &op, oldName, newName, propertyListHandle, callbackProc, clientData);
}

VixHandle VixVM_CopyFileFromHostToGuest(VixHandle vmHandle, const char *hostPathName,
                                        const char *guestPathName, int options,
                                        VixHandle propertyListHandle, VixEventProc *callbackProc,
                                        void *clientData)
{
    static const struct vix_op op = {vix_copy_to_guest, TWO_PATHS};

    (void)options;
    return two_paths(vmHandle, &op, hostPathName, guestPathName, propertyListHandle, callbackProc,
                     clientData);
}

VixHandle VixVM_CopyFileFromGuestToHost(VixHandle vmHandle, const char *guestPathName,
                                        const char *hostPathName, int options,
                                        VixHandle propertyListHandle, VixEventProc *callbackProc,
                                        void *clientData)
{
    static const struct vix_op op = {vix_copy_from_guest, TWO_PATHS};

    (void)options;
    return two_paths(vmHandle, &op, guestPathName, hostPathName, propertyListHandle, callbackProc,
                     clientData);
}
