/* The cache: room, order, replacement, what an earlier process left, and memory that runs out. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/mem.h"
#include "gstored/cache.h"

#define LIMIT 1000u

static int state_dir = -1;
static char state_path[] = "/tmp/gstored-cache-XXXXXX";

static int setup(void **state)
{
    (void)state;
    memcpy(state_path + strlen(state_path) - 6, "XXXXXX", 6);
    if (!mkdtemp(state_path))
        return -1;
    state_dir = open(state_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return state_dir < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    close(state_dir);
    return fs_remove_tree(AT_FDCWD, state_path, NULL);
}

static struct cache *opened(const char *repository)
{
    struct cache *c = NULL;

    assert_int_equal(cache_open(state_dir, repository, LIMIT, &c, NULL), 0);
    return c;
}

static int put(struct cache *c, const char *path, char fill, size_t size, bool known)
{
    const struct fetch_validators v = {.etag = "\"1\""};
    struct cache_file *f;
    char bytes[LIMIT + 1];
    int fd, rc = cache_file_begin(c, known ? (int64_t)size : -1, &f, &fd);

    memset(bytes, fill, size);
    if (rc < 0)
        return rc;
    for (size_t at = 0; rc == 0 && at < size; at += 100)
        rc = cache_file_write(f, bytes + at, size - at < 100 ? size - at : 100);
    if (rc == 0)
        cache_file_keep(f, path, &v);
    else
        cache_file_abort(f);
    return rc;
}

/* Opens, hashes when it has to be, looks at the first byte; 0: there is none, or it is damaged. */
static char get(struct cache *c, const char *path)
{
    struct cache_entry *e = cache_find(c, path);
    bool verify = false;
    char first = 0;

    if (!e)
        return 0;
    AUTO_CLOSE int fd = cache_entry_open(c, e, &verify);
    if (fd < 0 || (verify && cache_hash(fd, cache_entry_size(e), cache_entry_hash(e)) < 0)) {
        cache_entry_drop(c, e);
        return 0;
    }
    if (verify)
        cache_entry_verified(c, e, fd);
    cache_entry_used(c, e);
    assert_int_equal(pread(fd, &first, 1, 0), 1);
    return first;
}

static uint64_t used(const struct cache *c)
{
    struct cache_usage u;

    cache_usage(c, &u);
    return u.bytes;
}

static void least_recently_used_first(void **state)
{
    struct cache *c = opened("r");

    (void)state;
    assert_int_equal(put(c, "/a", 'a', 400, true), 0);
    assert_int_equal(put(c, "/b", 'b', 400, true), 0);
    assert_int_equal(get(c, "/a"), 'a');
    assert_int_equal(put(c, "/c", 'c', 400, true), 0);
    assert_int_equal(get(c, "/b"), 0);
    assert_int_equal(get(c, "/a"), 'a');
    assert_int_equal(put(c, "/a", 'A', 100, true), 0);
    assert_int_equal(get(c, "/a"), 'A');
    assert_true(used(c) == 500);
    cache_close(c);
}

static void the_limit(void **state)
{
    struct cache *c = opened("r");
    struct cache_file *f, *g;
    int fd;

    (void)state;
    assert_int_equal(put(c, "/a", 'a', LIMIT - 1, true), 0);
    assert_int_equal(put(c, "/a", 'a', LIMIT, true), 0);
    assert_int_equal(put(c, "/b", 'b', LIMIT + 1, true), -ENOSPC);
    assert_int_equal(get(c, "/a"), 'a'); /* what cannot fit throws nothing away */
    /* Reserved room is not given twice. */
    assert_int_equal(cache_file_begin(c, 600, &f, &fd), 0);
    assert_int_equal(cache_file_begin(c, 401, &g, &fd), -ENOSPC);
    assert_int_equal(cache_file_begin(c, 400, &g, &fd), 0);
    /* More than was announced. */
    char bytes[700] = {0};
    assert_int_equal(cache_file_write(f, bytes, 601), -EBADMSG);
    cache_file_abort(f);
    cache_file_abort(g);
    assert_true(used(c) == 0);
    /* Of unknown size: room is taken in steps where it can be, else as it is needed. */
    assert_int_equal(put(c, "/u", 'u', LIMIT, false), 0);
    assert_true(used(c) == LIMIT);
    assert_int_equal(put(c, "/v", 'v', LIMIT + 1, false), -ENOSPC);
    assert_true(used(c) == 0);
    cache_close(c);
}

static void an_earlier_process(void **state)
{
    struct cache *c = opened("r");

    (void)state;
    assert_int_equal(put(c, "/a", 'a', 300, true), 0);
    assert_int_equal(put(c, "/b", 'b', 300, true), 0);
    cache_close(c);
    c = opened("other"); /* another repository's files are not this one's */
    assert_int_equal(get(c, "/a"), 0);
    assert_true(used(c) == 600);
    assert_int_equal(put(c, "/a", 'x', 500, true), 0); /* and make room for it */
    assert_int_equal(get(c, "/a"), 'x');
    cache_close(c);
    c = opened("r");
    char left = (char)(get(c, "/a") + get(c, "/b")); /* one of them had to go */
    assert_true(left == 'a' || left == 'b');
    cache_close(c);
}

static void memory_that_runs_out(void **state)
{
    struct cache *c = opened("r");

    (void)state;
    for (long n = 0; n < 12; n++) {
        mem_fail_after(n);
        put(c, "/a", 'a', 400, true);
        mem_fail_after(-1);
        char got = get(c, "/a");
        assert_true(got == 0 || got == 'a');
    }
    assert_int_equal(put(c, "/a", 'a', 400, true), 0);
    assert_true(used(c) == 400);
    cache_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(least_recently_used_first, setup, teardown),
        cmocka_unit_test_setup_teardown(the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(an_earlier_process, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_that_runs_out, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
