/* The SOAP form of the API over HTTP. */
#ifndef HOSTD_SOAP_ENDPOINT_H
#define HOSTD_SOAP_ENDPOINT_H

#include "hostd/hostd.h"

extern const struct host_module soap_module;

#endif
