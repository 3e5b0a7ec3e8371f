#include <errno.h>

#include "gstored/repo.h"

int remote_new(uv_loop_t *loop, const struct settings *settings, int state_dir, struct repo **ret,
               struct error *err)
{
    (void)loop;
    (void)settings;
    (void)state_dir;
    (void)ret;
    return error_set(err, -ENOSYS, "not built yet");
}
