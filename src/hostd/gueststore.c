#include "hostd/gueststore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "hostd/db.h"
#include "hostd/gueststore_link.h"
#include "hostd/inventory.h"
#include "hostd/supervise.h"
#include "hostd/vm.h"

#define ATTACH_MS 10000u /* for vmx to take its connection */

struct gueststore {
    struct host *host;
    struct gueststore_settings settings; /* the strings are ours */
    int64_t revision;
    struct gueststore_link *link; /* NULL: no repository */
};

static const char schema[] = "CREATE TABLE IF NOT EXISTS gueststore_rules"
                             " (folder TEXT PRIMARY KEY, allow TEXT, deny TEXT)";

/* ---- settings in hostd.db ---- */

#define PREFIX "gueststore."

static const struct {
    const char *name;
    size_t offset;
} texts[] = {
    {PREFIX "repository", offsetof(struct gueststore_settings, repository)},
    {PREFIX "endpoint", offsetof(struct gueststore_settings, endpoint)},
    {PREFIX "region", offsetof(struct gueststore_settings, region)},
    {PREFIX "caFile", offsetof(struct gueststore_settings, ca_file)},
};

static const char **text_at(struct gueststore_settings *s, size_t i)
{
    return (const char **)(void *)((char *)s + texts[i].offset);
}

static int take_text(sqlite3_stmt *row, void *arg)
{
    *(char **)arg = mem_strdup((const char *)sqlite3_column_text(row, 0));
    return *(char **)arg ? 0 : -ENOMEM;
}

static int take_number(sqlite3_stmt *row, void *arg)
{
    *(int64_t *)arg = sqlite3_column_int64(row, 0);
    return 0;
}

#define SELECT "SELECT value FROM setting WHERE name = ?"

static int load(struct gueststore *g)
{
    const struct {
        const char *name;
        int64_t *to;
    } numbers[] = {
        {PREFIX "sizeMax", &g->settings.size_max},
        {PREFIX "cacheMax", &g->settings.cache_max},
        {PREFIX "revision", &g->revision},
    };
    int rc = db_run(g->host->db, schema, "");
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(texts); i++)
        rc = db_query(g->host->db, take_text, text_at(&g->settings, i), SELECT, "s", texts[i].name);
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(numbers); i++)
        rc = db_query(g->host->db, take_number, numbers[i].to, SELECT, "s", numbers[i].name);
    return rc;
}

static int put(struct db *db, const char *name, const char *text)
{
    return text ? db_run(db, "INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", "ss",
                         name, text)
                : db_run(db, "DELETE FROM setting WHERE name = ?", "s", name);
}

static int put_number(struct db *db, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    return put(db, name, value ? text : NULL);
}

static int store(struct gueststore *g, struct gueststore_settings *s)
{
    struct db *db = g->host->db;
    int rc = db_begin(db);
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(texts); i++)
        rc = put(db, texts[i].name, *text_at(s, i));
    if (rc == 0)
        rc = put_number(db, PREFIX "sizeMax", s->size_max);
    if (rc == 0)
        rc = put_number(db, PREFIX "cacheMax", s->cache_max);
    if (rc == 0)
        rc = put_number(db, PREFIX "revision", g->revision + 1);
    return db_end(db, rc);
}

static void free_settings(struct gueststore_settings *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        mem_free((char *)(uintptr_t)*text_at(s, i));
    *s = (struct gueststore_settings){0};
}

/* ---- rules ---- */

static void set_text(char **to, const char *text)
{
    mem_free(*to);
    *to = text && *text ? mem_strdup(text) : NULL;
    if (text && *text && !*to)
        log_error("gueststore: no memory for the rules of a VM");
}

static int take_rules(sqlite3_stmt *row, void *arg)
{
    struct gueststore_vm *gv = arg;
    set_text(&gv->grant, (const char *)sqlite3_column_text(row, 0));
    set_text(&gv->deny, (const char *)sqlite3_column_text(row, 1));
    return 1;
}

