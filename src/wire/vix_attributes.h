/* What can be set of a guest's file: by a request of its own, or with an upload. */
#ifndef WIRE_VIX_ATTRIBUTES_H
#define WIRE_VIX_ATTRIBUTES_H

#include <stdbool.h>
#include <stdint.h>

enum vix_attribute {
    VIX_ATTR_ACCESS_TIME = 0x01,
    VIX_ATTR_MODIFICATION_TIME = 0x02,
    VIX_ATTR_READ_ONLY = 0x04,
    VIX_ATTR_HIDDEN = 0x08,
    VIX_ATTR_OWNER = 0x10,
    VIX_ATTR_GROUP = 0x20,
    VIX_ATTR_PERMISSIONS = 0x40,
};

struct vix_set_attributes {
    uint32_t options;          /* enum vix_attribute bits: what to set */
    int64_t access_time;       /* Unix seconds */
    int64_t modification_time; /* Unix seconds */
    int32_t owner, group;
    int32_t permissions; /* mode bits */
    bool hidden, read_only;
    const char *path;
};

#endif
