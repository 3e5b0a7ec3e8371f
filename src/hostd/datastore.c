/* Datastore: the folder of virtual machines, STATE/vms. */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "hostd/inventory_internal.h"

#define FILE_SIZE_MAX (int64_t)(62ll << 40)

static struct inventory *inv_of(struct mo *mo)
{
    return ((struct entity *)(void *)mo)->inv;
}

static void space(const struct inventory *inv, int64_t *ret_capacity, int64_t *ret_free)
{
    struct statvfs st;

    *ret_capacity = *ret_free = 0;
    if (fstatvfs(inv->vms_dir, &st) == 0) {
        *ret_capacity = (int64_t)st.f_blocks * (int64_t)st.f_frsize;
        *ret_free = (int64_t)st.f_bavail * (int64_t)st.f_frsize;
    }
}

static const char *url(const struct inventory *inv, struct arena *a)
{
    return arena_printf(a, "ds:///vmfs/volumes/%s/", inv->facts.uuid);
}

static int get_summary(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct inventory *inv = inv_of(mo);
    struct vim_DatastoreSummary *s = VIM_NEW(r->arena, DatastoreSummary);

    if (!s)
        return -ENOMEM;
    s->datastore = mo_ref(mo);
    s->name = arena_strdup(r->arena, inv->datastore.name);
    s->url = url(inv, r->arena);
    space(inv, &s->capacity, &s->freeSpace);
    s->has_uncommitted = true;
    s->accessible = true;
    s->has_multipleHostAccess = true;
    s->type = "VMFS";
    s->maintenanceMode = "normal";
    return s->name && s->url ? mo_value(vim_any_object(r->arena, s), ret) : -ENOMEM;
}

static int get_info(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct inventory *inv = inv_of(mo);
    struct vim_LocalDatastoreInfo *i = VIM_NEW(r->arena, LocalDatastoreInfo);
    int64_t capacity;

    if (!i)
        return -ENOMEM;
    i->name = arena_strdup(r->arena, inv->datastore.name);
    i->url = url(inv, r->arena);
    space(inv, &capacity, &i->freeSpace);
    i->maxFileSize = i->maxMemoryFileSize = FILE_SIZE_MAX;
    i->has_timestamp = true;
    i->timestamp = clock_wall_us();
    i->path = arena_printf(r->arena, "/vmfs/volumes/%s", inv->facts.uuid);
    return i->name && i->url && i->path ? mo_value(vim_any_object(r->arena, i), ret) : -ENOMEM;
}

static int get_host(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct vim_DatastoreHostMount *m = VIM_NEW(r->arena, DatastoreHostMount);
    struct vim_DatastoreHostMount **list;

    if (!m || !(m->mountInfo = VIM_NEW(r->arena, HostMountInfo)) ||
        !(list = arena_memdup(r->arena, &m, sizeof(m))))
        return -ENOMEM;
    m->key = mo_ref(&inv_of(mo)->host_system.mo);
    m->mountInfo->path = arena_printf(r->arena, "/vmfs/volumes/%s", inv_of(mo)->facts.uuid);
    m->mountInfo->accessMode = "readWrite";
    m->mountInfo->has_accessible = m->mountInfo->accessible = true;
    m->mountInfo->has_mounted = m->mountInfo->mounted = true;
    return mo_value(vim_any_array(r->arena, &vim_type_DatastoreHostMount, 1, list), ret);
}

static int get_capability(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct vim_DatastoreCapability *c = VIM_NEW(r->arena, DatastoreCapability);

    (void)mo;
    if (!c)
        return -ENOMEM;
    c->directoryHierarchySupported = true;
    c->rawDiskMappingsSupported = true;
    c->perFileThinProvisioningSupported = true;
    return mo_value(vim_any_object(r->arena, c), ret);
}

static const struct mo_property datastore_properties[] = {
    {"info", get_info},
    {"summary", get_summary},
    {"host", get_host},
    {"vm", inventory_get_vms},
    {"browser", inventory_get_browser},
    {"capability", get_capability},
    {NULL, NULL},
};

const struct mo_class datastore_class = {
    .type = "Datastore", .base = &entity_class, .properties = datastore_properties};
