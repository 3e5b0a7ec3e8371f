/* The descriptors, releases, scalar texts and helpers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/vim_methods.h"
#include "api/vim_name.h"
#include "api/vim_text.h"
#include "base/mem.h"

static void test_every_descriptor_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < vim_type_count; i++)
        assert_ptr_equal(vim_type_find(vim_types[i]->name), vim_types[i]);
    for (size_t i = 0; i < vim_method_count; i++)
        assert_ptr_equal(vim_method_find(vim_methods[i]->name), vim_methods[i]);
    for (size_t i = 0; i < vim_mo_type_count; i++)
        assert_ptr_equal(vim_mo_type_find(vim_mo_types[i]->name), vim_mo_types[i]);
    assert_null(vim_type_find("NoSuchType"));
    assert_null(vim_type_find(""));
    assert_null(vim_method_find("login"));
    assert_null(vim_mo_type_find("Zzz"));
}

static void test_inheritance(void **state)
{
    (void)state;
    assert_true(vim_mo_name_is_a("ClusterComputeResource", "ManagedEntity"));
    assert_true(vim_mo_name_is_a("VirtualMachine", "VirtualMachine"));
    assert_false(vim_mo_name_is_a("ManagedEntity", "VirtualMachine"));
    assert_false(vim_mo_name_is_a("Nothing", "ManagedEntity"));
    assert_true(vim_type_is_a(&vim_type_FileNotFound, &vim_type_MethodFault));
    assert_null(VIM_CAST(NULL, FileNotFound));
    /* inherited fields come first, so a derived struct begins like its base */
    assert_string_equal(vim_type_FileNotFound.fields[0].name, "faultCause");
    for (size_t i = 0; i < vim_type_count; i++) {
        const struct vim_type *t = vim_types[i];

        for (size_t k = 0; t->base && k < t->base->field_count; k++) {
            assert_string_equal(t->fields[k].name, t->base->fields[k].name);
            assert_int_equal(t->fields[k].offset, t->base->fields[k].offset);
            assert_int_equal(t->fields[k].has_offset, t->base->fields[k].has_offset);
        }
        assert_true(t->field_count <= 256);
    }
    assert_non_null(vim_property_find(&vim_mo_VirtualMachine, "name"));
    assert_string_equal(vim_property_find(&vim_mo_VirtualMachine, "guest")->privilege,
                        "System.Read");
    assert_string_equal(vim_property_find(&vim_mo_VirtualMachine, "name")->privilege,
                        "System.View");
    assert_null(vim_property_find(&vim_mo_VirtualMachine, "noSuch"));
}

static void test_method_facts(void **state)
{
    (void)state;
    assert_false(vim_method_Login.flags & VIM_METHOD_NEEDS_SESSION);
    assert_false(vim_method_RetrieveServiceContent.flags & VIM_METHOD_NEEDS_SESSION);
    assert_true(vim_method_CurrentTime.flags & VIM_METHOD_NEEDS_SESSION);
    assert_true(vim_method_PowerOnVM_Task.flags & VIM_METHOD_TASK);
    assert_ptr_equal(vim_method_PowerOnVM_Task.mo, &vim_mo_VirtualMachine);
    assert_string_equal(vim_method_PowerOnVM_Task.privilege, "VirtualMachine.Interact.PowerOn");
    assert_string_equal(vim_method_CreateVM_Task.task_result_mo, "VirtualMachine");
    assert_string_equal(vim_field_find(vim_method_StartProgramInGuest.request, "vm")->privilege,
                        "VirtualMachine.GuestOperations.Execute");
    assert_int_equal(vim_method_StartProgramInGuest.since, VIM_VERSION_5_0);
}

