/* What a guest reports about itself: networks, disks, details, memory. */
#include "hex.h"

#include <errno.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "wire/diskinfo.h"
#include "wire/guestinfo.h"
#include "wire/nicinfo.h"
#include "wire/rpc.h"

/* As an agent sent it, with two of its routes. */
#define NICS_V3                                                                              \
    "00000003 00000001 00000001 00000011 '52:54:00:12:34:56' 000000 00000003"                \
    "00000001 00000004 0a00020f 00000018 00000000 00000001 00000001"                         \
    "00000002 00000010 fec0000000000000505400fffe123456 00000040 00000000 00000001 00000005" \
    "00000002 00000010 fe80000000000000505400fffe123456 00000040 00000000 00000001 00000005" \
    "00000000 00000000 00000000 00000000 00000002"                                           \
    "00000001 00000004 00000000 00000000 00000001 00000001 00000004 0a000202"                \
    "00000000 00000000 00000000"                                                             \
    "00000001 00000004 0a000200 00000018 00000000 00000000 00000000 00000000"                \
    "00000001 00000001 00000009 'testguest' 000000 00000001 0000000b 'example.org' 00"       \
    "00000001 00000001 00000004 0a000203 00000001 0000000b 'example.org' 00"                 \
    "00000000 00000000 00000000"

static void the_recorded_network(void **state)
{
    AUTO_ARENA struct arena a = ARENA_INIT(1 << 16);
    AUTO_BYTES struct bytes v = hex(NICS_V3);
    AUTO_BUF struct buf b = BUF_INIT(1 << 16);
    char text[NICINFO_TEXT_MAX];
    struct nicinfo info;

    (void)state;
    assert_int_equal(nicinfo_decode(v.data, v.len, &a, &info), 0);
    assert_int_equal(info.version, 3);
    assert_int_equal(info.nic_count, 1);
    assert_string_equal(info.nics[0].mac, "52:54:00:12:34:56");
    assert_int_equal(info.nics[0].ip_count, 3);
    assert_int_equal(info.nics[0].ips[0].prefix, 24);
    assert_int_equal(info.nics[0].ips[0].status, NICINFO_STATUS_PREFERRED);
    assert_int_equal(nicinfo_address_text(&info.nics[0].ips[2].address, text), 0);
    assert_string_equal(text, "fe80::5054:ff:fe12:3456");
    assert_int_equal(info.route_count, 2);
    assert_int_equal(nicinfo_address_text(info.routes[0].next_hop, text), 0);
    assert_string_equal(text, "10.0.2.2");
    assert_null(info.routes[1].next_hop);
    assert_string_equal(info.config.dns->host, "testguest");
    assert_string_equal(info.config.dns->suffixes[0], "example.org");
    assert_int_equal(nicinfo_primary(&info, text), 0);
    assert_string_equal(text, "10.0.2.15");
    assert_int_equal(nicinfo_encode(&b, &info), 0);
    assert_hex(b.data, b.len, NICS_V3);
}

static void everything_optional_comes_back(void **state)
{
    static uint8_t four[] = {1, 2, 3, 4};
    struct nicinfo_address address = {.type = NICINFO_IPV4, .len = 4, .bytes = four};
    struct nicinfo_wins wins = {.primary = address, .secondary = address};
    struct nicinfo_dhcp dhcp = {.enabled = true, .settings = "lease"};
    struct nicinfo_dns dns = {0};
    struct nicinfo_ip ip = {.address = address, .origin = NICINFO_ORIGIN_DHCP, .prefix = 8};
    struct nicinfo_nic nic = {
        .mac = "", .ips = &ip, .ip_count = 1, .config = {&dns, &wins, &dhcp, &dhcp}};
    struct nicinfo info = {.nics = &nic, .nic_count = 1, .config = {.dhcp6 = &dhcp}}, back;
    AUTO_ARENA struct arena a = ARENA_INIT(1 << 16);
    AUTO_BUF struct buf b = BUF_INIT(1 << 16);

    (void)state;
    assert_int_equal(nicinfo_encode(&b, &info), 0);
    assert_int_equal(nicinfo_decode(b.data, b.len, &a, &back), 0);
    assert_int_equal(back.nics[0].ips[0].origin, NICINFO_ORIGIN_DHCP);
    assert_int_equal(back.nics[0].ips[0].status, NICINFO_STATUS_NONE);
    assert_null(back.nics[0].config.dns->host);
    assert_memory_equal(back.nics[0].config.wins->secondary.bytes, four, 4);
    assert_string_equal(back.nics[0].config.dhcp4->settings, "lease");
    assert_true(back.config.dhcp6->enabled);
    assert_null(back.config.dhcp4);
}

