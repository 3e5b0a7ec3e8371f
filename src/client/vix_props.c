/* Lists of properties: results of jobs, property list handles, information of events. */
#include <string.h>

#include "client/vix_impl.h"

struct property_list {
    struct vix_object obj;
    struct vix_props props;
};

static const struct {
    VixPropertyID id;
    VixPropertyType type;
} types[] = {
    {VIX_PROPERTY_META_DATA_CONTAINER, VIX_PROPERTYTYPE_HANDLE},
    {VIX_PROPERTY_HOST_HOSTTYPE, VIX_PROPERTYTYPE_INTEGER},
    {VIX_PROPERTY_HOST_API_VERSION, VIX_PROPERTYTYPE_INTEGER},
    {VIX_PROPERTY_VM_NUM_VCPUS, VIX_PROPERTYTYPE_INTEGER},
    {VIX_PROPERTY_VM_VMX_PATHNAME, VIX_PROPERTYTYPE_STRING},
    {VIX_PROPERTY_VM_VMTEAM_PATHNAME, VIX_PROPERTYTYPE_STRING},
    {VIX_PROPERTY_VM_MEMORY_SIZE, VIX_PROPERTYTYPE_INTEGER},
    {VIX_PROPERTY_VM_READ_ONLY, VIX_PROPERTYTYPE_BOOL},
    {VIX_PROPERTY_VM_NAME, VIX_PROPERTYTYPE_STRING},
    {VIX_PROPERTY_VM_GUESTOS, VIX_PROPERTYTYPE_STRING},
    {VIX_PROPERTY_VM_IN_VMTEAM, VIX_PROPERTYTYPE_BOOL},
    {VIX_PROPERTY_VM_POWER_STATE, VIX_PROPERTYTYPE_INTEGER},
    {VIX_PROPERTY_VM_TOOLS_STATE, VIX_PROPERTYTYPE_INTEGER},
    {VIX_PROPERTY_VM_IS_RUNNING, VIX_PROPERTYTYPE_BOOL},
    {VIX_PROPERTY_VM_SUPPORTED_FEATURES, VIX_PROPERTYTYPE_INTEGER},
    {VIX_PROPERTY_VM_SSL_ERROR, VIX_PROPERTYTYPE_BOOL},
    {VIX_PROPERTY_JOB_RESULT_ERROR_CODE, VIX_PROPERTYTYPE_INT64},
    {VIX_PROPERTY_JOB_RESULT_VM_IN_GROUP, VIX_PROPERTYTYPE_BOOL},
    {VIX_PROPERTY_JOB_RESULT_USER_MESSAGE, VIX_PROPERTYTYPE_STRING},
    {VIX_PROPERTY_JOB_RESULT_EXIT_CODE, VIX_PROPERTYTYPE_INTEGER},
    {VIX_PROPERTY_JOB_RESULT_COMMAND_OUTPUT, VIX_PROPERTYTYPE_STRING},
    {VIX_PROPERTY_JOB_RESULT_HANDLE, VIX_PROPERTYTYPE_HANDLE},
    {VIX_PROPERTY_JOB_RESULT_GUEST_OBJECT_EXISTS, VIX_PROPERTYTYPE_BOOL},
    {VIX_PROPERTY_JOB_RESULT_GUEST_PROGRAM_ELAPSED_TIME, VIX_PROPERTYTYPE_INTEGER},
    {VIX_PROPERTY_JOB_RESULT_GUEST_PROGRAM_EXIT_CODE, VIX_PROPERTYTYPE_INTEGER},
    {VIX_PROPERTY_JOB_RESULT_ITEM_NAME, VIX_PROPERTYTYPE_STRING},
    {VIX_PROPERTY_JOB_RESULT_FOUND_ITEM_DESCRIPTION, VIX_PROPERTYTYPE_STRING},
    {VIX_PROPERTY_JOB_RESULT_SHARED_FOLDER_COUNT, VIX_PROPERTYTYPE_INTEGER},
    {VIX_PROPERTY_JOB_RESULT_SHARED_FOLDER_HOST, VIX_PROPERTYTYPE_STRING},
    {VIX_PROPERTY_JOB_RESULT_SHARED_FOLDER_FLAGS, VIX_PROPERTYTYPE_INTEGER},
    {VIX_PROPERTY_JOB_RESULT_PROCESS_ID, VIX_PROPERTYTYPE_INT64},
    {VIX_PROPERTY_JOB_RESULT_PROCESS_OWNER, VIX_PROPERTYTYPE_STRING},
    {VIX_PROPERTY_JOB_RESULT_PROCESS_COMMAND, VIX_PROPERTYTYPE_STRING},
    {VIX_PROPERTY_JOB_RESULT_FILE_FLAGS, VIX_PROPERTYTYPE_INTEGER},
    {VIX_PROPERTY_JOB_RESULT_PROCESS_START_TIME, VIX_PROPERTYTYPE_INTEGER},
    {VIX_PROPERTY_JOB_RESULT_VM_VARIABLE_STRING, VIX_PROPERTYTYPE_STRING},
    {VIX_PROPERTY_JOB_RESULT_PROCESS_BEING_DEBUGGED, VIX_PROPERTYTYPE_BOOL},
    {VIX_PROPERTY_JOB_RESULT_SCREEN_IMAGE_SIZE, VIX_PROPERTYTYPE_INTEGER},
    {VIX_PROPERTY_JOB_RESULT_SCREEN_IMAGE_DATA, VIX_PROPERTYTYPE_BLOB},
    {VIX_PROPERTY_JOB_RESULT_FILE_SIZE, VIX_PROPERTYTYPE_INT64},
    {VIX_PROPERTY_JOB_RESULT_FILE_MOD_TIME, VIX_PROPERTYTYPE_INT64},
    {VIX_PROPERTY_JOB_RESULT_EXTRA_ERROR_INFO, VIX_PROPERTYTYPE_STRING},
    {VIX_PROPERTY_FOUND_ITEM_LOCATION, VIX_PROPERTYTYPE_STRING},
    {VIX_PROPERTY_SNAPSHOT_DISPLAYNAME, VIX_PROPERTYTYPE_STRING},
    {VIX_PROPERTY_SNAPSHOT_DESCRIPTION, VIX_PROPERTYTYPE_STRING},
    {VIX_PROPERTY_SNAPSHOT_POWERSTATE, VIX_PROPERTYTYPE_INTEGER},
    {VIX_PROPERTY_GUEST_SHAREDFOLDERS_SHARES_PATH, VIX_PROPERTYTYPE_STRING},
    {VIX_PROPERTY_VM_ENCRYPTION_PASSWORD, VIX_PROPERTYTYPE_STRING},
};

