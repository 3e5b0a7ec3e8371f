/* The guest managers as a module of hostd: objects, methods, state. */
#include "hostd/guest.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "hostd/guest_fault.h"
#include "hostd/guest_target.h"
#include "hostd/inventory.h"
#include "hostd/modules.h"
#include "hostd/transfer.h"
#include "wire/vix_error.h"

/* What a Linux guest answers to the methods that only Windows, or an agent with an alias store,
 * has. The checks before it are those of every guest method. */

static struct vim_ref vm_of(const struct call *call)
{
    const struct vim_field *field = vim_field_find(call->method->request, "vm");

    return *(const struct vim_ref *)((const char *)call->req + field->offset);
}

static void refuse_ready(int code, const char *why, void *arg)
{
    struct call *call = arg;
    const struct guest_subject subject = {0};

    if (code)
        guest_fault_not_ready(call, vm_of(call), code, why);
    else
        guest_fault_vix(call, VIX_E_OP_NOT_SUPPORTED_ON_GUEST, 0, &subject);
}

static void refuse(struct call *call)
{
    const struct vim_field *field = vim_field_find(call->method->request, "vm");
    struct guest_wait *wait;

    if (!call_check_object(call, vm_of(call), vim_mo_type_find("VirtualMachine"), "vm") ||
        !call_check_privilege(call, vm_of(call), field->privilege))
        return;
    /* Without grace: the answer does not depend on the agent. */
    guest_target_wait(call->host, vm_of(call), 0, refuse_ready, call, &wait);
}

static void acquire(struct call *call)
{
    const struct vim_AcquireCredentialsInGuest_request *rq = call->req;

    if (VIM_IS_A(rq->requestedAuth, SSPIAuthentication))
        refuse(call);
    else
        guest_auth_call(call);
}

/* --- objects --- */

struct guest_manager {
    struct mo mo;
};

enum { MANAGER_ROOT, MANAGER_AUTH, MANAGER_FILE, MANAGER_PROCESS, MANAGER_ALIAS, MANAGER_COUNT };
static struct guest_manager managers[MANAGER_COUNT];

static int get_manager(unsigned which, struct mo_reader *reader, struct vim_any **ret)
{
    *ret = vim_any_ref(reader->arena, mo_ref(&managers[which].mo));
    return *ret ? 0 : -ENOMEM;
}

#define MANAGER_GETTER(name, which)                                                \
    static int name(struct mo *mo, struct mo_reader *reader, struct vim_any **ret) \
    {                                                                              \
        (void)mo;                                                                  \
        return get_manager(which, reader, ret);                                    \
    }
MANAGER_GETTER(get_auth, MANAGER_AUTH)
MANAGER_GETTER(get_file, MANAGER_FILE)
MANAGER_GETTER(get_process, MANAGER_PROCESS)
MANAGER_GETTER(get_alias, MANAGER_ALIAS)

static const struct mo_property root_properties[] = {
    {"authManager", get_auth},
    {"fileManager", get_file},
    {"processManager", get_process},
    {"aliasManager", get_alias},
    {NULL, NULL},
};

static const struct mo_class classes[MANAGER_COUNT] = {
    [MANAGER_ROOT] = {"GuestOperationsManager", NULL, root_properties},
    [MANAGER_AUTH] = {"GuestAuthManager", NULL, NULL},
    [MANAGER_FILE] = {"GuestFileManager", NULL, NULL},
    [MANAGER_PROCESS] = {"GuestProcessManager", NULL, NULL},
    [MANAGER_ALIAS] = {"GuestAliasManager", NULL, NULL},
};

/* As the products call them: {ESXi, vCenter}. */
static const char *const ids[MANAGER_COUNT][2] = {
    [MANAGER_ROOT] = {"ha-guest-operations-manager", "guestOperationsManager"},
    [MANAGER_AUTH] = {"ha-guest-operations-auth-manager", "guestOperationsAuthManager"},
    [MANAGER_FILE] = {"ha-guest-operations-file-manager", "guestOperationsFileManager"},
    [MANAGER_PROCESS] = {"ha-guest-operations-process-manager", "guestOperationsProcessManager"},
    [MANAGER_ALIAS] = {"ha-guest-operations-alias-manager", "guestOperationsAliasManager"},
};

static int start(struct host *host, struct error *err)
{
    struct transfers *all;
    int r = transfers_new(host, &all);

    if (r)
        return error_errno(err, r, "cannot make the transfer table");
    host->guestops = all;
    for (unsigned i = 0; i < MANAGER_COUNT; i++) {
        const char *id = ids[i][host->options.persona == HOST_PERSONA_VIRTUAL_CENTER];

        r = mo_add(host->registry, &managers[i].mo, &classes[i], id);
        if (r)
            return error_errno(err, r, "cannot register %s", id);
    }
    return 0;
}

static void stop(struct host *host)
{
    for (unsigned i = 0; i < MANAGER_COUNT; i++)
        mo_remove(&managers[i].mo);
    transfers_free(host->guestops);
    host->guestops = NULL;
}

static const struct call_row calls[] = {
    {&vim_method_ValidateCredentialsInGuest, guest_auth_call},
    {&vim_method_AcquireCredentialsInGuest, acquire},
    {&vim_method_ReleaseCredentialsInGuest, guest_auth_call},
    {&vim_method_StartProgramInGuest, guest_process_call},
    {&vim_method_ListProcessesInGuest, guest_process_call},
    {&vim_method_TerminateProcessInGuest, guest_process_call},
    {&vim_method_WaitForProcessInGuest, guest_process_call},
    {&vim_method_ReadEnvironmentVariableInGuest, guest_process_call},
    {&vim_method_ListFilesInGuest, guest_file_call},
    {&vim_method_MakeDirectoryInGuest, guest_file_call},
    {&vim_method_DeleteFileInGuest, guest_file_call},
    {&vim_method_DeleteDirectoryInGuest, guest_file_call},
    {&vim_method_MoveFileInGuest, guest_file_call},
    {&vim_method_MoveDirectoryInGuest, guest_file_call},
    {&vim_method_CreateTemporaryFileInGuest, guest_file_call},
    {&vim_method_CreateTemporaryDirectoryInGuest, guest_file_call},
    {&vim_method_ChangeFileAttributesInGuest, guest_file_call},
    {&vim_method_InitiateFileTransferFromGuest, guest_file_call},
    {&vim_method_InitiateFileTransferToGuest, guest_file_call},
    {&vim_method_AddGuestAlias, refuse},
    {&vim_method_RemoveGuestAlias, refuse},
    {&vim_method_RemoveGuestAliasByCert, refuse},
    {&vim_method_ListGuestAliases, refuse},
    {&vim_method_ListGuestMappedAliases, refuse},
    {&vim_method_CreateRegistryKeyInGuest, refuse},
    {&vim_method_ListRegistryKeysInGuest, refuse},
    {&vim_method_DeleteRegistryKeyInGuest, refuse},
    {&vim_method_SetRegistryValueInGuest, refuse},
    {&vim_method_ListRegistryValuesInGuest, refuse},
    {&vim_method_DeleteRegistryValueInGuest, refuse},
    {NULL, NULL},
};

const struct host_module guest_module = {"guest operations", start, stop, calls, transfer_routes};
