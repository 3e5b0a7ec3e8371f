/* toolbox dataset: the data sets of this virtual machine, for people and scripts. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "guest/cli.h"
#include "inguest/toolbox.h"
#include "wire/dataset.h"

static const char usage[] =
    "usage: toolbox dataset list\n"
    "       toolbox dataset show NAME\n"
    "       toolbox dataset get NAME KEY\n"
    "       toolbox dataset set NAME KEY (VALUE | -f FILE)\n"
    "       toolbox dataset append NAME KEY (VALUE | -f FILE)\n"
    "       toolbox dataset rm NAME KEY...\n"
    "\n"
    "Data sets hold keys and values that this guest's root and the host share; the host makes "
    "them.\n"
    "show prints what a data set is, and its keys; get prints the value as it is. set and append\n"
    "take the value from the arguments or from a file (- is standard input).\n";

struct words {
    const char *name, *key;
    const char *const *keys;
    size_t count; /* of keys */
    const char *value;
    size_t len;
};

static int print_set(const char *name, const char *description, void *arg)
{
    (void)arg;
    printf("%s\t%s\n", name, description);
    return 0;
}

static int list(const struct words *w, struct toolbox_dataset_error *err)
{
    (void)w;
    return toolbox_dataset_list(NULL, print_set, NULL, err);
}

static int print_key(const char *key, void *arg)
{
    (void)arg;
    printf("Key:          %s\n", key);
    return 0;
}

static int show(const struct words *w, struct toolbox_dataset_error *err)
{
    struct toolbox_dataset_info info;
    int r = toolbox_dataset_query(NULL, w->name, &info, err);

    if (r)
        return r;
    printf("Name:         %s\nDescription:  %s\nHost access:  %s\nGuest access: %s\n"
           "Used:         %lld bytes\nIn snapshots: %s\n",
           info.name, info.description, info.host_access, info.guest_access, (long long)info.used,
           info.omit_from_snapshot_and_clone ? "no" : "yes");
    return strcmp(info.guest_access, "NONE")
               ? toolbox_dataset_keys(NULL, w->name, print_key, NULL, err)
               : 0;
}

static int print_value(const char *key, const char *value, size_t len, void *arg)
{
    (void)key;
    (void)arg;
    return fwrite(value, 1, len, stdout) == len ? 0 : -EIO;
}

static int get(const struct words *w, struct toolbox_dataset_error *err)
{
    return toolbox_dataset_get(NULL, w->name, &w->key, 1, print_value, NULL, err);
}

static int set(const struct words *w, struct toolbox_dataset_error *err)
{
    return toolbox_dataset_set(NULL, w->name, w->key, w->value, w->len, false, err);
}

static int append(const struct words *w, struct toolbox_dataset_error *err)
{
    return toolbox_dataset_set(NULL, w->name, w->key, w->value, w->len, true, err);
}

static int rm(const struct words *w, struct toolbox_dataset_error *err)
{
    return toolbox_dataset_delete(NULL, w->name, w->keys, w->count, err);
}

static int read_value(const char *file, struct buf *ret)
{
    struct error err = {0};
    uint8_t *room;
    ssize_t n = 0;
    int r = 0;

    if (strcmp(file, "-") != 0) {
        r = fs_read_file(AT_FDCWD, file, ret, &err);
        if (r)
            fprintf(stderr, "toolbox: %s\n", error_text(&err));
        return r;
    }
    while (!(r = buf_reserve(ret, 4096, &room)) && (n = read(STDIN_FILENO, room, 4096)) > 0)
        buf_commit(ret, (size_t)n);
    if (r || n < 0)
        fprintf(stderr, "toolbox: the value: %s\n", strerror(r ? -r : errno));
    return r || n < 0 ? -EIO : 0;
}

static int fail(int r, const struct toolbox_dataset_error *err)
{
    if (r == -EOPNOTSUPP)
        fputs("toolbox: this virtual machine has no data sets\n", stderr);
    else if (r == -EACCES)
        fputs("toolbox: the host serves data sets to root only\n", stderr);
    else
        fprintf(stderr, "toolbox: %s\n", err->text[0] ? err->text : strerror(-r));
    return 1;
}

int cli_dataset(int argc, char **argv)
{
    static const struct {
        const char *name;
        int least, most; /* words after it */
        bool value;      /* the last one is a value, or comes from a file */
        int (*run)(const struct words *w, struct toolbox_dataset_error *err);
    } commands[] = {{"list", 0, 0, false, list},    {"show", 1, 1, false, show},
                    {"get", 2, 2, false, get},      {"set", 3, 4, true, set},
                    {"append", 3, 4, true, append}, {"rm", 2, 1000, false, rm}};
    AUTO_BUF struct buf value = BUF_INIT(DATASET_VALUE_MAX + 4096);
    struct toolbox_dataset_error err = {0};
    struct words w = {0};
    int words = argc - 2, r;

    if (cli_help_wanted(argc, argv) || cli_help_wanted(argc - 1, argv + 1)) {
        fputs(usage, stdout);
        return 0;
    }
    for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(commands); i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        if (words < commands[i].least || words > commands[i].most)
            break;
        w.name = words > 0 ? argv[2] : NULL;
        w.key = words > 1 ? argv[3] : NULL;
        w.keys = (const char *const *)argv + 3;
        w.count = words > 1 ? (size_t)(words - 1) : 0;
        if (commands[i].value && words == 4) {
            if (strcmp(argv[4], "-f") != 0)
                break;
            if (read_value(argv[5], &value))
                return 1;
            w.value = buf_text(&value);
            w.len = value.len;
        } else if (commands[i].value) {
            w.value = argv[4];
            w.len = strlen(argv[4]);
        }
        r = commands[i].run(&w, &err);
        return r ? fail(r, &err) : fflush(stdout) ? 1 : 0;
    }
    fputs(usage, stderr);
    return 2;
}
