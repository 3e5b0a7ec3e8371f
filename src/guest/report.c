#include "guest/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "guest/mounts.h"
#include "guest/netinfo.h"
#include "guest/netwatch.h"
#include "wire/guestinfo.h"

#define MEMINFO_MAX 16384u

enum item {
    ITEM_DETAILS,
    ITEM_DISKS,
    ITEM_HOST_NAME,
    ITEM_NICS,
    ITEM_UPTIME,
    ITEM_MEMORY,
    ITEM_OS_FULL,  /* what older hosts take instead of DETAILS */
    ITEM_OS_SHORT, /* the same */
    ITEM_COUNT,
};

struct slot {
    struct report *report;
    enum item item;
    uint64_t accepted; /* hash of what the host has taken; 0 = nothing */
    uint64_t offered;  /* hash of what is on its way */
    unsigned form;     /* 0 = today's, higher = older */
    bool under_way;
    bool again; /* asked for while under way */
};

struct disk_work {
    uv_work_t work;
    struct report *report; /* NULL: nobody waits any more */
    struct arena arena;
    struct diskinfo info;
    int result;
};

struct report {
    uv_loop_t *loop;
    struct toolbox *tb;
    const struct conf *conf;
    uv_timer_t timer;
    struct netwatch *watch;
    struct osinfo os;
    struct slot slots[ITEM_COUNT];
    struct disk_work *disk_work;
    char primary[NICINFO_TEXT_MAX];
    char announced[NICINFO_TEXT_MAX]; /* guestinfo.ip as the host has it */
    bool broadcast;
    bool active;
};

/* FNV-1a; tells only whether bytes have changed. */
static uint64_t hash(const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    uint64_t h = 0xcbf29ce484222325u;
    while (len--)
        h = (h ^ *p++) * 0x100000001b3u;
    return h ? h : 1;
}

static void send_item(struct report *r, enum item item);

static void on_answer(struct toolbox *tb, int status, const uint8_t *data, size_t len, void *arg)
{
    struct slot *s = arg;
    (void)tb;
    (void)data;
    static const unsigned forms[ITEM_COUNT] = {
        [ITEM_DETAILS] = 1, [ITEM_DISKS] = 1, [ITEM_NICS] = 1};
    s->under_way = false;
    if (!s->report->active)
        return;
    /* A success with a text is a refusal in disguise (Guest RPC, "SetGuestInfo"). */
    if (status == 1 && len == 0) {
        s->accepted = s->offered;
    } else if (status >= 0 && s->form < forms[s->item]) {
        s->form++;
        s->again = true;
    }
    if (s->again) {
        s->again = false;
        send_item(s->report, s->item);
    }
}

/* Sends the message unless the host has it already. */
static void offer(struct report *r, enum item item, const struct buf *b)
{
    struct slot *s = &r->slots[item];
    if (buf_error(b) || b->len == 0)
        return;
    uint64_t h = hash(b->data, b->len);
    if (h == s->accepted)
        return;
    if (s->under_way) {
        s->again = s->again || h != s->offered;
        return;
    }
    s->offered = h;
    if (toolbox_rpci(r->tb, b->data, b->len, on_answer, s) == 0)
        s->under_way = true;
}

static void offer_text(struct report *r, enum item item, unsigned id, const char *text)
{
    AUTO_BUF struct buf b = BUF_INIT(GUESTINFO_TEXT_MAX + 64);
    guestinfo_put_head(&b, id);
    buf_put_str(&b, text);
    buf_put_u8(&b, 0);
    offer(r, item, &b);
}

static void send_details(struct report *r)
{
    if (r->slots[ITEM_DETAILS].form > 0) {
        send_item(r, ITEM_OS_FULL);
        send_item(r, ITEM_OS_SHORT);
        return;
    }
    AUTO_BUF struct buf text = BUF_INIT(GUESTINFO_DETAILS_MAX);
    AUTO_BUF struct buf b = BUF_INIT(GUESTINFO_DETAILS_MAX + GUESTINFO_DETAILS_HEAD + 64);
    struct guestinfo_details d = {.short_name = r->os.short_name, .full_name = r->os.pretty_name};
    if (osinfo_details(&r->os, &text) < 0)
        return;
    d.text = buf_text(&text);
    guestinfo_put_head(&b, GUESTINFO_OS_DETAILS);
    if (guestinfo_details_encode(&b, &d) == 0)
        offer(r, ITEM_DETAILS, &b);
}

/* The address that the host shows stays the same for as long as the guest has it. */
static void choose_primary(struct report *r, const struct nicinfo *info)
{
    char text[NICINFO_TEXT_MAX];
    for (uint32_t n = 0; *r->primary && n < info->nic_count; n++) {
        for (uint32_t i = 0; i < info->nics[n].ip_count; i++) {
            if (nicinfo_address_text(&info->nics[n].ips[i].address, text) == 0 &&
                strcmp(text, r->primary) == 0)
                return;
        }
    }
    if (nicinfo_primary(info, r->primary) < 0)
        r->primary[0] = '\0';
}

