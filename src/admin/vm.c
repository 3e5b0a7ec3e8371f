/* What inguest does with virtual machines, through the API. The command line is in vm_cli.c. */
#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "base/mem.h"

#define TASK_MS  120000u
#define READY_MS 60000u

int admin_hash_password(const char *password, struct arena *arena, const char **ret,
                        struct error *err)
{
    struct crypt_data *data = mem_calloc(1, sizeof(*data));
    char salt[CRYPT_GENSALT_OUTPUT_SIZE];
    const char *hash = NULL;

    if (data && crypt_gensalt_rn("$y$", 0, NULL, 0, salt, sizeof(salt)))
        hash = crypt_r(password, salt, data);
    *ret = hash && hash[0] != '*' ? arena_strdup(arena, hash) : NULL;
    mem_free_secret(data, sizeof(*data));
    return *ret ? 0 : error_set(err, -EIO, "the password cannot be hashed");
}

int admin_objects(struct admin *ad, const char *type, struct arena *arena, size_t *ret_count,
                  const struct vim_ref **ret, struct error *err)
{
    struct vim_CreateContainerView_request make = {.recursive = true};
    struct vim_CreateContainerView_result *view = NULL;
    struct vim_any *list = NULL;
    int r = admin_connect(ad, err);

    if (r)
        return r;
    make.this_ = vim_client_content(ad->client)->viewManager;
    make.container = vim_client_content(ad->client)->rootFolder;
    make.type = (struct vim_array_string){1, &type};
    r = vim_client_call(ad->client, &vim_method_CreateContainerView, &make, arena, (void **)&view,
                        err);
    if (!r)
        r = vim_client_property(ad->client, view->value, "view", arena, &list, err);
    if (r)
        return r;
    *ret_count = list ? list->v.array.count : 0;
    *ret = list ? list->v.array.items : NULL;
    return 0;
}

int admin_vm_find(struct admin *ad, const char *name, struct arena *arena, struct vim_ref *ret,
                  struct error *err)
{
    const struct vim_ref *refs = NULL;
    size_t count = 0;
    int r = admin_objects(ad, "VirtualMachine", arena, &count, &refs, err);

    for (size_t i = 0; !r && i < count; i++) {
        struct vim_any *value = NULL;

        r = vim_client_property(ad->client, refs[i], "name", arena, &value, err);
        if (!r && value && !strcmp(value->v.string, name)) {
            *ret = refs[i];
            return 0;
        }
    }
    return r ? r : error_set(err, -ENOENT, "there is no VM named %s", name);
}

/* The first object of a type that every host has. */
static int find_first(struct admin *ad, const char *type, struct arena *a, struct vim_ref *ret,
                      struct error *err)
{
    const struct vim_ref *refs = NULL;
    size_t count = 0;
    int r = admin_objects(ad, type, a, &count, &refs, err);

    if (!r && !count)
        r = error_set(err, -ENOENT, "the host has no %s", type);
    if (!r)
        *ret = refs[0];
    return r;
}

/* The datacenter's VM folder and the first resource pool, which CreateVM needs. */
static int find_places(struct admin *ad, struct arena *a, struct vim_ref *ret_folder,
                       struct vim_ref *ret_pool, struct error *err)
{
    struct vim_any *folder = NULL;
    struct vim_ref datacenter;
    int r = find_first(ad, "Datacenter", a, &datacenter, err);

    if (!r)
        r = find_first(ad, "ResourcePool", a, ret_pool, err);
    if (!r)
        r = vim_client_property(ad->client, datacenter, "vmFolder", a, &folder, err);
    if (!r && !folder)
        r = error_set(err, -ENOENT, "the datacenter has no VM folder");
    if (!r)
        *ret_folder = folder->v.ref;
    return r;
}

static int add_option(struct arena *a, struct vim_array_OptionValue *list, const char *key,
                      const char *value)
{
    struct vim_OptionValue *o = VIM_NEW(a, OptionValue);

    if (!o || !key)
        return -ENOMEM;
    o->key = key;
    o->value = vim_any_string(a, value);
    list->items[list->count++] = o;
    return o->value ? 0 : -ENOMEM;
}

int admin_vm_create(struct admin *ad, const struct admin_vm_spec *spec, struct arena *arena,
                    struct vim_ref *ret, struct error *err)
{
    struct vim_CreateVM_Task_request create = {0};
    struct vim_CreateVM_Task_result *task = NULL;
    struct vim_VirtualMachineConfigSpec *config = VIM_NEW(arena, VirtualMachineConfigSpec);
    struct vim_VirtualMachineFileInfo *files = VIM_NEW(arena, VirtualMachineFileInfo);
    struct vim_any *made = NULL;
    int r = admin_connect(ad, err);

