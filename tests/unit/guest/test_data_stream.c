/* Raw streams by way of the service and a real worker, with the test as the host's stream service.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/sock.h"
#include "service_fixture.h"
#include "wire/vix.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"

static char link_dir[] = "/tmp/inguest-link-XXXXXX";
static int service; /* listens as the host does */

struct host {
    struct fixture *f;
    struct answer a;
    uint8_t token[VIX_STREAM_TOKEN_SIZE];
    int fd;
    int64_t size;
};

static void with_link(struct vix_service_config *c)
{
    c->link_dir = link_dir;
}

static int setup(void **state)
{
    return fixture_setup_with(state, with_link);
}

/* The end of a stream needs no login. */
static uint64_t request(struct host *h, uint32_t opcode, const union vix_body *body)
{
    AUTO_BUF struct buf message = BUF_INIT(VIX_REQUEST_MAX);

    fixture_message(&message, opcode, VIX_COMMON_REQUEST | VIX_COMMON_BINARY,
                    opcode == VIX_OP_STREAM_END ? NULL : h->f->user, FIXTURE_PASSWORD, body);
    fixture_start_message(h->f, &message, 0, 0, &h->a);
    fixture_wait(h->f, &h->a);
    return h->a.err;
}

static int accept_greeting(const uint8_t *token)
{
    struct pollfd p = {.fd = service, .events = POLLIN};
    uint8_t greeting[VIX_STREAM_GREETING_SIZE];
    const uint8_t *got;
    int fd;

    assert_int_equal(poll(&p, 1, 60000), 1);
    fd = accept4(service, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(recv(fd, greeting, sizeof(greeting), MSG_WAITALL), sizeof(greeting));
    assert_int_equal(vix_stream_greeting_decode(greeting, &got), 0);
    assert_memory_equal(got, token, VIX_STREAM_TOKEN_SIZE);
    return fd;
}

/* VIX error; on success h->fd is connected. */
static uint64_t open_kind(struct host *h, struct fixture *f, uint32_t kind,
                          const struct vix_stream_file *file)
{
    static uint8_t number;
    AUTO_BUF struct buf b = BUF_INIT(8192);
    union vix_body body = {.stream_open = {.kind = kind}};
    struct vix_stream_opened opened;
    uint64_t r;

    *h = (struct host){.f = f, .fd = -1};
    h->token[3] = ++number;
    assert_int_equal(vix_stream_file_encode(&b, file), 0);
    memcpy(body.stream_open.token, h->token, sizeof(h->token));
    body.stream_open.body = b.data;
    body.stream_open.len = b.len;
    r = request(h, VIX_OP_STREAM_OPEN, &body);
    if (r) {
        answer_clear(&h->a);
        return r;
    }
    assert_int_equal(vix_stream_opened_decode(h->a.data.data, h->a.data.len, &opened), 0);
    h->size = opened.size;
    h->fd = accept_greeting(h->token);
    return 0;
}

static uint64_t open_read(struct host *h, struct fixture *f, const char *path)
{
    const struct vix_stream_file file = {.path = path};

    return open_kind(h, f, VIX_STREAM_FILE_READ, &file);
}

static uint64_t open_write_with(struct host *h, struct fixture *f, const char *path, bool overwrite,
                                int64_t size, const struct vix_set_attributes *attributes)
{
    const struct vix_stream_file file = {
        .path = path, .overwrite = overwrite, .size = size, .attributes = *attributes};

    return open_kind(h, f, VIX_STREAM_FILE_WRITE, &file);
}

static uint64_t open_write(struct host *h, struct fixture *f, const char *path, bool overwrite,
                           int64_t size)
{
    const struct vix_set_attributes none = {0};

    return open_write_with(h, f, path, overwrite, size, &none);
}

static uint64_t end_stream(struct host *h, uint32_t outcome, uint64_t bytes, uint64_t *ret_bytes)
{
    union vix_body body = {.stream_end = {.outcome = outcome, .bytes = bytes}};
    struct vix_stream_ended ended = {0};
    uint64_t r;

    memcpy(body.stream_end.token, h->token, sizeof(h->token));
    r = request(h, VIX_OP_STREAM_END, &body);
    if (!r && outcome == VIX_STREAM_FINISH)
        assert_int_equal(vix_stream_ended_decode(h->a.data.data, h->a.data.len, &ended), 0);
    if (ret_bytes)
        *ret_bytes = ended.bytes;
    if (h->fd >= 0)
        close(h->fd);
    h->fd = -1;
    answer_clear(&h->a);
    return r;
}

static size_t read_all(int fd, uint8_t *to, size_t max)
{
    size_t n = 0;
    ssize_t got;

    while (n < max && (got = read(fd, to + n, max - n)) > 0)
        n += (size_t)got;
    return n;
}

static char *in_home(const struct fixture *f, const char *name)
{
    return mem_printf("%s/%s", f->home, name);
}

static void put(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(fs_write_all(fd, data, len), 0);
    close(fd);
}

static uint8_t *pattern(size_t len)
{
    uint8_t *p = malloc(len);

    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(i * 31 ^ i >> 8 ^ i >> 16);
    return p;
}

static void files_come_whole(void **state)
{
    static const size_t sizes[] = {0, 1, 262143, 262144, 262145, 5000000};
    struct fixture *f = *state;
    AUTO_FREE char *path = in_home(f, "a");
    uint8_t *data = pattern(5000000), *got = malloc(5000001);
    struct host h;
    uint64_t bytes;

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        put(path, data, sizes[i]);
        assert_int_equal(open_read(&h, f, path), VIX_OK);
        assert_int_equal(h.size, sizes[i]);
        assert_int_equal(read_all(h.fd, got, 5000001), sizes[i]);
        assert_memory_equal(got, data, sizes[i]);
        assert_int_equal(end_stream(&h, VIX_STREAM_FINISH, sizes[i], &bytes), VIX_OK);
        assert_int_equal(bytes, sizes[i]);
        /* It has had its end. */
        assert_int_equal(end_stream(&h, VIX_STREAM_FINISH, sizes[i], NULL), VIX_E_INVALID_HANDLE);
    }
    free(data);
    free(got);
}

