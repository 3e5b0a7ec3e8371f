/* Virtual machines, tasks and property filters, against a scripted vmx. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "fake_vmx.h"
#include "hostd/mo.h"
#include "trace.h"

#define PC "<_this type=\"PropertyCollector\">ha-property-collector</_this>"
#define VM "<_this type=\"VirtualMachine\">1</_this>"

static struct fixture fx;
static struct fake_vmx vmx;
static struct session *admin;

static int setup(void **state)
{
    static const char text[] = "displayName = \"one\"\nguestOS = \"debian12-64\"\nmemSize = \"256\""
                               "\nnumvcpus = \"2\"\n";
    struct error err = {0};
    struct trace t;
    char path[256];
    int fd;

    (void)state;
    fixture_setup(&fx);
    admin = fixture_session(&fx, "root");
    fake_vmx_start(&vmx, &fx, "1");
    snprintf(path, sizeof(path), "%s/vms/one", fx.run_dir);
    assert_int_equal(fs_mkdirs(path, 0755, &err), 0);
    snprintf(path, sizeof(path), "%s/vms/one/one.vmx", fx.run_dir);
    fd = open(path, O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0);
    assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
    close(fd);
    trace_call(&fx, admin,
               "<RegisterVM_Task><_this type=\"Folder\">ha-folder-vm</_this>"
               "<path>[datastore1] one/one.vmx</path><asTemplate>false</asTemplate>"
               "</RegisterVM_Task>",
               &t);
    trace_free(&t);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_vmx_stop(&vmx);
    fixture_teardown(&fx);
    return 0;
}

/* Reads a property, as text of the answer. */
static void fetch(const char *type, const char *id, const char *property, struct trace *t)
{
    char body[512];

    snprintf(body, sizeof(body), "<Fetch><_this type=\"%s\">%s</_this><prop>%s</prop></Fetch>",
             type, id, property);
    trace_call(&fx, admin, body, t);
}

/* Runs a task method and waits for its end; the answer is that of Task.info. */
static void run_task(const char *body, struct trace *t)
{
    char id[128];

    trace_call(&fx, admin, body, t);
    snprintf(id, sizeof(id), "%s", trace_between(t, "<returnval type=\"Task\">", "</returnval>"));
    trace_free(t);
    for (;;) {
        fetch("Task", id, "info", t);
        if (!strstr(buf_text(&t->out), "<state>running</state>") &&
            !strstr(buf_text(&t->out), "<state>queued</state>"))
            return;
        trace_free(t);
        uv_run(&fx.loop, UV_RUN_ONCE);
    }
}

static void assert_property(const char *property, const char *text)
{
    struct trace t;

    fetch("VirtualMachine", "1", property, &t);
    assert_has(&t, text);
    trace_free(&t);
}

static void power_follows_the_machine(void **state)
{
    struct trace t;

    (void)state;
    run_task("<PowerOnVM_Task>" VM "</PowerOnVM_Task>", &t);
    assert_has(&t, "<state>success</state>");
    assert_has(&t, "<descriptionId>VirtualMachine.powerOn</descriptionId>");
    assert_has(&t, "<reason xsi:type=\"TaskReasonUser\"><userName>root</userName></reason>");
    trace_free(&t);
    assert_string_equal(vmx.last_action, "on");
    assert_property("runtime", "<powerState>poweredOn</powerState>");
    assert_property("summary", "<powerState>poweredOn</powerState>");
    run_task("<SuspendVM_Task>" VM "</SuspendVM_Task>", &t);
    assert_has(&t, "<state>success</state>");
    trace_free(&t);
    assert_property("runtime", "<powerState>suspended</powerState>");
    run_task("<PowerOnVM_Task>" VM "</PowerOnVM_Task>", &t);
    trace_free(&t);
    run_task("<ResetVM_Task>" VM "</ResetVM_Task>", &t);
    assert_has(&t, "<state>success</state>");
    trace_free(&t);
    run_task("<PowerOffVM_Task>" VM "</PowerOffVM_Task>", &t);
    assert_has(&t, "<state>success</state>");
    trace_free(&t);
    assert_property("runtime", "<powerState>poweredOff</powerState>");
}

