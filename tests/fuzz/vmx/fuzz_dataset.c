/*
 * Requests of a guest about data sets, against a store with a few of them: any command word, any
 * arguments. Whatever comes, the reply is JSON with a `result`, it is within its limit, and `used`
 * is what it says (the store is checked anew now and then).
 */
#include <fcntl.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "vmx/dataset_guest.h"
#include "wire/json_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/fuzz-dataset-XXXXXX";
static const char *const names[DATASET_KINDS] = {"f.dsd", "f.dsv"};

static void check(bool good)
{
    if (!good)
        abort();
}

static void clean_up(void)
{
    fs_remove_tree(AT_FDCWD, folder, NULL);
}

/* Nothing here is to outlive the process. */
int fsync(int fd)
{
    (void)fd;
    return 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return 0;
}

static struct dataset_store *open_store(void)
{
    static const struct dataset_caller host = {0};
    struct dataset_store *s;
    struct error err = {0};
    static bool made;

    if (!made) {
        check(mkdtemp(folder));
        atexit(clean_up);
    }
    check(dataset_store_open(folder, names, &s, &err) == 0);
    for (int i = 0; !made && i < 4; i++) {
        static const char *const some[] = {"d", "ro", "no", "o"};
        const struct dataset_spec spec = {some[i], "about", DATASET_READ_WRITE,
                                          i == 1   ? DATASET_READ_ONLY
                                          : i == 2 ? DATASET_NONE
                                                   : DATASET_READ_WRITE,
                                          i == 3};
        const struct dataset_change change = {{"k", 1}, {"v", 1}, false};

        check(dataset_create(s, &host, &spec, &err) == 0);
        check(dataset_entries_set(s, &host, some[i], &change, 1, &err) == 0);
    }
    made = true;
    return s;
}

/* The guest's own reader agrees with jansson about what is JSON. */
static void read_reply(const struct buf *reply)
{
    struct json_text t = {buf_text(reply), buf_text(reply) + reply->len};

    check(json_text_skip(&t) == 0 && json_text_at_end(&t));
}

/* One byte that chooses the command, then its arguments. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const commands[] = {"datasets-list",      "datasets-query",
                                           "datasets-list-keys", "datasets-get-entry",
                                           "datasets-set-entry", "datasets-delete-entry"};
    static struct dataset_store *store;
    static unsigned runs;
    const struct dataset_caller guest = {.guest = true};
    AUTO_BUF struct buf reply = BUF_INIT(DATASET_GUEST_REPLY_MAX);
    struct json_text t = {(const char *)data, (const char *)data + size};
    json_t *o;

    if (size < 1)
        return 0;
    json_text_skip(&t);
    if (!store)
        store = open_store();
    if (size <= DATASET_GUEST_REQUEST_MAX) {
        check(dataset_guest_run(store, NULL, &guest, commands[data[0] % ARRAY_SIZE(commands)],
                                data + 1, size - 1, &reply) == 0);
        o = json_loadb(buf_text(&reply), reply.len, 0, NULL);
        check(json_is_boolean(json_object_get(o, "result")));
        json_decref(o);
        read_reply(&reply);
    }
    if (++runs % 512 == 0) {
        dataset_store_close(store);
        store = open_store();
    }
    return 0;
}
