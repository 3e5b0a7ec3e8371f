/*
 * What a program in the guest may ask for. Sources: guest RPC protocol, "RPCI commands agents
 * send", "What a host must answer", "info-set / info-get".
 *
 * A handler returns 0 and its result, RPCI_LATER, or a negative errno code that one table turns
 * into the text of a failure. What speaks for the whole guest (its name, its addresses, the state
 * of its tools) is only taken from the guest's root; the protocol itself does not ask for that, but
 * here the kernel tells who is calling.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "vmx/ctl.h"
#include "vmx/datasets.h"
#include "vmx/gueststore.h"
#include "vmx/quiesce.h"
#include "vmx/relay.h"
#include "vmx/rpci.h"
#include "vmx/tools.h"
#include "wire/guestinfo.h"
#include "wire/rpc.h"
#include "wire/vix.h"
#include "wire/vmbackup.h"

#define AUTH_KEY_PREFIX "guest_rpc.rpci.auth.cmd."
#define SIZE_LIMIT_KEY  "tools.setInfo.sizeLimit"
#define DISABLE_KEY     "isolation.tools.setInfo.disable"
#define IP_KEY          "guestinfo.ip"
#define TOOLS_KEYS      "guestinfo.vmtools."
#define HOST_KEYS       "guestinfo./"

enum rpci_flag {
    FLAG_ROOT = 1,    /* from the guest's root only */
    FLAG_PREFIX = 2,  /* the row is for every command that begins so */
    FLAG_NO_ARGS = 4, /* arguments are refused */
    FLAG_ARGS = 8,    /* arguments are needed */
};

struct command {
    const char *name;
    unsigned flags;
    int (*serve)(struct rpci_request *rq);
};

/* The key at the front of the arguments, NUL-terminated; the value follows after one space. */
static int split_key(const struct rpci_request *rq, char key[GUESTVARS_KEY_MAX + 1],
                     const char **ret_value, size_t *ret_len)
{
    const uint8_t *space = memchr(rq->args, ' ', rq->len);
    size_t n = space ? (size_t)(space - rq->args) : rq->len;

    if (n > GUESTVARS_KEY_MAX || memchr(rq->args, 0, n))
        return -EINVAL;
    memcpy(key, rq->args, n);
    key[n] = '\0';
    *ret_value = space ? (const char *)space + 1 : "";
    *ret_len = space ? rq->len - n - 1 : 0;
    return guestvars_key_valid(key) ? 0 : -EINVAL;
}

static int info_set(struct rpci_request *rq)
{
    struct vm *vm = rq->vm;
    char key[GUESTVARS_KEY_MAX + 1];
    const char *value;
    size_t len;
    int64_t limit = vmconfig_get_int(&vm->config, SIZE_LIMIT_KEY, GUESTVARS_BYTES_MAX);
    int r = split_key(rq, key, &value, &len);

    if (r)
        return r;
    if (vmconfig_get_bool(&vm->config, DISABLE_KEY, false))
        return -ECONNREFUSED;
    if (!strncasecmp(key, HOST_KEYS, strlen(HOST_KEYS)))
        return -EACCES;
    if (!rq->privileged &&
        (!strcasecmp(key, IP_KEY) || !strncasecmp(key, TOOLS_KEYS, strlen(TOOLS_KEYS))))
        return -EACCES;
    if (memchr(value, 0, len))
        return -EINVAL;
    vm->vars.bytes_max =
        limit > 0 && limit < (int64_t)GUESTVARS_BYTES_MAX ? (size_t)limit : GUESTVARS_BYTES_MAX;
    /* A key of the configuration is the administrator's: the guest's value is written there. */
    if (vmconfig_get(&vm->config, key))
        return ctl_guest_config(vm->ctl, key, value, len);
    r = guestvars_set(&vm->vars, key, value, len);
    if (r)
        return r;
    if (!strcasecmp(key, IP_KEY))
        guest_state_primary_ip(&vm->guest, value, len);
    ctl_guestinfo_changed(vm->ctl, key);
    tools_changed(vm->tools);
    return 0;
}

static int info_get(struct rpci_request *rq)
{
    char key[GUESTVARS_KEY_MAX + 1];
    const struct guestvar *var;
    const char *value;
    size_t len;
    int r = split_key(rq, key, &value, &len);

    if (r)
        return -ENOENT;
    var = guestvars_get(&rq->vm->vars, key);
    if (var)
        return buf_put(rq->result, var->value, var->value_len);
    value = ctl_guest_config_get(rq->vm->ctl, key);
    if (!value)
        value = vmconfig_get(&rq->vm->config, key);
    return value ? buf_put_str(rq->result, value) : -ENOENT;
}

static int log_line(struct rpci_request *rq)
{
    vmlog_guest(&rq->vm->log, (const char *)rq->args, (unsigned)rq->len);
    return 0;
}

