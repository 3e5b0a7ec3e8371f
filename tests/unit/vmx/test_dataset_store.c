/* Stores of data sets: limits, access, both files, and what kills and damage leave. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/mem.h"
#include "vmx/dataset_store.h"

static const char *const names[DATASET_KINDS] = {"vm.dsd", "vm.dsv"};
static const struct dataset_caller host = {0}, guest = {.guest = true};

/* Nobody takes the power away here: without this the tests would mostly wait for the disk. */
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

struct fixture {
    char folder[64];
    struct dataset_store *s;
};

static int open_again(struct fixture *f)
{
    struct error err = {0};

    dataset_store_close(f->s);
    f->s = NULL;
    return dataset_store_open(f->folder, names, &f->s, &err);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    snprintf(f->folder, sizeof(f->folder), "/tmp/inguest-datasets-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(open_again(f), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    dataset_store_close(f->s);
    fs_remove_tree(AT_FDCWD, f->folder, NULL);
    free(f);
    return 0;
}

static struct dataset_text text(const char *s)
{
    return (struct dataset_text){s, strlen(s)};
}

static int create(struct fixture *f, const char *name, enum dataset_access h, enum dataset_access g,
                  bool omit)
{
    const struct dataset_spec spec = {name, "about", h, g, omit};
    struct error err = {0};

    return dataset_create(f->s, &host, &spec, &err);
}

static int set(struct fixture *f, const struct dataset_caller *who, const char *name,
               const char *key, const char *value, bool append)
{
    const struct dataset_change c = {text(key), text(value), append};
    struct error err = {0};

    return dataset_entries_set(f->s, who, name, &c, 1, &err);
}

static int set_bytes(struct fixture *f, const char *name, const char *key, size_t key_len,
                     const char *value, size_t len, bool append)
{
    const struct dataset_change c = {{key, key_len}, {value, len}, append};
    struct error err = {0};

    return dataset_entries_set(f->s, &host, name, &c, 1, &err);
}

static int get(struct fixture *f, const struct dataset_caller *who, const char *name,
               const char *key, char *out, size_t size)
{
    AUTO_BUF struct buf b = BUF_INIT(DATASET_VALUE_MAX);
    struct error err = {0};
    int r = dataset_entry_get(f->s, who, name, text(key), &b, &err);

    if (!r && out)
        snprintf(out, size, "%.*s", (int)b.len, buf_text(&b));
    return r;
}

static int delete (struct fixture *f, const struct dataset_caller *who, const char *name,
                   const char *key)
{
    const struct dataset_text k = text(key);
    struct error err = {0};

    return dataset_entries_delete(f->s, who, name, &k, 1, &err);
}

static int count_key(const char *key, size_t len, void *arg)
{
    (void)key;
    (void)len;
    ++*(int *)arg;
    return 0;
}

static int keys(struct fixture *f, const struct dataset_caller *who, const char *name, int *ret)
{
    struct error err = {0};

    *ret = 0;
    return dataset_keys(f->s, who, name, NULL, 0, count_key, ret, &err);
}

static int64_t used(struct fixture *f, const char *name)
{
    struct dataset_info info;
    struct error err = {0};

    return dataset_get(f->s, name, &info, &err) ? -1 : info.row.used;
}

static bool there(const struct fixture *f, const char *name)
{
    AUTO_FREE char *path = mem_printf("%s/%s", f->folder, name);

    return access(path, F_OK) == 0;
}

static void remove_file(const struct fixture *f, const char *name)
{
    AUTO_FREE char *path = mem_printf("%s/%s", f->folder, name);

    assert_int_equal(unlink(path), 0);
}

static void used_is_the_bytes_of_keys_and_values(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(create(f, "d", DATASET_READ_WRITE, DATASET_READ_WRITE, false), 0);
    assert_int_equal(used(f, "d"), 0);
    assert_int_equal(set(f, &host, "d", "key1", "val1", false), 0);
    assert_int_equal(used(f, "d"), 8);
    assert_int_equal(set(f, &host, "d", "key1", "longer value", false), 0);
    assert_int_equal(used(f, "d"), 16);
    assert_int_equal(set(f, &guest, "d", "key1", "\xc3\xa4", true), 0);
    assert_int_equal(used(f, "d"), 18);
    assert_int_equal(set(f, &guest, "d", "new", "x", true), 0);
    assert_int_equal(used(f, "d"), 22);
    assert_int_equal(delete (f, &guest, "d", "key1"), 0);
    assert_int_equal(used(f, "d"), 4);
    assert_int_equal(open_again(f), 0);
    assert_int_equal(used(f, "d"), 4);
    assert_int_equal(delete (f, &host, "d", "new"), 0);
    assert_int_equal(used(f, "d"), 0);
}

/* Host and guest, each access mode, each operation: one row of expectations a mode. */
static void access_modes_hold_for_every_operation(void **state)
{
    static const struct {
        enum dataset_access mode;
        int list, get, set, delete;
    } cells[] = {
        {DATASET_NONE, DATASET_E_ACCESS, DATASET_E_ACCESS, DATASET_E_ACCESS, DATASET_E_ACCESS},
        {DATASET_READ_ONLY, 0, 0, DATASET_E_ACCESS, DATASET_E_ACCESS},
        {DATASET_READ_WRITE, 0, 0, 0, 0},
    };
    struct fixture *f = *state;
    const struct dataset_caller *sides[] = {&host, &guest};
    struct error err = {0};
    int n;

    for (size_t other = 0; other < ARRAY_SIZE(cells); other++)
        for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
            for (size_t side = 0; side < 2; side++) {
                enum dataset_access mine = cells[i].mode, theirs = cells[other].mode;
                struct dataset_update u = {.has_host = true,
                                           .has_guest = true,
                                           .host = side ? theirs : mine,
                                           .guest = side ? mine : theirs};

                assert_int_equal(create(f, "d", DATASET_READ_WRITE, DATASET_NONE, false), 0);
                assert_int_equal(set(f, &host, "d", "k", "v", false), 0);
                assert_int_equal(dataset_change(f->s, &host, "d", &u, &err), 0);
                assert_int_equal(keys(f, sides[side], "d", &n), cells[i].list);
                assert_int_equal(n, cells[i].list ? 0 : 1);
                assert_int_equal(get(f, sides[side], "d", "k", NULL, 0), cells[i].get);
                assert_int_equal(set(f, sides[side], "d", "k", "w", false), cells[i].set);
                assert_int_equal(set(f, sides[side], "d", "k", "w", true), cells[i].set);
                assert_int_equal(delete (f, sides[side], "d", "k"), cells[i].delete);
                /* Attributes are no matter of access, and force deletes whatever the mode. */
                assert_int_equal(used(f, "d"), cells[i].delete ? 2 : 0);
                if (cells[i].delete)
                    assert_int_equal(dataset_delete(f->s, &host, "d", false, &err),
                                     DATASET_E_NOT_EMPTY);
                assert_int_equal(dataset_delete(f->s, &host, "d", true, &err), 0);
            }
}

static void suspended_machines_are_only_read(void **state)
{
    struct fixture *f = *state;
    const struct dataset_caller suspended = {.suspended = true};
    const struct dataset_spec spec = {"e", "", DATASET_NONE, DATASET_NONE, false};
    const struct dataset_update u = {.description = "x"};
    struct error err = {0};
    int n;

    assert_int_equal(create(f, "d", DATASET_READ_WRITE, DATASET_NONE, false), 0);
    assert_int_equal(set(f, &host, "d", "k", "v", false), 0);
    assert_int_equal(dataset_create(f->s, &suspended, &spec, &err), DATASET_E_SUSPENDED);
    assert_int_equal(dataset_change(f->s, &suspended, "d", &u, &err), DATASET_E_SUSPENDED);
    assert_int_equal(dataset_delete(f->s, &suspended, "d", true, &err), DATASET_E_SUSPENDED);
    assert_int_equal(set(f, &suspended, "d", "k", "w", false), DATASET_E_SUSPENDED);
    assert_int_equal(delete (f, &suspended, "d", "k"), DATASET_E_SUSPENDED);
    assert_int_equal(dataset_delete(f->s, &suspended, "e", true, &err), DATASET_E_NO_SET);
    assert_int_equal(get(f, &suspended, "d", "k", NULL, 0), 0);
    assert_int_equal(keys(f, &suspended, "d", &n), 0);
    assert_int_equal(n, 1);
}

static void limits_are_exact(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *big = mem_alloc(DATASET_VALUE_MAX + 2);
    struct error err = {0};

    memset(big, 'x', DATASET_VALUE_MAX + 1);
    big[DATASET_VALUE_MAX + 1] = '\0';
    for (int over = -1; over <= 1; over++) {
        char name[DATASET_NAME_MAX + 2] = "", description[DATASET_DESCRIPTION_MAX + 2] = "";
        struct dataset_spec spec = {name, "", DATASET_READ_WRITE, DATASET_READ_WRITE, false};

        memset(name, 'n', DATASET_NAME_MAX + (size_t)over);
        assert_int_equal(dataset_create(f->s, &host, &spec, &err), over > 0 ? DATASET_E_NAME : 0);
        memset(description, 'd', DATASET_DESCRIPTION_MAX + (size_t)over);
        name[0] = (char)('a' + over);
        name[DATASET_NAME_MAX - 5] = '\0';
        spec.description = description;
        assert_int_equal(dataset_create(f->s, &host, &spec, &err),
                         over > 0 ? DATASET_E_DESCRIPTION : 0);
    }
    assert_int_equal(create(f, "", DATASET_NONE, DATASET_NONE, false), DATASET_E_NAME);
    assert_int_equal(create(f, "\xff", DATASET_NONE, DATASET_NONE, false), DATASET_E_NAME);
    assert_int_equal(create(f, "d", DATASET_READ_WRITE, DATASET_READ_WRITE, false), 0);
    assert_int_equal(create(f, "d", DATASET_READ_WRITE, DATASET_READ_WRITE, true),
                     DATASET_E_EXISTS);
    for (int over = -1; over <= 1; over++) {
        assert_int_equal(set_bytes(f, "d", big, DATASET_KEY_MAX + (size_t)over, "", 0, false),
                         over > 0 ? DATASET_E_KEY : 0);
        assert_int_equal(set_bytes(f, "d", "k", 1, big, DATASET_VALUE_MAX + (size_t)over, false),
                         over > 0 ? DATASET_E_VALUE : 0);
    }
    assert_int_equal(set_bytes(f, "d", "", 0, "v", 1, false), DATASET_E_KEY);
    assert_int_equal(set_bytes(f, "d", "a\0b", 3, "v", 1, false), DATASET_E_KEY);
    assert_int_equal(set_bytes(f, "d", "\xed\xa0\x80", 3, "v", 1, false), DATASET_E_KEY);
    assert_int_equal(set_bytes(f, "d", "k", 1, "\x80", 1, false), DATASET_E_VALUE);
    /* A value grows by pieces up to its limit and no further. */
    assert_int_equal(set_bytes(f, "d", "k", 1, big, DATASET_VALUE_MAX - 1, false), 0);
    assert_int_equal(set(f, &host, "d", "k", "y", true), 0);
    assert_int_equal(set(f, &host, "d", "k", "z", true), DATASET_E_VALUE);
    assert_int_equal(used(f, "d"), 1 + DATASET_VALUE_MAX + DATASET_KEY_MAX + DATASET_KEY_MAX - 1);
}

static void there_are_so_many_data_sets_and_no_more(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    char name[32];

    for (unsigned i = 0; i < DATASET_SETS_MAX; i++) {
        snprintf(name, sizeof(name), "set-%u", i);
        assert_int_equal(create(f, name, DATASET_NONE, DATASET_NONE, i & 1), 0);
    }
    assert_int_equal(create(f, "one more", DATASET_NONE, DATASET_NONE, false), DATASET_E_FULL);
    assert_int_equal(dataset_delete(f->s, &host, "set-7", false, &err), 0);
    assert_int_equal(create(f, "one more", DATASET_NONE, DATASET_NONE, false), 0);
}

/* Over both stores; at the last byte, and one more; and what is replaced makes room. */
static void a_vm_is_full_at_the_last_byte(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *big = mem_alloc(DATASET_VALUE_MAX);
    struct dataset_change pair[2];
    struct error err = {0};
    char key[16];

    memset(big, 'x', DATASET_VALUE_MAX);
    assert_int_equal(create(f, "a", DATASET_READ_WRITE, DATASET_READ_WRITE, false), 0);
    assert_int_equal(create(f, "b", DATASET_READ_WRITE, DATASET_READ_WRITE, true), 0);
    /* 100 entries of 2 bytes of key and 1 MiB - 2 of value. */
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "%02d", i);
        assert_int_equal(
            set_bytes(f, i & 1 ? "a" : "b", key, 2, big, DATASET_VALUE_MAX - 2 - (i == 99), false),
            0);
    }
    assert_int_equal(used(f, "a") + used(f, "b"), DATASET_TOTAL_MAX - 1);
    assert_int_equal(set(f, &host, "a", "xy", "", false), DATASET_E_FULL);
    assert_int_equal(set(f, &host, "a", "99", "y", true), 0);
    assert_int_equal(used(f, "a") + used(f, "b"), DATASET_TOTAL_MAX);
    assert_int_equal(set(f, &host, "a", "99", "y", true), DATASET_E_FULL);
    assert_int_equal(set(f, &guest, "b", "z", "", false), DATASET_E_FULL);
    /* What takes nothing more is done: the same, less, nothing. */
    assert_int_equal(set_bytes(f, "a", "99", 2, big, DATASET_VALUE_MAX - 2, false), 0);
    assert_int_equal(set_bytes(f, "a", "99", 2, big, 10, true), DATASET_E_VALUE);
    /* All or nothing: room is made in vain when the next change does not fit. */
    pair[0] = (struct dataset_change){text("00"), {big, DATASET_VALUE_MAX - 12}, false};
    pair[1] = (struct dataset_change){text("new"), {big, 8}, false};
    assert_int_equal(dataset_entries_set(f->s, &host, "b", pair, 2, &err), DATASET_E_FULL);
    assert_int_equal(used(f, "a") + used(f, "b"), DATASET_TOTAL_MAX);
    pair[1].value.len = 7;
    assert_int_equal(dataset_entries_set(f->s, &host, "b", pair, 2, &err), 0);
    assert_int_equal(used(f, "a") + used(f, "b"), DATASET_TOTAL_MAX);
    /* A full set moves all the same, and is checked when the stores are opened anew. */
    assert_int_equal(dataset_change(f->s, &host, "a",
                                    &(struct dataset_update){.has_omit = true, .omit = true}, &err),
                     0);
    assert_int_equal(open_again(f), 0);
    assert_int_equal(used(f, "a") + used(f, "b"), DATASET_TOTAL_MAX);
    assert_int_equal(dataset_delete(f->s, &host, "b", true, &err), 0);
    assert_int_equal(set(f, &host, "a", "z", "", false), 0);
}

