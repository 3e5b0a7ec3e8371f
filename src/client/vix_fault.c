/* What the host's faults, and failures on the way to it, are in VIX errors. */
#include <stdlib.h>
#include <string.h>

#include "client/vix_impl.h"

/* The first row that the fault is a case of counts: derived faults come before their base. */
static const struct {
    const struct vim_type *type;
    VixError error;
} faults[] = {
    {&vim_type_InvalidLogin, VIX_E_HOST_USER_PERMISSIONS},
    {&vim_type_NoPermission, VIX_E_HOST_USER_PERMISSIONS}, /* NotAuthenticated is one */
    {&vim_type_RestrictedVersion, VIX_E_LICENSE},
    {&vim_type_NotEnoughLicenses, VIX_E_LICENSE},
    {&vim_type_ManagedObjectNotFound, VIX_E_VM_NOT_FOUND},
    {&vim_type_TaskInProgress, VIX_E_OBJECT_IS_BUSY},
    {&vim_type_ToolsUnavailable, VIX_E_TOOLS_NOT_RUNNING},
    {&vim_type_GuestOperationsUnavailable, VIX_E_TOOLS_NOT_RUNNING},
    {&vim_type_GuestComponentsOutOfDate, VIX_E_UNRECOGNIZED_COMMAND_IN_GUEST},
    {&vim_type_InvalidGuestLogin, VIX_E_GUEST_USER_PERMISSIONS},
    {&vim_type_GuestPermissionDenied, VIX_E_GUEST_USER_PERMISSIONS},
    {&vim_type_OperationDisabledByGuest, VIX_E_OPERATION_DISABLED},
    {&vim_type_OperationNotSupportedByGuest, VIX_E_OP_NOT_SUPPORTED_ON_GUEST},
    {&vim_type_GuestProcessNotFound, VIX_E_NO_SUCH_PROCESS},
    {&vim_type_TooManyGuestLogons, VIX_E_TOO_MANY_LOGONS},
    {&vim_type_FileNotFound, VIX_E_FILE_NOT_FOUND},
    {&vim_type_FileAlreadyExists, VIX_E_FILE_ALREADY_EXISTS},
    {&vim_type_CannotAccessFile, VIX_E_FILE_ACCESS_ERROR},
    {&vim_type_FileNotWritable, VIX_E_FILE_ACCESS_ERROR},
    {&vim_type_FileLocked, VIX_E_FILE_ALREADY_LOCKED},
    {&vim_type_NotAFile, VIX_E_NOT_A_FILE},
    {&vim_type_NotADirectory, VIX_E_NOT_A_DIRECTORY},
    {&vim_type_FileNameTooLong, VIX_E_FILE_NAME_TOO_LONG},
    {&vim_type_NoDiskSpace, VIX_E_DISK_FULL},
    {&vim_type_FileTooLarge, VIX_E_FILE_TOO_BIG},
    {&vim_type_FileFault, VIX_E_FILE_ERROR},
    {&vim_type_InvalidDatastore, VIX_E_VM_NOT_FOUND},
    {&vim_type_InvalidArgument, VIX_E_INVALID_ARG},
    {&vim_type_InvalidName, VIX_E_INVALID_ARG},
    {&vim_type_AlreadyExists, VIX_E_ALREADY_EXISTS},
    {&vim_type_DuplicateName, VIX_E_DUPLICATE_NAME},
    {&vim_type_NotSupported, VIX_E_NOT_SUPPORTED},
    {&vim_type_NotImplemented, VIX_E_NOT_SUPPORTED},
    {&vim_type_MethodNotFound, VIX_E_NOT_SUPPORTED},
    {&vim_type_AlreadyUpgraded, VIX_OK},
    {&vim_type_ToolsAlreadyUpgraded, VIX_OK},
    {&vim_type_ToolsImageNotAvailable, VIX_E_TOOLS_INSTALL_NO_IMAGE},
    {&vim_type_ToolsImageCopyFailed, VIX_E_TOOLS_INSTALL_IMAGE_COPY_FAILED},
    {&vim_type_ToolsAutoUpgradeNotSupported, VIX_E_TOOLS_INSTALL_AUTO_NOT_SUPPORTED},
    {&vim_type_ToolsInstallationInProgress, VIX_E_TOOLS_INSTALL_IN_PROGRESS},
    {&vim_type_VmToolsUpgradeFault, VIX_E_TOOLS_INSTALL_ERROR},
    {&vim_type_InsufficientResourcesFault, VIX_E_CANNOT_POWER_ON_VM},
    {&vim_type_VmConfigFault, VIX_E_CANNOT_READ_VM_CONFIG},
    {&vim_type_TooManySnapshotLevels, VIX_E_SNAPSHOT_HIERARCHY_TOODEEP},
    {&vim_type_SnapshotNoChange, VIX_E_SNAPSHOT_NOCHANGE},
    {&vim_type_MemorySnapshotOnIndependentDisk, VIX_E_SNAPSHOT_MEMORY_ON_INDEPENDENT_DISK},
    {&vim_type_SnapshotFault, VIX_E_SNAPSHOT_INVAL},
    {&vim_type_RequestCanceled, VIX_E_CANCELLED},
    {&vim_type_NotFound, VIX_E_OBJECT_NOT_FOUND},
    {&vim_type_InvalidState, VIX_E_OBJECT_IS_BUSY}, /* but for InvalidPowerState, below */
};

