/* Requests as real clients send them, and what a decoder must make of bad ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/soap.h"
#include "api/vim_methods.h"
#include "base/mem.h"

#define ARENA_MAX (64u << 20)

#define GOVC_HEAD                                  \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" \
    "<Envelope xmlns=\"http://schemas.xmlsoap.org/soap/envelope/\"><Body>"
#define GOVC_TAIL "</Body></Envelope>"

#define PYVMOMI_HEAD                                                                \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                  \
    "<soapenv:Envelope xmlns:soapenc=\"http://schemas.xmlsoap.org/soap/encoding/\"" \
    " xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\""                  \
    " xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\""                               \
    " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n<soapenv:Body>"
#define PYVMOMI_TAIL "</soapenv:Body></soapenv:Envelope>"

#define AUTH                                                                       \
    "<auth xmlns:XMLSchema-instance=\"http://www.w3.org/2001/XMLSchema-instance\"" \
    " XMLSchema-instance:type=\"NamePasswordAuthentication\">"                     \
    "<interactiveSession>false</interactiveSession><username>root</username>"      \
    "<password>p&amp;w</password></auth>"

struct outcome {
    struct arena arena;
    int code;
    struct soap_request request;
    struct soap_fault fault;
    struct error err;
};

static void decode_with(struct outcome *o, const char *xml, const struct soap_limits *limits,
                        const char *action)
{
    memset(o, 0, sizeof(*o));
    o->arena = ARENA_INIT(ARENA_MAX);
    o->code = soap_decode_request(xml, strlen(xml), limits, vim_version_find(action), &o->arena,
                                  &o->request, &o->fault, &o->err);
}

static void decode(struct outcome *o, const char *xml)
{
    decode_with(o, xml, &SOAP_LIMITS_DEFAULT, "urn:vim25/8.0.3.0");
}

static void decode_ok(struct outcome *o, const char *xml)
{
    decode(o, xml);
    if (o->code)
        fail_msg("%s", o->err.text);
}

/* The request must be refused with a fault of exactly this type. */
static void refused(const char *xml, const struct vim_type *fault)
{
    struct outcome o;

    decode(&o, xml);
    assert_int_equal(o.code, -EBADMSG);
    assert_non_null(o.fault.detail);
    assert_string_equal(o.fault.detail->type->name, fault->name);
    assert_true(o.fault.text && *o.fault.text);
    assert_true(*o.err.text);
    arena_free(&o.arena);
}

static void test_govc_create_temporary_file(void **state)
{
    const struct vim_CreateTemporaryFileInGuest_request *req;
    const struct vim_NamePasswordAuthentication *auth;
    struct outcome o;

    (void)state;
    decode_ok(&o, GOVC_HEAD "<CreateTemporaryFileInGuest xmlns=\"urn:vim25\">"
                            "<_this type=\"GuestFileManager\">guestOperationsFileManager</_this>"
                            "<vm type=\"VirtualMachine\">vm-29</vm>" AUTH
                            "<prefix>govmomi-</prefix><suffix></suffix>"
                            "</CreateTemporaryFileInGuest>" GOVC_TAIL);
    assert_ptr_equal(o.request.method, &vim_method_CreateTemporaryFileInGuest);
    assert_string_equal(o.request.self.value, "guestOperationsFileManager");
    assert_string_equal(o.request.self.type, "GuestFileManager");
    req = o.request.args;
    assert_string_equal(req->vm.value, "vm-29");
    assert_string_equal(req->vm.type, "VirtualMachine");
    auth = VIM_CAST(req->auth, NamePasswordAuthentication);
    assert_non_null(auth);
    assert_false(auth->interactiveSession);
    assert_string_equal(auth->username, "root");
    assert_string_equal(auth->password, "p&w");
    assert_string_equal(req->prefix, "govmomi-");
    assert_string_equal(req->suffix, "");
    assert_null(req->directoryPath);
    arena_free(&o.arena);
}

