/* Jobs that vmrun has and the VIX API has not. Results are in JOB_RESULT_VM_VARIABLE_STRING. */
#ifndef CLIENT_VIX_EXTRA_H
#define CLIENT_VIX_EXTRA_H

#include "inguest/vix.h"

/* The guest's address; with `wait` as soon as it has one. VIX_E_OBJECT_NOT_FOUND: it has none. */
VixHandle vix_guest_address_start(VixHandle vm, int wait);
/* "unknown", "installed" or "running". */
VixHandle vix_tools_state_start(VixHandle vm);
/* Connects or disconnects a device by its label or name. VIX_E_INVALID_ARG: there is none. */
VixHandle vix_device_start(VixHandle vm, const char *name, int connect);

#endif
