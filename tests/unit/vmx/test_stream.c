/* Raw streams: a scripted agent opens its ends, and strangers try to. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "peer.h"
#include "vmx/stream.h"
#include "vmx/stream_service.h"
#include "wire/vix.h"
#include "wire/vix_auth.h"
#include "wire/vix_body.h"
#include "wire/vix_ops.h"

#define CONFIG "inguest.machine = \"test\"\n"

struct guest {
    struct peer *peer;
    int fd;         /* its end; -1 = none */
    uint64_t fail;  /* VIX error in place of an answer */
    bool no_answer; /* keeps silent */
    bool no_connection;
    unsigned opens, finishes, aborts;
    uint8_t token[VIX_STREAM_TOKEN_SIZE];
    uint64_t bytes; /* of the last FINISH */
    int64_t id;     /* of the request that was not answered */
};

static void put_reply(struct peer_agent *a, int64_t id, const struct buf *result, uint64_t error)
{
    AUTO_BUF struct buf out = BUF_INIT(1024);
    struct vix_reply reply = {
        .error = error, .binary = true, .result = result->data, .result_len = result->len};

    buf_put_str(&out, "OK ");
    assert_int_equal(vix_reply_encode(&out, &reply), 0);
    peer_agent_answer(a, id, out.data, out.len);
}

static int greet(struct peer *p, const uint8_t *token)
{
    AUTO_BUF struct buf b = BUF_INIT(64);
    int fd = peer_raw(p, "974");

    vix_stream_greeting_encode(&b, token);
    assert_int_equal(write(fd, b.data, b.len), b.len);
    return fd;
}

static void serve(struct peer_agent *a, const struct peer_request *rq, void *arg)
{
    struct guest *g = arg;
    size_t head = strlen(VIX_RELAYED_COMMAND) + 1, name_len, len;
    AUTO_BUF struct buf result = BUF_INIT(256);
    const uint8_t *message;
    const char *name;
    struct vix_request vix;
    union vix_body body;

    if (!strncmp(rq->text, "OS_", 3)) {
        peer_agent_answer_text(a, rq->id, "OK ");
        return;
    }
    assert_int_equal(
        vix_relay_decode(rq->bytes + head, rq->len - head, &name, &name_len, &message, &len), 0);
    assert_int_equal(vix_request_decode(message, len, &vix), 0);
    assert_int_equal(vix_body_decode(vix.opcode, vix.body, vix.body_len, &body), 0);
    if (vix.opcode == VIX_OP_STREAM_OPEN) {
        const struct vix_stream_opened opened = {4711, (const uint8_t *)"more", 4};

        assert_int_equal(vix.credential_type, 4);
        assert_int_equal(vix.credential_len, 6);
        g->opens++;
        assert_int_equal(body.stream_open.kind, 77);
        assert_int_equal(body.stream_open.len, 5);
        memcpy(g->token, body.stream_open.token, sizeof(g->token));
        if (!g->fail && !g->no_connection)
            g->fd = greet(g->peer, g->token);
        vix_stream_opened_encode(&result, &opened);
    } else {
        const struct vix_stream_ended ended = {.bytes = body.stream_end.bytes};

        assert_int_equal(vix.opcode, VIX_OP_STREAM_END);
        assert_int_equal(vix.credential_type, VIX_CRED_NONE);
        assert_int_equal(vix.credential_len, 0);
        assert_memory_equal(g->token, body.stream_end.token, sizeof(g->token));
        if (body.stream_end.outcome == VIX_STREAM_ABORT)
            g->aborts++;
        else
            g->finishes++;
        g->bytes = body.stream_end.bytes;
        vix_stream_ended_encode(&result, &ended);
    }
    g->id = rq->id;
    if (!g->no_answer)
        put_reply(a, rq->id, &result, g->fail);
}

static void begin(struct peer *p, struct guest *g)
{
    *g = (struct guest){.peer = p, .fd = -1};
    peer_open(p, CONFIG);
    p->agent.request = serve;
    p->agent.arg = g;
    p->agent.streams = true;
    peer_ready(p);
}

