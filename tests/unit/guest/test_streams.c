/* Standard streams of programs and archives as files, by way of the service and a real worker. */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "service_fixture.h"
#include "wire/hgfs.h"
#include "wire/hgfs_name.h"
#include "wire/vix.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"
#include "wire/vix_text.h"

#define PIECE 61440u

struct client {
    struct fixture *f;
    uint64_t session;
    size_t room; /* for results; 0 = as our host has it */
    union hgfs_reply reply;
    struct answer a;
};

static uint32_t call(struct client *c, uint32_t op, const union hgfs_request *rq)
{
    AUTO_BUF struct buf packet = BUF_INIT(HGFS_PACKET_MAX), message = BUF_INIT(VIX_MESSAGE_LARGE);
    struct hgfs_header header = {
        .request_id = 5, .op = op, .flags = HGFS_FLAG_REQUEST, .session_id = c->session};
    union vix_body b;
    const uint8_t *payload;
    size_t len;

    assert_int_equal(hgfs_request_encode(&packet, &header, rq), 0);
    b = (union vix_body){.hgfs = {.packet = packet.data, .len = packet.len}};
    fixture_message(&message, VIX_OP_HGFS_SEND_PACKET, VIX_COMMON_REQUEST | VIX_COMMON_BINARY,
                    c->f->user, FIXTURE_PASSWORD, &b);
    fixture_start_message(c->f, &message, c->room ? c->room : VIX_MESSAGE_LARGE - 92, 0, &c->a);
    fixture_wait(c->f, &c->a);
    assert_int_equal(c->a.err, VIX_OK);
    assert_int_equal(
        hgfs_reply_header_decode(c->a.data.data, c->a.data.len, op, &header, &payload, &len), 0);
    if (header.status == HGFS_SUCCESS)
        assert_int_equal(hgfs_reply_decode(op, payload, len, &c->reply), 0);
    return header.status;
}

static void begin(struct client *c, struct fixture *f)
{
    union hgfs_request rq = {0};

    *c = (struct client){.f = f, .session = HGFS_NO_SESSION};
    assert_int_equal(call(c, HGFS_CREATE_SESSION_V4, &rq), HGFS_SUCCESS);
    c->session = c->reply.session.session_id;
}

static void end(struct client *c)
{
    union hgfs_request rq = {0};

    assert_int_equal(call(c, HGFS_DESTROY_SESSION_V4, &rq), HGFS_SUCCESS);
    answer_clear(&c->a);
}

static uint32_t open_path(struct client *c, const char *path, uint32_t mode, uint32_t *ret)
{
    AUTO_BUF struct buf name = BUF_INIT(4096);
    union hgfs_request rq = {
        .open = {.mask = HGFS_OPEN_MODE | HGFS_OPEN_FLAGS | HGFS_OPEN_FILE_NAME,
                 .mode = mode,
                 .flags = mode == HGFS_MODE_WRITE ? HGFS_OPEN_CREATE_EMPTY : HGFS_OPEN_EXISTING}};
    uint32_t status;

    assert_int_equal(hgfs_name_from_path(&name, path), 0);
    rq.open.name = (struct hgfs_name){.bytes = buf_text(&name), .len = name.len};
    status = call(c, HGFS_OPEN_V3, &rq);
    *ret = status == HGFS_SUCCESS ? c->reply.opened.handle : 0;
    return status;
}

static uint32_t close_file(struct client *c, uint32_t handle)
{
    union hgfs_request rq = {.close = {handle}};

    return call(c, HGFS_CLOSE, &rq);
}

/* Reads to the end; the status of the read that was not a success. */
static uint32_t read_all(struct client *c, uint32_t handle, struct buf *out)
{
    for (uint64_t offset = 0;;) {
        union hgfs_request rq = {.io = {.handle = handle, .offset = offset, .size = PIECE}};
        uint32_t status = call(c, HGFS_READ_V3, &rq);

        if (status != HGFS_SUCCESS || c->reply.io.size == 0)
            return status;
        assert_true(c->reply.io.size <= PIECE);
        assert_int_equal(buf_put(out, c->reply.io.data, c->reply.io.size), 0);
        offset += c->reply.io.size;
    }
}

