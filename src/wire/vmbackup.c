#include "wire/vmbackup.h"

#include <errno.h>
#include <string.h>

#include "base/cursor.h"
#include "base/mem.h"

#define VERSION 1u

static const char *const names[] = {
    [VMBACKUP_RESET] = "reset",
    [VMBACKUP_PREPARE] = "prov.snapshotPrepare",
    [VMBACKUP_COMMIT] = "prov.snapshotCommit",
    [VMBACKUP_PROVIDER_ABORT] = "prov.snapshotAbort",
    [VMBACKUP_KEEP_ALIVE] = "req.keepAlive",
    [VMBACKUP_MANIFEST] = "req.manifest",
    [VMBACKUP_GENERIC_MANIFEST] = "req.genericManifest",
    [VMBACKUP_WRITER_ERROR] = "req.writerError",
    [VMBACKUP_ERROR] = "req.error",
    [VMBACKUP_ABORTED] = "req.aborted",
    [VMBACKUP_OVER] = "req.done",
};

int vmbackup_event_encode(struct buf *b, enum vmbackup_event event, unsigned code, const char *text)
{
    buf_printf(b, VMBACKUP_EVENT " %s %u %.*s", names[event], code, (int)VMBACKUP_TEXT_MAX, text);
    return buf_put_u8(b, 0);
}

/* A word up to the next blank, or the end; moves on behind the blank. */
static size_t word(const char **p, const char *end, const char **ret)
{
    const char *blank = memchr(*p, ' ', (size_t)(end - *p));
    size_t n = (size_t)((blank ? blank : end) - *p);

    *ret = *p;
    *p = blank ? blank + 1 : end;
    return n;
}

int vmbackup_event_decode(const void *args, size_t len, enum vmbackup_event *ret_event,
                          unsigned *ret_code, const char **ret_text, size_t *ret_text_len)
{
    const char *p = args, *end, *name, *digits;
    const char *nul = len ? memchr(p, 0, len) : NULL;
    size_t n, digits_len, event;
    unsigned code = 0;

    end = nul ? nul : p + len;
    n = word(&p, end, &name);
    digits_len = word(&p, end, &digits);
    if (digits_len == 0 || digits_len > 3)
        return -EBADMSG;
    for (size_t i = 0; i < digits_len; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return -EBADMSG;
        code = code * 10 + (unsigned)(digits[i] - '0');
    }
    for (event = 0; event < ARRAY_SIZE(names); event++)
        if (strlen(names[event]) == n && !memcmp(names[event], name, n))
            break;
    if (event == ARRAY_SIZE(names) || (size_t)(end - p) > VMBACKUP_TEXT_MAX)
        return -EBADMSG;
    *ret_event = (enum vmbackup_event)event;
    *ret_code = code;
    *ret_text = p;
    *ret_text_len = (size_t)(end - p);
    return 0;
}

/* ---- options: XDR ---- */

static void put_string(struct buf *b, const char *s)
{
    size_t n = strlen(s);

    buf_put_be32(b, (uint32_t)n);
    buf_put(b, s, n);
    buf_put_zeros(b, (4 - n % 4) % 4);
}

int vmbackup_options_encode(struct buf *b, const struct vmbackup_options *o)
{
    buf_put_be32(b, VERSION);
    buf_put_be32(b, 1); /* the structure is there */
    buf_put_be32(b, o->create_manifest);
    buf_put_be32(b, o->quiesce_apps);
    buf_put_be32(b, o->quiesce_fs);
    buf_put_be32(b, o->writable_snapshot);
    buf_put_be32(b, o->exec_scripts);
    put_string(b, o->script_arg);
    buf_put_be32(b, o->timeout_s);
    put_string(b, o->volumes);
    return buf_error(b);
}

static int get_bool(struct cursor *c, bool *ret)
{
    uint32_t v = 0;
    int r = cursor_be32(c, &v);

    *ret = v == 1;
    return r ? r : v > 1 ? -EBADMSG : 0;
}

static int get_string(struct cursor *c, size_t max, struct arena *a, const char **ret)
{
    const uint8_t *bytes;
    uint32_t n = 0;
    int r = cursor_be32(c, &n);

    if (!r && n > max)
        r = -EBADMSG;
    if (!r)
        r = cursor_bytes(c, n, &bytes);
    if (!r && memchr(bytes, 0, n))
        r = -EBADMSG;
    if (!r)
        r = cursor_skip(c, (4 - n % 4) % 4);
    if (r)
        return r;
    *ret = arena_strndup(a, (const char *)bytes, n);
    return *ret ? 0 : -ENOMEM;
}

int vmbackup_options_decode(const void *data, size_t len, struct arena *a,
                            struct vmbackup_options *ret)
{
    struct cursor c = CURSOR_INIT(data, len);
    struct vmbackup_options o = {0};
    uint32_t version = 0, there = 0;
    int r = cursor_be32(&c, &version);

    if (!r && version != VERSION)
        return -EPROTONOSUPPORT;
    if (!r)
        r = cursor_be32(&c, &there);
    if (!r && there != 1)
        r = -EBADMSG;
    if (!r)
        r = get_bool(&c, &o.create_manifest);
    if (!r)
        r = get_bool(&c, &o.quiesce_apps);
    if (!r)
        r = get_bool(&c, &o.quiesce_fs);
    if (!r)
        r = get_bool(&c, &o.writable_snapshot);
    if (!r)
        r = get_bool(&c, &o.exec_scripts);
    if (!r)
        r = get_string(&c, VMBACKUP_SCRIPT_ARG_MAX, a, &o.script_arg);
    if (!r)
        r = cursor_be32(&c, &o.timeout_s);
    if (!r)
        r = get_string(&c, VMBACKUP_VOLUMES_MAX, a, &o.volumes);
    if (r)
        return r == -ENOMEM ? r : -EBADMSG;
    *ret = o;
    return 0;
}
