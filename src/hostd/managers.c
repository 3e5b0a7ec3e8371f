/*
 * The singletons of ServiceContent as managed objects. Those with a part of their own (property
 * collector, tasks, events, guest operations) make their objects themselves; the others, whose
 * methods are elsewhere or which are thin, are made here.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "hostd/about.h"
#include "hostd/auth.h"
#include "hostd/auth_methods.h"
#include "hostd/inventory_internal.h"
#include "hostd/managers.h"
#include "hostd/session.h"
#include "hostd/session_methods.h"

#define SINGLETONS_MAX 32

/* ---- ServiceInstance ---- */

static int get_clock(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    (void)mo;
    return mo_value(vim_any_datetime(r->arena, clock_wall_us()), ret);
}

static int get_capability(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct vim_Capability *c = VIM_NEW(r->arena, Capability);

    (void)mo;
    if (!c)
        return -ENOMEM;
    c->provisioningSupported = true;
    c->multiHostSupported = r->host->options.persona == HOST_PERSONA_VIRTUAL_CENTER;
    return mo_value(vim_any_object(r->arena, c), ret);
}

static int get_content(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    (void)mo;
    return mo_value(vim_any_object(r->arena, about_content(r->host, r->arena)), ret);
}

static const struct mo_property service_properties[] = {{"serverClock", get_clock},
                                                        {"capability", get_capability},
                                                        {"content", get_content},
                                                        {NULL, NULL}};

/* ---- SessionManager ---- */

struct session_list {
    struct arena *a;
    struct vim_UserSession **items;
    size_t count;
    bool failed;
};

static void add_session(struct session *s, void *arg)
{
    struct session_list *l = arg;

    if (s->ended || l->count == SESSION_MAX || l->failed)
        return;
    l->items[l->count] = session_describe(s, l->a);
    if (!l->items[l->count])
        l->failed = true;
    else
        l->count++;
}

static int get_session_list(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct session_list l = {.a = r->arena};

    (void)mo;
    l.items = arena_calloc(r->arena, SESSION_MAX, sizeof(*l.items));
    if (!l.items)
        return -ENOMEM;
    session_each(r->host->sessions, add_session, &l);
    if (l.failed)
        return -ENOMEM;
    return mo_value(vim_any_array(r->arena, &vim_type_UserSession, l.count, l.items), ret);
}

static int get_current_session(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    (void)mo;
    if (!r->session || r->session->ended)
        return 0;
    return mo_value(vim_any_object(r->arena, session_describe(r->session, r->arena)), ret);
}

static int get_message(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    (void)mo;
    return mo_value(vim_any_string(r->arena, session_service_message(r->host)), ret);
}

static int get_locales(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    static const char *const locales[] = {"en", "en_US"};

    (void)mo;
    return mo_value(vim_any_array(r->arena, &vim_type_string, ARRAY_SIZE(locales), locales), ret);
}

static int get_default_locale(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    (void)mo;
    return mo_value(vim_any_string(r->arena, "en"), ret);
}

static const struct mo_property session_properties[] = {{"sessionList", get_session_list},
                                                        {"currentSession", get_current_session},
                                                        {"message", get_message},
                                                        {"messageLocaleList", get_locales},
                                                        {"supportedLocaleList", get_locales},
                                                        {"defaultLocale", get_default_locale},
                                                        {NULL, NULL}};

/* ---- AuthorizationManager ---- */

static const char *last_part(const char *privilege)
{
    const char *dot = strrchr(privilege, '.');

    return dot ? dot + 1 : privilege;
}

static int get_privilege_list(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct vim_AuthorizationPrivilege **items =
        arena_calloc(r->arena, privilege_count, sizeof(*items));

    (void)mo;
    if (!items)
        return -ENOMEM;
    for (size_t i = 0; i < privilege_count; i++) {
        struct vim_AuthorizationPrivilege *p = VIM_NEW(r->arena, AuthorizationPrivilege);
        const char *name = last_part(privilege_names[i]);

        if (!p)
            return -ENOMEM;
        p->privId = privilege_names[i];
        p->name = name;
        p->privGroupName = name > privilege_names[i]
                               ? arena_strndup(r->arena, privilege_names[i],
                                               (size_t)(name - privilege_names[i] - 1))
                               : name;
        if (!p->privGroupName)
            return -ENOMEM;
        items[i] = p;
    }
    return mo_value(
        vim_any_array(r->arena, &vim_type_AuthorizationPrivilege, privilege_count, items), ret);
}

static int get_role_list(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    const struct auth_role *roles;
    size_t n = auth_roles(r->host, &roles);
    struct vim_AuthorizationRole **items = arena_calloc(r->arena, n + 1, sizeof(*items));

    (void)mo;
    if (!items)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        items[i] = auth_describe_role(&roles[i], r->arena);
        if (!items[i])
            return -ENOMEM;
    }
    return mo_value(vim_any_array(r->arena, &vim_type_AuthorizationRole, n, items), ret);
}

