/* The list of snapshots: its keys, its tree, its limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/mem.h"
#include "wire/vmsd.h"

static void parse(const char *text, struct vmsd *v)
{
    struct error err = {0};

    assert_int_equal(vmsd_parse(text, strlen(text), v, &err), 0);
}

static void refuse(const char *text)
{
    struct vmsd v;
    struct error err = {0};

    assert_int_equal(vmsd_parse(text, strlen(text), &v, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "damaged"));
}

static void keys_are_vmwares(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(VMSD_SIZE_MAX);
    struct vmsd v = {0}, back;

    (void)state;
    assert_int_equal(vmsd_add(&v, "before \"it\"", "two\nlines", 1700000000123456, false, true), 0);
    assert_int_equal(vmsd_add(&v, "after", "", 1700000001000000, true, false), 0);
    assert_int_equal(vmsd_write(&v, "demo", &b), 0);
    assert_non_null(strstr(buf_text(&b), "snapshot.lastUID = \"2\"\n"));
    assert_non_null(strstr(buf_text(&b), "snapshot.current = \"2\"\n"));
    assert_non_null(strstr(buf_text(&b), "snapshot.numSnapshots = \"2\"\n"));
    assert_non_null(strstr(buf_text(&b), "snapshot0.filename = \"demo-Snapshot1.vmsn\"\n"));
    assert_non_null(strstr(buf_text(&b), "snapshot0.disk0.fileName = \"demo-Snapshot1.root\"\n"));
    assert_non_null(strstr(buf_text(&b), "snapshot0.createTimeHigh = \"395812\"\n"));
    assert_non_null(strstr(buf_text(&b), "snapshot1.parent = \"1\"\n"));
    parse(buf_text(&b), &back);
    assert_int_equal(back.count, 2);
    assert_string_equal(back.items[0].name, "before \"it\"");
    assert_string_equal(back.items[0].description, "two\nlines");
    assert_true(back.items[0].create_us == 1700000000123456);
    assert_true(back.items[0].has_disk && !back.items[0].quiesced);
    assert_true(!back.items[1].has_disk && back.items[1].quiesced);
    vmsd_clear(&back);
    vmsd_clear(&v);
}

static void uids_are_never_used_twice(void **state)
{
    struct vmsd v = {0};

    (void)state;
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(vmsd_add(&v, "s", "", 0, false, true), 0);
    assert_int_equal(vmsd_remove(&v, 3, false), 0);
    assert_int_equal(v.current, 2);
    assert_int_equal(vmsd_add(&v, "s", "", 0, false, true), 0);
    assert_int_equal(v.current, 4);
    assert_null(vmsd_find(&v, 3));
    vmsd_clear(&v);
}

/* 1 - 2 - 3, and 4 beneath 2. */
static void grow(struct vmsd *v)
{
    for (unsigned i = 1; i <= 3; i++)
        assert_int_equal(vmsd_add(v, "s", "", 0, false, true), 0);
    v->current = 2;
    assert_int_equal(vmsd_add(v, "s", "", 0, false, true), 0);
}

static void children_go_up_or_go_too(void **state)
{
    struct vmsd v = {0};

    (void)state;
    grow(&v);
    assert_int_equal(vmsd_remove(&v, 2, false), 0);
    assert_int_equal(v.count, 3);
    assert_int_equal(vmsd_find(&v, 3)->parent, 1);
    assert_int_equal(vmsd_find(&v, 4)->parent, 1);
    assert_int_equal(v.current, 4);
    vmsd_clear(&v);
    grow(&v);
    assert_int_equal(vmsd_remove(&v, 2, true), 0);
    assert_int_equal(v.count, 1);
    assert_int_equal(v.current, 1);
    assert_int_equal(vmsd_remove(&v, 1, true), 0);
    assert_int_equal(v.current, 0);
    assert_int_equal(vmsd_remove(&v, 1, true), -ENOENT);
    vmsd_clear(&v);
}

