/* Programs, by way of the service and a real worker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/mem.h"
#include "service_fixture.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"
#include "wire/vix_text.h"

static uint64_t start_in(struct fixture *f, const char *path, const char *args, const char *dir,
                         const char *env, size_t env_len, uint32_t env_count, int64_t *pid)
{
    union vix_body b = {.start_program = {.path = path,
                                          .arguments = args,
                                          .directory = dir,
                                          .environment = {env_count, env, env_len}}};
    struct answer a = {0};
    uint64_t err = fixture_call(f, VIX_OP_START_PROGRAM, &b, &a);

    *pid = -1;
    if (err == VIX_OK)
        assert_int_equal(vix_text_number(a.data.data, a.data.len, pid), 0);
    answer_clear(&a);
    return err;
}

static uint64_t start(struct fixture *f, const char *path, const char *args, int64_t *pid)
{
    return start_in(f, path, args, "", NULL, 0, 0, pid);
}

struct seen {
    int found;
    int64_t end;
    int32_t code;
    char cmd[64], name[256], user[64];
};

static void look(struct fixture *f, int64_t pid, struct seen *s)
{
    uint64_t pids[] = {(uint64_t)pid};
    union vix_body b = {.list_processes = {.count = 1, .pid_list = pids}};
    struct vix_process_info info;
    struct arena arena = ARENA_INIT(65536);
    struct answer a = {0};
    struct vix_text t;

    *s = (struct seen){0};
    assert_int_equal(fixture_call(f, VIX_OP_LIST_PROCESSES_EX, &b, &a), VIX_OK);
    vix_text_begin(&t, a.data.data, a.data.len, true);
    while (vix_text_next_process(&t, &arena, &info) == 1) {
        assert_int_equal(info.pid, pid);
        s->found++;
        s->end = info.end;
        s->code = info.exit_code;
        snprintf(s->cmd, sizeof(s->cmd), "%s", info.cmd);
        snprintf(s->name, sizeof(s->name), "%s", info.name);
        snprintf(s->user, sizeof(s->user), "%s", info.user);
    }
    arena_free(&arena);
    answer_clear(&a);
}

static void wait_end(struct fixture *f, int64_t pid, struct seen *s)
{
    for (int i = 0; i < 500; i++) {
        look(f, pid, s);
        assert_int_equal(s->found, 1);
        if (s->end)
            return;
        fixture_run(f, 10, NULL);
    }
    fail_msg("pid %lld did not end", (long long)pid);
}

static void test_exit_codes(void **state)
{
    static const struct {
        const char *args;
        int32_t code;
    } cases[] = {{"-c 'exit 0'", 0},
                 {"-c 'exit 7'", 7},
                 {"-c 'exit 255'", 255},
                 {"-c 'kill -TERM $$'", 143},
                 {"-c 'kill -KILL $$'", 137}};
    struct fixture *f = *state;
    struct seen s;
    int64_t pid;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(start(f, "/bin/sh", cases[i].args, &pid), VIX_OK);
        wait_end(f, pid, &s);
        assert_int_equal(s.code, cases[i].code);
        assert_string_equal(s.cmd, "sh");
        assert_string_equal(s.user, f->user);
        assert_non_null(strstr(s.name, cases[i].args));
    }
}

static void read_text(const struct fixture *f, const char *name, char *out, size_t size)
{
    AUTO_FREE char *path = mem_printf("%s/%s", f->home, name);
    AUTO_BUF struct buf b = BUF_INIT(size - 1);

    assert_int_equal(fs_read_file(-100, path, &b, NULL), 0);
    snprintf(out, size, "%s", buf_text(&b));
}

static void test_environment_and_directory(void **state)
{
    static const char env[] = "A=one\0B=two words";
    struct fixture *f = *state;
    char text[512], expect[512], *real = realpath(f->home, NULL);
    struct seen s;
    int64_t pid;

    assert_int_equal(start_in(f, "/bin/sh", "-c 'pwd; echo \"$A-$B-$HOME\"' > out 2>&1", f->home,
                              env, sizeof(env), 2, &pid),
                     VIX_OK);
    wait_end(f, pid, &s);
    assert_int_equal(s.code, 0);
    assert_non_null(real);
    snprintf(expect, sizeof(expect), "%s\none-two words-\n", real);
    free(real);
    read_text(f, "out", text, sizeof(text));
    assert_string_equal(text, expect);

    /* Without variables it is the environment of a login. */
    assert_int_equal(
        start_in(f, "/bin/sh", "-c 'echo \"$USER $PATH\"' > out", f->home, NULL, 0, 0, &pid),
        VIX_OK);
    wait_end(f, pid, &s);
    read_text(f, "out", text, sizeof(text));
    assert_memory_equal(text, f->user, strlen(f->user));
    assert_non_null(strstr(text, "/usr/bin"));
}

