/* Which guest user a command works as: options, environment, prompt. */
#ifndef ADMIN_GUEST_LOGIN_H
#define ADMIN_GUEST_LOGIN_H

#include "admin/admin.h"

#define GUEST_LOGIN_OPTIONS                                                                   \
    "  -u, --guest-user NAME       guest user (root, or the one of INGUEST_GUEST_LOGIN)\n"    \
    "  --guest-password-file FILE  his password, first line; - is standard input\n"           \
    "Without the file the password is that of the environment variable INGUEST_GUEST_LOGIN\n" \
    "(USER:PASSWORD), and without that it is asked for.\n"

struct guest_login {
    const char *user, *password_file;
};

/* Takes such an option at argv[*i], as admin_option does. */
bool guest_login_option(struct guest_login *l, int argc, char **argv, int *i, bool *bad);

/* The guest, as the API wants it; all of it in the arena. */
struct guest_session {
    struct admin *ad;
    struct arena *arena;
    struct vim_ref vm, files, processes;
    struct vim_NamePasswordAuthentication *auth;
    struct buf secret;
};

/* Logs in to the host, finds the VM and the managers, and gets the password. */
int guest_session_open(struct admin *ad, const char *vm, const struct guest_login *login,
                       struct arena *arena, struct guest_session *ret, struct error *err);
void guest_session_close(struct guest_session *s);
#define GUEST_AUTH(s) ((struct vim_GuestAuthentication *)(s)->auth)

#endif
