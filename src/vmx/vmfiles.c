#include "vmx/vmfiles.h"

#include "base/mem.h"
#include "vmx/datasets.h"

/* A line each. DataSets in disk mode go along, those in VM mode do not (vSphere DataSets, "Life
 * cycle"). */
const struct vmfile_kind vmfile_kinds[] = {
    {"dsd", DATASETS_DISK_KEY, true, datasets_hold, datasets_release},
    {"dsv", DATASETS_VM_KEY, false, datasets_hold, datasets_release},
};
const size_t vmfile_kind_count = ARRAY_SIZE(vmfile_kinds);
