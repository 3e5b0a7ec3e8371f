/* libvix without a host: handles, properties, errors, faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/vim_trust.h"
#include "client/vix_impl.h"

static VixHandle new_list(const char *text)
{
    struct vix_props props = {0};
    VixHandle handle = VIX_INVALID_HANDLE;

    assert_int_equal(vix_props_string(&props, VIX_PROPERTY_VM_NAME, text), VIX_OK);
    assert_int_equal(vix_property_list_new(NULL, &props, &handle), VIX_OK);
    assert_true(handle > 0);
    return handle;
}

static void test_handles_are_counted_and_not_reused_soon(void **state)
{
    VixHandle first = new_list("a"), other;
    char *text = NULL;

    (void)state;
    assert_int_equal(Vix_GetHandleType(first), VIX_HANDLETYPE_PROPERTY_LIST);
    Vix_AddRefHandle(first);
    Vix_ReleaseHandle(first);
    assert_int_equal(Vix_GetProperties(first, VIX_PROPERTY_VM_NAME, &text, 0), VIX_OK);
    assert_string_equal(text, "a");
    Vix_FreeBuffer(text);
    Vix_ReleaseHandle(first);
    assert_int_equal(Vix_GetHandleType(first), VIX_HANDLETYPE_NONE);
    for (int i = 0; i < 1000; i++) {
        other = new_list("b");
        assert_int_not_equal(other, first);
        Vix_ReleaseHandle(other);
    }
    assert_int_equal(Vix_GetProperties(first, VIX_PROPERTY_VM_NAME, &text, 0),
                     VIX_E_INVALID_HANDLE);
    Vix_ReleaseHandle(first); /* too often: nothing happens */
}

static void test_handles_have_a_limit(void **state)
{
    static VixHandle all[VIX_HANDLES_MAX];
    struct vix_props props = {0};
    VixHandle more = VIX_INVALID_HANDLE;

    (void)state;
    for (unsigned i = 0; i < VIX_HANDLES_MAX; i++)
        all[i] = new_list("x");
    assert_int_equal(vix_property_list_new(NULL, &props, &more), VIX_E_TOO_MANY_HANDLES);
    Vix_ReleaseHandle(all[0]);
    all[0] = new_list("y");
    for (unsigned i = 0; i < VIX_HANDLES_MAX; i++)
        Vix_ReleaseHandle(all[i]);
}

static void test_wrong_handles(void **state)
{
    static const VixHandle bad[] = {0, -1, 1, 65535, 65536, 0x7fffffff, -2147483647};
    VixHandle list = new_list("a"), snapshot = 0;
    Bool done;
    int n;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(Vix_GetHandleType(bad[i]), VIX_HANDLETYPE_NONE);
        assert_int_equal(VixJob_GetError(bad[i]), VIX_E_INVALID_HANDLE);
        assert_int_equal(VixSnapshot_GetNumChildren(bad[i], &n), VIX_E_INVALID_HANDLE);
        VixHost_Disconnect(bad[i]);
    }
    assert_int_equal(VixJob_CheckCompletion(list, &done), VIX_E_NOT_SUPPORTED_ON_HANDLE_TYPE);
    assert_int_equal(VixVM_GetCurrentSnapshot(list, &snapshot), VIX_E_NOT_SUPPORTED_ON_HANDLE_TYPE);
    VixHost_Disconnect(list);
    assert_int_equal(Vix_GetHandleType(list), VIX_HANDLETYPE_PROPERTY_LIST);
    Vix_ReleaseHandle(list);
}

static void test_a_job_that_fails_at_once(void **state)
{
    VixHandle job = VixVM_PowerOn(4711, 0, VIX_INVALID_HANDLE, NULL, NULL), result = 0;
    int64 code = 0;
    Bool done = FALSE;

    (void)state;
    assert_int_not_equal(job, VIX_INVALID_HANDLE);
    assert_int_equal(VixJob_Wait(job, VIX_PROPERTY_JOB_RESULT_HANDLE, &result, 0),
                     VIX_E_INVALID_HANDLE);
    assert_int_equal(VixJob_CheckCompletion(job, &done), VIX_OK);
    assert_true(done);
    assert_int_equal(Vix_GetProperties(job, VIX_PROPERTY_JOB_RESULT_ERROR_CODE, &code, 0), VIX_OK);
    assert_int_equal(code, VIX_E_INVALID_HANDLE);
    assert_int_equal(VixJob_GetNumProperties(job, VIX_PROPERTY_JOB_RESULT_ITEM_NAME), 0);
    assert_int_equal(VixJob_GetNthProperties(job, 1, VIX_PROPERTY_JOB_RESULT_ITEM_NAME, &done, 0),
                     VIX_E_BAD_VM_INDEX);
    assert_int_equal(VixJob_GetNthProperties(job, -1, VIX_PROPERTY_JOB_RESULT_ITEM_NAME, &done, 0),
                     VIX_E_BAD_VM_INDEX);
    Vix_ReleaseHandle(job);
}

