/* A whole VM on a machine that pretends: agent, hostd, power, guest operations, dying peers. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "peer.h"
#include "vmx/machine.h"
#include "vmx/power.h"
#include "vmx/tclo.h"
#include "vmx/tools.h"
#include "wire/ctl.h"
#include "wire/vix.h"
#include "wire/vix_ops.h"

#define CONFIG "displayName = \"demo\"\ninguest.machine = \"test\"\n"

static struct buf vix_message(uint32_t opcode, const void *body, size_t len)
{
    struct buf b = BUF_INIT(VIX_REQUEST_MAX);
    struct vix_request rq = {.opcode = opcode, .body = body, .body_len = len};

    assert_int_equal(vix_request_encode(&b, &rq), 0);
    return b;
}

static const char *event_text(const struct peer *p, enum peer_event e, const char *member)
{
    return json_string_value(json_object_get(p->last_event[e], member)) ?: "";
}

static json_t *guest(const struct peer *p, const char *member)
{
    return json_object_get(p->vm->guest.json, member);
}

/* --- relay ---------------------------------------------------------------------------------- */

/* Keeps requests and answers them when the test says so. */
struct held {
    int64_t ids[100];
    uint32_t opcodes[100];
    uint64_t cookies[100];
    char origin[VIX_RELAY_NAME_MAX]; /* of the last one */
    uint32_t timeouts[100];
    unsigned count;
};

static void hold(struct peer_agent *a, const struct peer_request *rq, void *arg)
{
    struct held *h = arg;
    size_t head = strlen(VIX_RELAYED_COMMAND) + 1, name_len, len;
    const char *name;
    const uint8_t *message;
    struct vix_request vix;

    if (!strncmp(rq->text, "OS_", 3)) {
        peer_agent_answer_text(a, rq->id, "OK ");
        return;
    }
    assert_int_equal(
        vix_relay_decode(rq->bytes + head, rq->len - head, &name, &name_len, &message, &len), 0);
    /* Sixteen digits, and for our own agent who asks. */
    assert_true(name_len == 16 || (name_len > 17 && name[16] == ' '));
    snprintf(h->origin, sizeof(h->origin), "%.*s", name_len > 16 ? (int)name_len - 17 : 0,
             name_len > 16 ? name + 17 : "");
    assert_int_equal(vix_request_decode(message, len, &vix), 0);
    assert_true(h->count < ARRAY_SIZE(h->ids));
    h->ids[h->count] = rq->id;
    h->cookies[h->count] = vix.cookie;
    h->timeouts[h->count] = vix.timeout;
    h->opcodes[h->count++] = vix.opcode;
}

static void a_guest_operation_goes_there_and_back(void **state)
{
    struct peer p;
    struct held h = {0};
    struct buf m;
    json_t *result;

    (void)state;
    peer_open(&p, CONFIG);
    peer_ready(&p);
    p.agent.request = hold;
    p.agent.arg = &h;
    m = vix_message(VIX_OP_START_PROGRAM, "body", 4);
    peer_send(&p, 1,
              "{\"op\":\"vix\",\"deadlineMs\":2500,\"user\":\"ro ot\",\"source\":\"10.0.0.5\"}",
              m.data, m.len, -1);
    peer_until(&p, h.count == 1);
    assert_string_equal(h.origin, "ro?ot@10.0.0.5");
    assert_int_equal(h.opcodes[0], VIX_OP_START_PROGRAM);
    assert_int_equal(h.timeouts[0], 3);
    peer_agent_answer(&p.agent, h.ids[0], "OK 0 0 4711", 12);
    peer_until(&p, p.replies[1]);
    result = json_object_get(p.replies[1], "result");
    assert_int_equal(json_integer_value(json_object_get(result, "vix")), 0);
    assert_string_equal((char *)p.blobs[1], "4711");

    /* An error of the guest is the operation's result. */
    peer_send(&p, 2, "{\"op\":\"vix\",\"deadlineMs\":2500}", m.data, m.len, -1);
    peer_until(&p, h.count == 2);
    assert_true(h.cookies[1] != h.cookies[0]);
    peer_agent_answer(&p.agent, h.ids[1], "OK 13 1 ", 9);
    peer_until(&p, p.replies[2]);
    result = json_object_get(p.replies[2], "result");
    assert_int_equal(json_integer_value(json_object_get(result, "vix")), 13);
    assert_int_equal(json_integer_value(json_object_get(result, "guestOsError")), 1);
    buf_free(&m);
    peer_close(&p);
}

