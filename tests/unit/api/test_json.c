/* VI JSON: every type and method there and back, the forms of values, limits and refusals. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/json_codec.h"
#include "api/vim_methods.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "fill.h"

#define ARENA_MAX (64u << 20)
#define BUF_MAX   (16u << 20)
#define SEEDS     6
#define NEWEST    VIM_VERSION_9_1_0_0

static void *decode(struct arena *a, const struct vim_type *type, const struct buf *b)
{
    struct json_fault fault;
    struct error err = {0};
    void *in = NULL;

    assert_true(utf8_valid(b->data, b->len));
    if (json_decode(b->data, b->len, &JSON_LIMITS_DEFAULT, JSON_VIM, type, NEWEST, a, &in, &fault,
                    &err))
        fail_msg("%s in %s", err.text, buf_text(b));
    return in;
}

static void any_through(struct arena *a, struct vim_any *any, struct buf *b)
{
    struct vim_SetTaskState_request out = {
        .this_ = {"Task", "t-1"}, .state = VIM_TaskInfoState_success, .result = any};
    const struct vim_SetTaskState_request *in;

    buf_clear(b);
    assert_int_equal(json_encode_args(b, JSON_VIM, vim_method_SetTaskState.request, &out, NEWEST),
                     0);
    in = decode(a, vim_method_SetTaskState.request, b);
    if (!vim_any_equal(any, in->result))
        fail_msg("%s changed: %s", any->type->name, buf_text(b));
}

static void test_types(void **state)
{
    struct buf b = BUF_INIT(BUF_MAX);
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < vim_type_count; i++) {
        const struct vim_type *type = vim_types[i];

        if (type->kind != VIM_KIND_DATA || type->flags & VIM_TYPE_ABSTRACT)
            continue;
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct arena a = ARENA_INIT(ARENA_MAX);
            struct fill f = {.arena = &a, .seed = seed};

            any_through(&a, vim_any_object(&a, fill_object(&f, type)), &b);
            arena_free(&a);
        }
        count++;
    }
    assert_true(count > 300);
    buf_free(&b);
}

static void test_boxed_values(void **state)
{
    struct buf b = BUF_INIT(BUF_MAX);

    (void)state;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct arena a = ARENA_INIT(ARENA_MAX);
        struct fill f = {.arena = &a, .seed = seed};

        any_through(&a, fill_any(&f), &b);
        arena_free(&a);
    }
    buf_free(&b);
}

/* Results have no decoder of their own: they go through a struct that holds the same field. */
static void result_through(struct arena *a, const struct vim_method *m, const void *result,
                           struct buf *b)
{
    struct buf value = BUF_INIT(BUF_MAX);
    bool empty;

    if (m->result->field_count == 0)
        return;
    assert_int_equal(json_encode_result(&value, JSON_VIM, m->result, result, NEWEST, &empty), 0);
    buf_clear(b);
    if (empty)
        buf_put_str(b, "{}");
    else
        buf_printf(b, "{\"returnval\":%s}", buf_text(&value));
    if (!vim_struct_equal(m->result, result, decode(a, m->result, b)))
        fail_msg("result of %s changed: %s", m->name, buf_text(b));
    buf_free(&value);
}

static void test_methods(void **state)
{
    struct buf b = BUF_INIT(BUF_MAX);

    (void)state;
    for (size_t i = 0; i < vim_method_count; i++)
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            const struct vim_method *m = vim_methods[i];
            struct arena a = ARENA_INIT(ARENA_MAX);
            struct fill f = {.arena = &a, .seed = seed};
            void *args = arena_alloc(&a, m->request->size);
            void *result = arena_alloc(&a, m->result->size);

            fill_struct(&f, m->request, args);
            fill_struct(&f, m->result, result);
            buf_clear(&b);
            assert_int_equal(json_encode_args(&b, JSON_VIM, m->request, args, NEWEST), 0);
            if (!vim_struct_equal(m->request, args, decode(&a, m->request, &b)))
                fail_msg("parameters of %s changed: %s", m->name, buf_text(&b));
            result_through(&a, m, result, &b);
            arena_free(&a);
        }
    buf_free(&b);
}

/* ---- the exact form ---- */

static void check_any(struct vim_any *any, const char *expected)
{
    struct buf b = BUF_INIT(BUF_MAX);
    struct vim_Fetch_result result = {.value = any};
    bool empty;

    assert_int_equal(
        json_encode_result(&b, JSON_VIM, vim_method_Fetch.result, &result, NEWEST, &empty), 0);
    assert_int_equal(empty, !*expected);
    assert_string_equal(buf_text(&b), expected);
    buf_free(&b);
}

