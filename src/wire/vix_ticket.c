#include "wire/vix_ticket.h"

#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "base/cursor.h"
#include "base/mem.h"
#include "base/utf8.h"

#define MARK_SIZE (sizeof(VIX_TICKET_MARK) - 1)

int vix_ticket_encode(struct buf *b, const uint8_t random[VIX_TICKET_RANDOM], const char *account)
{
    uint8_t bytes[VIX_TICKET_BYTES];
    size_t n = strlen(account);
    int r;

    if (!n || n > VIX_NAME_MAX)
        return -EINVAL;
    memcpy(bytes, VIX_TICKET_MARK, MARK_SIZE);
    memcpy(bytes + MARK_SIZE, random, VIX_TICKET_RANDOM);
    /* The length ends the name, not a NUL. NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
    memcpy(bytes + MARK_SIZE + VIX_TICKET_RANDOM, account, n);
    r = base64_encode(b, bytes, MARK_SIZE + VIX_TICKET_RANDOM + n);
    explicit_bzero(bytes, sizeof(bytes));
    return r;
}

int vix_ticket_name(const char *ticket, char ret_name[VIX_NAME_MAX + 1])
{
    struct buf plain = BUF_INIT(VIX_TICKET_BYTES);
    const uint8_t *mark, *random, *name;
    struct cursor c;
    size_t n;
    int r = strlen(ticket) > BASE64_SIZE(VIX_TICKET_BYTES)
                ? -EBADMSG
                : base64_decode(&plain, ticket, strlen(ticket));

    if (!r) {
        c = CURSOR_INIT(plain.data, plain.len);
        cursor_bytes(&c, MARK_SIZE, &mark);
        cursor_bytes(&c, VIX_TICKET_RANDOM, &random);
        n = c.left;
        if (cursor_bytes(&c, n, &name) || cursor_error(&c) || !n || n > VIX_NAME_MAX ||
            memcmp(mark, VIX_TICKET_MARK, MARK_SIZE) != 0 || memchr(name, '\0', n) ||
            !utf8_valid((const char *)name, n)) {
            r = -EBADMSG;
        } else {
            memcpy(ret_name, name, n);
            ret_name[n] = '\0';
        }
    }
    mem_free_secret(plain.data, plain.size);
    return r;
}