static void a_tagged_agent_answers_in_any_order(void **state)
{
    struct peer p;
    struct held h = {0};
    struct buf m = vix_message(VIX_OP_LIST_PROCESSES_EX, NULL, 0);

    (void)state;
    peer_open(&p, CONFIG);
    peer_ready(&p);
    p.agent.request = hold;
    p.agent.arg = &h;
    for (unsigned i = 0; i < 10; i++)
        peer_send(&p, 10 + i, "{\"op\":\"vix\",\"deadlineMs\":9000}", m.data, m.len, -1);
    peer_until(&p, h.count == 10);
    for (unsigned i = 10; i-- > 0;) {
        char text[32];
        int n = snprintf(text, sizeof(text), "OK 0 0 %u", i);

        peer_agent_answer(&p.agent, h.ids[i], text, (size_t)n + 1);
        peer_until(&p, p.replies[10 + i]);
        snprintf(text, sizeof(text), "%u", i);
        assert_string_equal((char *)p.blobs[10 + i], text);
    }
    buf_free(&m);
    peer_close(&p);
}

static void a_plain_agent_gets_one_at_a_time(void **state)
{
    struct peer p;
    struct held h = {0};
    struct buf m = vix_message(VIX_OP_LIST_PROCESSES_EX, NULL, 0);

    (void)state;
    peer_open(&p, CONFIG);
    p.agent.tagged = false;
    peer_ready(&p);
    p.agent.request = hold;
    p.agent.arg = &h;
    for (unsigned i = 0; i < 5; i++)
        peer_send(&p, 10 + i, "{\"op\":\"vix\",\"deadlineMs\":9000}", m.data, m.len, -1);
    for (unsigned i = 0; i < 5; i++) {
        peer_until(&p, h.count == i + 1);
        for (int turn = 0; turn < 3; turn++)
            peer_turn(&p);
        assert_int_equal(h.count, i + 1);
        assert_string_equal(h.origin, ""); /* a stock agent is not told who asks */
        peer_agent_answer(&p.agent, 0, "OK 0 0 ", 8);
        peer_until(&p, p.replies[10 + i]);
    }
    buf_free(&m);
    peer_close(&p);
}

static void the_65th_request_waits(void **state)
{
    struct peer p;
    struct held h = {0};
    struct buf m = vix_message(VIX_OP_LIST_PROCESSES_EX, NULL, 0);

    (void)state;
    peer_open(&p, CONFIG);
    peer_ready(&p);
    p.agent.request = hold;
    p.agent.arg = &h;
    /* Two of each id are one too many for the peer, so the surplus is sent past its table. */
    for (unsigned i = 0; i < 60; i++)
        peer_send(&p, i + 1, "{\"op\":\"vix\",\"deadlineMs\":9000}", m.data, m.len, -1);
    peer_until(&p, h.count == 60);
    for (unsigned i = 0; i < 5; i++) {
        struct vix_request rq = {.opcode = VIX_OP_READ_ENV_VARIABLES};
        struct buf other = BUF_INIT(VIX_REQUEST_MAX);
        struct iovec part;
        struct buf relay = BUF_INIT(VIX_REQUEST_MAX + 100);

        assert_int_equal(vix_request_encode(&other, &rq), 0);
        assert_int_equal(vix_relay_encode(&relay, "0123456789abcdef", other.data, other.len), 0);
        part = (struct iovec){relay.data, relay.len};
        assert_int_equal(tclo_request(p.vm->tclo, "toolbox", TCLO_RELAYED, &part, 1, 9000,
                                      (tclo_cb *)NULL, NULL, NULL),
                         0);
        buf_free(&other);
        buf_free(&relay);
    }
    peer_until(&p, h.count == TCLO_PARALLEL_MAX);
    for (int turn = 0; turn < 3; turn++)
        peer_turn(&p);
    assert_int_equal(h.count, TCLO_PARALLEL_MAX);
    peer_agent_answer(&p.agent, h.ids[0], "OK 0 0 ", 8);
    peer_until(&p, h.count == TCLO_PARALLEL_MAX + 1);
    buf_free(&m);
    peer_close(&p);
}