static void test_forms(void **state)
{
    struct arena a = ARENA_INIT(ARENA_MAX);
    struct vim_NamePasswordAuthentication *auth = VIM_NEW(&a, NamePasswordAuthentication);
    const char *strings[] = {"a", "b\xff\"\n"};
    struct vim_binary binary = {3, (const uint8_t *)"abc"};
    struct vim_any *box = vim_any_boolean(&a, true);

    (void)state;
    check_any(NULL, "");
    check_any(vim_any_string(&a, "x"), "{\"_typeName\":\"string\",\"_value\":\"x\"}");
    check_any(vim_any_long(&a, INT64_MAX),
              "{\"_typeName\":\"long\",\"_value\":9223372036854775807}");
    check_any(box, "{\"_typeName\":\"boolean\",\"_value\":true}");
    check_any(vim_any_datetime(&a, 1715940672123456),
              "{\"_typeName\":\"dateTime\",\"_value\":\"2024-05-17T10:11:12.123456Z\"}");
    check_any(VIM_ANY_ENUM(&a, VirtualMachinePowerState, VIM_VirtualMachinePowerState_poweredOn),
              "{\"_typeName\":\"VirtualMachinePowerState\",\"_value\":\"poweredOn\"}");
    check_any(vim_any_ref(&a, vim_ref_make("VirtualMachine", "12")),
              "{\"_typeName\":\"ManagedObjectReference\",\"type\":\"VirtualMachine\",\"value\":"
              "\"12\"}");
    check_any(vim_any_array(&a, &vim_type_string, 2, strings),
              "{\"_typeName\":\"ArrayOfString\",\"_value\":[\"a\",\"b\xef\xbf\xbd\\\"\\n\"]}");
    box->type = &vim_type_base64Binary;
    box->v.binary = binary;
    check_any(box, "{\"_typeName\":\"binary\",\"_value\":\"YWJj\"}");
    auth->username = "u";
    auth->password = "p";
    check_any(vim_any_object(&a, auth),
              "{\"_typeName\":\"NamePasswordAuthentication\",\"interactiveSession\":false,"
              "\"username\":\"u\",\"password\":\"p\"}");
    arena_free(&a);
}

static void test_property_is_bare(void **state)
{
    struct arena a = ARENA_INIT(ARENA_MAX);
    struct buf b = BUF_INIT(BUF_MAX);
    const struct vim_field *name = vim_property_find(&vim_mo_VirtualMachine, "name");
    bool empty;

    (void)state;
    assert_int_equal(json_encode_property(&b, name, vim_any_string(&a, "x"), NEWEST, &empty), 0);
    assert_false(empty);
    assert_string_equal(buf_text(&b), "\"x\"");
    assert_int_equal(json_encode_property(&b, name, NULL, NEWEST, &empty), 0);
    assert_true(empty);
    buf_free(&b);
    arena_free(&a);
}

static void test_fault(void **state)
{
    struct arena a = ARENA_INIT(ARENA_MAX);
    struct buf b = BUF_INIT(BUF_MAX);
    struct vim_FileNotFound *detail = VIM_NEW(&a, FileNotFound);
    const struct json_fault fault = {"File /x was not found", (const struct vim_object *)detail};
    struct vim_GuestMultipleMappings *newer = VIM_NEW(&a, GuestMultipleMappings);
    const struct json_fault old = {"x", (const struct vim_object *)newer};

    (void)state;
    detail->file = "/x";
    assert_int_equal(json_encode_fault(&b, &fault, NEWEST), 0);
    assert_string_equal(buf_text(&b), "{\"_typeName\":\"FileNotFound\",\"file\":\"/x\","
                                      "\"faultstring\":\"File /x was not found\"}");
    buf_clear(&b);
    assert_int_equal(json_encode_fault(&b, &old, VIM_VERSION_5_5), 0);
    assert_string_equal(buf_text(&b),
                        "{\"_typeName\":\"GuestOperationsFault\",\"faultstring\":\"x\"}");
    buf_free(&b);
    arena_free(&a);
}