static void a_wrong_state_fails_the_task(void **state)
{
    struct trace t;

    (void)state;
    run_task("<PowerOffVM_Task>" VM "</PowerOffVM_Task>", &t);
    assert_has(&t, "<state>error</state>");
    assert_has(&t, "<fault xsi:type=\"InvalidPowerState\"><requestedState>poweredOff"
                   "</requestedState><existingState>poweredOff</existingState></fault>");
    assert_has(&t, "in the current state (Powered off)");
    trace_free(&t);
    assert_int_equal(vmx.requests, 0); /* vmx was not even started */
    trace_fault(&fx, admin, "<ShutdownGuest>" VM "</ShutdownGuest>", &t);
    assert_has(&t, "InvalidPowerState");
    trace_free(&t);
}

static void a_failing_machine_fails_the_task(void **state)
{
    struct trace t;

    (void)state;
    vmx.fail_power = EIO;
    run_task("<PowerOnVM_Task>" VM "</PowerOnVM_Task>", &t);
    assert_has(&t, "<state>error</state>");
    assert_has(&t, "the machine does not want to");
    trace_free(&t);
    assert_property("runtime", "<powerState>poweredOff</powerState>");
    vmx.fail_power = 0;
    run_task("<PowerOnVM_Task>" VM "</PowerOnVM_Task>", &t); /* the VM is not locked for ever */
    assert_has(&t, "<state>success</state>");
    trace_free(&t);
}

static void a_second_task_is_told_of_the_first(void **state)
{
    struct trace one, two;

    (void)state;
    trace_call(&fx, admin, "<PowerOnVM_Task>" VM "</PowerOnVM_Task>", &one);
    trace_fault(&fx, admin, "<PowerOnVM_Task>" VM "</PowerOnVM_Task>", &two);
    assert_has(&two, "<TaskInProgressFault xmlns=\"urn:vim25\" xsi:type=\"TaskInProgress\">");
    assert_has(&two, trace_between(&one, "<returnval type=\"Task\">", "</returnval>"));
    trace_free(&one);
    trace_free(&two);
}

static json_t *guest(const char *ip)
{
    return json_pack(
        "{s:s, s:{s:b, s:s, s:i, s:b, s:s, s:s, s:s, s:[s,s,s], s:[{s:s, s:[{s:s, s:i}]}],"
        " s:[{s:s, s:i, s:s, s:i}], s:[{s:s, s:I, s:I, s:s}]}}",
        "event", "guest", "guest", "toolsRunning", 1, "toolsVersion", "12389", "toolsVersionType",
        4, "guestOps", 1, "hostName", "demo", "guestId", "debian12_64Guest", "primaryIp", ip,
        "capabilities", "shutdown", "reboot", "standby", "nics", "mac", "00-0C-29-AA-BB-CC", "ips",
        "address", ip, "prefix", 24, "routes", "network", "0.0.0.0", "prefix", 0, "gateway",
        "10.0.0.254", "nic", 0, "disks", "path", "/", "capacity", (json_int_t)5000000000, "free",
        (json_int_t)1000000000, "type", "ext4");
}

static void wait_for_property(const char *property, const char *text)
{
    struct trace t;

    for (;;) {
        fetch("VirtualMachine", "1", property, &t);
        if (strstr(buf_text(&t.out), text)) {
            trace_free(&t);
            return;
        }
        trace_free(&t);
        uv_run(&fx.loop, UV_RUN_ONCE);
    }
}

static void power_on(void)
{
    struct trace t;

    run_task("<PowerOnVM_Task>" VM "</PowerOnVM_Task>", &t);
    assert_has(&t, "<state>success</state>");
    trace_free(&t);
}

