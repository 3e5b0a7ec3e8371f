/* The two ends of the backdoor message layer against each other and against recorded registers. */
#include "hex.h"

#include <errno.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/backdoor.h"

/* A host that keeps the last message and hands out `reply`. */
struct fixture {
    struct backdoor_host *host;
    struct backdoor_guest guest;
    struct buf got;
    const char *reply;
    size_t reply_len;
    unsigned messages, taken, delivered, closed, calls, hb_calls;
    unsigned fail_at; /* this call (from 1) is answered with CPT instead */
    bool refuse_open;
};

static int on_open(void *arg, uint16_t id, uint32_t protocol)
{
    struct fixture *f = arg;

    (void)id;
    return f->refuse_open || (protocol != BACKDOOR_RPCI && protocol != BACKDOOR_TCLO) ? -EPERM : 0;
}

static void on_message(void *arg, uint16_t id, const uint8_t *bytes, size_t len)
{
    struct fixture *f = arg;

    (void)id;
    f->messages++;
    buf_clear(&f->got);
    assert_int_equal(buf_put(&f->got, bytes, len), 0);
}

static int on_fetch(void *arg, uint16_t id, const uint8_t **ret, size_t *ret_len)
{
    struct fixture *f = arg;

    (void)id;
    *ret = (const uint8_t *)f->reply;
    *ret_len = f->reply_len;
    return f->reply != NULL;
}

static void on_taken(void *arg, uint16_t id, bool delivered)
{
    struct fixture *f = arg;

    (void)id;
    f->taken++;
    f->delivered += delivered;
}

static void on_closed(void *arg, uint16_t id)
{
    struct fixture *f = arg;

    (void)id;
    f->closed++;
}

static uint64_t cookie(void *arg)
{
    (void)arg;
    return 0x1111222233334444;
}

static int read_guest(void *arg, uint64_t address, void *to, size_t len)
{
    (void)arg;
    memcpy(to, (const void *)(uintptr_t)address, len); /* NOLINT: the test's own memory */
    return 0;
}

static int write_guest(void *arg, uint64_t address, const void *from, size_t len)
{
    (void)arg;
    memcpy((void *)(uintptr_t)address, from, len); /* NOLINT: the test's own memory */
    return 0;
}

static const struct backdoor_host_ops low_ops = {on_open,   on_message, on_fetch, on_taken,
                                                 on_closed, cookie,     NULL,     NULL};
static const struct backdoor_host_ops high_ops = {on_open,   on_message, on_fetch,   on_taken,
                                                  on_closed, cookie,     read_guest, write_guest};

static void begin(struct fixture *f, bool hb)
{
    *f = (struct fixture){.got = BUF_INIT(BACKDOOR_MESSAGE_MAX)};
    assert_int_equal(backdoor_host_new(hb ? &high_ops : &low_ops, f, &f->host), 0);
    backdoor_guest_init(&f->guest, BACKDOOR_RPCI, false);
}

static void end(struct fixture *f)
{
    backdoor_host_free(f->host);
    backdoor_guest_free(&f->guest);
    buf_free(&f->got);
}

static uint32_t host_call(struct fixture *f, uint32_t sub, uint32_t bx, uint32_t id)
{
    struct backdoor_regs r = {.ax = BACKDOOR_MAGIC,
                              .bx = bx,
                              .cx = sub << 16 | BACKDOOR_CMD_MESSAGE,
                              .dx = id << 16 | BACKDOOR_PORT_LB,
                              .si = 0x11112222,
                              .di = 0x33334444};

    assert_true(backdoor_host_lb(f->host, &r));
    return (uint32_t)r.cx >> 16;
}

/* Executes calls until the guest's operation ends. A call that a checkpoint hits does not reach the
 * host, which forgets how far it was with a message that it was handing out. */
