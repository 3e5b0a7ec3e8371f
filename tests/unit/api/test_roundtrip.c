/* Every type and every method of the schema, through the codec and back. */
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
#include "fill.h"

#define ARENA_MAX (64u << 20)
#define BUF_MAX   (16u << 20)
#define SEEDS     6

static struct vim_any *box(struct arena *a, struct fill *f, const struct vim_type *type, bool array)
{
    struct vim_object **items;

    if (!array)
        return vim_any_object(a, fill_object(f, type));
    items = ARENA_ARRAY(a, 3, struct vim_object *);
    for (size_t i = 0; i < 3; i++)
        items[i] = fill_object(f, type);
    return vim_any_array(a, type, 3, items);
}

/* Through a request with a parameter of anyType. */
static void through_request(struct arena *a, const struct vim_any *any, struct buf *b)
{
    struct vim_SetTaskState_request out = {
        .this_ = {"Task", "t-1"},
        .state = VIM_TaskInfoState_success,
        .result = (struct vim_any *)(uintptr_t)any,
    };
    const struct vim_SetTaskState_request *in;
    struct soap_request request;
    struct soap_fault fault;
    struct error err;

    buf_clear(b);
    assert_int_equal(
        soap_encode_request(b, &vim_method_SetTaskState, &out, "op", VIM_VERSION_9_1_0_0), 0);
    if (soap_decode_request(b->data, b->len, &SOAP_LIMITS_DEFAULT, VIM_VERSION_9_1_0_0, a, &request,
                            &fault, &err))
        fail_msg("%s in %s", err.text, buf_text(b));
    in = request.args;
    assert_string_equal(request.operation_id, "op");
    if (!vim_any_equal(any, in->result))
        fail_msg("%s changed: %s", any->type->name, buf_text(b));
}

static void through_response(struct arena *a, const struct vim_any *any, struct buf *b)
{
    struct vim_Fetch_result out = {.value = (struct vim_any *)(uintptr_t)any};
    struct soap_fault fault;
    struct error err;
    void *in;

    buf_clear(b);
    assert_int_equal(soap_encode_response(b, &vim_method_Fetch, &out, VIM_VERSION_9_1_0_0), 0);
    if (soap_decode_response(b->data, b->len, &SOAP_LIMITS_DEFAULT, &vim_method_Fetch, a, &in,
                             &fault, &err))
        fail_msg("%s in %s", err.text, buf_text(b));
    if (!vim_any_equal(any, ((struct vim_Fetch_result *)in)->value))
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
            struct fill other = {.arena = &a, .seed = seed + 1000};
            struct vim_any *any = box(&a, &f, type, seed % 2);
            struct vim_any *different = box(&a, &other, type, seed % 2);
            struct vim_any *copy = vim_any_copy(&a, any);

            assert_true(vim_any_equal(any, copy));
            assert_ptr_not_equal(any, copy);
            if (type->field_count > 3)
                assert_false(vim_any_equal(any, different));
            if (!any->is_array)
                assert_null(vim_missing_field(type, any->v.object, VIM_VERSION_9_1_0_0));
            through_request(&a, copy, &b);
            through_response(&a, any, &b);
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
        struct vim_any *any = fill_any(&f);

        assert_true(vim_any_equal(any, vim_any_copy(&a, any)));
        through_request(&a, any, &b);
        through_response(&a, any, &b);
        arena_free(&a);
    }
    buf_free(&b);
}

static void method_through(struct arena *a, const struct vim_method *m, uint64_t seed,
                           struct buf *b)
{
    struct fill f = {.arena = a, .seed = seed};
    void *args = arena_alloc(a, m->request->size);
    void *result = arena_alloc(a, m->result->size);
    struct soap_request request;
    struct soap_fault fault;
    struct error err;
    void *in;

    *(struct vim_ref *)args = vim_ref_make(m->mo->name, "id-1");
    fill_struct(&f, m->request, args);
    fill_struct(&f, m->result, result);
    buf_clear(b);
    assert_int_equal(soap_encode_request(b, m, args, NULL, VIM_VERSION_9_1_0_0), 0);
    if (soap_decode_request(b->data, b->len, &SOAP_LIMITS_DEFAULT, VIM_VERSION_9_1_0_0, a, &request,
                            &fault, &err))
        fail_msg("%s in %s", err.text, buf_text(b));
    assert_ptr_equal(request.method, m);
    assert_string_equal(request.self.type, m->mo->name);
    if (!vim_struct_equal(m->request, args, request.args))
        fail_msg("parameters of %s changed: %s", m->name, buf_text(b));
    buf_clear(b);
    assert_int_equal(soap_encode_response(b, m, result, VIM_VERSION_9_1_0_0), 0);
    if (soap_decode_response(b->data, b->len, &SOAP_LIMITS_DEFAULT, m, a, &in, &fault, &err))
        fail_msg("%s in %s", err.text, buf_text(b));
    if (!vim_struct_equal(m->result, result, in))
        fail_msg("result of %s changed: %s", m->name, buf_text(b));
}

static void test_methods(void **state)
{
    struct buf b = BUF_INIT(BUF_MAX);

    (void)state;
    assert_true(vim_method_count > 150);
    for (size_t i = 0; i < vim_method_count; i++)
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct arena a = ARENA_INIT(ARENA_MAX);

            method_through(&a, vim_methods[i], seed, &b);
            arena_free(&a);
        }
    buf_free(&b);
}

static void test_faults(void **state)
{
    struct buf b = BUF_INIT(BUF_MAX);
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < vim_type_count; i++) {
        struct arena a = ARENA_INIT(ARENA_MAX);
        struct fill f = {.arena = &a, .seed = i};
        struct soap_fault out = {.text = "<why> & \"how\""};
        struct soap_fault in = {0};
        void *result = NULL;

        if (!(vim_types[i]->flags & VIM_TYPE_FAULT))
            continue;
        out.detail = fill_object(&f, vim_types[i]);
        buf_clear(&b);
        assert_int_equal(soap_encode_fault(&b, &out, VIM_VERSION_9_1_0_0), 0);
        assert_int_equal(soap_decode_response(b.data, b.len, &SOAP_LIMITS_DEFAULT,
                                              &vim_method_CurrentTime, &a, &result, &in, NULL),
                         -EREMOTEIO);
        assert_null(result);
        assert_string_equal(in.text, out.text);
        if (!vim_equal(in.detail, out.detail))
            fail_msg("%s changed: %s", vim_types[i]->name, buf_text(&b));
        arena_free(&a);
        count++;
    }
    assert_true(count > 90);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_boxed_values),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
