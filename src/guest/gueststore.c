#include "guest/gueststore_impl.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"

#define CONF_GROUP      "guestStore"
#define FOLDER_MODE     0755
#define MODE_ALL        01777
#define MODE_ADMIN_ONLY 0755 /* connecting takes the right to write */
/* What an accepted client's socket is raised to. */
#define SEND_BUFFER_MIN 65536
#define RECV_BUFFER_MIN 4096
/* Connections taken before others get their turn. */
#define ACCEPTS_PER_TURN 16

/* ---- clients ---- */

static void client_gone(uv_handle_t *handle)
{
    mem_free(handle->data);
}

/* Ends a client that is not in any list any more. */
static void client_free(struct client *c)
{
    c->g->held--;
    buf_free(&c->out);
    if (c->polled) {
        uv_poll_stop(&c->poll);
        uv_close((uv_handle_t *)&c->poll, client_gone);
    }
    close(c->fd);
    if (!c->polled)
        mem_free(c);
}

void gueststore_next(struct gueststore *g)
{
    struct client *c = g->current;

    g->current = NULL;
    uv_timer_stop(&g->request_timer);
    if (c)
        client_free(c);
    c = STAILQ_FIRST(&g->waiting);
    if (!c) {
        gueststore_close_vmx(g);
        return;
    }
    STAILQ_REMOVE_HEAD(&g->waiting, link);
    g->current = c;
    gueststore_serve(g);
}

void gueststore_close_clients(struct gueststore *g)
{
    struct client *c;

    while ((c = STAILQ_FIRST(&g->waiting))) {
        STAILQ_REMOVE_HEAD(&g->waiting, link);
        client_free(c);
    }
    if (g->current)
        gueststore_next(g);
}

static int raise_buffer(int fd, int which, int least)
{
    int size = 0;
    socklen_t len = sizeof(size);

    if (getsockopt(fd, SOL_SOCKET, which, &size, &len) < 0)
        return -errno;
    if (size < least && setsockopt(fd, SOL_SOCKET, which, &least, sizeof(least)) < 0)
        return -errno;
    return 0;
}

static void admit(struct gueststore *g, int fd)
{
    struct ucred peer;
    struct client *c;

    if (g->held >= g->max_held || (g->admin_only && (sock_peer(fd, &peer) < 0 || peer.uid != 0)) ||
        raise_buffer(fd, SO_SNDBUF, SEND_BUFFER_MIN) < 0 ||
        raise_buffer(fd, SO_RCVBUF, RECV_BUFFER_MIN) < 0 || !(c = mem_calloc(1, sizeof(*c)))) {
        log_warn("gueststore: a client is turned away, %u are held", g->held);
        close(fd);
        return;
    }
    c->g = g;
    c->fd = fd;
    c->out = BUF_INIT(GUESTSTORE_HEAD_MAX);
    g->held++;
    STAILQ_INSERT_TAIL(&g->waiting, c, link);
    if (!g->current)
        gueststore_next(g);
}

static void on_client(uv_poll_t *poll, int status, int events)
{
    struct gueststore *g = poll->data;

    (void)status;
    (void)events;
    for (unsigned i = 0; i < ACCEPTS_PER_TURN && g->enabled; i++) {
        int fd = accept4(g->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0)
            return;
        admit(g, fd);
    }
}

/* ---- on and off ---- */

/* The folder of the socket: ours, and as open as it has to be. */
static int prepare_folder(const char *socket_path, struct error *err)
{
    const char *slash = strrchr(socket_path, '/');
    AUTO_FREE char *folder =
        slash ? mem_strndup(socket_path, (size_t)(slash - socket_path)) : mem_strdup(".");
    struct stat st;
    int r = folder ? fs_mkdirs(folder, FOLDER_MODE, err) : -ENOMEM;

    if (r < 0)
        return r;
    if (lstat(folder, &st) < 0)
        return error_errno(err, -errno, "cannot look at %s", folder);
    if (!S_ISDIR(st.st_mode) || st.st_uid != getuid())
        return error_set(err, -EPERM, "%s is not a folder of user %u", folder, (unsigned)getuid());
    if ((st.st_mode & 0777) != FOLDER_MODE && chmod(folder, (st.st_mode & 07000) | FOLDER_MODE) < 0)
        return error_errno(err, -errno, "cannot change the mode of %s", folder);
    return 0;
}

static int listen_local(struct gueststore *g, struct error *err)
{
    int r = prepare_folder(g->config.socket_path, err);

    if (r < 0)
        return r;
    g->admin_only = conf_bool(g->conf, CONF_GROUP, "adminOnly", false);
    g->listen_fd =
        sock_listen_unix(g->config.socket_path, g->admin_only ? MODE_ADMIN_ONLY : MODE_ALL, err);
    if (g->listen_fd < 0)
        return g->listen_fd;
    g->listen_poll = mem_calloc(1, sizeof(*g->listen_poll));
    r = g->listen_poll ? uv_poll_init(g->config.loop, g->listen_poll, g->listen_fd) : -ENOMEM;
    if (r < 0) {
        mem_free(g->listen_poll);
        g->listen_poll = NULL;
        close(g->listen_fd);
        return error_errno(err, r, "cannot watch %s", g->config.socket_path);
    }
    g->listen_poll->data = g;
    uv_poll_start(g->listen_poll, UV_READABLE, on_client);
    return 0;
}

static void handle_gone(uv_handle_t *handle)
{
    mem_free(handle);
}

