/*
 * The calls that clients make to look at the inventory, as they write them, and what they rely on
 * in the answers.
 */
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
#include "hostd/mo.h"
#include "trace.h"

#define PC "<_this type=\"PropertyCollector\">ha-property-collector</_this>"

static struct fixture fx;
static struct session *admin;

static const char good_vmx[] = ".encoding = \"UTF-8\"\ndisplayName = \"one\"\nguestOS = "
                               "\"debian12-64\"\nmemSize = \"256\"\nnumvcpus = \"2\"\nuuid.bios = "
                               "\"56 4d 71 fc 4f 58 8d 9a-26 64 4c ae a5 5d 29 44\"\nvc.uuid = "
                               "\"52 01 02 03 04 05 06 07-08 09 0a 0b 0c 0d 0e 0f\"\n"
                               "ethernet0.present = \"TRUE\"\nethernet0.generatedAddress = "
                               "\"00:0c:29:00:00:01\"\nmy.key = \"a<b\"\n"
                               "inguest.sandbox.user.0.passwordHash = \"$y$secret\"\n";

static void write_vm(const char *folder, const char *text)
{
    char path[256];
    struct error err = {0};
    int fd;

    snprintf(path, sizeof(path), "%s/vms/%s", fx.run_dir, folder);
    assert_int_equal(fs_mkdirs(path, 0755, &err), 0);
    snprintf(path, sizeof(path), "%s/vms/%s/%s.vmx", fx.run_dir, folder, folder);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(fs_write_all(fd, text, strlen(text)), 0);
    close(fd);
}

static void register_vm(const char *folder)
{
    char body[512];
    struct trace t;

    snprintf(body, sizeof(body),
             "<RegisterVM_Task><_this type=\"Folder\">ha-folder-vm</_this>"
             "<path>[datastore1] %s/%s.vmx</path><asTemplate>false</asTemplate>"
             "</RegisterVM_Task>",
             folder, folder);
    trace_call(&fx, admin, body, &t);
    assert_has(&t, "<returnval type=\"Task\">");
    trace_free(&t);
}

static int setup(void **state)
{
    (void)state;
    fixture_setup(&fx);
    admin = fixture_session(&fx, "root");
    write_vm("one", good_vmx);
    register_vm("one");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_teardown(&fx);
    return 0;
}

/* govc, the common beginning: ancestors of the root folder. */
static void govc_reads_the_ancestors(void **state)
{
    struct trace t;

    (void)state;
    trace_call(
        &fx, admin,
        "<RetrievePropertiesEx>" PC "<specSet>"
        "<propSet><type>ManagedEntity</type><pathSet>name</pathSet><pathSet>parent</pathSet>"
        "</propSet><propSet><type>VirtualMachine</type><pathSet>parentVApp</pathSet></propSet>"
        "<objectSet><obj type=\"VirtualMachine\">1</obj><skip>false</skip>"
        "<selectSet xsi:type=\"TraversalSpec\"><name>traverseParent</name>"
        "<type>ManagedEntity</type><path>parent</path><skip>false</skip>"
        "<selectSet xsi:type=\"SelectionSpec\"><name>traverseParent</name></selectSet></selectSet>"
        "<selectSet xsi:type=\"TraversalSpec\"><name></name><type>VirtualMachine</type>"
        "<path>parentVApp</path><skip>false</skip>"
        "<selectSet xsi:type=\"SelectionSpec\"><name>traverseParent</name></selectSet></selectSet>"
        "</objectSet></specSet><options></options></RetrievePropertiesEx>",
        &t);
    assert_int_equal(count_of(&t, "<objects>"), 4); /* VM, its folder, datacenter, root */
    assert_has(&t, "<val xsi:type=\"xsd:string\">ha-folder-root</val>");
    assert_has(&t, "<val type=\"Folder\" xsi:type=\"ManagedObjectReference\">ha-folder-vm</val>");
    assert_has_not(&t, "<token>");
    trace_free(&t);
}

