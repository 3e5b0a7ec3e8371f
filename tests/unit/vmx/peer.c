#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "peer.h"
#include "wire/ctl.h"
#include "wire/datamap.h"
#include "wire/vix.h"
#include "wire/vix_ops.h"
#include "wire/vix_proplist.h"

/* --- the machine ---------------------------------------------------------------------------- */

struct machine {
    struct machine_config config;
    struct peer_machine *script;
    uv_timer_t timer, disk_timer;
    machine_disk_cb disk_cb;
    void *disk_arg;
    int disk_code;
    int handles;
    int op; /* 1 start, 2 stop, 3 suspend, 4 resume */
};

static struct peer_machine *current;

static void operation_over(uv_timer_t *timer)
{
    struct machine *m = timer->data;
    struct error err = {0};
    int op = m->op;

    m->op = 0;
    if (op == 1 && m->script->fail_start) {
        error_set(&err, -EIO, "the machine does not want to");
        m->config.events->done(m, &err, m->config.arg);
        return;
    }
    if (op == 2)
        m->config.events->stopped(m, MACHINE_STOP_ASKED, NULL, m->config.arg);
    m->config.events->done(m, NULL, m->config.arg);
}

static void operate(struct machine *m, int op, int *count)
{
    (*count)++;
    m->op = op;
    if (op == 1 && m->script->hang_start)
        return;
    uv_timer_start(&m->timer, operation_over, 0, 0);
}

static int machine_open(const struct machine_config *config, struct machine **ret,
                        struct error *err)
{
    struct machine *m = mem_calloc(1, sizeof(*m));

    (void)err;
    m->config = *config;
    m->script = current;
    uv_timer_init(config->loop, &m->timer);
    uv_timer_init(config->loop, &m->disk_timer);
    m->timer.data = m->disk_timer.data = m;
    m->handles = 2;
    *ret = m;
    return 0;
}

static void machine_start(struct machine *m)
{
    operate(m, 1, &m->script->starts);
}
static void machine_stop(struct machine *m)
{
    operate(m, 2, &m->script->stops);
}
static void machine_suspend(struct machine *m)
{
    operate(m, 3, &m->script->suspends);
}
static void machine_resume(struct machine *m)
{
    operate(m, 4, &m->script->resumes);
}
static int machine_peer_is_root(struct machine *m, unsigned uid)
{
    (void)uid;
    return m->script->peer_is_root;
}
static void disk_over(uv_timer_t *timer)
{
    struct machine *m = timer->data;
    struct error err = {0};

    if (m->disk_code)
        error_set(&err, m->disk_code, "the disk does not want to");
    m->disk_cb(&err, m->disk_arg);
}
static void machine_disk(struct machine *m, enum machine_disk what, unsigned number,
                         machine_disk_cb cb, void *arg)
{
    m->script->disks++;
    m->script->disk_what = what;
    m->script->disk_number = number;
    m->disk_cb = cb;
    m->disk_arg = arg;
    m->disk_code = m->script->fail_disk ? -ENOSPC : 0;
    if (!m->script->hang_disk)
        uv_timer_start(&m->disk_timer, disk_over, 0, 0);
}
static void machine_disk_cancel(struct machine *m)
{
    m->script->disk_cancels++;
    if (!m->script->hang_disk || uv_is_active((uv_handle_t *)&m->disk_timer))
        return;
    m->disk_code = -EINTR;
    uv_timer_start(&m->disk_timer, disk_over, 0, 0);
}
void peer_disk_over(struct peer *p, int code)
{
    p->vm->machine->disk_code = code;
    uv_timer_start(&p->vm->machine->disk_timer, disk_over, 0, 0);
}
static void machine_freed(uv_handle_t *h)
{
    struct machine *m = h->data;

    if (--m->handles == 0)
        mem_free(m);
}
static void machine_close(struct machine *m)
{
    uv_close((uv_handle_t *)&m->timer, machine_freed);
    uv_close((uv_handle_t *)&m->disk_timer, machine_freed);
}

static const struct machine_ops test_machine = {
    "test",         machine_open,         machine_start, machine_stop, machine_suspend,
    machine_resume, machine_peer_is_root, machine_close, machine_disk, machine_disk_cancel};

/* --- the VM --------------------------------------------------------------------------------- */

static void vm_ended(void *arg)
{
    ((struct peer *)arg)->ended = true;
}

