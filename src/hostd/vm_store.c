/* What the inventory remembers over a restart (hostd.db), and the scan of STATE/vms at start. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/db.h"
#include "hostd/inventory_internal.h"
#include "hostd/vm.h"

#define NUMBER_BLOCK 1000 /* numbers reserved at a time */

/* A VM is known by its folder. `registered` 0: a client took it out of the inventory. */
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS inventory_vm (folder TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
    " file TEXT NOT NULL, parent TEXT NOT NULL, registered INTEGER NOT NULL)";
static const char schema_number[] =
    "CREATE TABLE IF NOT EXISTS inventory_number (name TEXT PRIMARY KEY, next INTEGER NOT NULL)";

/* ---- numbers ---- */

static int take_number(sqlite3_stmt *row, void *arg)
{
    *(int64_t *)arg = sqlite3_column_int64(row, 0);
    return 0;
}

/* The next number of the name; `block` of them are reserved with one write. */
static int64_t reserve(struct inventory *inv, const char *name, int64_t block)
{
    int64_t next = 1;
    int r = db_query(inv->host->db, take_number, &next,
                     "SELECT next FROM inventory_number WHERE name = ?", "s", name);

    if (r == 0)
        r = db_run(inv->host->db,
                   "INSERT INTO inventory_number (name, next) VALUES (?, ?)"
                   " ON CONFLICT (name) DO UPDATE SET next = excluded.next",
                   "si", name, next + block);
    return r < 0 ? r : next;
}

int64_t inventory_next_number(struct inventory *inv)
{
    if (inv->number_next == inv->number_end) {
        int64_t next = reserve(inv, "task", NUMBER_BLOCK);

        if (next < 0)
            return next;
        inv->number_next = next;
        inv->number_end = next + NUMBER_BLOCK;
    }
    return inv->number_next++;
}

int vm_store_new_id(struct inventory *inv, char *ret, size_t size)
{
    int64_t n;

    do {
        n = reserve(inv, "vm", 1);
        if (n < 0)
            return (int)n;
        /* A vCenter's fixed objects have numbers too. */
        snprintf(ret, size, inv->vcenter ? "vm-%lld" : "%lld",
                 (long long)(inv->vcenter ? n + 11 : n));
    } while (mo_find(inv->host->registry, ret));
    return 0;
}

/* ---- rows ---- */

int vm_store_put(struct vm *vm)
{
    return db_run(vm->e.inv->host->db,
                  "INSERT INTO inventory_vm (folder, id, file, parent, registered)"
                  " VALUES (?, ?, ?, ?, 1) ON CONFLICT (folder) DO UPDATE SET id = excluded.id,"
                  " file = excluded.file, parent = excluded.parent, registered = 1",
                  "ssss", vm->folder, vm->e.mo.id, vm->file,
                  vm->e.mo.parent ? vm->e.mo.parent->id : "");
}

int vm_store_unregister(struct vm *vm)
{
    gueststore_forget(vm->e.inv->host, vm->folder); /* registered again, its file counts */
    return db_run(vm->e.inv->host->db, "UPDATE inventory_vm SET registered = 0 WHERE folder = ?",
                  "s", vm->folder);
}

int vm_store_forget(struct inventory *inv, const char *folder)
{
    gueststore_forget(inv->host, folder);
    return db_run(inv->host->db, "DELETE FROM inventory_vm WHERE folder = ?", "s", folder);
}

/* ---- the .vmx file ---- */

void vm_load_config(struct vm *vm)
{
    AUTO_BUF struct buf b = BUF_INIT(VMXFILE_SIZE_MAX);
    struct error err = {0};
    struct vmxfile *f = NULL;
    struct stat st;
    int dir = fs_open_beneath(vm->e.inv->vms_dir, vm->folder, O_RDONLY | O_DIRECTORY, 0);
    int r = dir < 0 ? error_errno(&err, dir, "opening the folder") : 0;

    if (r == 0)
        r = fs_read_file(dir, vm->file, &b, &err);
    if (r == 0)
        r = vmxfile_parse(b.data, b.len, &f, &err);
    if (r == 0 && fstatat(dir, vm->file, &st, AT_SYMLINK_NOFOLLOW) == 0)
        vm->modified = (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000;
    if (dir >= 0)
        close(dir);
    vmxfile_free(vm->config);
    vm->config = f;
    mem_free(vm->problem);
    vm->problem = r < 0 ? mem_printf("%s", error_text(&err)) : NULL;
    if (r < 0)
        log_warn("vm %s (%s/%s) is inaccessible: %s", vm->e.mo.id ? vm->e.mo.id : "", vm->folder,
                 vm->file, error_text(&err));
}

/* The name of the first .vmx file in a folder; empty when there is none. */
static void find_vmx(int vms_dir, const char *folder, char *ret, size_t size)
{
    int fd = fs_open_beneath(vms_dir, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;

    ret[0] = '\0';
    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((e = readdir(d))) {
        size_t n = strlen(e->d_name);

        if (e->d_name[0] != '.' && n > 4 && n < size && !strcmp(e->d_name + n - 4, ".vmx") &&
            (!ret[0] || strcmp(e->d_name, ret) < 0))
            memcpy(ret, e->d_name, n + 1);
    }
    closedir(d);
}

/* ---- the scan ---- */

struct known {
    bool found, registered;
    char id[MO_ID_MAX], file[256], parent[MO_ID_MAX];
};

static int take_known(sqlite3_stmt *row, void *arg)
{
    struct known *k = arg;

    k->found = true;
    snprintf(k->id, sizeof(k->id), "%s", (const char *)sqlite3_column_text(row, 0));
    snprintf(k->file, sizeof(k->file), "%s", (const char *)sqlite3_column_text(row, 1));
    snprintf(k->parent, sizeof(k->parent), "%s", (const char *)sqlite3_column_text(row, 2));
    k->registered = sqlite3_column_int(row, 3);
    return 0;
}

static void scan_folder(struct inventory *inv, const char *folder)
{
    struct known k = {0};
    struct folder *parent;
    struct vm *vm;
    int r = db_query(inv->host->db, take_known, &k,
                     "SELECT id, file, parent, registered FROM inventory_vm WHERE folder = ?", "s",
                     folder);

    if (r < 0 || (k.found && !k.registered))
        return;
    if (!k.found) {
        find_vmx(inv->vms_dir, folder, k.file, sizeof(k.file));
        if (!k.file[0])
            return; /* not a VM's folder */
        r = vm_store_new_id(inv, k.id, sizeof(k.id));
    }
    parent = folder_cast(mo_find(inv->host->registry, k.parent[0] ? k.parent : "-"));
    if (!parent)
        parent = &inv->vm_folder;
    if (r == 0)
        r = vm_add(inv, k.id, folder, k.file, parent, &vm);
    if (r == 0 && k.found)
        vmlink_restore_last(vm->link);
    if (r == 0 && !k.found)
        r = vm_store_put(vm);
    if (r < 0)
        log_error("virtual machine in %s is left out: %s", folder, strerror(-r));
}

int vm_store_start(struct inventory *inv, struct error *err)
{
    struct dirent *e;
    DIR *d;
    int fd, r = db_run(inv->host->db, schema, "");

    if (r == 0)
        r = db_run(inv->host->db, schema_number, "");
    if (r < 0)
        return error_set(err, r, "inventory tables of hostd.db");
    fd = fs_open_beneath(inv->vms_dir, ".", O_RDONLY | O_DIRECTORY, 0);
    d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return error_errno(err, fd < 0 ? fd : -errno, "listing the folder of virtual machines");
    }
    while ((e = readdir(d))) {
        if (e->d_name[0] != '.')
            scan_folder(inv, e->d_name);
    }
    closedir(d);
    return 0;
}
