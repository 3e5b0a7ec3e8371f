/* The .vmx text: what is kept, what counts, limits, short memory. */
#include "hex.h"

#include <errno.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/vmxfile.h"

#define TEXT                                  \
    "#!/usr/bin/vmware\n"                     \
    ".encoding = \"UTF-8\"\n"                 \
    "displayName = \"a |22quoted|22 name\"\n" \
    "\n"                                      \
    "  not an assignment\n"                   \
    "guestinfo.Key = \"1\"\n"

static struct vmxfile *parse(const char *text)
{
    AUTO_BYTES struct bytes v = bytes_copy(text, strlen(text));
    struct vmxfile *f = NULL;

    assert_int_equal(vmxfile_parse(v.data, v.len, &f, NULL), 0);
    return f;
}

static void assert_writes(const struct vmxfile *f, const char *text)
{
    AUTO_BUF struct buf b = BUF_INIT(1 << 20);

    assert_int_equal(vmxfile_write(f, &b), 0);
    assert_string_equal(buf_text(&b), text);
}

static void text_comes_back_as_it_was(void **state)
{
    struct vmxfile *f = parse(TEXT);
    const char *key, *value;
    size_t pos = 0, n = 0;

    (void)state;
    assert_string_equal(vmxfile_get(f, "DISPLAYNAME"), "a \"quoted\" name");
    assert_string_equal(vmxfile_get(f, "guestInfo.key"), "1");
    assert_null(vmxfile_get(f, "nothing"));
    while (vmxfile_next(f, &pos, &key, &value))
        n++;
    assert_int_equal(n, 3);
    assert_writes(f, TEXT);
    vmxfile_free(f);
}

static void changes_keep_order_and_comments(void **state)
{
    struct vmxfile *f = parse("# c\na = \"1\"\nA = \"2\"\nb = \"3\"\n");

    (void)state;
    assert_string_equal(vmxfile_get(f, "a"), "1"); /* the first counts */
    assert_int_equal(vmxfile_set(f, "A", "9"), 0);
    assert_int_equal(vmxfile_set(f, "new.Key", "tab\there \"|\" \xc3\xa9"), 0);
    assert_writes(f, "# c\na = \"9\"\nb = \"3\"\nnew.Key = \"tab|09here |22|7C|22 \xc3\xa9\"\n");
    assert_int_equal(vmxfile_remove(f, "A"), 0);
    assert_int_equal(vmxfile_remove(f, "A"), -ENOENT);
    assert_int_equal(vmxfile_set(f, "b", vmxfile_get(f, "b")), 0); /* a value of its own */
    assert_writes(f, "# c\nb = \"3\"\nnew.Key = \"tab|09here |22|7C|22 \xc3\xa9\"\n");
    vmxfile_free(f);
}

