/*
 * libtoolbox: life, the poll descriptor, deadlines, and getting a connection to the host.
 */
#include "inguest/toolbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "guest/tb_embed.h"
#include "guest/toolbox_impl.h"

/* Work of one toolbox_process() call, so that a busy host cannot keep the loop from others. */
#define EVENTS_PER_TURN 64

int options_apply(struct toolbox *tb, const struct toolbox_options *options)
{
    static const struct toolbox_options defaults;
    if (!options)
        options = &defaults;
    const char *dir = options->link_dir;
    if (!dir)
        dir = getenv("TOOLBOX_LINK");
    tb->link_named = dir && *dir;
    if (!tb->link_named)
        dir = RPC_LINK_DIR;
    const char *app = options->app_name ? options->app_name : "toolbox";
    if (strlen(dir) >= sizeof(tb->link_dir) || strlen(app) >= sizeof(tb->app_name) ||
        options->carrier > TOOLBOX_CARRIER_BACKDOOR)
        return -EINVAL;
    memcpy(tb->link_dir, dir, strlen(dir) + 1);
    memcpy(tb->app_name, app, strlen(app) + 1);
    tb->carrier = options->carrier;
    return 0;
}

int toolbox_create(const struct toolbox_options *options, struct toolbox **ret)
{
    struct toolbox *tb = mem_calloc(1, sizeof(*tb));
    if (!tb)
        return -ENOMEM;
    tb->epfd = -1;
    STAILQ_INIT(&tb->queue);
    TAILQ_INIT(&tb->requests);
    TAILQ_INIT(&tb->vix_open);
    tb->rpci.role = RPC_ROLE_RPCI;
    tb->tclo.role = RPC_ROLE_TCLO;
    tb->version = 2147483647u;
    int r = options_apply(tb, options);
    if (r == 0)
        r = builtin_register(tb);
    if (r == 0) {
        tb->epfd = epoll_create1(EPOLL_CLOEXEC);
        if (tb->epfd < 0)
            r = -errno;
    }
    if (r < 0) {
        toolbox_destroy(tb);
        return r;
    }
    *ret = tb;
    return 0;
}

void toolbox_start(struct toolbox *tb)
{
    tb->started = true;
}

void toolbox_destroy(struct toolbox *tb)
{
    if (!tb)
        return;
    rpci_fail_all(tb, -ECANCELED);
    conn_close(&tb->rpci);
    conn_close(&tb->tclo);
    embed_free(tb);
    vix_free_all(tb);
    requests_free(tb);
    for (unsigned i = 0; i < tb->ncommands; i++)
        mem_free(tb->commands[i].name);
    for (unsigned i = 0; i < tb->ncapabilities; i++)
        mem_free(tb->capabilities[i]);
    if (tb->epfd >= 0)
        close(tb->epfd);
    mem_free(tb);
}

int toolbox_fd(const struct toolbox *tb)
{
    return tb->epfd;
}

void state_set(struct toolbox *tb, enum toolbox_state state)
{
    if (state == tb->state && state != TOOLBOX_READY)
        return;
    tb->state = state;
    /* Whoever had files open is gone. */
    if (state == TOOLBOX_DOWN && tb->embed)
        files_free(tb->embed);
    if (tb->state_fn)
        tb->state_fn(tb, state, tb->state_arg);
}

void toolbox_set_state_hook(struct toolbox *tb, toolbox_state_fn fn, void *arg)
{
    tb->state_fn = fn;
    tb->state_arg = arg;
}

enum toolbox_state toolbox_get_state(const struct toolbox *tb)
{
    return tb->state;
}

const char *toolbox_carrier_name(const struct toolbox *tb)
{
    return tb->tclo.ch && tb->tclo.ch->connected ? tb->tclo.ch->ops->name : "none";
}

const char *toolbox_link_dir(const struct toolbox *tb)
{
    return tb->link_dir;
}

/* A link folder that somebody made for us says where the host is. Going past it would reach the
 * host of the machine around a container, which is somebody else. */
static bool only_unix(const struct toolbox *tb)
{
    struct stat st;
    return tb->link_named || stat(tb->link_dir, &st) == 0;
}

int carrier_open(const struct toolbox *tb, unsigned candidate, enum rpc_role role, int epfd,
                 struct rpc_channel **ret)
{
    enum toolbox_carrier c = (enum toolbox_carrier)(candidate + 1);
    if (tb->carrier != TOOLBOX_CARRIER_AUTO ? c != tb->carrier
                                            : c != TOOLBOX_CARRIER_UNIX && only_unix(tb))
        return -ENOTCONN;
    switch (c) {
    case TOOLBOX_CARRIER_UNIX:
        return rpc_open_unix(tb->link_dir, role, epfd, ret);
    case TOOLBOX_CARRIER_VSOCK:
        return rpc_open_vsock(role, epfd, ret);
    case TOOLBOX_CARRIER_BACKDOOR:
        return rpc_open_backdoor(role, epfd, ret);
    default:
        return -EINVAL;
    }
}

/* Tries the carriers from c->candidate on. A connect that goes on is a success here; when it fails
 * later, conn_fail() moves to the next carrier. */
int conn_open(struct toolbox *tb, struct conn *c)
{
    int err = -ENOTCONN;
    for (; c->candidate < CARRIERS; c->candidate++) {
        int r = carrier_open(tb, c->candidate, c->role, tb->epfd, &c->ch);
        if (r == 0)
            return 0;
        if (err == -ENOTCONN || r != -ENOTCONN)
            err = r;
    }
    c->candidate = 0;
    return err;
}

void conn_close(struct conn *c)
{
    rpc_close(c->ch);
    c->ch = NULL;
}

/* The channel is dead or did not come to life. */
void conn_fail(struct conn *c, uint64_t pause_ms)
{
    bool was_up = c->ch && c->ch->connected;
    conn_close(c);
    if (was_up) {
        c->candidate = 0;
    } else if (c->candidate + 1 < CARRIERS) {
        c->candidate++;
        c->retry_ms = 0;
        return;
    } else {
        c->candidate = 0;
    }
    c->failures++;
    c->retry_ms = clock_ms() + pause_ms;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a == 0 ? b : b == 0 || a < b ? a : b;
}

int64_t toolbox_deadline_ms(const struct toolbox *tb)
{
    uint64_t at = rpci_deadline(tb);
    if (tb->tclo.ch)
        at = earlier(at, tb->tclo.ch->deadline_ms);
    else if (tb->started)
        at = earlier(at, tb->tclo.retry_ms ? tb->tclo.retry_ms : 1);
    at = earlier(at, tb->ping_ms);
    at = earlier(at, embed_deadline(tb));
    return at ? (int64_t)at : -1;
}

static bool due(const struct conn *c)
{
    return c->ch && c->ch->deadline_ms && c->ch->deadline_ms <= clock_ms();
}

int toolbox_process(struct toolbox *tb)
{
    for (unsigned i = 0; i < EVENTS_PER_TURN; i++) {
        struct epoll_event ev;
        int n = epoll_wait(tb->epfd, &ev, 1, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -EIO;
        if (n == 0)
            break;
        if (tb->tclo.ch && ev.data.ptr == tb->tclo.ch)
            tclo_event(tb);
        else if (tb->rpci.ch && ev.data.ptr == tb->rpci.ch)
            rpci_event(tb);
    }
    if (due(&tb->tclo))
        tclo_event(tb);
    if (due(&tb->rpci))
        rpci_event(tb);
    embed_tick(tb);
    tclo_pump(tb);
    rpci_pump(tb);
    return 0;
}

void toolbox_free(void *p)
{
    mem_free(p);
}
