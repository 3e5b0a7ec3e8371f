#include "guest/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

struct entry {
    char *group, *key, *value;
};

struct conf {
    struct entry *entries;
    size_t count;
};

void conf_free(struct conf *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->count; i++) {
        mem_free(c->entries[i].group);
        mem_free(c->entries[i].key);
        mem_free(c->entries[i].value);
    }
    mem_free(c->entries);
    mem_free(c);
}

static void unescape(char *s)
{
    static const char from[] = "stnr\\", to[] = " \t\n\r\\";
    char *out = s;
    for (; *s; s++) {
        const char *hit = *s == '\\' && s[1] ? strchr(from, s[1]) : NULL;
        if (hit) {
            *out++ = to[hit - from];
            s++;
        } else {
            *out++ = *s;
        }
    }
    *out = '\0';
}

static bool blank(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r';
}

static void trim(const char **p, size_t *len)
{
    while (*len && blank(**p)) {
        (*p)++;
        (*len)--;
    }
    while (*len && blank((*p)[*len - 1]))
        (*len)--;
}

static int add(struct conf *c, const char *group, const char *key, size_t key_len,
               const char *value, size_t value_len)
{
    if (c->count == CONF_ENTRIES_MAX)
        return -EFBIG;
    if (c->count % 16 == 0) {
        struct entry *more = mem_realloc(c->entries, (c->count + 16) * sizeof(*more));
        if (!more)
            return -ENOMEM;
        c->entries = more;
    }
    struct entry e = {.group = mem_strdup(group),
                      .key = mem_strndup(key, key_len),
                      .value = mem_strndup(value, value_len)};
    c->entries[c->count++] = e;
    if (!e.group || !e.key || !e.value)
        return -ENOMEM;
    unescape(e.value);
    return 0;
}

/* `bad`: how many lines were neither. */
static int parse(const char *text, size_t len, struct conf **ret, unsigned *bad)
{
    struct conf *c = mem_calloc(1, sizeof(*c));
    AUTO_FREE char *group = mem_strdup("");
    unsigned number = 0;
    int r = c && group ? 0 : -ENOMEM;
    while (len > 0 && r == 0) {
        const char *end = memchr(text, '\n', len);
        size_t line_len = end ? (size_t)(end - text) : len;
        const char *line = text;
        text += end ? line_len + 1 : line_len;
        len -= end ? line_len + 1 : line_len;
        number++;
        trim(&line, &line_len);
        if (line_len == 0 || *line == '#' || *line == ';')
            continue;
        const char *eq = memchr(line, '=', line_len);
        if (memchr(line, '\0', line_len) || (*line == '[' && line[line_len - 1] != ']') ||
            (*line != '[' && (!eq || eq == line))) {
            log_warn("tools.conf: line %u is neither a group nor a key", number);
            (*bad)++;
        } else if (*line == '[') {
            mem_free(group);
            group = mem_strndup(line + 1, line_len - 2);
            r = group ? 0 : -ENOMEM;
        } else {
            const char *key = line, *value = eq + 1;
            size_t key_len = (size_t)(eq - line), value_len = line_len - key_len - 1;
            trim(&key, &key_len);
            trim(&value, &value_len);
            r = add(c, group, key, key_len, value, value_len);
        }
    }
    if (r < 0) {
        conf_free(c);
        return r;
    }
    *ret = c;
    return 0;
}

int conf_parse(const char *text, size_t len, struct conf **ret)
{
    unsigned bad = 0;
    return parse(text, len, ret, &bad);
}

int conf_parse_strict(const char *text, size_t len, struct conf **ret)
{
    struct conf *c;
    unsigned bad = 0;
    int r = parse(text, len, &c, &bad);
    if (r < 0)
        return r;
    for (size_t i = 0; i < c->count; i++)
        bad += !*c->entries[i].group;
    if (bad) {
        conf_free(c);
        return -EBADMSG;
    }
    *ret = c;
    return 0;
}

int conf_load(const char *path, struct conf **ret, struct error *err)
{
    AUTO_BUF struct buf b = BUF_INIT(CONF_FILE_MAX);
    struct error local = {0};
    int r = fs_read_file(AT_FDCWD, path, &b, &local);
    if (r < 0 && r != -ENOENT && r != -ENOTDIR) {
        if (err)
            *err = local;
        return r;
    }
    r = conf_parse(buf_text(&b), b.len, ret);
    return r < 0 ? error_errno(err, r, "read %s", path) : 0;
}

const char *conf_get(const struct conf *c, const char *group, const char *key)
{
    for (size_t i = c ? c->count : 0; i > 0; i--) {
        const struct entry *e = &c->entries[i - 1];
        if (strcmp(e->group, group) == 0 && strcmp(e->key, key) == 0)
            return e->value;
    }
    return NULL;
}

