/* The text of guest RPC: requests, replies of both kinds, SetGuestInfo below them. */
#include "fuzz_wire.h"

#include "base/arena.h"
#include "base/buf.h"
#include "wire/diskinfo.h"
#include "wire/guestinfo.h"
#include "wire/nicinfo.h"
#include "wire/rpc.h"

static void take_memory(const uint8_t *data, size_t len)
{
    struct guestinfo_memory m;
    struct guestinfo_stat s;

    if (!guestinfo_memory_decode(data, len, &m))
        while (guestinfo_stat_next(&m.stats, &s) == 1)
            MUST(!s.has_value || s.bytes || !s.len);
}

static void take_details(const uint8_t *data, size_t len, struct arena *a)
{
    struct guestinfo_details d;
    const char *key, *value, *p;

    if (guestinfo_details_decode(data, len, a, &d))
        return;
    p = d.text;
    while (guestinfo_details_next(&p, a, &key, &value) == 1)
        MUST(strlen(value) <= 2 * GUESTINFO_VALUE_MAX);
}

static void take_info(const struct rpc_message *m)
{
    AUTO_ARENA struct arena a = ARENA_INIT(1u << 20);
    struct diskinfo disks;
    struct nicinfo nics;
    const uint8_t *data;
    size_t len;
    unsigned id;

    if (guestinfo_decode(m->args, m->args_len, &id, &data, &len))
        return;
    switch (id) {
    case GUESTINFO_NICS_V1:
        nicinfo_decode_v1(data, len, &a, &nics);
        break;
    case GUESTINFO_DISKS_V0:
        diskinfo_decode_v0(data, len, &a, &disks);
        break;
    case GUESTINFO_MEMORY:
        take_memory(data, len);
        break;
    case GUESTINFO_NICS_V2:
    case GUESTINFO_NICS_V3:
        nicinfo_decode(data, len, &a, &nics);
        break;
    case GUESTINFO_OS_DETAILS:
        take_details(data, len, &a);
        break;
    default:
        MUST(len <= GUESTINFO_TEXT_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA struct arena a = ARENA_INIT(1u << 20);
    struct diskinfo disks;
    const uint8_t *result;
    struct rpc_message m;
    size_t len;
    bool ok;

    if (!rpc_parse_reply(data, size, &ok, &result, &len))
        MUST(result + len == data + size);
    if (!rpc_parse_tclo_reply(data, size, &ok, &result, &len))
        MUST(result + len == data + size);
    if (rpc_split(data, size, &m))
        return 0;
    MUST(m.name_len && m.name_len <= RPC_NAME_MAX);
    MUST(m.args + m.args_len <= data + size);
    if (rpc_name_is(&m, "SetGuestInfo"))
        take_info(&m);
    if (rpc_name_is(&m, "SetGuestDiskInfo"))
        diskinfo_decode_json(m.args, m.args_len, &a, &disks);
    return 0;
}
