/*
 * inguest cp: files and folders into a guest and out of it. Files are whole or not there: the
 * guest's are put in place when complete, ours by rename. Folders travel as one tar stream, packed
 * and unpacked by toolbox-archive, which never leaves the folder it is given.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "admin/guest_login.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"

static const char usage[] =
    "usage: inguest cp [-r] [-q] [-u USER] [--guest-password-file FILE] SOURCE DESTINATION\n"
    "\n"
    "One of the two is in a guest, VM:/PATH; the other is a file here, or - for standard input or\n"
    "output. An existing folder as destination gets a file or folder of the source's name.\n"
    "Mode and times are kept.\n"
    "\n"
    "  -r, --recursive             a folder with everything in it\n"
    "  -q, --quiet                 no progress bar (there is one on terminals only)\n"
    "\n" GUEST_LOGIN_OPTIONS;

#define PROGRESS_MS 200u
#define BAR_WIDTH   30
#define COPY_BLOCK  65536u

struct place {
    const char *vm; /* NULL: here */
    const char *path;
    bool pipe; /* "-" */
};

struct copy {
    struct guest_login login;
    struct place from, to;
    bool recursive, quiet;
    struct guest_session s;
    uint64_t shown_ms;
    bool shown;
};

/* ---- progress ---- */

static void show_progress(uint64_t done, uint64_t total, void *arg)
{
    struct copy *c = arg;
    uint64_t now = clock_ms();
    int filled = (int)((double)done / (double)total * BAR_WIDTH);

    if (done < total && now - c->shown_ms < PROGRESS_MS)
        return;
    c->shown_ms = now;
    c->shown = true;
    fprintf(stderr, "\r[%.*s%*s] %3d %%  %.1f MiB", filled, "##############################",
            BAR_WIDTH - filled, "", (int)((double)done / (double)total * 100),
            (double)done / 1048576);
}

/* ---- names ---- */

static const char *base_name(const char *path, struct arena *a)
{
    size_t len = strlen(path);
    const char *slash;

    while (len > 1 && path[len - 1] == '/')
        len--;
    slash = memrchr(path, '/', len);
    return slash ? arena_strndup(a, slash + 1, len - (size_t)(slash + 1 - path))
                 : arena_strndup(a, path, len);
}

static bool parse_place(const char *text, struct place *ret)
{
    const char *colon = strchr(text, ':'), *slash = strchr(text, '/');

    *ret = (struct place){.path = text, .pipe = !strcmp(text, "-")};
    if (!colon || (slash && slash < colon))
        return *text != '\0';
    ret->vm = text;
    ret->path = colon + 1;
    return colon > text && *ret->path == '/';
}

/* What the guest has under a name: 0 with *ret NULL when nothing. */
static int guest_look(struct copy *c, const char *path, const struct vim_GuestFileInfo **ret,
                      struct error *err)
{
    struct vim_ListFilesInGuest_request rq = {.this_ = c->s.files,
                                              .vm = c->s.vm,
                                              .auth = GUEST_AUTH(&c->s),
                                              .filePath = path,
                                              .has_maxResults = true,
                                              .maxResults = 1};
    struct vim_ListFilesInGuest_result *result = NULL;
    int r = vim_client_call(c->s.ad->client, &vim_method_ListFilesInGuest, &rq, c->s.arena,
                            (void **)&result, err);

    *ret = NULL;
    if (r == -EREMOTEIO && vim_client_fault(c->s.ad->client) &&
        VIM_IS_A(vim_client_fault(c->s.ad->client), FileNotFound))
        return 0;
    if (!r && result->value && result->value->files.count)
        *ret = result->value->files.items[0];
    return r;
}

static bool is_folder(const struct vim_GuestFileInfo *info)
{
    return info && info->type && !strcmp(info->type, "directory");
}

/* ---- from the guest ---- */

