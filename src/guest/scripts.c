#include "guest/scripts.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static int wanted(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

int scripts_list(const char *dir, char **ret, unsigned max)
{
    struct dirent **list;
    int n = scandir(dir, &list, wanted, alphasort);
    int r = n < 0 && errno == ENOMEM ? -ENOMEM : 0;
    unsigned count = 0;

    for (int i = 0; i < n; i++) {
        char *path = mem_printf("%s/%s", dir, list[i]->d_name);
        struct stat st;

        free(list[i]);
        if (!path)
            r = -ENOMEM;
        if (path && count < max && stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
            access(path, X_OK) == 0)
            ret[count++] = path;
        else
            mem_free(path);
    }
    if (n >= 0)
        free(list);
    while (r < 0 && count > 0)
        mem_free(ret[--count]);
    return r < 0 ? r : (int)count;
}
