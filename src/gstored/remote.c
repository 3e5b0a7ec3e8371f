/*
 * A repository that is a server. Whoever asks for a resource that somebody is already getting joins
 * in: a `resource` is one resource on its way, with all its readers.
 *
 *   HASHING   the cached file has not been looked at yet: a thread hashes it
 *   ASKING    the server was asked, "unless it is still this version" when there is a cached one
 *   ARRIVING  the content comes and is written into the cache; readers follow
 *   CHECKING  all of it has come: is the server's still that version? If not, it was replaced while
 *             we read, and what we have may be of two versions
 *
 * Readers are told from a timer, never from inside libcurl, and progress at most every NOTIFY_MS.
 * When the last reader has gone the resource is given up.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "gstored/cache.h"
#include "gstored/fetch.h"
#include "gstored/repo.h"
#include "wire/gstore.h"

#define NOTIFY_MS     10u
#define SOURCE_ORIGIN "origin"

enum stage { HASHING, ASKING, ARRIVING, CHECKING, OVER };

struct remote {
    struct repo repo;
    uv_loop_t *loop;
    struct settings settings; /* borrowed strings */
    struct cache *cache;
    struct fetcher *fetcher;
    struct resource *resources;
    uint64_t hits, misses, shared, fetched;
};

struct hashing;

struct resource {
    struct resource *next, **link;
    struct remote *remote;
    enum stage stage;
    struct repo_reader *readers;
    unsigned round;
    bool telling;     /* readers are being called */
    uv_timer_t timer; /* tells the readers */
    struct hashing *hashing;
    struct fetch *fetch;
    bool cached; /* asked with the validators of a cached file... */
    int fd;      /* ...which is this one; later what arrives, then the cache file's */
    struct cache_file *file;
    struct fetch_head head;
    int64_t size; /* -1: not known yet */
    uint64_t available;
    char path[GSTORE_PATH_MAX + 1];
};

/* In the pool; the resource may go before it ends. */
struct hashing {
    uv_work_t work;
    struct resource *resource; /* NULL: given up */
    int fd, code;
    uint64_t size;
    uint8_t want[SHA256_DIGEST_SIZE];
};

static void ask(struct resource *r);

/* ---- readers ---- */

static void unlink_reader(struct repo_reader *rd)
{
    *rd->link = rd->next;
    if (rd->next)
        rd->next->link = rd->link;
}

static void resource_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

/* Its readers are gone. */
static void resource_free(struct resource *r)
{
    *r->link = r->next;
    if (r->next)
        r->next->link = r->link;
    if (r->hashing)
        r->hashing->resource = NULL;
    fetch_cancel(r->fetch);
    if (r->file)
        cache_file_abort(r->file);
    else if (r->fd >= 0)
        close(r->fd);
    uv_close((uv_handle_t *)&r->timer, resource_closed);
}

static void open_reader(struct resource *r, struct repo_reader *rd)
{
    int fd = fcntl(r->fd, F_DUPFD_CLOEXEC, 0);

    rd->told_open = true;
    if (fd >= 0)
        rd->ops->opened(rd, fd, (uint64_t)r->size, r->available);
}

/* Tells every reader once. A callback may cancel any reader of ours. */
static void tell(struct resource *r)
{
    struct repo_reader *rd;

    if (r->size < 0 || r->telling)
        return;
    r->telling = true;
    r->round++;
    for (rd = r->readers; rd;) {
        if (rd->round == r->round) {
            rd = rd->next;
            continue;
        }
        rd->round = r->round;
        if (!rd->told_open)
            open_reader(r, rd);
        else
            rd->ops->progress(rd, r->available);
        rd = r->readers; /* from the start: anybody may have gone */
    }
    r->telling = false;
    if (!r->readers)
        resource_free(r);
}

static void on_timer(uv_timer_t *timer)
{
    tell(timer->data);
}

static void tell_later(struct resource *r, uint64_t ms)
{
    if (!uv_is_active((uv_handle_t *)&r->timer))
        uv_timer_start(&r->timer, on_timer, ms, 0);
}