static void files_of_unknown_size(void **state)
{
    struct fixture *f = *state;
    uint8_t got[65536];
    struct host h;
    uint64_t bytes;
    size_t n;

    assert_int_equal(open_read(&h, f, "/proc/cpuinfo"), VIX_OK);
    assert_int_equal(h.size, VIX_STREAM_SIZE_UNKNOWN);
    n = read_all(h.fd, got, sizeof(got));
    assert_true(n > 10);
    assert_int_equal(end_stream(&h, VIX_STREAM_FINISH, n, &bytes), VIX_OK);
    assert_int_equal(bytes, n);
}

static void a_file_that_shrinks_is_not_whole(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *path = in_home(f, "shrinks");
    uint8_t *data = pattern(5000000);
    struct host h;

    put(path, data, 5000000);
    assert_int_equal(open_read(&h, f, path), VIX_OK);
    assert_int_equal(truncate(path, 1000), 0);
    /* Some was on its way already, all was not: nobody has read yet. */
    assert_true(read_all(h.fd, data, 5000000) < 5000000);
    assert_int_equal(end_stream(&h, VIX_STREAM_FINISH, 0, NULL), VIX_E_FILE_ERROR);
    free(data);
}

static void sparse_files(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *path = in_home(f, "sparse");
    const int64_t size = 64 << 20;
    uint8_t *block = malloc(1 << 20);
    struct host h;
    int64_t n = 0;
    ssize_t got;

    put(path, "x", 1);
    assert_int_equal(truncate(path, size), 0);
    assert_int_equal(open_read(&h, f, path), VIX_OK);
    assert_int_equal(h.size, size);
    while ((got = read(h.fd, block, 1 << 20)) > 0) {
        assert_int_equal(block[0], n ? 0 : 'x');
        assert_int_equal(block[got - 1], got == 1 && !n ? 'x' : 0);
        n += got;
    }
    assert_int_equal(n, size);
    assert_int_equal(end_stream(&h, VIX_STREAM_FINISH, 0, NULL), VIX_OK);
    free(block);
}

