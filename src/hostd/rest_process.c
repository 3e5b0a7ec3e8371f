/* REST: processes and environment of a guest. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "hostd/guest_live.h"
#include "hostd/rest_guest_op.h"

#define WAIT_SECONDS_DEFAULT 60

static const char manager[] = "processManager";

/* The second variable of the path. False: answered. */
static bool pid_of(struct rest *rest, int64_t *ret)
{
    char *end;
    long long pid = strtoll(rest->vars[1], &end, 10);
    if (*end || pid <= 0 || end == rest->vars[1]) {
        rest_fail(rest, REST_NOT_FOUND, "com.vmware.api.vcenter.vm.guest.process.not_found",
                  "There is no process %s.", rest->vars[1]);
        return false;
    }
    *ret = pid;
    return true;
}

/* ---- start ---- */

/* NAME=VALUE strings. False: no memory. */
static bool environment(struct arena *a, const struct rest_array_MapOfString *in,
                        struct vim_array_string *out)
{
    out->items = ARENA_ARRAY(a, in->count + 1, const char *);
    for (size_t i = 0; out->items && i < in->count; i++) {
        char *text = arena_printf(a, "%s=%s", in->items[i]->key,
                                  in->items[i]->value ? in->items[i]->value : "");
        if (!text)
            return false;
        out->items[out->count++] = text;
    }
    return out->items != NULL;
}

static void started(struct rest *rest, struct call *call, const void *result)
{
    const struct vim_StartProgramInGuest_result *r = result;
    (void)call;
    rest_return(rest, &(struct rest_processes_create_result){.value = r->value});
}

