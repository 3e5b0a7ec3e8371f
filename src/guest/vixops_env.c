/* The worker's environment is the one of a login of its user. Only read, so any thread may. */
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "guest/vixops.h"
#include "wire/vix_text.h"

static int name_is(const char *assignment, const char *name)
{
    size_t n = strlen(name);

    return strncmp(assignment, name, n) == 0 && assignment[n] == '=';
}

static const char *find(const char *name)
{
    for (char **e = environ; e && *e; e++)
        if (name_is(*e, name))
            return *e;
    return NULL;
}

static void put(struct vixop *op, const char *assignment)
{
    /* The protocol has no room for bytes that are not text. */
    if (assignment && utf8_valid(assignment, strlen(assignment)))
        vix_text_put_env(&op->result, assignment);
}

void vixop_read_env(struct vixop *op)
{
    const struct vix_strings *names = &op->body.read_env.names;
    const char *name;
    size_t pos = 0;

    if (names->count == 0)
        for (char **e = environ; e && *e; e++)
            put(op, *e);
    while (names->count && (name = vix_strings_next(names, &pos)))
        put(op, find(name));
}

void vixop_read_variable(struct vixop *op)
{
    const char *assignment;

    if (op->body.variable.type != VIX_VARIABLE_GUEST_ENVIRONMENT) {
        vixop_fail(op, VIX_E_OP_NOT_SUPPORTED_ON_GUEST);
        return;
    }
    assignment = find(op->body.variable.name);
    if (assignment && utf8_valid(assignment, strlen(assignment)))
        buf_put_str(&op->result, strchr(assignment, '=') + 1);
}
