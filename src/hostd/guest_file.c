/* GuestFileManager: its methods as VIX operations. Transfers continue in transfer.c. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "hostd/guest.h"
#include "hostd/guest_op.h"
#include "hostd/transfer.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"
#include "wire/vix_text.h"

#define LIST_DEFAULT_MAX 50
/* How many entries one answer of ours may hold; a client asks again with a higher index. */
#define LIST_RESULT_MAX 100000

static struct vim_GuestFileAttributes *file_attributes(struct arena *a,
                                                       const struct vix_file_info *f)
{
    struct vim_GuestPosixFileAttributes *posix;
    struct vim_GuestFileAttributes *common;

    if (f->uid < 0 && f->created >= 0) {
        struct vim_GuestWindowsFileAttributes *windows = VIM_NEW(a, GuestWindowsFileAttributes);

        if (!windows)
            return NULL;
        windows->has_hidden = windows->has_readOnly = windows->has_createTime = true;
        windows->hidden = f->flags & VIX_FILE_HIDDEN;
        windows->readOnly = f->flags & VIX_FILE_READ_ONLY;
        windows->createTime = f->created * 1000000;
        common = (struct vim_GuestFileAttributes *)windows;
    } else {
        posix = VIM_NEW(a, GuestPosixFileAttributes);
        if (!posix)
            return NULL;
        posix->has_ownerId = posix->has_groupId = posix->has_permissions = f->uid >= 0;
        posix->ownerId = (int32_t)f->uid;
        posix->groupId = (int32_t)f->gid;
        posix->permissions = f->mode;
        common = (struct vim_GuestFileAttributes *)posix;
    }
    common->has_modificationTime = common->has_accessTime = true;
    common->modificationTime = f->modified * 1000000;
    common->accessTime = f->accessed * 1000000;
    common->symlinkTarget = f->target ? f->target : "";
    return common;
}

/* --- listing --- */

struct listing {
    struct vim_GuestListFileInfo *info;
    size_t room;
};

static bool list_build(struct guest_op *op)
{
    const struct vim_ListFilesInGuest_request *rq = op->call->req;
    int32_t max = rq->has_maxResults ? rq->maxResults : LIST_DEFAULT_MAX;
    struct listing *l = ARENA_NEW(op->call->arena, struct listing);

    if (!guest_op_path(op, rq->filePath, "filePath"))
        return false;
    if (rq->has_index && rq->index < 0) {
        guest_op_invalid(op, "index");
        return false;
    }
    if (max < 0) {
        guest_op_invalid(op, "maxResults");
        return false;
    }
    if (l)
        l->info = VIM_NEW(op->call->arena, GuestListFileInfo);
    if (!l || !l->info) {
        guest_op_no_memory(op);
        return false;
    }
    op->data = l;
    op->subject.argument = rq->matchPattern ? "matchPattern" : "filePath";
    op->body.list_files = (struct vix_list_files){
        .path = rq->filePath,
        .pattern = rq->matchPattern,
        .index = rq->has_index ? rq->index : 0,
        .max_results = max > LIST_RESULT_MAX ? LIST_RESULT_MAX : max,
    };
    return true;
}

static int list_append(struct guest_op *op, const struct vix_file_info *f)
{
    struct listing *l = op->data;
    struct arena *a = op->call->arena;
    struct vim_GuestFileInfo *info = VIM_NEW(a, GuestFileInfo);

    if (!info)
        return -ENOMEM;
    info->path = f->name ? f->name : "";
    info->type = f->flags & VIX_FILE_SYMLINK     ? "symlink"
                 : f->flags & VIX_FILE_DIRECTORY ? "directory"
                                                 : "file";
    info->size = f->size;
    info->attributes = file_attributes(a, f);
    if (!info->attributes)
        return -ENOMEM;
    if (l->info->files.count == l->room) {
        struct vim_GuestFileInfo **items;

        l->room = l->room ? l->room * 2 : 64;
        items = ARENA_ARRAY(a, l->room, struct vim_GuestFileInfo *);
        if (!items)
            return -ENOMEM;
        if (l->info->files.count)
            memcpy(items, l->info->files.items, l->info->files.count * sizeof(*items));
        l->info->files.items = items;
    }
    l->info->files.items[l->info->files.count++] = info;
    return 0;
}