static void record_rules(struct vm *vm)
{
    struct gueststore_vm *gv = &vm->gueststore;
    int rc =
        db_run(vm->e.inv->host->db,
               "INSERT OR REPLACE INTO gueststore_rules (folder, allow, deny) VALUES (?, ?, ?)",
               "sss", vm->folder, gv->grant, gv->deny);
    if (rc < 0)
        log_error("vm %s: its GuestStore rules are not recorded", vm->e.mo.id);
}

static void rules_from_file(struct vm *vm)
{
    if (!vm->config)
        return;
    set_text(&vm->gueststore.grant, vm_config_get(vm, GUESTSTORE_GRANT));
    set_text(&vm->gueststore.deny, vm_config_get(vm, GUESTSTORE_DENY));
    record_rules(vm);
}

static void push_rules(struct vm *vm)
{
    struct gueststore *g = vm->e.inv->host->gueststore;
    if (!vm->gueststore.attached || !gueststore_link_up(g->link))
        return;
    json_t *args = json_pack("{s:s, s:s*, s:s*}", "vm", vm->e.mo.id, "grant", vm->gueststore.grant,
                             "deny", vm->gueststore.deny);
    /* Old rules must not go on: without the new ones the VM gets no connection at all. */
    if (gueststore_link_send(g->link, "rules", args, -1, NULL, NULL) < 0)
        gueststore_vm_gone(vm);
}

void gueststore_vm_known(struct vm *vm)
{
    struct host *host = vm->e.inv->host;
    if (!host->gueststore)
        return;
    int found =
        db_query(host->db, take_rules, &vm->gueststore,
                 "SELECT allow, deny FROM gueststore_rules WHERE folder = ?", "s", vm->folder);
    if (found == 0)
        rules_from_file(vm);
}

void gueststore_vm_reloaded(struct vm *vm)
{
    if (!vm->e.inv->host->gueststore)
        return;
    rules_from_file(vm);
    push_rules(vm);
}

void gueststore_vm_keys(struct vm *vm, const json_t *set)
{
    const json_t *grant = json_object_get(set, GUESTSTORE_GRANT);
    const json_t *deny = json_object_get(set, GUESTSTORE_DENY);
    if (!vm->e.inv->host->gueststore || (!grant && !deny))
        return;
    if (grant)
        set_text(&vm->gueststore.grant, json_string_value(grant));
    if (deny)
        set_text(&vm->gueststore.deny, json_string_value(deny));
    record_rules(vm);
    push_rules(vm);
}

int gueststore_forget(struct host *host, const char *folder)
{
    return host->gueststore
               ? db_run(host->db, "DELETE FROM gueststore_rules WHERE folder = ?", "s", folder)
               : 0;
}

/* ---- connections of VMs ---- */

/* Tells vmx; `fd` -1: it has no connection (now). */
static void tell_vm(struct vm *vm, int fd)
{
    struct gueststore *g = vm->e.inv->host->gueststore;
    json_t *args = json_pack("{s:b}", "enabled", g->settings.repository != NULL);
    int rc = args ? vmlink_request(vm->link, "gueststore.attach", args, NULL, 0,
                                   fd >= 0 ? &fd : NULL, fd >= 0, ATTACH_MS, NULL, NULL, NULL)
                  : -ENOMEM;
    json_decref(args);
    if (rc < 0) /* the descriptor is closed, which gstored notices */
        log_warn("vm %s: GuestStore: its vmx cannot be told (%s)", vm->e.mo.id, strerror(-rc));
}

