/*
 * toolbox-worker: does the work of one guest user's requests, with that user's rights.
 *
 * Theory of operation. The monitor starts it as root with one end of a socket pair (WORKER_FD). It
 * reads the account's name, becomes that user for good, and only then looks at anything else. From
 * there on every check is the kernel's: nothing here asks whether the user may do something. File
 * work runs on a pool of threads so that a hung mount holds up single requests only; starting and
 * waiting for programs runs on the loop. It ends when the monitor closes the socket; programs that
 * it started go on.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "guest/data_stream.h"
#include "guest/hgfs_server.h"
#include "guest/list_cursor.h"
#include "guest/proc_chunks.h"
#include "guest/proc_started.h"
#include "guest/user_setup.h"
#include "guest/vixops.h"
#include "guest/worker_proto.h"

#define SETUP_TIMEOUT_S 30u
/* How long a worker that cannot work waits for the monitor to end it. */
#define GOODBYE_MS 5000u

struct worker {
    struct worker_ctx ctx;
    struct channel *channel;
    unsigned told_stay;
};

static void send_message(struct worker *w, uint16_t type, uint64_t id, const struct buf *head,
                         const void *data, size_t len)
{
    struct iovec parts[2] = {{head->data, head->len}, {(void *)data, len}};
    int r = buf_error(head);

    if (r == 0)
        r = channel_send(w->channel, type, id, parts, 2, NULL, 0);
    if (r < 0 && r != -EPIPE) {
        /* The monitor would wait for an answer that cannot come; better to start afresh. */
        log_error("cannot answer the monitor: %s", strerror(-r));
        exit(1);
    }
}

static void op_done(struct vixop *op)
{
    struct worker *w = (struct worker *)op->ctx;
    AUTO_BUF struct buf head = BUF_INIT(WORKER_REPLY_HEAD);

    buf_put_le32(&head, op->error);
    buf_put_le32(&head, op->additional);
    if (op->error == VIX_OK)
        send_message(w, WORKER_REPLY, op->id, &head, op->result.data, op->result.len);
    else
        send_message(w, WORKER_REPLY, op->id, &head, NULL, 0);
    vixop_free(op);
}

static void stay_changed(struct worker_ctx *ctx)
{
    struct worker *w = (struct worker *)ctx;
    AUTO_BUF struct buf head = BUF_INIT(4);
    unsigned n = proc_started_count(ctx->started) + hgfs_server_sessions(ctx->hgfs) +
                 data_streams_count(ctx->streams);

    /* Only the step between none and some matters to the monitor. */
    if (!w->channel || (n != 0) == (w->told_stay != 0))
        return;
    w->told_stay = n;
    buf_put_le32(&head, n);
    send_message(w, WORKER_STATUS, 0, &head, NULL, 0);
}

static void records_changed(void *arg)
{
    stay_changed(arg);
}

static void program_ended(void *arg, const struct proc_record *r)
{
    AUTO_BUF struct buf head = BUF_INIT(WORKER_ENDED_SIZE);

    buf_put_le64(&head, (uint64_t)r->pid);
    buf_put_le32(&head, (uint32_t)r->exit_code);
    buf_put_le64(&head, (uint64_t)r->start);
    buf_put_le64(&head, (uint64_t)r->end);
    send_message(arg, WORKER_ENDED, 0, &head, NULL, 0);
}

static int start_op(struct worker *w, const struct channel_msg *msg)
{
    struct cursor c = CURSOR_INIT(msg->body, msg->len);
    struct vixop *op = mem_calloc(1, sizeof(*op));
    uint32_t max_result;
    int r;

    if (!op)
        return -ENOMEM;
    op->ctx = &w->ctx;
    op->id = msg->id;
    cursor_le32(&c, &op->opcode);
    cursor_le32(&c, &op->flags);
    cursor_le32(&c, &max_result);
    r = cursor_error(&c);
    if (r == 0)
        op->bytes = mem_memdup(c.p, c.left ? c.left : 1);
    if (r == 0 && !op->bytes)
        r = -ENOMEM;
    if (r < 0) {
        vixop_free(op);
        return r;
    }
    op->result = BUF_INIT(max_result);
    op->def = vixop_find(op->opcode);
    if (!op->def) {
        vixop_fail(op, VIX_E_UNRECOGNIZED_COMMAND_IN_GUEST);
    } else {
        r = vix_body_decode(op->opcode, op->bytes, c.left, &op->body);
        if (r < 0)
            vixop_fail(op, vix_error_from_decode(r));
    }
    if (op->error != VIX_OK)
        vixop_done(op);
    else
        vixop_run(op);
    return 0;
}

static void on_message(struct channel *ch, struct channel_msg *msg, void *arg)
{
    (void)ch;
    if (msg->type != WORKER_REQUEST || start_op(arg, msg) < 0) {
        log_error("the monitor sent what cannot be worked on");
        exit(1);
    }
}

static void on_closed(struct channel *ch, int reason, void *arg)
{
    struct worker *w = arg;

    (void)ch;
    (void)reason;
    /* Threads may hang in file systems, so there is nothing to wait for. Unfinished uploads are the
     * only thing to clean up. */
    hgfs_server_abandon(w->ctx.hgfs);
    data_streams_abandon(w->ctx.streams);
    _exit(0);
}

static const struct channel_ops monitor_ops = {.message = on_message, .closed = on_closed};

