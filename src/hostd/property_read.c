#include "hostd/property_read.h"

#include <errno.h>
#include <string.h>

#include "hostd/property_path.h"
#include "hostd/property_select.h"

static bool has_path(const struct property_paths *p, const char *path)
{
    for (size_t i = 0; i < p->count; i++) {
        if (!strcmp(p->paths[i], path))
            return true;
    }
    return false;
}

static int add_path(struct property_paths *p, const char *path)
{
    if (has_path(p, path))
        return 0;
    if (p->count == PROPERTY_PATHS_MAX)
        return -E2BIG;
    p->paths[p->count++] = path;
    return 0;
}

static int add_spec(struct property_paths *p, const struct vim_PropertySpec *spec, int version)
{
    int r = 0;

    if (!vim_mo_name_is_a(p->type->name, spec->type))
        return 0;
    p->applies = true;
    if (spec->has_all && spec->all) {
        for (size_t i = 0; r == 0 && i < p->type->property_count; i++) {
            if (p->type->properties[i].since <= version)
                r = add_path(p, p->type->properties[i].name);
        }
        return r;
    }
    for (size_t i = 0; r == 0 && i < spec->pathSet.count; i++)
        r = add_path(p, spec->pathSet.items[i]);
    return r;
}

int property_paths_for(struct arena *a, struct vim_PropertyFilterSpec *const *specs, size_t count,
                       const struct vim_mo_type *type, int version, struct property_paths *ret)
{
    size_t room = 0;
    int r = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < specs[i]->propSet.count; j++) {
            const struct vim_PropertySpec *p = specs[i]->propSet.items[j];

            room += p->has_all && p->all ? type->property_count : p->pathSet.count;
        }
    }
    if (room > PROPERTY_PATHS_MAX)
        room = PROPERTY_PATHS_MAX;
    *ret = (struct property_paths){.type = type};
    ret->paths = ARENA_ARRAY(a, room + 1, const char *);
    if (!ret->paths)
        return -ENOMEM;
    for (size_t i = 0; i < count && r == 0; i++) {
        for (size_t j = 0; j < specs[i]->propSet.count && r == 0; j++)
            r = add_spec(ret, specs[i]->propSet.items[j], version);
    }
    return r;
}

int property_read(struct mo_reader *reader, struct property_cache *c, const char *path,
                  const struct vim_any **ret)
{
    const struct vim_field *root = property_path_root(c->mo->info->type, path);
    int r;

    *ret = NULL;
    if (!root)
        return 0;
    if (root != c->root) {
        if (!c->root || c->privilege != root->privilege)
            c->allowed = select_allowed(reader, c->mo, root->privilege);
        c->privilege = root->privilege;
        c->root = root;
        c->value = NULL;
        r = c->allowed ? mo_get(c->mo, root->name, reader, &c->value) : 0;
        if (r == -ENOMEM)
            return r;
    }
    if (!c->allowed)
        return -EACCES;
    return property_path_follow(reader->arena, c->value, path, ret);
}

struct vim_MissingProperty *property_missing(struct mo_reader *reader,
                                             const struct property_cache *c, const char *path)
{
    struct vim_MissingProperty *m = VIM_NEW(reader->arena, MissingProperty);
    struct vim_NoPermission *f = VIM_NEW(reader->arena, NoPermission);

    if (!m || !f)
        return NULL;
    m->fault = VIM_NEW(reader->arena, LocalizedMethodFault);
    if (!m->fault)
        return NULL;
    f->object = mo_ref(c->mo);
    f->privilegeId = c->privilege;
    m->path = path;
    m->fault->fault = (__typeof__(m->fault->fault))(void *)f;
    m->fault->localizedMessage = "Permission to perform this operation was denied.";
    return m;
}
