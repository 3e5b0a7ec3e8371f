#include "wire/dataset.h"

#include <string.h>

#include "base/mem.h"

static const char *const names[] = {
    [DATASET_NONE] = "NONE",
    [DATASET_READ_ONLY] = "READ_ONLY",
    [DATASET_READ_WRITE] = "READ_WRITE",
};

const char *dataset_access_name(enum dataset_access access)
{
    return names[access];
}

int dataset_access_find(const char *name, enum dataset_access *ret)
{
    for (size_t i = 0; name && i < ARRAY_SIZE(names); i++)
        if (!strcmp(names[i], name)) {
            *ret = (enum dataset_access)i;
            return 0;
        }
    return -EINVAL;
}
