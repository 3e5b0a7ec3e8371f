#include "wire/gueststore.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "wire/datamap.h"

#define FIELD_CODE  1u /* command, or error code */
#define FIELD_VALUE 2u /* path, or content size */

#define GET_WORD      "GET"
#define HTTP_VERSION  "HTTP/1.1"
#define EMPTY_LINE    "\r\n\r\n"
#define LENGTH_HEADER "Content-Length: "

bool gueststore_path_valid(const char *path, size_t len)
{
    if (len < 1 || len > GUESTSTORE_PATH_MAX || path[0] != '/')
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
            return false;
    return true;
}

int gueststore_put_get(struct buf *b, const char *path, size_t len)
{
    buf_put_str(b, GET_WORD " ");
    for (size_t i = 0; i < len; i++) {
        if (path[i] == ' ' || path[i] == '%' || path[i] == '?')
            buf_printf(b, "%%%02X", (unsigned char)path[i]);
        else
            buf_put_u8(b, (uint8_t)path[i]);
    }
    return buf_put_str(b, " " HTTP_VERSION EMPTY_LINE);
}

bool gueststore_get_complete(const void *bytes, size_t len)
{
    size_t end = strlen(EMPTY_LINE);

    return len >= end && !memcmp((const uint8_t *)bytes + len - end, EMPTY_LINE, end);
}

