/*
 * A listing of keys that is too long for one page: sent through a pipe, one page at a time, the
 * next one asked for when the client has taken the last. So a listing of 100 MB takes the memory of
 * a page, and no other request of the VM waits for a slow client.
 *
 * Keys that come or go meanwhile may be in it or not; every other one is in it exactly once. When
 * the data set cannot be read any more the connection ends before the answer does, so that nobody
 * takes it for a whole one.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "api/json_codec.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "hostd/rest_dataset.h"
#include "hostd/vm.h"

#define TEXT_MAX (8u << 20) /* of one page, everything in it escaped */

struct listing {
    uv_poll_t poll;
    struct host *host;
    char *vm;   /* managed object id */
    char *name; /* of the data set */
    int fd;     /* the pipe's end that is written to */
    struct buf text;
    size_t sent;
    char *last; /* key */
    bool begun, more;
    bool whole;       /* all of it was written */
    bool over;        /* nothing more will be written */
    unsigned holders; /* the handle, and the answer */
};

static void let_go(void *arg)
{
    struct listing *l = arg;

    if (--l->holders > 0)
        return;
    buf_free(&l->text);
    mem_free(l->last);
    mem_free(l->vm);
    mem_free(l->name);
    mem_free(l);
}

static void freed(uv_handle_t *h)
{
    struct listing *l = h->data;

    close(l->fd);
    let_go(l);
}

static void end(struct listing *l, bool whole)
{
    if (l->over)
        return;
    l->over = true;
    l->whole = whole;
    uv_close((uv_handle_t *)&l->poll, freed);
}

static bool is_whole(void *arg)
{
    const struct listing *l = arg;

    return l->whole;
}

static int take_page(struct listing *l, const void *page, size_t len, bool more)
{
    const char *key, *last = NULL;
    size_t n, last_len = 0, at = 0;

    buf_clear(&l->text);
    l->sent = 0;
    while (dataset_key_next(page, len, &at, &key, &n)) {
        AUTO_FREE char *copy = mem_strndup(key, n);

        if (!copy)
            return -ENOMEM;
        buf_put_u8(&l->text, l->begun ? ',' : '[');
        json_put_string(&l->text, copy);
        l->begun = true;
        last = key;
        last_len = n;
    }
    if (!more)
        buf_put_str(&l->text, l->begun ? "]" : "[]");
    mem_free(l->last);
    l->last = last ? mem_strndup(last, last_len) : NULL;
    l->more = more;
    return buf_error(&l->text) ? buf_error(&l->text) : more && !l->last ? -EIO : 0;
}

static void writable(uv_poll_t *poll, int status, int events);

static void page_came(struct vmlink *link, const struct vmlink_reply *reply, void *arg)
{
    struct listing *l = arg;

    (void)link;
    if (reply->code || take_page(l, reply->blob, reply->blob_len,
                                 json_is_true(json_object_get(reply->result, "more")))) {
        log_warn("rest: a listing of %s's data set ended early: %s", l->vm,
                 reply->code ? reply->text : "out of memory");
        end(l, false);
        return;
    }
    uv_poll_start(&l->poll, UV_WRITABLE | UV_DISCONNECT, writable);
}

static void ask(struct listing *l)
{
    struct vm *vm = vm_find(l->host, vim_ref_make("VirtualMachine", l->vm));
    json_t *args = json_pack("{s:s, s:s}", "name", l->name, "after", l->last);

    uv_poll_stop(&l->poll);
    if (!vm || !args ||
        vmlink_request(vm->link, "dataset.keys", args, NULL, 0, NULL, 0, DATASET_ASK_MS, page_came,
                       l, NULL))
        end(l, false);
    else
        vm_idle(vm);
    json_decref(args);
}

static void writable(uv_poll_t *poll, int status, int events)
{
    struct listing *l = poll->data;

    if (status < 0 || (events & UV_DISCONNECT && !(events & UV_WRITABLE))) {
        end(l, false);
        return;
    }
    while (l->sent < l->text.len) {
        ssize_t n = write(l->fd, l->text.data + l->sent, l->text.len - l->sent);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) {
            end(l, false);
            return;
        }
        l->sent += (size_t)n;
    }
    if (l->more)
        ask(l);
    else
        end(l, true);
}

void dataset_keys_stream(struct rest *rest, const void *first, size_t len)
{
    struct listing *l = mem_calloc(1, sizeof(*l));
    int fds[2];

    if (!l || pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
        mem_free(l);
        rest_no_memory(rest);
        return;
    }
    *l = (struct listing){
        .host = rest->host, .fd = fds[1], .text = BUF_INIT(TEXT_MAX), .holders = 1};
    l->vm = mem_strdup(rest->vm);
    l->name = mem_strdup(rest->vars[1]);
    if (uv_poll_init(rest->host->loop, &l->poll, l->fd)) {
        close(l->fd);
        let_go(l);
        close(fds[0]);
        rest_no_memory(rest);
        return;
    }
    l->poll.data = l;
    if (!l->vm || !l->name || take_page(l, first, len, true)) {
        end(l, false);
        close(fds[0]);
        rest_no_memory(rest);
        return;
    }
    uv_poll_start(&l->poll, UV_WRITABLE | UV_DISCONNECT, writable);
    l->holders++;
    rest_return_stream(rest, fds[0], &(struct rest_writer){is_whole, let_go, l});
}
