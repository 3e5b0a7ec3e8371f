/* The parts of hostd, in the order in which they are started. */
#include "hostd/modules.h"

#include "hostd/hostd.h"

const struct host_module *const host_modules[] = {
    &soap_module, &about_module, &session_module, &vmlink_module, NULL,
};