static void test_descriptors(void **state)
{
    struct fixture *f = *state;
    char text[256];
    struct seen s;
    int64_t pid;

    /* `ls` itself opens one. */
    assert_int_equal(start_in(f, "/bin/ls", "/proc/self/fd > out", f->home, NULL, 0, 0, &pid),
                     VIX_OK);
    wait_end(f, pid, &s);
    read_text(f, "out", text, sizeof(text));
    assert_string_equal(text, "0\n1\n2\n3\n");
}

static void test_odd_paths(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *path = mem_printf("%s/a $HOME `b` \\c", f->home);
    AUTO_FREE char *plain = mem_printf("%s/plain", f->home);
    static const char script[] = "#!/bin/sh\nexit 9\n";
    struct seen s;
    int64_t pid;

    assert_int_equal(fs_write_file(-100, path, script, sizeof(script) - 1, 0755, NULL), 0);
    assert_int_equal(fs_write_file(-100, plain, "x", 1, 0644, NULL), 0);
    assert_int_equal(start(f, path, "", &pid), VIX_OK);
    wait_end(f, pid, &s);
    assert_int_equal(s.code, 9);
    assert_int_equal(start(f, "  \"/bin/true\" ignored", "", &pid), VIX_OK);
    assert_int_equal(start(f, "", "", &pid), VIX_E_INVALID_ARG);
    assert_int_equal(start(f, "/no/such/program", "", &pid), VIX_E_FILE_NOT_FOUND);
    assert_int_equal(start(f, f->home, "", &pid), VIX_E_GUEST_USER_PERMISSIONS);
    if (geteuid() != 0)
        assert_int_equal(start(f, plain, "", &pid), VIX_E_GUEST_USER_PERMISSIONS);
    assert_int_equal(start_in(f, "/bin/true", "", "/etc/passwd", NULL, 0, 0, &pid),
                     VIX_E_NOT_A_DIRECTORY);
    assert_int_equal(start_in(f, "/bin/true", "", "", "=x", 3, 1, &pid), VIX_E_INVALID_ARG);
    assert_int_equal(start_in(f, "/bin/true", "", "", "novalue", 8, 1, &pid), VIX_E_INVALID_ARG);
}

static uint64_t terminate(struct fixture *f, int64_t pid)
{
    union vix_body b = {.process = {.pid = (uint64_t)pid}};
    struct answer a = {0};
    uint64_t err = fixture_call(f, VIX_OP_TERMINATE_PROCESS, &b, &a);

    answer_clear(&a);
    return err;
}

static void test_terminate(void **state)
{
    struct fixture *f = *state;
    struct seen s;
    int64_t pid;

    assert_int_equal(start(f, "/bin/sleep", "100", &pid), VIX_OK);
    look(f, pid, &s);
    assert_int_equal(s.found, 1);
    assert_int_equal(s.end, 0);
    assert_int_equal(terminate(f, pid), VIX_OK);
    wait_end(f, pid, &s);
    assert_int_equal(s.code, 128 + 15);
    assert_int_equal(terminate(f, pid), VIX_E_NO_SUCH_PROCESS);
    assert_int_equal(terminate(f, 0), VIX_E_GUEST_USER_PERMISSIONS);
    assert_int_equal(terminate(f, -1), VIX_E_GUEST_USER_PERMISSIONS);
    assert_int_equal(terminate(f, getpid()), VIX_E_GUEST_USER_PERMISSIONS);
    assert_int_equal(terminate(f, INT64_MAX), VIX_E_GUEST_USER_PERMISSIONS);

    /* One that ignores SIGTERM: success at once, SIGKILL later. */
    assert_int_equal(start(f, "/bin/sh", "-c 'trap \"\" TERM; while :; do sleep 0.2; done'", &pid),
                     VIX_OK);
    fixture_run(f, 100, NULL);
    assert_int_equal(terminate(f, pid), VIX_OK);
    for (int i = 0; i < 100; i++) {
        look(f, pid, &s);
        if (s.end)
            break;
        fixture_run(f, 100, NULL);
    }
    assert_int_equal(s.code, 128 + 9);
}

