/* Every module's descriptor, for modules.c. */
#ifndef HOSTD_MODULES_H
#define HOSTD_MODULES_H

#include "hostd/about.h"
#include "hostd/account_methods.h"
#include "hostd/auth.h"
#include "hostd/guest.h"
#include "hostd/guest_live.h"
#include "hostd/gueststore.h"
#include "hostd/hostd.h"
#include "hostd/inventory.h"
#include "hostd/json_endpoint.h"
#include "hostd/metrics.h"
#include "hostd/property.h"
#include "hostd/rest.h"
#include "hostd/session_methods.h"
#include "hostd/soap_endpoint.h"
#include "hostd/vmlink.h"
#include "hostd/wsdl.h"

#endif
