/*
 * Customises the guests of a host with libvix: powers each VM on, copies a folder into its guest,
 * runs a program of it there, and fetches the log.
 *
 *   cc customize.c $(pkg-config --cflags --libs vix) -o customize
 *
 * usage: customize HOST USER GUEST-USER FOLDER PROGRAM LOG-FOLDER
 *
 * The passwords are in HOST_PASSWORD and GUEST_PASSWORD. FOLDER goes to /tmp/customize in the
 * guest; PROGRAM is a file in it and writes /tmp/customize/log.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vix.h>

#define VMS_MAX      256
#define TOOLS_WAIT_S 120

struct vms {
    char *paths[VMS_MAX];
    int count;
};

/* Every job here is waited for; the answer is its error. */
static VixError finish(VixHandle job)
{
    VixError error = VixJob_Wait(job, VIX_PROPERTY_NONE);

    Vix_ReleaseHandle(job);
    return error;
}

static void found(VixHandle job, VixEventType type, VixHandle info, void *data)
{
    struct vms *vms = data;

    (void)job;
    if (type == VIX_EVENTTYPE_FIND_ITEM && vms->count < VMS_MAX &&
        !Vix_GetProperties(info, VIX_PROPERTY_FOUND_ITEM_LOCATION, &vms->paths[vms->count],
                           VIX_PROPERTY_NONE))
        vms->count++;
}

static VixError run(VixHandle vm, const char *program, int *ret_code)
{
    char path[4096];
    VixHandle job;
    VixError error;

    snprintf(path, sizeof(path), "/tmp/customize/%s", program);
    job = VixVM_RunProgramInGuest(vm, "/bin/sh", path, 0, VIX_INVALID_HANDLE, NULL, NULL);
    error = VixJob_Wait(job, VIX_PROPERTY_JOB_RESULT_GUEST_PROGRAM_EXIT_CODE, ret_code,
                        VIX_PROPERTY_NONE);
    Vix_ReleaseHandle(job);
    return error;
}

static VixError customize(VixHandle host, const char *path, char **argv)
{
    const char *base = strrchr(path, '/');
    VixHandle vm = VIX_INVALID_HANDLE;
    char log[4096];
    int code = -1;
    VixHandle job = VixHost_OpenVM(host, path, VIX_VMOPEN_NORMAL, VIX_INVALID_HANDLE, NULL, NULL);
    VixError error = VixJob_Wait(job, VIX_PROPERTY_JOB_RESULT_HANDLE, &vm, VIX_PROPERTY_NONE);

    Vix_ReleaseHandle(job);
    snprintf(log, sizeof(log), "%s/%s.log", argv[6], base ? base + 1 : path);
    if (!error)
        error = finish(VixVM_PowerOn(vm, VIX_VMPOWEROP_NORMAL, VIX_INVALID_HANDLE, NULL, NULL));
    if (!error)
        error = finish(VixVM_WaitForToolsInGuest(vm, TOOLS_WAIT_S, NULL, NULL));
    if (!error)
        error = finish(VixVM_LoginInGuest(vm, argv[3], getenv("GUEST_PASSWORD"), 0, NULL, NULL));
    if (!error)
        error = finish(VixVM_CopyFileFromHostToGuest(vm, argv[4], "/tmp/customize", 0,
                                                     VIX_INVALID_HANDLE, NULL, NULL));
    if (!error)
        error = run(vm, argv[5], &code);
    if (!error)
        error = finish(VixVM_CopyFileFromGuestToHost(vm, "/tmp/customize/log", log, 0,
                                                     VIX_INVALID_HANDLE, NULL, NULL));
    if (!error)
        error = finish(VixVM_DeleteDirectoryInGuest(vm, "/tmp/customize", 0, NULL, NULL));
    finish(VixVM_LogoutFromGuest(vm, NULL, NULL));
    Vix_ReleaseHandle(vm);
    printf("%s: %s, exit code %d\n", path, error ? Vix_GetErrorText(error, NULL) : log, code);
    return error ? error : code ? VIX_E_FAIL : VIX_OK;
}

int main(int argc, char **argv)
{
    struct vms vms = {.count = 0};
    VixHandle host = VIX_INVALID_HANDLE, job;
    VixError error;
    int failed = 0;

    if (argc != 7) {
        fprintf(stderr, "usage: %s HOST USER GUEST-USER FOLDER PROGRAM LOG-FOLDER\n", argv[0]);
        return 2;
    }
    job = VixHost_Connect(VIX_API_VERSION, VIX_SERVICEPROVIDER_VMWARE_VI_SERVER, argv[1], 0,
                          argv[2], getenv("HOST_PASSWORD"), 0, VIX_INVALID_HANDLE, NULL, NULL);
    error = VixJob_Wait(job, VIX_PROPERTY_JOB_RESULT_HANDLE, &host, VIX_PROPERTY_NONE);
    Vix_ReleaseHandle(job);
    if (!error)
        error = finish(
            VixHost_FindItems(host, VIX_FIND_REGISTERED_VMS, VIX_INVALID_HANDLE, -1, found, &vms));
    if (error)
        fprintf(stderr, "%s: %s\n", argv[1], Vix_GetErrorText(error, NULL));
    for (int i = 0; i < vms.count; i++) {
        failed += customize(host, vms.paths[i], argv) != VIX_OK;
        Vix_FreeBuffer(vms.paths[i]);
    }
    VixHost_Disconnect(host);
    return error || failed ? 1 : 0;
}