static void several_changes_are_all_or_none(void **state)
{
    struct fixture *f = *state;
    const struct dataset_change good[] = {
        {text("a"), text("1"), false}, {text("a"), text("2"), true}, {text("b"), text(""), false}};
    const struct dataset_change bad[] = {{text("a"), text("9"), false},
                                         {text(""), text("2"), true}};
    const struct dataset_text some[] = {text("a"), text("none")}, both[] = {text("a"), text("b")};
    struct error err = {0};
    char value[16];

    assert_int_equal(create(f, "d", DATASET_READ_WRITE, DATASET_READ_WRITE, false), 0);
    assert_int_equal(dataset_entries_set(f->s, &guest, "d", good, 3, &err), 0);
    assert_int_equal(get(f, &host, "d", "a", value, sizeof(value)), 0);
    assert_string_equal(value, "12");
    assert_int_equal(dataset_entries_set(f->s, &guest, "d", bad, 2, &err), DATASET_E_KEY);
    assert_int_equal(dataset_entries_delete(f->s, &guest, "d", some, 2, &err), DATASET_E_NO_ENTRY);
    assert_non_null(strstr(err.text, "'none'"));
    assert_int_equal(get(f, &host, "d", "a", value, sizeof(value)), 0);
    assert_string_equal(value, "12");
    assert_int_equal(dataset_entries_delete(f->s, &guest, "d", both, 2, &err), 0);
    assert_int_equal(used(f, "d"), 0);
}

