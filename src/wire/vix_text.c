#include "wire/vix_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "wire/rpc.h"

static const char escaped[] = "\"%&'<>";

static int vix_text_escape_bytes(struct buf *b, const void *text, size_t len)
{
    const uint8_t *p = text;

    for (size_t i = 0; i < len; i++) {
        if (p[i] && strchr(escaped, p[i]))
            buf_printf(b, "%%%02X", p[i]);
        else
            buf_put_u8(b, p[i]);
    }
    return b->err;
}

int vix_text_escape(struct buf *b, const char *text)
{
    return vix_text_escape_bytes(b, text, strlen(text));
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte at p, unescaped; *ret_used is 1 or 3. */
static char unescape_one(const char *p, size_t left, size_t *ret_used)
{
    int high = *p == '%' && left > 2 ? hex_digit(p[1]) : -1;
    int low = high >= 0 ? hex_digit(p[2]) : -1;

    if (low < 0 || !(high | low)) {
        *ret_used = 1;
        return *p;
    }
    *ret_used = 3;
    return (char)(high << 4 | low);
}

int vix_text_unescape(struct buf *b, const void *text, size_t len)
{
    const char *p = text;
    size_t used;

    for (size_t i = 0; i < len; i += used)
        buf_put_u8(b, (uint8_t)unescape_one(p + i, len - i, &used));
    return b->err;
}

static char *vix_text_unescape_arena(struct arena *a, const void *text, size_t len)
{
    char *copy = arena_alloc(a, len + 1);
    const char *p = text;
    size_t used, n = 0;

    if (!copy)
        return NULL;
    for (size_t i = 0; i < len; i += used)
        copy[n++] = unescape_one(p + i, len - i, &used);
    return copy;
}

void vix_text_begin(struct vix_text *t, const void *text, size_t len, bool always)
{
    const size_t n = sizeof(VIX_TEXT_ESCAPED) - 1;

    *t = (struct vix_text){.p = text, .left = len, .escaped = always};
    if (len >= n && !memcmp(text, VIX_TEXT_ESCAPED, n)) {
        t->p += n;
        t->left -= n;
        t->escaped = true;
    }
}

/* A tag's content inside [p, p + left): whether it is there, where, and what lies behind it. */
static bool find_tag(const char *p, size_t left, const char *tag, const char **ret, size_t *ret_len,
                     const char **ret_after)
{
    char open[32], close[32];
    size_t nopen = (size_t)snprintf(open, sizeof(open), "<%s>", tag);
    size_t nclose = (size_t)snprintf(close, sizeof(close), "</%s>", tag);
    const char *start = memmem(p, left, open, nopen);
    const char *end;

    if (!start)
        return false;
    start += nopen;
    end = memmem(start, left - (size_t)(start - p), close, nclose);
    if (!end)
        return false;
    *ret = start;
    *ret_len = (size_t)(end - start);
    if (ret_after)
        *ret_after = end + nclose;
    return true;
}

/* One element being read. */
struct element {
    const char *p;
    size_t len;
    bool escaped;
    struct arena *arena;
    int err;
};

/* Takes the next `tag` element off the text: 1, 0, or -EBADMSG when it has no end. */
static int next_element(struct vix_text *t, const char *tag, struct arena *a, struct element *ret)
{
    const char *content, *after;
    char open[32];
    size_t len;

    if (!find_tag(t->p, t->left, tag, &content, &len, &after)) {
        size_t n = (size_t)snprintf(open, sizeof(open), "<%s>", tag);

        return memmem(t->p, t->left, open, n) ? -EBADMSG : 0;
    }
    *ret = (struct element){.p = content, .len = len, .escaped = t->escaped, .arena = a};
    t->left -= (size_t)(after - t->p);
    t->p = after;
    return 1;
}

static const char *element_text(struct element *e, const char *tag, const char *fallback)
{
    const char *p;
    char *copy;
    size_t len;

    if (!find_tag(e->p, e->len, tag, &p, &len, NULL))
        return fallback;
    copy = e->escaped ? vix_text_unescape_arena(e->arena, p, len) : arena_strndup(e->arena, p, len);
    if (!copy)
        e->err = -ENOMEM;
    return copy;
}

static int64_t element_number(struct element *e, const char *tag, int64_t fallback)
{
    int64_t v = fallback;
    const char *p;
    size_t len;

    if (find_tag(e->p, e->len, tag, &p, &len, NULL) && rpc_word_int64(p, len, &v) && !e->err)
        e->err = -EBADMSG;
    return v;
}

static uint64_t element_size(struct element *e, const char *tag)
{
    int64_t v = element_number(e, tag, 0);

    if (v < 0 && !e->err)
        e->err = -EBADMSG;
    return v < 0 ? 0 : (uint64_t)v;
}

static void put_text(struct buf *b, const char *tag, const char *text, bool escape)
{
    buf_printf(b, "<%s>", tag);
    if (escape)
        vix_text_escape(b, text);
    else
        buf_put_str(b, text);
    buf_printf(b, "</%s>", tag);
}

static void put_number(struct buf *b, const char *tag, int64_t v)
{
    buf_printf(b, "<%s>%" PRId64 "</%s>", tag, v, tag);
}

int vix_text_put_process(struct buf *b, const struct vix_process_info *p, bool old, bool escape)
{
    buf_put_str(b, "<proc>");
    if (p->cmd)
        put_text(b, "cmd", p->cmd, escape);
    put_text(b, "name", p->name ? p->name : "", escape);
    put_number(b, "pid", p->pid);
    put_text(b, "user", p->user ? p->user : "", escape);
    put_number(b, "start", p->start);
    if (!old) {
        put_number(b, "eCode", p->exit_code);
        put_number(b, "eTime", p->end);
    }
    return buf_put_str(b, "</proc>");
}

int vix_text_next_process(struct vix_text *t, struct arena *a, struct vix_process_info *ret)
{
    struct vix_process_info p = {0};
    struct element e;
    int r = next_element(t, "proc", a, &e);

    if (r != 1)
        return r;
    p.cmd = element_text(&e, "cmd", NULL);
    p.name = element_text(&e, "name", "");
    p.pid = element_number(&e, "pid", 0);
    p.user = element_text(&e, "user", "");
    p.start = element_number(&e, "start", 0);
    p.exit_code = (int32_t)element_number(&e, "eCode", 0);
    p.end = element_number(&e, "eTime", 0);
    if (e.err)
        return e.err;
    *ret = p;
    return 1;
}

int vix_text_put_chunk_head(struct buf *b, const struct vix_chunk_head *h)
{
    if (!h->chunked)
        return b->err;
    if (h->first) {
        put_number(b, "key", h->key);
        put_number(b, "totalSize", (int64_t)h->total);
    }
    put_number(b, "leftToSend", (int64_t)h->left);
    return b->err;
}

static bool begins(const struct vix_text *t, const char *text)
{
    size_t n = strlen(text);

    return t->left >= n && !memcmp(t->p, text, n);
}

/* A number element that must stand right at the front. */
static int take_number(struct vix_text *t, const char *tag, uint64_t *ret)
{
    struct element e;
    char open[32];
    int64_t v;

    snprintf(open, sizeof(open), "<%s>", tag);
    if (!begins(t, open) || next_element(t, tag, NULL, &e) != 1 || rpc_word_int64(e.p, e.len, &v) ||
        v < 0)
        return -EBADMSG;
    *ret = (uint64_t)v;
    return 0;
}

int vix_text_chunk_head(struct vix_text *t, struct vix_chunk_head *ret)
{
    struct vix_chunk_head h = {0};
    uint64_t key = 0;

    h.first = begins(t, "<key>");
    h.chunked = h.first || begins(t, "<leftToSend>");
    if (h.first && (take_number(t, "key", &key) || take_number(t, "totalSize", &h.total)))
        return -EBADMSG;
    if (h.chunked && take_number(t, "leftToSend", &h.left))
        return -EBADMSG;
    if (key > UINT32_MAX || (h.first && !key))
        return -EBADMSG;
    h.key = (uint32_t)key;
    *ret = h;
    return 0;
}

int vix_text_put_file(struct buf *b, const struct vix_file_info *f)
{
    buf_put_str(b, "<fxi>");
    put_text(b, "Name", f->name, true);
    put_number(b, "ft", f->flags);
    put_number(b, "fs", f->size);
    put_number(b, "mt", f->modified);
    put_number(b, "at", f->accessed);
    put_number(b, "uid", f->uid);
    put_number(b, "gid", f->gid);
    put_number(b, "perm", f->mode);
    put_text(b, "slt", f->target ? f->target : "", true);
    return buf_put_str(b, "</fxi>");
}

int vix_text_next_file(struct vix_text *t, struct arena *a, struct vix_file_info *ret)
{
    struct vix_file_info f = {0};
    struct element e;
    int r = next_element(t, "fxi", a, &e);

    if (r != 1)
        return r;
    f.name = element_text(&e, "Name", "");
    f.flags = (uint32_t)element_size(&e, "ft");
    f.size = (int64_t)element_size(&e, "fs");
    f.modified = element_number(&e, "mt", 0);
    f.accessed = element_number(&e, "at", 0);
    f.created = element_number(&e, "ct", -1);
    f.uid = element_number(&e, "uid", -1);
    f.gid = element_number(&e, "gid", -1);
    f.mode = element_number(&e, "perm", -1);
    f.target = element_text(&e, "slt", "");
    if (e.err)
        return e.err;
    *ret = f;
    return 1;
}

int vix_text_put_list_head(struct buf *b, const struct vix_list_head *h)
{
    return buf_printf(b, "%d <rem>%" PRIu64 "</rem>", h->truncated, h->remaining);
}

int vix_text_list_head(struct vix_text *t, struct vix_list_head *ret)
{
    struct vix_list_head h = {0};

    if (begins(t, "0 ") || begins(t, "1 ")) {
        h.truncated = t->p[0] == '1';
        t->p += 2;
        t->left -= 2;
    }
    if (take_number(t, "rem", &h.remaining))
        return -EBADMSG;
    *ret = h;
    return 0;
}

int vix_text_put_file_old(struct buf *b, const struct vix_file_info *f, bool escape)
{
    buf_put_str(b, "<FileInfo>");
    put_text(b, "Name", f->name ? f->name : "", escape);
    put_number(b, "FileFlags", f->flags);
    put_number(b, "FileSize", f->size);
    put_number(b, "ModTime", f->modified);
    return buf_put_str(b, "</FileInfo>");
}

int vix_text_next_file_old(struct vix_text *t, struct arena *a, struct vix_file_info *ret)
{
    struct vix_file_info f = {.created = -1, .uid = -1, .gid = -1, .mode = -1, .target = ""};
    struct element e;
    int r = next_element(t, "FileInfo", a, &e);

    if (r != 1)
        return r;
    f.name = element_text(&e, "Name", "");
    f.flags = (uint32_t)element_size(&e, "FileFlags");
    f.size = (int64_t)element_size(&e, "FileSize");
    f.modified = element_number(&e, "ModTime", 0);
    if (e.err)
        return e.err;
    *ret = f;
    return 1;
}

int vix_text_put_env(struct buf *b, const char *assignment)
{
    put_text(b, "ev", assignment, true);
    return b->err;
}

int vix_text_next_env(struct vix_text *t, struct arena *a, const char **ret)
{
    struct element e;
    const char *text;
    int r = next_element(t, "ev", a, &e);

    if (r != 1)
        return r;
    text = e.escaped ? vix_text_unescape_arena(a, e.p, e.len) : arena_strndup(a, e.p, e.len);
    if (!text)
        return -ENOMEM;
    *ret = text;
    return 1;
}

int vix_text_put_filesystem(struct buf *b, const struct vix_filesystem *f, bool escape)
{
    buf_put_str(b, "<filesystem>");
    put_text(b, "name", f->name, escape);
    put_number(b, "size", (int64_t)f->size);
    put_number(b, "freeSpace", (int64_t)f->free);
    put_text(b, "type", f->type, escape);
    return buf_put_str(b, "</filesystem>");
}

int vix_text_next_filesystem(struct vix_text *t, struct arena *a, struct vix_filesystem *ret)
{
    struct vix_filesystem f = {0};
    struct element e;
    int r = next_element(t, "filesystem", a, &e);

    if (r != 1)
        return r;
    f.name = element_text(&e, "name", "");
    f.size = element_size(&e, "size");
    f.free = element_size(&e, "freeSpace");
    f.type = element_text(&e, "type", "");
    if (e.err)
        return e.err;
    *ret = f;
    return 1;
}

int vix_text_number(const void *text, size_t len, int64_t *ret)
{
    return rpc_word_int64(text, len, ret) ? -EBADMSG : 0;
}