static void list_done(struct guest_op *op, const char *result, size_t len)
{
    struct listing *l = op->data;
    struct vix_list_files *body = &op->body.list_files;
    struct vix_list_head head;
    struct vix_file_info f;
    struct vix_text t;
    size_t before = l->info->files.count;
    int more;

    vix_text_begin(&t, result, len, true);
    if (vix_text_list_head(&t, &head)) {
        guest_op_malformed(op);
        return;
    }
    while ((more = vix_text_next_file(&t, op->call->arena, &f)) == 1) {
        more = list_append(op, &f);
        if (more)
            break;
    }
    if (more) {
        if (more == -EBADMSG)
            guest_op_malformed(op);
        else
            guest_op_no_memory(op);
        return;
    }
    if (head.truncated) {
        body->offset += l->info->files.count - before;
        if (l->info->files.count == before || body->offset >= (uint64_t)body->max_results) {
            guest_op_malformed(op); /* cut, and yet no progress */
            return;
        }
        guest_op_send(op);
        return;
    }
    l->info->remaining = head.remaining > INT32_MAX ? INT32_MAX : (int32_t)head.remaining;
    {
        const struct vim_ListFilesInGuest_result r = {.value = l->info};

        guest_op_return(op, &r);
    }
}

/* --- paths in, nothing out --- */

static bool mkdir_build(struct guest_op *op)
{
    const struct vim_MakeDirectoryInGuest_request *rq = op->call->req;

    op->body.path =
        (struct vix_path){.path = rq->directoryPath, .flag = rq->createParentDirectories};
    return guest_op_path(op, rq->directoryPath, "directoryPath");
}

static bool delete_build(struct guest_op *op)
{
    const struct vim_DeleteFileInGuest_request *rq = op->call->req;

    op->body.path = (struct vix_path){.path = rq->filePath};
    return guest_op_path(op, rq->filePath, "filePath");
}

static bool rmdir_build(struct guest_op *op)
{
    const struct vim_DeleteDirectoryInGuest_request *rq = op->call->req;

    op->body.path = (struct vix_path){.path = rq->directoryPath, .flag = rq->recursive};
    return guest_op_path(op, rq->directoryPath, "directoryPath");
}

static bool move_build(struct guest_op *op, const char *from, const char *from_name, const char *to,
                       const char *to_name, bool overwrite)
{
    op->body.move = (struct vix_move){.from = from, .to = to, .overwrite = overwrite};
    /* The source last: faults speak of it unless the table says otherwise. */
    if (!guest_op_path(op, to, to_name) || !guest_op_path(op, from, from_name))
        return false;
    op->subject.existing = to;
    return true;
}

static bool move_file_build(struct guest_op *op)
{
    const struct vim_MoveFileInGuest_request *rq = op->call->req;

    return move_build(op, rq->srcFilePath, "srcFilePath", rq->dstFilePath, "dstFilePath",
                      rq->overwrite);
}

static bool move_directory_build(struct guest_op *op)
{
    const struct vim_MoveDirectoryInGuest_request *rq = op->call->req;

    return move_build(op, rq->srcDirectoryPath, "srcDirectoryPath", rq->dstDirectoryPath,
                      "dstDirectoryPath", false);
}

/* --- temporary files --- */

static bool temp_build(struct guest_op *op, const char *prefix, const char *suffix,
                       const char *directory)
{
    if (prefix && strchr(prefix, '/')) {
        guest_op_invalid(op, "prefix");
        return false;
    }
    if (suffix && strchr(suffix, '/')) {
        guest_op_invalid(op, "suffix");
        return false;
    }
    op->body.temp = (struct vix_temp){.prefix = prefix, .suffix = suffix, .directory = directory};
    op->subject.file = "";
    op->subject.argument = "directoryPath";
    return !directory || !directory[0] || guest_op_path(op, directory, "directoryPath");
}

