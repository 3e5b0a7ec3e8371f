#include "vmx/disk.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

struct disk_run {
    uv_process_t process;
    uv_pipe_t words; /* its standard output */
    char text[ERROR_TEXT_MAX];
    size_t len;
    int status, open; /* handles that are not closed yet */
    disk_done_cb done;
    void *arg;
};

/* "-28 cannot copy ...: No space left on device\n" */
static void read_words(struct disk_run *run, struct error *err)
{
    char *words;
    long code;

    run->text[run->len] = '\0';
    run->text[strcspn(run->text, "\n")] = '\0';
    code = strtol(run->text, &words, 10);
    if (code < 0 && code > -4096)
        error_set(err, (int)code, "%s", words + (*words == ' '));
    else
        error_set(err, -EINTR, "copying or removing files was broken off");
}

static void on_closed(uv_handle_t *handle)
{
    struct disk_run *run = handle->data;
    struct error err = {0};

    if (--run->open)
        return;
    if (run->status)
        read_words(run, &err);
    run->done(&err, run->arg);
    mem_free(run);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct disk_run *run = handle->data;

    (void)size;
    *buf = uv_buf_init(run->text + run->len, (unsigned)(sizeof(run->text) - 1 - run->len));
}

static void on_words(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct disk_run *run = stream->data;

    (void)buf;
    if (n > 0)
        run->len += (size_t)n;
    else if (n < 0)
        uv_close((uv_handle_t *)stream, on_closed);
}

static void on_exit_cb(uv_process_t *process, int64_t status, int term_signal)
{
    struct disk_run *run = process->data;

    run->status = status || term_signal;
    uv_close((uv_handle_t *)process, on_closed);
}

static void drop(uv_handle_t *handle)
{
    struct disk_run *run = handle->data;

    if (--run->open == 0)
        mem_free(run);
}

int disk_start(uv_loop_t *loop, const char *program, char *const argv[], int from_fd, int to_fd,
               disk_done_cb done, void *arg, struct disk_run **ret)
{
    struct disk_run *run = mem_calloc(1, sizeof(*run));
    uv_stdio_container_t stdio[] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = from_fd},
        {.flags = UV_INHERIT_FD, .data.fd = to_fd},
    };
    char *env[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    uv_process_options_t o = {
        .exit_cb = on_exit_cb,
        .file = program,
        .args = (char **)(uintptr_t)argv,
        .env = env,
        .stdio = stdio,
        .stdio_count = ARRAY_SIZE(stdio),
    };
    int r;

    if (!run)
        return -ENOMEM;
    run->done = done;
    run->arg = arg;
    run->process.data = run->words.data = run;
    run->open = 2;
    uv_pipe_init(loop, &run->words, 0);
    stdio[1].data.stream = (uv_stream_t *)&run->words;
    r = uv_spawn(loop, &run->process, &o);
    if (r == 0)
        r = uv_read_start((uv_stream_t *)&run->words, on_alloc, on_words);
    if (r < 0) {
        uv_close((uv_handle_t *)&run->process, drop);
        uv_close((uv_handle_t *)&run->words, drop);
        return r;
    }
    *ret = run;
    return 0;
}

void disk_kill(struct disk_run *run)
{
    uv_process_kill(&run->process, SIGKILL);
}