static void a_late_answer_is_dropped(void **state)
{
    struct peer p;
    struct held h = {0};
    struct buf m = vix_message(VIX_OP_LIST_PROCESSES_EX, NULL, 0);

    (void)state;
    for (int tagged = 0; tagged < 2; tagged++) {
        peer_open(&p, CONFIG);
        p.agent.tagged = tagged;
        peer_ready(&p);
        h = (struct held){0};
        p.agent.request = hold;
        p.agent.arg = &h;
        peer_ask(&p, 1, "{\"op\":\"vix\",\"deadlineMs\":50}", m.data, m.len);
        assert_int_equal(peer_errno(&p, 1), ETIMEDOUT);
        assert_string_equal(
            json_string_value(json_object_get(json_object_get(p.replies[1], "error"), "hop")),
            "agent");
        peer_send(&p, 2, "{\"op\":\"vix\",\"deadlineMs\":9000}", m.data, m.len, -1);
        peer_agent_answer(&p.agent, h.ids[0], "OK 0 0 late", 12);
        peer_until(&p, h.count == 2);
        peer_agent_answer(&p.agent, h.ids[1], "OK 0 0 right", 13);
        peer_until(&p, p.replies[2]);
        assert_string_equal((char *)p.blobs[2], "right");
        peer_close(&p);
    }
    buf_free(&m);
}

static void a_dead_agent_fails_what_was_open(void **state)
{
    struct peer p;
    struct held h = {0};
    struct buf m = vix_message(VIX_OP_LIST_PROCESSES_EX, NULL, 0);

    (void)state;
    peer_open(&p, CONFIG);
    peer_ready(&p);
    p.agent.request = hold;
    p.agent.arg = &h;
    peer_send(&p, 1, "{\"op\":\"vix\",\"deadlineMs\":9000}", m.data, m.len, -1);
    peer_until(&p, h.count == 1);
    peer_agent_hang_up(&p);
    peer_until(&p, p.replies[1]);
    assert_int_equal(peer_errno(&p, 1), EPIPE);
    peer_ask(&p, 2, "{\"op\":\"vix\",\"deadlineMs\":9000}", m.data, m.len);
    assert_int_equal(peer_errno(&p, 2), ENOTCONN);
    assert_false(guest_state_get_bool(&p.vm->guest, "guestOps"));
    /* It comes back, and so do guest operations. */
    peer_agent_connect(&p);
    peer_until(&p, guest_state_get_bool(&p.vm->guest, "guestOps"));
    peer_send(&p, 3, "{\"op\":\"vix\",\"deadlineMs\":9000}", m.data, m.len, -1);
    peer_until(&p, h.count == 2);
    peer_agent_answer(&p.agent, h.ids[1], "OK 0 0 ", 8);
    peer_until(&p, p.replies[3]);
    assert_int_equal(peer_errno(&p, 3), 0);
    buf_free(&m);
    peer_close(&p);
}

static void a_request_can_be_cancelled(void **state)
{
    struct peer p;
    struct held h = {0};
    struct buf m = vix_message(VIX_OP_LIST_PROCESSES_EX, NULL, 0);

    (void)state;
    peer_open(&p, CONFIG);
    peer_ready(&p);
    p.agent.request = hold;
    p.agent.arg = &h;
    peer_send(&p, 1, "{\"op\":\"vix\",\"deadlineMs\":9000}", m.data, m.len, -1);
    peer_until(&p, h.count == 1);
    assert_int_equal(channel_send(p.ctl, CTL_CANCEL, 1, NULL, 0, NULL, 0), 0);
    peer_until(&p, p.replies[1]);
    assert_int_equal(peer_errno(&p, 1), ECANCELED);
    buf_free(&m);
    peer_close(&p);
}

