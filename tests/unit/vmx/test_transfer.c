/* File transfers against an HGFS server that misbehaves as a test asks it to. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/sock.h"
#include "peer.h"
#include "vmx/transfer.h"
#include "wire/ctl.h"
#include "wire/hgfs.h"
#include "wire/vix.h"
#include "wire/vix_body.h"
#include "wire/vix_ops.h"

#define CONFIG   "inguest.machine = \"test\"\n"
#define FILE_MAX (4u << 20)

struct server {
    uint8_t *file;
    size_t size;
    bool exists;
    size_t shown_size; /* in the attributes */
    uint32_t max_packet;
    bool undo;        /* undoes by itself what is not closed */
    uint32_t io_max;  /* bytes of one read or write at most; 0 = as asked */
    uint32_t fail_op; /* this op fails with fail_status, after fail_after of them */
    uint32_t fail_status;
    unsigned fail_after;
    bool hold; /* keep READ and WRITE answers until `held_max` are there, answer backwards */
    unsigned held_max, held;
    struct {
        int64_t id;
        struct buf answer;
    } answers[TRANSFER_DEPTH];
    unsigned busy; /* so many READ or WRITE packets are answered "busy" */
    bool stream;   /* WRITE in order only, else "busy" */
    unsigned most_held;
    unsigned sessions, opens, reads, writes; /* open now; counts */
    unsigned deletes, closes;
    uint32_t open_flags;
};

static void reply(struct peer_agent *a, int64_t id, struct buf *packet)
{
    struct buf out = BUF_INIT(1u << 20);

    buf_put_str(&out, "OK 0 0 #");
    buf_put(&out, packet->data, packet->len);
    peer_agent_answer(a, id, out.data, out.len);
    buf_free(&out);
}

static void flush_held(struct peer_agent *a, struct server *s)
{
    while (s->held) {
        s->held--;
        reply(a, s->answers[s->held].id, &s->answers[s->held].answer);
        buf_free(&s->answers[s->held].answer);
    }
}

static uint32_t serve_io(struct server *s, uint32_t op, const union hgfs_request *rq,
                         union hgfs_reply *out)
{
    uint32_t n = rq->io.size;

    if (s->io_max && n > s->io_max)
        n = s->io_max;
    if (op == HGFS_READ_V3) {
        s->reads++;
        if (rq->io.offset >= s->size)
            n = 0;
        else if (n > s->size - rq->io.offset)
            n = (uint32_t)(s->size - rq->io.offset);
        out->io.data = s->file + (n ? rq->io.offset : 0);
    } else {
        s->writes++;
        assert_true(rq->io.offset + n <= FILE_MAX);
        memcpy(s->file + rq->io.offset, rq->io.data, n);
        if (rq->io.offset + n > s->size)
            s->size = rq->io.offset + n;
    }
    out->io.size = n;
    return HGFS_SUCCESS;
}

static uint32_t serve_op(struct server *s, uint32_t op, const union hgfs_request *rq,
                         union hgfs_reply *out)
{
    if (op == s->fail_op && s->fail_status && s->fail_after-- == 0) {
        s->closes += op == HGFS_CLOSE;
        s->fail_after = 0;
        return s->fail_status;
    }
    switch (op) {
    case HGFS_CREATE_SESSION_V4:
        s->sessions++;
        out->session.session_id = 77;
        out->session.max_packet = s->max_packet;
        out->session.flags = HGFS_SESSION_MAX_PACKET_VALID | (s->undo ? HGFS_SESSION_UNDO : 0);
        return HGFS_SUCCESS;
    case HGFS_DESTROY_SESSION_V4:
        s->sessions--;
        if (s->undo)
            s->opens = 0;
        return HGFS_SUCCESS;
    case HGFS_GETATTR_V2:
        if (!s->exists)
            return HGFS_NO_SUCH_FILE;
        out->entry.attr.mask = HGFS_ATTR_TYPE | HGFS_ATTR_SIZE;
        out->entry.attr.size = s->shown_size;
        return HGFS_SUCCESS;
    case HGFS_OPEN_V3:
        if (rq->open.mode == HGFS_MODE_WRITE) {
            if (rq->open.flags == HGFS_OPEN_CREATE_SAFE && s->exists)
                return HGFS_FILE_EXISTS;
            s->size = 0;
            s->exists = true;
        }
        s->open_flags = rq->open.flags;
        s->opens++;
        out->opened.handle = 5;
        return HGFS_SUCCESS;
    case HGFS_CLOSE:
        s->closes++;
        assert_int_equal(rq->close.handle, 5);
        s->opens--;
        return HGFS_SUCCESS;
    case HGFS_READ_V3:
    case HGFS_WRITE_V3:
        assert_int_equal(rq->io.handle, 5);
        if (s->busy) {
            s->busy--;
            return HGFS_SHARING_VIOLATION;
        }
        if (s->stream && op == HGFS_WRITE_V3 && rq->io.offset != s->size)
            return HGFS_SHARING_VIOLATION;
        return serve_io(s, op, rq, out);
    default:
        return HGFS_NOT_SUPPORTED;
    }
}

