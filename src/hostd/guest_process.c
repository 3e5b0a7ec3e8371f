/* GuestProcessManager: its methods as VIX operations. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "hostd/guest.h"
#include "hostd/guest_op.h"
#include "hostd/guest_process_wait.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"
#include "wire/vix_text.h"

#define ENV_BYTES_MAX (48u << 10)
#define PIDS_MAX      4096u

/* Joins strings, each with its NUL, for a VIX string list. NULL: too long or no memory. */
static char *join(struct arena *a, const struct vim_array_string *in, size_t *ret_len)
{
    size_t len = 0, at = 0;
    char *all;

    for (size_t i = 0; i < in->count; i++)
        len += strlen(in->items[i]) + 1;
    if (len > ENV_BYTES_MAX)
        return NULL;
    all = arena_alloc(a, len ? len : 1);
    for (size_t i = 0; all && i < in->count; i++) {
        size_t n = strlen(in->items[i]) + 1;

        memcpy(all + at, in->items[i], n);
        at += n;
    }
    *ret_len = len;
    return all;
}

static bool start_build(struct guest_op *op)
{
    const struct vim_StartProgramInGuest_request *rq = op->call->req;
    const struct vim_GuestProgramSpec *spec = rq->spec;
    const struct vim_GuestWindowsProgramSpec *windows = VIM_CAST(spec, GuestWindowsProgramSpec);
    struct vix_start_program *body = &op->body.start_program;

    if (!spec) {
        guest_op_invalid(op, "spec");
        return false;
    }
    if (!spec->programPath || !spec->programPath[0]) {
        guest_op_invalid(op, "spec.programPath");
        return false;
    }
    for (size_t i = 0; i < spec->envVariables.count; i++) {
        const char *equals = strchr(spec->envVariables.items[i], '=');

        if (!equals || equals == spec->envVariables.items[i]) {
            guest_op_invalid(op, "spec.envVariables");
            return false;
        }
    }
    op->subject.file = spec->programPath;
    op->subject.directory = spec->workingDirectory;
    op->subject.argument = "spec";
    *body = (struct vix_start_program){.minimized = windows && windows->startMinimized,
                                       .path = spec->programPath,
                                       .arguments = spec->arguments,
                                       .directory = spec->workingDirectory};
    body->environment.count = (uint32_t)spec->envVariables.count;
    body->environment.data = join(op->call->arena, &spec->envVariables, &body->environment.len);
    if (!body->environment.data) {
        guest_op_invalid(op, "spec.envVariables");
        return false;
    }
    return true;
}

static void start_done(struct guest_op *op, const char *result, size_t len)
{
    struct vim_StartProgramInGuest_result r = {0};

    if (vix_text_number(result, len, &r.value) || r.value <= 0)
        guest_op_malformed(op);
    else
        guest_op_return(op, &r);
}

static bool list_build(struct guest_op *op)
{
    const struct vim_ListProcessesInGuest_request *rq = op->call->req;
    uint64_t *pids = ARENA_ARRAY(op->call->arena, rq->pids.count + 1, uint64_t);

    if (rq->pids.count > PIDS_MAX || !pids) {
        guest_op_invalid(op, "pids");
        return false;
    }
    for (size_t i = 0; i < rq->pids.count; i++)
        pids[i] = (uint64_t)rq->pids.items[i];
    op->body.list_processes =
        (struct vix_list_processes){.count = (uint32_t)rq->pids.count, .pid_list = pids};
    op->subject.argument = "pids";
    return true;
}

/* The base name of the first word, for agents that give no short name. */
static const char *name_of(struct arena *a, const char *command_line)
{
    const char *start = command_line[0] == '"' ? command_line + 1 : command_line;
    size_t len = strcspn(start, command_line[0] == '"' ? "\"" : " ");
    const char *slash = memrchr(start, '/', len);

    if (slash) {
        len -= (size_t)(slash + 1 - start);
        start = slash + 1;
    }
    return arena_strndup(a, start, len);
}

static struct vim_GuestProcessInfo *process_info(struct arena *a, const struct vix_process_info *p)
{
    struct vim_GuestProcessInfo *info = VIM_NEW(a, GuestProcessInfo);

    if (!info)
        return NULL;
    info->name = p->cmd && p->cmd[0] ? p->cmd : name_of(a, p->name ? p->name : "");
    info->pid = p->pid;
    info->owner = p->user ? p->user : "";
    info->cmdLine = p->name ? p->name : "";
    info->startTime = p->start * 1000000;
    if (p->end) {
        info->has_endTime = info->has_exitCode = true;
        info->endTime = p->end * 1000000;
        info->exitCode = p->exit_code;
    }
    return info;
}

static void wait_ask(struct guest_op *op)
{
    op->body.list_processes.key = 0;
    op->body.list_processes.offset = 0;
    op->body.list_processes.count = 1;
    buf_clear(&op->text);
    guest_op_send(op);
}

static bool wait_goes_on(struct guest_op *op, const struct vim_ListProcessesInGuest_result *r)
{
    return op->call->method == &vim_method_WaitForProcessInGuest && r->value.count &&
           !r->value.items[0]->has_endTime && process_wait_more(op, wait_ask);
}

static bool another_program(struct guest_op *op, const struct vim_ListProcessesInGuest_result *r)
{
    return op->call->method == &vim_method_WaitForProcessInGuest && r->value.count &&
           !process_wait_same(op, r->value.items[0]->startTime);
}

