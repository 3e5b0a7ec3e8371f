/* The backdoor carrier against the host side of the message layer, joined where the processor's
 * instruction would be. And the real instruction's presence question, which must not kill. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "guest/backdoor_port.h"
#include "guest/rpc_channel.h"

static struct {
    struct backdoor_host *host;
    bool present;
    char heard[4][70000]; /* by channel; RPCI is opened first in every test */
    size_t heard_len[4];
    const char *answer; /* waits for the guest */
    size_t answer_len;
    unsigned polls, closed;
    uint32_t protocol[4];
} world;

bool backdoor_port_present(uint32_t *ret_product)
{
    if (ret_product)
        *ret_product = 2;
    return world.present;
}

void backdoor_port_lb(struct backdoor_regs *r)
{
    backdoor_host_lb(world.host, r);
}

void backdoor_port_hb_out(struct backdoor_regs *r)
{
    backdoor_host_hb(world.host, r, true);
}

void backdoor_port_hb_in(struct backdoor_regs *r)
{
    backdoor_host_hb(world.host, r, false);
}

static int on_open(void *arg, uint16_t id, uint32_t protocol)
{
    (void)arg;
    assert_in_range(id, 0, 3);
    world.protocol[id] = protocol;
    return 0;
}

static void on_message(void *arg, uint16_t id, const uint8_t *bytes, size_t len)
{
    (void)arg;
    if (len)
        memcpy(world.heard[id], bytes, len);
    world.heard[id][len] = '\0';
    world.heard_len[id] = len;
    if (len == 0)
        world.polls++;
}

static int on_fetch(void *arg, uint16_t id, const uint8_t **ret, size_t *ret_len)
{
    (void)arg;
    (void)id;
    if (!world.answer)
        return 0;
    *ret = (const uint8_t *)world.answer;
    *ret_len = world.answer_len;
    return 1;
}

static void on_taken(void *arg, uint16_t id, bool delivered)
{
    (void)arg;
    (void)id;
    assert_true(delivered);
    world.answer = NULL;
}

static void on_closed(void *arg, uint16_t id)
{
    (void)arg;
    (void)id;
    world.closed++;
}

static uint64_t cookie(void *arg)
{
    (void)arg;
    return 0x1111222233334444u;
}

static int guest_read(void *arg, uint64_t address, void *to, size_t len)
{
    (void)arg;
    memcpy(to, (const void *)(uintptr_t)address, len);
    return 0;
}

static int guest_write(void *arg, uint64_t address, const void *from, size_t len)
{
    (void)arg;
    memcpy((void *)(uintptr_t)address, from, len);
    return 0;
}

static int setup_with(bool hb)
{
    static struct backdoor_host_ops ops; /* the host keeps the pointer */
    ops = (struct backdoor_host_ops){.open = on_open,
                                     .message = on_message,
                                     .fetch = on_fetch,
                                     .taken = on_taken,
                                     .closed = on_closed,
                                     .cookie = cookie};
    memset(&world, 0, sizeof(world));
    world.present = true;
    if (hb) {
        ops.read_guest = guest_read;
        ops.write_guest = guest_write;
    }
    return backdoor_host_new(&ops, NULL, &world.host);
}

static int setup_lb(void **state)
{
    (void)state;
    return setup_with(false);
}

static int setup_hb(void **state)
{
    (void)state;
    return setup_with(true);
}

static int teardown(void **state)
{
    (void)state;
    clock_set_fake(0);
    backdoor_host_free(world.host);
    return 0;
}

static void answer(const char *text)
{
    world.answer = text;
    world.answer_len = strlen(text);
}

static void test_rpci(void **state)
{
    (void)state;
    struct rpc_channel *ch;
    struct rpc_packet p = {.payload = (const uint8_t *)"info-get guestinfo.x", .len = 20};
    assert_int_equal(rpc_open_backdoor(RPC_ROLE_RPCI, -1, &ch), 0);
    assert_true(ch->connected);
    answer("1 hello");
    assert_int_equal(rpc_send(ch, &p), 0);
    assert_int_equal(rpc_service(ch), 0);
    assert_int_equal(rpc_next(ch, &p), 1);
    assert_int_equal(p.len, 7);
    assert_memory_equal(p.payload, "1 hello", 7);
    assert_int_equal(rpc_next(ch, &p), 0);
    /* No answer is a broken host. */
    p = (struct rpc_packet){.payload = (const uint8_t *)"x", .len = 1};
    assert_int_equal(rpc_send(ch, &p), -EBADMSG);
    static uint8_t big[BACKDOOR_MESSAGE_MAX + 1];
    memset(big, 'a', sizeof(big));
    p = (struct rpc_packet){.payload = big, .len = sizeof(big)};
    assert_int_equal(rpc_send(ch, &p), -EMSGSIZE);
    answer("1 ");
    p.len--;
    assert_int_equal(rpc_send(ch, &p), 0);
    rpc_close(ch);
    assert_int_equal(world.closed, 1);
}

/* The rounds of TCLO: ever slower while there is nothing, none while a request is open, at once
 * after the answer. */
static void test_tclo(void **state)
{
    (void)state;
    static const unsigned delays[] = {10, 20, 40, 80, 100, 100};
    struct rpc_channel *ch;
    struct rpc_packet p;
    clock_set_fake(1000);
    assert_int_equal(rpc_open_backdoor(RPC_ROLE_TCLO, -1, &ch), 0);
    for (unsigned i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        assert_int_equal(rpc_service(ch), 0);
        assert_int_equal(rpc_next(ch, &p), 0);
        assert_int_equal(world.polls, i + 1);
        assert_int_equal(ch->deadline_ms - clock_ms(), delays[i]);
        clock_set_fake(ch->deadline_ms);
    }
    answer("ping");
    assert_int_equal(rpc_service(ch), 0);
    assert_int_equal(rpc_next(ch, &p), 1);
    assert_memory_equal(p.payload, "ping", 4);
    assert_int_equal(ch->deadline_ms, 0);
    unsigned polls = world.polls;
    clock_set_fake(clock_ms() + 1000);
    assert_int_equal(rpc_service(ch), 0);
    assert_int_equal(world.polls, polls);
    p = (struct rpc_packet){.payload = (const uint8_t *)"OK ", .len = 3};
    assert_int_equal(rpc_send(ch, &p), 0);
    assert_int_equal(ch->deadline_ms, clock_ms());
    assert_int_equal(rpc_service(ch), 0);
    bool sent = false;
    for (unsigned i = 0; i < 4; i++)
        sent = sent || strcmp(world.heard[i], "OK ") == 0;
    assert_true(sent);
    assert_int_equal(ch->deadline_ms - clock_ms(), 10);
    /* The VM was reset: the channel is dead, not the agent. */
    backdoor_host_reset(world.host);
    clock_set_fake(ch->deadline_ms);
    assert_true(rpc_service(ch) < 0);
    rpc_close(ch);
}

static void test_absent(void **state)
{
    (void)state;
    struct rpc_channel *ch;
    world.present = false;
    assert_int_equal(rpc_open_backdoor(RPC_ROLE_RPCI, -1, &ch), -ENODEV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rpci, setup_lb, teardown),
        cmocka_unit_test_setup_teardown(test_rpci, setup_hb, teardown),
        cmocka_unit_test_setup_teardown(test_tclo, setup_lb, teardown),
        cmocka_unit_test_setup_teardown(test_tclo, setup_hb, teardown),
        cmocka_unit_test_setup_teardown(test_absent, setup_lb, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
