#include "wire/hgfs.h"

#include <errno.h>
#include <string.h>

#include "wire/hgfs_private.h"
#include "wire/vix_error.h"

#define SIZE_OFFSET    8u
#define VERSION        1u
#define NT_EPOCH       11644473600ll /* seconds from 1601 to 1970 */
#define NT_PER_SECOND  10000000ll
#define NT_NANOSECONDS 100
#define ATTR_V1_MASK                                                                   \
    (HGFS_ATTR_TYPE | HGFS_ATTR_SIZE | HGFS_ATTR_CREATE_TIME | HGFS_ATTR_ACCESS_TIME | \
     HGFS_ATTR_WRITE_TIME | HGFS_ATTR_CHANGE_TIME | HGFS_ATTR_OWNER_PERMS)

#define ROW(name, version, request, reply) \
    [HGFS_##name] = {#name, version, HGFS_SHAPE_##request, HGFS_SHAPE_##reply}

static const struct hgfs_op_row rows[] = {
    ROW(OPEN, 1, OPEN, OPEN),
    ROW(READ, 1, READ, READ),
    ROW(WRITE, 1, WRITE, WRITE),
    ROW(CLOSE, 1, CLOSE, NONE),
    ROW(SEARCH_OPEN, 1, SEARCH_OPEN, SEARCH_OPEN),
    ROW(SEARCH_READ, 1, SEARCH_READ, SEARCH_READ),
    ROW(SEARCH_CLOSE, 1, CLOSE, NONE),
    ROW(GETATTR, 1, GETATTR, GETATTR),
    ROW(SETATTR, 1, SETATTR, NONE),
    ROW(CREATE_DIR, 1, CREATE_DIR, NONE),
    ROW(DELETE_FILE, 1, DELETE, NONE),
    ROW(DELETE_DIR, 1, DELETE, NONE),
    ROW(RENAME, 1, RENAME, NONE),
    ROW(QUERY_VOLUME, 1, VOLUME, VOLUME),
    ROW(OPEN_V2, 2, OPEN, OPEN),
    ROW(GETATTR_V2, 2, GETATTR, GETATTR),
    ROW(SETATTR_V2, 2, SETATTR, NONE),
    ROW(SEARCH_READ_V2, 2, SEARCH_READ, SEARCH_READ),
    ROW(CREATE_SYMLINK, 1, SYMLINK, NONE),
    ROW(CREATE_DIR_V2, 2, CREATE_DIR, NONE),
    ROW(DELETE_FILE_V2, 2, DELETE, NONE),
    ROW(DELETE_DIR_V2, 2, DELETE, NONE),
    ROW(RENAME_V2, 2, RENAME, NONE),
    ROW(OPEN_V3, 3, OPEN, OPEN),
    ROW(READ_V3, 3, READ, READ),
    ROW(WRITE_V3, 3, WRITE, WRITE),
    ROW(CLOSE_V3, 3, CLOSE, NONE),
    ROW(SEARCH_OPEN_V3, 3, SEARCH_OPEN, SEARCH_OPEN),
    ROW(SEARCH_READ_V3, 3, SEARCH_READ, SEARCH_READ),
    ROW(SEARCH_CLOSE_V3, 3, CLOSE, NONE),
    ROW(GETATTR_V3, 3, GETATTR, GETATTR),
    ROW(SETATTR_V3, 3, SETATTR, NONE),
    ROW(CREATE_DIR_V3, 3, CREATE_DIR, NONE),
    ROW(DELETE_FILE_V3, 3, DELETE, NONE),
    ROW(DELETE_DIR_V3, 3, DELETE, NONE),
    ROW(RENAME_V3, 3, RENAME, NONE),
    ROW(QUERY_VOLUME_V3, 3, VOLUME, VOLUME),
    ROW(CREATE_SYMLINK_V3, 3, SYMLINK, NONE),
    ROW(CREATE_SESSION_V4, 4, SESSION, SESSION),
    ROW(DESTROY_SESSION_V4, 4, NONE, NONE),
};

/* Status, errno (0 = no errno gives it), VixError a host reports. */
static const struct {
    const char *name;
    int err;
    enum vix_error vix;
} statuses[] = {
    [HGFS_SUCCESS] = {"SUCCESS", 0, VIX_OK},
    [HGFS_NO_SUCH_FILE] = {"NO_SUCH_FILE_OR_DIR", ENOENT, VIX_E_FILE_NOT_FOUND},
    [HGFS_INVALID_HANDLE] = {"INVALID_HANDLE", EBADF, VIX_E_FAIL},
    [HGFS_NOT_PERMITTED] = {"OPERATION_NOT_PERMITTED", EPERM, VIX_E_FILE_ACCESS_ERROR},
    [HGFS_FILE_EXISTS] = {"FILE_EXISTS", EEXIST, VIX_E_FILE_ALREADY_EXISTS},
    [HGFS_NOT_DIRECTORY] = {"NOT_DIRECTORY", ENOTDIR, VIX_E_NOT_A_DIRECTORY},
    [HGFS_DIR_NOT_EMPTY] = {"DIR_NOT_EMPTY", ENOTEMPTY, VIX_E_DIRECTORY_NOT_EMPTY},
    [HGFS_PROTOCOL_ERROR] = {"PROTOCOL_ERROR", EPROTO, VIX_E_FILE_ERROR},
    [HGFS_ACCESS_DENIED] = {"ACCESS_DENIED", EACCES, VIX_E_FILE_ACCESS_ERROR},
    [HGFS_INVALID_NAME] = {"INVALID_NAME", EINVAL, VIX_E_FILE_NAME_INVALID},
    [HGFS_GENERIC_ERROR] = {"GENERIC_ERROR", 0, VIX_E_FILE_ERROR},
    [HGFS_SHARING_VIOLATION] = {"SHARING_VIOLATION", 0, VIX_E_OBJECT_IS_BUSY},
    [HGFS_NO_SPACE] = {"NO_SPACE", ENOSPC, VIX_E_DISK_FULL},
    [HGFS_NOT_SUPPORTED] = {"OPERATION_NOT_SUPPORTED", EOPNOTSUPP, VIX_E_NOT_SUPPORTED},
    [HGFS_NAME_TOO_LONG] = {"NAME_TOO_LONG", ENAMETOOLONG, VIX_E_FILE_NAME_TOO_LONG},
    [HGFS_INVALID_PARAMETER] = {"INVALID_PARAMETER", 0, VIX_E_FILE_ERROR},
    [HGFS_NOT_SAME_DEVICE] = {"NOT_SAME_DEVICE", EXDEV, VIX_E_FILE_ERROR},
    [HGFS_STALE_SESSION] = {"STALE_SESSION", ENETRESET, VIX_E_FAIL},
    [HGFS_TOO_MANY_SESSIONS] = {"TOO_MANY_SESSIONS", ECONNREFUSED, VIX_E_FILE_ERROR},
    [HGFS_TRANSPORT_ERROR] = {"TRANSPORT_ERROR", 0, VIX_E_FILE_ERROR},
};
#define STATUS_COUNT (sizeof(statuses) / sizeof(statuses[0]))

const struct hgfs_op_row *hgfs_op_find(uint32_t op)
{
    return op < sizeof(rows) / sizeof(rows[0]) && rows[op].name ? &rows[op] : NULL;
}

bool hgfs_op_known(uint32_t op)
{
    return hgfs_op_find(op) != NULL;
}

const char *hgfs_op_name(uint32_t op)
{
    const struct hgfs_op_row *row = hgfs_op_find(op);

    return row ? row->name : "UNKNOWN";
}

const char *hgfs_status_name(uint32_t status)
{
    return status < STATUS_COUNT ? statuses[status].name : "UNKNOWN";
}

uint32_t hgfs_status_to_vix(uint32_t status)
{
    return status < STATUS_COUNT ? statuses[status].vix : VIX_E_FILE_ERROR;
}

enum hgfs_status hgfs_status_from_errno(int err)
{
    if (err < 0)
        err = -err;
    if (!err)
        return HGFS_SUCCESS;
    if (err == EISDIR)
        return HGFS_FILE_EXISTS;
    for (size_t i = 0; i < STATUS_COUNT; i++)
        if (statuses[i].err == err)
            return (enum hgfs_status)i;
    return HGFS_GENERIC_ERROR;
}

uint64_t hgfs_time_from_unix(const struct timespec *ts)
{
    if (ts->tv_sec < -NT_EPOCH || ts->tv_sec > INT64_MAX / NT_PER_SECOND - NT_EPOCH)
        return 0;
    return (uint64_t)((ts->tv_sec + NT_EPOCH) * NT_PER_SECOND + ts->tv_nsec / NT_NANOSECONDS);
}

void hgfs_time_to_unix(uint64_t t, struct timespec *ret)
{
    ret->tv_sec = (time_t)(t / NT_PER_SECOND) - NT_EPOCH;
    ret->tv_nsec = (long)(t % NT_PER_SECOND) * NT_NANOSECONDS;
}

void hgfs_attr_set_mode(struct hgfs_attr *a, unsigned mode)
{
    a->special_perms = (uint8_t)(mode >> 9 & 7);
    a->owner_perms = (uint8_t)(mode >> 6 & 7);
    a->group_perms = (uint8_t)(mode >> 3 & 7);
    a->other_perms = (uint8_t)(mode & 7);
}

unsigned hgfs_attr_mode(const struct hgfs_attr *a)
{
    return (a->special_perms & 7u) << 9 | (a->owner_perms & 7u) << 6 | (a->group_perms & 7u) << 3 |
           (a->other_perms & 7u);
}

/* ---- headers --------------------------------------------------------------------------------- */

/* The 52-byte header; *h is filled as far as there are bytes. */
static int decode_new_header(const void *packet, size_t len, struct hgfs_header *h,
                             const uint8_t **ret_payload, size_t *ret_len)
{
    struct cursor c = CURSOR_INIT(packet, len);
    uint32_t packet_size, header_size;
    uint8_t version;

    cursor_u8(&c, &version);
    cursor_skip(&c, 7);
    cursor_le32(&c, &packet_size);
    cursor_le32(&c, &header_size);
    cursor_le32(&c, &h->request_id);
    cursor_le32(&c, &h->op);
    cursor_le32(&c, &h->status);
    cursor_le32(&c, &h->flags);
    cursor_le32(&c, &h->information);
    cursor_le64(&c, &h->session_id);
    cursor_skip(&c, 8);
    if (cursor_error(&c) || !version || header_size < HGFS_HEADER_SIZE ||
        packet_size < header_size || packet_size > len)
        return -EBADMSG;
    /* Old copy clients leave garbage in the flags of version 1. */
    if (version > VERSION && h->flags && !(h->flags & (HGFS_FLAG_REQUEST | HGFS_FLAG_REPLY)))
        return -EBADMSG;
    *ret_payload = (const uint8_t *)packet + header_size;
    *ret_len = packet_size - header_size;
    return 0;
}

/* With the 8-byte header the payload of an early operation is the whole packet. */
static void old_payload(uint32_t op, const void *packet, size_t len, const uint8_t **ret_payload,
                        size_t *ret_len)
{
    size_t skip = op < HGFS_FIRST_V3 ? 0 : HGFS_OLD_HEADER_SIZE;

    *ret_payload = (const uint8_t *)packet + skip;
    *ret_len = len - skip;
}

int hgfs_request_header_decode(const void *packet, size_t len, struct hgfs_header *ret_header,
                               const uint8_t **ret_payload, size_t *ret_len)
{
    struct cursor c = CURSOR_INIT(packet, len);
    struct hgfs_header h = {.session_id = HGFS_NO_SESSION};
    int r = 0;

    cursor_le32(&c, &h.request_id);
    cursor_le32(&c, &h.op);
    if (cursor_error(&c))
        return -EPROTO;
    if (h.op == HGFS_OP_NEW_HEADER) {
        r = decode_new_header(packet, len, &h, ret_payload, ret_len);
    } else if (h.op < HGFS_CREATE_SESSION_V4) {
        h.old = true;
        h.flags = HGFS_FLAG_REQUEST;
        old_payload(h.op, packet, len, ret_payload, ret_len);
    } else {
        return -EPROTO;
    }
    *ret_header = h;
    return r;
}

int hgfs_reply_header_decode(const void *packet, size_t len, uint32_t old_op,
                             struct hgfs_header *ret_header, const uint8_t **ret_payload,
                             size_t *ret_len)
{
    struct cursor c = CURSOR_INIT(packet, len);
    struct hgfs_header h = {.session_id = HGFS_NO_SESSION};
    uint32_t second;
    int r = 0;

    cursor_le32(&c, &h.request_id);
    cursor_le32(&c, &second);
    if (cursor_error(&c))
        return -EBADMSG;
    if (second == HGFS_OP_NEW_HEADER) {
        r = decode_new_header(packet, len, &h, ret_payload, ret_len);
    } else {
        h.old = true;
        h.op = old_op;
        h.status = second;
        h.flags = HGFS_FLAG_REPLY;
        old_payload(h.op, packet, len, ret_payload, ret_len);
    }
    if (!r)
        *ret_header = h;
    return r;
}

size_t hgfs_begin_packet(struct buf *b, const struct hgfs_header *h, bool reply)
{
    size_t start = b->len;
    uint32_t second = reply ? h->status : h->op;

    if (!h->old) {
        buf_put_le32(b, VERSION); /* one byte, and three reserved ones */
        buf_put_le32(b, HGFS_OP_NEW_HEADER);
        buf_put_le32(b, 0);
        buf_put_le32(b, HGFS_HEADER_SIZE);
        buf_put_le32(b, h->request_id);
        buf_put_le32(b, h->op);
        buf_put_le32(b, reply ? h->status : 0);
        buf_put_le32(b, reply ? HGFS_FLAG_REPLY : HGFS_FLAG_REQUEST);
        buf_put_le32(b, h->information);
        buf_put_le64(b, h->session_id);
        buf_put_zeros(b, 8);
    }
    if (h->old || (h->op < HGFS_FIRST_V3 && !(reply && h->status))) {
        buf_put_le32(b, h->request_id);
        buf_put_le32(b, second);
    }
    return start;
}

int hgfs_end_packet(struct buf *b, const struct hgfs_header *h, size_t start)
{
    if (b->err || h->old)
        return b->err;
    return buf_patch_le32(b, start + SIZE_OFFSET, (uint32_t)(b->len - start));
}

/* ---- attributes and names ---------------------------------------------------------------------
 */

void hgfs_get_attr_v1(struct cursor *c, struct hgfs_attr *ret)
{
    struct hgfs_attr a = {.mask = ATTR_V1_MASK};

    cursor_le32(c, &a.type);
    cursor_le64(c, &a.size);
    cursor_le64(c, &a.create_time);
    cursor_le64(c, &a.access_time);
    cursor_le64(c, &a.write_time);
    cursor_le64(c, &a.change_time);
    cursor_u8(c, &a.owner_perms);
    *ret = a;
}

void hgfs_put_attr_v1(struct buf *b, const struct hgfs_attr *a)
{
    buf_put_le32(b, a->type);
    buf_put_le64(b, a->size);
    buf_put_le64(b, a->create_time);
    buf_put_le64(b, a->access_time);
    buf_put_le64(b, a->write_time);
    buf_put_le64(b, a->change_time);
    buf_put_u8(b, a->owner_perms);
}

void hgfs_get_attr_v2(struct cursor *c, struct hgfs_attr *ret)
{
    struct hgfs_attr a = {0};

    cursor_le64(c, &a.mask);
    cursor_le32(c, &a.type);
    cursor_le64(c, &a.size);
    cursor_le64(c, &a.create_time);
    cursor_le64(c, &a.access_time);
    cursor_le64(c, &a.write_time);
    cursor_le64(c, &a.change_time);
    cursor_u8(c, &a.special_perms);
    cursor_u8(c, &a.owner_perms);
    cursor_u8(c, &a.group_perms);
    cursor_u8(c, &a.other_perms);
    cursor_le64(c, &a.flags);
    cursor_le64(c, &a.allocation_size);
    cursor_le32(c, &a.uid);
    cursor_le32(c, &a.gid);
    cursor_le64(c, &a.file_id);
    cursor_le32(c, &a.volume_id);
    cursor_le32(c, &a.effective_perms);
    cursor_skip(c, 8);
    *ret = a;
}

void hgfs_put_attr_v2(struct buf *b, const struct hgfs_attr *a)
{
    buf_put_le64(b, a->mask);
    buf_put_le32(b, a->type);
    buf_put_le64(b, a->size);
    buf_put_le64(b, a->create_time);
    buf_put_le64(b, a->access_time);
    buf_put_le64(b, a->write_time);
    buf_put_le64(b, a->change_time);
    buf_put_u8(b, a->special_perms);
    buf_put_u8(b, a->owner_perms);
    buf_put_u8(b, a->group_perms);
    buf_put_u8(b, a->other_perms);
    buf_put_le64(b, a->flags);
    buf_put_le64(b, a->allocation_size);
    buf_put_le32(b, a->uid);
    buf_put_le32(b, a->gid);
    buf_put_le64(b, a->file_id);
    buf_put_le32(b, a->volume_id);
    buf_put_le32(b, a->effective_perms);
    buf_put_zeros(b, 8);
}

static int get_name_bytes(struct cursor *c, uint32_t len, struct hgfs_name *n)
{
    const uint8_t *bytes;

    if (len > HGFS_NAME_MAX && len <= c->left)
        return -ENAMETOOLONG;
    if (cursor_bytes(c, len, &bytes))
        return -EBADMSG;
    n->bytes = (const char *)bytes;
    n->len = len;
    return 0;
}

int hgfs_get_name(struct cursor *c, struct hgfs_name *ret)
{
    struct hgfs_name n = {0};
    uint32_t len;
    int r;

    cursor_le32(c, &len);
    r = get_name_bytes(c, len, &n);
    if (!r)
        *ret = n;
    return r;
}

int hgfs_get_name_v3(struct cursor *c, struct hgfs_name *ret)
{
    struct hgfs_name n = {0};
    uint32_t len, flags;
    int r;

    cursor_le32(c, &len);
    cursor_le32(c, &flags);
    cursor_le32(c, &n.case_type);
    if (cursor_le32(c, &n.handle))
        return -EBADMSG;
    n.by_handle = flags & 1;
    /* With a handle the name is not looked at, whatever its length says. */
    r = get_name_bytes(c, n.by_handle ? 0 : len, &n);
    if (!r)
        *ret = n;
    return r;
}

static void put_name_bytes(struct buf *b, const struct hgfs_name *n)
{
    if (n->len > HGFS_NAME_MAX && !b->err)
        b->err = -EINVAL;
    buf_put(b, n->bytes, n->len);
    buf_put_u8(b, 0);
}

void hgfs_put_name(struct buf *b, const struct hgfs_name *n)
{
    buf_put_le32(b, (uint32_t)n->len);
    put_name_bytes(b, n);
}

void hgfs_put_name_v3(struct buf *b, const struct hgfs_name *n)
{
    static const struct hgfs_name none;

    buf_put_le32(b, n->by_handle ? 0 : (uint32_t)n->len);
    buf_put_le32(b, n->by_handle);
    buf_put_le32(b, n->case_type);
    buf_put_le32(b, n->by_handle ? n->handle : 0);
    put_name_bytes(b, n->by_handle ? &none : n);
}
