/* A message between vmx and gstored: type, then body. What decodes must encode to the same bytes.
 */
#include "fuzz_wire.h"

#include "base/buf.h"
#include "wire/gstore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF struct buf b = BUF_INIT(GSTORE_BODY_MAX);
    struct gstore_msg m;

    if (size < 1 || gstore_decode(data[0], data + 1, size - 1, &m))
        return 0;
    MUST(!gstore_encode(&b, &m));
    MUST(b.len == size - 1 && !memcmp(b.len ? b.data : data, b.len ? data + 1 : data, b.len));
    return 0;
}