static void list_finish(struct guest_op *op)
{
    struct vim_ListProcessesInGuest_result r = {0};
    struct arena *a = op->call->arena;
    struct vix_process_info p;
    struct vix_text t;
    size_t room = 0;
    int more;

    vix_text_begin(&t, op->text.data, op->text.len, true);
    while ((more = vix_text_next_process(&t, a, &p)) == 1) {
        if (r.value.count == room) {
            struct vim_GuestProcessInfo **items;

            room = room ? room * 2 : 32;
            items = ARENA_ARRAY(a, room, struct vim_GuestProcessInfo *);
            if (!items)
                break;
            if (r.value.count)
                memcpy(items, r.value.items, r.value.count * sizeof(*items));
            r.value.items = items;
        }
        r.value.items[r.value.count] = process_info(a, &p);
        if (!r.value.items[r.value.count])
            break;
        r.value.count++;
    }
    if (more == 0 && another_program(op, &r)) {
        guest_op_refused(op, VIX_E_NO_SUCH_PROCESS);
        return;
    }
    if (more == 0 && wait_goes_on(op, &r))
        return;
    if (more == 0)
        guest_op_return(op, &r);
    else if (more == -EBADMSG)
        guest_op_malformed(op);
    else
        guest_op_no_memory(op);
}

static void list_done(struct guest_op *op, const char *result, size_t len)
{
    struct vix_chunk_head head;
    struct vix_text t;
    uint32_t before = op->body.list_processes.offset;

    vix_text_begin(&t, result, len, true);
    if (vix_text_chunk_head(&t, &head)) {
        guest_op_malformed(op);
        return;
    }
    if (buf_put(&op->text, t.p, t.left)) {
        guest_op_malformed(op); /* longer than any list of processes */
        return;
    }
    if (!head.chunked || head.left == 0) {
        list_finish(op);
        return;
    }
    if (t.left == 0 || (!head.first && before == 0)) {
        guest_op_malformed(op); /* no progress */
        return;
    }
    if (head.first)
        op->body.list_processes.key = head.key;
    op->body.list_processes.count = 0;
    op->body.list_processes.offset = before + (uint32_t)t.left;
    guest_op_send(op);
}

static bool wait_build(struct guest_op *op)
{
    const struct vim_WaitForProcessInGuest_request *rq = op->call->req;
    uint64_t *pid = ARENA_NEW(op->call->arena, uint64_t);

    /* The answers are the same. */
    _Static_assert(sizeof(struct vim_WaitForProcessInGuest_result) ==
                       sizeof(struct vim_ListProcessesInGuest_result),
                   "list_finish serves both");
    op->subject.pid = rq->pid;
    op->subject.argument = "pid";
    if (rq->pid <= 0 || rq->seconds < 0 || rq->seconds > PROCESS_WAIT_SECONDS_MAX) {
        guest_op_invalid(op, rq->pid <= 0 ? "pid" : "seconds");
        return false;
    }
    if (!pid || process_wait_begin(op, rq->pid, rq->seconds)) {
        guest_op_no_memory(op);
        return false;
    }
    *pid = (uint64_t)rq->pid;
    op->body.list_processes = (struct vix_list_processes){.count = 1, .pid_list = pid};
    return true;
}

static bool terminate_build(struct guest_op *op)
{
    const struct vim_TerminateProcessInGuest_request *rq = op->call->req;

    op->subject.pid = rq->pid;
    op->subject.argument = "pid";
    op->body.process = (struct vix_process){.pid = (uint64_t)rq->pid};
    return true;
}

static bool env_build(struct guest_op *op)
{
    const struct vim_ReadEnvironmentVariableInGuest_request *rq = op->call->req;
    struct vix_strings *names = &op->body.read_env.names;

    op->subject.argument = "names";
    names->count = (uint32_t)rq->names.count;
    names->data = join(op->call->arena, &rq->names, &names->len);
    if (!names->data) {
        guest_op_invalid(op, "names");
        return false;
    }
    return true;
}

static void env_done(struct guest_op *op, const char *result, size_t len)
{
    struct vim_ReadEnvironmentVariableInGuest_result r = {0};
    struct arena *a = op->call->arena;
    struct vix_text t;
    const char *line;
    size_t count = 0;
    int more;

    vix_text_begin(&t, result, len, true);
    while ((more = vix_text_next_env(&t, a, &line)) == 1)
        count++;
    r.value.items = more == 0 ? ARENA_ARRAY(a, count + 1, const char *) : NULL;
    if (!r.value.items) {
        if (more == -EBADMSG)
            guest_op_malformed(op);
        else
            guest_op_no_memory(op);
        return;
    }
    vix_text_begin(&t, result, len, true);
    while (r.value.count < count && vix_text_next_env(&t, a, &line) == 1)
        r.value.items[r.value.count++] = line;
    guest_op_return(op, &r);
}

static const struct guest_method methods[] = {
    {&vim_method_StartProgramInGuest, VIX_OP_START_PROGRAM, start_build, start_done},
    {&vim_method_ListProcessesInGuest, VIX_OP_LIST_PROCESSES_EX, list_build, list_done},
    {&vim_method_WaitForProcessInGuest, VIX_OP_LIST_PROCESSES_EX, wait_build, list_done},
    {&vim_method_TerminateProcessInGuest, VIX_OP_TERMINATE_PROCESS, terminate_build, NULL},
    {&vim_method_ReadEnvironmentVariableInGuest, VIX_OP_READ_ENV_VARIABLES, env_build, env_done},
    {NULL, 0, NULL, NULL},
};

void guest_process_call(struct call *call)
{
    guest_op_start(call, methods);
}
