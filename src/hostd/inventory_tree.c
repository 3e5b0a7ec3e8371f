/* Entities and folders, and the objects of the tree that have little of their own. */
#include <string.h>

#include "base/mem.h"
#include "hostd/auth.h"
#include "hostd/auth_methods.h"
#include "hostd/inventory_internal.h"
#include "hostd/task.h"
#include "hostd/vm.h"

#define EFFECTIVE_ROLES_MAX 64 /* groups of a user with a permission on one object */

int mo_value_refs(struct arena *a, struct mo *const *items, size_t count, struct vim_any **ret)
{
    struct vim_ref *refs = ARENA_ARRAY(a, count + 1, struct vim_ref);

    if (!refs)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        refs[i] = mo_ref(items[i]);
    return mo_value(vim_any_array(a, &vim_type_ref, count, refs), ret);
}

static struct entity *entity_of(struct mo *mo)
{
    return (struct entity *)(void *)mo;
}

/* ---- ManagedEntity ---- */

static int get_parent(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    if (!mo->parent)
        return 0;
    return mo_value(vim_any_ref(r->arena, mo_ref(mo->parent)), ret);
}

static int get_name(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_string(r->arena, arena_strdup(r->arena, entity_of(mo)->name)), ret);
}

static int get_green(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    (void)mo;
    return mo_value(VIM_ANY_ENUM(r->arena, ManagedEntityStatus, VIM_ManagedEntityStatus_green),
                    ret);
}

static int get_recent_task(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return task_running_refs(entity_of(mo)->inv->tasks, mo, r->arena, ret);
}

static int get_effective_role(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    int32_t *roles = ARENA_ARRAY(r->arena, EFFECTIVE_ROLES_MAX, int32_t);
    size_t n;

    if (!roles)
        return -ENOMEM;
    if (!r->session)
        return 0;
    n = auth_effective_roles(r->host, r->session, mo_ref(mo), roles, EFFECTIVE_ROLES_MAX);
    return mo_value(vim_any_array(r->arena, &vim_type_int, n, roles), ret);
}

static int get_permission(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    const struct auth_permission *all;
    size_t count = auth_permissions(r->host, &all), n = 0;
    struct vim_Permission **items = arena_calloc(r->arena, count + 1, sizeof(*items));

    if (!items)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (!auth_permission_on(r->host, &all[i], mo_ref(mo)))
            continue;
        items[n] = auth_describe_permission(r->host, &all[i], r->arena);
        if (!items[n++])
            return -ENOMEM;
    }
    return mo_value(vim_any_array(r->arena, &vim_type_Permission, n, items), ret);
}

static const struct mo_property entity_properties[] = {
    {"effectiveRole", get_effective_role},
    {"permission", get_permission},
    {"parent", get_parent},
    {"name", get_name},
    {"overallStatus", get_green},
    {"configStatus", get_green},
    {"recentTask", get_recent_task},
    {NULL, NULL},
};

const struct mo_class entity_class = {.type = "ManagedEntity", .properties = entity_properties};

int entity_add(struct inventory *inv, struct entity *e, const struct mo_class *class,
               const char *id, const char *name, struct mo *parent)
{
    int r;

    e->inv = inv;
    e->name = mem_strdup(name);
    if (!e->name)
        return -ENOMEM;
    e->mo.parent = parent;
    r = mo_add(inv->host->registry, &e->mo, class, id);
    if (r < 0) {
        mem_free(e->name);
        e->name = NULL;
    }
    return r;
}

void entity_remove(struct entity *e)
{
    mo_remove(&e->mo);
    mem_free(e->name);
    e->name = NULL;
}

int entity_rename(struct entity *e, const char *name)
{
    char *copy = mem_strdup(name);

    if (!copy)
        return -ENOMEM;
    mem_free(e->name);
    e->name = copy;
    mo_changed(&e->mo, "name");
    return 0;
}

const char *inventory_name(const struct mo *mo)
{
    return mo_is_a(mo, "ManagedEntity") ? ((const struct entity *)(const void *)mo)->name : NULL;
}

bool inventory_is_beneath(const struct mo *mo, const struct mo *ancestor)
{
    for (; mo; mo = mo->parent) {
        if (mo == ancestor)
            return true;
    }
    return false;
}

bool inventory_name_valid(const char *name)
{
    size_t n = name ? strlen(name) : 0;

    if (n == 0 || n > INVENTORY_NAME_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return false;
    }
    return true;
}

char *inventory_escape(const char *name)
{
    static const char hex[] = "0123456789abcdef";
    char *out = mem_alloc(strlen(name) * 3 + 1), *p = out;

    for (; out && *name; name++) {
        if (*name == '/' || *name == '\\' || *name == '%') {
            *p++ = '%';
            *p++ = hex[(unsigned char)*name >> 4];
            *p++ = hex[(unsigned char)*name & 15];
        } else {
            *p++ = *name;
        }
    }
    if (out)
        *p = '\0';
    return out;
}

/* ---- Folder ---- */

struct folder *folder_cast(struct mo *mo)
{
    return mo && mo_is_a(mo, "Folder") ? (struct folder *)(void *)mo : NULL;
}

