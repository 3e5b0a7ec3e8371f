#include "client/vim_ticket.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "client/vim_userdir.h"

#define NAME_SIZE 80u

/* A name that no user or server name can steer. */
static int file_name(const char *address, const char *user, char out[NAME_SIZE])
{
    AUTO_FREE char *key = mem_printf("%s\n%s", address, user);
    uint8_t digest[32];

    if (!key || gnutls_hash_fast(GNUTLS_DIG_SHA256, key, strlen(key), digest))
        return -ENOMEM;
    snprintf(out, NAME_SIZE, "login-");
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(out + 6 + 2 * i, 3, "%02x", digest[i]);
    return 0;
}

int vim_ticket_read(const char *text, int64_t now, char out[VIM_CLIENT_COOKIE_MAX])
{
    char *at;
    long long until;
    size_t n = 0;

    if (*text < '0' || *text > '9')
        return -ENOENT;
    errno = 0;
    until = strtoll(text, &at, 10);
    if (errno || *at != ' ' || until <= now)
        return -ENOENT;
    /* It becomes part of a header. */
    for (at++; at[n] > ' ' && at[n] < 0x7f && at[n] != ';'; n++)
        ;
    if (!n || n >= VIM_CLIENT_COOKIE_MAX || strcmp(at + n, "\n") != 0)
        return -ENOENT;
    memcpy(out, at, n);
    out[n] = '\0';
    return 0;
}

int vim_ticket_load(const char *address, const char *user, char out[VIM_CLIENT_COOKIE_MAX])
{
    AUTO_CLOSE int dir = vim_userdir_open(VIM_USERDIR_RUN, 0, NULL);
    AUTO_CLOSE int fd = -1;
    char name[NAME_SIZE], text[VIM_CLIENT_COOKIE_MAX + 32];
    struct stat st;
    ssize_t n;
    int r;

    if (dir < 0 || file_name(address, user, name))
        return -ENOENT;
    fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & 077))
        return -ENOENT;
    n = read(fd, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    r = vim_ticket_read(text, (int64_t)(clock_wall_us() / 1000000), out);
    explicit_bzero(text, sizeof(text));
    return r;
}

int vim_ticket_save(const char *address, const char *user, const char *cookie, unsigned seconds,
                    struct error *err)
{
    AUTO_CLOSE int dir = vim_userdir_open(VIM_USERDIR_RUN, 1, err);
    char name[NAME_SIZE], text[VIM_CLIENT_COOKIE_MAX + 32];
    int n, r;

    if (dir < 0)
        return dir;
    if (file_name(address, user, name))
        return error_set(err, -ENOMEM, "out of memory");
    n = snprintf(text, sizeof(text), "%lld %s\n",
                 (long long)(clock_wall_us() / 1000000 + (int64_t)seconds), cookie);
    r = fs_write_file(dir, name, text, (size_t)n, 0600, err);
    explicit_bzero(text, sizeof(text));
    return r;
}

void vim_ticket_drop(const char *address, const char *user)
{
    AUTO_CLOSE int dir = vim_userdir_open(VIM_USERDIR_RUN, 0, NULL);
    char name[NAME_SIZE];

    if (dir >= 0 && !file_name(address, user, name))
        unlinkat(dir, name, 0);
}
