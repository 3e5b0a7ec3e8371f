/* inguest vm: the command line. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/vm_snapshot.h"
#include "base/fs.h"
#include "base/mem.h"

static const char usage_words[] =
    "usage: inguest vm create NAME [--guest-user USER --guest-password-file FILE]...\n"
    "                              [--memory MIB] [--cpus N] [--guest-id ID]\n"
    "       inguest vm list\n"
    "       inguest vm info NAME\n"
    "       inguest vm start NAME [--no-wait]\n"
    "       inguest vm stop NAME [--guest]\n"
    "       inguest vm delete NAME\n"
    "       inguest vm log NAME\n";
static const char usage_notes[] =
    "\n"
    "create makes a sandbox VM: its guest is this machine's /usr in namespaces of its own. Each\n"
    "--guest-user gets the password of the --guest-password-file that follows it (- is standard\n"
    "input); without one, user root is made and the password asked for.\n"
    "start waits until guest operations are ready. stop --guest asks the guest to shut down.\n"
    "log prints the VM's vmware.log; it needs the host's state folder.\n"
    "A snapshot keeps the disk, the configuration and the data sets, not the memory: after revert\n"
    "the VM is off. SNAPSHOT is a name or an id; revert without one goes back to the current one.\n"
    "rm --children also removes those made after it.\n";

static void usage(FILE *out)
{
    fprintf(out, "%s%s%s", usage_words, admin_vm_snapshot_usage, usage_notes);
}

#define MEMORY_DEFAULT 512
#define LOG_CHUNK      65536

struct vm_options {
    const char *name;
    bool no_wait, guest;
    struct admin_vm_spec spec;
    const char *password_files[ADMIN_GUEST_USERS_MAX];
};

static bool number(const char *text, int min, int max, int *ret)
{
    char *end;
    long v;

    errno = 0;
    v = strtol(text, &end, 10);
    if (errno || end == text || *end || v < min || v > max)
        return false;
    *ret = (int)v;
    return true;
}

static bool parse(struct admin *ad, int argc, char **argv, struct vm_options *o)
{
    bool bad = false;

    *o = (struct vm_options){
        .spec = {.guest_id = "debian12_64Guest", .memory_mb = MEMORY_DEFAULT, .cpus = 1}};
    for (int i = 2; i < argc && !bad; i++) {
        struct admin_vm_spec *s = &o->spec;
        const char *v;

        if (!strcmp(argv[i], "--json"))
            ad->json = true;
        else if (!strcmp(argv[i], "--no-wait"))
            o->no_wait = true;
        else if (!strcmp(argv[i], "--guest"))
            o->guest = true;
        else if ((v = admin_option(argc, argv, &i, "--guest-user", &bad))) {
            if (s->user_count == ADMIN_GUEST_USERS_MAX)
                bad = true;
            else
                s->users[s->user_count++].name = v;
        } else if ((v = admin_option(argc, argv, &i, "--guest-password-file", &bad))) {
            if (!s->user_count)
                bad = true;
            else
                o->password_files[s->user_count - 1] = v;
        } else if ((v = admin_option(argc, argv, &i, "--memory", &bad)))
            bad = !number(v, 16, 1 << 20, &s->memory_mb);
        else if ((v = admin_option(argc, argv, &i, "--cpus", &bad)))
            bad = !number(v, 1, 128, &s->cpus);
        else if ((v = admin_option(argc, argv, &i, "--guest-id", &bad)))
            s->guest_id = v;
        else if (argv[i][0] == '-' || o->name)
            bad = true;
        else
            o->name = argv[i];
    }
    o->spec.name = o->name;
    return !bad;
}

static int vm_create(struct admin *ad, struct vm_options *o)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    struct error err = {0};
    struct vim_ref vm;
    int r = 0;

    if (!o->spec.user_count)
        o->spec.users[o->spec.user_count++].name = "root";
    for (unsigned i = 0; !r && i < o->spec.user_count; i++) {
        struct buf password = BUF_INIT(ADMIN_PASSWORD_MAX);
        char prompt[128];

        snprintf(prompt, sizeof(prompt), "Password for the guest's %.64s", o->spec.users[i].name);
        r = admin_password(o->password_files[i], prompt, true, &password, &err);
        if (!r)
            r = admin_hash_password(buf_text(&password), &a, &o->spec.users[i].hash, &err);
        admin_forget(&password);
    }
    if (!r)
        r = admin_vm_create(ad, &o->spec, &a, &vm, &err);
    if (!r && ad->json)
        admin_print_json(json_pack("{s:s, s:s}", "name", o->name, "id", vm.value));
    return r ? admin_fail(&err) : ADMIN_OK;
}

/* Text of a property, for people and JSON alike; NULL when it is unset. */
static const char *property_text(struct admin *ad, struct vim_ref vm, const char *path,
                                 struct arena *a)
{
    struct vim_any *v = NULL;

    if (vim_client_property(ad->client, vm, path, a, &v, NULL) || !v)
        return NULL;
    switch ((enum vim_kind)v->type->kind) {
    case VIM_KIND_STRING:
        return v->v.string;
    case VIM_KIND_ENUM:
        return vim_enum_name(v->type, v->v.enumeration);
    case VIM_KIND_BOOLEAN:
        return v->v.boolean ? "true" : "false";
    case VIM_KIND_INT:
        return arena_printf(a, "%d", v->v.int_);
    case VIM_KIND_LONG:
        return arena_printf(a, "%lld", (long long)v->v.long_);
    default:
        return NULL;
    }
}

