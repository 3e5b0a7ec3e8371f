/* VixHost_*: the connection to a host, and its virtual machines by name. */
#include <string.h>

#include "client/vix_config.h"
#include "client/vix_impl.h"

/* --- connecting --- */

static VixError run_connect(struct vix_ctx *x, const struct vix_args *a)
{
    VixError error = vix_session_connect(x->session, &x->err);
    struct vix_props *props = vix_job_set(x->job, 0);
    struct vix_object *host;
    VixHandle handle = VIX_INVALID_HANDLE;

    (void)a;
    if (error)
        return error;
    host = vix_object_new(sizeof(*host), VIX_HANDLETYPE_HOST, x->session, NULL);
    if (!host || !props) {
        vix_object_unref(host);
        return VIX_E_OUT_OF_MEMORY;
    }
    error = vix_handle_new(host, &handle);
    return error ? error : vix_props_handle(props, VIX_PROPERTY_JOB_RESULT_HANDLE, handle);
}

static VixError check_connect(const struct vix_connect *o)
{
    if (o->api_version != VIX_API_VERSION && (o->api_version < 1 || o->api_version > 3))
        return VIX_E_WRAPPER_VERSION_NOT_FOUND;
    switch (o->type) {
    case VIX_SERVICEPROVIDER_DEFAULT:
    case VIX_SERVICEPROVIDER_VMWARE_SERVER:
    case VIX_SERVICEPROVIDER_VMWARE_WORKSTATION:
    case VIX_SERVICEPROVIDER_VMWARE_PLAYER:
    case VIX_SERVICEPROVIDER_VMWARE_VI_SERVER:
    case VIX_SERVICEPROVIDER_VMWARE_WORKSTATION_SHARED:
        return VIX_OK;
    default:
        return VIX_E_WRAPPER_SERVICEPROVIDER_NOT_FOUND;
    }
}

VixHandle vix_connect_start(const struct vix_connect *o, VixEventProc *callback, void *data)
{
    static const struct vix_op op = {run_connect, VIX_OP_CONNECT};
    const struct vix_args args = {0};
    VixError error = check_connect(o);
    struct vix_session *s = vix_session_new(o, &error);

    return vix_job_start_session(s, error, &op, &args, callback, data);
}

void vix_connect_abort(VixHandle handle, VixError reason)
{
    struct vix_object *o = NULL;

    if (vix_handle_get(handle, VIX_HANDLETYPE_NONE, &o))
        return;
    if (o->session)
        vix_session_end(o->session, reason);
    vix_object_unref(o);
}

/* Programs of VIX have no way to ask: what is not known is trusted the first time, and remembered,
 * unless they want it checked. */
static int trust_first_use(const char *address, const char *fingerprint, void *arg)
{
    (void)address;
    (void)fingerprint;
    (void)arg;
    return 1;
}

VixHandle VixHost_Connect(int apiVersion, VixServiceProvider hostType, const char *hostName,
                          int hostPort, const char *userName, const char *password,
                          VixHostOptions options, VixHandle propertyListHandle,
                          VixEventProc *callbackProc, void *clientData)
{
    struct vix_config *config = NULL;
    struct vix_connect o = {.api_version = apiVersion,
                            .type = hostType,
                            .host = hostName,
                            .port = hostPort,
                            .user = userName,
                            .password = password,
                            .options = options,
                            .ask = trust_first_use};
    VixHandle job;

    (void)propertyListHandle; /* accepted: older programs pass one */
    if (!vix_config_load(&config)) {
        vix_config_apply(config, &o);
        if (vix_config_check_certificates(config))
            o.ask = NULL;
    }
    if (options & VIX_HOSTOPTION_VERIFY_SSL_CERT)
        o.ask = NULL;
    job = vix_connect_start(&o, callbackProc, clientData);
    vix_config_free(config);
    return job;
}

void VixHost_Disconnect(VixHandle hostHandle)
{
    struct vix_object *host = NULL;

    if (vix_handle_get(hostHandle, VIX_HANDLETYPE_HOST, &host))
        return;
    vix_handle_end_session(host->session);
    vix_session_end(host->session, VIX_E_HOST_CONNECTION_LOST);
    vix_object_unref(host);
}

void Vix_PumpEvents(VixHandle hostHandle, VixPumpEventsOptions options)
{
    (void)hostHandle; /* events come from threads of the library */
    (void)options;
}

/* --- virtual machines --- */

static VixError run_register(struct vix_ctx *x, const struct vix_args *a)
{
    struct vim_ref vm;

    /* Registered already: that is what was asked for. */
    return vix_path_find(x, a->a, &vm) == VIX_OK ? VIX_OK : vix_path_register(x, a->a, &vm);
}

VixHandle VixHost_RegisterVM(VixHandle hostHandle, const char *vmxFilePath,
                             VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_register, VIX_OP_NEEDS_A | VIX_OP_REGISTER};
    const struct vix_args args = {.a = (char *)(uintptr_t)vmxFilePath};

    return vix_job_start(hostHandle, VIX_HANDLETYPE_HOST, &op, &args, callbackProc, clientData);
}

static VixError run_unregister(struct vix_ctx *x, const struct vix_args *a)
{
    struct vim_UnregisterVM_request req = {0};
    VixError error = vix_path_find(x, a->a, &req.this_);

    if (error == VIX_E_VM_NOT_FOUND)
        return VIX_OK;
    return error ? error : vix_call(x, &vim_method_UnregisterVM, &req, NULL);
}

