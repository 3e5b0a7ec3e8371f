/* Frames of a live program and what it is started with: what decodes must encode to what decodes to
 * the same. The first byte chooses what the rest is. */
#include "fuzz_wire.h"

#include "base/arena.h"
#include "base/buf.h"
#include "wire/exec_frame.h"
#include "wire/exec_spec.h"

static void frames(const uint8_t *data, size_t size, enum exec_way way)
{
    struct cursor c = CURSOR_INIT(data, size);
    struct exec_frame f;
    int r;

    while ((r = exec_frame_next(&c, way, &f)) == 1) {
        AUTO_BUF struct buf b = BUF_INIT(EXEC_FRAME_MAX);
        struct cursor again;
        struct exec_frame back;

        MUST(exec_frame_put(&b, &f) == 0);
        MUST(memcmp(c.p - b.len, b.data, b.len) == 0);
        again = CURSOR_INIT(b.data, b.len);
        MUST(exec_frame_next(&again, way, &back) == 1 && back.len == f.len && again.left == 0);
    }
    MUST(r != 0 || c.left < EXEC_FRAME_MAX);
}

static void spec(const uint8_t *data, size_t size)
{
    AUTO_ARENA struct arena a = ARENA_INIT(1u << 20);
    AUTO_BUF struct buf b = BUF_INIT(EXEC_SPEC_MAX);
    struct exec_spec s;

    if (exec_spec_decode(data, size, &a, &s))
        return;
    MUST(!s.args[s.argc] && !s.env[s.envc]);
    MUST(exec_spec_encode(&b, &s) == 0 && b.len == size && memcmp(b.data, data, size) == 0);
}

static void port(const uint8_t *data, size_t size)
{
    AUTO_BUF struct buf b = BUF_INIT(16);
    uint16_t n;

    if (exec_connect_decode(data, size, &n))
        return;
    MUST(exec_connect_encode(&b, n) == 0 && b.len == size && memcmp(b.data, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    switch (data[0] & 3) {
    case 0:
    case 1:
        frames(data + 1, size - 1, (enum exec_way)(data[0] & 1));
        break;
    case 2:
        spec(data + 1, size - 1);
        break;
    case 3:
        port(data + 1, size - 1);
        break;
    }
    return 0;
}