static void test_many_programs(void **state)
{
    enum { COUNT = 64 };
    struct fixture *f = *state;
    struct answer a[COUNT] = {0};
    int64_t pids[COUNT];
    struct seen s;

    for (int i = 0; i < COUNT; i++) {
        char args[64];
        union vix_body b = {
            .start_program = {.path = "/bin/sh", .arguments = args, .directory = ""}};

        snprintf(args, sizeof(args), "-c 'exit %d'", i);
        fixture_start(f, VIX_OP_START_PROGRAM, &b, &a[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        fixture_wait(f, &a[i]);
        assert_int_equal(a[i].err, VIX_OK);
        assert_int_equal(vix_text_number(a[i].data.data, a[i].data.len, &pids[i]), 0);
        answer_clear(&a[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        wait_end(f, pids[i], &s);
        assert_int_equal(s.code, i);
    }
}

/* All processes, however many answers that takes. `room`: of one answer. */
static unsigned list_all(struct fixture *f, uint32_t room, struct buf *text)
{
    AUTO_BUF struct buf message = BUF_INIT(65536);
    union vix_body b = {0};
    struct vix_chunk_head h = {.left = 1};
    struct answer a = {0};
    struct vix_text t;
    unsigned parts = 0;

    while (h.left) {
        assert_true(parts++ < 1000);
        buf_clear(&message);
        fixture_message(&message, VIX_OP_LIST_PROCESSES_EX, 1, f->user, FIXTURE_PASSWORD, &b);
        fixture_start_message(f, &message, room, 0, &a);
        fixture_wait(f, &a);
        assert_int_equal(a.err, VIX_OK);
        assert_true(a.data.len <= room);
        vix_text_begin(&t, a.data.data, a.data.len, true);
        assert_int_equal(vix_text_chunk_head(&t, &h), 0);
        if (h.chunked && parts == 1) {
            assert_true(h.first && h.key != 0);
            b.list_processes.key = h.key;
        }
        assert_int_equal(buf_put(text, t.p, t.left), 0);
        b.list_processes.offset = (uint32_t)text->len;
    }
    if (parts > 1) /* it is forgotten with its last part */
        assert_int_equal(fixture_call(f, VIX_OP_LIST_PROCESSES_EX, &b, &a), VIX_E_FAIL);
    answer_clear(&a);
    return parts;
}

static void test_list_all(void **state)
{
    AUTO_BUF struct buf text = BUF_INIT(16u << 20);
    struct fixture *f = *state;
    struct arena arena = ARENA_INIT(16u << 20);
    struct vix_process_info info;
    int self = 0, child = 0, r;
    struct vix_text t;
    int64_t pid;

    assert_int_equal(start(f, "/bin/sleep", "50 #<&'\"%", &pid), VIX_OK);
    list_all(f, 60000, &text);
    vix_text_begin(&t, text.data, text.len, true);
    while ((r = vix_text_next_process(&t, &arena, &info)) == 1) {
        self += info.pid == getpid();
        child += info.pid == pid;
        assert_true(info.start > 1000000000);
        if (info.pid == pid) {
            assert_string_equal(info.name, "\"/bin/sleep\" 50 #<&'\"%");
            assert_string_equal(info.cmd, "sleep");
        }
    }
    assert_int_equal(r, 0);
    assert_int_equal(self, 1);
    assert_int_equal(child, 1);
    assert_int_equal(terminate(f, pid), VIX_OK);
    arena_free(&arena);
}

/* A list that does not fit comes in parts that add up to the list. */
static void test_list_chunks(void **state)
{
    AUTO_BUF struct buf text = BUF_INIT(16u << 20);

    assert_true(list_all(*state, 600, &text) > 1);
    assert_memory_equal(text.data, "<proc>", 6);
    assert_memory_equal(text.data + text.len - 7, "</proc>", 7);
}

static void test_read_env(void **state)
{
    struct fixture *f = *state;
    union vix_body b = {.read_env.names = {2, "USER\0NO_SUCH_VARIABLE", 22}};
    struct answer a = {0};
    char expect[128];

    snprintf(expect, sizeof(expect), "<ev>USER=%s</ev>", f->user);
    assert_int_equal(fixture_call(f, VIX_OP_READ_ENV_VARIABLES, &b, &a), VIX_OK);
    assert_string_equal(buf_text(&a.data), expect);
    b.read_env.names = (struct vix_strings){0};
    assert_int_equal(fixture_call(f, VIX_OP_READ_ENV_VARIABLES, &b, &a), VIX_OK);
    assert_non_null(strstr(buf_text(&a.data), "<ev>HOME="));
    answer_clear(&a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exit_codes),  TEST(test_environment_and_directory),
        TEST(test_descriptors), TEST(test_odd_paths),
        TEST(test_terminate),   TEST(test_many_programs),
        TEST(test_list_all),    TEST(test_list_chunks),
        TEST(test_read_env),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