static void serve(struct peer_agent *a, const struct peer_request *rq, void *arg)
{
    struct server *s = arg;
    size_t head = strlen(VIX_RELAYED_COMMAND) + 1, name_len, len;
    const char *name;
    const uint8_t *message, *payload;
    struct vix_request vix;
    union vix_body body;
    struct hgfs_header h;
    union hgfs_request request;
    union hgfs_reply out = {0};
    struct buf packet = BUF_INIT(1u << 20);

    if (!strncmp(rq->text, "OS_", 3)) {
        peer_agent_answer_text(a, rq->id, "OK ");
        return;
    }
    assert_int_equal(
        vix_relay_decode(rq->bytes + head, rq->len - head, &name, &name_len, &message, &len), 0);
    assert_int_equal(vix_request_decode(message, len, &vix), 0);
    assert_int_equal(vix.credential_type, VIX_OP_RUN_PROGRAM); /* 4, as the tests say below */
    assert_int_equal(vix.credential_len, 6);
    if (vix.opcode == VIX_OP_DELETE_GUEST_FILE_EX) {
        assert_int_equal(vix_body_decode(vix.opcode, vix.body, vix.body_len, &body), 0);
        assert_string_equal(body.path.path, "/tmp/file");
        s->deletes++;
        s->exists = false;
        peer_agent_answer(a, rq->id, "OK 0 0 ", 8);
        return;
    }
    assert_int_equal(vix.opcode, VIX_OP_HGFS_SEND_PACKET);
    assert_int_equal(vix_body_decode(vix.opcode, vix.body, vix.body_len, &body), 0);
    assert_int_equal(
        hgfs_request_header_decode(body.hgfs.packet, body.hgfs.len, &h, &payload, &len), 0);
    assert_int_equal(hgfs_request_decode(h.op, payload, len, &request), 0);
    h.status = serve_op(s, h.op, &request, &out);
    if (!h.status && h.op == HGFS_READ_V3) {
        uint8_t *data;
        size_t start;

        assert_int_equal(hgfs_read_reply_begin(&packet, &h, out.io.size, &data, &start), 0);
        memcpy(data, out.io.data, out.io.size);
        assert_int_equal(hgfs_read_reply_end(&packet, &h, start, out.io.size), 0);
    } else {
        assert_int_equal(hgfs_reply_encode(&packet, &h, h.status ? NULL : &out), 0);
    }
    if (s->hold && (h.op == HGFS_READ_V3 || h.op == HGFS_WRITE_V3)) {
        s->answers[s->held].id = rq->id;
        s->answers[s->held++].answer = packet;
        if (s->held > s->most_held)
            s->most_held = s->held;
        if (s->held == s->held_max)
            flush_held(a, s);
        return;
    }
    reply(a, rq->id, &packet);
    buf_free(&packet);
}

static void server_open(struct peer *p, struct server *s, size_t size)
{
    memset(s, 0, sizeof(*s));
    s->file = malloc(FILE_MAX);
    s->size = s->shown_size = size;
    s->exists = true;
    s->max_packet = HGFS_PACKET_LARGE;
    for (size_t i = 0; i < FILE_MAX; i++)
        s->file[i] = (uint8_t)(i * 31 ^ i >> 8 ^ i >> 16);
    peer_open(p, CONFIG);
    p->agent.request = serve;
    p->agent.arg = s;
}

static void server_close(struct peer *p, struct server *s)
{
    /* Whatever happened, the guest has been cleaned up. */
    peer_until(p, s->sessions == 0 && s->opens == 0);
    peer_close(p);
    while (s->held)
        buf_free(&s->answers[--s->held].answer);
    free(s->file);
}

static const uint8_t credential[] = {4, 0, 0, 0, 's', 'e', 'c', 'r', 'e', 't'};

