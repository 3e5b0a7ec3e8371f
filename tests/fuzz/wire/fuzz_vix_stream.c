/* What the guest answers and sends about raw streams. What decodes must encode to the same bytes.
 */
#include "fuzz_wire.h"

#include "base/buf.h"
#include "wire/vix_stream.h"

#define ROOM (1u << 20)

static void same(const struct buf *b, const uint8_t *data, size_t size)
{
    MUST(b->len == size && !memcmp(b->data, data, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF struct buf opened_b = BUF_INIT(ROOM), ended_b = BUF_INIT(ROOM),
                        file_b = BUF_INIT(ROOM);
    struct vix_stream_opened opened;
    struct vix_stream_ended ended;
    struct vix_stream_file file;
    const uint8_t *token;

    if (!vix_stream_opened_decode(data, size, &opened)) {
        MUST(opened.size >= VIX_STREAM_SIZE_UNKNOWN && opened.extra + opened.len == data + size);
        MUST(!vix_stream_opened_encode(&opened_b, &opened));
        same(&opened_b, data, size);
    }
    if (!vix_stream_ended_decode(data, size, &ended)) {
        MUST(!vix_stream_ended_encode(&ended_b, &ended));
        same(&ended_b, data, size);
    }
    if (!vix_stream_file_decode(data, size, &file)) {
        const uint8_t *rest = (const uint8_t *)file.path + strlen(file.path) + 1;

        MUST((rest < data + size) == (file.attributes.options != 0) && rest <= data + size);
        MUST(!vix_stream_file_encode(&file_b, &file));
        MUST(file_b.len == size && !memcmp(file_b.data + 1, data + 1, size - 1));
    }
    if (size == VIX_STREAM_GREETING_SIZE && !vix_stream_greeting_decode(data, &token))
        MUST(token == data + VIX_STREAM_MAGIC_SIZE && vix_stream_token_equal(token, token));
    return 0;
}
