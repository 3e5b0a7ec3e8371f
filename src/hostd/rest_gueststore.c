/* REST: the repository of GuestStore and its state. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "hostd/auth.h"
#include "hostd/gueststore.h"
#include "hostd/inventory.h"
#include "hostd/rest.h"
#include "hostd/vm.h"

#define PRIVILEGE "Host.Config.GuestStore"

/* False: the request has been answered. */
static bool may(struct rest *rest)
{
    struct vim_ref host_system = mo_ref(&inventory_of(rest->host)->host_system.mo);

    if (authz_check(rest->host, rest->session, host_system, PRIVILEGE))
        return true;
    rest_fail(rest, REST_UNAUTHORIZED, "inguest.gueststore.unauthorized",
              "The privilege " PRIVILEGE " on the host is needed.");
    return false;
}

/* ---- repository ---- */

static void repository_get(struct rest *rest)
{
    const struct gueststore_settings *s = gueststore_settings(rest->host);
    struct rest_gueststore_repository_get_result r = {0};

    if (!may(rest))
        return;
    if (!s->repository) {
        rest_fail(rest, REST_NOT_FOUND, "inguest.gueststore.none", "There is no repository.");
        return;
    }
    r.value = REST_NEW(rest->room, GuestStoreRepository);
    if (!r.value) {
        rest_no_memory(rest);
        return;
    }
    r.value->repository = s->repository;
    r.value->endpoint = s->endpoint;
    r.value->region = s->region;
    r.value->ca_file = s->ca_file;
    r.value->has_size_max = s->size_max != 0;
    r.value->size_max = s->size_max;
    r.value->has_cache_max = s->cache_max != 0;
    r.value->cache_max = s->cache_max;
    rest_return(rest, &r);
}

static void change(struct rest *rest, const struct gueststore_settings *s)
{
    struct error err = {0};
    int rc = may(rest) ? gueststore_set(rest->host, s, &err) : 1;

    if (rc == 0)
        rest_return(rest, NULL);
    else if (rc < 0)
        rest_fail(rest, rc == -EINVAL ? REST_INVALID_ARGUMENT : REST_ERROR,
                  "inguest.gueststore.repository", "%s", error_text(&err));
}

static void repository_set(struct rest *rest)
{
    const struct rest_GuestStoreRepository *b = rest->body;
    const struct gueststore_settings s = {
        .repository = b->repository,
        .endpoint = b->endpoint,
        .region = b->region,
        .ca_file = b->ca_file,
        .size_max = b->has_size_max ? b->size_max : 0,
        .cache_max = b->has_cache_max ? b->cache_max : 0,
    };

    change(rest, &s);
}

static void repository_clear(struct rest *rest)
{
    change(rest, &(struct gueststore_settings){0});
}

/* ---- status ---- */

/* A request that waits for gstored's answer. */
struct wait {
    struct rest *rest; /* NULL: the client has gone */
};

