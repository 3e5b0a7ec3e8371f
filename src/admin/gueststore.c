/* inguest gueststore: repository, rules, status; the files of a folder are gueststore_files.c's. */
#include "admin/gueststore.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

#define BASE            "/api/inguest/gueststore"
#define CREDENTIALS     "gstored.credentials" /* in the state folder; only root can open it */
#define CREDENTIALS_MAX 4096u
#define RECONFIGURE_MS  60000u

static const char usage[] =
    "usage: inguest gueststore repository set URL [OPTION...]\n"
    "       inguest gueststore repository get\n"
    "       inguest gueststore repository clear\n"
    "       inguest gueststore rules VM [grant RULES | deny RULES | clear]\n"
    "       inguest gueststore status\n"
    "       inguest gueststore put FILE PATH\n"
    "       inguest gueststore ls [PATH]\n"
    "       inguest gueststore rm PATH\n"
    "\n"
    "The repository is a folder of the host (/srv/content, file:///srv/content,\n"
    "ds:///vmfs/volumes/ID/content), a web server (https://, http://) or a bucket of an\n"
    "S3 store (s3://BUCKET/PREFIX). The file PATH beneath it is what guests ask for as PATH.\n"
    "\n"
    "  --endpoint URL         S3: the server (https://s3.REGION.amazonaws.com)\n"
    "  --region REGION        S3: region (us-east-1)\n"
    "  --credentials FILE     S3: file with aws_access_key_id and aws_secret_access_key;\n"
    "                         copied to the host's state folder, mode 0600; on the host itself\n"
    "  --ca-file FILE         trust these certificates instead of the system's\n"
    "  --size-max BYTES       largest resource (536870912)\n"
    "  --cache-max BYTES      size of the cache of a server's content (2147483648)\n"
    "\n"
    "RULES are regular expressions for whole paths, separated by semicolons. What a grant rule\n"
    "matches is allowed; else what a deny rule matches is denied; else it is allowed.\n"
    "put, ls and rm work on a folder repository of this machine.\n";

/* ---- the host's REST API ---- */

int gueststore_rest(struct admin *ad, const char *verb, const char *path, const json_t *body,
                    json_t **ret, struct error *err)
{
    AUTO_FREE char *where = mem_printf(BASE "%s", path);

    return admin_rest(ad, verb, where, body, ret, err);
}

