/* The file of a login that a user's programs share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "client/vim_ticket.h"

#define MUST(x)      \
    do {             \
        if (!(x))    \
            abort(); \
    } while (0)
#define NOW 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF struct buf in = BUF_INIT(1u << 16);
    char cookie[VIM_CLIENT_COOKIE_MAX];
    const char *space;

    if (buf_put(&in, data, size) || buf_put_u8(&in, 0) ||
        vim_ticket_read((const char *)in.data, NOW, cookie))
        return 0;
    MUST(*cookie && strlen(cookie) < sizeof(cookie));
    for (const char *c = cookie; *c; c++)
        MUST(*c > ' ' && *c < 0x7f);
    /* The time and the cookie are all there is, and the time has not come. */
    space = strchr((const char *)in.data, ' ');
    MUST(space && strtoll((const char *)in.data, NULL, 10) > NOW);
    MUST(!strncmp(space + 1, cookie, strlen(cookie)));
    MUST(vim_ticket_read((const char *)in.data, INT64_MAX, cookie));
    return 0;
}
