#include "guest/file_attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct timespec seconds(int set, int64_t value)
{
    return (struct timespec){.tv_sec = (time_t)value, .tv_nsec = set ? 0 : UTIME_OMIT};
}

/* Times first, then the owner, then the mode: a change of owner clears set-uid and set-gid. */
int file_attributes_set(const char *path, const struct vix_set_attributes *a)
{
    unsigned o = a->options;
    struct timespec times[2] = {
        seconds(o & VIX_ATTR_ACCESS_TIME, a->access_time),
        seconds(o & VIX_ATTR_MODIFICATION_TIME, a->modification_time),
    };

    if (o & (VIX_ATTR_ACCESS_TIME | VIX_ATTR_MODIFICATION_TIME) &&
        utimensat(AT_FDCWD, path, times, 0) < 0)
        return -errno;
    if (o & (VIX_ATTR_OWNER | VIX_ATTR_GROUP) &&
        chown(path, o & VIX_ATTR_OWNER ? (uid_t)a->owner : (uid_t)-1,
              o & VIX_ATTR_GROUP ? (gid_t)a->group : (gid_t)-1) < 0)
        return -errno;
    if (o & VIX_ATTR_PERMISSIONS && chmod(path, (mode_t)a->permissions & 07777) < 0)
        return -errno;
    return 0;
}
