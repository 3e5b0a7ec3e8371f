/* The codes of the public header and those of the wire are the same numbers under the same names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/vix_error.h"

/* From the public header, which cannot be included beside the wire's: one row a name they share. */
extern const struct vix_public_code {
    const char *name;
    uint32_t code;
} vix_public_codes[];
extern const size_t vix_public_code_count;

static void test_codes(void **state)
{
    (void)state;
    assert_true(vix_public_code_count > 80);
    for (size_t i = 0; i < vix_public_code_count; i++)
        assert_string_equal(vix_error_name(vix_public_codes[i].code), vix_public_codes[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_codes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
