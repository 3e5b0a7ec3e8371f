/*
 * toolboxd: the guest agent's monitor. One thread and one loop; it talks to the host through
 * libtoolbox, reports about the guest, runs power scripts, and hands guest operations to the VIX
 * service, whose workers do them with the rights of the guest's users. Nothing here waits for a
 * user's files or programs, so pings are answered whatever a worker does.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "guest/conf.h"
#include "guest/conf_watch.h"
#include "guest/globalconf.h"
#include "guest/globalconf_service.h"
#include "guest/gueststore.h"
#include "guest/power.h"
#include "guest/quiesce.h"
#include "guest/report.h"
#include "guest/rpc_channel.h"
#include "guest/version.h"
#include "guest/vix_service.h"
#include "inguest/toolbox.h"
#include "wire/gueststore.h"
#include "wire/vix_error.h"

/* Guest operations announce themselves through the tools state; this is how the host times them. */
#define VIX_NO_TIMEOUT 0xffffffffu
#define LOG_FILE_MAX   (4u << 20)

struct daemon {
    uv_loop_t loop;
    uv_poll_t poll;
    uv_prepare_t prepare;
    uv_timer_t deadline;
    uv_signal_t term, intr, hup;
    struct toolbox *tb;
    struct vix_service *vix;
    struct report *report;
    struct power *power;
    struct quiesce *quiesce;
    struct gueststore *gueststore;
    struct globalconf_service *globalconf;
    struct conf_watch *conf_watch;
    bool was_ready;
    bool tell_ends; /* of programs */
    struct conf *conf;
    const char *conf_path, *log_path; /* log_path: NULL = standard error */
    enum toolbox_state state;
};

static void on_due(uv_timer_t *timer)
{
    struct daemon *d = timer->data;
    toolbox_process(d->tb);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct daemon *d = poll->data;
    (void)status;
    (void)events;
    toolbox_process(d->tb);
}

/* Before the loop sleeps: any call into the library may have moved its deadline. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct daemon *d = prepare->data;
    int64_t at = toolbox_deadline_ms(d->tb);
    if (at < 0) {
        uv_timer_stop(&d->deadline);
        return;
    }
    int64_t now = (int64_t)clock_ms();
    uv_update_time(&d->loop);
    uv_timer_start(&d->deadline, on_due, at > now ? (uint64_t)(at - now) : 0, 0);
}

static void on_state(struct toolbox *tb, enum toolbox_state state, void *arg)
{
    struct daemon *d = arg;
    enum toolbox_state before = d->state;
    d->state = state;
    if (state != TOOLBOX_CONNECTED)
        gueststore_reset(d->gueststore);
    quiesce_host_gone(d->quiesce);
    if (state == TOOLBOX_READY) {
        d->tell_ends = true;
        bool folder = strcmp(toolbox_carrier_name(tb), "unix") == 0;
        gueststore_set_link(d->gueststore, folder ? toolbox_link_dir(tb) : NULL);
        if (d->was_ready)
            globalconf_service_reset(d->globalconf);
        d->was_ready = true;
        if (before != TOOLBOX_READY)
            log_info("the host has called, over %s", toolbox_carrier_name(tb));
        toolbox_rpci_text(tb, NULL, NULL, "info-set guestinfo.vmtools.description inguest %s",
                          TOOLBOX_VERSION);
        toolbox_rpci_text(tb, NULL, NULL, "info-set guestinfo.vmtools.versionString %s",
                          TOOLBOX_VERSION);
        toolbox_rpci_text(tb, NULL, NULL, "info-set guestinfo.vmtools.versionNumber %u",
                          TOOLBOX_LEVEL);
        toolbox_rpci_text(tb, NULL, NULL, "log toolbox: Version: inguest %s", TOOLBOX_VERSION);
        report_all(d->report);
    } else if (state == TOOLBOX_DOWN) {
        log_warn("the host is gone; looking for it");
        report_stop(d->report);
    }
}

static int on_option(struct toolbox *tb, const char *name, const char *value, void *arg)
{
    struct daemon *d = arg;
    (void)tb;
    if (strcmp(name, "broadcastIP") == 0) {
        report_broadcast_ip(d->report, strcmp(value, "1") == 0);
        return 0;
    }
    if (strcmp(name, "enableGuestStoreAccess") == 0)
        return gueststore_option(d->gueststore, value);
    int r = power_option(d->power, name, value);
    return r == -ENOENT ? 0 : r;
}

/* ---- guest operations ---- */

