#include "admin/guest_login.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LOGIN_VARIABLE "INGUEST_GUEST_LOGIN"
#define USER_DEFAULT   "root"

bool guest_login_option(struct guest_login *l, int argc, char **argv, int *i, bool *bad)
{
    const char *v;

    if (!strcmp(argv[*i], "-u")) {
        if (*i + 1 < argc)
            l->user = argv[++*i];
        else
            *bad = true;
        return true;
    }
    if ((v = admin_option(argc, argv, i, "--guest-user", bad)))
        l->user = v;
    else if ((v = admin_option(argc, argv, i, "--guest-password-file", bad)))
        l->password_file = v;
    return v || *bad;
}

/* Name and password of the variable; it is for whoever it names only. */
static bool from_environment(const char **user, struct buf *secret)
{
    const char *login = getenv(LOGIN_VARIABLE), *colon = login ? strchr(login, ':') : NULL;
    size_t len = colon ? (size_t)(colon - login) : 0;

    if (!colon || (*user && (strlen(*user) != len || strncmp(*user, login, len) != 0)))
        return false;
    return buf_put_str(secret, colon + 1) == 0;
}

static const char *variable_user(struct arena *arena)
{
    const char *login = getenv(LOGIN_VARIABLE), *colon = login ? strchr(login, ':') : NULL;

    return colon ? arena_strndup(arena, login, (size_t)(colon - login)) : USER_DEFAULT;
}

static int find_managers(struct guest_session *s, struct error *err)
{
    struct vim_client *c = s->ad->client;
    struct vim_ref root = vim_client_content(c)->guestOperationsManager;
    static const char *const paths[] = {"fileManager", "processManager"};
    struct vim_any *values[2] = {0};
    int r = vim_client_properties(c, root, 2, paths, s->arena, values, err);

    if (r)
        return r;
    if (!values[0] || !values[1])
        return error_set(err, -EPROTO, "the host has no guest operations");
    s->files = values[0]->v.ref;
    s->processes = values[1]->v.ref;
    return 0;
}

int guest_session_open(struct admin *ad, const char *vm, const struct guest_login *login,
                       struct arena *arena, struct guest_session *ret, struct error *err)
{
    struct guest_session s = {.ad = ad, .arena = arena, .secret = BUF_INIT(ADMIN_PASSWORD_MAX)};
    const char *user = login->user;
    int r = admin_connect(ad, err);

    if (!r)
        r = admin_vm_find(ad, vm, arena, &s.vm, err);
    if (!r)
        r = find_managers(&s, err);
    if (!r && (login->password_file || !from_environment(&user, &s.secret))) {
        AUTO_FREE char *prompt =
            mem_printf("Password of the guest's user %s", user ? user : USER_DEFAULT);

        r = admin_password(login->password_file, prompt ? prompt : "Guest password", false,
                           &s.secret, err);
    }
    s.auth = r ? NULL : VIM_NEW(arena, NamePasswordAuthentication);
    if (!r && !s.auth)
        r = error_set(err, -ENOMEM, "out of memory");
    if (r) {
        admin_forget(&s.secret);
        return r;
    }
    s.auth->username = user ? user : variable_user(arena);
    s.auth->password = buf_text(&s.secret);
    *ret = s;
    return 0;
}

void guest_session_close(struct guest_session *s)
{
    if (s->auth)
        s->auth->password = NULL;
    admin_forget(&s->secret);
}