static void create(struct rest *rest)
{
    const struct rest_ProcessesCreate *body = rest->body;
    const struct rest_ProcessesCreateSpec *in = body->spec;
    struct vim_StartProgramInGuest_request *args =
        ARENA_NEW(rest->room, struct vim_StartProgramInGuest_request);
    struct vim_GuestProgramSpec *spec = VIM_NEW(rest->room, GuestProgramSpec);
    if (!rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    if (!spec || !environment(rest->room, &in->environment_variables, &spec->envVariables)) {
        rest_no_memory(rest);
        return;
    }
    spec->programPath = in->path;
    spec->arguments = in->arguments ? in->arguments : "";
    spec->workingDirectory = in->working_directory;
    args->spec = spec;
    rest_guest_call(rest, manager, &vim_method_StartProgramInGuest, args, started);
}

/* ---- look ---- */

static void listed(struct rest *rest, struct call *call, const void *result)
{
    const struct vim_ListProcessesInGuest_result *r = result;
    struct rest_processes_list_result out = {0};
    (void)call;
    out.value.items = arena_calloc(rest->room, r->value.count + 1, sizeof(*out.value.items));
    for (size_t i = 0; out.value.items && i < r->value.count; i++) {
        const struct vim_GuestProcessInfo *in = r->value.items[i];
        struct rest_ProcessesSummary *p = REST_NEW(rest->room, ProcessesSummary);
        if (!p) {
            out.value.items = NULL;
            break;
        }
        p->name = in->name;
        p->pid = in->pid;
        p->owner = in->owner;
        p->command = in->cmdLine;
        p->started = in->startTime;
        out.value.items[out.value.count++] = p;
    }
    if (out.value.items)
        rest_return(rest, &out);
    else
        rest_no_memory(rest);
}

static void list(struct rest *rest)
{
    const struct rest_CredentialsOnly *body = rest->body;
    struct vim_ListProcessesInGuest_request *args =
        ARENA_NEW(rest->room, struct vim_ListProcessesInGuest_request);
    if (rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        rest_guest_call(rest, manager, &vim_method_ListProcessesInGuest, args, listed);
}

static void got(struct rest *rest, struct call *call, const void *result)
{
    const struct vim_ListProcessesInGuest_result *r = result;
    struct rest_ProcessesInfo *p = REST_NEW(rest->room, ProcessesInfo);
    (void)call;
    if (r->value.count == 0) {
        rest_fail(rest, REST_NOT_FOUND, "com.vmware.api.vcenter.vm.guest.process.not_found",
                  "There is no process %s.", rest->vars[1]);
        return;
    }
    if (!p) {
        rest_no_memory(rest);
        return;
    }
    const struct vim_GuestProcessInfo *in = r->value.items[0];
    p->name = in->name;
    p->owner = in->owner;
    p->command = in->cmdLine;
    p->started = in->startTime;
    p->has_finished = in->has_endTime;
    p->finished = in->endTime;
    p->has_exit_code = in->has_exitCode;
    p->exit_code = in->exitCode;
    rest_return(rest, &(struct rest_processes_get_result){.value = p});
}

static void get(struct rest *rest)
{
    const struct rest_CredentialsOnly *body = rest->body;
    struct vim_ListProcessesInGuest_request *args =
        ARENA_NEW(rest->room, struct vim_ListProcessesInGuest_request);
    int64_t *pid = ARENA_NEW(rest->room, int64_t);
    if (!pid) {
        rest_no_memory(rest);
        return;
    }
    if (!pid_of(rest, pid) ||
        !rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    args->pids.items = pid;
    args->pids.count = 1;
    rest_guest_call(rest, manager, &vim_method_ListProcessesInGuest, args, got);
}

/* The answer is that of a list, so `got` takes it. */
static void wait_for(struct rest *rest)
{
    const struct rest_CredentialsOnly *body = rest->body;
    const struct rest_inguest_processes_wait_query *query = rest->query;
    struct vim_WaitForProcessInGuest_request *args =
        ARENA_NEW(rest->room, struct vim_WaitForProcessInGuest_request);
    int64_t pid, seconds = query->has_seconds ? query->seconds : WAIT_SECONDS_DEFAULT;
    if (!pid_of(rest, &pid) ||
        !rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    args->pid = pid;
    args->seconds = seconds < 0 || seconds > INT32_MAX ? -1 : (int32_t)seconds;
    rest_guest_call(rest, manager, &vim_method_WaitForProcessInGuest, args, got);
}

static void delete (struct rest *rest)
{
    const struct rest_CredentialsOnly *body = rest->body;
    struct vim_TerminateProcessInGuest_request *args =
        ARENA_NEW(rest->room, struct vim_TerminateProcessInGuest_request);
    int64_t pid;
    if (!pid_of(rest, &pid) ||
        !rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    args->pid = pid;
    rest_guest_call(rest, manager, &vim_method_TerminateProcessInGuest, args, rest_done);
}

/* ---- live streams ---- */

static void live_opened(struct rest *rest, struct call *call, const void *result)
{
    const struct vim_StartLiveProgramInGuest_result *r = result;
    struct rest_InguestStreamsInfo *info = REST_NEW(rest->room, InguestStreamsInfo);
    (void)call;
    if (!info) {
        rest_no_memory(rest);
        return;
    }
    info->path = r->value;
    info->protocol = GUEST_LIVE_PROTOCOL;
    rest_return(rest, &(struct rest_inguest_streams_create_result){.value = info});
}

static int32_t small(bool has, int64_t value)
{
    return has && value > 0 && value <= UINT16_MAX ? (int32_t)value : 0;
}

static void live_program(struct rest *rest, const struct rest_InguestStreamsCreate *body)
{
    const struct rest_InguestStreamsProgram *in = body->program;
    struct vim_StartLiveProgramInGuest_request *args =
        ARENA_NEW(rest->room, struct vim_StartLiveProgramInGuest_request);
    if (!rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    if (!environment(rest->room, &in->environment_variables, &args->envVariables)) {
        rest_no_memory(rest);
        return;
    }
    args->arguments.items = in->arguments.items;
    args->arguments.count = in->arguments.count;
    args->workingDirectory = in->working_directory;
    args->terminal = in->terminal;
    args->rows = small(in->has_rows, in->rows);
    args->columns = small(in->has_columns, in->columns);
    rest_guest_call(rest, manager, &vim_method_StartLiveProgramInGuest, args, live_opened);
}

static void live_create(struct rest *rest)
{
    const struct rest_InguestStreamsCreate *body = rest->body;
    if (!body->program == !body->connection) {
        rest_bad_field(rest, "program");
        return;
    }
    if (body->program) {
        live_program(rest, body);
        return;
    }
    struct vim_ConnectToPortInGuest_request *args =
        ARENA_NEW(rest->room, struct vim_ConnectToPortInGuest_request);
    if (!rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    args->port = small(true, body->connection->port);
    rest_guest_call(rest, manager, &vim_method_ConnectToPortInGuest, args, live_opened);
}

/* ---- environment ---- */

static void env_listed(struct rest *rest, struct call *call, const void *result)
{
    const struct vim_ReadEnvironmentVariableInGuest_result *r = result;
    struct rest_environment_list_result out = {0};
    (void)call;
    out.value.items = arena_calloc(rest->room, r->value.count + 1, sizeof(*out.value.items));
    for (size_t i = 0; out.value.items && i < r->value.count; i++) {
        const char *line = r->value.items[i];
        size_t n = strcspn(line, "=");
        struct rest_MapOfString *entry = REST_NEW(rest->room, MapOfString);
        if (entry)
            entry->key = arena_strndup(rest->room, line, n);
        if (!entry || !entry->key) {
            out.value.items = NULL;
            break;
        }
        entry->value = line[n] ? line + n + 1 : "";
        out.value.items[out.value.count++] = entry;
    }
    if (out.value.items)
        rest_return(rest, &out);
    else
        rest_no_memory(rest);
}

static void env_list(struct rest *rest)
{
    const struct rest_EnvironmentList *body = rest->body;
    struct vim_ReadEnvironmentVariableInGuest_request *args =
        ARENA_NEW(rest->room, struct vim_ReadEnvironmentVariableInGuest_request);
    if (!rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    args->names = body->names;
    rest_guest_call(rest, manager, &vim_method_ReadEnvironmentVariableInGuest, args, env_listed);
}

static void env_got(struct rest *rest, struct call *call, const void *result)
{
    const struct vim_ReadEnvironmentVariableInGuest_result *r = result;
    const char *name = rest->vars[1];
    size_t n = strlen(name);
    (void)call;
    for (size_t i = 0; i < r->value.count; i++)
        if (strncmp(r->value.items[i], name, n) == 0 && r->value.items[i][n] == '=') {
            rest_return(rest, &(struct rest_environment_get_result){r->value.items[i] + n + 1});
            return;
        }
    rest_fail(rest, REST_NOT_FOUND, "com.vmware.api.vcenter.vm.guest.environment.not_found",
              "There is no environment variable %s.", name);
}

static void env_get(struct rest *rest)
{
    const struct rest_CredentialsOnly *body = rest->body;
    struct vim_ReadEnvironmentVariableInGuest_request *args =
        ARENA_NEW(rest->room, struct vim_ReadEnvironmentVariableInGuest_request);
    if (!rest_guest_args(rest, body->credentials, args, &args->vm, &args->auth))
        return;
    args->names.items = arena_memdup(rest->room, &rest->vars[1], sizeof(rest->vars[1]));
    args->names.count = 1;
    if (args->names.items)
        rest_guest_call(rest, manager, &vim_method_ReadEnvironmentVariableInGuest, args, env_got);
    else
        rest_no_memory(rest);
}

const struct rest_row rest_process_rows[] = {
    {REST_OP_processes_create, create},
    {REST_OP_processes_list, list},
    {REST_OP_processes_get, get},
    {REST_OP_processes_delete, delete},
    {REST_OP_inguest_processes_wait, wait_for},
    {REST_OP_inguest_streams_create, live_create},
    {REST_OP_environment_list, env_list},
    {REST_OP_environment_get, env_get},
    {0, NULL},
};