static void attach(struct vm *vm)
{
    struct gueststore *g = vm->e.inv->host->gueststore;
    int pair[2];
    if (vm->gueststore.attached || vmlink_state(vm->link) != VMLINK_UP)
        return;
    if (!gueststore_link_up(g->link) || sock_pair(pair) < 0) {
        tell_vm(vm, -1);
        return;
    }
    json_t *args = json_pack("{s:s, s:s*, s:s*}", "vm", vm->e.mo.id, "grant", vm->gueststore.grant,
                             "deny", vm->gueststore.deny);
    /* gstored first: what vmx asks waits in the pair until it is known whose it is. */
    int rc = gueststore_link_send(g->link, "attach", args, pair[0], NULL, NULL);
    vm->gueststore.attached = rc == 0;
    tell_vm(vm, pair[1]);
}

static void warn_of_other_rules(const struct vm *vm)
{
    const struct gueststore_vm *gv = &vm->gueststore;
    const char *grant = vm_config_get(vm, GUESTSTORE_GRANT),
               *deny = vm_config_get(vm, GUESTSTORE_DENY);
    if (strcmp(grant ? grant : "", gv->grant ? gv->grant : "") != 0 ||
        strcmp(deny ? deny : "", gv->deny ? gv->deny : "") != 0)
        log_warn("vm %s: the GuestStore rules in its file are not those that were set through the"
                 " API; those that were set hold",
                 vm->e.mo.id);
}

void gueststore_vm_up(struct vm *vm)
{
    struct gueststore *g = vm->e.inv->host->gueststore;
    if (!g)
        return;
    warn_of_other_rules(vm);
    if (g->link)
        attach(vm);
    else
        tell_vm(vm, -1);
}

void gueststore_vm_down(struct vm *vm)
{
    vm->gueststore.attached = false;
}

void gueststore_vm_gone(struct vm *vm)
{
    struct gueststore *g = vm->e.inv->host->gueststore;
    if (g && vm->gueststore.attached)
        gueststore_link_send(g->link, "detach", json_pack("{s:s}", "vm", vm->e.mo.id), -1, NULL,
                             NULL);
    vm->gueststore.attached = false;
}

/* ---- gstored ---- */

static struct vm *first_vm(const struct gueststore *g)
{
    return g->host->inventory ? inventory_of(g->host)->vms : NULL;
}

static bool listed(const json_t *list, const char *id)
{
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)list, i, item)
    {
        const char *s = json_string_value(item);
        if (s && strcmp(s, id) == 0)
            return true;
    }
    return false;
}

static void on_up(const json_t *attached, void *arg)
{
    struct gueststore *g = arg;
    for (struct vm *vm = first_vm(g); vm; vm = vm->next) {
        /* gstored outlived us: what it and vmx have together goes on. */
        vm->gueststore.attached =
            vmlink_state(vm->link) == VMLINK_UP && listed(attached, vm->e.mo.id);
        if (vm->gueststore.attached)
            push_rules(vm);
        else
            attach(vm);
    }
}

static void on_down(void *arg)
{
    struct gueststore *g = arg;
    for (struct vm *vm = first_vm(g); vm; vm = vm->next)
        vm->gueststore.attached = false; /* vmx has seen the end of its connection */
}

static json_t *configure_args(void *arg)
{
    const struct gueststore *g = arg;
    const struct gueststore_settings *s = &g->settings;
    json_t *o = json_pack("{s:I, s:s*, s:s*, s:s*, s:s*}", "revision", (json_int_t)g->revision,
                          "repository", s->repository, "endpoint", s->endpoint, "region", s->region,
                          "caFile", s->ca_file);
    if (o && s->size_max)
        json_object_set_new(o, "sizeMax", json_integer((json_int_t)s->size_max));
    if (o && s->cache_max)
        json_object_set_new(o, "cacheMax", json_integer((json_int_t)s->cache_max));
    return o;
}

static void wanted(struct host *host, int code, const char *text, void *arg)
{
    (void)host;
    (void)arg;
    if (code < 0)
        log_error("gueststore: gstored is not started: %s", text);
}

