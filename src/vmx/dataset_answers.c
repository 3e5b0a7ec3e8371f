#include "vmx/dataset_answers.h"

#include <string.h>

#include "base/mem.h"

struct answer {
    uint64_t used;  /* by the clock of the finds; 0 = free */
    uint8_t *bytes; /* the name, then the answer */
    size_t name_len, len;
};

struct dataset_answers {
    uint64_t generation, clock;
    struct answer answers[DATASET_ANSWERS_MAX];
};

struct dataset_answers *dataset_answers_new(void)
{
    return mem_calloc(1, sizeof(struct dataset_answers));
}

static void drop(struct answer *a)
{
    mem_free(a->bytes);
    *a = (struct answer){0};
}

void dataset_answers_forget(struct dataset_answers *a)
{
    a->generation++;
    for (size_t i = 0; i < DATASET_ANSWERS_MAX; i++)
        drop(&a->answers[i]);
}

void dataset_answers_free(struct dataset_answers *a)
{
    if (!a)
        return;
    dataset_answers_forget(a);
    mem_free(a);
}

uint64_t dataset_answers_generation(const struct dataset_answers *a)
{
    return a->generation;
}

const void *dataset_answers_find(struct dataset_answers *a, const void *name, size_t name_len,
                                 size_t *ret_len)
{
    for (size_t i = 0; i < DATASET_ANSWERS_MAX; i++) {
        struct answer *found = &a->answers[i];

        if (!found->used || found->name_len != name_len || memcmp(found->bytes, name, name_len))
            continue;
        found->used = ++a->clock;
        *ret_len = found->len;
        return found->bytes + name_len;
    }
    return NULL;
}

void dataset_answers_keep(struct dataset_answers *a, uint64_t generation, const void *name,
                          size_t name_len, const void *answer, size_t len)
{
    struct answer *oldest = &a->answers[0];
    size_t known;
    uint8_t *bytes;

    if (generation != a->generation || name_len > DATASET_ANSWER_SIZE ||
        len > DATASET_ANSWER_SIZE - name_len || dataset_answers_find(a, name, name_len, &known))
        return;
    bytes = mem_alloc(name_len + len + 1);
    if (!bytes)
        return;
    memcpy(bytes, name, name_len);
    if (len)
        memcpy(bytes + name_len, answer, len);
    for (size_t i = 1; i < DATASET_ANSWERS_MAX; i++)
        if (a->answers[i].used < oldest->used)
            oldest = &a->answers[i];
    drop(oldest);
    *oldest = (struct answer){++a->clock, bytes, name_len, len};
}
