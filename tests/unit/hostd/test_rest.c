/* REST: which operation a request is, its query, names and errors; VI JSON and REST over a real
 * host are tests/e2e's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/vim_types.h"
#include "hostd/rest.h"
#include "hostd/rest_route.h"

static void test_find(void **state)
{
    static const struct {
        enum rest_verb verb;
        const char *path, *action;
        bool old;
        int id; /* -1: none */
        const char *first, *second;
    } rows[] = {
        {REST_GET, "/api/vcenter/vm", NULL, false, REST_OP_vm_list, NULL, NULL},
        {REST_GET, "/api/vcenter/vm/", NULL, false, -1, NULL, NULL},
        {REST_GET, "/api/vcenter/vm/12", NULL, false, REST_OP_vm_get, "12", NULL},
        {REST_GET, "/api/vcenter/vm/12/power", NULL, false, REST_OP_power_get, "12", NULL},
        {REST_GET, "/api/vcenter/vm/12/power/x", NULL, false, -1, NULL, NULL},
        {REST_POST, "/api/vcenter/vm/12/power", "start", false, REST_OP_power_start, "12", NULL},
        {REST_POST, "/api/vcenter/vm/12/power", "START", false, -1, NULL, NULL},
        {REST_POST, "/api/vcenter/vm/12/power", NULL, false, -1, NULL, NULL},
        {REST_GET, "/api/vcenter/vm/12/power", "start", false, -1, NULL, NULL},
        {REST_POST, "/api/vcenter/vm/12/guest/filesystem/files//etc/hosts", "get", false,
         REST_OP_files_get, "12", "/etc/hosts"},
        {REST_POST, "/api/vcenter/vm/12/guest/filesystem/files/", "get", false, -1, NULL, NULL},
        {REST_POST, "/api/vcenter/vm/12/guest/filesystem/files", "list", false, REST_OP_files_list,
         "12", NULL},
        {REST_POST, "/api/vcenter/vm/12/guest/processes/7/x", "get", false, -1, NULL, NULL},
        {REST_POST, "/api/vcenter/vm/12/guest/processes/7", "get", false, REST_OP_processes_get,
         "12", "7"},
        {REST_GET, "/rest/vcenter/vm/12", NULL, false, -1, NULL, NULL},
        {REST_GET, "/rest/vcenter/vm/12", NULL, true, REST_OP_vm_get, "12", NULL},
        {REST_POST, "/rest/vcenter/vm/12/power/stop", NULL, true, REST_OP_power_stop, "12", NULL},
        {REST_POST, "/rest/vcenter/vm/12/power/none", NULL, true, -1, NULL, NULL},
        {REST_POST, "/rest/com/vmware/cis/session", NULL, true, REST_OP_cis_session_create, NULL,
         NULL},
        {REST_POST, "/rest/com/vmware/cis/session", "get", true, REST_OP_cis_session_get, NULL,
         NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena a = ARENA_INIT(64u << 10);
        const struct rest_operation *op = NULL;
        const char *vars[REST_VARIABLES_MAX] = {NULL};
        int rc = rest_operation_find(rows[i].verb, rows[i].path, rows[i].action, rows[i].old, &a,
                                     &op, vars);

        if (rc != (rows[i].id < 0 ? -ENOENT : 0) || (rc == 0 && op != &rest_operations[rows[i].id]))
            fail_msg("%s: %s", rows[i].path, op ? op->name : "nothing");
        if (rc == 0 && rows[i].first)
            assert_string_equal(vars[0], rows[i].first);
        if (rc == 0 && rows[i].second)
            assert_string_equal(vars[1], rows[i].second);
        arena_free(&a);
    }
}

/* Every operation is found by its own path: none hides another. */
static void test_every_operation_is_reached(void **state)
{
    (void)state;
    for (size_t i = 0; i < REST_OPERATION_COUNT; i++) {
        struct arena a = ARENA_INIT(64u << 10);
        const struct rest_operation *op = &rest_operations[i], *found = NULL;
        const char *vars[REST_VARIABLES_MAX];
        char path[256];
        size_t n = 0;

        for (const char *p = op->path; *p; p++) {
            path[n++] = *p == '{' ? 'v' : *p;
            if (*p == '{')
                p = strchr(p, '}');
        }
        path[n] = '\0';
        assert_int_equal(rest_operation_find(op->verb, path, op->action,
                                             strncmp(path, "/rest/", 6) == 0, &a, &found, vars),
                         0);
        assert_ptr_equal(found, op);
        arena_free(&a);
    }
}

static void test_query(void **state)
{
    const struct vim_type *type = rest_operations[REST_OP_vm_list].query;
    struct arena a = ARENA_INIT(64u << 10);
    struct rest_vm_list_query q = {0};

    (void)state;
    assert_int_equal(rest_query_put(type, false, "names", "a", &a, &q), 0);
    assert_int_equal(rest_query_put(type, false, "names", "b", &a, &q), 0);
    assert_int_equal(rest_query_put(type, false, "names", "c", &a, &q), 0);
    assert_int_equal(rest_query_put(type, false, "power_states", "SUSPENDED", &a, &q), 0);
    assert_int_equal(rest_query_put(type, false, "power_states", "nix", &a, &q), -EINVAL);
    assert_int_equal(rest_query_put(type, false, "filter.vms.1", "x", &a, &q), 0); /* unknown */
    assert_int_equal(rest_query_put(type, true, "filter.vms.1", "x", &a, &q), 0);
    assert_int_equal(q.names.count, 3);
    assert_string_equal(q.names.items[0], "a");
    assert_string_equal(q.names.items[2], "c");
    assert_int_equal(q.power_states.count, 1);
    assert_int_equal(q.power_states.items[0], REST_PowerState_SUSPENDED);
    assert_int_equal(q.vms.count, 1);
    arena_free(&a);
}

