#include "wire/vmsd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "wire/vmxfile.h"

#define KEY_SIZE 64

static void snapshot_clear(struct vmsd_snapshot *s)
{
    mem_free(s->name);
    mem_free(s->description);
    *s = (struct vmsd_snapshot){0};
}

void vmsd_clear(struct vmsd *v)
{
    for (unsigned i = 0; i < v->count; i++)
        snapshot_clear(&v->items[i]);
    mem_free(v->items);
    *v = (struct vmsd){0};
}

struct vmsd_snapshot *vmsd_find(const struct vmsd *v, uint32_t uid)
{
    for (unsigned i = 0; uid && i < v->count; i++)
        if (v->items[i].uid == uid)
            return &v->items[i];
    return NULL;
}

/* What XML can carry: a client reads it as it was given. */
static bool text_valid(const char *text, size_t max)
{
    size_t len = strlen(text);

    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' && !strchr("\t\n\r", *p))
            return false;
    return len <= max && utf8_valid(text, len);
}

bool vmsd_name_valid(const char *name)
{
    return *name && text_valid(name, VMSD_NAME_MAX);
}

static bool description_valid(const char *text)
{
    return text_valid(text, VMSD_DESCRIPTION_MAX);
}

/* How many snapshots there are from a root to this one; more than VMSD_DEPTH_MAX for a circle. */
static unsigned depth_of(const struct vmsd *v, uint32_t uid)
{
    unsigned depth = 0;

    for (const struct vmsd_snapshot *s = vmsd_find(v, uid); s && depth <= VMSD_DEPTH_MAX;
         s = vmsd_find(v, s->parent))
        depth++;
    return depth;
}

static int append(struct vmsd *v, const struct vmsd_snapshot *s)
{
    struct vmsd_snapshot *items;

    if (v->count == VMSD_SNAPSHOTS_MAX)
        return -E2BIG;
    items = mem_realloc(v->items, (v->count + 1) * sizeof(*items));
    if (!items)
        return -ENOMEM;
    v->items = items;
    v->items[v->count] = *s;
    v->items[v->count].name = mem_strdup(s->name);
    v->items[v->count].description = mem_strdup(s->description);
    if (!v->items[v->count].name || !v->items[v->count].description) {
        snapshot_clear(&v->items[v->count]);
        return -ENOMEM;
    }
    v->count++;
    return 0;
}

/* ---- reading ---- */

static const char *get(const struct vmxfile *f, const char *prefix, unsigned n, const char *suffix)
{
    char key[KEY_SIZE];

    snprintf(key, sizeof(key), "%ssnapshot%u.%s", prefix, n, suffix);
    return vmxfile_get(f, key);
}

static int64_t get_number(const struct vmxfile *f, unsigned n, const char *suffix)
{
    char key[KEY_SIZE];

    snprintf(key, sizeof(key), "snapshot%u.%s", n, suffix);
    return vmxfile_get_int(f, key, 0);
}

/* A uid, 0 when it is not there; negative when it is none. */
static int64_t uid_of(int64_t n)
{
    return n < 0 || n > INT32_MAX ? -1 : n;
}

static int parse_snapshot(const struct vmxfile *f, unsigned n, struct vmsd *v)
{
    const char *name = get(f, "", n, "displayName"), *description = get(f, "", n, "description");
    const char *quiesced = get(f, "inguest.", n, "quiesced");
    int64_t uid = uid_of(get_number(f, n, "uid")), parent = uid_of(get_number(f, n, "parent"));
    uint64_t high = (uint64_t)get_number(f, n, "createTimeHigh");
    uint64_t low = (uint64_t)get_number(f, n, "createTimeLow");
    struct vmsd_snapshot s = {.uid = (uint32_t)uid,
                              .parent = (uint32_t)parent,
                              .name = (char *)name,
                              .description = (char *)(description ? description : ""),
                              .create_us = (int64_t)(high << 32 | (low & UINT32_MAX)),
                              .quiesced = quiesced && !strcmp(quiesced, "TRUE"),
                              .has_disk = get_number(f, n, "numDisks") > 0};

    if (uid <= 0 || parent < 0 || vmsd_find(v, s.uid) || !name || !vmsd_name_valid(name) ||
        !description_valid(s.description))
        return -EBADMSG;
    return append(v, &s);
}

