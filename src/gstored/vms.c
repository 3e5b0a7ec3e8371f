#include "gstored/vms.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/channel.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "gstored/path.h"
#include "gstored/request_log.h"
#include "gstored/rules.h"
#include "wire/gstore.h"

struct count {
    uint64_t requests, denied, missing, failed, served;
};

struct request {
    struct repo_reader reader; /* first */
    struct request *next, **link;
    struct vm *vm;
    uint64_t id;
    uv_timer_t timer;
    uint64_t started_ms, size, available;
    bool open, reading;
    char path[GSTORE_PATH_MAX + 1];
    char rule[RULES_REASON_MAX];
};

struct vm {
    struct vm *next;
    struct vms *vms;
    char id[VMS_ID_MAX + 1];
    struct rules *rules;
    struct channel *channel; /* NULL: none now */
    struct request *requests;
    unsigned open;
    struct count count;
};

struct vms {
    uv_loop_t *loop;
    struct repo *repo;
    struct vm *list;
    unsigned count;
    struct count total;
};

/* ---- answers ---- */

static void drop_channel(struct vm *vm);

static int tell(struct request *rq, const struct gstore_msg *m, int fd)
{
    AUTO_BUF struct buf b = BUF_INIT(GSTORE_BODY_MAX);
    int rc = gstore_encode(&b, m);
    struct iovec part = {b.data, b.len};

    if (rc == 0)
        return channel_send(rq->vm->channel, (uint16_t)m->type, rq->id, &part, b.len ? 1 : 0, &fd,
                            fd >= 0 ? 1 : 0);
    if (fd >= 0)
        close(fd);
    return rc;
}

static void timer_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void log_request(const struct request *rq, int code, const char *text)
{
    /* The path, which a guest chose, comes last: it cannot pass for another field. */
    request_log(
        "vm=%s result=%s source=%s bytes=%" PRIu64 " ms=%" PRIu64 " rule=\"%s\"%s%s path=%s",
        rq->vm->id, code ? strerrorname_np(-code) : "ok",
        rq->reader.source ? rq->reader.source : "-", rq->open ? rq->available : 0,
        clock_ms() - rq->started_ms, rq->rule, text ? " why=" : "", text ? text : "", rq->path);
}

static void count_end(struct count *c, const struct request *rq, int code)
{
    c->requests++;
    c->denied += code == -EPERM;
    c->missing += code == -ENOENT;
    c->failed += code && code != -EPERM && code != -ENOENT;
    c->served += rq->open ? rq->available : 0;
}

/* The request is over; it is gone after this. */
static void end(struct request *rq, int code, const char *text)
{
    struct vm *vm = rq->vm;
    const struct gstore_msg m = {
        .type = GSTORE_END, .code = code, .text = text, .text_len = text ? strlen(text) : 0};

    count_end(&vm->count, rq, code);
    count_end(&vm->vms->total, rq, code);
    log_request(rq, code, text);
    *rq->link = rq->next;
    if (rq->next)
        rq->next->link = rq->link;
    vm->open--;
    if (rq->reading)
        repo_cancel(vm->vms->repo, &rq->reader);
    if (vm->channel && tell(rq, &m, -1) < 0)
        drop_channel(vm); /* it does not read, and would wait for this END for ever */
    uv_close((uv_handle_t *)&rq->timer, timer_closed);
}

static void on_time(uv_timer_t *timer)
{
    struct request *rq = timer->data;
    end(rq, -ETIMEDOUT, "the repository does not answer");
}

static void more_time(struct request *rq, uint64_t ms)
{
    uv_timer_start(&rq->timer, on_time, ms, 0);
}

/* ---- the repository's answers ---- */

static void opened(struct repo_reader *rd, int fd, uint64_t size, uint64_t available)
{
    struct request *rq = (struct request *)rd;
    const struct gstore_msg m = {.type = GSTORE_OPENED, .size = size, .available = available};

    rq->open = true;
    rq->size = size;
    rq->available = available;
    more_time(rq, VMS_STALL_MS);
    if (tell(rq, &m, fd) < 0)
        end(rq, -ENOBUFS, "vmx does not read");
}