static void test_every_type_of_property(void **state)
{
    struct vix_props props = {0};
    VixHandle list = VIX_INVALID_HANDLE, inner = new_list("inner"), got = 0;
    unsigned char *blob = NULL;
    char *text = NULL;
    int64 big = 0;
    int size = 0, n = 0;
    struct {
        Bool value, guard;
    } flag = {0, 7};

    (void)state;
    assert_int_equal(vix_props_int(&props, VIX_PROPERTY_VM_NUM_VCPUS, -3), VIX_OK);
    assert_int_equal(vix_props_bool(&props, VIX_PROPERTY_VM_IS_RUNNING, true), VIX_OK);
    assert_int_equal(vix_props_int64(&props, VIX_PROPERTY_JOB_RESULT_FILE_SIZE, 1ll << 40), VIX_OK);
    assert_int_equal(vix_props_string(&props, VIX_PROPERTY_VM_NAME, NULL), VIX_OK);
    assert_int_equal(vix_props_blob(&props, VIX_PROPERTY_JOB_RESULT_SCREEN_IMAGE_DATA, "a\0b", 3),
                     VIX_OK);
    assert_int_equal(vix_props_handle(&props, VIX_PROPERTY_JOB_RESULT_HANDLE, inner), VIX_OK);
    assert_int_equal(vix_property_list_new(NULL, &props, &list), VIX_OK);
    assert_int_equal(
        Vix_GetProperties(list, VIX_PROPERTY_VM_NUM_VCPUS, &n, VIX_PROPERTY_VM_IS_RUNNING,
                          &flag.value, VIX_PROPERTY_JOB_RESULT_FILE_SIZE, &big,
                          VIX_PROPERTY_VM_NAME, &text, VIX_PROPERTY_JOB_RESULT_SCREEN_IMAGE_DATA,
                          &size, &blob, VIX_PROPERTY_JOB_RESULT_HANDLE, &got, VIX_PROPERTY_NONE),
        VIX_OK);
    assert_int_equal(n, -3);
    assert_int_equal(flag.value, TRUE);
    assert_int_equal(flag.guard, 7); /* one byte, not an int */
    assert_true(big == 1ll << 40);
    assert_string_equal(text, "");
    assert_int_equal(size, 3);
    assert_memory_equal(blob, "a\0b", 3);
    assert_int_equal(got, inner);
    Vix_FreeBuffer(text);
    Vix_FreeBuffer(blob);
    assert_int_equal(Vix_GetProperties(list, VIX_PROPERTY_VM_GUESTOS, &text, 0),
                     VIX_E_UNRECOGNIZED_PROPERTY);
    Vix_ReleaseHandle(list);
    assert_int_equal(Vix_GetHandleType(inner), VIX_HANDLETYPE_PROPERTY_LIST); /* ours */
    Vix_ReleaseHandle(got);
    assert_int_equal(Vix_GetHandleType(inner), VIX_HANDLETYPE_NONE);
}

static void test_memory_may_be_short(void **state)
{
    (void)state;
    for (long n = 0; n < 20; n++) {
        struct vix_props props = {0};
        VixHandle list = VIX_INVALID_HANDLE;
        VixError error;

        mem_fail_after(n);
        error = vix_props_string(&props, VIX_PROPERTY_VM_NAME, "x");
        if (!error)
            error = vix_property_list_new(NULL, &props, &list);
        else
            vix_props_free(&props);
        Vix_ReleaseHandle(VixVM_PowerOff(4711, 0, NULL, NULL));
        mem_fail_after(-1);
        assert_true(error == VIX_OK || error == VIX_E_OUT_OF_MEMORY ||
                    error == VIX_E_TOO_MANY_HANDLES);
        Vix_ReleaseHandle(list);
    }
}

