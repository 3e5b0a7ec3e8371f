/* A list of snapshots: what is read can be written, and reads back the same, whatever is removed
 * from it. */
#include "fuzz_wire.h"

#include "base/buf.h"
#include "wire/vmsd.h"

static void same(const struct vmsd *a, const struct vmsd *b)
{
    MUST(a->count == b->count && a->last_uid == b->last_uid && a->current == b->current &&
         a->reverting == b->reverting);
    for (unsigned i = 0; i < a->count; i++) {
        const struct vmsd_snapshot *x = &a->items[i], *y = &b->items[i];

        MUST(x->uid == y->uid && x->parent == y->parent && x->create_us == y->create_us &&
             x->quiesced == y->quiesced && x->has_disk == y->has_disk);
        MUST(!strcmp(x->name, y->name) && !strcmp(x->description, y->description));
    }
}

static void round_trip(const struct vmsd *v)
{
    AUTO_BUF struct buf b = BUF_INIT(8u << 20);
    struct vmsd back;

    /* Escapes may make a text too large to be written. */
    if (vmsd_write(v, "vm", &b))
        return;
    if (b.len > VMSD_SIZE_MAX)
        return;
    MUST(!vmsd_parse(buf_text(&b), b.len, &back, NULL));
    same(v, &back);
    vmsd_clear(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vmsd v, copy;

    if (vmsd_parse(data, size, &v, NULL))
        return 0;
    round_trip(&v);
    MUST(!vmsd_copy(&v, &copy));
    same(&v, &copy);
    while (copy.count) {
        copy.reverting = 0;
        MUST(!vmsd_remove(&copy, copy.items[size % copy.count].uid, data[0] & 1));
        round_trip(&copy);
    }
    vmsd_clear(&copy);
    vmsd_clear(&v);
    return 0;
}
