/*
 * inguest-disk: copies or removes files of a VM that a guest has made, for the launcher (snapshots)
 * and for hostd's supervisor (clones), so that neither has to touch them itself.
 *
 *   inguest-disk copy UID_FROM UID_TO FROM TO [FROM TO]...
 *   inguest-disk remove NAME...
 *
 * Finds open: descriptor 3, the folder to copy from, and 4, the folder to copy to or to remove in.
 * A FROM that is not there is left out; what a TO holds is removed first. When it ends well all is
 * on disk. Otherwise its standard output says why: a negative errno code, a space, words.
 *
 * It has root's rights over files and nothing else, and ends with whoever started it. Both folders
 * are locked (flock) meanwhile: a process that does not know yet that its master was killed, and
 * its successor, come one after the other.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "vmx/launcher.h"
#include "vmx/tree_copy.h"

#define DISK_FROM_FD 3
#define DISK_TO_FD   4
#define FILES_MAX    (2 * TREE_DEPTH_MAX + 64)

static const cap_value_t needed_caps[] = {CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER,
                                          CAP_FSETID, CAP_SETFCAP,      CAP_SYS_RESOURCE};

static int keep_caps(struct error *err)
{
    cap_t caps = cap_init();
    int r = caps ? 0 : -ENOMEM;

    for (unsigned i = 0; !r && i < ARRAY_SIZE(needed_caps); i++) {
        if (cap_get_bound(needed_caps[i]) != 1)
            continue;
        cap_set_flag(caps, CAP_PERMITTED, 1, &needed_caps[i], CAP_SET);
        cap_set_flag(caps, CAP_EFFECTIVE, 1, &needed_caps[i], CAP_SET);
    }
    /* Tests, and hosts that are not root's, run without. */
    if (!r && geteuid() == 0 && cap_set_proc(caps) < 0)
        r = -errno;
    cap_free(caps);
    if (!r && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        r = -errno;
    return r ? error_errno(err, r, "cannot give up rights") : 0;
}

static void raise_files(void)
{
    struct rlimit now;

    if (getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur < FILES_MAX) {
        now.rlim_cur = FILES_MAX;
        if (now.rlim_max < FILES_MAX)
            now.rlim_max = FILES_MAX;
        setrlimit(RLIMIT_NOFILE, &now);
    }
}

/* An open file of its own, so that the lock is ours alone. */
static int lock_folder(int fd, struct error *err)
{
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (own < 0 || flock(own, LOCK_EX) < 0)
        return error_errno(err, -errno, "cannot lock the folder");
    return own;
}

static int is_name(const char *name)
{
    return *name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
}

static int parse_id(const char *text, uint32_t *ret)
{
    char *end;
    unsigned long n;

    errno = 0;
    n = strtoul(text, &end, 10);
    if (errno || !*text || *end || n > UINT32_MAX - LAUNCHER_IDS)
        return -EINVAL;
    *ret = (uint32_t)n;
    return 0;
}

static int copy_one(const struct tree_owners *owners, const char *from, const char *to,
                    struct error *err)
{
    AUTO_FREE char *links = mem_printf("%s.links", to);
    struct stat st;
    int r;

    if (!links)
        return error_set(err, -ENOMEM, "out of memory");
    r = fs_remove_tree(DISK_TO_FD, to, err);
    if (!r)
        r = fs_remove_tree(DISK_TO_FD, links, err);
    if (r || (fstatat(DISK_FROM_FD, from, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT))
        return r;
    return tree_copy(DISK_FROM_FD, from, DISK_TO_FD, to, owners, err);
}

static int copy(int argc, char **argv, struct error *err)
{
    struct tree_owners owners = {.count = LAUNCHER_IDS};
    AUTO_CLOSE int from = -1;
    AUTO_CLOSE int to = -1;
    struct stat a, b;
    int r = 0;

    if (argc < 4 || argc % 2 || parse_id(argv[0], &owners.from) || parse_id(argv[1], &owners.to))
        return error_set(err, -EINVAL, "bad arguments");
    for (int i = 2; i < argc; i++)
        if (!is_name(argv[i]))
            return error_set(err, -EINVAL, "bad name");
    if (fstat(DISK_FROM_FD, &a) < 0 || fstat(DISK_TO_FD, &b) < 0)
        return error_errno(err, -errno, "a folder is missing");
    from = lock_folder(DISK_FROM_FD, err);
    if (from < 0)
        return from;
    if (a.st_ino != b.st_ino || a.st_dev != b.st_dev) {
        to = lock_folder(DISK_TO_FD, err);
        if (to < 0)
            return to;
    }
    for (int i = 2; !r && i < argc; i += 2)
        r = copy_one(&owners, argv[i], argv[i + 1], err);
    if (!r && syncfs(DISK_TO_FD) < 0)
        r = error_errno(err, -errno, "cannot make the copy durable");
    return r;
}

static int remove_names(int argc, char **argv, struct error *err)
{
    AUTO_CLOSE int folder = -1;
    int r = 0;

    for (int i = 0; i < argc; i++)
        if (!is_name(argv[i]))
            return error_set(err, -EINVAL, "bad name");
    folder = lock_folder(DISK_TO_FD, err);
    if (folder < 0)
        return folder;
    for (int i = 0; !r && i < argc; i++)
        r = fs_remove_tree(DISK_TO_FD, argv[i], err);
    return r;
}

/* It may have died before it could take us along. */
static int master_is_gone(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO};

    return poll(&p, 1, 0) == 1 && (p.revents & (POLLERR | POLLHUP));
}

int main(int argc, char **argv)
{
    struct error err = {0};
    const char *verb = argc > 1 ? argv[1] : "";
    int r;

    signal(SIGPIPE, SIG_IGN);
    umask(0);
    raise_files();
    r = keep_caps(&err);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || master_is_gone())
        return EXIT_FAILURE;
    if (r == 0 && !strcmp(verb, "copy"))
        r = copy(argc - 2, argv + 2, &err);
    else if (r == 0 && !strcmp(verb, "remove"))
        r = remove_names(argc - 2, argv + 2, &err);
    else if (r == 0)
        r = error_set(&err, -EINVAL, "inguest-disk is started by inguest-launcher");
    if (r < 0)
        dprintf(STDOUT_FILENO, "%d %s\n", r, error_text(&err));
    return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