/* Brings gstored and the VMs to what the settings say. */
static int apply(struct gueststore *g)
{
    static const struct gueststore_link_ops ops = {configure_args, on_up, on_down};
    bool run = g->settings.repository != NULL;
    int rc = 0;

    gueststore_link_free(TAKE_PTR(g->link));
    on_down(g);
    if (!g->host->sup)
        return 0; /* a unit test */
    if (run)
        rc = gueststore_link_new(g->host, &ops, g, &g->link);
    if (rc == 0)
        rc = supervise_gstored(g->host->sup, run, wanted, NULL);
    for (struct vm *vm = first_vm(g); vm; vm = vm->next)
        if (vmlink_state(vm->link) == VMLINK_UP)
            tell_vm(vm, -1);
    return rc;
}

const struct gueststore_settings *gueststore_settings(const struct host *host)
{
    return &host->gueststore->settings;
}

static bool known_kind(const char *url)
{
    static const char *const kinds[] = {"/",       "file:///", "ds:///vmfs/volumes/",
                                        "http://", "https://", "s3://"};
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (strncmp(url, kinds[i], strlen(kinds[i])) == 0)
            return true;
    return false;
}

int gueststore_set(struct host *host, const struct gueststore_settings *settings, struct error *err)
{
    struct gueststore *g = host->gueststore;
    struct gueststore_settings copy = *settings;
    int rc = 0;

    if (copy.repository && !known_kind(copy.repository))
        return error_set(err, -EINVAL,
                         "the repository must be a folder, file:///..., ds:///vmfs/volumes/...,"
                         " http://..., https://... or s3://...");
    if (copy.ca_file && copy.ca_file[0] != '/')
        return error_set(err, -EINVAL, "the CA file must be an absolute path");
    if (copy.size_max < 0 || copy.cache_max < 0)
        return error_set(err, -EINVAL, "a size must not be below 0");
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        const char **to = text_at(&copy, i);
        if (*to && !(*to = mem_strdup(*to)))
            rc = -ENOMEM;
    }
    if (rc == 0)
        rc = store(g, &copy);
    if (rc < 0) {
        free_settings(&copy);
        return error_errno(err, rc, "the settings are not stored");
    }
    free_settings(&g->settings);
    g->settings = copy;
    g->revision++;
    log_info("gueststore: the repository is %s", copy.repository ? copy.repository : "none");
    rc = apply(g);
    return rc < 0 ? error_errno(err, rc, "gstored cannot be had") : 0;
}

/* ---- status ---- */

struct asking {
    struct host *host;
    gueststore_status_cb cb;
    void *arg;
};

static void on_status(const json_t *result, const char *why, void *arg)
{
    struct asking a = *(struct asking *)arg;
    mem_free(arg);
    a.cb(a.host, result, why, a.arg);
}

void gueststore_status(struct host *host, gueststore_status_cb cb, void *arg)
{
    struct gueststore *g = host->gueststore;
    struct asking *a = mem_calloc(1, sizeof(*a));
    int rc = a ? 0 : -ENOMEM;
    if (a) {
        *a = (struct asking){host, cb, arg};
        rc = gueststore_link_send(g->link, "status", json_object(), -1, on_status, a);
    }
    if (rc < 0) {
        mem_free(a);
        cb(host, NULL, g->link ? gueststore_link_problem(g->link) : "no repository", arg);
    }
}

/* ---- life ---- */

static int start(struct host *host, struct error *err)
{
    struct gueststore *g = mem_calloc(1, sizeof(*g));
    if (!g)
        return error_set(err, -ENOMEM, "no memory");
    g->host = host;
    int rc = load(g);
    if (rc == 0) {
        host->gueststore = g;
        rc = g->settings.repository ? apply(g) : 0;
    } else {
        mem_free(g);
    }
    return rc < 0 ? error_errno(err, rc, "the settings of GuestStore") : 0;
}

static void stop(struct host *host)
{
    struct gueststore *g = TAKE_PTR(host->gueststore);
    if (!g)
        return;
    gueststore_link_free(g->link);
    free_settings(&g->settings);
    mem_free(g);
}

const struct host_module gueststore_module = {.name = "gueststore", .start = start, .stop = stop};
