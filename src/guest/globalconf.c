#include "guest/globalconf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"

#define TEMPORARY "temp-global.conf.XXXXXX"

bool globalconf_enabled(const struct conf *conf)
{
    return conf_bool(conf, GLOBALCONF_GROUP, "enabled", false);
}

const char *globalconf_resource(const struct conf *conf)
{
    const char *resource = conf_get(conf, GLOBALCONF_GROUP, "resource");
    return resource && *resource ? resource : GLOBALCONF_RESOURCE;
}

int globalconf_poll_s(const struct conf *conf)
{
    long s = conf_number(conf, GLOBALCONF_GROUP, "poll-interval", GLOBALCONF_POLL_S, INT_MIN,
                         GLOBALCONF_POLL_MAX_S);
    if (s >= GLOBALCONF_POLL_MIN_S)
        return (int)s;
    log_warn("tools.conf: %s/poll-interval is less than %d; %d counts", GLOBALCONF_GROUP,
             GLOBALCONF_POLL_MIN_S, GLOBALCONF_POLL_S);
    return GLOBALCONF_POLL_S;
}

/* `name` in the folder of tools.conf; NULL when memory is short. */
static char *beside(const char *conf_path, const char *name)
{
    const char *slash = strrchr(conf_path, '/');
    int n = slash ? (int)(slash - conf_path) + 1 : 0;
    return mem_printf("%.*s%s", n, slash ? conf_path : "", name);
}

int globalconf_load(const char *path, struct conf **ret, struct error *err)
{
    struct conf *local, *global = NULL;
    int r = conf_load(path, &local, err);
    if (r < 0 || !globalconf_enabled(local)) {
        if (r == 0)
            *ret = local;
        return r;
    }
    AUTO_FREE char *kept = beside(path, GLOBALCONF_NAME);
    struct error global_err = {0};
    r = kept ? conf_load(kept, &global, &global_err) : -ENOMEM;
    if (r == 0)
        r = conf_add_missing(local, global);
    /* The guest's own settings count, whatever is wrong with the others. */
    if (r < 0)
        log_warn("the global configuration is not used: %s",
                 kept && *global_err.text ? error_text(&global_err) : strerror(-r));
    conf_free(global);
    *ret = local;
    return 0;
}

bool globalconf_forget(const char *conf_path)
{
    AUTO_FREE char *kept = beside(conf_path, GLOBALCONF_NAME);
    return kept && unlink(kept) == 0;
}

static int keep(const char *conf_path, const char *kept, const struct conf *fresh,
                bool *ret_changed)
{
    AUTO_BUF struct buf b = BUF_INIT(CONF_FILE_MAX);
    AUTO_FREE char *folder = beside(conf_path, "");
    struct conf *old = NULL;
    struct error err = {0};
    bool same =
        access(kept, F_OK) == 0 && conf_load(kept, &old, NULL) == 0 && conf_equal(old, fresh);
    conf_free(old);
    if (same)
        return 0;
    AUTO_CLOSE int dir = open(folder && *folder ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = dir < 0 ? -errno : conf_put(&b, fresh);
    if (r == 0)
        r = fs_write_file(dir, GLOBALCONF_NAME, b.data, b.len, 0644, &err);
    *ret_changed = r == 0;
    return r;
}

static GuestStoreLibError take(const char *conf_path, const char *kept, const char *temporary,
                               bool *ret_changed)
{
    AUTO_BUF struct buf b = BUF_INIT(CONF_FILE_MAX);
    struct conf *fresh = NULL;
    struct error err = {0};
    int r = fs_read_file(AT_FDCWD, temporary, &b, &err);
    if (r == 0)
        r = conf_parse_strict(buf_text(&b), b.len, &fresh);
    if (r == 0)
        r = keep(conf_path, kept, fresh, ret_changed);
    conf_free(fresh);
    if (r == 0)
        return GSLIBERR_SUCCESS;
    log_warn("the global configuration that came is not used: %s",
             *err.text ? error_text(&err) : strerror(-r));
    return GSLIBERR_GENERIC;
}

GuestStoreLibError globalconf_refresh(const char *conf_path, const char *resource,
                                      globalconf_get_fn *get, bool *ret_changed)
{
    AUTO_FREE char *kept = beside(conf_path, GLOBALCONF_NAME);
    AUTO_FREE char *temporary = beside(conf_path, TEMPORARY);
    *ret_changed = false;
    int fd = kept && temporary ? mkostemp(temporary, O_CLOEXEC) : -1;
    if (fd < 0)
        return GSLIBERR_CREATE_OUTPUT_FILE;
    close(fd);
    GuestStoreLibError err = get(resource, temporary, NULL, NULL, NULL, NULL);
    if (err == GSLIBERR_SUCCESS)
        err = take(conf_path, kept, temporary, ret_changed);
    else if (err == GSLIBERR_CONTENT_FORBIDDEN || err == GSLIBERR_CONTENT_NOT_FOUND)
        *ret_changed = globalconf_forget(conf_path);
    unlink(temporary);
    return err;
}
