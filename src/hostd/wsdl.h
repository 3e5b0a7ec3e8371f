/* The API's WSDL over HTTP. */
#ifndef HOSTD_WSDL_H
#define HOSTD_WSDL_H

#include "hostd/hostd.h"

extern const struct host_module wsdl_module;

#endif
