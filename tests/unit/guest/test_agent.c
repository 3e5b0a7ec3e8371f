/* What the agent knows about its guest: configuration, system, file systems, network. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "guest/conf.h"
#include "guest/mounts.h"
#include "guest/netinfo.h"
#include "guest/osinfo.h"

static void test_conf(void **state)
{
    (void)state;
    static const char text[] = "# comment\n"
                               "; another\r\n"
                               "before = group\n"
                               "[powerops]\r\n"
                               "  poweron-script =  /a b\\tc  \n"
                               "nonsense\n"
                               "= nothing\n"
                               "[guestoperations]\n"
                               "disabled=true\n"
                               "StartProgramInGuest.disabled = 1\n"
                               "off = false\n"
                               "odd = maybe\n"
                               "n = 45\n"
                               "big = 99999999999999999999\n"
                               "twice = 1\n"
                               "twice = 2\n"
                               "[open\n"
                               "last = end";
    struct conf *c;
    assert_int_equal(conf_parse(text, sizeof(text) - 1, &c), 0);
    assert_string_equal(conf_get(c, "", "before"), "group");
    assert_string_equal(conf_get(c, "powerops", "poweron-script"), "/a b\tc");
    assert_null(conf_get(c, "powerops", "disabled"));
    assert_null(conf_get(c, "Powerops", "poweron-script"));
    assert_true(conf_bool(c, "guestoperations", "disabled", false));
    assert_true(conf_bool(c, "guestoperations", "StartProgramInGuest.disabled", false));
    assert_false(conf_bool(c, "guestoperations", "off", true));
    assert_true(conf_bool(c, "guestoperations", "odd", true));
    assert_int_equal(conf_number(c, "guestoperations", "n", 1, 0, 45), 45);
    assert_int_equal(conf_number(c, "guestoperations", "n", 1, 0, 44), 1);
    assert_int_equal(conf_number(c, "guestoperations", "n", 1, 46, 50), 1);
    assert_int_equal(conf_number(c, "guestoperations", "big", 7, 0, 100), 7);
    assert_string_equal(conf_get(c, "guestoperations", "twice"), "2");
    assert_string_equal(conf_get(c, "guestoperations", "last"), "end");
    assert_null(conf_get(NULL, "a", "b"));
    conf_free(c);
    assert_int_equal(conf_load("/nonexistent/tools.conf", &c, NULL), 0);
    assert_null(conf_get(c, "a", "b"));
    conf_free(c);
    assert_int_equal(conf_load("/proc", &c, NULL), -EINVAL);
}

static void test_conf_limits(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(CONF_FILE_MAX);
    struct conf *c;
    for (unsigned i = 0; i < CONF_ENTRIES_MAX; i++)
        buf_printf(&b, "k%u=%u\n", i, i);
    assert_int_equal(conf_parse(buf_text(&b), b.len, &c), 0);
    assert_string_equal(conf_get(c, "", "k1023"), "1023");
    conf_free(c);
    buf_put_str(&b, "one=more\n");
    assert_int_equal(conf_parse(buf_text(&b), b.len, &c), -EFBIG);
    buf_free(&b);
    for (long n = 0; n < 12; n++) {
        mem_fail_after(n);
        int r = conf_parse("[a]\nb=c\nd=e\n", 12, &c);
        mem_fail_after(-1);
        if (r == 0)
            conf_free(c);
        else
            assert_int_equal(r, -ENOMEM);
    }
}

static const struct utsname uts = {
    .sysname = "Linux", .nodename = "testguest", .release = "6.1.0-56-amd64", .machine = "x86_64"};

static void test_osinfo(void **state)
{
    (void)state;
    struct osinfo os;
    struct buf b = BUF_INIT(10240);
    osinfo_from("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n"
                "VERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nID=debian\n",
                &uts, &os);
    assert_string_equal(os.short_name, "debian12-64");
    assert_string_equal(os.full_name, "Linux 6.1.0-56-amd64 Debian GNU/Linux 12 (bookworm)");
    assert_string_equal(os.host_name, "testguest");
    assert_int_equal(osinfo_details(&os, &b), 0);
    assert_string_equal(
        buf_text(&b), "architecture='X86' bitness='64' distroAddlVersion='12 (bookworm)' "
                      "distroName='Debian GNU/Linux' distroVersion='12' familyName='Linux' "
                      "kernelVersion='6.1.0-56-amd64' prettyName='Debian GNU/Linux 12 (bookworm)'");
    buf_free(&b);
    osinfo_from("ID='ubuntu'\nVERSION_ID=24.04\nNAME=Ub\\$untu", &uts, &os);
    assert_string_equal(os.short_name, "ubuntu-64");
    assert_string_equal(os.name, "Ub$untu");
    assert_string_equal(os.pretty_name, "Ub$untu 24.04");
    osinfo_from(NULL, &uts, &os);
    assert_string_equal(os.short_name, "other6xlinux-64");
    struct utsname arm = uts;
    snprintf(arm.machine, sizeof(arm.machine), "armv7l");
    osinfo_from("ID=unheard-of\n", &arm, &os);
    assert_string_equal(os.short_name, "other6xlinux");
}

/* A text as long as somebody likes ends up cut, never beyond its field and never inside a
 * character. */
