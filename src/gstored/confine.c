#include "gstored/confine.h"

#include <errno.h>
#include <sys/resource.h>

#include "base/mem.h"

#define FILES_MAX 65536u /* a connection and a few open requests for each VM */

/* For names and certificates. */
static const char *const network_files[] = {
    "/etc/resolv.conf",     "/etc/hosts",           "/etc/host.conf", "/etc/nsswitch.conf",
    "/etc/gai.conf",        "/etc/services",        "/etc/ssl",       "/etc/gnutls",
    "/etc/ca-certificates", "/run/systemd/resolve", "/run/nscd",      "/run/resolvconf",
};

int confine_gstored(const struct settings *settings, const char *state_path, struct error *err)
{
    struct confine_path paths[3 + ARRAY_SIZE(network_files)] = {{state_path, true, false}};
    bool network = settings->kind == REPOSITORY_HTTP || settings->kind == REPOSITORY_S3;
    struct rlimit files;
    size_t n = 1;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max < FILES_MAX ? files.rlim_max : FILES_MAX;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (settings->folder)
        paths[n++] = (struct confine_path){settings->folder, false, true};
    if (settings->ca_file)
        paths[n++] = (struct confine_path){settings->ca_file, false, false};
    for (size_t i = 0; network && i < ARRAY_SIZE(network_files); i++)
        paths[n++] = (struct confine_path){network_files[i], false, true};
    int rc = confine_files(paths, n, err);
    return rc < 0 ? rc : confine_calls(network, err);
}
