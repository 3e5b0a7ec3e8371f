/* Commands in the guest. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "client/vix_extra.h"
#include "client/vmrun.h"

#define ARGUMENTS_MAX (1u << 20)

/* --- programs --- */

/* Options before the program; *ret_at is the program's place. -1: login failed, error printed. */
static int run_options(struct vmrun *v, int *ret_options, int *ret_at)
{
    static const struct {
        const char *name;
        int option;
        bool interactive;
    } options[] = {{"-noWait", VIX_RUNPROGRAM_RETURN_IMMEDIATELY, false},
                   {"-activeWindow", VIX_RUNPROGRAM_ACTIVATE_WINDOW, false},
                   {"-interactive", 0, true}};
    bool interactive = false;
    int i;

    *ret_options = 0;
    for (i = 0; i < v->argc; i++) {
        size_t k;

        for (k = 0; k < ARRAY_SIZE(options) && strcasecmp(v->argv[i], options[k].name); k++)
            ;
        if (k == ARRAY_SIZE(options))
            break;
        *ret_options |= options[k].option;
        interactive |= options[k].interactive;
    }
    *ret_at = i;
    return interactive ? vmrun_guest_login(v, true) : VMRUN_OK;
}

static int end_program(struct vmrun *v, VixHandle job)
{
    int code = 0;
    VixError error = vmrun_wait_keep(v, job);

    if (!error)
        error = Vix_GetProperties(job, VIX_PROPERTY_JOB_RESULT_GUEST_PROGRAM_EXIT_CODE, &code,
                                  VIX_PROPERTY_NONE);
    Vix_ReleaseHandle(job);
    if (error || !code)
        return vmrun_end(v, error);
    printf("Guest program exited with non-zero exit code: %d\n", code);
    return code >= 1 && code <= 254 ? code : VMRUN_FAILED;
}

int vmrun_run_program(struct vmrun *v)
{
    AUTO_BUF struct buf arguments = BUF_INIT(ARGUMENTS_MAX);
    int options, at, status = run_options(v, &options, &at);

    if (status)
        return status;
    if (at >= v->argc)
        return vmrun_end(v, VIX_E_INVALID_ARG);
    for (int i = at + 1; i < v->argc; i++)
        buf_printf(&arguments, "%s%s", i > at + 1 ? " " : "", v->argv[i]);
    if (buf_error(&arguments))
        return vmrun_end(v, VIX_E_ARGUMENT_TOO_BIG);
    return end_program(v, VixVM_RunProgramInGuest(v->vm, v->argv[at], buf_text(&arguments), options,
                                                  VIX_INVALID_HANDLE, NULL, NULL));
}

int vmrun_run_script(struct vmrun *v)
{
    int options, at, status = run_options(v, &options, &at);

    if (status)
        return status;
    if (at + 2 != v->argc)
        return vmrun_end(v, VIX_E_INVALID_ARG);
    return end_program(v, VixVM_RunScriptInGuest(v->vm, v->argv[at], v->argv[at + 1], options,
                                                 VIX_INVALID_HANDLE, NULL, NULL));
}

int vmrun_list_processes(struct vmrun *v)
{
    VixHandle job = VixVM_ListProcessesInGuest(v->vm, 0, NULL, NULL);
    VixError error = vmrun_wait_keep(v, job);
    int count = error ? 0 : VixJob_GetNumProperties(job, VIX_PROPERTY_JOB_RESULT_PROCESS_ID);

    if (!error)
        printf("Process list: %d\n", count);
    for (int i = 0; !error && i < count; i++) {
        char *owner = NULL, *command = NULL;
        uint64 pid = 0;

        error = VixJob_GetNthProperties(
            job, i, VIX_PROPERTY_JOB_RESULT_PROCESS_ID, &pid, VIX_PROPERTY_JOB_RESULT_PROCESS_OWNER,
            &owner, VIX_PROPERTY_JOB_RESULT_PROCESS_COMMAND, &command, VIX_PROPERTY_NONE);
        if (!error)
            printf("pid=%llu, owner=%s, cmd=%s\n", (unsigned long long)pid, owner, command);
        Vix_FreeBuffer(owner);
        Vix_FreeBuffer(command);
    }
    Vix_ReleaseHandle(job);
    return vmrun_end(v, error);
}