VixPropertyType vix_property_type(VixPropertyID id)
{
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (types[i].id == id)
            return types[i].type;
    return VIX_PROPERTYTYPE_ANY;
}

static struct vix_prop *add(struct vix_props *p, VixPropertyID id, VixPropertyType type)
{
    struct vix_prop *more = mem_realloc(p->items, (p->count + 1) * sizeof(*more));

    if (!more)
        return NULL;
    p->items = more;
    more += p->count++;
    *more = (struct vix_prop){.id = id, .type = type};
    return more;
}

VixError vix_props_int(struct vix_props *p, VixPropertyID id, int v)
{
    struct vix_prop *item = add(p, id, VIX_PROPERTYTYPE_INTEGER);

    if (item)
        item->v.integer = v;
    return item ? VIX_OK : VIX_E_OUT_OF_MEMORY;
}

VixError vix_props_bool(struct vix_props *p, VixPropertyID id, bool v)
{
    struct vix_prop *item = add(p, id, VIX_PROPERTYTYPE_BOOL);

    if (item)
        item->v.integer = v;
    return item ? VIX_OK : VIX_E_OUT_OF_MEMORY;
}

VixError vix_props_int64(struct vix_props *p, VixPropertyID id, int64 v)
{
    struct vix_prop *item = add(p, id, VIX_PROPERTYTYPE_INT64);

    if (item)
        item->v.int64 = v;
    return item ? VIX_OK : VIX_E_OUT_OF_MEMORY;
}

