/* Files and folders, by way of the service and a real worker. */
#include <dirent.h>
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
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/mem.h"
#include "guest/file_copy.h"
#include "service_fixture.h"
#include "wire/vix.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"
#include "wire/vix_text.h"

struct paths {
    char a[128], b[128], c[128];
};

static void paths(const struct fixture *f, struct paths *p, const char *a, const char *b,
                  const char *c)
{
    snprintf(p->a, sizeof(p->a), "%s/%s", f->home, a);
    snprintf(p->b, sizeof(p->b), "%s/%s", f->home, b);
    snprintf(p->c, sizeof(p->c), "%s/%s", f->home, c);
}

static void make_file(const char *path, const char *text)
{
    assert_int_equal(fs_write_file(AT_FDCWD, path, text, strlen(text), 0644, NULL), 0);
}

static int exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

static uint64_t on_path(struct fixture *f, uint32_t op, const char *path, bool flag)
{
    union vix_body b = {.path = {.path = path, .flag = flag}};
    struct answer a = {0};
    uint64_t err = fixture_call(f, op, &b, &a);

    answer_clear(&a);
    return err;
}

static void test_directories(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    struct paths p;

    paths(f, &p, "d/e/f", "file", "link");
    assert_int_equal(on_path(f, VIX_OP_CREATE_DIRECTORY_EX, p.a, false), VIX_E_FILE_NOT_FOUND);
    assert_int_equal(on_path(f, VIX_OP_CREATE_DIRECTORY_EX, p.a, true), VIX_OK);
    assert_int_equal(stat(p.a, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(on_path(f, VIX_OP_CREATE_DIRECTORY_EX, p.a, true), VIX_E_FILE_ALREADY_EXISTS);
    assert_int_equal(on_path(f, VIX_OP_CREATE_DIRECTORY_EX, "", true), VIX_E_INVALID_ARG);
    make_file(p.b, "x");
    assert_int_equal(on_path(f, VIX_OP_DELETE_GUEST_DIRECTORY_EX, p.b, true),
                     VIX_E_NOT_A_DIRECTORY);
    paths(f, &p, "d", "d/e/f/keep", "link");
    make_file(p.b, "x");
    assert_int_equal(symlink("d", p.c), 0);
    assert_int_equal(on_path(f, VIX_OP_DELETE_GUEST_DIRECTORY_EX, p.c, true),
                     VIX_E_NOT_A_DIRECTORY);
    assert_int_equal(on_path(f, VIX_OP_DELETE_GUEST_DIRECTORY_EX, p.a, false),
                     VIX_E_DIRECTORY_NOT_EMPTY);
    assert_true(exists(p.b));
    assert_int_equal(on_path(f, VIX_OP_DELETE_GUEST_DIRECTORY_EX, p.a, true), VIX_OK);
    assert_false(exists(p.a));
    assert_int_equal(on_path(f, VIX_OP_DELETE_GUEST_DIRECTORY_EX, p.a, true), VIX_E_FILE_NOT_FOUND);
}

static void test_delete_file(void **state)
{
    struct fixture *f = *state;
    struct paths p;

    paths(f, &p, "a", "dangling", "b");
    make_file(p.a, "x");
    assert_int_equal(symlink("/nowhere", p.b), 0);
    assert_int_equal(on_path(f, VIX_OP_DELETE_GUEST_FILE_EX, p.a, false), VIX_OK);
    assert_int_equal(on_path(f, VIX_OP_DELETE_GUEST_FILE_EX, p.a, false), VIX_E_FILE_NOT_FOUND);
    assert_int_equal(on_path(f, VIX_OP_DELETE_GUEST_FILE_EX, p.b, false), VIX_OK);
    assert_false(exists(p.b));
    assert_int_equal(on_path(f, VIX_OP_DELETE_GUEST_FILE_EX, f->home, false), VIX_E_NOT_A_FILE);
}

static uint64_t move(struct fixture *f, uint32_t op, const char *from, const char *to,
                     bool overwrite)
{
    union vix_body b = {.move = {.from = from, .to = to, .overwrite = overwrite}};
    struct answer a = {0};
    uint64_t err = fixture_call(f, op, &b, &a);

    answer_clear(&a);
    return err;
}

static void test_move(void **state)
{
    struct fixture *f = *state;
    struct paths p, d;

    paths(f, &p, "a", "b", "c");
    paths(f, &d, "d", "e", "f");
    make_file(p.a, "a");
    make_file(p.b, "b");
    assert_int_equal(mkdir(d.a, 0700), 0);
    assert_int_equal(mkdir(d.b, 0700), 0);
    assert_int_equal(move(f, VIX_OP_MOVE_GUEST_FILE_EX, p.c, p.a, true), VIX_E_FILE_NOT_FOUND);
    assert_int_equal(move(f, VIX_OP_MOVE_GUEST_FILE_EX, p.a, p.a, false), VIX_OK);
    assert_int_equal(move(f, VIX_OP_MOVE_GUEST_FILE_EX, p.a, p.b, false),
                     VIX_E_FILE_ALREADY_EXISTS);
    assert_int_equal(move(f, VIX_OP_MOVE_GUEST_FILE_EX, p.a, d.a, true), VIX_E_FILE_ALREADY_EXISTS);
    assert_int_equal(move(f, VIX_OP_MOVE_GUEST_FILE_EX, d.a, p.c, true), VIX_E_NOT_A_FILE);
    assert_int_equal(move(f, VIX_OP_MOVE_GUEST_FILE, p.a, d.a, true), VIX_E_ALREADY_EXISTS);
    assert_int_equal(move(f, VIX_OP_MOVE_GUEST_FILE_EX, p.a, p.b, true), VIX_OK);
    assert_false(exists(p.a));
    assert_int_equal(move(f, VIX_OP_MOVE_GUEST_DIRECTORY, p.b, d.c, false), VIX_E_NOT_A_DIRECTORY);
    assert_int_equal(move(f, VIX_OP_MOVE_GUEST_DIRECTORY, d.a, d.b, true),
                     VIX_E_FILE_ALREADY_EXISTS);
    assert_int_equal(move(f, VIX_OP_MOVE_GUEST_DIRECTORY, d.a, p.b, true),
                     VIX_E_FILE_ALREADY_EXISTS);
    assert_int_equal(move(f, VIX_OP_MOVE_GUEST_DIRECTORY, d.a, d.c, false), VIX_OK);
    assert_true(exists(d.c));
}

/* The way over file systems, tried within one. */
static void test_move_across(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf b = BUF_INIT(64);
    char target[64] = "";
    struct paths p, q;
    struct stat st;

    paths(f, &p, "tree", "tree/in", "copy");
    paths(f, &q, "tree/in/file", "tree/link", "copy/in/file");
    assert_int_equal(mkdir(p.a, 0750), 0);
    assert_int_equal(mkdir(p.b, 0700), 0);
    make_file(q.a, "content");
    assert_int_equal(chmod(q.a, 04711), 0);
    assert_int_equal(symlink("in/file", q.b), 0);
    assert_int_equal(mkdir(p.c, 0700), 0);
    assert_int_equal(file_move_across(p.a, p.c, 0), -EEXIST);
    assert_true(exists(q.a));
    assert_int_equal(rmdir(p.c), 0);
    assert_int_equal(file_move_across(p.a, p.c, 0), 0);
    assert_false(exists(p.a));
    assert_int_equal(fs_read_file(AT_FDCWD, q.c, &b, NULL), 0);
    assert_string_equal(buf_text(&b), "content");
    assert_int_equal(stat(q.c, &st), 0);
    assert_int_equal(st.st_mode & 07777, 04711);
    assert_int_equal(stat(p.c, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    paths(f, &q, "copy/link", "pipe", "pipe2");
    assert_int_equal(readlink(q.a, target, sizeof(target) - 1), 7);
    assert_string_equal(target, "in/file");
    assert_int_equal(mkfifo(q.b, 0600), 0);
    assert_int_equal(file_move_across(q.b, q.c, 0), -EINVAL);
    assert_true(exists(q.b));
    assert_false(exists(q.c));
}

static uint64_t temp(struct fixture *f, uint32_t op, const char *prefix, const char *suffix,
                     const char *dir, char path[512])
{
    union vix_body b = {.temp = {.prefix = prefix, .suffix = suffix, .directory = dir}};
    struct answer a = {0};
    uint64_t err = fixture_call(f, op, &b, &a);

    snprintf(path, 512, "%s", buf_text(&a.data));
    answer_clear(&a);
    return err;
}

static void test_temp(void **state)
{
    struct fixture *f = *state;
    char one[512], two[512], folder[512];
    struct stat st;
    struct paths p;

    paths(f, &p, "file", "none", "x");
    make_file(p.a, "x");
    assert_int_equal(temp(f, VIX_OP_CREATE_TEMPORARY_FILE_EX, "pre", ".txt", f->home, one), VIX_OK);
    assert_int_equal(temp(f, VIX_OP_CREATE_TEMPORARY_FILE_EX, "pre", ".txt", f->home, two), VIX_OK);
    assert_string_not_equal(one, two);
    assert_memory_equal(one, f->home, strlen(f->home));
    assert_memory_equal(one + strlen(f->home), "/prevmware", 10);
    assert_string_equal(one + strlen(one) - 4, ".txt");
    assert_int_equal(stat(one, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(temp(f, VIX_OP_CREATE_TEMPORARY_DIRECTORY, "d", "", f->home, one), VIX_OK);
    assert_int_equal(stat(one, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(temp(f, VIX_OP_CREATE_TEMPORARY_FILE_EX, "", "", p.a, one),
                     VIX_E_NOT_A_DIRECTORY);
    assert_int_equal(temp(f, VIX_OP_CREATE_TEMPORARY_FILE_EX, "", "", p.b, one),
                     VIX_E_FILE_NOT_FOUND);
    assert_int_equal(temp(f, VIX_OP_CREATE_TEMPORARY_FILE_EX, "../x", "", f->home, one),
                     VIX_E_INVALID_ARG);
    /* Without a folder it is a private one, the same each time. */
    assert_int_equal(temp(f, VIX_OP_CREATE_TEMPORARY_FILE_EX, "", "", "", one), VIX_OK);
    assert_int_equal(temp(f, VIX_OP_CREATE_TEMPORARY_FILE_EX, "", "", "", two), VIX_OK);
    snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(one, '/') - one), one);
    assert_memory_equal(folder, "/tmp/vmware-", 12);
    assert_memory_equal(two, folder, strlen(folder));
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(fs_remove_tree(AT_FDCWD, folder, NULL), 0);
    assert_int_equal(temp(f, VIX_OP_CREATE_TEMPORARY_FILE_EX, "", "", "", one), VIX_OK);
    snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(one, '/') - one), one);
    fs_remove_tree(AT_FDCWD, folder, NULL);
}

static void test_attributes(void **state)
{
    struct fixture *f = *state;
    union vix_body b;
    struct answer a = {0};
    struct stat st;
    struct paths p;

    paths(f, &p, "a", "none", "x");
    make_file(p.a, "x");
    b = (union vix_body){
        .set_attributes = {.options = VIX_ATTR_MODIFICATION_TIME | VIX_ATTR_PERMISSIONS,
                           .modification_time = 1700000000,
                           .permissions = 0640,
                           .path = p.a}};
    assert_int_equal(fixture_call(f, VIX_OP_SET_GUEST_FILE_ATTRIBUTES, &b, &a), VIX_OK);
    assert_int_equal(stat(p.a, &st), 0);
    assert_int_equal(st.st_mtim.tv_sec, 1700000000);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_true(st.st_atim.tv_sec > 1700000000);
    if (geteuid() == 0) {
        b.set_attributes.options = VIX_ATTR_OWNER | VIX_ATTR_PERMISSIONS;
        b.set_attributes.owner = 12345;
        b.set_attributes.permissions = 04755;
        assert_int_equal(fixture_call(f, VIX_OP_SET_GUEST_FILE_ATTRIBUTES, &b, &a), VIX_OK);
        assert_int_equal(stat(p.a, &st), 0);
        assert_int_equal(st.st_uid, 12345);
        assert_int_equal(st.st_gid, getegid());
        assert_int_equal(st.st_mode & 07777, 04755);
    }
    b.set_attributes.path = p.b;
    assert_int_equal(fixture_call(f, VIX_OP_SET_GUEST_FILE_ATTRIBUTES, &b, &a),
                     VIX_E_FILE_NOT_FOUND);
    b.set_attributes.options = VIX_ATTR_HIDDEN;
    assert_int_equal(fixture_call(f, VIX_OP_SET_GUEST_FILE_ATTRIBUTES, &b, &a), VIX_E_INVALID_ARG);
    answer_clear(&a);
}

struct listed {
    unsigned count;
    char first[64];
    uint64_t remaining;
    bool truncated;
};

static uint64_t list(struct fixture *f, const char *path, const char *pattern, int32_t index,
                     int32_t max, uint64_t offset, struct listed *l)
{
    union vix_body b = {.list_files = {.path = path,
                                       .pattern = pattern,
                                       .index = index,
                                       .max_results = max,
                                       .offset = offset}};
    struct arena arena = ARENA_INIT(4u << 20);
    struct vix_file_info info;
    struct vix_list_head h;
    struct answer a = {0};
    struct vix_text t;
    uint64_t err = fixture_call(f, VIX_OP_LIST_FILES, &b, &a);
    int r = 0;

    *l = (struct listed){0};
    if (err == VIX_OK) {
        vix_text_begin(&t, a.data.data, a.data.len, true);
        assert_int_equal(vix_text_list_head(&t, &h), 0);
        l->truncated = h.truncated;
        l->remaining = h.remaining;
        while ((r = vix_text_next_file(&t, &arena, &info)) == 1)
            if (l->count++ == 0)
                snprintf(l->first, sizeof(l->first), "%s", info.name);
        assert_int_equal(r, 0);
    }
    arena_free(&arena);
    answer_clear(&a);
    return err;
}

static void test_list(void **state)
{
    struct fixture *f = *state;
    struct listed l;
    struct paths p;

    for (int i = 0; i < 10; i++) {
        char name[16];

        snprintf(name, sizeof(name), "f%d.%s", i, i % 2 ? "log" : "txt");
        paths(f, &p, name, "link", "none");
        make_file(p.a, "12345");
    }
    assert_int_equal(symlink("f1.log", p.b), 0);
    assert_int_equal(list(f, f->home, "", 0, 50, 0, &l), VIX_OK);
    assert_int_equal(l.count, 13);
    assert_string_equal(l.first, ".");
    assert_int_equal(l.remaining, 0);
    assert_int_equal(list(f, f->home, ".*\\.log", 0, 50, 0, &l), VIX_OK);
    assert_int_equal(l.count, 5);
    assert_int_equal(list(f, f->home, "\\.log$", 1, 2, 0, &l), VIX_OK);
    assert_int_equal(l.count, 2);
    assert_int_equal(l.remaining, 2);
    assert_int_equal(list(f, f->home, "", 4, 0, 0, &l), VIX_OK);
    assert_int_equal(l.count, 0);
    assert_int_equal(l.remaining, 9);
    assert_int_equal(list(f, f->home, "", 0, 5, 3, &l), VIX_OK);
    assert_int_equal(l.count, 2);
    assert_int_equal(l.remaining, 8);
    assert_int_equal(list(f, f->home, "", 100, 5, 0, &l), VIX_OK);
    assert_int_equal(l.count, 0);
    assert_int_equal(l.remaining, 0);
    assert_int_equal(list(f, f->home, "", 0, 5, 5, &l), VIX_E_INVALID_ARG);
    assert_int_equal(list(f, f->home, "", -1, 5, 0, &l), VIX_E_INVALID_ARG);
    assert_int_equal(list(f, f->home, "(", 0, 5, 0, &l), VIX_E_INVALID_ARG);
    assert_int_equal(list(f, p.b, "", 0, 5, 0, &l), VIX_OK);
    assert_int_equal(l.count, 1);
    assert_string_equal(l.first, p.b);
    assert_int_equal(list(f, p.c, "", 0, 5, 0, &l), VIX_E_FILE_NOT_FOUND);
}

/* A pattern that would take for ever is refused in time. */
static void test_hostile_pattern(void **state)
{
    struct fixture *f = *state;
    struct listed l;
    struct paths p;

    paths(f, &p, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "b", "c");
    make_file(p.a, "");
    assert_int_equal(list(f, f->home, "^(a+)+$", 0, 5, 0, &l), VIX_E_INVALID_ARG);
}

/* A folder that does not fit one answer, fetched as a host does it. */
static void test_list_truncated(void **state)
{
    enum { COUNT = 3000 };
    struct fixture *f = *state;
    unsigned seen = 0, calls = 0;
    struct listed l;

    for (int i = 0; i < COUNT; i++) {
        char path[128];
        int fd;

        snprintf(path, sizeof(path), "%s/some-longer-name-%d", f->home, i);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
    do {
        assert_int_equal(list(f, f->home, "some", 0, 100000, seen, &l), VIX_OK);
        assert_true(l.count > 0);
        seen += l.count;
        calls++;
        assert_int_equal(l.remaining, COUNT - seen);
    } while (l.truncated);
    assert_int_equal(seen, COUNT);
    assert_true(calls > 1);
}

/* The requests of one listing go through the folder once: entries that were had may go meanwhile
 * without the rest moving up. */
static void test_list_while_changing(void **state)
{
    enum { COUNT = 3000 };
    struct fixture *f = *state;
    unsigned seen = 0;
    struct listed l;
    char path[128];

    for (int i = 0; i < COUNT; i++) {
        int fd;

        snprintf(path, sizeof(path), "%s/some-longer-name-%d", f->home, i);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
    do {
        assert_int_equal(list(f, f->home, "some", 0, 100000, seen, &l), VIX_OK);
        seen += l.count;
        snprintf(path, sizeof(path), "%s/%s", f->home, l.first);
        assert_int_equal(unlink(path), 0);
    } while (l.truncated);
    assert_int_equal(seen, COUNT);
    /* A place where no listing stopped: the folder is read from its beginning. */
    assert_int_equal(list(f, f->home, "some", 0, 100000, 7, &l), VIX_OK);
    assert_true(l.count > 0);
}

static void test_transfer_checks(void **state)
{
    struct fixture *f = *state;
    union vix_body b = {.list_files = {.pattern = ""}};
    struct answer a = {0};
    char expect[200];
    struct paths p;

    paths(f, &p, "file", "link", "none/x");
    make_file(p.a, "12345");
    assert_int_equal(symlink("file", p.b), 0);
    b.list_files.path = p.a;
    assert_int_equal(fixture_call(f, VIX_OP_INITIATE_FILE_TRANSFER_FROM_GUEST, &b, &a), VIX_OK);
    snprintf(expect, sizeof(expect), "<fxi><Name>%s</Name><ft>0</ft><fs>5</fs>", p.a);
    assert_memory_equal(buf_text(&a.data), expect, strlen(expect));
    b.list_files.path = p.b;
    assert_int_equal(fixture_call(f, VIX_OP_INITIATE_FILE_TRANSFER_FROM_GUEST, &b, &a),
                     VIX_E_INVALID_ARG);
    b.list_files.path = f->home;
    assert_int_equal(fixture_call(f, VIX_OP_INITIATE_FILE_TRANSFER_FROM_GUEST, &b, &a),
                     VIX_E_NOT_A_FILE);
    b.list_files.path = p.c;
    assert_int_equal(fixture_call(f, VIX_OP_INITIATE_FILE_TRANSFER_FROM_GUEST, &b, &a),
                     VIX_E_FILE_NOT_FOUND);
    answer_clear(&a);
    assert_int_equal(on_path(f, VIX_OP_INITIATE_FILE_TRANSFER_TO_GUEST, p.a, true), VIX_OK);
    assert_int_equal(on_path(f, VIX_OP_INITIATE_FILE_TRANSFER_TO_GUEST, p.a, false),
                     VIX_E_FILE_ALREADY_EXISTS);
    assert_int_equal(on_path(f, VIX_OP_INITIATE_FILE_TRANSFER_TO_GUEST, p.b, true),
                     VIX_E_INVALID_ARG);
    assert_int_equal(on_path(f, VIX_OP_INITIATE_FILE_TRANSFER_TO_GUEST, f->home, true),
                     VIX_E_NOT_A_FILE);
    assert_int_equal(on_path(f, VIX_OP_INITIATE_FILE_TRANSFER_TO_GUEST, p.c, true),
                     VIX_E_FILE_NAME_INVALID);
    paths(f, &p, "new", "x", "y");
    assert_int_equal(on_path(f, VIX_OP_INITIATE_FILE_TRANSFER_TO_GUEST, p.a, false), VIX_OK);
    assert_false(exists(p.a));
}

static void test_old_calls(void **state)
{
    struct fixture *f = *state;
    union vix_body b = {.path = {0}};
    struct answer a = {0};
    struct paths p;

    paths(f, &p, "a b", "none", "d");
    make_file(p.a, "123");
    b.path.path = p.a;
    assert_int_equal(fixture_call(f, VIX_OP_GUEST_FILE_EXISTS, &b, &a), VIX_OK);
    assert_string_equal(buf_text(&a.data), "1");
    assert_int_equal(fixture_call(f, VIX_OP_DIRECTORY_EXISTS, &b, &a), VIX_OK);
    assert_string_equal(buf_text(&a.data), "0");
    assert_int_equal(fixture_call(f, VIX_OP_GET_FILE_INFO, &b, &a), VIX_OK);
    assert_non_null(strstr(buf_text(&a.data), "<FileSize>3</FileSize>"));
    b.path.path = p.b;
    assert_int_equal(fixture_call(f, VIX_OP_GUEST_FILE_EXISTS, &b, &a), VIX_OK);
    assert_string_equal(buf_text(&a.data), "0");
    b = (union vix_body){.list_files = {.path = f->home, .options = 1}};
    assert_int_equal(fixture_call(f, VIX_OP_LIST_DIRECTORY, &b, &a), VIX_OK);
    assert_memory_equal(buf_text(&a.data), "0 <FileInfo><Name>a b</Name>", 28);
    b = (union vix_body){0};
    assert_int_equal(fixture_call(f, VIX_OP_LIST_FILESYSTEMS, &b, &a), VIX_OK);
    assert_memory_equal(buf_text(&a.data), "<filesystem>", 12);
    answer_clear(&a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_directories),
        TEST(test_delete_file),
        TEST(test_move),
        TEST(test_move_across),
        TEST(test_temp),
        TEST(test_attributes),
        TEST(test_list),
        TEST(test_hostile_pattern),
        TEST(test_list_truncated),
        TEST(test_list_while_changing),
        TEST(test_transfer_checks),
        TEST(test_old_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