static void assert_content(const char *path, const void *data, size_t len)
{
    AUTO_FREE uint8_t *got = mem_alloc(len + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(read_all(fd, got, len + 1), len);
    assert_memory_equal(got, data, len);
    close(fd);
}

static unsigned entries(const char *folder)
{
    DIR *d = opendir(folder);
    unsigned n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void uploads_are_there_when_they_are_whole(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *path = in_home(f, "up");
    uint8_t *data = pattern(3000000);
    struct host h;
    uint64_t bytes;

    for (int unknown = 0; unknown < 2; unknown++) {
        assert_int_equal(open_write(&h, f, path, false, unknown ? -1 : 3000000), VIX_OK);
        assert_int_equal(fs_write_all(h.fd, data, 3000000), 0);
        assert_int_equal(access(path, F_OK), -1);
        shutdown(h.fd, SHUT_WR);
        assert_int_equal(end_stream(&h, VIX_STREAM_FINISH, 3000000, &bytes), VIX_OK);
        assert_int_equal(bytes, 3000000);
        assert_content(path, data, 3000000);
        /* Not over one that is there, unless that is wanted. */
        assert_int_equal(open_write(&h, f, path, false, 3), VIX_E_FILE_ALREADY_EXISTS);
        assert_int_equal(open_write(&h, f, path, true, 3), VIX_OK);
        assert_int_equal(fs_write_all(h.fd, "new", 3), 0);
        assert_content(path, data, 3000000);
        shutdown(h.fd, SHUT_WR);
        assert_int_equal(end_stream(&h, VIX_STREAM_FINISH, 3, NULL), VIX_OK);
        assert_content(path, "new", 3);
        assert_int_equal(unlink(path), 0);
    }
    free(data);
}

/* Zeros are not written, but they are there. */
static void uploads_with_zeros(void **state)
{
    static const size_t where[] = {0, 1, 150000, 299999};
    struct fixture *f = *state;
    AUTO_FREE char *path = in_home(f, "zeros");
    struct host h;

    for (size_t i = 0; i <= ARRAY_SIZE(where); i++) {
        AUTO_FREE uint8_t *data = mem_calloc(1, 300000);

        if (i < ARRAY_SIZE(where))
            data[where[i]] = 'x';
        assert_int_equal(open_write(&h, f, path, true, 300000), VIX_OK);
        assert_int_equal(fs_write_all(h.fd, data, 300000), 0);
        shutdown(h.fd, SHUT_WR);
        assert_int_equal(end_stream(&h, VIX_STREAM_FINISH, 300000, NULL), VIX_OK);
        assert_content(path, data, 300000);
    }
}

/* Whatever goes wrong, an old file stays and a new one is not made. */
static void uploads_that_fail_leave_nothing(void **state)
{
    static const struct {
        int64_t size;      /* announced */
        size_t sent;       /* bytes */
        uint64_t finished; /* bytes, as the host says */
        uint32_t outcome;
        uint64_t error;
    } cases[] = {
        {10, 9, 9, VIX_STREAM_FINISH, VIX_E_CANCELLED},
        {10, 10, 9, VIX_STREAM_FINISH, VIX_E_CANCELLED},
        {-1, 9, 10, VIX_STREAM_FINISH, VIX_E_CANCELLED},
        {10, 11, 11, VIX_STREAM_FINISH, VIX_E_FILE_TOO_BIG},
        {10, 10, 0, VIX_STREAM_ABORT, VIX_OK},
        {-1, 10, 0, VIX_STREAM_ABORT, VIX_OK},
    };
    struct fixture *f = *state;
    AUTO_FREE char *fresh = in_home(f, "fresh"), *old = in_home(f, "old");
    unsigned before;
    struct host h;

    put(old, "old", 3);
    before = entries(f->home);
    for (size_t i = 0; i < ARRAY_SIZE(cases) * 2; i++) {
        const char *path = i % 2 ? old : fresh;

        assert_int_equal(open_write(&h, f, path, true, cases[i / 2].size), VIX_OK);
        assert_int_equal(write(h.fd, "0123456789a", cases[i / 2].sent), cases[i / 2].sent);
        shutdown(h.fd, SHUT_WR);
        assert_int_equal(end_stream(&h, cases[i / 2].outcome, cases[i / 2].finished, NULL),
                         cases[i / 2].error);
        assert_int_equal(access(fresh, F_OK), -1);
        assert_content(old, "old", 3);
    }
    assert_int_equal(entries(f->home), before);
}

/* Owner, mode and times are the file's from the moment that it is there. */
static void uploads_with_attributes(void **state)
{
    const struct vix_set_attributes wanted = {
        .options = VIX_ATTR_PERMISSIONS | VIX_ATTR_MODIFICATION_TIME | VIX_ATTR_OWNER,
        .permissions = 0642,
        .modification_time = 1000000000,
        .owner = (int32_t)getuid(),
    };
    const struct vix_set_attributes windows = {.options = VIX_ATTR_READ_ONLY};
    struct fixture *f = *state;
    AUTO_FREE char *path = in_home(f, "dressed"), *linked = in_home(f, "linked");
    struct host h;
    struct stat st;

    /* The second time it takes an old file's place, the third time it is written in place. */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(open_write_with(&h, f, path, true, 3, &wanted), VIX_OK);
        assert_int_equal(fs_write_all(h.fd, "new", 3), 0);
        shutdown(h.fd, SHUT_WR);
        assert_int_equal(end_stream(&h, VIX_STREAM_FINISH, 3, NULL), VIX_OK);
        assert_content(path, "new", 3);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0642);
        assert_int_equal(st.st_mtime, 1000000000);
        put(path, "old", 3);
        assert_int_equal(chmod(path, 0600), 0);
        if (i == 1)
            assert_int_equal(link(path, linked), 0);
    }
    assert_int_equal(open_write_with(&h, f, path, true, 3, &windows), VIX_E_INVALID_ARG);
    assert_content(path, "old", 3);
}