/* Ends everything about it; not from inside libcurl. */
static void finish(struct resource *r, int code, const char *why)
{
    struct repo_reader *rd;

    r->stage = OVER; /* nobody joins any more */
    r->telling = true;
    if (code && code != -ENOENT && code != -EPERM)
        log_warn("%s: %s", r->path, why);
    while ((rd = r->readers)) {
        if (code == 0 && !rd->told_open) {
            open_reader(r, rd);
            if (r->readers != rd)
                continue; /* it has been cancelled */
        }
        unlink_reader(rd);
        rd->ops->ended(rd, code, why);
    }
    resource_free(r);
}

/* ---- the server's answers ---- */

static const char *refusal(const struct fetch_head *head, int *ret_code)
{
    static const struct {
        long status;
        int code;
        const char *why;
    } table[] = {
        {404, -ENOENT, "the server has none"},
        {410, -ENOENT, "the server has none any more"},
        {403, -EPERM, "the server refuses it"},
        {401, -EIO, "the server wants other credentials"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i].status == head->status) {
            *ret_code = table[i].code;
            return table[i].why;
        }
    *ret_code = -EIO;
    return "the server's answer is an error";
}

static bool same_version(const struct fetch_validators *a, const struct fetch_validators *b)
{
    return a->etag[0] || b->etag[0] ? strcmp(a->etag, b->etag) == 0
                                    : strcmp(a->modified, b->modified) == 0;
}

static bool still_cached(const struct resource *r, const struct fetch_head *head)
{
    const struct cache_entry *e = cache_find(r->remote->cache, r->path);
    const struct fetch_validators *v = &head->validators;

    return e && (v->etag[0] || v->modified[0]) && same_version(cache_entry_validators(e), v) &&
           head->size == (int64_t)cache_entry_size(e);
}

static int on_head(const struct fetch_head *head, void *arg)
{
    struct resource *r = arg;
    struct remote *m = r->remote;
    int fd;

    r->head = *head;
    if (head->status != 200)
        return 0; /* judged when it is over */
    if (head->encoded)
        return -EPROTO;
    if (head->size > (int64_t)m->settings.size_max)
        return -EFBIG;
    if (r->cached && still_cached(r, head))
        return -EALREADY; /* a server that does not know conditions: the body is not needed */
    int rc = cache_file_begin(m->cache, head->size, &r->file, &fd);
    if (rc < 0)
        return rc;
    if (r->fd >= 0)
        close(r->fd); /* the cached file, which is no longer the version */
    r->fd = fd;
    r->cached = false;
    r->stage = ARRIVING;
    r->available = 0;
    m->misses++;
    r->size = head->size;
    tell_later(r, 0);
    return 0;
}

static int on_data(const void *bytes, size_t len, void *arg)
{
    struct resource *r = arg;
    struct remote *m = r->remote;

    if (r->head.status != 200)
        return 0; /* words of an error */
    if (r->available + len > m->settings.size_max)
        return -EFBIG;
    int rc = cache_file_write(r->file, bytes, len);
    if (rc < 0)
        return rc;
    r->available += len;
    m->fetched += len;
    tell_later(r, NOTIFY_MS);
    return 0;
}

static const char *words_of(int code, const char *why)
{
    return code == -EFBIG    ? "it is larger than the limit"
           : code == -ENOSPC ? "the cache has no room for it"
           : code == -EPROTO ? "the server has encoded it"
                             : why;
}

/* All bytes are there and of one version. */
static void complete(struct resource *r)
{
    int fd = fcntl(r->fd, F_DUPFD_CLOEXEC, 0); /* r->fd is the file's, which goes */

    if (fd < 0) {
        finish(r, -errno, "no descriptor");
        return;
    }
    cache_file_keep(TAKE_PTR(r->file), r->path, &r->head.validators);
    r->fd = fd;
    r->size = (int64_t)r->available;
    finish(r, 0, NULL);
}

static int check_head(const struct fetch_head *head, void *arg)
{
    struct resource *r = arg;

    if (head->status == 200 && (!same_version(&head->validators, &r->head.validators) ||
                                (head->size >= 0 && head->size != (int64_t)r->available)))
        return -ESTALE;
    /* 304: unchanged. A server without HEAD cannot be asked. */
    return head->status == 404 || head->status == 410 || head->status >= 500 ? -ESTALE : 0;
}

static int check_data(const void *bytes, size_t len, void *arg)
{
    (void)bytes;
    (void)len;
    (void)arg;
    return 0;
}