static void networks_cut_anywhere_are_refused(void **state)
{
    AUTO_BYTES struct bytes v = hex(NICS_V3);

    (void)state;
    for (size_t n = 0; n < v.len; n++) {
        AUTO_ARENA struct arena a = ARENA_INIT(1 << 16);
        AUTO_BYTES struct bytes cut = bytes_copy(v.data, n);
        struct nicinfo info;

        assert_int_equal(nicinfo_decode(cut.data, cut.len, &a, &info), -EBADMSG);
    }
}

static void networks_that_are_wrong(void **state)
{
    static const struct {
        const char *bytes;
        int r;
    } cases[] = {
        {"00000004 00000000", -EBADMSG},
        {"00000003 00000002", -EBADMSG},
        {"00000003 00000000", 0},
        {"00000003 00000001 00000011", -EMSGSIZE},             /* 17 NICs */
        {"00000003 00000001 00000010", -EBADMSG},              /* 16 NICs without bytes */
        {"00000003 00000001 00000001 00000013 00", -EMSGSIZE}, /* MAC of 19 characters */
        {"00000002 00000001 00000011", -EMSGSIZE},
        {"00000002 00000001 00000001", -EBADMSG},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_ARENA struct arena a = ARENA_INIT(1 << 16);
        AUTO_BYTES struct bytes v = bytes_copy(NULL, 0);
        struct nicinfo info;

        bytes_free(&v);
        v = hex(cases[i].bytes);
        if (cases[i].r == -EMSGSIZE &&
            v.len == 17) { /* room enough, so that only the limit says no */
            v.data = realloc(v.data, 200);
            memset(v.data + 17, 0, 183);
            v.len = 200;
        }
        assert_int_equal(nicinfo_decode(v.data, v.len, &a, &info), cases[i].r);
    }
}

/* Lists at their limits, through our own writer. */
static void network_lists_have_limits(void **state)
{
    static struct nicinfo_nic nics[NICINFO_NICS_MAX + 1];
    static struct nicinfo_route routes[NICINFO_ROUTES_MAX + 1];
    static struct nicinfo_ip ips[NICINFO_IPS_MAX + 1];

    (void)state;
    for (uint32_t d = 0; d < 3; d++) {
        AUTO_ARENA struct arena a = ARENA_INIT(4u << 20);
        AUTO_BUF struct buf b = BUF_INIT(1 << 20);
        struct nicinfo info = {.nics = nics, .nic_count = NICINFO_NICS_MAX - 1 + d}, back;
        int want = d < 2 ? 0 : -EINVAL;

        assert_int_equal(nicinfo_encode(&b, &info), want);
        if (!want)
            assert_int_equal(nicinfo_decode(b.data, b.len, &a, &back), 0);
        buf_clear(&b);
        info = (struct nicinfo){.routes = routes, .route_count = NICINFO_ROUTES_MAX - 1 + d};
        assert_int_equal(nicinfo_encode(&b, &info), want);
        if (!want)
            assert_int_equal(nicinfo_decode(b.data, b.len, &a, &back), 0);
        buf_clear(&b);
        nics[0] = (struct nicinfo_nic){.ips = ips, .ip_count = NICINFO_IPS_MAX - 1 + d};
        info = (struct nicinfo){.nics = nics, .nic_count = 1};
        assert_int_equal(nicinfo_encode(&b, &info), want);
        if (!want)
            assert_int_equal(nicinfo_decode(b.data, b.len, &a, &back), 0);
        nics[0] = (struct nicinfo_nic){0};
    }
    /* A reader's own limit, not only the writer's. */
    AUTO_BUF struct buf b = BUF_INIT(1 << 16);
    AUTO_ARENA struct arena a = ARENA_INIT(1 << 20);
    struct nicinfo back;

    buf_put_be32(&b, 3);
    buf_put_be32(&b, 1);
    buf_put_be32(&b, 0);
    buf_put_be32(&b, NICINFO_ROUTES_MAX + 1);
    buf_put_zeros(&b, 8192);
    assert_int_equal(nicinfo_decode(b.data, b.len, &a, &back), -EMSGSIZE);
}