static void files_come_with_the_first_data_set_of_their_kind(void **state)
{
    struct fixture *f = *state;
    struct dataset_update u = {.has_omit = true, .omit = false, .description = "moved"};
    struct dataset_info info;
    struct error err = {0};
    char value[16];

    assert_false(there(f, "vm.dsd") || there(f, "vm.dsv"));
    assert_int_equal(create(f, "d", DATASET_READ_WRITE, DATASET_READ_ONLY, true), 0);
    assert_true(there(f, "vm.dsv") && !there(f, "vm.dsd"));
    assert_int_equal(set(f, &host, "d", "k", "v", false), 0);
    assert_int_equal(dataset_change(f->s, &host, "d", &u, &err), 0);
    assert_true(there(f, "vm.dsd"));
    assert_int_equal(dataset_get(f->s, "d", &info, &err), 0);
    assert_false(info.omit);
    assert_string_equal(info.row.description, "moved");
    assert_int_equal(info.row.used, 2);
    dataset_store_close(TAKE_PTR(f->s));
    remove_file(f, "vm.dsv");
    assert_int_equal(open_again(f), 0);
    assert_int_equal(get(f, &host, "d", "k", value, sizeof(value)), 0);
    assert_string_equal(value, "v");
    assert_false(there(f, "vm.dsd-journal"));
}

