#include "wire/json_text.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

/* ---- out ---- */

int json_text_put(struct buf *b, const char *text, size_t len)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    size_t from = 0;

    buf_put_u8(b, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        const char *known = c ? strchr(plain, c) : NULL;

        if (!known && c >= 0x20)
            continue;
        buf_put(b, text + from, i - from);
        if (known)
            buf_printf(b, "\\%c", letters[known - plain]);
        else
            buf_printf(b, "\\u%04x", c);
        from = i + 1;
    }
    buf_put(b, text + from, len - from);
    return buf_put_u8(b, '"');
}

int json_text_put_str(struct buf *b, const char *text)
{
    return json_text_put(b, text, strlen(text));
}

/* ---- in ---- */

static void blanks(struct json_text *t)
{
    while (t->p < t->end && (*t->p == ' ' || *t->p == '\t' || *t->p == '\n' || *t->p == '\r'))
        t->p++;
}

static bool take(struct json_text *t, char c)
{
    blanks(t);
    if (t->p == t->end || *t->p != c)
        return false;
    t->p++;
    return true;
}

static bool take_word(struct json_text *t, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(t->end - t->p) < n || memcmp(t->p, word, n) != 0)
        return false;
    t->p += n;
    return true;
}

bool json_text_at_end(struct json_text *t)
{
    blanks(t);
    return t->p == t->end;
}

/* What comes next; -EBADMSG. Takes nothing but blanks. */
static int peek(struct json_text *t, enum json_text_kind *ret)
{
    static const struct {
        char c;
        enum json_text_kind kind;
    } first[] = {{'{', JSON_TEXT_OBJECT}, {'[', JSON_TEXT_ARRAY}, {'"', JSON_TEXT_STRING},
                 {'t', JSON_TEXT_TRUE},   {'f', JSON_TEXT_FALSE}, {'n', JSON_TEXT_NULL},
                 {'-', JSON_TEXT_NUMBER}};

    blanks(t);
    if (t->p == t->end)
        return -EBADMSG;
    if (*t->p >= '0' && *t->p <= '9') {
        *ret = JSON_TEXT_NUMBER;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(first); i++)
        if (first[i].c == *t->p) {
            *ret = first[i].kind;
            return 0;
        }
    return -EBADMSG;
}

int json_text_enter(struct json_text *t, char bracket)
{
    return take(t, bracket) ? 0 : -EBADMSG;
}

int json_text_next(struct json_text *t, char closing, bool *first)
{
    bool begins = *first;

    *first = false;
    if (take(t, closing))
        return 0;
    return begins || take(t, ',') ? 1 : -EBADMSG;
}

int json_text_member(struct json_text *t, bool *first, struct buf *name)
{
    int r = json_text_next(t, '}', first);

    if (r <= 0)
        return r;
    buf_clear(name);
    r = json_text_string(t, name);
    return r ? r : take(t, ':') ? 1 : -EBADMSG;
}

static int hex4(struct json_text *t, uint32_t *ret)
{
    uint32_t v = 0;

    if (t->end - t->p < 4)
        return -EBADMSG;
    for (int i = 0; i < 4; i++) {
        char c = *t->p++;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;

        if (digit < 0)
            return -EBADMSG;
        v = v << 4 | (uint32_t)digit;
    }
    *ret = v;
    return 0;
}

static int put_code_point(struct buf *b, uint32_t c)
{
    if (c < 0x80)
        return buf_put_u8(b, (uint8_t)c);
    if (c < 0x800) {
        buf_put_u8(b, (uint8_t)(0xc0 | c >> 6));
    } else {
        if (c < 0x10000) {
            buf_put_u8(b, (uint8_t)(0xe0 | c >> 12));
        } else {
            buf_put_u8(b, (uint8_t)(0xf0 | c >> 18));
            buf_put_u8(b, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        }
        buf_put_u8(b, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
    }
    return buf_put_u8(b, (uint8_t)(0x80 | (c & 0x3f)));
}

/* After the backslash and the u. */
static int code_point(struct json_text *t, struct buf *ret)
{
    uint32_t c, low;

    if (hex4(t, &c) || c == 0 || (c >= 0xdc00 && c <= 0xdfff))
        return -EBADMSG;
    if (c >= 0xd800 && c <= 0xdbff) {
        if (!take_word(t, "\\u") || hex4(t, &low) || low < 0xdc00 || low > 0xdfff)
            return -EBADMSG;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    return put_code_point(ret, c);
}

static int escaped(struct json_text *t, struct buf *ret)
{
    static const char letters[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
    const char *known;
    char c;

    if (t->p == t->end)
        return -EBADMSG;
    c = *t->p++;
    if (c == 'u')
        return code_point(t, ret);
    known = c ? strchr(letters, c) : NULL;
    return known ? buf_put_u8(ret, (uint8_t)plain[known - letters]) : -EBADMSG;
}

int json_text_string(struct json_text *t, struct buf *ret)
{
    size_t begin = ret->len;
    int r = take(t, '"') ? 0 : -EBADMSG;

    while (!r) {
        const char *from = t->p;

        while (t->p < t->end && *t->p != '"' && *t->p != '\\' && (unsigned char)*t->p >= 0x20)
            t->p++;
        r = buf_put(ret, from, (size_t)(t->p - from));
        if (r)
            break;
        if (t->p == t->end || (unsigned char)*t->p < 0x20)
            return -EBADMSG;
        if (*t->p++ == '"')
            return utf8_valid(ret->data + begin, ret->len - begin) ? 0 : -EBADMSG;
        r = escaped(t, ret);
    }
    return r;
}

int json_text_integer(struct json_text *t, int64_t *ret)
{
    bool negative;
    int64_t v = 0;
    const char *from;

    blanks(t);
    negative = take_word(t, "-");
    from = t->p;
    for (; t->p < t->end && *t->p >= '0' && *t->p <= '9'; t->p++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *t->p - '0', &v))
            return -ERANGE;
    if (t->p == from)
        return -EBADMSG;
    *ret = negative ? -v : v;
    return 0;
}

int json_text_bool(struct json_text *t, bool *ret)
{
    blanks(t);
    *ret = take_word(t, "true");
    return *ret || take_word(t, "false") ? 0 : -EBADMSG;
}

static int skip_number(struct json_text *t)
{
    const char *from = t->p;

    while (t->p < t->end && *t->p && strchr("+-.0123456789eE", *t->p))
        t->p++;
    return t->p > from ? 0 : -EBADMSG;
}

static int skip(struct json_text *t, unsigned depth)
{
    AUTO_BUF struct buf text = BUF_INIT((size_t)(t->end - t->p) + 1);
    enum json_text_kind kind;
    bool first = true;
    int r = peek(t, &kind);

    if (r || !depth)
        return -EBADMSG;
    switch (kind) {
    case JSON_TEXT_STRING:
        return json_text_string(t, &text);
    case JSON_TEXT_NUMBER:
        return skip_number(t);
    case JSON_TEXT_OBJECT:
        t->p++;
        while ((r = json_text_member(t, &first, &text)) == 1)
            if ((r = skip(t, depth - 1)))
                break;
        return r;
    case JSON_TEXT_ARRAY:
        t->p++;
        while ((r = json_text_next(t, ']', &first)) == 1)
            if ((r = skip(t, depth - 1)))
                break;
        return r;
    default:
        return take_word(t, "true") || take_word(t, "false") || take_word(t, "null") ? 0 : -EBADMSG;
    }
}

int json_text_skip(struct json_text *t)
{
    return skip(t, JSON_TEXT_DEPTH);
}
