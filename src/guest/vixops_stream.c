/*
 * The files /proc/PID/stdin, stdout and stderr of programs that were started with streams, as VIX
 * operations see them. Loop's thread.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "guest/proc_started.h"
#include "guest/stream_path.h"
#include "guest/vixops.h"
#include "wire/vix_text.h"

struct stream *stream_path_find(const struct worker_ctx *w, const char *path)
{
    static const char *const names[] = {"stdin", "stdout", "stderr"};
    static const char root[] = "/proc/";
    long long pid;
    char *end;

    if (strncmp(path, root, sizeof(root) - 1) != 0 || path[6] < '1' || path[6] > '9')
        return NULL;
    pid = strtoll(path + 6, &end, 10);
    for (size_t i = 0; *end == '/' && i < ARRAY_SIZE(names); i++)
        if (strcmp(end + 1, names[i]) == 0)
            return proc_started_stream(w->started, pid, (int)i);
    return NULL;
}

static void free_stream(void *state)
{
    stream_unref(state);
}

static void tell(struct vixop *op, int64_t size)
{
    time_t now = time(NULL);
    struct vix_file_info info = {
        .name = op->body.list_files.path,
        .size = size,
        .modified = now,
        .accessed = now,
        .created = -1,
        .uid = getuid(),
        .gid = getgid(),
        .mode = S_IFREG | STREAM_MODE_OUT,
        .target = "",
    };

    vix_text_put_file(&op->result, &info);
}

static void looked(void *arg)
{
    struct vixop *op = arg;
    int64_t size;

    /* Clients ask again until the program has ended (VIX, process I/O without disk files). */
    if (stream_settled(op->state, &size))
        tell(op, size);
    else
        vixop_fail(op, VIX_E_FILE_ACCESS_ERROR);
    vixop_done(op);
}

enum vixop_step vixop_transfer_from_stream(struct vixop *op)
{
    struct stream *s = stream_path_find(op->ctx, op->body.list_files.path);
    int64_t size;
    int r;

    if (!s)
        return VIXOP_NEXT;
    op->state = stream_ref(s);
    op->free_state = free_stream;
    if (stream_way(s) == STREAM_IN) {
        vixop_fail(op, VIX_E_INVALID_ARG);
    } else if (stream_settled(s, &size)) {
        tell(op, size);
    } else {
        r = stream_wait(s, STREAM_EVENT_SETTLED, STREAM_SETTLE_MS, looked, op);
        if (r == 0)
            return VIXOP_LATER;
        vixop_fail_errno(op, r);
    }
    vixop_done(op);
    return VIXOP_LATER;
}

enum vixop_step vixop_transfer_to_stream(struct vixop *op)
{
    const struct stream *s = stream_path_find(op->ctx, op->body.path.path);

    if (!s)
        return VIXOP_NEXT;
    if (stream_way(s) == STREAM_OUT)
        vixop_fail(op, VIX_E_INVALID_ARG);
    vixop_done(op);
    return VIXOP_LATER;
}

/* An upload's owner, mode and times mean nothing here, and are no reason to fail. */
enum vixop_step vixop_set_attributes_stream(struct vixop *op)
{
    if (!stream_path_find(op->ctx, op->body.set_attributes.path))
        return VIXOP_NEXT;
    vixop_done(op);
    return VIXOP_LATER;
}
