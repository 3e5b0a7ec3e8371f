/* inguest dataset: data sets of a VM, by the host's REST API. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/fs.h"
#include "base/mem.h"
#include "wire/dataset.h"

static const char usage[] =
    "usage: inguest dataset create VM NAME [--description TEXT] [--host ACCESS] [--guest ACCESS]\n"
    "                                      [--omit]\n"
    "       inguest dataset list VM\n"
    "       inguest dataset show VM NAME\n"
    "       inguest dataset get VM NAME KEY\n"
    "       inguest dataset set VM NAME KEY (VALUE | --file FILE)\n"
    "       inguest dataset rm VM NAME KEY...\n"
    "       inguest dataset delete VM NAME [--force]\n"
    "\n"
    "A data set holds entries, a key and a value each, that the host's clients and the guest's "
    "root\n"
    "share. ACCESS is READ_WRITE (the default), READ_ONLY or NONE and says what each side may do\n"
    "with entries. With --omit, snapshots and clones do not have the data set.\n"
    "show prints what a data set is, and its keys. get prints the value as it is. set takes the\n"
    "value from the arguments or from a file (- is standard input). rm removes entries; delete a\n"
    "data set, with its entries only when --force is given.\n"
    "The same in the guest: toolbox dataset.\n";

struct dataset_options {
    const char *words[64]; /* what is no option */
    unsigned count;
    const char *description, *host, *guest, *file;
    bool omit, force;
};

static bool parse(struct admin *ad, int argc, char **argv, struct dataset_options *o)
{
    bool bad = false;

    *o = (struct dataset_options){.description = "", .host = "READ_WRITE", .guest = "READ_WRITE"};
    for (int i = 2; i < argc && !bad; i++) {
        const char *v;

        if (!strcmp(argv[i], "--json"))
            ad->json = true;
        else if (!strcmp(argv[i], "--omit"))
            o->omit = true;
        else if (!strcmp(argv[i], "--force"))
            o->force = true;
        else if ((v = admin_option(argc, argv, &i, "--description", &bad)))
            o->description = v;
        else if ((v = admin_option(argc, argv, &i, "--host", &bad)))
            o->host = v;
        else if ((v = admin_option(argc, argv, &i, "--guest", &bad)))
            o->guest = v;
        else if ((v = admin_option(argc, argv, &i, "--file", &bad)))
            o->file = v;
        else if (bad || (argv[i][0] == '-' && argv[i][1] == '-') ||
                 o->count == ARRAY_SIZE(o->words))
            return false;
        else
            o->words[o->count++] = argv[i];
    }
    return !bad;
}

/* ---- paths ---- */

/* Percent-encoded, so that it is one segment of a path, whatever it holds. */
static void put_segment(struct buf *b, const char *text)
{
    buf_put_u8(b, '/');
    for (; *text; text++)
        if (isalnum((unsigned char)*text) || strchr("-_~", *text))
            buf_put_u8(b, (uint8_t)*text);
        else
            buf_printf(b, "%%%02X", (unsigned char)*text);
}

/* /api/vcenter/vm/ID/data-sets[/NAME[/entries[/KEY]]]. `key` "": the entries. */
static int make_path(struct admin *ad, const char *vm, const char *name, const char *key,
                     struct buf *ret, struct error *err)
{
    AUTO_ARENA struct arena a = ARENA_INIT(1u << 20);
    struct vim_ref ref;
    int r = admin_connect(ad, err);

    if (!r)
        r = admin_vm_find(ad, vm, &a, &ref, err);
    if (r)
        return r;
    buf_printf(ret, "/api/vcenter/vm/%s/data-sets", ref.value);
    if (name)
        put_segment(ret, name);
    if (key)
        buf_put_str(ret, "/entries");
    if (key && *key)
        put_segment(ret, key);
    return buf_error(ret) ? error_errno(err, buf_error(ret), "the name") : 0;
}

/* One request about it. */
static int ask(struct admin *ad, const char *verb, const struct dataset_options *o, unsigned words,
               const char *key, const json_t *body, json_t **ret, struct error *err)
{
    AUTO_BUF struct buf path = BUF_INIT(64u << 10);
    int r = make_path(ad, o->words[0], words > 1 ? o->words[1] : NULL, key, &path, err);

    if (!r && o->force)
        buf_put_str(&path, "?force=true");
    return r ? r : admin_rest(ad, verb, buf_text(&path), body, ret, err);
}

/* ---- commands ---- */

static int create(struct admin *ad, const struct dataset_options *o, struct error *err)
{
    json_t *spec =
        json_pack("{s:s, s:s, s:s, s:s, s:b}", "name", o->words[1], "description", o->description,
                  "host", o->host, "guest", o->guest, "omit_from_snapshot_and_clone", o->omit);
    int r = spec ? ask(ad, "POST", o, 1, NULL, spec, NULL, err)
                 : error_set(err, -EINVAL, "the name is not UTF-8");

    json_decref(spec);
    return r;
}

