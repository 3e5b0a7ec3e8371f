/* Access rules: the published examples, the truth table, and rules that are broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "gstored/rules.h"

static bool allowed(const char *grant, const char *deny, const char *path)
{
    struct rules *r = NULL;
    char reason[RULES_REASON_MAX];

    assert_int_equal(rules_new(grant, deny, &r), 0);
    assert_null(rules_problem(r));
    bool ok = rules_allow(r, path, strlen(path), reason);
    rules_free(r);
    return ok;
}

static void truth_table(void **state)
{
    static const char *const paths[] = {"/vmware/vmtools-11/x", "/vmware/vmtools-10/x", "/other/x"};
    static const struct {
        const char *grant, *deny, *want; /* A allowed, D denied, in the order of paths */
    } rows[] = {
        {NULL, NULL, "AAA"},
        {".*/vmtools-11/.*", ".*", "ADD"},
        {NULL, ".*/vmtools-11/.*", "DAA"},
        {".*/vmtools-11/.*", ".*/vmtools-11/.*", "AAA"},
        {".*/vmtools-11/.*", ".*/vmtools-10/.*", "ADA"},
        {NULL, ".*/vmtools-10/.*", "ADA"},
        {".*", ".*", "AAA"},
        {".*", ".*/vmtools-10/.*", "AAA"},
        {".*/vmtools-11/.*", NULL, "AAA"},
        {NULL, ".*", "DDD"},
        {"/other/.* ; .*/vmtools-10/.*", ".*", "DAA"},
        {NULL, "/other", "AAA"}, /* whole path, not search */
        {"", ";; ;", "AAA"},
        {" ;\t.*/vmtools-11/.* ;", " .* ", "ADD"},
        {"/vmware/.*|/none", "/.*", "AAD"}, /* the alternatives are whole, too */
        {NULL, "/VMWARE/.*", "AAA"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        for (size_t p = 0; p < ARRAY_SIZE(paths); p++)
            if (allowed(rows[i].grant, rows[i].deny, paths[p]) != (rows[i].want[p] == 'A'))
                fail_msg("row %zu, path %s", i + 1, paths[p]);
}

static void the_deciding_rule_is_told(void **state)
{
    struct rules *r = NULL;
    char reason[RULES_REASON_MAX];

    (void)state;
    assert_int_equal(rules_new("/a;/b", "/c.*;/d", &r), 0);
    assert_true(rules_allow(r, "/b", 2, reason));
    assert_string_equal(reason, "grant 2 (/b)");
    assert_false(rules_allow(r, "/cc", 3, reason));
    assert_string_equal(reason, "deny 1 (/c.*)");
    assert_true(rules_allow(r, "/e", 2, reason));
    assert_string_equal(reason, "default");
    rules_free(r);
}

/* Nobody knows what a rule that does not compile was to protect. */
static void broken_rules_deny(void **state)
{
    static const struct {
        const char *grant, *deny;
    } rows[] = {{"(", NULL},           {NULL, "("},   {".*", "[a"},    {".*;*", NULL},
                {NULL, "(*UTF).*\\X"}, {"\\C", NULL}, {NULL, "a(?<n>"}};
    char reason[RULES_REASON_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct rules *r = NULL;

        assert_int_equal(rules_new(rows[i].grant, rows[i].deny, &r), 0);
        assert_non_null(rules_problem(r));
        assert_false(rules_allow(r, "/a", 2, reason));
        assert_memory_equal(reason, "broken: ", 8);
        rules_free(r);
    }
}

static void no_pattern_takes_long(void **state)
{
    /* [bc]: a last character that could be looked for first would end most of them early. */
    static const char *const patterns[] = {
        "/(a+)+[bc]",       "/(a*)*[bc]",         "/(a|aa)+[bc]",       "/(.*)*(.*)*[bc]",
        "/((a?){20}a)*[c]", "/(?:a(?:a)?)+$[bc]", "(?R)?/.*[bc]|(?R)/", "/(a{1,30}){1,30}[bc]",
    };
    char path[1025], reason[RULES_REASON_MAX];

    (void)state;
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
        for (int deny = 0; deny < 2; deny++) {
            struct rules *r = NULL;
            uint64_t start = clock_ms();

            assert_int_equal(rules_new(deny ? NULL : patterns[i], deny ? patterns[i] : NULL, &r),
                             0);
            bool ok = rules_allow(r, path, 1024, reason);
            uint64_t took = clock_ms() - start;
            /* What could not be decided is denied; the path matches none of them. */
            if (strstr(reason, "too long") || strstr(reason, "broken"))
                assert_false(ok);
            else
                assert_true(ok);
            if (took > 1000)
                fail_msg("%s took %d ms", patterns[i], (int)took);
            rules_free(r);
        }
    path[1024] = '\0';
    assert_false(allowed("/(a+)+[bc]", NULL, path)); /* this one does hit the limit */
}

/* Many rules, each just below its own limit, share one allowance of time. */
static void many_slow_rules_share_their_time(void **state)
{
    char list[RULES_TEXT_MAX + 1] = "", path[1025], reason[RULES_REASON_MAX];
    struct rules *r = NULL;

    (void)state;
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    for (unsigned i = 0; i < RULES_COUNT_MAX; i++)
        strncat(list, "/.{1,80}a.*a.{1,2}[bc];", sizeof(list) - strlen(list) - 1);
    assert_int_equal(rules_new(list, list, &r), 0);
    assert_null(rules_problem(r));
    uint64_t start = clock_ms();
    assert_false(rules_allow(r, path, 1024, reason));
    assert_true(clock_ms() - start < 2000);
    rules_free(r);
}

static void limits(void **state)
{
    char list[RULES_TEXT_MAX + 2];
    char reason[RULES_REASON_MAX];

    (void)state;
    for (unsigned n = RULES_COUNT_MAX - 1; n <= RULES_COUNT_MAX + 1; n++) {
        struct rules *r = NULL;
        for (unsigned i = 0; i < n; i++)
            memcpy(list + 2 * i, "x;", 2);
        list[2 * n] = '\0';
        assert_int_equal(rules_new(NULL, list, &r), 0);
        assert_int_equal(rules_problem(r) != NULL, n > RULES_COUNT_MAX);
        assert_int_equal(rules_allow(r, "/a", 2, reason), n <= RULES_COUNT_MAX);
        rules_free(r);
    }
    for (unsigned n = RULES_TEXT_MAX - 1; n <= RULES_TEXT_MAX + 1; n++) {
        struct rules *r = NULL;
        memset(list, ' ', n);
        list[n] = '\0';
        assert_int_equal(rules_new(list, NULL, &r), 0);
        assert_int_equal(rules_problem(r) != NULL, n > RULES_TEXT_MAX);
        rules_free(r);
    }
}

static void memory_that_runs_out(void **state)
{
    (void)state;
    for (long n = 0;; n++) {
        struct rules *r = NULL;
        mem_fail_after(n);
        int rc = rules_new("/a;/b", "(;c", &r);
        mem_fail_after(-1);
        if (rc == 0) {
            rules_free(r);
            assert_true(n > 3);
            return;
        }
        assert_int_equal(rc, -12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truth_table),
        cmocka_unit_test(the_deciding_rule_is_told),
        cmocka_unit_test(broken_rules_deny),
        cmocka_unit_test(no_pattern_takes_long),
        cmocka_unit_test(many_slow_rules_share_their_time),
        cmocka_unit_test(limits),
        cmocka_unit_test(memory_that_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
