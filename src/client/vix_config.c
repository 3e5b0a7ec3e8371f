#include "client/vix_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/mem.h"
#include "wire/vmxfile.h"

#define FILES 2 /* the user's, the system's */

struct vix_config {
    struct vmxfile *files[FILES];
};

static struct vmxfile *load(const char *path)
{
    AUTO_BUF struct buf text = BUF_INIT(VMXFILE_SIZE_MAX);
    struct vmxfile *file = NULL;

    if (!path || fs_read_file(AT_FDCWD, path, &text, NULL) ||
        vmxfile_parse(text.data, text.len, &file, NULL))
        return NULL;
    return file;
}

int vix_config_load(struct vix_config **ret)
{
    struct vix_config *c = mem_calloc(1, sizeof(*c));
    const char *home = secure_getenv("HOME");
    AUTO_FREE char *own = home ? mem_printf("%s/.vmware/config", home) : NULL;

    if (!c)
        return -ENOMEM;
    c->files[0] = load(own);
    c->files[1] = load("/etc/vmware/config");
    *ret = c;
    return 0;
}

void vix_config_free(struct vix_config *c)
{
    for (int i = 0; c && i < FILES; i++)
        vmxfile_free(c->files[i]);
    mem_free(c);
}

static const char *get(const struct vix_config *c, const char *key)
{
    for (int i = 0; i < FILES; i++) {
        const char *v = c->files[i] ? vmxfile_get(c->files[i], key) : NULL;

        if (v && *v)
            return v;
    }
    return NULL;
}

bool vix_config_check_certificates(const struct vix_config *c)
{
    for (int i = 0; i < FILES; i++)
        if (c->files[i] && vmxfile_get_bool(c->files[i], "vix.enableSslCertificateCheck", false))
            return true;
    return false;
}

void vix_config_apply(const struct vix_config *c, struct vix_connect *o)
{
    const char *state = secure_getenv("INGUEST_STATE"), *run = secure_getenv("INGUEST_RUN");

    if (!o->ca_file)
        o->ca_file = get(c, "vix.sslCertificateFile");
    if (!o->ca_dir)
        o->ca_dir = get(c, "vix.sslCertificateDirectory");
    if (!o->state_dir)
        o->state_dir = state && *state ? state : get(c, "inguest.state");
    if (!o->run_dir)
        o->run_dir = run && *run ? run : get(c, "inguest.run");
}