static void end(struct peer *p, struct guest *g)
{
    if (g->fd >= 0)
        close(g->fd);
    if (p->reply_fd >= 0)
        close(p->reply_fd);
    peer_close(p);
}

static const uint8_t blob[] = {4,   0,   0,   0,   6,   0,   0,   0,   's', 'e',
                               'c', 'r', 'e', 't', 'h', 'e', 'l', 'l', 'o'};

static void send_open(struct peer *p, unsigned id)
{
    peer_send(p, id, "{\"op\":\"stream.open\",\"deadlineMs\":8000,\"kind\":77}", blob, sizeof(blob),
              -1);
}

static int64_t open_stream(struct peer *p)
{
    send_open(p, 1);
    peer_until(p, p->replies[1]);
    return json_integer_value(json_object_get(json_object_get(p->replies[1], "result"), "handle"));
}

static json_t *with_handle(struct peer *p, unsigned id, const char *op, int64_t handle)
{
    char text[120];

    snprintf(text, sizeof(text), "{\"op\":\"%s\",\"handle\":%" PRId64 ",\"bytes\":5}", op, handle);
    return peer_ask(p, id, text, NULL, 0);
}

static bool closed(int fd)
{
    char c;

    return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

static void bytes_go_past_us(void **state)
{
    struct peer p;
    struct guest g;
    int64_t handle;
    char got[8];
    json_t *r;

    (void)state;
    begin(&p, &g);
    handle = open_stream(&p);
    assert_true(handle > 0);
    r = json_object_get(p.replies[1], "result");
    assert_int_equal(json_integer_value(json_object_get(r, "size")), 4711);
    assert_int_equal(p.blob_lens[1], 4);
    assert_memory_equal(p.blobs[1], "more", 4);
    assert_true(p.reply_fd >= 0);
    assert_int_equal(write(g.fd, "up", 2), 2);
    assert_int_equal(read(p.reply_fd, got, sizeof(got)), 2);
    assert_int_equal(write(p.reply_fd, "down", 4), 4);
    assert_int_equal(read(g.fd, got, sizeof(got)), 4);
    r = json_object_get(with_handle(&p, 2, "stream.finish", handle), "result");
    assert_int_equal(json_integer_value(json_object_get(r, "bytes")), 5);
    assert_int_equal(g.finishes, 1);
    /* That was its end. */
    with_handle(&p, 3, "stream.finish", handle);
    assert_int_equal(peer_errno(&p, 3), EBADF);
    end(&p, &g);
}

static void refusals_come_as_they_are(void **state)
{
    struct peer p;
    struct guest g;
    json_t *e;

    (void)state;
    begin(&p, &g);
    g.fail = 4;
    assert_int_equal(open_stream(&p), 0);
    e = json_object_get(p.replies[1], "error");
    assert_int_equal(json_integer_value(json_object_get(e, "vix")), 4);
    assert_string_equal(json_string_value(json_object_get(e, "hop")), "worker");
    assert_int_equal(g.aborts, 0);
    end(&p, &g);
}

static void agents_without_streams_are_not_asked(void **state)
{
    struct peer p;
    struct guest g;

    (void)state;
    begin(&p, &g);
    peer_agent_hang_up(&p);
    p.agent.streams = false;
    p.agent.options = 0;
    peer_until(&p, !guest_state_get_bool(&p.vm->guest, "guestOps"));
    peer_agent_connect(&p);
    peer_until(&p, guest_state_get_bool(&p.vm->guest, "guestOps"));
    peer_until(&p, p.agent.options >= 7);
    assert_int_equal(open_stream(&p), 0);
    assert_int_equal(peer_errno(&p, 1), EOPNOTSUPP);
    assert_int_equal(g.opens, 0);
    end(&p, &g);
}

static void a_stream_is_closed_in_the_guest(void **state)
{
    struct peer p;
    struct guest g;
    int64_t handle;

    (void)state;
    begin(&p, &g);
    handle = open_stream(&p);
    with_handle(&p, 2, "stream.close", handle);
    assert_int_equal(peer_errno(&p, 2), 0);
    peer_until(&p, g.aborts == 1);
    close(p.reply_fd);
    p.reply_fd = -1;
    assert_true(closed(g.fd));
    /* hostd dies: the same. */
    close(g.fd);
    assert_true(open_stream(&p) > handle);
    peer_disconnect(&p);
    peer_until(&p, g.aborts == 2);
    end(&p, &g);
}

static void cancelled_while_it_opens(void **state)
{
    struct peer p;
    struct guest g;

    (void)state;
    begin(&p, &g);
    g.no_answer = true;
    send_open(&p, 1);
    peer_until(&p, g.opens == 1);
    assert_int_equal(channel_send(p.ctl, 4, 1, NULL, 0, NULL, 0), 0);
    peer_until(&p, p.replies[1]);
    assert_int_equal(peer_errno(&p, 1), ECANCELED);
    peer_until(&p, g.aborts == 1);
    /* Nobody takes its connection any more. */
    peer_until(&p, closed(g.fd));
    end(&p, &g);
}

static void a_connection_must_come(void **state)
{
    struct peer p;
    struct guest g;

    (void)state;
    begin(&p, &g);
    g.no_connection = true;
    send_open(&p, 1);
    peer_until(&p, p.replies[1]);
    assert_int_equal(peer_errno(&p, 1), ETIMEDOUT);
    peer_until(&p, g.aborts == 1);
    end(&p, &g);
}

static void tokens_are_good_once_and_only_whole(void **state)
{
    uint8_t wrong[VIX_STREAM_TOKEN_SIZE];
    AUTO_BUF struct buf b = BUF_INIT(64);
    struct peer p;
    struct guest g;
    int fd;

    (void)state;
    begin(&p, &g);
    g.no_connection = true;
    send_open(&p, 1);
    peer_until(&p, g.opens == 1);
    memcpy(wrong, g.token, sizeof(wrong));
    wrong[15] ^= 1;
    fd = greet(&p, wrong);
    peer_until(&p, closed(fd));
    close(fd);
    assert_null(p.replies[1]);
    /* In pieces, and what follows stays in the socket. */
    vix_stream_greeting_encode(&b, g.token);
    buf_put_str(&b, "data");
    g.fd = peer_raw(&p, "974");
    assert_int_equal(write(g.fd, b.data, 7), 7);
    peer_turn(&p);
    assert_int_equal(write(g.fd, b.data + 7, b.len - 7), b.len - 7);
    peer_until(&p, p.replies[1]);
    assert_int_equal(peer_errno(&p, 1), 0);
    assert_int_equal(read(p.reply_fd, wrong, sizeof(wrong)), 4);
    assert_memory_equal(wrong, "data", 4);
    fd = greet(&p, g.token);
    peer_until(&p, closed(fd));
    close(fd);
    end(&p, &g);
}

/* A user who opens connections and says nothing is bounded, and bounded in time. */
static void strangers_are_bounded(void **state)
{
    int fds[STREAM_SERVICE_USER_MAX + 1];
    struct peer p;
    struct guest g;

    (void)state;
    begin(&p, &g);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        fds[i] = peer_raw(&p, "974");
    peer_until(&p, closed(fds[STREAM_SERVICE_USER_MAX]));
    for (size_t i = 0; i < STREAM_SERVICE_USER_MAX; i++)
        assert_false(closed(fds[i]));
    for (size_t i = 0; i < STREAM_SERVICE_USER_MAX; i++)
        peer_until(&p, closed(fds[i]));
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        close(fds[i]);
    assert_true(open_stream(&p) > 0);
    end(&p, &g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_past_us),
        cmocka_unit_test(refusals_come_as_they_are),
        cmocka_unit_test(agents_without_streams_are_not_asked),
        cmocka_unit_test(a_stream_is_closed_in_the_guest),
        cmocka_unit_test(cancelled_while_it_opens),
        cmocka_unit_test(a_connection_must_come),
        cmocka_unit_test(tokens_are_good_once_and_only_whole),
        cmocka_unit_test(strangers_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
