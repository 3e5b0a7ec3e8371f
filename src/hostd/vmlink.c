#include "hostd/vmlink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "hostd/supervise.h"
#include "hostd/vmlink_internal.h"
#include "wire/ctl.h"

#define HELLO_MS       10000u
#define POWER_ON_MS    120000u
#define STOP_MS        30000u
#define EXIT_MS        2000u
#define BACKOFF_MS     1000u
#define BACKOFF_MAX_MS 60000u
#define STABLE_MS      60000u

static void step(struct vmlink *link);

static void set_state(struct vmlink *link, enum vmlink_state state, const json_t *hello,
                      const char *why)
{
    link->state = state;
    if (link->ops->state)
        link->ops->state(link, state, hello, why, link->arg);
}

static void on_step(uv_timer_t *timer)
{
    step(timer->data);
}

static void step_later(struct vmlink *link, uint64_t ms)
{
    uv_timer_start(link->timer, on_step, ms, 0);
}

/* --- going down --- */

static void drop_channel(struct vmlink *link)
{
    channel_close(link->channel);
    link->channel = NULL;
    link->greeted = false;
}

static void stopped(struct vmlink *link)
{
    uv_timer_stop(link->timer);
    drop_channel(link);
    vmlink_fail_all(link, -ENOTCONN, "the VM's process was stopped");
    link->restore_power = link->restore_last = link->powered_on = false;
    set_state(link, VMLINK_STOPPED, NULL, NULL);
}

/* The vmx is gone, or could not be reached: tries again while the link is wanted. */
static void lost(struct vmlink *link, const char *why)
{
    bool was_up = link->state == VMLINK_UP;
    drop_channel(link);
    vmlink_fail_all(link, -ENOTCONN, why);
    if (link->state == VMLINK_STOPPING) {
        /* Its folder is free only when the process has ended, which the supervisor tells, unless
         * an earlier supervisor had started it. */
        if (link->exited || !link->host->sup)
            stopped(link);
        else
            step_later(link, EXIT_MS);
        return;
    }
    if (link->state == VMLINK_STOPPED)
        return;
    if (link->powered_on)
        link->restore_power = true;
    link->powered_on = false;
    if (was_up && clock_ms() - link->up_since_ms >= STABLE_MS)
        link->failures = 0;
    uint64_t wait = 0;
    if (link->failures++ > 0) {
        wait = BACKOFF_MS;
        for (unsigned i = 2; i < link->failures && wait < BACKOFF_MAX_MS; i++)
            wait *= 2;
        if (wait > BACKOFF_MAX_MS)
            wait = BACKOFF_MAX_MS;
    }
    log_warn("vmlink: %s: %s; trying again in %llu ms", link->id, why, (unsigned long long)wait);
    step_later(link, wait);
    set_state(link, VMLINK_STARTING, NULL, why);
}

/* --- messages --- */

static void note_power(struct vmlink *link, const json_t *body)
{
    const char *power = json_string_value(json_object_get(body, "power"));
    if (power)
        link->powered_on = strcmp(power, "poweredOn") == 0;
}

static void on_event(struct vmlink *link, const json_t *body)
{
    const char *name = json_string_value(json_object_get(body, "event"));
    if (!name)
        return;
    if (strcmp(name, "power") == 0) {
        note_power(link, body);
        link->restore_power = link->restore_last = false; /* whoever changed it knows better */
    }
    if (link->ops->event && link->state != VMLINK_STARTING)
        link->ops->event(link, name, body, link->arg);
}

static void on_message(struct channel *ch, struct channel_msg *msg, void *arg)
{
    (void)ch;
    struct vmlink *link = arg;
    json_t *body;
    const uint8_t *blob;
    size_t blob_len;
    if (ctl_decode(msg->body, msg->len, &body, &blob, &blob_len) < 0) {
        lost(link, "the VM's process sent what is no message");
        return;
    }
    link->in_callback++;
    if (msg->type == CTL_REPLY)
        vmlink_take_reply(link, msg->id, body, blob, blob_len, msg->nfds ? msg->fds : NULL);
    else if (msg->type == CTL_EVENT)
        on_event(link, body);
    json_decref(body);
    vmlink_leave_callback(link);
}

static void on_closed(struct channel *ch, int reason, void *arg)
{
    (void)ch;
    struct vmlink *link = arg;
    char why[128];
    snprintf(why, sizeof(why), "the VM's process has gone%s%s", reason ? ": " : "",
             reason ? strerror(-reason) : "");
    link->in_callback++;
    lost(link, why);
    vmlink_leave_callback(link);
}

/* --- coming up --- */

static void on_power_restored(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    (void)arg;
    if (reply->code < 0)
        log_error("vmlink: %s: cannot be powered on again: %s", link->id, reply->text);
    else
        log_info("vmlink: %s: powered on again", link->id);
}