/* Opens; the handle, or 0 when it failed. */
static int64_t open_file(struct peer *p, const char *mode, int64_t size, int64_t *ret_size)
{
    char text[200];
    json_t *r;

    snprintf(text, sizeof(text),
             "{\"op\":\"file.open\",\"deadlineMs\":5000,\"mode\":\"%s\",\"path\":\"/tmp/file\","
             "\"overwrite\":false,\"size\":%" PRId64 "}",
             mode, size);
    r = json_object_get(peer_ask(p, 1, text, credential, sizeof(credential)), "result");
    if (ret_size)
        *ret_size = json_integer_value(json_object_get(r, "size"));
    return json_integer_value(json_object_get(r, "handle"));
}

static int start(struct peer *p, int64_t handle, unsigned stall_ms)
{
    char text[100];
    int fds[2];

    snprintf(text, sizeof(text), "{\"op\":\"file.run\",\"handle\":%" PRId64 ",\"stallMs\":%u}",
             handle, stall_ms);
    assert_int_equal(sock_pair(fds), 0);
    peer_send(p, 2, text, NULL, 0, fds[1]);
    return fds[0];
}

static size_t read_all(struct peer *p, int fd, uint8_t *to, size_t max)
{
    size_t n = 0;

    for (int idle = 0; idle < 500 && n < max;) {
        ssize_t got = read(fd, to + n, max - n);

        if (got == 0)
            break;
        if (got > 0) {
            n += (size_t)got;
            idle = 0;
            continue;
        }
        idle++;
        peer_turn(p);
    }
    return n;
}

static void download(struct peer *p, struct server *s, size_t expect)
{
    uint8_t *got = malloc(FILE_MAX);
    int64_t handle = open_file(p, "read", -1, NULL);
    int fd;

    assert_true(handle > 0);
    fd = start(p, handle, 5000);
    assert_int_equal(read_all(p, fd, got, FILE_MAX), expect);
    assert_memory_equal(got, s->file, expect);
    peer_until(p, p->replies[2]);
    assert_int_equal(peer_errno(p, 2), 0);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(p->replies[2], "result"), "bytes")),
        expect);
    close(fd);
    free(got);
}

static void downloads_come_whole(void **state)
{
    static const size_t sizes[] = {0, 1, 61439, 61440, 61441, 1000000, 3000000};
    struct peer p;
    struct server s;

    (void)state;
    for (int tagged = 0; tagged < 2; tagged++) {
        server_open(&p, &s, 0);
        p.agent.tagged = tagged;
        peer_ready(&p);
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
            s.size = s.shown_size = sizes[i];
            download(&p, &s, sizes[i]);
        }
        /* Files that do not know their size, as in /proc, and short reads. */
        s.shown_size = 0;
        s.io_max = 1000;
        s.size = 5000;
        download(&p, &s, 5000);
        s.shown_size = (size_t)INT64_MAX;
        s.io_max = 50000;
        s.size = 200000;
        download(&p, &s, 200000);
        server_close(&p, &s);
    }
}

static void answers_in_the_wrong_order_do_no_harm(void **state)
{
    struct peer p;
    struct server s;

    (void)state;
    server_open(&p, &s, 61440 * 16);
    peer_ready(&p);
    s.hold = true;
    s.held_max = TRANSFER_DEPTH;
    download(&p, &s, 61440 * 16);
    assert_int_equal(s.most_held, TRANSFER_DEPTH);
    server_close(&p, &s);
}

static void a_plain_agent_gets_one_packet_at_a_time(void **state)
{
    struct peer p;
    struct server s;

    (void)state;
    server_open(&p, &s, 500000);
    p.agent.tagged = false;
    peer_ready(&p);
    s.hold = true;
    s.held_max = 1;
    download(&p, &s, 500000);
    assert_int_equal(s.most_held, 1);
    server_close(&p, &s);
}

static void a_slow_receiver_slows_down_the_guest(void **state)
{
    struct peer p;
    struct server s;
    uint8_t *got = malloc(FILE_MAX);
    unsigned reads;
    int fd;

    (void)state;
    server_open(&p, &s, 4000000);
    peer_ready(&p);
    fd = start(&p, open_file(&p, "read", -1, NULL), 60000);
    for (int i = 0; i < 20; i++)
        peer_turn(&p);
    reads = s.reads;
    assert_true(reads < 30); /* socket buffer and TRANSFER_DEPTH packets, not the file */
    for (int i = 0; i < 5; i++)
        peer_turn(&p);
    assert_int_equal(s.reads, reads);
    assert_int_equal(read_all(&p, fd, got, FILE_MAX), 4000000);
    assert_memory_equal(got, s.file, 4000000);
    close(fd);
    free(got);
    server_close(&p, &s);
}