static VixError add_bytes(struct vix_props *p, VixPropertyID id, VixPropertyType type,
                          const void *data, size_t size)
{
    char *copy = size < INT32_MAX ? mem_alloc(size + 1) : NULL;
    struct vix_prop *item = copy ? add(p, id, type) : NULL;

    if (!item) {
        mem_free(copy);
        return VIX_E_OUT_OF_MEMORY;
    }
    if (size)
        memcpy(copy, data, size);
    copy[size] = '\0';
    item->v.text.bytes = copy;
    item->v.text.size = (int)size;
    return VIX_OK;
}

VixError vix_props_string(struct vix_props *p, VixPropertyID id, const char *v)
{
    return add_bytes(p, id, VIX_PROPERTYTYPE_STRING, v ? v : "", v ? strlen(v) : 0);
}

VixError vix_props_blob(struct vix_props *p, VixPropertyID id, const void *data, size_t size)
{
    return add_bytes(p, id, VIX_PROPERTYTYPE_BLOB, data, size);
}

VixError vix_props_handle(struct vix_props *p, VixPropertyID id, VixHandle v)
{
    struct vix_prop *item = add(p, id, VIX_PROPERTYTYPE_HANDLE);

    if (!item) {
        Vix_ReleaseHandle(v);
        return VIX_E_OUT_OF_MEMORY;
    }
    item->v.handle = v;
    return VIX_OK;
}

const struct vix_prop *vix_props_find(const struct vix_props *p, VixPropertyID id)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->items[i].id == id)
            return &p->items[i];
    return NULL;
}

void vix_props_free(struct vix_props *p)
{
    for (size_t i = 0; i < p->count; i++) {
        struct vix_prop *item = &p->items[i];

        if (item->type == VIX_PROPERTYTYPE_STRING || item->type == VIX_PROPERTYTYPE_BLOB)
            mem_free_secret(item->v.text.bytes, (size_t)item->v.text.size);
        else if (item->type == VIX_PROPERTYTYPE_HANDLE)
            Vix_ReleaseHandle(item->v.handle);
    }
    mem_free(p->items);
    *p = (struct vix_props){0};
}

/* The analyzer takes a va_list that comes by pointer for one that nobody has begun. */
/* NOLINTBEGIN(clang-analyzer-valist.Uninitialized) */

/* Writes one value; the application's pointers are as it promised. */
static VixError give(const struct vix_prop *item, va_list *ap)
{
    void *to = va_arg(*ap, void *);
    unsigned char **data =
        item->type == VIX_PROPERTYTYPE_BLOB ? va_arg(*ap, unsigned char **) : NULL;
    char *copy;

    if (!to || (item->type == VIX_PROPERTYTYPE_BLOB && !data))
        return VIX_E_INVALID_ARG;
    switch (item->type) {
    case VIX_PROPERTYTYPE_INTEGER:
        *(int *)to = item->v.integer;
        return VIX_OK;
    case VIX_PROPERTYTYPE_BOOL:
        *(Bool *)to = (Bool)item->v.integer;
        return VIX_OK;
    case VIX_PROPERTYTYPE_INT64:
        *(int64 *)to = item->v.int64;
        return VIX_OK;
    case VIX_PROPERTYTYPE_HANDLE:
        Vix_AddRefHandle(item->v.handle);
        *(VixHandle *)to = item->v.handle;
        return VIX_OK;
    default:
        break;
    }
    copy = mem_memdup(item->v.text.bytes, (size_t)item->v.text.size + 1);
    if (!copy)
        return VIX_E_OUT_OF_MEMORY;
    if (data) {
        *(int *)to = item->v.text.size;
        *data = (unsigned char *)copy;
    } else {
        *(char **)to = copy;
    }
    return VIX_OK;
}

