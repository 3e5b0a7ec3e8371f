/* The monitor's side: what is refused before a worker hears of it, and workers that go wrong. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/mem.h"
#include "service_fixture.h"
#include "wire/vix.h"
#include "wire/vix_auth.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"
#include "wire/vix_proplist.h"
#include "wire/vix_text.h"

static uint64_t call_as(struct fixture *f, uint32_t op, const char *user, const char *password,
                        const union vix_body *body)
{
    AUTO_BUF struct buf m = BUF_INIT(VIX_MESSAGE_LARGE);
    struct answer a = {0};
    uint64_t err;

    fixture_message(&m, op, VIX_COMMON_REQUEST, user, password, body);
    fixture_start_message(f, &m, 0, 0, &a);
    fixture_wait(f, &a);
    err = a.err;
    answer_clear(&a);
    return err;
}

static void test_credentials(void **state)
{
    struct fixture *f = *state;
    union vix_body b = {.path = {.path = "/etc/passwd"}};

    assert_int_equal(call_as(f, VIX_OP_VALIDATE_CREDENTIALS, f->user, FIXTURE_PASSWORD, NULL),
                     VIX_OK);
    assert_int_equal(call_as(f, VIX_OP_VALIDATE_CREDENTIALS, f->user, "wrong", NULL),
                     VIX_E_INVALID_LOGIN_CREDENTIALS);
    /* The older API has another error for it. */
    assert_int_equal(call_as(f, VIX_OP_GUEST_FILE_EXISTS, f->user, "wrong", &b),
                     VIX_E_GUEST_USER_PERMISSIONS);
    assert_int_equal(call_as(f, VIX_OP_GUEST_FILE_EXISTS, NULL, NULL, &b), VIX_E_NOT_SUPPORTED);
    assert_int_equal(call_as(f, VIX_OP_VALIDATE_CREDENTIALS, "", FIXTURE_PASSWORD, NULL),
                     VIX_E_INVALID_LOGIN_CREDENTIALS);
    /* The login is right, but there is no such account to run as. */
    assert_int_equal(call_as(f, VIX_OP_READ_ENV_VARIABLES, "nobody-at-all", FIXTURE_PASSWORD, NULL),
                     VIX_E_INVALID_LOGIN_CREDENTIALS);
    if (geteuid() != 0)
        assert_int_equal(call_as(f, VIX_OP_READ_ENV_VARIABLES, "root", FIXTURE_PASSWORD, NULL),
                         VIX_E_INVALID_LOGIN_CREDENTIALS);
}

static void test_cached_login(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 20; i++)
        assert_int_equal(call_as(f, VIX_OP_VALIDATE_CREDENTIALS, f->user, FIXTURE_PASSWORD, NULL),
                         VIX_OK);
    assert_int_equal(f->logins, 1);
}

static uint64_t call_with_ticket(struct fixture *f, uint32_t opcode, const char *ticket)
{
    AUTO_BUF struct buf m = BUF_INIT(65536), body = BUF_INIT(4096), blob = BUF_INIT(4096);
    struct vix_credential cred = {.type = VIX_CRED_TICKETED_SESSION, .token = (char *)ticket};
    struct vix_request rq = {.common_flags = VIX_COMMON_REQUEST,
                             .opcode = opcode,
                             .timeout = VIX_TIMEOUT_NONE,
                             .credential_type = VIX_CRED_TICKETED_SESSION};
    union vix_body empty = {0};
    struct answer a = {0};
    uint64_t err;

    assert_int_equal(vix_body_encode(&body, opcode, &empty), 0);
    assert_int_equal(vix_credential_encode(&blob, &cred), 0);
    rq.body = body.data;
    rq.body_len = body.len;
    rq.credential = blob.data;
    rq.credential_len = blob.len;
    assert_int_equal(vix_request_encode(&m, &rq), 0);
    fixture_start_message(f, &m, 0, 0, &a);
    fixture_wait(f, &a);
    err = a.err;
    answer_clear(&a);
    return err;
}

