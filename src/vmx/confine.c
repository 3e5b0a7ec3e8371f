#include "vmx/confine.h"

#include <errno.h>
#include <sys/resource.h>

#include "base/confine.h"
#include "base/mem.h"

#define FILES_MAX     2048u
#define PROCESSES_MAX 64u /* threads count: vmx has libuv's pool */

static const struct {
    __rlimit_resource_t what;
    rlim_t value;
    const char *words;
} limits[] = {
    {RLIMIT_CORE, 0, "core files"},
    {RLIMIT_NOFILE, FILES_MAX, "open files"},
    {RLIMIT_NPROC, PROCESSES_MAX, "processes"},
    {RLIMIT_MEMLOCK, 0, "locked memory"},
};

static int confine_limits(struct error *err)
{
    for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
        rlim_t value = limits[i].value;
        struct rlimit old;

        if (getrlimit(limits[i].what, &old) == 0 && old.rlim_max < value)
            value = old.rlim_max;
        if (setrlimit(limits[i].what, &(struct rlimit){value, value}) < 0)
            return error_errno(err, -errno, "cannot limit %s", limits[i].words);
    }
    return 0;
}

int confine_vmx(const struct confine_options *options, struct error *err)
{
    const struct confine_path paths[] = {
        {options->folder, true, false},
        {options->run_folder ? options->run_folder : options->folder, true, false},
    };
    int r = confine_identity(options->uid, options->gid, err);

    if (r == 0)
        r = confine_limits(err);
    if (r == 0)
        r = confine_files(paths, ARRAY_SIZE(paths), err);
    if (r == 0)
        r = confine_calls(false, err);
    return r;
}
