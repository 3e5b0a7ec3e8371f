/* Guest operations in words: what is said, and what never is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "wire/exec_spec.h"
#include "wire/vix_auth.h"
#include "wire/vix_body.h"
#include "wire/vix_describe.h"
#include "wire/vix_ops.h"
#include "wire/vix_stream.h"
#include "wire/vix_text.h"
#include "wire/vix_ticket.h"

static const char *describe(uint32_t opcode, const union vix_body *body,
                            char out[VIX_DESCRIBE_SIZE])
{
    AUTO_BUF struct buf b = BUF_INIT(VIX_REQUEST_MAX);
    struct vix_request rq = {.opcode = opcode};

    assert_int_equal(vix_body_encode(&b, opcode, body), 0);
    rq.body = b.data;
    rq.body_len = b.len;
    return vix_describe(&rq, out);
}

static void test_operations(void **state)
{
    char out[VIX_DESCRIBE_SIZE];
    union vix_body b = {.path = {.path = "/tmp/a"}};

    (void)state;
    assert_string_equal(describe(VIX_OP_CREATE_DIRECTORY_EX, &b, out),
                        "MakeDirectoryInGuest \"/tmp/a\"");
    /* One that no API method stands for goes by its own name. */
    assert_string_equal(describe(VIX_OP_GUEST_FILE_EXISTS, &b, out),
                        "GUEST_FILE_EXISTS \"/tmp/a\"");
    b = (union vix_body){.move = {.from = "/a", .to = "/b"}};
    assert_string_equal(describe(VIX_OP_MOVE_GUEST_FILE_EX, &b, out),
                        "MoveFileInGuest \"/a\" to \"/b\"");
    b = (union vix_body){.process = {.pid = 4711}};
    assert_string_equal(describe(VIX_OP_TERMINATE_PROCESS, &b, out),
                        "TerminateProcessInGuest 4711");
    b = (union vix_body){.temp = {.prefix = "p", .suffix = "s", .directory = ""}};
    assert_string_equal(describe(VIX_OP_CREATE_TEMPORARY_FILE_EX, &b, out),
                        "CreateTemporaryFileInGuest");
    assert_string_equal(vix_describe(&(struct vix_request){.opcode = 4711}, out), "opcode 4711");
    /* A body that is none. */
    assert_string_equal(vix_describe(&(struct vix_request){.opcode = VIX_OP_LIST_FILES,
                                                           .body = (const uint8_t *)"x",
                                                           .body_len = 1},
                                     out),
                        "ListFilesInGuest");
}

static void test_secrets(void **state)
{
    static const char env[] = "TOKEN=hush-environment";
    char out[VIX_DESCRIBE_SIZE];
    union vix_body b = {.start_program = {.path = "/bin/mount",
                                          .arguments = "-o password=hush-arguments",
                                          .directory = "/",
                                          .environment = {1, env, sizeof(env)}}};

    (void)state;
    assert_string_equal(describe(VIX_OP_START_PROGRAM, &b, out),
                        "StartProgramInGuest \"/bin/mount\"");
    b = (union vix_body){.variable = {.type = 3, .name = "NAME", .value = "hush-value"}};
    assert_null(strstr(describe(VIX_OP_WRITE_VARIABLE, &b, out), "hush"));
}

static void test_streams(void **state)
{
    AUTO_BUF struct buf file = BUF_INIT(4096), exec = BUF_INIT(4096), port = BUF_INIT(64);
    const struct vix_stream_file f = {.path = "/tmp/x"};
    const char *const args[] = {"/bin/login", "hush-argument", NULL};
    const char *const env[] = {"A=hush-environment", NULL};
    const struct exec_spec spec = {.cwd = "", .argc = 2, .args = args, .envc = 1, .env = env};
    char out[VIX_DESCRIBE_SIZE];
    union vix_body b = {0};

    (void)state;
    assert_int_equal(vix_stream_file_encode(&file, &f), 0);
    assert_int_equal(exec_spec_encode(&exec, &spec), 0);
    assert_int_equal(exec_connect_encode(&port, 8080), 0);
    b.stream_open =
        (struct vix_stream_open){.kind = VIX_STREAM_FILE_READ, .body = file.data, .len = file.len};
    assert_string_equal(describe(VIX_OP_STREAM_OPEN, &b, out), "transfer from \"/tmp/x\"");
    b.stream_open.kind = VIX_STREAM_FILE_WRITE;
    assert_string_equal(describe(VIX_OP_STREAM_OPEN, &b, out), "transfer to \"/tmp/x\"");
    b.stream_open =
        (struct vix_stream_open){.kind = VIX_STREAM_EXEC, .body = exec.data, .len = exec.len};
    assert_string_equal(describe(VIX_OP_STREAM_OPEN, &b, out), "program \"/bin/login\"");
    b.stream_open =
        (struct vix_stream_open){.kind = VIX_STREAM_CONNECT, .body = port.data, .len = port.len};
    assert_string_equal(describe(VIX_OP_STREAM_OPEN, &b, out), "connection to port 8080");
    b.stream_open.kind = 4711;
    assert_string_equal(describe(VIX_OP_STREAM_OPEN, &b, out), "stream of kind 4711");
}

