/* Rules and a path, separated by newlines: grant, deny, path. Nothing may crash or take long. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gstored/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[4096], reason[RULES_REASON_MAX];
    struct rules *r;

    if (size >= sizeof(text) || memchr(data, '\0', size))
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    char *deny = strchr(text, '\n'), *path = deny ? strchr(deny + 1, '\n') : NULL;
    if (!path)
        return 0;
    *deny++ = *path++ = '\0';
    if (rules_new(text, deny, &r))
        return 0;
    bool ok = rules_allow(r, path, strlen(path), reason);
    if (ok && rules_problem(r))
        abort();
    rules_free(r);
    return 0;
}