static void govc_lists_a_folder(void **state)
{
    struct trace t;

    (void)state;
    trace_call(
        &fx, admin,
        "<RetrievePropertiesEx>" PC "<specSet>"
        "<propSet><type>Folder</type><pathSet>name</pathSet><pathSet>childType</pathSet></propSet>"
        "<propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet>"
        "<propSet><type>ClusterComputeResource</type><pathSet>name</pathSet></propSet>"
        "<propSet><type>DistributedVirtualSwitch</type><pathSet>name</pathSet></propSet>"
        "<propSet><type>VirtualApp</type><pathSet>name</pathSet></propSet>"
        "<objectSet><obj type=\"Folder\">ha-folder-vm</obj><skip>true</skip>"
        "<selectSet xsi:type=\"TraversalSpec\"><name></name><type>Folder</type>"
        "<path>childEntity</path></selectSet></objectSet></specSet><options></options>"
        "</RetrievePropertiesEx>",
        &t);
    assert_int_equal(count_of(&t, "<objects>"), 1);
    assert_has(&t, "<obj type=\"VirtualMachine\">1</obj>");
    assert_has(&t, "<name>name</name><val xsi:type=\"xsd:string\">one</val>");
    trace_free(&t);
}

/* A named selection may be defined after, or around, the place that uses it; cycles end. */
static void selections_may_be_recursive_and_forward(void **state)
{
    struct trace t;

    (void)state;
    trace_call(
        &fx, admin,
        "<RetrieveProperties>" PC "<specSet>"
        "<propSet><type>ManagedEntity</type></propSet>"
        "<objectSet><obj type=\"Folder\">ha-folder-root</obj>"
        "<selectSet xsi:type=\"TraversalSpec\"><name>folder</name><type>Folder</type>"
        "<path>childEntity</path><selectSet><name>dc</name></selectSet>"
        "<selectSet><name>up</name></selectSet><selectSet><name>folder</name></selectSet>"
        "</selectSet><selectSet xsi:type=\"TraversalSpec\"><name>dc</name><type>Datacenter</type>"
        "<path>vmFolder</path><selectSet><name>folder</name></selectSet></selectSet>"
        "<selectSet xsi:type=\"TraversalSpec\"><name>up</name><type>ManagedEntity</type>"
        "<path>parent</path><selectSet><name>folder</name></selectSet></selectSet>"
        "</objectSet></specSet></RetrieveProperties>",
        &t);
    assert_int_equal(count_of(&t, "<returnval>"), 4); /* root, datacenter, vm folder, VM: once */
    trace_free(&t);
    trace_fault(&fx, admin,
                "<RetrieveProperties>" PC "<specSet><propSet><type>Folder</type></propSet>"
                "<objectSet><obj type=\"Folder\">ha-folder-root</obj><selectSet><name>nowhere"
                "</name></selectSet></objectSet></specSet></RetrieveProperties>",
                &t);
    assert_has(&t, "InvalidArgument");
    trace_free(&t);
}

static void wrong_names_get_their_faults(void **state)
{
    static const struct {
        const char *type, *path, *object, *fault;
    } table[] = {
        {"VirtualMachine", "nonsense", "1", "<name>nonsense</name>"},
        {"VirtualMachine", "summary.nonsense", "1", "<name>summary.nonsense</name>"},
        {"Nonsense", "name", "1", "InvalidType"},
        {"VirtualMachine", "name", "vm-99", "ManagedObjectNotFound"},
    };
    char body[1024];
    struct trace t;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        snprintf(body, sizeof(body),
                 "<RetrieveProperties>" PC "<specSet><propSet><type>%s</type><pathSet>%s</pathSet>"
                 "</propSet><objectSet><obj type=\"VirtualMachine\">%s</obj></objectSet></specSet>"
                 "</RetrieveProperties>",
                 table[i].type, table[i].path, table[i].object);
        trace_fault(&fx, admin, body, &t);
        assert_has(&t, table[i].fault);
        trace_free(&t);
    }
}

static void a_missing_start_is_left_out_when_asked(void **state)
{
    struct trace t;

    (void)state;
    trace_call(&fx, admin,
               "<RetrievePropertiesEx>" PC "<specSet><propSet><type>VirtualMachine</type></propSet>"
               "<objectSet><obj type=\"VirtualMachine\">vm-99</obj></objectSet>"
               "<reportMissingObjectsInResults>true</reportMissingObjectsInResults></specSet>"
               "<options/></RetrievePropertiesEx>",
               &t);
    assert_has_not(&t, "returnval"); /* nothing found: no result */
    trace_free(&t);
}