static void limits_are_exact(void **state)
{
    char name[VMSD_NAME_MAX + 2], description[VMSD_DESCRIPTION_MAX + 2];
    struct vmsd v = {0};

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    memset(description, 'd', sizeof(description) - 1);
    description[sizeof(description) - 1] = '\0';
    assert_int_equal(vmsd_add(&v, name, "", 0, false, true), -EINVAL);
    assert_int_equal(vmsd_add(&v, name + 1, description + 1, 0, false, true), 0);
    assert_int_equal(vmsd_rename(&v, 1, NULL, description), -EINVAL);
    assert_int_equal(vmsd_rename(&v, 1, "", NULL), -EINVAL);
    assert_int_equal(vmsd_rename(&v, 1, "a\x01", NULL), -EINVAL);
    assert_int_equal(vmsd_rename(&v, 1, "a\xff", NULL), -EINVAL);
    assert_int_equal(vmsd_rename(&v, 9, "a", NULL), -ENOENT);
    assert_int_equal(vmsd_rename(&v, 1, "a", NULL), 0);
    assert_string_equal(v.items[0].name, "a");
    assert_string_equal(v.items[0].description, description + 1);
    for (unsigned i = 1; i < VMSD_DEPTH_MAX; i++)
        assert_int_equal(vmsd_add(&v, "s", "", 0, false, true), 0);
    assert_int_equal(vmsd_add(&v, "s", "", 0, false, true), -ELOOP);
    for (unsigned i = VMSD_DEPTH_MAX; i < VMSD_SNAPSHOTS_MAX; i++) {
        v.current = 1;
        assert_int_equal(vmsd_add(&v, "s", "", 0, false, true), 0);
    }
    v.current = 1;
    assert_int_equal(vmsd_add(&v, "s", "", 0, false, true), -E2BIG);
    vmsd_clear(&v);
}

static void damaged_lists_are_refused(void **state)
{
    struct vmsd v;

    (void)state;
    parse("", &v);
    assert_int_equal(v.count, 0);
    refuse("snapshot.numSnapshots = \"1\"\nsnapshot.lastUID = \"1\"\n");
    refuse("snapshot.numSnapshots = \"1\"\nsnapshot.lastUID = \"1\"\nsnapshot0.uid = \"2\"\n"
           "snapshot0.displayName = \"a\"\n");
    refuse("snapshot.numSnapshots = \"1\"\nsnapshot.lastUID = \"1\"\nsnapshot0.uid = \"1\"\n"
           "snapshot0.parent = \"1\"\nsnapshot0.displayName = \"a\"\n");
    refuse("snapshot.numSnapshots = \"1\"\nsnapshot.lastUID = \"1\"\nsnapshot0.uid = \"1\"\n"
           "snapshot0.parent = \"7\"\nsnapshot0.displayName = \"a\"\n");
    refuse("snapshot.current = \"1\"\n");
    refuse("inguest.snapshot.reverting = \"1\"\n");
    refuse("snapshot.numSnapshots = \"129\"\n");
    refuse("snapshot.numSnapshots = \"-1\"\n");
}

static void memory_may_run_out(void **state)
{
    (void)state;
    for (long n = 0; n < 12; n++) {
        struct vmsd v = {0}, copy = {0};
        int r;

        mem_fail_after(n);
        r = vmsd_add(&v, "a", "b", 0, false, true);
        if (!r)
            r = vmsd_copy(&v, &copy);
        if (!r)
            r = vmsd_rename(&copy, 1, "c", "d");
        mem_fail_after(-1);
        assert_true(r == 0 || r == -ENOMEM);
        assert_true(n > 0 || r == -ENOMEM);
        vmsd_clear(&v);
        vmsd_clear(&copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_vmwares),          cmocka_unit_test(uids_are_never_used_twice),
        cmocka_unit_test(children_go_up_or_go_too),  cmocka_unit_test(limits_are_exact),
        cmocka_unit_test(damaged_lists_are_refused), cmocka_unit_test(memory_may_run_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
