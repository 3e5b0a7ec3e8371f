#include "guest/conf_watch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

struct conf_watch {
    uv_fs_event_t event;
    char *folder, *above;
    bool inside; /* the folder itself is watched, not the one above */
    void (*changed)(void *arg);
    void *arg;
};

static void watch(struct conf_watch *w);

static void on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
    struct conf_watch *w = event->data;
    bool was = w->inside;

    (void)name;
    (void)events;
    if (status < 0)
        return;
    if (!was || access(w->folder, F_OK) < 0)
        watch(w);
    if (was || w->inside)
        w->changed(w->arg);
}

/* The folder, or the one above it as long as there is none. */
static void watch(struct conf_watch *w)
{
    bool there = access(w->folder, F_OK) == 0;

    if (uv_is_active((uv_handle_t *)&w->event) && there == w->inside)
        return;
    uv_fs_event_stop(&w->event);
    w->inside = there && uv_fs_event_start(&w->event, on_event, w->folder, 0) == 0;
    if (!w->inside && uv_fs_event_start(&w->event, on_event, w->above, 0) < 0)
        log_info("changes of the configuration are noticed on SIGHUP only");
}

/* What is before the last slash of the path. */
static char *above(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return mem_strdup(".");
    return slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
}

int conf_watch_new(uv_loop_t *loop, const char *conf_path, void (*changed)(void *arg), void *arg,
                   struct conf_watch **ret)
{
    struct conf_watch *w = mem_calloc(1, sizeof(*w));

    if (w)
        w->folder = above(conf_path);
    if (w && w->folder)
        w->above = above(w->folder);
    if (!w || !w->above) {
        if (w)
            mem_free(w->folder);
        mem_free(w);
        return -ENOMEM;
    }
    w->changed = changed;
    w->arg = arg;
    uv_fs_event_init(loop, &w->event);
    w->event.data = w;
    watch(w);
    *ret = w;
    return 0;
}

static void watch_gone(uv_handle_t *handle)
{
    struct conf_watch *w = handle->data;

    mem_free(w->folder);
    mem_free(w->above);
    mem_free(w);
}

void conf_watch_free(struct conf_watch *w)
{
    if (w)
        uv_close((uv_handle_t *)&w->event, watch_gone);
}