/* The authenticator is asked once, for the ticket; with it never again. */
static void test_ticket(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf list = BUF_INIT(65536);
    struct vix_property p;
    struct answer a = {0};

    assert_int_equal(call_as(f, VIX_OP_ACQUIRE_CREDENTIALS, f->user, "wrong", NULL),
                     VIX_E_INVALID_LOGIN_CREDENTIALS);
    assert_int_equal(fixture_call(f, VIX_OP_ACQUIRE_CREDENTIALS, NULL, &a), VIX_OK);
    assert_int_equal(vix_proplist_from_text(&list, buf_text(&a.data), a.data.len), 0);
    assert_int_equal(vix_proplist_get(list.data, list.len, VIX_PROP_SESSION_TICKET, &p), 0);
    answer_clear(&a);
    for (int i = 0; i < 3; i++)
        assert_int_equal(call_with_ticket(f, VIX_OP_READ_ENV_VARIABLES, p.text), VIX_OK);
    assert_int_equal(call_with_ticket(f, VIX_OP_VALIDATE_CREDENTIALS, p.text), VIX_OK);
    assert_int_equal(f->logins, 2);
    assert_int_equal(call_with_ticket(f, VIX_OP_ACQUIRE_CREDENTIALS, p.text), VIX_E_INVALID_ARG);
    assert_int_equal(call_with_ticket(f, VIX_OP_VALIDATE_CREDENTIALS, "bm8gdGlja2V0"),
                     VIX_E_INVALID_LOGIN_CREDENTIALS);
    assert_int_equal(call_with_ticket(f, VIX_OP_RELEASE_CREDENTIALS, p.text), VIX_OK);
    assert_int_equal(call_with_ticket(f, VIX_OP_RELEASE_CREDENTIALS, p.text),
                     VIX_E_INVALID_LOGIN_CREDENTIALS);
    assert_int_equal(call_with_ticket(f, VIX_OP_READ_ENV_VARIABLES, p.text),
                     VIX_E_INVALID_LOGIN_CREDENTIALS);
    assert_int_equal(f->logins, 2);
}

static void test_refused_opcodes(void **state)
{
    static const struct {
        uint32_t op;
        uint64_t err;
    } cases[] = {{VIX_OP_READ_REGISTRY, VIX_E_OP_NOT_SUPPORTED_ON_GUEST},
                 {VIX_OP_CREATE_REGISTRY_KEY, VIX_E_OP_NOT_SUPPORTED_ON_GUEST},
                 /* What is released is a ticket, not a password. */
                 {VIX_OP_RELEASE_CREDENTIALS, VIX_E_INVALID_ARG},
                 {VIX_OP_WAIT_FOR_TOOLS, VIX_OK}};
    struct fixture *f = *state;
    AUTO_BUF struct buf m = BUF_INIT(4096);
    struct vix_request rq = {.common_flags = VIX_COMMON_REQUEST, .opcode = 4711};
    struct answer a = {0};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(call_as(f, cases[i].op, f->user, FIXTURE_PASSWORD, NULL), cases[i].err);
    assert_int_equal(vix_request_encode(&m, &rq), 0);
    fixture_start_message(f, &m, 0, 0, &a);
    fixture_wait(f, &a);
    assert_int_equal(a.err, VIX_E_UNRECOGNIZED_COMMAND_IN_GUEST);
    answer_clear(&a);
    assert_int_equal(f->logins, 0);
}

static void test_tools_state(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf m = BUF_INIT(4096), list = BUF_INIT(65536);
    struct vix_property p;
    struct answer a = {0};

    fixture_message(&m, VIX_OP_GET_TOOLS_STATE, VIX_COMMON_REQUEST, NULL, NULL, NULL);
    fixture_start_message(f, &m, 0, 0, &a);
    fixture_wait(f, &a);
    assert_int_equal(a.err, VIX_OK);
    assert_int_equal(vix_proplist_from_text(&list, buf_text(&a.data), a.data.len), 0);
    assert_int_equal(vix_proplist_get(list.data, list.len, VIX_PROP_HOST_NAME, &p), 0);
    assert_string_equal(p.text, "testhost");
    assert_int_equal(vix_proplist_get(list.data, list.len, VIX_PROP_OS_FAMILY, &p), 0);
    assert_int_equal(p.number, 1);
    for (int32_t id = VIX_PROP_API_START_PROGRAM; id <= VIX_PROP_API_TRANSFER_TO; id++) {
        assert_int_equal(vix_proplist_get(list.data, list.len, id, &p), 0);
        assert_int_equal(p.number, 0);
    }
    /* What this agent does not have it does not claim. */
    assert_true(vix_proplist_get(list.data, list.len, VIX_PROP_API_ADD_ALIAS, &p) < 0);
    answer_clear(&a);
}

