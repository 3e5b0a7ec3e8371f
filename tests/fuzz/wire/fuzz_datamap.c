/* A byte stream of data map packets, in parts whose sizes come from the first byte. What decodes
 * must encode to something that decodes to the same. */
#include "fuzz_wire.h"

#include "base/buf.h"
#include "wire/datamap.h"

#define PACKET_MAX 4096u

static void check_packet(const uint8_t *body, size_t len)
{
    AUTO_BUF struct buf b = BUF_INIT(2 * PACKET_MAX);
    struct datamap_rpc rpc, back;

    if (datamap_rpc_decode(body, len, &rpc))
        return;
    /* A PING with a payload is read and cannot be written. */
    if (rpc.type == DATAMAP_RPC_PING)
        return;
    MUST(!datamap_rpc_encode(&b, &rpc));
    MUST(!datamap_rpc_decode(b.data + 4, b.len - 4, &back));
    MUST(back.type == rpc.type && back.len == rpc.len && back.fast_close == rpc.fast_close &&
         back.request_id == rpc.request_id && !memcmp(back.payload, rpc.payload, rpc.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct datamap_framer f;
    const uint8_t *body;
    size_t step, len;

    if (!size)
        return 0;
    step = (size_t)data[0] + 1;
    datamap_framer_init(&f, PACKET_MAX);
    for (size_t at = 1; at < size; at += step) {
        size_t n = size - at < step ? size - at : step;

        if (datamap_framer_push(&f, data + at, n))
            break;
        while (datamap_framer_next(&f, &body, &len) == 1)
            check_packet(body, len);
    }
    datamap_framer_free(&f);
    return 0;
}
