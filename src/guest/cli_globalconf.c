/* vmware-toolbox-cmd globalconf. (GuestStore, "Global configuration".) */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "guest/cli.h"
#include "guest/cli_content.h"
#include "guest/globalconf.h"

static int write_enabled(bool on)
{
    AUTO_BUF struct buf old = BUF_INIT(CONF_FILE_MAX), fresh = BUF_INIT(CONF_FILE_MAX);
    AUTO_FREE char *folder = mem_strdup(CONF_PATH), *name = mem_strdup(CONF_PATH);
    struct error err = {0};
    int r = folder && name ? fs_read_file(AT_FDCWD, CONF_PATH, &old, &err) : -ENOMEM;

    if (r == -ENOENT || r == -ENOTDIR)
        r = fs_mkdirs(dirname(folder), 0755, &err);
    else
        dirname(folder);
    if (r == 0)
        r = conf_edit(&fresh, buf_text(&old), old.len, GLOBALCONF_GROUP, "enabled",
                      on ? "true" : "false");
    AUTO_CLOSE int dir = r == 0 ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (r == 0)
        r = dir < 0 ? -errno
                    : fs_write_file(dir, basename(name), fresh.data, fresh.len, 0644, &err);
    if (r < 0)
        fprintf(stderr, "%s: %s\n", CONF_PATH, *err.text ? error_text(&err) : strerror(-r));
    return r;
}

static int set(const char *sub, const struct conf *conf, bool on, bool quiet)
{
    if (globalconf_enabled(conf) != on) {
        if (!quiet)
            printf("%s: Updating the Configuration.\n", sub);
        if (write_enabled(on) < 0)
            return EX_TEMPFAIL;
    }
    if (!on)
        globalconf_forget(CONF_PATH);
    return EX_OK;
}

static GuestStoreLibError get(const char *content, const char *file, GuestStore_Logger logger,
                              GuestStore_Panic panic, GuestStore_GetContentCallback progress,
                              void *data)
{
    (void)logger;
    (void)panic;
    return content_get_stoppable(content, file, progress, data);
}

static int refresh(const struct conf *conf, bool quiet)
{
    bool changed;

    if (!globalconf_enabled(conf)) {
        if (!quiet)
            fputs("'refresh' failed, since globalconf module is disabled.\n", stderr);
        return EX_SOFTWARE;
    }
    if (!content_library())
        return EX_SOFTWARE;
    GuestStoreLibError err =
        globalconf_refresh(CONF_PATH, globalconf_resource(conf), get, &changed);
    if (err && !quiet)
        fprintf(stderr, "'refresh' failed, GuestStore client library error: %s.\n",
                content_error_text(err));
    else if (!quiet)
        puts("'refresh' succeeded.");
    return err ? EX_SOFTWARE : EX_OK;
}

int cli_globalconf(int argc, char **argv, bool quiet)
{
    const char *sub = argc > 2 ? argv[2] : "";
    struct conf *conf = NULL;
    struct error err = {0};
    int code;

    if (geteuid() != 0) {
        fprintf(stderr, "%s: 'globalconf' needs root.\n", argv[0]);
        return EX_NOPERM;
    }
    if (conf_load(CONF_PATH, &conf, &err) < 0) {
        fprintf(stderr, "%s\n", error_text(&err));
        return EX_TEMPFAIL;
    }
    if (argc == 3 && strcmp(sub, "status") == 0) {
        printf("The status of globalconf module is '%s'\n",
               globalconf_enabled(conf) ? "Enabled" : "Disabled");
        code = EX_OK;
    } else if (argc == 3 && (strcmp(sub, "enable") == 0 || strcmp(sub, "disable") == 0)) {
        code = set(sub, conf, *sub == 'e', quiet);
    } else if (argc == 3 && strcmp(sub, "refresh") == 0) {
        code = refresh(conf, quiet);
    } else {
        fprintf(stderr, "%s: %s\nTry '%s help globalconf' for more information.\n", argv[0],
                argc < 3 ? "Missing subcommand" : "Unknown subcommand", argv[0]);
        code = EX_USAGE;
    }
    conf_free(conf);
    return code;
}
