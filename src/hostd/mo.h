/*
 * Managed objects: everything that has an id of its own in the API (a virtual machine, a folder, a
 * task, a view, a manager), found by that id, read by property name, watched for changes.
 *
 * An object is a struct whose first member is a `struct mo`; its owner allocates it, adds it to the
 * registry with mo_add and takes it out with mo_remove before it frees it. Ids are unique in the
 * registry whatever the type.
 *
 * A class says which properties an object has a getter for. Which properties exist, their types,
 * privileges and versions stand in the generated descriptors (src/api); a property that is in the
 * descriptor and has no getter is unset. Getters read the current state and build a fresh value in
 * the reader's arena; they have no side effects.
 *
 * Whoever changes state says so with mo_changed; property filters and views listen with mo_watch.
 * A watcher is told at once, inside mo_changed, and must only take notes.
 *
 * One thread: hostd's loop.
 */
#ifndef HOSTD_MO_H
#define HOSTD_MO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/vim.h"
#include "base/arena.h"
#include "base/error.h"

#define MO_ID_MAX       128 /* characters of an id */
#define MO_PROPERTY_MAX 96  /* properties of a type, with those of its base types */

struct host;
struct session;
struct mo;
struct mo_registry;
struct mo_watch;

/* Through whose eyes, and into which memory, a property is read. */
struct mo_reader {
    struct host *host;
    struct session *session; /* NULL: nobody is logged in */
    struct arena *arena;
};

/* Stores the value, or NULL for "unset". -ENOMEM when the arena is exhausted, -EIO and others when
 * the value cannot be had (logged by the getter; the property then counts as unset). */
typedef int mo_getter(struct mo *mo, struct mo_reader *reader, struct vim_any **ret);

struct mo_property {
    const char *name;
    mo_getter *get;
};

/* A const table, usually one per managed object type. Properties of `base` are there too unless
 * this class has one of the same name. */
struct mo_class {
    const char *type; /* wire name: "VirtualMachine" */
    const struct mo_class *base;
    const struct mo_property *properties; /* ended by a NULL name; NULL = none */
};

/* What the registry works out once per class. */
struct mo_class_info {
    const struct mo_class *class;
    const struct vim_mo_type *type;
    mo_getter *getters[MO_PROPERTY_MAX]; /* in the order of type->properties */
};

struct mo {
    struct mo_registry *registry; /* NULL: not added, or removed */
    const struct mo_class_info *info;
    char *id;
    struct mo *parent;       /* inventory parent, NULL for the root and objects outside the tree */
    struct session *session; /* the session an object is bound to; NULL: everybody's */
    struct mo_watch *watches;
    struct mo *hash_next;
    uint64_t generation; /* counts changes */
};

struct mo_watch {
    struct mo *mo; /* NULL: not watching */
    struct mo_watch *next, **link;
    /* `path` is a property ("guest") or a path beneath one ("guest.ipAddress"); NULL means that the
     * object leaves the registry: the watch has been taken off already. */
    void (*changed)(struct mo_watch *watch, const char *path);
};

int mo_registry_new(struct mo_registry **ret);
void mo_registry_free(struct mo_registry *registry); /* objects must have been removed */

/* Adds the object under `id` (copied). -EEXIST, -ENOMEM, -EINVAL: a class that names a type or a
 * property which the descriptors do not have (a programming error; logged). */
int mo_add(struct mo_registry *registry, struct mo *mo, const struct mo_class *class,
           const char *id);
/* Takes it out and tells the watchers. Fine for an object that was never added. */
void mo_remove(struct mo *mo);

struct mo *mo_find(struct mo_registry *registry, const char *id);
/* Also hides the objects of other sessions: what a client may address. */
struct mo *mo_find_for(struct mo_registry *registry, const char *id, const struct session *session);

/* Every object, until `each` returns non-zero, which is then returned. `each` may not add or remove
 * objects. */
int mo_each(struct mo_registry *registry, int (*each)(struct mo *mo, void *arg), void *arg);

const char *mo_type_name(const struct mo *mo);
bool mo_is_a(const struct mo *mo, const char *type);
struct vim_ref mo_ref(const struct mo *mo); /* {NULL, NULL} for NULL; lives as long as mo */

/* Calls every watcher of the object. */
void mo_changed(struct mo *mo, const char *path);
/* A parent change moves what is inherited along the tree. */
void mo_set_parent(struct mo *mo, struct mo *parent);

int mo_watch_add(struct mo *mo, struct mo_watch *watch);
void mo_watch_remove(struct mo_watch *watch);

/* Reads a property by its name (no dots). -ENOENT: the type has no such property; otherwise as
 * mo_getter. Privileges are the caller's business. */
int mo_get(struct mo *mo, const char *name, struct mo_reader *reader, struct vim_any **ret);

#endif