static int disabled(void *arg, const char *key)
{
    (void)arg;
    return strcmp(key, "StartProgramInGuest.disabled") == 0;
}

static void disable(struct vix_service_config *c)
{
    c->disabled = disabled;
}

static int setup_disabled(void **state)
{
    return fixture_setup_with(state, disable);
}

static void test_disabled(void **state)
{
    struct fixture *f = *state;
    union vix_body b = {.start_program = {.path = "/bin/true", .arguments = "", .directory = ""}};

    assert_int_equal(call_as(f, VIX_OP_START_PROGRAM, f->user, FIXTURE_PASSWORD, &b),
                     VIX_E_OPERATION_DISABLED);
    assert_int_equal(call_as(f, VIX_OP_VALIDATE_CREDENTIALS, f->user, FIXTURE_PASSWORD, NULL),
                     VIX_OK);
}

static void test_frozen(void **state)
{
    struct fixture *f = *state;

    vix_service_set_frozen(f->svc, true);
    assert_int_equal(call_as(f, VIX_OP_VALIDATE_CREDENTIALS, f->user, FIXTURE_PASSWORD, NULL),
                     VIX_E_OBJECT_IS_BUSY);
    vix_service_set_frozen(f->svc, false);
    assert_int_equal(call_as(f, VIX_OP_VALIDATE_CREDENTIALS, f->user, FIXTURE_PASSWORD, NULL),
                     VIX_OK);
}

static int all_disabled(void *arg, const char *key)
{
    (void)arg;
    return strcmp(key, "disabled") == 0;
}

static void disable_all(struct vix_service_config *c)
{
    c->disabled = all_disabled;
}

static int setup_all_disabled(void **state)
{
    return fixture_setup_with(state, disable_all);
}

/* What was begun before may end; there is nothing here that was. */
static void test_all_disabled(void **state)
{
    struct fixture *f = *state;
    union vix_body end = {.stream_end = {.outcome = VIX_STREAM_FINISH}};

    assert_int_equal(call_as(f, VIX_OP_VALIDATE_CREDENTIALS, f->user, FIXTURE_PASSWORD, NULL),
                     VIX_E_OPERATION_DISABLED);
    assert_int_equal(call_as(f, VIX_OP_STREAM_END, NULL, NULL, &end), VIX_E_INVALID_HANDLE);
    assert_int_equal(f->logins, 0);
}

/* Every prefix of a message, every byte of it changed, and junk: an answer each time. */
static void test_hostile_messages(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf m = BUF_INIT(4096), part = BUF_INIT(4096);
    union vix_body b = {.path = {.path = "/etc/passwd"}};
    struct answer a = {0};

    fixture_message(&m, VIX_OP_GUEST_FILE_EXISTS, VIX_COMMON_REQUEST, f->user, FIXTURE_PASSWORD,
                    &b);
    for (size_t n = 0; n < m.len; n++) {
        buf_clear(&part);
        assert_int_equal(buf_put(&part, m.data, n), 0);
        fixture_start_message(f, &part, 0, 0, &a);
        fixture_wait(f, &a);
        assert_int_equal(a.err, VIX_E_INVALID_MESSAGE_HEADER);
    }
    /* The body, fixed part and text: the worker refuses or does something harmless. */
    for (size_t n = VIX_REQUEST_SIZE; n < VIX_REQUEST_SIZE + 8 + sizeof("/etc/passwd"); n++) {
        m.data[n] ^= 0xff;
        fixture_start_message(f, &m, 0, 0, &a);
        fixture_wait(f, &a);
        m.data[n] ^= 0xff;
    }
    for (size_t n = 0; n < VIX_REQUEST_SIZE; n++) {
        m.data[n] ^= 0x55;
        fixture_start_message(f, &m, 0, 0, &a);
        fixture_wait(f, &a);
        m.data[n] ^= 0x55;
    }
    fixture_start_message(f, &m, 0, 0, &a);
    fixture_wait(f, &a);
    assert_int_equal(a.err, VIX_OK);
    assert_string_equal(buf_text(&a.data), "1");
    answer_clear(&a);
}

