#include "vmx/gueststore.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/channel.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "vmx/gueststore_send.h"
#include "vmx/listener.h"
#include "vmx/tools.h"
#include "wire/datamap.h"
#include "wire/gstore.h"
#include "wire/gueststore.h"
#include "wire/rpc.h"

#define READ_PIECE 1024u
/* Pieces that one event reads before others have their turn; an agent of good will sends a request
 * and a CLOSE at most. */
#define READS_PER_TURN 16

enum state { READY, DIALLING, WAIT, ASKING, RELAY };

struct gueststore {
    struct vm *vm;
    struct listener *listener;
    enum state state;
    bool configured;  /* a repository is */
    bool told;        /* what the agent was last told of the access */
    uv_timer_t timer; /* of the state */
    /* the guest's connection */
    struct guest_stream *stream; /* in WAIT, ASKING, RELAY */
    /* gstored */
    struct channel *gstored;
    uint64_t last_id;
    uint64_t id; /* of the request that gstored has and has not ended; 0 = none */
    bool unsent; /* ASKING: waits for gstored */
    bool ended;  /* RELAY: all of it is there */
    struct sender *sender;
    char path[GSTORE_PATH_MAX + 1]; /* of the request */
    size_t path_len;
    int64_t size;
    uint64_t begun_ms;
};

/* The descriptor and its watcher, whose end has to wait for the loop. */
struct guest_stream {
    struct gueststore *g;
    uv_poll_t poll;
    int fd;
    struct datamap_framer in;
    char *next; /* the path that was asked for before it was known here that all had been sent */
    size_t next_len;
};

static void drop_stream(struct gueststore *g, const char *why);
static void refuse(struct gueststore *g, int code, const char *text);
static void next_map(struct gueststore *g);
static void get(struct gueststore *g, const void *path, size_t len);

bool gueststore_access(const struct gueststore *g)
{
    return g->configured && vmconfig_get_bool(&g->vm->config, GUESTSTORE_ACCESS_KEY, true);
}

/* --- time ----------------------------------------------------------------------------------- */

static void late(uv_timer_t *timer)
{
    struct gueststore *g = timer->data;

    switch (g->state) {
    case DIALLING:
        log_warn("gueststore: the agent did not connect");
        g->state = READY;
        break;
    case ASKING:
        refuse(g, -EIO, g->unsent ? "gstored is not there" : "gstored did not answer in time");
        break;
    default:
        drop_stream(g, "nothing has moved for too long");
        break;
    }
}

static void set_timer(struct gueststore *g, uint64_t ms)
{
    uv_timer_start(&g->timer, late, ms, 0);
}

static void set_stall_timer(struct gueststore *g)
{
    int64_t s = vmconfig_get_int(&g->vm->config, GUESTSTORE_STALL_KEY, GUESTSTORE_STALL_S);

    if (s < 1 || s > GUESTSTORE_STALL_MAX_S)
        s = GUESTSTORE_STALL_S;
    set_timer(g, (uint64_t)s * 1000);
}

/* --- requests at gstored -------------------------------------------------------------------- */

static int tell_gstored(struct gueststore *g, enum gstore_type type)
{
    AUTO_BUF struct buf b = BUF_INIT(GSTORE_BODY_MAX);
    const struct gstore_msg m = {
        .type = type, .path = (const uint8_t *)g->path, .path_len = g->path_len};
    int r = gstore_encode(&b, &m);
    struct iovec part = {b.data, b.len};

    return r ? r : channel_send(g->gstored, (uint16_t)type, g->id, &part, b.len ? 1 : 0, NULL, 0);
}

/* The request is over, in whatever way; WAIT or READY follows. */
static void forget_request(struct gueststore *g)
{
    sender_free(g->sender);
    g->sender = NULL;
    if (g->id && g->gstored)
        tell_gstored(g, GSTORE_CANCEL);
    g->id = 0;
    g->unsent = g->ended = false;
}

static void log_request(const struct gueststore *g, const char *result)
{
    log_info("gueststore: %s: %s, %lld bytes (%llu ms)", g->path, result, (long long)g->size,
             (unsigned long long)(clock_ms() - g->begun_ms));
}

static int send_reply(struct gueststore *g, int64_t error, int64_t size)
{
    AUTO_BUF struct buf b = BUF_INIT(64);
    const struct gueststore_reply reply = {.error = error, .size = size};
    int r = gueststore_reply_encode(&b, &reply);

    /* The agent has taken everything before it asked: what has no room now is not waited for. */
    if (!r && send(g->stream->fd, b.data, b.len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)b.len)
        r = -EPIPE;
    return r;
}

