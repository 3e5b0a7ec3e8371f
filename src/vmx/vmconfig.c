#include "vmx/vmconfig.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"
#include "wire/vmxfile.h"

#define SECRET_PREFIX "inguest.sandbox.user."
#define SECRET_SUFFIX ".passwordHash"

int vmconfig_open(struct vmconfig *c, int folder_fd, const char *file, struct error *err)
{
    AUTO_BUF struct buf text = BUF_INIT(VMXFILE_SIZE_MAX);
    int r;

    *c = (struct vmconfig){.folder_fd = folder_fd};
    if (!*file || strchr(file, '/'))
        return error_set(err, -EINVAL, "\"%s\" is not a file name", file);
    r = fs_read_file(folder_fd, file, &text, err);
    if (!r)
        r = vmxfile_parse(buf_text(&text), text.len, &c->text, err);
    if (r)
        return error_prefix(err, r, "configuration");
    c->file = mem_strdup(file);
    if (!c->file) {
        vmconfig_close(c);
        return error_set(err, -ENOMEM, "no memory for the configuration");
    }
    return 0;
}

void vmconfig_close(struct vmconfig *c)
{
    vmxfile_free(c->text);
    mem_free(c->file);
    c->text = NULL;
    c->file = NULL;
}

const char *vmconfig_get(const struct vmconfig *c, const char *key)
{
    return vmxfile_get(c->text, key);
}

bool vmconfig_get_bool(const struct vmconfig *c, const char *key, bool fallback)
{
    return vmxfile_get_bool(c->text, key, fallback);
}

int64_t vmconfig_get_int(const struct vmconfig *c, const char *key, int64_t fallback)
{
    return vmxfile_get_int(c->text, key, fallback);
}

/* Whether the key holds a secret, which is not told to hostd: the password hashes of a sandbox's
 * users, which are used once, when they are made. */
static bool vmconfig_is_secret(const char *key)
{
    size_t len = strlen(key), prefix = strlen(SECRET_PREFIX), suffix = strlen(SECRET_SUFFIX);

    return len > prefix + suffix && !strncasecmp(key, SECRET_PREFIX, prefix) &&
           !strcasecmp(key + len - suffix, SECRET_SUFFIX);
}

json_t *vmconfig_json(const struct vmconfig *c)
{
    json_t *all = json_object();
    const char *key, *value;
    size_t pos = 0;

    while (all && vmxfile_next(c->text, &pos, &key, &value))
        /* A value that is not UTF-8 cannot be told to hostd; it stays in the file. */
        if (!vmconfig_is_secret(key))
            json_object_set_new(all, key, json_string(value) ?: json_string(""));
    return all;
}

static int apply(struct vmxfile *text, const json_t *set, struct error *err)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)set, key, value)
    {
        int r;

        if (json_is_null(value)) {
            r = vmxfile_remove(text, key);
            r = r == -ENOENT ? 0 : r;
        } else if (json_is_string(value) &&
                   strlen(json_string_value(value)) == json_string_length(value)) {
            r = vmxfile_set(text, key, json_string_value(value));
        } else {
            return error_set(err, -EINVAL, "the value of \"%s\" is not a string", key);
        }
        if (r)
            return error_errno(err, r, "cannot set the key \"%s\"", key);
    }
    return 0;
}

/* Makes `fresh`, which is taken, the configuration, unless `r` is an error already. */
static int take(struct vmconfig *c, struct vmxfile *fresh, int r, struct error *err)
{
    AUTO_BUF struct buf text = BUF_INIT(VMXFILE_SIZE_MAX);

    if (!r) {
        r = vmxfile_write(fresh, &text);
        if (r)
            error_errno(err, r, "cannot write the configuration");
    }
    if (!r)
        r = fs_write_file(c->folder_fd, c->file, buf_text(&text), text.len, 0640, err);
    if (r) {
        vmxfile_free(fresh);
        return r;
    }
    vmxfile_free(c->text);
    c->text = fresh;
    return 0;
}

int vmconfig_update(struct vmconfig *c, const json_t *set, struct error *err)
{
    AUTO_BUF struct buf text = BUF_INIT(VMXFILE_SIZE_MAX);
    struct vmxfile *fresh = NULL;
    int r = vmxfile_write(c->text, &text);

    if (!r)
        r = vmxfile_parse(buf_text(&text), text.len, &fresh, err);
    if (r)
        return error_errno(err, r, "cannot copy the configuration");
    r = apply(fresh, set, err);
    return take(c, fresh, r, err);
}

int vmconfig_write(const struct vmconfig *c, struct buf *b)
{
    return vmxfile_write(c->text, b);
}

int vmconfig_replace(struct vmconfig *c, const void *text, size_t len, const char *const *keep,
                     struct error *err)
{
    struct vmxfile *fresh = NULL;
    int r = vmxfile_parse(text, len, &fresh, err);

    if (r)
        return r;
    for (; !r && *keep; keep++) {
        const char *value = vmxfile_get(c->text, *keep);

        r = value ? vmxfile_set(fresh, *keep, value) : vmxfile_remove(fresh, *keep);
        r = r == -ENOENT ? 0 : r;
    }
    return take(c, fresh, r ? error_errno(err, r, "cannot keep a key") : 0, err);
}

int vmconfig_forget_secrets(struct vmconfig *c, struct error *err)
{
    json_t *set = json_object();
    const char *key, *value;
    size_t pos = 0;
    int r = set ? 0 : error_set(err, -ENOMEM, "no memory");

    while (set && vmxfile_next(c->text, &pos, &key, &value))
        if (vmconfig_is_secret(key))
            json_object_set_new(set, key, json_null());
    if (json_object_size(set))
        r = vmconfig_update(c, set, err);
    json_decref(set);
    return r;
}

int vmconfig_set(struct vmconfig *c, const char *key, const char *value, struct error *err)
{
    json_t *set = json_pack("{s:s?}", key, value);
    int r = set ? vmconfig_update(c, set, err) : error_set(err, -ENOMEM, "no memory");

    json_decref(set);
    return r;
}
