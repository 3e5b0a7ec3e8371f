/* What goes on the wire towards a client, to the byte where clients are picky. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/soap.h"
#include "api/vim_methods.h"
#include "base/mem.h"

#define ARENA_MAX (16u << 20)
#define BUF_MAX   (1u << 20)

struct fixture {
    struct arena arena;
    struct buf buf;
};

static int setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof(*f));

    f->arena = ARENA_INIT(ARENA_MAX);
    f->buf = BUF_INIT(BUF_MAX);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_free(&f->arena);
    buf_free(&f->buf);
    mem_free(f);
    return 0;
}

static void contains(const struct fixture *f, const char *text)
{
    if (!strstr(buf_text(&f->buf), text))
        fail_msg("%s\nis not in\n%s", text, buf_text(&f->buf));
}

static void lacks(const struct fixture *f, const char *text)
{
    if (strstr(buf_text(&f->buf), text))
        fail_msg("%s\nis in\n%s", text, buf_text(&f->buf));
}

static void respond(struct fixture *f, const struct vim_method *m, const void *result,
                    const char *version)
{
    buf_clear(&f->buf);
    assert_int_equal(soap_encode_response(&f->buf, m, result, vim_version_find(version)), 0);
}

/* A boxed value as the answer to Fetch. */
static void fetched(struct fixture *f, struct vim_any *any, const char *version)
{
    struct vim_Fetch_result result = {.value = any};

    respond(f, &vim_method_Fetch, &result, version);
}

static void test_envelope(void **state)
{
    struct fixture *f = *state;
    struct vim_CreateTemporaryFileInGuest_result result = {.value = "/var/tmp/govmomi-4f2a"};

    respond(f, &vim_method_CreateTemporaryFileInGuest, &result, "8.0.3.0");
    assert_string_equal(
        buf_text(&f->buf),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<soapenv:Envelope xmlns:soapenc=\"http://schemas.xmlsoap.org/soap/encoding/\""
        " xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\""
        " xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\""
        " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n"
        "<soapenv:Body>\n"
        "<CreateTemporaryFileInGuestResponse xmlns=\"urn:vim25\">"
        "<returnval>/var/tmp/govmomi-4f2a</returnval></CreateTemporaryFileInGuestResponse>\n"
        "</soapenv:Body>\n</soapenv:Envelope>\n");
}

static void test_void_absent_and_array_results(void **state)
{
    struct fixture *f = *state;
    struct vim_Logout_result nothing = {0};
    const char *strings[] = {"A=1", "B="};
    struct vim_ReadEnvironmentVariableInGuest_result array = {.value = {2, strings}};
    struct vim_Fetch_result absent = {0};
    struct vim_HasPrivilegeOnEntity_result booleans;
    bool values[] = {true, false};

    respond(f, &vim_method_Logout, &nothing, "8.0.3.0");
    contains(f, "<LogoutResponse xmlns=\"urn:vim25\"></LogoutResponse>");
    respond(f, &vim_method_Fetch, &absent, "8.0.3.0");
    contains(f, "<FetchResponse xmlns=\"urn:vim25\"></FetchResponse>");
    respond(f, &vim_method_ReadEnvironmentVariableInGuest, &array, "8.0.3.0");
    contains(f, "><returnval>A=1</returnval><returnval>B=</returnval></Read");
    booleans.value.count = 2;
    booleans.value.items = values;
    respond(f, &vim_method_HasPrivilegeOnEntity, &booleans, "8.0.3.0");
    contains(f, "><returnval>true</returnval><returnval>false</returnval></Has");
}

