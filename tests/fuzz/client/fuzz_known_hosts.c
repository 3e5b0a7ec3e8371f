/* The file of servers that a user trusts: an address, a line feed, the file. What is read is what
 * was written, and the other servers stay as they were. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "client/vim_trust.h"

#define MUST(x)      \
    do {             \
        if (!(x))    \
            abort(); \
    } while (0)
#define ROOM (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int same(const struct vim_trust_key *a, const struct vim_trust_key *b)
{
    return !strcmp(a->pin, b->pin) && !strcmp(a->fingerprint, b->fingerprint);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vim_trust_key key = {.pin = "sha256//bmV3", .fingerprint = "AB:CD"};
    AUTO_BUF struct buf in = BUF_INIT(ROOM), out = BUF_INIT(ROOM);
    struct vim_trust_key old, other, again;
    char *address, *text;
    int known, known_other;

    if (buf_put(&in, data, size) || buf_put_u8(&in, 0))
        return 0;
    address = (char *)in.data;
    text = strchr(address, '\n');
    if (!text)
        return 0;
    *text++ = '\0';
    known = vim_trust_read(text, address, &old);
    if (known)
        MUST(*old.fingerprint && !strncmp(old.pin, "sha256//", 8));
    known_other = vim_trust_read(text, "other:443", &other);
    if (vim_trust_write(text, address, &key, &out))
        return 0;
    /* All of its lines are replaced, also those that cannot be understood. */
    MUST(vim_trust_read(buf_text(&out), address, &again) && same(&again, &key));
    if (strcmp(address, "other:443") != 0)
        MUST(vim_trust_read(buf_text(&out), "other:443", &again) == known_other &&
             (!known_other || same(&again, &other)));
    return 0;
}
