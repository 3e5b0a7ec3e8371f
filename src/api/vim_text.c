#include "api/vim_text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MICROSECONDS INT64_C(1000000)

/* Years that xsd:dateTime writes with four digits. */
#define TIME_MIN INT64_C(-62135596800000000) /* 0001-01-01 */
#define TIME_MAX INT64_C(253402300799999999) /* 9999-12-31T23:59:59.999999 */

/* ---- time ---- */

/* Days since 1970-01-01 of a date in the Gregorian calendar, counted from 1 March so that the
 * leap day is the last of its year. */
static int64_t days_from_date(int64_t y, unsigned m, unsigned d)
{
    unsigned from_march = (m + 9) % 12;
    int64_t era;
    unsigned year_of_era;
    unsigned day_of_year;

    if (m <= 2)
        y--;
    era = (y >= 0 ? y : y - 399) / 400;
    year_of_era = (unsigned)(y - era * 400);
    day_of_year = (153 * from_march + 2) / 5 + d - 1;
    return era * 146097 +
           (int64_t)(year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year) -
           719468;
}

static void date_from_days(int64_t days, int *y, unsigned *m, unsigned *d)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned day_of_era = (unsigned)(z - era * 146097);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned from_march = (5 * day_of_year + 2) / 153;

    *d = day_of_year - (153 * from_march + 2) / 5 + 1;
    *m = from_march < 10 ? from_march + 3 : from_march - 9;
    *y = (int)(year_of_era + era * 400) + (*m <= 2);
}

size_t vim_time_format(int64_t us, char ret[VIM_TEXT_MAX])
{
    int64_t seconds;
    int64_t fraction;
    int64_t days;
    unsigned second_of_day;
    unsigned month;
    unsigned day;
    int year;
    int n;

    if (us < TIME_MIN)
        us = TIME_MIN;
    if (us > TIME_MAX)
        us = TIME_MAX;
    fraction = (us % MICROSECONDS + MICROSECONDS) % MICROSECONDS;
    seconds = (us - fraction) / MICROSECONDS;
    second_of_day = (unsigned)((seconds % 86400 + 86400) % 86400);
    days = (seconds - (int64_t)second_of_day) / 86400;
    date_from_days(days, &year, &month, &day);
    n = snprintf(ret, VIM_TEXT_MAX, "%04d-%02u-%02uT%02u:%02u:%02u", year, month, day,
                 second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
    if (fraction)
        n += snprintf(ret + n, VIM_TEXT_MAX - (size_t)n, ".%06u", (unsigned)fraction);
    ret[n++] = 'Z';
    ret[n] = '\0';
    return (size_t)n;
}

struct scan {
    const char *p;
    const char *end;
    bool bad;
};

static unsigned scan_digits(struct scan *s, int count)
{
    unsigned n = 0;

    while (count-- > 0) {
        if (s->p >= s->end || *s->p < '0' || *s->p > '9') {
            s->bad = true;
            return 0;
        }
        n = n * 10 + (unsigned)(*s->p++ - '0');
    }
    return n;
}

static bool scan_char(struct scan *s, char c)
{
    if (s->p < s->end && *s->p == c) {
        s->p++;
        return true;
    }
    return false;
}

static void scan_expect(struct scan *s, char c)
{
    if (!scan_char(s, c))
        s->bad = true;
}

static int64_t scan_fraction(struct scan *s)
{
    int64_t us = 0;
    int64_t unit = MICROSECONDS / 10;
    bool any = false;

    for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++, unit /= 10, any = true)
        us += unit * (*s->p - '0');
    if (!any)
        s->bad = true;
    return us;
}

/* Seconds that the local time is ahead of UTC. */
static int64_t scan_zone(struct scan *s)
{
    int sign;
    unsigned hours;
    unsigned minutes;

    if (s->p == s->end || scan_char(s, 'Z'))
        return 0;
    sign = scan_char(s, '+') ? 1 : -1;
    if (sign < 0)
        scan_expect(s, '-');
    hours = scan_digits(s, 2);
    scan_expect(s, ':');
    minutes = scan_digits(s, 2);
    if (hours > 14 || minutes > 59)
        s->bad = true;
    return sign * (int64_t)(hours * 3600 + minutes * 60);
}

static unsigned month_days(unsigned y, unsigned m)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

    return m == 2 && leap ? 29 : days[m - 1];
}