static void a_receiver_that_stands_still_is_given_up(void **state)
{
    struct peer p;
    struct server s;
    int fd;

    (void)state;
    server_open(&p, &s, 4000000);
    peer_ready(&p);
    fd = start(&p, open_file(&p, "read", -1, NULL), 100);
    peer_until(&p, p.replies[2]);
    assert_int_equal(peer_errno(&p, 2), ETIMEDOUT);
    close(fd);
    server_close(&p, &s);
}

static void a_file_that_shrinks_is_an_error(void **state)
{
    struct peer p;
    struct server s;
    uint8_t got[100];
    int fd;

    (void)state;
    server_open(&p, &s, 50);
    s.shown_size = 100;
    peer_ready(&p);
    fd = start(&p, open_file(&p, "read", -1, NULL), 5000);
    read_all(&p, fd, got, 100);
    peer_until(&p, p.replies[2]);
    assert_int_equal(peer_errno(&p, 2), EIO);
    close(fd);
    server_close(&p, &s);
}

static void opening_fails_with_the_guests_reason(void **state)
{
    static const struct {
        uint32_t op, status;
        int error, vix;
        const char *mode;
    } rows[] = {
        {HGFS_CREATE_SESSION_V4, HGFS_TOO_MANY_SESSIONS, EIO, 7, "read"},
        {HGFS_GETATTR_V2, HGFS_NO_SUCH_FILE, ENOENT, 4, "read"},
        {HGFS_OPEN_V3, HGFS_ACCESS_DENIED, EACCES, 13, "read"},
        {HGFS_OPEN_V3, HGFS_NO_SPACE, ENOSPC, 8, "write"},
        {HGFS_OPEN_V3, HGFS_FILE_EXISTS, EEXIST, 12, "write"},
    };
    struct peer p;
    struct server s;

    (void)state;
    server_open(&p, &s, 100);
    peer_ready(&p);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        s.fail_op = rows[i].op;
        s.fail_status = rows[i].status;
        s.fail_after = 0;
        assert_int_equal(open_file(&p, rows[i].mode, 10, NULL), 0);
        assert_int_equal(peer_errno(&p, 1), rows[i].error);
        assert_int_equal(
            json_integer_value(json_object_get(json_object_get(p.replies[1], "error"), "vix")),
            rows[i].vix);
        assert_int_equal(s.deletes, 0);
    }
    server_close(&p, &s);
}

static void reading_fails_in_the_middle(void **state)
{
    struct peer p;
    struct server s;
    uint8_t *got = malloc(FILE_MAX);
    int fd;

    (void)state;
    server_open(&p, &s, 2000000);
    peer_ready(&p);
    s.fail_op = HGFS_READ_V3;
    s.fail_status = HGFS_GENERIC_ERROR;
    s.fail_after = 20;
    fd = start(&p, open_file(&p, "read", -1, NULL), 5000);
    assert_true(read_all(&p, fd, got, FILE_MAX) < 2000000);
    peer_until(&p, p.replies[2]);
    assert_int_equal(peer_errno(&p, 2), EIO);
    close(fd);
    free(got);
    server_close(&p, &s);
}

/* --- uploads -------------------------------------------------------------------------------- */

static void feed(struct peer *p, int fd, const uint8_t *data, size_t len)
{
    size_t n = 0;

    for (int idle = 0; n < len && idle < 500;) {
        ssize_t put = write(fd, data + n, len - n);

        if (put > 0) {
            n += (size_t)put;
            idle = 0;
        } else {
            idle++;
            peer_turn(p);
        }
    }
    assert_int_equal(n, len);
}

