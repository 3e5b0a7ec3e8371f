/* Managed objects, property paths, hashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "api/vim_types.h"
#include "base/mem.h"
#include "hostd/mo.h"
#include "hostd/property_path.h"

static int get_name(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    *ret = vim_any_string(r->arena, mo->id);
    return *ret ? 0 : -ENOMEM;
}

static const struct mo_property properties[] = {{"name", get_name}, {NULL, NULL}};
static const struct mo_class entity = {.type = "ManagedEntity", .properties = properties};
static const struct mo_class folder = {.type = "Folder", .base = &entity};

static struct mo_registry *registry;

static int setup(void **state)
{
    (void)state;
    return mo_registry_new(&registry);
}

static int teardown(void **state)
{
    (void)state;
    mo_registry_free(registry);
    return 0;
}

static void objects_are_found_by_id_until_removed(void **state)
{
    struct mo a = {0}, b = {0};

    (void)state;
    assert_int_equal(mo_add(registry, &a, &folder, "a"), 0);
    assert_int_equal(mo_add(registry, &b, &folder, "a"), -EEXIST);
    assert_int_equal(mo_add(registry, &b, &folder, ""), -EINVAL);
    assert_int_equal(mo_add(registry, &b, &folder, "b"), 0);
    assert_ptr_equal(mo_find(registry, "a"), &a);
    assert_true(mo_is_a(&a, "Folder"));
    assert_true(mo_is_a(&a, "ManagedEntity"));
    assert_false(mo_is_a(&a, "VirtualMachine"));
    assert_string_equal(mo_ref(&b).type, "Folder");
    mo_remove(&a);
    mo_remove(&a);
    assert_null(mo_find(registry, "a"));
    assert_ptr_equal(mo_find(registry, "b"), &b);
    mo_remove(&b);
}

static void many_objects_are_all_found(void **state)
{
    enum { N = 3000 };
    struct mo *all = mem_calloc(N, sizeof(*all));
    char id[16];

    (void)state;
    assert_non_null(all);
    for (int i = 0; i < N; i++) {
        snprintf(id, sizeof(id), "o-%d", i);
        assert_int_equal(mo_add(registry, &all[i], &folder, id), 0);
    }
    for (int i = 0; i < N; i++) {
        snprintf(id, sizeof(id), "o-%d", i);
        assert_ptr_equal(mo_find(registry, id), &all[i]);
    }
    for (int i = 0; i < N; i++)
        mo_remove(&all[i]);
    mem_free(all);
}

static void an_object_of_another_session_is_hidden(void **state)
{
    struct session *mine = (struct session *)(void *)&mine,
                   *other = (struct session *)(void *)&other;
    struct mo a = {.session = mine};

    (void)state;
    assert_int_equal(mo_add(registry, &a, &folder, "a"), 0);
    assert_ptr_equal(mo_find_for(registry, "a", mine), &a);
    assert_null(mo_find_for(registry, "a", other));
    assert_null(mo_find_for(registry, "a", NULL));
    mo_remove(&a);
}

static void a_class_with_a_wrong_name_is_refused(void **state)
{
    static const struct mo_property wrong[] = {{"nonsense", get_name}, {NULL, NULL}};
    static const struct mo_class no_property = {.type = "Folder", .properties = wrong};
    static const struct mo_class no_type = {.type = "Nonsense"};
    struct mo a = {0};

    (void)state;
    assert_int_equal(mo_add(registry, &a, &no_property, "a"), -EINVAL);
    assert_int_equal(mo_add(registry, &a, &no_type, "a"), -EINVAL);
    assert_null(mo_find(registry, "a"));
}

static void properties_are_read_by_name(void **state)
{
    AUTO_ARENA struct arena arena = ARENA_INIT(1 << 16);
    struct mo_reader reader = {.arena = &arena};
    struct vim_any *value;
    struct mo a = {0};

    (void)state;
    assert_int_equal(mo_add(registry, &a, &folder, "a"), 0);
    assert_int_equal(mo_get(&a, "name", &reader, &value), 0); /* of the base class */
    assert_string_equal(value->v.string, "a");
    assert_int_equal(mo_get(&a, "childEntity", &reader, &value), 0); /* no getter: unset */
    assert_null(value);
    assert_int_equal(mo_get(&a, "nonsense", &reader, &value), -ENOENT);
    mo_remove(&a);
}

