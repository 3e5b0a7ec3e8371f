/*
 * The opcodes of the VIX guest command protocol that reach a guest agent, as a table: name, who may
 * run it, what the body looks like, what kind of result comes back.
 */
#ifndef WIRE_VIX_OPS_H
#define WIRE_VIX_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vix_opcode {
    VIX_OP_RUN_PROGRAM = 4,
    VIX_OP_READ_REGISTRY = 8,
    VIX_OP_WRITE_REGISTRY = 10,
    VIX_OP_DELETE_GUEST_FILE = 18,
    VIX_OP_GUEST_FILE_EXISTS = 19,
    VIX_OP_REGISTRY_KEY_EXISTS = 22,
    VIX_OP_WAIT_FOR_TOOLS = 38,
    VIX_OP_RUN_SCRIPT_IN_GUEST = 46,
    VIX_OP_CAPTURE_SCREEN = 58,
    VIX_OP_GET_TOOLS_STATE = 62,
    VIX_OP_DIRECTORY_EXISTS = 70,
    VIX_OP_DELETE_GUEST_REGISTRY_KEY = 71,
    VIX_OP_DELETE_GUEST_DIRECTORY = 72,
    VIX_OP_DELETE_GUEST_EMPTY_DIRECTORY = 73,
    VIX_OP_CREATE_TEMPORARY_FILE = 74,
    VIX_OP_LIST_PROCESSES = 75,
    VIX_OP_MOVE_GUEST_FILE = 76,
    VIX_OP_CREATE_DIRECTORY = 77,
    VIX_OP_CHECK_USER_ACCOUNT = 78,
    VIX_OP_LIST_DIRECTORY = 79,
    VIX_OP_HGFS_SEND_PACKET = 84,
    VIX_OP_KILL_PROCESS = 85,
    VIX_OP_LOGOUT_IN_GUEST = 87,
    VIX_OP_READ_VARIABLE = 88,
    VIX_OP_WRITE_VARIABLE = 89,
    VIX_OP_GET_FILE_INFO = 94,
    VIX_OP_GET_GUEST_NETWORKING_CONFIG = 116,
    VIX_OP_LIST_FILESYSTEMS = 169,
    VIX_OP_LIST_FILES = 177,
    VIX_OP_CREATE_DIRECTORY_EX = 178,
    VIX_OP_MOVE_GUEST_FILE_EX = 179,
    VIX_OP_MOVE_GUEST_DIRECTORY = 180,
    VIX_OP_CREATE_TEMPORARY_FILE_EX = 181,
    VIX_OP_CREATE_TEMPORARY_DIRECTORY = 182,
    VIX_OP_SET_GUEST_FILE_ATTRIBUTES = 183,
    VIX_OP_START_PROGRAM = 185,
    VIX_OP_LIST_PROCESSES_EX = 186,
    VIX_OP_READ_ENV_VARIABLES = 187,
    VIX_OP_INITIATE_FILE_TRANSFER_FROM_GUEST = 188,
    VIX_OP_INITIATE_FILE_TRANSFER_TO_GUEST = 189,
    VIX_OP_ACQUIRE_CREDENTIALS = 190,
    VIX_OP_RELEASE_CREDENTIALS = 191,
    VIX_OP_VALIDATE_CREDENTIALS = 192,
    VIX_OP_TERMINATE_PROCESS = 193,
    VIX_OP_DELETE_GUEST_FILE_EX = 194,
    VIX_OP_DELETE_GUEST_DIRECTORY_EX = 195,
    VIX_OP_ADD_AUTH_ALIAS = 197,
    VIX_OP_REMOVE_AUTH_ALIAS = 198,
    VIX_OP_LIST_AUTH_PROVIDER_ALIASES = 199,
    VIX_OP_LIST_AUTH_MAPPED_ALIASES = 200,
    VIX_OP_CREATE_REGISTRY_KEY = 201,
    VIX_OP_LIST_REGISTRY_KEYS = 202,
    VIX_OP_DELETE_REGISTRY_KEY = 203,
    VIX_OP_SET_REGISTRY_VALUE = 204,
    VIX_OP_LIST_REGISTRY_VALUES = 205,
    VIX_OP_DELETE_REGISTRY_VALUE = 206,
    VIX_OP_REMOVE_AUTH_ALIAS_BY_CERT = 207,
    /* Ours alone, beyond all numbers in use elsewhere (docs/guest-rpc-extensions.md). */
    VIX_OP_STREAM_OPEN = 0x49470001,
    VIX_OP_STREAM_END = 0x49470002,
};

enum vix_result_kind {
    VIX_RESULT_EMPTY,
    VIX_RESULT_TEXT,     /* see vix_text.h */
    VIX_RESULT_INTEGER,  /* decimal: a pid, or 0/1 */
    VIX_RESULT_PROPLIST, /* base64 of a property list */
    VIX_RESULT_BINARY,   /* raw bytes; the request needs VIX_COMMON_BINARY */
};

enum vix_op_flag {
    VIX_OP_NO_LOGIN = 0x1,   /* needs no credential */
    VIX_OP_OLD_LOGIN = 0x2,  /* a bad login is 3015, not 3050 */
    VIX_OP_WINDOWS = 0x4,    /* Windows agents only; Linux answers 3003 */
    VIX_OP_WAS_ESCAPED = 0x8 /* escapes its result only on VIX_REQUEST_ESCAPE_XML */
};

struct vix_op {
    uint32_t opcode;
    const char *name; /* "START_PROGRAM" */
    uint32_t body;    /* enum vix_body_kind of vix_body.h */
    enum vix_result_kind result;
    unsigned flags;
    uint32_t api_property; /* tools-state property that says the agent knows this API; 0 = none */
    /* Name of the API method that it serves, which is also its name in tools.conf; NULL = none. */
    const char *method;
};

/* NULL for an opcode that no agent runs (agents answer 3025). */
const struct vix_op *vix_op_find(uint32_t opcode);
/* The name, or "UNKNOWN". Never NULL. */
const char *vix_op_name(uint32_t opcode);
/* The whole table, for tests and documentation. */
const struct vix_op *vix_op_table(size_t *ret_count);

#endif
