/* The body of a START request, as the launcher decodes it with root's rights. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "vmx/sandbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sandbox_request request;
    AUTO_FREE uint8_t *copy = mem_alloc(size ? size : 1);
    struct cursor c = CURSOR_INIT(copy, size);
    struct error err;

    if (!copy)
        return 0;
    if (size)
        memcpy(copy, data, size);
    if (sandbox_request_decode(&c, &request, &err) < 0)
        return 0;
    /* What the account files are made of must not be able to end a field or a line. */
    if (strpbrk(request.host_name, ":/ \n") || request.user_count > LAUNCHER_USERS_MAX)
        abort();
    for (unsigned i = 0; i < request.user_count; i++)
        if (!request.users[i].name[0] || strpbrk(request.users[i].name, ":/ \n") ||
            strpbrk(request.users[i].hash, ": \n"))
            abort();
    return 0;
}