static const char *text(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static long long number(const json_t *o, const char *name)
{
    return (long long)json_integer_value(json_object_get(o, name));
}

/* ---- repository ---- */

static int put_credentials(struct admin *ad, const char *file, struct error *err)
{
    struct buf keys = BUF_INIT(CREDENTIALS_MAX);
    AUTO_CLOSE int state = open(ad->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = ad->address ? error_set(err, -EINVAL,
                                    "--credentials works only on the host itself, not with --host")
                        : fs_read_file(AT_FDCWD, file, &keys, err);

    if (!r && state < 0)
        r = error_errno(err, -errno, "cannot open %s", ad->state);
    if (!r)
        r = fs_write_file(state, CREDENTIALS, keys.data, keys.len, 0600, err);
    admin_forget(&keys);
    return r;
}

static int drop_credentials(struct admin *ad, struct error *err)
{
    AUTO_CLOSE int state = open(ad->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (ad->address || state < 0 || unlinkat(state, CREDENTIALS, 0) == 0 || errno == ENOENT)
        return 0;
    return error_errno(err, -errno, "cannot remove %s/" CREDENTIALS, ad->state);
}

static int put_bytes(json_t *body, const char *name, const char *value, struct error *err)
{
    char *end;

    errno = 0;
    long long n = strtoll(value, &end, 10);
    if (errno || end == value || *end || n < 1)
        return error_set(err, -EINVAL, "%s is no number of bytes", value);
    return json_object_set_new(body, name, json_integer(n)) ? -ENOMEM : 0;
}

static int repository_set(struct admin *ad, int argc, char **argv)
{
    static const struct {
        const char *option, *name;
        bool bytes;
    } options[] = {
        {"--endpoint", "endpoint", false},  {"--region", "region", false},
        {"--ca-file", "ca_file", false},    {"--size-max", "size_max", true},
        {"--cache-max", "cache_max", true},
    };
    json_t *body = json_object();
    const char *url = NULL, *credentials = NULL;
    struct error err = {0};
    bool bad = false;
    int r = 0;

    for (int i = 0; i < argc && !bad && !r; i++) {
        const char *v = admin_option(argc, argv, &i, "--credentials", &bad);
        size_t o = 0;

        if (v) {
            credentials = v;
            continue;
        }
        while (o < ARRAY_SIZE(options) && !bad &&
               !(v = admin_option(argc, argv, &i, options[o].option, &bad)))
            o++;
        if (v && options[o].bytes)
            r = put_bytes(body, options[o].name, v, &err);
        else if (v)
            json_object_set_new(body, options[o].name, json_string(v));
        else if (argv[i][0] != '-' && !url)
            url = argv[i];
        else
            bad = true;
    }
    if (bad || !url) {
        json_decref(body);
        fputs(usage, stderr);
        return ADMIN_USAGE;
    }
    json_object_set_new(body, "repository", json_string(url));
    if (!r && credentials)
        r = put_credentials(ad, credentials, &err);
    if (!r)
        r = gueststore_rest(ad, "PUT", "/repository", body, NULL, &err);
    json_decref(body);
    return r ? admin_fail(&err) : ADMIN_OK;
}

static int repository_get(struct admin *ad)
{
    struct error err = {0};
    json_t *o = NULL;
    const char *name;
    json_t *value;

    if (gueststore_rest(ad, "GET", "/repository", NULL, &o, &err))
        return admin_fail(&err);
    if (ad->json) {
        admin_print_json(o);
        return ADMIN_OK;
    }
    json_object_foreach(o, name, value)
    {
        if (json_is_integer(value))
            printf("%-11s %lld\n", name, (long long)json_integer_value(value));
        else
            printf("%-11s %s\n", name, json_string_value(value));
    }
    json_decref(o);
    return ADMIN_OK;
}

static int repository(struct admin *ad, int argc, char **argv)
{
    struct error err = {0};

    if (argc > 1 && !strcmp(argv[1], "set"))
        return repository_set(ad, argc - 2, argv + 2);
    if (argc == 2 && !strcmp(argv[1], "get"))
        return repository_get(ad);
    if (argc == 2 && !strcmp(argv[1], "clear")) {
        int r = gueststore_rest(ad, "DELETE", "/repository", NULL, NULL, &err);

        if (!r)
            r = drop_credentials(ad, &err);
        return r ? admin_fail(&err) : ADMIN_OK;
    }
    fputs(usage, stderr);
    return ADMIN_USAGE;
}

/* ---- rules ---- */

static int set_option(struct vim_OptionValue *o, struct arena *a, const char *key,
                      const char *value)
{
    o->key = key;
    o->value = vim_any_string(a, value);
    return o->value ? 0 : -ENOMEM;
}

/* NULL: leave as it is; "": remove. */
static int rules_set(struct admin *ad, const char *name, const char *grant, const char *deny,
                     struct error *err)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    struct vim_VirtualMachineConfigSpec *spec = VIM_NEW(&a, VirtualMachineConfigSpec);
    struct vim_OptionValue **items = ARENA_ARRAY(&a, 2, struct vim_OptionValue *);
    const char *const keys[] = {"guestStore.access.grant", "guestStore.access.deny"};
    const char *const values[] = {grant, deny};
    struct vim_ReconfigVM_Task_request req = {.spec = spec};
    struct vim_ReconfigVM_Task_result *task = NULL;
    size_t n = 0;
    int r = admin_connect(ad, err);

    if (!r && (!spec || !items))
        r = error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; !r && i < 2; i++) {
        if (!values[i])
            continue;
        items[n] = VIM_NEW(&a, OptionValue);
        r = items[n] ? set_option(items[n], &a, keys[i], values[i]) : -ENOMEM;
        n++;
    }
    if (!r)
        r = admin_vm_find(ad, name, &a, &req.this_, err);
    if (r)
        return r;
    spec->extraConfig.items = items;
    spec->extraConfig.count = n;
    r = vim_client_call(ad->client, &vim_method_ReconfigVM_Task, &req, &a, (void **)&task, err);
    return r ? r : vim_client_wait_task(ad->client, task->value, RECONFIGURE_MS, &a, NULL, err);
}

static const json_t *find_vm(const json_t *status, const char *name)
{
    size_t i;
    json_t *vm;

    json_array_foreach(json_object_get(status, "vms"), i, vm)
    {
        const char *s = text(vm, "name");
        if (s && !strcmp(s, name))
            return vm;
    }
    return NULL;
}

static int rules_show(struct admin *ad, const char *name, struct error *err)
{
    json_t *o = NULL;
    int r = gueststore_rest(ad, "GET", "", NULL, &o, err);
    const json_t *vm = r ? NULL : find_vm(o, name);

    if (!r && !vm)
        r = error_set(err, -ENOENT, "there is no VM %s", name);
    if (!r && ad->json) {
        admin_print_json(json_pack("{s:s?, s:s?, s:s?}", "grant", text(vm, "grant"), "deny",
                                   text(vm, "deny"), "problem", text(vm, "problem")));
    } else if (!r) {
        printf("grant %s\ndeny  %s\n", text(vm, "grant") ? text(vm, "grant") : "",
               text(vm, "deny") ? text(vm, "deny") : "");
        if (text(vm, "problem"))
            printf("everything is denied: %s\n", text(vm, "problem"));
    }
    json_decref(o);
    return r;
}

static int rules(struct admin *ad, int argc, char **argv)
{
    struct error err = {0};
    int r;

    if (argc == 2)
        r = rules_show(ad, argv[1], &err);
    else if (argc == 4 && !strcmp(argv[2], "grant"))
        r = rules_set(ad, argv[1], argv[3], NULL, &err);
    else if (argc == 4 && !strcmp(argv[2], "deny"))
        r = rules_set(ad, argv[1], NULL, argv[3], &err);
    else if (argc == 3 && !strcmp(argv[2], "clear"))
        r = rules_set(ad, argv[1], "", "", &err);
    else {
        fputs(usage, stderr);
        return ADMIN_USAGE;
    }
    return r ? admin_fail(&err) : ADMIN_OK;
}

/* ---- status ---- */

static void print_status(const json_t *o)
{
    long long found = number(o, "hits") + number(o, "shared");
    long long looked = found + number(o, "misses");
    size_t i;
    json_t *vm;

    printf("repository  %s\n", text(o, "repository") ? text(o, "repository") : "none");
    if (text(o, "repository"))
        printf("gstored     %s\n",
               json_is_true(json_object_get(o, "running")) ? "running" : text(o, "reason"));
    printf("requests    %lld (denied %lld, missing %lld, failed %lld)\n", number(o, "requests"),
           number(o, "denied"), number(o, "missing"), number(o, "failed"));
    printf("bytes       %lld served, %lld fetched\n", number(o, "bytes_served"),
           number(o, "bytes_fetched"));
    if (number(o, "cache_max"))
        printf("cache       %lld of %lld bytes, %lld files, hit rate %lld %%\n",
               number(o, "cache_bytes"), number(o, "cache_max"), number(o, "cache_entries"),
               looked ? found * 100 / looked : 0);
    json_array_foreach(json_object_get(o, "vms"), i, vm)
    {
        printf("vm %-20s %10lld requests %15lld bytes%s%s%s\n", text(vm, "name"),
               number(vm, "requests"), number(vm, "bytes"),
               json_is_true(json_object_get(vm, "attached")) ? "" : "  not connected",
               text(vm, "problem") ? "  all denied: " : "",
               text(vm, "problem") ? text(vm, "problem") : "");
    }
}

static int status(struct admin *ad)
{
    struct error err = {0};
    json_t *o = NULL;

    if (gueststore_rest(ad, "GET", "", NULL, &o, &err))
        return admin_fail(&err);
    if (ad->json) {
        admin_print_json(o);
        return ADMIN_OK;
    }
    print_status(o);
    json_decref(o);
    return ADMIN_OK;
}

int admin_gueststore(struct admin *ad, int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";

    if (admin_help_wanted(argc, argv, 3)) {
        fputs(usage, stdout);
        return ADMIN_OK;
    }
    if (!strcmp(verb, "repository"))
        return repository(ad, argc - 1, argv + 1);
    if (!strcmp(verb, "rules"))
        return rules(ad, argc - 1, argv + 1);
    if (!strcmp(verb, "status") && argc == 2)
        return status(ad);
    if (!strcmp(verb, "put") && argc == 4)
        return gueststore_put(ad, argv[2], argv[3]);
    if (!strcmp(verb, "ls") && argc <= 3)
        return gueststore_ls(ad, argc == 3 ? argv[2] : "/");
    if (!strcmp(verb, "rm") && argc == 3)
        return gueststore_rm(ad, argv[2]);
    fputs(usage, stderr);
    return ADMIN_USAGE;
}
