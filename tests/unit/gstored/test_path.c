/* Paths of resources: what a guest may ask for at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "gstored/path.h"

static void good_paths(void **state)
{
    static const struct {
        const char *path, *want;
    } rows[] = {
        {"/a", "/a"},
        {"/example/myrepository/bar", "/example/myrepository/bar"},
        {"/", "/metadata.json"},
        {"/vmware/", "/vmware/metadata.json"},
        {"/...", "/..."},
        {"/.hidden/..x/x..", "/.hidden/..x/x.."},
        {"/a b?c#d;e", "/a b?c#d;e"},
        {"/100%", "/100%"},
        {"/100%2", "/100%2"},
        {"/50%25 off", "/50%25 off"},
        {"/%2e%2e%2e", "/%2e%2e%2e"},
        {"/\xc3\xa4\xe2\x82\xac", "/\xc3\xa4\xe2\x82\xac"},
        {"/\xff\xfe", "/\xff\xfe"},
    };
    char out[GSTORE_PATH_MAX + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *why = path_resolve(rows[i].path, strlen(rows[i].path), out);
        if (why)
            fail_msg("%s: %s", rows[i].path, why);
        assert_string_equal(out, rows[i].want);
    }
}

static void traversal_in_every_spelling(void **state)
{
    static const char *const bad[] = {
        "",
        "a",
        "a/b",
        "//",
        "//a",
        "/a//b",
        "/a//",
        "/.",
        "/..",
        "/./a",
        "/a/.",
        "/a/..",
        "/a/../b",
        "/a/./b",
        "/../",
        "/a/../",
        "/%2e%2e/x",
        "/%2E%2e/x",
        "/.%2e/x",
        "/%2e./x",
        "/%2e/x",
        "/a%2f..%2fb",
        "/a/..%2f",
        "/..%5cx",
        "/..\\x",
        "/a\\..\\b",
        "/%252e%252e",
        "/%25252e.",
        "/\xc0\xae\xc0\xae/x",
        "/\xe0\x80\xae.",
        "/%c0%ae%c0%ae/x",
        "/..%c0%af",
        "/a%00b",
        "/a%0d%0ab",
        "/a%7f",
        "/a\nb",
        "/a\x7f",
        "/a\x1f",
        "/%252500",
        "/%25252525252e",
    };
    char out[GSTORE_PATH_MAX + 1];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (!path_resolve(bad[i], strlen(bad[i]), out))
            fail_msg("\"%s\" got through", bad[i]);
    assert_non_null(path_resolve("/a\0b", 4, out));
}

static void lengths(void **state)
{
    char path[GSTORE_PATH_MAX + 1], out[GSTORE_PATH_MAX + 1];
    size_t name = strlen(PATH_FOLDER_RESOURCE);

    (void)state;
    memset(path, 'p', sizeof(path));
    path[0] = '/';
    assert_null(path_resolve(path, GSTORE_PATH_MAX - 1, out));
    assert_null(path_resolve(path, GSTORE_PATH_MAX, out));
    assert_int_equal(strlen(out), GSTORE_PATH_MAX);
    assert_non_null(path_resolve(path, GSTORE_PATH_MAX + 1, out));
    assert_non_null(path_resolve(path, 0, out));
    for (size_t n = GSTORE_PATH_MAX - name - 1; n <= GSTORE_PATH_MAX - name + 1; n++) {
        path[n - 1] = '/';
        const char *why = path_resolve(path, n, out);
        path[n - 1] = 'p';
        assert_int_equal(why != NULL, n + name > GSTORE_PATH_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_paths),
        cmocka_unit_test(traversal_in_every_spelling),
        cmocka_unit_test(lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