static int begin_download(struct copy *c, const char *path,
                          const struct vim_FileTransferInformation **ret, struct error *err)
{
    const struct vim_InitiateFileTransferFromGuest_request rq = {
        .this_ = c->s.files, .vm = c->s.vm, .auth = GUEST_AUTH(&c->s), .guestFilePath = path};
    struct vim_InitiateFileTransferFromGuest_result *result = NULL;
    int r = vim_client_call(c->s.ad->client, &vim_method_InitiateFileTransferFromGuest, &rq,
                            c->s.arena, (void **)&result, err);

    if (!r)
        *ret = result->value;
    return r;
}

static struct timespec time_of(int64_t us)
{
    return (struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
}

static void keep_attributes(int fd, const struct vim_GuestFileAttributes *a)
{
    const struct vim_GuestPosixFileAttributes *posix = VIM_CAST(a, GuestPosixFileAttributes);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_OMIT}};

    if (posix && posix->has_permissions)
        fchmod(fd, (mode_t)posix->permissions & 0777);
    if (a && a->has_accessTime)
        times[0] = time_of(a->accessTime);
    if (a && a->has_modificationTime)
        times[1] = time_of(a->modificationTime);
    futimens(fd, times);
}

static int download_to(struct copy *c, const char *to, struct error *err)
{
    const struct vim_FileTransferInformation *info = NULL;
    const char *part = arena_printf(c->s.arena, "%s.inguest-%d", to, (int)getpid());
    AUTO_CLOSE int fd = -1;
    int r = begin_download(c, c->from.path, &info, err);

    if (r)
        return r;
    fd = part ? open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return error_errno(err, part ? -errno : -ENOMEM, "cannot make %s", part ? part : to);
    r = vim_client_get(c->s.ad->client, info->url, fd, err);
    if (!r)
        keep_attributes(fd, info->attributes);
    if (!r && rename(part, to) < 0)
        r = error_errno(err, -errno, "cannot put %s in place", to);
    if (r)
        unlink(part);
    return r;
}

static int download(struct copy *c, struct error *err)
{
    const struct vim_FileTransferInformation *info = NULL;
    const char *to = c->to.path;
    struct stat st;
    int r;

    if (c->to.pipe) {
        r = begin_download(c, c->from.path, &info, err);
        return r ? r : vim_client_get(c->s.ad->client, info->url, STDOUT_FILENO, err);
    }
    if (stat(to, &st) == 0 && S_ISDIR(st.st_mode))
        to = arena_printf(c->s.arena, "%s/%s", to, base_name(c->from.path, c->s.arena));
    return to ? download_to(c, to, err) : error_set(err, -ENOMEM, "out of memory");
}

/* ---- into the guest ---- */

static int upload_fd(struct copy *c, int fd, const char *path, const struct stat *like,
                     struct error *err)
{
    struct vim_InitiateFileTransferToGuest_request rq = {.this_ = c->s.files,
                                                         .vm = c->s.vm,
                                                         .auth = GUEST_AUTH(&c->s),
                                                         .guestFilePath = path,
                                                         .overwrite = true};
    struct vim_InitiateFileTransferToGuest_result *result = NULL;
    struct vim_GuestPosixFileAttributes *a = VIM_NEW(c->s.arena, GuestPosixFileAttributes);
    struct stat st;
    int r;

    if (!a || fstat(fd, &st) < 0)
        return error_errno(err, a ? -errno : -ENOMEM, "cannot upload");
    if (like) {
        a->has_permissions = true;
        a->permissions = like->st_mode & 07777;
        a->has_modificationTime = a->has_accessTime = true;
        a->modificationTime = like->st_mtim.tv_sec * 1000000 + like->st_mtim.tv_nsec / 1000;
        a->accessTime = like->st_atim.tv_sec * 1000000 + like->st_atim.tv_nsec / 1000;
    }
    rq.fileAttributes = (struct vim_GuestFileAttributes *)a;
    rq.fileSize = st.st_size;
    r = vim_client_call(c->s.ad->client, &vim_method_InitiateFileTransferToGuest, &rq, c->s.arena,
                        (void **)&result, err);
    return r ? r : vim_client_put(c->s.ad->client, result->value, fd, (uint64_t)st.st_size, err);
}

/* A file without a name; the size of what comes is not known before its end, and the host has to be
 * told. */