static void test_pyvmomi_fetch(void **state)
{
    const struct vim_Fetch_request *req;
    struct outcome o;

    (void)state;
    decode_ok(
        &o, PYVMOMI_HEAD
        "<Fetch xmlns=\"urn:vim25\"><_this versionId=\"8.0.2.0\" type=\"VirtualMachine\">vm-29"
        "</_this><prop versionId=\"8.0.2.0\">name</prop></Fetch>" PYVMOMI_TAIL);
    assert_ptr_equal(o.request.method, &vim_method_Fetch);
    assert_true(o.request.method->flags & VIM_METHOD_HIDDEN);
    req = o.request.args;
    assert_string_equal(req->this_.value, "vm-29");
    assert_string_equal(req->prop, "name");
    arena_free(&o.arena);
}

static void test_jaxws_prefixes_and_header(void **state)
{
    const struct vim_Login_request *req;
    struct outcome o;

    (void)state;
    decode_ok(&o, "<S:Envelope xmlns:S=\"http://schemas.xmlsoap.org/soap/envelope/\"><S:Header>"
                  "<ns2:vcSessionCookie xmlns:ns2=\"urn:vim25\">abc</ns2:vcSessionCookie>"
                  "<operationID S:mustUnderstand=\"1\">op-7</operationID><other><x>1</x></other>"
                  "</S:Header><S:Body><ns2:Login xmlns:ns2=\"urn:vim25\">"
                  "<ns2:_this>ha-sessionmgr</ns2:_this><ns2:password>&lt;&#x41;</ns2:password>"
                  "<ns2:extra><deep/></ns2:extra><ns2:userName>root</ns2:userName>"
                  "</ns2:Login></S:Body></S:Envelope>");
    assert_string_equal(o.request.vc_session_cookie, "abc");
    assert_string_equal(o.request.operation_id, "op-7");
    req = o.request.args;
    assert_string_equal(req->password, "<A");
    assert_string_equal(req->userName, "root");
    assert_null(req->locale);
    assert_string_equal(req->this_.type, "ManagedObject");
    arena_free(&o.arena);
}

static void test_property_collector_shape(void **state)
{
    const struct vim_RetrievePropertiesEx_request *req;
    const struct vim_TraversalSpec *traversal;
    struct outcome o;

    (void)state;
    decode_ok(
        &o, PYVMOMI_HEAD
        "<RetrievePropertiesEx xmlns=\"urn:vim25\"><_this type=\"PropertyCollector\">pc</_this>"
        "<specSet><propSet><type>VirtualMachine</type><all>0</all><pathSet>name</pathSet>"
        "<pathSet>guest.ipAddress</pathSet></propSet><propSet><type>Folder</type></propSet>"
        "<objectSet><obj type=\"Folder\">group-d1</obj><skip> 1 </skip>"
        "<selectSet xsi:type=\"ns1:TraversalSpec\"><name>t</name><type>Folder</type>"
        "<path>childEntity</path><selectSet><name>t</name></selectSet></selectSet>"
        "</objectSet></specSet><options><maxObjects> +10 </maxObjects></options>"
        "</RetrievePropertiesEx>" PYVMOMI_TAIL);
    req = o.request.args;
    assert_int_equal(req->specSet.count, 1);
    assert_int_equal(req->specSet.items[0]->propSet.count, 2);
    assert_int_equal(req->specSet.items[0]->propSet.items[0]->pathSet.count, 2);
    assert_string_equal(req->specSet.items[0]->propSet.items[0]->pathSet.items[1],
                        "guest.ipAddress");
    assert_true(req->specSet.items[0]->propSet.items[0]->has_all);
    assert_false(req->specSet.items[0]->propSet.items[0]->all);
    assert_true(req->specSet.items[0]->objectSet.items[0]->skip);
    traversal =
        VIM_CAST(req->specSet.items[0]->objectSet.items[0]->selectSet.items[0], TraversalSpec);
    assert_non_null(traversal);
    assert_string_equal(traversal->path, "childEntity");
    assert_null(VIM_CAST(traversal->selectSet.items[0], TraversalSpec));
    assert_string_equal(traversal->selectSet.items[0]->name, "t");
    assert_true(req->options->has_maxObjects);
    assert_int_equal(req->options->maxObjects, 10);
    arena_free(&o.arena);
}