/* The request ends without content. */
static void refuse(struct gueststore *g, int code, const char *text)
{
    int64_t error = code == -EPERM    ? GUESTSTORE_FORBIDDEN
                    : code == -ENOENT ? GUESTSTORE_NOT_FOUND
                                      : GUESTSTORE_FAILED;

    g->size = 0;
    log_request(g, text);
    forget_request(g);
    g->state = WAIT;
    uv_timer_stop(&g->timer);
    if (send_reply(g, error, 0))
        drop_stream(g, "the agent does not take the answer");
    else if (error == GUESTSTORE_FAILED)
        drop_stream(g, NULL);
    else
        next_map(g);
}

static void content_over(struct gueststore *g)
{
    AUTO_FREE char *next = TAKE_PTR(g->stream->next);

    log_request(g, "sent");
    forget_request(g);
    g->state = WAIT;
    uv_timer_stop(&g->timer);
    if (next)
        get(g, next, g->stream->next_len);
    if (g->stream)
        next_map(g);
}

static void content_moved(void *arg)
{
    set_stall_timer(arg);
}

static void content_sent(int result, void *arg)
{
    struct gueststore *g = arg;

    if (!result)
        content_over(g);
    else
        drop_stream(g, result == -ESTALE    ? "the file was changed meanwhile"
                       : result == -ENODATA ? "the file is shorter than it was"
                                            : strerror(-result));
}

static void opened(struct gueststore *g, const struct gstore_msg *m, int *fd)
{
    static const struct sender_ops ops = {content_moved, content_sent};
    struct sender_config config = {.loop = g->vm->loop,
                                   .file = *fd,
                                   .stream = g->stream->fd,
                                   .size = (int64_t)m->size,
                                   .watch = m->available == m->size,
                                   .ops = &ops,
                                   .arg = g};

    if (*fd < 0 || g->state != ASKING || m->available > m->size) {
        drop_stream(g, "gstored is not understood");
        return;
    }
    g->state = RELAY;
    g->size = (int64_t)m->size;
    set_stall_timer(g);
    if (!g->size)
        return; /* END says whether that is right */
    if (send_reply(g, GUESTSTORE_OK, g->size)) {
        drop_stream(g, "the agent does not take the answer");
        return;
    }
    *fd = -1;
    if (sender_new(&config, &g->sender)) {
        g->sender = NULL;
        drop_stream(g, "no memory");
        return;
    }
    /* The last byte waits for the word that all of it is right. */
    sender_allow(g->sender, (int64_t)(m->available < m->size ? m->available : m->size - 1));
}

static void progress(struct gueststore *g, const struct gstore_msg *m)
{
    if (g->state != RELAY || m->available > (uint64_t)g->size) {
        drop_stream(g, "gstored is not understood");
        return;
    }
    set_stall_timer(g);
    if (g->sender)
        sender_allow(g->sender,
                     m->available < (uint64_t)g->size ? (int64_t)m->available : g->size - 1);
}

static void ended(struct gueststore *g, const struct gstore_msg *m)
{
    char text[GSTORE_TEXT_MAX + 1];

    g->id = 0;
    memcpy(text, m->text, m->text_len);
    text[m->text_len] = '\0';
    if (g->state == ASKING) {
        refuse(g, m->code ? m->code : -EIO, m->text_len ? text : strerror(-m->code));
    } else if (m->code) {
        drop_stream(g, m->text_len ? text : strerror(-m->code));
    } else if (g->sender) {
        g->ended = true;
        sender_allow(g->sender, g->size);
    } else if (send_reply(g, GUESTSTORE_OK, 0)) {
        drop_stream(g, "the agent does not take the answer");
    } else {
        content_over(g);
    }
}

static void gstored_message(struct channel *ch, struct channel_msg *msg, void *arg)
{
    struct gueststore *g = arg;
    struct gstore_msg m;

    (void)ch;
    if (gstore_decode(msg->type, msg->body, msg->len, &m)) {
        log_warn("gueststore: gstored sent what is no message");
        return;
    }
    if (!g->id || msg->id != g->id)
        return; /* of a request that was given up */
    if (m.type == GSTORE_OPENED) {
        int none = -1;

        opened(g, &m, msg->nfds ? &msg->fds[0] : &none);
    } else if (m.type == GSTORE_PROGRESS) {
        progress(g, &m);
    } else if (m.type == GSTORE_END) {
        ended(g, &m);
    }
}