static void open_vm(struct peer *p)
{
    struct error err = {0};
    struct vm_options o = {.loop = &p->loop,
                           .folder = p->folder,
                           .config = "demo.vmx",
                           .run = p->run,
                           .peer_uid = -1,
                           .launcher_fd = -1,
                           .machine = &test_machine,
                           .ended = vm_ended,
                           .ended_arg = p};

    current = &p->machine;
    if (vm_open(&o, &p->vm, &err))
        fail_msg("%s", error_text(&err));
}

void peer_open(struct peer *p, const char *config)
{
    struct error err = {0};
    int fd;

    memset(p, 0, sizeof(*p));
    signal(SIGPIPE, SIG_IGN);
    p->machine.peer_is_root = true;
    p->agent.peer = p;
    p->agent.name = "toolbox";
    p->agent.tagged = true;
    p->agent.statechange = 1;
    p->reply_fd = -1;
    uv_loop_init(&p->loop);
    snprintf(p->folder, sizeof(p->folder), "/tmp/vmx-test-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->run, sizeof(p->run), "%s/run", p->folder);
    fd = open(p->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(fs_write_file(fd, "demo.vmx", config, strlen(config), 0600, &err), 0);
    close(fd);
    open_vm(p);
}

static void drain(struct peer *p)
{
    uint64_t until = uv_hrtime() / 1000000 + PEER_PATIENCE_MS;

    /* Work on libuv's threads may have to end first. */
    while (uv_loop_alive(&p->loop) && uv_hrtime() / 1000000 < until)
        if (uv_run(&p->loop, UV_RUN_NOWAIT))
            sched_yield();
}

static void forget_replies(struct peer *p)
{
    for (size_t i = 0; i < ARRAY_SIZE(p->replies); i++) {
        json_decref(p->replies[i]);
        p->replies[i] = NULL;
        free(p->blobs[i]);
        p->blobs[i] = NULL;
    }
}

void peer_close(struct peer *p)
{
    peer_disconnect(p);
    peer_agent_hang_up(p);
    vm_close(p->vm);
    drain(p);
    assert_int_equal(uv_loop_close(&p->loop), 0);
    forget_replies(p);
    free(p->agent.answer);
    for (size_t i = 0; i < ARRAY_SIZE(p->last_event); i++)
        json_decref(p->last_event[i]);
    assert_int_equal(fs_remove_tree(AT_FDCWD, p->folder, NULL), 0);
}

void peer_reopen(struct peer *p)
{
    peer_disconnect(p);
    peer_agent_hang_up(p);
    vm_close(p->vm);
    forget_replies(p);
    open_vm(p);
}

static void turn_over(uv_timer_t *timer)
{
    (void)timer;
}

void peer_turn(struct peer *p)
{
    uv_timer_t *timer = malloc(sizeof(*timer));

    uv_timer_init(&p->loop, timer);
    uv_timer_start(timer, turn_over, 20, 0);
    uv_run(&p->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)timer, (uv_close_cb)free);
}

/* --- hostd ---------------------------------------------------------------------------------- */

static void ctl_event(struct peer *p, json_t *o)
{
    static const char *const names[] = {"power", "guest", "config", "guestinfo", "heartbeat"};
    const char *name = json_string_value(json_object_get(o, "event"));

    p->events++;
    for (size_t i = 0; name && i < ARRAY_SIZE(names); i++)
        if (!strcmp(names[i], name)) {
            json_decref(p->last_event[i]);
            p->last_event[i] = json_incref(o);
        }
}

static void ctl_message(struct channel *ch, struct channel_msg *msg, void *arg)
{
    struct peer *p = arg;
    const uint8_t *blob;
    size_t len;
    json_t *o;

    (void)ch;
    assert_int_equal(ctl_decode(msg->body, msg->len, &o, &blob, &len), 0);
    if (msg->type == CTL_EVENT) {
        ctl_event(p, o);
        json_decref(o);
        return;
    }
    assert_int_equal(msg->type, CTL_REPLY);
    assert_true(msg->id < ARRAY_SIZE(p->replies));
    assert_null(p->replies[msg->id]); /* exactly one answer */
    p->replies[msg->id] = o;
    p->blobs[msg->id] = malloc(len + 1);
    memcpy(p->blobs[msg->id], blob ? blob : (const uint8_t *)"", len);
    p->blobs[msg->id][len] = 0;
    p->blob_lens[msg->id] = len;
    if (msg->nfds) {
        assert_int_equal(p->reply_fd, -1);
        p->reply_fd = msg->fds[0];
        msg->fds[0] = -1;
    }
}

static void ctl_closed(struct channel *ch, int reason, void *arg)
{
    (void)ch, (void)reason;
    ((struct peer *)arg)->ctl_closed = true;
}

void peer_connect(struct peer *p)
{
    static const struct channel_ops ops = {ctl_message, ctl_closed, NULL};
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/ctl", p->run);
    fd = sock_connect_unix(path, NULL);
    assert_true(fd >= 0);
    p->ctl_closed = false;
    assert_int_equal(channel_new(&p->loop, fd, CTL_BODY_MAX, CTL_QUEUE_MAX, &ops, p, &p->ctl), 0);
}

void peer_disconnect(struct peer *p)
{
    channel_close(p->ctl);
    p->ctl = NULL;
}

void peer_send(struct peer *p, unsigned id, const char *json, const void *blob, size_t len, int fd)
{
    json_t *o = json_loads(json, 0, NULL);
    struct buf body = BUF_INIT(CTL_BODY_MAX);
    struct iovec part;

    assert_non_null(o);
    assert_int_equal(ctl_encode(&body, o, blob, len), 0);
    part = (struct iovec){body.data, body.len};
    json_decref(p->replies[id]);
    p->replies[id] = NULL;
    free(p->blobs[id]);
    p->blobs[id] = NULL;
    assert_int_equal(channel_send(p->ctl, CTL_REQUEST, id, &part, 1, &fd, fd >= 0), 0);
    buf_free(&body);
    json_decref(o);
}

json_t *peer_ask(struct peer *p, unsigned id, const char *json, const void *blob, size_t len)
{
    peer_send(p, id, json, blob, len, -1);
    peer_until(p, p->replies[id]);
    return p->replies[id];
}

int peer_errno(const struct peer *p, unsigned id)
{
    return (int)json_integer_value(
        json_object_get(json_object_get(p->replies[id], "error"), "errno"));
}

/* --- the agent ------------------------------------------------------------------------------ */

void peer_agent_answer(struct peer_agent *a, int64_t id, const void *payload, size_t len)
{
    struct datamap_rpc packet = {
        .type = DATAMAP_RPC_DATA, .payload = payload, .len = len, .request_id = a->tagged ? id : 0};

    if (a->tclo)
        rpc_conn_send(a->tclo, &packet);
}

void peer_agent_answer_text(struct peer_agent *a, int64_t id, const char *text)
{
    peer_agent_answer(a, id, text, strlen(text));
}

static void rpci_send(struct peer_agent *a, const void *request, size_t len)
{
    struct datamap_rpc packet = {.type = DATAMAP_RPC_DATA, .payload = request, .len = len};

    assert_int_equal(rpc_conn_send(a->rpci, &packet), 0);
}

/* Opcode 62, as the stock agents answer it. */
static void answer_state(struct peer_agent *a, int64_t id)
{
    struct buf list = BUF_INIT(4096), text = BUF_INIT(4096);

    vix_proplist_put_string(&list, VIX_PROP_TOOLS_VERSION, "1.0");
    vix_proplist_put_int(&list, VIX_PROP_OS_FAMILY, 1);
    vix_proplist_put_bool(&list, VIX_PROP_API_START_PROGRAM, false);
    buf_put_str(&text, "OK 0 0 ");
    vix_proplist_to_text(&text, list.data, list.len);
    buf_put_u8(&text, 0);
    peer_agent_answer(a, id, text.data, text.len);
    buf_free(&list);
    buf_free(&text);
}

static bool is_state_request(const struct peer_request *rq)
{
    const char *name;
    size_t name_len, len, head = strlen(VIX_RELAYED_COMMAND) + 1;
    const uint8_t *message;
    struct vix_request vix;

    return !strncmp(rq->text, VIX_RELAYED_COMMAND, head - 1) &&
           !vix_relay_decode(rq->bytes + head, rq->len - head, &name, &name_len, &message, &len) &&
           !vix_request_decode(message, len, &vix) && vix.opcode == VIX_OP_GET_TOOLS_STATE;
}

static void tclo_packet(struct rpc_conn *c, const struct datamap_rpc *packet, void *arg)
{
    struct peer_agent *a = arg;
    struct peer_request rq = {
        .bytes = packet->payload, .len = packet->len, .id = packet->request_id};
    char text[64];

    (void)c;
    assert_true(packet->len > 0);
    snprintf(rq.text, sizeof(rq.text), "%.*s", (int)packet->len, (const char *)packet->payload);
    a->last_id = rq.id;
    if (!strcmp(rq.text, "reset")) {
        a->resets++;
        snprintf(text, sizeof(text), "OK ATR %s", a->name);
        peer_agent_answer_text(a, rq.id, text);
    } else if (!strcmp(rq.text, "ping")) {
        a->pings++;
        if (!a->mute_ping)
            peer_agent_answer_text(a, rq.id, "OK ");
    } else if (!strcmp(rq.text, "Capabilities_Register")) {
        if (a->statechange)
            rpci_send(a, "tools.capability.statechange ", 29);
        if (a->streams)
            rpci_send(a, "tools.capability.inguest.streams 1", 34);
        rpci_send(a, "tools.set.versiontype 12389 4", 30);
        peer_agent_answer_text(a, rq.id, "OK ");
    } else if (!strncmp(rq.text, "Set_Option ", 11)) {
        a->options++;
        if (!strncmp(rq.text, "Set_Option enableGuestStoreAccess ", 34))
            a->content = rq.text[34];
        peer_agent_answer_text(a, rq.id, "OK ");
    } else if (is_state_request(&rq)) {
        answer_state(a, rq.id);
    } else if (a->request) {
        a->request(a, &rq, a->arg);
    } else {
        peer_agent_answer_text(a, rq.id, "ERROR Unknown Command");
    }
}

static void tclo_gone(struct rpc_conn *c, int reason, void *arg)
{
    struct peer_agent *a = arg;

    (void)reason;
    rpc_conn_close(c);
    a->tclo = NULL;
    a->tclo_closed = true;
}

static void rpci_packet(struct rpc_conn *c, const struct datamap_rpc *packet, void *arg)
{
    struct peer_agent *a = arg;

    (void)c;
    a->answer = realloc(a->answer, packet->len + 1);
    assert_non_null(a->answer);
    memcpy(a->answer, packet->payload, packet->len);
    a->answer[packet->len] = 0;
    a->answer_len = packet->len;
    a->answers++;
}

static void rpci_gone(struct rpc_conn *c, int reason, void *arg)
{
    struct peer_agent *a = arg;

    (void)reason;
    rpc_conn_close(c);
    a->rpci = NULL;
    a->rpci_closed = true;
}

int peer_raw(struct peer *p, const char *socket)
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/link/%s", p->run, socket);
    fd = sock_connect_unix(path, NULL);
    assert_true(fd >= 0);
    return fd;
}

