/* Programs, scripts and processes in the guest. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "client/vix_guest.h"

#define SCRIPT_MAX    60536u /* interpreter and text, bytes */
#define POLL_FIRST_MS 10u    /* of a host that does not tell the end of a program */
#define POLL_MAX_MS   2000u
#define SHELL         "/bin/sh"

static VixError start_program(struct vix_ctx *x, const char *path, const char *arguments,
                              int64_t *ret_pid)
{
    struct vim_StartProgramInGuest_request req = {.vm = vix_vm_ref(x->vm)};
    struct vim_StartProgramInGuest_result *result = NULL;
    VixError error = vix_guest_begin(x, VIX_MANAGER_PROCESS, &req.this_, &req.auth);

    req.spec = VIM_NEW(&x->arena, GuestProgramSpec);
    if (!error && !req.spec)
        error = VIX_E_OUT_OF_MEMORY;
    if (error)
        return error;
    req.spec->programPath = path;
    req.spec->arguments = arguments ? arguments : "";
    error = vix_call(x, &vim_method_StartProgramInGuest, &req, (void **)&result);
    if (!error)
        *ret_pid = result->value;
    return error;
}

static VixError list_processes(struct vix_ctx *x, struct arena *arena, int64_t *pid,
                               struct vim_array_GuestProcessInfo *ret)
{
    struct vim_ListProcessesInGuest_request req = {.vm = vix_vm_ref(x->vm)};
    struct vim_ListProcessesInGuest_result *result = NULL;
    VixError error = vix_guest_begin(x, VIX_MANAGER_PROCESS, &req.this_, &req.auth);

    if (pid)
        req.pids = (struct vim_array_long){1, pid};
    if (!error)
        error = vix_ctx_error(x, vim_client_call(x->c, &vim_method_ListProcessesInGuest, &req,
                                                 arena, (void **)&result, &x->err));
    if (!error)
        *ret = result->value;
    return error;
}

struct ending {
    int elapsed; /* seconds */
    int exit_code;
};

/* Every vSphere server but ours answers so, in one of several ways. */
static bool is_unknown_method(const struct vix_ctx *x)
{
    const struct vim_object *fault = vim_client_fault(x->c);

    return vim_client_failure(x->c) == VIM_CLIENT_FAULT &&
           (!fault || VIM_IS_A(fault, MethodNotFound) || VIM_IS_A(fault, InvalidRequest) ||
            VIM_IS_A(fault, NotSupported) || VIM_IS_A(fault, NotImplemented));
}

/* How the program is: once it has ended or after some time where the host can wait for it, at once
 * where it cannot. *ret_until is when the answer should not have come earlier than, while the
 * program runs. */
static VixError ask_program(struct vix_ctx *x, struct arena *arena, int64_t pid,
                            uint64_t *ret_until, struct vim_array_GuestProcessInfo *ret)
{
    struct vim_WaitForProcessInGuest_request req = {
        .vm = vix_vm_ref(x->vm), .pid = pid, .seconds = (int32_t)vim_client_hold_s(x->c)};
    struct vim_WaitForProcessInGuest_result *result = NULL;
    VixError error;

    *ret_until = UINT64_MAX;
    if (!vix_session_has_process_wait(x->session))
        return list_processes(x, arena, &pid, ret);
    error = vix_guest_begin(x, VIX_MANAGER_PROCESS, &req.this_, &req.auth);
    if (error)
        return error;
    *ret_until = clock_ms() + (uint64_t)req.seconds * 1000;
    error = vix_ctx_error(x, vim_client_call(x->c, &vim_method_WaitForProcessInGuest, &req, arena,
                                             (void **)&result, &x->err));
    if (error && is_unknown_method(x)) {
        vix_session_lacks_process_wait(x->session);
        return ask_program(x, arena, pid, ret_until, ret);
    }
    if (!error)
        *ret = result->value;
    return error;
}