static void uploads_arrive_whole(void **state)
{
    static const size_t sizes[] = {0, 1, 61440, 61441, 3000000};
    struct peer p;
    struct server s;
    uint8_t *data = malloc(FILE_MAX);

    (void)state;
    for (size_t i = 0; i < FILE_MAX; i++)
        data[i] = (uint8_t)(i * 17 ^ i >> 9);
    for (int tagged = 0; tagged < 2; tagged++) {
        server_open(&p, &s, 0);
        p.agent.tagged = tagged;
        peer_ready(&p);
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
            int fd;

            s.exists = false;
            s.io_max = i & 1 ? 40000 : 0; /* partial writes */
            memset(s.file, 0, FILE_MAX);
            fd = start(&p, open_file(&p, "write", i & 1 ? -1 : (int64_t)sizes[i], NULL), 5000);
            feed(&p, fd, data, sizes[i]);
            close(fd);
            peer_until(&p, p.replies[2]);
            assert_int_equal(peer_errno(&p, 2), 0);
            assert_int_equal(s.size, sizes[i]);
            assert_memory_equal(s.file, data, sizes[i]);
            assert_int_equal(s.open_flags, HGFS_OPEN_CREATE_SAFE);
        }
        assert_int_equal(s.deletes, 0);
        server_close(&p, &s);
    }
    free(data);
}

/* How an upload may end badly. */
enum trouble { TOO_SHORT, TOO_LONG, REFUSED, CLOSED, CANCELLED, CLOSE_FAILS, TROUBLES };

/* Input of a program in the guest, which takes pieces in their order only and is full at times. */
static void streams_are_written_in_order(void **state)
{
    struct peer p;
    struct server s;
    uint8_t *data = malloc(FILE_MAX);

    (void)state;
    for (size_t i = 0; i < FILE_MAX; i++)
        data[i] = (uint8_t)(i * 13 ^ i >> 7);
    for (int tagged = 0; tagged < 2; tagged++) {
        int fd;

        server_open(&p, &s, 0);
        p.agent.tagged = tagged;
        peer_ready(&p);
        s.exists = false;
        s.stream = true;
        s.io_max = 40000;
        s.busy = 3;
        fd = start(&p, open_file(&p, "write", -1, NULL), 5000);
        feed(&p, fd, data, 2000000);
        close(fd);
        peer_until(&p, p.replies[2]);
        assert_int_equal(peer_errno(&p, 2), 0);
        assert_int_equal(s.size, 2000000);
        assert_memory_equal(s.file, data, 2000000);
        server_close(&p, &s);
    }
    free(data);
}

/* An agent whose program is quiet is asked again; one that only says so is not asked for ever. */
static void busy_agents_are_asked_again(void **state)
{
    struct peer p;
    struct server s;
    int fd;

    (void)state;
    server_open(&p, &s, 0);
    p.agent.tagged = true;
    peer_ready(&p);
    s.shown_size = (size_t)INT64_MAX;
    s.size = 100000;
    s.busy = 5;
    download(&p, &s, 100000);
    assert_int_equal(s.busy, 0);
    s.busy = 100000;
    fd = start(&p, open_file(&p, "read", -1, NULL), 5000);
    peer_until(&p, p.replies[2]);
    assert_int_equal(peer_errno(&p, 2), EBUSY);
    assert_true(s.busy > 99000);
    close(fd);
    /* A file with a size is no stream. */
    s.shown_size = s.size;
    s.busy = 1;
    fd = start(&p, open_file(&p, "read", -1, NULL), 5000);
    peer_until(&p, p.replies[2]);
    assert_int_equal(peer_errno(&p, 2), EBUSY);
    close(fd);
    server_close(&p, &s);
}

static void an_unfinished_upload_is_removed(void **state)
{
    static const int errors[] = {EIO, EFBIG, ENOSPC, ECANCELED, ECANCELED, ENOSPC};
    struct peer p;
    struct server s;
    uint8_t data[100000] = {1};
    char text[100];

    (void)state;
    for (int i = 0; i < 2 * TROUBLES; i++) {
        int trouble = i / 2;
        int64_t handle;
        int fd;

        server_open(&p, &s, 0);
        s.exists = false;
        s.undo = i & 1;
        peer_ready(&p);
        if (trouble == REFUSED || trouble == CLOSE_FAILS) {
            s.fail_op = trouble == REFUSED ? HGFS_WRITE_V3 : HGFS_CLOSE;
            s.fail_status = HGFS_NO_SPACE;
        }
        handle = open_file(&p, "write", trouble == TOO_LONG ? 10 : sizeof(data), NULL);
        fd = start(&p, handle, 5000);
        feed(&p, fd, data, trouble == CLOSE_FAILS ? sizeof(data) : sizeof(data) / 2);
        if (trouble == CLOSED) {
            peer_until(&p, s.writes > 0);
            snprintf(text, sizeof(text), "{\"op\":\"file.close\",\"handle\":%" PRId64 "}", handle);
            peer_ask(&p, 3, text, NULL, 0);
            assert_int_equal(peer_errno(&p, 3), 0);
        } else if (trouble == CANCELLED) {
            peer_until(&p, s.writes > 0);
            assert_int_equal(channel_send(p.ctl, CTL_CANCEL, 2, NULL, 0, NULL, 0), 0);
        } else {
            close(fd);
        }
        peer_until(&p, p.replies[2]);
        assert_int_equal(peer_errno(&p, 2), errors[trouble]);
        /* The agent that undoes by itself is not told that the file is complete. */
        peer_until(&p, s.deletes == (s.undo ? 0 : 1) && s.sessions == 0);
        assert_int_equal(s.closes, s.undo && trouble != CLOSE_FAILS ? 0 : 1);
        if (trouble == CLOSED || trouble == CANCELLED)
            close(fd);
        s.opens = 0; /* a close that fails closes too */
        server_close(&p, &s);
    }
}