void peer_agent_connect(struct peer *p)
{
    static const struct rpc_conn_ops tclo_ops = {tclo_packet, tclo_gone};
    static const struct rpc_conn_ops rpci_ops = {rpci_packet, rpci_gone};
    struct peer_agent *a = &p->agent;
    struct rpc_conn_config config = {
        .loop = &p->loop, .max_packet = 8u << 20, .max_queue = 64u << 20, .arg = a};

    a->tclo_closed = a->rpci_closed = false;
    config.ops = &rpci_ops;
    assert_int_equal(rpc_conn_new(&config, peer_raw(p, "976"), &a->rpci), 0);
    config.ops = &tclo_ops;
    assert_int_equal(rpc_conn_new(&config, peer_raw(p, "975"), &a->tclo), 0);
}

void peer_agent_hang_up(struct peer *p)
{
    rpc_conn_close(p->agent.tclo);
    rpc_conn_close(p->agent.rpci);
    p->agent.tclo = p->agent.rpci = NULL;
}

const char *peer_rpci(struct peer *p, const void *request, size_t len)
{
    unsigned before = p->agent.answers;

    rpci_send(&p->agent, request, len);
    peer_until(p, p->agent.answers > before);
    return p->agent.answer;
}

const char *peer_rpci_text(struct peer *p, const char *request)
{
    return peer_rpci(p, request, strlen(request));
}

void peer_ready(struct peer *p)
{
    if (!p->ctl)
        peer_connect(p);
    peer_ask(p, 63, "{\"op\": \"power\", \"action\": \"on\"}", NULL, 0);
    assert_int_equal(peer_errno(p, 63), 0);
    peer_agent_connect(p);
    peer_until(p, guest_state_get_bool(&p->vm->guest, "guestOps"));
    peer_until(p, p->agent.options >= 8);
}