static uint32_t write_all(struct client *c, uint32_t handle, const void *data, size_t len)
{
    for (size_t at = 0; at < len;) {
        uint32_t n = len - at < PIECE ? (uint32_t)(len - at) : PIECE;
        union hgfs_request rq = {
            .io = {.handle = handle, .offset = at, .size = n, .data = (const uint8_t *)data + at}};
        uint32_t status = call(c, HGFS_WRITE_V3, &rq);

        if (status != HGFS_SUCCESS)
            return status;
        at += c->reply.io.size;
    }
    return HGFS_SUCCESS;
}

static uint64_t start(struct fixture *f, const char *path, const char *args, int64_t *ret_pid)
{
    union vix_body b = {.start_program = {.path = path, .arguments = args, .directory = ""}};
    struct answer a = {0};
    uint64_t err = fixture_call(f, VIX_OP_START_PROGRAM, &b, &a);

    *ret_pid = 0;
    if (err == VIX_OK)
        assert_int_equal(vix_text_number(a.data.data, a.data.len, ret_pid), 0);
    answer_clear(&a);
    return err;
}

static const char *stream(int64_t pid, const char *name)
{
    static char path[64];

    snprintf(path, sizeof(path), "/proc/%lld/%s", (long long)pid, name);
    return path;
}

/* What the host asks before a download; the size in *ret. */
static uint64_t look(struct fixture *f, const char *path, int64_t *ret)
{
    union vix_body b = {.list_files = {.path = path}};
    struct answer a = {0};
    uint64_t err = fixture_call(f, VIX_OP_INITIATE_FILE_TRANSFER_FROM_GUEST, &b, &a);
    const char *size = err == VIX_OK ? strstr(buf_text(&a.data), "<fs>") : NULL;

    *ret = size ? strtoll(size + 4, NULL, 10) : -1;
    answer_clear(&a);
    return err;
}

static uint64_t look_to(struct fixture *f, const char *path)
{
    union vix_body b = {.path = {.path = path}};
    struct answer a = {0};
    uint64_t err = fixture_call(f, VIX_OP_INITIATE_FILE_TRANSFER_TO_GUEST, &b, &a);

    answer_clear(&a);
    return err;
}

static void test_input_and_output(void **state)
{
    AUTO_BUF struct buf out = BUF_INIT(1u << 20);
    struct fixture *f = *state;
    struct client c;
    uint32_t h, other;
    int64_t pid, size;

    begin(&c, f);
    assert_int_equal(start(f, "sh", "-c 'cat; echo problem >&2; exit 3'", &pid), VIX_OK);
    /* Directions, and the output of a program that runs. */
    assert_int_equal(look_to(f, stream(pid, "stdin")), VIX_OK);
    assert_int_equal(look_to(f, stream(pid, "stdout")), VIX_E_INVALID_ARG);
    assert_int_equal(look(f, stream(pid, "stdin"), &size), VIX_E_INVALID_ARG);
    assert_int_equal(look(f, stream(pid, "stdout"), &size), VIX_E_FILE_ACCESS_ERROR);
    assert_int_equal(look(f, stream(pid, "nothing"), &size), VIX_E_FILE_NOT_FOUND);
    assert_int_equal(open_path(&c, stream(pid, "stdin"), HGFS_MODE_READ, &h), HGFS_ACCESS_DENIED);
    assert_int_equal(open_path(&c, stream(pid, "stdout"), HGFS_MODE_WRITE, &h), HGFS_ACCESS_DENIED);
    assert_int_equal(open_path(&c, stream(pid, "stdout"), HGFS_MODE_READ, &h), HGFS_ACCESS_DENIED);
    assert_int_equal(open_path(&c, stream(pid, "stdin"), HGFS_MODE_WRITE, &h), HGFS_SUCCESS);
    assert_int_equal(open_path(&c, stream(pid, "stdin"), HGFS_MODE_WRITE, &other),
                     HGFS_SHARING_VIOLATION);
    assert_int_equal(write_all(&c, h, "to the program\n", 15), HGFS_SUCCESS);
    /* What is not closed has no end. */
    assert_int_equal(look(f, stream(pid, "stdout"), &size), VIX_E_FILE_ACCESS_ERROR);
    assert_int_equal(close_file(&c, h), HGFS_SUCCESS);
    assert_int_equal(look(f, stream(pid, "stdout"), &size), VIX_OK);
    assert_int_equal(size, 15);
    assert_int_equal(open_path(&c, stream(pid, "stdout"), HGFS_MODE_READ, &h), HGFS_SUCCESS);
    assert_int_equal(read_all(&c, h, &out), HGFS_SUCCESS);
    assert_int_equal(out.len, 15);
    assert_memory_equal(out.data, "to the program\n", 15);
    assert_int_equal(close_file(&c, h), HGFS_SUCCESS);
    /* Reading uses it up. */
    assert_int_equal(look(f, stream(pid, "stdout"), &size), VIX_OK);
    assert_int_equal(size, 0);
    buf_clear(&out);
    assert_int_equal(open_path(&c, stream(pid, "stderr"), HGFS_MODE_READ, &h), HGFS_SUCCESS);
    assert_int_equal(read_all(&c, h, &out), HGFS_SUCCESS);
    assert_memory_equal(out.data, "problem\n", 8);
    /* A program that nobody started here is a file like any other. */
    assert_int_equal(look(f, "/proc/1/stdout", &size), VIX_E_FILE_NOT_FOUND);
    assert_int_equal(start(f, "no-such-program-anywhere", "", &pid), VIX_E_FILE_NOT_FOUND);
    end(&c);
}