struct seen {
    struct mo_watch watch;
    int changes, gone;
    char path[64];
};

static void changed(struct mo_watch *watch, const char *path)
{
    struct seen *s = (struct seen *)(void *)watch;

    if (!path)
        s->gone++;
    else
        s->changes++;
    snprintf(s->path, sizeof(s->path), "%s", path ? path : "");
}

static void watchers_hear_changes_and_the_end(void **state)
{
    struct seen one = {.watch.changed = changed}, two = {.watch.changed = changed};
    struct mo a = {0};

    (void)state;
    assert_int_equal(mo_watch_add(&a, &one.watch), -ENOENT); /* not in the registry */
    assert_int_equal(mo_add(registry, &a, &folder, "a"), 0);
    assert_int_equal(mo_watch_add(&a, &one.watch), 0);
    assert_int_equal(mo_watch_add(&a, &two.watch), 0);
    mo_changed(&a, "childEntity");
    assert_int_equal(one.changes, 1);
    assert_string_equal(two.path, "childEntity");
    mo_watch_remove(&one.watch);
    mo_changed(&a, "name");
    assert_int_equal(one.changes, 1);
    assert_int_equal(two.changes, 2);
    mo_remove(&a);
    assert_int_equal(two.gone, 1);
    assert_null(two.watch.mo);
    assert_int_equal(one.gone, 0);
}