static void test_boxed_forms(void **state)
{
    struct fixture *f = *state;
    struct arena *a = &f->arena;
    struct vim_ref refs[] = {{"Folder", "f-1"}, {"VirtualMachine", "vm-2"}};
    const char *strings[] = {"a", "b"};
    int32_t ints[] = {4, -5};
    struct vim_GuestInfo *guest = VIM_NEW(a, GuestInfo);

    guest->guestState = "running";
    fetched(f, vim_any_string(a, "a"), "8.0.3.0");
    contains(f, "<returnval xsi:type=\"xsd:string\">a</returnval>");
    fetched(f, vim_any_int(a, INT32_MIN), "8.0.3.0");
    contains(f, "<returnval xsi:type=\"xsd:int\">-2147483648</returnval>");
    fetched(f, vim_any_long(a, INT64_MIN), "8.0.3.0");
    contains(f, "<returnval xsi:type=\"xsd:long\">-9223372036854775808</returnval>");
    fetched(f, vim_any_boolean(a, true), "8.0.3.0");
    contains(f, "<returnval xsi:type=\"xsd:boolean\">true</returnval>");
    fetched(f, vim_any_datetime(a, INT64_C(1715940611123456)), "8.0.3.0");
    contains(f, "<returnval xsi:type=\"xsd:dateTime\">2024-05-17T10:10:11.123456Z</returnval>");
    fetched(f, vim_any_ref(a, refs[1]), "8.0.3.0");
    contains(f, "<returnval type=\"VirtualMachine\" xsi:type=\"ManagedObjectReference\">vm-2<");
    fetched(f, vim_any_object(a, guest), "8.0.3.0");
    contains(f, "<returnval xsi:type=\"GuestInfo\"><guestState>running</guestState></returnval>");
    fetched(f, VIM_ANY_ENUM(a, VirtualMachinePowerState, VIM_VirtualMachinePowerState_poweredOn),
            "8.0.3.0");
    contains(f, "<returnval xsi:type=\"VirtualMachinePowerState\">poweredOn</returnval>");
    fetched(f, vim_any_array(a, &vim_type_string, 2, strings), "8.0.3.0");
    contains(f, "<returnval xsi:type=\"ArrayOfString\"><string>a</string><string>b</string><");
    fetched(f, vim_any_array(a, &vim_type_typeName, 2, strings), "8.0.3.0");
    contains(f, "<returnval xsi:type=\"ArrayOfString\"><string>a</string><string>b</string><");
    fetched(f, vim_any_array(a, &vim_type_int, 2, ints), "8.0.3.0");
    contains(f, "<returnval xsi:type=\"ArrayOfInt\"><int>4</int><int>-5</int></returnval>");
    fetched(f, vim_any_array(a, &vim_type_ref, 2, refs), "8.0.3.0");
    contains(f, "<returnval xsi:type=\"ArrayOfManagedObjectReference\"><ManagedObjectReference "
                "type=\"Folder\">f-1</ManagedObjectReference>");
    fetched(f, vim_any_array(a, &vim_type_GuestInfo, 1, &guest), "8.0.3.0");
    contains(f, "<returnval xsi:type=\"ArrayOfGuestInfo\"><GuestInfo><guestState>running<");
    fetched(f, vim_any_array(a, &vim_type_GuestNicInfo, 0, NULL), "8.0.3.0");
    contains(f, "<returnval xsi:type=\"ArrayOfGuestNicInfo\"></returnval>");
}

static void test_derived_types_and_required_fields(void **state)
{
    struct fixture *f = *state;
    struct arena *a = &f->arena;
    struct vim_VirtualDevice *devices[2];
    struct vim_VirtualHardware *hardware = VIM_NEW(a, VirtualHardware);
    struct vim_VirtualDisk *disk = VIM_NEW(a, VirtualDisk);
    struct vim_GuestOsDescriptor *os = VIM_NEW(a, GuestOsDescriptor);

    disk->key = 2000;
    devices[0] = (struct vim_VirtualDevice *)disk;
    devices[1] = VIM_NEW(a, VirtualDevice);
    hardware->device.count = 2;
    hardware->device.items = devices;
    fetched(f, vim_any_object(a, hardware), "8.0.3.0");
    contains(f, "<numCPU>0</numCPU><memoryMB>0</memoryMB><device xsi:type=\"VirtualDisk\">"
                "<key>2000</key><capacityInKB>0</capacityInKB></device><device><key>0</key>");
    /* a required string is at least empty, an enumeration without value never sent */
    fetched(f, vim_any_object(a, os), "8.0.3.0");
    contains(f, "<id></id><family></family>");
    fetched(f, vim_any_object(a, VIM_NEW(a, VirtualMachineRuntimeInfo)), "8.0.3.0");
    lacks(f, "powerState");
    contains(f, "<toolsInstallerMounted>false</toolsInstallerMounted>");
}