static void test_reconfigure_with_boxed_values(void **state)
{
    const struct vim_ReconfigVM_Task_request *req;
    const struct vim_array_OptionValue *extra;
    struct outcome o;

    (void)state;
    decode_ok(
        &o, PYVMOMI_HEAD
        "<ReconfigVM_Task xmlns=\"urn:vim25\"><_this type=\"VirtualMachine\">1</_this><spec>"
        "<numCPUs>2</numCPUs><memoryMB></memoryMB>"
        "<deviceChange><operation>add</operation><device xsi:type=\"VirtualDisk\"><key>-1</key>"
        "<backing xsi:type=\"VirtualDiskFlatVer2BackingInfo\"><fileName>[ds] a</fileName>"
        "<diskMode>persistent</diskMode></backing><capacityInKB>1024</capacityInKB></device>"
        "</deviceChange>"
        "<extraConfig><key>guestinfo.a</key><value xsi:type=\"xsd:string\">b</value></extraConfig>"
        "<extraConfig><key>i</key><value xsi:type=\"xsd:int\">-3</value></extraConfig>"
        "<extraConfig><key>a</key><value xsi:type=\"ArrayOfString\"><string>x</string><string/>"
        "</value></extraConfig>"
        "<extraConfig><key>r</key><value xsi:type=\"ManagedObjectReference\""
        " type=\"Datastore\">ds-1</value></extraConfig>"
        "<vAppConfig xsi:type=\"VmConfigSpec\"><product/></vAppConfig>"
        "<latencySensitivity/></spec></ReconfigVM_Task>" PYVMOMI_TAIL);
    req = o.request.args;
    assert_true(req->spec->has_numCPUs);
    assert_false(req->spec->has_memoryMB);
    extra = &req->spec->extraConfig;
    assert_int_equal(extra->count, 4);
    assert_string_equal(extra->items[0]->value->v.string, "b");
    assert_int_equal(extra->items[1]->value->v.int_, -3);
    assert_ptr_equal(extra->items[1]->value->type, &vim_type_int);
    assert_true(extra->items[2]->value->is_array);
    assert_int_equal(extra->items[2]->value->v.array.count, 2);
    assert_string_equal(((const char **)extra->items[2]->value->v.array.items)[1], "");
    assert_string_equal(extra->items[3]->value->v.ref.value, "ds-1");
    assert_string_equal(extra->items[3]->value->v.ref.type, "Datastore");
    assert_int_equal(VIM_CAST(req->spec->deviceChange.items[0]->device, VirtualDisk)->capacityInKB,
                     1024);
    assert_int_equal(req->spec->deviceChange.items[0]->operation,
                     VIM_VirtualDeviceConfigSpecOperation_add);
    assert_true(((const struct vim_opaque *)(const void *)req->spec->vAppConfig)->has_content);
    assert_false(
        ((const struct vim_opaque *)(const void *)req->spec->latencySensitivity)->has_content);
    arena_free(&o.arena);
}

static void test_forgiven_omissions(void **state)
{
    const struct vim_StartProgramInGuest_request *req;
    struct outcome o;

    (void)state;
    decode_ok(&o, PYVMOMI_HEAD "<StartProgramInGuest xmlns=\"urn:vim25\"><_this>pm</_this>"
                               "<vm>1</vm><auth xsi:type=\"NamePasswordAuthentication\">"
                               "<username>u</username><password/></auth>"
                               "<spec><programPath>/bin/true</programPath></spec>"
                               "</StartProgramInGuest>" PYVMOMI_TAIL);
    req = o.request.args;
    assert_false(req->auth->interactiveSession);
    assert_string_equal(VIM_CAST(req->auth, NamePasswordAuthentication)->password, "");
    assert_string_equal(req->spec->arguments, "");
    assert_string_equal(req->vm.type, "VirtualMachine");
    assert_null(req->spec->workingDirectory);
    arena_free(&o.arena);
}

