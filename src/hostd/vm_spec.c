/* VirtualMachineConfigSpec: what a client wants a virtual machine to be, as keys of its .vmx file.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "hostd/inventory_internal.h"
#include "hostd/random.h"
#include "hostd/vm.h"

#define CPUS_MAX      768
#define MEMORY_MB_MAX (24 * 1024 * 1024)
#define NICS_MAX      10
#define DEVICES_MAX   64 /* changes in one spec */
#define EXTRA_MAX     1024

#define KEY_SCSI 1000
#define KEY_NIC  4000

/* ---- faults ---- */

static int fault_argument(struct arena *a, const char *property, struct spec_fault *ret)
{
    struct vim_InvalidArgument *f = VIM_NEW(a, InvalidArgument);

    if (!f)
        return -ENOMEM;
    f->invalidProperty = arena_printf(a, "spec.%s", property);
    ret->fault = &f->base;
    ret->text = arena_printf(a, "A specified parameter was not correct: spec.%s", property);
    return ret->text ? -EINVAL : -ENOMEM;
}

static int fault_unsupported(struct arena *a, const char *what, struct spec_fault *ret)
{
    struct vim_NotSupported *f = VIM_NEW(a, NotSupported);

    if (!f)
        return -ENOMEM;
    ret->fault = &f->base;
    ret->text = arena_printf(a, "The operation is not supported on the object: spec.%s", what);
    return ret->text ? -EINVAL : -ENOMEM;
}

void spec_fail_name(struct arena *a, const char *name, struct spec_fault *ret)
{
    struct vim_InvalidName *f = VIM_NEW(a, InvalidName);

    if (f)
        f->name = arena_strdup(a, name ? name : "");
    ret->fault = f ? &f->base : NULL;
    ret->text = "The name is not valid.";
}

void spec_fail_duplicate(struct arena *a, const char *name, const struct mo *there,
                         struct spec_fault *ret)
{
    struct vim_DuplicateName *f = VIM_NEW(a, DuplicateName);

    if (f) {
        f->name = arena_strdup(a, name);
        f->object = mo_ref(there);
    }
    ret->fault = f ? &f->base : NULL;
    ret->text = arena_printf(a, "The name '%s' already exists.", name);
    if (!ret->text)
        ret->text = "The name already exists.";
}

/* ---- simple fields ---- */

static int put(json_t *set, const char *key, const char *value)
{
    return json_object_set_new(set, key, value ? json_string(value) : json_null()) < 0 ? -ENOMEM
                                                                                       : 0;
}

static int put_number(json_t *set, const char *key, int64_t n)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)n);
    return put(set, key, text);
}

/* "564d..." with dashes to the form of the file. */
static int put_uuid(json_t *set, const char *key, const char *uuid)
{
    char out[3 * 16 + 1], *p = out;
    size_t digits = 0;

    for (; *uuid; uuid++) {
        if (*uuid == '-')
            continue;
        if (digits == 32 || !strchr("0123456789abcdefABCDEF", *uuid))
            return -EINVAL;
        *p++ = *uuid >= 'A' && *uuid <= 'F' ? (char)(*uuid | 0x20) : *uuid;
        digits++;
        if (digits == 16)
            *p++ = '-';
        else if (digits % 2 == 0 && digits < 32)
            *p++ = ' ';
    }
    *p = '\0';
    return digits == 32 ? put(set, key, out) : -EINVAL;
}

/* "debian12_64Guest" is "debian12-64" in the file. */
static int put_guest_id(struct arena *a, json_t *set, const char *id)
{
    size_t n = strlen(id);
    char *os = arena_strndup(a, id, n > 5 && !strcmp(id + n - 5, "Guest") ? n - 5 : n);

    for (char *p = os; p && *p; p++) {
        if (*p == '_')
            *p = '-';
    }
    return os ? put(set, "guestOS", os) : -ENOMEM;
}

