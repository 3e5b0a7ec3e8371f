/* Answers that are kept: which, for how long, how many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "vmx/dataset_answers.h"

static void keep(struct dataset_answers *a, const char *name, const char *answer)
{
    dataset_answers_keep(a, dataset_answers_generation(a), name, strlen(name), answer,
                         strlen(answer));
}

/* NULL `answer`: it is not known. */
static void expect(struct dataset_answers *a, const char *name, const char *answer)
{
    size_t len = 0;
    const void *found = dataset_answers_find(a, name, strlen(name), &len);

    if (!answer) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_int_equal(len, strlen(answer));
    assert_memory_equal(found, answer, len);
}

static void names_are_told_apart(void **state)
{
    struct dataset_answers *a = dataset_answers_new();

    (void)state;
    assert_non_null(a);
    expect(a, "", NULL);
    keep(a, "ab", "1");
    keep(a, "a", "b1");
    keep(a, "", "empty");
    keep(a, "nothing", "");
    expect(a, "ab", "1");
    expect(a, "a", "b1");
    expect(a, "", "empty");
    expect(a, "nothing", "");
    expect(a, "abc", NULL);
    keep(a, "ab", "2"); /* the same, as nothing has changed */
    expect(a, "ab", "1");
    dataset_answers_free(a);
}

static void a_change_forgets_what_is_kept_and_what_is_under_way(void **state)
{
    struct dataset_answers *a = dataset_answers_new();
    uint64_t before;

    (void)state;
    assert_non_null(a);
    keep(a, "k", "old");
    before = dataset_answers_generation(a);
    dataset_answers_forget(a);
    expect(a, "k", NULL);
    dataset_answers_keep(a, before, "k", 1, "old", 3);
    expect(a, "k", NULL);
    keep(a, "k", "new");
    expect(a, "k", "new");
    dataset_answers_free(a);
}

static void there_are_limits(void **state)
{
    static const char zeros[DATASET_ANSWER_SIZE + 1];
    struct dataset_answers *a = dataset_answers_new();
    uint64_t now;
    char name[16];
    size_t len;

    (void)state;
    assert_non_null(a);
    now = dataset_answers_generation(a);
    for (size_t n = DATASET_ANSWER_SIZE - 1; n <= DATASET_ANSWER_SIZE + 1; n++) {
        dataset_answers_keep(a, now, "k", 1, zeros, n - 1);
        assert_int_equal(dataset_answers_find(a, "k", 1, &len) != NULL, n <= DATASET_ANSWER_SIZE);
        dataset_answers_keep(a, now, zeros, n, "", 0);
        assert_int_equal(dataset_answers_find(a, zeros, n, &len) != NULL, n <= DATASET_ANSWER_SIZE);
        dataset_answers_forget(a);
        now = dataset_answers_generation(a);
    }
    for (unsigned i = 0; i < DATASET_ANSWERS_MAX; i++) {
        snprintf(name, sizeof(name), "%u", i);
        keep(a, name, name);
    }
    expect(a, "0", "0"); /* used once more */
    keep(a, "more", "more");
    expect(a, "more", "more");
    expect(a, "0", "0");
    expect(a, "1", NULL);
    expect(a, "2", "2");
    dataset_answers_free(a);
}

static void without_memory_nothing_is_kept(void **state)
{
    struct dataset_answers *a = dataset_answers_new();

    (void)state;
    assert_non_null(a);
    mem_fail_after(0);
    keep(a, "k", "v");
    mem_fail_after(-1);
    expect(a, "k", NULL);
    dataset_answers_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_told_apart),
        cmocka_unit_test(a_change_forgets_what_is_kept_and_what_is_under_way),
        cmocka_unit_test(there_are_limits),
        cmocka_unit_test(without_memory_nothing_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
