/* libtoolbox against a fake host over a Unix link. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fake_host.h"
#include "inguest/toolbox.h"
#include "wire/vix.h"

struct fixture {
    struct host *host;
    struct toolbox *tb;
    int status;
    char data[256];
    size_t len;
    unsigned answered;
    unsigned ups, downs;
    struct toolbox_request *held[8];
    unsigned nheld;
    struct toolbox_vix *vix;
    enum toolbox_power_event event;
    int power_result;
    bool done_success;
    unsigned power_dones;
};

/* As a loop does it: only when the descriptor or the deadline says so. */
static void turn(void *arg)
{
    struct fixture *f = arg;
    if (!f->tb)
        return;
    struct pollfd p = {.fd = toolbox_fd(f->tb), .events = POLLIN};
    int64_t at = toolbox_deadline_ms(f->tb);
    if (poll(&p, 1, 0) > 0 || (at >= 0 && at <= (int64_t)clock_ms()))
        assert_int_equal(toolbox_process(f->tb), 0);
}

static void on_state(struct toolbox *tb, enum toolbox_state state, void *arg)
{
    struct fixture *f = arg;
    (void)tb;
    if (state == TOOLBOX_READY)
        f->ups++;
    else if (state == TOOLBOX_DOWN)
        f->downs++;
}

static int setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof(*f));
    f->host = mem_calloc(1, sizeof(*f->host));
    host_start(f->host);
    f->host->idle = turn;
    f->host->idle_arg = f;
    struct toolbox_options o = {.link_dir = f->host->dir};
    assert_int_equal(toolbox_create(&o, &f->tb), 0);
    toolbox_set_state_hook(f->tb, on_state, f);
    toolbox_start(f->tb);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    toolbox_destroy(f->tb);
    host_stop(f->host);
    mem_free(f->host);
    mem_free(f);
    return 0;
}

static void ready(struct fixture *f)
{
    host_wait_tclo(f->host);
    assert_string_equal(host_call(f->host, "reset"), "OK ATR toolbox");
    assert_int_equal(toolbox_get_state(f->tb), TOOLBOX_READY);
}

static void on_answer(struct toolbox *tb, int status, const uint8_t *data, size_t len, void *arg)
{
    struct fixture *f = arg;
    (void)tb;
    f->status = status;
    f->len = len;
    assert_int_equal(data[len], 0);
    snprintf(f->data, sizeof(f->data), "%s", (const char *)data);
    f->answered++;
}

static void wait_answers(struct fixture *f, unsigned n)
{
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    while (f->answered < n && clock_ms() < until)
        host_turn(f->host, 2);
    assert_int_equal(f->answered, n);
}

static void test_handshake(void **state)
{
    struct fixture *f = *state;
    ready(f);
    assert_string_equal(toolbox_carrier_name(f->tb), "unix");
    host_wait_rpci(f->host, "vmx.capability.unified_loop toolbox", NULL);
    /* An agent counts the NUL of its text requests. */
    assert_int_equal(f->host->last_rpci_len, strlen("vmx.capability.unified_loop toolbox") + 1);
    assert_string_equal(host_call(f->host, "ping"), "OK ");
    assert_string_equal(host_call(f->host, "no.such.command 1"), "ERROR Unknown Command");
    assert_string_equal(host_call(f->host, " "), "ERROR Bad command");
    assert_int_equal(f->ups, 1);
}

static const char *reply_value(struct host *h, const char *request)
{
    (void)h;
    if (strcmp(request, "info-get guestinfo.x") == 0)
        return "1 hello world";
    if (strcmp(request, "info-get guestinfo.none") == 0)
        return "0 No value found";
    if (strcmp(request, "silent") == 0)
        return NULL;
    if (strcmp(request, "nonsense") == 0)
        return "what?";
    return "1 ";
}

