/* CreateVM_Task and RegisterVM_Task. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/event.h"
#include "hostd/inventory_internal.h"
#include "hostd/session.h"
#include "hostd/supervise.h"
#include "hostd/task.h"
#include "hostd/vm_create.h"

#define FOLDER_NAME_MAX 64 /* bytes; room for "_99" */
#define FOLDER_TRIES    100
#define DISK_STORE_KEY  "dataSetsMgr.diskStoreFile"

/* A creation under way. Its task and its folder of the inventory are looked up again by id, since
 * a folder may have been destroyed meanwhile. */
struct creation {
    struct inventory *inv;
    char *task, *parent;
    char *name; /* as the client gave it */
    char *base; /* of the folder's name */
    char *vmx;  /* the file's name */
    struct buf text;
    bool fixed; /* the client chose the folder: no other name is tried */
    int attempt;
    char folder[FOLDER_NAME_MAX + 8];
    struct vm_origin *origin; /* NULL: it gets no files of another VM */
    vm_made_cb done;
    void *arg;
};

static void creation_free(struct creation *c)
{
    mem_free(c->task);
    mem_free(c->parent);
    mem_free(c->name);
    mem_free(c->base);
    mem_free(c->vmx);
    mem_free(c->origin);
    buf_free(&c->text);
    mem_free(c);
}

static struct task *task_of(const struct creation *c)
{
    return (struct task *)(void *)mo_find(c->inv->host->registry, c->task);
}

static void end(struct creation *c, struct vm *vm, const struct vim_object *fault, const char *text)
{
    c->done(c->inv->host, vm, fault, text, c->arg);
    creation_free(c);
}

/* ---- the new VM in the inventory ---- */

/* Adds the VM whose folder exists; succeeds the task. 0 or a negative errno code. */
static int enter(struct inventory *inv, struct task *t, struct folder *parent, const char *folder,
                 const char *file, struct vm **ret)
{
    char id[MO_ID_MAX];
    struct vm *vm = NULL;
    int r = vm_store_new_id(inv, id, sizeof(id));

    if (r == 0)
        r = vm_add(inv, id, folder, file, parent, &vm);
    if (r < 0)
        return r;
    r = vm_store_put(vm);
    if (r < 0) {
        vm_remove(vm);
        return r;
    }
    task_set_entity(t, &vm->e);
    *ret = vm;
    return 0;
}

static void on_discarded(struct host *host, int code, const char *text, void *arg)
{
    (void)host;
    (void)arg;
    if (code < 0)
        log_error("a folder of a virtual machine that was not created remains: %s",
                  text ? text : strerror(-code));
}

static void create_folder(struct creation *c);

static void on_folder(struct host *host, int code, const char *text, void *arg)
{
    struct creation *c = arg;
    struct task *t = task_of(c);
    struct folder *parent = folder_cast(mo_find(host->registry, c->parent));
    AUTO_FREE char *escaped = inventory_escape(c->name);
    struct spec_fault fault = {0};
    struct vm *vm = NULL;
    int r;

    if (code == -EEXIST && !c->fixed && ++c->attempt < FOLDER_TRIES) {
        create_folder(c);
        return;
    }
    if (code < 0) {
        struct vim_FileAlreadyExists *f =
            code == -EEXIST && t ? VIM_NEW(task_arena(t), FileAlreadyExists) : NULL;

        if (f)
            f->file = arena_printf(task_arena(t), "[%s] %s", DATASTORE_NAME, c->folder);
        end(c, NULL, f ? &f->base : NULL, text ? text : strerror(-code));
        return;
    }
    r = t && parent && escaped ? 0 : -ENOENT;
    if (r == 0 && folder_child(parent, escaped)) {
        spec_fail_duplicate(task_arena(t), arena_strdup(task_arena(t), c->name),
                            folder_child(parent, escaped), &fault);
        r = -EEXIST;
    }
    if (r == 0)
        r = enter(c->inv, t, parent, c->folder, c->vmx, &vm);
    if (r < 0 || !vm) {
        vmlink_delete_folder(host, c->folder, on_discarded, NULL);
        end(c, NULL, fault.fault, fault.text ? fault.text : strerror(-r));
        return;
    }
    end(c, vm, NULL, NULL);
}

