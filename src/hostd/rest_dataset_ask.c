/* Data sets: from a REST request to the VM's vmx and back. */
#include <errno.h>
#include <string.h>

#include "api/json_codec.h"
#include "base/mem.h"
#include "hostd/mo.h"
#include "hostd/property_select.h"
#include "hostd/rest_dataset.h"
#include "hostd/vm.h"

#define ID_PREFIX  "com.vmware.api.vcenter.vm.data_sets."
#define PRIVILEGES "VirtualMachine.DataSets."
#define TEXT_MAX   1024

struct ask {
    struct rest *rest; /* NULL: the client has gone, and the request with it */
    struct host *host;
    char *vm;
    const char *op;
    json_t *args;
    const void *blob;
    size_t len;
    dataset_answer *answer;
    bool sent;
    uint64_t request; /* when sent */
};

/* ---- errors ---- */

/* In texts {d} is the data set, {v} the virtual machine, {k} the key. (DataSets, "Error body": id
 * and text of what is not empty; the other texts are ours.) */
static const struct row {
    int code;
    enum rest_error error;
    const char *id, *text;
} rows[] = {
    {DATASET_E_EXISTS, REST_ALREADY_EXISTS, "dataset_already_exists",
     "Data set '{d}' already exists in Virtual Machine '{v}'."},
    {DATASET_E_NO_SET, REST_NOT_FOUND, "dataset_not_found",
     "Data set '{d}' was not found in Virtual Machine '{v}'."},
    {DATASET_E_NO_ENTRY, REST_NOT_FOUND, "entry_not_found",
     "Entry '{k}' was not found in Data set '{d}' in Virtual Machine '{v}'."},
    {DATASET_E_ACCESS, REST_UNAUTHORIZED, "access_denied",
     "The host access mode of Data set '{d}' in Virtual Machine '{v}' does not allow this."},
    {DATASET_E_NOT_EMPTY, REST_RESOURCE_IN_USE, "dataset_not_empty",
     "Data set '{d}' in Virtual Machine '{v}' is not empty."},
    {DATASET_E_FULL, REST_UNABLE_TO_ALLOCATE_RESOURCE, "capacity_exceeded",
     "The capacity for Data sets in Virtual Machine '{v}' is exceeded."},
    {DATASET_E_NAME, REST_INVALID_ARGUMENT, "invalid_name",
     "The name of a Data set must be 1 to 255 bytes of UTF-8."},
    {DATASET_E_DESCRIPTION, REST_INVALID_ARGUMENT, "description_too_large",
     "The description of a Data set must not be longer than 1024 bytes."},
    {DATASET_E_KEY, REST_INVALID_ARGUMENT, "key_too_large",
     "A key must be 1 to 4096 bytes of UTF-8."},
    {DATASET_E_VALUE, REST_INVALID_ARGUMENT, "value_too_large",
     "A value must not be longer than 1048576 bytes."},
    {DATASET_E_SUSPENDED, REST_NOT_ALLOWED_IN_CURRENT_STATE, "vm_suspended",
     "Data sets cannot be changed while Virtual Machine '{v}' is suspended."},
    {DATASET_E_HARDWARE, REST_UNSUPPORTED, "hardware_version_unsupported",
     "The hardware version of Virtual Machine '{v}' does not support Data sets."},
    {DATASET_E_LOCKED, REST_SERVICE_UNAVAILABLE, "busy",
     "The Data sets of Virtual Machine '{v}' are in use."},
    {-ENOSPC, REST_UNABLE_TO_ALLOCATE_RESOURCE, "no_space",
     "There is no space for the Data sets of Virtual Machine '{v}'."},
    {-ENOTCONN, REST_SERVICE_UNAVAILABLE, "unavailable",
     "The process of Virtual Machine '{v}' does not answer."},
    {-ETIMEDOUT, REST_SERVICE_UNAVAILABLE, "unavailable",
     "The process of Virtual Machine '{v}' does not answer."},
    {-ECANCELED, REST_SERVICE_UNAVAILABLE, "unavailable",
     "The process of Virtual Machine '{v}' has ended."},
};

/* A body that is no JSON, or an access mode that is none: the caller has the words. */
static const struct row argument = {DATASET_E_ARGUMENT, REST_INVALID_ARGUMENT, "invalid_argument",
                                    NULL};
static const struct row other = {0, REST_ERROR, "error", NULL};

static const struct row *find(int code)
{
    if (code == DATASET_E_ARGUMENT)
        return &argument;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].code == code)
            return &rows[i];
    return &other;
}

static void fill(struct buf *out, const char *text, const char *dataset, const char *vm,
                 const char *key)
{
    for (const char *p = text; *p; p++) {
        const char *value = !strncmp(p, "{d}", 3)   ? dataset
                            : !strncmp(p, "{v}", 3) ? vm
                            : !strncmp(p, "{k}", 3) ? key
                                                    : NULL;

        if (!value) {
            buf_put_u8(out, (uint8_t)*p);
            continue;
        }
        buf_printf(out, "%.300s", value);
        p += 2;
    }
}

static void put_param(struct buf *out, const char *name, const char *value)
{
    if (!value)
        return;
    buf_printf(out, "%s\"%s\":{\"s\":", out->len > 1 ? "," : "", name);
    json_put_string(out, value);
    buf_put_str(out, "}");
}