bool conf_bool(const struct conf *c, const char *group, const char *key, bool def)
{
    const char *v = conf_get(c, group, key);
    if (v && (strcmp(v, "true") == 0 || strcmp(v, "1") == 0))
        return true;
    if (v && (strcmp(v, "false") == 0 || strcmp(v, "0") == 0))
        return false;
    return def;
}

long conf_number(const struct conf *c, const char *group, const char *key, long def, long min,
                 long max)
{
    const char *v = conf_get(c, group, key);
    char *end;
    if (!v || !*v)
        return def;
    errno = 0;
    long n = strtol(v, &end, 10);
    return errno || *end || n < min || n > max ? def : n;
}

/* The entry that counts for its group and key. */
static bool counts(const struct conf *c, size_t i)
{
    const struct entry *e = &c->entries[i];
    return conf_get(c, e->group, e->key) == e->value;
}

static bool holds(const struct conf *c, const struct conf *of)
{
    for (size_t i = 0; i < of->count; i++) {
        const struct entry *e = &of->entries[i];
        const char *v = conf_get(c, e->group, e->key);
        if (counts(of, i) && (!v || strcmp(v, e->value) != 0))
            return false;
    }
    return true;
}

bool conf_equal(const struct conf *a, const struct conf *b)
{
    return holds(a, b) && holds(b, a);
}

int conf_add_missing(struct conf *c, const struct conf *from)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct entry *e = &from->entries[i];
        if (!counts(from, i) || conf_get(c, e->group, e->key))
            continue;
        int r = add(c, e->group, e->key, strlen(e->key), "", 0);
        if (r < 0)
            return r;
        char *value = mem_strdup(e->value);
        if (!value)
            return -ENOMEM;
        mem_free(c->entries[c->count - 1].value);
        c->entries[c->count - 1].value = value;
    }
    return 0;
}

static void put_value(struct buf *b, const char *value)
{
    static const char from[] = " \t\n\r\\", to[] = "stnr\\";
    for (const char *p = value; *p; p++) {
        const char *hit = strchr(from, *p);
        if (hit && (*p != ' ' || p == value || !p[1]))
            buf_printf(b, "\\%c", to[hit - from]);
        else
            buf_put_u8(b, (uint8_t)*p);
    }
}

static void put_group(struct buf *b, const struct conf *c, const char *group)
{
    buf_printf(b, "%s[%s]\n", b->len ? "\n" : "", group);
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->entries[i].group, group) != 0 || !counts(c, i))
            continue;
        buf_printf(b, "%s = ", c->entries[i].key);
        put_value(b, c->entries[i].value);
        buf_put_u8(b, '\n');
    }
}

int conf_put(struct buf *b, const struct conf *c)
{
    for (size_t i = 0; i < c->count; i++) {
        bool first = true;
        for (size_t j = 0; j < i && first; j++)
            first = strcmp(c->entries[i].group, c->entries[j].group) != 0;
        if (first)
            put_group(b, c, c->entries[i].group);
    }
    return buf_error(b);
}

/* Whether a line sets `key`, or is the head of `group` (key NULL). */
static bool line_is(const char *line, size_t len, const char *group, const char *key)
{
    trim(&line, &len);
    if (!key)
        return len == strlen(group) + 2 && line[0] == '[' && line[len - 1] == ']' &&
               memcmp(line + 1, group, len - 2) == 0;
    const char *eq = memchr(line, '=', len);
    size_t n = eq ? (size_t)(eq - line) : 0;
    trim(&line, &n);
    return n == strlen(key) && memcmp(line, key, n) == 0;
}

int conf_edit(struct buf *b, const char *text, size_t len, const char *group, const char *key,
              const char *value)
{
    bool inside = false, done = false;
    while (len > 0) {
        const char *end = memchr(text, '\n', len);
        size_t bare = end ? (size_t)(end - text) : len, n = end ? bare + 1 : bare, left = bare;
        const char *first = text;
        trim(&first, &left);
        bool head = left && *first == '[';
        if (head)
            inside = line_is(text, bare, group, NULL);
        if (head || !inside || !line_is(text, bare, group, key)) {
            buf_put(b, text, bare);
            buf_put_u8(b, '\n');
        }
        if (head && inside && !done) {
            buf_printf(b, "%s = %s\n", key, value);
            done = true;
        }
        text += n;
        len -= n;
    }
    if (!done)
        buf_printf(b, "%s[%s]\n%s = %s\n", b->len ? "\n" : "", group, key, value);
    return buf_error(b);
}