static void restore_power(struct vmlink *link)
{
    json_t *args = json_pack("{s:s}", "action", "on");
    link->restore_power = false;
    if (!args || vmlink_request(link, "power", args, NULL, 0, NULL, 0, POWER_ON_MS,
                                on_power_restored, NULL, NULL) < 0)
        log_error("vmlink: %s: cannot be powered on again", link->id);
    json_decref(args);
}

static void on_hello(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    (void)arg;
    if (reply->code == -ENOTCONN || reply->code == -ECANCELED)
        return; /* told already */
    if (reply->code < 0) {
        lost(link, reply->text);
        return;
    }
    if (json_integer_value(json_object_get(reply->result, "protocol")) != CTL_PROTOCOL) {
        lost(link, "the VM's process speaks another protocol");
        return;
    }
    link->greeted = true;
    link->up_since_ms = clock_ms();
    note_power(link, reply->result);
    const char *last = json_string_value(json_object_get(reply->result, "lastPower"));
    bool restore =
        !link->powered_on &&
        (link->restore_power || (link->restore_last && last && strcmp(last, "poweredOn") == 0));
    link->restore_power = link->restore_last = false;
    log_info("vmlink: %s: connected", link->id);
    set_state(link, VMLINK_UP, reply->result, NULL);
    if (restore && link->state == VMLINK_UP)
        restore_power(link);
}

static int attach(struct vmlink *link)
{
    static const struct channel_ops ops = {.message = on_message, .closed = on_closed};
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof(path), "%s/vm/%s/ctl", link->host->options.run_dir,
                         link->id) >= sizeof(path))
        return -ENAMETOOLONG;
    int fd = sock_connect_unix(path, NULL);
    if (fd < 0)
        return fd;
    int rc =
        channel_new(link->host->loop, fd, CTL_BODY_MAX, CTL_QUEUE_MAX, &ops, link, &link->channel);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    link->exited = false;
    json_t *args = json_pack("{s:i}", "protocol", CTL_PROTOCOL);
    rc = args ? vmlink_send(link, "hello", args, NULL, 0, NULL, 0, HELLO_MS, on_hello, NULL, NULL)
              : -ENOMEM;
    json_decref(args);
    if (rc < 0)
        drop_channel(link);
    return rc;
}

struct start_wait {
    struct vmlink *link; /* NULL: freed meanwhile */
};

static void on_started(struct host *host, int code, const char *text, void *arg)
{
    struct start_wait *w = arg;
    struct vmlink *link = w->link;
    (void)host;
    mem_free(w);
    if (!link)
        return;
    link->starting = NULL;
    if (link->state != VMLINK_STARTING)
        return;
    int rc = code == 0 || code == -EEXIST ? attach(link) : 0;
    if (code == 0 && rc == 0)
        return;
    char why[512];
    if (code < 0 && code != -EEXIST)
        snprintf(why, sizeof(why), "the VM's process does not start: %s", text);
    else if (rc < 0)
        snprintf(why, sizeof(why), "the VM's process cannot be reached: %s", strerror(-rc));
    else
        return;
    lost(link, why);
}

/* One attempt: attach to the vmx that runs, or start one. */
static void step(struct vmlink *link)
{
    if (link->state == VMLINK_STOPPING) {
        if (link->channel)
            log_warn("vmlink: %s: did not stop in time", link->id);
        stopped(link);
        return;
    }
    if (link->state != VMLINK_STARTING || link->channel || link->starting)
        return;
    int rc = attach(link);
    if (rc == 0)
        return;
    if ((rc != -ENOENT && rc != -ECONNREFUSED) || !link->host->sup) {
        char why[128];
        snprintf(why, sizeof(why), "the VM's process cannot be reached: %s", strerror(-rc));
        lost(link, why);
        return;
    }
    struct start_wait *w = mem_calloc(1, sizeof(*w));
    if (w) {
        w->link = link;
        rc = supervise_start(link->host->sup, link->id, link->folder, link->config, on_started, w);
    }
    if (!w || rc < 0) {
        mem_free(w);
        lost(link, "the supervisor cannot be asked");
        return;
    }
    link->starting = w;
}

void vmlink_start(struct vmlink *link)
{
    if (link->state == VMLINK_STARTING || link->state == VMLINK_UP)
        return;
    link->failures = 0;
    link->state = VMLINK_STARTING;
    step_later(link, 0);
}

/* --- stopping --- */

static void kill_vmx(struct vmlink *link)
{
    if (link->host->sup)
        supervise_kill(link->host->sup, link->id, NULL, NULL);
}

static void on_shutdown(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    (void)arg;
    if (link->state != VMLINK_STOPPING || reply->code == 0 || reply->code == -ENOTCONN ||
        reply->code == -ECANCELED)
        return; /* the end of the connection follows */
    if (link->force) {
        kill_vmx(link);
        return;
    }
    uv_timer_stop(link->timer);
    set_state(link, VMLINK_UP, NULL, reply->text);
}