static void hostd_going_away_aborts(void **state)
{
    struct peer p;
    struct server s;
    int fd;

    (void)state;
    server_open(&p, &s, 0);
    s.exists = false;
    peer_ready(&p);
    fd = start(&p, open_file(&p, "write", -1, NULL), 5000);
    feed(&p, fd, (const uint8_t *)"half", 4);
    peer_until(&p, s.writes == 1);
    peer_disconnect(&p);
    peer_until(&p, s.deletes == 1 && s.sessions == 0);
    close(fd);
    server_close(&p, &s);
}

static void the_agents_death_ends_it(void **state)
{
    struct peer p;
    struct server s;
    int fd;

    (void)state;
    server_open(&p, &s, 4000000);
    peer_ready(&p);
    fd = start(&p, open_file(&p, "read", -1, NULL), 5000);
    peer_until(&p, s.reads > 3);
    peer_agent_hang_up(&p);
    peer_until(&p, p.replies[2]);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(p.replies[2], "error"), "vix")), 3016);
    s.sessions = s.opens = 0; /* they died with it */
    close(fd);
    server_close(&p, &s);
}

static void handles_are_limited(void **state)
{
    struct peer p;
    struct server s;
    char text[100];

    (void)state;
    server_open(&p, &s, 100);
    peer_ready(&p);
    for (unsigned i = 0; i < TRANSFER_HANDLES_MAX; i++)
        assert_true(open_file(&p, "read", -1, NULL) > 0);
    assert_int_equal(open_file(&p, "read", -1, NULL), 0);
    assert_int_equal(peer_errno(&p, 1), EMFILE);
    snprintf(text, sizeof(text), "{\"op\":\"file.close\",\"handle\":1}");
    peer_ask(&p, 3, text, NULL, 0);
    peer_until(&p, s.sessions == TRANSFER_HANDLES_MAX - 1);
    assert_true(open_file(&p, "read", -1, NULL) > 0);
    peer_ask(&p, 3, text, NULL, 0);
    assert_int_equal(peer_errno(&p, 3), EBADF);
    peer_disconnect(&p);
    server_close(&p, &s);
}

static void packets_that_are_too_small_are_refused(void **state)
{
    struct peer p;
    struct server s;

    (void)state;
    server_open(&p, &s, 100);
    peer_ready(&p);
    s.max_packet = 2048;
    assert_int_equal(open_file(&p, "read", -1, NULL), 0);
    assert_int_equal(peer_errno(&p, 1), EMSGSIZE);
    s.max_packet = 2049;
    s.size = s.shown_size = 20;
    download(&p, &s, 20);
    server_close(&p, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(downloads_come_whole),
        cmocka_unit_test(answers_in_the_wrong_order_do_no_harm),
        cmocka_unit_test(a_plain_agent_gets_one_packet_at_a_time),
        cmocka_unit_test(a_slow_receiver_slows_down_the_guest),
        cmocka_unit_test(a_receiver_that_stands_still_is_given_up),
        cmocka_unit_test(a_file_that_shrinks_is_an_error),
        cmocka_unit_test(opening_fails_with_the_guests_reason),
        cmocka_unit_test(reading_fails_in_the_middle),
        cmocka_unit_test(uploads_arrive_whole),
        cmocka_unit_test(streams_are_written_in_order),
        cmocka_unit_test(busy_agents_are_asked_again),
        cmocka_unit_test(an_unfinished_upload_is_removed),
        cmocka_unit_test(hostd_going_away_aborts),
        cmocka_unit_test(the_agents_death_ends_it),
        cmocka_unit_test(handles_are_limited),
        cmocka_unit_test(packets_that_are_too_small_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
