/* A resource path: what comes through stays within the root, whatever is asked. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gstored/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char out[GSTORE_PATH_MAX + 1], again[GSTORE_PATH_MAX + 1];

    if (path_resolve(data, size, out))
        return 0;
    size_t n = strlen(out);
    if (n > GSTORE_PATH_MAX || out[0] != '/' || out[n - 1] == '/' || strstr(out, "//") ||
        strstr(out, "/../") || (n >= 3 && !strcmp(out + n - 3, "/..")))
        abort();
    /* It is final: the same path means the same. */
    if (path_resolve(out, n, again) || strcmp(out, again) != 0)
        abort();
    return 0;
}
