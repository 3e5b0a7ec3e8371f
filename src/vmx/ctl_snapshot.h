/* Rows of ctl_ops.c: snapshots, and holding the VM still for a copy. */
#ifndef VMX_CTL_SNAPSHOT_H
#define VMX_CTL_SNAPSHOT_H

#include "vmx/ctl.h"

void ctl_snapshot_create(struct ctl_request *rq);
void ctl_snapshot_revert(struct ctl_request *rq);
void ctl_snapshot_remove(struct ctl_request *rq);
void ctl_snapshot_rename(struct ctl_request *rq);
void ctl_disk_hold(struct ctl_request *rq);
void ctl_disk_release(struct ctl_request *rq);

#endif
