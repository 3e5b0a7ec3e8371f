/* GuestNicInfo: what decodes must encode, and decode again to what encodes to the same bytes. */
#include "fuzz_wire.h"

#include "base/arena.h"
#include "base/buf.h"
#include "wire/nicinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA struct arena a = ARENA_INIT(4u << 20), a2 = ARENA_INIT(4u << 20);
    AUTO_BUF struct buf b = BUF_INIT(4u << 20), b2 = BUF_INIT(4u << 20);
    char text[NICINFO_TEXT_MAX];
    struct nicinfo info, back;

    if (nicinfo_decode(data, size, &a, &info))
        return 0;
    nicinfo_primary(&info, text);
    MUST(!nicinfo_encode(&b, &info));
    MUST(!nicinfo_decode(b.data, b.len, &a2, &back));
    MUST(!nicinfo_encode(&b2, &back));
    MUST(b.len == b2.len && !memcmp(b.data, b2.data, b.len));
    return 0;
}