/* More than any pipe holds: the program waits for the reader, and all of it comes in order. */
static void test_long_output(void **state)
{
    enum { LAST = 2000000 };
    AUTO_BUF struct buf out = BUF_INIT(32u << 20);
    struct fixture *f = *state;
    struct client c;
    uint32_t h;
    int64_t pid, size;
    size_t at = 0;

    begin(&c, f);
    assert_int_equal(start(f, "seq", "2000000", &pid), VIX_OK);
    assert_int_equal(look(f, stream(pid, "stdout"), &size), VIX_OK);
    assert_true(size == INT64_MAX);
    assert_int_equal(open_path(&c, stream(pid, "stdout"), HGFS_MODE_READ, &h), HGFS_SUCCESS);
    assert_int_equal(read_all(&c, h, &out), HGFS_SUCCESS);
    for (unsigned i = 1; i <= LAST; i++) {
        char line[16];
        int n = snprintf(line, sizeof(line), "%u\n", i);

        assert_true(at + (size_t)n <= out.len);
        if (memcmp(out.data + at, line, (size_t)n) != 0)
            fail_msg("line %u is not there", i);
        at += (size_t)n;
    }
    assert_int_equal(at, out.len);
    end(&c);
}

/* A program that says nothing for a while: the host is told to ask again, and nothing is lost. */
static void test_quiet_program(void **state)
{
    AUTO_FREE char *bytes = mem_calloc(1, 4u << 20);
    struct fixture *f = *state;
    struct client c;
    uint32_t h;
    int64_t pid, size;
    union hgfs_request rq;

    begin(&c, f);
    /* It fills its pipe, so that reading may begin, and then waits for input. */
    assert_int_equal(start(f, "sh", "-c 'head -c 1048576 /dev/zero; read line; echo $line'", &pid),
                     VIX_OK);
    assert_int_equal(look(f, stream(pid, "stdout"), &size), VIX_OK);
    assert_true(size == INT64_MAX);
    assert_int_equal(open_path(&c, stream(pid, "stdout"), HGFS_MODE_READ, &h), HGFS_SUCCESS);
    rq = (union hgfs_request){.io = {.handle = h, .size = PIECE}};
    for (size_t got = 0; got < 1048576; got += c.reply.io.size)
        assert_int_equal(call(&c, HGFS_READ_V3, &rq), HGFS_SUCCESS);
    assert_int_equal(call(&c, HGFS_READ_V3, &rq), HGFS_SHARING_VIOLATION);
    {
        uint32_t in;

        assert_int_equal(open_path(&c, stream(pid, "stdin"), HGFS_MODE_WRITE, &in), HGFS_SUCCESS);
        assert_int_equal(write_all(&c, in, "late\n", 5), HGFS_SUCCESS);
        assert_int_equal(close_file(&c, in), HGFS_SUCCESS);
    }
    assert_int_equal(call(&c, HGFS_READ_V3, &rq), HGFS_SUCCESS);
    assert_int_equal(c.reply.io.size, 5);
    assert_memory_equal(c.reply.io.data, "late\n", 5);
    assert_int_equal(close_file(&c, h), HGFS_SUCCESS);
    /* Input that nobody reads: what the pipe takes is taken, then the host is told to wait. */
    assert_int_equal(start(f, "sleep", "100", &pid), VIX_OK);
    assert_int_equal(open_path(&c, stream(pid, "stdin"), HGFS_MODE_WRITE, &h), HGFS_SUCCESS);
    assert_int_equal(write_all(&c, h, bytes, 4u << 20), HGFS_SHARING_VIOLATION);
    /* Nothing out of its order. */
    rq = (union hgfs_request){
        .io = {.handle = h, .offset = 3u << 20, .size = 10, .data = (uint8_t *)bytes}};
    assert_int_equal(call(&c, HGFS_WRITE_V3, &rq), HGFS_SHARING_VIOLATION);
    /* A session that ends takes along what waits. */
    end(&c);
    {
        union vix_body b = {.process = {.pid = (uint64_t)pid}};
        struct answer a = {0};

        assert_int_equal(fixture_call(f, VIX_OP_TERMINATE_PROCESS, &b, &a), VIX_OK);
        answer_clear(&a);
    }
}