static void the_guest_state_becomes_guest_info(void **state)
{
    struct trace t;

    (void)state;
    power_on();
    fake_vmx_event(&vmx, guest("10.0.0.5"));
    wait_for_property("guest", "10.0.0.5");
    fetch("VirtualMachine", "1", "guest", &t);
    assert_has(&t, "<toolsStatus>toolsOk</toolsStatus>");
    assert_has(&t, "<toolsVersionStatus2>guestToolsUnmanaged</toolsVersionStatus2>");
    assert_has(&t, "<toolsInstallType>guestToolsTypeOpenVMTools</toolsInstallType>");
    assert_has(&t, "<guestFamily>linuxGuest</guestFamily>");
    assert_has(&t, "<macAddress>00:0c:29:aa:bb:cc</macAddress>");
    assert_has(&t, "<deviceConfigId>-1</deviceConfigId>");
    assert_has(&t, "<network>0.0.0.0</network><prefixLength>0</prefixLength><gateway><ipAddress>"
                   "10.0.0.254</ipAddress><device>0</device></gateway>");
    assert_has(&t, "<guestOperationsReady>true</guestOperationsReady>");
    assert_has(&t, "<guestStateChangeSupported>true</guestStateChangeSupported>");
    assert_has(&t, "<capacity>5000000000</capacity>");
    assert_has(&t, "<guestState>running</guestState>");
    trace_free(&t);
    trace_call(&fx, admin,
               "<FindByIp><_this type=\"SearchIndex\">ha-searchindex</_this><ip>10.0.0.5</ip>"
               "<vmSearch>true</vmSearch></FindByIp>",
               &t);
    assert_has(&t, ">1</returnval>");
    trace_free(&t);
    trace_call(&fx, admin, "<ShutdownGuest>" VM "</ShutdownGuest>", &t);
    trace_free(&t);
    assert_string_equal(vmx.last_action, "shutdown");
    fake_vmx_event(&vmx, json_pack("{s:s, s:s, s:s, s:s}", "event", "power", "power", "poweredOff",
                                   "reason", "guest", "text", ""));
    wait_for_property("runtime", "<powerState>poweredOff</powerState>");
    assert_property("runtime", "<cleanPowerOff>true</cleanPowerOff>");
    fetch("VirtualMachine", "1", "guest", &t);
    assert_has_not(&t, "10.0.0.5"); /* addresses go with the guest, what it is stays */
    assert_has(&t, "<guestId>debian12_64Guest</guestId>");
    trace_free(&t);
}

/* Whatever stands in it, a guest state never does harm. */
static void a_nonsensical_guest_state_is_survived(void **state)
{
    static const char *const texts[] = {
        "{\"event\":\"guest\"}",
        "{\"event\":\"guest\",\"guest\":[]}",
        "{\"event\":\"guest\",\"guest\":{\"nics\":5,\"disks\":\"x\",\"routes\":{},"
        "\"toolsRunning\":true}}",
        "{\"event\":\"guest\",\"guest\":{\"toolsRunning\":true,\"toolsVersionType\":99,"
        "\"toolsVersion\":7,\"nics\":[1,null,{\"mac\":1,\"ips\":[{},{\"address\":[]}],\"dns\":7}],"
        "\"disks\":[[]],\"routes\":[null,{}],\"dnsConfig\":{\"servers\":[1,2]}}}",
        "{\"event\":\"power\",\"power\":\"sideways\"}",
        "{\"event\":\"heartbeat\",\"status\":\"purple\"}",
        "{\"event\":\"guestinfo\",\"set\":{\"guestinfo.a\":5}}",
        "{\"event\":\"config\",\"set\":{\"\":\"x\",\"bad key\":\"y\"}}",
        "{\"event\":\"nonsense\"}",
    };
    struct trace t;

    (void)state;
    power_on();
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        fake_vmx_event(&vmx, json_loads(texts[i], 0, NULL));
        fake_vmx_event(&vmx, json_pack("{s:s, s:{s:i}}", "event", "guestinfo", "set", "x", 1));
        uv_run(&fx.loop, UV_RUN_NOWAIT);
        uv_run(&fx.loop, UV_RUN_NOWAIT);
        fetch("VirtualMachine", "1", "guest", &t);
        assert_has(&t, "<guestState>");
        trace_free(&t);
    }
    fake_vmx_event(&vmx, guest("10.0.0.6"));
    wait_for_property("guest", "10.0.0.6");
}