static void paths_reach_into_values(void **state)
{
    struct trace t;

    (void)state;
    trace_call(&fx, admin,
               "<RetrieveProperties>" PC "<specSet><propSet><type>VirtualMachine</type>"
               "<pathSet>config.extraConfig[\"my.key\"].value</pathSet>"
               "<pathSet>config.hardware.device[4000].macAddress</pathSet>"
               "<pathSet>summary.runtime.powerState</pathSet>"
               "<pathSet>snapshot.currentSnapshot</pathSet><pathSet>config.uuid</pathSet>"
               "</propSet><objectSet><obj type=\"VirtualMachine\">1</obj></objectSet></specSet>"
               "</RetrieveProperties>",
               &t);
    assert_has(&t, "<val xsi:type=\"xsd:string\">a&lt;b</val>");
    assert_has(&t, "<val xsi:type=\"xsd:string\">00:0c:29:00:00:01</val>");
    assert_has(&t, "<val xsi:type=\"VirtualMachinePowerState\">poweredOff</val>");
    assert_has(&t, "564d71fc-4f58-8d9a-2664-4caea55d2944");
    assert_int_equal(count_of(&t, "<propSet>"), 4); /* the snapshot is unset */
    trace_free(&t);
}

static void secrets_of_the_configuration_are_not_shown(void **state)
{
    struct trace t;

    (void)state;
    trace_call(&fx, admin,
               "<Fetch><_this type=\"VirtualMachine\">1</_this><prop>config</prop></Fetch>", &t);
    assert_has(&t, "my.key");
    assert_has_not(&t, "$y$secret");
    trace_free(&t);
}

static void retrieval_continues_with_tokens(void **state)
{
    struct trace t;
    char body[512], first[64];
    static const char ask[] =
        "<RetrievePropertiesEx>" PC "<specSet><propSet><type>ManagedEntity</type>"
        "<pathSet>name</pathSet></propSet><objectSet><obj type=\"Datacenter\">ha-datacenter</obj>"
        "<selectSet xsi:type=\"TraversalSpec\"><type>Datacenter</type><path>vmFolder</path>"
        "</selectSet><selectSet xsi:type=\"TraversalSpec\"><type>Datacenter</type>"
        "<path>hostFolder</path></selectSet></objectSet></specSet>"
        "<options><maxObjects>%d</maxObjects></options></RetrievePropertiesEx>";

    (void)state;
    snprintf(body, sizeof(body), ask, 0);
    trace_fault(&fx, admin, body, &t);
    assert_has(&t, "options.maxObjects");
    trace_free(&t);
    snprintf(body, sizeof(body), ask, 2);
    trace_call(&fx, admin, body, &t);
    assert_int_equal(count_of(&t, "<objects>"), 2);
    snprintf(first, sizeof(first), "%s", trace_between(&t, "<token>", "</token>"));
    trace_free(&t);
    snprintf(body, sizeof(body),
             "<ContinueRetrievePropertiesEx>" PC "<token>%s</token></ContinueRetrievePropertiesEx>",
             first);
    trace_call(&fx, admin, body, &t);
    assert_int_equal(count_of(&t, "<objects>"), 1);
    assert_has_not(&t, "<token>");
    trace_free(&t);
    trace_fault(&fx, admin, body, &t); /* once only */
    assert_has(&t, "<invalidProperty>token</invalidProperty>");
    trace_free(&t);
}

static void pyvmomi_fetches_properties(void **state)
{
    struct trace t;

    (void)state;
    trace_call(&fx, admin,
               "<Fetch><_this versionId=\"8.0.2.0\" type=\"VirtualMachine\">1</_this>"
               "<prop versionId=\"8.0.2.0\">name</prop></Fetch>",
               &t);
    assert_has(&t, "<FetchResponse xmlns=\"urn:vim25\"><returnval xsi:type=\"xsd:string\">one"
                   "</returnval></FetchResponse>");
    trace_free(&t);
    trace_call(&fx, admin,
               "<Fetch><_this type=\"VirtualMachine\">1</_this><prop>snapshot</prop></Fetch>", &t);
    assert_has_not(&t, "returnval");
    trace_free(&t);
    trace_fault(&fx, admin,
                "<Fetch><_this type=\"VirtualMachine\">1</_this><prop>summary.vm</prop></Fetch>",
                &t);
    assert_has(&t, "InvalidProperty");
    trace_free(&t);
}

