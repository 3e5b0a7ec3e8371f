/* inguest vm snapshot, inguest vm clone. */
#ifndef ADMIN_VM_SNAPSHOT_H
#define ADMIN_VM_SNAPSHOT_H

#include "admin/admin.h"

/* argv[1] is "snapshot" or "clone". */
int admin_vm_snapshot(struct admin *ad, int argc, char **argv);
int admin_vm_clone(struct admin *ad, int argc, char **argv);

extern const char admin_vm_snapshot_usage[];

#endif