static void reconfigure_writes_keys(void **state)
{
    struct trace t;

    (void)state;
    run_task("<ReconfigVM_Task>" VM "<spec><name>two</name><annotation>a note</annotation>"
             "<numCPUs>4</numCPUs><memoryMB>512</memoryMB><extraConfig><key>my.key</key>"
             "<value xsi:type=\"xsd:string\">v</value></extraConfig></spec></ReconfigVM_Task>",
             &t);
    assert_has(&t, "<state>success</state>");
    trace_free(&t);
    assert_string_equal(json_string_value(json_object_get(vmx.config, "numvcpus")), "4");
    assert_string_equal(json_string_value(json_object_get(vmx.config, "my.key")), "v");
    assert_property("name", ">two<");
    assert_property("config", "<annotation>a note</annotation>");
    run_task("<ReconfigVM_Task>" VM "<spec><extraConfig><key>my.key</key>"
             "<value xsi:type=\"xsd:string\"></value></extraConfig></spec></ReconfigVM_Task>",
             &t);
    trace_free(&t);
    assert_null(json_object_get(vmx.config, "my.key"));
}

static void reconfigure_refuses_what_it_cannot_do(void **state)
{
    static const struct {
        const char *spec, *fault;
    } table[] = {
        {"<numCPUs>0</numCPUs>", "spec.numCPUs"},
        {"<memoryMB>3</memoryMB>", "spec.memoryMB"},
        {"<name></name>", "InvalidName"},
        {"<changeVersion>old</changeVersion>", "ConcurrentAccess"},
        {"<extraConfig><key>bad key</key><value xsi:type=\"xsd:string\">x</value></extraConfig>",
         "spec.extraConfig"},
        {"<extraConfig><key>inguest.powerState</key><value xsi:type=\"xsd:string\">poweredOn"
         "</value></extraConfig>",
         "spec.extraConfig"},
        {"<nestedHVEnabled>true</nestedHVEnabled>", "NotSupported"},
        {"<version>21</version>", "spec.version"},
    };
    char body[1024];
    struct trace t;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        snprintf(body, sizeof(body), "<ReconfigVM_Task>" VM "<spec>%s</spec></ReconfigVM_Task>",
                 table[i].spec);
        run_task(body, &t);
        assert_has(&t, "<state>error</state>");
        assert_has(&t, table[i].fault);
        trace_free(&t);
    }
    assert_string_not_equal(vmx.last_op, "config.set");
    power_on();
    run_task("<ReconfigVM_Task>" VM "<spec><memoryMB>512</memoryMB></spec></ReconfigVM_Task>", &t);
    assert_has(&t, "InvalidPowerState");
    trace_free(&t);
}

/* govc's way of waiting for a task. */
static void a_wait_ends_when_the_task_does(void **state)
{
    struct trace t, wait;
    char task[128], collector[128], filter[160], body[1024];

    (void)state;
    trace_call(&fx, admin, "<CreatePropertyCollector>" PC "</CreatePropertyCollector>", &t);
    snprintf(collector, sizeof(collector), "%s",
             trace_between(&t, "<returnval type=\"PropertyCollector\">", "</returnval>"));
    trace_free(&t);
    trace_call(&fx, admin, "<PowerOnVM_Task>" VM "</PowerOnVM_Task>", &t);
    snprintf(task, sizeof(task), "%s",
             trace_between(&t, "<returnval type=\"Task\">", "</returnval>"));
    trace_free(&t);
    snprintf(body, sizeof(body),
             "<CreateFilter><_this type=\"PropertyCollector\">%s</_this><spec><propSet><type>Task"
             "</type><pathSet>info</pathSet></propSet><objectSet><obj type=\"Task\">%s</obj>"
             "</objectSet></spec><partialUpdates>false</partialUpdates></CreateFilter>",
             collector, task);
    trace_call(&fx, admin, body, &t);
    snprintf(filter, sizeof(filter), "%s",
             trace_between(&t, "<returnval type=\"PropertyFilter\">", "</returnval>"));
    trace_free(&t);
    snprintf(body, sizeof(body),
             "<WaitForUpdatesEx><_this type=\"PropertyCollector\">%s</_this></WaitForUpdatesEx>",
             collector);
    trace_call(&fx, admin, body, &t);
    assert_has(&t, "<kind>enter</kind>");
    assert_has(&t, "<state>running</state>");
    snprintf(body, sizeof(body),
             "<WaitForUpdatesEx><_this type=\"PropertyCollector\">%s</_this><version>%s</version>"
             "</WaitForUpdatesEx>",
             collector, trace_between(&t, "<version>", "</version>"));
    trace_free(&t);
    trace_start(&fx, admin, "8.0.2.0", body, &wait);
    assert_false(wait.done); /* nothing has changed yet: it is held */
    fixture_wait(&fx, &wait.done);
    assert_false(wait.fault);
    assert_has(&wait, "<kind>modify</kind>");
    assert_has(&wait, "<state>success</state>");
    trace_free(&wait);
    snprintf(body, sizeof(body),
             "<DestroyPropertyFilter><_this type=\"PropertyFilter\">%s</_this>"
             "</DestroyPropertyFilter>",
             filter);
    trace_call(&fx, admin, body, &t);
    trace_free(&t);
    snprintf(body, sizeof(body),
             "<DestroyPropertyCollector><_this type=\"PropertyCollector\">%s</_this>"
             "</DestroyPropertyCollector>",
             collector);
    trace_call(&fx, admin, body, &t);
    trace_free(&t);
    trace_fault(&fx, admin, body, &t);
    assert_has(&t, "ManagedObjectNotFound");
    trace_free(&t);
}