int vmrun_kill(struct vmrun *v)
{
    char *end = NULL;
    unsigned long long pid;

    errno = 0;
    pid = strtoull(v->argv[0], &end, 10);
    if (errno || end == v->argv[0] || *end || v->argv[0][0] == '-')
        return vmrun_end(v, VIX_E_INVALID_ARG);
    return vmrun_job(v, VixVM_KillProcessInGuest(v->vm, pid, 0, NULL, NULL));
}

/* --- files --- */

static int print_exists(struct vmrun *v, VixHandle job, const char *what)
{
    Bool exists = FALSE;
    VixError error = vmrun_wait_keep(v, job);

    if (!error)
        error = Vix_GetProperties(job, VIX_PROPERTY_JOB_RESULT_GUEST_OBJECT_EXISTS, &exists,
                                  VIX_PROPERTY_NONE);
    Vix_ReleaseHandle(job);
    if (error)
        return vmrun_end(v, error);
    printf("The %s %s.\n", what, exists ? "exists" : "does not exist");
    return exists ? VMRUN_OK : VMRUN_FAILED;
}

int vmrun_file_exists(struct vmrun *v)
{
    return print_exists(v, VixVM_FileExistsInGuest(v->vm, v->argv[0], NULL, NULL), "file");
}

int vmrun_directory_exists(struct vmrun *v)
{
    return print_exists(v, VixVM_DirectoryExistsInGuest(v->vm, v->argv[0], NULL, NULL),
                        "directory");
}

int vmrun_delete_file(struct vmrun *v)
{
    return vmrun_job(v, VixVM_DeleteFileInGuest(v->vm, v->argv[0], NULL, NULL));
}

int vmrun_create_directory(struct vmrun *v)
{
    return vmrun_job(
        v, VixVM_CreateDirectoryInGuest(v->vm, v->argv[0], VIX_INVALID_HANDLE, NULL, NULL));
}

int vmrun_delete_directory(struct vmrun *v)
{
    return vmrun_job(v, VixVM_DeleteDirectoryInGuest(v->vm, v->argv[0], 0, NULL, NULL));
}

int vmrun_create_temp(struct vmrun *v)
{
    char *path = NULL;
    VixError error =
        vmrun_wait_string(v, VixVM_CreateTempFileInGuest(v->vm, 0, VIX_INVALID_HANDLE, NULL, NULL),
                          VIX_PROPERTY_JOB_RESULT_ITEM_NAME, &path);

    if (!error)
        puts(path);
    Vix_FreeBuffer(path);
    return vmrun_end(v, error);
}

int vmrun_list_directory(struct vmrun *v)
{
    VixHandle job = VixVM_ListDirectoryInGuest(v->vm, v->argv[0], 0, NULL, NULL);
    VixError error = vmrun_wait_keep(v, job);
    int count = error ? 0 : VixJob_GetNumProperties(job, VIX_PROPERTY_JOB_RESULT_ITEM_NAME);

    if (!error)
        printf("Directory list: %d\n", count);
    for (int i = 0; !error && i < count; i++) {
        char *name = NULL;

        error = VixJob_GetNthProperties(job, i, VIX_PROPERTY_JOB_RESULT_ITEM_NAME, &name,
                                        VIX_PROPERTY_NONE);
        if (!error)
            puts(name);
        Vix_FreeBuffer(name);
    }
    Vix_ReleaseHandle(job);
    return vmrun_end(v, error);
}

int vmrun_copy_to(struct vmrun *v)
{
    VixError error =
        vmrun_wait(v, VixVM_CopyFileFromHostToGuest(v->vm, v->argv[0], v->argv[1], 0,
                                                    VIX_INVALID_HANDLE, vmrun_progress, NULL));

    vmrun_progress_end();
    return vmrun_end(v, error);
}

