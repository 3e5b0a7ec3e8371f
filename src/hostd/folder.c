/* Folders that clients make, and what is done with the entities in them. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "hostd/auth.h"
#include "hostd/db.h"
#include "hostd/inventory_internal.h"
#include "hostd/task.h"
#include "hostd/vm.h"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS inventory_folder (number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " parent TEXT NOT NULL, name TEXT NOT NULL)";

static int folder_number(const struct folder *f)
{
    return (int)strtol(f->e.mo.id + strlen("group-c"), NULL, 10);
}

static void folder_free(struct inventory *inv, struct folder *f)
{
    for (size_t i = 0; i < inv->folder_count; i++) {
        if (inv->folders[i] == f) {
            inv->folders[i] = inv->folders[--inv->folder_count];
            break;
        }
    }
    entity_remove(&f->e);
    mem_free(f->children);
    mem_free(f);
}

static int folder_make(struct inventory *inv, int64_t number, const char *name,
                       struct folder *parent, struct folder **ret)
{
    struct folder *f;
    char id[MO_ID_MAX];
    int r;

    if (inv->folder_count == FOLDERS_MAX)
        return -ENOSPC;
    f = mem_calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    f->child_types = parent->child_types;
    f->made_by_client = true;
    snprintf(id, sizeof(id), "group-c%lld", (long long)number);
    r = entity_add(inv, &f->e, &folder_class, id, name, &parent->e.mo);
    if (r < 0) {
        mem_free(f);
        return r;
    }
    inv->folders[inv->folder_count++] = f;
    r = folder_insert(parent, &f->e.mo);
    if (r < 0) {
        folder_free(inv, f);
        return r;
    }
    *ret = f;
    return 0;
}

static int load_row(sqlite3_stmt *row, void *arg)
{
    struct inventory *inv = arg;
    struct folder *parent = folder_cast(
                      mo_find(inv->host->registry, (const char *)sqlite3_column_text(row, 1))),
                  *f;
    int r =
        folder_make(inv, sqlite3_column_int64(row, 0), (const char *)sqlite3_column_text(row, 2),
                    parent ? parent : &inv->vm_folder, &f);

    if (r < 0)
        log_error("folder %lld is left out: %s", (long long)sqlite3_column_int64(row, 0),
                  strerror(-r));
    return 0;
}

int folders_start(struct inventory *inv, struct error *err)
{
    int r = db_run(inv->host->db, schema, "");

    /* A folder may have been moved into a younger one: first all, then where they belong. */
    if (r == 0)
        r = db_query(inv->host->db, load_row, inv,
                     "SELECT number, parent, name FROM inventory_folder ORDER BY number", "");
    return r < 0 ? error_set(err, r, "folders of the inventory") : 0;
}

void folders_stop(struct inventory *inv)
{
    while (inv->folder_count)
        folder_free(inv, inv->folders[inv->folder_count - 1]);
}

static void create_folder(struct call *call)
{
    const struct vim_CreateFolder_request *req = call->req;
    struct inventory *inv = inventory_of(call->host);
    struct folder *parent = folder_cast(mo_find(call->host->registry, call->self.value)), *f = NULL;
    AUTO_FREE char *name = NULL;
    struct mo *there;
    int r;

    if (!inv->vcenter || !parent || parent == &inv->root) {
        call_fault_not_supported(call);
        return;
    }
    if (!inventory_name_valid(req->name)) {
        struct vim_InvalidName *fault = VIM_NEW(call->arena, InvalidName);

        if (fault)
            fault->name = req->name ? req->name : "";
        call_fault(call, fault, "The name is not valid.");
        return;
    }
    name = inventory_escape(req->name);
    there = name ? folder_child(parent, name) : NULL;
    if (there) {
        call_fault_duplicate_name(call, req->name, mo_ref(there));
        return;
    }
    r = name ? db_run(inv->host->db, "INSERT INTO inventory_folder (parent, name) VALUES (?, ?)",
                      "ss", parent->e.mo.id, name)
             : -ENOMEM;
    if (r == 0)
        r = folder_make(inv, db_last_id(inv->host->db), name, parent, &f);
    if (r < 0)
        call_fault_errno(call, r, "making a folder");
    else
        call_return(call, &(struct vim_CreateFolder_result){.value = mo_ref(&f->e.mo)});
}

/* ---- moving ---- */