static void test_texts(void **state)
{
    static const struct {
        VixError error;
        const char *text;
    } rows[] = {
        {VIX_OK, "The operation was successful."},
        {VIX_E_VM_NOT_RUNNING, "The virtual machine needs to be powered on."},
        {VIX_E_GUEST_OPERATIONS_PROHIBITED,
         "Guest operations are not allowed on this virtual machine."},
        {VIX_E_INVALID_AUTHENTICATION_SESSION,
         "The authenticaton session provided does not exist."},
        {999, "Unknown error."},
        {(VixError)1 << 32 | VIX_E_INVALID_ARG, "One of the parameters was invalid."},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_string_equal(Vix_GetErrorText(rows[i].error, NULL), rows[i].text);
}

static VixError of(const struct vim_type *type, unsigned flags)
{
    struct arena a = ARENA_INIT(65536);
    VixError error = vix_error_of_fault(vim_new(&a, type), flags);

    arena_free(&a);
    return error;
}

static void test_faults(void **state)
{
    struct vim_InvalidPowerState power = {.base = {&vim_type_InvalidPowerState}};
    struct vim_SystemError system = {.base = {&vim_type_SystemError}};

    (void)state;
    assert_int_equal(of(&vim_type_NotAuthenticated, 0), VIX_E_HOST_USER_PERMISSIONS);
    assert_int_equal(of(&vim_type_FileNotFound, 0), VIX_E_FILE_NOT_FOUND);
    assert_int_equal(of(&vim_type_FileNotFound, VIX_OP_REGISTER), VIX_E_NOT_FOUND);
    assert_int_equal(of(&vim_type_CannotDeleteFile, 0), VIX_E_FILE_ERROR); /* by its base */
    assert_int_equal(of(&vim_type_DirectoryNotEmpty, 0), VIX_E_FILE_ERROR);
    assert_int_equal(of(&vim_type_ToolsUnavailable, 0), VIX_E_TOOLS_NOT_RUNNING);
    assert_int_equal(of(&vim_type_ToolsUnavailable, VIX_OP_SOFT_POWER),
                     VIX_E_POWEROP_SCRIPTS_NOT_AVAILABLE);
    assert_int_equal(of(&vim_type_ToolsAlreadyUpgraded, 0), VIX_OK);
    assert_int_equal(of(&vim_type_TooManySnapshotLevels, 0), VIX_E_SNAPSHOT_HIERARCHY_TOODEEP);
    assert_int_equal(of(&vim_type_UserNotFound, 0), VIX_E_FAIL);
    assert_int_equal(vix_error_of_fault(NULL, 0), VIX_E_FAIL);
    power.existingState = VIM_VirtualMachinePowerState_poweredOn;
    assert_int_equal(vix_error_of_fault(&power.base, 0), VIX_E_VM_IS_RUNNING);
    power.existingState = VIM_VirtualMachinePowerState_suspended;
    assert_int_equal(vix_error_of_fault(&power.base, 0), VIX_E_VM_NOT_RUNNING);
    assert_int_equal(vix_error_of_fault(&power.base, VIX_OP_MUST_BE_OFF), VIX_E_VM_IS_RUNNING);
    system.reason = "vix error codes = (3016, 0).\n";
    assert_int_equal(vix_error_of_fault(&system.base, 0), VIX_E_TOOLS_NOT_RUNNING);
    system.reason = "vix error codes = (3050, 0).\n";
    assert_int_equal(vix_error_of_fault(&system.base, 0), VIX_E_GUEST_USER_PERMISSIONS);
    system.reason = "vix error codes = (99999999, 0).\n";
    assert_int_equal(vix_error_of_fault(&system.base, 0), VIX_E_FAIL);
    system.reason = "";
    assert_int_equal(vix_error_of_fault(&system.base, 0), VIX_E_FAIL);
}

static void test_names_of_hosts(void **state)
{
    static const struct {
        const char *host;
        VixError error; /* nobody listens at the good ones */
    } rows[] = {
        {"ftp://127.0.0.1/sdk", VIX_E_INVALID_HOSTNAME_SPECIFICATION},
        {"http://127.0.0.1/sdk", VIX_E_INVALID_HOSTNAME_SPECIFICATION},
        {"https://127.0.0.1:1/other", VIX_E_INVALID_HOSTNAME_SPECIFICATION},
        {"https://user@127.0.0.1:1/sdk", VIX_E_INVALID_HOSTNAME_SPECIFICATION},
        {"", VIX_E_INVALID_HOSTNAME_SPECIFICATION},
        {"a b", VIX_E_INVALID_HOSTNAME_SPECIFICATION},
        {"127.0.0.1/sdk", VIX_E_INVALID_HOSTNAME_SPECIFICATION},
        {"https://127.0.0.1:1/sdk", VIX_E_CANNOT_CONNECT_TO_HOST},
        {"https://127.0.0.1:1", VIX_E_CANNOT_CONNECT_TO_HOST},
        {"127.0.0.1:1", VIX_E_CANNOT_CONNECT_TO_HOST},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        VixHandle job = VixHost_Connect(VIX_API_VERSION, VIX_SERVICEPROVIDER_VMWARE_VI_SERVER,
                                        rows[i].host, 0, "user", "password", 0, 0, NULL, NULL);

        assert_int_equal(VixJob_Wait(job, VIX_PROPERTY_NONE), rows[i].error);
        Vix_ReleaseHandle(job);
    }
}

static void test_fingerprints(void **state)
{
    (void)state;
    assert_true(vim_trust_same("AB:cd:01", "abCD01"));
    assert_true(vim_trust_same("", ""));
    assert_false(vim_trust_same("AB:CD", "AB:CE"));
    assert_false(vim_trust_same("AB:CD", "AB"));
    assert_false(vim_trust_same("AB", "AB:CD"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handles_are_counted_and_not_reused_soon),
        cmocka_unit_test(test_handles_have_a_limit),
        cmocka_unit_test(test_wrong_handles),
        cmocka_unit_test(test_a_job_that_fails_at_once),
        cmocka_unit_test(test_every_type_of_property),
        cmocka_unit_test(test_memory_may_be_short),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_names_of_hosts),
        cmocka_unit_test(test_fingerprints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
