#include "vmx/tree_xattr.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/mem.h"

/* The binary forms that the kernel hands out: all little endian. */
#define ACL_VERSION    2u
#define ACL_HEAD       4u
#define ACL_ENTRY      8u /* u16 tag, u16 permissions, u32 id */
#define ACL_USER       0x02u
#define ACL_GROUP      0x08u
#define CAP_REVISION_3 0x03000000u
#define CAP_SIZE_3     24u
#define CAP_ROOT_AT    20u

static uint32_t get_le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put_le32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static int shift_id(uint8_t *p, const struct tree_owners *o)
{
    uint32_t id = get_le32(p) - o->from;

    if (id >= o->count)
        return 0;
    put_le32(p, id + o->to);
    return 1;
}

static int shift_acl(uint8_t *value, size_t len, const struct tree_owners *o)
{
    if (len < ACL_HEAD || (len - ACL_HEAD) % ACL_ENTRY || get_le32(value) != ACL_VERSION)
        return 0;
    for (size_t at = ACL_HEAD; at < len; at += ACL_ENTRY) {
        unsigned tag = value[at] | (unsigned)value[at + 1] << 8;

        if ((tag == ACL_USER || tag == ACL_GROUP) && !shift_id(value + at + 4, o))
            return 0;
    }
    return 1;
}

/* Only capabilities that count in the guest's user namespace alone; those of the second revision
 * would count on the host. */
static int shift_capability(uint8_t *value, size_t len, const struct tree_owners *o)
{
    return len == CAP_SIZE_3 && (get_le32(value) & 0xff000000u) == CAP_REVISION_3 &&
           shift_id(value + CAP_ROOT_AT, o);
}

int tree_xattr_shift(const char *name, uint8_t *value, size_t len, const struct tree_owners *owners)
{
    if (!strncmp(name, "user.", 5))
        return 1;
    if (!strcmp(name, "system.posix_acl_access") || !strcmp(name, "system.posix_acl_default"))
        return shift_acl(value, len, owners);
    if (!strcmp(name, "security.capability"))
        return shift_capability(value, len, owners);
    return 0;
}

int tree_xattr_copy(int from, int to, const struct tree_owners *owners)
{
    static char names[TREE_XATTR_MAX + 1];
    static uint8_t value[TREE_XATTR_MAX];
    ssize_t n = flistxattr(from, names, TREE_XATTR_MAX);

    if (n < 0)
        return errno == ENOTSUP || errno == ENOSYS ? 0 : -errno;
    names[n] = '\0';
    for (const char *name = names; name < names + n; name += strlen(name) + 1) {
        ssize_t len = fgetxattr(from, name, value, sizeof(value));

        if (len < 0 && (errno == ENODATA || errno == ENOTSUP))
            continue;
        if (len < 0)
            return -errno;
        if (tree_xattr_shift(name, value, (size_t)len, owners) &&
            fsetxattr(to, name, value, (size_t)len, 0) < 0 && errno != ENOTSUP)
            return -errno;
    }
    return 0;
}