static void stop_listening(struct gueststore *g)
{
    uv_poll_stop(g->listen_poll);
    uv_close((uv_handle_t *)g->listen_poll, handle_gone);
    g->listen_poll = NULL;
    close(g->listen_fd);
    unlink(g->config.socket_path);
    gueststore_link_close(g->link);
    g->link = NULL;
}

static int enable(struct gueststore *g)
{
    struct error err = {0};
    int r = gueststore_link_open(g->config.loop, g->config.link_dir, gueststore_on_vmx, g, &g->link,
                                 &err);

    if (r == 0) {
        r = listen_local(g, &err);
        if (r < 0) {
            gueststore_link_close(g->link);
            g->link = NULL;
        }
    }
    if (r < 0) {
        log_error("gueststore: cannot be switched on: %s", error_text(&err));
        return r;
    }
    g->enabled = true;
    log_info("gueststore: access is on%s", g->admin_only ? ", for root only" : "");
    if (g->config.access)
        g->config.access(g->config.arg, true);
    return 0;
}

/* `quiet`: the agent ends, nobody is to be told. */
static void disable(struct gueststore *g, bool quiet)
{
    if (!g->enabled)
        return;
    g->enabled = false;
    log_info("gueststore: access is off");
    if (!quiet && g->config.access)
        g->config.access(g->config.arg, false);
    stop_listening(g);
    g->connecting = false;
    g->asked++;
    uv_timer_stop(&g->connect_timer);
    gueststore_close_clients(g);
    gueststore_close_vmx(g);
}

int gueststore_option(struct gueststore *g, const char *value)
{
    bool on = strcmp(value, "1") == 0;

    if (g->stopped || (!on && strcmp(value, "0") != 0) || on == g->enabled ||
        (on && g->conf_disabled))
        return -EINVAL;
    if (on)
        return enable(g) < 0 ? -EINVAL : 0;
    disable(g, false);
    return 0;
}

static void on_access_known(struct toolbox *tb, int status, const uint8_t *data, size_t len,
                            void *arg)
{
    struct gueststore *g = arg;
    bool on = status == 1 && strcmp((const char *)data, "true") == 0;

    (void)tb;
    (void)len;
    if (on && !g->enabled && !g->conf_disabled && !g->stopped)
        enable(g);
}

static unsigned number(const struct conf *conf, const char *key, int def, int max)
{
    long n = conf_number(conf, CONF_GROUP, key, -1, 1, max);

    if (n < 0 && conf_get(conf, CONF_GROUP, key))
        log_warn("tools.conf: %s/%s is not a number from 1 to %d; %d counts", CONF_GROUP, key, max,
                 def);
    return n < 0 ? (unsigned)def : (unsigned)n;
}

static void read_limits(struct gueststore *g)
{
    g->max_held = number(g->conf, "maxConnections", GUESTSTORE_CONNECTIONS, INT_MAX);
    g->request_ms = 1000ULL * number(g->conf, "clientRecvTimeout", GUESTSTORE_CLIENT_RECV_S,
                                     GUESTSTORE_TIMEOUT_MAX_S);
    g->idle_ms =
        1000ULL * number(g->conf, "connTimeout", GUESTSTORE_CONN_S, GUESTSTORE_TIMEOUT_MAX_S);
}

void gueststore_set_conf(struct gueststore *g, const struct conf *conf)
{
    bool disabled = conf_bool(conf, CONF_GROUP, "disabled", false);
    bool was = g->conf_disabled;

    g->conf = conf;
    read_limits(g);
    g->conf_disabled = disabled;
    if (disabled) {
        disable(g, false);
    } else if (was && !g->enabled) {
        static const char ask[] = "guestStore.accessEnabled";

        toolbox_rpci(g->config.tb, ask, strlen(ask), on_access_known, g);
    } else if (g->enabled && g->admin_only != conf_bool(conf, CONF_GROUP, "adminOnly", false)) {
        disable(g, false);
        enable(g);
    }
}

void gueststore_set_link(struct gueststore *g, const char *link_dir)
{
    if (!g->enabled)
        g->config.link_dir = link_dir;
}

void gueststore_reset(struct gueststore *g)
{
    if (g->connecting && !g->vmx)
        disable(g, false);
}

/* ---- life ---- */

int gueststore_new(const struct gueststore_config *config, struct gueststore **ret)
{
    struct gueststore *g = mem_calloc(1, sizeof(*g));

    if (!g)
        return -ENOMEM;
    g->config = *config;
    g->conf = config->conf;
    read_limits(g);
    g->conf_disabled = conf_bool(g->conf, CONF_GROUP, "disabled", false);
    g->listen_fd = -1;
    STAILQ_INIT(&g->waiting);
    uv_timer_t *const timers[] = {&g->request_timer, &g->connect_timer, &g->idle_timer};
    for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
        uv_timer_init(config->loop, timers[i]);
        timers[i]->data = g;
    }
    *ret = g;
    return 0;
}

void gueststore_stop(struct gueststore *g)
{
    if (!g)
        return;
    g->stopped = true;
    disable(g, true);
}

static void last_timer_gone(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void gueststore_free(struct gueststore *g)
{
    if (!g)
        return;
    gueststore_stop(g);
    uv_close((uv_handle_t *)&g->request_timer, NULL);
    uv_close((uv_handle_t *)&g->connect_timer, NULL);
    uv_close((uv_handle_t *)&g->idle_timer, last_timer_gone);
}