static const char *text(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name)) ?: "";
}

static int list(struct admin *ad, const struct dataset_options *o, struct error *err)
{
    json_t *sets, *set;
    size_t i;
    int r = ask(ad, "GET", o, 1, NULL, NULL, &sets, err);

    if (r)
        return r;
    if (ad->json) {
        admin_print_json(sets);
        return 0;
    }
    json_array_foreach(sets, i, set)
        printf("%s\t%s\n", text(set, "name"), text(set, "description"));
    json_decref(sets);
    return 0;
}

static int show(struct admin *ad, const struct dataset_options *o, struct error *err)
{
    json_t *info, *keys = NULL, *key;
    size_t i;
    int r = ask(ad, "GET", o, 2, NULL, NULL, &info, err);

    if (r)
        return r;
    /* The keys are not everybody's. */
    if (strcmp(text(info, "host"), "NONE") != 0)
        r = ask(ad, "GET", o, 2, "", NULL, &keys, err);
    if (!r && ad->json) {
        if (keys)
            json_object_set(info, "keys", keys);
        admin_print_json(json_incref(info));
    } else if (!r) {
        printf("Name:         %s\nDescription:  %s\nHost access:  %s\nGuest access: %s\n"
               "Used:         %lld bytes\nIn snapshots: %s\n",
               text(info, "name"), text(info, "description"), text(info, "host"),
               text(info, "guest"), (long long)json_integer_value(json_object_get(info, "used")),
               json_is_true(json_object_get(info, "omit_from_snapshot_and_clone")) ? "no" : "yes");
        json_array_foreach(keys, i, key) printf("Key:          %s\n", json_string_value(key));
    }
    json_decref(info);
    json_decref(keys);
    return r;
}

static int get(struct admin *ad, const struct dataset_options *o, struct error *err)
{
    json_t *value;
    int r = ask(ad, "GET", o, 2, o->words[2], NULL, &value, err);

    if (r)
        return r;
    if (ad->json) {
        json_dumpf(value, stdout, JSON_ENCODE_ANY);
        putchar('\n');
    } else {
        fwrite(json_string_value(value), 1, json_string_length(value), stdout);
    }
    json_decref(value);
    return 0;
}

static int read_value(const char *file, struct buf *ret, struct error *err)
{
    uint8_t *room;
    ssize_t n = 0;

    if (strcmp(file, "-") != 0)
        return fs_read_file(AT_FDCWD, file, ret, err);
    while (!buf_reserve(ret, 4096, &room) && (n = read(STDIN_FILENO, room, 4096)) > 0)
        buf_commit(ret, (size_t)n);
    if (n < 0) /* what came is not the whole value */
        return error_errno(err, -errno, "cannot read the value from standard input");
    return buf_error(ret) ? error_errno(err, buf_error(ret), "the value") : 0;
}

static int set(struct admin *ad, const struct dataset_options *o, struct error *err)
{
    AUTO_BUF struct buf value = BUF_INIT(DATASET_VALUE_MAX + 8192);
    json_t *body;
    int r = o->file ? read_value(o->file, &value, err) : buf_put_str(&value, o->words[3]);

    if (r)
        return r;
    body = json_stringn(buf_text(&value), value.len);
    r = body ? ask(ad, "PUT", o, 2, o->words[2], body, NULL, err)
             : error_set(err, -EINVAL, "the value is not UTF-8");
    json_decref(body);
    return r;
}

static int rm(struct admin *ad, const struct dataset_options *o, struct error *err)
{
    int r = 0;

    for (unsigned i = 2; !r && i < o->count; i++)
        r = ask(ad, "DELETE", o, 2, o->words[i], NULL, NULL, err);
    return r;
}

static int delete (struct admin *ad, const struct dataset_options *o, struct error *err)
{
    return ask(ad, "DELETE", o, 2, NULL, NULL, NULL, err);
}

int admin_dataset(struct admin *ad, int argc, char **argv)
{
    static const struct {
        const char *name;
        unsigned least, most; /* words */
        int (*run)(struct admin *ad, const struct dataset_options *o, struct error *err);
    } commands[] = {
        {"create", 2, 2, create}, {"list", 1, 1, list}, {"show", 2, 2, show},
        {"get", 3, 3, get},       {"set", 3, 4, set},   {"rm", 3, 64, rm},
        {"delete", 2, 2, delete},
    };
    struct dataset_options o;
    struct error err = {0};

    if (admin_help_wanted(argc, argv, 2)) {
        fputs(usage, stdout);
        return ADMIN_OK;
    }
    for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(commands); i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        if (!parse(ad, argc, argv, &o) || o.count < commands[i].least ||
            o.count > commands[i].most ||
            (commands[i].run == set && (o.count == 4) == (o.file != NULL)))
            break;
        return commands[i].run(ad, &o, &err) ? admin_fail(&err) : ADMIN_OK;
    }
    fputs(usage, stderr);
    return ADMIN_USAGE;
}