static int spool_new(struct error *err)
{
    const char *folder = getenv("TMPDIR");
    int fd = open(folder && *folder ? folder : "/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    return fd < 0 ? error_errno(err, -errno, "no room for a temporary file") : fd;
}

static int spool_input(int to, struct error *err)
{
    char block[COPY_BLOCK];
    ssize_t n;
    int r = 0;

    while (!r && (n = read(STDIN_FILENO, block, sizeof(block))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        r = n < 0 ? -errno : fs_write_all(to, block, (size_t)n);
    }
    if (r)
        return error_errno(err, r, "cannot take standard input");
    return lseek(to, 0, SEEK_SET) < 0 ? error_errno(err, -errno, "temporary file") : 0;
}

static int upload(struct copy *c, struct error *err)
{
    const struct vim_GuestFileInfo *there = NULL;
    const char *to = c->to.path;
    AUTO_CLOSE int fd = -1;
    struct stat st;
    int r = guest_look(c, to, &there, err);

    if (r)
        return r;
    if (is_folder(there) && !c->from.pipe)
        to = arena_printf(c->s.arena, "%s/%s", to, base_name(c->from.path, c->s.arena));
    if (c->from.pipe) {
        fd = spool_new(err);
        r = fd < 0 ? fd : spool_input(fd, err);
        return r ? r : upload_fd(c, fd, to, NULL, err);
    }
    fd = open(c->from.path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_errno(err, -errno, "cannot open %s", c->from.path);
    if (S_ISDIR(st.st_mode))
        return error_set(err, -EISDIR, "%s is a folder: use -r", c->from.path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, -EINVAL, "%s is no file: pipe it through -", c->from.path);
    return upload_fd(c, fd, to, &st, err);
}

/* ---- folders ---- */

/* Beside us when built, in libexec when installed. */
static int archive_program(char out[PATH_MAX], struct error *err)
{
    static const char *const places[] = {"/../guest/toolbox-archive",
                                         "/../libexec/inguest/toolbox-archive"};
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (n < 0)
        return error_errno(err, -errno, "cannot find out where inguest is");
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        if (snprintf(out, PATH_MAX, "%s%s", self, places[i]) < PATH_MAX && access(out, X_OK) == 0)
            return 0;
    return error_set(err, -ENOENT, "toolbox-archive is not installed beside inguest (%s)", self);
}

/* Runs it with one of its standard streams. */
static int archive_start(const char *what, const char *folder, int stream, int fd, pid_t *ret,
                         struct error *err)
{
    char path[PATH_MAX];
    int r = archive_program(path, err);
    pid_t pid = r ? 0 : fork();

    if (r)
        return r;
    if (pid < 0)
        return error_errno(err, -errno, "fork");
    if (pid == 0) {
        if (dup2(fd, stream) < 0)
            _exit(EIO);
        execl(path, "toolbox-archive", what, folder, "", (char *)NULL);
        _exit(EIO);
    }
    *ret = pid;
    return 0;
}

static int archive_end(pid_t pid, const char *what, struct error *err)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && !WEXITSTATUS(status))
        return 0;
    return error_errno(err, WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO, "%s", what);
}

static int download_folder(struct copy *c, struct error *err)
{
    const struct vim_FileTransferInformation *info = NULL;
    const char *path = arena_printf(c->s.arena, "%s/", c->from.path), *to = c->to.path;
    struct error unpacked = {0};
    struct stat st;
    int fds[2], r, end;
    pid_t pid = -1;

    if (stat(to, &st) == 0)
        to = arena_printf(c->s.arena, "%s/%s", to, base_name(c->from.path, c->s.arena));
    if (!path || !to)
        return error_set(err, -ENOMEM, "out of memory");
    r = begin_download(c, path, &info, err);
    if (r)
        return r;
    if (mkdir(to, 0777) < 0 && errno != EEXIST)
        return error_errno(err, -errno, "cannot make %s", to);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_errno(err, -errno, "pipe");
    r = archive_start("extract", to, STDIN_FILENO, fds[0], &pid, err);
    close(fds[0]);
    if (!r)
        r = vim_client_get(c->s.ad->client, info->url, fds[1], err);
    close(fds[1]);
    if (pid < 0)
        return r;
    end = archive_end(pid, to, &unpacked);
    /* When both failed it was the unpacking that did not take any more. */
    return end ? error_set(err, end, "%s", unpacked.text) : r;
}

static int make_folder(struct copy *c, const char *path, struct error *err)
{
    const struct vim_MakeDirectoryInGuest_request rq = {.this_ = c->s.files,
                                                        .vm = c->s.vm,
                                                        .auth = GUEST_AUTH(&c->s),
                                                        .directoryPath = path,
                                                        .createParentDirectories = false};
    int r = vim_client_call(c->s.ad->client, &vim_method_MakeDirectoryInGuest, &rq, c->s.arena,
                            NULL, err);

    if (r == -EREMOTEIO && vim_client_fault(c->s.ad->client) &&
        VIM_IS_A(vim_client_fault(c->s.ad->client), FileAlreadyExists))
        return 0;
    return r;
}

static int upload_folder(struct copy *c, struct error *err)
{
    const struct vim_GuestFileInfo *there = NULL;
    const char *to = c->to.path;
    AUTO_CLOSE int fd = spool_new(err);
    pid_t pid;
    int r = fd < 0 ? fd : guest_look(c, to, &there, err);

    if (!r && is_folder(there))
        to = arena_printf(c->s.arena, "%s/%s", to, base_name(c->from.path, c->s.arena));
    if (!r)
        r = archive_start("create-tar", c->from.path, STDOUT_FILENO, fd, &pid, err);
    if (!r)
        r = archive_end(pid, c->from.path, err);
    if (!r && lseek(fd, 0, SEEK_SET) < 0)
        r = error_errno(err, -errno, "temporary file");
    if (!r)
        r = make_folder(c, to, err);
    if (!r)
        to = arena_printf(c->s.arena, "%s/", to);
    return r ? r : upload_fd(c, fd, to, NULL, err);
}

/* ---- the command line ---- */

static bool parse(int argc, char **argv, struct copy *c)
{
    struct place *places[] = {&c->from, &c->to};
    size_t n = 0;
    bool bad = false;

    for (int i = 1; i < argc && !bad; i++) {
        if (!strcmp(argv[i], "-r") || !strcmp(argv[i], "--recursive"))
            c->recursive = true;
        else if (!strcmp(argv[i], "-q") || !strcmp(argv[i], "--quiet"))
            c->quiet = true;
        else if (argv[i][0] == '-' && argv[i][1])
            bad = !guest_login_option(&c->login, argc, argv, &i, &bad) || bad;
        else
            bad = n == 2 || !parse_place(argv[i], places[n++]);
    }
    /* Exactly one end is in a guest. */
    return !bad && n == 2 && !c->from.vm != !c->to.vm &&
           !(c->recursive && (c->from.pipe || c->to.pipe));
}

static int run(struct copy *c, struct error *err)
{
    if (!c->quiet && isatty(STDERR_FILENO))
        vim_client_on_progress(c->s.ad->client, show_progress, c);
    if (c->recursive)
        return c->from.vm ? download_folder(c, err) : upload_folder(c, err);
    return c->from.vm ? download(c, err) : upload(c, err);
}

int admin_cp(struct admin *ad, int argc, char **argv)
{
    AUTO_ARENA struct arena arena = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    struct copy c = {.s.ad = ad};
    struct place *guest;
    struct error err = {0};
    const char *vm;
    int r;

    if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
        fputs(usage, stdout);
        return ADMIN_OK;
    }
    if (!parse(argc, argv, &c)) {
        fputs(usage, stderr);
        return ADMIN_USAGE;
    }
    guest = c.from.vm ? &c.from : &c.to;
    vm = arena_strndup(&arena, guest->vm, (size_t)(guest->path - 1 - guest->vm));
    r = guest_session_open(ad, vm, &c.login, &arena, &c.s, &err);
    if (!r)
        r = run(&c, &err);
    if (c.shown)
        fputc('\n', stderr);
    guest_session_close(&c.s);
    return r ? admin_fail(&err) : ADMIN_OK;
}