static void nonsense_from_the_agent_is_an_error_not_an_end(void **state)
{
    static const char *const answers[] = {"OK", "OK x", "OK 0", "ERROR no", "Unknown Command"};
    struct peer p;
    struct held h = {0};
    struct buf m = vix_message(VIX_OP_LIST_PROCESSES_EX, NULL, 0);

    (void)state;
    peer_open(&p, CONFIG);
    peer_ready(&p);
    p.agent.request = hold;
    p.agent.arg = &h;
    for (unsigned i = 0; i < ARRAY_SIZE(answers); i++) {
        peer_send(&p, i + 1, "{\"op\":\"vix\",\"deadlineMs\":9000}", m.data, m.len, -1);
        peer_until(&p, h.count == i + 1);
        peer_agent_answer_text(&p.agent, h.ids[i], answers[i]);
        peer_until(&p, p.replies[i + 1]);
        assert_true(peer_errno(&p, i + 1) != 0);
    }
    assert_false(p.agent.tclo_closed);
    peer_ask(&p, 9, "{\"op\":\"vix\",\"deadlineMs\":9000}", "bad", 3);
    assert_int_equal(peer_errno(&p, 9), EBADMSG);
    /* An answer to nothing ends the channel. */
    peer_agent_answer_text(&p.agent, 123456, "OK ");
    peer_until(&p, p.agent.tclo_closed);
    buf_free(&m);
    peer_close(&p);
}

/* --- power ---------------------------------------------------------------------------------- */

static void power_follows_its_table(void **state)
{
    static const struct {
        const char *action;
        int error; /* expected errno */
        const char *power;
    } steps[] = {
        {"off", EALREADY, "poweredOff"},
        {"reset", EINVAL, "poweredOff"},
        {"suspend", EINVAL, "poweredOff"},
        {"shutdown", EINVAL, "poweredOff"},
        {"on", 0, "poweredOn"},
        {"on", EALREADY, "poweredOn"},
        {"reset", 0, "poweredOn"},
        {"suspend", 0, "suspended"},
        {"suspend", EALREADY, "suspended"},
        {"reset", EINVAL, "suspended"},
        {"on", 0, "poweredOn"},
        {"suspend", 0, "suspended"},
        {"off", 0, "poweredOff"},
        {"fly", EINVAL, "poweredOff"},
    };
    struct peer p;
    char text[100];

    (void)state;
    peer_open(&p, CONFIG);
    peer_connect(&p);
    for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
        snprintf(text, sizeof(text), "{\"op\":\"power\",\"action\":\"%s\"}", steps[i].action);
        peer_ask(&p, i + 1, text, NULL, 0);
        if (peer_errno(&p, i + 1) != steps[i].error)
            fail_msg("step %u, %s: errno %d", i, steps[i].action, peer_errno(&p, i + 1));
        assert_string_equal(power_name(p.vm->power), steps[i].power);
        assert_string_equal(vmconfig_get(&p.vm->config, VMCONFIG_POWER_STATE) ?: "poweredOff",
                            steps[i].power);
    }
    assert_int_equal(p.machine.starts, 2);
    assert_int_equal(p.machine.stops, 2);
    assert_int_equal(p.machine.suspends, 2);
    assert_int_equal(p.machine.resumes, 1);
    assert_string_equal(event_text(&p, PEER_POWER, "power"), "poweredOff");
    peer_close(&p);
}

static void a_second_operation_meanwhile_is_refused(void **state)
{
    struct peer p;

    (void)state;
    peer_open(&p, CONFIG);
    peer_connect(&p);
    p.machine.hang_start = true;
    peer_send(&p, 1, "{\"op\":\"power\",\"action\":\"on\"}", NULL, 0, -1);
    peer_until(&p, p.machine.starts == 1);
    peer_ask(&p, 2, "{\"op\":\"power\",\"action\":\"off\"}", NULL, 0);
    assert_int_equal(peer_errno(&p, 2), EBUSY);
    power_done(p.vm->power, NULL);
    peer_until(&p, p.replies[1]);
    assert_int_equal(peer_errno(&p, 1), 0);
    peer_close(&p);
}