static void without_a_session_only_the_beginning_can_be_read(void **state)
{
    struct trace t;

    (void)state;
    trace_call(&fx, NULL,
               "<Fetch><_this type=\"ServiceInstance\">ServiceInstance</_this><prop>content</prop>"
               "</Fetch>",
               &t);
    assert_has(&t, "ha-folder-root");
    trace_free(&t);
    trace_call(&fx, NULL,
               "<RetrievePropertiesEx>" PC "<specSet><propSet><type>SessionManager</type><pathSet>"
               "currentSession</pathSet></propSet><objectSet><obj type=\"SessionManager\">"
               "ha-sessionmgr</obj></objectSet></specSet><options/></RetrievePropertiesEx>",
               &t);
    assert_has_not(&t, "<propSet>");
    trace_free(&t);
    trace_fault(&fx, NULL,
                "<Fetch><_this type=\"VirtualMachine\">1</_this><prop>name</prop></Fetch>", &t);
    assert_has(&t, "NotAuthenticated");
    trace_free(&t);
    trace_fault(&fx, NULL,
                "<RetrieveProperties>" PC "<specSet><propSet><type>VirtualMachine</type><pathSet>"
                "name</pathSet></propSet><objectSet><obj type=\"VirtualMachine\">1</obj>"
                "</objectSet></specSet></RetrieveProperties>",
                &t);
    assert_has(&t, "NotAuthenticated");
    trace_free(&t);
}

/* Every property of every object can be read, in the oldest release and in the newest, and no
 * required field is missing. */
struct every {
    const char *ids[256], *types[256];
    size_t count;
};

static int note(struct mo *mo, void *arg)
{
    struct every *e = arg;

    if (e->count < ARRAY_SIZE(e->ids)) {
        e->ids[e->count] = mo->id;
        e->types[e->count++] = mo_type_name(mo);
    }
    return 0;
}

static void every_property_of_every_object_can_be_read(void **state)
{
    struct every e = {.count = 0};
    size_t values = 0;

    (void)state;
    mo_each(fx.host.registry, note, &e);
    assert_true(e.count > 30);
    for (size_t i = 0; i < e.count; i++) {
        struct mo *mo = mo_find(fx.host.registry, e.ids[i]);
        const struct vim_mo_type *type = mo->info->type;

        for (size_t p = 0; p < type->property_count; p++) {
            AUTO_ARENA struct arena a = ARENA_INIT(64u << 20);
            struct mo_reader reader = {.host = &fx.host, .session = admin, .arena = &a};
            const struct vim_field *field = &type->properties[p];
            const struct vim_field *missing;
            struct vim_any *v;

            if (mo_get(mo, field->name, &reader, &v) < 0)
                fail_msg("%s.%s cannot be read", e.ids[i], field->name);
            if (!v && !(field->flags & VIM_FIELD_OPTIONAL))
                fail_msg("%s.%s is required and unset", e.ids[i], field->name);
            if (!v)
                continue;
            values++;
            assert_int_equal(v->is_array, (field->flags & VIM_FIELD_ARRAY) != 0);
            if (v->is_array || v->type->kind != VIM_KIND_DATA)
                continue;
            if (!vim_type_is_a(v->type, field->type))
                fail_msg("%s.%s is a %s", e.ids[i], field->name, v->type->name);
            missing = vim_missing_field(v->type, v->v.object, vim_version_advertised);
            if (missing)
                fail_msg("%s.%s lacks %s", e.ids[i], field->name, missing->name);
        }
    }
    assert_true(values > 150);
}