static void progress(struct repo_reader *rd, uint64_t available)
{
    struct request *rq = (struct request *)rd;
    const struct gstore_msg m = {.type = GSTORE_PROGRESS, .available = available};

    if (available <= rq->available)
        return;
    rq->available = available;
    more_time(rq, VMS_STALL_MS);
    /* What is not told now is told by the next one, or by END. */
    if (channel_queued(rq->vm->channel) == 0)
        tell(rq, &m, -1);
}

static void ended(struct repo_reader *rd, int code, const char *text)
{
    struct request *rq = (struct request *)rd;

    rq->reading = false;
    if (code == 0)
        rq->available = rq->size;
    end(rq, code, text);
}

static const struct repo_reader_ops reader_ops = {opened, progress, ended};

/* ---- vmx asks ---- */

static struct request *find(struct vm *vm, uint64_t id)
{
    struct request *rq = vm->requests;
    while (rq && rq->id != id)
        rq = rq->next;
    return rq;
}

static void get(struct vm *vm, uint64_t id, const struct gstore_msg *m)
{
    struct request *rq = mem_calloc(1, sizeof(*rq));
    struct vms *v = vm->vms;
    const char *bad;
    int rc;

    if (!rq) {
        drop_channel(vm);
        return;
    }
    rq->vm = vm;
    rq->id = id;
    rq->started_ms = clock_ms();
    rq->reader.ops = &reader_ops;
    uv_timer_init(v->loop, &rq->timer);
    rq->timer.data = rq;
    rq->next = vm->requests;
    rq->link = &vm->requests;
    if (rq->next)
        rq->next->link = &rq->next;
    vm->requests = rq;
    bad = path_resolve(m->path, m->path_len, rq->path);
    if (bad) { /* for the log, as it came */
        memcpy(rq->path, m->path, m->path_len);
        rq->path[m->path_len] = '\0';
    }
    if (++vm->open > GSTORE_REQUESTS_MAX) {
        end(rq, -EBUSY, "too many requests at once");
    } else if (bad) {
        end(rq, -EPERM, bad);
    } else if (!rules_allow(vm->rules, rq->path, strlen(rq->path), rq->rule)) {
        end(rq, -EPERM, "refused by a rule");
    } else if (!v->repo) {
        end(rq, -ENODEV, "there is no repository");
    } else if ((rc = repo_read(v->repo, rq->path, &rq->reader)) < 0) {
        end(rq, rc, "the request cannot be begun");
    } else {
        rq->reading = true;
        more_time(rq, VMS_OPEN_MS);
    }
}

static void on_message(struct channel *ch, struct channel_msg *msg, void *arg)
{
    struct vm *vm = arg;
    struct gstore_msg m;
    struct request *rq = find(vm, msg->id);

    (void)ch;
    if (gstore_decode(msg->type, msg->body, msg->len, &m) == 0 && msg->id && !msg->nfds) {
        if (m.type == GSTORE_GET && !rq) {
            get(vm, msg->id, &m);
            return;
        }
        if (m.type == GSTORE_CANCEL) {
            if (rq) /* else its END is under way */
                end(rq, -ECANCELED, "vmx has cancelled it");
            return;
        }
    }
    log_warn("vm %s: its vmx talks nonsense; the connection is closed", vm->id);
    drop_channel(vm);
}

static void on_closed(struct channel *ch, int reason, void *arg)
{
    (void)ch;
    (void)reason;
    drop_channel(arg);
}

/* Nobody waits for the open requests any more. */
static void drop_channel(struct vm *vm)
{
    struct channel *ch = TAKE_PTR(vm->channel);

    channel_close(ch);
    while (vm->requests)
        end(vm->requests, -ECANCELED, "the VM's connection has ended");
}

/* ---- hostd says ---- */

static struct vm *find_vm(const struct vms *v, const char *id)
{
    struct vm *vm = v->list;
    while (vm && strcmp(vm->id, id) != 0)
        vm = vm->next;
    return vm;
}

