/* Settings of gstored: kinds of repositories, limits, and the credentials file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "gstored/settings.h"

static int read_url(const char *url, const char *endpoint, struct settings *s)
{
    json_t *args = json_pack("{s:s, s:s*}", "repository", url, "endpoint", endpoint);
    int rc = settings_read(args, s, NULL);

    json_decref(args);
    return rc;
}

static void repositories(void **state)
{
    static const struct {
        const char *url, *endpoint;
        enum repository_kind kind;
        const char *where; /* folder or base */
    } rows[] = {
        {"/srv/content/", NULL, REPOSITORY_FOLDER, "/srv/content"},
        {"file:///srv/content//", NULL, REPOSITORY_FOLDER, "/srv/content"},
        {"/", NULL, REPOSITORY_FOLDER, "/"},
        {"ds:///vmfs/volumes/1-2/c/", NULL, REPOSITORY_FOLDER, "/vmfs/volumes/1-2/c"},
        {"https://h.example/a/b/", NULL, REPOSITORY_HTTP, "https://h.example/a/b"},
        {"HTTP://h:80", NULL, REPOSITORY_HTTP, "HTTP://h:80"},
        {"s3://bucket/pre/fix/", NULL, REPOSITORY_S3,
         "https://s3.us-east-1.amazonaws.com/bucket/pre/fix"},
        {"s3://bucket", "http://127.0.0.1:9000/", REPOSITORY_S3, "http://127.0.0.1:9000/bucket"},
    };
    static const char *const bad[] = {
        "ftp://h/",     "file://host/x", "ds:///elsewhere/x", "http://",
        "https:///x",   "http://u:p@h/", "http://h/?q=1",     "http://h/#f",
        "http://h/a b", "s3://",         "s3:///x",           "s3://b?x",
        "s3://b/%2e",   "relative",      "http://h/\x7f",     "s3://user@b/x",
    };
    struct settings s;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(read_url(rows[i].url, rows[i].endpoint, &s), 0);
        assert_int_equal(s.kind, rows[i].kind);
        assert_string_equal(s.kind == REPOSITORY_FOLDER ? s.folder : s.base, rows[i].where);
        assert_true(s.size_max == SETTINGS_SIZE_MAX_DEFAULT);
        settings_free(&s);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (read_url(bad[i], NULL, &s) != -EINVAL)
            fail_msg("%s was accepted", bad[i]);
    assert_int_equal(read_url("s3://b", "ftp://h", &s), -EINVAL);
}

static void numbers(void **state)
{
    static const char *const bad[] = {"{\"sizeMax\": 0}", "{\"sizeMax\": -1}",
                                      "{\"cacheMax\": \"1\"}", "{\"caFile\": \"relative\"}"};
    struct settings s;
    json_t *o = json_pack("{s:i, s:i, s:i, s:s}", "revision", 7, "sizeMax", 1, "cacheMax", 2,
                          "caFile", "/ca");

    (void)state;
    assert_int_equal(settings_read(o, &s, NULL), 0);
    assert_int_equal(s.kind, REPOSITORY_NONE);
    assert_true(s.revision == 7 && s.size_max == 1 && s.cache_max == 2);
    settings_free(&s);
    json_decref(o);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        o = json_loads(bad[i], 0, NULL);
        assert_int_equal(settings_read(o, &s, NULL), -EINVAL);
        json_decref(o);
    }
}

static int read_keys(const char *text, size_t len, struct settings *s)
{
    AUTO_CLOSE int fd = memfd_create("keys", MFD_CLOEXEC);

    assert_int_equal(write(fd, text, len), (ssize_t)len);
    return settings_credentials(s, fd, NULL);
}

static void credentials(void **state)
{
    static const char good[] = "# mine\r\n[default]\naws_access_key_id = AK\r\n"
                               "aws_secret_access_key=a/b+c = d\naws_session_token =  t \n";
    static const char *const bad[] = {
        "", "aws_access_key_id = a\n", "aws_access_key_id =\naws_secret_access_key = s\n",
        "aws_access_key_id = a:b\naws_secret_access_key = s\n", "xaws_access_key_id = a\n"};
    struct settings s = {0};
    char large[SETTINGS_CREDENTIALS_MAX];

    (void)state;
    assert_int_equal(read_keys(good, strlen(good), &s), 0);
    assert_string_equal(s.credentials, "AK:a/b+c = d");
    assert_string_equal(s.token, "t");
    settings_free(&s);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(read_keys(bad[i], strlen(bad[i]), &s), -EINVAL);
    memset(large, '\n', sizeof(large));
    memcpy(large, good, strlen(good));
    assert_int_equal(read_keys(large, sizeof(large), &s), -EFBIG);
    assert_int_equal(read_keys(large, sizeof(large) - 1, &s), 0);
    settings_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repositories),
        cmocka_unit_test(numbers),
        cmocka_unit_test(credentials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