static void test_osinfo_long(void **state)
{
    (void)state;
    struct osinfo os;
    struct buf b = BUF_INIT(8192);
    buf_put_str(&b, "NAME=\"");
    for (unsigned i = 0; i < 1000; i++)
        buf_put_str(&b, "\xc3\xa4");
    buf_put_str(&b, "\"\nID=debian\nVERSION_ID=99\n");
    osinfo_from(buf_text(&b), &uts, &os);
    assert_int_equal(strlen(os.name), 254);
    assert_string_equal(os.short_name, "debian13-64");
    buf_free(&b);
}

static void test_mounts(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT(MOUNTS_ARENA_MAX);
    struct diskinfo info;
    static const char text[] =
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "23 22 0:5 / /proc rw - proc proc rw\n"
        "24 22 8:2 / /with\\040blank rw - xfs /dev/sdb1 rw\n"
        "25 22 8:1 /sub /bind rw - ext4 /dev/sda1 rw\n"
        "26 22 0:40 / /nfs rw - nfs4 server:/x rw\n"
        "27 22 8:3 / /with\\040blank rw master:2 propagate_from:1 - ext4 /dev/sdc rw\n"
        "garbage\n\n28 22 8:9\n";
    assert_int_equal(mounts_parse(text, &a, &info), 0);
    assert_int_equal(info.count, 2);
    assert_string_equal(info.disks[0].name, "/");
    assert_string_equal(info.disks[0].fstype, "ext4");
    assert_string_equal(info.disks[1].name, "/with blank");
    assert_int_equal(mounts_collect(&a, &info), 0);
    for (uint32_t i = 0; i < info.count; i++)
        assert_true(info.disks[i].size >= info.disks[i].free);
    arena_free(&a);
}

static void test_routes(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT(NETINFO_ARENA_MAX);
    struct nicinfo info = {.version = 3};
    const char *nics[] = {"eth0", "eth1"};
    char text[NICINFO_TEXT_MAX];
    static const char r4[] =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth1\t00000000\t0202000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
        "eth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
        "eth0\tnothex\n";
    static const char r6[] =
        "fe800000000000000000000000000000 40 00000000000000000000000000000000 00 "
        "00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0\n"
        "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
        "fe800000000000000000000000000002 00000400 00000001 00000000 00000003     eth0\n"
        "fe80000000000000505400fffe123456 80 00000000000000000000000000000000 00 "
        "00000000000000000000000000000000 00000000 00000001 00000000 80200001     eth0\n"
        "short 40 x 00 y 0 0 0 1 eth0\n";
    assert_int_equal(netinfo_routes4(r4, nics, 2, &a, &info), 0);
    assert_int_equal(info.route_count, 2);
    assert_int_equal(info.routes[0].nic, 1);
    assert_int_equal(info.routes[0].metric, 100);
    assert_int_equal(nicinfo_address_text(info.routes[0].next_hop, text), 0);
    assert_string_equal(text, "10.0.2.2");
    assert_int_equal(info.routes[1].prefix, 24);
    assert_null(info.routes[1].next_hop);
    assert_int_equal(nicinfo_address_text(&info.routes[1].destination, text), 0);
    assert_string_equal(text, "10.0.2.0");
    assert_int_equal(netinfo_routes6(r6, nics, 2, &a, &info), 0);
    assert_int_equal(info.route_count, 4);
    assert_int_equal(info.routes[2].prefix, 64);
    assert_int_equal(info.routes[2].metric, 0x100);
    assert_int_equal(nicinfo_address_text(info.routes[3].next_hop, text), 0);
    assert_string_equal(text, "fe80::2");
    /* Never more than the protocol takes. */
    for (unsigned i = 0; i < 60; i++)
        assert_int_equal(netinfo_routes4(r4, nics, 2, &a, &info), 0);
    assert_int_equal(info.route_count, NICINFO_ROUTES_MAX);
    arena_free(&a);
}

static void test_resolv(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT(NETINFO_ARENA_MAX);
    struct nicinfo info = {.version = 3};
    assert_int_equal(netinfo_resolv("# x\nsearch old\nsearch example.org  lab\n"
                                    "nameserver 10.0.2.3\nnameserver fe80::1\nnameserver bad\n"
                                    "options a\nnameserver\n",
                                    "guest", &a, &info),
                     0);
    assert_non_null(info.config.dns);
    assert_string_equal(info.config.dns->host, "guest");
    assert_string_equal(info.config.dns->domain, "example.org");
    assert_int_equal(info.config.dns->suffix_count, 2);
    assert_string_equal(info.config.dns->suffixes[1], "lab");
    assert_int_equal(info.config.dns->server_count, 2);
    assert_int_equal(info.config.dns->servers[1].len, 16);
    arena_free(&a);
}

/* Whatever this machine has can be sent. */
static void test_collect(void **state)
{
    (void)state;
    struct arena a = ARENA_INIT(NETINFO_ARENA_MAX);
    struct buf b = BUF_INIT(1024 * 1024);
    struct nicinfo info, back;
    struct osinfo os;
    osinfo_collect(&os);
    assert_true(strlen(os.short_name) > 0);
    assert_int_equal(netinfo_collect(NULL, os.host_name, &a, &info), 0);
    assert_int_equal(nicinfo_encode(&b, &info), 0);
    assert_int_equal(nicinfo_decode(b.data, b.len, &a, &back), 0);
    assert_int_equal(back.nic_count, info.nic_count);
    buf_free(&b);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conf),   cmocka_unit_test(test_conf_limits),
        cmocka_unit_test(test_osinfo), cmocka_unit_test(test_osinfo_long),
        cmocka_unit_test(test_mounts), cmocka_unit_test(test_routes),
        cmocka_unit_test(test_resolv), cmocka_unit_test(test_collect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
