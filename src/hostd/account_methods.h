/* HostLocalAccountManager and UserDirectory. */
#ifndef HOSTD_ACCOUNT_METHODS_H
#define HOSTD_ACCOUNT_METHODS_H

#include "hostd/hostd.h"

extern const struct host_module account_module;

#endif