static enum backdoor_step run(struct fixture *f, enum backdoor_step step, struct backdoor_regs *r)
{
    while (step <= BACKDOOR_STEP_HB_IN) {
        f->calls++;
        f->hb_calls += step != BACKDOOR_STEP_LB;
        if (f->calls == f->fail_at) {
            host_call(f, BACKDOOR_RECVPAYLOAD, 0, 0);
            host_call(f, BACKDOOR_RECVSTATUS, 0, 0);
            if (step == BACKDOOR_STEP_LB)
                r->cx = (uint32_t)BACKDOOR_CPT << 16;
            else
                r->bx = (uint32_t)BACKDOOR_CPT << 16;
        } else if (step == BACKDOOR_STEP_LB) {
            assert_true(backdoor_host_lb(f->host, r));
        } else {
            assert_true(backdoor_host_hb(f->host, r, step == BACKDOOR_STEP_HB_OUT));
        }
        step = backdoor_guest_next(&f->guest, r);
    }
    return step;
}

static void messages_of_every_length(void **state)
{
    static const size_t lengths[] = {
        0, 1, 2, 3, 4, 5, 7, 8, 1000, BACKDOOR_MESSAGE_MAX - 1, BACKDOOR_MESSAGE_MAX};
    uint8_t *bytes = malloc(BACKDOOR_MESSAGE_MAX + 1);

    (void)state;
    for (size_t i = 0; i < BACKDOOR_MESSAGE_MAX + 1; i++)
        bytes[i] = (uint8_t)(i * 7);
    for (int hb = 0; hb < 2; hb++) {
        struct backdoor_regs r;
        struct fixture f;
        const uint8_t *got;
        size_t len;

        begin(&f, hb);
        assert_int_equal(run(&f, backdoor_guest_open(&f.guest, &r), &r), BACKDOOR_STEP_DONE);
        for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
            assert_int_equal(run(&f, backdoor_guest_send(&f.guest, bytes, lengths[i], &r), &r),
                             BACKDOOR_STEP_DONE);
            assert_int_equal(f.messages, i + 1);
            assert_int_equal(f.got.len, lengths[i]);
            if (lengths[i])
                assert_memory_equal(f.got.data, bytes, lengths[i]);
            f.reply = NULL;
            assert_int_equal(run(&f, backdoor_guest_recv(&f.guest, &r), &r), BACKDOOR_STEP_EMPTY);
            f.reply = (const char *)bytes;
            f.reply_len = lengths[i];
            assert_int_equal(run(&f, backdoor_guest_recv(&f.guest, &r), &r), BACKDOOR_STEP_DONE);
            got = backdoor_guest_message(&f.guest, &len);
            assert_int_equal(len, lengths[i]);
            if (len)
                assert_memory_equal(got, bytes, len);
            assert_int_equal(f.delivered, i + 1);
        }
        assert_int_equal(f.hb_calls > 0, hb);
        assert_int_equal(backdoor_guest_send(&f.guest, bytes, BACKDOOR_MESSAGE_MAX + 1, &r),
                         BACKDOOR_STEP_FAILED);
        assert_int_equal(f.guest.err, -EMSGSIZE);
        assert_int_equal(run(&f, backdoor_guest_close(&f.guest, &r), &r), BACKDOOR_STEP_DONE);
        assert_int_equal(f.closed, 1);
        end(&f);
    }
    free(bytes);
}

static void assert_regs(const struct backdoor_regs *r, uint32_t bx, uint32_t cx, uint32_t dx)
{
    assert_int_equal(r->ax, BACKDOOR_MAGIC);
    assert_int_equal(r->bx, bx);
    assert_int_equal(r->cx, cx);
    assert_int_equal(r->dx, dx);
}

