/* Whose streams there are: tokens, and how many are remembered. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guest/stream_owners.h"
#include "wire/vix_stream.h"

static const uint8_t *token(unsigned n)
{
    static uint8_t bytes[VIX_STREAM_TOKEN_SIZE];

    memset(bytes, 7, sizeof(bytes));
    memcpy(bytes, &n, sizeof(n));
    return bytes;
}

static void one_owner_each(void **state)
{
    struct stream_owners all = {0};

    (void)state;
    assert_null(stream_owners_find(&all, token(1)));
    stream_owners_remove(&all, token(1));
    assert_int_equal(stream_owners_add(&all, token(1), "alice"), 0);
    assert_int_equal(stream_owners_add(&all, token(2), "bob"), 0);
    assert_int_equal(stream_owners_add(&all, token(1), "eve"), -EEXIST);
    assert_string_equal(stream_owners_find(&all, token(1)), "alice");
    assert_string_equal(stream_owners_find(&all, token(2)), "bob");
    stream_owners_remove(&all, token(1));
    assert_null(stream_owners_find(&all, token(1)));
    assert_string_equal(stream_owners_find(&all, token(2)), "bob");
    assert_int_equal(stream_owners_add(&all, token(1), "eve"), 0);
    assert_string_equal(stream_owners_find(&all, token(1)), "eve");
    stream_owners_clear(&all);
    assert_int_equal(all.count, 0);
}

static void the_oldest_makes_room(void **state)
{
    struct stream_owners all = {0};

    (void)state;
    for (unsigned i = 0; i < STREAM_OWNERS_MAX; i++)
        assert_int_equal(stream_owners_add(&all, token(i), "alice"), 0);
    assert_int_equal(all.count, STREAM_OWNERS_MAX);
    assert_non_null(stream_owners_find(&all, token(0)));
    assert_int_equal(stream_owners_add(&all, token(STREAM_OWNERS_MAX), "alice"), 0);
    assert_int_equal(all.count, STREAM_OWNERS_MAX);
    assert_null(stream_owners_find(&all, token(0)));
    assert_non_null(stream_owners_find(&all, token(1)));
    assert_non_null(stream_owners_find(&all, token(STREAM_OWNERS_MAX)));
    stream_owners_clear(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_owner_each),
        cmocka_unit_test(the_oldest_makes_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
