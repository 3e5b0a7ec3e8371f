#include "hostd/transfer_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/guest.h"
#include "hostd/guest_op.h"
#include "hostd/guest_target.h"
#include "hostd/http.h"
#include "hostd/random.h"
#include "wire/vix_error.h"

#define SWEEP_MS 15000

struct transfers {
    struct host *host;
    struct transfer *list; /* newest first */
    size_t count;
    uint64_t last_id;
    uv_timer_t sweep;
};

static struct transfers *transfers_of(struct host *host)
{
    return host->guestops;
}

static void transfer_drop(struct transfer *t)
{
    struct transfer **at = &t->all->list;

    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    t->all->count--;
    vix_credential_clear(&t->credential);
    explicit_bzero(t->token, sizeof(t->token));
    mem_free(t->vm);
    mem_free(t->path);
    mem_free(t->user);
    mem_free(t->words);
    mem_free(t);
}

static bool busy(const struct transfer *t)
{
    return t->req || t->pending || t->body_pending;
}

/* --- offers --- */

/* Some clients replace every "443" and every "*" in the URL by the server's port and name. */
static uint64_t next_id(struct transfers *all)
{
    char text[24];

    do
        snprintf(text, sizeof(text), "%llu", (unsigned long long)++all->last_id);
    while (strstr(text, "443"));
    return all->last_id;
}

static void make_room(struct transfers *all)
{
    struct transfer *oldest = NULL;

    if (all->count < TRANSFER_MAX)
        return;
    for (struct transfer *t = all->list; t; t = t->next)
        if (!busy(t))
            oldest = t;
    if (oldest)
        transfer_drop(oldest);
}

const char *transfer_offer(struct host *host, struct arena *arena,
                           const struct transfer_request *request,
                           struct vix_credential *credential)
{
    struct transfers *all = transfers_of(host);
    struct transfer *t;
    const char *url;

    make_room(all);
    t = mem_calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->all = all;
    t->socket = -1;
    t->next = all->list;
    all->list = t;
    all->count++;
    t->id = next_id(all);
    t->vm = mem_strdup(request->vm.value);
    t->path = mem_strdup(request->path);
    t->user = mem_strdup(request->user);
    t->upload = request->upload;
    t->overwrite = request->overwrite;
    t->size = request->size;
    t->expires = clock_ms() + TRANSFER_IDLE_MS;
    random_hex(t->token, TRANSFER_TOKEN_SIZE - 1);
    url = t->vm && t->path && t->user
              ? arena_printf(arena, "https://*:%u/guestFile?id=%llu&token=%s", host->options.port,
                             (unsigned long long)t->id, t->token)
              : NULL;
    if (!url) {
        transfer_drop(t);
        return NULL;
    }
    if (request->attributes) {
        t->attributes = *request->attributes;
        t->attributes.path = t->path;
    }
    t->credential = *credential;
    *credential = (struct vix_credential){0};
    return url;
}

/* --- a transfer at work --- */

static void start(struct transfer *t);

static unsigned running_of(const struct transfers *all, const char *vm)
{
    unsigned n = 0;

    for (const struct transfer *t = all->list; t; t = t->next)
        n += t->running && !strcmp(t->vm, vm);
    return n;
}

/* The one that has waited longest for this VM; the list has the newest first. */
static void start_next(struct transfers *all, const char *vm)
{
    struct transfer *first = NULL;

    for (struct transfer *t = all->list; t; t = t->next)
        if (t->waiting && !strcmp(t->vm, vm))
            first = t;
    if (first && running_of(all, vm) < TRANSFER_RUNNING_MAX)
        start(first);
}

/* Everything that belongs to this attempt has come to its end. */
void transfer_settle(struct transfer *t)
{
    struct transfers *all = t->all;
    AUTO_FREE char *vm = NULL;

    if (busy(t))
        return;
    vm = mem_strdup(t->vm);
    log_info("transfer %llu %s %s \"%s\" for %s: %s", (unsigned long long)t->id,
             t->upload ? "to" : "from", t->vm, t->path, t->user,
             t->complete ? "complete" : "not complete");
    t->running = t->waiting = t->opened = t->answered = false;
    t->status = 0;
    t->expires = clock_ms() + TRANSFER_IDLE_MS;
    if (t->complete)
        transfer_drop(t);
    if (vm)
        start_next(all, vm);
}

struct vim_ref transfer_vm(const struct transfer *t)
{
    return vim_ref_make("VirtualMachine", t->vm);
}

int transfer_ask(struct transfer *t, const char *op, json_t *args, const void *blob, size_t len,
                 int fd, uint64_t deadline, vmlink_reply_cb cb)
{
    struct vmlink *link = guest_target_link(t->all->host, transfer_vm(t));
    int r = args ? -ENOTCONN : -ENOMEM;

    if (args && link)
        r = vmlink_request(link, op, args, blob, len, fd >= 0 ? &fd : NULL, fd >= 0, deadline, cb,
                           t, NULL);
    else if (fd >= 0)
        close(fd);
    json_decref(args);
    if (!r)
        t->pending++;
    return r;
}

static void answer(struct transfer *t, unsigned status, const char *text)
{
    struct http_request *req = t->req;

    if (!req || t->answered || t->status)
        return;
    if (t->body_pending) {
        mem_free(t->words);
        t->words = mem_strdup(text);
        t->status = status;
        return;
    }
    t->answered = true;
    if (status >= 400)
        log_info("%s: transfer %llu: %u %s", http_source(req), (unsigned long long)t->id, status,
                 text);
    http_respond_text(req, status, text);
}

static void close_guest_file(struct transfer *t)
{
    if (!t->opened)
        return;
    t->opened = false;
    t->carrier->close(t);
}

