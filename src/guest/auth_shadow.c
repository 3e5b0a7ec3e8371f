#include "guest/auth_shadow.h"

#include <crypt.h>
#include <errno.h>
#include <pwd.h>
#include <shadow.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

#define SHADOW_LINE_MAX 16384u
#define DAY_S           86400

struct entry {
    struct spwd sp;
    char text[SHADOW_LINE_MAX];
};

static int find_entry(const char *path, const char *user, struct entry *e, struct error *err)
{
    FILE *f = fopen(path, "re");
    struct spwd *found;
    int r;

    if (!f)
        return error_errno(err, -errno, "cannot open %s", path);
    do
        r = fgetspent_r(f, &e->sp, e->text, sizeof(e->text), &found);
    while (r == 0 && strcmp(e->sp.sp_namp, user) != 0);
    fclose(f);
    if (r != 0)
        return error_set(err, -EACCES, "no such user");
    return 0;
}

/* Equal as text, in a time that depends on the lengths only. */
static int same_text(const char *a, const char *b)
{
    size_t n = strlen(a);
    unsigned diff = 0;

    if (strlen(b) != n)
        return 0;
    for (size_t i = 0; i < n; i++)
        diff |= (unsigned char)(a[i] ^ b[i]);
    return diff == 0;
}

static int check_password(const char *hash, const char *password)
{
    struct crypt_data *data = mem_calloc(1, sizeof(*data));
    const char *out;
    int ok;

    if (!data)
        return -ENOMEM;
    out = crypt_r(password, hash, data);
    /* A failed crypt_r gives NULL or "*0"/"*1"; neither may ever match a broken field. */
    ok = out && out[0] != '*' && same_text(out, hash);
    mem_free_secret(data, sizeof(*data));
    return ok ? 0 : -EACCES;
}

static void spend_as_much(const char *password)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];

    if (crypt_gensalt_rn(NULL, 0, NULL, 0, setting, sizeof(setting)))
        check_password(setting, password);
}

static int check_age(const struct spwd *sp, struct error *err)
{
    long today = (long)(time(NULL) / DAY_S);

    if (sp->sp_expire > 0 && today >= sp->sp_expire)
        return error_set(err, -EACCES, "the account has expired");
    if (sp->sp_lstchg == 0)
        return error_set(err, -EACCES, "the password has to be changed first");
    if (sp->sp_lstchg > 0 && sp->sp_max >= 0 && today > sp->sp_lstchg + sp->sp_max)
        return error_set(err, -EACCES, "the password has expired");
    return 0;
}

static int check_shell(const char *user, struct error *err)
{
    static const char *const no_login[] = {"nologin", "false"};
    char text[SHADOW_LINE_MAX];
    struct passwd pw, *found;
    const char *base;

    if (getpwnam_r(user, &pw, text, sizeof(text), &found) != 0 || !found)
        return error_set(err, -EACCES, "no such user");
    base = strrchr(pw.pw_shell, '/');
    base = base ? base + 1 : pw.pw_shell;
    for (size_t i = 0; i < ARRAY_SIZE(no_login); i++)
        if (strcmp(base, no_login[i]) == 0)
            return error_set(err, -EACCES, "the account's shell does not allow logins");
    return 0;
}

int auth_shadow_check(const char *shadow_path, const char *user, const char *password,
                      struct error *err)
{
    struct entry *e = mem_calloc(1, sizeof(*e));
    const char *hash;
    int r;

    if (!e)
        return error_set(err, -ENOMEM, "out of memory");
    r = find_entry(shadow_path, user, e, err);
    hash = r < 0 ? "" : e->sp.sp_pwdp;
    /* "" would let everybody in, "!" and "*" mark a locked account; "x" is no hash either. */
    if (r == 0 && strlen(hash) < 2)
        r = error_set(err, -EACCES, "the account has no password");
    if (r == 0 && (hash[0] == '!' || hash[0] == '*'))
        r = error_set(err, -EACCES, "the account is locked");
    if (r == -EACCES)
        spend_as_much(password);
    if (r == 0) {
        r = check_password(hash, password);
        if (r < 0)
            error_set(err, r, r == -EACCES ? "wrong password" : "out of memory");
    }
    if (r == 0)
        r = check_age(&e->sp, err);
    if (r == 0)
        r = check_shell(user, err);
    mem_free_secret(e, sizeof(*e));
    return r;
}
