#include "vmx/machine.h"

#include <string.h>

#include "base/mem.h"
#include "vmx/machine_sandbox.h"

static const struct machine_ops *const providers[] = {&machine_sandbox};

const struct machine_ops *machine_find(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(providers); i++)
        if (strcmp(providers[i]->name, name) == 0)
            return providers[i];
    return NULL;
}