static void test_rpci(void **state)
{
    struct fixture *f = *state;
    f->host->rpci_reply = reply_value;
    const char *ask = "info-get guestinfo.x";
    assert_int_equal(toolbox_rpci(f->tb, ask, strlen(ask), on_answer, f), 0);
    wait_answers(f, 1);
    assert_int_equal(f->status, 1);
    assert_string_equal(f->data, "hello world");
    assert_int_equal(toolbox_rpci_text(f->tb, on_answer, f, "info-get guestinfo.%s", "none"), 0);
    wait_answers(f, 2);
    assert_int_equal(f->status, 0);
    assert_string_equal(f->data, "No value found");
    assert_int_equal(toolbox_rpci(f->tb, "", 0, on_answer, f), -EINVAL);
    assert_int_equal(f->host->rpci_accepted, 1);
}

static void test_rpci_queue_limit(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < TOOLBOX_RPCI_QUEUE_MAX; i++)
        assert_int_equal(toolbox_rpci(f->tb, "x", 1, NULL, NULL), 0);
    assert_int_equal(toolbox_rpci(f->tb, "x", 1, NULL, NULL), -EAGAIN);
}

/* A host that answers outside the form breaks the channel; the request is sent once more and then
 * given up. */
static void test_rpci_nonsense(void **state)
{
    struct fixture *f = *state;
    f->host->rpci_reply = reply_value;
    assert_int_equal(toolbox_rpci(f->tb, "nonsense", 8, on_answer, f), 0);
    wait_answers(f, 1);
    assert_int_equal(f->status, -EBADMSG);
    assert_int_equal(f->host->nlog, 2);
    assert_int_equal(f->host->rpci_accepted, 2);
    assert_int_equal(toolbox_rpci(f->tb, "info-get guestinfo.x", 20, on_answer, f), 0);
    wait_answers(f, 2);
    assert_int_equal(f->status, 1);
}

static void test_rpci_timeout(void **state)
{
    struct fixture *f = *state;
    f->host->rpci_reply = reply_value;
    assert_int_equal(toolbox_rpci(f->tb, "silent", 6, on_answer, f), 0);
    host_wait_rpci(f->host, "silent", NULL);
    assert_int_equal(f->answered, 0);
    clock_set_fake(clock_ms() + TOOLBOX_RPCI_TIMEOUT_MS - 100);
    turn(f);
    assert_int_equal(f->answered, 0);
    clock_set_fake(clock_ms() + 101);
    turn(f);
    clock_set_fake(0);
    assert_int_equal(f->answered, 1);
    assert_int_equal(f->status, -ETIMEDOUT);
    /* The late answer has nobody to go to: the next request goes over a new channel. */
    assert_int_equal(toolbox_rpci(f->tb, "info-get guestinfo.x", 20, on_answer, f), 0);
    wait_answers(f, 2);
    assert_int_equal(f->status, 1);
    assert_int_equal(f->host->rpci_accepted, 2);
}

static void test_no_host(void **state)
{
    struct fixture *f = *state;
    host_die(f->host);
    assert_int_equal(toolbox_rpci(f->tb, "info-get guestinfo.x", 20, on_answer, f), 0);
    wait_answers(f, 1);
    assert_int_equal(f->status, -ENOTCONN);
    /* Never busy: the next attempt lies in the future. */
    turn(f);
    assert_true(toolbox_deadline_ms(f->tb) > (int64_t)clock_ms());
    char *reply;
    size_t len;
    struct toolbox_options o = {.link_dir = f->host->dir};
    assert_true(toolbox_rpci_once(&o, "x", 1, 1000, &reply, &len) < 0);
}

static void test_host_returns(void **state)
{
    struct fixture *f = *state;
    ready(f);
    for (unsigned i = 1; i <= 3; i++) {
        host_die(f->host);
        uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
        while (f->downs < i && clock_ms() < until)
            host_turn(f->host, 2);
        assert_int_equal(f->downs, i);
        host_listen(f->host);
        ready(f);
        assert_int_equal(f->ups, i + 1);
        assert_int_equal(f->host->tclo_accepted, i + 1);
        assert_string_equal(host_call(f->host, "ping"), "OK ");
    }
}

