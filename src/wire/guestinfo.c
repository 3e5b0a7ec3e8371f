#include "wire/guestinfo.h"

#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/rpc.h"

#define MEMORY_VERSION   5u
#define MEMORY_HAS_TOTAL 0x1u
#define DETAILS_VERSION  1u
#define STAT_NAMESPACE   "_tools/v1"
#define STAT_UINT64      9u

int guestinfo_put_head(struct buf *b, unsigned id)
{
    return buf_printf(b, "SetGuestInfo  %u ", id);
}

bool guestinfo_is_binary(unsigned id)
{
    return id == GUESTINFO_NICS_V1 || id == GUESTINFO_DISKS_V0 ||
           (id >= GUESTINFO_MEMORY && id <= GUESTINFO_OS_DETAILS);
}

int guestinfo_decode(const void *args, size_t len, unsigned *ret_id, const uint8_t **ret_data,
                     size_t *ret_len)
{
    struct cursor c = CURSOR_INIT(args, len);
    const uint8_t *end;
    uint8_t delimiter;
    int64_t id;

    cursor_u8(&c, &delimiter);
    end = c.left ? memchr(c.p, delimiter, c.left) : NULL;
    if (!end || rpc_word_int64((const char *)c.p, (size_t)(end - c.p), &id) || id < 1 || id > 255)
        return -EBADMSG;
    cursor_skip(&c, (size_t)(end - c.p) + 1);
    if (!guestinfo_is_binary((unsigned)id)) {
        while (c.left && !c.p[c.left - 1])
            c.left--;
        if (c.left > GUESTINFO_TEXT_MAX)
            return -EBADMSG;
    }
    *ret_id = (unsigned)id;
    *ret_data = c.p;
    *ret_len = c.left;
    return 0;
}

/* ---- details (id 11) ---------------------------------------------------------------------------
 */

static void put_field(struct buf *b, const char *text, size_t size)
{
    size_t len = strlen(text);

    buf_put(b, text, len);
    buf_put_zeros(b, size - len);
}

int guestinfo_details_encode(struct buf *b, const struct guestinfo_details *d)
{
    if (strlen(d->short_name) > GUESTINFO_SHORT_NAME_MAX ||
        strlen(d->full_name) > GUESTINFO_FULL_NAME_MAX || strlen(d->text) > GUESTINFO_DETAILS_MAX)
        return -EINVAL;
    buf_put_le32(b, DETAILS_VERSION);
    put_field(b, d->short_name, GUESTINFO_SHORT_NAME_MAX + 1);
    put_field(b, d->full_name, GUESTINFO_FULL_NAME_MAX + 1);
    buf_put_zeros(b, 2);
    return buf_put(b, d->text, strlen(d->text) + 1);
}

static int get_field(struct cursor *c, size_t size, struct arena *a, const char **ret)
{
    const uint8_t *bytes;
    char *text;

    if (cursor_bytes(c, size, &bytes))
        return -EBADMSG;
    text = arena_strndup(a, (const char *)bytes, strnlen((const char *)bytes, size));
    if (!text)
        return -ENOMEM;
    utf8_clean(text);
    *ret = text;
    return 0;
}

int guestinfo_details_decode(const void *data, size_t len, struct arena *a,
                             struct guestinfo_details *ret)
{
    struct cursor c = CURSOR_INIT(data, len);
    struct guestinfo_details d = {0};
    uint32_t version;
    int r;

    cursor_le32(&c, &version);
    if (cursor_error(&c) || version != DETAILS_VERSION)
        return -EBADMSG;
    r = get_field(&c, GUESTINFO_SHORT_NAME_MAX + 1, a, &d.short_name);
    if (!r)
        r = get_field(&c, GUESTINFO_FULL_NAME_MAX + 1, a, &d.full_name);
    if (!r)
        r = cursor_skip(&c, 2);
    if (!r && c.left > GUESTINFO_DETAILS_MAX + 1)
        r = -EBADMSG;
    if (!r)
        r = get_field(&c, c.left, a, &d.text);
    if (!r)
        *ret = d;
    return r;
}

int guestinfo_details_put(struct buf *text, const char *key, const char *value)
{
    if (strlen(value) > GUESTINFO_VALUE_MAX)
        return -EINVAL;
    buf_printf(text, "%s%s='", text->len ? " " : "", key);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            buf_put_u8(text, '\\');
        buf_put_u8(text, (uint8_t)*value);
    }
    return buf_put_u8(text, '\'');
}

