/*
 * One VIX call on one VM, its error and its result on standard output: for tests that compare
 * libvix with other ways to the same host.
 *
 * usage: vixcall HOST USER PASSWORD VM GUEST-USER GUEST-PASSWORD OPERATION [ARGUMENT...]
 * VM and GUEST-USER may be empty: none is opened, nobody logs in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vix.h>

static VixHandle host, vm;

static int fail(VixError error)
{
    printf("error=%llu\n", (unsigned long long)VIX_ERROR_CODE(error));
    return 0;
}

static int plain(VixHandle job)
{
    VixError error = VixJob_Wait(job, VIX_PROPERTY_NONE);

    Vix_ReleaseHandle(job);
    return fail(error);
}

static int string(VixHandle job, VixPropertyID id)
{
    char *text = NULL;
    VixError error = VixJob_Wait(job, id, &text, VIX_PROPERTY_NONE);

    fail(error);
    if (!error)
        puts(text);
    Vix_FreeBuffer(text);
    Vix_ReleaseHandle(job);
    return 0;
}

static int exists(VixHandle job)
{
    Bool there = FALSE;
    VixError error =
        VixJob_Wait(job, VIX_PROPERTY_JOB_RESULT_GUEST_OBJECT_EXISTS, &there, VIX_PROPERTY_NONE);

    fail(error);
    if (!error)
        puts(there ? "yes" : "no");
    Vix_ReleaseHandle(job);
    return 0;
}

static int list(VixHandle job, VixPropertyID id)
{
    VixError error = VixJob_Wait(job, VIX_PROPERTY_NONE);
    int count = error ? 0 : VixJob_GetNumProperties(job, id);

    fail(error);
    for (int i = 0; i < count; i++) {
        char *text = NULL;

        if (!VixJob_GetNthProperties(job, i, id, &text, VIX_PROPERTY_NONE))
            puts(text);
        Vix_FreeBuffer(text);
    }
    Vix_ReleaseHandle(job);
    return 0;
}

static int program(VixHandle job)
{
    uint64 pid = 0;
    int code = 0;
    VixError error =
        VixJob_Wait(job, VIX_PROPERTY_JOB_RESULT_PROCESS_ID, &pid,
                    VIX_PROPERTY_JOB_RESULT_GUEST_PROGRAM_EXIT_CODE, &code, VIX_PROPERTY_NONE);

    fail(error);
    if (!error)
        printf("exit=%d\n", code);
    Vix_ReleaseHandle(job);
    return pid || error ? 0 : 1;
}

static int file_info(VixHandle job)
{
    int64 size = 0;
    int flags = 0;
    VixError error = VixJob_Wait(job, VIX_PROPERTY_JOB_RESULT_FILE_SIZE, &size,
                                 VIX_PROPERTY_JOB_RESULT_FILE_FLAGS, &flags, VIX_PROPERTY_NONE);

    fail(error);
    if (!error)
        printf("%lld %d\n", (long long)size, flags);
    Vix_ReleaseHandle(job);
    return 0;
}

/* Prints to the stream that is the data. */
static void on_found(VixHandle handle, VixEventType type, VixHandle info, void *data)
{
    char *path = NULL;

    (void)handle;
    if (type == VIX_EVENTTYPE_FIND_ITEM &&
        !Vix_GetProperties(info, VIX_PROPERTY_FOUND_ITEM_LOCATION, &path, VIX_PROPERTY_NONE))
        fprintf(data, "%s\n", path);
    Vix_FreeBuffer(path);
}

static int find(VixFindItemType type)
{
    char *items = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&items, &size);

    if (!f)
        return 1;
    plain(VixHost_FindItems(host, type, VIX_INVALID_HANDLE, -1, on_found, f));
    fclose(f);
    fputs(items, stdout);
    free(items);
    return 0;
}

/* These return -1 for operations that are not theirs. */
static int host_operation(const char *op, char **a)
{
    if (!strcmp(op, "register"))
        return plain(VixHost_RegisterVM(host, a[0], NULL, NULL));
    if (!strcmp(op, "unregister"))
        return plain(VixHost_UnregisterVM(host, a[0], NULL, NULL));
    if (!strcmp(op, "find"))
        return find(atoi(a[0]));
    return -1;
}

static void print_snapshots(VixHandle parent)
{
    int count = 0;

    if (parent ? VixSnapshot_GetNumChildren(parent, &count) : VixVM_GetNumRootSnapshots(vm, &count))
        return;
    for (int i = 0; i < count; i++) {
        VixHandle child = VIX_INVALID_HANDLE;
        char *name = NULL;

        if (parent ? VixSnapshot_GetChild(parent, i, &child) : VixVM_GetRootSnapshot(vm, i, &child))
            continue;
        if (!Vix_GetProperties(child, VIX_PROPERTY_SNAPSHOT_DISPLAYNAME, &name, VIX_PROPERTY_NONE))
            puts(name);
        Vix_FreeBuffer(name);
        print_snapshots(child);
        Vix_ReleaseHandle(child);
    }
}

