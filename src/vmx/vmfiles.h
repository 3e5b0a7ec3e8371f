/*
 * Files of the VM's folder, beside the disk and the configuration, that take part in its life: what
 * a snapshot keeps and a clone gets, and what is destroyed when the VM goes back to a snapshot.
 *
 * A file is NAME.SUFFIX, or what the key of the configuration says. A snapshot keeps its copy as
 * NAME-SnapshotN.SUFFIX. Whoever uses a file tells how it is brought to rest: `hold` before it is
 * copied or replaced, `release` afterwards, always in pairs, on vmx's loop. Between the two, which
 * may be many rounds of the loop, the file is closed or at rest on disk with no journal beside it,
 * and whoever wants to change it waits or is refused.
 */
#ifndef VMX_VMFILES_H
#define VMX_VMFILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct vm;

#define VMFILES_MAX 8u /* kinds */

struct vmfile_kind {
    const char *suffix; /* "dsd" */
    const char *key;    /* of the configuration, names the file; NULL = always NAME.SUFFIX */
    /* Snapshots and clones have it. When false a revert destroys it and a clone has none. */
    bool goes_along;
    /* NULL: nobody has it open. 0 or a negative errno code; then nothing is copied. */
    int (*hold)(struct vm *vm, struct error *err);
    /* `replaced`: another file, or none, is there now, and the configuration is another one. */
    void (*release)(struct vm *vm, bool replaced);
};

extern const struct vmfile_kind vmfile_kinds[];
extern const size_t vmfile_kind_count;

#endif
