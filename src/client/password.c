#include "client/password.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"

void password_forget(struct buf *secret)
{
    if (secret->data)
        explicit_bzero(secret->data, secret->size);
    buf_free(secret);
}

static int read_line(int fd, struct buf *ret, struct error *err)
{
    char c;
    ssize_t n;

    while ((n = read(fd, &c, 1)) == 1 && c != '\n')
        if (buf_put_u8(ret, (uint8_t)c))
            return error_set(err, -ENOBUFS, "the password is longer than %u bytes", PASSWORD_MAX);
    if (n < 0)
        return error_errno(err, -errno, "cannot read the password");
    /* Every put leaves a NUL; an empty line has had none. */
    return buf_reserve(ret, 0, NULL);
}

int password_ask(const char *question, bool echo, struct buf *ret, struct error *err)
{
    AUTO_CLOSE int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    struct termios before, quiet;
    int r;

    if (tty < 0)
        return error_set(err, -ENOTTY, "no terminal to ask for a password");
    if (tcgetattr(tty, &before) < 0)
        return error_errno(err, -errno, "cannot switch echo off");
    quiet = before;
    if (!echo)
        quiet.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(tty, TCSAFLUSH, &quiet);
    dprintf(tty, "%s: ", question);
    r = read_line(tty, ret, err);
    tcsetattr(tty, TCSAFLUSH, &before);
    if (!echo)
        dprintf(tty, "\n");
    return r;
}

int password_read(const char *file, const char *prompt, bool confirm, struct buf *ret,
                  struct error *err)
{
    struct buf again = BUF_INIT(PASSWORD_MAX);
    int r;

    *ret = BUF_INIT(PASSWORD_MAX);
    /* All of it at once: a secret should not stay behind in memory that was grown away from. */
    r = buf_reserve(ret, PASSWORD_MAX, NULL);
    if (r)
        return error_errno(err, r, "password");
    if (file && !strcmp(file, "-"))
        return read_line(STDIN_FILENO, ret, err);
    if (file) {
        AUTO_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);

        return fd < 0 ? error_errno(err, -errno, "cannot open %s", file) : read_line(fd, ret, err);
    }
    r = password_ask(prompt, false, ret, err);
    if (r || !confirm)
        return r;
    r = password_ask("Once more", false, &again, err);
    if (!r && strcmp(buf_text(ret), buf_text(&again)) != 0)
        r = error_set(err, -EINVAL, "the two passwords differ");
    password_forget(&again);
    return r;
}