static bool temp_file_build(struct guest_op *op)
{
    const struct vim_CreateTemporaryFileInGuest_request *rq = op->call->req;

    return temp_build(op, rq->prefix, rq->suffix, rq->directoryPath);
}

static bool temp_directory_build(struct guest_op *op)
{
    const struct vim_CreateTemporaryDirectoryInGuest_request *rq = op->call->req;

    return temp_build(op, rq->prefix, rq->suffix, rq->directoryPath);
}

static void temp_done(struct guest_op *op, const char *result, size_t len)
{
    const struct vim_CreateTemporaryFileInGuest_result r = {
        .value = arena_strndup(op->call->arena, result, len)};

    /* Both methods have a result of the same layout: one string. */
    _Static_assert(sizeof(r) == sizeof(struct vim_CreateTemporaryDirectoryInGuest_result),
                   "one string");
    if (!len)
        guest_op_malformed(op);
    else if (!r.value)
        guest_op_no_memory(op);
    else
        guest_op_return(op, &r);
}

/* --- attributes --- */

/* API attributes as those of the agent. False: attributes that a POSIX guest does not have. */
static bool set_attributes(const struct vim_GuestFileAttributes *in, const char *path,
                           struct vix_set_attributes *ret)
{
    const struct vim_GuestPosixFileAttributes *posix = VIM_CAST(in, GuestPosixFileAttributes);
    struct vix_set_attributes s = {.path = path};

    if (VIM_IS_A(in, GuestWindowsFileAttributes)) {
        const struct vim_GuestWindowsFileAttributes *windows =
            VIM_CAST(in, GuestWindowsFileAttributes);

        if (windows->has_hidden || windows->has_readOnly || windows->has_createTime)
            return false;
    }
    if (in && in->has_accessTime) {
        s.options |= VIX_ATTR_ACCESS_TIME;
        s.access_time = in->accessTime / 1000000;
    }
    if (in && in->has_modificationTime) {
        s.options |= VIX_ATTR_MODIFICATION_TIME;
        s.modification_time = in->modificationTime / 1000000;
    }
    if (posix && posix->has_ownerId) {
        s.options |= VIX_ATTR_OWNER;
        s.owner = posix->ownerId;
    }
    if (posix && posix->has_groupId) {
        s.options |= VIX_ATTR_GROUP;
        s.group = posix->groupId;
    }
    if (posix && posix->has_permissions) {
        s.options |= VIX_ATTR_PERMISSIONS;
        s.permissions = (int32_t)(posix->permissions & 07777);
    }
    *ret = s;
    return true;
}

static bool attributes_build(struct guest_op *op)
{
    const struct vim_ChangeFileAttributesInGuest_request *rq = op->call->req;

    if (!guest_op_path(op, rq->guestFilePath, "guestFilePath"))
        return false;
    if (!rq->fileAttributes ||
        !set_attributes(rq->fileAttributes, rq->guestFilePath, &op->body.set_attributes)) {
        guest_op_invalid(op, "fileAttributes");
        return false;
    }
    return true;
}

/* --- transfers --- */

static bool from_guest_build(struct guest_op *op)
{
    const struct vim_InitiateFileTransferFromGuest_request *rq = op->call->req;

    op->body.list_files = (struct vix_list_files){.path = rq->guestFilePath};
    return guest_op_path(op, rq->guestFilePath, "guestFilePath");
}

static void from_guest_done(struct guest_op *op, const char *result, size_t len)
{
    const struct vim_InitiateFileTransferFromGuest_request *rq = op->call->req;
    struct arena *a = op->call->arena;
    struct vim_FileTransferInformation *info = VIM_NEW(a, FileTransferInformation);
    struct transfer_request transfer = {.vm = rq->vm, .path = rq->guestFilePath};
    struct vix_file_info f;
    struct vix_text t;
    int more;

    vix_text_begin(&t, result, len, true);
    more = info ? vix_text_next_file(&t, a, &f) : -ENOMEM;
    if (more != 1) {
        if (more == -ENOMEM)
            guest_op_no_memory(op);
        else
            guest_op_malformed(op);
        return;
    }
    info->size = f.size;
    info->attributes = file_attributes(a, &f);
    transfer.size = f.size;
    transfer.user = op->call->session ? op->call->session->user : "";
    info->url =
        info->attributes ? transfer_offer(op->call->host, a, &transfer, &op->credential) : NULL;
    if (!info->url) {
        guest_op_no_memory(op);
        return;
    }
    {
        const struct vim_InitiateFileTransferFromGuest_result r = {.value = info};

        guest_op_return(op, &r);
    }
}

