/*
 * Private to hgfs*.c: the table of operations and the types that requests and replies share.
 */
#ifndef WIRE_HGFS_PRIVATE_H
#define WIRE_HGFS_PRIVATE_H

#include "base/buf.h"
#include "base/cursor.h"
#include "wire/hgfs.h"

/* Operations below this number begin their payload with id and op (or status). */
#define HGFS_FIRST_V3 24u

enum hgfs_shape {
    HGFS_SHAPE_NONE, /* V1, V2: nothing; later: 8 reserved bytes */
    HGFS_SHAPE_OPEN,
    HGFS_SHAPE_READ,
    HGFS_SHAPE_WRITE,
    HGFS_SHAPE_CLOSE,
    HGFS_SHAPE_SEARCH_OPEN,
    HGFS_SHAPE_SEARCH_READ,
    HGFS_SHAPE_GETATTR,
    HGFS_SHAPE_SETATTR,
    HGFS_SHAPE_CREATE_DIR,
    HGFS_SHAPE_DELETE,
    HGFS_SHAPE_RENAME,
    HGFS_SHAPE_SYMLINK,
    HGFS_SHAPE_VOLUME,
    HGFS_SHAPE_SESSION,
    HGFS_SHAPE_COUNT,
};

struct hgfs_op_row {
    const char *name; /* NULL: not an operation we know */
    uint8_t version;
    uint8_t request, reply; /* enum hgfs_shape */
};

/* NULL for unknown operations. */
const struct hgfs_op_row *hgfs_op_find(uint32_t op);

void hgfs_get_attr_v1(struct cursor *c, struct hgfs_attr *ret);
void hgfs_get_attr_v2(struct cursor *c, struct hgfs_attr *ret);
void hgfs_put_attr_v1(struct buf *b, const struct hgfs_attr *a);
void hgfs_put_attr_v2(struct buf *b, const struct hgfs_attr *a);

/* FileName (versions 1 and 2) and FileNameV3. -EBADMSG, -ENAMETOOLONG. `put` writes the spare byte
 * that stock servers want behind a name. */
int hgfs_get_name(struct cursor *c, struct hgfs_name *ret);
int hgfs_get_name_v3(struct cursor *c, struct hgfs_name *ret);
void hgfs_put_name(struct buf *b, const struct hgfs_name *n);
void hgfs_put_name_v3(struct buf *b, const struct hgfs_name *n);

/* Header and, for early versions, the inner id and op (or status). `end` fills in the size. */
size_t hgfs_begin_packet(struct buf *b, const struct hgfs_header *h, bool reply);
int hgfs_end_packet(struct buf *b, const struct hgfs_header *h, size_t start);

#endif
