#include "guest/vix_gate.h"

#include <stdio.h>

#include "base/mem.h"
#include "wire/vix_body.h"
#include "wire/vix_ops.h"

#define KEY_MAX 96u

#define WORKER(op)                              \
    {                                           \
        VIX_OP_##op, VIX_GATE_WORKER, VIX_OK, 0 \
    }
#define WORKER_OLD(op)                          \
    {                                           \
        VIX_OP_##op, VIX_GATE_WORKER, VIX_OK, 1 \
    }
#define REFUSED(op, error)                              \
    {                                                   \
        VIX_OP_##op, VIX_GATE_REFUSED, VIX_E_##error, 0 \
    }
#define WINDOWS(op) REFUSED(op, OP_NOT_SUPPORTED_ON_GUEST)

/* VIX guest command protocol: opcode table, login failures, configuration. */
static const struct vix_gate table[] = {
    WINDOWS(READ_REGISTRY),
    WINDOWS(WRITE_REGISTRY),
    WORKER_OLD(DELETE_GUEST_FILE),
    WORKER_OLD(GUEST_FILE_EXISTS),
    WINDOWS(REGISTRY_KEY_EXISTS),
    {VIX_OP_WAIT_FOR_TOOLS, VIX_GATE_NOTHING, VIX_OK, 1},
    {VIX_OP_CAPTURE_SCREEN, VIX_GATE_NOTHING, VIX_OK, 1},
    {VIX_OP_GET_TOOLS_STATE, VIX_GATE_STATE, VIX_OK, 1},
    WORKER_OLD(DIRECTORY_EXISTS),
    WINDOWS(DELETE_GUEST_REGISTRY_KEY),
    WORKER_OLD(DELETE_GUEST_DIRECTORY),
    WORKER_OLD(DELETE_GUEST_EMPTY_DIRECTORY),
    WORKER_OLD(CREATE_TEMPORARY_FILE),
    WORKER_OLD(LIST_PROCESSES),
    WORKER_OLD(MOVE_GUEST_FILE),
    WORKER_OLD(CREATE_DIRECTORY),
    {VIX_OP_CHECK_USER_ACCOUNT, VIX_GATE_LOGIN_ONLY, VIX_OK, 1},
    WORKER_OLD(LIST_DIRECTORY),
    WORKER_OLD(HGFS_SEND_PACKET),
    WORKER_OLD(KILL_PROCESS),
    {VIX_OP_LOGOUT_IN_GUEST, VIX_GATE_LOGIN_ONLY, VIX_OK, 1},
    WORKER_OLD(READ_VARIABLE),
    WORKER_OLD(GET_FILE_INFO),
    {VIX_OP_LIST_FILESYSTEMS, VIX_GATE_WORKER, VIX_OK, 1},
    WORKER(LIST_FILES),
    WORKER(CREATE_DIRECTORY_EX),
    WORKER(MOVE_GUEST_FILE_EX),
    WORKER(MOVE_GUEST_DIRECTORY),
    WORKER(CREATE_TEMPORARY_FILE_EX),
    WORKER(CREATE_TEMPORARY_DIRECTORY),
    WORKER(SET_GUEST_FILE_ATTRIBUTES),
    WORKER(START_PROGRAM),
    WORKER(LIST_PROCESSES_EX),
    WORKER(READ_ENV_VARIABLES),
    WORKER(INITIATE_FILE_TRANSFER_FROM_GUEST),
    WORKER(INITIATE_FILE_TRANSFER_TO_GUEST),
    {VIX_OP_ACQUIRE_CREDENTIALS, VIX_GATE_ACQUIRE, VIX_OK, 0},
    {VIX_OP_RELEASE_CREDENTIALS, VIX_GATE_RELEASE, VIX_OK, 0},
    {VIX_OP_VALIDATE_CREDENTIALS, VIX_GATE_LOGIN_ONLY, VIX_OK, 0},
    WORKER(TERMINATE_PROCESS),
    WORKER(DELETE_GUEST_FILE_EX),
    WORKER(DELETE_GUEST_DIRECTORY_EX),
    WORKER(STREAM_OPEN),
    {VIX_OP_STREAM_END, VIX_GATE_STREAM, VIX_OK, 0},
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

static int method_disabled(const char *method, int (*disabled)(void *arg, const char *key),
                           void *arg)
{
    char key[KEY_MAX];

    snprintf(key, sizeof(key), "%s.disabled", method);
    return disabled(arg, key);
}

int vix_gate_disabled(uint32_t opcode, int (*disabled)(void *arg, const char *key), void *arg)
{
    const struct vix_op *op = vix_op_find(opcode);

    /* The host has to learn what this agent is, whatever is switched off; and what was begun before
     * comes to its end. */
    if (!disabled || opcode == VIX_OP_GET_TOOLS_STATE || opcode == VIX_OP_STREAM_END)
        return 0;
    if (disabled(arg, "disabled"))
        return 1;
    return op && op->method ? method_disabled(op->method, disabled, arg) : 0;
}

int vix_gate_stream_disabled(const void *body, size_t len,
                             int (*disabled)(void *arg, const char *key), void *arg)
{
    /* The API methods that use a kind. */
    static const struct {
        uint32_t kind;
        const char *method;
    } kinds[] = {
        {VIX_STREAM_FILE_READ, "InitiateFileTransferFromGuest"},
        {VIX_STREAM_FILE_WRITE, "InitiateFileTransferToGuest"},
        {VIX_STREAM_EXEC, "StartProgramInGuest"},
        {VIX_STREAM_CONNECT, "StartProgramInGuest"},
    };
    union vix_body stream;

    /* Who cannot be understood, or asks for what there is not, is refused by the worker. */
    if (!disabled || vix_body_decode(VIX_OP_STREAM_OPEN, body, len, &stream) < 0)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (kinds[i].kind == stream.stream_open.kind)
            return method_disabled(kinds[i].method, disabled, arg);
    return 0;
}

enum vix_error vix_gate_login_error(const struct vix_gate *gate)
{
    return gate && gate->old_login ? VIX_E_GUEST_USER_PERMISSIONS : VIX_E_INVALID_LOGIN_CREDENTIALS;
}
