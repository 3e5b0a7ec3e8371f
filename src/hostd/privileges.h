/* The privileges that exist, and sets of them. */
#ifndef HOSTD_PRIVILEGES_H
#define HOSTD_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRIVILEGES_MAX 256

extern const char *const privilege_names[]; /* sorted */
extern const size_t privilege_count;

/* -1: there is no such privilege. */
int privilege_index(const char *name);

struct privilege_set {
    uint64_t bits[PRIVILEGES_MAX / 64];
};

static inline void privilege_set_add(struct privilege_set *s, int index)
{
    s->bits[index / 64] |= UINT64_C(1) << (index % 64);
}

static inline bool privilege_set_has(const struct privilege_set *s, int index)
{
    return index >= 0 && (s->bits[index / 64] >> (index % 64) & 1);
}

void privilege_set_add_all(struct privilege_set *s);
void privilege_set_union(struct privilege_set *s, const struct privilege_set *other);

#endif