static void create_filter(const char *property)
{
    char body[1024];
    struct trace t;

    snprintf(body, sizeof(body),
             "<CreateFilter>" PC "<spec><propSet><type>VirtualMachine</type><pathSet>%s</pathSet>"
             "</propSet><objectSet><obj type=\"Folder\">ha-folder-vm</obj><skip>true</skip>"
             "<selectSet xsi:type=\"TraversalSpec\"><type>Folder</type><path>childEntity</path>"
             "</selectSet></objectSet></spec><partialUpdates>true</partialUpdates></CreateFilter>",
             property);
    trace_call(&fx, admin, body, &t);
    trace_free(&t);
}

static void check(const char *version, struct trace *t)
{
    char body[256];

    snprintf(body, sizeof(body), "<CheckForUpdates>" PC "<version>%s</version></CheckForUpdates>",
             version);
    trace_call(&fx, admin, body, t);
}

static void only_what_was_asked_for_is_told(void **state)
{
    char version[32];
    struct trace t;

    (void)state;
    power_on();
    create_filter("guest.ipAddress");
    check("", &t);
    assert_has(&t, "<kind>enter</kind>");
    assert_has_not(&t, "<changeSet>"); /* unset so far */
    snprintf(version, sizeof(version), "%s", trace_between(&t, "<version>", "</version>"));
    trace_free(&t);
    fake_vmx_event(&vmx, guest("10.0.0.7"));
    wait_for_property("guest", "10.0.0.7");
    check(version, &t);
    assert_has(&t, "<name>guest.ipAddress</name><op>assign</op><val xsi:type=\"xsd:string\">"
                   "10.0.0.7</val>");
    assert_int_equal(count_of(&t, "<changeSet>"), 1);
    trace_free(&t);
    check(version, &t); /* a lost answer can be asked for again */
    assert_has(&t, "10.0.0.7");
    snprintf(version, sizeof(version), "%s", trace_between(&t, "<version>", "</version>"));
    trace_free(&t);
    /* The same value again, and another property: nothing to tell. */
    fake_vmx_event(&vmx, guest("10.0.0.7"));
    fake_vmx_event(&vmx, json_pack("{s:s, s:s}", "event", "heartbeat", "status", "yellow"));
    wait_for_property("guestHeartbeatStatus", "yellow");
    check(version, &t);
    assert_has_not(&t, "returnval");
    trace_free(&t);
    /* Unset: assign without a value. */
    fake_vmx_event(&vmx, json_pack("{s:s, s:s, s:s, s:s}", "event", "power", "power", "poweredOff",
                                   "reason", "failure", "text", "died"));
    wait_for_property("runtime", "poweredOff");
    check(version, &t);
    assert_has(&t, "<name>guest.ipAddress</name><op>assign</op></changeSet>");
    trace_free(&t);
    trace_fault(&fx, admin, "<CheckForUpdates>" PC "<version>999</version></CheckForUpdates>", &t);
    assert_has(&t, "InvalidCollectorVersion");
    trace_free(&t);
    trace_fault(&fx, admin, "<CheckForUpdates>" PC "<version>x</version></CheckForUpdates>", &t);
    assert_has(&t, "InvalidCollectorVersion");
    trace_free(&t);
}