static void on_vix_done(void *arg, const struct vix_service_reply *reply)
{
    toolbox_vix_reply(arg, reply->err, reply->additional, reply->data, reply->len);
}

static void on_vix(struct toolbox *tb, struct toolbox_vix *req, void *arg)
{
    struct daemon *d = arg;
    (void)tb;
    uint32_t deadline = req->timeout_s == VIX_NO_TIMEOUT     ? 0
                        : req->timeout_s > UINT32_MAX / 1000 ? UINT32_MAX
                                                             : req->timeout_s * 1000;
    const char *space = strchr(req->name, ' '); /* our host says there who asks */
    if (d->log_path)
        log_limit_file(d->log_path, LOG_FILE_MAX);
    int r = vix_service_request(d->vix, space ? space + 1 : NULL, req->message, req->message_len,
                                req->max_result, deadline, on_vix_done, req, NULL);
    if (r < 0)
        toolbox_vix_reply(req, r == -EMSGSIZE ? VIX_E_ARGUMENT_TOO_BIG : VIX_E_OUT_OF_MEMORY, 0,
                          NULL, 0);
}

/* A host that does not know the command is not told again until it has called anew. */
static void on_end_told(struct toolbox *tb, int status, const uint8_t *data, size_t len, void *arg)
{
    struct daemon *d = arg;
    (void)tb;
    (void)data;
    (void)len;
    d->tell_ends = d->tell_ends && status != 0;
}

static void on_program_ended(void *arg, int64_t pid, int32_t code, int64_t start, int64_t end)
{
    struct daemon *d = arg;
    if (d->tell_ends && d->state == TOOLBOX_READY)
        toolbox_rpci_text(d->tb, on_end_told, d, "inguest.program.end %lld %d %lld %lld",
                          (long long)pid, code, (long long)start, (long long)end);
}

static int on_disabled(void *arg, const char *key)
{
    const struct daemon *d = arg;
    return conf_bool(d->conf, "guestoperations", key, false);
}

static void on_tools_state(void *arg, struct vix_service_state *ret)
{
    struct daemon *d = arg;
    const struct osinfo *os = report_os(d->report);
    *ret = (struct vix_service_state){
        .os_full_name = os->full_name,
        .os_short_name = os->short_name,
        .product_name = "VMware Tools",
        .version = TOOLBOX_VERSION,
        .host_name = os->host_name,
        .power_off_script = conf_get(d->conf, "powerops", "poweroff-script"),
        .resume_script = conf_get(d->conf, "powerops", "resume-script"),
        .power_on_script = conf_get(d->conf, "powerops", "poweron-script"),
        .suspend_script = conf_get(d->conf, "powerops", "suspend-script"),
    };
}

/* Between the two the guest's file systems should be left alone. */
static void on_frozen(void *arg, bool on)
{
    struct daemon *d = arg;
    vix_service_set_frozen(d->vix, on);
    if (on)
        report_stop(d->report);
    else if (d->state == TOOLBOX_READY)
        report_all(d->report);
}

/* ---- life ---- */

static void on_stop(uv_signal_t *handle, int number)
{
    struct daemon *d = handle->data;
    log_info("signal %d: ending", number);
    uv_stop(&d->loop);
}

/* Reads tools.conf and what comes from the host again; `always`: also when nothing is different. */
static void reload(struct daemon *d, bool always)
{
    struct conf *fresh;
    struct error err = {0};
    if (globalconf_load(d->conf_path, &fresh, &err) < 0) {
        log_error("%s; the old configuration stays", error_text(&err));
        return;
    }
    if (!always && conf_equal(fresh, d->conf)) {
        conf_free(fresh);
        return;
    }
    power_set_conf(d->power, fresh);
    quiesce_set_conf(d->quiesce, fresh);
    report_set_conf(d->report, fresh);
    gueststore_set_conf(d->gueststore, fresh);
    globalconf_service_set_conf(d->globalconf, fresh);
    conf_free(d->conf);
    d->conf = fresh;
    /* What is switched off may be something else now: the host asks again. */
    toolbox_rpci_text(d->tb, NULL, NULL, "tools.capability.inguest.state 1");
    log_info("configuration read again");
}