static int64_t start(struct fixture *f, const char *path, const char *args)
{
    union vix_body b = {.start_program = {.path = path, .arguments = args, .directory = ""}};
    struct answer a = {0};
    int64_t pid = -1;

    assert_int_equal(fixture_call(f, VIX_OP_START_PROGRAM, &b, &a), VIX_OK);
    assert_int_equal(vix_text_number(a.data.data, a.data.len, &pid), 0);
    answer_clear(&a);
    return pid;
}

/* The parent of a started program is the worker. */
static pid_t worker_of(pid_t child)
{
    char path[64], text[512] = "";
    int fd, ppid = -1;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)child);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    assert_int_equal(sscanf(strrchr(text, ')') + 1, " %*c %d", &ppid), 1);
    return ppid;
}

static void test_worker_killed(void **state)
{
    struct fixture *f = *state;
    pid_t child = (pid_t)start(f, "/bin/sleep", "60"), worker = worker_of(child);
    union vix_body b = {.process = {.pid = (uint64_t)child}};
    struct answer a = {0}, later = {0};

    assert_int_not_equal(worker, getpid());
    /* Stopped, it cannot answer; killed, it never will. */
    assert_int_equal(kill(worker, SIGSTOP), 0);
    fixture_start(f, VIX_OP_READ_ENV_VARIABLES, NULL, &a);
    fixture_run(f, 100, &a.count);
    assert_int_equal(a.count, 0);
    assert_int_equal(kill(worker, SIGKILL), 0);
    fixture_wait(f, &a);
    assert_int_equal(a.err, VIX_E_FAIL);
    /* The program goes on, and the next request gets a new worker. */
    assert_int_equal(kill(child, 0), 0);
    assert_int_equal(fixture_call(f, VIX_OP_TERMINATE_PROCESS, &b, &later), VIX_OK);
    answer_clear(&a);
    answer_clear(&later);
}

/* A worker that does not answer costs its own requests their deadline, and nothing else. */
static void test_deadline_and_cancel(void **state)
{
    struct fixture *f = *state;
    AUTO_BUF struct buf m = BUF_INIT(4096);
    struct answer hung = {0}, again = {0};
    pid_t child = (pid_t)start(f, "/bin/sleep", "60"), worker = worker_of(child);

    assert_int_equal(kill(worker, SIGSTOP), 0);
    fixture_message(&m, VIX_OP_READ_ENV_VARIABLES, VIX_COMMON_REQUEST, f->user, FIXTURE_PASSWORD,
                    NULL);
    fixture_start_message(f, &m, 0, 300, &hung);
    assert_int_equal(call_as(f, VIX_OP_VALIDATE_CREDENTIALS, f->user, FIXTURE_PASSWORD, NULL),
                     VIX_OK);
    assert_int_equal(hung.count, 0);
    fixture_wait(f, &hung);
    assert_int_equal(hung.err, VIX_E_TOOLS_NOT_RUNNING);
    /* Its late answer is nobody's. */
    assert_int_equal(kill(worker, SIGCONT), 0);
    assert_int_equal(fixture_call(f, VIX_OP_READ_ENV_VARIABLES, NULL, &again), VIX_OK);
    assert_int_equal(hung.count, 1);
    kill(child, SIGKILL);
    answer_clear(&hung);
    answer_clear(&again);
}

static void short_idle(struct vix_service_config *c)
{
    c->worker_idle_ms = 200;
}

static int setup_short_idle(void **state)
{
    return fixture_setup_with(state, short_idle);
}

