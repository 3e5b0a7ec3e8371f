#include "admin/vm_snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* Copies of disks take as long as there is to copy. */
#define COPY_MS 1800000u

const char admin_vm_snapshot_usage[] =
    "       inguest vm snapshot create VM NAME [--description TEXT] [--quiesce]\n"
    "       inguest vm snapshot list VM\n"
    "       inguest vm snapshot revert VM [SNAPSHOT]\n"
    "       inguest vm snapshot rm VM SNAPSHOT|--all [--children]\n"
    "       inguest vm clone VM NAME [--snapshot SNAPSHOT] [--start]\n";

struct options {
    const char *words[3]; /* what is no option */
    unsigned count;
    const char *description, *snapshot;
    bool all, children, quiesce, start;
};

static bool parse(struct admin *ad, int argc, char **argv, int first, struct options *o)
{
    static const struct {
        const char *name;
        size_t offset;
    } flags[] = {{"--all", offsetof(struct options, all)},
                 {"--children", offsetof(struct options, children)},
                 {"--quiesce", offsetof(struct options, quiesce)},
                 {"--start", offsetof(struct options, start)}};
    bool bad = false;

    *o = (struct options){0};
    for (int i = first; i < argc && !bad; i++) {
        const char *v;
        size_t f = 0;

        while (f < ARRAY_SIZE(flags) && strcmp(argv[i], flags[f].name))
            f++;
        if (f < ARRAY_SIZE(flags))
            *(bool *)((char *)o + flags[f].offset) = true;
        else if (!strcmp(argv[i], "--json"))
            ad->json = true;
        else if ((v = admin_option(argc, argv, &i, "--description", &bad)))
            o->description = v;
        else if ((v = admin_option(argc, argv, &i, "--snapshot", &bad)))
            o->snapshot = v;
        else if (argv[i][0] == '-' || o->count == ARRAY_SIZE(o->words))
            bad = true;
        else
            o->words[o->count++] = argv[i];
    }
    return !bad;
}

/* ---- looking one up ---- */

static int snapshot_info(struct admin *ad, struct vim_ref vm, struct arena *a,
                         const struct vim_VirtualMachineSnapshotInfo **ret, struct error *err)
{
    struct vim_any *v = NULL;
    int r = vim_client_property(ad->client, vm, "snapshot", a, &v, err);

    *ret = !r && v ? (const void *)v->v.object : NULL;
    return r;
}

/* By name, or by id; a name that several have is ambiguous. */
static unsigned search(const struct vim_array_VirtualMachineSnapshotTree *list, const char *name,
                       struct vim_ref *ret)
{
    unsigned found = 0;
    char id[16];

    for (size_t i = 0; i < list->count; i++) {
        const struct vim_VirtualMachineSnapshotTree *t = list->items[i];

        snprintf(id, sizeof(id), "%d", t->id);
        if (!strcmp(t->name, name) || !strcmp(id, name)) {
            *ret = t->snapshot;
            found++;
        }
        found += search(&t->childSnapshotList, name, ret);
    }
    return found;
}

static int find(struct admin *ad, struct vim_ref vm, const char *name, struct arena *a,
                struct vim_ref *ret, struct error *err)
{
    const struct vim_VirtualMachineSnapshotInfo *info;
    int r = snapshot_info(ad, vm, a, &info, err);
    unsigned found = !r && info ? search(&info->rootSnapshotList, name, ret) : 0;

    if (r)
        return r;
    if (!found)
        return error_set(err, -ENOENT, "there is no snapshot named %s", name);
    return found == 1
               ? 0
               : error_set(err, -EEXIST, "%u snapshots are named %s: give the id", found, name);
}

/* ---- verbs ---- */

/* Calls a method that returns a task, and waits for that: `r` and `result`. */
#define CALL(name)                                                                             \
    struct vim_##name##_result *task = NULL;                                                   \
    int r = vim_client_call(ad->client, &vim_method_##name, &request, a, (void **)&task, err); \
    r = r ? r : vim_client_wait_task(ad->client, task->value, COPY_MS, a, &result, err)

static int create(struct admin *ad, struct vim_ref vm, const struct options *o, struct arena *a,
                  struct error *err)
{
    const struct vim_CreateSnapshot_Task_request request = {
        .this_ = vm, .name = o->words[1], .description = o->description, .quiesce = o->quiesce};
    struct vim_any *result = NULL;
    CALL(CreateSnapshot_Task);

    if (!r && ad->json && result)
        admin_print_json(json_pack("{s:s, s:s}", "name", o->words[1], "id", result->v.ref.value));
    return r;
}

static void list_tree(const struct vim_array_VirtualMachineSnapshotTree *list, unsigned depth,
                      const struct vim_ref *current, json_t *json)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct vim_VirtualMachineSnapshotTree *t = list->items[i];
        bool is_current = current->value && !strcmp(current->value, t->snapshot.value);
        char when[CLOCK_RFC3339_SIZE];

        clock_rfc3339(t->createTime, when);
        if (json)
            json_array_append_new(
                json, json_pack("{s:i, s:s, s:s, s:s, s:b, s:b, s:i}", "id", t->id, "name", t->name,
                                "description", t->description, "created", when, "quiesced",
                                t->quiesced, "current", is_current, "depth", depth));
        else
            printf("%-5d%-26s%*s%s%s\n", t->id, when, (int)depth * 2, "", t->name,
                   is_current ? " (current)" : "");
        list_tree(&t->childSnapshotList, depth + 1, current, json);
    }
}

static int list(struct admin *ad, struct vim_ref vm, const struct options *o, struct arena *a,
                struct error *err)
{
    const struct vim_VirtualMachineSnapshotInfo *info;
    int r = snapshot_info(ad, vm, a, &info, err);
    json_t *json = ad->json ? json_array() : NULL;

