#include "hostd/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/dispatch.h"
#include "hostd/random.h"

#define BUCKETS 1024u

struct slot {
    void *data;
    void (*destroy)(struct session *s, void *data);
};

struct session_private {
    struct session pub;
    struct sessions *all;
    char cookie[SESSION_COOKIE_SIZE];
    uint64_t last_used_ms;
    unsigned refs;  /* running calls, and one while it lives */
    unsigned calls; /* running */
    struct slot slots[SESSION_SLOT_COUNT];
    struct session_private *hash_next;
    struct session_private *next, **link; /* all live ones, the latest first */
};

struct sessions {
    struct host *host;
    struct session_private *buckets[BUCKETS];
    struct session_private *list;
    size_t count;
    uv_timer_t *timer;
};

static unsigned bucket_of(const char *cookie)
{
    unsigned v = 0;
    for (int i = 0; i < 4 && cookie[i]; i++)
        v = v * 31 + (unsigned char)cookie[i];
    return v % BUCKETS;
}

static void on_timer(uv_timer_t *timer)
{
    session_expire(timer->data);
}

int sessions_new(struct host *host, struct sessions **ret)
{
    struct sessions *all = mem_calloc(1, sizeof(*all));
    uv_timer_t *timer = mem_calloc(1, sizeof(*timer));
    if (!all || !timer) {
        mem_free(all);
        mem_free(timer);
        return -ENOMEM;
    }
    all->host = host;
    all->timer = timer;
    uv_timer_init(host->loop, timer);
    timer->data = all;
    uv_timer_start(timer, on_timer, SESSION_SCAN_MS, SESSION_SCAN_MS);
    uv_unref((uv_handle_t *)timer);
    *ret = all;
    return 0;
}

static void free_timer(uv_handle_t *h)
{
    mem_free(h);
}

void sessions_free(struct sessions *all)
{
    if (!all)
        return;
    while (all->list)
        session_end(&all->list->pub);
    uv_close((uv_handle_t *)all->timer, free_timer);
    mem_free(all);
}

static void make_room(struct sessions *all, int64_t user_id)
{
    size_t n = 0;
    struct session_private *oldest = NULL;
    for (struct session_private *s = all->list; s; s = s->next) {
        if (s->pub.user_id != user_id)
            continue;
        n++;
        if (!s->calls && (!oldest || s->last_used_ms < oldest->last_used_ms))
            oldest = s;
    }
    if (n >= SESSION_PER_USER_MAX && oldest) {
        log_warn("session: %s has %zu sessions; ending the one unused longest", oldest->pub.user,
                 n);
        session_end(&oldest->pub);
    }
}

static void set_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text ? text : "");
}

int session_create(struct sessions *all, int64_t user_id, const char *user, const char *locale,
                   const char *source, const char *user_agent, struct session **ret,
                   char *ret_cookie)
{
    make_room(all, user_id);
    if (all->count >= SESSION_MAX)
        return -ENFILE;
    struct session_private *s = mem_calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->all = all;
    s->pub.priv = s;
    s->refs = 1;
    random_hex(s->cookie, SESSION_COOKIE_SIZE - 1);
    random_uuid(s->pub.key);
    s->pub.user_id = user_id;
    set_text(s->pub.user, sizeof(s->pub.user), user);
    set_text(s->pub.locale, sizeof(s->pub.locale), locale && *locale ? locale : "en");
    set_text(s->pub.source, sizeof(s->pub.source), source);
    set_text(s->pub.user_agent, sizeof(s->pub.user_agent), user_agent);
    s->pub.login_time = s->pub.last_active_time = clock_wall_us();
    s->last_used_ms = clock_ms();

    struct session_private **bucket = &all->buckets[bucket_of(s->cookie)];
    s->hash_next = *bucket;
    *bucket = s;
    s->next = all->list;
    s->link = &all->list;
    if (s->next)
        s->next->link = &s->next;
    all->list = s;
    all->count++;
    memcpy(ret_cookie, s->cookie, SESSION_COOKIE_SIZE);
    *ret = &s->pub;
    return 0;
}

/* Takes the same time wherever the texts differ. */
static bool same_cookie(const char *a, const char *b)
{
    unsigned char diff = 0;
    for (size_t i = 0; i < SESSION_COOKIE_SIZE; i++)
        diff |= (unsigned char)(a[i] ^ b[i]);
    return diff == 0;
}

struct session *session_by_cookie(struct sessions *all, const char *cookie)
{
    if (!cookie || strnlen(cookie, SESSION_COOKIE_SIZE) != SESSION_COOKIE_SIZE - 1)
        return NULL;
    for (struct session_private *s = all->buckets[bucket_of(cookie)]; s; s = s->hash_next)
        if (same_cookie(s->cookie, cookie)) {
            s->last_used_ms = clock_ms();
            s->pub.last_active_time = clock_wall_us();
            return &s->pub;
        }
    return NULL;
}

void session_ref(struct session *s)
{
    s->priv->refs++;
    s->priv->calls++;
    s->call_count++;
}

static void drop(struct session_private *s)
{
    if (--s->refs)
        return;
    explicit_bzero(s->cookie, sizeof(s->cookie));
    mem_free(s);
}

void session_unref(struct session *s)
{
    s->priv->calls--;
    s->priv->last_used_ms = clock_ms(); /* a wait that was held counts as use */
    drop(s->priv);
}

void session_end(struct session *pub)
{
    struct session_private *s = pub->priv;
    if (pub->ended)
        return;
    pub->ended = true;
    struct session_private **p = &s->all->buckets[bucket_of(s->cookie)];
    while (*p != s)
        p = &(*p)->hash_next;
    *p = s->hash_next;
    *s->link = s->next;
    if (s->next)
        s->next->link = s->link;
    s->all->count--;
    dispatch_cancel_session(s->all->host, pub);
    for (int i = 0; i < SESSION_SLOT_COUNT; i++)
        if (s->slots[i].destroy)
            s->slots[i].destroy(pub, s->slots[i].data);
    memset(s->slots, 0, sizeof(s->slots));
    drop(s);
}

void session_end_user(struct sessions *all, int64_t user_id, const struct session *except)
{
    for (struct session_private *s = all->list, *next; s; s = next) {
        next = s->next;
        if (s->pub.user_id == user_id && &s->pub != except)
            session_end(&s->pub);
    }
}

void session_expire(struct sessions *all)
{
    uint64_t now = clock_ms(), idle = all->host->options.session_idle_seconds * 1000ull;
    for (struct session_private *s = all->list, *next; s; s = next) {
        next = s->next;
        if (!s->calls && now - s->last_used_ms > idle) {
            log_info("session: %s from %s ended, unused", s->pub.user, s->pub.source);
            session_end(&s->pub);
        }
    }
}

size_t session_count(const struct sessions *all)
{
    return all->count;
}

void *session_slot_get(const struct session *s, enum session_slot slot)
{
    return s->priv->slots[slot].data;
}

void session_slot_set(struct session *s, enum session_slot slot, void *data,
                      void (*destroy)(struct session *s, void *data))
{
    s->priv->slots[slot] = (struct slot){data, destroy};
}

void session_each(struct sessions *all, void (*each)(struct session *s, void *arg), void *arg)
{
    for (struct session_private *s = all->list; s; s = s->next)
        each(&s->pub, arg);
}

struct session *session_by_key(struct sessions *all, const char *key)
{
    for (struct session_private *s = all->list; s; s = s->next)
        if (strcmp(s->pub.key, key) == 0)
            return &s->pub;
    return NULL;
}
