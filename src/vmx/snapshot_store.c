#include "vmx/snapshot_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "vmx/vmfiles.h"
#include "wire/vmxfile.h"

#define FILE_NAME_MAX 128 /* the VM's name and what we put after it */
#define TRASH_MAX     1000u
#define LIST_MODE     0640

typedef char file_name[FILE_NAME_MAX];

/* What a VM is, whatever it was like then. */
static const char *const kept_keys[] = {"displayName", "uuid.bios",          "uuid.location",
                                        "vc.uuid",     VMCONFIG_POWER_STATE, NULL};

static void step(const struct snapshot_store *s)
{
    if (s->step)
        s->step(s->step_arg);
}

static bool exists(const struct snapshot_store *s, const char *name)
{
    struct stat st;

    return fstatat(s->folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void name_list(const struct snapshot_store *s, file_name ret)
{
    snprintf(ret, sizeof(file_name), "%s.vmsd", s->name);
}

static void name_disk(const struct snapshot_store *s, file_name ret)
{
    snprintf(ret, sizeof(file_name), "%s.root", s->name);
}

static void name_snapshot(const struct snapshot_store *s, uint32_t uid, const char *suffix,
                          file_name ret)
{
    snprintf(ret, sizeof(file_name), "%s-Snapshot%u.%s", s->name, uid, suffix);
}

static void name_revert(const struct snapshot_store *s, const char *suffix, file_name ret)
{
    snprintf(ret, sizeof(file_name), "%s-Revert.%s", s->name, suffix);
}

/* The file of a kind, as a configuration names it; a name that could be anything else is not
 * followed. */
static void name_kind(const struct snapshot_store *s, const struct vmfile_kind *kind,
                      const char *value, file_name ret)
{
    size_t len = value ? strlen(value) : 0, suffix = strlen(kind->suffix);

    if (len > suffix + 1 && len < sizeof(file_name) && value[0] != '.' && !strchr(value, '/') &&
        value[len - suffix - 1] == '.' && !strcmp(value + len - suffix, kind->suffix))
        snprintf(ret, sizeof(file_name), "%s", value);
    else
        snprintf(ret, sizeof(file_name), "%s.%s", s->name, kind->suffix);
}

static void name_current(const struct snapshot_store *s, const struct vmfile_kind *kind,
                         file_name ret)
{
    name_kind(s, kind, kind->key ? vmconfig_get(s->config, kind->key) : NULL, ret);
}

char *snapshot_store_file(const struct snapshot_store *s, const struct vmfile_kind *kind)
{
    file_name name;

    name_current(s, kind, name);
    return mem_strdup(name);
}

/* ---- the list ---- */

static int write_list(struct snapshot_store *s, struct vmsd *fresh, struct error *err)
{
    AUTO_BUF struct buf text = BUF_INIT(VMSD_SIZE_MAX);
    file_name name;
    int r = vmsd_write(fresh, s->name, &text);

    name_list(s, name);
    if (r)
        error_errno(err, r, "cannot write the list of snapshots");
    else
        step(s);
    if (!r)
        r = fs_write_file(s->folder_fd, name, buf_text(&text), text.len, LIST_MODE, err);
    if (r) {
        vmsd_clear(fresh);
        return r;
    }
    vmsd_clear(&s->list);
    s->list = *fresh;
    step(s);
    return 0;
}

static int copy_list(const struct snapshot_store *s, struct vmsd *ret, struct error *err)
{
    int r;

    if (s->damaged.code)
        return error_set(err, s->damaged.code, "%s", s->damaged.text);
    r = vmsd_copy(&s->list, ret);
    return r ? error_errno(err, r, "cannot change the list of snapshots") : 0;
}

static int read_list(struct snapshot_store *s)
{
    AUTO_BUF struct buf text = BUF_INIT(VMSD_SIZE_MAX);
    file_name name;
    int r;

    name_list(s, name);
    if (!exists(s, name))
        return 0;
    r = fs_read_file(s->folder_fd, name, &text, &s->damaged);
    return r ? r : vmsd_parse(buf_text(&text), text.len, &s->list, &s->damaged);
}

int snapshot_store_open(struct snapshot_store *s, int folder_fd, const char *name,
                        struct vmconfig *config, struct error *err)
{
    *s = (struct snapshot_store){.folder_fd = folder_fd, .name = name, .config = config};
    if (read_list(s)) {
        log_error("snapshots: %s", error_text(&s->damaged));
        return 0;
    }
    if (!s->list.reverting)
        return 0;
    log_info("snapshots: going back to \"%s\" is finished now",
             vmsd_find(&s->list, s->list.reverting)->name);
    return snapshot_store_finish_revert(s, err);
}

void snapshot_store_close(struct snapshot_store *s)
{
    vmsd_clear(&s->list);
}

/* ---- what is left over ---- */

/* "17.rest" */
static bool take_number(const char **p, unsigned *ret)
{
    char *end;
    unsigned long n;

    if (**p < '1' || **p > '9')
        return false;
    errno = 0;
    n = strtoul(*p, &end, 10);
    if (errno || n > INT32_MAX || *end != '.')
        return false;
    *p = end + 1;
    *ret = (unsigned)n;
    return true;
}

static bool is_disk(const char *suffix)
{
    return !strcmp(suffix, "root") || !strcmp(suffix, "root.links");
}

/* The name, after the VM's, of what no list names; *ret_what is 0 for a plain file. */
static bool is_leftover(const struct snapshot_store *s, const char *rest,
                        enum machine_disk *ret_what, unsigned *ret_number)
{
    size_t len = strlen(rest);

    *ret_what = 0;
    *ret_number = 0;
    if (!strncmp(rest, "-Snapshot", 9)) {
        rest += 9;
        if (!take_number(&rest, ret_number) || vmsd_find(&s->list, *ret_number))
            return false;
        if (is_disk(rest))
            *ret_what = MACHINE_DISK_REMOVE_SNAPSHOT;
        return true;
    }
    if (!strncmp(rest, "-Revert.", 8)) {
        if (is_disk(rest + 8))
            *ret_what = MACHINE_DISK_REMOVE_REVERT;
        return !s->list.reverting;
    }
    if (!strncmp(rest, "-Trash", 6)) {
        rest += 6;
        *ret_what = MACHINE_DISK_REMOVE_TRASH;
        return take_number(&rest, ret_number) && !strcmp(rest, "root");
    }
    return (!strncmp(rest, ".vmsd.", 6) || !strncmp(rest, ".vmx.", 5)) && len > 4 &&
           !strcmp(rest + len - 4, ".tmp");
}

bool snapshot_store_leftover(const struct snapshot_store *s, enum machine_disk *ret_what,
                             unsigned *ret_number)
{
    int fd = openat(s->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    size_t prefix = strlen(s->name);
    const struct dirent *e;
    bool found = false;

    if (!dir && fd >= 0)
        close(fd);
    while (dir && !s->damaged.code && !found && (e = readdir(dir))) {
        if (strncmp(e->d_name, s->name, prefix) ||
            !is_leftover(s, e->d_name + prefix, ret_what, ret_number))
            continue;
        found = *ret_what != 0;
        if (!found)
            unlinkat(s->folder_fd, e->d_name, 0);
    }
    if (dir)
        closedir(dir);
    return found;
}

/* ---- taking one ---- */

int snapshot_store_may_add(const struct snapshot_store *s, const char *name,
                           const char *description, struct error *err)
{
    struct vmsd trial;
    int r = copy_list(s, &trial, err);

    if (r)
        return r;
    r = vmsd_add(&trial, name, description, 0, false, false);
    vmsd_clear(&trial);
    switch (r) {
    case 0:
        return 0;
    case -EINVAL:
        return error_set(err, r, "the snapshot's name or description cannot be used");
    case -ELOOP:
        return error_set(err, r, "there are %u snapshots in a row already", VMSD_DEPTH_MAX);
    case -E2BIG:
        return error_set(err, r, "there are %u snapshots already", VMSD_SNAPSHOTS_MAX);
    default:
        return error_errno(err, r, "cannot add a snapshot");
    }
}

uint32_t snapshot_store_next(const struct snapshot_store *s)
{
    return s->list.last_uid + 1;
}

bool snapshot_store_has_disk(const struct snapshot_store *s)
{
    file_name name;

    name_disk(s, name);
    return exists(s, name);
}

int snapshot_store_add(struct snapshot_store *s, const char *name, const char *description,
                       bool quiesced, bool has_disk, struct error *err)
{
    AUTO_BUF struct buf text = BUF_INIT(VMXFILE_SIZE_MAX);
    file_name file;
    struct vmsd fresh;
    int r = copy_list(s, &fresh, err);

    if (r)
        return r;
    r = vmsd_add(&fresh, name, description, clock_wall_us(), quiesced, has_disk);
    if (r)
        error_errno(err, r, "cannot add a snapshot");
    if (!r) {
        r = vmconfig_write(s->config, &text);
        if (r)
            error_errno(err, r, "cannot copy the configuration");
    }
    if (!r) {
        name_snapshot(s, fresh.last_uid, "vmsn", file);
        step(s);
        r = fs_write_file(s->folder_fd, file, buf_text(&text), text.len, LIST_MODE, err);
    }
    if (r) {
        vmsd_clear(&fresh);
        return r;
    }
    return write_list(s, &fresh, err);
}

/* ---- going back ---- */

int snapshot_store_begin_revert(struct snapshot_store *s, uint32_t uid, struct error *err)
{
    const struct vmsd_snapshot *snapshot = vmsd_find(&s->list, uid);
    file_name name;
    struct vmsd fresh;
    int r;

    name_revert(s, "root", name);
    if (!snapshot)
        return error_set(err, -ENOENT, "there is no such snapshot");
    if (snapshot->has_disk && !exists(s, name))
        return error_set(err, -EIO, "the disk of snapshot %u is missing", uid);
    name_snapshot(s, uid, "vmsn", name);
    if (!exists(s, name))
        return error_set(err, -EIO, "the configuration of snapshot %u is missing", uid);
    r = copy_list(s, &fresh, err);
    if (r)
        return r;
    fresh.reverting = uid;
    return write_list(s, &fresh, err);
}

static int rename_file(const struct snapshot_store *s, const char *from, const char *to,
                       struct error *err)
{
    step(s);
    return renameat(s->folder_fd, from, s->folder_fd, to) < 0
               ? error_errno(err, -errno, "cannot rename %s", from)
               : 0;
}

static int remove_file(const struct snapshot_store *s, const char *name, struct error *err)
{
    step(s);
    return unlinkat(s->folder_fd, name, 0) < 0 && errno != ENOENT
               ? error_errno(err, -errno, "cannot remove %s", name)
               : 0;
}

static int throw_disk_away(const struct snapshot_store *s, const char *disk, struct error *err)
{
    file_name trash;

    for (unsigned i = 1; i < TRASH_MAX; i++) {
        snprintf(trash, sizeof(trash), "%s-Trash%u.root", s->name, i);
        if (!exists(s, trash))
            return rename_file(s, disk, trash, err);
    }
    return error_set(err, -EEXIST, "too many old disks wait to be removed");
}

static int revert_disk(const struct snapshot_store *s, const struct vmsd_snapshot *snapshot,
                       struct error *err)
{
    file_name disk, fresh;
    int r = 0;

    name_disk(s, disk);
    name_revert(s, "root", fresh);
    if (exists(s, disk) && (exists(s, fresh) || !snapshot->has_disk))
        r = throw_disk_away(s, disk, err);
    if (!r && exists(s, fresh))
        r = rename_file(s, fresh, disk, err);
    return r;
}

static int remove_kind(const struct snapshot_store *s, const char *name, struct error *err)
{
    AUTO_FREE char *journal = mem_printf("%s-journal", name);
    int r = journal ? remove_file(s, journal, err) : error_set(err, -ENOMEM, "out of memory");

    return r ? r : remove_file(s, name, err);
}

/* One kind of file: `then` is the snapshot's configuration. */
static int revert_kind(const struct snapshot_store *s, const struct vmsd_snapshot *snapshot,
                       const struct vmfile_kind *kind, const struct vmxfile *then,
                       struct error *err)
{
    file_name now, target, saved, fresh;
    int r = 0;

    name_current(s, kind, now);
    name_kind(s, kind, kind->key ? vmxfile_get(then, kind->key) : NULL, target);
    name_snapshot(s, snapshot->uid, kind->suffix, saved);
    name_revert(s, kind->suffix, fresh);
    if (!kind->goes_along || !exists(s, saved)) {
        r = remove_kind(s, now, err);
        return r ? r : remove_kind(s, target, err);
    }
    if (exists(s, fresh)) {
        r = remove_kind(s, now, err);
        if (!r)
            r = rename_file(s, fresh, target, err);
    }
    return r;
}

static int revert_config(const struct snapshot_store *s, struct vmxfile *then, struct error *err)
{
    AUTO_BUF struct buf text = BUF_INIT(VMXFILE_SIZE_MAX);
    int r = 0;

    for (size_t i = 0; !r && i < vmfile_kind_count; i++)
        if (!vmfile_kinds[i].goes_along && vmfile_kinds[i].key) {
            r = vmxfile_remove(then, vmfile_kinds[i].key);
            r = r == -ENOENT ? 0 : r;
        }
    if (!r)
        r = vmxfile_write(then, &text);
    if (r)
        return error_errno(err, r, "cannot write the configuration");
    step(s);
    return vmconfig_replace(s->config, buf_text(&text), text.len, kept_keys, err);
}

static int sync_folder(const struct snapshot_store *s, struct error *err)
{
    AUTO_CLOSE int fd = openat(s->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 || fsync(fd) < 0 ? error_errno(err, -errno, "cannot make renames durable") : 0;
}

int snapshot_store_finish_revert(struct snapshot_store *s, struct error *err)
{
    const struct vmsd_snapshot *snapshot = vmsd_find(&s->list, s->list.reverting);
    AUTO_BUF struct buf text = BUF_INIT(VMXFILE_SIZE_MAX);
    struct vmxfile *then = NULL;
    struct vmsd fresh;
    file_name file;
    int r;

    if (!snapshot)
        return error_set(err, -EINVAL, "the VM is not being taken back");
    name_snapshot(s, snapshot->uid, "vmsn", file);
    r = fs_read_file(s->folder_fd, file, &text, err);
    if (!r)
        r = vmxfile_parse(buf_text(&text), text.len, &then, err);
    if (!r)
        r = revert_disk(s, snapshot, err);
    for (size_t i = 0; !r && i < vmfile_kind_count; i++)
        r = revert_kind(s, snapshot, &vmfile_kinds[i], then, err);
    if (!r)
        r = sync_folder(s, err);
    if (!r)
        r = revert_config(s, then, err);
    vmxfile_free(then);
    if (!r)
        r = copy_list(s, &fresh, err);
    if (r)
        return error_prefix(err, r, "going back to snapshot %u", snapshot->uid);
    fresh.current = fresh.reverting;
    fresh.reverting = 0;
    return write_list(s, &fresh, err);
}

/* ---- the rest ---- */

int snapshot_store_remove(struct snapshot_store *s, uint32_t uid, bool with_children,
                          struct error *err)
{
    struct vmsd fresh;
    int r = copy_list(s, &fresh, err);

    if (r)
        return r;
    r = vmsd_remove(&fresh, uid, with_children);
    if (r) {
        vmsd_clear(&fresh);
        return error_set(err, r, "there is no such snapshot");
    }
    return write_list(s, &fresh, err);
}

int snapshot_store_remove_all(struct snapshot_store *s, struct error *err)
{
    struct vmsd fresh = {.last_uid = s->list.last_uid};

    if (s->damaged.code)
        return error_set(err, s->damaged.code, "%s", s->damaged.text);
    return write_list(s, &fresh, err);
}

int snapshot_store_rename(struct snapshot_store *s, uint32_t uid, const char *name,
                          const char *description, struct error *err)
{
    struct vmsd fresh;
    int r = copy_list(s, &fresh, err);

    if (r)
        return r;
    r = vmsd_rename(&fresh, uid, name, description);
    if (r) {
        vmsd_clear(&fresh);
        return error_errno(err, r, "the snapshot cannot be renamed");
    }
    return write_list(s, &fresh, err);
}