static int set_guest_info(struct rpci_request *rq)
{
    const uint8_t *data;
    size_t len;
    unsigned id;
    int r = guestinfo_decode(rq->args, rq->len, &id, &data, &len);

    if (!r)
        r = guest_state_info(&rq->vm->guest, id, data, len);
    if (r)
        return r;
    if (id == GUESTINFO_NICS_V1 || id == GUESTINFO_NICS_V2 || id == GUESTINFO_NICS_V3)
        tools_on_nics(rq->vm->tools);
    tools_changed(rq->vm->tools);
    return 0;
}

static int set_disk_info(struct rpci_request *rq)
{
    int r = guest_state_disks(&rq->vm->guest, rq->args, rq->len);

    if (!r)
        tools_changed(rq->vm->tools);
    return r;
}

/* Up to `max` decimal words; fewer is -EINVAL, more are ignored. */
static int numbers(const struct rpci_request *rq, int64_t *ret, unsigned least, unsigned max)
{
    const uint8_t *p = rq->args;
    size_t left = rq->len, n;
    const char *word;
    unsigned i = 0;

    while (i < max && rpc_next_word(&p, &left, &word, &n)) {
        int r = rpc_word_int64(word, n, &ret[i]);

        if (r)
            return -EINVAL;
        i++;
    }
    return i < least ? -EINVAL : (int)i;
}

static int set_version(struct rpci_request *rq)
{
    int64_t v;
    int r = numbers(rq, &v, 1, 1);

    if (r < 0 || v < 0 || v > UINT32_MAX)
        return -EINVAL;
    tools_on_version(rq->vm->tools, (uint32_t)v, -1);
    return 0;
}

static int set_version_type(struct rpci_request *rq)
{
    int64_t v[2];
    int r = numbers(rq, v, 2, 2);

    if (r < 0 || v[0] < 0 || v[0] > UINT32_MAX || v[1] < 0 || v[1] > 255)
        return -EINVAL;
    tools_on_version(rq->vm->tools, (uint32_t)v[0], (int)v[1]);
    return 0;
}

static int capability_statechange(struct rpci_request *rq)
{
    int64_t v = 1;

    if (rq->len && numbers(rq, &v, 1, 1) < 0)
        return -EINVAL;
    tools_on_statechange_capability(rq->vm->tools, v != 0);
    return 0;
}

/* docs/guest-rpc-extensions.md, "Ends of programs". */
static int program_end(struct rpci_request *rq)
{
    int64_t v[4];

    if (numbers(rq, v, 4, 4) < 0 || v[0] <= 0)
        return -EINVAL;
    ctl_program_exit(rq->vm->ctl, v[0], v[1], v[2], v[3]);
    return 0;
}

static int capability_streams(struct rpci_request *rq)
{
    int64_t v;

    if (numbers(rq, &v, 1, 1) < 0)
        return -EINVAL;
    tools_on_streams_capability(rq->vm->tools, v == 1);
    return 0;
}

static int statechange_status(struct rpci_request *rq)
{
    int64_t v[2];

    if (numbers(rq, v, 2, 2) < 0 || v[1] < TOOLS_HALT || v[1] > TOOLS_SUSPEND)
        return -EINVAL;
    tools_on_statechange_status(rq->vm->tools, v[0] == 1, (int)v[1]);
    return 0;
}

static int capability_state(struct rpci_request *rq)
{
    tools_state_changed(rq->vm->tools);
    return 0;
}

/* Noted in the log, nothing else depends on it. */
static int noted(struct rpci_request *rq)
{
    unsigned len = rq->len > 200 ? 200 : (unsigned)rq->len;

    log_debug("guest: %s %.*s", rq->name, (int)len, (const char *)rq->args);
    return 0;
}

static int deploy_state(struct rpci_request *rq)
{
    vmlog_guest(&rq->vm->log, (const char *)rq->args, (unsigned)rq->len);
    return 0;
}

static int run_done(struct rpci_request *rq)
{
    struct vix_run_done done;
    int r = vix_run_done_decode(rq->args, rq->len, &done);

    if (!r)
        log_info("guest: program %lld of request %.*s ended, exit code %d", (long long)done.pid,
                 (int)(done.name_len > 32 ? 32 : done.name_len), done.name, done.exit_code);
    return r;
}

static int backup_event(struct rpci_request *rq)
{
    return quiesce_event(rq->vm->quiesce, rq->args, rq->len);
}

static int machine_id(struct rpci_request *rq)
{
    const char *id = vmconfig_get(&rq->vm->config, "machine.id");

    return id ? buf_put_str(rq->result, id) : -ENOENT;
}

static int log_state(struct rpci_request *rq)
{
    return buf_put_str(rq->result, "info");
}

static int content_allowed(struct rpci_request *rq)
{
    return buf_put_str(rq->result, gueststore_access(rq->vm->gueststore) ? "true" : "false");
}

static int content_connect(struct rpci_request *rq)
{
    return gueststore_connect(rq->vm->gueststore, rq->args, rq->len);
}

