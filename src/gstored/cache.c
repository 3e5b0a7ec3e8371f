#include "gstored/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

#define FOLDER     "cache"
#define META       ".meta"
#define TEMPORARY  "tmp-"
#define META_MAX   4096u
#define BUCKETS    4096u
#define NAME_SIZE  (2 * SHA256_DIGEST_SIZE + 1)
#define FILE_SIZE  (NAME_SIZE + 8)
#define HASH_CHUNK 262144u

struct cache_entry {
    struct cache_entry *bucket_next;
    struct cache_entry *older, *newer;
    uint8_t key[SHA256_DIGEST_SIZE], hash[SHA256_DIGEST_SIZE];
    uint64_t size;
    struct fetch_validators validators;
    struct stat seen;     /* when it was last hashed */
    uint64_t verified_ms; /* 0: not yet */
};

struct cache {
    int dir;
    char *repository;
    uint64_t max, used, reserved;
    unsigned count;
    uint64_t last_file;
    struct cache_entry *buckets[BUCKETS];
    struct cache_entry *oldest, *newest;
};

struct cache_file {
    struct cache *cache;
    int fd, read_fd;
    char name[FILE_SIZE];
    uint64_t written, reserved;
    bool size_known;
    struct sha256_ctx hash;
};

/* ---- names and lists ---- */

static void key_of(const struct cache *c, const char *path, uint8_t ret[SHA256_DIGEST_SIZE])
{
    struct sha256_ctx h;

    sha256_init(&h);
    sha256_update(&h, strlen(c->repository) + 1, (const uint8_t *)c->repository);
    sha256_update(&h, strlen(path), (const uint8_t *)path);
    sha256_digest(&h, SHA256_DIGEST_SIZE, ret);
}

