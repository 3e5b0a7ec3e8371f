/* START_PROGRAM: what is checked before, and the command line that the shell gets. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "guest/proc_started.h"
#include "guest/vixops.h"

/* A started program's environment and a command line are bounded by the request that they came in;
 * escaping at most doubles the path. */
#define COMMAND_LINE_MAX (2u * 1024u * 1024u)

struct start {
    char *path;      /* the program file */
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

static int is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

void vixop_start_check(struct vixop *op)
{
    const struct vix_start_program *b = &op->body.start_program;
    struct start *s = mem_calloc(1, sizeof(*s));
    struct stat st;
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
    s->path = program_file(b->path);
    if (!s->path)
        vixop_fail_errno(op, ENOMEM);
    else if (stat(s->path, &st) < 0)
        vixop_fail_errno(op, errno);
    else if (!S_ISREG(st.st_mode) || access(s->path, X_OK) < 0)
        vixop_fail(op, VIX_E_GUEST_USER_PERMISSIONS);
    else if (*b->directory && !is_directory(b->directory))
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
    struct proc_command c = {
        .name = slash ? slash + 1 : s->path, .display = display, .cwd = s->cwd, .env = s->env};
    int64_t pid = -1;
    int r;

    r = display ? command_line(op, s->path, &line) : -ENOMEM;
    if (r == 0) {
        c.line = buf_text(&line);
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
