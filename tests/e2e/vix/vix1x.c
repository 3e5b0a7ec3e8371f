/*
 * A program as they were written for VIX 1.x: nothing in it knows inguest.
 *
 * usage: vix1x HOST-URL USER PASSWORD VMX-PATH GUEST-USER GUEST-PASSWORD FOLDER
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vix.h"

static VixHandle hostHandle = VIX_INVALID_HANDLE;
static VixHandle vmHandle = VIX_INVALID_HANDLE;
static int found;

static void Check(const char *what, VixError err)
{
    if (VIX_FAILED(err)) {
        printf("%s: %llu %s\n", what, (unsigned long long)VIX_ERROR_CODE(err),
               Vix_GetErrorText(err, NULL));
        exit(1);
    }
    printf("%s: ok\n", what);
}

static void DiscoveryProc(VixHandle jobHandle, VixEventType eventType, VixHandle moreEventInfo,
                          void *clientData)
{
    char *url = NULL;

    (void)jobHandle;
    if (VIX_EVENTTYPE_FIND_ITEM != eventType)
        return;
    Check("Vix_GetProperties", Vix_GetProperties(moreEventInfo, VIX_PROPERTY_FOUND_ITEM_LOCATION,
                                                 &url, VIX_PROPERTY_NONE));
    printf("Found: %s\n", url);
    if (!strcmp(url, (const char *)clientData))
        found++;
    Vix_FreeBuffer(url);
}

static void PowerProc(VixHandle handle, VixEventType eventType, VixHandle moreEventInfo,
                      void *clientData)
{
    VixError err = 0;

    if (VIX_EVENTTYPE_JOB_COMPLETED == eventType) {
        Vix_GetProperties(moreEventInfo, VIX_PROPERTY_JOB_RESULT_ERROR_CODE, &err,
                          VIX_PROPERTY_NONE);
        if (VixJob_GetError(handle) == err)
            *(volatile int *)clientData = 1;
    }
}

static void Wait(const char *what, VixHandle jobHandle)
{
    VixError err = VixJob_Wait(jobHandle, VIX_PROPERTY_NONE);

    Vix_ReleaseHandle(jobHandle);
    Check(what, err);
}

int main(int argc, char **argv)
{
    VixHandle jobHandle;
    VixHandle snapshotHandle = VIX_INVALID_HANDLE;
    VixPowerState powerState = 0;
    VixToolsState toolsState = 0;
    volatile int called = 0;
    char local[4096], *name = NULL, *vmx = NULL;
    int exitCode = -1, elapsed = -1, num, i, roots = -1, memory = 0;
    uint64 pid = 0;
    Bool done = FALSE, exists = FALSE;
    int64 size = 0;

    if (argc != 8)
        return 2;
    jobHandle = VixHost_Connect(VIX_API_VERSION, VIX_SERVICEPROVIDER_VMWARE_VI_SERVER, argv[1], 0,
                                argv[2], argv[3], 0, VIX_INVALID_HANDLE, NULL, NULL);
    Check("VixHost_Connect",
          VixJob_Wait(jobHandle, VIX_PROPERTY_JOB_RESULT_HANDLE, &hostHandle, VIX_PROPERTY_NONE));
    Vix_ReleaseHandle(jobHandle);

    Wait("VixHost_FindItems", VixHost_FindItems(hostHandle, VIX_FIND_REGISTERED_VMS,
                                                VIX_INVALID_HANDLE, -1, DiscoveryProc, argv[4]));
    if (found != 1)
        return 1;

    jobHandle = VixVM_Open(hostHandle, argv[4], NULL, NULL);
    Check("VixVM_Open",
          VixJob_Wait(jobHandle, VIX_PROPERTY_JOB_RESULT_HANDLE, &vmHandle, VIX_PROPERTY_NONE));
    Vix_ReleaseHandle(jobHandle);

    jobHandle = VixVM_PowerOn(vmHandle, VIX_VMPOWEROP_LAUNCH_GUI, VIX_INVALID_HANDLE, PowerProc,
                              (void *)&called);
    while (!done) {
        Check("VixJob_CheckCompletion", VixJob_CheckCompletion(jobHandle, &done));
        Vix_PumpEvents(hostHandle, VIX_PUMPEVENTOPTION_NONE);
    }
    Check("VixVM_PowerOn", VixJob_GetError(jobHandle));
    Vix_ReleaseHandle(jobHandle);

    Wait("VixVM_WaitForToolsInGuest", VixVM_WaitForToolsInGuest(vmHandle, 60, NULL, NULL));
    if (!called)
        return 1;
    Check("Vix_GetProperties",
          Vix_GetProperties(vmHandle, VIX_PROPERTY_VM_POWER_STATE, &powerState,
                            VIX_PROPERTY_VM_TOOLS_STATE, &toolsState, VIX_PROPERTY_VM_NAME, &name,
                            VIX_PROPERTY_VM_VMX_PATHNAME, &vmx, VIX_PROPERTY_VM_MEMORY_SIZE,
                            &memory, VIX_PROPERTY_NONE));
    printf("%s %s power 0x%x tools 0x%x memory %d\n", name, vmx, (unsigned)powerState,
           (unsigned)toolsState, memory);
    if (!(powerState & VIX_POWERSTATE_POWERED_ON) || toolsState != VIX_TOOLSSTATE_RUNNING ||
        memory < 1)
        return 1;
    Vix_FreeBuffer(name);
    Vix_FreeBuffer(vmx);

    Wait("VixVM_LoginInGuest", VixVM_LoginInGuest(vmHandle, argv[5], argv[6], 0, NULL, NULL));
    snprintf(local, sizeof(local), "%s/installer", argv[7]);
    Wait("VixVM_CopyFileFromHostToGuest",
         VixVM_CopyFileFromHostToGuest(vmHandle, local, "/root/installer", 0, VIX_INVALID_HANDLE,
                                       NULL, NULL));
    jobHandle = VixVM_RunProgramInGuest(vmHandle, "/bin/sh", "/root/installer", 0,
                                        VIX_INVALID_HANDLE, NULL, NULL);
    Check("VixVM_RunProgramInGuest",
          VixJob_Wait(jobHandle, VIX_PROPERTY_JOB_RESULT_GUEST_PROGRAM_EXIT_CODE, &exitCode,
                      VIX_PROPERTY_JOB_RESULT_GUEST_PROGRAM_ELAPSED_TIME, &elapsed,
                      VIX_PROPERTY_JOB_RESULT_PROCESS_ID, &pid, VIX_PROPERTY_NONE));
    Vix_ReleaseHandle(jobHandle);
    printf("exit code %d, pid %s\n", exitCode, pid ? "given" : "missing");
    if (exitCode != 3 || elapsed < 0 || !pid)
        return 1;
    snprintf(local, sizeof(local), "%s/log", argv[7]);
    Wait("VixVM_CopyFileFromGuestToHost",
         VixVM_CopyFileFromGuestToHost(vmHandle, "/root/log", local, 0, VIX_INVALID_HANDLE, NULL,
                                       NULL));
    jobHandle = VixVM_GetFileInfoInGuest(vmHandle, "/root/log", NULL, NULL);
    Check("VixVM_GetFileInfoInGuest",
          VixJob_Wait(jobHandle, VIX_PROPERTY_JOB_RESULT_FILE_SIZE, &size, VIX_PROPERTY_NONE));
    Vix_ReleaseHandle(jobHandle);
    if (size != 10)
        return 1;
    jobHandle = VixVM_FileExistsInGuest(vmHandle, "/root/log", NULL, NULL);
    Check("VixVM_FileExistsInGuest",
          VixJob_Wait(jobHandle, VIX_PROPERTY_JOB_RESULT_GUEST_OBJECT_EXISTS, &exists,
                      VIX_PROPERTY_NONE));
    Vix_ReleaseHandle(jobHandle);
    if (!exists)
        return 1;
    jobHandle = VixVM_ListProcessesInGuest(vmHandle, 0, NULL, NULL);
    Check("VixVM_ListProcessesInGuest", VixJob_Wait(jobHandle, VIX_PROPERTY_NONE));
    num = VixJob_GetNumProperties(jobHandle, VIX_PROPERTY_JOB_RESULT_ITEM_NAME);
    for (i = 0; i < num; i++) {
        char *processName = NULL;

        Check("VixJob_GetNthProperties",
              VixJob_GetNthProperties(jobHandle, i, VIX_PROPERTY_JOB_RESULT_ITEM_NAME, &processName,
                                      VIX_PROPERTY_JOB_RESULT_PROCESS_ID, &pid, VIX_PROPERTY_NONE));
        Vix_FreeBuffer(processName);
    }
    if (num < 1 || VixJob_GetNthProperties(jobHandle, num, VIX_PROPERTY_JOB_RESULT_PROCESS_ID, &pid,
                                           VIX_PROPERTY_NONE) != VIX_E_BAD_VM_INDEX)
        return 1;
    Vix_ReleaseHandle(jobHandle);
    Wait("VixVM_LogoutFromGuest", VixVM_LogoutFromGuest(vmHandle, NULL, NULL));

    Check("VixVM_GetNumRootSnapshots", VixVM_GetNumRootSnapshots(vmHandle, &roots));
    Wait("VixVM_PowerOff", VixVM_PowerOff(vmHandle, VIX_VMPOWEROP_NORMAL, NULL, NULL));
    jobHandle = VixVM_CreateSnapshot(vmHandle, "first", "made by a test", 0, VIX_INVALID_HANDLE,
                                     NULL, NULL);
    Check("VixVM_CreateSnapshot", VixJob_Wait(jobHandle, VIX_PROPERTY_JOB_RESULT_HANDLE,
                                              &snapshotHandle, VIX_PROPERTY_NONE));
    Vix_ReleaseHandle(jobHandle);
    Check("Vix_GetProperties", Vix_GetProperties(snapshotHandle, VIX_PROPERTY_SNAPSHOT_DISPLAYNAME,
                                                 &name, VIX_PROPERTY_NONE));
    printf("snapshot %s\n", name);
    if (strcmp(name, "first") != 0 || Vix_GetHandleType(snapshotHandle) != VIX_HANDLETYPE_SNAPSHOT)
        return 1;
    Vix_FreeBuffer(name);
    Wait("VixVM_RevertToSnapshot",
         VixVM_RevertToSnapshot(vmHandle, snapshotHandle, 0, VIX_INVALID_HANDLE, NULL, NULL));
    Wait("VixVM_RemoveSnapshot", VixVM_RemoveSnapshot(vmHandle, snapshotHandle, 0, NULL, NULL));
    Vix_ReleaseHandle(snapshotHandle);
    Vix_ReleaseHandle(vmHandle);
    VixHost_Disconnect(hostHandle);
    puts("done");
    return 0;
}
