/*
 * The volatile `guestinfo.*` values of a running VM: set by the guest (info-set) or the host, gone
 * at power off (guest RPC protocol, "info-set / info-get semantics").
 *
 * Keys are compared without regard to case and keep the case of the first writer. The whole is
 * bounded in bytes (keys and values) and in number; the guest is untrusted. Owns copies of all.
 */
#ifndef VMX_GUESTVARS_H
#define VMX_GUESTVARS_H

#include <stddef.h>

#define GUESTVARS_PREFIX    "guestinfo."
#define GUESTVARS_KEY_MAX   256u
#define GUESTVARS_COUNT_MAX 4096u
#define GUESTVARS_BYTES_MAX (1u << 20) /* default of tools.setInfo.sizeLimit */

struct guestvar {
    char *key;
    char *value; /* NUL-terminated; may hold any other byte */
    size_t value_len;
};

struct guestvars {
    struct guestvar *vars; /* sorted by key, case-insensitively */
    size_t count, room;
    size_t bytes;
    size_t bytes_max;
};

/* Whether `key` is one that a guest may name: "guestinfo." and at least one of A-Za-z0-9._-/ */
int guestvars_key_valid(const char *key);

/* NULL when unset. Valid until the next change. */
const struct guestvar *guestvars_get(const struct guestvars *v, const char *key);

/* -EINVAL (not a valid key, NUL in the value), -ENOSPC (over the total), -ENOMEM. */
int guestvars_set(struct guestvars *v, const char *key, const char *value, size_t len);

/* 0 also when there was none. */
void guestvars_remove(struct guestvars *v, const char *key);

void guestvars_clear(struct guestvars *v);

#endif
