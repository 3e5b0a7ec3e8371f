/*
 * The guest's file systems: SetGuestDiskInfo (JSON) and SetGuestInfo 3 (binary, older).
 * Decoded data lives in the caller's arena.
 */
#ifndef WIRE_DISKINFO_H
#define WIRE_DISKINFO_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

#define DISKINFO_DISKS_MAX   255u
#define DISKINFO_NAME_MAX    4096u /* mount point, bytes */
#define DISKINFO_NAME_V0_MAX 99u   /* in the binary form */
#define DISKINFO_TYPE_MAX    259u
#define DISKINFO_DEVICES_MAX 64u /* of one file system */
#define DISKINFO_DEVICE_MAX  15u
#define DISKINFO_V0_ENTRY    116u

struct diskinfo_disk {
    const char *name;     /* mount point */
    uint64_t free, size;  /* bytes */
    const char *fstype;   /* NULL = not given */
    const char *uuid;     /* NULL = not given */
    const char **devices; /* "scsi0:0" */
    uint32_t device_count;
};
struct diskinfo {
    struct diskinfo_disk *disks;
    uint32_t count;
};

/* Only in libwirectl (it needs jansson). The JSON text, with or without its NUL. -EBADMSG,
 * -EMSGSIZE (over a limit), -ENOMEM. Unknown members are skipped. */
int diskinfo_decode_json(const void *text, size_t len, struct arena *a, struct diskinfo *ret);
int diskinfo_encode_json(struct buf *b, const struct diskinfo *info); /* with its NUL */
int diskinfo_decode_v0(const void *bytes, size_t len, struct arena *a, struct diskinfo *ret);
int diskinfo_encode_v0(struct buf *b, const struct diskinfo *info);

#endif