static void known_paths_pass_and_unknown_ones_do_not(void **state)
{
    const struct vim_mo_type *vm = vim_mo_type_find("VirtualMachine");
    static const char *const good[] = {
        "name",
        "summary.runtime.powerState",
        "config.hardware.device",
        "config.hardware.device[4000].key",
        "config.hardware.device[4000].macAddress", /* only a derived type has it */
        "config.extraConfig[\"a.b[0]\"].value",
        "guest.net[4000]",
        "config.extraConfig[\"a\"].value.whatever", /* anyType: only the value knows */
    };
    static const char *const bad[] = {
        "",         ".name",      "name.",          "nonsense",      "name.x",
        "summary.", "summary..",  "config.nothing", "guest.net.key", "name[1]",
        "guest[1]", "guest.net[", "guest.net[]",    "guest.net[\"x", "summary.runtime.powerState.x",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        if (!property_path_check(vm, good[i]))
            fail_msg("%s is refused", good[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (property_path_check(vm, bad[i]))
            fail_msg("%s passes", bad[i]);
    }
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    const struct vim_mo_type *vm = vim_mo_type_find("VirtualMachine");
    char path[PROPERTY_PATH_MAX + 2] = "config.extraConfig[\"";
    size_t n = strlen(path);

    (void)state;
    memset(path + n, 'a', PROPERTY_PATH_MAX - n - 2);
    strncpy(path + PROPERTY_PATH_MAX - 2, "\"]", 3);
    assert_int_equal(strlen(path), PROPERTY_PATH_MAX);
    assert_non_null(property_path_check(vm, path));
    strncpy(path + PROPERTY_PATH_MAX - 2, "a\"]", 4);
    assert_null(property_path_check(vm, path));
}

static void paths_are_followed_through_keys_and_unset_values(void **state)
{
    AUTO_ARENA struct arena a = ARENA_INIT(1 << 20);
    struct vim_VirtualMachineConfigInfo *c = VIM_NEW(&a, VirtualMachineConfigInfo);
    struct vim_VirtualVmxnet3 *nic = VIM_NEW(&a, VirtualVmxnet3);
    struct vim_OptionValue *o = VIM_NEW(&a, OptionValue);
    struct vim_any *config;
    const struct vim_any *v;

    (void)state;
    c->hardware = VIM_NEW(&a, VirtualHardware);
    c->hardware->device.count = 1;
    c->hardware->device.items = arena_memdup(&a, &nic, sizeof(nic));
    nic->key = 4001;
    nic->macAddress = "00:50:56:00:00:01";
    o->key = "a.b";
    o->value = vim_any_string(&a, "c");
    c->extraConfig.count = 1;
    c->extraConfig.items = arena_memdup(&a, &o, sizeof(o));
    config = vim_any_object(&a, c);
    assert_int_equal(
        property_path_follow(&a, config, "config.hardware.device[4001].macAddress", &v), 0);
    assert_string_equal(v->v.string, "00:50:56:00:00:01");
    assert_int_equal(property_path_follow(&a, config, "config.hardware.device[4002]", &v), 0);
    assert_null(v);
    assert_int_equal(property_path_follow(&a, config, "config.extraConfig[\"a.b\"].value", &v), 0);
    assert_string_equal(v->v.string, "c");
    assert_int_equal(property_path_follow(&a, config, "config.bootOptions.bootDelay", &v), 0);
    assert_null(v);
    assert_int_equal(property_path_follow(&a, NULL, "config.name", &v), 0);
    assert_null(v);
}

static void related_paths_are_prefixes_of_each_other(void **state)
{
    (void)state;
    assert_true(property_path_related("guest", "guest"));
    assert_true(property_path_related("guest", "guest.net"));
    assert_true(property_path_related("config.hardware.device[1]", "config.hardware.device"));
    assert_false(property_path_related("guest", "guestHeartbeatStatus"));
    assert_false(property_path_related("guest.net", "guest.ipAddress"));
    assert_false(property_path_related("a", "b"));
}

static void equal_values_have_equal_hashes_and_others_do_not(void **state)
{
    AUTO_ARENA struct arena a = ARENA_INIT(1 << 20);
    struct vim_GuestInfo *g = VIM_NEW(&a, GuestInfo), *h;
    struct vim_GuestNicInfo *nic = VIM_NEW(&a, GuestNicInfo);
    uint64_t before;

    (void)state;
    g->guestState = "running";
    nic->deviceConfigId = 4000;
    g->net.count = 1;
    g->net.items = arena_memdup(&a, &nic, sizeof(nic));
    h = (struct vim_GuestInfo *)(void *)vim_copy(&a, g);
    before = property_hash(vim_any_object(&a, g));
    assert_true(before == property_hash(vim_any_object(&a, h)));
    h->net.items[0]->deviceConfigId = 4001;
    assert_true(before != property_hash(vim_any_object(&a, h)));
    h->net.items[0]->deviceConfigId = 4000;
    h->has_guestOperationsReady = true;
    assert_true(before != property_hash(vim_any_object(&a, h)));
    assert_true(property_hash(vim_any_string(&a, "1")) != property_hash(vim_any_int(&a, 1)));
    assert_true(property_hash(NULL) == 0);
    assert_true(property_hash(vim_any_string(&a, "")) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(objects_are_found_by_id_until_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(many_objects_are_all_found, setup, teardown),
        cmocka_unit_test_setup_teardown(an_object_of_another_session_is_hidden, setup, teardown),
        cmocka_unit_test_setup_teardown(a_class_with_a_wrong_name_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(properties_are_read_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(watchers_hear_changes_and_the_end, setup, teardown),
        cmocka_unit_test(known_paths_pass_and_unknown_ones_do_not),
        cmocka_unit_test(a_path_that_is_too_long_is_refused),
        cmocka_unit_test(paths_are_followed_through_keys_and_unset_values),
        cmocka_unit_test(related_paths_are_prefixes_of_each_other),
        cmocka_unit_test(equal_values_have_equal_hashes_and_others_do_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