/* What has arrived counts, whatever has become of the login that it began with. Only who knows the
 * token can end a stream, and an end starts nothing. */
static void an_end_needs_no_login(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *path = in_home(f, "long");
    struct host h, other;
    unsigned logins;

    assert_int_equal(open_write(&h, f, path, true, 4), VIX_OK);
    f->password_changed = true;
    logins = f->logins;
    other = h;
    other.fd = -1;
    other.a = (struct answer){0};
    other.token[VIX_STREAM_TOKEN_SIZE - 1] ^= 1;
    assert_int_equal(end_stream(&other, VIX_STREAM_FINISH, 4, NULL), VIX_E_INVALID_HANDLE);
    assert_int_equal(end_stream(&other, VIX_STREAM_ABORT, 0, NULL), VIX_E_INVALID_HANDLE);
    assert_int_equal(fs_write_all(h.fd, "long", 4), 0);
    shutdown(h.fd, SHUT_WR);
    assert_int_equal(end_stream(&h, VIX_STREAM_FINISH, 4, NULL), VIX_OK);
    assert_content(path, "long", 4);
    assert_int_equal(f->logins, logins);
}

/* Our only child; -1: there is none. */
static pid_t worker(void)
{
    DIR *proc = opendir("/proc");
    int found = -1;

    assert_non_null(proc);
    for (const struct dirent *e; found < 0 && (e = readdir(proc));) {
        AUTO_FREE char *path = mem_printf("/proc/%s/stat", e->d_name);
        FILE *in = e->d_name[0] >= '0' && e->d_name[0] <= '9' ? fopen(path, "re") : NULL;
        int pid, ppid;

        if (in && fscanf(in, "%d (%*[^)]) %*c %d", &pid, &ppid) == 2 && ppid == getpid())
            found = pid;
        if (in)
            fclose(in);
    }
    closedir(proc);
    return found;
}

