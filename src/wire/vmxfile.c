#include "wire/vmxfile.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "wire/rpc.h"

/* A line is either an assignment (key and value) or kept as it is (raw). */
struct line {
    char *key, *value;
    char *raw;
};

struct vmxfile {
    struct line *lines;
    size_t count, size;
    size_t bytes; /* rough size of the text, kept under VMXFILE_SIZE_MAX */
};

static void line_clear(struct line *l)
{
    mem_free(l->key);
    mem_free(l->value);
    mem_free(l->raw);
    *l = (struct line){0};
}

int vmxfile_new(struct vmxfile **ret)
{
    *ret = mem_calloc(1, sizeof(**ret));
    return *ret ? 0 : -ENOMEM;
}

void vmxfile_free(struct vmxfile *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->count; i++)
        line_clear(&f->lines[i]);
    mem_free(f->lines);
    mem_free(f);
}

static int append_line(struct vmxfile *f, const struct line *l)
{
    if (f->count == VMXFILE_LINES_MAX)
        return -EMSGSIZE;
    if (f->count == f->size) {
        size_t size = f->size ? f->size * 2 : 64;
        struct line *lines = mem_realloc(f->lines, size * sizeof(*lines));

        if (!lines)
            return -ENOMEM;
        f->lines = lines;
        f->size = size;
    }
    f->lines[f->count++] = *l;
    return 0;
}

static bool key_byte(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("-._:+", c));
}

static bool key_ok(const char *key, size_t len)
{
    if (!len || len > VMXFILE_KEY_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!key_byte(key[i]))
            return false;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes the |XX escapes away. A |00 would cut the value short, so it stays as it is. */
static char *unescape(const char *text, size_t len)
{
    char *value = mem_alloc(len + 1);
    size_t n = 0;

    if (!value)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        int high = text[i] == '|' && len - i > 2 ? hex_digit(text[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text[i + 2]) : -1;

        if (low >= 0 && (high || low)) {
            value[n++] = (char)(high << 4 | low);
            i += 2;
        } else {
            value[n++] = text[i];
        }
    }
    value[n] = '\0';
    return value;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Splits `key = "value"`; true when it is one. */
static bool split_assignment(const char *p, size_t len, size_t *ret_key, size_t *ret_key_len,
                             size_t *ret_value, size_t *ret_value_len)
{
    size_t i = 0, key, key_len;
    const char *quote;

    while (i < len && blank(p[i]))
        i++;
    key = i;
    while (i < len && key_byte(p[i]))
        i++;
    key_len = i - key;
    while (i < len && blank(p[i]))
        i++;
    if (!key_ok(p + key, key_len) || i == len || p[i] != '=')
        return false;
    i++;
    while (i < len && blank(p[i]))
        i++;
    if (i < len && p[i] == '"') {
        i++;
        quote = memchr(p + i, '"', len - i);
        if (!quote)
            return false;
        *ret_value = i;
        *ret_value_len = (size_t)(quote - p) - i;
    } else {
        /* Without quotes: up to a comment or the end. */
        size_t end = i;

        while (end < len && p[end] != '#')
            end++;
        while (end > i && blank(p[end - 1]))
            end--;
        *ret_value = i;
        *ret_value_len = end - i;
    }
    *ret_key = key;
    *ret_key_len = key_len;
    return *ret_value_len <= VMXFILE_VALUE_MAX;
}

static int parse_line(struct vmxfile *f, const char *p, size_t len)
{
    size_t text = len && p[len - 1] == '\r' ? len - 1 : len;
    size_t key, key_len, value, value_len;
    struct line l = {0};
    bool ok;
    int r;

    if (split_assignment(p, text, &key, &key_len, &value, &value_len)) {
        l.key = mem_strndup(p + key, key_len);
        l.value = unescape(p + value, value_len);
        ok = l.key && l.value;
    } else {
        l.raw = mem_strndup(p, len);
        ok = l.raw != NULL;
    }
    r = ok ? append_line(f, &l) : -ENOMEM;
    if (r)
        line_clear(&l);
    else
        f->bytes += len + 1;
    return r;
}

int vmxfile_parse(const void *text, size_t len, struct vmxfile **ret, struct error *err)
{
    const char *p = text;
    struct vmxfile *f;
    unsigned number = 0;
    int r;

    if (len > VMXFILE_SIZE_MAX)
        return error_set(err, -EMSGSIZE, "configuration is larger than %u bytes", VMXFILE_SIZE_MAX);
    if (len && memchr(p, '\0', len))
        return error_set(err, -EBADMSG, "configuration contains a NUL byte");
    r = vmxfile_new(&f);
    while (!r && len) {
        const char *end = memchr(p, '\n', len);
        size_t n = end ? (size_t)(end - p) : len;

        number++;
        r = parse_line(f, p, n);
        n += end ? 1 : 0;
        p += n;
        len -= n;
    }
    if (r) {
        vmxfile_free(f);
        return error_errno(err, r, "configuration, line %u", number);
    }
    *ret = f;
    return 0;
}

static int write_value(struct buf *b, const char *value)
{
    for (; *value; value++) {
        unsigned char c = (unsigned char)*value;

        if (c < ' ' || c == '"' || c == '|' || c == 0x7f)
            buf_printf(b, "|%02X", c);
        else
            buf_put_u8(b, c);
    }
    return b->err;
}

int vmxfile_write(const struct vmxfile *f, struct buf *b)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct line *l = &f->lines[i];

        if (l->raw) {
            buf_put_str(b, l->raw);
        } else {
            buf_printf(b, "%s = \"", l->key);
            write_value(b, l->value);
            buf_put_str(b, "\"");
        }
        buf_put_str(b, "\n");
    }
    return b->err;
}