/* The registers of one small request, written down from the protocol. */
static void the_registers_of_a_request(void **state)
{
    static const uint32_t words[] = {0x6f666e69, 0x7465672d, 0x65756720, 0x6e697473, 0x782e6f66};
    struct backdoor_guest g;
    struct backdoor_regs r;

    (void)state;
    backdoor_guest_init(&g, BACKDOOR_RPCI, false);
    assert_int_equal(backdoor_guest_open(&g, &r), BACKDOOR_STEP_LB);
    assert_regs(&r, 0xc9435052, 0x1e, 0x5658);
    r.cx = 0x0001001e;
    r.dx = 0x00030000 | (uint16_t)r.dx;
    r.si = 0x11112222;
    r.di = 0x33334444;
    assert_int_equal(backdoor_guest_next(&g, &r), BACKDOOR_STEP_DONE);
    assert_int_equal(backdoor_guest_send(&g, "info-get guestinfo.x", 20, &r), BACKDOOR_STEP_LB);
    assert_regs(&r, 0x14, 0x0001001e, 0x00035658);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        r.cx = 0x0001001e;
        assert_int_equal(backdoor_guest_next(&g, &r), BACKDOOR_STEP_LB);
        assert_regs(&r, words[i], 0x0002001e, 0x00035658);
        assert_true(r.si == 0x11112222 && r.di == 0x33334444);
    }
    r.cx = 0x0001001e;
    assert_int_equal(backdoor_guest_next(&g, &r), BACKDOOR_STEP_DONE);
    assert_int_equal(backdoor_guest_recv(&g, &r), BACKDOOR_STEP_LB);
    assert_int_equal(r.cx, 0x0003001e);
    r.cx = 0x0003001e;
    r.dx = 0x00015658;
    r.bx = 7;
    assert_int_equal(backdoor_guest_next(&g, &r), BACKDOOR_STEP_LB);
    assert_regs(&r, 1, 0x0004001e, 0x00035658);
    r = (struct backdoor_regs){.cx = 0x0001001e, .dx = 0x00025658, .bx = 0x65682031};
    assert_int_equal(backdoor_guest_next(&g, &r), BACKDOOR_STEP_LB);
    r = (struct backdoor_regs){.cx = 0x0001001e, .dx = 0x00025658, .bx = 0x006f6c6c};
    assert_int_equal(backdoor_guest_next(&g, &r), BACKDOOR_STEP_LB);
    assert_regs(&r, 1, 0x0005001e, 0x00035658);
    r.cx = 0x0001001e;
    assert_int_equal(backdoor_guest_next(&g, &r), BACKDOOR_STEP_DONE);
    assert_hex(g.in.data, g.in.len, "'1 hello'");
    backdoor_guest_free(&g);
}

/* A checkpoint in each of the calls of an exchange, one after the other. */
static void a_checkpoint_starts_the_message_again(void **state)
{
    (void)state;
    for (int hb = 0; hb < 2; hb++) {
        unsigned calls = hb ? 6 : 9; /* open; size, payload; size, payload, status */

        for (unsigned at = 2; at <= calls; at++) {
            struct backdoor_regs r;
            struct fixture f;
            const uint8_t *got;
            size_t len;

            begin(&f, hb);
            f.fail_at = at;
            f.reply = "abcde";
            f.reply_len = 5;
            assert_int_equal(run(&f, backdoor_guest_open(&f.guest, &r), &r), BACKDOOR_STEP_DONE);
            assert_int_equal(run(&f, backdoor_guest_send(&f.guest, "0123456789", 10, &r), &r),
                             BACKDOOR_STEP_DONE);
            assert_text(f.got.data, f.got.len, "0123456789");
            assert_int_equal(run(&f, backdoor_guest_recv(&f.guest, &r), &r), BACKDOOR_STEP_DONE);
            got = backdoor_guest_message(&f.guest, &len);
            assert_text(got, len, "abcde");
            assert_true(f.calls > calls);
            end(&f);
        }
    }
}

static void checkpoints_do_not_go_on_for_ever(void **state)
{
    struct backdoor_guest g;
    struct backdoor_regs r;
    unsigned n = 0;

    (void)state;
    backdoor_guest_init(&g, BACKDOOR_RPCI, false);
    backdoor_guest_open(&g, &r);
    r.cx = 0x00010000;
    assert_int_equal(backdoor_guest_next(&g, &r), BACKDOOR_STEP_DONE);
    backdoor_guest_recv(&g, &r);
    do {
        r.cx = (uint32_t)BACKDOOR_CPT << 16;
        n++;
    } while (backdoor_guest_next(&g, &r) == BACKDOOR_STEP_LB && n < 100);
    assert_int_equal(n, BACKDOOR_RESTARTS_MAX + 1);
    assert_int_equal(g.err, -EIO);
    backdoor_guest_free(&g);
}

