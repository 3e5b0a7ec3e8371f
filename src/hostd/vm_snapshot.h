/*
 * The snapshots of a VM as clients see them: VirtualMachine.snapshot and rootSnapshot, and one
 * managed object each ("VM-snapshot-UID"), which lives as long as the snapshot.
 *
 * The list is the file NAME.vmsd of the VM's folder, which its vmx alone writes; it is read again
 * when vmx has come up and after each operation. One that cannot be read shows no snapshots; the
 * operations say why.
 */
#ifndef HOSTD_VM_SNAPSHOT_H
#define HOSTD_VM_SNAPSHOT_H

#include "hostd/vm.h"
#include "wire/vmsd.h"

/* No copy of a disk takes longer, or it is given up. */
#define SNAPSHOT_MS 1800000u

struct vm_snapshots; /* of a VM; vm->snapshots, NULL = none */

/* One of them, as a managed object. */
struct vm_snapshot {
    struct mo mo;
    struct vm_snapshot *next;
    struct vm *vm;
    uint32_t uid;
    struct vmxfile *config; /* of then; read when somebody asks */
};

/* Reads the list again and tells the watchers when it is another one. */
void vm_snapshots_load(struct vm *vm);
void vm_snapshots_free(struct vm *vm); /* the objects go */

/* The object of a snapshot; NULL when there is none. */
struct vm_snapshot *vm_snapshot_cast(struct mo *mo);
struct vm_snapshot *vm_snapshot_find(const struct vm *vm, uint32_t uid);
uint32_t vm_snapshot_current(const struct vm *vm); /* 0 = none */
const struct vmsd *vm_snapshot_list(const struct vm *vm);
/* The configuration of then, which lives as long as the object; NULL: it cannot be read (logged).
 */
const struct vmxfile *vm_snapshot_config(struct vm_snapshot *s);

/* The VM's name in names of its files: vm->file without ".vmx". mem_free it. */
char *vm_files_name(const struct vm *vm);

/* Getters of VirtualMachine. */
int vm_get_snapshot(struct mo *mo, struct mo_reader *r, struct vim_any **ret);
int vm_get_root_snapshot(struct mo *mo, struct mo_reader *r, struct vim_any **ret);
/* The parts of layout and layoutEx; `files` are those of layoutEx already. 0 or -ENOMEM. */
int vm_snapshot_layout(const struct vm *vm, struct arena *a,
                       struct vim_VirtualMachineFileLayout *l);
int vm_snapshot_layout_ex(const struct vm *vm, struct arena *a,
                          struct vim_VirtualMachineFileLayoutEx *l);

#endif