static void objects_come_and_go(void **state)
{
    char version[32];
    struct trace t;

    (void)state;
    create_filter("name");
    check("", &t);
    snprintf(version, sizeof(version), "%s", trace_between(&t, "<version>", "</version>"));
    trace_free(&t);
    trace_call(&fx, admin, "<UnregisterVM>" VM "</UnregisterVM>", &t);
    trace_free(&t);
    check(version, &t);
    assert_has(&t, "<kind>leave</kind><obj type=\"VirtualMachine\">1</obj>");
    trace_free(&t);
    trace_fault(&fx, admin, "<PowerOnVM_Task>" VM "</PowerOnVM_Task>", &t);
    assert_has(&t, "ManagedObjectNotFound");
    trace_free(&t);
    trace_call(&fx, admin,
               "<RegisterVM_Task><_this type=\"Folder\">ha-folder-vm</_this>"
               "<path>[datastore1] one/one.vmx</path><asTemplate>false</asTemplate>"
               "</RegisterVM_Task>",
               &t);
    trace_free(&t);
    check(version, &t);
    assert_has(&t, "<kind>enter</kind><obj type=\"VirtualMachine\">2</obj>"); /* never 1 again */
    trace_free(&t);
}

static void a_cut_update_is_continued(void **state)
{
    char version[32], body[512];
    struct trace t;
    size_t told = 0;

    (void)state;
    trace_call(&fx, admin,
               "<CreateFilter>" PC "<spec><propSet><type>Folder</type><pathSet>name</pathSet>"
               "</propSet><objectSet><obj type=\"Folder\">ha-folder-vm</obj></objectSet><objectSet>"
               "<obj type=\"Folder\">ha-folder-host</obj></objectSet><objectSet>"
               "<obj type=\"Folder\">ha-folder-network</obj></objectSet></spec>"
               "<partialUpdates>false</partialUpdates></CreateFilter>",
               &t);
    trace_free(&t);
    version[0] = '\0';
    for (int i = 0; i < 3; i++) {
        snprintf(body, sizeof(body),
                 "<WaitForUpdatesEx>" PC "<version>%s</version><options><maxWaitSeconds>0"
                 "</maxWaitSeconds><maxObjectUpdates>1</maxObjectUpdates></options>"
                 "</WaitForUpdatesEx>",
                 version);
        trace_call(&fx, admin, body, &t);
        told += count_of(&t, "<kind>enter</kind>");
        assert_int_equal(count_of(&t, "<objectSet>"), 1);
        if (i < 2)
            assert_has(&t, "<truncated>true</truncated>");
        else
            assert_has_not(&t, "<truncated>true");
        snprintf(version, sizeof(version), "%s", trace_between(&t, "<version>", "</version>"));
        trace_free(&t);
    }
    assert_int_equal(told, 3);
    snprintf(body, sizeof(body),
             "<WaitForUpdatesEx>" PC "<options><maxObjectUpdates>0</maxObjectUpdates></options>"
             "</WaitForUpdatesEx>");
    trace_fault(&fx, admin, body, &t);
    assert_has(&t, "options.maxObjectUpdates");
    trace_free(&t);
    trace_fault(&fx, admin,
                "<WaitForUpdatesEx>" PC "<options><maxWaitSeconds>-1</maxWaitSeconds></options>"
                "</WaitForUpdatesEx>",
                &t);
    assert_has(&t, "options.maxWaitSeconds");
    trace_free(&t);
}