static void opening(void **state)
{
    struct backdoor_regs r;
    struct fixture f;

    (void)state;
    begin(&f, false);
    f.refuse_open = true;
    assert_int_equal(run(&f, backdoor_guest_open(&f.guest, &r), &r), BACKDOOR_STEP_FAILED);
    assert_int_equal(f.guest.err, -EIO);
    assert_int_equal(f.calls, 2); /* once more without a cookie */
    assert_int_equal(backdoor_guest_send(&f.guest, "", 0, &r), BACKDOOR_STEP_FAILED);
    assert_int_equal(backdoor_guest_recv(&f.guest, &r), BACKDOOR_STEP_FAILED);
    f.refuse_open = false;
    for (unsigned i = 0; i < BACKDOOR_CHANNELS_MAX + 1; i++) {
        backdoor_guest_free(&f.guest);
        backdoor_guest_init(&f.guest, i % 2 ? BACKDOOR_TCLO : BACKDOOR_RPCI, false);
        assert_int_equal(run(&f, backdoor_guest_open(&f.guest, &r), &r),
                         i < BACKDOOR_CHANNELS_MAX ? BACKDOOR_STEP_DONE : BACKDOOR_STEP_FAILED);
    }
    end(&f);
    assert_int_equal(f.closed, BACKDOOR_CHANNELS_MAX);
}

static void a_host_takes_only_what_is_due(void **state)
{
    struct backdoor_regs r = {0};
    struct fixture f;

    (void)state;
    begin(&f, false);
    assert_false(backdoor_host_lb(f.host, &r)); /* no magic */
    assert_int_equal(host_call(&f, BACKDOOR_SENDSIZE, 4, 0), BACKDOOR_CLOSED);
    assert_int_equal(host_call(&f, BACKDOOR_SENDSIZE, 4, 4000), 0);
    assert_int_equal(host_call(&f, BACKDOOR_OPEN, BACKDOOR_RPCI | BACKDOOR_COOKIE_FLAG, 0),
                     BACKDOOR_SUCCESS);
    assert_int_equal(host_call(&f, BACKDOOR_OPEN, 0x12345678, 0), 0);
    assert_int_equal(host_call(&f, BACKDOOR_SENDPAYLOAD, 4, 0), 0);
    assert_int_equal(host_call(&f, BACKDOOR_RECVPAYLOAD, 1, 0), 0);
    assert_int_equal(host_call(&f, BACKDOOR_RECVSTATUS, 1, 0), 0);
    assert_int_equal(host_call(&f, 7, 0, 0), 0);
    assert_int_equal(host_call(&f, 0xffff, 0, 0), 0);
    assert_int_equal(host_call(&f, BACKDOOR_SENDSIZE, BACKDOOR_MESSAGE_MAX + 1, 0), 0);
    assert_int_equal(host_call(&f, BACKDOOR_SENDSIZE, 4, 0), BACKDOOR_SUCCESS);
    assert_int_equal(host_call(&f, BACKDOOR_RECVSIZE, 0, 0), 0); /* in the middle of sending */
    assert_int_equal(host_call(&f, BACKDOOR_SENDSIZE, 3, 0), BACKDOOR_SUCCESS); /* starts over */
    assert_int_equal(host_call(&f, BACKDOOR_SENDPAYLOAD, 0x00636261, 0), BACKDOOR_SUCCESS);
    assert_text(f.got.data, f.got.len, "abc");
    /* A wrong cookie. */
    r = (struct backdoor_regs){
        .ax = BACKDOOR_MAGIC, .cx = BACKDOOR_SENDSIZE << 16 | BACKDOOR_CMD_MESSAGE, .di = 1};
    assert_true(backdoor_host_lb(f.host, &r));
    assert_int_equal(r.cx >> 16, 0);
    /* Giving a message back, before and after its bytes. */
    f.reply = "abcd";
    f.reply_len = 4;
    assert_int_equal(host_call(&f, BACKDOOR_RECVSIZE, 0, 0), BACKDOOR_SUCCESS | BACKDOOR_DORECV);
    assert_int_equal(host_call(&f, BACKDOOR_RECVPAYLOAD, 0, 0), BACKDOOR_SUCCESS);
    assert_true(f.taken == 1 && f.delivered == 0);
    host_call(&f, BACKDOOR_RECVSIZE, 0, 0);
    host_call(&f, BACKDOOR_RECVPAYLOAD, 1, 0);
    assert_int_equal(host_call(&f, BACKDOOR_RECVSTATUS, 0, 0), BACKDOOR_SUCCESS);
    assert_true(f.taken == 2 && f.delivered == 0);
    host_call(&f, BACKDOOR_RECVSIZE, 0, 0);
    backdoor_host_reset(f.host);
    assert_true(f.taken == 3 && f.delivered == 0 && f.closed == 1);
    assert_int_equal(host_call(&f, BACKDOOR_SENDSIZE, 4, 0), BACKDOOR_CLOSED);
    end(&f);
}

