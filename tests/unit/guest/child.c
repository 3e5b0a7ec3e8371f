#include "child.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int catch_file(void)
{
    char name[] = "/tmp/toolbox-output-XXXXXX";
    int fd = mkostemp(name, O_CLOEXEC);
    assert_true(fd >= 0);
    unlink(name);
    return fd;
}

void child_start(struct child *c, const char *program, const char *link, const char *const argv[])
{
    char path[PATH_MAX];
    const char *build = getenv("INGUEST_BUILDDIR");
    assert_non_null(build);
    snprintf(path, sizeof(path), "%s/%s", build, program);
    c->out = catch_file();
    c->err = catch_file();
    c->pid = fork();
    assert_true(c->pid >= 0);
    if (c->pid == 0) {
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        dup2(null, 0);
        dup2(c->out, 1);
        dup2(c->err, 2);
        setenv("TOOLBOX_LINK", link, 1);
        setenv("TZ", "UTC", 1);
        execv(path, (char *const *)argv);
        _exit(127);
    }
}

bool child_ended(struct child *c, int *ret_code)
{
    int status;
    if (c->pid <= 0 || waitpid(c->pid, &status, WNOHANG) != c->pid)
        return false;
    c->pid = 0;
    *ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
}

char *child_output(int fd)
{
    char *text = calloc(1, 65536);
    assert_non_null(text);
    assert_true(pread(fd, text, 65535, 0) >= 0);
    return text;
}

void child_close(struct child *c)
{
    if (c->pid > 0) {
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
        c->pid = 0;
    }
    close(c->out);
    close(c->err);
}
