/* inguest permission: who has which role where. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "base/mem.h"

static const char usage[] =
    "usage: inguest permission list [WHERE] [--inherited]\n"
    "       inguest permission set USER ROLE [WHERE] [--no-propagate]\n"
    "       inguest permission remove USER [WHERE]\n"
    "\n"
    "WHERE (default: the whole host):\n"
    "  --vm NAME      on this virtual machine\n"
    "  --on PATH      on this object of the inventory, as in ha-datacenter/vm/FOLDER\n"
    "\n"
    "set gives USER the role there in place of another one, and with it on everything beneath, "
    "unless\n"
    "--no-propagate. list without WHERE shows all permissions; --inherited those that come from "
    "above too.\n";

struct permission_options {
    const char *words[2]; /* USER, ROLE */
    int word_count;
    const char *vm, *path;
    bool inherited, no_propagate, help;
};

static bool parse(struct admin *ad, int argc, char **argv, struct permission_options *o)
{
    bool bad = false;

    for (int i = 2; i < argc && !bad; i++) {
        const char *v;

        if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help"))
            o->help = true;
        else if (!strcmp(argv[i], "--json"))
            ad->json = true;
        else if (!strcmp(argv[i], "--inherited"))
            o->inherited = true;
        else if (!strcmp(argv[i], "--no-propagate"))
            o->no_propagate = true;
        else if ((v = admin_option(argc, argv, &i, "--vm", &bad)))
            o->vm = v;
        else if ((v = admin_option(argc, argv, &i, "--on", &bad)))
            o->path = v;
        else if (bad || argv[i][0] == '-' || o->word_count == (int)ARRAY_SIZE(o->words))
            bad = true;
        else
            o->words[o->word_count++] = argv[i];
    }
    return !bad && !(o->vm && o->path);
}

static int find_entity(struct admin *ad, const struct permission_options *o, struct arena *a,
                       struct vim_ref *ret, struct error *err)
{
    struct vim_FindByInventoryPath_request rq = {.inventoryPath = o->path};
    struct vim_FindByInventoryPath_result *result = NULL;
    int r = admin_connect(ad, err);

    if (r < 0)
        return r;
    if (o->vm)
        return admin_vm_find(ad, o->vm, a, ret, err);
    *ret = vim_client_content(ad->client)->rootFolder;
    if (!o->path)
        return 0;
    rq.this_ = vim_client_content(ad->client)->searchIndex;
    r = vim_client_call(ad->client, &vim_method_FindByInventoryPath, &rq, a, (void **)&result, err);
    if (r == 0 && (!result || !result->value.value))
        r = error_set(err, -ENOENT, "there is nothing at %s in the inventory", o->path);
    if (r == 0)
        *ret = result->value;
    return r;
}

static const char *entity_name(struct admin *ad, struct vim_ref entity, struct arena *a)
{
    struct vim_any *name = NULL;

    if (vim_client_property(ad->client, entity, "name", a, &name, NULL) < 0 || !name)
        return entity.value;
    return name->v.string;
}

static void print(struct admin *ad, const struct vim_Permission *p, json_t *all, struct arena *a)
{
    const char *role = admin_role_name(ad, p->roleId, a);
    const char *where = entity_name(ad, p->entity, a);

    if (ad->json)
        json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s, s:b}", "user", p->principal,
                                             "role", role, "entity", p->entity.value, "name", where,
                                             "propagate", p->propagate));
    else
        printf("%-24s %-24s %s%s\n", p->principal, role, where,
               p->propagate ? "" : " (not beneath)");
}

static int list(struct admin *ad, const struct permission_options *o, struct arena *a,
                struct error *err)
{
    struct vim_RetrieveAllPermissions_request every = {0};
    struct vim_RetrieveEntityPermissions_request on = {.inherited = o->inherited};
    struct vim_RetrieveAllPermissions_result *all = NULL;
    struct vim_RetrieveEntityPermissions_result *some = NULL;
    struct vim_array_Permission found = {0};
    json_t *out = json_array();
    int r = find_entity(ad, o, a, &on.entity, err);

    if (r == 0) {
        every.this_ = on.this_ = vim_client_content(ad->client)->authorizationManager;
        if (o->vm || o->path)
            r = vim_client_call(ad->client, &vim_method_RetrieveEntityPermissions, &on, a,
                                (void **)&some, err);
        else
            r = vim_client_call(ad->client, &vim_method_RetrieveAllPermissions, &every, a,
                                (void **)&all, err);
    }
    if (r == 0)
        found = all ? all->value : some ? some->value : found;
    for (size_t i = 0; r == 0 && i < found.count; i++)
        print(ad, found.items[i], out, a);
    if (r == 0 && ad->json)
        admin_print_json(out);
    else
        json_decref(out);
    return r;
}

int admin_permission_set(struct admin *ad, struct vim_ref entity, const char *user,
                         const char *role, bool propagate, struct arena *a, struct error *err)
{
    struct vim_Permission *permission = VIM_NEW(a, Permission);
    const struct vim_AuthorizationRole *found;
    struct vim_SetEntityPermissions_request rq = {.entity = entity, .permission = {1, &permission}};
    int r = permission ? admin_role_find(ad, role, a, &found, err)
                       : error_set(err, -ENOMEM, "out of memory");

    if (r < 0)
        return r;
    rq.this_ = vim_client_content(ad->client)->authorizationManager;
    permission->principal = user;
    permission->roleId = found->roleId;
    permission->propagate = propagate;
    return vim_client_call(ad->client, &vim_method_SetEntityPermissions, &rq, a, NULL, err);
}

static int set(struct admin *ad, const struct permission_options *o, struct arena *a,
               struct error *err)
{
    struct vim_ref entity;
    int r = find_entity(ad, o, a, &entity, err);

    return r < 0 ? r
                 : admin_permission_set(ad, entity, o->words[0], o->words[1], !o->no_propagate, a,
                                        err);
}

static int remove_permission(struct admin *ad, const struct permission_options *o, struct arena *a,
                             struct error *err)
{
    struct vim_RemoveEntityPermission_request rq = {.user = o->words[0]};
    int r = find_entity(ad, o, a, &rq.entity, err);

    if (r < 0)
        return r;
    rq.this_ = vim_client_content(ad->client)->authorizationManager;
    return vim_client_call(ad->client, &vim_method_RemoveEntityPermission, &rq, a, NULL, err);
}

int admin_permission(struct admin *ad, int argc, char **argv)
{
    static const struct {
        const char *verb;
        int words;
        int (*run)(struct admin *ad, const struct permission_options *o, struct arena *a,
                   struct error *err);
    } verbs[] = {{"list", 0, list}, {"set", 2, set}, {"remove", 1, remove_permission}};
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    const char *verb = argc > 1 ? argv[1] : "";
    struct permission_options o = {0};
    struct error err = {0};
    bool good = parse(ad, argc, argv, &o);

    if (o.help || !strcmp(verb, "-h") || !strcmp(verb, "--help")) {
        fputs(usage, stdout);
        return ADMIN_OK;
    }
    for (size_t i = 0; good && i < ARRAY_SIZE(verbs); i++)
        if (!strcmp(verb, verbs[i].verb) && o.word_count == verbs[i].words)
            return verbs[i].run(ad, &o, &a, &err) < 0 ? admin_fail(&err) : ADMIN_OK;
    fputs(usage, stderr);
    return ADMIN_USAGE;
}