static void on_reload(uv_signal_t *handle, int number)
{
    (void)number;
    reload(handle->data, true);
}

static void on_conf_changed(void *arg)
{
    reload(arg, false);
}

static void on_content_access(void *arg, bool on)
{
    const struct daemon *d = arg;
    globalconf_service_access(d->globalconf, on);
}

static void watch_signal(struct daemon *d, uv_signal_t *handle, uv_signal_cb fn, int number)
{
    uv_signal_init(&d->loop, handle);
    handle->data = d;
    uv_signal_start(handle, fn, number);
}

/* The other programs of the agent lie beside this one, in a build tree and in a sandbox VM; where
 * they do not, the service looks where they are installed. */
static const char *beside(const char *env, const char *name, char path[PATH_MAX])
{
    if (getenv(env))
        return NULL;
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (n <= 0)
        return NULL;
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    size_t room = slash ? (size_t)(path + PATH_MAX - (slash + 1)) : 0;
    if (strlen(name) >= room)
        return NULL;
    memcpy(slash + 1, name, strlen(name) + 1);
    return access(path, X_OK) == 0 ? path : NULL;
}

static int gueststore_open(struct daemon *d)
{
    const char *path = getenv("GUESTSTORE_SOCKET");
    const struct gueststore_config config = {.loop = &d->loop,
                                             .tb = d->tb,
                                             .conf = d->conf,
                                             .socket_path =
                                                 path && *path ? path : GUESTSTORE_SOCKET,
                                             .access = on_content_access,
                                             .arg = d};
    int r =
        globalconf_service_new(&d->loop, d->conf_path, d->conf, on_conf_changed, d, &d->globalconf);
    if (r == 0)
        r = conf_watch_new(&d->loop, d->conf_path, on_conf_changed, d, &d->conf_watch);
    return r < 0 ? r : gueststore_new(&config, &d->gueststore);
}

static int daemon_open(struct daemon *d, const struct toolbox_options *options, struct error *err)
{
    char worker[PATH_MAX], auth[PATH_MAX];
    const char *link = options->link_dir ? options->link_dir : getenv("TOOLBOX_LINK");
    const struct vix_service_config config = {
        .link_dir = link && *link ? link : RPC_LINK_DIR,
        .worker_path = beside("TOOLBOX_WORKER", "toolbox-worker", worker),
        .auth_path = beside("TOOLBOX_AUTH", "toolbox-auth", auth),
        .disabled = on_disabled,
        .tools_state = on_tools_state,
        .program_ended = on_program_ended,
        .arg = d};
    int r = globalconf_load(d->conf_path, &d->conf, err);
    if (r < 0)
        return r;
    r = toolbox_create(options, &d->tb);
    if (r < 0)
        return error_errno(err, r, "toolbox");
    toolbox_set_version(d->tb, TOOLBOX_LEVEL, TOOLBOX_TYPE);
    toolbox_set_state_hook(d->tb, on_state, d);
    toolbox_set_option_hook(d->tb, on_option, d);
    r = toolbox_add_capability(d->tb, "tools.capability.guest_conf_directory " POWER_CONF_DIR);
    if (r == 0)
        r = toolbox_add_capability(d->tb, "tools.capability.inguest.streams 1");
    if (r == 0)
        r = report_new(&d->loop, d->tb, d->conf, &d->report);
    if (r == 0)
        r = power_new(&d->loop, d->tb, d->conf, &d->power);
    if (r == 0)
        r = quiesce_new(&(struct quiesce_config){.loop = &d->loop,
                                                 .tb = d->tb,
                                                 .conf = d->conf,
                                                 .conf_path = d->conf_path,
                                                 .frozen = on_frozen,
                                                 .arg = d},
                        &d->quiesce);
    if (r == 0)
        r = gueststore_open(d);
    if (r < 0)
        return error_errno(err, r, "start");
    r = vix_service_new(&d->loop, &config, &d->vix, err);
    if (r < 0)
        return r;
    r = toolbox_on_vix(d->tb, TOOLBOX_VIX_DEFAULT, 0, on_vix, d);
    if (r == 0)
        r = uv_poll_init(&d->loop, &d->poll, toolbox_fd(d->tb));
    if (r < 0)
        return error_errno(err, r, "start");
    d->poll.data = d;
    uv_poll_start(&d->poll, UV_READABLE, on_ready);
    uv_timer_init(&d->loop, &d->deadline);
    d->deadline.data = d;
    uv_prepare_init(&d->loop, &d->prepare);
    d->prepare.data = d;
    uv_prepare_start(&d->prepare, on_prepare);
    watch_signal(d, &d->term, on_stop, SIGTERM);
    watch_signal(d, &d->intr, on_stop, SIGINT);
    watch_signal(d, &d->hup, on_reload, SIGHUP);
    toolbox_start(d->tb);
    return 0;
}