int guestinfo_details_next(const char **p, struct arena *a, const char **ret_key,
                           const char **ret_value)
{
    const char *s = *p + strspn(*p, " ");
    size_t key = strcspn(s, "= "), n = 0;
    char *value;

    if (!*s)
        return 0;
    if (!key || s[key] != '=' || s[key + 1] != '\'')
        return -EBADMSG;
    *ret_key = arena_strndup(a, s, key);
    s += key + 2;
    while (s[n] && s[n] != '\'')
        n += s[n] == '\\' && s[n + 1] ? 2 : 1;
    if (!s[n] || n > 2 * GUESTINFO_VALUE_MAX)
        return -EBADMSG;
    value = arena_alloc(a, n + 1);
    if (!*ret_key || !value)
        return -ENOMEM;
    *ret_value = value;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\\' && i + 1 < n)
            i++;
        *value++ = s[i];
    }
    *p = s + n + 1;
    return 1;
}

/* ---- memory (id 8) -----------------------------------------------------------------------------
 */

int guestinfo_memory_put_head(struct buf *b, uint64_t total_kib)
{
    buf_put_le32(b, MEMORY_VERSION);
    buf_put_le32(b, total_kib ? MEMORY_HAS_TOTAL : 0);
    buf_put_le64(b, total_kib);
    return buf_put_zeros(b, GUESTINFO_MEMORY_HEAD - 16);
}

/* A number in the smallest of 0, 1, 2, 4 or 8 bytes, with the size in front. */
static void put_number(struct buf *b, uint64_t v)
{
    unsigned size = !v ? 0 : v <= UINT8_MAX ? 1 : v <= UINT16_MAX ? 2 : v <= UINT32_MAX ? 4 : 8;

    buf_put_le16(b, (uint16_t)size);
    for (unsigned i = 0; i < size; i++)
        buf_put_u8(b, (uint8_t)(v >> (8 * i)));
}

enum stat_flag {
    STAT_PRAGMA = 0x01,
    STAT_SPACE = 0x02,
    STAT_ID = 0x04,
    STAT_TYPE = 0x08,
    STAT_TYPE_TEXT = 0x10,
    STAT_UNIT = 0x20,
    STAT_UNIT_TEXT = 0x40,
    STAT_VALUE = 0x80,
};

int guestinfo_memory_put_stat(struct buf *b, bool first, uint64_t id, uint32_t unit, uint64_t value)
{
    buf_put_le32(b, (first ? STAT_SPACE : 0) | STAT_ID | STAT_TYPE | STAT_UNIT | STAT_VALUE);
    if (first) {
        buf_put_le16(b, sizeof(STAT_NAMESPACE));
        buf_put(b, STAT_NAMESPACE, sizeof(STAT_NAMESPACE));
    }
    put_number(b, id);
    put_number(b, STAT_UINT64);
    put_number(b, unit);
    put_number(b, value);
    return b->err;
}

int guestinfo_memory_decode(const void *data, size_t len, struct guestinfo_memory *ret)
{
    struct cursor c = CURSOR_INIT(data, len);
    uint32_t version, flags;
    uint64_t total;

    cursor_le32(&c, &version);
    cursor_le32(&c, &flags);
    cursor_le64(&c, &total);
    cursor_skip(&c, GUESTINFO_MEMORY_HEAD - 16);
    if (cursor_error(&c) || version != MEMORY_VERSION)
        return -EBADMSG;
    ret->total_kib = flags & MEMORY_HAS_TOTAL ? total : 0;
    ret->stats = c;
    return 0;
}

static uint64_t little_endian(const uint8_t *p, size_t len)
{
    uint64_t v = 0;

    for (size_t i = 0; i < len && i < 8; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

int guestinfo_stat_next(struct cursor *stats, struct guestinfo_stat *ret)
{
    struct guestinfo_stat s = {0};
    uint32_t flags;

    if (!stats->left)
        return 0;
    if (cursor_le32(stats, &flags) || flags > 0xff || !flags)
        return -EBADMSG;
    for (uint32_t flag = 1; flag <= STAT_VALUE; flag <<= 1) {
        const uint8_t *bytes;
        uint16_t size;

        if (!(flags & flag))
            continue;
        cursor_le16(stats, &size);
        if (cursor_bytes(stats, size, &bytes))
            return -EBADMSG;
        if (flag == STAT_ID)
            s.id = little_endian(bytes, size);
        else if (flag == STAT_TYPE)
            s.type = (uint32_t)little_endian(bytes, size);
        else if (flag == STAT_UNIT)
            s.unit = (uint32_t)little_endian(bytes, size);
        if (flag == STAT_VALUE) {
            s.has_value = true;
            s.number = little_endian(bytes, size);
            s.bytes = bytes;
            s.len = size;
        }
    }
    *ret = s;
    return 1;
}