static void put_words(struct buf *b, const char *text, size_t words)
{
    for (size_t i = 0; i < words; i++)
        buf_put_be32(b, i < strlen(text) ? (uint8_t)text[i] : 0);
}

static void older_networks(void **state)
{
    AUTO_ARENA struct arena a = ARENA_INIT(1 << 16);
    AUTO_BUF struct buf b = BUF_INIT(1 << 16);
    char text[NICINFO_TEXT_MAX];
    struct nicinfo info;

    (void)state;
    for (int i = 0; i < 3; i++)
        buf_put_be32(&b, i ? 1 : 2);
    put_words(&b, "52:54:00:12:34:56", 18);
    buf_put_be32(&b, 3);
    static const char *const ips[][2] = {
        {"10.0.2.15", "0xffffff00"}, {"fe80::1", "64"}, {"10.0.3.1", "255.255.0.0"}};
    for (int i = 0; i < 3; i++) {
        buf_put_be32(&b, i == 1);
        buf_put_be32(&b, i == 2);
        put_words(&b, ips[i][0], 64);
        put_words(&b, ips[i][1], 64);
    }
    assert_int_equal(b.len, 12 + 76 + 3 * 520);
    assert_int_equal(nicinfo_decode(b.data, b.len, &a, &info), 0);
    assert_int_equal(info.version, 2);
    assert_int_equal(info.nics[0].ips[0].prefix, 24);
    assert_int_equal(info.nics[0].ips[1].prefix, 64);
    assert_int_equal(info.nics[0].ips[1].address.type, NICINFO_IPV6);
    assert_int_equal(info.nics[0].ips[2].prefix, 16);
    assert_int_equal(info.nics[0].ips[2].origin, NICINFO_ORIGIN_DHCP);
    assert_int_equal(nicinfo_decode(b.data, b.len - 1, &a, &info), -EBADMSG);

    /* V1: garbage behind NULs and in unused slots. */
    buf_clear(&b);
    uint8_t v1[NICINFO_V1_SIZE];
    memset(v1, 0xa5, sizeof(v1));
    memcpy(v1, "\1\0\0\0\1\0\0\0", 8);
    memcpy(v1 + 8, "52:54:00:12:34:56", 18);
    memcpy(v1 + 27, "192.168.1.2", 12);
    assert_int_equal(nicinfo_decode_v1(v1, sizeof(v1), &a, &info), 0);
    assert_string_equal(info.nics[0].mac, "52:54:00:12:34:56");
    assert_int_equal(nicinfo_primary(&info, text), 0);
    assert_string_equal(text, "192.168.1.2");
    assert_int_equal(nicinfo_decode_v1(v1, sizeof(v1) - 1, &a, &info), -EBADMSG);
    v1[4] = 9;
    assert_int_equal(nicinfo_decode_v1(v1, sizeof(v1), &a, &info), -EMSGSIZE);
    v1[4] = 0;
    v1[0] = 17;
    assert_int_equal(nicinfo_decode_v1(v1, sizeof(v1), &a, &info), -EMSGSIZE);
}

static void the_primary_address_is_useful(void **state)
{
    static uint8_t loop[] = {127, 0, 0, 1}, local[] = {169, 254, 1, 1};
    static uint8_t six[16] = {0x20, 1, [15] = 1}, link[16] = {0xfe, 0x80, [15] = 1};
    struct nicinfo_ip ips[] = {
        {.address = {NICINFO_IPV4, 4, loop}},
        {.address = {NICINFO_IPV4, 4, local}},
        {.address = {NICINFO_IPV6, 16, link}},
        {.address = {NICINFO_IPV6, 16, six}},
    };
    struct nicinfo_nic nic = {.ips = ips, .ip_count = 3};
    struct nicinfo info = {.nics = &nic, .nic_count = 1};
    char text[NICINFO_TEXT_MAX];

    (void)state;
    assert_int_equal(nicinfo_primary(&info, text), -ENOENT);
    nic.ip_count = 4;
    assert_int_equal(nicinfo_primary(&info, text), 0);
    assert_string_equal(text, "2001::1");
}