/* What a broken or hostile host may send: each ends the channel, none the agent. */
static void test_garbage(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *what;
        size_t len;
        const char *bytes;
    } cases[] = {
        {"length beyond the limit", 4, "\xff\xff\xff\xff"},
        {"unknown entry type", 12, "\0\0\0\x08\0\0\0\x09\0\0\0\x01"},
        {"string longer than the packet", 16, "\0\0\0\x0c\0\0\0\x02\0\0\0\x02\0\0\0\x40"},
        {"ping from the host", 20, "\0\0\0\x10\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0\0"},
        {"no payload", 20, "\0\0\0\x10\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\0"},
        {"a field twice", 36,
         "\0\0\0\x20\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\0"},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        ready(f);
        unsigned accepted = f->host->tclo_accepted;
        host_send_raw(f->host, cases[i].bytes, cases[i].len);
        uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
        while (f->host->tclo_accepted == accepted && clock_ms() < until)
            host_turn(f->host, 2);
        if (f->host->tclo_accepted == accepted)
            fail_msg("%s: the channel lives on", cases[i].what);
    }
    ready(f);
}

/* A packet in single bytes is a packet; one that stops in the middle is none. */
static void test_split_packet(void **state)
{
    struct fixture *f = *state;
    static const char ping[] = "\0\0\0\x20\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\0"
                               "\0\0\0\x02\0\0\0\x02\0\0\0\x04ping";
    ready(f);
    unsigned before = f->host->answers;
    for (unsigned i = 0; i < 36; i++) {
        assert_int_equal(f->host->answers, before);
        host_send_raw(f->host, ping + i, 1);
        host_turn(f->host, 1);
    }
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    while (f->host->answers == before && clock_ms() < until)
        host_turn(f->host, 2);
    assert_string_equal((const char *)f->host->answer.bytes, "OK ");
    host_send_raw(f->host, ping, 20);
    host_die(f->host);
    host_listen(f->host);
    ready(f);
}

static void hold(struct toolbox *tb, struct toolbox_request *req, const uint8_t *args, size_t len,
                 void *arg)
{
    struct fixture *f = arg;
    (void)tb;
    assert_int_equal(args[len], 0);
    f->held[f->nheld++] = req;
}

static void wait_held(struct fixture *f, unsigned n)
{
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    while (f->nheld < n && clock_ms() < until)
        host_turn(f->host, 2);
    assert_int_equal(f->nheld, n);
}

static void wait_host_answers(struct fixture *f, unsigned n)
{
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    while (f->host->answers < n && clock_ms() < until)
        host_turn(f->host, 2);
    assert_int_equal(f->host->answers, n);
}

/* Untagged answers keep the order of the requests, whenever they are ready. */
static void test_order(void **state)
{
    struct fixture *f = *state;
    ready(f);
    assert_int_equal(toolbox_on_tclo(f->tb, "slow", hold, f), 0);
    unsigned before = f->host->answers;
    host_send(f->host, "slow 1", 6, 0);
    host_send(f->host, "slow 2", 6, 0);
    host_send(f->host, "ping", 4, 0);
    wait_held(f, 2);
    assert_int_equal(toolbox_reply(f->held[1], true, "two", 3), 0);
    for (unsigned i = 0; i < 5; i++)
        host_turn(f->host, 5);
    assert_int_equal(f->host->answers, before);
    assert_int_equal(toolbox_reply(f->held[0], false, "one", 3), 0);
    host_turn(f->host, 5);
    wait_host_answers(f, before + 3);
    assert_string_equal((const char *)f->host->answer.bytes, "OK ");
    assert_int_equal(f->host->answer.id, 0);
}