static int snapshot_operation(const char *op, char **a)
{
    VixHandle snapshot = VIX_INVALID_HANDLE;
    VixError error;
    int status;

    if (!strcmp(op, "snapshot"))
        return plain(VixVM_CreateSnapshot(vm, a[0], "", 0, VIX_INVALID_HANDLE, NULL, NULL));
    if (!strcmp(op, "snapshots")) {
        fail(VIX_OK);
        print_snapshots(VIX_INVALID_HANDLE);
        return 0;
    }
    if (strcmp(op, "revert") != 0 && strcmp(op, "rmsnapshot") != 0 && strcmp(op, "clone") != 0)
        return -1;
    error = VixVM_GetNamedSnapshot(vm, a[0], &snapshot);
    if (error)
        return fail(error);
    if (!strcmp(op, "revert"))
        status = plain(VixVM_RevertToSnapshot(vm, snapshot, 0, VIX_INVALID_HANDLE, NULL, NULL));
    else if (!strcmp(op, "rmsnapshot"))
        status =
            plain(VixVM_RemoveSnapshot(vm, snapshot, VIX_SNAPSHOT_REMOVE_CHILDREN, NULL, NULL));
    else
        status = plain(
            VixVM_Clone(vm, snapshot, VIX_CLONETYPE_FULL, a[1], 0, VIX_INVALID_HANDLE, NULL, NULL));
    Vix_ReleaseHandle(snapshot);
    return status;
}

static int vm_operation(const char *op, char **a)
{
    if (!strcmp(op, "poweron"))
        return plain(VixVM_PowerOn(vm, 0, VIX_INVALID_HANDLE, NULL, NULL));
    if (!strcmp(op, "poweroff"))
        return plain(VixVM_PowerOff(vm, 0, NULL, NULL));
    if (!strcmp(op, "shutdown"))
        return plain(VixVM_PowerOff(vm, VIX_VMPOWEROP_FROM_GUEST, NULL, NULL));
    if (!strcmp(op, "reset"))
        return plain(VixVM_Reset(vm, 0, NULL, NULL));
    if (!strcmp(op, "suspend"))
        return plain(VixVM_Suspend(vm, 0, NULL, NULL));
    if (!strcmp(op, "delete"))
        return plain(VixVM_Delete(vm, VIX_VMDELETE_DISK_FILES, NULL, NULL));
    if (!strcmp(op, "upgrade"))
        return plain(VixVM_UpgradeVirtualHardware(vm, 0, NULL, NULL));
    if (!strcmp(op, "waittools"))
        return plain(VixVM_WaitForToolsInGuest(vm, 20, NULL, NULL));
    if (!strcmp(op, "installtools"))
        return plain(VixVM_InstallTools(vm, atoi(a[0]), NULL, NULL, NULL));
    if (!strcmp(op, "screen"))
        return plain(VixVM_CaptureScreenImage(vm, VIX_CAPTURESCREENFORMAT_PNG, VIX_INVALID_HANDLE,
                                              NULL, NULL));
    if (!strcmp(op, "getvar"))
        return string(VixVM_ReadVariable(vm, atoi(a[0]), a[1], 0, NULL, NULL),
                      VIX_PROPERTY_JOB_RESULT_VM_VARIABLE_STRING);
    if (!strcmp(op, "setvar"))
        return plain(VixVM_WriteVariable(vm, atoi(a[0]), a[1], a[2], 0, NULL, NULL));
    return -1;
}

static int share_operation(const char *op, char **a)
{
    if (!strcmp(op, "enableshares"))
        return plain(VixVM_EnableSharedFolders(vm, TRUE, 0, NULL, NULL));
    if (!strcmp(op, "disableshares"))
        return plain(VixVM_EnableSharedFolders(vm, FALSE, 0, NULL, NULL));
    if (!strcmp(op, "addshare"))
        return plain(VixVM_AddSharedFolder(vm, a[0], a[1], 0, NULL, NULL));
    if (!strcmp(op, "setshare"))
        return plain(VixVM_SetSharedFolderState(vm, a[0], a[1], 0, NULL, NULL));
    if (!strcmp(op, "rmshare"))
        return plain(VixVM_RemoveSharedFolder(vm, a[0], 0, NULL, NULL));
    return -1;
}