static void a_start_that_fails_says_why(void **state)
{
    struct peer p;

    (void)state;
    peer_open(&p, CONFIG);
    peer_connect(&p);
    p.machine.fail_start = true;
    peer_ask(&p, 1, "{\"op\":\"power\",\"action\":\"on\"}", NULL, 0);
    assert_int_equal(peer_errno(&p, 1), EIO);
    assert_non_null(
        strstr(json_string_value(json_object_get(json_object_get(p.replies[1], "error"), "text")),
               "does not want to"));
    assert_int_equal(power_get(p.vm->power), POWER_OFF);
    peer_close(&p);
}

static void the_guest_may_stop_by_itself(void **state)
{
    struct peer p;

    (void)state;
    peer_open(&p, CONFIG);
    peer_ready(&p);
    peer_rpci_text(&p, "info-set guestinfo.x 1");
    assert_int_equal(p.vm->vars.count, 1);
    power_stopped(p.vm->power, MACHINE_STOP_REBOOT, NULL);
    assert_int_equal(p.vm->vars.count, 0);
    assert_string_equal(power_name(p.vm->power), "poweredOn");
    peer_until(&p, p.machine.starts == 2 && power_get(p.vm->power) == POWER_ON);
    power_stopped(p.vm->power, MACHINE_STOP_POWEROFF, "by hand");
    peer_until(&p, !strcmp(event_text(&p, PEER_POWER, "power"), "poweredOff"));
    assert_string_equal(event_text(&p, PEER_POWER, "reason"), "guest");
    peer_ask(&p, 1, "{\"op\":\"power\",\"action\":\"on\"}", NULL, 0);
    power_stopped(p.vm->power, MACHINE_STOP_FAILURE, "it fell over");
    peer_until(&p, !strcmp(event_text(&p, PEER_POWER, "reason"), "failure"));
    assert_string_equal(event_text(&p, PEER_POWER, "text"), "it fell over");
    peer_close(&p);
}

/* Agrees to a halt, as an agent with a script does: OK first, the status later. */
static void halt(struct peer_agent *a, const struct peer_request *rq, void *arg)
{
    char *seen = arg;

    if (!strncmp(rq->text, "OS_", 3)) {
        snprintf(seen, 32, "%.31s", rq->text);
        peer_agent_answer_text(a, rq->id, "OK ");
    }
}

static void the_agent_shuts_down(void **state)
{
    struct peer p;
    char seen[32] = "";

    (void)state;
    peer_open(&p, CONFIG);
    p.agent.request = halt;
    p.agent.arg = seen;
    peer_ready(&p);
    peer_until(&p, !strcmp(seen, "OS_PowerOn"));
    assert_true(json_is_true(guest(&p, "toolsExecutingScripts")));
    peer_rpci_text(&p, "tools.os.statechange.status 1 3");
    assert_null(guest(&p, "toolsExecutingScripts"));
    peer_ask(&p, 1, "{\"op\":\"power\",\"action\":\"shutdown\"}", NULL, 0);
    assert_int_equal(peer_errno(&p, 1), 0);
    assert_string_equal(seen, "OS_Halt");
    assert_string_equal(guest_state_get(&p.vm->guest, "powerState"), "shuttingDown");
    power_stopped(p.vm->power, MACHINE_STOP_POWEROFF, NULL);
    peer_until(&p, !strcmp(event_text(&p, PEER_POWER, "power"), "poweredOff"));
    peer_close(&p);
}