static void test_version_filter(void **state)
{
    struct fixture *f = *state;
    struct arena *a = &f->arena;
    struct vim_GuestInfo *guest = VIM_NEW(a, GuestInfo);
    struct vim_VirtualVmxnet3 *nic = VIM_NEW(a, VirtualVmxnet3);
    struct vim_VirtualHardware *hardware = VIM_NEW(a, VirtualHardware);
    struct vim_VirtualDevice *device = (struct vim_VirtualDevice *)nic;
    struct vim_ref ref = {"TaskHistoryCollector", "c-1"};
    struct vim_ref pod = {"StoragePod", "p-1"};

    guest->guestState = "running";
    guest->toolsStatus = VIM_VirtualMachineToolsStatus_toolsOk;
    guest->has_guestOperationsReady = true;
    guest->guestOperationsReady = true;
    guest->hwVersion = "vmx-21";
    guest->guestDetailedData = "x";
    fetched(f, vim_any_object(a, guest), "urn:vim25/8.0.3.0");
    contains(f, "<guestDetailedData>x</guestDetailedData><guestState>");
    contains(f, "<hwVersion>vmx-21</hwVersion>");
    fetched(f, vim_any_object(a, guest), "\"urn:vim25/8.0.1.0\"");
    lacks(f, "guestDetailedData");
    contains(f, "<hwVersion>");
    fetched(f, vim_any_object(a, guest), "\"urn:vim25/6.7\"");
    lacks(f, "hwVersion");
    contains(f, "<guestOperationsReady>true</guestOperationsReady>");
    fetched(f, vim_any_object(a, guest), "urn:vim25/4.1");
    lacks(f, "guestOperationsReady");
    contains(f, "<toolsStatus>toolsOk</toolsStatus><guestState>running</guestState></returnval>");

    /* a derived type that is too new is sent as the base that the client knows */
    nic->key = 4000;
    hardware->device.count = 1;
    hardware->device.items = &device;
    fetched(f, vim_any_object(a, hardware), "4.0");
    contains(f, "<device xsi:type=\"VirtualVmxnet3\"><key>4000</key>");
    fetched(f, vim_any_object(a, hardware), "2.5");
    contains(f, "<device xsi:type=\"VirtualVmxnet\"><key>4000</key>");
    /* and so are references */
    fetched(f, vim_any_ref(a, pod), "5.0");
    contains(f, "type=\"StoragePod\"");
    fetched(f, vim_any_ref(a, pod), "4.1");
    contains(f, "type=\"Folder\"");
    fetched(f, vim_any_ref(a, ref), "2.0");
    contains(f, "type=\"TaskHistoryCollector\"");
    /* a boxed type without a known base is not sent at all */
    fetched(f, vim_any_object(a, VIM_NEW(a, GuestAliases)), "5.5");
    contains(f, "<FetchResponse xmlns=\"urn:vim25\"></FetchResponse>");
    fetched(f, vim_any_object(a, VIM_NEW(a, GuestAliases)), "6.0");
    contains(f, "<returnval xsi:type=\"GuestAliases\">");
}

static void test_new_method_for_old_client(void **state)
{
    struct fixture *f = *state;
    struct vim_StartProgramInGuest_result result = {.value = 42};

    respond(f, &vim_method_StartProgramInGuest, &result, "2.5");
    contains(f, "<returnval>42</returnval>");
}