int vmrun_copy_from(struct vmrun *v)
{
    VixError error =
        vmrun_wait(v, VixVM_CopyFileFromGuestToHost(v->vm, v->argv[0], v->argv[1], 0,
                                                    VIX_INVALID_HANDLE, vmrun_progress, NULL));

    vmrun_progress_end();
    return vmrun_end(v, error);
}

int vmrun_rename(struct vmrun *v)
{
    return vmrun_job(v, VixVM_RenameFileInGuest(v->vm, v->argv[0], v->argv[1], 0,
                                                VIX_INVALID_HANDLE, NULL, NULL));
}

int vmrun_capture_screen(struct vmrun *v)
{
    VixHandle job = VixVM_CaptureScreenImage(v->vm, VIX_CAPTURESCREENFORMAT_PNG, VIX_INVALID_HANDLE,
                                             NULL, NULL);
    VixError error = vmrun_wait_keep(v, job);
    unsigned char *data = NULL;
    int size = 0;

    if (!error)
        error = Vix_GetProperties(job, VIX_PROPERTY_JOB_RESULT_SCREEN_IMAGE_DATA, &size, &data,
                                  VIX_PROPERTY_NONE);
    Vix_ReleaseHandle(job);
    if (!error) {
        AUTO_CLOSE int fd =
            open(v->argv[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);

        if (fd < 0 || fs_write_all(fd, data, (size_t)size))
            error = VIX_E_FILE_ERROR;
    }
    Vix_FreeBuffer(data);
    return vmrun_end(v, error);
}

/* --- variables, address --- */

/* 0: a word that is none. A variable of the guest's environment needs a login. */
static int variable_type(struct vmrun *v, int *ret_status)
{
    *ret_status = VMRUN_OK;
    if (!strcasecmp(v->argv[0], "guestVar"))
        return VIX_VM_GUEST_VARIABLE;
    if (!strcasecmp(v->argv[0], "runtimeConfig"))
        return VIX_VM_CONFIG_RUNTIME_ONLY;
    if (strcasecmp(v->argv[0], "guestEnv")) {
        *ret_status = vmrun_end(v, VIX_E_INVALID_ARG);
        return 0;
    }
    *ret_status = vmrun_guest_ready(v);
    if (!*ret_status)
        *ret_status = vmrun_guest_login(v, false);
    return VIX_GUEST_ENVIRONMENT_VARIABLE;
}

int vmrun_read_variable(struct vmrun *v)
{
    int status, type = variable_type(v, &status);
    char *value = NULL;
    VixError error;

    if (status)
        return status;
    error = vmrun_wait_string(v, VixVM_ReadVariable(v->vm, type, v->argv[1], 0, NULL, NULL),
                              VIX_PROPERTY_JOB_RESULT_VM_VARIABLE_STRING, &value);
    if (!error)
        puts(value);
    Vix_FreeBuffer(value);
    return vmrun_end(v, error);
}

int vmrun_write_variable(struct vmrun *v)
{
    int status, type = variable_type(v, &status);

    return status ? status
                  : vmrun_job(
                        v, VixVM_WriteVariable(v->vm, type, v->argv[1], v->argv[2], 0, NULL, NULL));
}

int vmrun_guest_address(struct vmrun *v)
{
    bool wait = v->argc > 0;
    char *text = NULL;
    VixError error;

    if (wait && strcasecmp(v->argv[0], "-wait"))
        return vmrun_end(v, VIX_E_INVALID_ARG);
    error = vmrun_wait_string(v, vix_guest_address_start(v->vm, wait),
                              VIX_PROPERTY_JOB_RESULT_VM_VARIABLE_STRING, &text);
    if (error == VIX_E_OBJECT_NOT_FOUND)
        return vmrun_error("Unable to get the IP address");
    if (!error)
        puts(text);
    Vix_FreeBuffer(text);
    return vmrun_end(v, error);
}
