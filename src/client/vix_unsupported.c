/*
 * Functions that vSphere has no equivalent for (shared folders, pause, record and replay), or that
 * VIX 1.11 removed: their jobs fail with VIX_E_NOT_SUPPORTED. And screenshots, which a host may
 * have.
 */
#include "client/vix_impl.h"

static VixError run_unsupported(struct vix_ctx *x, const struct vix_args *a)
{
    (void)x;
    (void)a;
    return VIX_E_NOT_SUPPORTED;
}

static VixHandle unsupported(VixHandle vm, VixEventProc *callback, void *data)
{
    static const struct vix_op op = {run_unsupported, 0};
    const struct vix_args args = {0};

    return vix_job_start(vm, VIX_HANDLETYPE_VM, &op, &args, callback, data);
}

#define UNUSED(x) ((void)(x))

VixHandle VixVM_Pause(VixHandle vmHandle, int options, VixHandle propertyList,
                      VixEventProc *callbackProc, void *clientData)
{
    UNUSED(options);
    UNUSED(propertyList);
    return unsupported(vmHandle, callbackProc, clientData);
}

VixHandle VixVM_Unpause(VixHandle vmHandle, int options, VixHandle propertyList,
                        VixEventProc *callbackProc, void *clientData)
{
    UNUSED(options);
    UNUSED(propertyList);
    return unsupported(vmHandle, callbackProc, clientData);
}

VixHandle VixVM_OpenUrlInGuest(VixHandle vmHandle, const char *url, int windowState,
                               VixHandle propertyListHandle, VixEventProc *callbackProc,
                               void *clientData)
{
    UNUSED(url);
    UNUSED(windowState);
    UNUSED(propertyListHandle);
    return unsupported(vmHandle, callbackProc, clientData);
}

VixHandle VixVM_EnableSharedFolders(VixHandle vmHandle, Bool enabled, int options,
                                    VixEventProc *callbackProc, void *clientData)
{
    UNUSED(enabled);
    UNUSED(options);
    return unsupported(vmHandle, callbackProc, clientData);
}

VixHandle VixVM_GetNumSharedFolders(VixHandle vmHandle, VixEventProc *callbackProc,
                                    void *clientData)
{
    return unsupported(vmHandle, callbackProc, clientData);
}

VixHandle VixVM_GetSharedFolderState(VixHandle vmHandle, int index, VixEventProc *callbackProc,
                                     void *clientData)
{
    UNUSED(index);
    return unsupported(vmHandle, callbackProc, clientData);
}

VixHandle VixVM_SetSharedFolderState(VixHandle vmHandle, const char *shareName,
                                     const char *hostPathName, VixMsgSharedFolderOptions flags,
                                     VixEventProc *callbackProc, void *clientData)
{
    UNUSED(shareName);
    UNUSED(hostPathName);
    UNUSED(flags);
    return unsupported(vmHandle, callbackProc, clientData);
}

VixHandle VixVM_AddSharedFolder(VixHandle vmHandle, const char *shareName, const char *hostPathName,
                                VixMsgSharedFolderOptions flags, VixEventProc *callbackProc,
                                void *clientData)
{
    UNUSED(shareName);
    UNUSED(hostPathName);
    UNUSED(flags);
    return unsupported(vmHandle, callbackProc, clientData);
}

VixHandle VixVM_RemoveSharedFolder(VixHandle vmHandle, const char *shareName, int flags,
                                   VixEventProc *callbackProc, void *clientData)
{
    UNUSED(shareName);
    UNUSED(flags);
    return unsupported(vmHandle, callbackProc, clientData);
}

VixHandle VixVM_BeginRecording(VixHandle vmHandle, const char *name, const char *description,
                               int options, VixHandle propertyListHandle,
                               VixEventProc *callbackProc, void *clientData)
{
    UNUSED(name);
    UNUSED(description);
    UNUSED(options);
    UNUSED(propertyListHandle);
    return unsupported(vmHandle, callbackProc, clientData);
}

VixHandle VixVM_EndRecording(VixHandle vmHandle, int options, VixHandle propertyListHandle,
                             VixEventProc *callbackProc, void *clientData)
{
    UNUSED(options);
    UNUSED(propertyListHandle);
    return unsupported(vmHandle, callbackProc, clientData);
}

VixHandle VixVM_BeginReplay(VixHandle vmHandle, VixHandle snapshotHandle, int options,
                            VixHandle propertyListHandle, VixEventProc *callbackProc,
                            void *clientData)
{
    UNUSED(snapshotHandle);
    UNUSED(options);
    UNUSED(propertyListHandle);
    return unsupported(vmHandle, callbackProc, clientData);
}

VixHandle VixVM_EndReplay(VixHandle vmHandle, int options, VixHandle propertyListHandle,
                          VixEventProc *callbackProc, void *clientData)
{
    UNUSED(options);
    UNUSED(propertyListHandle);
    return unsupported(vmHandle, callbackProc, clientData);
}

/* inguest's machines have no display; CreateScreenshot_Task says so. */
static VixError run_screen(struct vix_ctx *x, const struct vix_args *a)
{
    const struct vim_CreateScreenshot_Task_request req = {.this_ = vix_vm_ref(x->vm)};
    VixError error;

    if (a->options != VIX_CAPTURESCREENFORMAT_PNG &&
        a->options != VIX_CAPTURESCREENFORMAT_PNG_NOCOMPRESS)
        return VIX_E_SCREEN_CAPTURE_BAD_FORMAT;
    error = vix_call_task(x, &vim_method_CreateScreenshot_Task, &req, NULL);
    return error ? error : VIX_E_SCREEN_CAPTURE_ERROR; /* its file lies on the host */
}

VixHandle VixVM_CaptureScreenImage(VixHandle vmHandle, int captureType,
                                   VixHandle additionalProperties, VixEventProc *callbackProc,
                                   void *clientData)
{
    static const struct vix_op op = {run_screen, VIX_OP_LOGIN};
    const struct vix_args args = {.options = captureType, .list = additionalProperties};

    return vix_job_start(vmHandle, VIX_HANDLETYPE_VM, &op, &args, callbackProc, clientData);
}