/* Tagged answers carry their number and do not wait for each other. */
static void test_tagged(void **state)
{
    struct fixture *f = *state;
    host_wait_tclo(f->host);
    host_send(f->host, "reset", 5, 7);
    wait_host_answers(f, 1);
    assert_int_equal(f->host->answer.id, 7);
    assert_int_equal(toolbox_on_tclo(f->tb, "slow", hold, f), 0);
    host_send(f->host, "slow 1", 6, 8);
    host_send(f->host, "slow 2", 6, 9);
    host_send(f->host, "ping", 4, 10);
    wait_host_answers(f, 2);
    assert_int_equal(f->host->answer.id, 10);
    wait_held(f, 2);
    assert_int_equal(toolbox_reply(f->held[1], true, "two", 3), 0);
    wait_host_answers(f, 3);
    assert_int_equal(f->host->answer.id, 9);
    assert_string_equal((const char *)f->host->answer.bytes, "OK two");
    /* The host dies: the open request is lost, its answer goes nowhere and does no harm. */
    host_die(f->host);
    host_listen(f->host);
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    while (f->downs == 0 && clock_ms() < until)
        host_turn(f->host, 2);
    assert_true(toolbox_request_lost(f->held[0]));
    assert_int_equal(toolbox_reply(f->held[0], true, "one", 3), -ENOTCONN);
    ready(f);
}

static void ignore(struct toolbox *tb, struct toolbox_request *req, const uint8_t *args, size_t len,
                   void *arg)
{
    (void)tb;
    (void)req;
    (void)args;
    (void)len;
    ++*(unsigned *)arg;
}

/* A host may keep TOOLBOX_REQUESTS_MAX requests open, and not one more. */
static void test_request_limit(void **state)
{
    struct fixture *f = *state;
    unsigned seen = 0;
    ready(f);
    assert_int_equal(toolbox_on_tclo(f->tb, "keep", ignore, &seen), 0);
    for (int64_t id = 1; id <= TOOLBOX_REQUESTS_MAX; id++)
        host_send(f->host, "keep", 4, id);
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    while (seen < TOOLBOX_REQUESTS_MAX && clock_ms() < until)
        host_turn(f->host, 2);
    assert_int_equal(seen, TOOLBOX_REQUESTS_MAX);
    assert_int_equal(f->downs, 0);
    host_send(f->host, "keep", 4, 1000);
    until = clock_ms() + HOST_TIMEOUT_MS;
    while (f->downs == 0 && clock_ms() < until)
        host_turn(f->host, 2);
    assert_int_equal(f->downs, 1);
    assert_int_equal(seen, TOOLBOX_REQUESTS_MAX);
}

static void on_vix(struct toolbox *tb, struct toolbox_vix *req, void *arg)
{
    struct fixture *f = arg;
    (void)tb;
    f->vix = req;
}

static void send_vix(struct fixture *f, uint32_t opcode, uint8_t flags, int64_t id)
{
    struct buf message = BUF_INIT(VIX_REQUEST_MAX), relay = BUF_INIT(VIX_REQUEST_MAX + 256);
    struct vix_request rq = {.opcode = opcode,
                             .common_flags = VIX_COMMON_REQUEST | flags,
                             .timeout = 30,
                             .body = (const uint8_t *)"body",
                             .body_len = 4};
    assert_int_equal(vix_request_encode(&message, &rq), 0);
    assert_int_equal(vix_relay_encode(&relay, "00000000000000a1", message.data, message.len), 0);
    host_send(f->host, relay.data, relay.len, id);
    buf_free(&message);
    buf_free(&relay);
}

