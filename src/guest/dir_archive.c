#include "guest/dir_archive.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define SCHEME "/archive:"

/* ---- names ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'                 ? c - '0'
           : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                : -1;
}

/* %XX to bytes; what is no such sequence, or would be a NUL, stays as it is. */
static char *decode(const char *text, size_t len, bool query)
{
    char *out = mem_strndup(text, len), *to = out;

    for (size_t i = 0; out && i < len; i++) {
        int high = text[i] == '%' && i + 2 < len ? hex_digit(text[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text[i + 2]) : -1;

        if (low >= 0 && (high || low)) {
            *to++ = (char)(high << 4 | low);
            i += 2;
        } else {
            *to++ = query && text[i] == '+' ? ' ' : text[i];
        }
    }
    if (out)
        *to = '\0';
    return out;
}

static int take_option(struct archive_spec *spec, const char *text, size_t len)
{
    const char *equals = memchr(text, '=', len);
    size_t name = equals ? (size_t)(equals - text) : len;
    AUTO_FREE char *value = equals ? decode(equals + 1, len - name - 1, true) : mem_strndup("", 0);

    if (!value)
        return -ENOMEM;
    if (name == 6 && memcmp(text, "format", 6) == 0) {
        spec->gzip = strcmp(value, "tgz") == 0;
        return spec->gzip || !*value || strcmp(value, "tar") == 0 ? 0 : -EINVAL;
    }
    if (name == 6 && memcmp(text, "prefix", 6) == 0) {
        mem_free(spec->prefix);
        spec->prefix = TAKE_PTR(value);
    } else if (name == 4 && memcmp(text, "skip", 4) == 0) {
        if (spec->skips == ARCHIVE_SKIP_MAX)
            return -EINVAL;
        spec->skip[spec->skips++] = TAKE_PTR(value);
    }
    /* Options that we do not know are none. */
    return 0;
}

static int take_options(struct archive_spec *spec, const char *query)
{
    int r = 0;

    while (r == 0 && *query) {
        size_t len = strcspn(query, "&");

        r = take_option(spec, query, len);
        query += len + (query[len] == '&');
    }
    return r;
}

static bool is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int archive_spec_parse(const char *name, struct archive_spec *ret)
{
    bool scheme = strncmp(name, SCHEME "/", sizeof(SCHEME)) == 0;
    const char *path = scheme ? name + sizeof(SCHEME) - 1 : name;
    size_t len = strcspn(path, "?");
    struct archive_spec spec = {0};
    struct stat st;
    int r = 0;

    /* Without the scheme only the closing slash says that a folder is meant. */
    if (!scheme && (len < 2 || path[len - 1] != '/' || (path[len] && lstat(path, &st) == 0)))
        return 0;
    spec.path = decode(path, len, false);
    spec.prefix = mem_strdup("");
    if (!spec.path || !spec.prefix)
        r = -ENOMEM;
    else if (!scheme && !is_directory(spec.path))
        r = 1; /* not ours */
    else
        r = take_options(&spec, path[len] ? path + len + 1 : "");
    if (r) {
        archive_spec_clear(&spec);
        return r > 0 ? 0 : r;
    }
    *ret = spec;
    return 1;
}

void archive_spec_clear(struct archive_spec *spec)
{
    mem_free(spec->path);
    mem_free(spec->prefix);
    for (size_t i = 0; i < spec->skips; i++)
        mem_free(spec->skip[i]);
    *spec = (struct archive_spec){0};
}

int archive_spec_check(const struct archive_spec *spec, bool upload)
{
    struct stat st;

    if (stat(spec->path, &st) < 0)
        return upload && errno == ENOENT ? 0 : -errno; /* unpacking makes the folder */
    if (upload)
        return !S_ISDIR(st.st_mode) ? -ENOTDIR : access(spec->path, W_OK | X_OK) < 0 ? -errno : 0;
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
        return -EINVAL;
    return access(spec->path, S_ISDIR(st.st_mode) ? R_OK | X_OK : R_OK) < 0 ? -errno : 0;
}

/* ---- the helper ---- */

struct archive {
    uv_process_t process;
    struct stream *stream;
    void (*fn)(void *arg);
    void *arg;
    int result;
    bool ended, closed, freed;
};

static void free_if_unused(struct archive *a)
{
    if (a->freed && a->closed)
        mem_free(a);
}

static void process_closed(uv_handle_t *h)
{
    struct archive *a = h->data;

    a->closed = true;
    free_if_unused(a);
}

static void on_exit(uv_process_t *process, int64_t status, int sig)
{
    struct archive *a = process->data;
    void (*fn)(void *) = TAKE_PTR(a->fn);

    a->ended = true;
    a->result = sig ? -EIO : -(int)status;
    uv_close((uv_handle_t *)process, process_closed);
    if (fn)
        fn(a->arg);
}

static int spawn(const struct worker_ctx *w, struct archive *a, const struct archive_spec *spec,
                 bool upload, int child)
{
    char *args[ARCHIVE_SKIP_MAX + 6], file[32];
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_IGNORE}};
    uv_process_options_t o = {.file = file,
                              .args = args,
                              .cwd = "/",
                              .stdio = stdio,
                              .stdio_count = ARRAY_SIZE(stdio),
                              .exit_cb = on_exit};
    size_t n = 0;
    int r;

    args[n++] = (char *)"toolbox-archive";
    args[n++] = (char *)(upload ? "extract" : spec->gzip ? "create-tgz" : "create-tar");
    args[n++] = spec->path;
    args[n++] = spec->prefix;
    for (size_t i = 0; i < spec->skips; i++)
        args[n++] = spec->skip[i];
    args[n] = NULL;
    snprintf(file, sizeof(file), "/proc/self/fd/%d", w->archive_fd);
    stdio[upload ? 0 : 1] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = child};
    a->process.data = a;
    r = uv_spawn(w->loop, &a->process, &o);
    if (r < 0)
        uv_close((uv_handle_t *)&a->process, process_closed);
    return r;
}

int archive_start(const struct worker_ctx *w, const struct archive_spec *spec, bool upload,
                  struct archive **ret)
{
    struct archive *a;
    int child, r;

    if (w->archive_fd < 0)
        return -EOPNOTSUPP;
    a = mem_calloc(1, sizeof(*a));
    if (!a)
        return -ENOMEM;
    r = stream_new(w->loop, upload ? STREAM_IN : STREAM_OUT, &a->stream, &child);
    if (r < 0) {
        mem_free(a);
        return r;
    }
    r = spawn(w, a, spec, upload, child);
    close(child);
    if (r < 0) {
        a->ended = true;
        archive_free(a);
        return r;
    }
    *ret = a;
    return 0;
}

void archive_kill(struct archive *a)
{
    if (!a->ended)
        uv_process_kill(&a->process, SIGKILL);
}

void archive_free(struct archive *a)
{
    if (!a)
        return;
    a->fn = NULL;
    archive_kill(a);
    stream_close(a->stream);
    stream_unref(TAKE_PTR(a->stream));
    a->freed = true;
    free_if_unused(a);
}

struct stream *archive_stream(const struct archive *a)
{
    return a->stream;
}

int archive_wait(struct archive *a, void (*fn)(void *arg), void *arg, int *ret_result)
{
    if (a->ended) {
        *ret_result = a->result;
        return 1;
    }
    a->fn = fn;
    a->arg = arg;
    return 0;
}