void vmlink_restore_last(struct vmlink *link)
{
    link->restore_last = link->state == VMLINK_STARTING;
}

void vmlink_stop(struct vmlink *link, bool force)
{
    bool up = link->state == VMLINK_UP;
    link->force = force;
    if (link->state == VMLINK_STOPPED || link->state == VMLINK_STOPPING)
        return;
    link->state = VMLINK_STOPPING;
    link->restore_power = link->restore_last = false;
    step_later(link, STOP_MS);
    if (up && vmlink_send(link, "shutdown", NULL, NULL, 0, NULL, 0, STOP_MS / 2, on_shutdown, NULL,
                          NULL) == 0)
        return;
    /* Nobody there to ask, or one who does not listen. */
    kill_vmx(link);
    step_later(link, link->channel ? STOP_MS : 0);
}

/* --- life --- */

static struct vmlinks *links_of(struct host *host)
{
    return host->vmlinks;
}

static void on_vmx_exit(struct host *host, const char *id, const char *text)
{
    const struct vmlinks *all = links_of(host); /* NULL: hostd is stopping */
    for (struct vmlink *l = all ? all->list : NULL; l; l = l->next)
        if (strcmp(l->id, id) == 0) {
            log_info("vmlink: %s: %s", id, text);
            l->exited = true;
            /* The channel's end tells the same; without a channel nothing else would. */
            if (!l->channel && l->state == VMLINK_STOPPING)
                stopped(l);
            return;
        }
}

int vmlink_new(struct host *host, const char *id, const char *folder, const char *config,
               const struct vmlink_ops *ops, void *arg, struct vmlink **ret)
{
    struct vmlink *link = mem_calloc(1, sizeof(*link));
    uv_timer_t *timer = mem_calloc(1, sizeof(*timer));
    if (!link || !timer || !(link->id = mem_strdup(id)) || !(link->folder = mem_strdup(folder)) ||
        !(link->config = mem_strdup(config))) {
        if (link) {
            mem_free(link->id);
            mem_free(link->folder);
        }
        mem_free(link);
        mem_free(timer);
        return -ENOMEM;
    }
    link->host = host;
    link->ops = ops;
    link->arg = arg;
    link->timer = timer;
    uv_timer_init(host->loop, timer);
    timer->data = link;
    struct vmlinks *all = links_of(host);
    link->next = all->list;
    link->prev = &all->list;
    if (link->next)
        link->next->prev = &link->next;
    all->list = link;
    *ret = link;
    return 0;
}

static void free_timer(uv_handle_t *h)
{
    mem_free(h);
}

void vmlink_leave_callback(struct vmlink *link)
{
    if (--link->in_callback > 0 || !link->freed)
        return;
    mem_free(link->id);
    mem_free(link->folder);
    mem_free(link->config);
    mem_free(link);
}

void vmlink_free(struct vmlink *link)
{
    if (!link || link->freed)
        return;
    link->in_callback++;
    link->freed = true;
    link->state = VMLINK_STOPPED;
    drop_channel(link);
    vmlink_fail_all(link, -ECANCELED, "the VM is no longer managed");
    if (link->starting)
        link->starting->link = NULL;
    *link->prev = link->next;
    if (link->next)
        link->next->prev = link->prev;
    uv_timer_stop(link->timer);
    uv_close((uv_handle_t *)link->timer, free_timer);
    vmlink_leave_callback(link);
}

enum vmlink_state vmlink_state(const struct vmlink *link)
{
    return link->state;
}

static int start_module(struct host *host, struct error *err)
{
    host->vmlinks = mem_calloc(1, sizeof(*host->vmlinks));
    if (!host->vmlinks)
        return error_set(err, -ENOMEM, "no memory");
    if (host->sup)
        supervise_on_exit(host->sup, on_vmx_exit);
    return 0;
}

static void stop_module(struct host *host)
{
    while (host->vmlinks->list)
        vmlink_free(host->vmlinks->list);
    mem_free(host->vmlinks);
    host->vmlinks = NULL;
}

const struct host_module vmlink_module = {
    .name = "vmlink", .start = start_module, .stop = stop_module};

/* --- folders --- */

int vmlink_create_folder(struct host *host, const char *folder, const char *config,
                         const void *text, size_t len, vmlink_done_cb cb, void *arg)
{
    return host->sup ? supervise_create(host->sup, folder, config, text, len, cb, arg) : -ENOTCONN;
}

int vmlink_clone_folder(struct host *host, const struct supervise_clone *clone, vmlink_done_cb cb,
                        void *arg)
{
    return host->sup ? supervise_clone(host->sup, clone, cb, arg) : -ENOTCONN;
}

int vmlink_delete_folder(struct host *host, const char *folder, vmlink_done_cb cb, void *arg)
{
    return host->sup ? supervise_delete(host->sup, folder, cb, arg) : -ENOTCONN;
}
