/* inguest user: who may use the API. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "admin/admin.h"
#include "base/mem.h"

static const char usage[] =
    "usage: inguest user add NAME [--role ROLE] [--password-file FILE]\n"
    "       inguest user password NAME [--password-file FILE]\n"
    "       inguest user remove NAME\n"
    "       inguest user list\n"
    "\n"
    "  --role ROLE            role on the whole host (Admin, ReadOnly, NoAccess, ...); default "
    "Admin\n"
    "  --password-file FILE   first line is the password; - is standard input; default: ask\n";

/* Makes the account, or with `update` gives it the password. */
static int put_account(struct admin *ad, const char *name, const char *password, bool update,
                       struct arena *a, struct error *err)
{
    struct vim_ref accounts = vim_client_content(ad->client)->accountManager;
    struct vim_HostAccountSpec *spec = VIM_NEW(a, HostAccountSpec);
    const struct vim_CreateUser_request create = {.this_ = accounts, .user = spec};
    const struct vim_UpdateUser_request change = {.this_ = accounts, .user = spec};

    if (!spec)
        return error_set(err, -ENOMEM, "out of memory");
    spec->id = name;
    spec->password = password;
    return update ? vim_client_call(ad->client, &vim_method_UpdateUser, &change, a, NULL, err)
                  : vim_client_call(ad->client, &vim_method_CreateUser, &create, a, NULL, err);
}

int admin_user_set(struct admin *ad, const char *name, const char *password, const char *role,
                   struct error *err)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    int r = admin_connect(ad, err);

    if (!r)
        r = put_account(ad, name, password, false, &a, err);
    if (r == -EREMOTEIO && VIM_IS_A(vim_client_fault(ad->client), AlreadyExists))
        r = put_account(ad, name, password, true, &a, err);
    return r ? r
             : admin_permission_set(ad, vim_client_content(ad->client)->rootFolder, name, role,
                                    true, &a, err);
}

/* `role` NULL: only a new password for a user who is there. */
static int user_put(struct admin *ad, const char *name, const char *role, const char *file)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    struct buf password = BUF_INIT(ADMIN_PASSWORD_MAX);
    struct error err = {0};
    int r = admin_password(file, "New password", true, &password, &err);

    if (!r)
        r = admin_connect(ad, &err);
    if (!r)
        r = put_account(ad, name, buf_text(&password), !role, &a, &err);
    if (!r && role)
        r = admin_permission_set(ad, vim_client_content(ad->client)->rootFolder, name, role, true,
                                 &a, &err);
    admin_forget(&password);
    return r ? admin_fail(&err) : ADMIN_OK;
}

static int user_remove(struct admin *ad, const char *name)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    struct vim_RemoveUser_request rq = {.userName = name};
    struct error err = {0};
    int r = admin_connect(ad, &err);

    if (!r) {
        rq.this_ = vim_client_content(ad->client)->accountManager;
        r = vim_client_call(ad->client, &vim_method_RemoveUser, &rq, &a, NULL, &err);
    }
    return r ? admin_fail(&err) : ADMIN_OK;
}

static int user_list(struct admin *ad)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    struct vim_RetrieveUserGroups_request rq = {
        .searchStr = "", .findUsers = true, .findGroups = false};
    struct vim_RetrieveUserGroups_result *result = NULL;
    struct error err = {0};
    json_t *list = json_array();
    int r = admin_connect(ad, &err);

    if (!r) {
        rq.this_ = vim_client_content(ad->client)->userDirectory;
        r = vim_client_call(ad->client, &vim_method_RetrieveUserGroups, &rq, &a, (void **)&result,
                            &err);
    }
    for (size_t i = 0; !r && i < result->value.count; i++) {
        const struct vim_UserSearchResult *u = result->value.items[i];

        if (ad->json)
            json_array_append_new(list, json_pack("{s:s, s:s}", "name", u->principal, "fullName",
                                                  u->fullName ? u->fullName : ""));
        else
            puts(u->principal);
    }
    if (ad->json && !r)
        admin_print_json(list);
    else
        json_decref(list);
    return r ? admin_fail(&err) : ADMIN_OK;
}

int admin_user(struct admin *ad, int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "", *name = NULL, *role = "Admin", *file = NULL;
    bool bad = false;

    if (!strcmp(verb, "-h") || !strcmp(verb, "--help")) {
        fputs(usage, stdout);
        return ADMIN_OK;
    }
    for (int i = 2; i < argc && !bad; i++) {
        const char *v;

        if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
            fputs(usage, stdout);
            return ADMIN_OK;
        }
        if (!strcmp(argv[i], "--json"))
            ad->json = true;
        else if ((v = admin_option(argc, argv, &i, "--role", &bad)))
            role = v;
        else if ((v = admin_option(argc, argv, &i, "--password-file", &bad)))
            file = v;
        else if (argv[i][0] == '-' || name)
            bad = true;
        else
            name = argv[i];
    }
    if (!bad && !strcmp(verb, "list") && !name)
        return user_list(ad);
    if (!bad && name && !strcmp(verb, "add"))
        return user_put(ad, name, role, file);
    if (!bad && name && !strcmp(verb, "password"))
        return user_put(ad, name, NULL, file);
    if (!bad && name && !strcmp(verb, "remove"))
        return user_remove(ad, name);
    fputs(usage, stderr);
    return ADMIN_USAGE;
}
