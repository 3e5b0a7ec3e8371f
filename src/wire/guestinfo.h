/*
 * The SetGuestInfo envelope (`SetGuestInfo`, two spaces, an id, a space, data), detailed OS data
 * (id 11) and memory statistics (id 8).
 */
#ifndef WIRE_GUESTINFO_H
#define WIRE_GUESTINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cursor.h"

enum guestinfo_id {
    GUESTINFO_DNS_NAME = 1,
    GUESTINFO_NICS_V1 = 2,
    GUESTINFO_DISKS_V0 = 3,
    GUESTINFO_BUILD = 4,
    GUESTINFO_OS_FULL = 5,
    GUESTINFO_OS_SHORT = 6,
    GUESTINFO_UPTIME = 7, /* decimal, 1/100 s */
    GUESTINFO_MEMORY = 8,
    GUESTINFO_NICS_V2 = 9,
    GUESTINFO_NICS_V3 = 10,
    GUESTINFO_OS_DETAILS = 11,
};
#define GUESTINFO_TEXT_MAX       1024u  /* ids 1, 4, 5, 6, 7, bytes */
#define GUESTINFO_SHORT_NAME_MAX 128u   /* id 11 */
#define GUESTINFO_FULL_NAME_MAX  512u   /* id 11 */
#define GUESTINFO_VALUE_MAX      1023u  /* one value of the details */
#define GUESTINFO_DETAILS_MAX    10240u /* the whole details text */
#define GUESTINFO_DETAILS_HEAD   648u

/* The whole message, without data: "SetGuestInfo  10 ". */
int guestinfo_put_head(struct buf *b, unsigned id);
/* `args` is what follows "SetGuestInfo " (rpc_split). For text ids the trailing NULs are cut.
 * -EBADMSG. Unknown ids are passed on with their data. */
int guestinfo_decode(const void *args, size_t len, unsigned *ret_id, const uint8_t **ret_data,
                     size_t *ret_len);
bool guestinfo_is_binary(unsigned id);

struct guestinfo_details {
    const char *short_name, *full_name;
    const char *text; /* key='value' pairs */
};
int guestinfo_details_encode(struct buf *b,
                             const struct guestinfo_details *d); /* -EINVAL: limits */
int guestinfo_details_decode(const void *data, size_t len, struct arena *a,
                             struct guestinfo_details *ret);
/* Appends a pair, with a separating space when the text has one already. */
int guestinfo_details_put(struct buf *text, const char *key, const char *value);
/* Steps through a details text: 1, 0, -EBADMSG, -ENOMEM. *p moves on. */
int guestinfo_details_next(const char **p, struct arena *a, const char **ret_key,
                           const char **ret_value);

/* Memory (id 8): header and statistics of integers. */
#define GUESTINFO_MEMORY_HEAD 112u
enum guestinfo_unit { GUESTINFO_UNIT_KIB = 0x0803, GUESTINFO_UNIT_BYTES = 3 };
struct guestinfo_memory {
    uint64_t total_kib;  /* 0 = not given */
    struct cursor stats; /* decoded: for guestinfo_stat_next */
};
struct guestinfo_stat {
    uint64_t id;
    uint32_t type; /* 9 = uint64, 10 float, 11 double, ... */
    uint32_t unit;
    bool has_value;
    uint64_t number; /* integer types; the bits of float and double are in bytes */
    const uint8_t *bytes;
    size_t len;
};
int guestinfo_memory_put_head(struct buf *b, uint64_t total_kib);
/* The first statistic names the name space. */
int guestinfo_memory_put_stat(struct buf *b, bool first, uint64_t id, uint32_t unit,
                              uint64_t value);
int guestinfo_memory_decode(const void *data, size_t len, struct guestinfo_memory *ret);
int guestinfo_stat_next(struct cursor *stats, struct guestinfo_stat *ret); /* 1, 0, -EBADMSG */

#endif
