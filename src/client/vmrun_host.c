/* Commands about the host and its inventory. */
#include <stdio.h>

#include "base/mem.h"
#include "client/vix_extra.h"
#include "client/vmrun.h"

#define FOUND_MAX (16u << 20) /* bytes of paths */

struct found {
    struct buf paths; /* NUL-terminated, one after the other */
    int count;
};

static void found_item(VixHandle handle, VixEventType type, VixHandle info, void *data)
{
    struct found *found = data;
    char *path = NULL;

    (void)handle;
    if (type != VIX_EVENTTYPE_FIND_ITEM ||
        Vix_GetProperties(info, VIX_PROPERTY_FOUND_ITEM_LOCATION, &path, VIX_PROPERTY_NONE))
        return;
    buf_printf(&found->paths, "%s\n", path);
    found->count++;
    Vix_FreeBuffer(path);
}

static int find(struct vmrun *v, VixFindItemType type, const char *what)
{
    struct found found = {BUF_INIT(FOUND_MAX), 0};
    VixError error =
        vmrun_wait(v, VixHost_FindItems(v->host, type, VIX_INVALID_HANDLE, -1, found_item, &found));

    if (!error && buf_error(&found.paths))
        error = VIX_E_OUT_OF_MEMORY;
    if (!error)
        printf("Total %s VMs: %d\n%s", what, found.count, buf_text(&found.paths));
    buf_free(&found.paths);
    return vmrun_end(v, error);
}

int vmrun_list(struct vmrun *v)
{
    return find(v, VIX_FIND_RUNNING_VMS, "running");
}

int vmrun_list_registered(struct vmrun *v)
{
    return find(v, VIX_FIND_REGISTERED_VMS, "registered");
}

/* Local hosts have no inventory to speak of: nothing to do, nothing wrong. */
int vmrun_register(struct vmrun *v)
{
    return v->local ? VMRUN_OK : vmrun_job(v, VixHost_RegisterVM(v->host, v->argv[0], NULL, NULL));
}

int vmrun_unregister(struct vmrun *v)
{
    return v->local ? VMRUN_OK
                    : vmrun_job(v, VixHost_UnregisterVM(v->host, v->argv[0], NULL, NULL));
}

int vmrun_upgrade(struct vmrun *v)
{
    return vmrun_job(v, VixVM_UpgradeVirtualHardware(v->vm, 0, NULL, NULL));
}

int vmrun_install_tools(struct vmrun *v)
{
    return vmrun_job(v, VixVM_InstallTools(v->vm, 0, NULL, NULL, NULL));
}

static int print_string(struct vmrun *v, VixHandle job)
{
    char *text = NULL;
    VixError error = vmrun_wait_string(v, job, VIX_PROPERTY_JOB_RESULT_VM_VARIABLE_STRING, &text);

    if (!error)
        puts(text);
    Vix_FreeBuffer(text);
    return vmrun_end(v, error);
}

int vmrun_check_tools(struct vmrun *v)
{
    return print_string(v, vix_tools_state_start(v->vm));
}

int vmrun_delete_vm(struct vmrun *v)
{
    return vmrun_job(v, VixVM_Delete(v->vm, VIX_VMDELETE_DISK_FILES, NULL, NULL));
}

int vmrun_connect_device(struct vmrun *v)
{
    return vmrun_job(v, vix_device_start(v->vm, v->argv[0], 1));
}

int vmrun_disconnect_device(struct vmrun *v)
{
    return vmrun_job(v, vix_device_start(v->vm, v->argv[0], 0));
}

int vmrun_unsupported(struct vmrun *v)
{
    return vmrun_end(v, VIX_E_NOT_SUPPORTED);
}
