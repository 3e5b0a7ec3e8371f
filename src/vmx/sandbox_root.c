/*
 * The files of a guest's own root: made at its first start, completed (never overwritten) at
 * later ones, always by the guest's root in the guest's tree.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "vmx/sandbox.h"

#define FIRST_USER_ID 1000u
#define ACCOUNTS_MAX  65536u
#define HOST_FILE_MAX (4u << 20)
#define COPY_CHUNK    65536u
#define LINKS_MAX     4096
#define LOCKED        "!"
#define DAYS_SINCE_1970                                                       \
    "19700" /* of the last change of a password; only its being there matters \
             */

static const struct {
    const char *path;
    mode_t mode;
} folders[] = {
    {"/etc", 0755},       {"/etc/pam.d", 0755},     {"/etc/alternatives", 0755},
    {"/etc/skel", 0755},  {"/etc/profile.d", 0755}, {"/home", 0755},
    {"/root", 0700},      {"/mnt", 0755},           {"/media", 0755},
    {"/opt", 0755},       {"/srv", 0755},           {"/tmp", 01777},
    {"/var", 0755},       {"/var/cache", 0755},     {"/var/lib", 0755},
    {"/var/log", 0755},   {"/var/mail", 0755},      {"/var/opt", 0755},
    {"/var/spool", 0755}, {"/var/tmp", 01777},      {"/run/lock", 01777},
    {"/run/user", 0755},  {"/run/commands", 0755},
};

static const struct {
    const char *path, *to;
    const char *needs; /* made only when this is there */
} links[] = {
    {"/bin", "usr/bin", "/usr/bin"},
    {"/sbin", "usr/sbin", "/usr/sbin"},
    {"/lib", "usr/lib", "/usr/lib"},
    {"/lib32", "usr/lib32", "/usr/lib32"},
    {"/lib64", "usr/lib64", "/usr/lib64"},
    {"/var/run", "/run", "/run"},
    {"/var/lock", "/run/lock", "/run"},
    {"/etc/mtab", "/proc/self/mounts", "/proc/self"},
    {"/etc/os-release", "../usr/lib/os-release", "/usr/lib/os-release"},
    {"/etc/localtime", "/usr/share/zoneinfo/Etc/UTC", "/usr/share/zoneinfo/Etc/UTC"},
    /* The agent's command line, where it comes from a build tree; installed it is in /usr/bin. */
    {"/run/commands/toolbox", "../inguest/bin/toolbox", "/run/inguest/bin/toolbox"},
    {"/run/commands/vmtoolsd", "../inguest/bin/toolbox", "/run/inguest/bin/toolbox"},
    {"/run/commands/vmware-rpctool", "../inguest/bin/toolbox", "/run/inguest/bin/toolbox"},
    {"/run/commands/vmware-toolbox-cmd", "../inguest/bin/toolbox", "/run/inguest/bin/toolbox"},
};

static const struct {
    const char *path, *text;
} texts[] = {
    {"/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\n"
                           "networks: files\nprotocols: files\nservices: files\n"},
    {"/etc/resolv.conf", "# The sandbox has no network.\n"},
    {"/etc/fstab", "# The root is a folder of the host; there is nothing to mount.\n"},
    {"/etc/shells", "/bin/sh\n/bin/bash\n"},
    {"/etc/environment", "PATH=\"/run/commands:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                         "/sbin:/bin\"\n"},
    {"/etc/profile",
     "PATH=/run/commands:/usr/local/bin:/usr/bin:/bin\n"
     "[ \"$(id -u)\" -ne 0 ] || "
     "PATH=/run/commands:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
     "export PATH\n"
     "for i in /etc/profile.d/*.sh; do [ ! -r \"$i\" ] || . \"$i\"; done\nunset i\n"},
    {"/etc/skel/.profile", "umask 022\n[ -z \"$BASH_VERSION\" ] || [ ! -f ~/.bashrc ] || . "
                           "~/.bashrc\n"},
    {"/etc/skel/.bashrc", "case $- in *i*) PS1='\\u@\\h:\\w\\$ ' ;; esac\n"},
    {"/etc/pam.d/other", "auth required pam_unix.so nodelay\naccount required pam_unix.so\n"
                         "password required pam_unix.so yescrypt\nsession required pam_unix.so\n"},
};

static const char *const skeleton[] = {".profile", ".bashrc"};

/* What the guest gets a copy of, the newest at each start: they describe /usr. */
static const struct {
    const char *from, *to;
} host_files[] = {
    {"/etc/ld.so.cache", "ld.so.cache"},
    {"/etc/protocols", "protocols"},
    {"/etc/services", "services"},
};

static const struct {
    const char *name;
    unsigned id;
    const char *home, *shell, *words;
} system_users[] = {
    {"daemon", 1, "/usr/sbin", "/usr/sbin/nologin", "daemon"},
    {"bin", 2, "/bin", "/usr/sbin/nologin", "bin"},
    {"sys", 3, "/dev", "/usr/sbin/nologin", "sys"},
    {"mail", 8, "/var/mail", "/usr/sbin/nologin", "mail"},
    {"nobody", 65534, "/nonexistent", "/usr/sbin/nologin", "nobody"},
};