static void check_done(int code, const char *why, void *arg)
{
    struct resource *r = arg;

    r->fetch = NULL;
    if (code == 0)
        complete(r);
    else
        finish(r, code == -ESTALE ? -EIO : code,
               code == -ESTALE ? "it was replaced while it was fetched" : why);
}

static void check(struct resource *r)
{
    static const struct fetch_ops ops = {check_head, check_data, check_done};
    const struct fetch_validators *v = &r->head.validators;

    r->stage = CHECKING;
    if (!v->etag[0] && !v->modified[0]) {
        complete(r);
        return;
    }
    int rc = fetch_start(r->remote->fetcher, r->path, true, v, &ops, r, &r->fetch);
    if (rc < 0)
        finish(r, rc, "the server cannot be asked again");
}

static void serve_cached(struct resource *r)
{
    struct remote *m = r->remote;
    struct cache_entry *e = cache_find(m->cache, r->path);

    if (e)
        cache_entry_used(m->cache, e);
    m->hits++;
    r->size = (int64_t)r->available;
    for (struct repo_reader *rd = r->readers; rd; rd = rd->next)
        if (!strcmp(rd->source, SOURCE_ORIGIN))
            rd->source = "cache"; /* the one that asked; the others shared */
    finish(r, 0, NULL);
}

static void on_done(int code, const char *why, void *arg)
{
    struct resource *r = arg;
    struct remote *m = r->remote;
    struct cache_entry *e;

    r->fetch = NULL;
    if (code == -EALREADY) {
        serve_cached(r);
    } else if (code < 0) {
        finish(r, code == -EFBIG ? -EPERM : code, words_of(code, why));
    } else if (r->head.status == 200) {
        check(r);
    } else if (r->head.status == 304 && r->cached) {
        serve_cached(r);
    } else {
        const char *refused = refusal(&r->head, &code);
        e = cache_find(m->cache, r->path);
        if (e && code == -ENOENT)
            cache_entry_drop(m->cache, e);
        finish(r, code, refused);
    }
}

static void ask(struct resource *r)
{
    static const struct fetch_ops ops = {on_head, on_data, on_done};
    struct remote *m = r->remote;
    struct cache_entry *e = r->cached ? cache_find(m->cache, r->path) : NULL;

    r->stage = ASKING;
    r->cached = e != NULL;
    if (e) {
        r->size = -1; /* told when the server has agreed */
        r->available = cache_entry_size(e);
    }
    int rc = fetch_start(m->fetcher, r->path, false, e ? cache_entry_validators(e) : NULL, &ops, r,
                         &r->fetch);
    if (rc < 0)
        finish(r, rc, "the server cannot be asked");
}

/* ---- the cached file ---- */

static void hash_work(uv_work_t *work)
{
    struct hashing *h = work->data;
    h->code = cache_hash(h->fd, h->size, h->want);
}

static void damaged(struct resource *r)
{
    struct remote *m = r->remote;
    struct cache_entry *e = cache_find(m->cache, r->path);

    log_warn("%s: the cached file is damaged and fetched again", r->path);
    if (e)
        cache_entry_drop(m->cache, e);
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
    r->cached = false;
}

static void hash_done(uv_work_t *work, int status)
{
    struct hashing *h = work->data;
    struct resource *r = h->resource;

    if (r) {
        struct cache_entry *e = cache_find(r->remote->cache, r->path);
        bool same = e && memcmp(cache_entry_hash(e), h->want, sizeof(h->want)) == 0;

        r->hashing = NULL;
        if (status == 0 && h->code == 0 && same)
            cache_entry_verified(r->remote->cache, e, h->fd);
        else
            damaged(r);
        ask(r);
    }
    close(h->fd);
    mem_free(h);
}

static int start_hashing(struct resource *r, const struct cache_entry *e)
{
    struct hashing *h = mem_calloc(1, sizeof(*h));

    if (!h)
        return -ENOMEM;
    h->work.data = h;
    h->resource = r;
    h->size = cache_entry_size(e);
    memcpy(h->want, cache_entry_hash(e), sizeof(h->want));
    h->fd = fcntl(r->fd, F_DUPFD_CLOEXEC, 0);
    int rc = h->fd < 0 ? -errno : uv_queue_work(r->remote->loop, &h->work, hash_work, hash_done);
    if (rc < 0) {
        if (h->fd >= 0)
            close(h->fd);
        mem_free(h);
        return rc;
    }
    r->hashing = h;
    r->stage = HASHING;
    return 0;
}

