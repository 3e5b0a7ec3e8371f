/* Programs and files of an embedding program: the example agent against a fake host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "child.h"
#include "fake_host.h"
#include "inguest/toolbox.h"
#include "wire/hgfs.h"
#include "wire/hgfs_name.h"
#include "wire/vix.h"
#include "wire/vix_auth.h"
#include "wire/vix_body.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"
#include "wire/vix_text.h"

#define PASSWORD "example"
#define PIECE    30000u

struct fixture {
    struct host host;
    struct child agent;
    const char *password;
    uint64_t session;
    struct vix_reply reply;
    union hgfs_reply packet;
};

static int setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof(*f));
    static char path[PATH_MAX];
    const char *const argv[] = {"agent", path, NULL};
    FILE *file;

    assert_non_null(f);
    host_start(&f->host);
    snprintf(path, sizeof(path), "%s/password", f->host.dir);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(PASSWORD "\n", file);
    fclose(file);
    child_start(&f->agent, "examples/example-agent", f->host.dir, argv);
    f->password = PASSWORD;
    host_wait_tclo(&f->host);
    assert_string_equal(host_call(&f->host, "reset"), "OK ATR toolbox");
    unlink(path);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    child_close(&f->agent);
    host_stop(&f->host);
    mem_free(f);
    return 0;
}

static uint64_t vix(struct fixture *f, uint32_t opcode, const union vix_body *body)
{
    AUTO_BUF struct buf bytes = BUF_INIT(VIX_REQUEST_MAX), blob = BUF_INIT(4096);
    AUTO_BUF struct buf message = BUF_INIT(VIX_REQUEST_MAX),
                        relay = BUF_INIT(VIX_REQUEST_MAX + 256);
    bool binary = opcode == VIX_OP_HGFS_SEND_PACKET;
    struct vix_credential c = {
        .type = VIX_CRED_NAME_PASSWORD, .name = (char *)"demo", .password = (char *)f->password};
    struct vix_request rq = {.opcode = opcode,
                             .common_flags = VIX_COMMON_REQUEST | (binary ? VIX_COMMON_BINARY : 0),
                             .timeout = VIX_TIMEOUT_NONE,
                             .credential_type = VIX_CRED_NAME_PASSWORD};
    unsigned before = f->host.answers;
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;

    assert_int_equal(vix_body_encode(&bytes, opcode, body), 0);
    assert_int_equal(vix_credential_encode(&blob, &c), 0);
    rq.body = bytes.data;
    rq.body_len = bytes.len;
    rq.credential = blob.data;
    rq.credential_len = blob.len;
    assert_int_equal(vix_request_encode(&message, &rq), 0);
    assert_int_equal(vix_relay_encode(&relay, "a1", message.data, message.len), 0);
    host_send(&f->host, relay.data, relay.len, 0);
    while (f->host.answers == before && clock_ms() < until)
        host_turn(&f->host, 2);
    assert_int_equal(f->host.answers, before + 1);
    assert_memory_equal(f->host.answer.bytes, "OK ", 3);
    assert_int_equal(
        vix_reply_decode(f->host.answer.bytes + 3, f->host.answer.len - 3, binary, &f->reply), 0);
    return f->reply.error;
}

static uint32_t hgfs(struct fixture *f, uint32_t op, const union hgfs_request *rq)
{
    AUTO_BUF struct buf b = BUF_INIT(HGFS_PACKET_LARGE);
    struct hgfs_header header = {
        .request_id = 9, .op = op, .flags = HGFS_FLAG_REQUEST, .session_id = f->session};
    const uint8_t *payload;
    union vix_body body;
    size_t len;

    assert_int_equal(hgfs_request_encode(&b, &header, rq), 0);
    body = (union vix_body){.hgfs = {.packet = b.data, .len = b.len}};
    assert_int_equal(vix(f, VIX_OP_HGFS_SEND_PACKET, &body), VIX_OK);
    assert_int_equal(
        hgfs_reply_header_decode(f->reply.result, f->reply.result_len, op, &header, &payload, &len),
        0);
    if (header.status == HGFS_SUCCESS)
        assert_int_equal(hgfs_reply_decode(op, payload, len, &f->packet), 0);
    return header.status;
}

static void begin(struct fixture *f)
{
    union hgfs_request rq = {0};

    f->session = HGFS_NO_SESSION;
    assert_int_equal(hgfs(f, HGFS_CREATE_SESSION_V4, &rq), HGFS_SUCCESS);
    f->session = f->packet.session.session_id;
}

static uint32_t open_path(struct fixture *f, const char *path, uint32_t mode, uint32_t *ret)
{
    AUTO_BUF struct buf name = BUF_INIT(4096);
    union hgfs_request rq = {
        .open = {.mask = HGFS_OPEN_MODE | HGFS_OPEN_FLAGS | HGFS_OPEN_FILE_NAME, .mode = mode}};
    uint32_t status;

    assert_int_equal(hgfs_name_from_path(&name, path), 0);
    rq.open.name = (struct hgfs_name){.bytes = buf_text(&name), .len = name.len};
    status = hgfs(f, HGFS_OPEN_V3, &rq);
    *ret = status == HGFS_SUCCESS ? f->packet.opened.handle : 0;
    return status;
}

static uint32_t upload(struct fixture *f, const char *path, const void *data, size_t len)
{
    union hgfs_request rq = {0};
    uint32_t h, status = open_path(f, path, HGFS_MODE_WRITE, &h);

    for (size_t at = 0; status == HGFS_SUCCESS && at < len;) {
        rq.io = (struct hgfs_io){.handle = h,
                                 .offset = at,
                                 .size = len - at < PIECE ? (uint32_t)(len - at) : PIECE,
                                 .data = (const uint8_t *)data + at};
        status = hgfs(f, HGFS_WRITE_V3, &rq);
        at += status == HGFS_SUCCESS ? f->packet.io.size : 0;
    }
    if (status != HGFS_SUCCESS)
        return status;
    rq.close.handle = h;
    return hgfs(f, HGFS_CLOSE, &rq);
}

static void download(struct fixture *f, const char *path, struct buf *out)
{
    union hgfs_request rq = {0};
    uint32_t h;

    buf_clear(out);
    assert_int_equal(open_path(f, path, HGFS_MODE_READ, &h), HGFS_SUCCESS);
    do {
        rq.io = (struct hgfs_io){.handle = h, .offset = out->len, .size = PIECE};
        assert_int_equal(hgfs(f, HGFS_READ_V3, &rq), HGFS_SUCCESS);
        assert_int_equal(buf_put(out, f->packet.io.data, f->packet.io.size), 0);
    } while (f->packet.io.size);
    rq.close.handle = h;
    assert_int_equal(hgfs(f, HGFS_CLOSE, &rq), HGFS_SUCCESS);
}

static int64_t start(struct fixture *f, const char *name, const char *arguments)
{
    union vix_body b = {.start_program = {.path = name, .arguments = arguments, .directory = ""}};
    int64_t pid;

    assert_int_equal(vix(f, VIX_OP_START_PROGRAM, &b), VIX_OK);
    assert_int_equal(vix_text_number(f->reply.result, f->reply.result_len, &pid), 0);
    assert_true(pid >= TOOLBOX_PID_FIRST);
    return pid;
}

/* How many processes are listed; the last one's state. pid 0: all. */
static unsigned list(struct fixture *f, int64_t pid, struct vix_process_info *ret)
{
    static struct arena arena = ARENA_INIT(65536);
    uint64_t pids[] = {(uint64_t)pid};
    union vix_body b = {.list_processes = {.count = pid != 0, .pid_list = pids}};
    struct vix_text t;
    unsigned n = 0;

    arena_free(&arena);
    assert_int_equal(vix(f, VIX_OP_LIST_PROCESSES_EX, &b), VIX_OK);
    vix_text_begin(&t, (const char *)f->reply.result, f->reply.result_len, true);
    while (vix_text_next_process(&t, &arena, ret) == 1)
        n++;
    return n;
}