static void test_vix(void **state)
{
    struct fixture *f = *state;
    ready(f);
    unsigned n = f->host->answers;
    send_vix(f, 4711, 0, 0);
    wait_host_answers(f, ++n);
    assert_memory_equal(f->host->answer.bytes, "OK 3025 0 \0", f->host->answer.len);
    assert_int_equal(f->host->answer.len, 11);

    assert_int_equal(toolbox_on_vix(f->tb, 62, 0, on_vix, f), 0);
    send_vix(f, 62, 0, 0);
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    while (!f->vix && clock_ms() < until)
        host_turn(f->host, 2);
    assert_non_null(f->vix);
    assert_int_equal(f->vix->opcode, 62);
    assert_int_equal(f->vix->timeout_s, 30);
    assert_string_equal(f->vix->name, "00000000000000a1");
    assert_int_equal(f->vix->body_len, 4);
    assert_int_equal(f->vix->max_result, TOOLBOX_VIX_MAX - TOOLBOX_VIX_PREFIX_MAX);
    toolbox_vix_reply(f->vix, 0, 0, "state", 5);
    wait_host_answers(f, ++n);
    assert_int_equal(f->host->answer.len, 13);
    assert_memory_equal(f->host->answer.bytes, "OK 0 0 state", 13);

    f->vix = NULL;
    send_vix(f, 62, VIX_COMMON_BINARY, 0);
    until = clock_ms() + HOST_TIMEOUT_MS;
    while (!f->vix && clock_ms() < until)
        host_turn(f->host, 2);
    toolbox_vix_reply(f->vix, 0, 0, "\0\1", 2);
    wait_host_answers(f, ++n);
    assert_int_equal(f->host->answer.len, 10);
    assert_memory_equal(f->host->answer.bytes, "OK 0 0 #\0\1", 10);

    /* No NUL between envelope and message; a message that is no VIX message. */
    host_send(f->host, "Vix_1_Relayed_Command \"a\"", 25, 0);
    wait_host_answers(f, ++n);
    assert_memory_equal(f->host->answer.bytes, "OK 10000 0 \0", 12);
    host_send(f->host, "Vix_1_Relayed_Command \"a\"\0xyz", 29, 0);
    wait_host_answers(f, ++n);
    assert_memory_equal(f->host->answer.bytes, "OK 10000 0 \0", 12);
}

/* An opcode that needs a login is not reached without an authenticator's consent. */
static void authenticator(struct toolbox *tb, struct toolbox_vix *req, void *arg)
{
    static const struct toolbox_identity who = {.uid = 1000, .gid = 100, .user = "alice"};
    (void)tb;
    toolbox_vix_authenticated(req, *(const uint64_t *)arg, &who);
}

/* One that takes its time: the request is kept. */
static void slow_authenticator(struct toolbox *tb, struct toolbox_vix *req, void *arg)
{
    (void)tb;
    *(struct toolbox_vix **)arg = req;
}

static void test_vix_auth(void **state)
{
    struct fixture *f = *state;
    uint64_t verdict = 3050;
    ready(f);
    unsigned n = f->host->answers;
    assert_int_equal(toolbox_on_vix(f->tb, TOOLBOX_VIX_DEFAULT, TOOLBOX_VIX_AUTH, on_vix, f), 0);
    send_vix(f, 185, 0, 0);
    wait_host_answers(f, ++n);
    assert_memory_equal(f->host->answer.bytes, "OK 6 0 \0", 8);
    toolbox_set_authenticator(f->tb, authenticator, &verdict);
    send_vix(f, 185, 0, 0);
    wait_host_answers(f, ++n);
    assert_memory_equal(f->host->answer.bytes, "OK 3050 0 \0", 11);
    assert_null(f->vix);
    verdict = 0;
    send_vix(f, 185, 0, 0);
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    while (!f->vix && clock_ms() < until)
        host_turn(f->host, 2);
    assert_non_null(f->vix);
    assert_true(f->vix->authenticated);
    assert_int_equal(f->vix->identity.uid, 1000);
    toolbox_vix_reply(f->vix, 0, 0, "1", 1);
    wait_host_answers(f, ++n);
}