static int64_t number(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

/* What gstored knows of a VM; NULL: nothing. */
static const json_t *status_of(const json_t *list, const char *id)
{
    size_t i;
    json_t *item;

    json_array_foreach((json_t *)(uintptr_t)list, i, item)
    {
        const char *s = json_string_value(json_object_get(item, "vm"));
        if (s && strcmp(s, id) == 0)
            return item;
    }
    return NULL;
}

static const char *copy(struct arena *a, const char *text, bool *failed)
{
    const char *s = text ? arena_strdup(a, text) : NULL;

    *failed |= text && !s;
    return s;
}

static struct rest_GuestStoreVm *one_vm(struct rest *rest, const struct vm *vm, const json_t *o)
{
    struct rest_GuestStoreVm *v = REST_NEW(rest->room, GuestStoreVm);
    bool failed = false;

    if (!v)
        return NULL;
    v->vm = vm->e.mo.id;
    v->name = vm->e.name;
    v->attached = json_is_true(json_object_get(o, "attached"));
    v->grant = vm->gueststore.grant;
    v->deny = vm->gueststore.deny;
    v->problem = copy(rest->room, json_string_value(json_object_get(o, "problem")), &failed);
    v->requests = number(o, "requests");
    v->denied = number(o, "denied");
    v->missing = number(o, "missing");
    v->failed = number(o, "failed");
    v->bytes = number(o, "served");
    return failed ? NULL : v;
}

static int fill_vms(struct rest *rest, struct rest_GuestStoreStatus *s, const json_t *status)
{
    const struct inventory *inv = inventory_of(rest->host);
    const json_t *list = json_object_get(status, "vms");
    struct rest_GuestStoreVm **items =
        inv->vm_count ? ARENA_ARRAY(rest->room, inv->vm_count, struct rest_GuestStoreVm *) : NULL;

    if (inv->vm_count && !items)
        return -ENOMEM;
    for (const struct vm *vm = inv->vms; vm && items; vm = vm->next) {
        items[s->vms.count] = one_vm(rest, vm, status_of(list, vm->e.mo.id));
        if (!items[s->vms.count++])
            return -ENOMEM;
    }
    s->vms.items = items;
    return 0;
}

static void answer(struct rest *rest, const json_t *status, const char *why)
{
    struct rest_gueststore_status_result r = {.value = REST_NEW(rest->room, GuestStoreStatus)};
    const struct {
        const char *name;
        size_t offset;
    } numbers[] = {
        {"requests", offsetof(struct rest_GuestStoreStatus, requests)},
        {"denied", offsetof(struct rest_GuestStoreStatus, denied)},
        {"missing", offsetof(struct rest_GuestStoreStatus, missing)},
        {"failed", offsetof(struct rest_GuestStoreStatus, failed)},
        {"served", offsetof(struct rest_GuestStoreStatus, bytes_served)},
        {"fetched", offsetof(struct rest_GuestStoreStatus, bytes_fetched)},
        {"hits", offsetof(struct rest_GuestStoreStatus, hits)},
        {"misses", offsetof(struct rest_GuestStoreStatus, misses)},
        {"shared", offsetof(struct rest_GuestStoreStatus, shared)},
        {"cacheBytes", offsetof(struct rest_GuestStoreStatus, cache_bytes)},
        {"cacheEntries", offsetof(struct rest_GuestStoreStatus, cache_entries)},
        {"cacheMax", offsetof(struct rest_GuestStoreStatus, cache_max)},
    };
    bool failed = false;

    if (r.value) {
        r.value->repository = gueststore_settings(rest->host)->repository;
        r.value->running = status != NULL;
        r.value->reason = status ? NULL : copy(rest->room, why, &failed);
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
            *(int64_t *)(void *)((char *)r.value + numbers[i].offset) =
                number(status, numbers[i].name);
    }
    if (!r.value || failed || fill_vms(rest, r.value, status) < 0)
        rest_no_memory(rest);
    else
        rest_return(rest, &r);
}

static void on_status(struct host *host, const json_t *status, const char *why, void *arg)
{
    struct wait *w = arg;

    (void)host;
    if (w->rest) {
        http_on_gone(w->rest->req, NULL, NULL);
        answer(w->rest, status, why);
    }
    mem_free(w);
}

static void on_gone(struct http_request *req, void *arg)
{
    struct wait *w = arg;

    (void)req;
    rest_fail(TAKE_PTR(w->rest), REST_CANCELED, "com.vmware.vapi.std.errors.canceled",
              "The client has gone.");
}

static void status_get(struct rest *rest)
{
    struct wait *w;

    if (!may(rest))
        return;
    w = mem_calloc(1, sizeof(*w));
    if (!w) {
        rest_no_memory(rest);
        return;
    }
    w->rest = rest;
    http_on_gone(rest->req, on_gone, w);
    gueststore_status(rest->host, on_status, w);
}

const struct rest_row rest_gueststore_rows[] = {
    {REST_OP_gueststore_status, status_get},
    {REST_OP_gueststore_repository_get, repository_get},
    {REST_OP_gueststore_repository_set, repository_set},
    {REST_OP_gueststore_repository_clear, repository_clear},
    {0, NULL},
};