/* An idle worker ends, but not one that remembers an exit code. */
static void test_idle(void **state)
{
    struct fixture *f = *state;
    struct answer a = {0}, b = {0};
    pid_t child, worker;
    char first[32];

    union vix_body env = {.read_env.names = {1, "HOME", 5}};
    assert_int_equal(fixture_call(f, VIX_OP_READ_ENV_VARIABLES, &env, &a), VIX_OK);
    fixture_run(f, 600, NULL);
    child = (pid_t)start(f, "/bin/sleep", "60");
    worker = worker_of(child);
    fixture_run(f, 600, NULL);
    assert_int_equal(kill(worker, 0), 0);
    kill(child, SIGKILL);
    fixture_run(f, 600, NULL);
    assert_int_equal(kill(worker, 0), 0);
    snprintf(first, sizeof(first), "<pid>%d</pid>", (int)child);
    assert_int_equal(fixture_call(f, VIX_OP_LIST_PROCESSES_EX, NULL, &b), VIX_OK);
    assert_non_null(strstr(buf_text(&b.data), first));
    assert_non_null(strstr(buf_text(&b.data), "<eCode>137</eCode>"));
    answer_clear(&a);
    answer_clear(&b);
}

static void broken_worker(struct vix_service_config *c)
{
    c->worker_path = "/bin/false";
}

static int setup_broken(void **state)
{
    return fixture_setup_with(state, broken_worker);
}

static void test_broken_worker(void **state)
{
    struct fixture *f = *state;
    struct answer a = {0};

    assert_int_equal(fixture_call(f, VIX_OP_READ_ENV_VARIABLES, NULL, &a), VIX_E_FAIL);
    answer_clear(&a);
}

/* Root's monitor runs the work with the user's ids and groups, not its own. */
static void test_other_user(void **state)
{
    struct fixture *f = *state;
    union vix_body b = {.start_program = {.path = "/bin/sh",
                                          .arguments = "-c 'id -u; id -g; umask' > out",
                                          .directory = f->home}};
    AUTO_BUF struct buf text = BUF_INIT(256), m = BUF_INIT(4096);
    AUTO_FREE char *out = mem_printf("%s/out", f->home);
    struct answer a = {0};
    struct stat st;

    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(f->home, 65534, 65534), 0);
    fixture_message(&m, VIX_OP_START_PROGRAM, VIX_COMMON_REQUEST, "nobody", FIXTURE_PASSWORD, &b);
    fixture_start_message(f, &m, 0, 0, &a);
    fixture_wait(f, &a);
    assert_int_equal(a.err, VIX_OK);
    for (int i = 0; i < 200 && (stat(out, &st) < 0 || st.st_size < 17); i++)
        fixture_run(f, 10, NULL);
    assert_int_equal(fs_read_file(AT_FDCWD, out, &text, NULL), 0);
    assert_string_equal(buf_text(&text), "65534\n65534\n0022\n");
    assert_int_equal(st.st_uid, 65534);
    b = (union vix_body){.path = {.path = "/etc/inguest-not-allowed"}};
    assert_int_equal(call_as(f, VIX_OP_CREATE_DIRECTORY_EX, "nobody", FIXTURE_PASSWORD, &b),
                     VIX_E_FILE_ACCESS_ERROR);
    b.path.path = "/root/x";
    assert_int_not_equal(call_as(f, VIX_OP_GUEST_FILE_EXISTS, "nobody", FIXTURE_PASSWORD, &b), 1);
    answer_clear(&a);
}

/* Freed with requests under way: no reply, no leak. */
static void test_free_at_work(void **state)
{
    struct fixture *f = *state;
    struct answer a[8] = {0};

    for (size_t i = 0; i < ARRAY_SIZE(a); i++)
        fixture_start(f, VIX_OP_READ_ENV_VARIABLES, NULL, &a[i]);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    vix_service_free(f->svc);
    f->svc = NULL;
    uv_run(&f->loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < ARRAY_SIZE(a); i++) {
        assert_int_equal(a[i].count, 0);
        answer_clear(&a[i]);
    }
}

#define TEST_WITH(name, setup) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
#define TEST(name)             TEST_WITH(name, fixture_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_credentials),
        TEST(test_cached_login),
        TEST(test_ticket),
        TEST(test_refused_opcodes),
        TEST(test_tools_state),
        TEST_WITH(test_disabled, setup_disabled),
        TEST(test_frozen),
        TEST_WITH(test_all_disabled, setup_all_disabled),
        TEST(test_hostile_messages),
        TEST(test_worker_killed),
        TEST(test_deadline_and_cancel),
        TEST_WITH(test_idle, setup_short_idle),
        TEST_WITH(test_broken_worker, setup_broken),
        TEST(test_other_user),
        TEST(test_free_at_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