static void test_old_release_gets_old_fields(void **state)
{
    struct arena a = ARENA_INIT(ARENA_MAX);
    struct buf b = BUF_INIT(BUF_MAX);
    struct vim_RetrieveServiceContent_result r = {.value = VIM_NEW(&a, ServiceContent)};
    bool empty;

    (void)state;
    r.value->guestOperationsManager = vim_ref_make("GuestOperationsManager", "g");
    r.value->rootFolder = vim_ref_make("Folder", "f");
    assert_int_equal(json_encode_result(&b, JSON_VIM, vim_method_RetrieveServiceContent.result, &r,
                                        VIM_VERSION_4_1, &empty),
                     0);
    assert_null(strstr(buf_text(&b), "guestOperationsManager"));
    assert_non_null(strstr(buf_text(&b), "rootFolder"));
    buf_free(&b);
    arena_free(&a);
}

/* ---- requests ---- */

static int decode_text(const char *text, const struct vim_method *m, struct arena *a, void **ret,
                       struct json_fault *fault)
{
    return json_decode(text, strlen(text), &JSON_LIMITS_DEFAULT, JSON_VIM, m->request,
                       VIM_VERSION_8_0_3_0, a, ret, fault, NULL);
}

static void test_request(void **state)
{
    static const char text[] =
        "{\"_typeName\":\"anything\",\"vm\":{\"value\":\"12\"},\"auth\":{\"username\":\"alice\","
        "\"password\":\"s3\",\"_typeName\":\"NamePasswordAuthentication\",\"other\":[{}]},"
        "\"spec\":{\"programPath\":\"/bin/date\",\"workingDirectory\":null}}";
    struct arena a = ARENA_INIT(ARENA_MAX);
    struct json_fault fault;
    struct vim_StartProgramInGuest_request *in;

    (void)state;
    assert_int_equal(decode_text(text, &vim_method_StartProgramInGuest, &a, (void **)&in, &fault),
                     0);
    assert_string_equal(in->vm.type, "VirtualMachine");
    assert_string_equal(in->vm.value, "12");
    assert_string_equal(VIM_CAST(in->auth, NamePasswordAuthentication)->username, "alice");
    assert_false(in->auth->interactiveSession);
    assert_ptr_equal(in->spec->base.type, &vim_type_GuestProgramSpec);
    assert_string_equal(in->spec->arguments, "");
    assert_null(in->spec->workingDirectory);
    arena_free(&a);
}