static void networks_survive_short_memory(void **state)
{
    AUTO_BYTES struct bytes v = hex(NICS_V3);
    int r = -ENOMEM;

    (void)state;
    for (long n = 0; r; n++) {
        AUTO_ARENA struct arena a = ARENA_INIT(1 << 16);
        struct nicinfo info;

        assert_true(n < 100);
        mem_fail_after(n);
        r = nicinfo_decode(v.data, v.len, &a, &info);
        mem_fail_after(-1);
        assert_true(r == 0 || r == -ENOMEM);
    }
    for (size_t cap = 0; cap < 600; cap += 8) {
        AUTO_ARENA struct arena a = ARENA_INIT(cap);
        struct nicinfo info;

        r = nicinfo_decode(v.data, v.len, &a, &info);
        assert_true(r == 0 || r == -ENOMEM);
        assert_true(cap > 100 || r == -ENOMEM);
    }
}

#define DISKS                                                                                 \
    "{\n\"version\":\"1\",\n\"disks\":[\n"                                                    \
    "{\"name\":\"L2RhdGE=\",\"free\":\"30799872\",\"size\":\"32490496\",\"fstype\":\"ext4\"," \
    "\"devices\":[\"scsi0:0\",\"scsi0:1\"]},\n"                                               \
    "{\"name\":\"Lw==\",\"free\":\"1\",\"size\":\"2\"}\n]\n}"

static void the_recorded_disks(void **state)
{
    AUTO_ARENA struct arena a = ARENA_INIT(1 << 16);
    AUTO_BUF struct buf b = BUF_INIT(1024);
    struct diskinfo info, none = {0};

    (void)state;
    assert_int_equal(diskinfo_decode_json(DISKS, sizeof(DISKS), &a, &info), 0);
    assert_int_equal(info.count, 2);
    assert_string_equal(info.disks[0].name, "/data");
    assert_int_equal(info.disks[0].free, 30799872);
    assert_string_equal(info.disks[0].fstype, "ext4");
    assert_int_equal(info.disks[0].device_count, 2);
    assert_string_equal(info.disks[0].devices[1], "scsi0:1");
    assert_string_equal(info.disks[1].name, "/");
    assert_null(info.disks[1].fstype);
    assert_int_equal(diskinfo_encode_json(&b, &info), 0);
    assert_int_equal(b.len, sizeof(DISKS));
    assert_string_equal(buf_text(&b), DISKS);
    buf_clear(&b);
    assert_int_equal(diskinfo_encode_json(&b, &none), 0);
    assert_string_equal(buf_text(&b), "{\n\"version\":\"1\",\n\"disks\":[\n]\n}");
}

static void disks_that_are_wrong(void **state)
{
    static const char *const broken[] = {
        "",
        "[]",
        "{}",
        "{\"disks\":{}}",
        "{\"disks\":[1]}",
        "{\"disks\":[{\"name\":\"Lw==\",\"free\":\"1\"}]}",
        "{\"disks\":[{\"name\":\"Lw==\",\"free\":\"x\",\"size\":\"1\"}]}",
        "{\"disks\":[{\"name\":\"Lw==\",\"free\":\"-1\",\"size\":\"1\"}]}",
        "{\"disks\":[{\"name\":\"L\",\"free\":\"1\",\"size\":\"1\"}]}",
        "{\"disks\":[{\"name\":\"Lw==\",\"free\":\"1\",\"size\":\"1\",\"devices\":[1]}]}",
    };
    AUTO_ARENA struct arena a = ARENA_INIT(1 << 20);
    struct diskinfo info;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
        assert_int_equal(diskinfo_decode_json(broken[i], strlen(broken[i]), &a, &info), -EBADMSG);
    for (unsigned n = DISKINFO_DISKS_MAX - 1; n <= DISKINFO_DISKS_MAX + 1; n++) {
        AUTO_BUF struct buf b = BUF_INIT(1 << 16);

        buf_put_str(&b, "{\"disks\":[");
        for (unsigned i = 0; i < n; i++)
            buf_printf(&b, "%s{\"name\":\"Lw==\",\"free\":1,\"size\":\"2\"}", i ? "," : "");
        buf_put_str(&b, "]}");
        assert_int_equal(diskinfo_decode_json(b.data, b.len, &a, &info),
                         n > DISKINFO_DISKS_MAX ? -EMSGSIZE : 0);
    }
}

