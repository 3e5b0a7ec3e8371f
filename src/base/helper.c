#include "base/helper.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

struct helper {
    uv_process_t process;
    uv_pipe_t words; /* its standard output */
    char text[ERROR_TEXT_MAX];
    size_t len;
    int status, open; /* handles that are not closed yet */
    helper_done_cb done;
    void *arg;
};

/* "-28 cannot copy ...: No space left on device\n" */
static void read_words(struct helper *h, struct error *err)
{
    char *words;
    long code;

    h->text[h->len] = '\0';
    h->text[strcspn(h->text, "\n")] = '\0';
    code = strtol(h->text, &words, 10);
    if (code < 0 && code > -4096)
        error_set(err, (int)code, "%s", words + (*words == ' '));
    else
        error_set(err, -EINTR, "the work was broken off");
}

static void on_closed(uv_handle_t *handle)
{
    struct helper *h = handle->data;
    struct error err = {0};

    if (--h->open)
        return;
    if (h->status)
        read_words(h, &err);
    h->done(&err, h->arg);
    mem_free(h);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct helper *h = handle->data;

    (void)size;
    *buf = uv_buf_init(h->text + h->len, (unsigned)(sizeof(h->text) - 1 - h->len));
}

static void on_words(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct helper *h = stream->data;

    (void)buf;
    if (n > 0)
        h->len += (size_t)n;
    else if (n < 0)
        uv_close((uv_handle_t *)stream, on_closed);
}

static void on_exit_cb(uv_process_t *process, int64_t status, int term_signal)
{
    struct helper *h = process->data;

    h->status = status || term_signal;
    uv_close((uv_handle_t *)process, on_closed);
}

static void drop(uv_handle_t *handle)
{
    struct helper *h = handle->data;

    if (--h->open == 0)
        mem_free(h);
}

int helper_start(uv_loop_t *loop, const char *program, char *const argv[], const int *fds,
                 unsigned nfds, helper_done_cb done, void *arg, struct helper **ret)
{
    struct helper *h = nfds <= HELPER_FDS_MAX ? mem_calloc(1, sizeof(*h)) : NULL;
    uv_stdio_container_t stdio[3 + HELPER_FDS_MAX] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
    };
    char *env[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    uv_process_options_t o = {
        .exit_cb = on_exit_cb,
        .file = program,
        .args = (char **)(uintptr_t)argv,
        .env = env,
        .stdio = stdio,
        .stdio_count = (int)(3 + nfds),
    };
    int r;

    if (!h)
        return -ENOMEM;
    h->done = done;
    h->arg = arg;
    h->process.data = h->words.data = h;
    h->open = 2;
    uv_pipe_init(loop, &h->words, 0);
    stdio[1].data.stream = (uv_stream_t *)&h->words;
    for (unsigned i = 0; i < nfds; i++)
        stdio[3 + i] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = fds[i]};
    r = uv_spawn(loop, &h->process, &o);
    if (r == 0)
        r = uv_read_start((uv_stream_t *)&h->words, on_alloc, on_words);
    if (r < 0) {
        uv_close((uv_handle_t *)&h->process, drop);
        uv_close((uv_handle_t *)&h->words, drop);
        return r;
    }
    *ret = h;
    return 0;
}

void helper_kill(struct helper *h)
{
    uv_process_kill(&h->process, SIGKILL);
}