struct names_seen {
    int count;
    char last[DATASET_NAME_MAX + 1];
};

static int see(const struct dataset_row *row, void *arg)
{
    struct names_seen *seen = arg;

    assert_true(strcmp(seen->last, row->name) < 0);
    snprintf(seen->last, sizeof(seen->last), "%s", row->name);
    return ++seen->count == 5 ? 1 : 0;
}

static void lists_are_in_order_over_both_files(void **state)
{
    static const char *const some[] = {"b", "a", "d", "c", "f", "e", "g"};
    struct fixture *f = *state;
    struct names_seen seen = {0};
    struct error err = {0};

    for (size_t i = 0; i < ARRAY_SIZE(some); i++)
        assert_int_equal(create(f, some[i], DATASET_NONE, DATASET_NONE, i & 1), 0);
    assert_int_equal(dataset_list(f->s, "", see, &seen, &err), 0);
    assert_string_equal(seen.last, "e");
    assert_int_equal(dataset_list(f->s, "e", see, &seen, &err), 0);
    assert_int_equal(seen.count, 7);
}

/* --- what kills and damage leave ------------------------------------------------------------ */

static void run_sql(struct fixture *f, const char *file, const char *sql)
{
    AUTO_FREE char *path = mem_printf("%s/%s", f->folder, file);
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* The two places where a kill can leave a move, made by hand. */
static void a_move_that_was_cut_off_is_settled(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(create(f, "a", DATASET_READ_WRITE, DATASET_NONE, false), 0);
    assert_int_equal(create(f, "b", DATASET_READ_WRITE, DATASET_NONE, true), 0);
    assert_int_equal(set(f, &host, "a", "k", "v", false), 0);
    dataset_store_close(TAKE_PTR(f->s));
    /* "a" has been copied, and is still there; "c" has been copied, and is not. */
    run_sql(f, "vm.dsv",
            "INSERT INTO dataset VALUES(7,'a','copy',2,2,2,1),(8,'c','',2,2,3,1);"
            "INSERT INTO entry VALUES(7,'k','v'),(8,'k','vw');");
    assert_int_equal(open_again(f), 0);
    assert_int_equal(used(f, "a"), 2);
    assert_int_equal(used(f, "c"), 3);
    assert_int_equal(dataset_delete(f->s, &host, "a", true, NULL), 0);
    assert_int_equal(open_again(f), 0);
    assert_int_equal(used(f, "a"), -1);
}

static void expect_damaged(struct fixture *f, const char *file)
{
    AUTO_FREE char *path = mem_printf("%s/%s", f->folder, file);
    AUTO_BUF struct buf before = BUF_INIT(32u << 20), after = BUF_INIT(32u << 20);
    struct error err = {0};

    dataset_store_close(TAKE_PTR(f->s));
    assert_int_equal(fs_read_file(AT_FDCWD, path, &before, &err), 0);
    assert_int_equal(dataset_store_open(f->folder, names, &f->s, &err), DATASET_E_DAMAGED);
    assert_null(f->s);
    assert_non_null(strstr(err.text, file));
    assert_int_equal(fs_read_file(AT_FDCWD, path, &after, &err), 0);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
}

static void write_at(struct fixture *f, const char *file, off_t at, const char *bytes, size_t len)
{
    AUTO_FREE char *path = mem_printf("%s/%s", f->folder, file);
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, at), len);
}

