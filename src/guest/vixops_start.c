/* START_PROGRAM: what is checked before, and the command line that the shell gets. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "guest/proc_started.h"
#include "guest/vixops.h"

/* A started program's environment and a command line are bounded by the request that they came in;
 * escaping at most doubles the path. */
#define COMMAND_LINE_MAX (2u * 1024u * 1024u)

#define ROUND_TRIP "http.RoundTrip"

struct start {
    char *path;      /* the program file */
    bool streams;    /* a name without a slash: its input and output go by way of the host */
    bool round_trip; /* our own program of that name */
    char **env;      /* NULL = the worker's; strings lie in the request */
    const char *cwd; /* lies in the request or in the worker's context */
};

static void free_start(void *state)
{
    struct start *s = state;

    mem_free(s->path);
    mem_free(s->env);
    mem_free(s);
}

/* Leading spaces are skipped; a quoted path ends at the next quote. */
static char *program_file(const char *path)
{
    path += strspn(path, " ");
    if (*path == '"') {
        path++;
        return mem_strndup(path, strcspn(path, "\""));
    }
    return mem_strdup(path);
}

static int take_environment(struct vixop *op, struct start *s)
{
    const struct vix_strings *env = &op->body.start_program.environment;
    const char *text;
    size_t pos = 0, n = 0;

    if (env->count == 0)
        return 0;
    s->env = mem_calloc((size_t)env->count + 1, sizeof(*s->env));
    if (!s->env)
        return -ENOMEM;
    while ((text = vix_strings_next(env, &pos))) {
        if (text[0] == '=' || !strchr(text, '='))
            return -EINVAL;
        s->env[n++] = (char *)text;
    }
    return 0;
}

/* A name without a slash is looked for in PATH. */
static char *find_in_path(const char *name)
{
    const char *path = getenv("PATH");
    struct stat st;

    while (path && *path) {
        size_t len = strcspn(path, ":");
        AUTO_FREE char *file = mem_printf("%.*s/%s", (int)len, path, name);

        if (!file)
            return NULL;
        if (len && stat(file, &st) == 0 && S_ISREG(st.st_mode) && access(file, X_OK) == 0)
            return TAKE_PTR(file);
        path += len + (path[len] == ':');
    }
    return mem_strdup(name); /* not there; the caller sees that */
}

static void take_program(struct vixop *op, struct start *s)
{
    AUTO_FREE char *name = program_file(op->body.start_program.path);

    if (!name || strchr(name, '/')) {
        s->path = TAKE_PTR(name);
        return;
    }
    s->streams = true;
    s->round_trip = strcmp(name, ROUND_TRIP) == 0 && op->ctx->roundtrip_fd >= 0;
    s->path = s->round_trip ? TAKE_PTR(name) : find_in_path(name);
}

static void check_program(struct vixop *op, const struct start *s)
{
    struct stat st;

    if (s->round_trip)
        return;
    if (s->streams && !strchr(s->path, '/'))
        vixop_fail_errno(op, ENOENT);
    else if (stat(s->path, &st) < 0)
        vixop_fail_errno(op, errno);
    else if (!S_ISREG(st.st_mode) || access(s->path, X_OK) < 0)
        vixop_fail(op, VIX_E_GUEST_USER_PERMISSIONS);
}

static int is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

void vixop_start_check(struct vixop *op)
{
    const struct vix_start_program *b = &op->body.start_program;
    struct start *s = mem_calloc(1, sizeof(*s));
    int r;

    if (!s) {
        vixop_fail_errno(op, ENOMEM);
        return;
    }
    op->state = s;
    op->free_state = free_start;
    if (!*b->path) {
        vixop_fail(op, VIX_E_INVALID_ARG);
        return;
    }
    r = take_environment(op, s);
    if (r < 0) {
        vixop_fail_errno(op, r);
        return;
    }
    take_program(op, s);
    if (s->path)
        check_program(op, s);
    else
        vixop_fail_errno(op, ENOMEM);
    if (op->error == VIX_OK && *b->directory && !is_directory(b->directory))
        vixop_fail(op, VIX_E_NOT_A_DIRECTORY);
    s->cwd = *b->directory ? b->directory : is_directory(op->ctx->home) ? op->ctx->home : "/";
}

/* The path in double quotes, with what the shell would not leave alone there protected: the file
 * that was checked is the file that runs. The arguments are the shell's business. */
static int command_line(const struct vixop *op, const char *path, struct buf *out)
{
    buf_put_u8(out, '"');
    for (const char *p = path; *p; p++) {
        if (strchr("$`\\\"", *p))
            buf_put_u8(out, '\\');
        buf_put_u8(out, (uint8_t)*p);
    }
    buf_put_u8(out, '"');
    if (*op->body.start_program.arguments)
        buf_printf(out, " %s", op->body.start_program.arguments);
    return buf_error(out);
}

enum vixop_step vixop_start_finish(struct vixop *op)
{
    struct start *s = op->state;
    const char *arguments = op->body.start_program.arguments, *slash = strrchr(s->path, '/');
    AUTO_BUF struct buf line = BUF_INIT(COMMAND_LINE_MAX);
    AUTO_FREE char *display = mem_printf("\"%s\"%s%s", s->path, *arguments ? " " : "", arguments);
    char *args[] = {(char *)ROUND_TRIP, (char *)arguments, NULL};
    char file[32];
    struct proc_command c = {.name = slash ? slash + 1 : s->path,
                             .display = display,
                             .cwd = s->cwd,
                             .env = s->env,
                             .streams = s->streams};
    int64_t pid = -1;
    int r;

    r = display ? command_line(op, s->path, &line) : -ENOMEM;
    if (r == 0) {
        c.line = buf_text(&line);
        if (s->round_trip) {
            snprintf(file, sizeof(file), "/proc/self/fd/%d", op->ctx->roundtrip_fd);
            c.file = file;
            c.args = args;
        }
        r = proc_started_start(op->ctx->started, &c, &pid);
    }
    if (r < 0) {
        vixop_fail(op, VIX_E_PROGRAM_NOT_STARTED);
        op->additional = (uint32_t)-r;
        return VIXOP_NEXT;
    }
    buf_printf(&op->result, "%lld", (long long)pid);
    return VIXOP_NEXT;
}