static const char *stream(int64_t pid, const char *name)
{
    static char path[64];

    snprintf(path, sizeof(path), "/proc/%lld/%s", (long long)pid, name);
    return path;
}

static uint64_t look(struct fixture *f, const char *path)
{
    union vix_body b = {.list_files = {.path = path}};

    return vix(f, VIX_OP_INITIATE_FILE_TRANSFER_FROM_GUEST, &b);
}

static void test_program(void **state)
{
    AUTO_BUF struct buf out = BUF_INIT(4u << 20);
    struct fixture *f = *state;
    struct vix_process_info info;
    int64_t pid;

    begin(f);
    pid = start(f, "upper", "some arguments");
    assert_int_equal(list(f, pid, &info), 1);
    assert_string_equal(info.cmd, "upper");
    assert_string_equal(info.name, "upper some arguments");
    assert_string_equal(info.user, "demo");
    assert_int_equal(info.end, 0);
    assert_int_equal(look(f, stream(pid, "stdout")), VIX_E_FILE_ACCESS_ERROR);
    assert_int_equal(look(f, stream(pid, "stdin")), VIX_E_INVALID_ARG);
    assert_int_equal(upload(f, stream(pid, "stdin"), "in small letters", 16), HGFS_SUCCESS);
    assert_int_equal(look(f, stream(pid, "stdout")), VIX_OK);
    assert_non_null(memmem(f->reply.result, f->reply.result_len, "<fs>16</fs>", 11));
    download(f, stream(pid, "stdout"), &out);
    assert_int_equal(out.len, 16);
    assert_memory_equal(out.data, "IN SMALL LETTERS", 16);
    assert_int_equal(list(f, pid, &info), 1);
    assert_int_not_equal(info.end, 0);
    assert_int_equal(info.exit_code, 0);
    /* Nothing for one that has ended. */
    assert_int_equal(upload(f, stream(pid, "stdin"), "x", 1), HGFS_ACCESS_DENIED);
}