static int get_auth_description(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct vim_AuthorizationDescription *d = VIM_NEW(r->arena, AuthorizationDescription);

    (void)mo;
    if (!d || !(d->privilege.items = arena_calloc(r->arena, privilege_count, sizeof(void *))))
        return -ENOMEM;
    for (size_t i = 0; i < privilege_count; i++) {
        struct vim_ElementDescription *e = VIM_NEW(r->arena, ElementDescription);

        if (!e)
            return -ENOMEM;
        e->key = privilege_names[i];
        e->label = e->summary = last_part(privilege_names[i]);
        d->privilege.items[d->privilege.count++] = e;
    }
    return mo_value(vim_any_object(r->arena, d), ret);
}

static const struct mo_property authorization_properties[] = {{"privilegeList", get_privilege_list},
                                                              {"roleList", get_role_list},
                                                              {"description", get_auth_description},
                                                              {NULL, NULL}};

/* ---- options and licences ---- */

static int add_option(struct arena *a, struct vim_array_OptionValue *out, const char *key,
                      const char *value)
{
    struct vim_OptionValue *o = VIM_NEW(a, OptionValue);

    if (!o || !(o->value = vim_any_string(a, value)))
        return -ENOMEM;
    o->key = key;
    out->items[out->count++] = o;
    return 0;
}

/* The options whose name is `name` or begins with it (when it ends in a dot); NULL: all. */
static int options(struct host *host, struct arena *a, const char *name,
                   struct vim_array_OptionValue *ret)
{
    const struct {
        const char *key, *value;
        bool center;
    } table[] = {
        {"VirtualCenter.FQDN", host->options.name, true},
        {"VirtualCenter.InstanceName", host->options.name, true},
        {"Config.HostAgent.plugins.hostsvc.esxAdminsGroup", "", false},
    };

    ret->items = arena_calloc(a, ARRAY_SIZE(table), sizeof(*ret->items));
    if (!ret->items)
        return -ENOMEM;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        size_t n = name ? strlen(name) : 0;
        bool prefix = n && name[n - 1] == '.';