static void to_hex(const uint8_t *bytes, char ret[NAME_SIZE])
{
    for (size_t i = 0; i < SHA256_DIGEST_SIZE; i++)
        snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

static bool from_hex(const char *text, uint8_t ret[SHA256_DIGEST_SIZE])
{
    if (!text || strlen(text) != NAME_SIZE - 1 || strspn(text, "0123456789abcdef") != NAME_SIZE - 1)
        return false;
    for (size_t i = 0; i < SHA256_DIGEST_SIZE; i++) {
        char two[3] = {text[2 * i], text[2 * i + 1], '\0'};
        ret[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    return true;
}

static struct cache_entry **bucket(struct cache *c, const uint8_t *key)
{
    return &c->buckets[(key[0] | (unsigned)key[1] << 8) % BUCKETS];
}

static struct cache_entry *find_key(struct cache *c, const uint8_t *key)
{
    struct cache_entry *e = *bucket(c, key);
    while (e && memcmp(e->key, key, SHA256_DIGEST_SIZE) != 0)
        e = e->bucket_next;
    return e;
}

static void take_out(struct cache *c, struct cache_entry *e)
{
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
}

static void put_newest(struct cache *c, struct cache_entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static void insert(struct cache *c, struct cache_entry *e)
{
    struct cache_entry **at = bucket(c, e->key);

    e->bucket_next = *at;
    *at = e;
    put_newest(c, e);
    c->used += e->size;
    c->count++;
}

static void meta_name(const struct cache_entry *e, char ret[FILE_SIZE])
{
    to_hex(e->key, ret);
    memcpy(ret + NAME_SIZE - 1, META, sizeof(META));
}

void cache_entry_drop(struct cache *c, struct cache_entry *e)
{
    struct cache_entry **at = bucket(c, e->key);
    char name[FILE_SIZE];

    while (*at != e)
        at = &(*at)->bucket_next;
    *at = e->bucket_next;
    take_out(c, e);
    c->used -= e->size;
    c->count--;
    meta_name(e, name);
    unlinkat(c->dir, name, 0);
    name[NAME_SIZE - 1] = '\0';
    unlinkat(c->dir, name, 0);
    mem_free(e);
}

/* ---- entries ---- */

struct cache_entry *cache_find(struct cache *c, const char *path)
{
    uint8_t key[SHA256_DIGEST_SIZE];

    key_of(c, path, key);
    return find_key(c, key);
}

uint64_t cache_entry_size(const struct cache_entry *e)
{
    return e->size;
}

const struct fetch_validators *cache_entry_validators(const struct cache_entry *e)
{
    return &e->validators;
}

const uint8_t *cache_entry_hash(const struct cache_entry *e)
{
    return e->hash;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int cache_entry_open(struct cache *c, struct cache_entry *e, bool *ret_verify)
{
    char name[NAME_SIZE];
    struct stat st;

    to_hex(e->key, name);
    AUTO_CLOSE int fd = openat(c->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != e->size)
        return -EBADMSG;
    *ret_verify = !e->verified_ms || clock_ms() - e->verified_ms > CACHE_VERIFY_MS ||
                  !same_file(&e->seen, &st);
    return TAKE_FD(fd);
}

void cache_entry_verified(struct cache *c, struct cache_entry *e, int fd)
{
    (void)c;
    e->verified_ms = fstat(fd, &e->seen) == 0 ? clock_ms() : 0;
}

/* The meta file's time is what the next process orders its entries by. */
void cache_entry_used(struct cache *c, struct cache_entry *e)
{
    char name[FILE_SIZE];

    take_out(c, e);
    put_newest(c, e);
    meta_name(e, name);
    utimensat(c->dir, name, NULL, AT_SYMLINK_NOFOLLOW);
}

int cache_hash(int fd, uint64_t size, const uint8_t want[SHA256_DIGEST_SIZE])
{
    AUTO_FREE uint8_t *bytes = mem_alloc(HASH_CHUNK);
    uint8_t is[SHA256_DIGEST_SIZE];
    struct sha256_ctx h;
    uint64_t at = 0;

    if (!bytes)
        return -ENOMEM;
    sha256_init(&h);
    while (at < size) {
        ssize_t n = pread(fd, bytes, size - at < HASH_CHUNK ? size - at : HASH_CHUNK, (off_t)at);
        if (n <= 0)
            return -EBADMSG;
        sha256_update(&h, (size_t)n, bytes);
        at += (uint64_t)n;
    }
    sha256_digest(&h, sizeof(is), is);
    return memcmp(is, want, sizeof(is)) == 0 ? 0 : -EBADMSG;
}

/* ---- room ---- */

static bool evict_one(struct cache *c)
{
    if (!c->oldest)
        return false;
    cache_entry_drop(c, c->oldest);
    return true;
}

static int reserve(struct cache *c, uint64_t n)
{
    if (n > c->max || c->reserved > c->max - n)
        return -ENOSPC;
    while (c->used + c->reserved + n > c->max)
        evict_one(c); /* there is something: reserved + n fits */
    c->reserved += n;
    return 0;
}

/* ---- arriving content ---- */

int cache_file_begin(struct cache *c, int64_t size, struct cache_file **ret, int *ret_fd)
{
    struct cache_file *f = mem_calloc(1, sizeof(*f));
    int rc;

    if (!f)
        return -ENOMEM;
    f->cache = c;
    f->size_known = size >= 0;
    f->reserved = size >= 0 ? (uint64_t)size : 0;
    f->read_fd = -1;
    sha256_init(&f->hash);
    rc = reserve(c, f->reserved);
    if (rc < 0) {
        mem_free(f);
        return rc;
    }
    snprintf(f->name, sizeof(f->name), TEMPORARY "%llu", (unsigned long long)++c->last_file);
    f->fd = openat(c->dir, f->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (f->fd >= 0)
        f->read_fd = openat(c->dir, f->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (f->read_fd < 0) {
        rc = -errno;
        cache_file_abort(f);
        return rc;
    }
    /* A full disk shows now, while there is something else to throw away. */
    while (size > 0 && fallocate(f->fd, FALLOC_FL_KEEP_SIZE, 0, size) < 0 && errno == ENOSPC)
        if (!evict_one(c)) {
            cache_file_abort(f);
            return -ENOSPC;
        }
    *ret = f;
    *ret_fd = f->read_fd;
    return 0;
}

int cache_file_write(struct cache_file *f, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;

    if (f->written + len > f->reserved) {
        if (f->size_known)
            return -EBADMSG; /* more than was announced */
        uint64_t need = f->written + len - f->reserved;
        uint64_t more = need < CACHE_GROWTH ? CACHE_GROWTH : need;
        int rc = reserve(f->cache, more);
        if (rc < 0) { /* a small cache, or a nearly full one */
            more = need;
            rc = reserve(f->cache, more);
        }
        if (rc < 0)
            return rc;
        f->reserved += more;
    }
    sha256_update(&f->hash, len, p);
    while (len) {
        ssize_t n = pwrite(f->fd, p, len, (off_t)f->written);
        if (n < 0 && errno == ENOSPC && evict_one(f->cache))
            continue;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            p += n;
            len -= (size_t)n;
            f->written += (uint64_t)n;
        }
    }
    return 0;
}

static void file_free(struct cache_file *f)
{
    f->cache->reserved -= f->reserved;
    if (f->fd >= 0)
        close(f->fd);
    if (f->read_fd >= 0)
        close(f->read_fd);
    mem_free(f);
}

void cache_file_abort(struct cache_file *f)
{
    if (!f)
        return;
    unlinkat(f->cache->dir, f->name, 0);
    file_free(f);
}

static int write_meta(struct cache *c, const struct cache_entry *e)
{
    char name[FILE_SIZE], hash[NAME_SIZE];
    AUTO_FREE char *temporary = mem_printf(TEMPORARY "%llu", (unsigned long long)++c->last_file);
    to_hex(e->hash, hash);
    json_t *o = json_pack("{s:I, s:s, s:s, s:s}", "size", (json_int_t)e->size, "sha256", hash,
                          "etag", e->validators.etag, "modified", e->validators.modified);
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    if (!text || !temporary) {
        free(text); /* jansson's */
        return -ENOMEM;
    }
    AUTO_CLOSE int fd =
        openat(c->dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int rc = fd < 0 ? -errno : fs_write_all(fd, text, strlen(text));
    free(text);
    meta_name(e, name);
    if (rc == 0 && renameat(c->dir, temporary, c->dir, name) < 0)
        rc = -errno;
    if (rc < 0)
        unlinkat(c->dir, temporary, 0);
    return rc;
}

void cache_file_keep(struct cache_file *f, const char *path, const struct fetch_validators *v)
{
    struct cache *c = f->cache;
    struct cache_entry *e = mem_calloc(1, sizeof(*e)), *old;
    char name[NAME_SIZE];
    int rc;

    if (!e) {
        cache_file_abort(f);
        return;
    }
    key_of(c, path, e->key);
    old = find_key(c, e->key);
    if (old)
        cache_entry_drop(c, old);
    while (c->count >= CACHE_ENTRIES_MAX)
        evict_one(c);
    e->size = f->written;
    e->validators = *v;
    sha256_digest(&f->hash, SHA256_DIGEST_SIZE, e->hash);
    to_hex(e->key, name);
    rc = renameat(c->dir, f->name, c->dir, name) < 0 ? -errno : write_meta(c, e);
    insert(c, e);
    cache_entry_verified(c, e, f->read_fd);
    file_free(f);
    if (rc < 0) {
        log_warn("cache: a file is not kept: %s", strerror(-rc));
        cache_entry_drop(c, e);
    }
}

/* ---- what an earlier process left ---- */

struct found {
    struct cache_entry *entry;
    struct timespec used;
};

static int older_first(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->used.tv_sec != y->used.tv_sec)
        return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
    return x->used.tv_nsec < y->used.tv_nsec ? -1 : x->used.tv_nsec > y->used.tv_nsec;
}

static int read_meta(struct cache *c, const char *name, struct cache_entry *e)
{
    AUTO_BUF struct buf b = BUF_INIT(META_MAX);
    int rc = fs_read_file(c->dir, name, &b, NULL);
    json_t *o = rc == 0 ? json_loadb(buf_text(&b), b.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const char *etag = json_string_value(json_object_get(o, "etag"));
    const char *modified = json_string_value(json_object_get(o, "modified"));
    json_int_t size = json_integer_value(json_object_get(o, "size"));
    bool good = from_hex(json_string_value(json_object_get(o, "sha256")), e->hash) && etag &&
                modified && size >= 0 && strlen(etag) < FETCH_VALIDATOR_MAX &&
                strlen(modified) < FETCH_VALIDATOR_MAX;
    if (good) {
        e->size = (uint64_t)size;
        snprintf(e->validators.etag, FETCH_VALIDATOR_MAX, "%s", etag);
        snprintf(e->validators.modified, FETCH_VALIDATOR_MAX, "%s", modified);
    }
    json_decref(o);
    return good ? 0 : -EBADMSG;
}

/* An entry of NAME.meta; NULL when there is none, or it is not whole. */
static struct cache_entry *load_entry(struct cache *c, const char *name, struct timespec *ret_used)
{
    struct cache_entry *e = mem_calloc(1, sizeof(*e));
    char data[NAME_SIZE] = "";
    struct stat st, meta;

    if (e && strlen(name) == NAME_SIZE - 1 + strlen(META))
        memcpy(data, name, NAME_SIZE - 1);
    if (e && from_hex(data, e->key) && read_meta(c, name, e) == 0 &&
        fstatat(c->dir, data, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
        (uint64_t)st.st_size == e->size && e->size <= c->max &&
        fstatat(c->dir, name, &meta, AT_SYMLINK_NOFOLLOW) == 0) {
        *ret_used = meta.st_mtim;
        return e;
    }
    mem_free(e);
    return NULL;
}

static bool is_meta(const char *name)
{
    size_t n = strlen(name);
    return n > strlen(META) && strcmp(name + n - strlen(META), META) == 0;
}

/* Removes what belongs to no entry. */
static void sweep(struct cache *c, DIR *d)
{
    const struct dirent *e;
    uint8_t key[SHA256_DIGEST_SIZE];

    rewinddir(d);
    while ((e = readdir(d))) {
        char name[NAME_SIZE];

        snprintf(name, sizeof(name), "%.*s", NAME_SIZE - 1, e->d_name);
        if (e->d_name[0] != '.' && !(from_hex(name, key) && find_key(c, key) &&
                                     (e->d_name[NAME_SIZE - 1] == '\0' || is_meta(e->d_name))))
            unlinkat(c->dir, e->d_name, 0);
    }
}

static int load(struct cache *c)
{
    int fd = openat(c->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    AUTO_FREE struct found *found = mem_calloc(CACHE_ENTRIES_MAX, sizeof(*found));
    const struct dirent *e;
    size_t n = 0;

    if (!d || !found) {
        int rc = found ? -errno : -ENOMEM;
        if (d)
            closedir(d);
        else if (fd >= 0)
            close(fd);
        return rc;
    }
    while (n < CACHE_ENTRIES_MAX && (e = readdir(d)))
        if (is_meta(e->d_name) && (found[n].entry = load_entry(c, e->d_name, &found[n].used)))
            n++;
    qsort(found, n, sizeof(*found), older_first);
    for (size_t i = 0; i < n; i++)
        insert(c, found[i].entry);
    sweep(c, d);
    closedir(d);
    while (c->used > c->max)
        evict_one(c);
    return 0;
}

int cache_open(int state_dir, const char *repository, uint64_t max, struct cache **ret,
               struct error *err)
{
    struct cache *c = mem_calloc(1, sizeof(*c));
    int rc = -ENOMEM;

    if (c) {
        c->max = max;
        c->dir = -1;
        c->repository = mem_strdup(repository);
    }
    if (c && c->repository) {
        rc = mkdirat(state_dir, FOLDER, 0700) < 0 && errno != EEXIST ? -errno : 0;
        if (rc == 0)
            c->dir = openat(state_dir, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (rc == 0)
            rc = c->dir < 0 ? -errno : load(c);
    }
    if (rc < 0) {
        cache_close(c);
        return error_errno(err, rc, "the cache cannot be opened");
    }
    *ret = c;
    return 0;
}

void cache_close(struct cache *c)
{
    if (!c)
        return;
    for (struct cache_entry *e = c->oldest, *next; e; e = next) {
        next = e->newer;
        mem_free(e);
    }
    if (c->dir >= 0)
        close(c->dir);
    mem_free(c->repository);
    mem_free(c);
}

void cache_usage(const struct cache *c, struct cache_usage *ret)
{
    *ret = (struct cache_usage){c->used + c->reserved, c->max, c->count};
}