static void foreign_and_damaged_files_are_left_as_they_are(void **state)
{
    static const char *const changes[] = {
        "CREATE TABLE other(x)",
        "CREATE TRIGGER t AFTER INSERT ON entry BEGIN DELETE FROM dataset; END",
        "PRAGMA user_version=2",
        "PRAGMA application_id=1",
        "UPDATE dataset SET used=used+1",
        "INSERT INTO entry VALUES(99,'lost','x')",
        "UPDATE entry SET value=zeroblob(2)",
        "DROP TABLE entry",
    };
    struct fixture *f = *state;
    AUTO_FREE char *path = mem_printf("%s/vm.dsd", f->folder);

    write_at(f, "vm.dsd", 0, "This is no database at all.", 27);
    expect_damaged(f, "vm.dsd");
    assert_int_equal(truncate(path, 0), 0);
    expect_damaged(f, "vm.dsd");
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        assert_int_equal(unlink(path), 0);
        assert_int_equal(open_again(f), 0);
        assert_int_equal(create(f, "d", DATASET_READ_WRITE, DATASET_NONE, false), 0);
        assert_int_equal(set(f, &host, "d", "k", "vv", false), 0);
        dataset_store_close(TAKE_PTR(f->s));
        run_sql(f, "vm.dsd", changes[i]);
        expect_damaged(f, "vm.dsd");
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(open_again(f), DATASET_E_DAMAGED);
}

