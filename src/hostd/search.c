/* SearchIndex: finding virtual machines and hosts by what people know of them. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "hostd/inventory_internal.h"
#include "hostd/property_select.h"
#include "hostd/vm.h"

/* What is looked for. */
struct query {
    const char *text;
    bool vms;
    bool instance; /* FindByUuid: instanceUuid */
};

typedef bool (*matcher)(const struct query *q, const struct vm *vm, struct arena *a);

static bool by_uuid(const struct query *q, const struct vm *vm, struct arena *a)
{
    const char *uuid = vm_config_uuid(vm, q->instance ? "vc.uuid" : "uuid.bios", a);

    return uuid && !strcasecmp(uuid, q->text);
}

static bool by_dns(const struct query *q, const struct vm *vm, struct arena *a)
{
    const char *name = json_string_value(json_object_get(vm->guest, "hostName"));

    (void)a;
    return name && !strcasecmp(name, q->text);
}

static bool by_ip(const struct query *q, const struct vm *vm, struct arena *a)
{
    const struct vim_GuestInfo *g = vm->power == VM_POWER_ON ? vm_guest_info(vm, a) : NULL;

    if (g && g->ipAddress && !strcasecmp(g->ipAddress, q->text))
        return true;
    for (size_t i = 0; g && i < g->net.count; i++) {
        for (size_t j = 0; j < g->net.items[i]->ipAddress.count; j++) {
            if (!strcasecmp(g->net.items[i]->ipAddress.items[j], q->text))
                return true;
        }
    }
    return false;
}

static bool may_see(struct call *call, const struct mo *mo)
{
    struct mo_reader reader = {.host = call->host, .session = call->session, .arena = call->arena};

    return select_allowed(&reader, mo, "System.View");
}

/* The matches that the user may see, `max` at most. */
static int find(struct call *call, const struct query *q, matcher match, struct vim_ref datacenter,
                size_t max, struct vim_array_ref *ret)
{
    struct inventory *inv = inventory_of(call->host);
    struct mo *host = &inv->host_system.mo;

    ret->items = ARENA_ARRAY(call->arena, inv->vm_count + 2, struct vim_ref);
    if (!ret->items)
        return -ENOMEM;
    if (datacenter.value && strcmp(datacenter.value, inv->datacenter.mo.id))
        return 0;
    for (struct vm *vm = q->vms ? inv->vms : NULL; vm && ret->count < max; vm = vm->next) {
        if (match(q, vm, call->arena) && may_see(call, &vm->e.mo))
            ret->items[ret->count++] = mo_ref(&vm->e.mo);
    }
    if (!q->vms && may_see(call, host) &&
        (match == by_uuid ? !strcasecmp(inv->facts.uuid, q->text)
                          : !strcasecmp(inv->host_system.name, q->text)))
        ret->items[ret->count++] = mo_ref(host);
    return 0;
}

/* Every method of these has a result of one reference, or of a list of them. */
static void answer_one(struct call *call, const struct query *q, matcher match,
                       struct vim_ref datacenter)
{
    struct vim_FindByUuid_result result = {0};
    struct vim_array_ref found = {0};
    int r = find(call, q, match, datacenter, 1, &found);

    if (r < 0) {
        call_fault_errno(call, r, "searching");
        return;
    }
    if (found.count)
        result.value = found.items[0];
    call_return(call, &result);
}

static void answer_all(struct call *call, const struct query *q, matcher match,
                       struct vim_ref datacenter)
{
    struct vim_FindAllByUuid_result result = {0};
    int r = find(call, q, match, datacenter, SIZE_MAX, &result.value);

    if (r < 0)
        call_fault_errno(call, r, "searching");
    else
        call_return(call, &result);
}

static void find_by_uuid(struct call *call)
{
    const struct vim_FindByUuid_request *req = call->req;

    answer_one(
        call, &(struct query){req->uuid, req->vmSearch, req->has_instanceUuid && req->instanceUuid},
        by_uuid, req->datacenter);
}

static void find_all_by_uuid(struct call *call)
{
    const struct vim_FindAllByUuid_request *req = call->req;

    answer_all(
        call, &(struct query){req->uuid, req->vmSearch, req->has_instanceUuid && req->instanceUuid},
        by_uuid, req->datacenter);
}

static void find_by_dns_name(struct call *call)
{
    const struct vim_FindByDnsName_request *req = call->req;

    answer_one(call, &(struct query){.text = req->dnsName, .vms = req->vmSearch}, by_dns,
               req->datacenter);
}