        if (table[i].center != (host->options.persona == HOST_PERSONA_VIRTUAL_CENTER))
            continue;
        if (n && (prefix ? strncmp(table[i].key, name, n) : strcmp(table[i].key, name)))
            continue;
        if (add_option(a, ret, table[i].key, table[i].value) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int get_setting(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct vim_array_OptionValue list = {0};
    int code = options(r->host, r->arena, NULL, &list);

    (void)mo;
    return code < 0 ? code : mo_value(VIM_ANY_ARRAY(r->arena, OptionValue, list), ret);
}

static int get_supported_option(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    (void)mo;
    return mo_value(vim_any_array(r->arena, &vim_type_OptionDef, 0, NULL), ret);
}

static const struct mo_property option_properties[] = {
    {"supportedOption", get_supported_option}, {"setting", get_setting}, {NULL, NULL}};

static void query_options(struct call *call)
{
    const struct vim_QueryOptions_request *req = call->req;
    struct vim_QueryOptions_result result = {0};
    int r = options(call->host, call->arena, req->name, &result.value);

    if (r < 0) {
        call_fault_errno(call, r, "options");
    } else if (!result.value.count && req->name && req->name[0]) {
        struct vim_InvalidName *f = VIM_NEW(call->arena, InvalidName);

        if (f)
            f->name = req->name;
        call_fault(call, f, "There is no option named %.200s.", req->name);
    } else {
        call_return(call, &result);
    }
}

static int get_licenses(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    struct vim_LicenseManagerLicenseInfo *l = VIM_NEW(r->arena, LicenseManagerLicenseInfo);
    struct vim_LicenseManagerLicenseInfo **list = l ? arena_memdup(r->arena, &l, sizeof(l)) : NULL;

    (void)mo;
    if (!list)
        return -ENOMEM;
    l->licenseKey = "00000-00000-00000-00000-00000";
    l->editionKey = "esxEnterprisePlus";
    l->name = "inguest needs no licence";
    l->has_used = true;
    l->costUnit = "cpuPackage";
    return mo_value(vim_any_array(r->arena, &vim_type_LicenseManagerLicenseInfo, 1, list), ret);
}

static int get_evaluation(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    (void)mo;
    return mo_value(vim_any_object(r->arena, VIM_NEW(r->arena, LicenseManagerEvaluationInfo)), ret);
}

static int get_edition(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    (void)mo;
    return mo_value(vim_any_string(r->arena, "esxEnterprisePlus"), ret);
}

static int get_true(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    (void)mo;
    return mo_value(vim_any_boolean(r->arena, true), ret);
}

static const struct mo_property license_properties[] = {{"licenses", get_licenses},
                                                        {"evaluation", get_evaluation},
                                                        {"licensedEdition", get_edition},
                                                        {"sourceAvailable", get_true},
                                                        {NULL, NULL}};

/* ---- lists that are empty here ---- */

#define EMPTY_LIST(function, type)                                                \
    static int function(struct mo *mo, struct mo_reader *r, struct vim_any **ret) \
    {                                                                             \
        (void)mo;                                                                 \
        return mo_value(vim_any_array(r->arena, &vim_type_##type, 0, NULL), ret); \
    }

EMPTY_LIST(get_no_services, ServiceManagerServiceInfo)
EMPTY_LIST(get_no_counters, PerfCounterInfo)
EMPTY_LIST(get_no_intervals, PerfInterval)
EMPTY_LIST(get_no_extensions, Extension)
EMPTY_LIST(get_no_fields, CustomFieldDef)
EMPTY_LIST(get_no_catalogs, LocalizationManagerMessageCatalog)

static int get_perf_description(struct mo *mo, struct mo_reader *r, struct vim_any **ret)
{
    (void)mo;
    return mo_value(vim_any_object(r->arena, VIM_NEW(r->arena, PerformanceDescription)), ret);
}

static const struct mo_property service_manager_properties[] = {{"service", get_no_services},
                                                                {NULL, NULL}};
static const struct mo_property perf_properties[] = {{"description", get_perf_description},
                                                     {"historicalInterval", get_no_intervals},
                                                     {"perfCounter", get_no_counters},
                                                     {NULL, NULL}};
static const struct mo_property extension_properties[] = {{"extensionList", get_no_extensions},
                                                          {NULL, NULL}};
static const struct mo_property field_properties[] = {{"field", get_no_fields}, {NULL, NULL}};
static const struct mo_property l10n_properties[] = {{"catalog", get_no_catalogs}, {NULL, NULL}};

/* Methods whose honest answer here is "none". */
static void answer_empty(struct call *call)
{
    struct vim_QueryServiceList_result result = {0}; /* all of them return a list */

    call_return(call, &result);
}

static const struct mo_class classes[] = {
    {.type = "ServiceInstance", .properties = service_properties},
    {.type = "SessionManager", .properties = session_properties},
    {.type = "AuthorizationManager", .properties = authorization_properties},
    {.type = "OptionManager", .properties = option_properties},
    {.type = "LicenseManager", .properties = license_properties},
    {.type = "ServiceManager", .properties = service_manager_properties},
    {.type = "PerformanceManager", .properties = perf_properties},
    {.type = "ExtensionManager", .properties = extension_properties},
    {.type = "CustomFieldsManager", .properties = field_properties},
    {.type = "LocalizationManager", .properties = l10n_properties},
    {.type = "UserDirectory"},
    {.type = "HostLocalAccountManager"},
    {.type = "SearchIndex"},
    {.type = "FileManager"},
    {.type = "VirtualDiskManager"},
    {.type = "OvfManager"},
};

struct managers {
    struct inventory *inv;
    struct mo objects[SINGLETONS_MAX];
    size_t count;
    int code;
};

static void add_singleton(const char *field, struct vim_ref ref, void *arg)
{
    struct managers *m = arg;
    const struct mo_class *class = NULL;
    int r;

    (void)field;
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
        if (!strcmp(classes[i].type, ref.type))
            class = &classes[i];
    }
    if (!strcmp(ref.type, "ViewManager"))
        class = &view_manager_class;
    if (!class || m->code < 0 || m->count == SINGLETONS_MAX)
        return; /* made by the part that it belongs to */
    r = mo_add(m->inv->host->registry, &m->objects[m->count], class, ref.value);
    if (r < 0)
        m->code = r;
    else
        m->count++;
}

int managers_start(struct inventory *inv, struct error *err)
{
    struct managers *m = mem_calloc(1, sizeof(*m));

    if (!m)
        return error_set(err, -ENOMEM, "managers: out of memory");
    m->inv = inv;
    inv->managers = m;
    about_each(inv->host, add_singleton, m);
    return m->code < 0 ? error_errno(err, m->code, "making the managers") : 0;
}

void managers_stop(struct inventory *inv)
{
    struct managers *m = inv->managers;

    for (size_t i = 0; m && i < m->count; i++)
        mo_remove(&m->objects[i]);
    mem_free(m);
    inv->managers = NULL;
}

const struct call_row manager_calls[] = {
    {&vim_method_QueryOptions, query_options},
    {&vim_method_QueryServiceList, answer_empty},
    {&vim_method_QueryPerf, answer_empty},
    {&vim_method_QueryPerfCounter, answer_empty},
    {&vim_method_QueryPerfCounterByLevel, answer_empty},
    {&vim_method_QueryAvailablePerfMetric, answer_empty},
    {NULL, NULL},
};