static void a_worker_that_died_has_no_streams(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *path = in_home(f, "lost");
    struct host h;
    uint64_t error;

    assert_int_equal(open_write(&h, f, path, true, 4), VIX_OK);
    assert_true(worker() > 0);
    assert_int_equal(kill(worker(), SIGKILL), 0);
    while (worker() > 0)
        fixture_run(f, 10, NULL);
    /* Perhaps it is asked before its end is known. */
    error = end_stream(&h, VIX_STREAM_FINISH, 4, NULL);
    assert_true(error == VIX_E_INVALID_HANDLE || error == VIX_E_FAIL);
    assert_int_equal(end_stream(&h, VIX_STREAM_FINISH, 4, NULL), VIX_E_INVALID_HANDLE);
    assert_int_equal(worker(), -1);
    assert_int_equal(access(path, F_OK), -1);
}

/* A token is one stream's. */
static void tokens_are_used_once_at_a_time(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf b = BUF_INIT(8192);
    const struct vix_stream_file file = {.path = "/etc/passwd"};
    union vix_body body = {.stream_open = {.kind = VIX_STREAM_FILE_READ}};
    struct host h;

    assert_int_equal(open_read(&h, f, "/etc/passwd"), VIX_OK);
    assert_int_equal(vix_stream_file_encode(&b, &file), 0);
    memcpy(body.stream_open.token, h.token, sizeof(h.token));
    body.stream_open.body = b.data;
    body.stream_open.len = b.len;
    assert_int_equal(request(&h, VIX_OP_STREAM_OPEN, &body), VIX_E_OBJECT_IS_BUSY);
    assert_int_equal(end_stream(&h, VIX_STREAM_ABORT, 0, NULL), VIX_OK);
}

static void what_cannot_be_opened(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *fifo = in_home(f, "fifo");
    const struct vix_stream_file none = {.path = "/"};
    struct host h;

    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(open_read(&h, f, "/nowhere"), VIX_E_FILE_NOT_FOUND);
    assert_int_equal(open_read(&h, f, "relative"), VIX_E_INVALID_ARG);
    assert_int_equal(open_read(&h, f, fifo), VIX_E_FILE_ACCESS_ERROR);
    assert_int_equal(open_write(&h, f, "/nowhere/x", true, 1), VIX_E_FILE_NOT_FOUND);
    assert_int_equal(open_kind(&h, f, 999, &none), VIX_E_NOT_SUPPORTED);
    assert_int_equal(end_stream(&h, VIX_STREAM_ABORT, 0, NULL), VIX_E_INVALID_HANDLE);
}

static void a_host_without_the_service(void **state)
{
    struct fixture *f = *state;
    struct host h;

    assert_int_equal(open_read(&h, f, "/etc/passwd"), VIX_E_NOT_SUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_come_whole, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(files_of_unknown_size, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_shrinks_is_not_whole, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(sparse_files, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(uploads_are_there_when_they_are_whole, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(uploads_with_zeros, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(uploads_that_fail_leave_nothing, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(uploads_with_attributes, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(an_end_needs_no_login, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_worker_that_died_has_no_streams, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(tokens_are_used_once_at_a_time, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_opened, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_host_without_the_service, fixture_setup,
                                        fixture_teardown),
    };
    AUTO_FREE char *path = NULL;
    struct error err = {0};
    int failed;

    if (!mkdtemp(link_dir))
        return 1;
    path = mem_printf("%s/%u", link_dir, VIX_STREAM_SERVICE);
    service = sock_listen_unix(path, 0666, &err);
    sock_set_nonblocking(service, 0);
    failed = service < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
    fs_remove_tree(AT_FDCWD, link_dir, NULL);
    return failed;
}
