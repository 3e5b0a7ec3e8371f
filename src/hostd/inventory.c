#include "hostd/inventory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/about.h"
#include "hostd/event.h"
#include "hostd/inventory_internal.h"
#include "hostd/managers.h"
#include "hostd/modules.h"
#include "hostd/task.h"
#include "hostd/vm.h"

/* ---- what the core asks ---- */

static const struct vim_mo_type *type_of(struct host *host, struct vim_ref ref)
{
    struct mo *mo = ref.value ? mo_find(host->registry, ref.value) : NULL;

    return mo ? mo->info->type : NULL;
}

static bool parent_of(struct host *host, struct vim_ref ref, struct vim_ref *ret)
{
    struct mo *mo = ref.value ? mo_find(host->registry, ref.value) : NULL;

    if (!mo || !mo->parent)
        return false;
    *ret = mo_ref(mo->parent);
    return true;
}

static const struct host_object_ops object_ops = {.type_of = type_of, .parent = parent_of};

static int registry_start(struct host *host, struct error *err)
{
    int r = mo_registry_new(&host->registry);

    if (r < 0)
        return error_errno(err, r, "managed objects");
    host->objects = &object_ops;
    return 0;
}

static void registry_stop(struct host *host)
{
    host->objects = NULL;
    mo_registry_free(host->registry);
    host->registry = NULL;
}

const struct host_module mo_module = {
    .name = "managed objects", .start = registry_start, .stop = registry_stop};

/* ---- the tree ---- */

static const char *const root_types[] = {"Folder", "Datacenter", NULL};
static const char *const vm_types[] = {"Folder", "VirtualMachine", "VirtualApp", NULL};
static const char *const host_types[] = {"Folder", "ComputeResource", NULL};
static const char *const datastore_types[] = {"Folder", "Datastore", "StoragePod", NULL};
static const char *const network_types[] = {"Folder", "Network", "DistributedVirtualSwitch", NULL};

/* What stands where: an entity, its ids by persona, its name (NULL: see below), its parent. */
struct place {
    size_t entity, parent; /* offsets in struct inventory; parent of the root: itself */
    const struct mo_class *class;
    const char *ids[2], *names[2];
    const char *const *child_types; /* a folder */
    bool in_folder;                 /* the parent lists it as childEntity */
};

#define AT(member) offsetof(struct inventory, member)
#define BOTH(name) \
    {              \
        name, name \
    }

static const struct place places[] = {
    {AT(root),
     AT(root),
     &folder_class,
     {"ha-folder-root", "group-d1"},
     {"ha-folder-root", "Datacenters"},
     root_types,
     false},
    {AT(datacenter),
     AT(root),
     &datacenter_class,
     {"ha-datacenter", "datacenter-2"},
     {"ha-datacenter", "DC0"},
     NULL,
     true},
    {AT(vm_folder),
     AT(datacenter),
     &folder_class,
     {"ha-folder-vm", "group-v3"},
     BOTH("vm"),
     vm_types,
     false},
    {AT(host_folder),
     AT(datacenter),
     &folder_class,
     {"ha-folder-host", "group-h4"},
     BOTH("host"),
     host_types,
     false},
    {AT(datastore_folder),
     AT(datacenter),
     &folder_class,
     {"ha-folder-datastore", "group-s5"},
     BOTH("datastore"),
     datastore_types,
     false},
    {AT(network_folder),
     AT(datacenter),
     &folder_class,
     {"ha-folder-network", "group-n6"},
     BOTH("network"),
     network_types,
     false},
    {AT(compute),
     AT(host_folder),
     &compute_class,
     {"ha-compute-res", "domain-s7"},
     {NULL, NULL},
     NULL,
     true},
    {AT(pool),
     AT(compute),
     &pool_class,
     {"ha-root-pool", "resgroup-8"},
     BOTH("Resources"),
     NULL,
     false},
    {AT(host_system),
     AT(compute),
     &host_system_class,
     {"ha-host", "host-9"},
     {NULL, NULL},
     NULL,
     false},
    {AT(datastore),
     AT(datastore_folder),
     &datastore_class,
     {"ha-datastore", "datastore-10"},
     BOTH(DATASTORE_NAME),
     NULL,
     true},
    {AT(network),
     AT(network_folder),
     &network_class,
     {"HaNetwork-VM Network", "network-11"},
     BOTH("VM Network"),
     NULL,
     true},
};

static struct entity *entity_at(struct inventory *inv, size_t offset)
{
    return (struct entity *)(void *)((char *)inv + offset);
}

