/* HGFS packets by way of the service and a real worker. */
#include <fcntl.h>
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

#include "base/cursor.h"
#include "base/fs.h"
#include "base/mem.h"
#include "service_fixture.h"
#include "wire/hgfs.h"
#include "wire/hgfs_name.h"
#include "wire/vix.h"
#include "wire/vix_error.h"
#include "wire/vix_ops.h"

#define PIECE 100000u

struct hgfs {
    struct fixture *f;
    uint64_t session;
    uint32_t max_packet;
    struct answer a;
    union hgfs_reply reply;
};

static void start_packet(struct fixture *f, const void *packet, size_t len, struct answer *a)
{
    union vix_body b = {.hgfs = {.packet = packet, .len = len}};

    fixture_start(f, VIX_OP_HGFS_SEND_PACKET, &b, a);
}

static void start_request(struct hgfs *h, uint32_t op, const union hgfs_request *rq,
                          struct answer *a)
{
    AUTO_BUF struct buf b = BUF_INIT(HGFS_PACKET_MAX);
    struct hgfs_header header = {
        .request_id = 77, .op = op, .flags = HGFS_FLAG_REQUEST, .session_id = h->session};

    assert_int_equal(hgfs_request_encode(&b, &header, rq), 0);
    start_packet(h->f, b.data, b.len, a);
}

static uint32_t take_reply(struct hgfs *h, uint32_t op, struct answer *a)
{
    struct hgfs_header header;
    const uint8_t *payload;
    size_t len;

    fixture_wait(h->f, a);
    assert_int_equal(a->err, VIX_OK);
    assert_true(a->binary);
    assert_int_equal(
        hgfs_reply_header_decode(a->data.data, a->data.len, op, &header, &payload, &len), 0);
    assert_int_equal(header.request_id, 77);
    assert_int_equal(header.op, op);
    if (header.status == HGFS_SUCCESS)
        assert_int_equal(hgfs_reply_decode(op, payload, len, &h->reply), 0);
    return header.status;
}

static uint32_t call(struct hgfs *h, uint32_t op, const union hgfs_request *rq)
{
    start_request(h, op, rq, &h->a);
    return take_reply(h, op, &h->a);
}

static void open_session(struct hgfs *h, struct fixture *f, uint32_t max_packet)
{
    union hgfs_request rq = {.session = {.max_packet = max_packet}};

    *h = (struct hgfs){.f = f, .session = HGFS_NO_SESSION};
    assert_int_equal(call(h, HGFS_CREATE_SESSION_V4, &rq), HGFS_SUCCESS);
    h->session = h->reply.session.session_id;
    h->max_packet = h->reply.session.max_packet;
}

static uint32_t end_session(struct hgfs *h)
{
    union hgfs_request rq = {0};
    uint32_t status = call(h, HGFS_DESTROY_SESSION_V4, &rq);

    answer_clear(&h->a);
    return status;
}

struct name {
    char path[256];
    struct buf bytes;
    struct hgfs_name name;
};

static struct hgfs_name in_home(const struct fixture *f, const char *file, struct name *n)
{
    snprintf(n->path, sizeof(n->path), "%s/%s", f->home, file);
    n->bytes = BUF_INIT(4096);
    assert_int_equal(hgfs_name_from_path(&n->bytes, n->path), 0);
    return (struct hgfs_name){.bytes = buf_text(&n->bytes), .len = n->bytes.len};
}

static uint32_t open_name(struct hgfs *h, const char *file, uint32_t mode, uint32_t flags,
                          uint32_t *ret)
{
    struct name n;
    union hgfs_request rq = {.open = {.mask = HGFS_OPEN_MODE | HGFS_OPEN_FLAGS |
                                              HGFS_OPEN_OWNER_PERMS | HGFS_OPEN_GROUP_PERMS |
                                              HGFS_OPEN_OTHER_PERMS | HGFS_OPEN_FILE_NAME,
                                      .mode = mode,
                                      .flags = flags,
                                      .owner_perms = 6,
                                      .group_perms = 4,
                                      .name = in_home(h->f, file, &n)}};
    uint32_t status = call(h, HGFS_OPEN_V3, &rq);

    buf_free(&n.bytes);
    *ret = status == HGFS_SUCCESS ? h->reply.opened.handle : 0;
    return status;
}

