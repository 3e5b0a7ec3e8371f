#include "guest/user_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"

#define PASSWD_TEXT_MAX 65536u
#define ENVIRONMENT_MAX 65536u
/* Handles of HGFS sessions come out of this. */
#define OPEN_FILES 4096u

#define PATH_ROOT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define PATH_USER "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"

static void user_info_free(struct user_info *u)
{
    mem_free(u->name);
    mem_free(u->home);
    mem_free(u->shell);
    *u = (struct user_info){0};
}

int user_find(const char *name, struct user_info *ret, struct error *err)
{
    AUTO_FREE char *text = mem_alloc(PASSWD_TEXT_MAX);
    struct user_info u = {0};
    struct passwd pw, *found = NULL;
    int r;

    if (!text)
        return error_set(err, -ENOMEM, "out of memory");
    r = getpwnam_r(name, &pw, text, PASSWD_TEXT_MAX, &found);
    if (r != 0)
        return error_errno(err, -r, "cannot look the account up");
    if (!found)
        return error_set(err, -ENOENT, "there is no such account");
    u.uid = pw.pw_uid;
    u.gid = pw.pw_gid;
    u.name = mem_strdup(pw.pw_name);
    u.home = mem_strdup(*pw.pw_dir ? pw.pw_dir : "/");
    u.shell = mem_strdup(*pw.pw_shell ? pw.pw_shell : "/bin/sh");
    if (!u.name || !u.home || !u.shell) {
        user_info_free(&u);
        return error_set(err, -ENOMEM, "out of memory");
    }
    *ret = u;
    return 0;
}

static int drop_rights(const struct user_info *u, struct error *err)
{
    uid_t r, e, s;

    if (geteuid() != 0) {
        if (geteuid() != u->uid)
            return error_set(err, -EPERM, "only root can act for other users");
        return 0;
    }
    if (initgroups(u->name, u->gid) < 0)
        return error_errno(err, -errno, "cannot set the groups");
    if (setresgid(u->gid, u->gid, u->gid) < 0)
        return error_errno(err, -errno, "cannot set the group id");
    if (setresuid(u->uid, u->uid, u->uid) < 0)
        return error_errno(err, -errno, "cannot set the user id");
    if (getresuid(&r, &e, &s) < 0 || r != u->uid || e != u->uid || s != u->uid)
        return error_set(err, -EPERM, "the user id is not what was set");
    if (u->uid != 0 && setresuid(-1, 0, -1) == 0)
        return error_set(err, -EPERM, "the rights of root could be taken back");
    return 0;
}

/* A line NAME=VALUE, perhaps after "export", perhaps with quotes around the value. */
static void set_from_line(char *line)
{
    char *name = line + strspn(line, " \t"), *value, *end;

    if (strncmp(name, "export ", 7) == 0)
        name += 7;
    value = strchr(name, '=');
    if (*name == '#' || !value || value == name)
        return;
    *value++ = '\0';
    if (strpbrk(name, " \t"))
        return;
    end = value + strlen(value);
    while (end > value && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        *--end = '\0';
    if (end - value >= 2 && (*value == '"' || *value == '\'') && end[-1] == *value) {
        *--end = '\0';
        value++;
    }
    setenv(name, value, 1);
}

/* Machine-wide settings; these files are root's. */
static void set_from_file(const char *path)
{
    AUTO_BUF struct buf b = BUF_INIT(ENVIRONMENT_MAX);
    char *save = NULL;

    if (fs_read_file(AT_FDCWD, path, &b, NULL) < 0 || !b.data)
        return;
    for (char *line = strtok_r((char *)b.data, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save))
        set_from_line(line);
}

static int set_environment(const struct user_info *u)
{
    int r = 0;

    clearenv();
    r |= setenv("PATH", u->uid == 0 ? PATH_ROOT : PATH_USER, 1);
    set_from_file("/etc/environment");
    set_from_file("/etc/default/locale");
    r |= setenv("HOME", u->home, 1);
    r |= setenv("USER", u->name, 1);
    r |= setenv("LOGNAME", u->name, 1);
    r |= setenv("SHELL", u->shell, 1);
    return r < 0 ? -ENOMEM : 0;
}

int user_become(const struct user_info *u, struct error *err)
{
    struct rlimit files;
    int r;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max < OPEN_FILES ? files.rlim_max : OPEN_FILES;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    r = drop_rights(u, err);
    if (r < 0)
        return r;
    umask(022);
    if (set_environment(u) < 0)
        return error_set(err, -ENOMEM, "out of memory");
    if (chdir(u->home) < 0 && chdir("/") < 0)
        return error_errno(err, -errno, "cannot enter /");
    return 0;
}
