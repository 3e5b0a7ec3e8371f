/* The worker's end of the supervisor's channel. */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/channel.h"
#include "base/cursor.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/supervise.h"

#define TEXT_MAX 1024

struct request {
    struct request *next;
    uint64_t id;
    supervise_cb cb;
    void *arg;
};

struct supervise {
    struct host *host;
    struct channel *channel;
    struct request *open;
    uint64_t last_id;
    void (*exit_cb)(struct host *host, const char *id, const char *text);
    void (*lost_cb)(struct host *host);
};

bool supervise_name_valid(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > SUPERVISE_NAME_MAX || name[0] == '.')
        return false;
    for (; *name; name++)
        if ((unsigned char)*name < 0x20 || *name == 0x7f || *name == '/')
            return false;
    return true;
}

static int get_string(struct cursor *c, char *out, size_t size)
{
    uint16_t n;
    const uint8_t *p;
    if (cursor_le16(c, &n) < 0 || cursor_bytes(c, n, &p) < 0 || n >= size)
        return -EBADMSG;
    memcpy(out, p, n);
    out[n] = '\0';
    return 0;
}

static void on_reply(struct supervise *sup, uint64_t id, struct cursor *c)
{
    uint32_t code;
    char text[TEXT_MAX];
    if (cursor_le32(c, &code) < 0 || get_string(c, text, sizeof(text)) < 0)
        return;
    for (struct request **p = &sup->open; *p; p = &(*p)->next)
        if ((*p)->id == id) {
            struct request *r = *p;
            *p = r->next;
            if (r->cb)
                r->cb(sup->host, (int32_t)code, text, r->arg);
            mem_free(r);
            return;
        }
}

static void on_message(struct channel *ch, struct channel_msg *msg, void *arg)
{
    (void)ch;
    struct supervise *sup = arg;
    struct cursor c = CURSOR_INIT(msg->body, msg->len);
    char id[SUPERVISE_NAME_MAX + 1], text[TEXT_MAX];
    if (msg->type == SUPERVISE_REPLY)
        on_reply(sup, msg->id, &c);
    else if (msg->type == SUPERVISE_EXITED && get_string(&c, id, sizeof(id)) == 0 &&
             get_string(&c, text, sizeof(text)) == 0 && sup->exit_cb)
        sup->exit_cb(sup->host, id, text);
}

static void on_closed(struct channel *ch, int reason, void *arg)
{
    (void)ch;
    struct supervise *sup = arg;
    log_error("supervise: the supervisor is gone%s%s", reason ? ": " : "",
              reason ? strerror(-reason) : "");
    if (sup->lost_cb)
        sup->lost_cb(sup->host);
}

int supervise_new(struct host *host, int fd, struct supervise **ret)
{
    static const struct channel_ops ops = {.message = on_message, .closed = on_closed};
    struct supervise *sup = mem_calloc(1, sizeof(*sup));
    if (!sup)
        return -ENOMEM;
    sup->host = host;
    int rc = channel_new(host->loop, fd, SUPERVISE_BODY_MAX, SUPERVISE_QUEUE_MAX, &ops, sup,
                         &sup->channel);
    if (rc < 0) {
        mem_free(sup);
        return rc;
    }
    *ret = sup;
    return 0;
}

void supervise_free(struct supervise *sup)
{
    if (!sup)
        return;
    channel_close(sup->channel);
    while (sup->open) {
        struct request *r = sup->open;
        sup->open = r->next;
        if (r->cb)
            r->cb(sup->host, -ECANCELED, "hostd is stopping", r->arg);
        mem_free(r);
    }
    mem_free(sup);
}

void supervise_on_exit(struct supervise *sup,
                       void (*cb)(struct host *host, const char *id, const char *text))
{
    sup->exit_cb = cb;
}

void supervise_on_lost(struct supervise *sup, void (*cb)(struct host *host))
{
    sup->lost_cb = cb;
}

static void put_string(struct buf *b, const char *s)
{
    size_t n = strlen(s);
    buf_put_le16(b, (uint16_t)n);
    buf_put(b, s, n);
}