static uint32_t close_handle(struct hgfs *h, uint32_t handle)
{
    union hgfs_request rq = {.close = {handle}};

    return call(h, HGFS_CLOSE, &rq);
}

static void fill(uint8_t *p, size_t len, size_t offset)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)((offset + i) * 2654435761u >> 13);
}

static void test_write_and_read_in_parallel(void **state)
{
    enum { PIECES = 12 };
    struct fixture *f = *state;
    struct answer a[PIECES] = {0};
    AUTO_FREE uint8_t *bytes = mem_alloc(PIECE);
    uint32_t handle;
    struct stat st;
    struct hgfs h;
    struct name n;

    open_session(&h, f, HGFS_PACKET_MAX);
    assert_int_equal(h.max_packet, HGFS_PACKET_MAX);
    assert_int_equal(open_name(&h, "up", HGFS_MODE_WRITE, HGFS_OPEN_CREATE_EMPTY, &handle),
                     HGFS_SUCCESS);
    for (unsigned i = 0; i < PIECES; i++) {
        union hgfs_request rq = {
            .io = {.handle = handle, .offset = (uint64_t)i * PIECE, .size = PIECE, .data = bytes}};

        fill(bytes, PIECE, (size_t)i * PIECE);
        start_request(&h, HGFS_WRITE_V3, &rq, &a[i]);
    }
    /* The close waits for all of them, although it is sent before they are answered. */
    assert_int_equal(close_handle(&h, handle), HGFS_SUCCESS);
    for (unsigned i = 0; i < PIECES; i++) {
        assert_int_equal(take_reply(&h, HGFS_WRITE_V3, &a[i]), HGFS_SUCCESS);
        assert_int_equal(h.reply.io.size, PIECE);
        answer_clear(&a[i]);
    }
    in_home(f, "up", &n);
    buf_free(&n.bytes);
    assert_int_equal(stat(n.path, &st), 0);
    assert_int_equal(st.st_size, PIECES * PIECE);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(open_name(&h, "up", HGFS_MODE_READ, HGFS_OPEN_EXISTING, &handle),
                     HGFS_SUCCESS);
    for (unsigned i = 0; i < PIECES; i++) {
        union hgfs_request rq = {
            .io = {.handle = handle, .offset = (uint64_t)i * PIECE, .size = PIECE}};

        start_request(&h, HGFS_READ_V3, &rq, &a[i]);
    }
    for (unsigned i = 0; i < PIECES; i++) {
        assert_int_equal(take_reply(&h, HGFS_READ_V3, &a[i]), HGFS_SUCCESS);
        assert_int_equal(h.reply.io.size, PIECE);
        fill(bytes, PIECE, (size_t)i * PIECE);
        assert_memory_equal(h.reply.io.data, bytes, PIECE);
        answer_clear(&a[i]);
    }
    {
        union hgfs_request rq = {
            .io = {.handle = handle, .offset = PIECES * PIECE - 5, .size = PIECE}};

        assert_int_equal(call(&h, HGFS_READ_V3, &rq), HGFS_SUCCESS);
        assert_int_equal(h.reply.io.size, 5);
        rq.io.offset = PIECES * PIECE;
        assert_int_equal(call(&h, HGFS_READ_V3, &rq), HGFS_SUCCESS);
        assert_int_equal(h.reply.io.size, 0);
        rq.io.handle = handle + 1;
        assert_int_equal(call(&h, HGFS_READ_V3, &rq), HGFS_INVALID_HANDLE);
        rq.io = (struct hgfs_io){.handle = handle, .size = 1, .data = bytes};
        assert_int_equal(call(&h, HGFS_WRITE_V3, &rq), HGFS_INVALID_HANDLE);
    }
    assert_int_equal(close_handle(&h, handle), HGFS_SUCCESS);
    assert_int_equal(close_handle(&h, handle), HGFS_INVALID_HANDLE);
    assert_int_equal(end_session(&h), HGFS_SUCCESS);
}

