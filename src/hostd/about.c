#include "hostd/about.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hostd/call.h"

#define ABOUT_VERSION     "8.0.3"
#define ABOUT_API_VERSION "8.0.3.0"
#define ABOUT_BUILD       "1"

struct singleton {
    const char *field;
    size_t offset;
    const char *type;
    const char *ids[2]; /* by persona; NULL: not offered */
};

#define SINGLETON(name, object_type, host_agent, virtual_center)             \
    {                                                                        \
        .field = #name, .offset = offsetof(struct vim_ServiceContent, name), \
        .type = (object_type), .ids[HOST_PERSONA_HOST_AGENT] = (host_agent), \
        .ids[HOST_PERSONA_VIRTUAL_CENTER] = (virtual_center)                 \
    }

/* In the order of ServiceContent. */
static const struct singleton singletons[] = {
    SINGLETON(rootFolder, "Folder", "ha-folder-root", "group-d1"),
    SINGLETON(propertyCollector, "PropertyCollector", "ha-property-collector", "propertyCollector"),
    SINGLETON(viewManager, "ViewManager", "ViewManager", "ViewManager"),
    SINGLETON(setting, "OptionManager", "HostAgentSettings", "VpxSettings"),
    SINGLETON(userDirectory, "UserDirectory", "ha-user-directory", "UserDirectory"),
    SINGLETON(sessionManager, "SessionManager", "ha-sessionmgr", "SessionManager"),
    SINGLETON(authorizationManager, "AuthorizationManager", "ha-authmgr", "AuthorizationManager"),
    SINGLETON(serviceManager, "ServiceManager", "ha-servicemanager", "ServiceMgr"),
    SINGLETON(perfManager, "PerformanceManager", "ha-perfmgr", "PerfMgr"),
    SINGLETON(eventManager, "EventManager", "ha-eventmgr", "EventManager"),
    SINGLETON(taskManager, "TaskManager", "ha-taskmgr", "TaskManager"),
    SINGLETON(extensionManager, "ExtensionManager", NULL, "ExtensionManager"),
    SINGLETON(customFieldsManager, "CustomFieldsManager", NULL, "CustomFieldsManager"),
    SINGLETON(accountManager, "HostLocalAccountManager", "ha-localacctmgr", "LocalAccountManager"),
    SINGLETON(licenseManager, "LicenseManager", "ha-license-manager", "LicenseManager"),
    SINGLETON(searchIndex, "SearchIndex", "ha-searchindex", "SearchIndex"),
    SINGLETON(fileManager, "FileManager", "ha-nfc-file-manager", "FileManager"),
    SINGLETON(virtualDiskManager, "VirtualDiskManager", "ha-vdiskmanager", "virtualDiskManager"),
    SINGLETON(ovfManager, "OvfManager", "ha-ovf-manager", "OvfManager"),
    SINGLETON(localizationManager, "LocalizationManager", "ha-l10n-manager", "LocalizationManager"),
    SINGLETON(guestOperationsManager, "GuestOperationsManager", "ha-guest-operations-manager",
              "guestOperationsManager"),
};

static struct vim_ref singleton_ref(const struct host *host, const struct singleton *s)
{
    return vim_ref_make(s->type, s->ids[host->options.persona]);
}

struct vim_ref about_ref(const struct host *host, const char *field)
{
    for (size_t i = 0; i < ARRAY_SIZE(singletons); i++)
        if (strcmp(singletons[i].field, field) == 0)
            return singleton_ref(host, &singletons[i]);
    return vim_ref_make(NULL, NULL);
}

void about_each(const struct host *host,
                void (*each)(const char *field, struct vim_ref ref, void *arg), void *arg)
{
    each("", vim_ref_make("ServiceInstance", "ServiceInstance"), arg);
    for (size_t i = 0; i < ARRAY_SIZE(singletons); i++) {
        struct vim_ref ref = singleton_ref(host, &singletons[i]);
        if (ref.value)
            each(singletons[i].field, ref, arg);
    }
}

const struct vim_mo_type *about_type_of(struct host *host, struct vim_ref ref)
{
    if (!ref.value)
        return NULL;
    if (host->objects)
        return host->objects->type_of(host, ref);
    if (strcmp(ref.value, "ServiceInstance") == 0)
        return vim_mo_type_find("ServiceInstance");
    for (size_t i = 0; i < ARRAY_SIZE(singletons); i++) {
        const char *id = singletons[i].ids[host->options.persona];
        if (id && strcmp(ref.value, id) == 0)
            return vim_mo_type_find(singletons[i].type);
    }
    return NULL;
}

static struct vim_AboutInfo *about_info(const struct host *host, struct arena *arena)
{
    bool center = host->options.persona == HOST_PERSONA_VIRTUAL_CENTER;
    struct vim_AboutInfo *a = VIM_NEW(arena, AboutInfo);
    if (!a)
        return NULL;
    a->name = center ? "inguest vCenter compatible server" : "inguest";
    a->fullName = center ? "inguest " ABOUT_VERSION " (vCenter API) build-" ABOUT_BUILD
                         : "inguest " ABOUT_VERSION " (ESXi API) build-" ABOUT_BUILD;
    a->vendor = "inguest";
    a->version = ABOUT_VERSION;
    a->build = ABOUT_BUILD;
    a->localeVersion = "INTL";
    a->localeBuild = "000";
    a->osType = center ? "linux-x64" : "vmnix-x86";
    a->productLineId = center ? "vpx" : "embeddedEsx";
    a->apiType = center ? "VirtualCenter" : "HostAgent";
    a->apiVersion = ABOUT_API_VERSION;
    a->instanceUuid = center ? host->options.instance_uuid : NULL;
    a->licenseProductName = center ? "VMware VirtualCenter Server" : "VMware ESX Server";
    a->licenseProductVersion = "8.0";
    return a;
}

struct vim_ServiceContent *about_content(struct host *host, struct arena *arena)
{
    struct vim_ServiceContent *c = VIM_NEW(arena, ServiceContent);
    if (!c || !(c->about = about_info(host, arena)))
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(singletons); i++) {
        struct vim_ref ref = singleton_ref(host, &singletons[i]);
        if (about_type_of(host, ref))
            *(struct vim_ref *)((char *)c + singletons[i].offset) = ref;
    }
    return c;
}

static void retrieve_service_content(struct call *call)
{
    struct vim_RetrieveServiceContent_result r = {.value = about_content(call->host, call->arena)};
    if (r.value)
        call_return(call, &r);
    else
        call_fault_errno(call, -ENOMEM, "service content");
}

static void current_time(struct call *call)
{
    struct vim_CurrentTime_result r = {.value = clock_wall_us()};
    call_return(call, &r);
}

static const struct call_row calls[] = {
    {&vim_method_RetrieveServiceContent, retrieve_service_content},
    {&vim_method_CurrentTime, current_time},
    {NULL, NULL},
};

const struct host_module about_module = {.name = "about", .calls = calls};