static void make(const char *home, const char *name, const char *text)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", home, name);
    if (!text) {
        assert_int_equal(mkdir(path, 0755), 0);
        return;
    }
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void download(struct client *c, const char *path, struct buf *out)
{
    uint32_t h;

    buf_clear(out);
    assert_int_equal(open_path(c, path, HGFS_MODE_READ, &h), HGFS_SUCCESS);
    assert_int_equal(read_all(c, h, out), HGFS_SUCCESS);
    assert_int_equal(close_file(c, h), HGFS_SUCCESS);
}

/* The names in an archive, with a blank after each. */
static void names_of(const struct buf *tar, char *out, size_t size)
{
    struct archive *a = archive_read_new();
    struct archive_entry *e;

    out[0] = '\0';
    archive_read_support_filter_gzip(a);
    archive_read_support_format_tar(a);
    assert_int_equal(archive_read_open_memory(a, tar->data, tar->len), ARCHIVE_OK);
    while (archive_read_next_header(a, &e) == ARCHIVE_OK)
        snprintf(out + strlen(out), size - strlen(out), "%s ", archive_entry_pathname(e));
    archive_read_free(a);
}

static void in_home(const struct fixture *f, char out[256], const char *format)
{
    const char *mark = strchr(format, '@');

    snprintf(out, 256, "%.*s%s%s", (int)(mark - format), format, f->home, mark + 1);
}