static VixError wait_program(struct vix_ctx *x, int64_t pid, struct ending *ret)
{
    unsigned pause = POLL_FIRST_MS;
    VixError error = VIX_OK;

    while (!error) {
        AUTO_ARENA struct arena arena = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
        struct vim_array_GuestProcessInfo list = {0};
        const struct vim_GuestProcessInfo *p = NULL;
        uint64_t until = 0;

        error = ask_program(x, &arena, pid, &until, &list);
        for (size_t i = 0; !error && i < list.count; i++)
            if (list.items[i]->pid == pid)
                p = list.items[i];
        if (!error && !p)
            return VIX_E_FAIL; /* gone before its end was seen */
        if (!error && p->has_endTime) {
            ret->elapsed = (int)((p->endTime - p->startTime) / 1000000);
            ret->exit_code = p->exitCode;
            return VIX_OK;
        }
        if (error || clock_ms() >= until) /* the host has waited */
            continue;
        error = vix_ctx_sleep(x, pause);
        pause = pause * 2 < POLL_MAX_MS ? pause * 2 : POLL_MAX_MS;
    }
    return error;
}

static VixError put_ending(struct vix_ctx *x, int64_t pid, const struct ending *e)
{
    struct vix_props *props = vix_job_set(x->job, 0);
    VixError error = props ? vix_props_int64(props, VIX_PROPERTY_JOB_RESULT_PROCESS_ID, pid)
                           : VIX_E_OUT_OF_MEMORY;

    if (!error)
        error =
            vix_props_int(props, VIX_PROPERTY_JOB_RESULT_GUEST_PROGRAM_ELAPSED_TIME, e->elapsed);
    return error ? error
                 : vix_props_int(props, VIX_PROPERTY_JOB_RESULT_GUEST_PROGRAM_EXIT_CODE,
                                 e->exit_code);
}

static VixError run_program(struct vix_ctx *x, const struct vix_args *a)
{
    struct ending ending = {0};
    int64_t pid = 0;
    VixError error = start_program(x, a->a, a->b, &pid);

    if (!error && !(a->options & VIX_RUNPROGRAM_RETURN_IMMEDIATELY))
        error = wait_program(x, pid, &ending);
    return error ? error : put_ending(x, pid, &ending);
}

VixHandle VixVM_RunProgramInGuest(VixHandle vmHandle, const char *guestProgramName,
                                  const char *commandLineArgs, VixRunProgramOptions options,
                                  VixHandle propertyListHandle, VixEventProc *callbackProc,
                                  void *clientData)
{
    static const struct vix_op op = {run_program, VIX_OP_NEEDS_A | VIX_OP_LOGIN};
    const struct vix_args args = {.a = (char *)(uintptr_t)guestProgramName,
                                  .b = (char *)(uintptr_t)commandLineArgs,
                                  .options = options,
                                  .list = propertyListHandle};

    return vix_guest_job(vmHandle, &op, &args, callbackProc, clientData);
}

/* --- scripts --- */

static VixError put_script(struct vix_ctx *x, const char *text, const char *path)
{
    AUTO_CLOSE int fd = memfd_create("script", MFD_CLOEXEC);

    if (fd < 0 || fs_write_all(fd, text, strlen(text)) || lseek(fd, 0, SEEK_SET) < 0)
        return VIX_E_OUT_OF_MEMORY;
    return vix_guest_put(x, fd, strlen(text), 0700, path);
}

/* One word for the guest's shell. */
static const char *quoted(struct vix_ctx *x, const char *word)
{
    AUTO_BUF struct buf b = BUF_INIT(4 * SCRIPT_MAX + 8);

    buf_put_u8(&b, '\'');
    for (; *word; word++) {
        if (*word == '\'')
            buf_put_str(&b, "'\\''");
        else
            buf_put_u8(&b, (uint8_t)*word);
    }
    buf_put_u8(&b, '\'');
    return buf_error(&b) ? NULL : arena_strdup(&x->arena, buf_text(&b));
}

