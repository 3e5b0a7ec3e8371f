/* Quiesced snapshots: an agent's event; a host's options, which come back as they were. */
#include "fuzz_wire.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "wire/vmbackup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    AUTO_ARENA struct arena a = ARENA_INIT(1u << 16);
    AUTO_BUF struct buf b = BUF_INIT(1u << 16);
    struct vmbackup_options o, again;
    enum vmbackup_event event;
    size_t text_len;
    const char *text;
    unsigned code;

    if (!vmbackup_event_decode(data, len, &event, &code, &text, &text_len)) {
        MUST(code <= 999 && text_len <= VMBACKUP_TEXT_MAX);
        MUST(text_len == 0 ||
             (text >= (const char *)data && text + text_len <= (const char *)data + len));
    }
    if (!vmbackup_options_decode(data, len, &a, &o)) {
        MUST(!vmbackup_options_encode(&b, &o));
        MUST(!vmbackup_options_decode(b.data, b.len, &a, &again));
        MUST(!strcmp(o.script_arg, again.script_arg) && !strcmp(o.volumes, again.volumes));
        MUST(o.timeout_s == again.timeout_s && o.quiesce_fs == again.quiesce_fs);
    }
    return 0;
}
