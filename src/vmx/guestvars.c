#include "vmx/guestvars.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define GUESTVARS_ROOM_STEP 32u

int guestvars_key_valid(const char *key)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/";
    size_t prefix = strlen(GUESTVARS_PREFIX), len = strlen(key);

    return len > prefix && len <= GUESTVARS_KEY_MAX &&
           !strncasecmp(key, GUESTVARS_PREFIX, prefix) && strspn(key, allowed) == len;
}

/* Index of the key, or of the place where it belongs; *ret_found says which. */
static size_t find(const struct guestvars *v, const char *key, int *ret_found)
{
    size_t low = 0, high = v->count;

    *ret_found = 0;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcasecmp(v->vars[mid].key, key);

        if (order == 0) {
            *ret_found = 1;
            return mid;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const struct guestvar *guestvars_get(const struct guestvars *v, const char *key)
{
    int found;
    size_t i = find(v, key, &found);

    return found ? &v->vars[i] : NULL;
}

static int insert(struct guestvars *v, size_t at, const char *key, char *value, size_t len)
{
    AUTO_FREE char *name = mem_strdup(key);

    if (!name)
        return -ENOMEM;
    if (v->count == v->room) {
        struct guestvar *bigger =
            mem_realloc(v->vars, (v->room + GUESTVARS_ROOM_STEP) * sizeof(*bigger));

        if (!bigger)
            return -ENOMEM;
        v->vars = bigger;
        v->room += GUESTVARS_ROOM_STEP;
    }
    memmove(v->vars + at + 1, v->vars + at, (v->count - at) * sizeof(*v->vars));
    v->vars[at] = (struct guestvar){TAKE_PTR(name), value, len};
    v->count++;
    v->bytes += strlen(key) + len;
    return 0;
}

int guestvars_set(struct guestvars *v, const char *key, const char *value, size_t len)
{
    size_t max = v->bytes_max ? v->bytes_max : GUESTVARS_BYTES_MAX;
    int found, r = 0;
    size_t i = find(v, key, &found);
    size_t old = found ? v->vars[i].value_len : 0;
    size_t added = found ? len : len + strlen(key);
    AUTO_FREE char *copy = NULL;

    if (!guestvars_key_valid(key) || (len && memchr(value, 0, len)))
        return -EINVAL;
    if (added > max || v->bytes - old > max - added)
        return -ENOSPC;
    if (!found && v->count >= GUESTVARS_COUNT_MAX)
        return -ENOSPC;
    copy = mem_alloc(len + 1);
    if (!copy)
        return -ENOMEM;
    if (len)
        memcpy(copy, value, len);
    copy[len] = '\0';
    if (found) {
        mem_free(v->vars[i].value);
        v->vars[i].value = TAKE_PTR(copy);
        v->vars[i].value_len = len;
        v->bytes += len - old;
        return 0;
    }
    r = insert(v, i, key, copy, len);
    if (!r)
        copy = NULL;
    return r;
}

static void drop(struct guestvars *v, size_t i)
{
    v->bytes -= strlen(v->vars[i].key) + v->vars[i].value_len;
    mem_free(v->vars[i].key);
    mem_free(v->vars[i].value);
}

void guestvars_remove(struct guestvars *v, const char *key)
{
    int found;
    size_t i = find(v, key, &found);

    if (!found)
        return;
    drop(v, i);
    v->count--;
    memmove(v->vars + i, v->vars + i + 1, (v->count - i) * sizeof(*v->vars));
}

void guestvars_clear(struct guestvars *v)
{
    for (size_t i = 0; i < v->count; i++)
        drop(v, i);
    mem_free(v->vars);
    v->vars = NULL;
    v->count = v->room = v->bytes = 0;
}
