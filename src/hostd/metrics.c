/*
 * /metrics: the host's counters as Prometheus reads them (text format 0.0.4).
 *
 * Programs of this machine may read them without a login, as it is custom; from elsewhere, and
 * through a proxy, a session is needed. There is nothing in them that a guest or a user has written
 * but the names of virtual machines.
 */
#include "hostd/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "hostd/gueststore.h"
#include "hostd/http.h"
#include "hostd/inventory.h"
#include "hostd/json_endpoint.h"
#include "hostd/session.h"
#include "hostd/vm.h"

#define PAGE_MAX     (16u << 20)
#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* A request that waits for gstored. */
struct wait {
    struct http_request *req; /* NULL: the client has gone */
};

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put(struct buf *b, const char *name, const char *type, const char *help, int64_t value)
{
    head(b, name, type, help);
    buf_printf(b, "%s %" PRId64 "\n", name, value);
}

/* vm="12",name="demo" */
static void put_labels(struct buf *b, const struct vm *vm)
{
    buf_printf(b, "{vm=\"%s\",name=\"", vm->e.mo.id);
    for (const char *p = vm->e.name; *p; p++) {
        if (*p == '\n')
            buf_put_str(b, "\\n");
        else if (*p == '"' || *p == '\\')
            buf_printf(b, "\\%c", *p);
        else
            buf_put_u8(b, (uint8_t)*p);
    }
    buf_put_str(b, "\"}");
}

/* ---- hostd ---- */

static void put_host(struct buf *b, const struct host *host)
{
    static const char *const states[] = {"poweredOff", "poweredOn", "suspended"};
    int64_t vms[ARRAY_SIZE(states)] = {0};
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "re");

    if (statm && fscanf(statm, "%*u %lu", &pages) != 1)
        pages = 0;
    if (statm)
        fclose(statm);
    for (const struct vm *vm = inventory_of(host)->vms; vm; vm = vm->next)
        vms[vm->power]++;
    put(b, "inguest_sessions", "gauge", "Sessions that are open.",
        (int64_t)session_count(host->sessions));
    head(b, "inguest_virtual_machines", "gauge", "Virtual machines, by power state.");
    for (size_t i = 0; i < ARRAY_SIZE(states); i++)
        buf_printf(b, "inguest_virtual_machines{power=\"%s\"} %" PRId64 "\n", states[i], vms[i]);
    put(b, "inguest_hostd_resident_memory_bytes", "gauge", "Memory of the host daemon.",
        (int64_t)pages * sysconf(_SC_PAGESIZE));
}

/* ---- GuestStore ---- */

static const struct {
    const char *key, *name, *type, *help;
} totals[] = {
    {"requests", "requests_total", "counter", "Requests for content that have ended."},
    {"denied", "denied_total", "counter", "Requests that a rule or the path's form denied."},
    {"missing", "missing_total", "counter", "Requests for what is not there."},
    {"failed", "failed_total", "counter", "Requests that failed otherwise."},
    {"served", "served_bytes_total", "counter", "Bytes of content handed out."},
    {"fetched", "fetched_bytes_total", "counter", "Bytes read from the repository's server."},
    {"hits", "cache_hits_total", "counter", "Requests answered from the cache."},
    {"misses", "cache_misses_total", "counter", "Downloads."},
    {"shared", "cache_shared_total", "counter", "Requests that followed another's download."},
    {"cacheBytes", "cache_bytes", "gauge", "Bytes in the cache."},
    {"cacheMax", "cache_max_bytes", "gauge", "What the cache may hold."},
    {"cacheEntries", "cache_entries", "gauge", "Files in the cache."},
};

#define PER_VM 5 /* the first ones are counted for each VM, too */

static const json_t *vm_status(const json_t *status, const char *id)
{
    size_t i;
    json_t *vm;

    json_array_foreach(json_object_get(status, "vms"), i, vm)
    {
        const char *s = json_string_value(json_object_get(vm, "vm"));
        if (s && !strcmp(s, id))
            return vm;
    }
    return NULL;
}

static void put_gueststore(struct buf *b, const struct host *host, const json_t *status)
{
    char name[64];

    put(b, "inguest_gueststore_configured", "gauge", "Whether there is a repository.",
        gueststore_settings(host)->repository != NULL);
    put(b, "inguest_gueststore_up", "gauge", "Whether gstored answers.", status != NULL);
    for (size_t i = 0; status && i < ARRAY_SIZE(totals); i++) {
        const json_t *v = json_object_get(status, totals[i].key);
        if (!v)
            continue;
        snprintf(name, sizeof(name), "inguest_gueststore_%s", totals[i].name);
        put(b, name, totals[i].type, totals[i].help, json_integer_value(v));
    }
    for (size_t i = 0; status && i < PER_VM; i++) {
        snprintf(name, sizeof(name), "inguest_gueststore_vm_%s", totals[i].name);
        head(b, name, totals[i].type, totals[i].help);
        for (const struct vm *vm = inventory_of(host)->vms; vm; vm = vm->next) {
            const json_t *o = vm_status(status, vm->e.mo.id);
            if (!o)
                continue;
            buf_put_str(b, name);
            put_labels(b, vm);
            buf_printf(b, " %lld\n",
                       (long long)json_integer_value(json_object_get(o, totals[i].key)));
        }
    }
}

/* ---- requests ---- */

static void on_status(struct host *host, const json_t *status, const char *why, void *arg)
{
    AUTO_BUF struct buf b = BUF_INIT(PAGE_MAX);
    struct wait *w = arg;

    (void)why;
    if (w->req) {
        http_on_gone(w->req, NULL, NULL);
        put_host(&b, host);
        put_gueststore(&b, host, status);
        if (buf_error(&b))
            http_respond_text(w->req, 500, "The server is out of memory.\n");
        else
            http_respond(w->req, 200, CONTENT_TYPE, b.data, b.len);
    }
    mem_free(w);
}

static void on_gone(struct http_request *req, void *arg)
{
    struct wait *w = arg;

    w->req = NULL;
    http_respond_text(req, 503, "The client has gone.\n");
}

static bool from_here(const struct http_request *req)
{
    const char *source = http_source(req);

    return (!strncmp(source, "127.", 4) || !strcmp(source, "::1") ||
            !strncmp(source, "::ffff:127.", 11)) &&
           !http_header(req, "X-Forwarded-For") && !http_header(req, "Forwarded");
}

static void handle(struct http_request *req)
{
    struct wait *w;

    if (!from_here(req) && !json_session(req)) {
        http_respond_text(req, 401, "A session is needed.\n");
        return;
    }
    w = mem_calloc(1, sizeof(*w));
    if (!w) {
        http_respond_text(req, 500, "The server is out of memory.\n");
        return;
    }
    w->req = req;
    http_on_gone(req, on_gone, w);
    gueststore_status(http_host(req), on_status, w);
}

static const struct http_route routes[] = {
    {.path = "/metrics", .methods = HTTP_GET, .handler = handle}, {.path = NULL}};

const struct host_module metrics_module = {.name = "metrics", .routes = routes};
