#include "vmx/vmfiles.h"

#include "base/mem.h"

/* A line each. DataSets in disk mode go along, those in VM mode do not (vSphere DataSets, "Life
 * cycle"). */
const struct vmfile_kind vmfile_kinds[] = {
    {"dsd", "dataSetsMgr.diskStoreFile", true, NULL, NULL},
    {"dsv", "dataSetsMgr.vmStoreFile", false, NULL, NULL},
};
const size_t vmfile_kind_count = ARRAY_SIZE(vmfile_kinds);