static void announce_ip(struct report *r, bool always)
{
    const char *ip = *r->primary ? r->primary : "unknown";
    if (!r->broadcast || (!always && strcmp(ip, r->announced) == 0))
        return;
    snprintf(r->announced, sizeof(r->announced), "%s", ip);
    toolbox_rpci_text(r->tb, NULL, NULL, "info-set guestinfo.ip %s", ip);
}

static void send_nics(struct report *r)
{
    AUTO_ARENA struct arena a = ARENA_INIT(NETINFO_ARENA_MAX);
    AUTO_BUF struct buf b = BUF_INIT(TOOLBOX_MESSAGE_MAX);
    struct nicinfo info;
    int n = netinfo_collect(r->conf, r->os.host_name, &a, &info);
    if (n < 0) {
        log_warn("network information: %s", strerror(-n));
        return;
    }
    choose_primary(r, &info);
    guestinfo_put_head(&b, r->slots[ITEM_NICS].form ? GUESTINFO_NICS_V2 : GUESTINFO_NICS_V3);
    n = nicinfo_encode(&b, &info);
    if (n < 0)
        log_warn("network information: %s", strerror(-n));
    else
        offer(r, ITEM_NICS, &b);
    announce_ip(r, false);
}

static void disk_run(uv_work_t *work)
{
    struct disk_work *w = work->data;
    w->result = mounts_collect(&w->arena, &w->info);
}

static void disk_done(uv_work_t *work, int status)
{
    struct disk_work *w = work->data;
    struct report *r = w->report;
    if (r) {
        r->disk_work = NULL;
        if (status == 0 && w->result == 0 && r->active) {
            AUTO_BUF struct buf b = BUF_INIT(TOOLBOX_MESSAGE_MAX);
            int n;
            if (r->slots[ITEM_DISKS].form == 0) {
                buf_put_str(&b, "SetGuestDiskInfo ");
                n = diskinfo_encode_json(&b, &w->info);
            } else {
                guestinfo_put_head(&b, GUESTINFO_DISKS_V0);
                n = diskinfo_encode_v0(&b, &w->info);
            }
            if (n == 0)
                offer(r, ITEM_DISKS, &b);
        }
    }
    arena_free(&w->arena);
    mem_free(w);
}

/* On a thread of the loop's pool: a broken disk may keep it, but not the loop. */
static void send_disks(struct report *r)
{
    if (r->disk_work || conf_bool(r->conf, "guestinfo", "disable-query-diskinfo", false))
        return;
    struct disk_work *w = mem_calloc(1, sizeof(*w));
    if (!w)
        return;
    w->arena = ARENA_INIT(MOUNTS_ARENA_MAX);
    w->report = r;
    w->work.data = w;
    if (uv_queue_work(r->loop, &w->work, disk_run, disk_done) < 0) {
        mem_free(w);
        return;
    }
    r->disk_work = w;
}

/* The guest is as old as its process 1: in a container the kernel is older. 1/100 s. */
static long long uptime(void)
{
    AUTO_BUF struct buf b = BUF_INIT(4096);
    struct timespec ts;
    unsigned long long start = 0;
    clock_gettime(CLOCK_BOOTTIME, &ts);
    long long now = (long long)ts.tv_sec * 100 + ts.tv_nsec / 10000000;
    if (fs_read_file(AT_FDCWD, "/proc/1/stat", &b, NULL) == 0) {
        /* starttime is the 20th field behind the name, which may hold anything. */
        const char *p = strrchr(buf_text(&b), ')');
        for (unsigned i = 0; p && i < 20; i++)
            p = strchr(p + 1, ' ');
        if (p)
            start = strtoull(p, NULL, 10);
    }
    long ticks = sysconf(_SC_CLK_TCK);
    long long age = ticks > 0 ? now - (long long)(start * 100 / (unsigned long)ticks) : now;
    return age >= 0 ? age : 0;
}

static void send_uptime(struct report *r)
{
    char text[32];
    snprintf(text, sizeof(text), "%lld", uptime());
    offer_text(r, ITEM_UPTIME, GUESTINFO_UPTIME, text);
}

static bool meminfo(const char *text, const char *key, uint64_t *ret)
{
    size_t len = strlen(key);
    for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
        if (strncmp(p, key, len) == 0 && p[len] == ':') {
            *ret = strtoull(p + len + 1, NULL, 10);
            return true;
        }
    }
    return false;
}