static void waits_end_by_time_cancel_and_logout(void **state)
{
    struct trace wait, t;
    char body[256], version[32];

    (void)state;
    create_filter("name");
    check("", &t);
    snprintf(version, sizeof(version), "%s", trace_between(&t, "<version>", "</version>"));
    trace_free(&t);
    snprintf(body, sizeof(body),
             "<WaitForUpdatesEx>" PC "<version>%s</version><options><maxWaitSeconds>1"
             "</maxWaitSeconds></options></WaitForUpdatesEx>",
             version);
    trace_call(&fx, admin, body, &wait);
    assert_has_not(&wait, "returnval");
    trace_free(&wait);
    snprintf(body, sizeof(body), "<WaitForUpdates>" PC "<version>%s</version></WaitForUpdates>",
             version);
    trace_start(&fx, admin, "8.0.2.0", body, &wait);
    assert_false(wait.done);
    trace_call(&fx, admin, "<CancelWaitForUpdates>" PC "</CancelWaitForUpdates>", &t);
    trace_free(&t);
    assert_true(wait.done && wait.fault);
    assert_has(&wait, "RequestCanceled");
    trace_free(&wait);
    trace_start(&fx, admin, "8.0.2.0", body, &wait);
    assert_false(wait.done);
    dispatch_cancel(wait.call); /* the client's connection is gone */
    assert_true(wait.done && wait.fault);
    trace_free(&wait);
    trace_start(&fx, admin, "8.0.2.0", body, &wait);
    assert_false(wait.done);
    session_end(admin);
    assert_true(wait.done && wait.fault);
    trace_free(&wait);
}

static void list_views_and_recent_tasks_can_be_waited_on(void **state)
{
    struct trace t, wait;
    char view[128], version[32], body[1024];

    (void)state;
    trace_call(&fx, admin,
               "<CreateListView><_this type=\"ViewManager\">ViewManager</_this></CreateListView>",
               &t);
    snprintf(view, sizeof(view), "%s",
             trace_between(&t, "<returnval type=\"ListView\">", "</returnval>"));
    trace_free(&t);
    snprintf(body, sizeof(body),
             "<CreateFilter>" PC "<spec><propSet><type>TaskManager</type><pathSet>recentTask"
             "</pathSet></propSet><propSet><type>Folder</type><pathSet>name</pathSet></propSet>"
             "<objectSet><obj type=\"TaskManager\">ha-taskmgr</obj></objectSet><objectSet>"
             "<obj type=\"ListView\">%s</obj><skip>true</skip><selectSet "
             "xsi:type=\"TraversalSpec\"><type>ListView</type><path>view</path></selectSet>"
             "</objectSet></spec><partialUpdates>false</partialUpdates></CreateFilter>",
             view);
    trace_call(&fx, admin, body, &t);
    trace_free(&t);
    check("", &t);
    assert_int_equal(count_of(&t, "<objectSet>"), 1);
    snprintf(version, sizeof(version), "%s", trace_between(&t, "<version>", "</version>"));
    trace_free(&t);
    snprintf(body, sizeof(body), "<WaitForUpdatesEx>" PC "<version>%s</version></WaitForUpdatesEx>",
             version);
    trace_start(&fx, admin, "8.0.2.0", body, &wait);
    assert_false(wait.done);
    snprintf(body, sizeof(body),
             "<ResetListView><_this type=\"ListView\">%s</_this>"
             "<obj type=\"Folder\">ha-folder-vm</obj><obj type=\"Folder\">nowhere</obj>"
             "</ResetListView>",
             view);
    trace_call(&fx, admin, body, &t);
    assert_has(&t, "<returnval type=\"Folder\">nowhere</returnval>");
    trace_free(&t);
    fixture_wait(&fx, &wait.done);
    assert_has(&wait, "<kind>enter</kind><obj type=\"Folder\">ha-folder-vm</obj>");
    snprintf(version, sizeof(version), "%s", trace_between(&wait, "<version>", "</version>"));
    trace_free(&wait);
    power_on();
    check(version, &t);
    assert_has(&t, "<name>recentTask</name>");
    trace_free(&t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(power_follows_the_machine),
        TEST(a_wrong_state_fails_the_task),
        TEST(a_failing_machine_fails_the_task),
        TEST(a_second_task_is_told_of_the_first),
        TEST(the_guest_state_becomes_guest_info),
        TEST(a_nonsensical_guest_state_is_survived),
        TEST(reconfigure_writes_keys),
        TEST(reconfigure_refuses_what_it_cannot_do),
        TEST(a_wait_ends_when_the_task_does),
        TEST(only_what_was_asked_for_is_told),
        TEST(objects_come_and_go),
        TEST(a_cut_update_is_continued),
        TEST(waits_end_by_time_cancel_and_logout),
        TEST(list_views_and_recent_tasks_can_be_waited_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