#define CALL(method, inside) PYVMOMI_HEAD "<" method ">" inside "</" method ">" PYVMOMI_TAIL

static void test_bad_requests(void **state)
{
    struct outcome o;

    (void)state;
    /* a required parameter is missing, at two depths */
    refused(CALL("Login", "<_this>s</_this><userName>u</userName>"), &vim_type_InvalidRequest);
    refused(CALL("ReconfigVM_Task", "<_this>s</_this><spec><deviceChange/></spec>"),
            &vim_type_InvalidRequest);
    refused(CALL("CurrentTime", ""), &vim_type_InvalidRequest);
    refused(CALL("CurrentTime", "<_this></_this>"), &vim_type_InvalidRequest);
    /* wrong values */
    refused(CALL("SetScreenResolution", "<_this>1</_this><width>x</width><height>1</height>"),
            &vim_type_InvalidRequest);
    refused(
        CALL("SetScreenResolution", "<_this>1</_this><width>2147483648</width><height>1</height>"),
        &vim_type_InvalidRequest);
    refused(CALL("SetTaskState", "<_this>t</_this><state>Running</state>"),
            &vim_type_InvalidArgument);
    decode(&o, CALL("SetTaskState", "<_this>t</_this><state>Running</state>"));
    assert_string_equal(VIM_CAST(o.fault.detail, InvalidArgument)->invalidProperty, "state");
    arena_free(&o.arena);
    /* wrong types */
    refused(CALL("AddGuestAlias", "<_this>1</_this><vm>1</vm><auth><interactiveSession>0"
                                  "</interactiveSession></auth>"),
            &vim_type_InvalidRequest);
    refused(CALL("AddGuestAlias", "<_this>1</_this><vm>1</vm><auth xsi:type=\"GuestInfo\"/>"),
            &vim_type_InvalidType);
    refused(CALL("AddGuestAlias", "<_this>1</_this><vm>1</vm><auth xsi:type=\"NoSuch\"/>"),
            &vim_type_InvalidType);
    refused(CALL("AddGuestAlias", "<_this>1</_this><vm>1</vm><auth xsi:type=\"int\">1</auth>"),
            &vim_type_InvalidType);
    /* no method, two methods, an unknown one */
    refused(PYVMOMI_HEAD PYVMOMI_TAIL, &vim_type_InvalidRequest);
    refused(PYVMOMI_HEAD "<CurrentTime><_this>a</_this></CurrentTime><CurrentTime/>" PYVMOMI_TAIL,
            &vim_type_InvalidRequest);
    refused(CALL("NoSuchMethod", "<_this type=\"Folder\">f</_this><x><y/></x>"),
            &vim_type_MethodNotFound);
    refused(PYVMOMI_HEAD "<a:Login xmlns:a=\"urn:other\"/>" PYVMOMI_TAIL, &vim_type_MethodNotFound);
    decode(&o, CALL("NoSuchMethod", "<_this type=\"Folder\">f</_this>"));
    assert_string_equal(VIM_CAST(o.fault.detail, MethodNotFound)->receiver.value, "f");
    assert_string_equal(VIM_CAST(o.fault.detail, MethodNotFound)->method, "NoSuchMethod");
    arena_free(&o.arena);
    /* no envelope, no XML */
    refused("<Envelope/>", &vim_type_InvalidRequest);
    refused("<x:Envelope xmlns:x=\"http://www.w3.org/2003/05/soap-envelope\"/>",
            &vim_type_InvalidRequest);
    refused("", &vim_type_InvalidRequest);
    refused("{\"json\":1}", &vim_type_InvalidRequest);
    refused(CALL("CurrentTime", "<_this>a</_that>"), &vim_type_InvalidRequest);
    refused(CALL("Fetch", "<_this>a</_this><prop>\xc3\x28</prop>"), &vim_type_InvalidRequest);
    refused(CALL("Fetch", "<_this>a</_this><prop>&#0;</prop>"), &vim_type_InvalidRequest);
    refused(CALL("Fetch", "<_this>a</_this><prop>&unknown;</prop>"), &vim_type_InvalidRequest);
    refused(CALL("Fetch", "<q:_this>a</q:_this>"), &vim_type_InvalidRequest);
}