/* The disk, and the data sets that go along with clones. */
static int clone_folder(struct creation *c)
{
    const struct vm_origin *o = c->origin;
    char from[2][SUPERVISE_NAME_MAX + 1], to[2][SUPERVISE_NAME_MAX + 1];
    char snapshot[32] = "";
    size_t name = strlen(c->vmx) - strlen(".vmx");
    struct supervise_clone clone = {.from_folder = o->folder,
                                    .folder = c->folder,
                                    .config = c->vmx,
                                    .text = c->text.data,
                                    .len = c->text.len};
    static const char *const suffixes[] = {"root", "dsd"};

    if (o->snapshot)
        snprintf(snapshot, sizeof(snapshot), "-Snapshot%u", o->snapshot);
    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        int n = snprintf(from[i], sizeof(from[i]), "%s%s.%s", o->name, snapshot, suffixes[i]);

        if (n < 0 || (size_t)n >= sizeof(from[i]))
            return -ENAMETOOLONG;
        snprintf(to[i], sizeof(to[i]), "%.*s.%s", (int)name, c->vmx, suffixes[i]);
        clone.files[i].from = from[i];
        clone.files[i].to = to[i];
    }
    if (!o->snapshot && o->disk_store[0])
        clone.files[1].from = o->disk_store;
    clone.file_count = ARRAY_SIZE(suffixes);
    return vmlink_clone_folder(c->inv->host, &clone, on_folder, c);
}

static void create_folder(struct creation *c)
{
    int r;

    if (c->attempt == 0)
        snprintf(c->folder, sizeof(c->folder), "%.*s", FOLDER_NAME_MAX, c->base);
    else
        snprintf(c->folder, sizeof(c->folder), "%.*s_%d", FOLDER_NAME_MAX, c->base, c->attempt);
    r = c->origin ? clone_folder(c)
                  : vmlink_create_folder(c->inv->host, c->folder, c->vmx, c->text.data, c->text.len,
                                         on_folder, c);
    if (r < 0)
        end(c, NULL, NULL, strerror(-r));
}

/* ---- where and what ---- */

/* A name that may be a folder: no slash, no control characters, no leading dot, not cut within a
 * character. */