static const char groups_text[] = "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\n"
                                  "disk:x:6:\nmail:x:8:\nsudo:x:27:\nshadow:x:42:\nutmp:x:43:\n"
                                  "staff:x:50:\nusers:x:100:\nnogroup:x:65534:\n";
#define SHADOW_GID 42u

void sandbox_host_files_open(struct sandbox_host_files *ret)
{
    _Static_assert(ARRAY_SIZE(host_files) == ARRAY_SIZE(ret->fd), "one descriptor for each");
    for (unsigned i = 0; i < ARRAY_SIZE(host_files); i++)
        ret->fd[i] = open(host_files[i].from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ret->alternatives_fd = open("/etc/alternatives", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void sandbox_host_files_close(struct sandbox_host_files *f)
{
    for (unsigned i = 0; i < ARRAY_SIZE(f->fd); i++)
        if (f->fd[i] >= 0)
            close(f->fd[i]);
    if (f->alternatives_fd >= 0)
        close(f->alternatives_fd);
}

static int make_folders(struct error *err)
{
    for (unsigned i = 0; i < ARRAY_SIZE(folders); i++) {
        if (mkdir(folders[i].path, folders[i].mode) == 0)
            chmod(folders[i].path, folders[i].mode);
        else if (errno != EEXIST)
            return error_errno(err, -errno, "cannot make the guest's folder %s", folders[i].path);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(links); i++)
        if (access(links[i].needs, F_OK) == 0 && symlink(links[i].to, links[i].path) < 0 &&
            errno != EEXIST)
            return error_errno(err, -errno, "cannot make the guest's link %s", links[i].path);
    return 0;
}

/* Writes the file when nothing of that name is there. */
static int write_new(const char *path, const void *data, size_t len, mode_t mode, struct error *err)
{
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    int r;

    if (fd < 0)
        return errno == EEXIST ? 0 : error_errno(err, -errno, "cannot make the guest's %s", path);
    r = fs_write_all(fd, data, len);
    return r < 0 ? error_errno(err, r, "cannot write the guest's %s", path) : 0;
}

static int write_text(const char *path, const char *text, mode_t mode, struct error *err)
{
    return write_new(path, text, strlen(text), mode, err);
}

static int write_texts(const struct sandbox_request *request, struct error *err)
{
    char line[512];
    int r;

    for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
        r = write_text(texts[i].path, texts[i].text, 0644, err);
        if (r < 0)
            return r;
    }
    snprintf(line, sizeof(line), "%s\n", request->host_name);
    r = write_text("/etc/hostname", line, 0644, err);
    if (r < 0)
        return r;
    snprintf(line, sizeof(line),
             "127.0.0.1\tlocalhost\n127.0.1.1\t%s\n::1\tlocalhost ip6-localhost ip6-loopback\n",
             request->host_name);
    return write_text("/etc/hosts", line, 0644, err);
}

/* A copy that fails is left out: programs do without these files. */
static void copy_host_files(const struct sandbox_host_files *files)
{
    AUTO_CLOSE int etc = open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    for (unsigned i = 0; i < ARRAY_SIZE(host_files) && etc >= 0; i++) {
        AUTO_CLOSE int to = -1;
        static uint8_t chunk[COPY_CHUNK];
        struct stat from, old;
        size_t total = 0;
        ssize_t n = 0;

        if (files->fd[i] < 0 || fstat(files->fd[i], &from) < 0 || !S_ISREG(from.st_mode))
            continue;
        if (fstatat(etc, host_files[i].to, &old, AT_SYMLINK_NOFOLLOW) == 0 &&
            old.st_mtime >= from.st_mtime && old.st_size == from.st_size)
            continue;
        unlinkat(etc, ".inguest-copy", 0);
        to = openat(etc, ".inguest-copy", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        while (to >= 0 && total < HOST_FILE_MAX &&
               (n = pread(files->fd[i], chunk, sizeof(chunk), (off_t)total)) > 0) {
            if (fs_write_all(to, chunk, (size_t)n) < 0) {
                n = -1;
                break;
            }
            total += (size_t)n;
        }
        if (to >= 0 && n == 0)
            renameat(etc, ".inguest-copy", etc, host_files[i].to);
        else
            unlinkat(etc, ".inguest-copy", 0);
    }
}

/* awk, editor, java, ...: their names in /usr lead through /etc/alternatives. */
static void copy_alternatives(int from)
{
    AUTO_CLOSE int to = open("/etc/alternatives", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int own = from >= 0 ? dup(from) : -1;
    struct dirent *entry;
    DIR *dir;

    dir = own >= 0 && to >= 0 ? fdopendir(own) : NULL;
    if (!dir) {
        if (own >= 0)
            close(own);
        return;
    }
    for (int count = 0; count < LINKS_MAX && (entry = readdir(dir)); count++) {
        char target[1024];
        ssize_t n = readlinkat(from, entry->d_name, target, sizeof(target) - 1);

        if (n <= 0)
            continue;
        target[n] = '\0';
        if (symlinkat(target, to, entry->d_name) < 0 && errno != EEXIST)
            break;
    }
    closedir(dir);
}

static const char *hash_of(const struct sandbox_request *request, const char *name)
{
    for (unsigned i = 0; i < request->user_count; i++)
        if (strcmp(request->users[i].name, name) == 0 && request->users[i].hash[0])
            return request->users[i].hash;
    return LOCKED;
}

static int is_system_user(const char *name)
{
    if (strcmp(name, "root") == 0)
        return 1;
    for (unsigned i = 0; i < ARRAY_SIZE(system_users); i++)
        if (strcmp(name, system_users[i].name) == 0)
            return 1;
    return 0;
}

static int make_home(const char *home, unsigned id, struct error *err)
{
    if (mkdir(home, 0700) < 0 && errno != EEXIST)
        return error_errno(err, -errno, "cannot make the home %s", home);
    for (unsigned i = 0; i < ARRAY_SIZE(skeleton); i++) {
        AUTO_BUF struct buf text = BUF_INIT(ACCOUNTS_MAX);
        char path[128];
        int r;

        snprintf(path, sizeof(path), "/etc/skel/%s", skeleton[i]);
        if (fs_read_file(AT_FDCWD, path, &text, NULL) < 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", home, skeleton[i]);
        r = write_new(path, buf_text(&text), text.len, 0644, err);
        if (r < 0)
            return r;
        if (lchown(path, id, id) < 0)
            return error_errno(err, -errno, "cannot give %s to its user", path);
    }
    if (lchown(home, id, id) < 0)
        return error_errno(err, -errno, "cannot give the home %s to its user", home);
    return 0;
}

/* The accounts, at the first start: passwd is written last, so that a start which was cut off is
 * made up for by the next. */
static int make_accounts(const struct sandbox_request *request, struct error *err)
{
    AUTO_BUF struct buf passwd = BUF_INIT(ACCOUNTS_MAX), group = BUF_INIT(ACCOUNTS_MAX),
                        shadow = BUF_INIT(ACCOUNTS_MAX);
    const char *shell = access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh";
    unsigned id = FIRST_USER_ID;
    int r;

    if (access("/etc/passwd", F_OK) == 0)
        return 0;
    buf_printf(&passwd, "root:x:0:0:root:/root:%s\n", shell);
    buf_printf(&shadow, "root:%s:" DAYS_SINCE_1970 ":0:99999:7:::\n", hash_of(request, "root"));
    buf_put_str(&group, groups_text);
    for (unsigned i = 0; i < ARRAY_SIZE(system_users); i++) {
        buf_printf(&passwd, "%s:x:%u:%u:%s:%s:%s\n", system_users[i].name, system_users[i].id,
                   system_users[i].id, system_users[i].words, system_users[i].home,
                   system_users[i].shell);
        buf_printf(&shadow, "%s:*:" DAYS_SINCE_1970 ":0:99999:7:::\n", system_users[i].name);
    }
    r = make_home("/root", 0, err);
    for (unsigned i = 0; r == 0 && i < request->user_count; i++) {
        const char *name = request->users[i].name;
        char home[SANDBOX_USER_NAME_MAX + 16];

        if (is_system_user(name))
            continue;
        snprintf(home, sizeof(home), "/home/%s", name);
        buf_printf(&passwd, "%s:x:%u:%u::%s:%s\n", name, id, id, home, shell);
        buf_printf(&shadow, "%s:%s:" DAYS_SINCE_1970 ":0:99999:7:::\n", name,
                   hash_of(request, name));
        buf_printf(&group, "%s:x:%u:\n", name, id);
        r = make_home(home, id, err);
        id++;
    }
    if (r < 0)
        return r;
    if (buf_error(&passwd) || buf_error(&shadow) || buf_error(&group))
        return error_set(err, -ENOMEM, "no memory for the guest's accounts");
    unlink("/etc/shadow");
    unlink("/etc/group");
    r = write_new("/etc/group", buf_text(&group), group.len, 0644, err);
    if (r == 0)
        r = write_new("/etc/shadow", buf_text(&shadow), shadow.len, 0640, err);
    explicit_bzero(shadow.data, shadow.len);
    if (r == 0 && lchown("/etc/shadow", 0, SHADOW_GID) < 0)
        r = error_errno(err, -errno, "cannot protect the guest's /etc/shadow");
    if (r == 0)
        r = write_new("/etc/passwd.new", buf_text(&passwd), passwd.len, 0644, err);
    if (r == 0 && rename("/etc/passwd.new", "/etc/passwd") < 0)
        r = error_errno(err, -errno, "cannot make the guest's /etc/passwd");
    return r;
}

int sandbox_root_complete(const struct sandbox_request *request,
                          const struct sandbox_host_files *files, struct error *err)
{
    int r;

    umask(022);
    r = make_folders(err);
    if (r == 0)
        r = write_texts(request, err);
    if (r < 0)
        return r;
    copy_host_files(files);
    copy_alternatives(files->alternatives_fd);
    return make_accounts(request, err);
}