static int check(const struct vmsd *v)
{
    for (unsigned i = 0; i < v->count; i++) {
        const struct vmsd_snapshot *s = &v->items[i];

        if (s->uid > v->last_uid || (s->parent && !vmsd_find(v, s->parent)) ||
            depth_of(v, s->uid) > VMSD_DEPTH_MAX)
            return -EBADMSG;
    }
    if (v->current && !vmsd_find(v, v->current))
        return -EBADMSG;
    return v->reverting && !vmsd_find(v, v->reverting) ? -EBADMSG : 0;
}

static int parse_file(const struct vmxfile *f, struct vmsd *v)
{
    int64_t count = vmxfile_get_int(f, "snapshot.numSnapshots", 0);
    int64_t last = uid_of(vmxfile_get_int(f, "snapshot.lastUID", 0));
    int64_t current = uid_of(vmxfile_get_int(f, "snapshot.current", 0));
    int64_t reverting = uid_of(vmxfile_get_int(f, "inguest.snapshot.reverting", 0));
    int r = 0;

    if (count < 0 || count > VMSD_SNAPSHOTS_MAX || last < 0 || current < 0 || reverting < 0)
        return -EBADMSG;
    v->last_uid = (uint32_t)last;
    v->current = (uint32_t)current;
    v->reverting = (uint32_t)reverting;
    for (unsigned i = 0; !r && i < (unsigned)count; i++)
        r = parse_snapshot(f, i, v);
    return r ? r : check(v);
}

int vmsd_parse(const void *text, size_t len, struct vmsd *ret, struct error *err)
{
    struct vmsd v = {0};
    struct vmxfile *f;
    int r = vmxfile_parse(text, len, &f, err);

    if (r)
        return r;
    r = parse_file(f, &v);
    vmxfile_free(f);
    if (r) {
        vmsd_clear(&v);
        return error_errno(err, r, "the list of snapshots is damaged");
    }
    *ret = v;
    return 0;
}

/* ---- writing ---- */

static int put(struct vmxfile *f, const char *prefix, unsigned n, const char *suffix,
               const char *value)
{
    char key[KEY_SIZE];

    snprintf(key, sizeof(key), "%ssnapshot%u.%s", prefix, n, suffix);
    return vmxfile_set(f, key, value);
}

static int put_number(struct vmxfile *f, unsigned n, const char *suffix, int64_t value)
{
    char text[32];

    snprintf(text, sizeof(text), "%" PRId64, value);
    return put(f, "", n, suffix, text);
}

static int put_head(struct vmxfile *f, const char *key, int64_t value)
{
    char text[32];

    snprintf(text, sizeof(text), "%" PRId64, value);
    return vmxfile_set(f, key, text);
}

static int put_file(struct vmxfile *f, unsigned n, const char *suffix, const char *vm, uint32_t uid,
                    const char *ending)
{
    AUTO_FREE char *name = mem_printf("%s-Snapshot%u.%s", vm, uid, ending);

    return name ? put(f, "", n, suffix, name) : -ENOMEM;
}

static int put_snapshot(struct vmxfile *f, unsigned n, const struct vmsd_snapshot *s,
                        const char *vm)
{
    int r = put_number(f, n, "uid", s->uid);

    if (!r && s->parent)
        r = put_number(f, n, "parent", s->parent);
    if (!r)
        r = put_file(f, n, "filename", vm, s->uid, "vmsn");
    if (!r)
        r = put(f, "", n, "displayName", s->name);
    if (!r)
        r = put(f, "", n, "description", s->description);
    if (!r)
        r = put_number(f, n, "createTimeHigh", s->create_us >> 32);
    if (!r)
        r = put_number(f, n, "createTimeLow", (int32_t)(s->create_us & UINT32_MAX));
    if (!r)
        r = put_number(f, n, "numDisks", s->has_disk);
    if (!r && s->has_disk)
        r = put_file(f, n, "disk0.fileName", vm, s->uid, "root");
    if (!r && s->quiesced)
        r = put(f, "inguest.", n, "quiesced", "TRUE");
    return r;
}