static int store_parent(struct inventory *inv, struct mo *mo, const struct folder *to)
{
    struct folder *f = folder_cast(mo);

    if (f)
        return db_run(inv->host->db, "UPDATE inventory_folder SET parent = ? WHERE number = ?",
                      "si", to->e.mo.id, (int64_t)folder_number(f));
    return db_run(inv->host->db, "UPDATE inventory_vm SET parent = ? WHERE folder = ?", "ss",
                  to->e.mo.id, vm_cast(mo)->folder);
}

static bool movable(const struct inventory *inv, struct mo *mo, const struct folder *to)
{
    struct folder *f = folder_cast(mo);

    if (f)
        return f->made_by_client && f->child_types == to->child_types &&
               !inventory_is_beneath(&to->e.mo, mo);
    return vm_cast(mo) && to->child_types == inv->vm_folder.child_types;
}

static void move_one(struct task *t, struct inventory *inv, struct mo *mo, struct folder *to,
                     bool *failed)
{
    struct folder *from = folder_cast(mo->parent);
    int r;

    if (from == to)
        return;
    if (!movable(inv, mo, to)) {
        struct vim_InvalidFolder *f = VIM_NEW(task_arena(t), InvalidFolder);

        if (f)
            f->target = mo_ref(&to->e.mo);
        task_fail(t, f, "The object cannot be moved into this folder.");
        *failed = true;
        return;
    }
    if (folder_child(to, inventory_name(mo))) {
        struct vim_DuplicateName *f = VIM_NEW(task_arena(t), DuplicateName);

        if (f) {
            f->name = inventory_name(mo);
            f->object = mo_ref(folder_child(to, inventory_name(mo)));
        }
        task_fail(t, f, "The name '%s' already exists.", inventory_name(mo));
        *failed = true;
        return;
    }
    r = store_parent(inv, mo, to);
    if (r == 0)
        r = folder_insert(to, mo);
    if (r == 0) {
        folder_remove(from, mo);
    } else {
        task_fail(t, NULL, "moving %s: %s", mo->id, strerror(-r));
        *failed = true;
    }
}

static void move_into_folder(struct call *call)
{
    const struct vim_MoveIntoFolder_Task_request *req = call->req;
    struct inventory *inv = inventory_of(call->host);
    struct folder *to = folder_cast(mo_find(call->host->registry, call->self.value));
    bool failed = false;
    struct task *t;

    if (!inv->vcenter || !to) {
        call_fault_not_supported(call);
        return;
    }
    for (size_t i = 0; i < req->list.count; i++) {
        struct vim_ref ref = req->list.items[i];
        struct mo *mo;

        if (!call_check_object(call, ref, vim_mo_type_find("ManagedEntity"), "list"))
            return;
        mo = mo_find(call->host->registry, ref.value);
        if (!call_check_privilege(call, ref,
                                  vm_cast(mo) ? "VirtualMachine.Inventory.Move" : "Folder.Move") ||
            !call_check_privilege(call, call->self,
                                  vm_cast(mo) ? "VirtualMachine.Inventory.Move" : "Folder.Move"))
            return;
    }
    t = task_begin(call, &to->e, "MoveIntoFolder_Task", "Folder.moveInto");
    if (!t)
        return;
    task_start(t);
    for (size_t i = 0; i < req->list.count && !failed; i++)
        move_one(t, inv, mo_find(call->host->registry, req->list.items[i].value), to, &failed);
    if (!failed)
        task_succeed(t, NULL);
    task_return(call, t);
}

/* ---- what vm_change.c does with folders ---- */

int folder_rename(struct folder *f, const char *name)
{
    int r = db_run(f->e.inv->host->db, "UPDATE inventory_folder SET name = ? WHERE number = ?",
                   "si", name, (int64_t)folder_number(f));

    return r < 0 ? r : entity_rename(&f->e, name);
}

int folder_delete(struct folder *f)
{
    struct inventory *inv = f->e.inv;
    int r;

    if (f->count)
        return -ENOTEMPTY;
    r = db_run(inv->host->db, "DELETE FROM inventory_folder WHERE number = ?", "i",
               (int64_t)folder_number(f));
    if (r < 0)
        return r;
    authz_forget(inv->host, mo_ref(&f->e.mo));
    folder_remove(folder_cast(f->e.mo.parent), &f->e.mo);
    folder_free(inv, f);
    return 0;
}

const struct call_row folder_calls[] = {{&vim_method_CreateFolder, create_folder},
                                        {&vim_method_MoveIntoFolder_Task, move_into_folder},
                                        {NULL, NULL}};
