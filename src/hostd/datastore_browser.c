/* HostDatastoreBrowser: looking into the folder of virtual machines. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "hostd/inventory_internal.h"
#include "hostd/task.h"

#define BROWSE_FILES_MAX   10000
#define BROWSE_RESULTS_MAX 1000 /* folders of one search */

static int get_datastores(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct mo *one = &inventory_of(r->host)->datastore.mo;

    (void)mo;
    return mo_value_refs(r->arena, &one, 1, ret);
}

static const struct mo_property browser_properties[] = {{"datastore", get_datastores},
                                                        {NULL, NULL}};
const struct mo_class datastore_browser_class = {.type = "HostDatastoreBrowser",
                                                 .properties = browser_properties};

/* ---- paths ---- */

/* The part behind "[datastore1] ", without slashes at its ends; NULL: another datastore. The copy
 * is in the arena. */
static char *relative_path(const char *path, struct arena *a)
{
    static const char prefix[] = "[" DATASTORE_NAME "]";
    char *rest;
    size_t n;

    if (!path || strncmp(path, prefix, sizeof(prefix) - 1) != 0)
        return NULL;
    path += sizeof(prefix) - 1;
    path += strspn(path, " /");
    rest = arena_strdup(a, path);
    n = rest ? strlen(rest) : 0;
    while (n && rest[n - 1] == '/')
        rest[--n] = '\0';
    return rest;
}

static bool wanted(const struct vim_HostDatastoreBrowserSearchSpec *spec, const char *name)
{
    int flags =
        spec && spec->has_searchCaseInsensitive && spec->searchCaseInsensitive ? FNM_CASEFOLD : 0;

    if (!spec || !spec->matchPattern.count)
        return true;
    for (size_t i = 0; i < spec->matchPattern.count; i++) {
        if (!fnmatch(spec->matchPattern.items[i], name, flags))
            return true;
    }
    return false;
}

static const struct vim_type *info_type(const char *name, bool folder)
{
    size_t n = strlen(name);

    if (folder)
        return &vim_type_FolderFileInfo;
    if (n > 4 && !strcmp(name + n - 4, ".vmx"))
        return &vim_type_VmConfigFileInfo;
    if (n > 5 && !strcmp(name + n - 5, ".vmdk"))
        return &vim_type_VmDiskFileInfo;
    if (n > 4 && !strcmp(name + n - 4, ".log"))
        return &vim_type_VmLogFileInfo;
    if (n > 4 && !strcmp(name + n - 4, ".iso"))
        return &vim_type_IsoImageFileInfo;
    return &vim_type_FileInfo;
}

struct search {
    struct arena *a;
    const struct vim_HostDatastoreBrowserSearchSpec *spec;
    struct inventory *inv;
};

static int add_file(const struct search *s, const char *name, const struct stat *st,
                    struct vim_HostDatastoreBrowserSearchResults *out)
{
    const struct vim_FileQueryFlags *details = s->spec ? s->spec->details : NULL;
    struct vim_FileInfo *f =
        (struct vim_FileInfo *)(void *)vim_new(s->a, info_type(name, S_ISDIR(st->st_mode)));

    if (!f || !(f->path = arena_strdup(s->a, name)))
        return -ENOMEM;
    f->has_fileSize = details && details->fileSize;
    f->fileSize = st->st_size;
    f->has_modification = details && details->modification;
    f->modification = (int64_t)st->st_mtim.tv_sec * 1000000;
    out->file.items[out->file.count++] = f;
    return 0;
}

/* One folder. -ENOENT and the like when it cannot be read. */
static int search_folder(const struct search *s, const char *path,
                         struct vim_HostDatastoreBrowserSearchResults **ret)
{
    struct vim_HostDatastoreBrowserSearchResults *out =
        VIM_NEW(s->a, HostDatastoreBrowserSearchResults);
    int fd = fs_open_beneath(s->inv->vms_dir, path[0] ? path : ".",
                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;
    size_t room = 0;
    int r = 0;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return fd < 0 ? fd : -ENOMEM;
    }
    while (readdir(d))
        room++;
    rewinddir(d);
    if (room > BROWSE_FILES_MAX)
        room = BROWSE_FILES_MAX;
    if (!out || !(out->file.items = arena_calloc(s->a, room + 1, sizeof(*out->file.items)))) {
        closedir(d);
        return -ENOMEM;
    }
    out->datastore = mo_ref(&s->inv->datastore.mo);
    out->folderPath = arena_printf(s->a, "[%s] %s%s", DATASTORE_NAME, path, path[0] ? "/" : "");
    while (r == 0 && out->file.count < room && (e = readdir(d))) {
        struct stat st;

        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") && wanted(s->spec, e->d_name) &&
            fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
            r = add_file(s, e->d_name, &st, out);
    }
    closedir(d);
    *ret = out;
    return r;
}