static void binary_disks(void **state)
{
    struct diskinfo_disk disk = {.name = "/", .free = 1, .size = 1ull << 40};
    struct diskinfo info = {.disks = &disk, .count = 1}, back;
    AUTO_ARENA struct arena a = ARENA_INIT(1 << 16);
    AUTO_BUF struct buf b = BUF_INIT(1024);
    char name[DISKINFO_NAME_V0_MAX + 2] = {0};

    (void)state;
    assert_int_equal(diskinfo_encode_v0(&b, &info), 0);
    assert_int_equal(b.len, 1 + DISKINFO_V0_ENTRY + 2);
    assert_int_equal(diskinfo_decode_v0(b.data, b.len, &a, &back), 0);
    assert_int_equal(back.count, 1);
    assert_string_equal(back.disks[0].name, "/");
    assert_true(back.disks[0].size == 1ull << 40);
    assert_int_equal(diskinfo_decode_v0(b.data, DISKINFO_V0_ENTRY, &a, &back), -EBADMSG);
    assert_int_equal(diskinfo_decode_v0("", 0, &a, &back), -EBADMSG);
    disk.name = name;
    for (size_t n = DISKINFO_NAME_V0_MAX - 1; n <= DISKINFO_NAME_V0_MAX + 1; n++) {
        buf_clear(&b);
        memset(name, 'n', n);
        assert_int_equal(diskinfo_encode_v0(&b, &info), n > DISKINFO_NAME_V0_MAX ? -EINVAL : 0);
    }
}

static void envelopes(void **state)
{
    static const struct {
        const char *bytes;
        int r;
        unsigned id;
        size_t len;
    } cases[] = {
        {"'SetGuestInfo  7 973' 00", 0, 7, 3},   {"'SetGuestInfo  1 host' 00", 0, 1, 4},
        {"'SetGuestInfo  10 ab' 00", 0, 10, 3}, /* binary: the NUL counts */
        {"'SetGuestInfo  4 '", 0, 4, 0},         {"'SetGuestInfo ;7;9' 00", 0, 7, 1},
        {"'SetGuestInfo  x 9'", -EBADMSG, 0, 0}, {"'SetGuestInfo  7'", -EBADMSG, 0, 0},
        {"'SetGuestInfo  0 a'", -EBADMSG, 0, 0}, {"'SetGuestInfo  256 a'", -EBADMSG, 0, 0},
        {"'SetGuestInfo'", -EBADMSG, 0, 0},
    };
    AUTO_BUF struct buf b = BUF_INIT(4096);

    (void)state;
    assert_int_equal(guestinfo_put_head(&b, 10), 0);
    assert_string_equal(buf_text(&b), "SetGuestInfo  10 ");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_BYTES struct bytes v = hex(cases[i].bytes);
        struct rpc_message m;
        const uint8_t *data;
        size_t len;
        unsigned id;
        int r;

        assert_int_equal(rpc_split(v.data, v.len, &m), 0);
        r = guestinfo_decode(m.args, m.args_len, &id, &data, &len);
        assert_int_equal(r, cases[i].r);
        if (r)
            continue;
        assert_int_equal(id, cases[i].id);
        assert_int_equal(len, cases[i].len);
    }
    for (size_t n = GUESTINFO_TEXT_MAX - 1; n <= GUESTINFO_TEXT_MAX + 1; n++) {
        char text[GUESTINFO_TEXT_MAX + 8];
        const uint8_t *data;
        size_t len;
        unsigned id;

        memset(text, 'x', sizeof(text));
        memcpy(text, " 1 ", 3);
        assert_int_equal(guestinfo_decode(text, n + 3, &id, &data, &len),
                         n > GUESTINFO_TEXT_MAX ? -EBADMSG : 0);
    }
}

static void details(void **state)
{
    struct guestinfo_details d = {.short_name = "debian12-64", .full_name = "Linux 6.1"}, back;
    AUTO_BUF struct buf text = BUF_INIT(GUESTINFO_DETAILS_MAX), b = BUF_INIT(1 << 16);
    AUTO_ARENA struct arena a = ARENA_INIT(1 << 16);
    const char *p, *key, *value;

    (void)state;
    assert_int_equal(guestinfo_details_put(&text, "prettyName", "Bob's \\ Linux"), 0);
    assert_int_equal(guestinfo_details_put(&text, "bitness", "64"), 0);
    assert_string_equal(buf_text(&text), "prettyName='Bob\\'s \\\\ Linux' bitness='64'");
    d.text = buf_text(&text);
    assert_int_equal(guestinfo_details_encode(&b, &d), 0);
    assert_int_equal(b.len, GUESTINFO_DETAILS_HEAD + text.len + 1);
    assert_int_equal(guestinfo_details_decode(b.data, b.len, &a, &back), 0);
    assert_string_equal(back.short_name, "debian12-64");
    assert_string_equal(back.full_name, "Linux 6.1");
    p = back.text;
    assert_int_equal(guestinfo_details_next(&p, &a, &key, &value), 1);
    assert_string_equal(key, "prettyName");
    assert_string_equal(value, "Bob's \\ Linux");
    assert_int_equal(guestinfo_details_next(&p, &a, &key, &value), 1);
    assert_string_equal(value, "64");
    assert_int_equal(guestinfo_details_next(&p, &a, &key, &value), 0);
    static const char *const broken[] = {"a", "a=", "a='", "='x'", "a=x", "a='x\\'"};
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        p = broken[i];
        assert_int_equal(guestinfo_details_next(&p, &a, &key, &value), -EBADMSG);
    }
    assert_int_equal(guestinfo_details_decode(b.data, GUESTINFO_DETAILS_HEAD - 1, &a, &back),
                     -EBADMSG);
    b.data[0] = 2;
    assert_int_equal(guestinfo_details_decode(b.data, b.len, &a, &back), -EBADMSG);
}

