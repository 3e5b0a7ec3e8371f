/* inguest role: named sets of privileges. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "base/mem.h"

#define PRIVILEGES_MAX 512u

static const char usage[] =
    "usage: inguest role list\n"
    "       inguest role show ROLE\n"
    "       inguest role privileges [TEXT]\n"
    "       inguest role add ROLE PRIVILEGE...\n"
    "       inguest role set ROLE PRIVILEGE...\n"
    "       inguest role remove ROLE [--force]\n"
    "\n"
    "privileges lists what there is (with TEXT only those that contain it). set gives an existing "
    "role\n"
    "these privileges in place of its own. remove refuses a role that a permission uses, unless\n"
    "--force takes those permissions away too. `inguest permission` says who has which role "
    "where.\n";

static int role_list(struct admin *ad, struct arena *a, const struct vim_AuthorizationRole ***ret,
                     size_t *ret_count, struct error *err)
{
    struct vim_any *list = NULL;
    int r = admin_connect(ad, err);

    if (r == 0)
        r = vim_client_property(ad->client, vim_client_content(ad->client)->authorizationManager,
                                "roleList", a, &list, err);
    *ret = r == 0 && list ? list->v.array.items : NULL;
    *ret_count = r == 0 && list ? list->v.array.count : 0;
    return r;
}

int admin_role_find(struct admin *ad, const char *name, struct arena *a,
                    const struct vim_AuthorizationRole **ret, struct error *err)
{
    const struct vim_AuthorizationRole **roles;
    size_t count;
    int r = role_list(ad, a, &roles, &count, err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++)
        if (!strcmp(roles[i]->name, name)) {
            *ret = roles[i];
            return 0;
        }
    return error_set(err, -ENOENT, "there is no role named %s; see `inguest role list`", name);
}

const char *admin_role_name(struct admin *ad, int id, struct arena *a)
{
    const struct vim_AuthorizationRole **roles;
    size_t count;

    if (role_list(ad, a, &roles, &count, NULL) == 0)
        for (size_t i = 0; i < count; i++)
            if (roles[i]->roleId == id)
                return roles[i]->name;
    return "?";
}

static json_t *role_json(const struct vim_AuthorizationRole *role)
{
    json_t *privileges = json_array();

    for (size_t i = 0; i < role->privilege.count; i++)
        json_array_append_new(privileges, json_string(role->privilege.items[i]));
    return json_pack("{s:s, s:i, s:b, s:o}", "name", role->name, "id", role->roleId, "system",
                     role->system, "privileges", privileges);
}

static int list(struct admin *ad, struct arena *a, struct error *err)
{
    const struct vim_AuthorizationRole **roles;
    json_t *all = json_array();
    size_t count;
    int r = role_list(ad, a, &roles, &count, err);

    for (size_t i = 0; r == 0 && i < count; i++) {
        if (ad->json)
            json_array_append_new(all, role_json(roles[i]));
        else
            printf("%-32s %4zu privileges%s\n", roles[i]->name, roles[i]->privilege.count,
                   roles[i]->system ? ", built in" : "");
    }
    if (r == 0 && ad->json)
        admin_print_json(all);
    else
        json_decref(all);
    return r;
}

static int show(struct admin *ad, const char *name, struct arena *a, struct error *err)
{
    const struct vim_AuthorizationRole *role;
    int r = admin_role_find(ad, name, a, &role, err);

    if (r < 0)
        return r;
    if (ad->json)
        admin_print_json(role_json(role));
    else
        for (size_t i = 0; i < role->privilege.count; i++)
            puts(role->privilege.items[i]);
    return 0;
}

static int privileges(struct admin *ad, const char *text, struct arena *a, struct error *err)
{
    const struct vim_AuthorizationPrivilege **all;
    struct vim_any *value = NULL;
    json_t *names = json_array();
    int r = admin_connect(ad, err);

    if (r == 0)
        r = vim_client_property(ad->client, vim_client_content(ad->client)->authorizationManager,
                                "privilegeList", a, &value, err);
    all = r == 0 && value ? value->v.array.items : NULL;
    for (size_t i = 0; all && i < value->v.array.count; i++) {
        if (text && !strcasestr(all[i]->privId, text))
            continue;
        if (ad->json)
            json_array_append_new(names, json_string(all[i]->privId));
        else
            puts(all[i]->privId);
    }
    if (r == 0 && ad->json)
        admin_print_json(names);
    else
        json_decref(names);
    return r;
}

static int put(struct admin *ad, const char *name, char **privs, size_t count, bool new,
               struct arena *a, struct error *err)
{
    const struct vim_array_string set = {count, (const char **)privs};
    const struct vim_AuthorizationRole *role = NULL;
    struct vim_AddAuthorizationRole_request add = {.name = name, .privIds = set};
    struct vim_UpdateAuthorizationRole_request update = {.newName = name, .privIds = set};
    int r = new ? admin_connect(ad, err) : admin_role_find(ad, name, a, &role, err);

    if (r < 0)
        return r;
    add.this_ = update.this_ = vim_client_content(ad->client)->authorizationManager;
    if (new)
        return vim_client_call(ad->client, &vim_method_AddAuthorizationRole, &add, a, NULL, err);
    update.roleId = role->roleId;
    return vim_client_call(ad->client, &vim_method_UpdateAuthorizationRole, &update, a, NULL, err);
}

static int remove_role(struct admin *ad, const char *name, bool force, struct arena *a,
                       struct error *err)
{
    const struct vim_AuthorizationRole *role;
    struct vim_RemoveAuthorizationRole_request rq = {.failIfUsed = !force};
    int r = admin_role_find(ad, name, a, &role, err);

    if (r < 0)
        return r;
    rq.this_ = vim_client_content(ad->client)->authorizationManager;
    rq.roleId = role->roleId;
    return vim_client_call(ad->client, &vim_method_RemoveAuthorizationRole, &rq, a, NULL, err);
}

int admin_role(struct admin *ad, int argc, char **argv)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    const char *verb = argc > 1 ? argv[1] : "", *name;
    struct error err = {0};
    bool force = false;
    int n = 0, r = 1;

    /* What is left of the arguments: the role, then privileges. */
    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help"))
            verb = "-h";
        else if (!strcmp(argv[i], "--json"))
            ad->json = true;
        else if (!strcmp(argv[i], "--force"))
            force = true;
        else
            argv[n++] = argv[i];
    }
    name = n ? argv[0] : NULL;
    if (!strcmp(verb, "-h") || !strcmp(verb, "--help")) {
        fputs(usage, stdout);
        return ADMIN_OK;
    }
    if (!strcmp(verb, "list") && !n)
        r = list(ad, &a, &err);
    else if (!strcmp(verb, "privileges") && n <= 1)
        r = privileges(ad, name, &a, &err);
    else if (!strcmp(verb, "show") && n == 1)
        r = show(ad, name, &a, &err);
    else if ((!strcmp(verb, "add") || !strcmp(verb, "set")) && n >= 2 && n <= (int)PRIVILEGES_MAX)
        r = put(ad, name, argv + 1, (size_t)n - 1, verb[0] == 'a', &a, &err);
    else if (!strcmp(verb, "remove") && n == 1)
        r = remove_role(ad, name, force, &a, &err);
    if (r > 0) {
        fputs(usage, stderr);
        return ADMIN_USAGE;
    }
    return r < 0 ? admin_fail(&err) : ADMIN_OK;
}