static void test_archive_down(void **state)
{
    static const struct {
        const char *path, *names;
    } cases[] = {
        {"/archive:@/tree", "a.log b/ b/c b/l z "},
        {"/archive:@/tree?format=tar", "a.log b/ b/c b/l z "},
        {"/archive:@/tree?prefix=p%2Fq-&skip=*.log", "p/q-b/ p/q-b/c p/q-b/l p/q-z "},
        {"/archive:@/tree?skip=b&skip=z&format=tgz", "a.log "},
        {"/archive:@/tree/b/c", "c "},
        {"/archive:@/tr%65e/b", "c l "},
    };
    AUTO_BUF struct buf out = BUF_INIT(16u << 20);
    AUTO_FREE char *large = mem_alloc(3000001);
    struct fixture *f = *state;
    char path[256], names[512];
    struct client c;
    uint32_t h;
    int64_t size;

    memset(large, 'x', 3000000);
    large[3000000] = '\0';
    make(f->home, "tree", NULL);
    make(f->home, "tree/b", NULL);
    make(f->home, "tree/a.log", "log");
    make(f->home, "tree/z", large);
    make(f->home, "tree/b/c", "content");
    in_home(f, path, "@/tree/b/l");
    assert_int_equal(symlink("/etc/passwd", path), 0);
    begin(&c, f);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        in_home(f, path, cases[i].path);
        assert_int_equal(look(f, path, &size), VIX_OK);
        assert_true(size == INT64_MAX);
        download(&c, path, &out);
        names_of(&out, names, sizeof(names));
        assert_string_equal(names, cases[i].names);
        assert_int_equal(out.data[0] == 0x1f && out.data[1] == 0x8b, strstr(path, "tgz") != NULL);
        assert_memory_not_equal(out.data + out.len - 3, "\x1f\x8b\x08", 3);
    }
    /* A closing slash is as good as the scheme; without it a folder is not a file. */
    in_home(f, path, "@/tree/");
    assert_int_equal(look(f, path, &size), VIX_OK);
    in_home(f, path, "@/tree");
    assert_int_equal(look(f, path, &size), VIX_E_NOT_A_FILE);
    in_home(f, path, "/archive:@/missing");
    assert_int_equal(look(f, path, &size), VIX_E_FILE_NOT_FOUND);
    assert_int_equal(open_path(&c, path, HGFS_MODE_READ, &h), HGFS_NO_SUCH_FILE);
    in_home(f, path, "/archive:@/tree?format=zip");
    assert_int_equal(look(f, path, &size), VIX_E_INVALID_ARG);
    assert_int_equal(open_path(&c, path, HGFS_MODE_READ, &h), HGFS_INVALID_NAME);
    /* Hosts that must announce a length get the mark at which clients stop. */
    c.room = VIX_REQUEST_MAX - 92;
    in_home(f, path, "/archive:@/tree?skip=z");
    download(&c, path, &out);
    assert_memory_equal(out.data + out.len - 3, "\x1f\x8b\x08", 3);
    c.room = 0;
    /* One that is given up ends with its session. */
    in_home(f, path, "/archive:@/tree");
    assert_int_equal(open_path(&c, path, HGFS_MODE_READ, &h), HGFS_SUCCESS);
    end(&c);
}

static void put(struct archive *a, const char *name, unsigned type, const char *text)
{
    struct archive_entry *e = archive_entry_new();

    archive_entry_set_pathname(e, name);
    archive_entry_set_perm(e, 0644);
    if (type == AE_IFLNK) {
        archive_entry_set_symlink(e, text);
    } else if (type == 0) {
        archive_entry_set_hardlink(e, text);
        type = AE_IFREG;
    } else if (type == AE_IFREG) {
        archive_entry_set_size(e, (int64_t)strlen(text));
    }
    archive_entry_set_filetype(e, type);
    assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
    if (type == AE_IFREG && archive_entry_size(e))
        archive_write_data(a, text, strlen(text));
    archive_entry_free(e);
}

static struct archive *tar_begin(void *out, size_t size, size_t *used)
{
    struct archive *a = archive_write_new();

    archive_write_set_format_pax_restricted(a);
    assert_int_equal(archive_write_open_memory(a, out, size, used), ARCHIVE_OK);
    return a;
}

static uint32_t upload(struct client *c, const char *path, const void *data, size_t len)
{
    uint32_t h, status = open_path(c, path, HGFS_MODE_WRITE, &h), closed;

    if (status != HGFS_SUCCESS)
        return status;
    status = write_all(c, h, data, len);
    closed = close_file(c, h);
    return status != HGFS_SUCCESS ? status : closed;
}

static void expect(const struct fixture *f, const char *name, const char *text)
{
    AUTO_BUF struct buf b = BUF_INIT(4096);
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", f->home, name);
    if (!text) {
        assert_int_equal(access(path, F_OK), -1);
        return;
    }
    assert_int_equal(fs_read_file(AT_FDCWD, path, &b, NULL), 0);
    assert_int_equal(b.len, strlen(text));
    assert_memory_equal(b.data, text, b.len);
}

