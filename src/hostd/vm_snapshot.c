#include "hostd/vm_snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/inventory_internal.h"

struct vm_snapshots {
    struct vmsd list;
    struct vm_snapshot *objects;
};

static const struct mo_class snapshot_class;

/* ---- look-up ---- */

struct vm_snapshot *vm_snapshot_cast(struct mo *mo)
{
    return mo && mo->info->class == &snapshot_class ? (struct vm_snapshot *)(void *)mo : NULL;
}

struct vm_snapshot *vm_snapshot_find(const struct vm *vm, uint32_t uid)
{
    struct vm_snapshot *s = vm->snapshots ? vm->snapshots->objects : NULL;

    while (s && s->uid != uid)
        s = s->next;
    return s;
}

const struct vmsd *vm_snapshot_list(const struct vm *vm)
{
    static const struct vmsd none;

    return vm->snapshots ? &vm->snapshots->list : &none;
}

uint32_t vm_snapshot_current(const struct vm *vm)
{
    return vm_snapshot_list(vm)->current;
}

char *vm_files_name(const struct vm *vm)
{
    size_t n = strlen(vm->file);

    return mem_strndup(vm->file, n > 4 ? n - 4 : n);
}

/* ---- objects ---- */

static void snapshot_free(struct vm_snapshot *s)
{
    mo_remove(&s->mo);
    vmxfile_free(s->config);
    mem_free(s);
}

static int snapshot_add(struct vm *vm, uint32_t uid)
{
    AUTO_FREE char *id = mem_printf("%s-snapshot-%u", vm->e.mo.id, uid);
    struct vm_snapshot *s = mem_calloc(1, sizeof(*s));
    int r = s && id ? mo_add(vm->e.inv->host->registry, &s->mo, &snapshot_class, id) : -ENOMEM;

    if (r < 0) {
        mem_free(s);
        return r;
    }
    s->vm = vm;
    s->uid = uid;
    mo_set_parent(&s->mo, &vm->e.mo); /* permissions are the VM's */
    s->next = vm->snapshots->objects;
    vm->snapshots->objects = s;
    return 0;
}

/* Objects for all that is in the list, and none else. */
static void match_objects(struct vm *vm)
{
    const struct vmsd *list = &vm->snapshots->list;
    struct vm_snapshot **p = &vm->snapshots->objects;

    while (*p) {
        struct vm_snapshot *s = *p;

        if (vmsd_find(list, s->uid)) {
            mo_changed(&s->mo, "childSnapshot");
            p = &s->next;
            continue;
        }
        *p = s->next;
        snapshot_free(s);
    }
    for (unsigned i = 0; i < list->count; i++) {
        int r = vm_snapshot_find(vm, list->items[i].uid) ? 0 : snapshot_add(vm, list->items[i].uid);

        if (r < 0)
            log_error("vm %s: snapshot %u is not shown: %s", vm->e.mo.id, list->items[i].uid,
                      strerror(-r));
    }
}