int vim_time_parse(const char *text, size_t len, int64_t *ret)
{
    struct scan s = {.p = text, .end = text + len};
    unsigned y = scan_digits(&s, 4);
    unsigned m;
    unsigned d;
    unsigned hour;
    unsigned minute;
    unsigned second;
    int64_t fraction = 0;
    int64_t zone;

    scan_expect(&s, '-');
    m = scan_digits(&s, 2);
    scan_expect(&s, '-');
    d = scan_digits(&s, 2);
    scan_expect(&s, 'T');
    hour = scan_digits(&s, 2);
    scan_expect(&s, ':');
    minute = scan_digits(&s, 2);
    scan_expect(&s, ':');
    second = scan_digits(&s, 2);
    if (scan_char(&s, '.'))
        fraction = scan_fraction(&s);
    zone = scan_zone(&s);
    if (s.bad || s.p != s.end || y < 1 || m < 1 || m > 12 || d < 1 || d > month_days(y, m) ||
        hour > 24 || minute > 59 || second > 60)
        return -EINVAL;
    *ret =
        (days_from_date(y, m, d) * 86400 + (int64_t)(hour * 3600 + minute * 60 + second) - zone) *
            MICROSECONDS +
        fraction;
    return 0;
}

/* ---- base64 ---- */

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int vim_text_put_base64(struct buf *out, const void *data, size_t size)
{
    const uint8_t *p = data;
    uint8_t *to;
    size_t room;
    int r;

    if (size > SIZE_MAX / 2)
        return -ENOBUFS;
    room = (size + 2) / 3 * 4;
    r = buf_reserve(out, room, &to);
    if (r < 0)
        return r;
    for (size_t i = 0; i < size; i += 3) {
        size_t n = size - i < 3 ? size - i : 3;
        uint32_t v = (uint32_t)p[i] << 16;

        if (n > 1)
            v |= (uint32_t)p[i + 1] << 8;
        if (n > 2)
            v |= p[i + 2];
        *to++ = (uint8_t)base64_digits[v >> 18];
        *to++ = (uint8_t)base64_digits[v >> 12 & 63];
        *to++ = n > 1 ? (uint8_t)base64_digits[v >> 6 & 63] : '=';
        *to++ = n > 2 ? (uint8_t)base64_digits[v & 63] : '=';
    }
    buf_commit(out, room);
    return 0;
}

static int base64_value(char c)
{
    const char *p = c ? strchr(base64_digits, c) : NULL;

    return p ? (int)(p - base64_digits) : -1;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int parse_base64(const char *text, size_t len, struct arena *arena, struct vim_binary *ret)
{
    uint8_t *data = arena_alloc(arena, len / 4 * 3 + 3);
    size_t size = 0;
    size_t digits = 0;
    size_t pads = 0;
    uint32_t v = 0;

    if (!data)
        return -ENOMEM;
    for (size_t i = 0; i < len; i++) {
        int d;

        if (is_space(text[i]))
            continue;
        if (text[i] == '=') {
            pads++;
            continue;
        }
        d = base64_value(text[i]);
        if (d < 0 || pads)
            return -EINVAL;
        v = v << 6 | (uint32_t)d;
        if (++digits % 4 == 0) {
            data[size++] = (uint8_t)(v >> 16);
            data[size++] = (uint8_t)(v >> 8);
            data[size++] = (uint8_t)v;
            v = 0;
        }
    }
    if (digits % 4 == 1 || (pads && (digits + pads) % 4 != 0) || pads > 2)
        return -EINVAL;
    if (digits % 4 == 2)
        data[size++] = (uint8_t)(v >> 4);
    if (digits % 4 == 3) {
        data[size++] = (uint8_t)(v >> 10);
        data[size++] = (uint8_t)(v >> 2);
    }
    ret->data = data;
    ret->size = size;
    return 0;
}

/* ---- numbers ---- */

static size_t format_long(int64_t v, char ret[VIM_TEXT_MAX])
{
    char digits[VIM_TEXT_MAX];
    size_t n = 0;
    size_t len = 0;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    do {
        digits[n++] = (char)('0' + u % 10);
        u /= 10;
    } while (u);
    if (v < 0)
        ret[len++] = '-';
    while (n)
        ret[len++] = digits[--n];
    ret[len] = '\0';
    return len;
}

static size_t format_double(double v, int precision, char ret[VIM_TEXT_MAX])
{
    if (isnan(v))
        return (size_t)snprintf(ret, VIM_TEXT_MAX, "NaN");
    if (isinf(v))
        return (size_t)snprintf(ret, VIM_TEXT_MAX, "%s", v < 0 ? "-INF" : "INF");
    return (size_t)snprintf(ret, VIM_TEXT_MAX, "%.*g", precision, v);
}

size_t vim_text_format(const struct vim_type *type, const void *value, char ret[VIM_TEXT_MAX])
{
    switch ((enum vim_kind)type->kind) {
    case VIM_KIND_BOOLEAN:
        return (size_t)snprintf(ret, VIM_TEXT_MAX, *(const bool *)value ? "true" : "false");
    case VIM_KIND_BYTE:
        return format_long(*(const int8_t *)value, ret);
    case VIM_KIND_SHORT:
        return format_long(*(const int16_t *)value, ret);
    case VIM_KIND_INT:
        return format_long(*(const int32_t *)value, ret);
    case VIM_KIND_LONG:
        return format_long(*(const int64_t *)value, ret);
    case VIM_KIND_FLOAT:
        return format_double((double)*(const float *)value, 9, ret);
    case VIM_KIND_DOUBLE:
        return format_double(*(const double *)value, 17, ret);
    case VIM_KIND_DATETIME:
        return vim_time_format(*(const int64_t *)value, ret);
    default:
        ret[0] = '\0';
        return 0;
    }
}

static int parse_long(const char *text, size_t len, int64_t min, int64_t max, int64_t *ret)
{
    bool negative = false;
    uint64_t u = 0;
    uint64_t limit;

    if (*text == '-' || *text == '+') {
        negative = *text == '-';
        text++;
        len--;
    }
    if (len == 0)
        return -EINVAL;
    limit = negative ? 0 - (uint64_t)min : (uint64_t)max;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)(text[i] - '0');

        if (text[i] < '0' || text[i] > '9' || u > limit / 10 || u * 10 > limit - digit)
            return -EINVAL;
        u = u * 10 + digit;
    }
    *ret = negative ? (int64_t)(0 - u) : (int64_t)u;
    return 0;
}

