/* inguest: options that all commands share, and the choice of the command. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/fs.h"
#include "base/mem.h"
#include "client/password.h"

static const char usage[] =
    "usage: inguest [OPTION...] COMMAND [ARGUMENT...]\n"
    "\n"
    "Commands (COMMAND -h tells more):\n"
    "  up      run a host in the foreground\n"
    "  vm      create, list, start, stop and delete virtual machines\n"
    "  exec    run a program in a guest, with its streams or a terminal\n"
    "  cp      copy files and folders into a guest or out of it\n"
    "  forward make a port of a guest's loopback reachable here\n"
    "  user    manage who may use the API\n"
    "  role    manage named sets of privileges\n"
    "  permission  say who has which role where\n"
    "  dataset     keys and values shared with a guest\n"
    "  gueststore  content that guests may pull: repository, rules, status, files\n"
    "\n"
    "Options:\n"
    "  --state DIR            state of the host (" ADMIN_STATE_DEFAULT ")\n"
    "  --run DIR              sockets of the running host (" ADMIN_RUN_DEFAULT ")\n"
    "  --host HOST:PORT       another host than that of --run; needs --user\n"
    "  --user NAME            log in as this user instead of as root of this machine\n"
    "  --password-file FILE   password of --user, first line; - is standard input\n"
    "  --ca FILE              certificates to trust (the host's own, on this machine)\n"
    "  --json                 print JSON\n"
    "  -h, --help             this text\n"
    "  --version              version\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.\n";

int admin_fail(const struct error *err)
{
    fprintf(stderr, "inguest: %s\n", error_text(err));
    return ADMIN_FAILED;
}

void admin_print_json(json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(value);
}

void admin_forget(struct buf *secret)
{
    password_forget(secret);
}

int admin_password(const char *file, const char *prompt, bool confirm, struct buf *ret,
                   struct error *err)
{
    int r = password_read(file, prompt, confirm, ret, err);

    return r == -ENOTTY
               ? error_set(err, r, "no terminal to ask for a password: use --password-file")
               : r;
}

const char *admin_option(int argc, char **argv, int *i, const char *name, bool *bad)
{
    size_t len = strlen(name);
    const char *arg = argv[*i];

    if (!arg || strncmp(arg, name, len) != 0 || (arg[len] && arg[len] != '='))
        return NULL;
    if (arg[len] == '=')
        return arg + len + 1;
    if (*i + 1 >= argc) {
        fprintf(stderr, "inguest: %s needs a value\n", name);
        *bad = true;
        return NULL;
    }
    return argv[++*i];
}

bool admin_help_wanted(int argc, char **argv, int words)
{
    for (int i = 1; i < argc && i <= words; i++)
        if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help"))
            return true;
    return false;
}

int admin_address(const struct admin *ad, char out[256], struct error *err)
{
    AUTO_BUF struct buf text = BUF_INIT(255);
    AUTO_FREE char *path = NULL;
    int r;

    if (ad->address) {
        snprintf(out, 256, "%s", ad->address);
        return 0;
    }
    path = mem_printf("%s/address", ad->run);
    if (!path)
        return error_set(err, -ENOMEM, "out of memory");
    r = fs_read_file(AT_FDCWD, path, &text, err);
    if (r)
        return error_prefix(err, r, "no host is running here (start one with `inguest up`)");
    snprintf(out, 256, "%.*s", (int)strcspn(buf_text(&text), "\n"), buf_text(&text));
    return 0;
}

static int log_in(struct admin *ad, struct error *err)
{
    struct buf password = BUF_INIT(ADMIN_PASSWORD_MAX);
    int r;

    if (!ad->user)
        return vim_client_login_local(ad->client, "root", err);
    r = admin_password(ad->password_file, "Password", false, &password, err);
    if (!r)
        r = vim_client_login(ad->client, ad->user, buf_text(&password), err);
    admin_forget(&password);
    return r;
}

int admin_connect(struct admin *ad, struct error *err)
{
    char address[256];
    AUTO_FREE char *own = NULL;
    struct vim_client_options o = {.address = address, .certificates = ad->certificates};
    int r;

    if (ad->client)
        return 0;
    r = admin_address(ad, address, err);
    if (r)
        return r;
    if (!ad->address && !ad->certificates) {
        own = mem_printf("%s/hostd/cert.pem", ad->state);
        o.certificates = own;
        o.own = 1;
    }
    r = vim_client_new(&o, &ad->client, err);
    return r ? r : log_in(ad, err);
}

static int global_options(struct admin *ad, int argc, char **argv, int *ret_at)
{
    bool bad = false;
    int i;

    for (i = 1; i < argc && argv[i][0] == '-'; i++) {
        const char *v;

        if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
            fputs(usage, stdout);
            return -1;
        }
        if (!strcmp(argv[i], "--version")) {
            puts("inguest " INGUEST_VERSION);
            return -1;
        }
        if (!strcmp(argv[i], "--json"))
            ad->json = true;
        else if ((v = admin_option(argc, argv, &i, "--state", &bad)))
            ad->state = v;
        else if ((v = admin_option(argc, argv, &i, "--run", &bad)))
            ad->run = v;
        else if ((v = admin_option(argc, argv, &i, "--host", &bad)))
            ad->address = v;
        else if ((v = admin_option(argc, argv, &i, "--user", &bad)))
            ad->user = v;
        else if ((v = admin_option(argc, argv, &i, "--password-file", &bad)))
            ad->password_file = v;
        else if ((v = admin_option(argc, argv, &i, "--ca", &bad)))
            ad->certificates = v;
        else {
            if (!bad)
                fprintf(stderr, "inguest: unknown option %s\n", argv[i]);
            return ADMIN_USAGE;
        }
    }
    if (ad->address && !ad->user) {
        fputs("inguest: --host needs --user\n", stderr);
        return ADMIN_USAGE;
    }
    *ret_at = i;
    return 0;
}

static const struct {
    const char *name;
    int (*run)(struct admin *ad, int argc, char **argv);
} commands[] = {{"up", admin_up},
                {"vm", admin_vm},
                {"exec", admin_exec},
                {"cp", admin_cp},
                {"forward", admin_forward},
                {"user", admin_user},
                {"role", admin_role},
                {"permission", admin_permission},
                {"gueststore", admin_gueststore},
                {"dataset", admin_dataset}};

int main(int argc, char **argv)
{
    struct admin ad = {.state = ADMIN_STATE_DEFAULT, .run = ADMIN_RUN_DEFAULT};
    int at = 0, r = global_options(&ad, argc, argv, &at);

    if (r)
        return r < 0 ? 0 : r;
    if (at >= argc) {
        fputs(usage, stderr);
        return ADMIN_USAGE;
    }
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(argv[at], commands[i].name) != 0)
            continue;
        r = commands[i].run(&ad, argc - at, argv + at);
        vim_client_free(ad.client);
        return r;
    }
    fprintf(stderr, "inguest: unknown command %s; see inguest -h\n", argv[at]);
    return ADMIN_USAGE;
}
