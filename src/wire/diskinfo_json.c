/* The JSON reader of diskinfo.h; only hosts need it, so the guest's library does without jansson.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "wire/diskinfo.h"
#include "wire/rpc.h"

#define JSON_TEXT_MAX (1u << 20)

static int copy_text(const json_t *json, size_t max, struct arena *a, const char **ret)
{
    const char *text = json_string_value(json);

    *ret = NULL;
    if (!text)
        return 0;
    if (strlen(text) > max)
        return -EMSGSIZE;
    *ret = arena_strdup(a, text);
    return *ret ? 0 : -ENOMEM;
}

/* Sizes come as decimal text. */
static int get_size(const json_t *json, uint64_t *ret)
{
    const char *text = json_string_value(json);
    int64_t v = json_is_integer(json) ? (int64_t)json_integer_value(json) : -1;

    if (text && rpc_word_int64(text, strlen(text), &v))
        return -EBADMSG;
    if (v < 0)
        return -EBADMSG;
    *ret = (uint64_t)v;
    return 0;
}

static int get_name(const json_t *json, struct arena *a, const char **ret)
{
    const char *text = json_string_value(json);
    AUTO_BUF struct buf name = BUF_INIT(DISKINFO_NAME_MAX + 2);
    char *copy;
    int r;

    if (!text)
        return -EBADMSG;
    if (strlen(text) > BASE64_SIZE(DISKINFO_NAME_MAX))
        return -EMSGSIZE;
    r = base64_decode(&name, text, strlen(text));
    if (r)
        return r;
    if (name.len > DISKINFO_NAME_MAX)
        return -EMSGSIZE;
    copy = arena_strndup(a, buf_text(&name), name.len);
    if (!copy)
        return -ENOMEM;
    utf8_clean(copy);
    *ret = copy;
    return 0;
}

static int get_devices(const json_t *json, struct arena *a, struct diskinfo_disk *d)
{
    size_t count = json_array_size(json);
    int r;

    if (count > DISKINFO_DEVICES_MAX)
        return -EMSGSIZE;
    d->devices = arena_calloc(a, count ? count : 1, sizeof(*d->devices));
    if (!d->devices)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        r = copy_text(json_array_get(json, i), DISKINFO_DEVICE_MAX, a, &d->devices[i]);
        if (r)
            return r;
        if (!d->devices[i])
            return -EBADMSG;
    }
    d->device_count = (uint32_t)count;
    return 0;
}

static int get_disk(const json_t *json, struct arena *a, struct diskinfo_disk *d)
{
    int r = get_name(json_object_get(json, "name"), a, &d->name);

    if (!r)
        r = get_size(json_object_get(json, "free"), &d->free);
    if (!r)
        r = get_size(json_object_get(json, "size"), &d->size);
    if (!r)
        r = copy_text(json_object_get(json, "fstype"), DISKINFO_TYPE_MAX, a, &d->fstype);
    if (!r)
        r = copy_text(json_object_get(json, "uuid"), DISKINFO_TYPE_MAX, a, &d->uuid);
    if (!r)
        r = get_devices(json_object_get(json, "devices"), a, d);
    return r;
}

static int get_disks(const json_t *json, struct arena *a, struct diskinfo *ret)
{
    const json_t *disks = json_object_get(json, "disks");
    struct diskinfo info = {0};
    size_t count = json_array_size(disks);
    int r = 0;

    if (!json_is_array(disks))
        return -EBADMSG;
    if (count > DISKINFO_DISKS_MAX)
        return -EMSGSIZE;
    info.disks = arena_calloc(a, count ? count : 1, sizeof(*info.disks));
    if (!info.disks)
        return -ENOMEM;
    for (size_t i = 0; i < count && !r; i++)
        r = get_disk(json_array_get(disks, i), a, &info.disks[i]);
    info.count = (uint32_t)count;
    if (!r)
        *ret = info;
    return r;
}

int diskinfo_decode_json(const void *text, size_t len, struct arena *a, struct diskinfo *ret)
{
    const char *p = text;
    json_t *json;
    int r;

    while (len && !p[len - 1])
        len--;
    if (len > JSON_TEXT_MAX)
        return -EMSGSIZE;
    json = json_loadb(p, len, 0, NULL);
    if (!json)
        return -EBADMSG;
    r = get_disks(json, a, ret);
    json_decref(json);
    return r;
}