static int set_rules(struct vm *vm, const char *grant, const char *deny)
{
    struct rules *r;
    int rc = rules_new(grant, deny, &r);

    if (rc < 0)
        return rc;
    if (rules_problem(r))
        log_error("vm %s: every request is denied: %s", vm->id, rules_problem(r));
    rules_free(vm->rules);
    vm->rules = r;
    return 0;
}

int vms_rules(struct vms *v, const char *id, const char *grant, const char *deny)
{
    struct vm *vm = find_vm(v, id);
    return vm ? set_rules(vm, grant, deny) : -ENOENT;
}

static int add_vm(struct vms *v, const char *id, struct vm **ret)
{
    size_t n = strnlen(id, VMS_ID_MAX + 1);
    struct vm *vm;

    if (n < 1 || n > VMS_ID_MAX)
        return -EINVAL;
    if (v->count >= VMS_MAX)
        return -ENOSPC;
    vm = mem_calloc(1, sizeof(*vm));
    if (!vm)
        return -ENOMEM;
    memcpy(vm->id, id, n);
    vm->vms = v;
    vm->next = v->list;
    v->list = vm;
    v->count++;
    *ret = vm;
    return 0;
}

int vms_attach(struct vms *v, const char *id, const char *grant, const char *deny, int fd)
{
    static const struct channel_ops ops = {.message = on_message, .closed = on_closed};
    struct vm *vm = find_vm(v, id);
    int rc = vm ? 0 : add_vm(v, id, &vm);

    /* The rules first: without them nothing may be asked. */
    if (rc == 0)
        rc = set_rules(vm, grant, deny);
    if (rc == 0) {
        drop_channel(vm);
        rc = channel_new(v->loop, fd, GSTORE_BODY_MAX, GSTORE_QUEUE_MAX, &ops, vm, &vm->channel);
    }
    if (rc < 0)
        close(fd);
    return rc;
}

static void free_vm(struct vm *vm)
{
    drop_channel(vm);
    rules_free(vm->rules);
    mem_free(vm);
}

int vms_detach(struct vms *v, const char *id)
{
    for (struct vm **p = &v->list; *p; p = &(*p)->next)
        if (strcmp((*p)->id, id) == 0) {
            struct vm *vm = *p;
            *p = vm->next;
            v->count--;
            free_vm(vm);
            return 0;
        }
    return -ENOENT;
}

/* ---- what is shown ---- */

json_t *vms_attached(const struct vms *v)
{
    json_t *list = json_array();
    for (const struct vm *vm = v->list; vm; vm = vm->next)
        if (vm->channel)
            json_array_append_new(list, json_string(vm->id));
    return list;
}

static void put_count(json_t *object, const struct count *c)
{
    json_object_set_new(object, "requests", json_integer((json_int_t)c->requests));
    json_object_set_new(object, "denied", json_integer((json_int_t)c->denied));
    json_object_set_new(object, "missing", json_integer((json_int_t)c->missing));
    json_object_set_new(object, "failed", json_integer((json_int_t)c->failed));
    json_object_set_new(object, "served", json_integer((json_int_t)c->served));
}

void vms_status(const struct vms *v, json_t *object)
{
    json_t *list = json_array();
    unsigned n = 0;

    put_count(object, &v->total);
    for (const struct vm *vm = v->list; vm && n < VMS_STATUS_VMS_MAX; vm = vm->next, n++) {
        json_t *one = json_pack("{s:s, s:b}", "vm", vm->id, "attached", vm->channel != NULL);
        put_count(one, &vm->count);
        if (vm->rules && rules_problem(vm->rules))
            json_object_set_new(one, "problem", json_string(rules_problem(vm->rules)));
        json_array_append_new(list, one);
    }
    json_object_set_new(object, "vms", list);
}

int vms_new(uv_loop_t *loop, struct repo *repo, struct vms **ret)
{
    struct vms *v = mem_calloc(1, sizeof(*v));
    if (!v)
        return -ENOMEM;
    v->loop = loop;
    v->repo = repo;
    *ret = v;
    return 0;
}

void vms_free(struct vms *v)
{
    if (!v)
        return;
    while (v->list) {
        struct vm *vm = v->list;
        v->list = vm->next;
        free_vm(vm);
    }
    mem_free(v);
}