static int send_request(struct supervise *sup, enum supervise_type type, const struct buf *body,
                        supervise_cb cb, void *arg)
{
    if (buf_error(body))
        return buf_error(body);
    struct request *r = mem_calloc(1, sizeof(*r));
    if (!r)
        return -ENOMEM;
    *r = (struct request){.next = sup->open, .id = ++sup->last_id, .cb = cb, .arg = arg};
    struct iovec part = {.iov_base = body->data, .iov_len = body->len};
    int rc = channel_send(sup->channel, (uint16_t)type, r->id, &part, body->len ? 1 : 0, NULL, 0);
    if (rc < 0)
        mem_free(r);
    else
        sup->open = r;
    return rc;
}

static int check_names(const char *a, const char *b, const char *c)
{
    return supervise_name_valid(a) && supervise_name_valid(b) && supervise_name_valid(c) ? 0
                                                                                         : -EINVAL;
}

int supervise_create(struct supervise *sup, const char *folder, const char *config,
                     const void *text, size_t len, supervise_cb cb, void *arg)
{
    AUTO_BUF struct buf b = BUF_INIT(SUPERVISE_BODY_MAX);
    if (check_names(folder, config, folder) < 0)
        return -EINVAL;
    put_string(&b, folder);
    put_string(&b, config);
    buf_put_le32(&b, (uint32_t)len);
    buf_put(&b, text, len);
    return send_request(sup, SUPERVISE_CREATE, &b, cb, arg);
}

int supervise_clone(struct supervise *sup, const struct supervise_clone *clone, supervise_cb cb,
                    void *arg)
{
    AUTO_BUF struct buf b = BUF_INIT(SUPERVISE_BODY_MAX);
    if (check_names(clone->from_folder, clone->folder, clone->config) < 0)
        return -EINVAL;
    put_string(&b, clone->from_folder);
    put_string(&b, clone->folder);
    put_string(&b, clone->config);
    buf_put_le32(&b, (uint32_t)clone->len);
    buf_put(&b, clone->text, clone->len);
    buf_put_le16(&b, (uint16_t)clone->file_count);
    for (unsigned i = 0; i < clone->file_count; i++) {
        if (check_names(clone->files[i].from, clone->files[i].to, clone->folder) < 0)
            return -EINVAL;
        put_string(&b, clone->files[i].from);
        put_string(&b, clone->files[i].to);
    }
    return send_request(sup, SUPERVISE_CLONE, &b, cb, arg);
}

int supervise_delete(struct supervise *sup, const char *folder, supervise_cb cb, void *arg)
{
    AUTO_BUF struct buf b = BUF_INIT(SUPERVISE_BODY_MAX);
    if (!supervise_name_valid(folder))
        return -EINVAL;
    put_string(&b, folder);
    return send_request(sup, SUPERVISE_DELETE, &b, cb, arg);
}

int supervise_start(struct supervise *sup, const char *id, const char *folder, const char *config,
                    supervise_cb cb, void *arg)
{
    AUTO_BUF struct buf b = BUF_INIT(SUPERVISE_BODY_MAX);
    if (check_names(id, folder, config) < 0)
        return -EINVAL;
    put_string(&b, id);
    put_string(&b, folder);
    put_string(&b, config);
    return send_request(sup, SUPERVISE_START, &b, cb, arg);
}

int supervise_kill(struct supervise *sup, const char *id, supervise_cb cb, void *arg)
{
    AUTO_BUF struct buf b = BUF_INIT(SUPERVISE_BODY_MAX);
    if (!supervise_name_valid(id))
        return -EINVAL;
    put_string(&b, id);
    return send_request(sup, SUPERVISE_KILL, &b, cb, arg);
}

int supervise_gstored(struct supervise *sup, bool run, supervise_cb cb, void *arg)
{
    AUTO_BUF struct buf b = BUF_INIT(1);
    buf_put_u8(&b, run);
    return send_request(sup, SUPERVISE_GSTORED, &b, cb, arg);
}

void supervise_quit(struct supervise *sup)
{
    struct buf none = BUF_INIT(0);
    send_request(sup, SUPERVISE_QUIT, &none, NULL, NULL);
}
