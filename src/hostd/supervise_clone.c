/*
 * A new VM folder with another VM's files, their owners moved to the new VM's range of user ids.
 * inguest-disk copies them; nothing that a guest has made is looked at here. The folder is made
 * under a name that is no VM's and renamed when it is whole, so that nobody sees half a VM.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/helper.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/supervise_internal.h"

#define PREFIX          ".clone-"
#define ADOPT_FILES_MAX 1024u

struct cloning {
    struct supervisor *s;
    uint64_t request;
    int worker; /* pid of who asked */
    char folder[SUPERVISE_NAME_MAX + 1], config[SUPERVISE_NAME_MAX + 1];
    char temp[sizeof(PREFIX) + SUPERVISE_NAME_MAX];
    uid_t uid;
    struct buf text;
    struct helper *helper;
};

static void cloning_free(struct cloning *c)
{
    buf_free(&c->text);
    mem_free(c);
}

static int complete(struct cloning *c, struct error *err)
{
    struct supervisor *s = c->s;
    AUTO_CLOSE int fd =
        openat(s->vms_dir, c->temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int r;

    if (fd < 0)
        return error_errno(err, -errno, "the folder %s cannot be opened", c->temp);
    r = fs_write_file(fd, c->config, c->text.data, c->text.len, 0640, err);
    if (r < 0)
        return r;
    if (s->options.root &&
        (fchownat(fd, c->config, c->uid, s->options.worker_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
         fchown(fd, c->uid, s->options.worker_gid) < 0))
        return error_errno(err, -errno, "the folder cannot be given to its user");
    if (fchmod(fd, 0750) < 0 ||
        renameat2(s->vms_dir, c->temp, s->vms_dir, c->folder, RENAME_NOREPLACE) < 0)
        return error_errno(err, -errno, "the folder %s cannot be made", c->folder);
    return 0;
}

static void on_done(const struct error *result, void *arg)
{
    struct cloning *c = arg;
    struct supervisor *s = c->s;
    struct error err = *result;
    bool wanted = s->worker_runs && s->worker.pid == c->worker;
    int r = err.code;

    if (r == 0 && !wanted)
        r = error_set(&err, -ECANCELED, "whoever asked for the copy is gone");
    if (r == 0)
        r = complete(c, &err);
    if (r < 0) {
        log_warn("supervisor: %s was not copied: %s", c->folder, error_text(&err));
        /* A few files, or many: not on this thread. */
        supervisor_remove_later(s, c->temp);
    }
    if (wanted)
        supervisor_reply(s, c->request, r, r < 0 ? error_text(&err) : "");
    cloning_free(c);
}

static int start_copy(struct cloning *c, const struct supervise_clone *clone, uint32_t from_base,
                      uint32_t to_base, int from, struct error *err)
{
    struct supervisor *s = c->s;
    AUTO_CLOSE int to =
        openat(s->vms_dir, c->temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const char *argv[6 + 2 * SUPERVISE_CLONE_FILES_MAX] = {s->disk_program, "copy"};
    const int fds[] = {from, to};
    char ids[2][16];
    unsigned n = 4;
    int r;

    if (to < 0)
        return error_errno(err, -errno, "the folder %s cannot be opened", c->temp);
    snprintf(ids[0], sizeof(ids[0]), "%u", from_base);
    snprintf(ids[1], sizeof(ids[1]), "%u", to_base);
    argv[2] = ids[0];
    argv[3] = ids[1];
    for (unsigned i = 0; i < clone->file_count; i++) {
        argv[n++] = clone->files[i].from;
        argv[n++] = clone->files[i].to;
    }
    r = helper_start(&s->loop, s->disk_program, (char *const *)(uintptr_t)argv, fds,
                     ARRAY_SIZE(fds), on_done, c, &c->helper);
    return r < 0 ? error_errno(err, r, "%s cannot be started", s->disk_program) : 0;
}

static int make_folder(struct cloning *c, uint32_t *ret_base, struct error *err)
{
    struct supervisor *s = c->s;
    struct stat st;
    int r;

    if (fstatat(s->vms_dir, c->folder, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return error_errno(err, -EEXIST, "the folder %s cannot be made", c->folder);
    *ret_base = 0;
    r = s->options.root ? supervisor_free_range(s, ret_base, err) : 0;
    if (r < 0)
        return r;
    if (mkdirat(s->vms_dir, c->temp, 0700) < 0)
        return error_errno(err, -errno, "the folder %s cannot be made", c->temp);
    c->uid = *ret_base + SUPERVISE_IDS - 1;
    /* The owner is what reserves the range. */
    if (s->options.root &&
        fchownat(s->vms_dir, c->temp, c->uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0) {
        r = error_errno(err, -errno, "the folder %s cannot be given to its user", c->temp);
        unlinkat(s->vms_dir, c->temp, AT_REMOVEDIR);
    }
    return r;
}

int supervisor_vm_clone(struct supervisor *s, uint64_t request, const struct supervise_clone *clone,
                        struct error *err)
{
    AUTO_CLOSE int from =
        openat(s->vms_dir, clone->from_folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct cloning *c;
    uint32_t from_base = 0, to_base = 0;
    struct stat st;
    int r;

    if (from < 0 || fstat(from, &st) < 0)
        return error_errno(err, -errno, "the folder %s cannot be opened", clone->from_folder);
    if (s->options.root && supervisor_range_of(st.st_uid, &from_base) < 0)
        return error_set(err, -EPERM, "the folder %s has no user id range", clone->from_folder);
    c = mem_calloc(1, sizeof(*c));
    if (!c)
        return error_set(err, -ENOMEM, "no memory");
    c->s = s;
    c->request = request;
    c->worker = s->worker.pid;
    c->text = BUF_INIT(SUPERVISE_BODY_MAX);
    snprintf(c->folder, sizeof(c->folder), "%s", clone->folder);
    snprintf(c->config, sizeof(c->config), "%s", clone->config);
    snprintf(c->temp, sizeof(c->temp), PREFIX "%s", clone->folder);
    r = buf_put(&c->text, clone->text, clone->len);
    if (r == 0)
        r = make_folder(c, &to_base, err);
    if (r < 0) {
        cloning_free(c);
        return r;
    }
    r = start_copy(c, clone, from_base, to_base, from, err);
    if (r < 0) {
        fs_remove_tree(s->vms_dir, c->temp, NULL); /* it is empty */
        cloning_free(c);
    }
    return r;
}

/* ---- copies that an administrator has made ---- */

struct adoption {
    struct supervisor *s;
    uint64_t request;
    int worker;
    char id[SUPERVISE_NAME_MAX + 1];
    char folder[SUPERVISE_NAME_MAX + 1], config[SUPERVISE_NAME_MAX + 1];
    char temp[sizeof(PREFIX) + SUPERVISE_NAME_MAX];
    struct helper *helper;
};

static int swap_folders(const struct adoption *ad, struct error *err)
{
    struct supervisor *s = ad->s;
    struct stat st;

    if (fchmodat(s->vms_dir, ad->temp, 0750, 0) < 0 ||
        fstatat(s->vms_dir, ad->temp, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        fchownat(s->vms_dir, ad->temp, st.st_uid, s->options.worker_gid, AT_SYMLINK_NOFOLLOW) < 0)
        return error_errno(err, -errno, "the folder %s cannot be set up", ad->temp);
    if (renameat2(s->vms_dir, ad->temp, s->vms_dir, ad->folder, RENAME_EXCHANGE) < 0)
        return error_errno(err, -errno, "the folder %s cannot be replaced", ad->folder);
    return 0;
}

static void on_adopted(const struct error *result, void *arg)
{
    struct adoption *ad = arg;
    struct supervisor *s = ad->s;
    struct error err = *result;
    bool wanted = s->worker_runs && s->worker.pid == ad->worker;
    int r = err.code;

    if (r == 0)
        r = swap_folders(ad, &err);
    supervisor_remove_later(s, ad->temp); /* what it holds now is not needed */
    if (r == 0 && wanted)
        r = supervisor_vm_start(s, ad->request, ad->id, ad->folder, ad->config, &err);
    if (r < 0)
        log_error("supervisor: %s got no user ids of its own: %s", ad->folder, error_text(&err));
    if (r < 0 && wanted)
        supervisor_reply(s, ad->request, r, error_text(&err));
    mem_free(ad);
}

static int is_child(const struct dirent *e)
{
    return strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
}

/* Everything in the folder, by its names; -E2BIG when that is more than a VM's folder has. */
static int copy_all(struct adoption *ad, int from, int to, uint32_t from_base, uint32_t to_base,
                    struct error *err)
{
    struct supervisor *s = ad->s;
    const int fds[] = {from, to};
    const char *argv[5 + 2 * ADOPT_FILES_MAX] = {s->disk_program, "copy"};
    char ids[2][16];
    struct dirent **list = NULL;
    int count = scandirat(from, ".", &list, is_child, NULL);
    int r = count < 0 ? -errno : count > (int)ADOPT_FILES_MAX ? -E2BIG : 0;

    snprintf(ids[0], sizeof(ids[0]), "%u", from_base);
    snprintf(ids[1], sizeof(ids[1]), "%u", to_base);
    argv[2] = ids[0];
    argv[3] = ids[1];
    for (int i = 0; r == 0 && i < count; i++)
        argv[4 + 2 * i] = argv[5 + 2 * i] = list[i]->d_name;
    if (r == 0)
        r = helper_start(&s->loop, s->disk_program, (char *const *)(uintptr_t)argv, fds,
                         ARRAY_SIZE(fds), on_adopted, ad, &ad->helper);
    for (int i = 0; i < count; i++)
        free(list[i]);
    free(list);
    return r < 0 ? error_errno(err, r, "the folder %s cannot be copied", ad->folder) : 0;
}

int supervisor_vm_adopt(struct supervisor *s, uint64_t request, const char *id, const char *folder,
                        const char *config, uint32_t from_base, struct error *err)
{
    AUTO_CLOSE int from =
        openat(s->vms_dir, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    AUTO_CLOSE int to = -1;
    struct adoption *ad = mem_calloc(1, sizeof(*ad));
    uint32_t to_base;
    int r = ad ? supervisor_free_range(s, &to_base, err) : error_set(err, -ENOMEM, "no memory");

    if (r < 0) {
        mem_free(ad);
        return r;
    }
    *ad = (struct adoption){.s = s, .request = request, .worker = s->worker.pid};
    snprintf(ad->id, sizeof(ad->id), "%s", id);
    snprintf(ad->folder, sizeof(ad->folder), "%s", folder);
    snprintf(ad->config, sizeof(ad->config), "%s", config);
    snprintf(ad->temp, sizeof(ad->temp), PREFIX "%s", folder);
    log_info("supervisor: %s is a copy: it gets user ids of its own, from %u", folder, to_base);
    if (from < 0 || mkdirat(s->vms_dir, ad->temp, 0700) < 0 ||
        fchownat(s->vms_dir, ad->temp, to_base + SUPERVISE_IDS - 1, (gid_t)-1,
                 AT_SYMLINK_NOFOLLOW) < 0 ||
        (to = openat(s->vms_dir, ad->temp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
        r = error_errno(err, -errno, "the folder %s cannot be made", ad->temp);
    if (r == 0)
        r = copy_all(ad, from, to, from_base, to_base, err);
    if (r < 0) {
        unlinkat(s->vms_dir, ad->temp, AT_REMOVEDIR);
        mem_free(ad);
    }
    return r;
}

void supervisor_forget_clones(struct supervisor *s)
{
    int fd = openat(s->vms_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *e;

    if (!dir && fd >= 0)
        close(fd);
    while (dir && (e = readdir(dir)))
        if (!strncmp(e->d_name, PREFIX, sizeof(PREFIX) - 1))
            supervisor_remove_later(s, e->d_name);
    if (dir)
        closedir(dir);
}