static void lose_gstored(struct gueststore *g)
{
    channel_close(g->gstored);
    g->gstored = NULL;
    if (!g->id)
        return; /* what has had its END can be finished */
    g->id = 0;
    if (g->state == ASKING)
        refuse(g, -EIO, "gstored is gone");
    else
        drop_stream(g, "gstored is gone");
}

static void gstored_closed(struct channel *ch, int reason, void *arg)
{
    (void)ch;
    log_warn("gueststore: the connection to gstored ended%s%s", reason ? ": " : "",
             reason ? strerror(-reason) : "");
    lose_gstored(arg);
}

static void ask_gstored(struct gueststore *g)
{
    g->unsent = !g->gstored;
    if (g->unsent) {
        set_timer(g, GUESTSTORE_ATTACH_MS);
        return;
    }
    g->id = ++g->last_id;
    set_stall_timer(g);
    if (tell_gstored(g, GSTORE_GET)) {
        g->id = 0;
        refuse(g, -EIO, "gstored cannot be asked");
    }
}

/* --- the guest's stream --------------------------------------------------------------------- */

static void stream_gone(uv_handle_t *handle)
{
    struct guest_stream *s = handle->data;

    datamap_framer_free(&s->in);
    mem_free(s->next);
    mem_free(s);
}

/* `why` NULL: nothing to say. */
static void drop_stream(struct gueststore *g, const char *why)
{
    struct guest_stream *s = g->stream;

    if (!s)
        return;
    if (g->state == ASKING || g->state == RELAY)
        log_request(g, why ? why : "given up");
    else if (why)
        log_warn("gueststore: the agent's connection is closed: %s", why);
    g->stream = NULL;
    g->state = READY;
    uv_timer_stop(&g->timer);
    forget_request(g);
    uv_poll_stop(&s->poll);
    uv_close((uv_handle_t *)&s->poll, stream_gone);
    close(s->fd);
}

static void get(struct gueststore *g, const void *path, size_t len)
{
    size_t shown = len < GSTORE_PATH_MAX ? len : GSTORE_PATH_MAX;

    g->state = ASKING;
    g->begun_ms = clock_ms();
    g->size = 0;
    g->path_len = shown;
    memcpy(g->path, path, shown);
    g->path[shown] = '\0';
    if (len > GSTORE_PATH_MAX)
        refuse(g, -EPERM, "the path is too long");
    else if (!gueststore_access(g))
        refuse(g, -ENODEV, "access is off");
    else
        ask_gstored(g);
}

/* The agent has the last byte, and the thread that sent it is about to say so. */
static void get_next(struct gueststore *g, const struct gueststore_request *rq)
{
    g->stream->next = mem_alloc(rq->path_len + 1);
    if (!g->stream->next) {
        drop_stream(g, "no memory");
        return;
    }
    memcpy(g->stream->next, rq->path, rq->path_len);
    g->stream->next_len = rq->path_len;
}

static void take_map(struct gueststore *g, const uint8_t *body, size_t len)
{
    struct gueststore_request rq;

    if (gueststore_request_decode(body, len, &rq))
        drop_stream(g, "it does not keep to the protocol");
    else if (rq.command == GUESTSTORE_CLOSE)
        drop_stream(g, NULL);
    else if (g->state == WAIT)
        get(g, rq.path, rq.path_len);
    else if (g->ended && !g->stream->next)
        get_next(g, &rq);
    else
        drop_stream(g, "it asks for something while another request is served");
}

/* The packets of the agent that have come. */
static void next_map(struct gueststore *g)
{
    const struct guest_stream *s = g->stream;
    const uint8_t *body;
    size_t len;
    int r = 1;

    while (r > 0 && g->stream && g->stream == s) {
        r = datamap_framer_next(&g->stream->in, &body, &len);
        if (r < 0)
            drop_stream(g, "it does not keep to the protocol");
        else if (r > 0)
            take_map(g, body, len);
        else if (g->state == WAIT && datamap_framer_partial(&g->stream->in) &&
                 !uv_is_active((uv_handle_t *)&g->timer))
            set_timer(g, GUESTSTORE_MAP_MS);
    }
}

/* All that has come, so that a CLOSE is known before anything else is decided; of a guest that
 * never stops sending, some of it. */
