#include "wire/diskinfo.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/base64.h"
#include "base/cursor.h"
#include "base/utf8.h"

#define V0_NAME_SIZE 100u

static void put_text(struct buf *b, const char *text)
{
    buf_put_str(b, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            buf_put_u8(b, '\\');
        if (c < ' ')
            buf_printf(b, "\\u%04x", c);
        else
            buf_put_u8(b, c);
    }
    buf_put_str(b, "\"");
}

static void put_disk(struct buf *b, const struct diskinfo_disk *d)
{
    buf_put_str(b, "{\"name\":\"");
    base64_encode(b, d->name, strlen(d->name));
    buf_printf(b, "\",\"free\":\"%" PRIu64 "\",\"size\":\"%" PRIu64 "\"", d->free, d->size);
    if (d->fstype) {
        buf_put_str(b, ",\"fstype\":");
        put_text(b, d->fstype);
    }
    if (d->uuid) {
        buf_put_str(b, ",\"uuid\":");
        put_text(b, d->uuid);
    }
    for (uint32_t i = 0; i < d->device_count; i++) {
        buf_put_str(b, i ? "," : ",\"devices\":[");
        put_text(b, d->devices[i]);
    }
    if (d->device_count)
        buf_put_str(b, "]");
    buf_put_str(b, "}");
}

int diskinfo_encode_json(struct buf *b, const struct diskinfo *info)
{
    if (info->count > DISKINFO_DISKS_MAX)
        return -EINVAL;
    buf_put_str(b, "{\n\"version\":\"1\",\n\"disks\":[\n");
    for (uint32_t i = 0; i < info->count; i++) {
        put_disk(b, &info->disks[i]);
        buf_put_str(b, i + 1 < info->count ? ",\n" : "\n");
    }
    buf_put_str(b, "]\n}");
    return buf_put_u8(b, 0);
}

int diskinfo_decode_v0(const void *bytes, size_t len, struct arena *a, struct diskinfo *ret)
{
    struct cursor c = CURSOR_INIT(bytes, len);
    struct diskinfo info = {0};
    uint8_t count;

    cursor_u8(&c, &count);
    if (cursor_error(&c) || count > c.left / DISKINFO_V0_ENTRY)
        return -EBADMSG;
    info.count = count;
    info.disks = arena_calloc(a, count ? count : 1u, sizeof(*info.disks));
    if (!info.disks)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *name;
        char *text;

        cursor_le64(&c, &info.disks[i].free);
        cursor_le64(&c, &info.disks[i].size);
        if (cursor_bytes(&c, V0_NAME_SIZE, &name))
            return -EBADMSG;
        text = arena_strndup(a, (const char *)name, strnlen((const char *)name, V0_NAME_SIZE));
        if (!text)
            return -ENOMEM;
        utf8_clean(text);
        info.disks[i].name = text;
    }
    *ret = info;
    return 0;
}

int diskinfo_encode_v0(struct buf *b, const struct diskinfo *info)
{
    if (info->count > DISKINFO_DISKS_MAX)
        return -EINVAL;
    buf_put_u8(b, (uint8_t)info->count);
    for (uint32_t i = 0; i < info->count; i++) {
        size_t n = strlen(info->disks[i].name);

        if (n > DISKINFO_NAME_V0_MAX)
            return -EINVAL;
        buf_put_le64(b, info->disks[i].free);
        buf_put_le64(b, info->disks[i].size);
        buf_put(b, info->disks[i].name, n);
        buf_put_zeros(b, V0_NAME_SIZE - n);
    }
    return buf_put_zeros(b, 2);
}