/* Other requests are answered while a login is being checked; a refusal is a bad login. */
static void test_vix_auth_later(void **state)
{
    static const struct toolbox_identity who = {.uid = 7, .gid = 7, .user = "bob"};
    struct fixture *f = *state;
    struct toolbox_vix *waiting = NULL;
    ready(f);
    unsigned n = f->host->answers;
    assert_int_equal(toolbox_on_vix(f->tb, TOOLBOX_VIX_DEFAULT, TOOLBOX_VIX_AUTH, on_vix, f), 0);
    toolbox_set_authenticator(f->tb, slow_authenticator, &waiting);
    for (int good = 0; good < 2; good++) {
        waiting = NULL;
        send_vix(f, 185, 0, 0);
        uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
        while (!waiting && clock_ms() < until)
            host_turn(f->host, 2);
        assert_non_null(waiting);
        assert_null(f->vix);
        assert_int_equal(f->host->answers, n);
        toolbox_vix_authenticated(waiting, 0, good ? &who : NULL);
        if (!good) {
            wait_host_answers(f, ++n);
            assert_memory_equal(f->host->answer.bytes, "OK 3050 0 \0", 11);
        }
    }
    assert_non_null(f->vix);
    assert_int_equal(f->vix->identity.uid, 7);
    assert_string_equal(f->vix->identity.user, "bob");
    toolbox_vix_reply(f->vix, 0, 0, "1", 1);
    wait_host_answers(f, ++n);
}

static void test_capabilities(void **state)
{
    struct fixture *f = *state;
    ready(f);
    assert_int_equal(toolbox_add_capability(f->tb, "tools.capability.hgfs_server toolbox 1"), 0);
    toolbox_set_version(f->tb, 12389, 3);
    assert_string_equal(host_call(f->host, "Capabilities_Register"), "OK ");
    /* All lines were there before the answer. */
    assert_true(host_saw_rpci(f->host, "tools.capability.hgfs_server toolbox 1"));
    assert_true(host_saw_rpci(f->host, "tools.set.versiontype 12389 3"));
    assert_false(host_saw_rpci(f->host, "tools.capability.statechange"));
}

static int option_seen(struct toolbox *tb, const char *name, const char *value, void *arg)
{
    (void)tb;
    snprintf(arg, 64, "%s=%s", name, value);
    return strcmp(value, "bad") == 0 ? -EINVAL : 0;
}

static void test_options(void **state)
{
    struct fixture *f = *state;
    char seen[64] = "";
    ready(f);
    toolbox_set_option_hook(f->tb, option_seen, seen);
    assert_string_equal(host_call(f->host, "Set_Option broadcastIP 1"), "OK ");
    assert_string_equal(seen, "broadcastIP=1");
    assert_string_equal(host_call(f->host, "Set_Option broadcastIP bad"),
                        "ERROR Unknown or invalid option");
    assert_string_equal(host_call(f->host, "Set_Option broadcastIP"),
                        "ERROR Unknown or invalid option");
    assert_string_equal(host_call(f->host, "Set_Option"), "ERROR Unknown or invalid option");
}

static int on_power(struct toolbox *tb, enum toolbox_power_event event, void *arg)
{
    struct fixture *f = arg;
    (void)tb;
    f->event = event;
    return f->power_result;
}

static void on_power_done(struct toolbox *tb, enum toolbox_power_event event, bool success,
                          void *arg)
{
    struct fixture *f = arg;
    (void)tb;
    assert_int_equal(event, f->event);
    f->done_success = success;
    f->power_dones++;
}

static void wait_power(struct fixture *f, unsigned n)
{
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    while (f->power_dones < n && clock_ms() < until)
        host_turn(f->host, 2);
    assert_int_equal(f->power_dones, n);
}