static void the_search_index_finds_by_everything(void **state)
{
    static const char *const found[] = {
        "<FindByUuid><_this type=\"SearchIndex\">ha-searchindex</_this>"
        "<uuid>564D71FC-4f58-8d9a-2664-4caea55d2944</uuid><vmSearch>true</vmSearch></FindByUuid>",
        "<FindByUuid><_this type=\"SearchIndex\">ha-searchindex</_this>"
        "<uuid>52010203-0405-0607-0809-0a0b0c0d0e0f</uuid><vmSearch>true</vmSearch>"
        "<instanceUuid>true</instanceUuid></FindByUuid>",
        "<FindByInventoryPath><_this type=\"SearchIndex\">ha-searchindex</_this>"
        "<inventoryPath>/ha-datacenter/vm/one</inventoryPath></FindByInventoryPath>",
        "<FindChild><_this type=\"SearchIndex\">ha-searchindex</_this>"
        "<entity type=\"Folder\">ha-folder-vm</entity><name>one</name></FindChild>",
        "<FindByDatastorePath><_this type=\"SearchIndex\">ha-searchindex</_this>"
        "<datacenter type=\"Datacenter\">ha-datacenter</datacenter>"
        "<path>[datastore1] one/one.vmx</path></FindByDatastorePath>",
    };
    static const char *const absent[] = {
        "<FindByUuid><_this type=\"SearchIndex\">ha-searchindex</_this>"
        "<uuid>564d71fc-4f58-8d9a-2664-4caea55d2944</uuid><vmSearch>false</vmSearch></FindByUuid>",
        "<FindByInventoryPath><_this type=\"SearchIndex\">ha-searchindex</_this>"
        "<inventoryPath>ha-datacenter/vm/two</inventoryPath></FindByInventoryPath>",
        "<FindByIp><_this type=\"SearchIndex\">ha-searchindex</_this><ip>10.0.0.1</ip>"
        "<vmSearch>true</vmSearch></FindByIp>",
        "<FindAllByDnsName><_this type=\"SearchIndex\">ha-searchindex</_this>"
        "<dnsName>one</dnsName><vmSearch>true</vmSearch></FindAllByDnsName>",
    };
    struct trace t;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(found); i++) {
        trace_call(&fx, admin, found[i], &t);
        assert_has(&t, "<returnval type=\"VirtualMachine\">1</returnval>");
        trace_free(&t);
    }
    for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
        trace_call(&fx, admin, absent[i], &t);
        assert_has_not(&t, "returnval");
        trace_free(&t);
    }
    trace_fault(&fx, admin,
                "<FindByDatastorePath><_this type=\"SearchIndex\">ha-searchindex</_this>"
                "<datacenter type=\"Datacenter\">ha-datacenter</datacenter>"
                "<path>[other] one/one.vmx</path></FindByDatastorePath>",
                &t);
    assert_has(&t, "InvalidDatastore");
    trace_free(&t);
}

static void container_views_follow_the_tree(void **state)
{
    struct trace t;
    char view[128], body[1024];

    (void)state;
    trace_call(&fx, admin,
               "<CreateContainerView><_this type=\"ViewManager\">ViewManager</_this>"
               "<container type=\"Folder\">ha-folder-root</container><type>VirtualMachine</type>"
               "<type>HostSystem</type><recursive>true</recursive></CreateContainerView>",
               &t);
    snprintf(view, sizeof(view), "%s",
             trace_between(&t, "<returnval type=\"ContainerView\">", "</returnval>"));
    trace_free(&t);
    snprintf(body, sizeof(body),
             "<RetrievePropertiesEx>" PC "<specSet><propSet><type>ManagedEntity</type>"
             "<pathSet>name</pathSet></propSet><objectSet><obj type=\"ContainerView\">%s</obj>"
             "<skip>true</skip><selectSet xsi:type=\"TraversalSpec\"><name>traverseEntities</name>"
             "<type>ContainerView</type><path>view</path><skip>false</skip></selectSet></objectSet>"
             "</specSet><options/></RetrievePropertiesEx>",
             view);
    trace_call(&fx, admin, body, &t);
    assert_int_equal(count_of(&t, "<objects>"), 2);
    trace_free(&t);
    write_vm("two", good_vmx);
    register_vm("two");
    trace_call(&fx, admin, body, &t);
    assert_int_equal(count_of(&t, "<objects>"), 3);
    trace_free(&t);
    /* Another session cannot see the view. */
    trace_fault(&fx, fixture_session(&fx, "root"), body, &t);
    assert_has(&t, "ManagedObjectNotFound");
    trace_free(&t);
    snprintf(body, sizeof(body),
             "<DestroyView><_this type=\"ContainerView\">%s</_this></DestroyView>", view);
    trace_call(&fx, admin, body, &t);
    trace_free(&t);
    trace_fault(&fx, admin, body, &t);
    assert_has(&t, "ManagedObjectNotFound");
    trace_free(&t);
    trace_fault(&fx, admin,
                "<CreateContainerView><_this type=\"ViewManager\">ViewManager</_this>"
                "<container type=\"Folder\">ha-folder-root</container><type>Nonsense</type>"
                "<recursive>true</recursive></CreateContainerView>",
                &t);
    assert_has(&t, "<invalidProperty>type</invalidProperty>");
    trace_free(&t);
}