static void test_fault_form(void **state)
{
    struct fixture *f = *state;
    struct vim_FileNotFound *missing = VIM_NEW(&f->arena, FileNotFound);
    struct soap_fault fault = {.text = "File /no/such was not found", .detail = &missing->base};

    missing->file = "/no/such";
    assert_int_equal(soap_encode_fault(&f->buf, &fault, VIM_VERSION_8_0_3_0), 0);
    contains(f, "<soapenv:Body>\n<soapenv:Fault><faultcode>ServerFaultCode</faultcode>"
                "<faultstring>File /no/such was not found</faultstring>"
                "<detail><FileNotFoundFault xmlns=\"urn:vim25\" xsi:type=\"FileNotFound\">"
                "<file>/no/such</file></FileNotFoundFault></detail></soapenv:Fault>");

    /* a fault that the client does not know becomes its nearest base */
    buf_clear(&f->buf);
    fault.detail = &VIM_NEW(&f->arena, GuestMultipleMappings)->base;
    assert_int_equal(soap_encode_fault(&f->buf, &fault, VIM_VERSION_5_5), 0);
    contains(f, "<GuestOperationsFaultFault xmlns=\"urn:vim25\" "
                "xsi:type=\"GuestOperationsFault\"></GuestOperationsFaultFault>");

    /* the text is never empty */
    buf_clear(&f->buf);
    fault.text = "";
    fault.client = true;
    assert_int_equal(soap_encode_fault(&f->buf, &fault, VIM_VERSION_8_0_3_0), 0);
    contains(f, "<faultcode>ClientFaultCode</faultcode><faultstring>GuestMultipleMappings<");
    buf_clear(&f->buf);
    fault.detail = NULL;
    fault.text = NULL;
    assert_int_equal(soap_encode_fault(&f->buf, &fault, VIM_VERSION_8_0_3_0), 0);
    lacks(f, "<detail>");
    lacks(f, "<faultstring><");
}

static void test_fault_in_data(void **state)
{
    struct fixture *f = *state;
    struct vim_LocalizedMethodFault *error = VIM_NEW(&f->arena, LocalizedMethodFault);
    struct vim_InvalidPowerState *state_fault = VIM_NEW(&f->arena, InvalidPowerState);

    state_fault->requestedState = VIM_VirtualMachinePowerState_poweredOn;
    state_fault->existingState = VIM_VirtualMachinePowerState_poweredOn;
    error->fault = (struct vim_MethodFault *)state_fault;
    error->localizedMessage = "no";
    fetched(f, vim_any_object(&f->arena, error), "8.0.3.0");
    contains(f, "<fault xsi:type=\"InvalidPowerState\"><requestedState>poweredOn</requestedState>"
                "<existingState>poweredOn</existingState></fault>"
                "<localizedMessage>no</localizedMessage>");
}

/* Whatever the strings hold, the document can be parsed. */
static void test_hostile_strings(void **state)
{
    static const char *const strings[][2] = {
        {"<a>&\"'", "<returnval>&lt;a&gt;&amp;&quot;'</returnval>"},
        {"\x01\x1f\x7f", "<returnval>\xef\xbf\xbd\xef\xbf\xbd\x7f</returnval>"},
        {"a\rb\nc\td", "<returnval>a&#xD;b\nc\td</returnval>"},
        {"\xff\xc3", "<returnval>\xef\xbf\xbd\xef\xbf\xbd</returnval>"},
        {"\xed\xa0\x80", "<returnval>\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd</returnval>"},
        {"\xef\xbf\xbf", "<returnval>\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd</returnval>"},
        {"\xc0\x80", "<returnval>\xef\xbf\xbd\xef\xbf\xbd</returnval>"},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe2\x82\xac\xf0\x9f\x98\x80", "<returnval>\xe2\x82\xac\xf0\x9f\x98\x80</returnval>"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
        struct vim_CreateTemporaryFileInGuest_result result = {.value = strings[i][0]};
        struct soap_fault fault;
        void *back;

        respond(f, &vim_method_CreateTemporaryFileInGuest, &result, "8.0.3.0");
        contains(f, strings[i][1]);
        assert_int_equal(soap_decode_response(f->buf.data, f->buf.len, &SOAP_LIMITS_DEFAULT,
                                              &vim_method_CreateTemporaryFileInGuest, &f->arena,
                                              &back, &fault, NULL),
                         0);
    }
}