void dataset_fail(struct rest *rest, int code, const char *text)
{
    const struct row *row = find(code);
    AUTO_BUF struct buf words = BUF_INIT(TEXT_MAX), params = BUF_INIT(64u << 10);
    const char *dataset = rest->vars[1] ? rest->vars[1] : "", *key = rest->vars[2];
    char *vm =
        arena_printf(rest->room, "%s:%s", rest->vm,
                     rest->host->options.instance_uuid ? rest->host->options.instance_uuid : "");
    char *id = arena_printf(rest->room, ID_PREFIX "%s", row->id);

    if (!vm || !id) {
        rest_no_memory(rest);
        return;
    }
    /* The name of a data set that was to be made is not in the path. */
    if (!rest->vars[1] && rest->problem_arg)
        dataset = rest->problem_arg;
    fill(&words,
         row->text ? row->text
         : text    ? text
                   : "The operation failed.",
         dataset, vm, key ? key : "");
    buf_put_str(&params, "{");
    put_param(&params, "dataset", *dataset ? dataset : NULL);
    put_param(&params, "key", row->code == DATASET_E_NO_ENTRY ? key : NULL);
    put_param(&params, "vm", vm);
    buf_put_str(&params, "}");
    rest->problem_arg = NULL;
    if (!buf_error(&params))
        rest->problem_params = buf_text(&params);
    rest_fail(rest, row->error, id, "%s", buf_text(&words));
}

/* ---- checks ---- */

bool dataset_allowed(struct rest *rest, const char *privilege)
{
    struct mo *mo = rest_vm(rest);
    struct mo_reader reader = {rest->host, rest->session, rest->room};
    char name[96];

    if (!mo)
        return false;
    snprintf(name, sizeof(name), PRIVILEGES "%s", privilege);
    if (!select_allowed(&reader, mo, name)) {
        rest_fail(rest, REST_UNAUTHORIZED, "com.vmware.api.vcenter.vm.unauthorized",
                  "The privilege %s on the virtual machine is needed.", name);
        return false;
    }
    if (vm_config_int(vm_cast(mo), "virtualHW.version", DATASET_HARDWARE_MIN) >=
        DATASET_HARDWARE_MIN)
        return true;
    dataset_fail(rest, DATASET_E_HARDWARE, NULL);
    return false;
}

/* ---- vmx ---- */

static void over(struct ask *ask, int code, const struct vmlink_reply *reply)
{
    struct rest *rest = ask->rest;
    dataset_answer *answer = ask->answer;
    struct vm *vm = vm_find(ask->host, vim_ref_make("VirtualMachine", ask->vm));

    json_decref(ask->args);
    mem_free(ask->vm);
    mem_free(ask);
    if (vm)
        vm_idle(vm); /* its vmx is wanted a while longer */
    if (!rest)
        return;
    http_on_gone(rest->req, NULL, NULL);
    answer(rest, code, reply);
}

static void answered(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    (void)link;
    over(arg, reply->code, reply);
}

static void ready(struct vm *vm, int code, const char *why, void *arg)
{
    struct ask *ask = arg;

    (void)why;
    if (!ask->rest) {
        over(ask, -ECANCELED, NULL);
        return;
    }
    if (!code)
        code = vmlink_request(vm->link, ask->op, ask->args, ask->blob, ask->len, NULL, 0,
                              DATASET_ASK_MS, answered, ask, &ask->request);
    else
        code = -ENOTCONN;
    ask->sent = !code;
    if (code)
        over(ask, code == -EBUSY || code == -ENOBUFS ? DATASET_E_LOCKED : code, NULL);
}

/* What vmx has not begun it need not do; nobody is told. */
static void on_gone(struct http_request *req, void *arg)
{
    struct ask *ask = arg;
    struct rest *rest = TAKE_PTR(ask->rest);
    struct vm *vm = vm_find(ask->host, vim_ref_make("VirtualMachine", ask->vm));

    (void)req;
    if (ask->sent && vm)
        vmlink_cancel(vm->link, ask->request);
    rest_fail(rest, REST_CANCELED, "com.vmware.vapi.std.errors.canceled", "The client has gone.");
}

void dataset_ask(struct rest *rest, const char *op, json_t *args, const void *blob, size_t len,
                 dataset_answer *answer)
{
    struct vm *vm = vm_find(rest->host, rest_vm_ref(rest));
    struct ask *ask = args && vm ? mem_calloc(1, sizeof(*ask)) : NULL;
    char *id = ask ? mem_strdup(rest->vm) : NULL;

    if (!id) {
        mem_free(ask);
        json_decref(args);
        answer(rest, vm ? -ENOMEM : -ENOTCONN, NULL);
        return;
    }
    *ask = (struct ask){.rest = rest,
                        .host = rest->host,
                        .vm = id,
                        .op = op,
                        .args = args,
                        .blob = blob,
                        .len = len,
                        .answer = answer};
    http_on_gone(rest->req, on_gone, ask);
    int r = vm_ready(vm, ready, ask);
    if (r)
        over(ask, r == -EBUSY ? DATASET_E_LOCKED : r, NULL);
}