static int is_there(const struct fixture *f, const char *file)
{
    struct name n;
    struct stat st;

    in_home(f, file, &n);
    buf_free(&n.bytes);
    return lstat(n.path, &st) == 0;
}

/* What the host did not close is not left behind, and what it did close stays. */
static void test_unfinished_upload(void **state)
{
    struct fixture *f = *state;
    uint32_t done, left;
    union hgfs_request rq;
    struct hgfs h;

    open_session(&h, f, HGFS_PACKET_MAX);
    assert_int_equal(open_name(&h, "done", HGFS_MODE_WRITE, HGFS_OPEN_CREATE_EMPTY, &done),
                     HGFS_SUCCESS);
    assert_int_equal(open_name(&h, "left", HGFS_MODE_WRITE, HGFS_OPEN_CREATE_EMPTY, &left),
                     HGFS_SUCCESS);
    rq.io = (struct hgfs_io){.handle = left, .size = 4, .data = (const uint8_t *)"half"};
    assert_int_equal(call(&h, HGFS_WRITE_V3, &rq), HGFS_SUCCESS);
    assert_int_equal(close_handle(&h, done), HGFS_SUCCESS);
    assert_int_equal(end_session(&h), HGFS_SUCCESS);
    assert_true(is_there(f, "done"));
    assert_false(is_there(f, "left"));
    /* The session is gone. */
    rq = (union hgfs_request){.close = {left}};
    assert_int_equal(call(&h, HGFS_CLOSE, &rq), HGFS_STALE_SESSION);
    answer_clear(&h.a);
}

/* The end of the worker is an end of its sessions, too. */
static void test_worker_ends(void **state)
{
    struct fixture *f = *state;
    uint32_t left;
    struct hgfs h;

    open_session(&h, f, HGFS_PACKET_LARGE);
    assert_int_equal(h.max_packet, HGFS_PACKET_LARGE);
    assert_int_equal(open_name(&h, "left", HGFS_MODE_WRITE, HGFS_OPEN_CREATE_SAFE, &left),
                     HGFS_SUCCESS);
    answer_clear(&h.a);
    vix_service_free(f->svc);
    f->svc = NULL;
    for (int i = 0; i < 200 && is_there(f, "left"); i++)
        fixture_run(f, 20, NULL);
    assert_false(is_there(f, "left"));
}

static void file_is(const char *path, const char *text)
{
    AUTO_BUF struct buf b = BUF_INIT(4096);

    assert_int_equal(fs_read_file(AT_FDCWD, path, &b, NULL), 0);
    assert_string_equal(buf_text(&b), text);
}

static void write_text(struct hgfs *h, uint32_t handle, const char *text)
{
    union hgfs_request rq = {
        .io = {.handle = handle, .size = (uint32_t)strlen(text), .data = (const uint8_t *)text}};

    assert_int_equal(call(h, HGFS_WRITE_V3, &rq), HGFS_SUCCESS);
}