static int parse_double(const char *text, size_t len, double *ret)
{
    char copy[64];
    char *end;

    if (len >= sizeof(copy))
        return -EINVAL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (strcmp(copy, "NaN") == 0)
        *ret = NAN;
    else if (strcmp(copy, "INF") == 0)
        *ret = INFINITY;
    else if (strcmp(copy, "-INF") == 0)
        *ret = -INFINITY;
    else {
        if (strspn(copy, "+-.eE0123456789") != len)
            return -EINVAL;
        *ret = strtod(copy, &end);
        if (*end)
            return -EINVAL;
    }
    return 0;
}

static int parse_boolean(const char *text, size_t len, bool *ret)
{
    if ((len == 4 && memcmp(text, "true", 4) == 0) || (len == 1 && *text == '1'))
        *ret = true;
    else if ((len == 5 && memcmp(text, "false", 5) == 0) || (len == 1 && *text == '0'))
        *ret = false;
    else
        return -EINVAL;
    return 0;
}

static int parse_enum(const struct vim_type *type, const char *text, size_t len, int *ret)
{
    for (int i = 0; i < type->value_count; i++)
        if (strlen(type->values[i].name) == len && memcmp(type->values[i].name, text, len) == 0) {
            *ret = i + 1;
            return 0;
        }
    return -ENOENT;
}

static int parse_string(const char *text, size_t len, struct arena *arena, const char **ret)
{
    char *copy;

    if (memchr(text, '\0', len))
        return -EINVAL;
    copy = arena_strndup(arena, text, len);
    if (!copy)
        return -ENOMEM;
    *ret = copy;
    return 0;
}

static int parse_number(const struct vim_type *type, const char *text, size_t len, void *value)
{
    int64_t n = 0;
    double d = 0;
    int r;

    switch ((enum vim_kind)type->kind) {
    case VIM_KIND_BYTE:
        r = parse_long(text, len, INT8_MIN, INT8_MAX, &n);
        *(int8_t *)value = (int8_t)n;
        return r;
    case VIM_KIND_SHORT:
        r = parse_long(text, len, INT16_MIN, INT16_MAX, &n);
        *(int16_t *)value = (int16_t)n;
        return r;
    case VIM_KIND_INT:
        r = parse_long(text, len, INT32_MIN, INT32_MAX, &n);
        *(int32_t *)value = (int32_t)n;
        return r;
    case VIM_KIND_LONG:
        return parse_long(text, len, INT64_MIN, INT64_MAX, value);
    case VIM_KIND_FLOAT:
        r = parse_double(text, len, &d);
        *(float *)value = (float)d;
        return r;
    case VIM_KIND_DOUBLE:
        return parse_double(text, len, value);
    default:
        return -EINVAL;
    }
}

int vim_text_parse(const struct vim_type *type, const char *text, size_t len, struct arena *arena,
                   void *value)
{
    if (type->kind == VIM_KIND_STRING)
        return parse_string(text, len, arena, value);
    while (len && is_space(*text)) {
        text++;
        len--;
    }
    while (len && is_space(text[len - 1]))
        len--;
    if (len == 0)
        return -ENODATA;
    switch ((enum vim_kind)type->kind) {
    case VIM_KIND_BOOLEAN:
        return parse_boolean(text, len, value);
    case VIM_KIND_DATETIME:
        return vim_time_parse(text, len, value);
    case VIM_KIND_BINARY:
        return parse_base64(text, len, arena, value);
    case VIM_KIND_ENUM:
        return parse_enum(type, text, len, value);
    default:
        return parse_number(type, text, len, value);
    }
}