/* A file of the VM's folder, NAME + `ending`, appended to `b`. */
static int read_file(const struct vm *vm, const char *ending, struct buf *b, struct error *err)
{
    AUTO_FREE char *base = vm_files_name(vm);
    AUTO_FREE char *name = base ? mem_printf("%s%s", base, ending) : NULL;
    AUTO_CLOSE int dir =
        fs_open_beneath(vm->e.inv->vms_dir, vm->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    struct stat st;

    if (dir < 0 || !name)
        return error_errno(err, name ? dir : -ENOMEM, "cannot open the folder of the VM");
    /* Nothing but a file: vmx, whose folder it is, may have been taken over by its guest. */
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_errno(err, -errno, "cannot open %s", name);
    if (!S_ISREG(st.st_mode))
        return error_set(err, -EINVAL, "%s is not a file", name);
    return fs_read_file(dir, name, b, err);
}

void vm_snapshots_load(struct vm *vm)
{
    AUTO_BUF struct buf b = BUF_INIT(VMSD_SIZE_MAX);
    struct error err = {0};
    struct vmsd list = {0};
    int r = read_file(vm, ".vmsd", &b, &err);

    if (r == 0)
        r = vmsd_parse(buf_text(&b), b.len, &list, &err);
    if (r < 0 && r != -ENOENT)
        log_warn("vm %s: snapshots: %s", vm->e.mo.id, error_text(&err));
    if (!list.count && !vm->snapshots)
        return;
    if (!vm->snapshots)
        vm->snapshots = mem_calloc(1, sizeof(*vm->snapshots));
    if (!vm->snapshots) {
        vmsd_clear(&list);
        return;
    }
    vmsd_clear(&vm->snapshots->list);
    vm->snapshots->list = list;
    match_objects(vm);
    mo_changed(&vm->e.mo, "snapshot");
    mo_changed(&vm->e.mo, "rootSnapshot");
    mo_changed(&vm->e.mo, "layout");
    mo_changed(&vm->e.mo, "layoutEx");
}

void vm_snapshots_free(struct vm *vm)
{
    if (!vm->snapshots)
        return;
    vmsd_clear(&vm->snapshots->list);
    match_objects(vm);
    mem_free(vm->snapshots);
    vm->snapshots = NULL;
}

const struct vmxfile *vm_snapshot_config(struct vm_snapshot *s)
{
    AUTO_BUF struct buf b = BUF_INIT(VMXFILE_SIZE_MAX);
    struct error err = {0};
    char ending[32];
    int r;

    if (s->config)
        return s->config;
    snprintf(ending, sizeof(ending), "-Snapshot%u.vmsn", s->uid);
    r = read_file(s->vm, ending, &b, &err);
    if (r == 0)
        r = vmxfile_parse(buf_text(&b), b.len, &s->config, &err);
    if (r < 0)
        log_warn("vm %s: snapshot %u: %s", s->vm->e.mo.id, s->uid, error_text(&err));
    return s->config;
}

/* ---- VirtualMachine ---- */

static int add_children(const struct vm *vm, uint32_t parent, struct arena *a,
                        struct vim_array_VirtualMachineSnapshotTree *ret);

static struct vim_VirtualMachineSnapshotTree *
tree_of(const struct vm *vm, const struct vmsd_snapshot *s, struct arena *a)
{
    struct vim_VirtualMachineSnapshotTree *t = VIM_NEW(a, VirtualMachineSnapshotTree);
    const struct vm_snapshot *object = vm_snapshot_find(vm, s->uid);

    if (!t || !object)
        return NULL;
    t->snapshot = mo_ref(&object->mo);
    t->vm = mo_ref(&vm->e.mo);
    t->name = s->name;
    t->description = s->description;
    t->id = (int32_t)s->uid;
    t->createTime = s->create_us;
    t->state = VIM_VirtualMachinePowerState_poweredOff; /* without memory */
    t->quiesced = s->quiesced;
    t->has_replaySupported = true;
    return add_children(vm, s->uid, a, &t->childSnapshotList) < 0 ? NULL : t;
}

/* The list has no circle (wire/vmsd.h), and is no deeper than VMSD_DEPTH_MAX. */
static int add_children(const struct vm *vm, uint32_t parent, struct arena *a,
                        struct vim_array_VirtualMachineSnapshotTree *ret)
{
    const struct vmsd *list = vm_snapshot_list(vm);
    size_t n = 0;

    for (unsigned i = 0; i < list->count; i++)
        n += list->items[i].parent == parent;
    if (!n)
        return 0;
    ret->items = ARENA_ARRAY(a, n, struct vim_VirtualMachineSnapshotTree *);
    for (unsigned i = 0; ret->items && i < list->count; i++) {
        if (list->items[i].parent != parent)
            continue;
        ret->items[ret->count] = tree_of(vm, &list->items[i], a);
        if (!ret->items[ret->count++])
            return -ENOMEM;
    }
    return ret->items ? 0 : -ENOMEM;
}

int vm_get_snapshot(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    const struct vm *vm = vm_cast(mo);
    struct vim_VirtualMachineSnapshotInfo *info;
    const struct vm_snapshot *current;

    if (!vm_snapshot_list(vm)->count)
        return 0;
    info = VIM_NEW(r->arena, VirtualMachineSnapshotInfo);
    if (!info || add_children(vm, 0, r->arena, &info->rootSnapshotList) < 0)
        return -ENOMEM;
    current = vm_snapshot_find(vm, vm_snapshot_current(vm));
    if (current)
        info->currentSnapshot = mo_ref(&current->mo);
    return mo_value(vim_any_object(r->arena, info), ret);
}

/* References to the children of a snapshot, or (0) to the roots; unset when there are none. */
static int get_children(const struct vm *vm, uint32_t parent, struct mo_reader *r,
                        struct vim_any **ret)
{
    const struct vmsd *list = vm_snapshot_list(vm);
    struct mo *children[VMSD_SNAPSHOTS_MAX];
    size_t n = 0;

    for (unsigned i = 0; i < list->count; i++) {
        struct vm_snapshot *s = vm_snapshot_find(vm, list->items[i].uid);

        if (s && list->items[i].parent == parent)
            children[n++] = &s->mo;
    }
    return n ? mo_value_refs(r->arena, children, n, ret) : 0;
}

int vm_get_root_snapshot(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return get_children(vm_cast(mo), 0, r, ret);
}

int vm_snapshot_layout(const struct vm *vm, struct arena *a, struct vim_VirtualMachineFileLayout *l)
{
    const struct vmsd *list = vm_snapshot_list(vm);
    AUTO_FREE char *base = vm_files_name(vm);

    if (!list->count)
        return 0;
    l->snapshot.items =
        ARENA_ARRAY(a, list->count, struct vim_VirtualMachineFileLayoutSnapshotLayout *);
    for (unsigned i = 0; base && l->snapshot.items && i < list->count; i++) {
        struct vim_VirtualMachineFileLayoutSnapshotLayout *s =
            VIM_NEW(a, VirtualMachineFileLayoutSnapshotLayout);
        const struct vm_snapshot *object = vm_snapshot_find(vm, list->items[i].uid);

        if (!s || !object || !(s->snapshotFile.items = ARENA_ARRAY(a, 1, const char *)))
            return -ENOMEM;
        s->key = mo_ref(&object->mo);
        s->snapshotFile.count = 1;
        s->snapshotFile.items[0] = arena_printf(a, "%s-Snapshot%u.vmsn", base, object->uid);
        l->snapshot.items[l->snapshot.count++] = s;
    }
    return base && l->snapshot.items ? 0 : -ENOMEM;
}

/* The key of a file in layoutEx, -1 when it is not there. */
static int32_t file_key(const struct vim_VirtualMachineFileLayoutEx *l, const char *ending)
{
    size_t n = strlen(ending);

    for (size_t i = 0; i < l->file.count; i++) {
        size_t m = strlen(l->file.items[i]->name);

        if (m > n && !strcmp(l->file.items[i]->name + m - n, ending))
            return l->file.items[i]->key;
    }
    return -1;
}

int vm_snapshot_layout_ex(const struct vm *vm, struct arena *a,
                          struct vim_VirtualMachineFileLayoutEx *l)
{
    const struct vmsd *list = vm_snapshot_list(vm);

    if (!list->count)
        return 0;
    l->snapshot.items =
        ARENA_ARRAY(a, list->count, struct vim_VirtualMachineFileLayoutExSnapshotLayout *);
    for (unsigned i = 0; l->snapshot.items && i < list->count; i++) {
        struct vim_VirtualMachineFileLayoutExSnapshotLayout *s =
            VIM_NEW(a, VirtualMachineFileLayoutExSnapshotLayout);
        const struct vm_snapshot *object = vm_snapshot_find(vm, list->items[i].uid);
        char ending[32];

        if (!s || !object)
            return -ENOMEM;
        snprintf(ending, sizeof(ending), "-Snapshot%u.vmsn", object->uid);
        s->key = mo_ref(&object->mo);
        s->dataKey = file_key(l, ending);
        s->memoryKey = -1;
        l->snapshot.items[l->snapshot.count++] = s;
    }
    return l->snapshot.items ? 0 : -ENOMEM;
}

/* ---- VirtualMachineSnapshot ---- */

static struct vm_snapshot *shown(struct mo *mo)
{
    return (struct vm_snapshot *)(void *)mo;
}

static int get_config(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct vm_snapshot *s = shown(mo);
    const struct vmsd_snapshot *entry = vmsd_find(vm_snapshot_list(s->vm), s->uid);
    struct vm then = *s->vm;

    then.config = (struct vmxfile *)(uintptr_t)vm_snapshot_config(s);
    then.guestinfo = NULL;
    then.modified = entry ? entry->create_us : 0;
    if (!then.config)
        return 0;
    return mo_value(vim_any_object(r->arena, vm_config_info(&then, r->arena)), ret);
}

static int get_child_snapshot(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return get_children(shown(mo)->vm, shown(mo)->uid, r, ret);
}

static int get_vm(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_ref(r->arena, mo_ref(&shown(mo)->vm->e.mo)), ret);
}

static const struct mo_property snapshot_properties[] = {
    {"config", get_config},
    {"childSnapshot", get_child_snapshot},
    {"vm", get_vm},
    {NULL, NULL},
};

static const struct mo_class snapshot_class = {.type = "VirtualMachineSnapshot",
                                               .properties = snapshot_properties};