static void standby_suspends_when_the_guest_is_ready(void **state)
{
    struct peer p;
    char seen[32] = "";

    (void)state;
    peer_open(&p, CONFIG);
    p.agent.request = halt;
    p.agent.arg = seen;
    peer_ready(&p);
    peer_ask(&p, 1, "{\"op\":\"power\",\"action\":\"standby\"}", NULL, 0);
    assert_int_equal(peer_errno(&p, 1), 0);
    assert_int_equal(p.machine.suspends, 0);
    assert_string_equal(peer_rpci_text(&p, "tools.os.statechange.status 1 5"), "1 ");
    peer_until(&p, power_get(p.vm->power) == POWER_SUSPENDED);
    assert_string_equal(event_text(&p, PEER_POWER, "reason"), "guest");
    /* After the resume the agent is told so, on a fresh channel. */
    peer_ask(&p, 2, "{\"op\":\"power\",\"action\":\"on\"}", NULL, 0);
    peer_until(&p, p.agent.tclo_closed);
    peer_agent_hang_up(&p);
    peer_agent_connect(&p);
    peer_until(&p, !strcmp(seen, "OS_Resume"));
    peer_close(&p);
}

static void an_agent_without_the_capability_is_not_asked(void **state)
{
    struct peer p;

    (void)state;
    peer_open(&p, CONFIG);
    p.agent.statechange = 0;
    peer_ready(&p);
    peer_ask(&p, 1, "{\"op\":\"power\",\"action\":\"reboot\"}", NULL, 0);
    assert_int_equal(peer_errno(&p, 1), EOPNOTSUPP);
    peer_agent_hang_up(&p);
    peer_until(&p, !json_is_true(guest(&p, "toolsRunning")));
    peer_ask(&p, 2, "{\"op\":\"power\",\"action\":\"reboot\"}", NULL, 0);
    assert_int_equal(peer_errno(&p, 2), ENOTCONN);
    peer_close(&p);
}

/* --- hostd and state ------------------------------------------------------------------------ */

static void hello_tells_everything(void **state)
{
    struct peer p;
    json_t *r;

    (void)state;
    peer_open(&p, CONFIG "x.y = \"|22z\"\n");
    peer_connect(&p);
    peer_ask(&p, 1, "{\"op\":\"hello\",\"protocol\":2}", NULL, 0);
    assert_int_equal(peer_errno(&p, 1), EPROTONOSUPPORT);
    r = json_object_get(peer_ask(&p, 2, "{\"op\":\"hello\",\"protocol\":1}", NULL, 0), "result");
    assert_int_equal(json_integer_value(json_object_get(r, "pid")), getpid());
    assert_string_equal(json_string_value(json_object_get(r, "power")), "poweredOff");
    assert_string_equal(json_string_value(json_object_get(json_object_get(r, "config"), "x.y")),
                        "\"z");
    peer_ask(&p, 3, "{\"op\":\"none\"}", NULL, 0);
    assert_int_equal(peer_errno(&p, 3), ENOSYS);
    peer_close(&p);
}

static void the_last_power_state_survives(void **state)
{
    struct peer p;
    json_t *r;

    (void)state;
    peer_open(&p, CONFIG);
    peer_connect(&p);
    peer_ask(&p, 1, "{\"op\":\"power\",\"action\":\"on\"}", NULL, 0);
    peer_reopen(&p);
    peer_connect(&p);
    r = json_object_get(peer_ask(&p, 2, "{\"op\":\"hello\",\"protocol\":1}", NULL, 0), "result");
    assert_string_equal(json_string_value(json_object_get(r, "power")), "poweredOff");
    assert_string_equal(json_string_value(json_object_get(r, "lastPower")), "poweredOn");
    peer_close(&p);
}

static void password_hashes_are_used_once_and_never_told(void **state)
{
    static const char key[] = "inguest.sandbox.user.0.passwordHash";
    struct peer p;
    json_t *r;

    (void)state;
    peer_open(&p, CONFIG "inguest.sandbox.user.0.name = \"root\"\n"
                         "inguest.sandbox.user.0.passwordHash = \"$y$x\"\n");
    peer_connect(&p);
    r = json_object_get(peer_ask(&p, 1, "{\"op\":\"hello\",\"protocol\":1}", NULL, 0), "result");
    assert_null(json_object_get(json_object_get(r, "config"), key));
    p.machine.fail_start = true;
    peer_ask(&p, 2, "{\"op\":\"power\",\"action\":\"on\"}", NULL, 0);
    assert_non_null(vmconfig_get(&p.vm->config, key));
    p.machine.fail_start = false;
    peer_ask(&p, 2, "{\"op\":\"power\",\"action\":\"on\"}", NULL, 0);
    assert_null(vmconfig_get(&p.vm->config, key));
    peer_reopen(&p);
    assert_null(vmconfig_get(&p.vm->config, key));
    assert_string_equal(vmconfig_get(&p.vm->config, "inguest.sandbox.user.0.name"), "root");
    peer_close(&p);
}

