/*
 * The inventory: one datacenter with a compute resource, a host (this machine), a resource pool,
 * a datastore (STATE/vms), a network, and the folders that hold them and the virtual machines.
 *
 * The persona (host.h options) chooses ids and names: those of an ESXi host or of a vCenter.
 * Ids of virtual machines and folders are kept in hostd.db, are never used twice and survive a
 * restart. Everything here belongs to the inventory and lives as long as the process, except
 * virtual machines and the folders that clients make.
 */
#ifndef HOSTD_INVENTORY_H
#define HOSTD_INVENTORY_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/vim_types.h"
#include "hostd/host_facts.h"
#include "hostd/hostd.h"
#include "hostd/mo.h"

#define INVENTORY_NAME_MAX 80   /* bytes of an entity's name */
#define INVENTORY_VMS_MAX  4096 /* virtual machines of a host */
#define FOLDERS_MAX        1024 /* that clients made */
#define DATASTORE_NAME     "datastore1"

struct inventory;
struct task_manager;
struct event_log;
struct managers;
struct vm;

/* What every ManagedEntity begins with. */
struct entity {
    struct mo mo;
    struct inventory *inv;
    char *name; /* as clients see it: '/', '\' and '%' escaped */
};

struct folder {
    struct entity e;
    const char *const *child_types; /* NULL-terminated */
    struct mo **children;
    size_t count, room;
    bool made_by_client;
};

struct inventory {
    struct host *host;
    bool vcenter;
    struct folder root, vm_folder, host_folder, datastore_folder, network_folder;
    struct entity datacenter, compute, host_system, pool, datastore, network;
    struct mo datastore_browser, environment_browser;
    struct folder *folders[FOLDERS_MAX]; /* made by clients */
    size_t folder_count;
    struct vm *vms; /* newest first */
    size_t vm_count;
    struct host_facts facts;
    struct task_manager *tasks;
    struct event_log *events;
    struct managers *managers;
    int vms_dir;                     /* STATE/vms */
    int64_t number_next, number_end; /* reserved and not yet given */
};

static inline struct inventory *inventory_of(const struct host *host)
{
    return host->inventory;
}

/* For getters: stores a value that was just made. */
static inline int mo_value(struct vim_any *value, struct vim_any **ret)
{
    *ret = value;
    return value ? 0 : -ENOMEM;
}
/* References to `count` objects, boxed. */
int mo_value_refs(struct arena *a, struct mo *const *items, size_t count, struct vim_any **ret);

extern const struct mo_class entity_class; /* ManagedEntity: base of the others */
extern const struct mo_class folder_class;

/* Sets up and adds an entity. The name is copied. */
int entity_add(struct inventory *inv, struct entity *e, const struct mo_class *class,
               const char *id, const char *name, struct mo *parent);
void entity_remove(struct entity *e);
int entity_rename(struct entity *e, const char *name);

int folder_insert(struct folder *f, struct mo *child);
void folder_remove(struct folder *f, const struct mo *child);
struct folder *folder_cast(struct mo *mo); /* NULL when it is none */
/* The child of that name. */
struct mo *folder_child(const struct folder *f, const char *name);

/* Escapes what may not stand in a name; NULL when out of memory. mem_free it. */
char *inventory_escape(const char *name);
/* A name that a client may give: 1 to INVENTORY_NAME_MAX bytes, no control characters. */
bool inventory_name_valid(const char *name);

/* The name of a ManagedEntity, NULL for other objects. */
const char *inventory_name(const struct mo *mo);
/* The children of an entity in the tree, for views and FindChild: ContainerView's idea of them. */
int inventory_children(struct mo *mo, struct arena *a, struct mo ***ret, size_t *ret_count);
bool inventory_is_beneath(const struct mo *mo, const struct mo *ancestor);

/* A new number, never given before, for an id. Negative errno code on failure. */
int64_t inventory_next_number(struct inventory *inv);

static inline struct mo_registry *inventory_registry(const struct host *host)
{
    return host->registry;
}

/* mo_module before every other part, property_module and inventory_module next. */
extern const struct host_module mo_module, inventory_module, search_module, view_module,
    task_module, event_module, folder_module, vm_power_module, vm_change_module, vm_create_module,
    vm_snapshot_module, vm_clone_module, vm_upgrade_module, vm_console_module, datastore_module;

#endif