static int hex_digit(uint8_t ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    if (ch >= 'A' && ch <= 'F')
        return ch - 'A' + 10;
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* One byte of the escaped path. */
static int unescape(struct cursor *c, uint8_t *ret)
{
    uint8_t high, low;

    if (cursor_u8(c, ret))
        return -EBADMSG;
    if (*ret != '%')
        return *ret ? 0 : -EBADMSG;
    if (cursor_u8(c, &high) || cursor_u8(c, &low) || hex_digit(high) < 0 || hex_digit(low) < 0)
        return -EBADMSG;
    *ret = (uint8_t)(hex_digit(high) << 4 | hex_digit(low));
    return *ret ? 0 : -EBADMSG;
}

int gueststore_parse_get(const void *bytes, size_t len, char ret_path[GUESTSTORE_PATH_MAX + 1],
                         size_t *ret_len)
{
    const char *word = GET_WORD " ";
    struct cursor c = CURSOR_INIT(bytes, len), token;
    char path[GUESTSTORE_PATH_MAX + 1];
    const uint8_t *head;
    size_t n = 0;

    if (!gueststore_get_complete(bytes, len) || cursor_bytes(&c, strlen(word), &head) ||
        memcmp(head, word, strlen(word)) != 0)
        return -EBADMSG;
    while (c.left && (*c.p == ' ' || *c.p == '?'))
        cursor_skip(&c, 1);
    while (n < c.left && c.p[n] != ' ' && c.p[n] != '?')
        n++;
    cursor_sub(&c, n, &token);
    for (n = 0; token.left; n++) {
        uint8_t ch;

        if (n == GUESTSTORE_PATH_MAX || unescape(&token, &ch))
            return -EBADMSG;
        path[n] = (char)ch;
    }
    if (n == 0 || path[0] != '/')
        return -EBADMSG;
    path[n] = '\0';
    memcpy(ret_path, path, n + 1);
    *ret_len = n;
    return 0;
}

static const struct {
    unsigned status;
    const char *words;
} statuses[] = {{GUESTSTORE_HTTP_OK, "OK"},
                {GUESTSTORE_HTTP_FORBIDDEN, "Forbidden"},
                {GUESTSTORE_HTTP_NOT_FOUND, "Not Found"}};

/* Names of days and months do not follow the locale. */
static void put_date(struct buf *b, int64_t now)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t t = (time_t)now;
    struct tm tm;

    buf_put_str(b, "Date: ");
    if (now >= 0 && gmtime_r(&t, &tm))
        buf_printf(b, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday,
                   months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    buf_put_str(b, "\r\n");
}

int gueststore_put_head(struct buf *b, unsigned status, int64_t size, int64_t now)
{
    const char *words = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
        if (statuses[i].status == status)
            words = statuses[i].words;
    if (!words || size < 0)
        return -EINVAL;
    buf_printf(b, HTTP_VERSION " %u %s\r\n", status, words);
    put_date(b, now);
    return buf_printf(b,
                      "Server: VMGuestStore\r\n"
                      "Accept-Ranges: bytes\r\n" LENGTH_HEADER "%lld\r\n"
                      "Content-Type: application/octet-stream\r\n"
                      "Connection: close" EMPTY_LINE,
                      (long long)size);
}

/* Decimal digits at the front of the cursor. */
static int get_number(struct cursor *c, int64_t max, int64_t *ret)
{
    int64_t v = 0;
    bool any = false;

    while (c->left && *c->p >= '0' && *c->p <= '9') {
        int digit = *c->p - '0';

        if (v > (max - digit) / 10)
            return -EBADMSG;
        v = v * 10 + digit;
        any = true;
        cursor_skip(c, 1);
    }
    *ret = v;
    return any ? 0 : -EBADMSG;
}

int gueststore_parse_head(const void *bytes, size_t len, struct gueststore_head *ret)
{
    const char *word = HTTP_VERSION " ", *end, *length;
    struct cursor c = CURSOR_INIT(bytes, len > GUESTSTORE_HEAD_MAX ? GUESTSTORE_HEAD_MAX : len);
    struct gueststore_head head = {0};
    const uint8_t *start;
    int64_t status;

    end = c.left ? memmem(bytes, c.left, EMPTY_LINE, strlen(EMPTY_LINE)) : NULL;
    if (!end)
        return len >= GUESTSTORE_HEAD_MAX ? -EBADMSG : 0;
    head.len = (size_t)(end - (const char *)bytes) + strlen(EMPTY_LINE);
    c = CURSOR_INIT(bytes, head.len);
    if (cursor_bytes(&c, strlen(word), &start) || memcmp(start, word, strlen(word)) != 0)
        return -EBADMSG;
    while (c.left && *c.p == ' ')
        cursor_skip(&c, 1);
    if (get_number(&c, 999, &status))
        return -EBADMSG;
    head.status = (unsigned)status;
    if (status == GUESTSTORE_HTTP_OK) {
        length = memmem(c.p, c.left, LENGTH_HEADER, strlen(LENGTH_HEADER));
        if (!length)
            return -EBADMSG;
        cursor_skip(&c, (size_t)(length - (const char *)c.p) + strlen(LENGTH_HEADER));
        if (get_number(&c, INT64_MAX, &head.size))
            return -EBADMSG;
    } else if (status != GUESTSTORE_HTTP_FORBIDDEN && status != GUESTSTORE_HTTP_NOT_FOUND) {
        return -EBADMSG;
    }
    *ret = head;
    return 1;
}

/* ---- data maps ---- */

/* The two fields that count; others are skipped. */
struct fields {
    bool has_code, has_value;
    int64_t code;
    struct datamap_entry value;
};

static int decode_fields(const void *body, size_t len, enum datamap_type value_type,
                         struct fields *ret)
{
    struct datamap_entry entries[DATAMAP_ENTRIES_MAX];
    size_t count;

    *ret = (struct fields){0};
    if (datamap_decode(body, len, entries, &count))
        return -EBADMSG;
    for (size_t i = 0; i < count; i++) {
        if (entries[i].field == FIELD_CODE) {
            if (entries[i].type != DATAMAP_INT64)
                return -EBADMSG;
            ret->has_code = true;
            ret->code = entries[i].number;
        } else if (entries[i].field == FIELD_VALUE) {
            if (entries[i].type != value_type)
                return -EBADMSG;
            ret->has_value = true;
            ret->value = entries[i];
        }
    }
    return ret->has_code ? 0 : -EBADMSG;
}

int gueststore_request_encode(struct buf *b, const struct gueststore_request *rq)
{
    size_t start;

    if (rq->command != GUESTSTORE_GET && rq->command != GUESTSTORE_CLOSE)
        return -EINVAL;
    start = datamap_begin(b);
    datamap_put_int64(b, FIELD_CODE, rq->command);
    if (rq->command == GUESTSTORE_GET)
        datamap_put_string(b, FIELD_VALUE, rq->path, rq->path_len);
    return datamap_end(b, start);
}

int gueststore_request_decode(const void *body, size_t len, struct gueststore_request *ret)
{
    struct fields f;

    if (len > GUESTSTORE_MAP_REQUEST_MAX || decode_fields(body, len, DATAMAP_STRING, &f) ||
        (f.code != GUESTSTORE_GET && f.code != GUESTSTORE_CLOSE) ||
        (f.code == GUESTSTORE_GET && !f.has_value))
        return -EBADMSG;
    *ret = (struct gueststore_request){.command = (enum gueststore_command)f.code};
    if (f.code == GUESTSTORE_GET) {
        ret->path = f.value.bytes;
        ret->path_len = f.value.len;
    }
    return 0;
}

int gueststore_reply_encode(struct buf *b, const struct gueststore_reply *reply)
{
    size_t start;

    if (reply->error == GUESTSTORE_OK && reply->size < 0)
        return -EINVAL;
    start = datamap_begin(b);
    datamap_put_int64(b, FIELD_CODE, reply->error);
    if (reply->error == GUESTSTORE_OK)
        datamap_put_int64(b, FIELD_VALUE, reply->size);
    return datamap_end(b, start);
}

int gueststore_reply_decode(const void *body, size_t len, struct gueststore_reply *ret)
{
    struct fields f;

    if (len > GUESTSTORE_MAP_REPLY_MAX || decode_fields(body, len, DATAMAP_INT64, &f) ||
        (f.code == GUESTSTORE_OK && (!f.has_value || f.value.number < 0)))
        return -EBADMSG;
    *ret = (struct gueststore_reply){.error = f.code};
    if (f.code == GUESTSTORE_OK)
        ret->size = f.value.number;
    return 0;
}
