#include <errno.h>
#include <string.h>

#include "vmx/sandbox.h"

static int get_string(struct cursor *c, char *out, size_t size)
{
    const uint8_t *p;
    uint16_t len;

    if (cursor_le16(c, &len) || cursor_bytes(c, len, &p))
        return -EBADMSG;
    if (len >= size || memchr(p, '\0', len))
        return -EINVAL;
    memcpy(out, p, len);
    out[len] = '\0';
    return 0;
}

static int is_one_of(const char *s, const char *first, const char *rest)
{
    return *s && strchr(first, *s) && s[strspn(s, rest)] == '\0';
}

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define LETTER LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT  "0123456789"

/* What adduser(8) takes, and crypt(5) makes: nothing that could add a field or a line. */
static int get_user(struct cursor *c, struct sandbox_user *u, struct error *err)
{
    if (get_string(c, u->name, sizeof(u->name)) || !is_one_of(u->name, LOWER "_", LOWER DIGIT "_-"))
        return error_set(err, -EINVAL, "not a name for a guest user");
    if (get_string(c, u->hash, sizeof(u->hash)) ||
        (u->hash[0] && !is_one_of(u->hash, "$", LETTER DIGIT "$./=,+-_")))
        return error_set(err, -EINVAL, "not a password hash for the guest user %s", u->name);
    return 0;
}

int sandbox_request_decode(struct cursor *c, struct sandbox_request *ret, struct error *err)
{
    uint16_t users = 0;
    int r;

    memset(ret, 0, sizeof(*ret));
    cursor_le32(c, &ret->memory_mib);
    cursor_le32(c, &ret->processes);
    if (get_string(c, ret->host_name, sizeof(ret->host_name)) ||
        !is_one_of(ret->host_name, LETTER DIGIT, LETTER DIGIT ".-"))
        return error_set(err, -EINVAL, "not a host name");
    cursor_le16(c, &users);
    if (cursor_error(c) || users > LAUNCHER_USERS_MAX || ret->processes == 0 ||
        ret->processes > SANDBOX_PROCESSES_MAX)
        return error_set(err, -EINVAL, "the request to start is not well-formed");
    for (unsigned i = 0; i < users; i++) {
        r = get_user(c, &ret->users[i], err);
        if (r < 0)
            return r;
        for (unsigned j = 0; j < i; j++)
            if (strcmp(ret->users[i].name, ret->users[j].name) == 0)
                return error_set(err, -EINVAL, "the guest user %s is there twice",
                                 ret->users[i].name);
    }
    ret->user_count = users;
    return c->left ? error_set(err, -EINVAL, "the request to start is too long") : 0;
}