static void configuration_is_all_or_nothing(void **state)
{
    struct peer p;

    (void)state;
    peer_open(&p, CONFIG "gone = \"1\"\n");
    peer_connect(&p);
    peer_ask(&p, 1, "{\"op\":\"config.set\",\"set\":{\"a.b\":\"c d\",\"gone\":null}}", NULL, 0);
    assert_int_equal(peer_errno(&p, 1), 0);
    peer_ask(&p, 2, "{\"op\":\"config.set\",\"set\":{\"a.b\":\"other\",\"bad key\":\"1\"}}", NULL,
             0);
    assert_int_equal(peer_errno(&p, 2), EINVAL);
    peer_ask(&p, 3, "{\"op\":\"config.set\",\"set\":{\"inguest.powerState\":\"x\"}}", NULL, 0);
    assert_int_equal(peer_errno(&p, 3), EPERM);
    peer_reopen(&p);
    assert_string_equal(vmconfig_get(&p.vm->config, "A.B"), "c d");
    assert_null(vmconfig_get(&p.vm->config, "gone"));
    peer_close(&p);
}

static void a_new_hostd_takes_the_place_of_the_old(void **state)
{
    struct peer p;
    struct held h = {0};
    struct channel *old;
    struct buf m = vix_message(VIX_OP_LIST_PROCESSES_EX, NULL, 0);

    (void)state;
    peer_open(&p, CONFIG);
    peer_ready(&p);
    p.agent.request = hold;
    p.agent.arg = &h;
    peer_send(&p, 1, "{\"op\":\"vix\",\"deadlineMs\":9000}", m.data, m.len, -1);
    peer_until(&p, h.count == 1);
    old = p.ctl;
    peer_connect(&p);
    peer_until(&p, p.ctl_closed);
    channel_close(old);
    peer_agent_answer(&p.agent, h.ids[0], "OK 0 0 ", 8);
    peer_ask(&p, 2, "{\"op\":\"hello\",\"protocol\":1}", NULL, 0);
    assert_int_equal(peer_errno(&p, 2), 0);
    assert_null(p.replies[1]);
    buf_free(&m);
    peer_close(&p);
}

static void shutdown_is_for_a_vm_that_is_off(void **state)
{
    struct peer p;

    (void)state;
    peer_open(&p, CONFIG);
    peer_ready(&p);
    peer_ask(&p, 1, "{\"op\":\"shutdown\"}", NULL, 0);
    assert_int_equal(peer_errno(&p, 1), EBUSY);
    vm_stop(p.vm);
    peer_until(&p, p.ended);
    assert_int_equal(p.machine.stops, 1);
    assert_string_equal(vmconfig_get(&p.vm->config, VMCONFIG_POWER_STATE), "poweredOff");
    peer_close(&p);
}

static void closing_ends_what_is_under_way(void **state)
{
    struct peer p;
    struct held h = {0};
    struct buf m = vix_message(VIX_OP_LIST_PROCESSES_EX, NULL, 0);

    (void)state;
    peer_open(&p, CONFIG);
    peer_ready(&p);
    p.agent.request = hold;
    p.agent.arg = &h;
    peer_send(&p, 1, "{\"op\":\"vix\",\"deadlineMs\":9000}", m.data, m.len, -1);
    peer_send(&p, 2, "{\"op\":\"file.open\",\"mode\":\"read\",\"path\":\"/x\"}", "\0\0\0\0", 4, -1);
    peer_send(&p, 3, "{\"op\":\"power\",\"action\":\"standby\"}", NULL, 0, -1);
    peer_until(&p, h.count == 2);
    p.agent.request = NULL;
    p.agent.mute_ping = true;
    p.machine.hang_start = true;
    peer_send(&p, 4, "{\"op\":\"power\",\"action\":\"reset\"}", NULL, 0, -1);
    peer_until(&p, p.machine.starts == 2);
    buf_free(&m);
    peer_close(&p); /* under the sanitizer: nothing is used after it was freed, nothing leaks */
}

