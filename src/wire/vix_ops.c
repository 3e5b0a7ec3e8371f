#include "wire/vix_ops.h"

#include "wire/vix_body.h"
#include "wire/vix_proplist.h"

#define OP(name, body, result, flags, api, method)                                     \
    {                                                                                  \
        VIX_OP_##name, #name, VIX_BODY_##body, VIX_RESULT_##result, flags, api, method \
    }
#define NL  VIX_OP_NO_LOGIN
#define OLD VIX_OP_OLD_LOGIN
#define WIN VIX_OP_WINDOWS
#define ESC VIX_OP_WAS_ESCAPED

/* In ascending order of opcodes. */
static const struct vix_op ops[] = {
    OP(RUN_PROGRAM, RUN_PROGRAM, INTEGER, OLD, 0, NULL),
    OP(READ_REGISTRY, OPAQUE, TEXT, OLD | WIN, 0, NULL),
    OP(WRITE_REGISTRY, OPAQUE, EMPTY, OLD | WIN, 0, NULL),
    OP(DELETE_GUEST_FILE, PATH, EMPTY, OLD, 0, "DeleteFileInGuest"),
    OP(GUEST_FILE_EXISTS, PATH, INTEGER, OLD, 0, NULL),
    OP(REGISTRY_KEY_EXISTS, PATH, INTEGER, OLD | WIN, 0, NULL),
    OP(WAIT_FOR_TOOLS, WAIT_FOR_TOOLS, EMPTY, OLD | NL, 0, NULL),
    OP(RUN_SCRIPT_IN_GUEST, RUN_SCRIPT, INTEGER, OLD, 0, NULL),
    OP(CAPTURE_SCREEN, OPAQUE, EMPTY, OLD, 0, NULL),
    OP(GET_TOOLS_STATE, EMPTY, PROPLIST, OLD | NL, 0, NULL),
    OP(DIRECTORY_EXISTS, PATH, INTEGER, OLD, 0, NULL),
    OP(DELETE_GUEST_REGISTRY_KEY, PATH, EMPTY, OLD | WIN, 0, NULL),
    OP(DELETE_GUEST_DIRECTORY, PATH, EMPTY, OLD, 0, "DeleteDirectoryInGuest"),
    OP(DELETE_GUEST_EMPTY_DIRECTORY, PATH, EMPTY, OLD, 0, "DeleteDirectoryInGuest"),
    OP(CREATE_TEMPORARY_FILE, TEMP_OLD, TEXT, OLD, 0, "CreateTemporaryFileInGuest"),
    OP(LIST_PROCESSES, EMPTY, TEXT, OLD | ESC, 0, "ListProcessesInGuest"),
    OP(MOVE_GUEST_FILE, MOVE, EMPTY, OLD, 0, "MoveFileInGuest"),
    OP(CREATE_DIRECTORY, CREATE_DIRECTORY, EMPTY, OLD, 0, "MakeDirectoryInGuest"),
    OP(CHECK_USER_ACCOUNT, EMPTY, EMPTY, OLD, 0, NULL),
    OP(LIST_DIRECTORY, LIST_DIRECTORY, TEXT, OLD | ESC, 0, NULL),
    OP(HGFS_SEND_PACKET, HGFS, BINARY, OLD, 0, NULL),
    OP(KILL_PROCESS, PROCESS, EMPTY, OLD, 0, "TerminateProcessInGuest"),
    OP(LOGOUT_IN_GUEST, EMPTY, EMPTY, OLD, 0, NULL),
    OP(READ_VARIABLE, VARIABLE, TEXT, OLD, 0, NULL),
    OP(WRITE_VARIABLE, VARIABLE, EMPTY, OLD, 0, NULL),
    OP(GET_FILE_INFO, PATH, TEXT, OLD | ESC, 0, NULL),
    OP(GET_GUEST_NETWORKING_CONFIG, OPTIONS, BINARY, OLD | NL, 0, NULL),
    OP(LIST_FILESYSTEMS, LIST_FILESYSTEMS, TEXT, OLD | ESC, 0, NULL),
    OP(LIST_FILES, LIST_FILES, TEXT, 0, VIX_PROP_API_LIST_FILES, "ListFilesInGuest"),
    OP(CREATE_DIRECTORY_EX, CREATE_DIRECTORY, EMPTY, 0, VIX_PROP_API_MAKE_DIRECTORY,
       "MakeDirectoryInGuest"),
    OP(MOVE_GUEST_FILE_EX, MOVE, EMPTY, 0, VIX_PROP_API_MOVE_FILE, "MoveFileInGuest"),
    OP(MOVE_GUEST_DIRECTORY, MOVE, EMPTY, 0, VIX_PROP_API_MOVE_DIRECTORY, "MoveDirectoryInGuest"),
    OP(CREATE_TEMPORARY_FILE_EX, TEMP, TEXT, 0, VIX_PROP_API_CREATE_TEMP_FILE,
       "CreateTemporaryFileInGuest"),
    OP(CREATE_TEMPORARY_DIRECTORY, TEMP, TEXT, 0, VIX_PROP_API_CREATE_TEMP_DIRECTORY,
       "CreateTemporaryDirectoryInGuest"),
    OP(SET_GUEST_FILE_ATTRIBUTES, SET_ATTRIBUTES, EMPTY, 0, VIX_PROP_API_SET_ATTRIBUTES,
       "ChangeFileAttributesInGuest"),
    OP(START_PROGRAM, START_PROGRAM, INTEGER, 0, VIX_PROP_API_START_PROGRAM, "StartProgramInGuest"),
    OP(LIST_PROCESSES_EX, LIST_PROCESSES, TEXT, 0, VIX_PROP_API_LIST_PROCESSES,
       "ListProcessesInGuest"),
    OP(READ_ENV_VARIABLES, READ_ENV, TEXT, 0, VIX_PROP_API_READ_ENV,
       "ReadEnvironmentVariableInGuest"),
    OP(INITIATE_FILE_TRANSFER_FROM_GUEST, LIST_FILES, TEXT, 0, VIX_PROP_API_TRANSFER_FROM,
       "InitiateFileTransferFromGuest"),
    OP(INITIATE_FILE_TRANSFER_TO_GUEST, TRANSFER_TO, EMPTY, 0, VIX_PROP_API_TRANSFER_TO,
       "InitiateFileTransferToGuest"),
    OP(ACQUIRE_CREDENTIALS, ACQUIRE, PROPLIST, 0, VIX_PROP_API_ACQUIRE_CREDENTIALS,
       "AcquireCredentialsInGuest"),
    OP(RELEASE_CREDENTIALS, EMPTY, EMPTY, 0, VIX_PROP_API_RELEASE_CREDENTIALS,
       "ReleaseCredentialsInGuest"),
    OP(VALIDATE_CREDENTIALS, EMPTY, EMPTY, 0, VIX_PROP_API_VALIDATE_CREDENTIALS,
       "ValidateCredentialsInGuest"),
    OP(TERMINATE_PROCESS, PROCESS, EMPTY, 0, VIX_PROP_API_TERMINATE_PROCESS,
       "TerminateProcessInGuest"),
    OP(DELETE_GUEST_FILE_EX, PATH, EMPTY, 0, VIX_PROP_API_DELETE_FILE, "DeleteFileInGuest"),
    OP(DELETE_GUEST_DIRECTORY_EX, DELETE_DIRECTORY, EMPTY, 0, VIX_PROP_API_DELETE_DIRECTORY,
       "DeleteDirectoryInGuest"),
    OP(ADD_AUTH_ALIAS, ALIAS, EMPTY, 0, VIX_PROP_API_ADD_ALIAS, "AddGuestAlias"),
    OP(REMOVE_AUTH_ALIAS, ALIAS, EMPTY, 0, VIX_PROP_API_REMOVE_ALIAS, "RemoveGuestAlias"),
    OP(LIST_AUTH_PROVIDER_ALIASES, ALIAS, TEXT, 0, VIX_PROP_API_LIST_ALIASES, "ListGuestAliases"),
    OP(LIST_AUTH_MAPPED_ALIASES, OPTIONS, TEXT, 0, VIX_PROP_API_LIST_MAPPED_ALIASES,
       "ListGuestMappedAliases"),
    OP(CREATE_REGISTRY_KEY, OPAQUE, EMPTY, WIN, 4562, "CreateRegistryKeyInGuest"),
    OP(LIST_REGISTRY_KEYS, OPAQUE, TEXT, WIN, 4563, "ListRegistryKeysInGuest"),
    OP(DELETE_REGISTRY_KEY, OPAQUE, EMPTY, WIN, 4564, "DeleteRegistryKeyInGuest"),
    OP(SET_REGISTRY_VALUE, OPAQUE, EMPTY, WIN, 4565, "SetRegistryValueInGuest"),
    OP(LIST_REGISTRY_VALUES, OPAQUE, TEXT, WIN, 4566, "ListRegistryValuesInGuest"),
    OP(DELETE_REGISTRY_VALUE, OPAQUE, EMPTY, WIN, 4567, "DeleteRegistryValueInGuest"),
    OP(REMOVE_AUTH_ALIAS_BY_CERT, ALIAS, EMPTY, 0, VIX_PROP_API_REMOVE_ALIAS_BY_CERT,
       "RemoveGuestAliasByCert"),
    OP(STREAM_OPEN, STREAM_OPEN, BINARY, 0, 0, NULL),
    OP(STREAM_END, STREAM_END, BINARY, 0, 0, NULL),
};

const struct vix_op *vix_op_find(uint32_t opcode)
{
    size_t low = 0, high = sizeof(ops) / sizeof(ops[0]);

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (ops[mid].opcode == opcode)
            return &ops[mid];
        if (ops[mid].opcode < opcode)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const char *vix_op_name(uint32_t opcode)
{
    const struct vix_op *op = vix_op_find(opcode);

    return op ? op->name : "UNKNOWN";
}

const struct vix_op *vix_op_table(size_t *ret_count)
{
    *ret_count = sizeof(ops) / sizeof(ops[0]);
    return ops;
}