static void forms_of_an_assignment(void **state)
{
    static const struct {
        const char *text, *value;
    } cases[] = {
        {"k=\"v\"", "v"},
        {"\tk = \"v\" # comment", "v"},
        {"k = v", "v"},
        {"k = v w # comment", "v w"},
        {"k = \"v\"\r", "v"},
        {"k =", ""},
        {"k = \"\"", ""},
        {"k = \"a#b\"", "a#b"},
        {"k = \"|0A|0a|zz|00|\"", "\n\n|zz|00|"},
        {"k = \"open", NULL},
        {"k v", NULL},
        {"= v", NULL},
        {"k k = v", NULL},
        {"# k = v", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct vmxfile *f = parse(cases[i].text);
        const char *value = vmxfile_get(f, "k");

        if (cases[i].value)
            assert_string_equal(value, cases[i].value);
        else
            assert_null(value);
        vmxfile_free(f);
    }
}

static void typed_values(void **state)
{
    struct vmxfile *f = parse("t = \"TRUE\"\ny = \"yes\"\nz = \"0\"\nn = \"-12\"\nx = \"maybe\"\n");

    (void)state;
    assert_true(vmxfile_get_bool(f, "t", false));
    assert_true(vmxfile_get_bool(f, "y", false));
    assert_false(vmxfile_get_bool(f, "z", true));
    assert_true(vmxfile_get_bool(f, "x", true));
    assert_false(vmxfile_get_bool(f, "nothing", false));
    assert_int_equal(vmxfile_get_int(f, "n", 3), -12);
    assert_int_equal(vmxfile_get_int(f, "x", 3), 3);
    vmxfile_free(f);
}

static void what_is_refused(void **state)
{
    struct vmxfile *f = parse("");
    struct error err = {0};
    char key[VMXFILE_KEY_MAX + 2] = {0};
    struct vmxfile *none = NULL;
    char *value = calloc(1, VMXFILE_VALUE_MAX + 2);

    (void)state;
    assert_int_equal(vmxfile_set(f, "", "v"), -EINVAL);
    assert_int_equal(vmxfile_set(f, "a b", "v"), -EINVAL);
    assert_int_equal(vmxfile_set(f, "a\n", "v"), -EINVAL);
    assert_int_equal(vmxfile_set(f, "a=", "v"), -EINVAL);
    for (size_t n = VMXFILE_KEY_MAX - 1; n <= VMXFILE_KEY_MAX + 1; n++) {
        memset(key, 'k', n);
        assert_int_equal(vmxfile_set(f, key, "v"), n > VMXFILE_KEY_MAX ? -EINVAL : 0);
    }
    for (size_t n = VMXFILE_VALUE_MAX - 1; n <= VMXFILE_VALUE_MAX + 1; n++) {
        memset(value, 'v', n);
        assert_int_equal(vmxfile_set(f, "k", value), n > VMXFILE_VALUE_MAX ? -EINVAL : 0);
    }
    assert_int_equal(vmxfile_parse("a\0b", 3, &none, &err), -EBADMSG);
    assert_int_equal(err.code, -EBADMSG);
    assert_null(none);
    free(value);
    vmxfile_free(f);
}

static void sizes_have_limits(void **state)
{
    char *text = malloc(VMXFILE_SIZE_MAX + 1);
    struct vmxfile *f;

    (void)state;
    memset(text, '#', VMXFILE_SIZE_MAX + 1);
    for (size_t n = VMXFILE_SIZE_MAX - 1; n <= VMXFILE_SIZE_MAX + 1; n++) {
        int r = vmxfile_parse(text, n, &f, NULL);

        assert_int_equal(r, n > VMXFILE_SIZE_MAX ? -EMSGSIZE : 0);
        if (!r)
            vmxfile_free(f);
    }
    memset(text, '\n', VMXFILE_SIZE_MAX + 1);
    for (size_t n = VMXFILE_LINES_MAX - 1; n <= VMXFILE_LINES_MAX + 1; n++) {
        int r = vmxfile_parse(text, n, &f, NULL);

        assert_int_equal(r, n > VMXFILE_LINES_MAX ? -EMSGSIZE : 0);
        if (!r)
            vmxfile_free(f);
    }
    free(text);
}

/* The text never grows over its limit by setting, and removing makes room again. */
static void setting_stops_at_the_size(void **state)
{
    char *value = calloc(1, VMXFILE_VALUE_MAX + 1);
    struct vmxfile *f = parse("");
    unsigned n = 0;

    (void)state;
    memset(value, 'v', VMXFILE_VALUE_MAX);
    for (int r = 0; !r; n++) {
        AUTO_BUF struct buf b = BUF_INIT(VMXFILE_SIZE_MAX);
        char key[16];

        snprintf(key, sizeof(key), "k%u", n);
        r = vmxfile_set(f, key, value);
        assert_true(r == 0 || r == -EMSGSIZE);
        assert_int_equal(vmxfile_write(f, &b), 0);
    }
    assert_int_equal(vmxfile_remove(f, "k0"), 0);
    assert_int_equal(vmxfile_set(f, "other", value), 0);
    vmxfile_free(f);
    free(value);
}

static void short_memory(void **state)
{
    struct vmxfile *f = NULL;
    int r = -ENOMEM;

    (void)state;
    for (long n = 0; r; n++) {
        assert_true(n < 100);
        mem_fail_after(n);
        r = vmxfile_parse(TEXT, strlen(TEXT), &f, NULL);
        mem_fail_after(-1);
        assert_true(r == 0 || r == -ENOMEM);
    }
    for (long n = 0, done = 0; !done; n++) {
        assert_true(n < 10);
        mem_fail_after(n);
        r = vmxfile_set(f, "fresh", "v");
        done = !r;
        mem_fail_after(-1);
        assert_int_equal(vmxfile_get(f, "fresh") != NULL, !r);
    }
    vmxfile_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_comes_back_as_it_was),
        cmocka_unit_test(changes_keep_order_and_comments),
        cmocka_unit_test(forms_of_an_assignment),
        cmocka_unit_test(typed_values),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(sizes_have_limits),
        cmocka_unit_test(setting_stops_at_the_size),
        cmocka_unit_test(short_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
