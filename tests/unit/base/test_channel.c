/* The message channel over a socket pair: order, descriptors, limits, a peer that lies. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/channel.h"
#include "base/mem.h"
#include "base/sock.h"

#define BODY_MAX 200000u

struct end {
    struct channel *ch;
    unsigned messages, drains;
    size_t bytes;
    uint64_t last_id;
    int fd;
    int closed, reason;
};

static void on_message(struct channel *ch, struct channel_msg *msg, void *arg)
{
    struct end *e = arg;

    (void)ch;
    e->messages++;
    e->bytes += msg->len;
    e->last_id = msg->id;
    if (msg->nfds) {
        e->fd = msg->fds[0];
        msg->fds[0] = -1;
    }
}

static void on_closed(struct channel *ch, int reason, void *arg)
{
    struct end *e = arg;

    (void)ch;
    e->closed++;
    e->reason = reason;
}

static void on_drained(struct channel *ch, void *arg)
{
    (void)ch;
    ((struct end *)arg)->drains++;
}

static const struct channel_ops ops = {on_message, on_closed, on_drained};

static void run(uv_loop_t *loop)
{
    for (int i = 0; i < 200; i++)
        uv_run(loop, UV_RUN_NOWAIT);
}

static void messages_arrive_in_order_with_their_descriptors(void **state)
{
    static uint8_t big[BODY_MAX];
    uv_loop_t loop;
    struct end a = {.fd = -1}, b = {.fd = -1};
    int fds[2], pipefds[2];
    struct iovec parts[2] = {{big, BODY_MAX - 3}, {(char *)"end", 3}};
    char got[3];

    (void)state;
    uv_loop_init(&loop);
    assert_int_equal(sock_pair(fds), 0);
    assert_int_equal(channel_new(&loop, fds[0], BODY_MAX, 4u << 20, &ops, &a, &a.ch), 0);
    assert_int_equal(channel_new(&loop, fds[1], BODY_MAX, 4u << 20, &ops, &b, &b.ch), 0);
    assert_int_equal(pipe(pipefds), 0);
    for (uint64_t id = 1; id <= 10; id++)
        assert_int_equal(channel_send(a.ch, 1, id, parts, 2, id == 7 ? &pipefds[1] : NULL, id == 7),
                         0);
    run(&loop);
    assert_int_equal(b.messages, 10);
    assert_int_equal(b.last_id, 10);
    assert_int_equal(b.bytes, 10u * BODY_MAX);
    assert_true(b.fd >= 0);
    assert_int_equal(write(b.fd, "hey", 3), 3);
    assert_int_equal(read(pipefds[0], got, 3), 3);
    assert_int_equal(a.drains, 1);
    parts[1].iov_len = 3;
    parts[0].iov_len = BODY_MAX - 2;
    assert_int_equal(channel_send(a.ch, 1, 11, parts, 2, NULL, 0), -EMSGSIZE);
    close(b.fd);
    close(pipefds[0]);
    channel_close(a.ch);
    run(&loop);
    assert_int_equal(b.closed, 1);
    assert_int_equal(b.reason, 0);
    assert_int_equal(channel_send(b.ch, 1, 1, NULL, 0, NULL, 0), -EPIPE);
    channel_close(b.ch);
    run(&loop);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void a_full_queue_refuses(void **state)
{
    static uint8_t big[BODY_MAX];
    struct iovec part = {big, BODY_MAX};
    uv_loop_t loop;
    struct end a = {.fd = -1};
    int fds[2], r = 0, n;

    (void)state;
    uv_loop_init(&loop);
    assert_int_equal(sock_pair(fds), 0);
    assert_int_equal(channel_new(&loop, fds[0], BODY_MAX, 3 * BODY_MAX, &ops, &a, &a.ch), 0);
    for (n = 0; n < 100 && !r; n++)
        r = channel_send(a.ch, 1, 1, &part, 1, NULL, 0);
    assert_int_equal(r, -ENOBUFS);
    assert_true(channel_queued(a.ch) <= 3 * BODY_MAX);
    channel_close(a.ch);
    run(&loop);
    close(fds[1]);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void a_lying_peer_is_cut_off(void **state)
{
    static const uint8_t lies[][CHANNEL_HEAD_SIZE] = {
        {0xff, 0xff, 0xff, 0x7f}, /* body longer than allowed */
        {0, 0, 0, 0, 1, 0, 1, 0}, /* a descriptor that did not come */
        {0, 0, 0, 0, 1, 0, 9, 0}, /* too many descriptors */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
        uv_loop_t loop;
        struct end a = {.fd = -1};
        int fds[2];

        uv_loop_init(&loop);
        assert_int_equal(sock_pair(fds), 0);
        assert_int_equal(channel_new(&loop, fds[0], 100, 1000, &ops, &a, &a.ch), 0);
        assert_int_equal(write(fds[1], lies[i], CHANNEL_HEAD_SIZE), CHANNEL_HEAD_SIZE);
        run(&loop);
        assert_int_equal(a.closed, 1);
        assert_int_equal(a.reason, -EBADMSG);
        channel_close(a.ch);
        run(&loop);
        close(fds[1]);
        assert_int_equal(uv_loop_close(&loop), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_arrive_in_order_with_their_descriptors),
        cmocka_unit_test(a_full_queue_refuses),
        cmocka_unit_test(a_lying_peer_is_cut_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