static int read_exactly(int fd, void *out, size_t n)
{
    uint8_t *p = out;

    while (n) {
        ssize_t got = recv(fd, p, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EPIPE;
        p += got;
        n -= (size_t)got;
    }
    return 0;
}

/* The first message, without a loop: until the rights are given up nothing else runs. */
static int read_setup(char name[WORKER_NAME_MAX + 1])
{
    uint8_t head[CHANNEL_HEAD_SIZE];
    struct cursor c = CURSOR_INIT(head, sizeof(head));
    uint16_t type, nfds;
    uint32_t len;
    int r;

    r = read_exactly(WORKER_FD, head, sizeof(head));
    if (r < 0)
        return r;
    cursor_le32(&c, &len);
    cursor_le16(&c, &type);
    cursor_le16(&c, &nfds);
    if (type != WORKER_SETUP || nfds || len == 0 || len > WORKER_NAME_MAX)
        return -EBADMSG;
    r = read_exactly(WORKER_FD, name, len);
    name[len] = '\0';
    return r < 0 ? r : strlen(name) == len ? 0 : -EBADMSG;
}

static void keep_from_children(void)
{
    fcntl(WORKER_FD, F_SETFD, FD_CLOEXEC);
    /* The monitor opens everything close-on-exec; should something have slipped through, it is not
     * for the user's programs. */
    for (int fd = WORKER_FD + 1; fd < 1024; fd++)
        close(fd);
}

/* A program of ours beside this one. Held open, because the user may not be able to enter the
 * folder that it lies in. */
static int open_helper(const char *name)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    char *slash;

    if (n <= 0)
        return -1;
    path[n] = '\0';
    slash = strrchr(path, '/');
    if (!slash || (size_t)(path + sizeof(path) - slash) <= strlen(name) + 1)
        return -1;
    memcpy(slash + 1, name, strlen(name) + 1);
    return open(path, O_PATH | O_CLOEXEC);
}

static int become_user(struct user_info *user, struct error *err)
{
    char name[WORKER_NAME_MAX + 1];
    int r = read_setup(name);

    if (r < 0)
        return error_errno(err, r, "no proper setup message");
    r = user_find(name, user, err);
    return r < 0 ? r : user_become(user, err);
}

/* A process that ends with requests unread resets the connection, and the monitor would see that
 * instead of the reason it was just given. The monitor ends us when it has read it. */
static void wait_for_monitor(void)
{
    uint64_t until = clock_ms() + GOODBYE_MS;
    struct pollfd p = {.fd = WORKER_FD, .events = POLLIN};
    char drop[4096];

    for (uint64_t now = clock_ms(); now < until; now = clock_ms()) {
        if (poll(&p, 1, (int)(until - now)) < 0 && errno != EINTR)
            return;
        ssize_t n = read(WORKER_FD, drop, sizeof(drop));
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return;
    }
}

static int run(struct worker *w, const struct user_info *user, const struct error *setup)
{
    AUTO_BUF struct buf head = BUF_INIT(4);
    uv_loop_t *loop = uv_default_loop();
    int r;

    sock_set_nonblocking(WORKER_FD, 1);
    r = channel_new(loop, WORKER_FD, WORKER_BODY_MAX, WORKER_REPLY_QUEUE_MAX, &monitor_ops, w,
                    &w->channel);
    if (r < 0)
        return r;
    if (setup->code < 0) {
        buf_put_le32(&head, (uint32_t)setup->code);
        send_message(w, WORKER_FAILED, 0, &head, setup->text, strlen(setup->text));
        wait_for_monitor();
        return setup->code;
    }
    w->ctx.loop = loop;
    w->ctx.user = user->name;
    w->ctx.home = user->home;
    w->ctx.shell = user->shell;
    w->ctx.stay_changed = stay_changed;
    w->ctx.done = op_done;
    uv_mutex_init(&w->ctx.temp_lock);
    r = work_pool_new(loop, &w->ctx.pool);
    if (r == 0)
        r = proc_started_new(loop, records_changed, &w->ctx, &w->ctx.started);
    if (r == 0)
        proc_started_on_end(w->ctx.started, program_ended, w);
    if (r == 0)
        r = proc_chunks_new(&w->ctx.chunks);
    if (r == 0)
        r = list_cursors_new(loop, &w->ctx.listings);
    if (r == 0)
        r = hgfs_server_new(&w->ctx, &w->ctx.hgfs);
    if (r == 0)
        r = data_streams_new(&w->ctx, &w->ctx.streams);
    if (r < 0)
        return r;
    buf_put_le32(&head, (uint32_t)user->uid);
    send_message(w, WORKER_READY, 0, &head, NULL, 0);
    uv_run(loop, UV_RUN_DEFAULT);
    return 0;
}

int main(void)
{
    static struct worker w;
    struct user_info user = {0};
    struct error err = {0};
    const char *link_dir;

    log_open_fd(-1, "toolbox-worker");
    signal(SIGPIPE, SIG_IGN);
    /* A heap for each thread would cost more than waiting for each other does. */
    mallopt(M_ARENA_MAX, 1);
    if (sock_set_nonblocking(WORKER_FD, 0) < 0) {
        fprintf(stderr, "toolbox-worker is started by toolboxd, not by hand.\n");
        return 2;
    }
    /* The user's environment takes the place of this one. */
    link_dir = getenv(WORKER_LINK_VARIABLE);
    w.ctx.link_dir = link_dir ? mem_strdup(link_dir) : NULL;
    alarm(SETUP_TIMEOUT_S);
    keep_from_children();
    w.ctx.archive_fd = open_helper("toolbox-archive");
    w.ctx.roundtrip_fd = open_helper("toolbox-roundtrip");
    w.ctx.exec_fd = open_helper("toolbox-exec");
    become_user(&user, &err);
    alarm(0);
    return run(&w, &user, &err) < 0;
}