static bool to_guest_build(struct guest_op *op)
{
    const struct vim_InitiateFileTransferToGuest_request *rq = op->call->req;
    struct vix_set_attributes *set = ARENA_NEW(op->call->arena, struct vix_set_attributes);

    if (!guest_op_path(op, rq->guestFilePath, "guestFilePath"))
        return false;
    if (rq->fileSize < 0) {
        guest_op_invalid(op, "fileSize");
        return false;
    }
    if (!set) {
        guest_op_no_memory(op);
        return false;
    }
    if (!set_attributes(rq->fileAttributes, rq->guestFilePath, set)) {
        guest_op_invalid(op, "fileAttributes");
        return false;
    }
    op->data = set;
    op->body.path = (struct vix_path){
        .options = set->options, .path = rq->guestFilePath, .flag = rq->overwrite};
    return true;
}

static void to_guest_done(struct guest_op *op, const char *result, size_t len)
{
    const struct vim_InitiateFileTransferToGuest_request *rq = op->call->req;
    const struct transfer_request transfer = {
        .vm = rq->vm,
        .path = rq->guestFilePath,
        .user = op->call->session ? op->call->session->user : "",
        .upload = true,
        .size = rq->fileSize,
        .overwrite = rq->overwrite,
        .attributes = op->data,
    };
    struct vim_InitiateFileTransferToGuest_result r = {0};

    (void)result;
    (void)len;
    r.value = transfer_offer(op->call->host, op->call->arena, &transfer, &op->credential);
    if (!r.value)
        guest_op_no_memory(op);
    else
        guest_op_return(op, &r);
}

static const struct guest_method methods[] = {
    {&vim_method_ListFilesInGuest, VIX_OP_LIST_FILES, list_build, list_done},
    {&vim_method_MakeDirectoryInGuest, VIX_OP_CREATE_DIRECTORY_EX, mkdir_build, NULL},
    {&vim_method_DeleteFileInGuest, VIX_OP_DELETE_GUEST_FILE_EX, delete_build, NULL},
    {&vim_method_DeleteDirectoryInGuest, VIX_OP_DELETE_GUEST_DIRECTORY_EX, rmdir_build, NULL},
    {&vim_method_MoveFileInGuest, VIX_OP_MOVE_GUEST_FILE_EX, move_file_build, NULL},
    {&vim_method_MoveDirectoryInGuest, VIX_OP_MOVE_GUEST_DIRECTORY, move_directory_build, NULL},
    {&vim_method_CreateTemporaryFileInGuest, VIX_OP_CREATE_TEMPORARY_FILE_EX, temp_file_build,
     temp_done},
    {&vim_method_CreateTemporaryDirectoryInGuest, VIX_OP_CREATE_TEMPORARY_DIRECTORY,
     temp_directory_build, temp_done},
    {&vim_method_ChangeFileAttributesInGuest, VIX_OP_SET_GUEST_FILE_ATTRIBUTES, attributes_build,
     NULL},
    {&vim_method_InitiateFileTransferFromGuest, VIX_OP_INITIATE_FILE_TRANSFER_FROM_GUEST,
     from_guest_build, from_guest_done},
    {&vim_method_InitiateFileTransferToGuest, VIX_OP_INITIATE_FILE_TRANSFER_TO_GUEST,
     to_guest_build, to_guest_done},
    {NULL, 0, NULL, NULL},
};

void guest_file_call(struct call *call)
{
    guest_op_start(call, methods);
}