static void a_guest_refuses_what_a_host_must_not_say(void **state)
{
    struct backdoor_guest g;
    struct backdoor_regs r;

    (void)state;
    backdoor_guest_init(&g, BACKDOOR_RPCI, false);
    backdoor_guest_open(&g, &r);
    r.cx = 0x00010000;
    backdoor_guest_next(&g, &r);
    /* A message that is too long is given back, then the operation fails. */
    backdoor_guest_recv(&g, &r);
    r = (struct backdoor_regs){.cx = 0x00030000, .dx = 0x00010000, .bx = BACKDOOR_MESSAGE_MAX + 1};
    assert_int_equal(backdoor_guest_next(&g, &r), BACKDOOR_STEP_LB);
    assert_int_equal(r.cx >> 16, BACKDOOR_RECVPAYLOAD);
    assert_int_equal(r.bx, 0);
    r.cx = 0x00010000;
    assert_int_equal(backdoor_guest_next(&g, &r), BACKDOOR_STEP_FAILED);
    assert_int_equal(g.err, -EMSGSIZE);
    /* CLOSED: the channel must be opened again. */
    backdoor_guest_recv(&g, &r);
    r.cx = (uint32_t)BACKDOOR_CLOSED << 16;
    assert_int_equal(backdoor_guest_next(&g, &r), BACKDOOR_STEP_FAILED);
    assert_int_equal(g.err, -ECONNRESET);
    assert_false(g.open);
    assert_int_equal(backdoor_guest_next(&g, &r), BACKDOOR_STEP_FAILED);
    backdoor_guest_free(&g);
}

static void presence(void **state)
{
    struct backdoor_regs r;
    struct fixture f;
    uint32_t product;

    (void)state;
    begin(&f, false);
    backdoor_version_request(&r);
    assert_int_equal(r.bx, 0xa9b2a797);
    assert_int_equal(r.cx, 0xffff000a);
    assert_false(backdoor_version_ok(&r, &product));
    assert_true(backdoor_host_lb(f.host, &r));
    assert_true(backdoor_version_ok(&r, &product));
    assert_int_equal(product, 2);
    r = (struct backdoor_regs){.ax = BACKDOOR_MAGIC, .cx = BACKDOOR_CMD_GETHWVERSION};
    assert_true(backdoor_host_lb(f.host, &r));
    assert_int_equal(r.ax, 0xffffffff);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_every_length),
        cmocka_unit_test(the_registers_of_a_request),
        cmocka_unit_test(a_checkpoint_starts_the_message_again),
        cmocka_unit_test(checkpoints_do_not_go_on_for_ever),
        cmocka_unit_test(opening),
        cmocka_unit_test(a_host_takes_only_what_is_due),
        cmocka_unit_test(a_guest_refuses_what_a_host_must_not_say),
        cmocka_unit_test(presence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