static void test_doctype(void **state)
{
    static const char *const documents[] = {
        "<!DOCTYPE x><Envelope/>",
        "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\">"
        "<!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]>"
        "<a>&c;</a>",
        "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
        struct outcome o;

        decode(&o, documents[i]);
        assert_int_equal(o.code, -EPROTO);
        arena_free(&o.arena);
    }
}

/* Decodes with one limit at `limit`; true when it was accepted. */
static bool accepted(const char *xml, struct soap_limits limits)
{
    struct outcome o;
    bool ok;

    decode_with(&o, xml, &limits, "8.0.3.0");
    ok = o.code == 0;
    if (!ok) {
        assert_int_equal(o.code, -EBADMSG);
        assert_ptr_equal(o.fault.detail->type, &vim_type_InvalidRequest);
    }
    arena_free(&o.arena);
    return ok;
}

static void test_limits(void **state)
{
    const char *xml = GOVC_HEAD
        "<Fetch xmlns=\"urn:vim25\"><_this a='1' b='2' c='3'>abc</_this><prop>1234567</prop>"
        "<x><y/></x></Fetch>" GOVC_TAIL;
    struct soap_limits l;

    (void)state;
#define CHECK_LIMIT(member, exact)                       \
    for (int around = -1; around <= 1; around++) {       \
        l = SOAP_LIMITS_DEFAULT;                         \
        l.member = (size_t)((exact) + around);           \
        assert_int_equal(accepted(xml, l), around >= 0); \
    }
    CHECK_LIMIT(bytes, (int)strlen(xml))
    CHECK_LIMIT(text, 7)
    CHECK_LIMIT(elements, 7)
    CHECK_LIMIT(depth, 5)
    CHECK_LIMIT(attributes, 3)
}

static void test_hostile_shapes(void **state)
{
    struct outcome o;
    struct buf b = BUF_INIT(32u << 20);

    (void)state;
    /* nesting of a type that contains itself */
    buf_put_str(&b,
                GOVC_HEAD "<SetTaskState xmlns=\"urn:vim25\"><_this>t</_this><state>error</state>");
    for (int i = 0; i < 200; i++)
        buf_put_str(&b, "<fault><fault xmlns:x=\"http://www.w3.org/2001/XMLSchema-instance\""
                        " x:type=\"MethodFault\"><faultCause>");
    decode(&o, buf_text(&b));
    assert_int_equal(o.code, -EBADMSG);
    arena_free(&o.arena);

    /* more data than the arena may hold */
    buf_clear(&b);
    buf_put_str(&b, GOVC_HEAD "<ListProcessesInGuest xmlns=\"urn:vim25\"><_this>t</_this>");
    for (int i = 0; i < 100000; i++)
        buf_put_str(&b, "<pids>1</pids>");
    memset(&o, 0, sizeof(o));
    o.arena = ARENA_INIT(1u << 20);
    o.code = soap_decode_request(b.data, b.len, &SOAP_LIMITS_DEFAULT, 0, &o.arena, &o.request,
                                 &o.fault, &o.err);
    assert_int_equal(o.code, -ENOMEM);
    arena_free(&o.arena);

    /* one huge attribute */
    buf_clear(&b);
    buf_put_str(&b, GOVC_HEAD "<CurrentTime xmlns=\"urn:vim25\"><_this type=\"");
    for (int i = 0; i < (1 << 20); i++)
        buf_put_u8(&b, 'a');
    buf_put_str(&b, "\">x</_this></CurrentTime>" GOVC_TAIL);
    decode(&o, buf_text(&b));
    assert_int_equal(o.code, 0);
    arena_free(&o.arena);
    buf_free(&b);
}