static void the_largest_state_fits_a_message(void **state)
{
    struct peer p;
    struct buf m = BUF_INIT(1u << 20);
    json_t *r;

    (void)state;
    peer_open(&p, CONFIG);
    peer_ready(&p);
    buf_put_str(&m, "SetGuestDiskInfo {\"version\":\"1\",\"disks\":[");
    for (int i = 0; i < 255; i++) {
        buf_put_str(&m, i ? ",{\"name\":\"" : "{\"name\":\"");
        for (int j = 0; j < 500; j++)
            buf_put_str(&m, "IiIi"); /* three quotes */
        buf_put_str(&m, "\",\"free\":\"1\",\"size\":\"2\",\"fstype\":\"");
        for (int j = 0; j < 120; j++)
            buf_put_str(&m, "\\\\");
        buf_put_str(&m, "\"}");
    }
    buf_put_str(&m, "]}");
    assert_string_equal(peer_rpci(&p, m.data, m.len), "1 ");
    r = json_object_get(peer_ask(&p, 1, "{\"op\":\"hello\",\"protocol\":1}", NULL, 0), "result");
    assert_int_equal(json_array_size(json_object_get(json_object_get(r, "guest"), "disks")), 255);
    buf_free(&m);
    peer_close(&p);
}

static void tools_state_comes_as_properties(void **state)
{
    struct peer p;
    json_t *r;

    (void)state;
    peer_open(&p, CONFIG);
    peer_ready(&p);
    r = peer_ask(&p, 1, "{\"op\":\"tools.state\"}", NULL, 0);
    r = json_object_get(json_object_get(r, "result"), "properties");
    assert_string_equal(json_string_value(json_object_get(r, "4500")), "1.0");
    assert_int_equal(json_integer_value(json_object_get(r, "4502")), 1);
    assert_true(json_is_false(json_object_get(r, "4540")));
    peer_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_operation_goes_there_and_back),
        cmocka_unit_test(a_tagged_agent_answers_in_any_order),
        cmocka_unit_test(a_plain_agent_gets_one_at_a_time),
        cmocka_unit_test(the_65th_request_waits),
        cmocka_unit_test(a_late_answer_is_dropped),
        cmocka_unit_test(a_dead_agent_fails_what_was_open),
        cmocka_unit_test(a_request_can_be_cancelled),
        cmocka_unit_test(nonsense_from_the_agent_is_an_error_not_an_end),
        cmocka_unit_test(power_follows_its_table),
        cmocka_unit_test(a_second_operation_meanwhile_is_refused),
        cmocka_unit_test(a_start_that_fails_says_why),
        cmocka_unit_test(the_guest_may_stop_by_itself),
        cmocka_unit_test(the_agent_shuts_down),
        cmocka_unit_test(standby_suspends_when_the_guest_is_ready),
        cmocka_unit_test(an_agent_without_the_capability_is_not_asked),
        cmocka_unit_test(hello_tells_everything),
        cmocka_unit_test(the_last_power_state_survives),
        cmocka_unit_test(password_hashes_are_used_once_and_never_told),
        cmocka_unit_test(configuration_is_all_or_nothing),
        cmocka_unit_test(a_new_hostd_takes_the_place_of_the_old),
        cmocka_unit_test(shutdown_is_for_a_vm_that_is_off),
        cmocka_unit_test(closing_ends_what_is_under_way),
        cmocka_unit_test(the_largest_state_fits_a_message),
        cmocka_unit_test(tools_state_comes_as_properties),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
