/*
 * HGFS packets: files of the guest, read and written by the host. Carried in VIX opcode 84.
 *
 * A packet is a header and the payload of one operation. Transfers use the 52-byte header of
 * version 4; the 8-byte header of older clients is read and written too. The structs below are the
 * union of the versions of an operation (OPEN, OPEN_V2, OPEN_V3 are all `open`): the op number
 * chooses the layout. Names and data point into the packet. Names are in cross-platform form
 * (hgfs_name.h). All integers little endian; times are Windows times (hgfs_time_*).
 */
#ifndef WIRE_HGFS_H
#define WIRE_HGFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"

#define HGFS_HEADER_SIZE      52u
#define HGFS_OLD_HEADER_SIZE  8u
#define HGFS_PACKET_MAX       522240u /* newer channels */
#define HGFS_PACKET_LARGE     63488u  /* what copies between host and guest use */
#define HGFS_PACKET_SMALL     6144u   /* replies with the old header */
#define HGFS_IO_LARGE         61440u  /* data of one read or write through VIX */
#define HGFS_IO_SMALL         4096u   /* data of a V1 read or write */
#define HGFS_WRITE_OVERHEAD   77u     /* bytes of a WRITE_V3 packet that are not data */
#define HGFS_READ_OVERHEAD    65u     /* bytes of a READ_V3 reply that are not data */
#define HGFS_NAME_MAX         6144u   /* name in a packet, bytes */
#define HGFS_CAPABILITIES_MAX 512u    /* entries of a session's capability list */

enum hgfs_op {
    HGFS_OPEN = 0,
    HGFS_READ = 1,
    HGFS_WRITE = 2,
    HGFS_CLOSE = 3,
    HGFS_SEARCH_OPEN = 4,
    HGFS_SEARCH_READ = 5,
    HGFS_SEARCH_CLOSE = 6,
    HGFS_GETATTR = 7,
    HGFS_SETATTR = 8,
    HGFS_CREATE_DIR = 9,
    HGFS_DELETE_FILE = 10,
    HGFS_DELETE_DIR = 11,
    HGFS_RENAME = 12,
    HGFS_QUERY_VOLUME = 13,
    HGFS_OPEN_V2 = 14,
    HGFS_GETATTR_V2 = 15,
    HGFS_SETATTR_V2 = 16,
    HGFS_SEARCH_READ_V2 = 17,
    HGFS_CREATE_SYMLINK = 18,
    HGFS_CREATE_DIR_V2 = 20,
    HGFS_DELETE_FILE_V2 = 21,
    HGFS_DELETE_DIR_V2 = 22,
    HGFS_RENAME_V2 = 23,
    HGFS_OPEN_V3 = 24,
    HGFS_READ_V3 = 25,
    HGFS_WRITE_V3 = 26,
    HGFS_CLOSE_V3 = 27,
    HGFS_SEARCH_OPEN_V3 = 28,
    HGFS_SEARCH_READ_V3 = 29,
    HGFS_SEARCH_CLOSE_V3 = 30,
    HGFS_GETATTR_V3 = 31,
    HGFS_SETATTR_V3 = 32,
    HGFS_CREATE_DIR_V3 = 33,
    HGFS_DELETE_FILE_V3 = 34,
    HGFS_DELETE_DIR_V3 = 35,
    HGFS_RENAME_V3 = 36,
    HGFS_QUERY_VOLUME_V3 = 37,
    HGFS_CREATE_SYMLINK_V3 = 38,
    HGFS_CREATE_SESSION_V4 = 41,
    HGFS_DESTROY_SESSION_V4 = 42,
    HGFS_OP_NEW_HEADER = 255, /* not an operation: marks the 52-byte header */
};