static void test_refused(void **state)
{
#define VM "\"vm\":{\"type\":\"VirtualMachine\",\"value\":\"12\"}"
#define AUTH                                                                                  \
    "\"auth\":{\"_typeName\":\"NamePasswordAuthentication\",\"username\":\"u\",\"password\":" \
    "\"p\"}"
    static const struct {
        const struct vim_method *method;
        const char *text;
        const struct vim_type *fault;
        const char *says;
    } rows[] = {
        {&vim_method_Login, "", &vim_type_InvalidRequest, "userName is missing"},
        {&vim_method_Login, "{", &vim_type_InvalidRequest, "not well-formed"},
        {&vim_method_Login, "[]", &vim_type_InvalidRequest, "must be an object"},
        {&vim_method_Login, "{\"userName\":1}", &vim_type_InvalidRequest, "userName must be"},
        {&vim_method_Login, "{\"userName\":\"a\\u0000b\",\"password\":\"\"}",
         &vim_type_InvalidRequest, "not well-formed"},
        {&vim_method_Login, "{\"userName\":\"\xff\",\"password\":\"\"}", &vim_type_InvalidRequest,
         "not well-formed"},
        {&vim_method_Login, "{\"userName\":\"a\",\"userName\":\"b\",\"password\":\"\"}",
         &vim_type_InvalidRequest, "not well-formed"},
        {&vim_method_StartProgramInGuest, "{" VM "," AUTH ",\"spec\":{}}", &vim_type_InvalidRequest,
         "spec.programPath is missing"},
        {&vim_method_StartProgramInGuest,
         "{" VM ",\"auth\":{\"username\":\"u\"},\"spec\":{\"programPath\":\"/x\"}}",
         &vim_type_InvalidRequest, "auth needs the _typeName"},
        {&vim_method_StartProgramInGuest,
         "{" VM ",\"auth\":{\"_typeName\":\"FileNotFound\"},\"spec\":{\"programPath\":\"/x\"}}",
         &vim_type_InvalidType, "auth cannot be"},
        {&vim_method_StartProgramInGuest,
         "{" VM "," AUTH ",\"spec\":{\"programPath\":\"/x\",\"envVariables\":\"A=1\"}}",
         &vim_type_InvalidRequest, "spec.envVariables must be an array"},
        {&vim_method_StartProgramInGuest,
         "{" VM "," AUTH ",\"spec\":{\"programPath\":\"/x\",\"envVariables\":[null]}}",
         &vim_type_InvalidRequest, "spec.envVariables must be a string"},
        {&vim_method_TerminateProcessInGuest, "{" VM "," AUTH ",\"pid\":9223372036854775808}",
         &vim_type_InvalidRequest, "not well-formed"},
        {&vim_method_TerminateProcessInGuest, "{" VM "," AUTH ",\"pid\":1.5}",
         &vim_type_InvalidRequest, "pid must be a whole number"},
        {&vim_method_ListFilesInGuest, "{" VM "," AUTH ",\"filePath\":\"/\",\"index\":2147483648}",
         &vim_type_InvalidRequest, "index is out of range"},
        {&vim_method_SetTaskState, "{\"state\":\"sideways\"}", &vim_type_InvalidArgument, "state"},
        {&vim_method_SetTaskState, "{\"state\":\"success\",\"result\":{\"_typeName\":\"string\"}}",
         &vim_type_InvalidRequest, "result needs a _value"},
        {&vim_method_SetTaskState, "{\"state\":\"success\",\"result\":{\"_typeName\":\"Nix\"}}",
         &vim_type_InvalidType, "result cannot be"},
        {&vim_method_SetTaskState, "{\"state\":\"success\",\"result\":{}}",
         &vim_type_InvalidRequest, "result needs a _typeName"},
        {&vim_method_SetTaskState,
         "{\"state\":\"success\",\"result\":{\"_typeName\":\"anyType\",\"_value\":1}}",
         &vim_type_InvalidType, "result cannot be"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena a = ARENA_INIT(ARENA_MAX);
        struct json_fault fault = {0};
        void *in = NULL;

        assert_int_equal(decode_text(rows[i].text, rows[i].method, &a, &in, &fault), -EBADMSG);
        assert_null(in);
        if (fault.detail->type != rows[i].fault || !strstr(fault.text, rows[i].says))
            fail_msg("%s: %s: %s", rows[i].text, fault.detail->type->name, fault.text);
        arena_free(&a);
    }
}

static void test_limits(void **state)
{
    const struct json_limits limits = {.bytes = 40, .text = 8, .values = 6, .depth = 3};
    static const struct {
        const char *text;
        int code;
    } rows[] = {
        {"[[[1]]]", 0},
        {"[[[[1]]]]", -EMSGSIZE},
        {"[\"[[[[[[\"]", 0}, /* not brackets */
        {"[\"\\\"[[[[\"]", 0},
        {"[\"\\\\\",[[[]]]]", -EMSGSIZE},
        {"[1,2,3,4,5]", 0},
        {"[1,2,3,4,5,6]", -EMSGSIZE},
        {"[\",,,,,,,,\"]", 0},
        {"\"12345678\"", 0},
        {"\"123456789\"", -EMSGSIZE},
        {"12345678", 0},
        {"1234567890", -EMSGSIZE},
        {"                                        ", 0},
        {"                                         ", -EMSGSIZE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (json_check_limits(rows[i].text, strlen(rows[i].text), &limits, NULL) != rows[i].code)
            fail_msg("%s", rows[i].text);
}

/* Every allocation on the way may fail; the answer is then -ENOMEM and nothing leaks. */
static void test_no_memory(void **state)
{
    static const char text[] =
        "{\"state\":\"success\",\"result\":{\"_typeName\":\"ArrayOfGuestNicInfo\",\"_value\":["
        "{\"connected\":true,\"deviceConfigId\":4000,\"ipAddress\":[\"192.0.2.1\"]}]}}";
    long n = 0;
    int code;

    (void)state;
    do {
        struct arena a = ARENA_INIT(ARENA_MAX);
        struct json_fault fault;
        void *in;

        mem_fail_after(n++);
        code = decode_text(text, &vim_method_SetTaskState, &a, &in, &fault);
        mem_fail_after(-1);
        assert_true(code == 0 || code == -ENOMEM);
        arena_free(&a);
    } while (code);
    assert_true(n > 1);
    for (size_t cap = 64; cap < 4096; cap += 64) {
        struct arena a = ARENA_INIT(cap);
        struct json_fault fault;
        void *in;

        code = decode_text(text, &vim_method_SetTaskState, &a, &in, &fault);
        assert_true(code == 0 || code == -ENOMEM);
        arena_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_boxed_values),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_property_is_bare),
        cmocka_unit_test(test_fault),
        cmocka_unit_test(test_old_release_gets_old_fields),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