int vmsd_write(const struct vmsd *v, const char *vm, struct buf *b)
{
    struct vmxfile *f;
    int r = vmxfile_new(&f);

    if (r)
        return r;
    r = vmxfile_set(f, ".encoding", "UTF-8");
    if (!r)
        r = put_head(f, "snapshot.lastUID", v->last_uid);
    if (!r && v->current)
        r = put_head(f, "snapshot.current", v->current);
    if (!r && v->reverting)
        r = put_head(f, "inguest.snapshot.reverting", v->reverting);
    for (unsigned i = 0; !r && i < v->count; i++)
        r = put_snapshot(f, i, &v->items[i], vm);
    if (!r)
        r = put_head(f, "snapshot.numSnapshots", v->count);
    if (!r)
        r = vmxfile_write(f, b);
    vmxfile_free(f);
    return r;
}

int vmsd_copy(const struct vmsd *v, struct vmsd *ret)
{
    struct vmsd copy = {.last_uid = v->last_uid, .current = v->current, .reverting = v->reverting};
    int r = 0;

    for (unsigned i = 0; !r && i < v->count; i++)
        r = append(&copy, &v->items[i]);
    if (r)
        vmsd_clear(&copy);
    else
        *ret = copy;
    return r;
}

/* ---- changing ---- */

int vmsd_add(struct vmsd *v, const char *name, const char *description, int64_t create_us,
             bool quiesced, bool has_disk)
{
    struct vmsd_snapshot s = {.uid = v->last_uid + 1,
                              .parent = v->current,
                              .name = (char *)name,
                              .description = (char *)description,
                              .create_us = create_us,
                              .quiesced = quiesced,
                              .has_disk = has_disk};
    int r;

    if (!vmsd_name_valid(name) || !description_valid(description))
        return -EINVAL;
    if (depth_of(v, v->current) >= VMSD_DEPTH_MAX)
        return -ELOOP;
    if (v->last_uid >= INT32_MAX)
        return -E2BIG;
    r = append(v, &s);
    if (!r)
        v->current = v->last_uid = s.uid;
    return r;
}

static bool is_beneath(const struct vmsd *v, uint32_t uid, uint32_t ancestor)
{
    for (const struct vmsd_snapshot *s = vmsd_find(v, uid); s; s = vmsd_find(v, s->parent))
        if (s->uid == ancestor)
            return true;
    return false;
}

int vmsd_remove(struct vmsd *v, uint32_t uid, bool with_children)
{
    struct vmsd_snapshot *s = vmsd_find(v, uid);
    uint32_t parent = s ? s->parent : 0;
    bool gone[VMSD_SNAPSHOTS_MAX] = {false};
    unsigned left = 0;

    if (!s)
        return -ENOENT;
    if (v->current == uid || (with_children && is_beneath(v, v->current, uid)))
        v->current = parent;
    for (unsigned i = 0; i < v->count; i++)
        gone[i] = v->items[i].uid == uid || (with_children && is_beneath(v, v->items[i].uid, uid));
    for (unsigned i = 0; i < v->count; i++) {
        if (gone[i]) {
            snapshot_clear(&v->items[i]);
            continue;
        }
        if (v->items[i].parent == uid)
            v->items[i].parent = parent;
        if (left != i)
            v->items[left] = v->items[i];
        left++;
    }
    v->count = left;
    return 0;
}

int vmsd_rename(struct vmsd *v, uint32_t uid, const char *name, const char *description)
{
    struct vmsd_snapshot *s = vmsd_find(v, uid);
    char *fresh_name, *fresh_description;

    if (!s)
        return -ENOENT;
    if ((name && !vmsd_name_valid(name)) || (description && !description_valid(description)))
        return -EINVAL;
    fresh_name = mem_strdup(name ? name : s->name);
    fresh_description = mem_strdup(description ? description : s->description);
    if (!fresh_name || !fresh_description) {
        mem_free(fresh_name);
        mem_free(fresh_description);
        return -ENOMEM;
    }
    snapshot_clear(&(struct vmsd_snapshot){.name = s->name, .description = s->description});
    s->name = fresh_name;
    s->description = fresh_description;
    return 0;
}