static int hardware(struct arena *a, const struct vim_VirtualMachineConfigSpec *s,
                    const struct vm *vm, json_t *set, struct spec_fault *fault)
{
    int r = 0;

    if (s->has_numCPUs && (s->numCPUs < 1 || s->numCPUs > CPUS_MAX))
        return fault_argument(a, "numCPUs", fault);
    if (s->has_memoryMB && (s->memoryMB < 4 || s->memoryMB > MEMORY_MB_MAX || s->memoryMB % 4))
        return fault_argument(a, "memoryMB", fault);
    if (s->has_numCoresPerSocket && (s->numCoresPerSocket < 0 || s->numCoresPerSocket > CPUS_MAX))
        return fault_argument(a, "numCoresPerSocket", fault);
    if (vm && vm->power != VM_POWER_OFF && (s->has_numCPUs || s->has_memoryMB)) {
        struct vim_InvalidPowerState *f = VIM_NEW(a, InvalidPowerState);

        if (!f)
            return -ENOMEM;
        f->requestedState = VIM_VirtualMachinePowerState_poweredOff;
        f->existingState = vm_power_state(vm);
        fault->fault = &f->base;
        fault->text = "Processors and memory can be changed only while the virtual machine is "
                      "powered off.";
        return -EINVAL;
    }
    if (s->has_numCPUs)
        r = put_number(set, "numvcpus", s->numCPUs);
    if (r == 0 && s->has_numCoresPerSocket && s->numCoresPerSocket > 0)
        r = put_number(set, "cpuid.coresPerSocket", s->numCoresPerSocket);
    if (r == 0 && s->has_memoryMB)
        r = put_number(set, "memSize", s->memoryMB);
    return r;
}

static int identity(struct arena *a, const struct vim_VirtualMachineConfigSpec *s, json_t *set,
                    struct spec_fault *fault)
{
    int r = 0;

    if (s->name && !inventory_name_valid(s->name)) {
        spec_fail_name(a, s->name, fault);
        return -EINVAL;
    }
    if (s->version && (strncmp(s->version, "vmx-", 4) || !s->version[4] ||
                       s->version[4 + strspn(s->version + 4, "0123456789")]))
        return fault_argument(a, "version", fault);
    if (s->firmware && strcmp(s->firmware, "bios") && strcmp(s->firmware, "efi"))
        return fault_argument(a, "firmware", fault);
    if (s->uuid && s->uuid[0] && put_uuid(set, "uuid.bios", s->uuid) < 0)
        return fault_argument(a, "uuid", fault);
    if (s->instanceUuid && s->instanceUuid[0] && put_uuid(set, "vc.uuid", s->instanceUuid) < 0)
        return fault_argument(a, "instanceUuid", fault);
    if (s->name)
        r = put(set, "displayName", s->name);
    if (r == 0 && s->annotation)
        r = put(set, "annotation", s->annotation[0] ? s->annotation : NULL);
    if (r == 0 && s->guestId && s->guestId[0])
        r = put_guest_id(a, set, s->guestId);
    if (r == 0 && s->version)
        r = put(set, "virtualHW.version", s->version + 4);
    if (r == 0 && s->firmware)
        r = put(set, "firmware", s->firmware);
    return r;
}

static bool extra_key_valid(const char *key)
{
    size_t n = key ? strlen(key) : 0;

    if (n == 0 || n > VMXFILE_KEY_MAX || !strcasecmp(key, "inguest.powerState"))
        return false;
    return strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:+") == n;
}

static int extra_config(struct arena *a, const struct vim_VirtualMachineConfigSpec *s, json_t *set,
                        struct spec_fault *fault)
{
    if (s->extraConfig.count > EXTRA_MAX)
        return fault_argument(a, "extraConfig", fault);
    for (size_t i = 0; i < s->extraConfig.count; i++) {
        const struct vim_OptionValue *o = s->extraConfig.items[i];
        const struct vim_any *v = o->value;
        const char *text = NULL;

        if (!extra_key_valid(o->key))
            return fault_argument(a, "extraConfig", fault);
        if (v && !v->is_array && v->type->kind == VIM_KIND_STRING)
            text = v->v.string;
        else if (v && !v->is_array && v->type->kind == VIM_KIND_INT)
            text = arena_printf(a, "%d", v->v.int_);
        else if (v && !v->is_array && v->type->kind == VIM_KIND_LONG)
            text = arena_printf(a, "%lld", (long long)v->v.long_);
        else if (v && !v->is_array && v->type->kind == VIM_KIND_BOOLEAN)
            text = v->v.boolean ? "TRUE" : "FALSE";
        else if (v)
            return fault_argument(a, "extraConfig.value", fault);
        if (text && strlen(text) > VMXFILE_VALUE_MAX)
            return fault_argument(a, "extraConfig.value", fault);
        if (put(set, o->key, text && text[0] ? text : NULL) < 0)
            return -ENOMEM; /* also for text that is not UTF-8; the decoder lets none through */
    }
    return 0;
}

/* ---- devices ---- */

static bool nic_used(const struct vm *vm, json_t *set, int n)
{
    char key[64];
    const char *present;

    snprintf(key, sizeof(key), "ethernet%d.present", n);
    if (json_object_get(set, key))
        return !json_is_null(json_object_get(set, key));
    present = vm ? vm_config_get(vm, key) : NULL;
    return present && !strcasecmp(present, "TRUE");
}

static int put_nic(json_t *set, int n, const char *name, const char *value)
{
    char key[64];

    snprintf(key, sizeof(key), "ethernet%d.%s", n, name);
    return put(set, key, value);
}

