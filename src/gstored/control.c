#include "gstored/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "wire/ctl.h"

struct control {
    uv_loop_t *loop;
    struct control_options options;
    uv_poll_t listener;
    struct channel *channel; /* to hostd; NULL: none now */
    bool configured;
    struct settings settings;
    struct repo *repo;
    struct vms *vms;
};

struct op {
    const char *name;
    bool configured; /* only after `configure` */
    /* 0 and a new object (NULL: an empty one), or a negative errno code with words. */
    int (*run)(struct control *c, const json_t *args, int *fd, json_t **ret, struct error *err);
};

/* ---- operations ---- */

static void repository_moved(void *arg)
{
    struct control *c = arg;
    log_info("the repository's folder is another one now: starting again");
    uv_stop(c->loop);
}

static int make_repo(struct control *c, struct error *err)
{
    int rc = 0;
    switch (c->settings.kind) {
    case REPOSITORY_NONE:
        break;
    case REPOSITORY_FOLDER:
        rc = folder_new(c->loop, &c->settings, repository_moved, c, &c->repo);
        break;
    case REPOSITORY_HTTP:
    case REPOSITORY_S3:
        rc = remote_new(c->loop, &c->settings, c->options.state_dir, &c->repo, err);
        break;
    }
    return rc < 0 ? error_prefix(err, rc, "the repository cannot be used") : 0;
}

static int configure(struct control *c, const json_t *args, int *fd, json_t **ret,
                     struct error *err)
{
    struct settings s;
    int rc = settings_read(args, &s, err);

    (void)fd;
    if (rc < 0)
        return rc;
    if (c->configured) {
        bool same = s.revision == c->settings.revision;
        settings_free(&s);
        if (!same) {
            log_info("the settings have changed: starting again");
            uv_stop(c->loop);
            return error_set(err, -ERESTART, "gstored is starting again with the new settings");
        }
        *ret = json_pack("{s:i, s:o}", "pid", (int)getpid(), "attached", vms_attached(c->vms));
        return 0;
    }
    c->settings = s;
    if (s.kind == REPOSITORY_S3 && c->options.credentials_fd >= 0)
        rc = settings_credentials(&c->settings, c->options.credentials_fd, err);
    if (c->options.credentials_fd >= 0)
        close(TAKE_FD(c->options.credentials_fd));
    /* Before anything starts a thread: what confines one would not confine the others. */
    if (rc == 0 && c->options.confine)
        rc = c->options.confine(&c->settings, c->options.state_path, err);
    if (rc == 0)
        rc = make_repo(c, err);
    if (rc == 0)
        rc = vms_new(c->loop, c->repo, &c->vms);
    if (rc < 0) {
        uv_stop(c->loop); /* half configured is no state to stay in */
        return rc;
    }
    c->configured = true;
    log_info("serving %s", c->settings.url ? c->settings.url : "no repository");
    *ret = json_pack("{s:i, s:[]}", "pid", (int)getpid(), "attached");
    return 0;
}

static const char *text(const json_t *args, const char *name)
{
    return json_string_value(json_object_get(args, name));
}

static int attach(struct control *c, const json_t *args, int *fd, json_t **ret, struct error *err)
{
    const char *id = text(args, "vm");

    (void)ret;
    if (!id || *fd < 0)
        return error_set(err, -EINVAL, "attach needs a VM and a descriptor");
    if (sock_set_nonblocking(*fd, 1) < 0)
        return error_set(err, -EINVAL, "the descriptor of attach is no socket");
    int rc = vms_attach(c->vms, id, text(args, "grant"), text(args, "deny"), TAKE_FD(*fd));
    return rc < 0 ? error_errno(err, rc, "VM %s cannot be attached", id) : 0;
}

static int set_rules(struct control *c, const json_t *args, int *fd, json_t **ret,
                     struct error *err)
{
    const char *id = text(args, "vm");

    (void)fd;
    (void)ret;
    int rc = id ? vms_rules(c->vms, id, text(args, "grant"), text(args, "deny")) : -EINVAL;
    return rc < 0 ? error_errno(err, rc, "the rules of a VM cannot be set") : 0;
}

static int detach(struct control *c, const json_t *args, int *fd, json_t **ret, struct error *err)
{
    const char *id = text(args, "vm");

    (void)fd;
    (void)ret;
    int rc = id ? vms_detach(c->vms, id) : -EINVAL;
    return rc < 0 ? error_errno(err, rc, "a VM cannot be detached") : 0;
}