#define STATISTICS                                                     \
    "ae000000 0a00 '_tools/v1' 00 0100 0b 0100 09 0200 0308 0200 0008" \
    "ac000000 0100 06 0100 09 0200 0308 0400 f8fd0700"                 \
    "ac000000 0100 09 0100 09 0200 0308 0000"

static void memory(void **state)
{
    AUTO_BUF struct buf b = BUF_INIT(1024);
    struct guestinfo_memory m;
    struct guestinfo_stat s;

    (void)state;
    assert_int_equal(guestinfo_memory_put_head(&b, 523768), 0);
    assert_int_equal(b.len, GUESTINFO_MEMORY_HEAD);
    guestinfo_memory_put_stat(&b, true, 11, GUESTINFO_UNIT_KIB, 2048);
    guestinfo_memory_put_stat(&b, false, 6, GUESTINFO_UNIT_KIB, 523768);
    assert_int_equal(guestinfo_memory_put_stat(&b, false, 9, GUESTINFO_UNIT_KIB, 0), 0);
    assert_hex(b.data + GUESTINFO_MEMORY_HEAD, b.len - GUESTINFO_MEMORY_HEAD, STATISTICS);
    /* One without a value, as agents send for rates that they do not know yet. */
    AUTO_BYTES struct bytes rate = hex("2c000000 0100 07 0100 0b 0200 4380");
    buf_put(&b, rate.data, rate.len);
    assert_int_equal(guestinfo_memory_decode(b.data, b.len, &m), 0);
    assert_int_equal(m.total_kib, 523768);
    assert_int_equal(guestinfo_stat_next(&m.stats, &s), 1);
    assert_true(s.id == 11 && s.number == 2048 && s.unit == GUESTINFO_UNIT_KIB && s.has_value);
    assert_int_equal(guestinfo_stat_next(&m.stats, &s), 1);
    assert_true(s.id == 6 && s.number == 523768);
    assert_int_equal(guestinfo_stat_next(&m.stats, &s), 1);
    assert_true(s.id == 9 && s.number == 0 && s.has_value);
    assert_int_equal(guestinfo_stat_next(&m.stats, &s), 1);
    assert_true(s.id == 7 && !s.has_value && s.type == 11);
    assert_int_equal(guestinfo_stat_next(&m.stats, &s), 0);
    assert_int_equal(guestinfo_memory_decode(b.data, GUESTINFO_MEMORY_HEAD - 1, &m), -EBADMSG);
    static const char *const broken[] = {"ae0000", "00010000", "00000000", "04000000 0900 00"};
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        AUTO_BYTES struct bytes v = hex(broken[i]);
        struct cursor c = CURSOR_INIT(v.data, v.len);

        assert_int_equal(guestinfo_stat_next(&c, &s), -EBADMSG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_recorded_network),
        cmocka_unit_test(everything_optional_comes_back),
        cmocka_unit_test(networks_cut_anywhere_are_refused),
        cmocka_unit_test(networks_that_are_wrong),
        cmocka_unit_test(network_lists_have_limits),
        cmocka_unit_test(older_networks),
        cmocka_unit_test(the_primary_address_is_useful),
        cmocka_unit_test(networks_survive_short_memory),
        cmocka_unit_test(the_recorded_disks),
        cmocka_unit_test(disks_that_are_wrong),
        cmocka_unit_test(binary_disks),
        cmocka_unit_test(envelopes),
        cmocka_unit_test(details),
        cmocka_unit_test(memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