    if (r)
        return r;
    if (!config || !files)
        return error_set(err, -ENOMEM, "out of memory");
    r = find_places(ad, arena, &create.this_, &create.pool, err);
    if (r)
        return r;
    config->extraConfig.items =
        ARENA_ARRAY(arena, 1 + 2 * (size_t)spec->user_count, struct vim_OptionValue *);
    r = config->extraConfig.items
            ? add_option(arena, &config->extraConfig, "inguest.machine", "sandbox")
            : -ENOMEM;
    for (unsigned i = 0; !r && i < spec->user_count; i++) {
        r = add_option(arena, &config->extraConfig,
                       arena_printf(arena, "inguest.sandbox.user.%u.name", i), spec->users[i].name);
        if (!r)
            r = add_option(arena, &config->extraConfig,
                           arena_printf(arena, "inguest.sandbox.user.%u.passwordHash", i),
                           spec->users[i].hash);
    }
    if (r)
        return error_set(err, r, "out of memory");
    files->vmPathName = "[datastore1]";
    config->name = spec->name;
    config->guestId = spec->guest_id;
    config->files = files;
    config->has_memoryMB = config->has_numCPUs = true;
    config->memoryMB = spec->memory_mb;
    config->numCPUs = spec->cpus;
    create.config = config;
    r = vim_client_call(ad->client, &vim_method_CreateVM_Task, &create, arena, (void **)&task, err);
    if (!r)
        r = vim_client_wait_task(ad->client, task->value, TASK_MS, arena, &made, err);
    if (r)
        return r;
    if (!made)
        return error_set(err, -EPROTO, "CreateVM_Task ended without a VM");
    *ret = made->v.ref;
    return 0;
}

static int is_true(const struct vim_any *value, void *arg)
{
    (void)arg;
    return value && value->type == &vim_type_boolean && value->v.boolean;
}

static int is_off(const struct vim_any *value, void *arg)
{
    (void)arg;
    return value && value->v.enumeration == VIM_VirtualMachinePowerState_poweredOff;
}

static int power_state(struct admin *ad, struct vim_ref vm, struct arena *a, int *ret,
                       struct error *err)
{
    struct vim_any *value = NULL;
    int r = vim_client_property(ad->client, vm, "runtime.powerState", a, &value, err);

    if (!r)
        *ret = value ? value->v.enumeration : 0;
    return r;
}

int admin_vm_start(struct admin *ad, struct vim_ref vm, bool wait, struct error *err)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    const struct vim_PowerOnVM_Task_request on = {.this_ = vm};
    struct vim_PowerOnVM_Task_result *task = NULL;
    int state = 0, r = power_state(ad, vm, &a, &state, err);

    if (!r && state != VIM_VirtualMachinePowerState_poweredOn) {
        r = vim_client_call(ad->client, &vim_method_PowerOnVM_Task, &on, &a, (void **)&task, err);
        if (!r)
            r = vim_client_wait_task(ad->client, task->value, TASK_MS, &a, NULL, err);
    }
    if (!r && wait)
        r = vim_client_wait(ad->client, vm, "guest.guestOperationsReady", is_true, NULL, READY_MS,
                            err);
    return r;
}

int admin_vm_stop(struct admin *ad, struct vim_ref vm, bool guest, struct error *err)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    const struct vim_PowerOffVM_Task_request off = {.this_ = vm};
    const struct vim_ShutdownGuest_request shut = {.this_ = vm};
    struct vim_PowerOffVM_Task_result *task = NULL;
    int state = 0, r = power_state(ad, vm, &a, &state, err);

    if (r || state == VIM_VirtualMachinePowerState_poweredOff)
        return r;
    if (guest) {
        r = vim_client_call(ad->client, &vim_method_ShutdownGuest, &shut, &a, NULL, err);
        return r ? r
                 : vim_client_wait(ad->client, vm, "runtime.powerState", is_off, NULL, READY_MS,
                                   err);
    }
    r = vim_client_call(ad->client, &vim_method_PowerOffVM_Task, &off, &a, (void **)&task, err);
    return r ? r : vim_client_wait_task(ad->client, task->value, TASK_MS, &a, NULL, err);
}