static void test_too_deep(void **state)
{
    struct fixture *f = *state;
    struct vim_LocalizedMethodFault *top = NULL;
    struct vim_Fetch_result result;

    for (int i = 0; i < 200; i++) {
        struct vim_LocalizedMethodFault *l = VIM_NEW(&f->arena, LocalizedMethodFault);

        l->fault = VIM_NEW(&f->arena, MethodFault);
        l->fault->faultCause = top;
        top = l;
    }
    result.value = vim_any_object(&f->arena, top);
    assert_int_equal(soap_encode_response(&f->buf, &vim_method_Fetch, &result, VIM_VERSION_8_0_3_0),
                     -ELOOP);
    assert_null(vim_copy(&f->arena, top));
}

static void test_buffer_limit(void **state)
{
    struct fixture *f = *state;
    struct vim_Fetch_result result = {.value = vim_any_string(&f->arena, "text")};
    size_t len;

    respond(f, &vim_method_Fetch, &result, "8.0.3.0");
    len = f->buf.len;
    for (int around = -1; around <= 1; around++) {
        struct buf small = BUF_INIT(len + (size_t)around);

        assert_int_equal(
            soap_encode_response(&small, &vim_method_Fetch, &result, VIM_VERSION_8_0_3_0),
            around < 0 ? -ENOBUFS : 0);
        buf_free(&small);
    }
}

static int answer(struct fixture *f, const char *inside, struct soap_fault *fault, void **ret)
{
    buf_clear(&f->buf);
    buf_printf(&f->buf,
               "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\" "
               "xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"><e:Body>%s</e:Body>"
               "</e:Envelope>",
               inside);
    return soap_decode_response(f->buf.data, f->buf.len, &SOAP_LIMITS_DEFAULT, &vim_method_Fetch,
                                &f->arena, ret, fault, NULL);
}

static void test_answers_from_other_servers(void **state)
{
    struct fixture *f = *state;
    struct soap_fault fault = {0};
    void *result = NULL;

    assert_int_equal(answer(f, "<LoginResponse/>", &fault, &result), -EBADMSG);
    assert_int_equal(answer(f, "", &fault, &result), -EBADMSG);
    assert_null(result);
    assert_int_equal(answer(f, "<e:Fault><faultstring>no</faultstring></e:Fault>", &fault, &result),
                     -EREMOTEIO);
    assert_string_equal(fault.text, "no");
    assert_null(fault.detail);
    /* by the element's name, and unknown ones as the base of all */
    assert_int_equal(
        answer(f, "<e:Fault><detail><InvalidLoginFault/></detail></e:Fault>", &fault, &result),
        -EREMOTEIO);
    assert_ptr_equal(fault.detail->type, &vim_type_InvalidLogin);
    assert_int_equal(
        answer(f, "<e:Fault><detail><x i:type=\"New\"/></detail></e:Fault>", &fault, &result),
        -EREMOTEIO);
    assert_ptr_equal(fault.detail->type, &vim_type_MethodFault);
    /* a newer server's fields, types and values are no error */
    assert_int_equal(answer(f,
                            "<FetchResponse><returnval i:type=\"GuestInfo\"><brandNew><x/>"
                            "</brandNew><toolsStatus>toolsFuture</toolsStatus></returnval>"
                            "</FetchResponse>",
                            &fault, &result),
                     0);
    assert_int_equal(
        VIM_CAST(((struct vim_Fetch_result *)result)->value->v.object, GuestInfo)->toolsStatus, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_envelope),        TEST(test_void_absent_and_array_results),
        TEST(test_boxed_forms),     TEST(test_derived_types_and_required_fields),
        TEST(test_version_filter),  TEST(test_new_method_for_old_client),
        TEST(test_fault_form),      TEST(test_fault_in_data),
        TEST(test_hostile_strings), TEST(test_too_deep),
        TEST(test_buffer_limit),    TEST(test_answers_from_other_servers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
