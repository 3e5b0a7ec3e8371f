/*
 * Memory that lives as long as one request: objects that are decoded from a request, and the
 * ones a handler builds for the answer, are allocated here and freed together.
 *
 * The cap bounds what a stranger can make us allocate. Allocation returns zeroed memory, aligned
 * for any type, or NULL when memory or the cap is exhausted. Not thread-safe.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *head;
    size_t used;
    size_t max;
};

#define ARENA_INIT(maximum) ((struct arena){.max = (maximum)})

void arena_free(struct arena *a);
void *arena_alloc(struct arena *a, size_t size);
void *arena_calloc(struct arena *a, size_t count, size_t size);
void *arena_memdup(struct arena *a, const void *p, size_t size);
char *arena_strdup(struct arena *a, const char *s); /* NULL for NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap);

#define ARENA_NEW(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, n, type) ((type *)arena_calloc((a), (n), sizeof(type)))
#define AUTO_ARENA              __attribute__((cleanup(arena_free)))

#endif