void transfer_fail(struct transfer *t, unsigned status, const char *text)
{
    if (t->answered && t->req && !t->upload)
        http_abort(t->req); /* the header promised more bytes than there are */
    answer(t, status, text);
    close_guest_file(t);
    transfer_settle(t);
}

void transfer_fail_reply(struct transfer *t, const struct vmlink_reply *reply)
{
    char text[ERROR_TEXT_MAX + 128];
    unsigned status = 500;

    switch (reply->vix) {
    case VIX_E_FILE_NOT_FOUND:
        status = 404;
        break;
    case VIX_E_INVALID_ARG:
    case VIX_E_FILE_NAME_INVALID:
        status = 400;
        break;
    case VIX_E_DISK_FULL:
        status = 507;
        break;
    default:
        if (reply->code == -EMSGSIZE)
            status = 400;
        break;
    }
    snprintf(text, sizeof(text), "%s: %s", reply->hop ? reply->hop : "hostd",
             reply->text ? reply->text : strerror(-reply->code));
    transfer_fail(t, status, text);
}

void transfer_moved(struct transfer *t)
{
    t->opened = false; /* and closed in the guest */
    t->complete = true;
    if (t->upload)
        answer(t, 200, "");
    transfer_settle(t);
}

void transfer_body_over(struct transfer *t, int code)
{
    unsigned status = t->status;

    t->body_pending = false;
    t->status = 0;
    /* A client that is gone (-ECONNRESET) needs no answer: `ended` follows and cleans up. */
    if (status && code != -ECONNRESET)
        answer(t, status, t->words ? t->words : "");
    transfer_settle(t);
}

struct host *transfer_host(const struct transfer *t)
{
    return t->all->host;
}

unsigned transfer_deadline_ms(const struct transfer *t)
{
    return guest_op_deadline_ms(t->all->host);
}

static void start(struct transfer *t)
{
    t->waiting = false;
    t->running = true;
    http_stream_client_patience(t->req, transfer_deadline_ms(t));
    t->carrier = &transfer_by_stream;
    t->carrier->start(t);
}

/* --- HTTP --- */

static struct transfer *find(struct transfers *all, const char *id, const char *token)
{
    char text[24];

    if (!id || !token)
        return NULL;
    for (struct transfer *t = all->list; t; t = t->next) {
        snprintf(text, sizeof(text), "%llu", (unsigned long long)t->id);
        if (!strcmp(text, id))
            return random_hex_equal(t->token, token) && (busy(t) || t->expires > clock_ms()) ? t
                                                                                             : NULL;
    }
    return NULL;
}

static void refuse(struct http_request *req, unsigned status, const char *text)
{
    log_info("%s: /guestFile: %u %s", http_source(req), status, text);
    http_respond_text(req, status, text);
}

static void on_gone(struct http_request *req, void *arg)
{
    struct transfer *t = arg;

    /* Still to be answered, but nobody waits: what has not begun need not begin. */
    if (t->waiting) {
        t->waiting = false;
        answer(t, 500, "the client went away");
    }
    (void)req;
}

static void handle(struct http_request *req)
{
    struct transfers *all = transfers_of(http_host(req));
    struct transfer *t = find(all, http_query(req, "id"), http_query(req, "token"));
    int64_t length = http_content_length(req);

    if (!t) {
        refuse(req, 404, "There is no such transfer; its URL works once and expires.");
        return;
    }
    if (t->upload != (http_method(req) == HTTP_PUT)) {
        refuse(req, 405, t->upload ? "This URL takes PUT." : "This URL takes GET.");
        return;
    }
    if (busy(t)) {
        refuse(req, 409, "This transfer is under way already.");
        return;
    }
    if (t->upload && length >= 0 && length != t->size) {
        refuse(req, 400, "Content-Length is not the size that was announced.");
        return;
    }
    t->req = req;
    t->answered = t->complete = false;
    http_set_data(req, t);
    http_on_gone(req, on_gone, t);
    if (running_of(all, t->vm) < TRANSFER_RUNNING_MAX)
        start(t);
    else
        t->waiting = true;
}

static void ended(struct http_request *req, bool complete)
{
    struct transfer *t = http_data(req);

    if (!t || t->req != req)
        return;
    t->req = NULL;
    if (!complete) {
        t->complete = false;
        close_guest_file(t);
    } else if (t->opened && t->carrier->sent) {
        t->carrier->sent(t);
    }
    transfer_settle(t);
}

const struct http_route transfer_routes[] = {
    {"/guestFile", false, HTTP_GET | HTTP_PUT, HTTP_BODY_STREAM, handle, ended},
    {NULL, false, 0, HTTP_BODY_BUFFER, NULL, NULL},
};

/* --- life --- */

static void sweep(uv_timer_t *timer)
{
    struct transfers *all = timer->data;
    uint64_t now = clock_ms();

    for (struct transfer *t = all->list, *next; t; t = next) {
        next = t->next;
        if (!busy(t) && t->expires <= now)
            transfer_drop(t);
    }
}

int transfers_new(struct host *host, struct transfers **ret)
{
    struct transfers *all = mem_calloc(1, sizeof(*all));

    if (!all)
        return -ENOMEM;
    all->host = host;
    uv_timer_init(host->loop, &all->sweep);
    all->sweep.data = all;
    uv_timer_start(&all->sweep, sweep, SWEEP_MS, SWEEP_MS);
    uv_unref((uv_handle_t *)&all->sweep);
    *ret = all;
    return 0;
}

static void free_all(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void transfers_free(struct transfers *all)
{
    if (!all)
        return;
    while (all->list)
        transfer_drop(all->list);
    uv_timer_stop(&all->sweep);
    uv_close((uv_handle_t *)&all->sweep, free_all);
}