static struct line *find(const struct vmxfile *f, const char *key, size_t from)
{
    for (size_t i = from; i < f->count; i++)
        if (f->lines[i].key && !strcasecmp(f->lines[i].key, key))
            return &f->lines[i];
    return NULL;
}

const char *vmxfile_get(const struct vmxfile *f, const char *key)
{
    const struct line *l = find(f, key, 0);

    return l ? l->value : NULL;
}

bool vmxfile_get_bool(const struct vmxfile *f, const char *key, bool fallback)
{
    static const char *const yes[] = {"TRUE", "yes", "on", "1"};
    static const char *const no[] = {"FALSE", "no", "off", "0"};
    const char *value = vmxfile_get(f, key);

    for (size_t i = 0; value && i < ARRAY_SIZE(yes); i++) {
        if (!strcasecmp(value, yes[i]))
            return true;
        if (!strcasecmp(value, no[i]))
            return false;
    }
    return fallback;
}

int64_t vmxfile_get_int(const struct vmxfile *f, const char *key, int64_t fallback)
{
    const char *value = vmxfile_get(f, key);
    int64_t v;

    return value && !rpc_word_int64(value, strlen(value), &v) ? v : fallback;
}

/* Bytes of an assignment in the text, with every byte of the value escaped. */
static size_t cost(const char *key, const char *value)
{
    size_t n = strlen(key) + 6;

    for (; *value; value++)
        n += (unsigned char)*value < ' ' || strchr("\"|\x7f", *value) ? 3 : 1;
    return n;
}

static void remove_at(struct vmxfile *f, size_t i)
{
    size_t bytes = cost(f->lines[i].key, f->lines[i].value);

    f->bytes -= bytes < f->bytes ? bytes : f->bytes;
    line_clear(&f->lines[i]);
    memmove(&f->lines[i], &f->lines[i + 1], (f->count - i - 1) * sizeof(f->lines[0]));
    f->count--;
}

static void remove_from(struct vmxfile *f, const char *key, size_t from)
{
    const struct line *l;

    while ((l = find(f, key, from)))
        remove_at(f, (size_t)(l - f->lines));
}

int vmxfile_set(struct vmxfile *f, const char *key, const char *value)
{
    struct line *old = find(f, key, 0);
    size_t bytes = cost(key, value);
    struct line l = {0};
    size_t at;
    int r;

    if (!key_ok(key, strlen(key)) || strlen(value) > VMXFILE_VALUE_MAX)
        return -EINVAL;
    if (f->bytes + bytes > VMXFILE_SIZE_MAX)
        return -EMSGSIZE;
    l.value = mem_strdup(value);
    if (!l.value)
        return -ENOMEM;
    if (old) {
        at = (size_t)(old - f->lines);
        f->bytes += bytes;
        bytes = cost(old->key, old->value);
        f->bytes -= bytes < f->bytes ? bytes : f->bytes;
        mem_free(old->value);
        old->value = l.value;
        /* `key` may be the very string of a line that goes now: compare with our own copy. */
        remove_from(f, f->lines[at].key, at + 1);
        return 0;
    }
    l.key = mem_strdup(key);
    r = l.key ? append_line(f, &l) : -ENOMEM;
    if (r)
        line_clear(&l);
    else
        f->bytes += bytes;
    return r;
}

int vmxfile_remove(struct vmxfile *f, const char *key)
{
    AUTO_FREE char *copy = NULL;

    if (!find(f, key, 0))
        return -ENOENT;
    copy = mem_strdup(key);
    if (!copy)
        return -ENOMEM;
    remove_from(f, copy, 0);
    return 0;
}

bool vmxfile_next(const struct vmxfile *f, size_t *pos, const char **ret_key,
                  const char **ret_value)
{
    while (*pos < f->count) {
        const struct line *l = &f->lines[(*pos)++];

        if (!l->key || find(f, l->key, 0) != l)
            continue;
        *ret_key = l->key;
        *ret_value = l->value;
        return true;
    }
    return false;
}
