#include "guest/globalconf_service.h"

#include <errno.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/mem.h"
#include "guest/globalconf.h"

struct globalconf_service {
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_work_t work;
    char *conf_path;
    void (*changed)(void *arg);
    void *arg;
    bool access, enabled, freed;
    bool working, again; /* a round runs; another one is to follow at once */
    bool jitter;         /* after a reset */
    int poll_s;
    char *resource;
    /* the thread's */
    char *fetched; /* the resource of this round */
    GuestStoreLibError result;
    bool result_changed;
};

static void begin(struct globalconf_service *s);

static void due(uv_timer_t *timer)
{
    begin(timer->data);
}

static void wait_s(struct globalconf_service *s, unsigned seconds)
{
    uv_timer_start(&s->timer, due, (uint64_t)seconds * 1000, 0);
}

static unsigned jitter_s(void)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
        random = (uint32_t)uv_hrtime();
    return GLOBALCONF_JITTER_MIN_S +
           random % (GLOBALCONF_JITTER_MAX_S - GLOBALCONF_JITTER_MIN_S + 1);
}

/* On a thread. */
static void fetch(uv_work_t *work)
{
    struct globalconf_service *s = work->data;
    if (GuestStore_Init() != GSLIBERR_SUCCESS) {
        s->result = GSLIBERR_GENERIC;
        return;
    }
    s->result =
        globalconf_refresh(s->conf_path, s->fetched, GuestStore_GetContent, &s->result_changed);
    GuestStore_DeInit();
}

static void timer_gone(uv_handle_t *handle)
{
    struct globalconf_service *s = handle->data;
    mem_free(s->conf_path);
    mem_free(s->resource);
    mem_free(s);
}

static void fetched(uv_work_t *work, int status)
{
    struct globalconf_service *s = work->data;
    (void)status;
    s->working = false;
    mem_free(s->fetched);
    s->fetched = NULL;
    if (s->freed) {
        uv_close((uv_handle_t *)&s->timer, timer_gone);
        return;
    }
    bool changed = s->result_changed;
    if (!s->enabled)
        changed |= globalconf_forget(s->conf_path); /* switched off meanwhile */
    log_info("global configuration: result %d%s", s->result, changed ? ", it has changed" : "");
    if (s->again)
        begin(s);
    else if (s->enabled && s->access)
        wait_s(s, (unsigned)s->poll_s);
    if (changed)
        s->changed(s->arg);
}

static void begin(struct globalconf_service *s)
{
    if (!s->enabled || !s->access)
        return;
    if (s->working) {
        s->again = true;
        return;
    }
    s->again = false;
    uv_timer_stop(&s->timer);
    if (s->jitter) {
        s->jitter = false;
        wait_s(s, jitter_s());
        return;
    }
    s->fetched = mem_strdup(s->resource);
    s->result_changed = false;
    s->work.data = s;
    s->working = s->fetched && uv_queue_work(s->loop, &s->work, fetch, fetched) == 0;
    if (!s->working) {
        mem_free(s->fetched);
        s->fetched = NULL;
        wait_s(s, (unsigned)s->poll_s);
    }
}

void globalconf_service_access(struct globalconf_service *s, bool on)
{
    s->access = on;
    if (on)
        begin(s);
    else
        uv_timer_stop(&s->timer);
}

void globalconf_service_set_conf(struct globalconf_service *s, const struct conf *conf)
{
    bool enabled = globalconf_enabled(conf);
    int poll_s = enabled ? globalconf_poll_s(conf) : s->poll_s;
    bool news = enabled && (!s->enabled || poll_s != s->poll_s);
    char *resource = mem_strdup(globalconf_resource(conf));
    if (resource) {
        mem_free(s->resource);
        s->resource = resource;
    }
    s->enabled = enabled && s->resource;
    s->poll_s = poll_s;
    if (!enabled) {
        uv_timer_stop(&s->timer);
        if (!s->working)
            globalconf_forget(s->conf_path);
    } else if (news) {
        begin(s);
    }
}

void globalconf_service_reset(struct globalconf_service *s)
{
    s->jitter = true;
}

int globalconf_service_new(uv_loop_t *loop, const char *conf_path, const struct conf *conf,
                           void (*changed)(void *arg), void *arg, struct globalconf_service **ret)
{
    struct globalconf_service *s = mem_calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->conf_path = mem_strdup(conf_path);
    if (!s->conf_path) {
        mem_free(s);
        return -ENOMEM;
    }
    s->loop = loop;
    s->changed = changed;
    s->arg = arg;
    s->poll_s = GLOBALCONF_POLL_S;
    uv_timer_init(loop, &s->timer);
    s->timer.data = s;
    globalconf_service_set_conf(s, conf);
    *ret = s;
    return 0;
}

void globalconf_service_free(struct globalconf_service *s)
{
    if (!s)
        return;
    s->freed = true;
    uv_timer_stop(&s->timer);
    if (!s->working)
        uv_close((uv_handle_t *)&s->timer, timer_gone);
}