const char *vm_generate_mac(char ret[VM_MAC_SIZE])
{
    uint8_t random[3];

    random_bytes(random, sizeof(random));
    snprintf(ret, VM_MAC_SIZE, "00:0c:29:%02x:%02x:%02x", random[0], random[1], random[2]);
    return ret;
}

static int add_nic(struct arena *a, const struct vim_VirtualEthernetCard *card, const struct vm *vm,
                   json_t *set, struct spec_fault *fault)
{
    bool fixed = card->macAddress && card->macAddress[0];
    char mac[VM_MAC_SIZE];
    int n = 0, r;

    while (n < NICS_MAX && nic_used(vm, set, n))
        n++;
    if (n == NICS_MAX)
        return fault_argument(a, "deviceChange", fault);
    vm_generate_mac(mac);
    if (fixed && strlen(card->macAddress) != 17)
        return fault_argument(a, "deviceChange.device.macAddress", fault);
    r = put_nic(set, n, "present", "TRUE");
    if (r == 0)
        r = put_nic(set, n, "virtualDev", VIM_IS_A(card, VirtualE1000) ? "e1000" : "vmxnet3");
    if (r == 0)
        r = put_nic(set, n, "addressType", fixed ? "static" : "generated");
    if (r == 0)
        r = put_nic(set, n, fixed ? "address" : "generatedAddress", fixed ? card->macAddress : mac);
    if (r == 0 && card->connectable && !card->connectable->startConnected)
        r = put_nic(set, n, "startConnected", "FALSE");
    return r;
}

static int add_controller(struct arena *a, const struct vim_VirtualSCSIController *c, json_t *set,
                          struct spec_fault *fault)
{
    char key[64];

    if (c->busNumber < 0 || c->busNumber > 3)
        return fault_argument(a, "deviceChange.device.busNumber", fault);
    snprintf(key, sizeof(key), "scsi%d.present", c->busNumber);
    if (put(set, key, "TRUE") < 0)
        return -ENOMEM;
    snprintf(key, sizeof(key), "scsi%d.virtualDev", c->busNumber);
    return put(set, key, VIM_IS_A(c, VirtualLsiLogicController) ? "lsilogic" : "pvscsi");
}

