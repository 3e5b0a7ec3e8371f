/*
 * One VIX call on one VM, its error and its result on standard output: for tests that compare
 * libvix with other ways to the same host.
 *
 * usage: vixcall HOST USER PASSWORD VM GUEST-USER GUEST-PASSWORD OPERATION [ARGUMENT...]
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

static int operation(const char *op, char **a)
{
    const char *none = NULL;

    if (!strcmp(op, "open") || !strcmp(op, "login"))
        return fail(VIX_OK);
    if (!strcmp(op, "register"))
        return plain(VixHost_RegisterVM(host, a[0], NULL, NULL));
    if (!strcmp(op, "unregister"))
        return plain(VixHost_UnregisterVM(host, a[0], NULL, NULL));
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
    if (!strcmp(op, "waittools"))
        return plain(VixVM_WaitForToolsInGuest(vm, 20, NULL, NULL));
    if (!strcmp(op, "installtools"))
        return plain(VixVM_InstallTools(vm, 0, NULL, NULL, NULL));
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
    if (!strcmp(op, "share"))
        return plain(VixVM_AddSharedFolder(vm, a[0], a[1], 0, NULL, NULL));
    return 2;
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
    if (strcmp(argv[7], "register") != 0) {
        job = VixHost_OpenVM(host, argv[4], VIX_VMOPEN_NORMAL, VIX_INVALID_HANDLE, NULL, NULL);
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
    status = operation(argv[7], argv + 8);
    Vix_ReleaseHandle(vm);
    VixHost_Disconnect(host);
    return status;
}
