/* A body of the control protocol: what decodes must encode to what decodes to the same. */
#include "fuzz_wire.h"

#include "base/buf.h"
#include "wire/ctl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF struct buf b = BUF_INIT(CTL_BODY_MAX);
    const uint8_t *blob, *blob2;
    json_t *json, *back;
    size_t len, len2;

    if (ctl_decode(data, size, &json, &blob, &len))
        return 0;
    MUST(blob + len == data + size);
    if (!ctl_encode(&b, json, blob, len)) {
        MUST(!ctl_decode(b.data, b.len, &back, &blob2, &len2));
        MUST(json_equal(json, back) && len == len2);
        json_decref(back);
    }
    json_decref(json);
    return 0;
}
