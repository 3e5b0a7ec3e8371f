/* Making the folder of a new VM and entering it into the inventory, for CreateVM_Task and
 * CloneVM_Task. */
#ifndef HOSTD_VM_CREATE_H
#define HOSTD_VM_CREATE_H

#include "base/buf.h"
#include "hostd/vm.h"

/* Another VM, whose files the new one gets. */
struct vm_origin {
    char folder[256], name[256]; /* beneath STATE/vms; of the .vmx file without its ending */
    uint32_t snapshot;           /* uid, 0 = as it is now; it must be held still */
    char disk_store[256];        /* file of its data sets, "" = none */
};

/* How it ended: `vm` is NULL when it failed; then `fault` (NULL: a SystemError) and `text` say why,
 * valid during the callback. The task has not been ended. */
typedef void (*vm_made_cb)(struct host *host, struct vm *vm, const struct vim_object *fault,
                           const char *text, void *arg);

struct vm_making {
    struct task *task;
    struct folder *parent;
    const char *name;               /* as the client gave it */
    const char *path;               /* "[datastore1] ...", NULL: by the name */
    json_t *keys;                   /* of the .vmx file */
    const struct vm_origin *origin; /* NULL: no files but the .vmx file */
    vm_made_cb done;
    void *arg;
};

/* Begins it: `done` comes once, perhaps at once. `keys` are the caller's. On failure `fault` is
 * filled in and `done` does not come.
 */
int vm_make(struct inventory *inv, const struct vm_making *making, struct spec_fault *fault);

/* Is a child of that name there, or the name none? Fills the fault in. */
int vm_check_name(struct task *t, struct folder *parent, const char *name,
                  struct spec_fault *fault);

/* The privileges on pool and host of a spec; ends the call. */
bool vm_check_host_and_pool(struct call *call, struct vim_ref pool, struct vim_ref host);
/* The folder that VMs can be put into; ends the call when it is none. */
struct folder *vm_folder_for(struct call *call, struct vim_ref ref);

#endif
