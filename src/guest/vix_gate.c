#include "guest/vix_gate.h"

#include <stdio.h>

#include "base/mem.h"
#include "wire/vix_ops.h"

#define KEY_MAX 96u

#define WORKER(op, api)                              \
    {                                                \
        VIX_OP_##op, VIX_GATE_WORKER, VIX_OK, 0, api \
    }
#define WORKER_OLD(op, api)                          \
    {                                                \
        VIX_OP_##op, VIX_GATE_WORKER, VIX_OK, 1, api \
    }
#define REFUSED(op, error)                                    \
    {                                                         \
        VIX_OP_##op, VIX_GATE_REFUSED, VIX_E_##error, 0, NULL \
    }
#define WINDOWS(op) REFUSED(op, OP_NOT_SUPPORTED_ON_GUEST)

/* VIX guest command protocol: opcode table, login failures, configuration. */
static const struct vix_gate table[] = {
    WINDOWS(READ_REGISTRY),
    WINDOWS(WRITE_REGISTRY),
    WORKER_OLD(DELETE_GUEST_FILE, "DeleteFileInGuest"),
    WORKER_OLD(GUEST_FILE_EXISTS, NULL),
    WINDOWS(REGISTRY_KEY_EXISTS),
    {VIX_OP_WAIT_FOR_TOOLS, VIX_GATE_NOTHING, VIX_OK, 1, NULL},
    {VIX_OP_CAPTURE_SCREEN, VIX_GATE_NOTHING, VIX_OK, 1, NULL},
    {VIX_OP_GET_TOOLS_STATE, VIX_GATE_STATE, VIX_OK, 1, NULL},
    WORKER_OLD(DIRECTORY_EXISTS, NULL),
    WINDOWS(DELETE_GUEST_REGISTRY_KEY),
    WORKER_OLD(DELETE_GUEST_DIRECTORY, "DeleteDirectoryInGuest"),
    WORKER_OLD(DELETE_GUEST_EMPTY_DIRECTORY, "DeleteDirectoryInGuest"),
    WORKER_OLD(CREATE_TEMPORARY_FILE, "CreateTemporaryFileInGuest"),
    WORKER_OLD(LIST_PROCESSES, "ListProcessesInGuest"),
    WORKER_OLD(MOVE_GUEST_FILE, "MoveFileInGuest"),
    WORKER_OLD(CREATE_DIRECTORY, "MakeDirectoryInGuest"),
    {VIX_OP_CHECK_USER_ACCOUNT, VIX_GATE_LOGIN_ONLY, VIX_OK, 1, NULL},
    WORKER_OLD(LIST_DIRECTORY, NULL),
    WORKER_OLD(HGFS_SEND_PACKET, NULL),
    WORKER_OLD(KILL_PROCESS, "TerminateProcessInGuest"),
    {VIX_OP_LOGOUT_IN_GUEST, VIX_GATE_LOGIN_ONLY, VIX_OK, 1, NULL},
    WORKER_OLD(READ_VARIABLE, NULL),
    WORKER_OLD(GET_FILE_INFO, NULL),
    {VIX_OP_LIST_FILESYSTEMS, VIX_GATE_WORKER, VIX_OK, 1, NULL},
    WORKER(LIST_FILES, "ListFilesInGuest"),
    WORKER(CREATE_DIRECTORY_EX, "MakeDirectoryInGuest"),
    WORKER(MOVE_GUEST_FILE_EX, "MoveFileInGuest"),
    WORKER(MOVE_GUEST_DIRECTORY, "MoveDirectoryInGuest"),
    WORKER(CREATE_TEMPORARY_FILE_EX, "CreateTemporaryFileInGuest"),
    WORKER(CREATE_TEMPORARY_DIRECTORY, "CreateTemporaryDirectoryInGuest"),
    WORKER(SET_GUEST_FILE_ATTRIBUTES, "ChangeFileAttributesInGuest"),
    WORKER(START_PROGRAM, "StartProgramInGuest"),
    WORKER(LIST_PROCESSES_EX, "ListProcessesInGuest"),
    WORKER(READ_ENV_VARIABLES, "ReadEnvironmentVariableInGuest"),
    WORKER(INITIATE_FILE_TRANSFER_FROM_GUEST, "InitiateFileTransferFromGuest"),
    WORKER(INITIATE_FILE_TRANSFER_TO_GUEST, "InitiateFileTransferToGuest"),
    {VIX_OP_ACQUIRE_CREDENTIALS, VIX_GATE_ACQUIRE, VIX_OK, 0, "AcquireCredentialsInGuest"},
    {VIX_OP_RELEASE_CREDENTIALS, VIX_GATE_RELEASE, VIX_OK, 0, "ReleaseCredentialsInGuest"},
    {VIX_OP_VALIDATE_CREDENTIALS, VIX_GATE_LOGIN_ONLY, VIX_OK, 0, "ValidateCredentialsInGuest"},
    WORKER(TERMINATE_PROCESS, "TerminateProcessInGuest"),
    WORKER(DELETE_GUEST_FILE_EX, "DeleteFileInGuest"),
    WORKER(DELETE_GUEST_DIRECTORY_EX, "DeleteDirectoryInGuest"),
    WINDOWS(CREATE_REGISTRY_KEY),
    WINDOWS(LIST_REGISTRY_KEYS),
    WINDOWS(DELETE_REGISTRY_KEY),
    WINDOWS(SET_REGISTRY_VALUE),
    WINDOWS(LIST_REGISTRY_VALUES),
    WINDOWS(DELETE_REGISTRY_VALUE),
};

const struct vix_gate *vix_gate_find(uint32_t opcode)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i].opcode == opcode)
            return &table[i];
    return NULL;
}

int vix_gate_disabled(const struct vix_gate *gate, uint32_t opcode,
                      int (*disabled)(void *arg, const char *key), void *arg)
{
    char key[KEY_MAX];

    /* The host has to learn what this agent is, whatever is switched off. */
    if (!disabled || opcode == VIX_OP_GET_TOOLS_STATE)
        return 0;
    if (disabled(arg, "disabled"))
        return 1;
    if (!gate || !gate->api)
        return 0;
    snprintf(key, sizeof(key), "%s.disabled", gate->api);
    return disabled(arg, key);
}

enum vix_error vix_gate_login_error(const struct vix_gate *gate)
{
    return gate && gate->old_login ? VIX_E_GUEST_USER_PERMISSIONS : VIX_E_INVALID_LOGIN_CREDENTIALS;
}