static void test_pieces(void **state)
{
    const char *xml = GOVC_HEAD
        "<Fetch xmlns=\"urn:vim25\"><_this type='Folder'>\xc3\xa4</_this><prop>na&amp;me</prop>"
        "</Fetch>" GOVC_TAIL;
    struct arena arena = ARENA_INIT(ARENA_MAX);
    struct soap_request request;
    struct soap_fault fault;
    struct soap_decoder *d = soap_decoder_new(&SOAP_LIMITS_DEFAULT, 0, &arena);

    (void)state;
    for (size_t i = 0; xml[i]; i++)
        soap_decoder_feed(d, xml + i, 1);
    assert_int_equal(soap_decoder_finish(d, &request, &fault, NULL), 0);
    assert_string_equal(request.self.value, "\xc3\xa4");
    assert_string_equal(((const struct vim_Fetch_request *)request.args)->prop, "na&me");
    soap_decoder_free(d);
    arena_free(&arena);
}

/* Every allocation fails once; nothing may leak, crash or come out half made. */
static void test_allocation_failures(void **state)
{
    const char *xml = GOVC_HEAD "<CreateTemporaryFileInGuest xmlns=\"urn:vim25\"><_this>g</_this>"
                                "<vm type=\"VirtualMachine\">vm-29</vm>" AUTH
                                "<prefix>govmomi-</prefix></CreateTemporaryFileInGuest>" GOVC_TAIL;
    bool finished = false;

    (void)state;
    for (long n = 0; n < 1000 && !finished; n++) {
        struct arena arena = ARENA_INIT(ARENA_MAX);
        struct soap_request request;
        struct soap_fault fault;
        int r;

        mem_fail_after(n);
        r = soap_decode_request(xml, strlen(xml), &SOAP_LIMITS_DEFAULT, 0, &arena, &request, &fault,
                                NULL);
        mem_fail_after(-1);
        if (r == 0)
            finished = true;
        else
            assert_int_equal(r, -ENOMEM);
        arena_free(&arena);
    }
    assert_true(finished);
}

static void test_secrets(void **state)
{
    struct outcome o;
    struct vim_StartProgramInGuest_request *req;
    char *password;

    (void)state;
    decode_ok(&o,
              GOVC_HEAD "<StartProgramInGuest xmlns=\"urn:vim25\"><_this>g</_this><vm>1</vm>" AUTH
                        "<spec><programPath>/bin/x</programPath></spec>"
                        "</StartProgramInGuest>" GOVC_TAIL);
    req = o.request.args;
    password = (char *)(uintptr_t)VIM_CAST(req->auth, NamePasswordAuthentication)->password;
    assert_string_equal(password, "p&w");
    vim_wipe_secrets(o.request.method->request, req);
    assert_memory_equal(password, "\0\0\0", 4);
    assert_string_equal(req->spec->programPath, "/bin/x");
    arena_free(&o.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_govc_create_temporary_file),
        cmocka_unit_test(test_pyvmomi_fetch),
        cmocka_unit_test(test_jaxws_prefixes_and_header),
        cmocka_unit_test(test_property_collector_shape),
        cmocka_unit_test(test_reconfigure_with_boxed_values),
        cmocka_unit_test(test_forgiven_omissions),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_doctype),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_hostile_shapes),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_allocation_failures),
        cmocka_unit_test(test_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