static void close_own(uv_handle_t *handle, void *arg)
{
    struct daemon *d = arg;
    uv_handle_t *const own[] = {(uv_handle_t *)&d->poll,     (uv_handle_t *)&d->prepare,
                                (uv_handle_t *)&d->deadline, (uv_handle_t *)&d->term,
                                (uv_handle_t *)&d->intr,     (uv_handle_t *)&d->hup};
    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        if (handle == own[i] && !uv_is_closing(handle))
            uv_close(handle, NULL);
    }
}

/* The service first: it holds requests of the toolbox. Then the toolbox: its last callbacks go to
 * the report and the power module. */
static void daemon_close(struct daemon *d)
{
    uv_walk(&d->loop, close_own, d);
    vix_service_free(d->vix);
    toolbox_destroy(d->tb);
    gueststore_free(d->gueststore);
    globalconf_service_free(d->globalconf);
    conf_watch_free(d->conf_watch);
    report_free(d->report);
    power_free(d->power);
    quiesce_free(d->quiesce);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    uv_loop_close(&d->loop);
    conf_free(d->conf);
}

static void usage(FILE *to)
{
    fputs("usage: toolboxd [--log FILE] [--conf FILE] [--link DIR] [--debug]\n"
          "       toolboxd --version | -h\n"
          "\n"
          "Guest agent: lets the host's management software work in this guest without a network.\n"
          "\n"
          "  --log FILE   write messages to FILE instead of standard error\n"
          "  --conf FILE  configuration (default " CONF_PATH ")\n"
          "  --link DIR   folder of the host's sockets (default $TOOLBOX_LINK, /run/inguest/link)\n"
          "  --debug      more messages\n",
          to);
}

int main(int argc, char **argv)
{
    enum { OPT_LOG = 256, OPT_CONF, OPT_LINK, OPT_DEBUG, OPT_VERSION };
    static const struct option longs[] = {{"log", required_argument, NULL, OPT_LOG},
                                          {"conf", required_argument, NULL, OPT_CONF},
                                          {"link", required_argument, NULL, OPT_LINK},
                                          {"debug", no_argument, NULL, OPT_DEBUG},
                                          {"version", no_argument, NULL, OPT_VERSION},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    static struct daemon d = {.conf_path = CONF_PATH};
    struct toolbox_options options = {0};
    struct error err = {0};
    int opt;

    while ((opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        switch (opt) {
        case OPT_LOG:
            d.log_path = optarg;
            break;
        case OPT_CONF:
            d.conf_path = optarg;
            break;
        case OPT_LINK:
            options.link_dir = optarg;
            break;
        case OPT_DEBUG:
            log_set_level(LOG_LEVEL_DEBUG);
            break;
        case OPT_VERSION:
            printf("toolboxd %s\n", TOOLBOX_VERSION);
            return 0;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return 2;
        }
    }
    if (optind < argc) {
        usage(stderr);
        return 2;
    }
    log_open_fd(-1, "toolboxd");
    if (d.log_path && log_open_file(d.log_path, "toolboxd", &err) < 0) {
        fprintf(stderr, "toolboxd: %s\n", error_text(&err));
        return 1;
    }
    /* One heap for all threads: an agent should be small. */
    mallopt(M_ARENA_MAX, 1);
    signal(SIGPIPE, SIG_IGN);
    int r = uv_loop_init(&d.loop);
    if (r == 0)
        r = daemon_open(&d, &options, &err);
    if (r < 0) {
        log_error("cannot start: %s", error_text(&err));
        daemon_close(&d);
        return 1;
    }
    log_info("toolboxd %s started", TOOLBOX_VERSION);
    uv_run(&d.loop, UV_RUN_DEFAULT);
    daemon_close(&d);
    return 0;
}