static void the_same_name_in_both_files_is_refused(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};

    assert_int_equal(create(f, "a", DATASET_NONE, DATASET_NONE, false), 0);
    assert_int_equal(create(f, "b", DATASET_NONE, DATASET_NONE, true), 0);
    dataset_store_close(TAKE_PTR(f->s));
    run_sql(f, "vm.dsv", "UPDATE dataset SET name='a'");
    assert_int_equal(dataset_store_open(f->folder, names, &f->s, &err), DATASET_E_DAMAGED);
    assert_non_null(strstr(err.text, "'a'"));
}

/* --- a write that is cut off ---------------------------------------------------------------- */

/* The state of the folder in the middle of a transaction, as a child that is killed leaves it. */
static void killed_in_the_middle(struct fixture *f)
{
    pid_t pid;
    int status;

    dataset_store_close(TAKE_PTR(f->s));
    pid = fork();
    if (pid == 0) {
        AUTO_FREE char *path = mem_printf("%s/vm.dsd", f->folder);
        sqlite3 *db;

        /* A tiny cache: pages go to the file, and so the journal is synchronised, before the end.
         */
        if (sqlite3_open(path, &db) != SQLITE_OK ||
            sqlite3_exec(db,
                         "PRAGMA cache_size=1; PRAGMA cache_spill=1; BEGIN;"
                         "UPDATE entry SET value=replace(value,'o','n');"
                         "INSERT INTO entry SELECT 1, 'n'||key, value FROM entry;"
                         "UPDATE dataset SET used=used*2",
                         NULL, NULL, NULL) != SQLITE_OK)
            _exit(1);
        _exit(0); /* no commit: the journal stays hot, the database half written */
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(there(f, "vm.dsd-journal"));
}

static void read_whole(struct fixture *f, const char *file, struct buf *ret)
{
    AUTO_FREE char *path = mem_printf("%s/%s", f->folder, file);

    assert_int_equal(fs_read_file(AT_FDCWD, path, ret, NULL), 0);
}

static void write_whole(struct fixture *f, const char *file, const void *data, size_t len)
{
    AUTO_FREE char *path = mem_printf("%s/%s", f->folder, file);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

    assert_true(fd >= 0);
    assert_int_equal(fs_write_all(fd, data, len), 0);
}

#define TORN_ENTRIES 40

/* Every entry is there, with its old value. */
static bool old_state(struct fixture *f)
{
    char key[16], value[600];
    int n;

    if (keys(f, &host, "d", &n) || n != TORN_ENTRIES)
        return false;
    for (int i = 0; i < TORN_ENTRIES; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        if (get(f, &host, "d", key, value, sizeof(value)) || strlen(value) != 500 ||
            strspn(value, "o") != 500)
            return false;
    }
    return true;
}

static void make_old_state(struct fixture *f)
{
    char key[16], value[501];

    memset(value, 'o', 500);
    value[500] = '\0';
    assert_int_equal(create(f, "d", DATASET_READ_WRITE, DATASET_NONE, false), 0);
    for (int i = 0; i < TORN_ENTRIES; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(set(f, &host, "d", key, value, false), 0);
    }
}

/* Writing is cut off at any byte, of the journal or of the database. A page of the database is only
 * written when the journal that undoes it is whole and on disk, so these are the states there can
 * be; each must show the old content, whole. */
static void a_write_cut_off_anywhere_never_shows_half_a_change(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf before = BUF_INIT(8u << 20), after = BUF_INIT(8u << 20),
                        journal = BUF_INIT(8u << 20);

    make_old_state(f);
    read_whole(f, "vm.dsd", &before);
    killed_in_the_middle(f);
    read_whole(f, "vm.dsd", &after);
    read_whole(f, "vm.dsd-journal", &journal);
    assert_true(after.len >= before.len && memcmp(after.data, before.data, before.len) != 0);
    for (size_t cut = 0; cut <= journal.len; cut++) {
        /* every byte of the header and of the first page's record, then every 61st */
        if (cut > 5200 && cut % 61 && cut != journal.len)
            continue;
        dataset_store_close(TAKE_PTR(f->s));
        write_whole(f, "vm.dsd", before.data, before.len);
        write_whole(f, "vm.dsd-journal", journal.data, cut);
        assert_int_equal(open_again(f), 0);
        assert_true(old_state(f));
    }
    for (size_t cut = 0; cut <= after.len; cut += 97) {
        dataset_store_close(TAKE_PTR(f->s));
        /* The first bytes are new, the rest is old. */
        write_whole(f, "vm.dsd", after.data, cut > before.len ? cut : before.len);
        if (cut < before.len)
            write_at(f, "vm.dsd", (off_t)cut, (char *)before.data + cut, before.len - cut);
        write_whole(f, "vm.dsd-journal", journal.data, journal.len);
        assert_int_equal(open_again(f), 0);
        assert_true(old_state(f));
    }
}

/* Any byte of the journal is wrong, and the database half written: opened or refused, but kept. */
static void a_damaged_journal_does_no_further_harm(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf after = BUF_INIT(8u << 20), journal = BUF_INIT(8u << 20);
    unsigned refused = 0;
    int n;

    make_old_state(f);
    killed_in_the_middle(f);
    read_whole(f, "vm.dsd", &after);
    read_whole(f, "vm.dsd-journal", &journal);
    for (size_t at = 0; at < journal.len; at += at < 600 ? 1 : 127) {
        journal.data[at] ^= 0x55;
        dataset_store_close(TAKE_PTR(f->s));
        write_whole(f, "vm.dsd", after.data, after.len);
        write_whole(f, "vm.dsd-journal", journal.data, journal.len);
        journal.data[at] ^= 0x55;
        if (open_again(f) == 0)
            keys(f, &host, "d", &n);
        else
            refused++;
        assert_true(there(f, "vm.dsd"));
    }
    assert_true(refused > 0);
}

/* Random bytes of the database are wrong: what is opened can be read, or is refused; no crash. */
static void damaged_pages_are_noticed_or_harmless(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf before = BUF_INIT(8u << 20);
    unsigned refused = 0;

    make_old_state(f);
    dataset_store_close(TAKE_PTR(f->s));
    read_whole(f, "vm.dsd", &before);
    for (size_t at = 0; at < before.len; at += at < 200 ? 1 : 37) {
        int n;

        before.data[at] ^= 0xff;
        write_whole(f, "vm.dsd", before.data, before.len);
        before.data[at] ^= 0xff;
        if (open_again(f)) {
            refused++;
            continue;
        }
        keys(f, &host, "d", &n);
        set(f, &host, "d", "k1", "new", false);
    }
    assert_true(refused > 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(used_is_the_bytes_of_keys_and_values),
        T(access_modes_hold_for_every_operation),
        T(suspended_machines_are_only_read),
        T(limits_are_exact),
        T(there_are_so_many_data_sets_and_no_more),
        T(a_vm_is_full_at_the_last_byte),
        T(several_changes_are_all_or_none),
        T(files_come_with_the_first_data_set_of_their_kind),
        T(lists_are_in_order_over_both_files),
        T(a_move_that_was_cut_off_is_settled),
        T(foreign_and_damaged_files_are_left_as_they_are),
        T(the_same_name_in_both_files_is_refused),
        T(a_write_cut_off_anywhere_never_shows_half_a_change),
        T(a_damaged_journal_does_no_further_harm),
        T(damaged_pages_are_noticed_or_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
