/* What the files of the inventory share. */
#ifndef HOSTD_INVENTORY_INTERNAL_H
#define HOSTD_INVENTORY_INTERNAL_H

#include "hostd/call.h"
#include "hostd/inventory.h"

extern const struct mo_class datacenter_class, compute_class, pool_class, network_class,
    host_system_class, datastore_class, datastore_browser_class, environment_browser_class,
    vm_class;

/* Getters of relations that several types have. */
int inventory_get_pool(struct mo *mo, struct mo_reader *r, struct vim_any **ret);
int inventory_get_environment(struct mo *mo, struct mo_reader *r, struct vim_any **ret);
int inventory_get_browser(struct mo *mo, struct mo_reader *r, struct vim_any **ret);
int inventory_get_hosts(struct mo *mo, struct mo_reader *r, struct vim_any **ret);
int inventory_get_datastores(struct mo *mo, struct mo_reader *r, struct vim_any **ret);
int inventory_get_networks(struct mo *mo, struct mo_reader *r, struct vim_any **ret);
int inventory_get_vms(struct mo *mo, struct mo_reader *r, struct vim_any **ret);

struct vim_ResourceAllocationInfo *resource_allocation(struct arena *a, bool expandable,
                                                       int shares);

/* Folders that clients made (folder.c): read from hostd.db. */
int folders_start(struct inventory *inv, struct error *err);
void folders_stop(struct inventory *inv);
int folder_rename(struct folder *f, const char *name);
int folder_delete(struct folder *f); /* -ENOTEMPTY */

/* Method tables of the parts. */
extern const struct call_row search_calls[], view_calls[], task_calls[], event_calls[],
    folder_calls[], vm_power_calls[], vm_change_calls[], vm_create_calls[], vm_snapshot_calls[],
    vm_clone_calls[], vm_upgrade_calls[], vm_console_calls[], datastore_calls[];

#endif
