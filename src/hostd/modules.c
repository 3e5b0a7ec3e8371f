/* The parts of hostd, in the order in which they are started. */
#include "hostd/modules.h"

#include "hostd/hostd.h"

/* A line each, so that additions merge. */
/* clang-format off */
const struct host_module *const host_modules[] = {
    &mo_module, /* first: the others add objects */
    &soap_module,
    &wsdl_module,
    &json_module,
    &rest_module,
    &about_module,
    &session_module,
    &auth_module,
    &account_module,
    &vmlink_module,
    &gueststore_module,
    &property_module,
    &inventory_module,
    &search_module,
    &view_module,
    &task_module,
    &event_module,
    &folder_module,
    &datastore_module,
    &vm_power_module,
    &vm_change_module,
    &vm_create_module,
    &vm_snapshot_module,
    &vm_clone_module,
    &vm_upgrade_module,
    &vm_console_module,
    &guest_module,
    &metrics_module,
    &guest_live_module,
    NULL,
};
