/* FIPS 180-4 examples and RFC 4231 test cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/sha256.h"

static void check(const uint8_t digest[SHA256_SIZE], const char *hex)
{
    char text[2 * SHA256_SIZE + 1];

    for (unsigned i = 0; i < SHA256_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(text, hex);
}

static void hash(const char *text, size_t step, uint8_t ret[SHA256_SIZE])
{
    struct sha256 h;
    size_t len = strlen(text);

    sha256_init(&h);
    for (size_t i = 0; i < len; i += step)
        sha256_update(&h, text + i, len - i < step ? len - i : step);
    sha256_final(&h, ret);
}

static void test_sha256(void **state)
{
    const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    uint8_t d[SHA256_SIZE];
    struct sha256 h;

    (void)state;
    hash("", 1, d);
    check(d, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hash("abc", 1, d);
    check(d, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    for (size_t step = 1; step < 60; step += 7) {
        hash(two, step, d);
        check(d, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    }
    sha256_init(&h);
    for (unsigned i = 0; i < 1000000 / 50; i++)
        sha256_update(&h, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 50);
    sha256_final(&h, d);
    check(d, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_hmac(void **state)
{
    uint8_t key[131], d[SHA256_SIZE], e[SHA256_SIZE];
    struct hmac_sha256 m;

    (void)state;
    memset(key, 0x0b, 20);
    hmac_sha256_init(&m, key, 20);
    hmac_sha256_update(&m, "Hi There", 8);
    hmac_sha256_final(&m, d);
    check(d, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    memset(key, 0xaa, sizeof(key));
    hmac_sha256_init(&m, key, sizeof(key));
    hmac_sha256_update(&m, "Test Using Larger Than Block-Size Key - Hash Key First", 54);
    hmac_sha256_final(&m, e);
    check(e, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    assert_false(sha256_equal(d, e));
    assert_true(sha256_equal(d, d));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sha256), cmocka_unit_test(test_hmac)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