enum hgfs_status {
    HGFS_SUCCESS = 0,
    HGFS_NO_SUCH_FILE = 1,
    HGFS_INVALID_HANDLE = 2,
    HGFS_NOT_PERMITTED = 3,
    HGFS_FILE_EXISTS = 4,
    HGFS_NOT_DIRECTORY = 5,
    HGFS_DIR_NOT_EMPTY = 6,
    HGFS_PROTOCOL_ERROR = 7,
    HGFS_ACCESS_DENIED = 8,
    HGFS_INVALID_NAME = 9,
    HGFS_GENERIC_ERROR = 10,
    HGFS_SHARING_VIOLATION = 11,
    HGFS_NO_SPACE = 12,
    HGFS_NOT_SUPPORTED = 13,
    HGFS_NAME_TOO_LONG = 14,
    HGFS_INVALID_PARAMETER = 15,
    HGFS_NOT_SAME_DEVICE = 16,
    HGFS_STALE_SESSION = 17,
    HGFS_TOO_MANY_SESSIONS = 18,
    HGFS_TRANSPORT_ERROR = 19,
};

enum hgfs_status hgfs_status_from_errno(int err); /* takes either sign */
/* HGFS status as the VixError a host reports. */
uint32_t hgfs_status_to_vix(uint32_t status);
const char *hgfs_status_name(uint32_t status);
const char *hgfs_op_name(uint32_t op);
bool hgfs_op_known(uint32_t op);

enum hgfs_header_flag { HGFS_FLAG_REQUEST = 1, HGFS_FLAG_REPLY = 2 };

struct hgfs_header {
    bool old;            /* the 8-byte header: only request_id, op (requests) or status (replies) */
    uint32_t request_id; /* echoed */
    uint32_t op;
    uint32_t status; /* replies */
    uint32_t information;
    uint32_t flags;
    uint64_t session_id;
};
#define HGFS_NO_SESSION UINT64_MAX

/* A request packet: header and payload. -EPROTO: cannot be answered (too short, unknown marker);
 * -EBADMSG: answer PROTOCOL_ERROR to *ret_header, which is filled in then too. */
int hgfs_request_header_decode(const void *packet, size_t len, struct hgfs_header *ret_header,
                               const uint8_t **ret_payload, size_t *ret_len);
/* A reply. `old_op`: the op of the request when that had the old header, else ignored. */
int hgfs_reply_header_decode(const void *packet, size_t len, uint32_t old_op,
                             struct hgfs_header *ret_header, const uint8_t **ret_payload,
                             size_t *ret_len);

/* A name in a request: cross-platform bytes, or an open handle in place of one. */
struct hgfs_name {
    const char *bytes; /* not NUL-terminated */
    size_t len;
    bool by_handle;
    uint32_t handle;
    uint32_t case_type;
};

enum hgfs_attr_bit {
    HGFS_ATTR_TYPE = 1u << 0,
    HGFS_ATTR_SIZE = 1u << 1,
    HGFS_ATTR_CREATE_TIME = 1u << 2,
    HGFS_ATTR_ACCESS_TIME = 1u << 3,
    HGFS_ATTR_WRITE_TIME = 1u << 4,
    HGFS_ATTR_CHANGE_TIME = 1u << 5,
    HGFS_ATTR_SPECIAL_PERMS = 1u << 6,
    HGFS_ATTR_OWNER_PERMS = 1u << 7,
    HGFS_ATTR_GROUP_PERMS = 1u << 8,
    HGFS_ATTR_OTHER_PERMS = 1u << 9,
    HGFS_ATTR_FLAGS = 1u << 10,
    HGFS_ATTR_ALLOCATION_SIZE = 1u << 11,
    HGFS_ATTR_USERID = 1u << 12,
    HGFS_ATTR_GROUPID = 1u << 13,
    HGFS_ATTR_FILEID = 1u << 14,
    HGFS_ATTR_VOLID = 1u << 15,
    HGFS_ATTR_EFFECTIVE_PERMS = 1u << 17,
};
enum hgfs_file_type { HGFS_TYPE_REGULAR = 0, HGFS_TYPE_DIRECTORY = 1, HGFS_TYPE_SYMLINK = 2 };
enum hgfs_file_flag {
    HGFS_FILE_HIDDEN = 1u << 0,
    HGFS_FILE_READONLY = 1u << 8,
    HGFS_FILE_SEQUENTIAL_ONLY = 1u << 11,
};
enum hgfs_hint {
    HGFS_HINT_SET_ACCESS_TIME = 1, /* the time in the packet, not "now" */
    HGFS_HINT_SET_WRITE_TIME = 2,
    HGFS_HINT_BY_HANDLE = 4, /* set by the encoder from name.by_handle */
};