/* Removes all keys that begin with `prefix`. */
static int remove_keys(const struct vm *vm, json_t *set, const char *prefix)
{
    const char *key, *value;
    size_t pos = 0;

    while (vm && vm->config && vmxfile_next(vm->config, &pos, &key, &value)) {
        if (!strncasecmp(key, prefix, strlen(prefix)) && put(set, key, NULL) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int remove_device(struct arena *a, const struct vim_VirtualDevice *d, const struct vm *vm,
                         json_t *set, struct spec_fault *fault)
{
    char prefix[32];

    if (d->key >= KEY_NIC && d->key < KEY_NIC + NICS_MAX && nic_used(vm, set, d->key - KEY_NIC))
        snprintf(prefix, sizeof(prefix), "ethernet%d.", d->key - KEY_NIC);
    else if (d->key >= KEY_SCSI && d->key < KEY_SCSI + 4)
        snprintf(prefix, sizeof(prefix), "scsi%d.", d->key - KEY_SCSI);
    else
        return fault_argument(a, "deviceChange.device.key", fault);
    return remove_keys(vm, set, prefix);
}

static int devices(struct arena *a, const struct vim_VirtualMachineConfigSpec *s,
                   const struct vm *vm, json_t *set, struct spec_fault *fault)
{
    if (s->deviceChange.count > DEVICES_MAX)
        return fault_argument(a, "deviceChange", fault);
    for (size_t i = 0; i < s->deviceChange.count; i++) {
        const struct vim_VirtualDeviceConfigSpec *c = s->deviceChange.items[i];
        const struct vim_VirtualEthernetCard *nic = VIM_CAST(c->device, VirtualEthernetCard);
        const struct vim_VirtualSCSIController *scsi = VIM_CAST(c->device, VirtualSCSIController);
        int r;

        if (!c->device)
            return fault_argument(a, "deviceChange.device", fault);
        if (c->operation == VIM_VirtualDeviceConfigSpecOperation_remove)
            r = remove_device(a, c->device, vm, set, fault);
        else if (c->operation != VIM_VirtualDeviceConfigSpecOperation_add)
            r = fault_unsupported(a, "deviceChange.operation", fault);
        else if (nic)
            r = add_nic(a, nic, vm, set, fault);
        else if (scsi)
            r = add_controller(a, scsi, set, fault);
        else if (VIM_IS_A(c->device, VirtualIDEController))
            r = 0; /* both are always there */
        else
            r = fault_unsupported(
                a, arena_printf(a, "deviceChange (%s)", c->device->base.type->name), fault);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- the whole ---- */

static const char *const understood[] = {
    "changeVersion",     "name",
    "version",           "uuid",
    "instanceUuid",      "guestId",
    "annotation",        "files",
    "numCPUs",           "memoryMB",
    "firmware",          "deviceChange",
    "extraConfig",       "alternateGuestName",
    "numCoresPerSocket",
};

/* Does the value ask for anything: a set field that is not false, 0 or an empty object? */
static bool asks_something(const struct vim_field *field, const void *container)
{
    const uint8_t *p = (const uint8_t *)container + field->offset;
    const struct vim_object *object;

    if (!vim_field_is_set(field, container))
        return false;
    if (field->flags & VIM_FIELD_ARRAY)
        return true;
    if (field->type->kind == VIM_KIND_BOOLEAN)
        return *(const bool *)p;
    if (field->type->kind != VIM_KIND_DATA)
        return true;
    object = *(struct vim_object *const *)(const void *)p;
    if (object->type->flags & VIM_TYPE_OPAQUE)
        return ((const struct vim_opaque *)(const void *)object)->has_content;
    for (size_t i = 0; i < object->type->field_count; i++) {
        if (asks_something(&object->type->fields[i], object))
            return true;
    }
    return false;
}

static int check_understood(struct arena *a, const struct vim_VirtualMachineConfigSpec *s,
                            struct spec_fault *fault)
{
    for (size_t i = 0; i < s->base.type->field_count; i++) {
        const struct vim_field *field = &s->base.type->fields[i];
        bool known = false;

        for (size_t j = 0; j < ARRAY_SIZE(understood); j++)
            known = known || !strcmp(field->name, understood[j]);
        if (!known && asks_something(field, s))
            return fault_unsupported(a, field->name, fault);
    }
    return 0;
}

int vm_spec_keys(struct arena *a, const struct vim_VirtualMachineConfigSpec *s, const struct vm *vm,
                 json_t *set, struct spec_fault *fault)
{
    int r = check_understood(a, s, fault);

    if (r == 0 && vm && s->changeVersion && s->changeVersion[0]) {
        const char *now = vm_change_version(vm, a);

        if (now && strcmp(now, s->changeVersion)) {
            fault->fault = vim_new(a, &vim_type_ConcurrentAccess);
            fault->text = "The configuration has been changed by someone else.";
            return fault->fault ? -EINVAL : -ENOMEM;
        }
    }
    if (r == 0)
        r = identity(a, s, set, fault);
    if (r == 0)
        r = hardware(a, s, vm, set, fault);
    if (r == 0)
        r = devices(a, s, vm, set, fault);
    if (r == 0)
        r = extra_config(a, s, set, fault);
    return r;
}

int vm_spec_defaults(json_t *set)
{
    static const char *const defaults[][2] = {
        {".encoding", "UTF-8"}, {"config.version", "8"}, {"virtualHW.version", VM_HW_VERSION},
        {"guestOS", "other"},   {"numvcpus", "1"},       {"memSize", "1024"},
    };
    char uuid[37];
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(defaults); i++) {
        if (!json_object_get(set, defaults[i][0]))
            r = put(set, defaults[i][0], defaults[i][1]);
    }
    random_uuid(uuid);
    if (r == 0 && !json_object_get(set, "uuid.bios"))
        r = put_uuid(set, "uuid.bios", uuid);
    random_uuid(uuid);
    if (r == 0 && !json_object_get(set, "vc.uuid"))
        r = put_uuid(set, "vc.uuid", uuid);
    return r;
}

bool vm_spec_allowed(struct call *call, const struct vim_VirtualMachineConfigSpec *s)
{
    const struct {
        bool needed;
        const char *privilege;
    } table[] = {
        {s->name != NULL, "VirtualMachine.Config.Rename"},
        {s->annotation != NULL, "VirtualMachine.Config.Annotation"},
        {s->extraConfig.count > 0, "VirtualMachine.Config.AdvancedConfig"},
        {s->has_numCPUs || s->has_numCoresPerSocket, "VirtualMachine.Config.CPUCount"},
        {s->has_memoryMB, "VirtualMachine.Config.Memory"},
        {s->deviceChange.count > 0, "VirtualMachine.Config.AddRemoveDevice"},
        {s->guestId || s->version || s->uuid || s->instanceUuid || s->firmware || s->tools ||
             s->flags || s->bootOptions,
         "VirtualMachine.Config.Settings"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        if (table[i].needed && !call_check_privilege(call, call->self, table[i].privilege))
            return false;
    }
    return true;
}
