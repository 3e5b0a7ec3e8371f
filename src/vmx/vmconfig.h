/*
 * A VM's configuration file, NAME.vmx in its folder: read at start, replaced as a whole (temporary
 * file, fsync, rename) when something is set. vmx is the only writer. One thread.
 */
#ifndef VMX_VMCONFIG_H
#define VMX_VMCONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

struct vmxfile;

struct vmconfig {
    int folder_fd; /* not owned */
    char *file;    /* name in the folder */
    struct vmxfile *text;
};

/* Where the power state is kept; set by vmx only. */
#define VMCONFIG_POWER_STATE "inguest.powerState"

int vmconfig_open(struct vmconfig *c, int folder_fd, const char *file, struct error *err);
void vmconfig_close(struct vmconfig *c);

/* NULL when the key is not there. Valid until the next change. */
const char *vmconfig_get(const struct vmconfig *c, const char *key);
bool vmconfig_get_bool(const struct vmconfig *c, const char *key, bool fallback);
int64_t vmconfig_get_int(const struct vmconfig *c, const char *key, int64_t fallback);

/* Every key but the secret ones, as an object of strings; NULL when memory is short. A new
 * reference. */
json_t *vmconfig_json(const struct vmconfig *c);

/* Applies an object of key to string, null removes; all of it or nothing, durable on return.
 * -EINVAL (a key or value that cannot be), -EMSGSIZE, -ENOMEM, or why the file cannot be
 * written. */
int vmconfig_update(struct vmconfig *c, const json_t *set, struct error *err);

/* The text of the file, as it would be written. */
int vmconfig_write(const struct vmconfig *c, struct buf *b);

/* Replaces everything by `text` but the keys of `keep` (ended by NULL), which stay as they are;
 * durable on return. */
int vmconfig_replace(struct vmconfig *c, const void *text, size_t len, const char *const *keep,
                     struct error *err);

/* Removes the secret keys, durably. */
int vmconfig_forget_secrets(struct vmconfig *c, struct error *err);

int vmconfig_set(struct vmconfig *c, const char *key, const char *value, struct error *err);

#endif