struct hgfs_attr {
    uint64_t mask; /* enum hgfs_attr_bit: what is valid */
    uint32_t type;
    uint64_t size;
    uint64_t create_time, access_time, write_time, change_time; /* Windows time */
    uint8_t special_perms, owner_perms, group_perms, other_perms;
    uint64_t flags; /* enum hgfs_file_flag */
    uint64_t allocation_size;
    uint32_t uid, gid;
    uint64_t file_id;
    uint32_t volume_id;
    uint32_t effective_perms;
};
#define HGFS_ATTR_V2_SIZE 104u

uint64_t hgfs_time_from_unix(const struct timespec *ts);
void hgfs_time_to_unix(uint64_t t, struct timespec *ret);
/* 07777 mode bits and the four groups. */
void hgfs_attr_set_mode(struct hgfs_attr *a, unsigned mode);
unsigned hgfs_attr_mode(const struct hgfs_attr *a);

enum hgfs_open_bit {
    HGFS_OPEN_MODE = 1u << 0,
    HGFS_OPEN_FLAGS = 1u << 1,
    HGFS_OPEN_SPECIAL_PERMS = 1u << 2,
    HGFS_OPEN_OWNER_PERMS = 1u << 3,
    HGFS_OPEN_GROUP_PERMS = 1u << 4,
    HGFS_OPEN_OTHER_PERMS = 1u << 5,
    HGFS_OPEN_FILE_ATTR = 1u << 6,
    HGFS_OPEN_ALLOCATION_SIZE = 1u << 7,
    HGFS_OPEN_DESIRED_ACCESS = 1u << 8,
    HGFS_OPEN_SHARE_ACCESS = 1u << 9,
    HGFS_OPEN_LOCK = 1u << 10,
    HGFS_OPEN_FILE_NAME = 1u << 11,
};
enum hgfs_open_mode {
    HGFS_MODE_READ = 0,
    HGFS_MODE_WRITE = 1,
    HGFS_MODE_READ_WRITE = 2,
    HGFS_MODE_SEQUENTIAL = 4, /* added */
};
enum hgfs_open_flag {
    HGFS_OPEN_EXISTING = 0,
    HGFS_OPEN_EMPTY = 1,
    HGFS_OPEN_CREATE = 2,
    HGFS_OPEN_CREATE_SAFE = 3,
    HGFS_OPEN_CREATE_EMPTY = 4,
};

struct hgfs_open { /* OPEN, OPEN_V2, OPEN_V3 */
    uint64_t mask; /* enum hgfs_open_bit; OPEN: MODE, FLAGS, OWNER_PERMS, FILE_NAME */
    uint32_t mode;
    uint32_t flags;
    uint8_t special_perms, owner_perms, group_perms, other_perms;
    uint64_t attr_flags;
    uint64_t allocation_size;
    uint32_t desired_access, share_access;
    uint32_t lock;
    struct hgfs_name name;
};
struct hgfs_io { /* READ and WRITE, every version */
    uint32_t handle;
    uint8_t flags; /* WRITE: 1 = append */
    uint64_t offset;
    uint32_t size;
    const uint8_t *data; /* WRITE: `size` bytes */
};
struct hgfs_handle { /* CLOSE, SEARCH_CLOSE */
    uint32_t handle;
};
struct hgfs_file { /* GETATTR, DELETE_*, SEARCH_OPEN, QUERY_VOLUME */
    uint64_t hints;
    struct hgfs_name name;
};
struct hgfs_setattr {
    uint64_t hints;
    struct hgfs_attr attr;
    struct hgfs_name name;
};
struct hgfs_search_read {
    uint32_t search;
    uint32_t index;
    uint32_t flags;
};
enum hgfs_create_dir_bit {
    HGFS_DIR_SPECIAL_PERMS = 1,
    HGFS_DIR_OWNER_PERMS = 2,
    HGFS_DIR_GROUP_PERMS = 4,
    HGFS_DIR_OTHER_PERMS = 8,
    HGFS_DIR_FILE_NAME = 16,
    HGFS_DIR_FILE_ATTR = 32,
};
struct hgfs_create_dir {
    uint64_t mask;
    uint8_t special_perms, owner_perms, group_perms, other_perms;
    uint64_t attr_flags;
    struct hgfs_name name;
};
enum hgfs_rename_hint {
    HGFS_RENAME_SOURCE_HANDLE = 1, /* set by the encoder from the names */
    HGFS_RENAME_TARGET_HANDLE = 2,
    HGFS_RENAME_NO_REPLACE = 4,
    HGFS_RENAME_NO_COPY = 8,
};
struct hgfs_two_names { /* RENAME; CREATE_SYMLINK (from = the link, to = its target) */
    uint64_t hints;
    struct hgfs_name from, to;
};
enum hgfs_session_flag {
    HGFS_SESSION_MAX_PACKET_VALID = 1,
    HGFS_SESSION_CHANGE_NOTIFY = 2,
    HGFS_SESSION_OPLOCK = 4,
    HGFS_SESSION_ASYNC_IO = 8,
    /* Ours (docs/guest-rpc-extensions.md), in replies: what was made or emptied in the session and
     * not closed by its end is as it was before. */
    HGFS_SESSION_UNDO = 0x100,
};
struct hgfs_capability {
    uint32_t op;
    uint32_t flags; /* 0 no, 1 yes, 2 asynchronous */
};
struct hgfs_session {    /* CREATE_SESSION_V4, request and reply */
    uint64_t session_id; /* reply */
    uint32_t max_packet;
    uint32_t flags;
    uint32_t capability_count;
    const uint8_t *capability_bytes;            /* decoded: read with hgfs_session_capability */
    const struct hgfs_capability *capabilities; /* encoding */
};
struct hgfs_capability hgfs_session_capability(const struct hgfs_session *s, uint32_t i);