static void test_hostile_names(void **state)
{
    char out[VIX_DESCRIBE_SIZE], path[VIX_DESCRIBE_NAME_MAX + 2] = "";
    union vix_body b = {.path = {.path = "/a\n\"forged\" as \\root\x1b[2J"}};

    (void)state;
    assert_string_equal(describe(VIX_OP_DELETE_GUEST_FILE_EX, &b, out),
                        "DeleteFileInGuest \"/a?\\\"forged\\\" as \\\\root?[2J\"");
    /* At the limit, and one above. */
    memset(path, 'x', VIX_DESCRIBE_NAME_MAX);
    b.path.path = path;
    describe(VIX_OP_DELETE_GUEST_FILE_EX, &b, out);
    assert_string_equal(out + strlen(out) - 4, "xxx\"");
    path[VIX_DESCRIBE_NAME_MAX] = 'x';
    describe(VIX_OP_DELETE_GUEST_FILE_EX, &b, out);
    assert_string_equal(out + strlen(out) - 5, "x...\"");
}

static const char *user_of(const struct vix_credential *cred, char out[VIX_DESCRIBE_SIZE])
{
    AUTO_BUF struct buf b = BUF_INIT(VIX_REQUEST_MAX);
    struct vix_request rq = {.credential_type = cred->type};

    assert_int_equal(vix_credential_encode(&b, cred), 0);
    rq.credential = b.data;
    rq.credential_len = b.len;
    return vix_describe_user(&rq, out);
}

static void test_users(void **state)
{
    static const uint8_t random[VIX_TICKET_RANDOM] = {7};
    AUTO_BUF struct buf ticket = BUF_INIT(1024);
    char out[VIX_DESCRIBE_SIZE];
    struct vix_credential cred = {
        .type = VIX_CRED_NAME_PASSWORD, .name = (char *)"al\"ice", .password = (char *)"hush"};

    (void)state;
    assert_string_equal(user_of(&cred, out), "\"al\\\"ice\"");
    assert_int_equal(vix_ticket_encode(&ticket, random, "bob"), 0);
    cred = (struct vix_credential){.type = VIX_CRED_TICKETED_SESSION,
                                   .token = (char *)buf_text(&ticket)};
    assert_string_equal(user_of(&cred, out), "\"bob\"");
    cred.token = (char *)"of-another-agent";
    assert_string_equal(user_of(&cred, out), "a ticket");
    cred = (struct vix_credential){
        .type = VIX_CRED_SAML_TOKEN, .token = (char *)"<hush/>", .name = (char *)""};
    assert_string_equal(user_of(&cred, out), "a token");
    cred = (struct vix_credential){0};
    assert_string_equal(user_of(&cred, out), "nobody");
    assert_string_equal(
        vix_describe_user(&(struct vix_request){.credential_type = VIX_CRED_NAME_PASSWORD}, out),
        "somebody");
}

static void test_parts(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(4096), body = BUF_INIT(4096);
    struct vix_chunk_head head = {.chunked = true, .first = true, .key = 1, .total = 9, .left = 3};
    union vix_body list = {.list_files = {.path = "/", .offset = 0}};
    struct vix_request rq = {.opcode = VIX_OP_LIST_FILES};

    (void)state;
    assert_int_equal(vix_text_put_chunk_head(&b, &head), 0);
    assert_true(vix_result_is_partial(VIX_OP_LIST_PROCESSES_EX, b.data, b.len));
    assert_false(vix_result_is_partial(VIX_OP_START_PROGRAM, b.data, b.len));
    assert_false(vix_result_is_partial(VIX_OP_LIST_FILES, "", 0));
    for (unsigned offset = 0; offset < 2; offset++) {
        buf_clear(&body);
        list.list_files.offset = offset;
        assert_int_equal(vix_body_encode(&body, VIX_OP_LIST_FILES, &list), 0);
        rq.body = body.data;
        rq.body_len = body.len;
        assert_int_equal(vix_continues(&rq), offset > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations), cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_streams),    cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_users),      cmocka_unit_test(test_parts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
