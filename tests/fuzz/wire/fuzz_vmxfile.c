/* A .vmx text: what is written parses to the same, and stays the same when written again. */
#include "fuzz_wire.h"

#include "base/buf.h"
#include "wire/vmxfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF struct buf b = BUF_INIT(8u << 20), b2 = BUF_INIT(8u << 20);
    struct vmxfile *f, *back;
    const char *key, *value;
    size_t pos = 0;

    if (vmxfile_parse(data, size, &f, NULL))
        return 0;
    MUST(!vmxfile_write(f, &b));
    if (!vmxfile_parse(buf_text(&b), b.len, &back, NULL)) {
        while (vmxfile_next(f, &pos, &key, &value))
            MUST(vmxfile_get(back, key) && !strcmp(vmxfile_get(back, key), value));
        MUST(!vmxfile_write(back, &b2));
        MUST(b.len == b2.len && !strcmp(buf_text(&b), buf_text(&b2)));
        MUST(!vmxfile_set(back, "fuzz.key", "value"));
        MUST(!vmxfile_remove(back, "FUZZ.KEY"));
        vmxfile_free(back);
    }
    vmxfile_free(f);
    return 0;
}