static void test_versions(void **state)
{
    static const struct {
        const char *text;
        const char *release;
    } cases[] = {
        {"urn:vim25/9.1.0.0", "9.1.0.0"},
        {"\"urn:vim25/8.0.2.0\"", "8.0.2.0"},
        {"\"urn:vim25/6.7\"", "6.7"},
        {"urn:vim25/5.5", "5.5"},
        {"8.0.3.0", "8.0.3.0"},
        {"urn:vim25/12.0", "9.1.0.0"},
        {"urn:vim25/9.1.0.1", "9.1.0.0"},
        {"urn:vim25/8.0.2.5", "8.0.2.0"},
        {"urn:vim25/7.5", "7.0.3.2"},
        {"urn:vim25/6.7.2", "6.7.2"},
        {"urn:vim25/2.5u2", "2.5u2"},
        {"urn:vim25/2.5u2server", "2.5u2server"},
        {"urn:vim25/2.5u9", "2.5u2server"},
        {"urn:vim25/2.5", "2.5"},
        {"urn:vim25/1.0", "2.0"},
        {"urn:vim25", "5.5"},
        {"urn:vim25/", "5.5"},
        {"\"\"", "5.5"},
        {"", "5.5"},
        {"urn:vim25/abc", "5.5"},
        {"urn:vim25/99999999999999999999999.0", "9.1.0.0"},
        {NULL, "5.5"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(vim_version_names[vim_version_find(cases[i].text)], cases[i].release);
    for (size_t i = 0; i < vim_version_count; i++)
        assert_int_equal(vim_version_find(vim_version_names[i]), i);
    assert_string_equal(vim_version_names[vim_version_advertised], "8.0.3.0");
}

static void time_is(const char *text, int64_t expected)
{
    int64_t us = -1;

    if (vim_time_parse(text, strlen(text), &us))
        fail_msg("%s is refused", text);
    assert_int_equal(us, expected);
}

static void test_time(void **state)
{
    static const char *const bad[] = {
        "",
        "2024",
        "2024-13-01T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-01-00T00:00:00Z",
        "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00Zx",
        "2024-01-01T25:00:00Z",
        "2024-01-01T00:61:00Z",
        "2024-01-01T00:00:00+1",
        "now",
        "2024-01-01T00:00:00+15:00",
        "-024-01-01T00:00:00Z",
    };
    char text[VIM_TEXT_MAX];
    int64_t us;

    (void)state;
    time_is("1970-01-01T00:00:00Z", 0);
    time_is("2026-11-21T08:03:50.669699446Z", INT64_C(1795248230669699));
    time_is("2024-02-29T12:00:00", INT64_C(1709208000000000));
    time_is("2024-02-29T12:00:00+02:00", INT64_C(1709200800000000));
    time_is("2024-02-29T12:00:00-02:30", INT64_C(1709217000000000));
    time_is("1969-12-31T23:59:59.5Z", -500000);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(vim_time_parse(bad[i], strlen(bad[i]), &us), -EINVAL);
    vim_time_format(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    vim_time_format(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
    vim_time_format(INT64_C(1709208000000000), text);
    assert_string_equal(text, "2024-02-29T12:00:00Z");
    vim_time_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999999Z");
    vim_time_format(INT64_MIN, text);
    assert_string_equal(text, "0001-01-01T00:00:00Z");
    /* all of four centuries, a day and a bit at a time */
    for (int64_t t = INT64_C(-8520336000000000); t < INT64_C(4102444800000000);
         t += INT64_C(86399000001)) {
        size_t n = vim_time_format(t, text);

        assert_int_equal(vim_time_parse(text, n, &us), 0);
        assert_int_equal(us, t);
    }
}

static int parse(const struct vim_type *type, const char *text, void *value)
{
    struct arena a = ARENA_INIT(1u << 16);
    int r = vim_text_parse(type, text, strlen(text), &a, value);

    arena_free(&a);
    return r;
}

static void test_numbers(void **state)
{
    int8_t b;
    int32_t i;
    int64_t l;
    bool flag;
    double d;
    int e;

    (void)state;
    assert_int_equal(parse(&vim_type_byte, "127", &b), 0);
    assert_int_equal(parse(&vim_type_byte, "-128", &b), 0);
    assert_int_equal(b, -128);
    assert_int_equal(parse(&vim_type_byte, "128", &b), -EINVAL);
    assert_int_equal(parse(&vim_type_byte, "-129", &b), -EINVAL);
    assert_int_equal(parse(&vim_type_int, " \n+2147483647\t", &i), 0);
    assert_int_equal(i, INT32_MAX);
    assert_int_equal(parse(&vim_type_int, "-2147483649", &i), -EINVAL);
    assert_int_equal(parse(&vim_type_int, "1 2", &i), -EINVAL);
    assert_int_equal(parse(&vim_type_int, "0x10", &i), -EINVAL);
    assert_int_equal(parse(&vim_type_int, "+", &i), -EINVAL);
    assert_int_equal(parse(&vim_type_int, "  ", &i), -ENODATA);
    assert_int_equal(parse(&vim_type_long, "-9223372036854775808", &l), 0);
    assert_true(l == INT64_MIN);
    assert_int_equal(parse(&vim_type_long, "9223372036854775808", &l), -EINVAL);
    assert_int_equal(parse(&vim_type_long, "99999999999999999999", &l), -EINVAL);
    assert_int_equal(parse(&vim_type_boolean, "1", &flag), 0);
    assert_true(flag);
    assert_int_equal(parse(&vim_type_boolean, "TRUE", &flag), -EINVAL);
    assert_int_equal(parse(&vim_type_double, "-1.5e3", &d), 0);
    assert_true(d == -1500.0);
    assert_int_equal(parse(&vim_type_double, "INF", &d), 0);
    assert_int_equal(parse(&vim_type_double, "0x1p3", &d), -EINVAL);
    assert_int_equal(parse(&vim_type_double, "1.2.3", &d), -EINVAL);
    assert_int_equal(parse(&vim_type_VirtualMachinePowerState, "poweredOn", &e), 0);
    assert_int_equal(e, VIM_VirtualMachinePowerState_poweredOn);
    assert_int_equal(parse(&vim_type_VirtualMachinePowerState, "poweredon", &e), -ENOENT);
}

static void test_base64(void **state)
{
    static const char *const bad[] = {"a", "ab=c", "a===", "!!!!", "abcd=", "ab==="};
    static const char *const texts[] = {"Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    struct arena a = ARENA_INIT(1u << 16);
    struct vim_binary bin;
    struct buf b = BUF_INIT(100);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        assert_int_equal(
            vim_text_parse(&vim_type_base64Binary, texts[i], strlen(texts[i]), &a, &bin), 0);
        assert_int_equal(bin.size, i + 1);
        assert_memory_equal(bin.data, "foobar", i + 1);
        buf_clear(&b);
        assert_int_equal(vim_text_put_base64(&b, bin.data, bin.size), 0);
        assert_string_equal(buf_text(&b), texts[i]);
    }
    assert_int_equal(vim_text_parse(&vim_type_base64Binary, " Zm 9v\n", 7, &a, &bin), 0);
    assert_int_equal(bin.size, 3);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(vim_text_parse(&vim_type_base64Binary, bad[i], strlen(bad[i]), &a, &bin),
                         -EINVAL);
    buf_free(&b);
    arena_free(&a);
}

static void test_array_names(void **state)
{
    char name[VIM_ARRAY_NAME_MAX];

    (void)state;
    assert_ptr_equal(vim_array_item_type("ArrayOfString"), &vim_type_string);
    assert_ptr_equal(vim_array_item_type("ArrayOfGuestNicInfo"), &vim_type_GuestNicInfo);
    assert_ptr_equal(vim_array_item_type("ArrayOfManagedObjectReference"), &vim_type_ref);
    assert_null(vim_array_item_type("ArrayOfstring"));
    assert_null(vim_array_item_type("ArrayOf"));
    assert_null(vim_array_item_type("GuestNicInfo"));
    for (size_t i = 0; i < vim_type_count; i++)
        if (vim_types[i]->kind != VIM_KIND_STRING)
            assert_ptr_equal(vim_array_item_type(vim_array_type_name(vim_types[i], name)),
                             vim_types[i]);
}

static void test_boxing_fields(void **state)
{
    struct arena a = ARENA_INIT(1u << 20);
    struct vim_VirtualHardware *h = VIM_NEW(&a, VirtualHardware);
    struct vim_VirtualDevice *disk = (struct vim_VirtualDevice *)VIM_NEW(&a, VirtualDisk);
    struct vim_OptionValue *option = VIM_NEW(&a, OptionValue);
    struct vim_any *any;

    (void)state;
    h->numCPU = 3;
    h->device.count = 1;
    h->device.items = &disk;
    any = vim_any_field(&a, vim_field_find(&vim_type_VirtualHardware, "numCPU"), h);
    assert_int_equal(any->v.int_, 3);
    assert_null(
        vim_any_field(&a, vim_field_find(&vim_type_VirtualHardware, "numCoresPerSocket"), h));
    any = vim_any_field(&a, vim_field_find(&vim_type_VirtualHardware, "device"), h);
    assert_true(any->is_array);
    assert_ptr_equal(any->type, &vim_type_VirtualDevice);
    assert_ptr_equal(((struct vim_VirtualDevice **)any->v.array.items)[0], disk);
    option->value = vim_any_int(&a, 1);
    assert_ptr_equal(vim_any_field(&a, vim_field_find(&vim_type_OptionValue, "value"), option),
                     option->value);
    disk->deviceInfo = VIM_NEW(&a, Description);
    any = vim_any_field(&a, vim_field_find(&vim_type_VirtualDevice, "deviceInfo"), disk);
    assert_ptr_equal(any->v.object, disk->deviceInfo);
    /* what is missing is found below the top */
    assert_string_equal(vim_missing_field(h->base.type, h, VIM_VERSION_8_0_3_0)->name, "label");
    arena_free(&a);
}

static void test_copies_fail_whole(void **state)
{
    struct arena a = ARENA_INIT(1u << 20);
    struct vim_GuestNicInfo *nic = VIM_NEW(&a, GuestNicInfo);
    const char *addresses[] = {"10.0.0.1", "fe80::1"};
    bool finished = false;

    (void)state;
    nic->network = "VM Network";
    nic->ipAddress.count = 2;
    nic->ipAddress.items = addresses;
    nic->dnsConfig = VIM_NEW(&a, NetDnsConfigInfo);
    nic->dnsConfig->hostName = "h";
    for (size_t max = 0; max < 4096 && !finished; max += 16) {
        struct arena small = ARENA_INIT(max);
        struct vim_GuestNicInfo *copy = VIM_COPY(&small, nic);

        if (copy) {
            finished = true;
            assert_true(vim_equal(copy, nic));
            copy->ipAddress.items[1] = "fe80::2";
            assert_false(vim_equal(copy, nic));
        }
        arena_free(&small);
    }
    assert_true(finished);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_descriptor_is_found),
        cmocka_unit_test(test_inheritance),
        cmocka_unit_test(test_method_facts),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_array_names),
        cmocka_unit_test(test_boxing_fields),
        cmocka_unit_test(test_copies_fail_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