/* The script's file is removed when it has run; by the guest itself when nobody waits. */
static VixError run_script(struct vix_ctx *x, const struct vix_args *a)
{
    const char *interpreter = a->a && *a->a ? a->a : SHELL;
    bool wait = !(a->options & VIX_RUNPROGRAM_RETURN_IMMEDIATELY);
    struct ending ending = {0};
    const char *path = NULL, *file, *program, *arguments;
    int64_t pid = 0;
    VixError error, left;

    if (strlen(interpreter) + strlen(a->b) > SCRIPT_MAX)
        return VIX_E_ARGUMENT_TOO_BIG;
    error = vix_guest_temp(x, &path);
    if (!error)
        error = put_script(x, a->b, path);
    if (error)
        return error;
    file = quoted(x, path);
    program = wait ? interpreter : SHELL;
    arguments = wait || !file ? file
                              : arena_printf(&x->arena,
                                             "-c '\"$0\" \"$1\"; s=$?; rm -f -- \"$1\"; exit $s' "
                                             "%s %s",
                                             quoted(x, interpreter), file);
    error = arguments ? start_program(x, program, arguments, &pid) : VIX_E_OUT_OF_MEMORY;
    if (!error && wait)
        error = wait_program(x, pid, &ending);
    if (error || wait) {
        left = vix_guest_delete(x, path);
        if (!error && left != VIX_E_FILE_NOT_FOUND)
            error = left;
    }
    return error ? error : put_ending(x, pid, &ending);
}

VixHandle VixVM_RunScriptInGuest(VixHandle vmHandle, const char *interpreter,
                                 const char *scriptText, VixRunProgramOptions options,
                                 VixHandle propertyListHandle, VixEventProc *callbackProc,
                                 void *clientData)
{
    static const struct vix_op op = {run_script, VIX_OP_NEEDS_B | VIX_OP_LOGIN};
    const struct vix_args args = {.a = (char *)(uintptr_t)interpreter,
                                  .b = (char *)(uintptr_t)scriptText,
                                  .options = options,
                                  .list = propertyListHandle};

    return vix_guest_job(vmHandle, &op, &args, callbackProc, clientData);
}

/* --- processes --- */

static VixError put_process(struct vix_props *props, const struct vim_GuestProcessInfo *p)
{
    VixError error = props ? vix_props_string(props, VIX_PROPERTY_JOB_RESULT_ITEM_NAME, p->name)
                           : VIX_E_OUT_OF_MEMORY;

    error = error ? error : vix_props_int64(props, VIX_PROPERTY_JOB_RESULT_PROCESS_ID, p->pid);
    error =
        error ? error : vix_props_string(props, VIX_PROPERTY_JOB_RESULT_PROCESS_OWNER, p->owner);
    error = error ? error
                  : vix_props_string(props, VIX_PROPERTY_JOB_RESULT_PROCESS_COMMAND, p->cmdLine);
    error = error ? error
                  : vix_props_bool(props, VIX_PROPERTY_JOB_RESULT_PROCESS_BEING_DEBUGGED, false);
    return error ? error
                 : vix_props_int(props, VIX_PROPERTY_JOB_RESULT_PROCESS_START_TIME,
                                 (int)(p->startTime / 1000000));
}

static VixError run_list(struct vix_ctx *x, const struct vix_args *a)
{
    struct vim_array_GuestProcessInfo list = {0};
    VixError error = list_processes(x, &x->arena, NULL, &list);
    size_t count = 0;

    (void)a;
    for (size_t i = 0; !error && i < list.count; i++)
        if (!list.items[i]->has_endTime) /* the agent remembers ended programs of ours */
            error = put_process(vix_job_set(x->job, count++), list.items[i]);
    return error;
}

VixHandle VixVM_ListProcessesInGuest(VixHandle vmHandle, int options, VixEventProc *callbackProc,
                                     void *clientData)
{
    static const struct vix_op op = {run_list, VIX_OP_LOGIN};
    const struct vix_args args = {.options = options};

    return vix_guest_job(vmHandle, &op, &args, callbackProc, clientData);
}

static VixError run_kill(struct vix_ctx *x, const struct vix_args *a)
{
    struct vim_TerminateProcessInGuest_request req = {.vm = vix_vm_ref(x->vm), .pid = a->n};
    VixError error = vix_guest_begin(x, VIX_MANAGER_PROCESS, &req.this_, &req.auth);

    return error ? error : vix_call(x, &vim_method_TerminateProcessInGuest, &req, NULL);
}

VixHandle VixVM_KillProcessInGuest(VixHandle vmHandle, uint64 pid, int options,
                                   VixEventProc *callbackProc, void *clientData)
{
    static const struct vix_op op = {run_kill, VIX_OP_LOGIN};
    const struct vix_args args = {.n = (int64)pid};

    (void)options;
    return vix_guest_job(vmHandle, &op, &args, callbackProc, clientData);
}