static int guest_operation(const char *op, char **a)
{
    const char *none = NULL;

    if (!strcmp(op, "open") || !strcmp(op, "openold") || !strcmp(op, "login"))
        return fail(VIX_OK);
    if (!strcmp(op, "mktemp"))
        return string(VixVM_CreateTempFileInGuest(vm, 0, VIX_INVALID_HANDLE, NULL, NULL),
                      VIX_PROPERTY_JOB_RESULT_ITEM_NAME);
    if (!strcmp(op, "rmdir"))
        return plain(VixVM_DeleteDirectoryInGuest(vm, a[0], 0, NULL, NULL));
    if (!strcmp(op, "rm"))
        return plain(VixVM_DeleteFileInGuest(vm, a[0], NULL, NULL));
    if (!strcmp(op, "get"))
        return plain(
            VixVM_CopyFileFromGuestToHost(vm, a[0], a[1], 0, VIX_INVALID_HANDLE, NULL, NULL));
    if (!strcmp(op, "put"))
        return plain(
            VixVM_CopyFileFromHostToGuest(vm, a[0], a[1], 0, VIX_INVALID_HANDLE, NULL, NULL));
    if (!strcmp(op, "ls"))
        return list(VixVM_ListDirectoryInGuest(vm, a[0], 0, NULL, NULL),
                    VIX_PROPERTY_JOB_RESULT_ITEM_NAME);
    if (!strcmp(op, "mkdir"))
        return plain(VixVM_CreateDirectoryInGuest(vm, a[0], VIX_INVALID_HANDLE, NULL, NULL));
    if (!strcmp(op, "mv"))
        return plain(VixVM_RenameFileInGuest(vm, a[0], a[1], 0, VIX_INVALID_HANDLE, NULL, NULL));
    if (!strcmp(op, "isdir"))
        return exists(VixVM_DirectoryExistsInGuest(vm, a[0], NULL, NULL));
    if (!strcmp(op, "isfile"))
        return exists(VixVM_FileExistsInGuest(vm, a[0], NULL, NULL));
    if (!strcmp(op, "stat"))
        return file_info(VixVM_GetFileInfoInGuest(vm, a[0], NULL, NULL));
    if (!strcmp(op, "ps"))
        return list(VixVM_ListProcessesInGuest(vm, 0, NULL, NULL),
                    VIX_PROPERTY_JOB_RESULT_PROCESS_COMMAND);
    if (!strcmp(op, "kill"))
        return plain(VixVM_KillProcessInGuest(vm, strtoull(a[0], NULL, 10), 0, NULL, NULL));
    if (!strcmp(op, "getenv"))
        return string(VixVM_ReadVariable(vm, VIX_GUEST_ENVIRONMENT_VARIABLE, a[0], 0, NULL, NULL),
                      VIX_PROPERTY_JOB_RESULT_VM_VARIABLE_STRING);
    if (!strcmp(op, "run"))
        return program(VixVM_RunProgramInGuest(vm, a[0], a[1] ? a[1] : none, 0, VIX_INVALID_HANDLE,
                                               NULL, NULL));
    if (!strcmp(op, "script"))
        return program(VixVM_RunScriptInGuest(vm, a[0], a[1], 0, VIX_INVALID_HANDLE, NULL, NULL));
    return -1;
}

static int operation(const char *op, char **a)
{
    static int (*const all[])(const char *op, char **a) = {
        host_operation, snapshot_operation, vm_operation, share_operation, guest_operation};
    int status = -1;

    for (size_t i = 0; status < 0 && i < sizeof(all) / sizeof(all[0]); i++)
        status = all[i](op, a);
    return status < 0 ? 2 : status;
}

int main(int argc, char **argv)
{
    VixHandle job;
    VixError error;
    int status;

    if (argc < 8)
        return 2;
    job = VixHost_Connect(VIX_API_VERSION, VIX_SERVICEPROVIDER_VMWARE_VI_SERVER, argv[1], 0,
                          argv[2], argv[3], 0, VIX_INVALID_HANDLE, NULL, NULL);
    error = VixJob_Wait(job, VIX_PROPERTY_JOB_RESULT_HANDLE, &host, VIX_PROPERTY_NONE);
    Vix_ReleaseHandle(job);
    if (error)
        return fail(error), 1;
    if (!strcmp(argv[7], "connect"))
        fail(VIX_OK);
    else if (*argv[4]) {
        job = strcmp(argv[7], "openold") != 0
                  ? VixHost_OpenVM(host, argv[4], VIX_VMOPEN_NORMAL, VIX_INVALID_HANDLE, NULL, NULL)
                  : VixVM_Open(host, argv[4], NULL, NULL);
        error = VixJob_Wait(job, VIX_PROPERTY_JOB_RESULT_HANDLE, &vm, VIX_PROPERTY_NONE);
        Vix_ReleaseHandle(job);
        if (error)
            return fail(error), 1;
    }
    if (*argv[5]) {
        job = VixVM_LoginInGuest(vm, argv[5], argv[6], 0, NULL, NULL);
        error = VixJob_Wait(job, VIX_PROPERTY_NONE);
        Vix_ReleaseHandle(job);
        if (error)
            return fail(error);
    }
    status = strcmp(argv[7], "connect") != 0 ? operation(argv[7], argv + 8) : 0;
    Vix_ReleaseHandle(vm);
    VixHost_Disconnect(host);
    return status;
}
