#include "client/vim_userdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

static const struct {
    const char *variable, *below_home;
} places[] = {
    [VIM_USERDIR_CONFIG] = {"XDG_CONFIG_HOME", ".config"},
    [VIM_USERDIR_RUN] = {"XDG_RUNTIME_DIR", ".cache"},
};

int vim_userdir_open(enum vim_userdir which, int make, struct error *err)
{
    const char *base = secure_getenv(places[which].variable);
    const char *home = secure_getenv("HOME");
    AUTO_FREE char *path = NULL;
    struct stat st;
    int fd, r;

    if (base && base[0] == '/')
        path = mem_printf("%s/inguest", base);
    else if (home && home[0] == '/')
        path = mem_printf("%s/%s/inguest", home, places[which].below_home);
    else
        return error_set(err, -ENOENT, "HOME is not set");
    if (!path)
        return error_set(err, -ENOMEM, "out of memory");
    if (make && (r = fs_mkdirs(path, 0700, err)))
        return r;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, -errno, "cannot open %s", path);
    if (fstat(fd, &st) || st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH))) {
        close(fd);
        return error_set(err, -EPERM, "%s must belong to you, and nobody else may write to it",
                         path);
    }
    return fd;
}