int folder_insert(struct folder *f, struct mo *child)
{
    if (f->count == f->room) {
        size_t n = f->room ? f->room * 2 : 8;
        struct mo **p = mem_realloc(f->children, n * sizeof(struct mo *));

        if (!p)
            return -ENOMEM;
        f->children = p;
        f->room = n;
    }
    f->children[f->count++] = child;
    mo_set_parent(child, &f->e.mo);
    mo_changed(&f->e.mo, "childEntity");
    return 0;
}

void folder_remove(struct folder *f, const struct mo *child)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->children[i] == child) {
            memmove(f->children + i, f->children + i + 1, (f->count - i - 1) * sizeof(struct mo *));
            f->count--;
            mo_changed(&f->e.mo, "childEntity");
            return;
        }
    }
}

struct mo *folder_child(const struct folder *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++) {
        const char *n = inventory_name(f->children[i]);

        if (n && !strcmp(n, name))
            return f->children[i];
    }
    return NULL;
}

static int get_child_type(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    const struct folder *f = folder_cast(mo);
    size_t n = 0;

    while (f->child_types[n])
        n++;
    return mo_value(vim_any_array(r->arena, &vim_type_string, n, f->child_types), ret);
}

static int get_child_entity(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    const struct folder *f = folder_cast(mo);

    return mo_value_refs(r->arena, f->children, f->count, ret);
}

static const struct mo_property folder_properties[] = {
    {"childType", get_child_type}, {"childEntity", get_child_entity}, {NULL, NULL}};

const struct mo_class folder_class = {
    .type = "Folder", .base = &entity_class, .properties = folder_properties};

/* ---- what hangs together with what ---- */

static int vm_refs(struct inventory *inv, struct arena *a, struct vim_any **ret)
{
    struct mo **items = ARENA_ARRAY(a, inv->vm_count + 1, struct mo *);
    size_t n = 0;

    if (!items)
        return -ENOMEM;
    for (struct vm *vm = inv->vms; vm && n < inv->vm_count; vm = vm->next)
        items[n++] = &vm->e.mo;
    return mo_value_refs(a, items, n, ret);
}

#define RELATION(function, member)                                                        \
    int function(struct mo *mo, struct mo_reader *r, struct vim_any **ret)                \
    {                                                                                     \
        return mo_value(vim_any_ref(r->arena, mo_ref(&entity_of(mo)->inv->member)), ret); \
    }
#define RELATION_LIST(function, member)                                    \
    int function(struct mo *mo, struct mo_reader *r, struct vim_any **ret) \
    {                                                                      \
        struct mo *one = &entity_of(mo)->inv->member;                      \
                                                                           \
        return mo_value_refs(r->arena, &one, 1, ret);                      \
    }

static RELATION(get_vm_folder, vm_folder.e.mo) static RELATION(
    get_host_folder,
    host_folder.e.mo) static RELATION(get_datastore_folder,
                                      datastore_folder.e
                                          .mo) static RELATION(get_network_folder,
                                                               network_folder.e
                                                                   .mo) static RELATION(get_compute,
                                                                                        compute.mo)
    RELATION(inventory_get_pool, pool.mo) RELATION(inventory_get_environment, environment_browser)
        RELATION(inventory_get_browser, datastore_browser) RELATION_LIST(inventory_get_hosts,
                                                                         host_system.mo)
            RELATION_LIST(inventory_get_datastores, datastore.mo)
                RELATION_LIST(inventory_get_networks, network.mo)

                    int inventory_get_vms(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return vm_refs(entity_of(mo)->inv, r->arena, ret);
}

/* ---- Datacenter ---- */

static int get_datacenter_config(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    (void)mo;
    return mo_value(vim_any_object(r->arena, VIM_NEW(r->arena, DatacenterConfigInfo)), ret);
}

static const struct mo_property datacenter_properties[] = {
    {"vmFolder", get_vm_folder},
    {"hostFolder", get_host_folder},
    {"datastoreFolder", get_datastore_folder},
    {"networkFolder", get_network_folder},
    {"datastore", inventory_get_datastores},
    {"network", inventory_get_networks},
    {"configuration", get_datacenter_config},
    {NULL, NULL},
};

const struct mo_class datacenter_class = {
    .type = "Datacenter", .base = &entity_class, .properties = datacenter_properties};

/* ---- ComputeResource ---- */

static int get_compute_summary(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    const struct host_facts *f = &entity_of(mo)->inv->facts;
    struct vim_ComputeResourceSummary *s = VIM_NEW(r->arena, ComputeResourceSummary);

    if (!s)
        return -ENOMEM;
    s->totalCpu = f->cpu_mhz * f->cores;
    s->totalMemory = f->memory;
    s->numCpuCores = (int16_t)f->cores;
    s->numCpuThreads = (int16_t)f->threads;
    s->effectiveCpu = s->totalCpu;
    s->effectiveMemory = f->memory >> 20;
    s->numHosts = 1;
    s->numEffectiveHosts = 1;
    s->overallStatus = VIM_ManagedEntityStatus_green;
    return mo_value(vim_any_object(r->arena, s), ret);
}

