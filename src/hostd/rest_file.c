/* REST: files and directories of a guest, and transfers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hostd/rest_guest_op.h"

#define LIST_DEFAULT 50

static const char manager[] = "fileManager";

static void call_file(struct rest *rest, const struct vim_method *method, void *args,
                      void (*done)(struct rest *rest, struct call *call, const void *result))
{
    rest_guest_call(rest, manager, method, args, done);
}

/* ---- directories ---- */

static void directories_create(struct rest *rest)
{
    const struct rest_FilesystemDirectoriesCreate *body = rest->body;
    struct vim_MakeDirectoryInGuest_request *args =
        ARENA_NEW(rest->room, struct vim_MakeDirectoryInGuest_request);
    if (!rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    args->directoryPath = body->path;
    args->createParentDirectories = body->create_parents;
    call_file(rest, &vim_method_MakeDirectoryInGuest, args, rest_done);
}

static void directories_delete(struct rest *rest)
{
    const struct rest_FilesystemDirectoriesDelete *body = rest->body;
    struct vim_DeleteDirectoryInGuest_request *args =
        ARENA_NEW(rest->room, struct vim_DeleteDirectoryInGuest_request);
    if (!rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    args->directoryPath = body->path;
    args->recursive = body->recursive;
    call_file(rest, &vim_method_DeleteDirectoryInGuest, args, rest_done);
}

static void directories_move(struct rest *rest)
{
    const struct rest_FilesystemDirectoriesMove *body = rest->body;
    struct vim_MoveDirectoryInGuest_request *args =
        ARENA_NEW(rest->room, struct vim_MoveDirectoryInGuest_request);
    if (!rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    args->srcDirectoryPath = body->path;
    args->dstDirectoryPath = body->new_path;
    call_file(rest, &vim_method_MoveDirectoryInGuest, args, rest_done);
}

/* ---- temporary names ---- */

static void made(struct rest *rest, struct call *call, const void *result)
{
    const struct vim_CreateTemporaryFileInGuest_result *r = result;
    (void)call;
    /* Files or directories, API or REST: each result is one string. */
    _Static_assert(sizeof(*r) == sizeof(struct vim_CreateTemporaryDirectoryInGuest_result),
                   "one string");
    _Static_assert(sizeof(struct rest_files_create_temporary_result) ==
                       sizeof(struct rest_directories_create_temporary_result),
                   "one string");
    rest_return(rest, &(struct rest_files_create_temporary_result){r->value});
}

static void create_temporary(struct rest *rest, const struct vim_method *method)
{
    const struct rest_FilesystemCreateTemporary *body = rest->body;
    struct vim_CreateTemporaryFileInGuest_request *args =
        ARENA_NEW(rest->room, struct vim_CreateTemporaryFileInGuest_request);
    _Static_assert(sizeof(*args) == sizeof(struct vim_CreateTemporaryDirectoryInGuest_request),
                   "the same parameters");
    if (!rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    args->prefix = body->prefix;
    args->suffix = body->suffix;
    args->directoryPath = body->parent_path;
    call_file(rest, method, args, made);
}

static void files_create_temporary(struct rest *rest)
{
    create_temporary(rest, &vim_method_CreateTemporaryFileInGuest);
}

static void directories_create_temporary(struct rest *rest)
{
    create_temporary(rest, &vim_method_CreateTemporaryDirectoryInGuest);
}

/* ---- files ---- */

static void files_delete(struct rest *rest)
{
    const struct rest_CredentialsOnly *body = rest->body;
    struct vim_DeleteFileInGuest_request *args =
        ARENA_NEW(rest->room, struct vim_DeleteFileInGuest_request);
    if (!rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    args->filePath = rest->vars[1];
    call_file(rest, &vim_method_DeleteFileInGuest, args, rest_done);
}

static void files_move(struct rest *rest)
{
    const struct rest_FilesystemFilesMove *body = rest->body;
    struct vim_MoveFileInGuest_request *args =
        ARENA_NEW(rest->room, struct vim_MoveFileInGuest_request);
    if (!rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    args->srcFilePath = body->path;
    args->dstFilePath = body->new_path;
    args->overwrite = body->overwrite;
    call_file(rest, &vim_method_MoveFileInGuest, args, rest_done);
}

/* ---- attributes ---- */

struct times {
    bool has_modified, has_accessed;
    int64_t modified, accessed;
};

/* NULL: answered. */
static struct vim_GuestFileAttributes *
attributes(struct rest *rest, const struct times *times,
           const struct rest_FilesystemPosixFileAttributesSpec *posix,
           const struct rest_FilesystemWindowsFileAttributesSpec *windows)
{
    struct vim_GuestPosixFileAttributes *out = VIM_NEW(rest->room, GuestPosixFileAttributes);
    char *end = NULL;
    if (!out) {
        rest_no_memory(rest);
        return NULL;
    }
    if (windows && (windows->has_hidden || windows->has_read_only)) {
        rest_bad_field(rest, "windows");
        return NULL;
    }
    out->has_modificationTime = times->has_modified;
    out->modificationTime = times->modified;
    out->has_accessTime = times->has_accessed;
    out->accessTime = times->accessed;
    if (!posix)
        return (struct vim_GuestFileAttributes *)out;
    if ((posix->has_owner_id && (posix->owner_id < 0 || posix->owner_id > INT32_MAX)) ||
        (posix->has_group_id && (posix->group_id < 0 || posix->group_id > INT32_MAX))) {
        rest_bad_field(rest, "posix");
        return NULL;
    }
    out->has_ownerId = posix->has_owner_id;
    out->ownerId = (int32_t)posix->owner_id;
    out->has_groupId = posix->has_group_id;
    out->groupId = (int32_t)posix->group_id;
    if (posix->permissions) {
        unsigned long mode = strtoul(posix->permissions, &end, 8);
        if (*end || end == posix->permissions || *posix->permissions == '-' || mode > 07777) {
            rest_bad_field(rest, "posix.permissions");
            return NULL;
        }
        out->has_permissions = true;
        out->permissions = (int64_t)mode;
    }
    return (struct vim_GuestFileAttributes *)out;
}

static void files_update(struct rest *rest)
{
    const struct rest_FilesystemFilesUpdate *body = rest->body;
    const struct rest_FilesystemFilesFileAttributesUpdateSpec *spec = body->file_attributes;
    const struct times times = {spec->has_last_modified, spec->has_last_accessed,
                                spec->last_modified, spec->last_accessed};
    struct vim_ChangeFileAttributesInGuest_request *args =
        ARENA_NEW(rest->room, struct vim_ChangeFileAttributesInGuest_request);
    if (!rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    args->guestFilePath = body->path;
    args->fileAttributes = attributes(rest, &times, spec->posix, spec->windows);
    if (args->fileAttributes)
        call_file(rest, &vim_method_ChangeFileAttributesInGuest, args, rest_done);
}

static int file_type(const char *type)
{
    int value = rest_enum(&rest_type_FilesystemFilesType, "", type);
    return value ? value : REST_FilesystemFilesType_FILE;
}

/* NULL: no memory. */
static struct rest_FilesystemFilesFileAttributesInfo *
attributes_info(struct arena *a, const struct vim_GuestFileAttributes *in)
{
    const struct vim_GuestPosixFileAttributes *posix = VIM_CAST(in, GuestPosixFileAttributes);
    const struct vim_GuestWindowsFileAttributes *windows = VIM_CAST(in, GuestWindowsFileAttributes);
    struct rest_FilesystemFilesFileAttributesInfo *out =
        REST_NEW(a, FilesystemFilesFileAttributesInfo);
    if (!out)
        return NULL;
    out->last_modified = in->modificationTime;
    out->last_accessed = in->accessTime;
    out->symlink_target = in->symlinkTarget && *in->symlinkTarget ? in->symlinkTarget : NULL;
    out->filesystem_family = windows ? REST_FilesystemFilesFilesystemFamily_WINDOWS
                                     : REST_FilesystemFilesFilesystemFamily_POSIX;
    if (windows) {
        out->win_attributes = REST_NEW(a, FilesystemFilesWindowsFileAttributesInfo);
        if (!out->win_attributes)
            return NULL;
        out->win_attributes->hidden = windows->hidden;
        out->win_attributes->read_only = windows->readOnly;
        out->win_attributes->created = windows->createTime;
    } else if (posix) {
        out->posix_attributes = REST_NEW(a, FilesystemFilesPosixFileAttributesInfo);
        if (!out->posix_attributes)
            return NULL;
        out->posix_attributes->owner = posix->ownerId;
        out->posix_attributes->group = posix->groupId;
        out->posix_attributes->permissions =
            arena_printf(a, "%llo", (unsigned long long)posix->permissions & 07777);
        if (!out->posix_attributes->permissions)
            return NULL;
    }
    return out;
}

/* A file is listed as itself, a directory begins with its own entry ".". */
static void file_got(struct rest *rest, struct call *call, const void *result)
{
    const struct vim_ListFilesInGuest_result *r = result;
    struct rest_FilesystemFilesInfo *out = REST_NEW(rest->room, FilesystemFilesInfo);
    (void)call;
    if (r->value->files.count == 0) {
        rest_fail(rest, REST_NOT_FOUND, "com.vmware.api.vcenter.vm.guest.file.not_found",
                  "File %s was not found", rest->vars[1]);
        return;
    }
    const struct vim_GuestFileInfo *in = r->value->files.items[0];
    if (out)
        out->attributes = attributes_info(rest->room, in->attributes);
    if (!out || !out->attributes) {
        rest_no_memory(rest);
        return;
    }
    out->type = file_type(in->type);
    out->size = in->size;
    rest_return(rest, &(struct rest_files_get_result){.value = out});
}

static void files_get(struct rest *rest)
{
    const struct rest_CredentialsOnly *body = rest->body;
    struct vim_ListFilesInGuest_request *args =
        ARENA_NEW(rest->room, struct vim_ListFilesInGuest_request);
    if (!rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    args->filePath = rest->vars[1];
    args->has_maxResults = true;
    args->maxResults = 1;
    call_file(rest, &vim_method_ListFilesInGuest, args, file_got);
}

/* ---- list ---- */

static void files_listed(struct rest *rest, struct call *call, const void *result)
{
    const struct vim_GuestListFileInfo *in =
        ((const struct vim_ListFilesInGuest_result *)result)->value;
    const struct vim_ListFilesInGuest_request *args = call->req;
    struct rest_FilesystemFilesListResult *out = REST_NEW(rest->room, FilesystemFilesListResult);
    if (out)
        out->files.items = arena_calloc(rest->room, in->files.count + 1, sizeof(*out->files.items));
    if (!out || !out->files.items) {
        rest_no_memory(rest);
        return;
    }
    for (size_t i = 0; i < in->files.count; i++) {
        struct rest_FilesystemFilesSummary *file = REST_NEW(rest->room, FilesystemFilesSummary);
        if (!file) {
            rest_no_memory(rest);
            return;
        }
        file->filename = in->files.items[i]->path;
        file->type = file_type(in->files.items[i]->type);
        file->size = in->files.items[i]->size;
        out->files.items[out->files.count++] = file;
    }
    out->total = args->index + (int64_t)in->files.count + in->remaining;
    out->has_start_index = out->has_end_index = in->files.count != 0;
    out->start_index = args->index;
    out->end_index = args->index + (int64_t)in->files.count - 1;
    out->status = in->remaining ? REST_FilesystemFilesLastIterationStatus_READY
                                : REST_FilesystemFilesLastIterationStatus_END_OF_DATA;
    rest_return(rest, &(struct rest_files_list_result){.value = out});
}

static void files_list(struct rest *rest)
{
    const struct rest_FilesystemFilesList *body = rest->body;
    const struct rest_FilesystemFilesIterationSpec *page = body->iteration;
    struct vim_ListFilesInGuest_request *args =
        ARENA_NEW(rest->room, struct vim_ListFilesInGuest_request);
    int64_t size = page && page->has_size ? page->size : LIST_DEFAULT;
    int64_t index = page && page->has_index ? page->index : 0;
    if (size < 0 || size > INT32_MAX || index < 0 || index > INT32_MAX) {
        rest_bad_field(rest, size < 0 || size > INT32_MAX ? "iteration.size" : "iteration.index");
        return;
    }
    if (!rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    args->filePath = body->path;
    args->has_index = args->has_maxResults = true;
    args->index = (int32_t)index;
    args->maxResults = (int32_t)size;
    args->matchPattern = body->filter ? body->filter->match_pattern : NULL;
    call_file(rest, &vim_method_ListFilesInGuest, args, files_listed);
}

/* ---- transfers ---- */

/* The URL with the name that the client used for us in place of the asterisk. */
static void offered(struct rest *rest, const char *url)
{
    const char *host = http_header(rest->req, "Host");
    const char *star = strchr(url, '*');
    const char *real = url;
    if (star && host && !strpbrk(host, "/?#@ \\\"<>")) {
        /* The asterisk stands for the name alone; a port may follow it. */
        const char *colon = strrchr(host, ':');
        size_t n =
            star[1] == ':' && colon && !strchr(colon, ']') ? (size_t)(colon - host) : strlen(host);
        real =
            arena_printf(rest->room, "%.*s%.*s%s", (int)(star - url), url, (int)n, host, star + 1);
    }
    if (real)
        rest_return(rest, &(struct rest_transfers_create_result){.value = real});
    else
        rest_no_memory(rest);
}

static void download_offered(struct rest *rest, struct call *call, const void *result)
{
    const struct vim_InitiateFileTransferFromGuest_result *r = result;
    (void)call;
    offered(rest, r->value->url);
}

static void upload_offered(struct rest *rest, struct call *call, const void *result)
{
    const struct vim_InitiateFileTransferToGuest_result *r = result;
    (void)call;
    offered(rest, r->value);
}

static void download(struct rest *rest, const struct rest_FilesystemTransfersCreate *body)
{
    struct vim_InitiateFileTransferFromGuest_request *args =
        ARENA_NEW(rest->room, struct vim_InitiateFileTransferFromGuest_request);
    if (!rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    args->guestFilePath = body->spec->path;
    call_file(rest, &vim_method_InitiateFileTransferFromGuest, args, download_offered);
}

static void transfers_create(struct rest *rest)
{
    const struct rest_FilesystemTransfersCreate *body = rest->body;
    const struct rest_FilesystemTransfersFileCreationAttributes *in = body->spec->attributes;
    struct vim_InitiateFileTransferToGuest_request *args =
        ARENA_NEW(rest->room, struct vim_InitiateFileTransferToGuest_request);
    if (!in) {
        download(rest, body);
        return;
    }
    const struct times times = {in->has_last_modified, in->has_last_accessed, in->last_modified,
                                in->last_accessed};
    if (!rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    args->guestFilePath = body->spec->path;
    args->fileSize = in->size;
    args->overwrite = in->overwrite;
    args->fileAttributes = attributes(rest, &times, in->posix, in->windows);
    if (args->fileAttributes)
        call_file(rest, &vim_method_InitiateFileTransferToGuest, args, upload_offered);
}

const struct rest_row rest_file_rows[] = {
    {REST_OP_directories_create, directories_create},
    {REST_OP_directories_create_temporary, directories_create_temporary},
    {REST_OP_directories_delete, directories_delete},
    {REST_OP_directories_move, directories_move},
    {REST_OP_files_create_temporary, files_create_temporary},
    {REST_OP_files_delete, files_delete},
    {REST_OP_files_get, files_get},
    {REST_OP_files_list, files_list},
    {REST_OP_files_move, files_move},
    {REST_OP_files_update, files_update},
    {REST_OP_transfers_create, transfers_create},
    {0, NULL},
};