static void test_archive_up(void **state)
{
    static uint8_t tar[1u << 20];
    struct fixture *f = *state;
    char path[256];
    struct archive *a;
    struct client c;
    size_t used;

    begin(&c, f);
    make(f->home, "outside", "untouched");
    /* What leads out of the folder by name is skipped, the rest arrives. */
    a = tar_begin(tar, sizeof(tar), &used);
    put(a, "d/e/file", AE_IFREG, "one");
    put(a, "../escaped", AE_IFREG, "bad");
    put(a, "d/../../escaped", AE_IFREG, "bad");
    put(a, "/absolute", AE_IFREG, "below");
    put(a, "hard", 0, "d/e/file");
    put(a, "hard-out", 0, "../outside");
    put(a, "skipped.tmp", AE_IFREG, "bad");
    put(a, "pipe", AE_IFIFO, NULL);
    archive_write_free(a);
    in_home(f, path, "/archive:@/new/target?skip=*.tmp");
    assert_int_equal(look_to(f, path), VIX_OK);
    assert_int_equal(upload(&c, path, tar, used), HGFS_SUCCESS);
    expect(f, "new/target/d/e/file", "one");
    expect(f, "new/target/hard", "one");
    expect(f, "new/target/absolute", "below");
    expect(f, "new/escaped", NULL);
    expect(f, "escaped", NULL);
    expect(f, "new/target/hard-out", NULL);
    expect(f, "new/target/skipped.tmp", NULL);
    expect(f, "new/target/pipe", NULL);
    /* A link that leads out, and then a file through it. */
    a = tar_begin(tar, sizeof(tar), &used);
    put(a, "out", AE_IFLNK, f->home);
    put(a, "out/outside", AE_IFREG, "overwritten");
    archive_write_free(a);
    in_home(f, path, "/archive:@/new/target");
    assert_int_not_equal(upload(&c, path, tar, used), HGFS_SUCCESS);
    expect(f, "outside", "untouched");
    /* The same by a link that was there before, and by a file that is one. */
    in_home(f, path, "@/new/target/link");
    {
        char target[256];

        in_home(f, target, "@/outside");
        assert_int_equal(symlink(target, path), 0);
    }
    a = tar_begin(tar, sizeof(tar), &used);
    put(a, "link", AE_IFREG, "a file now");
    archive_write_free(a);
    in_home(f, path, "/archive:@/new/target");
    assert_int_equal(upload(&c, path, tar, used), HGFS_SUCCESS);
    expect(f, "outside", "untouched");
    expect(f, "new/target/link", "a file now");
    /* What is no archive, one that breaks off, and a target that is no folder. */
    assert_int_not_equal(upload(&c, path, "certainly no archive, whatever one may think", 44),
                         HGFS_SUCCESS);
    a = tar_begin(tar, sizeof(tar), &used);
    put(a, "half", AE_IFREG, "some content that is cut off");
    archive_write_free(a);
    assert_int_not_equal(upload(&c, path, tar, 520), HGFS_SUCCESS);
    expect(f, "new/target/half", NULL);
    in_home(f, path, "/archive:@/outside");
    assert_int_equal(look_to(f, path), VIX_E_NOT_A_DIRECTORY);
    assert_int_equal(upload(&c, path, tar, used), HGFS_NOT_DIRECTORY);
    end(&c);
}

static void test_round_trip(void **state)
{
    AUTO_BUF struct buf out = BUF_INIT(4096);
    struct fixture *f = *state;
    struct client c;
    int64_t pid, size;
    uint32_t h;

    begin(&c, f);
    /* Nothing listens on port 1. */
    assert_int_equal(start(f, "http.RoundTrip", "127.0.0.1:1", &pid), VIX_OK);
    assert_int_equal(look(f, stream(pid, "stderr"), &size), VIX_OK);
    assert_true(size > 0);
    assert_int_equal(open_path(&c, stream(pid, "stderr"), HGFS_MODE_READ, &h), HGFS_SUCCESS);
    assert_int_equal(read_all(&c, h, &out), HGFS_SUCCESS);
    assert_non_null(strstr(buf_text(&out), "refused"));
    end(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_input_and_output), TEST(test_long_output), TEST(test_quiet_program),
        TEST(test_archive_down),     TEST(test_archive_up),  TEST(test_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