static int plant(struct inventory *inv, const struct place *p)
{
    struct entity *e = entity_at(inv, p->entity), *parent = entity_at(inv, p->parent);
    const char *name = p->names[inv->vcenter];
    AUTO_FREE char *escaped = inventory_escape(name ? name : inv->host->options.name);
    int r = escaped ? entity_add(inv, e, p->class, p->ids[inv->vcenter], escaped,
                                 parent == e ? NULL : &parent->mo)
                    : -ENOMEM;

    if (r < 0)
        return r;
    if (p->child_types)
        ((struct folder *)(void *)e)->child_types = p->child_types;
    return p->in_folder ? folder_insert((struct folder *)(void *)parent, &e->mo) : 0;
}

/* ---- the module ---- */

static void stop(struct host *host)
{
    struct inventory *inv = inventory_of(host);

    if (!inv)
        return;
    while (inv->vms)
        vm_remove(inv->vms);
    folders_stop(inv);
    task_manager_stop(inv);
    event_log_stop(inv);
    managers_stop(inv);
    mo_remove(&inv->datastore_browser);
    mo_remove(&inv->environment_browser);
    for (size_t i = ARRAY_SIZE(places); i-- > 0;) {
        struct entity *e = entity_at(inv, places[i].entity);

        if (places[i].child_types)
            mem_free(((struct folder *)(void *)e)->children);
        entity_remove(e);
    }
    if (inv->vms_dir >= 0)
        close(inv->vms_dir);
    mem_free(inv);
    host->inventory = NULL;
}

static int open_vms(struct inventory *inv, struct error *err)
{
    AUTO_FREE char *path = mem_printf("%s/vms", inv->host->options.state_dir);
    int r = path ? 0 : -ENOMEM;

    if (r == 0 && access(path, F_OK) < 0)
        r = fs_mkdirs(path, 0755, err);
    if (r < 0)
        return r;
    inv->vms_dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return inv->vms_dir < 0 ? error_errno(err, -errno, "opening %s", path) : 0;
}

static int start_parts(struct inventory *inv, struct error *err)
{
    bool vc = inv->vcenter;
    int r = open_vms(inv, err);

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(places); i++)
        r = plant(inv, &places[i]);
    if (r == 0)
        r = mo_add(inv->host->registry, &inv->datastore_browser, &datastore_browser_class,
                   vc ? "datastoreBrowser-10" : "ha-datastorebrowser");
    if (r == 0)
        r = mo_add(inv->host->registry, &inv->environment_browser, &environment_browser_class,
                   vc ? "envbrowser-7" : "ha-env-browser");
    if (r < 0)
        return err->code ? r : error_errno(err, r, "planting the inventory");
    r = managers_start(inv, err);
    if (r == 0)
        r = event_log_start(inv, err);
    if (r == 0)
        r = task_manager_start(inv, err);
    if (r == 0)
        r = folders_start(inv, err);
    if (r == 0)
        r = vm_store_start(inv, err);
    return r;
}

static int start(struct host *host, struct error *err)
{
    struct inventory *inv = mem_calloc(1, sizeof(*inv));
    struct error own = {0};
    int r;

    if (!inv)
        return error_set(err, -ENOMEM, "inventory: out of memory");
    inv->host = host;
    inv->vcenter = host->options.persona == HOST_PERSONA_VIRTUAL_CENTER;
    inv->vms_dir = -1;
    host->inventory = inv;
    host_facts_read(&inv->facts);
    r = start_parts(inv, &own);
    if (r < 0) {
        stop(host);
        return error_set(err, r, "%s", error_text(&own));
    }
    log_info("inventory: %zu virtual machines", inv->vm_count);
    return 0;
}

const struct host_module inventory_module = {
    .name = "inventory", .start = start, .stop = stop, .calls = manager_calls};

/* Parts that have methods and live within the inventory. */
const struct host_module search_module = {.name = "search index", .calls = search_calls};
const struct host_module view_module = {.name = "views", .calls = view_calls};
const struct host_module task_module = {.name = "tasks", .calls = task_calls};
const struct host_module event_module = {.name = "events", .calls = event_calls};
const struct host_module folder_module = {.name = "folders", .calls = folder_calls};
const struct host_module datastore_module = {.name = "datastores", .calls = datastore_calls};
const struct host_module vm_power_module = {.name = "power", .calls = vm_power_calls};
const struct host_module vm_change_module = {.name = "reconfiguration", .calls = vm_change_calls};
const struct host_module vm_clone_module = {.name = "clones", .calls = vm_clone_calls};
const struct host_module vm_upgrade_module = {.name = "upgrades", .calls = vm_upgrade_calls};
const struct host_module vm_console_module = {.name = "consoles", .calls = vm_console_calls};
const struct host_module vm_snapshot_module = {.name = "snapshots", .calls = vm_snapshot_calls};
const struct host_module vm_create_module = {.name = "creation", .calls = vm_create_calls};