static void test_power(void **state)
{
    struct fixture *f = *state;
    ready(f);
    assert_string_equal(host_call(f->host, "OS_Halt"), "ERROR Unknown Command");
    toolbox_set_power_hook(f->tb, on_power, f);
    assert_int_equal(toolbox_power_report(f->tb, true, NULL, NULL), -EINVAL);
    assert_string_equal(host_call(f->host, "OS_Halt"), "OK ");
    assert_int_equal(f->event, TOOLBOX_POWER_HALT);
    assert_string_equal(host_call(f->host, "OS_Reboot"), "ERROR State change already in progress");
    /* A failed halt is reported so, and forced through the second time. */
    assert_int_equal(toolbox_power_report(f->tb, false, on_power_done, f), 0);
    wait_power(f, 1);
    assert_false(f->done_success);
    host_wait_rpci(f->host, "tools.os.statechange.status 0 1", NULL);
    assert_string_equal(host_call(f->host, "OS_Halt"), "OK ");
    assert_int_equal(toolbox_power_report(f->tb, false, on_power_done, f), 0);
    wait_power(f, 2);
    assert_true(f->done_success);
    host_wait_rpci(f->host, "tools.os.statechange.status 1 1", NULL);
    /* Not so for a resume. */
    for (unsigned i = 3; i < 5; i++) {
        assert_string_equal(host_call(f->host, "OS_Resume"), "OK ");
        assert_int_equal(toolbox_power_report(f->tb, false, on_power_done, f), 0);
        wait_power(f, i);
        assert_false(f->done_success);
    }
    f->power_result = -ENOENT;
    assert_string_equal(host_call(f->host, "OS_Suspend"), "ERROR Error starting script");
    f->power_result = 0;
    assert_string_equal(host_call(f->host, "OS_Suspend"), "OK ");
}

/* Every allocation on the way of a request may fail: no crash, no leak, and afterwards all works.
 */
static void test_allocation_failures(void **state)
{
    struct fixture *f = *state;
    ready(f);
    for (long n = 0; n < 12; n++) {
        struct toolbox *tb = NULL;
        struct toolbox_options o = {.link_dir = f->host->dir};
        mem_fail_after(n);
        int r = toolbox_create(&o, &tb);
        mem_fail_after(-1);
        if (r == 0)
            toolbox_destroy(tb);
        else
            assert_int_equal(r, -ENOMEM);
    }
    for (long n = 0; n < 12; n++) {
        if (f->host->tclo.fd < 0)
            ready(f);
        host_send(f->host, "Set_Option a b", 14, 0);
        mem_fail_after(n);
        turn(f);
        mem_fail_after(-1);
        for (unsigned i = 0; i < 3; i++)
            host_turn(f->host, 2);
        uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
        while ((f->host->tclo.fd < 0 || toolbox_get_state(f->tb) == TOOLBOX_DOWN) &&
               clock_ms() < until)
            host_turn(f->host, 2);
    }
    ready(f);
    assert_string_equal(host_call(f->host, "ping"), "OK ");
}

static void test_destroy_open(void **state)
{
    struct fixture *f = *state;
    ready(f);
    assert_int_equal(toolbox_on_tclo(f->tb, "slow", hold, f), 0);
    host_send(f->host, "slow", 4, 0);
    wait_held(f, 1);
    f->host->rpci_reply = reply_value;
    assert_int_equal(toolbox_rpci(f->tb, "silent", 6, on_answer, f), 0);
    host_wait_rpci(f->host, "silent", NULL);
    assert_int_equal(toolbox_on_vix(f->tb, 62, 0, on_vix, f), 0);
    send_vix(f, 62, 0, 0);
    uint64_t until = clock_ms() + HOST_TIMEOUT_MS;
    while (!f->vix && clock_ms() < until)
        host_turn(f->host, 2);
    assert_non_null(f->vix);
    toolbox_destroy(f->tb);
    f->tb = NULL;
    assert_int_equal(f->answered, 1);
    assert_int_equal(f->status, -ECANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_handshake),
        T(test_rpci),
        T(test_rpci_queue_limit),
        T(test_rpci_nonsense),
        T(test_rpci_timeout),
        T(test_no_host),
        T(test_host_returns),
        T(test_garbage),
        T(test_split_packet),
        T(test_order),
        T(test_tagged),
        T(test_request_limit),
        T(test_vix),
        T(test_vix_auth),
        T(test_vix_auth_later),
        T(test_capabilities),
        T(test_options),
        T(test_power),
        T(test_allocation_failures),
        T(test_destroy_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