static char *folder_name(const char *name)
{
    char *s = mem_strndup(name, FOLDER_NAME_MAX);
    size_t n = s ? strlen(s) : 0;

    if (!s)
        return NULL;
    while (n && strlen(name) > n && ((unsigned char)name[n] & 0xc0) == 0x80)
        s[--n] = '\0';
    for (char *p = s; *p; p++) {
        if (*p == '/' || *p == '\\' || (unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '_';
    }
    if (s[0] == '.')
        s[0] = '_';
    return s;
}

/* Takes "[datastore1]", "[datastore1] dir", "[datastore1] dir/" or "[datastore1] dir/x.vmx" apart.
 * Parts that are not there stay NULL. -EINVAL: not a path here. */
static int parse_path(const char *path, char **ret_dir, char **ret_file)
{
    static const char prefix[] = "[" DATASTORE_NAME "]";
    const char *slash;
    size_t n;

    *ret_dir = *ret_file = NULL;
    if (strncmp(path, prefix, sizeof(prefix) - 1))
        return -ENODEV;
    path += sizeof(prefix) - 1;
    path += strspn(path, " ");
    if (!*path)
        return 0;
    slash = strchr(path, '/');
    n = slash ? (size_t)(slash - path) : strlen(path);
    if (n == 0 || n > FOLDER_NAME_MAX || path[0] == '.' || (slash && strchr(slash + 1, '/')))
        return -EINVAL;
    *ret_dir = mem_strndup(path, n);
    if (slash && slash[1])
        *ret_file = mem_strdup(slash + 1);
    if (!*ret_dir || (slash && slash[1] && !*ret_file))
        return -ENOMEM;
    n = *ret_file ? strlen(*ret_file) : 0;
    if (*ret_file && (n < 5 || n > FOLDER_NAME_MAX || strcmp(*ret_file + n - 4, ".vmx") ||
                      (*ret_file)[0] == '.'))
        return -EINVAL;
    return 0;
}

static int write_text(json_t *set, struct buf *out)
{
    struct vmxfile *f = NULL;
    const char *key;
    json_t *value;
    int r = vmxfile_new(&f);

    json_object_foreach(set, key, value)
    {
        if (r == 0 && json_is_string(value))
            r = vmxfile_set(f, key, json_string_value(value));
    }
    if (r == 0)
        r = vmxfile_write(f, out);
    vmxfile_free(f);
    return r;
}

static int place(struct creation *c, const struct vm_making *m, struct spec_fault *fault)
{
    struct arena *a = task_arena(m->task);
    int r = m->path ? parse_path(m->path, &c->base, &c->vmx) : 0;

    if (r == -ENODEV) {
        struct vim_InvalidDatastorePath *f = VIM_NEW(a, InvalidDatastorePath);

        if (f)
            f->datastorePath = arena_strdup(a, m->path);
        fault->fault = f ? &f->base : NULL;
        fault->text = "There is no such datastore.";
        return -EINVAL;
    }
    if (r < 0) {
        struct vim_InvalidArgument *f = VIM_NEW(a, InvalidArgument);

        if (f)
            f->invalidProperty = "config.files.vmPathName";
        fault->fault = f ? &f->base : NULL;
        fault->text = "A specified parameter was not correct: config.files.vmPathName";
        return r;
    }
    c->fixed = c->base != NULL;
    if (!c->base)
        c->base = folder_name(m->name);
    if (c->base && !c->vmx)
        c->vmx = mem_printf("%s.vmx", c->base);
    return c->base && c->vmx ? 0 : -ENOMEM;
}

int vm_check_name(struct task *t, struct folder *parent, const char *name, struct spec_fault *fault)
{
    AUTO_FREE char *escaped = NULL;

    if (!inventory_name_valid(name)) {
        spec_fail_name(task_arena(t), arena_strdup(task_arena(t), name ? name : ""), fault);
        return -EINVAL;
    }
    escaped = inventory_escape(name);
    if (escaped && folder_child(parent, escaped)) {
        spec_fail_duplicate(task_arena(t), arena_strdup(task_arena(t), name),
                            folder_child(parent, escaped), fault);
        return -EINVAL;
    }
    return escaped ? 0 : -ENOMEM;
}

static int prepare(struct creation *c, const struct vm_making *m, struct spec_fault *fault)
{
    int r = vm_check_name(m->task, m->parent, m->name, fault);

    if (r < 0)
        return r;
    c->task = mem_strdup(task_mo(m->task)->id);
    c->parent = mem_strdup(m->parent->e.mo.id);
    c->name = mem_strdup(m->name);
    c->origin = m->origin ? mem_memdup(m->origin, sizeof(*m->origin)) : NULL;
    if (!c->task || !c->parent || !c->name || (m->origin && !c->origin))
        return -ENOMEM;
    r = place(c, m, fault);
    if (r == 0 && c->origin && c->origin->disk_store[0])
        r = json_object_set_new(m->keys, DISK_STORE_KEY,
                                json_sprintf("%.*s.dsd", (int)strlen(c->vmx) - 4, c->vmx)) < 0
                ? -ENOMEM
                : 0;
    return r < 0 ? r : write_text(m->keys, &c->text);
}

int vm_make(struct inventory *inv, const struct vm_making *m, struct spec_fault *fault)
{
    struct creation *c = mem_calloc(1, sizeof(*c));
    int r;

    if (!c)
        return -ENOMEM;
    c->inv = inv;
    c->text = BUF_INIT(VMXFILE_SIZE_MAX);
    c->done = m->done;
    c->arg = m->arg;
    r = prepare(c, m, fault);
    if (r < 0)
        creation_free(c);
    else
        create_folder(c);
    return r;
}

bool vm_check_host_and_pool(struct call *call, struct vim_ref pool, struct vim_ref host)
{
    if (pool.value && (!call_check_object(call, pool, vim_mo_type_find("ResourcePool"), "pool") ||
                       !call_check_privilege(call, pool, "Resource.AssignVMToPool")))
        return false;
    return !host.value || call_check_object(call, host, vim_mo_type_find("HostSystem"), "host");
}

struct folder *vm_folder_for(struct call *call, struct vim_ref ref)
{
    struct inventory *inv = inventory_of(call->host);
    struct folder *f = folder_cast(mo_find(call->host->registry, ref.value));

    if (f && f->child_types == inv->vm_folder.child_types)
        return f;
    call_fault_not_supported(call);
    return NULL;
}

/* ---- CreateVM_Task ---- */

/* The task of a creation, which `arg` names; NULL when nobody knows it any more. Frees `arg`. */
static struct task *take_task(const struct host *host, char *arg)
{
    struct task *t = (struct task *)(void *)mo_find(host->registry, arg);

    mem_free(arg);
    return t;
}

static void on_created(struct host *host, struct vm *vm, const struct vim_object *fault,
                       const char *text, void *arg)
{
    struct task *t = take_task(host, arg);

    if (!t)
        return;
    if (!vm) {
        task_fail(t, fault, "%s", text);
        return;
    }
    EVENT_VM(vm->e.inv->events, &vm->e, VmCreatedEvent, task_user(t), "Created virtual machine %s",
             vm->e.name);
    task_succeed(t, vim_any_ref(task_arena(t), mo_ref(&vm->e.mo)));
}

static int make_from_spec(struct inventory *inv, const struct vim_VirtualMachineConfigSpec *spec,
                          struct folder *parent, struct task *t, struct spec_fault *fault)
{
    struct vm_making m = {.task = t,
                          .parent = parent,
                          .name = spec->name,
                          .path = spec->files ? spec->files->vmPathName : NULL,
                          .keys = json_object(),
                          .done = on_created};
    int r;

    m.arg = mem_strdup(task_mo(t)->id);
    r = m.keys && m.arg ? 0 : -ENOMEM;
    if (r == 0)
        r = vm_spec_keys(task_arena(t), spec, NULL, m.keys, fault);
    if (r == 0)
        r = vm_spec_defaults(m.keys);
    if (r == 0)
        r = vm_make(inv, &m, fault);
    if (r < 0)
        mem_free(m.arg);
    json_decref(m.keys);
    return r;
}

static void create_vm(struct call *call)
{
    const struct vim_CreateVM_Task_request *req = call->req;
    struct folder *parent = vm_folder_for(call, call->self);
    struct spec_fault fault = {0};
    struct task *t;
    int r;

    if (!parent || !vm_check_host_and_pool(call, req->pool, req->host))
        return;
    t = task_begin(call, &parent->e, "CreateVM_Task", "Folder.createVm");
    if (!t)
        return;
    task_start(t);
    r = make_from_spec(inventory_of(call->host), req->config, parent, t, &fault);
    task_return(call, t);
    if (r < 0)
        task_fail(t, fault.fault, "%s", fault.text ? fault.text : strerror(-r));
}

/* ---- RegisterVM_Task ---- */

static bool file_exists(const struct inventory *inv, const char *dir, const char *file)
{
    int fd = fs_open_beneath(inv->vms_dir, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    struct stat st;
    bool found;

    if (fd < 0)
        return false;
    found = fstatat(fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
    close(fd);
    return found;
}

static struct vm *registered(const struct inventory *inv, const char *dir)
{
    struct vm *vm = inv->vms;

    while (vm && strcmp(vm->folder, dir))
        vm = vm->next;
    return vm;
}

static void on_named(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct vm *vm = arg;

    (void)link;
    if (reply->code < 0) {
        vm_op_fail(vm, reply, 0);
        return;
    }
    task_succeed(vm->task, vim_any_ref(task_arena(vm->task), mo_ref(&vm->e.mo)));
    vm_op_end(vm);
}

/* The VM is in the inventory; another name is written into its file first. */
static void registered_as(struct vm *vm, struct task *t, const char *name)
{
    json_t *set = name ? json_pack("{s:s}", "displayName", name) : NULL;
    int r = 0;

    EVENT_VM(vm->e.inv->events, &vm->e, VmRegisteredEvent, task_user(t), "Registered %s",
             vm->e.name);
    if (set) {
        vm->task = t;
        r = vm_write_keys(vm, set, task_user(t), on_named, vm);
        json_decref(set);
        if (r == 0)
            return;
        vm->task = NULL;
        task_fail(t, NULL, "naming the virtual machine: %s", strerror(-r));
        return;
    }
    task_succeed(t, vim_any_ref(task_arena(t), mo_ref(&vm->e.mo)));
}

static void register_vm(struct call *call)
{
    const struct vim_RegisterVM_Task_request *req = call->req;
    struct inventory *inv = inventory_of(call->host);
    struct folder *parent = vm_folder_for(call, call->self);
    AUTO_FREE char *dir = NULL, *file = NULL, *name = NULL;
    struct vm *vm = NULL;
    struct task *t;
    int r;

    if (!parent || !vm_check_host_and_pool(call, req->pool, req->host))
        return;
    if (req->asTemplate) {
        call_fault_not_supported(call);
        return;
    }
    if (req->name && req->name[0] && !inventory_name_valid(req->name)) {
        call_fault_invalid_argument(call, "name");
        return;
    }
    t = task_begin(call, &parent->e, "RegisterVM_Task", "Folder.registerVm");
    if (!t)
        return;
    task_start(t);
    name = req->name && req->name[0] ? mem_strdup(req->name) : NULL;
    r = parse_path(req->path ? req->path : "", &dir, &file);
    if (r < 0 || !dir || !file || !file_exists(inv, dir, file)) {
        task_fail(t, VIM_NEW(task_arena(t), NotFound),
                  "The object or item referred to could not be found.");
    } else if (registered(inv, dir)) {
        struct vim_AlreadyExists *f = VIM_NEW(task_arena(t), AlreadyExists);

        if (f)
            f->name = arena_strdup(task_arena(t), dir);
        task_fail(t, f, "The virtual machine is already registered.");
    } else {
        r = enter(inv, t, parent, dir, file, &vm);
        if (r < 0)
            task_fail(t, NULL, "registering: %s", strerror(-r));
    }
    task_return(call, t);
    if (vm)
        registered_as(vm, t, name);
}

const struct call_row vm_create_calls[] = {{&vim_method_CreateVM_Task, create_vm},
                                           {&vim_method_RegisterVM_Task, register_vm},
                                           {NULL, NULL}};