/* ---- methods ---- */

static void fail_invalid_datastore(struct task *t, const char *path)
{
    struct vim_InvalidDatastorePath *f = VIM_NEW(task_arena(t), InvalidDatastorePath);

    if (f)
        f->datastorePath = path ? path : "";
    task_fail(t, f, "Invalid datastore path '%.200s'.", path ? path : "");
}

static void fail_file(struct task *t, const char *path, int code)
{
    struct vim_FileNotFound *f = VIM_NEW(task_arena(t), FileNotFound);
    struct vim_CannotAccessFile *other = VIM_NEW(task_arena(t), CannotAccessFile);

    if (f)
        f->file = path;
    if (other)
        other->file = path;
    if (code == -ENOENT || code == -ENOTDIR)
        task_fail(t, f, "File %.200s was not found", path);
    else
        task_fail(t, other, "Unable to access file %.200s", path);
}

/* Starts the task of a search; NULL when the call has been ended. */
static struct task *begin(struct call *call, const char *method, const char *description,
                          const char *path, char **ret_relative)
{
    struct inventory *inv = inventory_of(call->host);
    struct task *t;

    if (!call_check_privilege(call, mo_ref(&inv->datastore.mo), "Datastore.Browse"))
        return NULL;
    t = task_begin(call, &inv->datastore, method, description);
    if (!t)
        return NULL;
    task_start(t);
    *ret_relative = relative_path(path, call->arena);
    if (!*ret_relative)
        fail_invalid_datastore(t, path);
    return t;
}

static void search_datastore(struct call *call)
{
    const struct vim_SearchDatastore_Task_request *req = call->req;
    struct search s = {call->arena, req->searchSpec, inventory_of(call->host)};
    struct vim_HostDatastoreBrowserSearchResults *found;
    char *path;
    struct task *t = begin(call, "SearchDatastore_Task", "HostDatastoreBrowser.search",
                           req->datastorePath, &path);
    int r;

    if (!t)
        return;
    if (path) {
        r = search_folder(&s, path, &found);
        if (r < 0)
            fail_file(t, req->datastorePath, r);
        else
            task_succeed(t, vim_any_object(call->arena, found));
    }
    task_return(call, t);
}

/* The folder and those directly beneath it; VMs' folders are not nested deeper. */
static int search_tree(const struct search *s, const char *path,
                       struct vim_HostDatastoreBrowserSearchResults **items, size_t *count)
{
    struct search all = {s->a, NULL, s->inv};
    struct vim_HostDatastoreBrowserSearchResults *top;
    int r = search_folder(s, path, &items[(*count)++]);

    if (r == 0)
        r = search_folder(&all, path, &top);
    for (size_t i = 0; r == 0 && i < top->file.count && *count < BROWSE_RESULTS_MAX; i++) {
        const char *name = top->file.items[i]->path;

        if (!VIM_IS_A(top->file.items[i], FolderFileInfo))
            continue;
        name = path[0] ? arena_printf(s->a, "%s/%s", path, name) : name;
        if (!name)
            return -ENOMEM;
        if (search_folder(s, name, &items[*count]) == 0)
            (*count)++;
    }
    return r;
}

static void search_sub_folders(struct call *call)
{
    const struct vim_SearchDatastoreSubFolders_Task_request *req = call->req;
    struct search s = {call->arena, req->searchSpec, inventory_of(call->host)};
    struct vim_HostDatastoreBrowserSearchResults **items =
        arena_calloc(call->arena, BROWSE_RESULTS_MAX + 1, sizeof(*items));
    size_t count = 0;
    char *path;
    struct task *t = begin(call, "SearchDatastoreSubFolders_Task",
                           "HostDatastoreBrowser.searchSubFolders", req->datastorePath, &path);
    int r;

    if (!t)
        return;
    if (path) {
        r = items ? search_tree(&s, path, items, &count) : -ENOMEM;
        if (r < 0)
            fail_file(t, req->datastorePath, r);
        else
            task_succeed(t, vim_any_array(call->arena, &vim_type_HostDatastoreBrowserSearchResults,
                                          count, items));
    }
    task_return(call, t);
}

const struct call_row datastore_calls[] = {
    {&vim_method_SearchDatastore_Task, search_datastore},
    {&vim_method_SearchDatastoreSubFolders_Task, search_sub_folders},
    {NULL, NULL}};