static void send_memory(struct report *r)
{
    /* Statistic numbers of the protocol ("Memory and statistics"). */
    static const struct {
        const char *key;
        unsigned id;
    } stats[] = {{"MemFree", 4},  {"MemTotal", 6}, {"SwapFree", 9}, {"MemAvailable", 25},
                 {"Buffers", 26}, {"Cached", 27},  {"MemTotal", 60}};
    AUTO_BUF struct buf text = BUF_INIT(MEMINFO_MAX);
    AUTO_BUF struct buf b = BUF_INIT(4096);
    uint64_t v;
    bool first = true;
    if (fs_read_file(AT_FDCWD, "/proc/meminfo", &text, NULL) < 0 ||
        !meminfo(buf_text(&text), "MemTotal", &v))
        return;
    guestinfo_put_head(&b, GUESTINFO_MEMORY);
    guestinfo_memory_put_head(&b, v);
    for (size_t i = 0; i < ARRAY_SIZE(stats); i++) {
        if (meminfo(buf_text(&text), stats[i].key, &v)) {
            guestinfo_memory_put_stat(&b, first, stats[i].id, GUESTINFO_UNIT_KIB, v);
            first = false;
        }
    }
    offer(r, ITEM_MEMORY, &b);
}

static void send_item(struct report *r, enum item item)
{
    switch (item) {
    case ITEM_DETAILS:
        send_details(r);
        break;
    case ITEM_DISKS:
        send_disks(r);
        break;
    case ITEM_HOST_NAME:
        offer_text(r, item, GUESTINFO_DNS_NAME, r->os.host_name);
        break;
    case ITEM_NICS:
        send_nics(r);
        break;
    case ITEM_UPTIME:
        send_uptime(r);
        break;
    case ITEM_MEMORY:
        send_memory(r);
        break;
    case ITEM_OS_FULL:
        offer_text(r, item, GUESTINFO_OS_FULL, r->os.full_name);
        break;
    case ITEM_OS_SHORT:
        offer_text(r, item, GUESTINFO_OS_SHORT, r->os.short_name);
        break;
    case ITEM_COUNT:
        break;
    }
}

static void gather(struct report *r)
{
    static const enum item order[] = {ITEM_DETAILS, ITEM_DISKS,  ITEM_HOST_NAME,
                                      ITEM_NICS,    ITEM_UPTIME, ITEM_MEMORY};
    if (!r->active)
        return;
    osinfo_collect(&r->os);
    for (size_t i = 0; i < ARRAY_SIZE(order); i++)
        send_item(r, order[i]);
}

static void on_timer(uv_timer_t *timer)
{
    gather(timer->data);
}

static void on_network(void *arg)
{
    struct report *r = arg;
    if (!r->active)
        return;
    osinfo_collect(&r->os);
    send_item(r, ITEM_HOST_NAME);
    send_item(r, ITEM_NICS);
}

void report_all(struct report *r)
{
    long s =
        conf_number(r->conf, "guestinfo", "poll-interval", REPORT_PERIOD_S, 0, REPORT_PERIOD_MAX_S);
    for (unsigned i = 0; i < ITEM_COUNT; i++) {
        struct slot *slot = &r->slots[i];
        slot->accepted = 0;
        slot->form = 0;
        slot->again = slot->under_way; /* what is under way may have gone to the host before */
    }
    r->announced[0] = '\0';
    r->active = true;
    if (s > 0 && s < REPORT_PERIOD_MIN_S)
        s = REPORT_PERIOD_MIN_S;
    if (s > 0)
        uv_timer_start(&r->timer, on_timer, (uint64_t)s * 1000, (uint64_t)s * 1000);
    gather(r);
}

void report_stop(struct report *r)
{
    r->active = false;
    r->broadcast = false;
    uv_timer_stop(&r->timer);
}

void report_broadcast_ip(struct report *r, bool on)
{
    r->broadcast = on;
    if (on) {
        AUTO_ARENA struct arena a = ARENA_INIT(NETINFO_ARENA_MAX);
        struct nicinfo info;
        if (netinfo_collect(r->conf, r->os.host_name, &a, &info) == 0)
            choose_primary(r, &info);
        announce_ip(r, true);
    }
}

const struct osinfo *report_os(const struct report *r)
{
    return &r->os;
}

void report_set_conf(struct report *r, const struct conf *conf)
{
    r->conf = conf;
}

int report_new(uv_loop_t *loop, struct toolbox *tb, const struct conf *conf, struct report **ret)
{
    struct report *r = mem_calloc(1, sizeof(*r));
    if (!r)
        return -ENOMEM;
    r->loop = loop;
    r->tb = tb;
    r->conf = conf;
    for (unsigned i = 0; i < ITEM_COUNT; i++)
        r->slots[i] = (struct slot){.report = r, .item = (enum item)i};
    uv_timer_init(loop, &r->timer);
    r->timer.data = r;
    osinfo_collect(&r->os);
    int n = netwatch_new(loop, on_network, r, &r->watch);
    if (n < 0)
        log_warn("no notices of network changes (%s): they show at the next period", strerror(-n));
    *ret = r;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void report_free(struct report *r)
{
    if (!r)
        return;
    if (r->disk_work)
        r->disk_work->report = NULL;
    netwatch_free(r->watch);
    uv_close((uv_handle_t *)&r->timer, on_closed);
}