static void registering_twice_or_nothing_fails_the_task(void **state)
{
    static const struct {
        const char *path, *fault;
    } table[] = {{"[datastore1] one/one.vmx", "AlreadyExists"},
                 {"[datastore1] none/none.vmx", "NotFound"},
                 {"[datastore1] ../one/one.vmx", "NotFound"},
                 {"[other] one/one.vmx", "NotFound"}};
    char body[512], task[128];
    struct trace t;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        snprintf(body, sizeof(body),
                 "<RegisterVM_Task><_this type=\"Folder\">ha-folder-vm</_this><path>%s</path>"
                 "<asTemplate>false</asTemplate></RegisterVM_Task>",
                 table[i].path);
        trace_call(&fx, admin, body, &t);
        snprintf(task, sizeof(task), "%s",
                 trace_between(&t, "<returnval type=\"Task\">", "</returnval>"));
        trace_free(&t);
        snprintf(body, sizeof(body),
                 "<Fetch><_this type=\"Task\">%s</_this><prop>info</prop></Fetch>", task);
        trace_call(&fx, admin, body, &t);
        assert_has(&t, "<state>error</state>");
        assert_has(&t, table[i].fault);
        trace_free(&t);
    }
}

static void a_bad_vmx_file_makes_an_inaccessible_vm(void **state)
{
    struct trace t;
    char path[256];

    (void)state;
    write_vm("bad", good_vmx);
    register_vm("bad");
    snprintf(path, sizeof(path), "%s/vms/bad/bad.vmx", fx.run_dir);
    assert_int_equal(truncate(path, 0), 0);
    {
        int fd = open(path, O_WRONLY | O_TRUNC);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, "a = \"b\"\n\0c", 10), 10); /* a NUL is no text */
        close(fd);
    }
    trace_call(&fx, admin, "<Reload><_this type=\"VirtualMachine\">2</_this></Reload>", &t);
    trace_free(&t);
    trace_call(&fx, admin,
               "<Fetch><_this type=\"VirtualMachine\">2</_this><prop>runtime</prop></Fetch>", &t);
    assert_has(&t, "<connectionState>inaccessible</connectionState>");
    trace_free(&t);
    trace_call(&fx, admin,
               "<Fetch><_this type=\"VirtualMachine\">2</_this><prop>config</prop></Fetch>", &t);
    assert_has_not(&t, "returnval");
    trace_free(&t);
    trace_call(&fx, admin,
               "<Fetch><_this type=\"VirtualMachine\">2</_this><prop>summary</prop></Fetch>", &t);
    assert_has(&t, "<name>one</name>");
    trace_free(&t);
}

