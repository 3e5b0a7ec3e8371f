/*
 * VIX property lists: records of id, type, length, value, without an outer header. Opcode 62
 * answers with the base64 form. Values point into the input.
 */
#ifndef WIRE_VIX_PROPLIST_H
#define WIRE_VIX_PROPLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cursor.h"

#define VIX_PROPLIST_MAX 65536u /* bytes of one list */

enum vix_property_type {
    VIX_PROP_INTEGER = 1,
    VIX_PROP_STRING = 2,
    VIX_PROP_BOOL = 3,
    VIX_PROP_HANDLE = 4,
    VIX_PROP_INT64 = 5,
    VIX_PROP_BLOB = 6,
};

/* Property ids of the tools state (opcode 62). The API flags run from VIX_PROP_API_FIRST to
 * VIX_PROP_API_LAST; their presence says that the agent knows the call, their value nothing. */
enum vix_property_id {
    VIX_PROP_TEMP_DIRECTORY = 203,
    VIX_PROP_TOOLS_VERSION = 4500,
    VIX_PROP_API_OPTIONS = 4501,
    VIX_PROP_OS_FAMILY = 4502, /* 1 Linux, 2 Windows */
    VIX_PROP_OS_NAME = 4503,
    VIX_PROP_PACKAGE_LIST = 4504,
    VIX_PROP_HOST_NAME = 4505,
    VIX_PROP_POWER_OFF_SCRIPT = 4506,
    VIX_PROP_POWER_ON_SCRIPT = 4507,
    VIX_PROP_RESUME_SCRIPT = 4508,
    VIX_PROP_SUSPEND_SCRIPT = 4509,
    VIX_PROP_PRODUCT_NAME = 4511,
    VIX_PROP_IP_ADDRESS = 4514,
    VIX_PROP_WORD_SIZE = 4519,
    VIX_PROP_OS_NAME_SHORT = 4520,
    VIX_PROP_SHARED_FOLDERS_PATH = 4525,
    VIX_PROP_SESSION_TICKET = 4533, /* in the answer to opcode 190 */
    VIX_PROP_API_START_PROGRAM = 4540,
    VIX_PROP_API_LIST_PROCESSES = 4541,
    VIX_PROP_API_TERMINATE_PROCESS = 4542,
    VIX_PROP_API_READ_ENV = 4543,
    VIX_PROP_API_VALIDATE_CREDENTIALS = 4544,
    VIX_PROP_API_ACQUIRE_CREDENTIALS = 4545,
    VIX_PROP_API_RELEASE_CREDENTIALS = 4546,
    VIX_PROP_API_MAKE_DIRECTORY = 4547,
    VIX_PROP_API_DELETE_FILE = 4548,
    VIX_PROP_API_DELETE_DIRECTORY = 4549,
    VIX_PROP_API_MOVE_DIRECTORY = 4550,
    VIX_PROP_API_MOVE_FILE = 4551,
    VIX_PROP_API_CREATE_TEMP_FILE = 4552,
    VIX_PROP_API_CREATE_TEMP_DIRECTORY = 4553,
    VIX_PROP_API_LIST_FILES = 4554,
    VIX_PROP_API_SET_ATTRIBUTES = 4555,
    VIX_PROP_API_TRANSFER_FROM = 4556,
    VIX_PROP_API_TRANSFER_TO = 4557,
    VIX_PROP_API_ADD_ALIAS = 4558,
    VIX_PROP_API_REMOVE_ALIAS = 4559,
    VIX_PROP_API_LIST_ALIASES = 4560,
    VIX_PROP_API_LIST_MAPPED_ALIASES = 4561,
    VIX_PROP_API_REMOVE_ALIAS_BY_CERT = 4568,
    VIX_PROP_API_FIRST = 4540,
    VIX_PROP_API_LAST = 4568,
};

struct vix_property {
    int32_t id;
    enum vix_property_type type;
    int64_t number;       /* INTEGER, BOOL, HANDLE, INT64 */
    const char *text;     /* STRING, NUL-terminated */
    const uint8_t *bytes; /* every type: the raw value */
    size_t len;
};

int vix_proplist_put_int(struct buf *b, int32_t id, int32_t v);
int vix_proplist_put_bool(struct buf *b, int32_t id, bool v);
int vix_proplist_put_int64(struct buf *b, int32_t id, int64_t v);
int vix_proplist_put_string(struct buf *b, int32_t id, const char *v);
int vix_proplist_put_blob(struct buf *b, int32_t id, const void *v, size_t len); /* len > 0 */

/* 1 and the next record, 0 at the end (12 or fewer bytes left over are ignored), -EBADMSG (6004),
 * -EILSEQ (27) or -EOPNOTSUPP (unknown type, 6000). */
int vix_proplist_next(struct cursor *c, struct vix_property *ret);

/* Finds the last record with this id: 0, -ENOENT, or an error of vix_proplist_next anywhere in the
 * list. */
int vix_proplist_get(const void *list, size_t len, int32_t id, struct vix_property *ret);

/* The form of opcode 62: base64. Decoding appends the raw list. */
int vix_proplist_to_text(struct buf *b, const void *list, size_t len);
int vix_proplist_from_text(struct buf *b, const char *text, size_t len); /* -EBADMSG */

#endif
