/* inguest gueststore put, ls, rm: files of a folder repository. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/gueststore.h"
#include "base/fs.h"
#include "base/mem.h"

#define PATH_BYTES_MAX 1024u
#define CHUNK          (1u << 20)

/* The folder that the host serves, opened; -1 and words when there is none here. */
static int open_root(struct admin *ad, struct error *err)
{
    static const char *const prefixes[] = {"file://", "ds://", ""};
    json_t *o = NULL;
    int fd = -1, r;

    if (ad->address)
        return error_set(err, -EINVAL, "this works only on the host itself, not with --host");
    r = gueststore_rest(ad, "GET", "/repository", NULL, &o, err);
    if (r)
        return r;
    const char *url = json_string_value(json_object_get(o, "repository"));
    for (size_t i = 0; url && i < ARRAY_SIZE(prefixes); i++) {
        size_t n = strlen(prefixes[i]);
        if (strncmp(url, prefixes[i], n) != 0 || url[n] != '/')
            continue;
        fd = open(url + n, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            fd = error_errno(err, -errno, "cannot open %s", url + n);
        json_decref(o);
        return fd;
    }
    json_decref(o);
    return error_set(err, -EINVAL, "the repository is not a folder");
}

/* "/a/b/c" as "a/b" and "c". Both are in `copy`. */
static int split(const char *path, char copy[PATH_BYTES_MAX + 1], char **ret_name,
                 struct error *err)
{
    while (*path == '/')
        path++;
    if (!*path || strlen(path) > PATH_BYTES_MAX - 1 || path[strlen(path) - 1] == '/')
        return error_set(err, -EINVAL, "a path must name a file and have at most %u bytes",
                         PATH_BYTES_MAX);
    memcpy(copy, path, strlen(path) + 1);
    char *slash = strrchr(copy, '/');
    if (slash)
        *slash = '\0';
    *ret_name = slash ? slash + 1 : copy;
    return slash ? 1 : 0;
}

/* Opens the folders of `dirs` beneath root, making those that are not there. */
static int open_folders(int root, const char *dirs, bool make, struct error *err)
{
    char part[PATH_BYTES_MAX + 1];
    int at = fcntl(root, F_DUPFD_CLOEXEC, 0);

    while (at >= 0 && *dirs) {
        size_t n = strcspn(dirs, "/");
        memcpy(part, dirs, n);
        part[n] = '\0';
        dirs += n + (dirs[n] == '/');
        if (!n)
            continue;
        if (make && mkdirat(at, part, 0755) < 0 && errno != EEXIST) {
            int r = error_errno(err, -errno, "cannot make the folder %s", part);
            close(at);
            return r;
        }
        int next = fs_open_beneath(at, part, O_RDONLY | O_DIRECTORY, 0);
        close(at);
        at = next;
        if (next < 0)
            return error_errno(err, next, "cannot open the folder %s", part);
    }
    return at < 0 ? error_errno(err, -errno, "cannot open the repository") : at;
}

static int copy_into(int from, int to, struct error *err)
{
    ssize_t n;

    while ((n = sendfile(to, from, NULL, CHUNK)) > 0)
        ;
    if (n < 0)
        return error_errno(err, -errno, "cannot write the file");
    if (fchmod(to, 0644) < 0 || fsync(to) < 0)
        return error_errno(err, -errno, "cannot store the file");
    return 0;
}

/* Into a temporary name first: a guest sees the old file or the new one, never a part. */
static int put_file(int dir, const char *name, int from, struct error *err)
{
    char temporary[64];

    snprintf(temporary, sizeof(temporary), ".put-%d", (int)getpid());
    AUTO_CLOSE int to =
        openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (to < 0)
        return error_errno(err, -errno, "cannot write into the repository");
    int r = copy_into(from, to, err);
    if (!r && renameat(dir, temporary, dir, name) < 0)
        r = error_errno(err, -errno, "cannot store %s", name);
    if (!r && fsync(dir) < 0)
        r = error_errno(err, -errno, "cannot store the folder");
    if (r)
        unlinkat(dir, temporary, 0);
    return r;
}

int gueststore_put(struct admin *ad, const char *file, const char *path)
{
    char copy[PATH_BYTES_MAX + 1], *name;
    struct error err = {0};
    struct stat st;
    AUTO_CLOSE int from = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    AUTO_CLOSE int root = -1;
    AUTO_CLOSE int dir = -1;
    int r = from < 0 || fstat(from, &st) < 0 ? error_errno(&err, -errno, "cannot open %s", file)
                                             : split(path, copy, &name, &err);

    if (r >= 0 && !S_ISREG(st.st_mode))
        r = error_set(&err, -EINVAL, "%s is not a regular file", file);
    if (r >= 0) {
        const char *dirs = r ? copy : "";

        r = root = open_root(ad, &err);
        if (r >= 0)
            r = dir = open_folders(root, dirs, true, &err);
    }
    if (r >= 0)
        r = put_file(dir, name, from, &err);
    return r < 0 ? admin_fail(&err) : ADMIN_OK;
}

int gueststore_rm(struct admin *ad, const char *path)
{
    char copy[PATH_BYTES_MAX + 1], *name;
    struct error err = {0};
    AUTO_CLOSE int root = -1;
    AUTO_CLOSE int dir = -1;
    int r = split(path, copy, &name, &err);

    if (r >= 0) {
        const char *dirs = r ? copy : "";

        r = root = open_root(ad, &err);
        if (r >= 0)
            r = dir = open_folders(root, dirs, false, &err);
    }
    if (r >= 0 && unlinkat(dir, name, 0) < 0)
        r = error_errno(&err, -errno, "cannot remove %s", path);
    return r < 0 ? admin_fail(&err) : ADMIN_OK;
}

static int list(struct admin *ad, int dir, struct error *err)
{
    DIR *d = fdopendir(dir);
    json_t *all = json_array();
    const struct dirent *e;

    if (!d) {
        json_decref(all);
        close(dir);
        return error_errno(err, -errno, "cannot list the folder");
    }
    while ((e = readdir(d))) {
        struct stat st;
        if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st, 0) < 0)
            continue;
        bool folder = S_ISDIR(st.st_mode);
        if (ad->json)
            json_array_append_new(all,
                                  json_pack("{s:s, s:b, s:I}", "name", e->d_name, "folder", folder,
                                            "size", (json_int_t)(folder ? 0 : st.st_size)));
        else
            printf("%15" PRIu64 "  %s%s\n", folder ? 0 : (uint64_t)st.st_size, e->d_name,
                   folder ? "/" : "");
    }
    closedir(d);
    if (ad->json)
        admin_print_json(all);
    else
        json_decref(all);
    return 0;
}

int gueststore_ls(struct admin *ad, const char *path)
{
    struct error err = {0};
    AUTO_CLOSE int root = open_root(ad, &err);
    int r = root < 0 ? root : open_folders(root, path, false, &err);

    if (r >= 0)
        r = list(ad, r, &err);
    return r < 0 ? admin_fail(&err) : ADMIN_OK;
}