static void test_names(void **state)
{
    static const struct {
        const char *id, *os;
    } rows[] = {
        {"debian12_64Guest", "DEBIAN_12_64"},
        {"ubuntu64Guest", "UBUNTU_64"},
        {"vmwarePhoton64Guest", "VMWARE_PHOTON_64"},
        {"otherGuest", "OTHER"},
        {"otherGuest64", "OTHER_64"},
        {"other5xLinux64Guest", "OTHER_5X_LINUX_64"},
        {"windows9_64Guest", "WINDOWS_9_64"},
        {"windows2019srv_64Guest", "WINDOWS_SERVER_2019"},
        {"freebsd13_64Guest", "FREEBSD_13_64"},
        {NULL, "OTHER"},
    };
    struct arena a = ARENA_INIT(64u << 10);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(rest_guest_os(&a, rows[i].id), rows[i].os);
    assert_int_equal(
        rest_enum(&rest_type_ToolsToolsInstallType, "guestToolsType", "guestToolsTypeOpenVMTools"),
        REST_ToolsToolsInstallType_OPEN_VM_TOOLS);
    assert_int_equal(
        rest_enum(&rest_type_ToolsRunState, "guestTools", "guestToolsExecutingScripts"),
        REST_ToolsRunState_EXECUTING_SCRIPTS);
    assert_int_equal(rest_enum(&rest_type_GuestPowerState, "", "shuttingDown"),
                     REST_GuestPowerState_SHUTTING_DOWN);
    assert_int_equal(rest_enum(&rest_type_GuestPowerState, "", "dancing"), 0);
    assert_int_equal(rest_enum(&rest_type_GuestPowerState, "", NULL), 0);
    assert_int_equal(rest_power_state(VIM_VirtualMachinePowerState_suspended),
                     REST_PowerState_SUSPENDED);
    arena_free(&a);
}

static void test_errors(void **state)
{
    static const struct {
        const struct vim_type *fault;
        const char *name;
        unsigned status;
    } rows[] = {
        {&vim_type_InvalidGuestLogin, "UNAUTHENTICATED", 401},
        {&vim_type_NotAuthenticated, "UNAUTHENTICATED", 401},
        {&vim_type_GuestPermissionDenied, "UNAUTHORIZED", 403},
        {&vim_type_CannotAccessFile, "UNAUTHORIZED", 403},
        {&vim_type_NoPermission, "UNAUTHORIZED", 403},
        {&vim_type_GuestOperationsUnavailable, "SERVICE_UNAVAILABLE", 503},
        {&vim_type_TaskInProgress, "RESOURCE_BUSY", 500},
        {&vim_type_OperationNotSupportedByGuest, "UNSUPPORTED", 400},
        {&vim_type_GuestComponentsOutOfDate, "UNSUPPORTED", 400},
        {&vim_type_OperationDisabledByGuest, "UNSUPPORTED", 400},
        {&vim_type_FileAlreadyExists, "ALREADY_EXISTS", 400},
        {&vim_type_FileNotFound, "NOT_FOUND", 404},
        {&vim_type_GuestProcessNotFound, "NOT_FOUND", 404},
        {&vim_type_ManagedObjectNotFound, "NOT_FOUND", 404},
        {&vim_type_InvalidArgument, "INVALID_ARGUMENT", 400},
        {&vim_type_NotAFile, "INVALID_ARGUMENT", 400},
        {&vim_type_NotADirectory, "INVALID_ARGUMENT", 400},
        {&vim_type_FileNameTooLong, "INVALID_ARGUMENT", 400},
        {&vim_type_NoDiskSpace, "UNABLE_TO_ALLOCATE_RESOURCE", 500},
        {&vim_type_SystemError, "ERROR", 500},
        {&vim_type_DirectoryNotEmpty, "ERROR", 500},
    };
    struct vim_InvalidPowerState power = {
        .base = {&vim_type_InvalidPowerState},
        .requestedState = VIM_VirtualMachinePowerState_poweredOn,
        .existingState = VIM_VirtualMachinePowerState_poweredOn,
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct vim_object fault = {rows[i].fault};
        enum rest_error error = rest_error_of(&fault);

        assert_string_equal(rest_error_name(error), rows[i].name);
        assert_int_equal(rest_error_status(error), rows[i].status);
    }
    assert_int_equal(rest_error_of(&power.base), REST_ALREADY_IN_DESIRED_STATE);
    power.existingState = VIM_VirtualMachinePowerState_poweredOff;
    assert_int_equal(rest_error_of(&power.base), REST_NOT_ALLOWED_IN_CURRENT_STATE);
}

/* Every operation is in the document. */
static void test_document(void **state)
{
    const char *text = (const char *)rest_openapi;

    (void)state;
    assert_true(rest_openapi_size > 1000);
    assert_memory_equal(text, "{", 1);
    for (size_t i = 0; i < REST_OPERATION_COUNT; i++) {
        char key[300];

        snprintf(key, sizeof(key), "\"%s%s%s%s%s\": {", rest_operations[i].path,
                 rest_operations[i].action ? "?" : "",
                 rest_operations[i].action ? rest_operations[i].action_name : "",
                 rest_operations[i].action ? "=" : "",
                 rest_operations[i].action ? rest_operations[i].action : "");
        if (!memmem(text, rest_openapi_size, key, strlen(key)))
            fail_msg("%s is not in the document", key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),   cmocka_unit_test(test_every_operation_is_reached),
        cmocka_unit_test(test_query),  cmocka_unit_test(test_names),
        cmocka_unit_test(test_errors), cmocka_unit_test(test_document),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