static void read_stream(struct gueststore *g)
{
    struct guest_stream *s = g->stream;
    uint8_t *room;
    ssize_t n;

    for (int turn = 0; turn < READS_PER_TURN && g->stream == s; turn++) {
        if (datamap_framer_reserve(&s->in, READ_PIECE, &room)) {
            drop_stream(g, "no memory");
            return;
        }
        n = recv(s->fd, room, READ_PIECE, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            drop_stream(g, g->state == WAIT ? NULL : "the agent has hung up");
            return;
        }
        datamap_framer_commit(&s->in, (size_t)n);
        next_map(g);
    }
}

static void stream_ready(uv_poll_t *poll, int status, int events)
{
    struct guest_stream *s = poll->data;

    (void)status;
    (void)events;
    read_stream(s->g);
}

static void stream_open(struct gueststore *g, int fd)
{
    struct guest_stream *s = mem_calloc(1, sizeof(*s));

    if (!s || uv_poll_init(g->vm->loop, &s->poll, fd)) {
        log_error("gueststore: no memory for a connection");
        mem_free(s);
        close(fd);
        g->state = READY;
        return;
    }
    s->g = g;
    s->fd = fd;
    s->poll.data = s;
    datamap_framer_init(&s->in, GUESTSTORE_MAP_REQUEST_MAX);
    g->stream = s;
    g->state = WAIT;
    uv_timer_stop(&g->timer);
    uv_poll_start(&s->poll, UV_READABLE, stream_ready);
}

static void accepted(int fd, void *arg)
{
    struct gueststore *g = arg;

    if (g->state != DIALLING || !vm_peer_is_root(g->vm, fd)) {
        log_warn("gueststore: a connection of the guest that was not agreed on is closed");
        close(fd);
        return;
    }
    stream_open(g, fd);
}

int gueststore_connect(struct gueststore *g, const uint8_t *args, size_t len)
{
    const char *word;
    size_t word_len;
    int64_t port;

    if (!rpc_next_word(&args, &len, &word, &word_len) || rpc_word_int64(word, word_len, &port) ||
        len || port != GUESTSTORE_PORT)
        return -EINVAL;
    if (!gueststore_access(g))
        return -EACCES;
    /* A CLOSE, or the end, that came first and was not read yet. */
    if (g->stream)
        read_stream(g);
    if (g->state != READY)
        return -EBUSY;
    g->state = DIALLING;
    set_timer(g, GUESTSTORE_DIAL_MS);
    return 0;
}

void gueststore_drop(struct gueststore *g)
{
    if (g->state == DIALLING) {
        uv_timer_stop(&g->timer);
        g->state = READY;
    }
    drop_stream(g, "the guest is gone");
}

/* --- access --------------------------------------------------------------------------------- */

void gueststore_config_changed(struct gueststore *g)
{
    bool access = gueststore_access(g);

    if (access == g->told)
        return;
    g->told = access;
    log_info("gueststore: access is %s", access ? "on" : "off");
    if (!access)
        gueststore_drop(g);
    tools_gueststore(g->vm->tools, access);
}

int gueststore_attach(struct gueststore *g, int fd, bool enabled)
{
    static const struct channel_ops ops = {gstored_message, gstored_closed, NULL};
    struct channel *fresh = NULL;
    int r = 0;

    if (fd >= 0) {
        r = channel_new(g->vm->loop, fd, GSTORE_BODY_MAX, GSTORE_QUEUE_MAX, &ops, g, &fresh);
        if (r) {
            close(fd);
            return r;
        }
    }
    lose_gstored(g);
    g->gstored = fresh;
    g->configured = enabled;
    gueststore_config_changed(g);
    if (g->state == ASKING && g->unsent && g->gstored)
        ask_gstored(g);
    return 0;
}

/* --- life ----------------------------------------------------------------------------------- */

int gueststore_new(struct vm *vm, const char *path, struct gueststore **ret, struct error *err)
{
    AUTO_FREE struct gueststore *g = mem_calloc(1, sizeof(*g));
    int r;

    if (!g)
        return error_set(err, -ENOMEM, "no memory for GuestStore");
    g->vm = vm;
    /* Who may really come is asked of the kernel. */
    r = listener_new(vm->loop, path, 0666, accepted, g, &g->listener, err);
    if (r)
        return r;
    uv_timer_init(vm->loop, &g->timer);
    g->timer.data = g;
    *ret = TAKE_PTR(g);
    return 0;
}

static void timer_gone(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void gueststore_free(struct gueststore *g)
{
    if (!g)
        return;
    drop_stream(g, NULL);
    channel_close(g->gstored);
    listener_free(g->listener);
    uv_close((uv_handle_t *)&g->timer, timer_gone);
}