/* The old file stays what it is until the host closes the new one. */
static void test_replace(void **state)
{
    struct fixture *f = *state;
    union hgfs_request rq;
    uint32_t handle;
    struct name n, m;
    struct stat st;
    struct hgfs h;

    open_session(&h, f, HGFS_PACKET_MAX);
    rq.file.name = in_home(f, "a", &n);
    assert_int_equal(fs_write_file(AT_FDCWD, n.path, "old", 3, 0604, NULL), 0);
    assert_int_equal(open_name(&h, "a", HGFS_MODE_WRITE, HGFS_OPEN_CREATE_EMPTY, &handle),
                     HGFS_SUCCESS);
    write_text(&h, handle, "new one");
    file_is(n.path, "old");
    /* To the host it is the new one already. */
    rq = (union hgfs_request){.file = {.name = {.bytes = buf_text(&n.bytes), .len = n.bytes.len}}};
    assert_int_equal(call(&h, HGFS_GETATTR_V2, &rq), HGFS_SUCCESS);
    assert_int_equal(h.reply.entry.attr.size, 7);
    rq = (union hgfs_request){
        .setattr = {.attr = {.mask = HGFS_ATTR_GROUP_PERMS, .group_perms = 4},
                    .name = {.bytes = buf_text(&n.bytes), .len = n.bytes.len}}};
    assert_int_equal(call(&h, HGFS_SETATTR_V2, &rq), HGFS_SUCCESS);
    assert_int_equal(close_handle(&h, handle), HGFS_SUCCESS);
    file_is(n.path, "new one");
    assert_int_equal(stat(n.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    /* Deleted before its close, it never comes. */
    assert_int_equal(open_name(&h, "a", HGFS_MODE_WRITE, HGFS_OPEN_CREATE_EMPTY, &handle),
                     HGFS_SUCCESS);
    rq = (union hgfs_request){.file = {.name = {.bytes = buf_text(&n.bytes), .len = n.bytes.len}}};
    assert_int_equal(call(&h, HGFS_DELETE_FILE_V3, &rq), HGFS_SUCCESS);
    assert_int_equal(close_handle(&h, handle), HGFS_SUCCESS);
    assert_false(is_there(f, "a"));
    /* A file with two names keeps both: it is written in place. */
    in_home(f, "b", &m);
    buf_free(&m.bytes);
    assert_int_equal(fs_write_file(AT_FDCWD, n.path, "old", 3, 0600, NULL), 0);
    assert_int_equal(link(n.path, m.path), 0);
    assert_int_equal(open_name(&h, "a", HGFS_MODE_WRITE, HGFS_OPEN_CREATE_EMPTY, &handle),
                     HGFS_SUCCESS);
    write_text(&h, handle, "both");
    assert_int_equal(close_handle(&h, handle), HGFS_SUCCESS);
    file_is(m.path, "both");
    /* Made by somebody else meanwhile, it is not replaced when the host said so. */
    assert_int_equal(open_name(&h, "c", HGFS_MODE_WRITE, HGFS_OPEN_CREATE_SAFE, &handle),
                     HGFS_SUCCESS);
    in_home(f, "c", &m);
    buf_free(&m.bytes);
    if (!is_there(f, "c")) {
        assert_int_equal(fs_write_file(AT_FDCWD, m.path, "theirs", 6, 0600, NULL), 0);
        assert_int_equal(close_handle(&h, handle), HGFS_FILE_EXISTS);
        file_is(m.path, "theirs");
    }
    buf_free(&n.bytes);
    assert_int_equal(end_session(&h), HGFS_SUCCESS);
}

static void test_open_rules(void **state)
{
    struct fixture *f = *state;
    uint32_t handle;
    struct hgfs h;
    struct name n;

    open_session(&h, f, HGFS_PACKET_MAX);
    assert_int_equal(open_name(&h, "none", HGFS_MODE_READ, HGFS_OPEN_EXISTING, &handle),
                     HGFS_NO_SUCH_FILE);
    assert_int_equal(open_name(&h, "none", HGFS_MODE_WRITE, HGFS_OPEN_EMPTY, &handle),
                     HGFS_NO_SUCH_FILE);
    assert_int_equal(open_name(&h, "a", HGFS_MODE_WRITE, HGFS_OPEN_CREATE_SAFE, &handle),
                     HGFS_SUCCESS);
    assert_int_equal(close_handle(&h, handle), HGFS_SUCCESS);
    assert_int_equal(open_name(&h, "a", HGFS_MODE_WRITE, HGFS_OPEN_CREATE_SAFE, &handle),
                     HGFS_FILE_EXISTS);
    assert_int_equal(open_name(&h, "a", 3, HGFS_OPEN_EXISTING, &handle), HGFS_PROTOCOL_ERROR);
    assert_int_equal(open_name(&h, "a", HGFS_MODE_READ, 5, &handle), HGFS_PROTOCOL_ERROR);
    in_home(f, "pipe", &n);
    buf_free(&n.bytes);
    assert_int_equal(mkfifo(n.path, 0600), 0);
    assert_int_equal(open_name(&h, "pipe", HGFS_MODE_READ, HGFS_OPEN_EXISTING, &handle),
                     HGFS_ACCESS_DENIED);
    in_home(f, "link", &n);
    buf_free(&n.bytes);
    assert_int_equal(symlink("a", n.path), 0);
    assert_int_equal(open_name(&h, "link", HGFS_MODE_READ, HGFS_OPEN_EXISTING, &handle),
                     HGFS_GENERIC_ERROR);
    assert_int_equal(open_name(&h, ".", HGFS_MODE_READ, HGFS_OPEN_EXISTING, &handle),
                     HGFS_INVALID_NAME);
    assert_int_equal(end_session(&h), HGFS_SUCCESS);
}

static void test_attributes(void **state)
{
    struct fixture *f = *state;
    struct timespec t = {1700000000, 0};
    union hgfs_request rq = {0};
    uint32_t handle;
    struct stat st;
    struct hgfs h;
    struct name n;

    open_session(&h, f, HGFS_PACKET_MAX);
    assert_int_equal(open_name(&h, "a", HGFS_MODE_WRITE, HGFS_OPEN_CREATE_EMPTY, &handle),
                     HGFS_SUCCESS);
    rq.setattr.name = (struct hgfs_name){.by_handle = true, .handle = handle};
    rq.setattr.hints = HGFS_HINT_SET_WRITE_TIME;
    rq.setattr.attr.mask = HGFS_ATTR_GROUP_PERMS | HGFS_ATTR_WRITE_TIME | HGFS_ATTR_SIZE;
    rq.setattr.attr.group_perms = 6;
    rq.setattr.attr.size = 12345;
    rq.setattr.attr.write_time = hgfs_time_from_unix(&t);
    assert_int_equal(call(&h, HGFS_SETATTR_V2, &rq), HGFS_SUCCESS);
    assert_int_equal(close_handle(&h, handle), HGFS_SUCCESS);
    rq = (union hgfs_request){.file = {.name = in_home(f, "a", &n)}};
    assert_int_equal(stat(n.path, &st), 0);
    assert_int_equal(st.st_size, 12345);
    assert_int_equal(st.st_mode & 07777, 0660);
    assert_int_equal(st.st_mtim.tv_sec, t.tv_sec);
    assert_int_equal(call(&h, HGFS_GETATTR_V2, &rq), HGFS_SUCCESS);
    assert_int_equal(h.reply.entry.attr.type, HGFS_TYPE_REGULAR);
    assert_int_equal(h.reply.entry.attr.size, 12345);
    assert_int_equal(h.reply.entry.attr.uid, geteuid());
    assert_int_equal(h.reply.entry.attr.write_time, hgfs_time_from_unix(&t));
    assert_int_equal(hgfs_attr_mode(&h.reply.entry.attr), 0660);
    /* By name, after the close, as a stock host does it. */
    rq = (union hgfs_request){
        .setattr = {.attr = {.mask = HGFS_ATTR_OTHER_PERMS, .other_perms = 4}}};
    rq.setattr.name.bytes = buf_text(&n.bytes);
    rq.setattr.name.len = n.bytes.len;
    assert_int_equal(call(&h, HGFS_SETATTR_V2, &rq), HGFS_SUCCESS);
    assert_int_equal(stat(n.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0664);
    buf_free(&n.bytes);
    /* A link is told as a link, and never followed to be changed. */
    rq.setattr.name = in_home(f, "link", &n);
    assert_int_equal(symlink("/some/where", n.path), 0);
    assert_int_equal(call(&h, HGFS_SETATTR_V2, &rq), HGFS_INVALID_NAME);
    rq = (union hgfs_request){.file = {.name = {.bytes = buf_text(&n.bytes), .len = n.bytes.len}}};
    assert_int_equal(call(&h, HGFS_GETATTR_V2, &rq), HGFS_SUCCESS);
    assert_int_equal(h.reply.entry.attr.type, HGFS_TYPE_SYMLINK);
    assert_int_equal(h.reply.entry.name.len, 11);
    assert_memory_equal(h.reply.entry.name.bytes, "\0some\0where", 11);
    buf_free(&n.bytes);
    assert_int_equal(end_session(&h), HGFS_SUCCESS);
}

static void test_names(void **state)
{
    struct fixture *f = *state;
    union hgfs_request rq;
    unsigned entries = 0, special = 0;
    uint32_t handle, search;
    struct name n, m;
    struct hgfs h;

    open_session(&h, f, HGFS_PACKET_MAX);
    rq = (union hgfs_request){.create_dir = {.name = in_home(f, "d", &n)}};
    rq.create_dir.mask = HGFS_DIR_FILE_NAME;
    assert_int_equal(call(&h, HGFS_CREATE_DIR_V3, &rq), HGFS_SUCCESS);
    assert_int_equal(call(&h, HGFS_CREATE_DIR_V3, &rq), HGFS_FILE_EXISTS);
    assert_int_equal(open_name(&h, "d/x", HGFS_MODE_WRITE, HGFS_OPEN_CREATE, &handle),
                     HGFS_SUCCESS);
    assert_int_equal(close_handle(&h, handle), HGFS_SUCCESS);
    rq = (union hgfs_request){.names = {.from = in_home(f, "d/x", &m), .to = {0}}};
    rq.names.to = rq.names.from;
    buf_free(&n.bytes);
    rq.names.to = in_home(f, "d/y", &n);
    rq.names.hints = HGFS_RENAME_NO_REPLACE;
    assert_int_equal(call(&h, HGFS_RENAME_V3, &rq), HGFS_SUCCESS);
    assert_int_equal(call(&h, HGFS_RENAME_V3, &rq), HGFS_NO_SUCH_FILE);
    buf_free(&m.bytes);
    buf_free(&n.bytes);
    rq = (union hgfs_request){.file = {.name = in_home(f, "d", &n)}};
    assert_int_equal(call(&h, HGFS_DELETE_DIR_V3, &rq), HGFS_DIR_NOT_EMPTY);
    assert_int_equal(call(&h, HGFS_SEARCH_OPEN_V3, &rq), HGFS_SUCCESS);
    search = h.reply.opened.handle;
    for (;; entries++) {
        rq = (union hgfs_request){.search_read = {.search = search, .index = entries}};
        assert_int_equal(call(&h, HGFS_SEARCH_READ_V3, &rq), HGFS_SUCCESS);
        if (h.reply.entry.end)
            break;
        special += h.reply.entry.name.len == 1 && h.reply.entry.name.bytes[0] == 'y' &&
                   h.reply.entry.attr.type == HGFS_TYPE_REGULAR;
    }
    assert_int_equal(entries, 3);
    assert_int_equal(special, 1);
    rq = (union hgfs_request){.close = {search}};
    assert_int_equal(call(&h, HGFS_CLOSE_V3, &rq), HGFS_INVALID_HANDLE);
    assert_int_equal(call(&h, HGFS_SEARCH_CLOSE_V3, &rq), HGFS_SUCCESS);
    rq = (union hgfs_request){.file = {.name = in_home(f, "d/y", &m)}};
    assert_int_equal(call(&h, HGFS_DELETE_FILE_V3, &rq), HGFS_SUCCESS);
    rq = (union hgfs_request){.file = {.name = {.bytes = buf_text(&n.bytes), .len = n.bytes.len}}};
    assert_int_equal(call(&h, HGFS_QUERY_VOLUME_V3, &rq), HGFS_SUCCESS);
    assert_true(h.reply.volume.total >= h.reply.volume.free && h.reply.volume.total > 0);
    assert_int_equal(call(&h, HGFS_DELETE_FILE_V3, &rq), HGFS_NOT_PERMITTED);
    assert_int_equal(call(&h, HGFS_DELETE_DIR_V3, &rq), HGFS_SUCCESS);
    buf_free(&m.bytes);
    buf_free(&n.bytes);
    assert_int_equal(end_session(&h), HGFS_SUCCESS);
}

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        unsigned v;

        assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
        out[i] = (uint8_t)v;
    }
    return n;
}

/* The packets of the protocol's document, byte for byte, with the session id put in. */
static void test_documented_packets(void **state)
{
    static const char create[] = "01000000ff0000004c0000003400000001000000290000000000000001000000"
                                 "00000000ffffffffffffffff00000000000000000000000000f8000001000000"
                                 "000000000000000000000000";
    static const char getattr[] = "01000000ff0000005b00000034000000020000000f0000000000000001000000"
                                  "00000000887766554433221100000000000000000200000"
                                  "00f000000000000000000000000000000"
                                  "0e000000726f6f740065746300686f73747300";
    uint8_t packet[128];
    size_t len;
    struct fixture *f = *state;
    struct answer a = {0};
    struct stat st;
    uint64_t size;

    len = from_hex(create, packet);
    assert_int_equal(len, 76);
    start_packet(f, packet, len, &a);
    fixture_wait(f, &a);
    assert_int_equal(a.err, VIX_OK);
    assert_true(a.data.len >= 88);
    assert_int_equal(a.data.data[16], 1); /* request id */
    assert_int_equal(a.data.data[24], 0); /* status */
    assert_memory_equal(a.data.data + 64, "\x00\xf8\x00\x00", 4);
    len = from_hex(getattr, packet);
    assert_int_equal(len, 91);
    memcpy(packet + 36, a.data.data + 52, 8);
    start_packet(f, packet, len, &a);
    fixture_wait(f, &a);
    /* The vector names this file, which a minimal system lacks: then the answer says so. */
    if (stat("/etc/hosts", &st) < 0) {
        assert_int_equal(a.data.data[24], HGFS_NO_SUCH_FILE);
        answer_clear(&a);
        return;
    }
    {
        struct cursor c = CURSOR_INIT(a.data.data, a.data.len);

        assert_int_equal(cursor_skip(&c, 52 + 8 + 12), 0);
        assert_int_equal(cursor_le64(&c, &size), 0);
    }
    assert_int_equal(size, st.st_size);
    answer_clear(&a);
}

static void test_hostile_packets(void **state)
{
    struct fixture *f = *state;
    uint8_t junk[300];
    struct answer a = {0};
    struct hgfs h;
    union hgfs_request rq = {.close = {1}};
    AUTO_BUF struct buf good = BUF_INIT(4096);
    struct hgfs_header header = {.request_id = 1, .op = HGFS_CLOSE, .session_id = 1};

    memset(junk, 0, sizeof(junk));
    start_packet(f, junk, 0, &a);
    fixture_wait(f, &a);
    assert_int_equal(a.err, VIX_E_FAIL);
    start_packet(f, junk, 7, &a);
    fixture_wait(f, &a);
    assert_int_equal(a.err, VIX_E_FAIL);
    open_session(&h, f, 0);
    h.session++;
    assert_int_equal(call(&h, HGFS_CLOSE, &rq), HGFS_STALE_SESSION);
    h.session--;
    /* Every prefix of a good packet, and every byte of it changed. */
    header.session_id = h.session;
    assert_int_equal(hgfs_request_encode(&good, &header, &rq), 0);
    for (size_t n = 0; n < good.len; n++) {
        start_packet(f, good.data, n, &a);
        fixture_wait(f, &a);
        good.data[n] ^= 0xff;
        start_packet(f, good.data, good.len, &a);
        fixture_wait(f, &a);
        good.data[n] ^= 0xff;
    }
    /* The worker is still the one with the session. */
    assert_int_equal(call(&h, HGFS_CLOSE, &rq), HGFS_INVALID_HANDLE);
    answer_clear(&a);
    assert_int_equal(end_session(&h), HGFS_SUCCESS);
}

static void test_limits(void **state)
{
    struct fixture *f = *state;
    struct hgfs h, extra;
    union hgfs_request rq = {.session = {.max_packet = 0}};
    unsigned n = 1;
    uint32_t status;

    open_session(&h, f, 0);
    for (; n < 100; n++) {
        extra = (struct hgfs){.f = f, .session = HGFS_NO_SESSION};
        status = call(&extra, HGFS_CREATE_SESSION_V4, &rq);
        answer_clear(&extra.a);
        if (status != HGFS_SUCCESS)
            break;
    }
    assert_int_equal(n, 64);
    assert_int_equal(status, HGFS_TOO_MANY_SESSIONS);
    assert_int_equal(end_session(&h), HGFS_SUCCESS);
    assert_int_equal(call(&extra, HGFS_CREATE_SESSION_V4, &rq), HGFS_SUCCESS);
    answer_clear(&extra.a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

/* Files that the kernel makes up as they are read come whole, whatever stat(2) says of them. */
static void test_pseudo_files(void **state)
{
    static const char *const paths[] = {"/proc/kallsyms", "/sys/kernel/mm/ksm/run"};
    struct fixture *f = *state;
    struct hgfs h;

    open_session(&h, f, HGFS_PACKET_LARGE);
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        AUTO_BUF struct buf name = BUF_INIT(4096);
        AUTO_BUF struct buf want = BUF_INIT(64u << 20);
        union hgfs_request rq = {0};
        uint64_t offset = 0;
        union vix_body b = {.list_files = {.path = paths[i]}};
        struct answer a = {0};

        if (access(paths[i], R_OK) < 0)
            continue;
        assert_int_equal(fixture_call(f, VIX_OP_INITIATE_FILE_TRANSFER_FROM_GUEST, &b, &a), VIX_OK);
        assert_non_null(strstr(buf_text(&a.data), "<fs>9223372036854775807</fs>"));
        answer_clear(&a);
        assert_int_equal(fs_read_file(AT_FDCWD, paths[i], &want, NULL), 0);
        assert_int_equal(hgfs_name_from_path(&name, paths[i]), 0);
        rq.file.name = (struct hgfs_name){.bytes = buf_text(&name), .len = name.len};
        assert_int_equal(call(&h, HGFS_GETATTR_V2, &rq), HGFS_SUCCESS);
        assert_true(h.reply.entry.attr.size == INT64_MAX);
        rq = (union hgfs_request){.open = {.mask = HGFS_OPEN_MODE | HGFS_OPEN_FILE_NAME,
                                           .mode = HGFS_MODE_READ,
                                           .name = {.bytes = buf_text(&name), .len = name.len}}};
        assert_int_equal(call(&h, HGFS_OPEN_V3, &rq), HGFS_SUCCESS);
        rq = (union hgfs_request){.io = {.handle = h.reply.opened.handle, .size = 50000}};
        do {
            rq.io.offset = offset;
            assert_int_equal(call(&h, HGFS_READ_V3, &rq), HGFS_SUCCESS);
            assert_true(offset + h.reply.io.size <= want.len);
            assert_memory_equal(h.reply.io.data, want.data + offset, h.reply.io.size);
            offset += h.reply.io.size;
        } while (h.reply.io.size);
        assert_int_equal(offset, want.len);
    }
    assert_int_equal(end_session(&h), HGFS_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_write_and_read_in_parallel),
        TEST(test_unfinished_upload),
        TEST(test_worker_ends),
        TEST(test_replace),
        TEST(test_open_rules),
        TEST(test_attributes),
        TEST(test_names),
        TEST(test_documented_packets),
        TEST(test_hostile_packets),
        TEST(test_limits),
        TEST(test_pseudo_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
