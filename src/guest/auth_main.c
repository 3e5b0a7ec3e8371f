/*
 * toolbox-auth: checks one user's name and password, says yes or no, and ends.
 *
 * A program of its own so that PAM modules, which may be anything, never share memory with the
 * agent; one process per login, so that a module that hangs or crashes takes nothing with it. The
 * password arrives on standard input and is never in an argument, a log or the environment.
 *
 * usage: toolbox-auth [--shadow FILE] [--service NAME]...
 * The first service that PAM has rules for decides; with none the shadow file does.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cursor.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "guest/auth_pam.h"
#include "guest/auth_proto.h"
#include "guest/auth_shadow.h"

/* The monitor gives up earlier; this ends a helper whose monitor is gone. */
#define LIFETIME_S 60u
#define SERVICES   4u

struct options {
    const char *shadow;
    const char *services[SERVICES];
    unsigned nservices;
};

struct login {
    char user[AUTH_NAME_MAX + 1];
    char password[AUTH_PASSWORD_MAX + 1];
};

static int parse_args(int argc, char **argv, struct options *ret)
{
    *ret = (struct options){.shadow = "/etc/shadow"};
    for (int i = 1; i < argc; i++) {
        if (i + 1 == argc)
            return -EINVAL;
        if (strcmp(argv[i], "--shadow") == 0)
            ret->shadow = argv[++i];
        else if (strcmp(argv[i], "--service") == 0 && ret->nservices < SERVICES)
            ret->services[ret->nservices++] = argv[++i];
        else
            return -EINVAL;
    }
    return 0;
}

static int read_exactly(void *out, size_t n)
{
    uint8_t *p = out;

    while (n) {
        ssize_t got = read(STDIN_FILENO, p, n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EBADMSG;
        p += got;
        n -= (size_t)got;
    }
    return 0;
}

static int read_text(char *out, size_t max)
{
    uint8_t head[4];
    struct cursor c = CURSOR_INIT(head, sizeof(head));
    uint32_t n;
    int r = read_exactly(head, sizeof(head));

    if (r < 0)
        return r;
    cursor_le32(&c, &n);
    if (n > max)
        return -EBADMSG;
    r = read_exactly(out, n);
    if (r < 0)
        return r;
    out[n] = '\0';
    return strlen(out) == n ? 0 : -EBADMSG;
}

static int check(const struct options *o, const struct login *login, char *ret_user, size_t size)
{
    struct error err = {0};
    const char *service = NULL;
    int r;

    for (unsigned i = 0; i < o->nservices && !service; i++)
        if (auth_pam_has_service(o->services[i]))
            service = o->services[i];
    if (service) {
        r = auth_pam_check(service, login->user, login->password, ret_user, size, &err);
    } else {
        r = auth_shadow_check(o->shadow, login->user, login->password, &err);
        snprintf(ret_user, size, "%s", login->user);
    }
    if (r < 0)
        log_warn("login of '%s' refused: %s", login->user, error_text(&err));
    return r;
}

static int answer(int result, const char *user)
{
    AUTO_BUF struct buf b = BUF_INIT(AUTH_ANSWER_MAX);
    size_t n = result < 0 ? 0 : strlen(user);

    buf_put_le32(&b, (uint32_t)result);
    buf_put_le32(&b, (uint32_t)n);
    buf_put(&b, user, n);
    if (buf_error(&b) < 0)
        return buf_error(&b);
    return fs_write_all(STDIN_FILENO, b.data, b.len);
}

int main(int argc, char **argv)
{
    struct rlimit no_core = {0, 0};
    struct login *login = mem_calloc(1, sizeof(*login));
    char user[AUTH_NAME_MAX + 1] = "";
    struct options o;
    int r;

    log_open_fd(-1, "toolbox-auth");
    if (!login || parse_args(argc, argv, &o) < 0) {
        fprintf(stderr, "usage: toolbox-auth [--shadow FILE] [--service NAME]...\n"
                        "Started by toolboxd; the login arrives on standard input.\n");
        return 2;
    }
    setrlimit(RLIMIT_CORE, &no_core);
    prctl(PR_SET_DUMPABLE, 0);
    alarm(LIFETIME_S);
    r = read_text(login->user, AUTH_NAME_MAX);
    if (r == 0)
        r = read_text(login->password, AUTH_PASSWORD_MAX);
    if (r < 0) {
        log_error("no proper request on standard input: %s", strerror(-r));
        return 1;
    }
    r = check(&o, login, user, sizeof(user));
    mem_free_secret(login, sizeof(*login));
    return answer(r, user) < 0;
}