static int get_compute_config(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct vim_ComputeResourceConfigInfo *c = VIM_NEW(r->arena, ComputeResourceConfigInfo);

    (void)mo;
    if (!c)
        return -ENOMEM;
    c->vmSwapPlacement = "vmDirectory";
    return mo_value(vim_any_object(r->arena, c), ret);
}

static const struct mo_property compute_properties[] = {
    {"resourcePool", inventory_get_pool},    {"host", inventory_get_hosts},
    {"datastore", inventory_get_datastores}, {"network", inventory_get_networks},
    {"summary", get_compute_summary},        {"environmentBrowser", inventory_get_environment},
    {"configurationEx", get_compute_config}, {NULL, NULL},
};

const struct mo_class compute_class = {
    .type = "ComputeResource", .base = &entity_class, .properties = compute_properties};

/* ---- ResourcePool ---- */

struct vim_ResourceAllocationInfo *resource_allocation(struct arena *a, bool expandable, int shares)
{
    struct vim_ResourceAllocationInfo *i = VIM_NEW(a, ResourceAllocationInfo);

    if (!i || !(i->shares = VIM_NEW(a, SharesInfo)))
        return NULL;
    i->has_reservation = i->has_expandableReservation = i->has_limit = true;
    i->expandableReservation = expandable;
    i->limit = -1;
    i->shares->shares = shares;
    i->shares->level = VIM_SharesLevel_normal;
    return i;
}

static struct vim_ResourceConfigSpec *pool_config(struct inventory *inv, struct arena *a)
{
    struct vim_ResourceConfigSpec *c = VIM_NEW(a, ResourceConfigSpec);

    if (!c)
        return NULL;
    c->entity = mo_ref(&inv->pool.mo);
    c->cpuAllocation = resource_allocation(a, true, 4000);
    c->memoryAllocation = resource_allocation(a, true, 163840);
    return c->cpuAllocation && c->memoryAllocation ? c : NULL;
}

static struct vim_ResourcePoolResourceUsage *usage(struct arena *a, int64_t used, int64_t max)
{
    struct vim_ResourcePoolResourceUsage *u = VIM_NEW(a, ResourcePoolResourceUsage);

    if (!u)
        return NULL;
    u->unreservedForPool = u->unreservedForVm = u->maxUsage = max;
    u->overallUsage = used;
    return u;
}

static struct vim_ResourcePoolRuntimeInfo *pool_runtime(struct inventory *inv, struct arena *a)
{
    struct vim_ResourcePoolRuntimeInfo *i = VIM_NEW(a, ResourcePoolRuntimeInfo);
    struct host_load load;
    int64_t mhz = (int64_t)inv->facts.cpu_mhz * inv->facts.cores;

    if (!i)
        return NULL;
    host_load_read(&inv->facts, &load);
    i->memory = usage(a, load.memory_used, inv->facts.memory);
    i->cpu = usage(a, mhz * load.cpu_permille / 1000, mhz);
    i->overallStatus = VIM_ManagedEntityStatus_green;
    return i->memory && i->cpu ? i : NULL;
}

static int get_pool_config(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_object(r->arena, pool_config(entity_of(mo)->inv, r->arena)), ret);
}

static int get_pool_runtime(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    return mo_value(vim_any_object(r->arena, pool_runtime(entity_of(mo)->inv, r->arena)), ret);
}

static int get_pool_summary(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct entity *e = entity_of(mo);
    struct vim_ResourcePoolSummary *s = VIM_NEW(r->arena, ResourcePoolSummary);

    if (!s)
        return -ENOMEM;
    s->name = arena_strdup(r->arena, e->name);
    s->config = pool_config(e->inv, r->arena);
    s->runtime = pool_runtime(e->inv, r->arena);
    if (!s->name || !s->config || !s->runtime)
        return -ENOMEM;
    return mo_value(vim_any_object(r->arena, s), ret);
}

static int get_no_pools(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    (void)mo;
    return mo_value_refs(r->arena, NULL, 0, ret);
}

static const struct mo_property pool_properties[] = {
    {"summary", get_pool_summary},
    {"runtime", get_pool_runtime},
    {"owner", get_compute},
    {"resourcePool", get_no_pools},
    {"vm", inventory_get_vms},
    {"config", get_pool_config},
    {NULL, NULL},
};

const struct mo_class pool_class = {
    .type = "ResourcePool", .base = &entity_class, .properties = pool_properties};

/* ---- Network ---- */

static int get_network_summary(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct vim_NetworkSummary *s = VIM_NEW(r->arena, NetworkSummary);

    if (!s)
        return -ENOMEM;
    s->network = mo_ref(mo);
    s->name = arena_strdup(r->arena, entity_of(mo)->name);
    s->accessible = true;
    s->ipPoolName = "";
    return mo_value(vim_any_object(r->arena, s), ret);
}

static const struct mo_property network_properties[] = {{"summary", get_network_summary},
                                                        {"host", inventory_get_hosts},
                                                        {"vm", inventory_get_vms},
                                                        {NULL, NULL}};

const struct mo_class network_class = {
    .type = "Network", .base = &entity_class, .properties = network_properties};
