/*
 * Allocation that a test can make fail, and scope-bound release of owned locals.
 *
 * All code outside tests allocates through these. They return NULL on failure like malloc;
 * nothing aborts. mem_free(NULL) is fine. mem_fail_after() is for tests only and is not
 * thread-safe; the allocators are.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>
#include <unistd.h>

void *mem_alloc(size_t size);
void *mem_calloc(size_t count, size_t size);
void *mem_realloc(void *p, size_t size);
void *mem_memdup(const void *p, size_t size);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void mem_free(void *p);

/* Clears `size` bytes in a way the compiler keeps, then frees. For secrets. */
void mem_free_secret(void *p, size_t size);

/* The `n`th allocation from now (0 = the next) fails, once; negative switches this off. */
void mem_fail_after(long n);

static inline void mem_cleanup_free(void *pp)
{
    mem_free(*(void **)pp);
}

static inline void mem_cleanup_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define AUTO_FREE  __attribute__((cleanup(mem_cleanup_free)))
#define AUTO_CLOSE __attribute__((cleanup(mem_cleanup_close)))

/* Hands the value out of an AUTO_ local. */
#define TAKE_PTR(p)                \
    ({                             \
        __typeof__(p) take_ = (p); \
        (p) = NULL;                \
        take_;                     \
    })
#define TAKE_FD(fd)       \
    ({                    \
        int take_ = (fd); \
        (fd) = -1;        \
        take_;            \
    })

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The structure that has `*ptr` as its member. */
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