static const struct {
    const char *label, *path;
    bool in_list;
} shown[] = {
    {"name", "name", true},
    {"power", "runtime.powerState", true},
    {"tools", "guest.toolsRunningStatus", true},
    {"address", "guest.ipAddress", true},
    {"guestOperationsReady", "guest.guestOperationsReady", false},
    {"hostName", "guest.hostName", false},
    {"guest", "guest.guestFullName", false},
    {"toolsVersion", "guest.toolsVersion", false},
    {"config", "config.files.vmPathName", false},
    {"uuid", "config.uuid", false},
    {"memoryMB", "config.hardware.memoryMB", false},
    {"cpus", "config.hardware.numCPU", false},
};

static void show(struct admin *ad, struct vim_ref vm, bool whole, json_t *list)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    json_t *object = json_pack("{s:s}", "id", vm.value);

    for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
        const char *text;

        if (!whole && !shown[i].in_list)
            continue;
        text = property_text(ad, vm, shown[i].path, &a);
        if (ad->json)
            json_object_set_new(object, shown[i].label, text ? json_string(text) : json_null());
        else if (whole)
            printf("%-22s%s\n", shown[i].label, text ? text : "-");
        else
            printf("%-24s", text ? text : "-");
    }
    if (!ad->json && !whole)
        putchar('\n');
    if (list)
        json_array_append_new(list, object);
    else if (ad->json)
        admin_print_json(object);
    else
        json_decref(object);
}

static int vm_list(struct admin *ad)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    const struct vim_ref *refs = NULL;
    struct error err = {0};
    size_t count = 0;
    json_t *list;

    if (admin_objects(ad, "VirtualMachine", &a, &count, &refs, &err))
        return admin_fail(&err);
    list = json_array();
    for (size_t i = 0; i < count; i++)
        show(ad, refs[i], false, list);
    if (ad->json)
        admin_print_json(list);
    else
        json_decref(list);
    return ADMIN_OK;
}

static int vm_delete(struct admin *ad, struct vim_ref vm, struct error *err)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    const struct vim_Destroy_Task_request destroy = {.this_ = vm};
    struct vim_Destroy_Task_result *task = NULL;
    int r = admin_vm_stop(ad, vm, false, err);

    if (!r)
        r = vim_client_call(ad->client, &vim_method_Destroy_Task, &destroy, &a, (void **)&task,
                            err);
    return r ? r : vim_client_wait_task(ad->client, task->value, 120000, &a, NULL, err);
}

static int vm_log(const struct admin *ad, const char *name)
{
    static char chunk[LOG_CHUNK];
    AUTO_FREE char *folder = mem_printf("%s/vms", ad->state);
    AUTO_FREE char *path = mem_printf("%s/vmware.log", name);
    AUTO_CLOSE int dir = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    AUTO_CLOSE int fd = -1;
    struct error err = {0};
    ssize_t n;

    int r = folder && path ? dir < 0 ? -ENOENT : fs_open_beneath(dir, path, O_RDONLY, 0) : -ENOMEM;

    if (r < 0) {
        error_errno(&err, r, "cannot open the log of VM %s beneath %s", name, ad->state);
        return admin_fail(&err);
    }
    fd = r;
    while ((n = read(fd, chunk, sizeof(chunk))) > 0)
        if (fs_write_all(STDOUT_FILENO, chunk, (size_t)n))
            return ADMIN_FAILED;
    return n < 0 ? ADMIN_FAILED : ADMIN_OK;
}

static int on_one(struct admin *ad, const char *verb, const struct vm_options *o)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    struct error err = {0};
    struct vim_ref vm;
    int r = admin_vm_find(ad, o->name, &a, &vm, &err);

    if (r)
        return admin_fail(&err);
    if (!strcmp(verb, "info"))
        show(ad, vm, true, NULL);
    else if (!strcmp(verb, "start"))
        r = admin_vm_start(ad, vm, !o->no_wait, &err);
    else if (!strcmp(verb, "stop"))
        r = admin_vm_stop(ad, vm, o->guest, &err);
    else
        r = vm_delete(ad, vm, &err);
    return r ? admin_fail(&err) : ADMIN_OK;
}

int admin_vm(struct admin *ad, int argc, char **argv)
{
    static const char *const with_name[] = {"info", "start", "stop", "delete"};
    const char *verb = argc > 1 ? argv[1] : "";
    struct vm_options o;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
            usage(stdout);
            return ADMIN_OK;
        }
    }
    if (!strcmp(verb, "snapshot"))
        return admin_vm_snapshot(ad, argc, argv);
    if (!strcmp(verb, "clone"))
        return admin_vm_clone(ad, argc, argv);
    if (parse(ad, argc, argv, &o)) {
        if (!strcmp(verb, "list") && !o.name)
            return vm_list(ad);
        if (!strcmp(verb, "create") && o.name)
            return vm_create(ad, &o);
        if (!strcmp(verb, "log") && o.name)
            return vm_log(ad, o.name);
        for (size_t i = 0; i < ARRAY_SIZE(with_name) && o.name; i++)
            if (!strcmp(verb, with_name[i]))
                return on_one(ad, verb, &o);
    }
    usage(stderr);
    return ADMIN_USAGE;
}
