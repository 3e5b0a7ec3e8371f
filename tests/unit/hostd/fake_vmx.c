#include "fake_vmx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/sock.h"
#include "wire/ctl.h"

static void send_message(struct fake_vmx *v, uint16_t type, uint64_t id, json_t *object)
{
    AUTO_BUF struct buf b = BUF_INIT(CTL_BODY_MAX);
    struct iovec part;

    assert_non_null(object);
    assert_int_equal(ctl_encode(&b, object, NULL, 0), 0);
    json_decref(object);
    part = (struct iovec){b.data, b.len};
    assert_int_equal(channel_send(v->channel, type, id, &part, 1, NULL, 0), 0);
}

static json_t *answer_power(struct fake_vmx *v, const char *action)
{
    snprintf(v->last_action, sizeof(v->last_action), "%s", action);
    if (v->fail_power)
        return json_pack("{s:{s:s, s:i, s:i, s:s}}", "error", "hop", "machine", "errno",
                         v->fail_power, "vix", 0, "text", "the machine does not want to");
    if (!strcmp(action, "on") || !strcmp(action, "reset"))
        v->power = "poweredOn";
    else if (!strcmp(action, "off"))
        v->power = "poweredOff";
    else if (!strcmp(action, "suspend"))
        v->power = "suspended";
    return json_pack("{s:{}}", "result");
}

static json_t *answer(struct fake_vmx *v, const char *op, const json_t *request)
{
    const char *key;
    json_t *value;

    if (!strcmp(op, "hello"))
        return json_pack("{s:{s:i, s:i, s:s, s:s, s:O, s:{}}}", "result", "protocol", 1, "pid", 1,
                         "version", "0", "power", v->power, "config", v->config, "guest");
    if (!strcmp(op, "power"))
        return answer_power(v, json_string_value(json_object_get(request, "action")));
    if (!strcmp(op, "guestinfo.get"))
        return json_pack("{s:{s:{}}}", "result", "values");
    if (!strcmp(op, "config.set")) {
        json_object_foreach(json_object_get(request, "set"), key, value)
        {
            if (json_is_null(value))
                json_object_del(v->config, key);
            else
                json_object_set(v->config, key, value);
        }
    }
    return json_pack("{s:{}}", "result");
}

static void on_message(struct channel *ch, struct channel_msg *msg, void *arg)
{
    struct fake_vmx *v = arg;
    json_t *request;
    const uint8_t *blob;
    size_t blob_len;
    const char *op;

    (void)ch;
    if (msg->type != CTL_REQUEST)
        return;
    assert_int_equal(ctl_decode(msg->body, msg->len, &request, &blob, &blob_len), 0);
    op = json_string_value(json_object_get(request, "op"));
    assert_non_null(op);
    snprintf(v->last_op, sizeof(v->last_op), "%s", op);
    v->requests++;
    send_message(v, CTL_REPLY, msg->id, answer(v, op, request));
    json_decref(request);
}

static void on_closed(struct channel *ch, int reason, void *arg)
{
    struct fake_vmx *v = arg;

    (void)reason;
    channel_close(ch);
    v->channel = NULL;
}

static const struct channel_ops ops = {.message = on_message, .closed = on_closed};

static void on_connection(uv_poll_t *handle, int status, int events)
{
    struct fake_vmx *v = handle->data;
    int fd = accept4(v->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)status;
    (void)events;
    if (fd < 0)
        return;
    channel_close(v->channel);
    assert_int_equal(
        channel_new(&v->f->loop, fd, CTL_BODY_MAX, CTL_QUEUE_MAX, &ops, v, &v->channel), 0);
}

void fake_vmx_start(struct fake_vmx *v, struct fixture *f, const char *id)
{
    struct error err = {0};
    char path[128];

    *v = (struct fake_vmx){.f = f, .power = "poweredOff"};
    v->config = json_pack("{s:s, s:s, s:s, s:s}", "displayName", "one", "guestOS", "debian12-64",
                          "memSize", "256", "numvcpus", "2");
    snprintf(path, sizeof(path), "%s/vm/%s", f->run_dir, id);
    assert_int_equal(fs_mkdirs(path, 0700, &err), 0);
    snprintf(path, sizeof(path), "%s/vm/%s/ctl", f->run_dir, id);
    v->fd = sock_listen_unix(path, 0600, &err);
    assert_true(v->fd >= 0);
    assert_int_equal(uv_poll_init(&f->loop, &v->listener, v->fd), 0);
    v->listener.data = v;
    assert_int_equal(uv_poll_start(&v->listener, UV_READABLE, on_connection), 0);
}

void fake_vmx_event(struct fake_vmx *v, json_t *event)
{
    assert_non_null(v->channel);
    send_message(v, CTL_EVENT, 0, event);
}

void fake_vmx_stop(struct fake_vmx *v)
{
    channel_close(v->channel);
    v->channel = NULL;
    uv_close((uv_handle_t *)&v->listener, NULL);
    uv_run(&v->f->loop, UV_RUN_NOWAIT);
    close(v->fd);
    json_decref(v->config);
}