/* Reads one. */
static VixError take(struct vix_props *p, VixPropertyID id, va_list *ap)
{
    VixHandle handle;
    const void *data;
    int size;

    switch (vix_property_type(id)) {
    case VIX_PROPERTYTYPE_INTEGER:
        return vix_props_int(p, id, va_arg(*ap, int));
    case VIX_PROPERTYTYPE_BOOL:
        return vix_props_bool(p, id, va_arg(*ap, int) != 0);
    case VIX_PROPERTYTYPE_INT64:
        return vix_props_int64(p, id, va_arg(*ap, int64));
    case VIX_PROPERTYTYPE_STRING:
        return vix_props_string(p, id, va_arg(*ap, const char *));
    case VIX_PROPERTYTYPE_HANDLE:
        handle = va_arg(*ap, VixHandle);
        if (Vix_GetHandleType(handle) == VIX_HANDLETYPE_NONE)
            return VIX_E_INVALID_HANDLE;
        Vix_AddRefHandle(handle);
        return vix_props_handle(p, id, handle);
    case VIX_PROPERTYTYPE_BLOB:
        size = va_arg(*ap, int);
        data = va_arg(*ap, const void *);
        return size < 0 || (size && !data) ? VIX_E_INVALID_ARG
                                           : vix_props_blob(p, id, data, (size_t)size);
    default:
        return VIX_E_UNRECOGNIZED_PROPERTY;
    }
}

/* NOLINTEND(clang-analyzer-valist.Uninitialized) */

VixError vix_props_read(const struct vix_props *p, VixPropertyID first, va_list *ap)
{
    VixError error = VIX_OK;

    for (VixPropertyID id = first; !error && id != VIX_PROPERTY_NONE;
         id = va_arg(*ap, VixPropertyID)) {
        const struct vix_prop *item = vix_props_find(p, id);

        error = item ? give(item, ap) : VIX_E_UNRECOGNIZED_PROPERTY;
        if (error)
            break;
    }
    return error;
}

void Vix_FreeBuffer(void *p)
{
    mem_free(p);
}

/* --- property list handles --- */

static void destroy_list(struct vix_object *o)
{
    vix_props_free(&((struct property_list *)(void *)o)->props);
}

VixError vix_property_list_new(struct vix_session *s, struct vix_props *props, VixHandle *ret)
{
    struct property_list *list =
        vix_object_new(sizeof(*list), VIX_HANDLETYPE_PROPERTY_LIST, s, destroy_list);

    if (!list) {
        vix_props_free(props);
        return VIX_E_OUT_OF_MEMORY;
    }
    list->props = *props;
    *props = (struct vix_props){0};
    return vix_handle_new(&list->obj, ret);
}

VixError VixPropertyList_AllocPropertyList(VixHandle hostHandle, VixHandle *resultHandle,
                                           int firstPropertyID, ...)
{
    struct vix_props props = {0};
    struct vix_object *host = NULL;
    VixError error = VIX_OK;
    va_list ap;

    if (!resultHandle)
        return VIX_E_INVALID_ARG;
    error = vix_handle_get(hostHandle, VIX_HANDLETYPE_HOST, &host);
    if (error)
        return error;
    va_start(ap, firstPropertyID);
    for (VixPropertyID id = firstPropertyID; !error && id != VIX_PROPERTY_NONE;
         id = error ? id : va_arg(ap, VixPropertyID))
        error = take(&props, id, &ap);
    va_end(ap);
    if (error)
        vix_props_free(&props);
    else
        error = vix_property_list_new(host->session, &props, resultHandle);
    vix_object_unref(host);
    return error;
}

struct vix_props *vix_property_list_props(struct vix_object *list)
{
    return &((struct property_list *)(void *)list)->props;
}