/* ---- readers come and go ---- */

static void on_begin(uv_timer_t *timer)
{
    struct resource *r = timer->data;
    struct remote *m = r->remote;
    struct cache_entry *e = cache_find(m->cache, r->path);
    bool verify = false;

    if (e) {
        r->cached = true;
        r->fd = cache_entry_open(m->cache, e, &verify);
        if (r->fd < 0)
            damaged(r);
        else if (verify && start_hashing(r, e) == 0)
            return;
        else if (verify)
            damaged(r);
    }
    ask(r);
}

static void add_reader(struct resource *r, struct repo_reader *rd)
{
    rd->work = r;
    rd->told_open = false;
    rd->round = 0;
    rd->next = r->readers;
    rd->link = &r->readers;
    if (rd->next)
        rd->next->link = &rd->next;
    r->readers = rd;
}

static int remote_read(struct repo *repo, const char *path, struct repo_reader *rd)
{
    struct remote *m = (struct remote *)repo;
    struct resource *r = m->resources;

    while (r && (r->stage == OVER || strcmp(r->path, path) != 0))
        r = r->next;
    if (r) {
        m->shared++;
        rd->source = "shared";
        add_reader(r, rd);
        if (r->size >= 0)
            tell_later(r, 0);
        return 0;
    }
    r = mem_calloc(1, sizeof(*r));
    if (!r)
        return -ENOMEM;
    r->remote = m;
    r->fd = -1;
    r->size = -1;
    memcpy(r->path, path, strlen(path) + 1);
    r->next = m->resources;
    r->link = &m->resources;
    if (r->next)
        r->next->link = &r->next;
    m->resources = r;
    uv_timer_init(m->loop, &r->timer);
    r->timer.data = r;
    rd->source = SOURCE_ORIGIN;
    add_reader(r, rd);
    uv_timer_start(&r->timer, on_begin, 0, 0); /* nothing is told from inside this call */
    return 0;
}

static void remote_cancel(struct repo_reader *rd)
{
    struct resource *r = rd->work;

    unlink_reader(rd);
    if (!r->readers && !r->telling)
        resource_free(r);
}

static void remote_status(const struct repo *repo, json_t *o)
{
    const struct remote *m = (const struct remote *)repo;
    struct cache_usage u;
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"hits", m->hits}, {"misses", m->misses}, {"shared", m->shared}, {"fetched", m->fetched}};

    cache_usage(m->cache, &u);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        json_object_set_new(o, numbers[i].name, json_integer((json_int_t)numbers[i].value));
    json_object_set_new(o, "cacheBytes", json_integer((json_int_t)u.bytes));
    json_object_set_new(o, "cacheMax", json_integer((json_int_t)u.max));
    json_object_set_new(o, "cacheEntries", json_integer((json_int_t)u.entries));
}

static void remote_free(struct repo *repo)
{
    struct remote *m = (struct remote *)repo;

    while (m->resources)
        resource_free(m->resources);
    fetcher_free(m->fetcher);
    cache_close(m->cache);
    mem_free(m);
}

int remote_new(uv_loop_t *loop, const struct settings *settings, int state_dir, struct repo **ret,
               struct error *err)
{
    static const struct repo_ops ops = {
        .read = remote_read, .cancel = remote_cancel, .free = remote_free, .status = remote_status};
    struct remote *m = mem_calloc(1, sizeof(*m));

    if (!m)
        return error_set(err, -ENOMEM, "no memory");
    m->repo.ops = &ops;
    m->loop = loop;
    m->settings = *settings;
    int rc = cache_open(state_dir, settings->url, settings->cache_max, &m->cache, err);
    if (rc == 0 && (rc = fetcher_new(loop, settings, &m->fetcher)) < 0)
        error_errno(err, rc, "libcurl cannot be used");
    if (rc < 0) {
        cache_close(m->cache);
        mem_free(m);
        return rc;
    }
    *ret = &m->repo;
    return 0;
}