static int status(struct control *c, const json_t *args, int *fd, json_t **ret, struct error *err)
{
    json_t *o = json_object();

    (void)args;
    (void)fd;
    (void)err;
    vms_status(c->vms, o);
    if (c->repo && c->repo->ops->status)
        c->repo->ops->status(c->repo, o);
    *ret = o;
    return 0;
}

static const struct op ops[] = {
    {"configure", false, configure}, {"attach", true, attach}, {"rules", true, set_rules},
    {"detach", true, detach},        {"status", true, status},
};

/* ---- messages ---- */

static void answer(struct control *c, uint64_t id, int code, json_t *result,
                   const struct error *err)
{
    AUTO_BUF struct buf b = BUF_INIT(CTL_BODY_MAX);
    json_t *o = code < 0 ? json_pack("{s:{s:s, s:i, s:s}}", "error", "hop", "gstored", "errno",
                                     -code, "text", error_text(err))
                         : json_pack("{s:o}", "result", result ? result : json_object());

    if (!o || ctl_encode(&b, o, NULL, 0) < 0) {
        log_error("an answer to hostd could not be written");
    } else if (c->channel) {
        struct iovec part = {b.data, b.len};
        channel_send(c->channel, CTL_REPLY, id, &part, 1, NULL, 0);
    }
    json_decref(o);
}

static void on_message(struct channel *ch, struct channel_msg *msg, void *arg)
{
    struct control *c = arg;
    struct error err = {0};
    const uint8_t *blob;
    size_t blob_len;
    json_t *args, *result = NULL;
    int rc = -ENOSYS;

    if (msg->type != CTL_REQUEST || ctl_decode(msg->body, msg->len, &args, &blob, &blob_len) < 0) {
        log_error("hostd sent what is no request; the connection is closed");
        channel_close(ch);
        c->channel = NULL;
        return;
    }
    const char *name = text(args, "op");
    error_set(&err, rc, "there is no such operation");
    for (size_t i = 0; name && i < ARRAY_SIZE(ops); i++) {
        if (strcmp(ops[i].name, name) != 0)
            continue;
        rc = ops[i].configured && !c->configured
                 ? error_set(&err, -EINVAL, "not before `configure`")
                 : ops[i].run(c, args, &msg->fds[0], &result, &err);
        if (rc < 0)
            log_warn("%s: %s", name, error_text(&err));
        break;
    }
    answer(c, msg->id, rc, result, &err);
    json_decref(args);
}

static void on_closed(struct channel *ch, int reason, void *arg)
{
    struct control *c = arg;

    (void)reason;
    if (c->channel == ch)
        c->channel = NULL;
    channel_close(ch);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    static const struct channel_ops channel_ops = {.message = on_message, .closed = on_closed};
    struct control *c = poll->data;
    struct channel *ch;
    struct ucred peer;

    (void)status;
    (void)events;
    int fd = accept4(c->options.listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (sock_peer(fd, &peer) < 0 ||
        (peer.uid != c->options.peer_uid && peer.uid != 0 && peer.uid != geteuid())) {
        log_warn("a connection of somebody who is not hostd is refused");
        close(fd);
        return;
    }
    if (channel_new(c->loop, fd, CTL_BODY_MAX, CTL_QUEUE_MAX, &channel_ops, c, &ch) < 0) {
        close(fd);
        return;
    }
    channel_close(c->channel);
    c->channel = ch;
}

int control_new(uv_loop_t *loop, const struct control_options *options, struct control **ret,
                struct error *err)
{
    struct control *c = mem_calloc(1, sizeof(*c));
    int rc = c ? 0 : -ENOMEM;

    if (c) {
        c->loop = loop;
        c->options = *options;
        rc = sock_set_nonblocking(options->listen_fd, 1);
    }
    if (rc == 0)
        rc = uv_poll_init(loop, &c->listener, options->listen_fd);
    if (rc < 0) {
        mem_free(c);
        return error_errno(err, rc, "the socket for hostd cannot be used");
    }
    c->listener.data = c;
    uv_poll_start(&c->listener, UV_READABLE, on_connection);
    *ret = c;
    return 0;
}

static void listener_closed(uv_handle_t *handle)
{
    struct control *c = handle->data;

    close(c->options.listen_fd);
    repo_free(c->repo);
    settings_free(&c->settings);
    mem_free(c);
}

void control_free(struct control *c)
{
    channel_close(c->channel);
    vms_free(c->vms);
    if (c->options.credentials_fd >= 0)
        close(c->options.credentials_fd);
    uv_close((uv_handle_t *)&c->listener, listener_closed);
}