/* The longest name that fits counts; the table is in no order. */
static const struct command commands[] = {
    {"info-set", FLAG_ARGS, info_set},
    {"info-get", FLAG_ARGS, info_get},
    {"log", 0, log_line},
    {"guest.log.state", FLAG_NO_ARGS, log_state},
    {"guest.log.text", 0, log_line},
    {"SetGuestInfo", FLAG_ROOT | FLAG_ARGS, set_guest_info},
    {"SetGuestDiskInfo", FLAG_ROOT | FLAG_ARGS, set_disk_info},
    {"tools.set.version", FLAG_ROOT | FLAG_ARGS, set_version},
    {"tools.set.versiontype", FLAG_ROOT | FLAG_ARGS, set_version_type},
    {"tools.capability.statechange", FLAG_ROOT, capability_statechange},
    {"tools.capability.inguest.state", FLAG_ROOT, capability_state},
    {"inguest.program.end", FLAG_ROOT | FLAG_ARGS, program_end},
    {"tools.capability.inguest.streams", FLAG_ROOT | FLAG_ARGS, capability_streams},
    {"tools.capability.", FLAG_ROOT | FLAG_PREFIX, noted},
    {"tools.os.statechange.status", FLAG_ROOT | FLAG_ARGS, statechange_status},
    {"tools.vmsupport.status", FLAG_ROOT, noted},
    {"vmx.capability.unified_loop", FLAG_ROOT | FLAG_ARGS, noted},
    {"vmx.set_option", FLAG_ROOT | FLAG_ARGS, noted},
    {"update.tools.health", FLAG_ROOT | FLAG_ARGS, noted},
    {"deployPkg.update.state", FLAG_ROOT | FLAG_ARGS, deploy_state},
    {"Run_Program_Done", FLAG_ROOT | FLAG_ARGS, run_done},
    {VMBACKUP_EVENT, FLAG_ROOT | FLAG_ARGS, backup_event},
    {"machine.id.get", FLAG_NO_ARGS, machine_id},
    {"datasets-", FLAG_ROOT | FLAG_PREFIX, dataset_rpci},
    {"guestStore.accessEnabled", FLAG_NO_ARGS, content_allowed},
    {"guestStore.connect", FLAG_ROOT | FLAG_ARGS, content_connect},
};

static const struct command *find(const struct rpc_message *m)
{
    const struct command *best = NULL;
    size_t best_len = 0;

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        size_t n = strlen(commands[i].name);
        bool fits = commands[i].flags & FLAG_PREFIX ? m->name_len > n : m->name_len == n;

        if (fits && n > best_len && !memcmp(m->name, commands[i].name, n)) {
            best = &commands[i];
            best_len = n;
        }
    }
    return best;
}

static const char *failure_text(int code)
{
    static const struct {
        int code;
        const char *text;
    } texts[] = {{-ENOENT, RPC_NO_VALUE},          {-EACCES, RPC_PERMISSION_DENIED},
                 {-ECONNREFUSED, RPC_DISABLED},    {-ENOSPC, "No space left"},
                 {-ENOMEM, "No space left"},       {-EINVAL, "Invalid argument"},
                 {-EMSGSIZE, "Request too large"}, {-EBUSY, "Busy"}};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (texts[i].code == code)
            return texts[i].text;
    return "Invalid argument";
}

/* The administrator may name further commands that only the guest's root is served. */
static bool root_by_config(struct vm *vm, const char *name)
{
    char key[sizeof(AUTH_KEY_PREFIX) + RPC_NAME_MAX];

    snprintf(key, sizeof(key), "%s%s", AUTH_KEY_PREFIX, name);
    return vmconfig_get_bool(&vm->config, key, false);
}

static int serve(struct vm *vm, struct rpci_conn *conn, bool privileged,
                 const struct rpc_message *m, struct buf *result)
{
    const struct command *command = find(m);
    char name[RPC_NAME_MAX + 1];
    struct rpci_request rq = {vm, privileged, name, m->args, m->args_len, result, conn};

    memcpy(name, m->name, m->name_len);
    name[m->name_len] = '\0';
    if (!command)
        return -ENOSYS;
    if (!privileged && (command->flags & FLAG_ROOT || root_by_config(vm, name)))
        return -EACCES;
    if (command->flags & FLAG_ARGS && !rq.len)
        return -EINVAL;
    if (command->flags & FLAG_NO_ARGS && rq.len)
        return -EINVAL;
    return command->serve(&rq);
}

int rpci_serve(struct vm *vm, struct rpci_conn *conn, bool privileged, const void *message,
               size_t len, struct buf *reply)
{
    AUTO_BUF struct buf result = BUF_INIT(RPCI_REPLY_MAX - 2);
    struct rpc_message m;
    int r = rpc_split(message, len, &m);

    r = r ? -ENOSYS : serve(vm, conn, privileged, &m, &result);
    if (r == RPCI_LATER)
        return r;
    if (r == -ENOSYS)
        rpc_put_reply_str(reply, false, RPC_UNKNOWN_COMMAND);
    else if (r)
        rpc_put_reply_str(reply, false, failure_text(r));
    else
        rpc_put_reply(reply, true, result.data, result.len);
    return 0;
}