static void events_are_paged_and_filtered(void **state)
{
    struct trace t;
    char collector[128], body[512];

    (void)state;
    trace_call(&fx, admin,
               "<LogUserEvent><_this type=\"EventManager\">ha-eventmgr</_this>"
               "<entity type=\"VirtualMachine\">1</entity><msg>hello</msg></LogUserEvent>",
               &t);
    trace_free(&t);
    trace_call(&fx, admin,
               "<CreateCollectorForEvents><_this type=\"EventManager\">ha-eventmgr</_this><filter>"
               "<entity><entity type=\"VirtualMachine\">1</entity><recursion>self</recursion>"
               "</entity></filter></CreateCollectorForEvents>",
               &t);
    snprintf(collector, sizeof(collector), "%s",
             trace_between(&t, "<returnval type=\"EventHistoryCollector\">", "</returnval>"));
    trace_free(&t);
    snprintf(body, sizeof(body),
             "<SetCollectorPageSize><_this type=\"EventHistoryCollector\">%s</_this>"
             "<maxCount>1</maxCount></SetCollectorPageSize>",
             collector);
    trace_call(&fx, admin, body, &t);
    trace_free(&t);
    snprintf(body, sizeof(body),
             "<Fetch><_this type=\"EventHistoryCollector\">%s</_this><prop>latestPage</prop>"
             "</Fetch>",
             collector);
    trace_call(&fx, admin, body, &t);
    assert_int_equal(count_of(&t, "<Event "), 1);
    assert_has(&t, "xsi:type=\"GeneralUserEvent\"");
    assert_has(&t, "<message>hello</message>");
    trace_free(&t);
    /* Reading backwards gives the older ones, then nothing. */
    snprintf(body, sizeof(body),
             "<ReadPreviousEvents><_this type=\"EventHistoryCollector\">%s</_this>"
             "<maxCount>100</maxCount></ReadPreviousEvents>",
             collector);
    trace_call(&fx, admin, body, &t);
    assert_has(&t, "hello");
    assert_has(&t, "VmRegisteredEvent");
    trace_free(&t);
    trace_call(&fx, admin, body, &t);
    assert_has_not(&t, "returnval");
    trace_free(&t);
    trace_call(&fx, admin,
               "<QueryEvents><_this type=\"EventManager\">ha-eventmgr</_this><filter>"
               "<category>user</category></filter></QueryEvents>",
               &t);
    assert_int_equal(count_of(&t, "<returnval"), 1);
    trace_free(&t);
}

static void the_other_persona_has_its_own_ids_and_folders(void **state)
{
    struct trace t;
    char folder[128], body[512];

    (void)state;
    fixture_teardown(&fx);
    fixture_setup_persona(&fx, HOST_PERSONA_VIRTUAL_CENTER);
    admin = fixture_session(&fx, "root");
    trace_call(&fx, admin,
               "<Fetch><_this type=\"Folder\">group-d1</_this><prop>name</prop></Fetch>", &t);
    assert_has(&t, "Datacenters");
    trace_free(&t);
    trace_call(&fx, admin,
               "<CreateFolder><_this type=\"Folder\">group-v3</_this><name>a/b</name>"
               "</CreateFolder>",
               &t);
    snprintf(folder, sizeof(folder), "%s",
             trace_between(&t, "<returnval type=\"Folder\">", "</returnval>"));
    trace_free(&t);
    trace_fault(&fx, admin,
                "<CreateFolder><_this type=\"Folder\">group-v3</_this><name>a/b</name>"
                "</CreateFolder>",
                &t);
    assert_has(&t, "DuplicateName");
    trace_free(&t);
    trace_call(&fx, admin,
               "<FindByInventoryPath><_this type=\"SearchIndex\">SearchIndex</_this>"
               "<inventoryPath>DC0/vm/a%2fb</inventoryPath></FindByInventoryPath>",
               &t);
    assert_has(&t, folder);
    trace_free(&t);
    snprintf(body, sizeof(body), "<Destroy_Task><_this type=\"Folder\">%s</_this></Destroy_Task>",
             folder);
    trace_call(&fx, admin, body, &t);
    trace_free(&t);
    assert_null(mo_find(fx.host.registry, folder));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(govc_reads_the_ancestors),
        TEST(govc_lists_a_folder),
        TEST(selections_may_be_recursive_and_forward),
        TEST(wrong_names_get_their_faults),
        TEST(a_missing_start_is_left_out_when_asked),
        TEST(paths_reach_into_values),
        TEST(secrets_of_the_configuration_are_not_shown),
        TEST(retrieval_continues_with_tokens),
        TEST(pyvmomi_fetches_properties),
        TEST(without_a_session_only_the_beginning_can_be_read),
        TEST(every_property_of_every_object_can_be_read),
        TEST(the_search_index_finds_by_everything),
        TEST(container_views_follow_the_tree),
        TEST(registering_twice_or_nothing_fails_the_task),
        TEST(a_bad_vmx_file_makes_an_inaccessible_vm),
        TEST(events_are_paged_and_filtered),
        TEST(the_other_persona_has_its_own_ids_and_folders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