static void find_all_by_dns_name(struct call *call)
{
    const struct vim_FindAllByDnsName_request *req = call->req;

    answer_all(call, &(struct query){.text = req->dnsName, .vms = req->vmSearch}, by_dns,
               req->datacenter);
}

static void find_by_ip(struct call *call)
{
    const struct vim_FindByIp_request *req = call->req;

    answer_one(call, &(struct query){.text = req->ip, .vms = req->vmSearch}, by_ip,
               req->datacenter);
}

static void find_all_by_ip(struct call *call)
{
    const struct vim_FindAllByIp_request *req = call->req;

    answer_all(call, &(struct query){.text = req->ip, .vms = req->vmSearch}, by_ip,
               req->datacenter);
}

/* ---- by place ---- */

/* The child of that name, as a path through the inventory sees it: a datacenter's children are its
 * four folders. `name` need not end in NUL. */
static struct mo *child_named(struct mo *mo, const char *name, size_t len, struct arena *a)
{
    struct mo **children;
    size_t n;

    if (inventory_children(mo, a, &children, &n) < 0)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const char *own = inventory_name(children[i]);

        if (children[i]->parent == mo && own && strlen(own) == len && !memcmp(own, name, len))
            return children[i];
    }
    return NULL;
}

static void find_by_inventory_path(struct call *call)
{
    const struct vim_FindByInventoryPath_request *req = call->req;
    struct mo *mo = &inventory_of(call->host)->root.e.mo;
    struct vim_FindByInventoryPath_result result = {0};
    const char *p = req->inventoryPath ? req->inventoryPath : "";

    while (mo && *p) {
        size_t n;

        p += strspn(p, "/");
        n = strcspn(p, "/");
        if (n)
            mo = child_named(mo, p, n, call->arena);
        p += n;
    }
    if (mo && may_see(call, mo))
        result.value = mo_ref(mo);
    call_return(call, &result);
}

static void find_child(struct call *call)
{
    const struct vim_FindChild_request *req = call->req;
    struct vim_FindChild_result result = {0};
    struct mo *mo;

    if (!call_check_object(call, req->entity, vim_mo_type_find("ManagedEntity"), "entity"))
        return;
    mo = mo_find(call->host->registry, req->entity.value);
    mo = mo && req->name ? child_named(mo, req->name, strlen(req->name), call->arena) : NULL;
    if (mo && may_see(call, mo))
        result.value = mo_ref(mo);
    call_return(call, &result);
}

static void find_by_datastore_path(struct call *call)
{
    const struct vim_FindByDatastorePath_request *req = call->req;
    static const char prefix[] = "[" DATASTORE_NAME "]";
    struct inventory *inv = inventory_of(call->host);
    struct vim_FindByDatastorePath_result result = {0};
    const char *path = req->path ? req->path : "";

    if (!call_check_object(call, req->datacenter, vim_mo_type_find("Datacenter"), "datacenter"))
        return;
    if (strncmp(path, prefix, sizeof(prefix) - 1)) {
        struct vim_InvalidDatastore *f = VIM_NEW(call->arena, InvalidDatastore);

        if (f)
            f->name = path;
        call_fault(call, f, "There is no such datastore: %.200s", path);
        return;
    }
    path += sizeof(prefix) - 1;
    path += strspn(path, " ");
    for (struct vm *vm = inv->vms; vm; vm = vm->next) {
        size_t n = strlen(vm->folder);

        if (!strncmp(path, vm->folder, n) && path[n] == '/' && !strcmp(path + n + 1, vm->file) &&
            may_see(call, &vm->e.mo))
            result.value = mo_ref(&vm->e.mo);
    }
    call_return(call, &result);
}

const struct call_row search_calls[] = {
    {&vim_method_FindByUuid, find_by_uuid},
    {&vim_method_FindAllByUuid, find_all_by_uuid},
    {&vim_method_FindByDnsName, find_by_dns_name},
    {&vim_method_FindAllByDnsName, find_all_by_dns_name},
    {&vim_method_FindByIp, find_by_ip},
    {&vim_method_FindAllByIp, find_all_by_ip},
    {&vim_method_FindByInventoryPath, find_by_inventory_path},
    {&vim_method_FindChild, find_child},
    {&vim_method_FindByDatastorePath, find_by_datastore_path},
    {NULL, NULL},
};