/* More than the library keeps: the program waits for its reader. */
static void test_long_output(void **state)
{
    enum { LAST = 300000 };
    AUTO_BUF struct buf out = BUF_INIT(4u << 20);
    struct fixture *f = *state;
    struct vix_process_info info;
    int64_t pid;
    char line[16];
    size_t at = 0;

    begin(f);
    pid = start(f, "count", "300000");
    assert_int_equal(list(f, pid, &info), 1);
    assert_int_equal(info.end, 0);
    download(f, stream(pid, "stdout"), &out);
    for (unsigned i = 1; i <= LAST; i++) {
        int n = snprintf(line, sizeof(line), "%u\n", i);

        assert_true(at + (size_t)n <= out.len);
        if (memcmp(out.data + at, line, (size_t)n) != 0)
            fail_msg("line %u is not there", i);
        at += (size_t)n;
    }
    assert_int_equal(at, out.len);
    assert_int_equal(list(f, pid, &info), 1);
    assert_int_equal(info.exit_code, 0);
    assert_int_not_equal(info.end, 0);
}

static void test_terminate(void **state)
{
    struct fixture *f = *state;
    struct vix_process_info info;
    int64_t first = start(f, "wait", ""), second = start(f, "wait", "");
    union vix_body b = {.process = {.pid = (uint64_t)first}};

    assert_int_not_equal(first, second);
    assert_int_equal(list(f, 0, &info), 2);
    assert_int_equal(vix(f, VIX_OP_TERMINATE_PROCESS, &b), VIX_OK);
    assert_int_equal(list(f, first, &info), 1);
    assert_int_equal(info.exit_code, 143);
    assert_int_equal(vix(f, VIX_OP_TERMINATE_PROCESS, &b), VIX_E_NO_SUCH_PROCESS);
    assert_int_equal(list(f, second, &info), 1);
    assert_int_equal(info.end, 0);
    /* Programs that are not registered are not there, nor are others' opcodes. */
    b = (union vix_body){.start_program = {.path = "/bin/sh", .arguments = "", .directory = ""}};
    assert_int_equal(vix(f, VIX_OP_START_PROGRAM, &b), VIX_E_UNRECOGNIZED_COMMAND_IN_GUEST);
}

static void test_files(void **state)
{
    AUTO_BUF struct buf out = BUF_INIT(65536);
    union hgfs_request rq = {0};
    struct fixture *f = *state;
    uint32_t h;

    begin(f);
    assert_int_equal(upload(f, "/note:/x", "remember this", 13), HGFS_SUCCESS);
    assert_int_equal(look(f, "/note:/x"), VIX_OK);
    assert_non_null(memmem(f->reply.result, f->reply.result_len, "<fs>13</fs>", 11));
    download(f, "/note:/x", &out);
    assert_int_equal(out.len, 13);
    assert_memory_equal(out.data, "remember this", 13);
    download(f, "/note/x", &out);
    assert_int_equal(out.len, 13);
    /* An upload that is given up is none. */
    assert_int_equal(open_path(f, "/note:/x", HGFS_MODE_WRITE, &h), HGFS_SUCCESS);
    rq.io = (struct hgfs_io){.handle = h, .size = 4, .data = (const uint8_t *)"half"};
    assert_int_equal(hgfs(f, HGFS_WRITE_V3, &rq), HGFS_SUCCESS);
    assert_int_equal(hgfs(f, HGFS_DESTROY_SESSION_V4, &rq), HGFS_SUCCESS);
    rq.io = (struct hgfs_io){.handle = h, .size = 4, .data = (const uint8_t *)"more"};
    assert_int_equal(hgfs(f, HGFS_WRITE_V3, &rq), HGFS_INVALID_HANDLE);
    begin(f);
    download(f, "/note:/x", &out);
    assert_int_equal(out.len, 13);
    /* The handle of another session is not this one's. */
    assert_int_equal(open_path(f, "/note:/x", HGFS_MODE_READ, &h), HGFS_SUCCESS);
    begin(f);
    rq.io = (struct hgfs_io){.handle = h, .size = 4};
    assert_int_equal(hgfs(f, HGFS_READ_V3, &rq), HGFS_INVALID_HANDLE);
    assert_int_equal(open_path(f, "/etc/passwd", HGFS_MODE_READ, &h), HGFS_NO_SUCH_FILE);
}

static void test_logins(void **state)
{
    struct fixture *f = *state;
    union vix_body b = {.start_program = {.path = "wait", .arguments = "", .directory = ""}};
    struct vix_process_info info;

    f->password = "wrong";
    assert_int_equal(vix(f, VIX_OP_START_PROGRAM, &b), VIX_E_INVALID_LOGIN_CREDENTIALS);
    b = (union vix_body){.list_files = {.path = "/note:/x"}};
    assert_int_equal(vix(f, VIX_OP_INITIATE_FILE_TRANSFER_FROM_GUEST, &b),
                     VIX_E_INVALID_LOGIN_CREDENTIALS);
    f->password = PASSWORD;
    assert_int_equal(list(f, 0, &info), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_program), TEST(test_long_output),
                                       TEST(test_terminate), TEST(test_files), TEST(test_logins)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