/* The same fault means something else to some operations. */
static const struct {
    unsigned flag;
    const struct vim_type *type;
    VixError error;
} special[] = {
    {VIX_OP_SOFT_POWER, &vim_type_ToolsUnavailable, VIX_E_POWEROP_SCRIPTS_NOT_AVAILABLE},
    {VIX_OP_TOOLS, &vim_type_ToolsUnavailable, VIX_E_TOOLS_INSTALL_GUEST_NOT_READY},
    {VIX_OP_REGISTER, &vim_type_FileNotFound, VIX_E_NOT_FOUND},
    {VIX_OP_REGISTER, &vim_type_InvalidDatastorePath, VIX_E_NOT_FOUND},
    {VIX_OP_REGISTER, &vim_type_NotFound, VIX_E_NOT_FOUND},
    {VIX_OP_SNAPSHOT, &vim_type_ManagedObjectNotFound, VIX_E_SNAPSHOT_NOTFOUND},
    {VIX_OP_SNAPSHOT, &vim_type_NotFound, VIX_E_SNAPSHOT_NOTFOUND},
};

static VixError power_state_error(const struct vim_InvalidPowerState *f, unsigned flags)
{
    if (flags & VIX_OP_MUST_BE_OFF) /* a suspended VM is not off either */
        return VIX_E_VM_IS_RUNNING;
    return f->existingState == VIM_VirtualMachinePowerState_poweredOn ? VIX_E_VM_IS_RUNNING
                                                                      : VIX_E_VM_NOT_RUNNING;
}

/* "vix error codes = (3016, 0)." */
static VixError system_error(const struct vim_SystemError *f)
{
    static const char mark[] = "vix error codes = (";
    const char *at = strstr(f->reason, mark);
    unsigned long code = at ? strtoul(at + sizeof(mark) - 1, NULL, 10) : 0;

    return code > 0 && code <= 0xffff ? (VixError)code : VIX_E_FAIL;
}

/* Codes of the guest agent that VIX 1.13 has no name for. */
static VixError known(VixError code)
{
    static const struct {
        VixError agent, vix;
    } others[] = {
        {3048, VIX_E_UNRECOGNIZED_COMMAND_IN_GUEST}, /* the agent lacks the operation */
        {3050, VIX_E_GUEST_USER_PERMISSIONS},        /* wrong user name or password */
        {3051, VIX_E_LOGIN_TYPE_NOT_SUPPORTED},
        {20006, VIX_E_FILE_ERROR}, /* directory not empty */
    };

    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (others[i].agent == code)
            return others[i].vix;
    return code >= 20006 && code <= 20012 ? VIX_E_FAIL : code;
}

VixError vix_error_of_fault(const struct vim_object *fault, unsigned flags)
{
    if (!fault)
        return VIX_E_FAIL;
    for (size_t i = 0; i < ARRAY_SIZE(special); i++)
        if ((flags & special[i].flag) && vim_is_a(fault, special[i].type))
            return special[i].error;
    if (VIM_IS_A(fault, InvalidPowerState))
        return power_state_error(VIM_CAST(fault, InvalidPowerState), flags);
    if (VIM_IS_A(fault, SystemError))
        return known(system_error(VIM_CAST(fault, SystemError)));
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
        if (vim_is_a(fault, faults[i].type))
            return faults[i].error;
    return VIX_E_FAIL;
}

VixError vix_error_of_failure(enum vim_client_failure failure, bool connecting)
{
    switch (failure) {
    case VIM_CLIENT_RESOLVE:
        return connecting ? VIX_E_CANNOT_CONNECT_TO_HOST : VIX_E_NET_HTTP_COULDNT_RESOLVE_HOST;
    case VIM_CLIENT_CONNECT:
        return connecting ? VIX_E_CANNOT_CONNECT_TO_HOST : VIX_E_NET_HTTP_COULDNT_CONNECT;
    case VIM_CLIENT_TIMEOUT:
        return VIX_E_NET_HTTP_OPERATION_TIMEDOUT;
    case VIM_CLIENT_TLS:
        return VIX_E_NET_HTTP_SSL_CONNECT_ERROR;
    case VIM_CLIENT_UNTRUSTED:
        return VIX_E_NET_HTTP_SSL_SECURITY;
    case VIM_CLIENT_HTTP:
        return VIX_E_NET_HTTP_HTTP_RETURNED_ERROR;
    case VIM_CLIENT_PROTOCOL:
        return VIX_E_NET_HTTP_GENERIC;
    case VIM_CLIENT_LOST:
        return connecting ? VIX_E_CANNOT_CONNECT_TO_HOST : VIX_E_HOST_CONNECTION_LOST;
    case VIM_CLIENT_LOCAL:
        return VIX_E_FILE_ERROR;
    case VIM_CLIENT_CANCELLED:
        return VIX_E_HOST_CONNECTION_LOST;
    default:
        return VIX_E_FAIL;
    }
}
