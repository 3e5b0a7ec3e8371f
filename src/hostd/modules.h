/* Every module's descriptor, for modules.c. */
#ifndef HOSTD_MODULES_H
#define HOSTD_MODULES_H

#include "hostd/hostd.h"

#endif