VixHandle VixHost_UnregisterVM(VixHandle hostHandle, const char *vmxFilePath,
                               VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_unregister, VIX_OP_NEEDS_A | VIX_OP_MUST_BE_OFF};
    const struct vix_args args = {.a = (char *)(uintptr_t)vmxFilePath};

    return vix_job_start(hostHandle, VIX_HANDLETYPE_HOST, &op, &args, callbackProc, clientData);
}

static VixError run_find(struct vix_ctx *x, const struct vix_args *a)
{
    static const char *const paths[] = {"config.files.vmPathName", "runtime.powerState"};
    struct vim_array_ObjectContent vms;
    VixError error = vix_ctx_error(x, vim_client_objects(x->c, "VirtualMachine", ARRAY_SIZE(paths),
                                                         paths, &x->arena, &vms, &x->err));

    for (size_t i = 0; !error && i < vms.count; i++) {
        const struct vim_any *path = vim_client_value(vms.items[i], paths[0]);
        const struct vim_any *power = vim_client_value(vms.items[i], paths[1]);
        struct vix_props item = {0};

        if (!path || path->type != &vim_type_string)
            continue; /* its configuration cannot be read */
        if (a->options == VIX_FIND_RUNNING_VMS &&
            (!power || power->v.enumeration != VIM_VirtualMachinePowerState_poweredOn))
            continue;
        error = vix_props_string(&item, VIX_PROPERTY_FOUND_ITEM_LOCATION,
                                 vix_path_location(x, path->v.string));
        vix_job_event(x->job, VIX_EVENTTYPE_FIND_ITEM, &item);
        if (!error)
            error = vix_session_reason(x->session); /* the callback may have disconnected */
    }
    return error;
}

VixHandle VixHost_FindItems(VixHandle hostHandle, VixFindItemType searchType,
                            VixHandle searchCriteria, int32 timeout, VixEventProc *callbackProc,
                            void *clientData)
{
    static const struct vix_op op = {run_find, 0}, bad = {run_find, VIX_OP_NEEDS_A};
    const struct vix_args args = {.options = searchType, .list = searchCriteria};
    bool known = searchType == VIX_FIND_RUNNING_VMS || searchType == VIX_FIND_REGISTERED_VMS;

    (void)timeout; /* accepted; the answer is one call */
    return vix_job_start(hostHandle, VIX_HANDLETYPE_HOST, known ? &op : &bad, &args, callbackProc,
                         clientData);
}

/* The seed of all guest operations: who may not control guests is told so at once. */
static VixError may_control(struct vix_ctx *x, struct vim_ref vm)
{
    static const char *privilege[] = {"VirtualMachine.Interact.GuestControl"};
    struct vim_HasPrivilegeOnEntity_request req = {
        .this_ = vim_client_content(x->c)->authorizationManager,
        .entity = vm,
        .privId = {1, privilege}};
    struct vim_HasPrivilegeOnEntity_result *result = NULL;
    struct vim_any *session = NULL;
    const struct vim_UserSession *mine;
    VixError error =
        vix_property(x, vim_client_content(x->c)->sessionManager, "currentSession", &session);

    mine = !error && session ? VIM_CAST(session->v.object, UserSession) : NULL;
    if (error || !mine)
        return error ? error : VIX_E_HOST_USER_PERMISSIONS;
    req.sessionId = mine->key;
    error = vix_call(x, &vim_method_HasPrivilegeOnEntity, &req, (void **)&result);
    if (!error && (!result->value.count || !result->value.items[0]))
        error = VIX_E_HOST_USER_PERMISSIONS;
    return error;
}

static VixError run_open(struct vix_ctx *x, const struct vix_args *a)
{
    struct vix_props *props = vix_job_set(x->job, 0);
    VixHandle handle = VIX_INVALID_HANDLE;
    struct vim_any *state = NULL;
    struct vim_ref vm = {0};
    VixError error = vix_path_find(x, a->a, &vm);

    /* Workstation has no inventory: a VM is opened by its file, known or not. */
    if (error == VIX_E_VM_NOT_FOUND && vix_session_is_local(x->session) &&
        !vix_path_register(x, a->a, &vm))
        error = VIX_OK;
    if (!error)
        error = vix_property(x, vm, "runtime.connectionState", &state);
    if (!error && state && state->v.enumeration != VIM_VirtualMachineConnectionState_connected)
        error = VIX_E_CANNOT_READ_VM_CONFIG;
    if (!error)
        error = may_control(x, vm);
    if (!error)
        error = props ? vix_vm_new(x->session, vm, a->a, &handle) : VIX_E_OUT_OF_MEMORY;
    return error ? error : vix_props_handle(props, VIX_PROPERTY_JOB_RESULT_HANDLE, handle);
}

VixHandle VixHost_OpenVM(VixHandle hostHandle, const char *vmxFilePathName,
                         VixVMOpenOptions options, VixHandle propertyListHandle,
                         VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_open, VIX_OP_NEEDS_A | VIX_OP_LIST_OK};
    const struct vix_args args = {
        .a = (char *)(uintptr_t)vmxFilePathName, .options = options, .list = propertyListHandle};

    return vix_job_start(hostHandle, VIX_HANDLETYPE_HOST, &op, &args, callbackProc, clientData);
}

VixHandle VixVM_Open(VixHandle hostHandle, const char *vmxFilePathName, VixEventProc *callbackProc,
                     void *clientData)
{
    return VixHost_OpenVM(hostHandle, vmxFilePathName, VIX_VMOPEN_NORMAL, VIX_INVALID_HANDLE,
                          callbackProc, clientData);
}