union hgfs_request {
    struct hgfs_open open;
    struct hgfs_io io;
    struct hgfs_handle close;
    struct hgfs_file file;
    struct hgfs_setattr setattr;
    struct hgfs_search_read search_read;
    struct hgfs_create_dir create_dir;
    struct hgfs_two_names names;
    struct hgfs_session session;
};

struct hgfs_opened { /* OPEN, SEARCH_OPEN */
    uint32_t handle;
    uint32_t lock;
    uint32_t flags;
};
struct hgfs_done_io { /* READ: `size` bytes of data; WRITE */
    uint32_t size;
    const uint8_t *data; /* NULL when encoding: the caller appends the data itself, see below */
};
struct hgfs_entry { /* GETATTR (name = link target), SEARCH_READ (name = entry) */
    struct hgfs_attr attr;
    struct hgfs_name name;
    bool end; /* SEARCH_READ: no more entries */
};
struct hgfs_volume {
    uint64_t free, total; /* bytes */
};

union hgfs_reply {
    struct hgfs_opened opened;
    struct hgfs_done_io io;
    struct hgfs_entry entry;
    struct hgfs_volume volume;
    struct hgfs_session session;
};

/* The payload of a known op. -EBADMSG (answer PROTOCOL_ERROR), -EOPNOTSUPP (unknown op), or
 * -ENAMETOOLONG (a name over HGFS_NAME_MAX). */
int hgfs_request_decode(uint32_t op, const void *payload, size_t len, union hgfs_request *ret);
int hgfs_reply_decode(uint32_t op, const void *payload, size_t len, union hgfs_reply *ret);

/* Appends a whole packet. The encoder sets flags and sizes. `reply` may be NULL when
 * header->status is not 0 or the op has no reply payload. Errors: -EOPNOTSUPP, -EINVAL, -ENOMEM,
 * -ENOBUFS. */
int hgfs_request_encode(struct buf *b, const struct hgfs_header *header,
                        const union hgfs_request *request);
int hgfs_reply_encode(struct buf *b, const struct hgfs_header *header,
                      const union hgfs_reply *reply);

/* A READ reply without copying: begin gives room for `size` data bytes in the buffer, end takes how
 * many were read and completes the packet. */
int hgfs_read_reply_begin(struct buf *b, const struct hgfs_header *header, uint32_t size,
                          uint8_t **ret_data, size_t *ret_start);
int hgfs_read_reply_end(struct buf *b, const struct hgfs_header *header, size_t start,
                        uint32_t actual);

#endif