    (void)o;
    if (!r && info)
        list_tree(&info->rootSnapshotList, 0, &info->currentSnapshot, json);
    if (!r && json)
        admin_print_json(json);
    else
        json_decref(json);
    return r;
}

static int revert_to_current(struct admin *ad, struct vim_ref vm, struct arena *a,
                             struct error *err)
{
    const struct vim_RevertToCurrentSnapshot_Task_request request = {.this_ = vm};
    struct vim_any *result = NULL;
    CALL(RevertToCurrentSnapshot_Task);

    return r;
}

static int revert_to(struct admin *ad, struct vim_ref snapshot, struct arena *a, struct error *err)
{
    const struct vim_RevertToSnapshot_Task_request request = {.this_ = snapshot};
    struct vim_any *result = NULL;
    CALL(RevertToSnapshot_Task);

    return r;
}

static int revert(struct admin *ad, struct vim_ref vm, const struct options *o, struct arena *a,
                  struct error *err)
{
    struct vim_ref snapshot;
    int r;

    if (o->count == 1)
        return revert_to_current(ad, vm, a, err);
    r = find(ad, vm, o->words[1], a, &snapshot, err);
    return r ? r : revert_to(ad, snapshot, a, err);
}

static int remove_all(struct admin *ad, struct vim_ref vm, struct arena *a, struct error *err)
{
    const struct vim_RemoveAllSnapshots_Task_request request = {.this_ = vm};
    struct vim_any *result = NULL;
    CALL(RemoveAllSnapshots_Task);

    return r;
}

static int remove_one(struct admin *ad, struct vim_ref snapshot, bool children, struct arena *a,
                      struct error *err)
{
    const struct vim_RemoveSnapshot_Task_request request = {.this_ = snapshot,
                                                            .removeChildren = children};
    struct vim_any *result = NULL;
    CALL(RemoveSnapshot_Task);

    return r;
}

static int rm(struct admin *ad, struct vim_ref vm, const struct options *o, struct arena *a,
              struct error *err)
{
    struct vim_ref snapshot;
    int r;

    if (o->all)
        return remove_all(ad, vm, a, err);
    r = find(ad, vm, o->words[1], a, &snapshot, err);
    return r ? r : remove_one(ad, snapshot, o->children, a, err);
}

static const struct {
    const char *name;
    unsigned min, max; /* words, the VM's name among them */
    int (*run)(struct admin *ad, struct vim_ref vm, const struct options *o, struct arena *a,
               struct error *err);
} verbs[] = {
    {"create", 2, 2, create},
    {"list", 1, 1, list},
    {"revert", 1, 2, revert},
    {"rm", 1, 2, rm},
};

static int usage(void)
{
    fprintf(stderr, "usage:\n%s", admin_vm_snapshot_usage);
    return ADMIN_USAGE;
}

int admin_vm_snapshot(struct admin *ad, int argc, char **argv)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    const char *verb = argc > 2 ? argv[2] : "";
    struct error err = {0};
    struct options o;
    struct vim_ref vm;
    size_t i = 0;
    int r;

    while (i < ARRAY_SIZE(verbs) && strcmp(verbs[i].name, verb))
        i++;
    if (i == ARRAY_SIZE(verbs) || !parse(ad, argc, argv, 3, &o) || o.count < verbs[i].min ||
        o.count > verbs[i].max || (verbs[i].run == rm && (o.count == 2) == o.all))
        return usage();
    r = admin_vm_find(ad, o.words[0], &a, &vm, &err);
    if (!r)
        r = verbs[i].run(ad, vm, &o, &a, &err);
    return r ? admin_fail(&err) : ADMIN_OK;
}

/* ---- clone ---- */

static int clone(struct admin *ad, const struct options *o, struct arena *a, struct error *err)
{
    struct vim_VirtualMachineCloneSpec *spec = VIM_NEW(a, VirtualMachineCloneSpec);
    struct vim_CloneVM_Task_request request = {.name = o->words[1], .spec = spec};
    struct vim_CloneVM_Task_result *task = NULL;
    struct vim_any *result = NULL, *folder = NULL;
    int r = spec ? admin_vm_find(ad, o->words[0], a, &request.this_, err)
                 : error_set(err, -ENOMEM, "out of memory");

    if (!r)
        r = vim_client_property(ad->client, request.this_, "parent", a, &folder, err);
    if (!r && !folder)
        r = error_set(err, -ENOENT, "the VM is in no folder");
    if (!r && !(spec->location = VIM_NEW(a, VirtualMachineRelocateSpec)))
        r = error_set(err, -ENOMEM, "out of memory");
    if (!r && o->snapshot)
        r = find(ad, request.this_, o->snapshot, a, &spec->snapshot, err);
    if (r)
        return r;
    request.folder = folder->v.ref;
    r = vim_client_call(ad->client, &vim_method_CloneVM_Task, &request, a, (void **)&task, err);
    r = r ? r : vim_client_wait_task(ad->client, task->value, COPY_MS, a, &result, err);
    if (r)
        return r;
    if (ad->json && result)
        admin_print_json(json_pack("{s:s, s:s}", "name", o->words[1], "id", result->v.ref.value));
    return o->start && result ? admin_vm_start(ad, result->v.ref, true, err) : 0;
}

int admin_vm_clone(struct admin *ad, int argc, char **argv)
{
    AUTO_ARENA struct arena a = ARENA_INIT(VIM_CLIENT_ARENA_MAX);
    struct error err = {0};
    struct options o;

    if (!parse(ad, argc, argv, 2, &o) || o.count != 2)
        return usage();
    return clone(ad, &o, &a, &err) ? admin_fail(&err) : ADMIN_OK;
}
