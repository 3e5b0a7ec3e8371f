/*
 * Answers to requests that only read, kept until something may have changed, so that whoever reads
 * the same small data again and again costs neither the stores' thread nor the disk. The loop's
 * thread only. What is asked is a name of bytes: who asks, what, and of which VM's state.
 *
 * A request that reads takes the generation when it goes to the thread and gives it back with the
 * answer: an answer from before the last change is not kept. Bounded: DATASET_ANSWERS_MAX answers
 * of DATASET_ANSWER_SIZE bytes together with their names; the one not used for longest goes.
 */
#ifndef VMX_DATASET_ANSWERS_H
#define VMX_DATASET_ANSWERS_H

#include <stddef.h>
#include <stdint.h>

#define DATASET_ANSWERS_MAX 64u
#define DATASET_ANSWER_SIZE 4096u

struct dataset_answers;

struct dataset_answers *dataset_answers_new(void); /* NULL: no memory */
void dataset_answers_free(struct dataset_answers *a);

/* Something changes: all are forgotten, and those that are under way will be. */
void dataset_answers_forget(struct dataset_answers *a);
uint64_t dataset_answers_generation(const struct dataset_answers *a);

/* NULL: not known. Valid until the next call. */
const void *dataset_answers_find(struct dataset_answers *a, const void *name, size_t name_len,
                                 size_t *ret_len);
/* What is too long, or of another generation, is left; so is all when there is no memory. */
void dataset_answers_keep(struct dataset_answers *a, uint64_t generation, const void *name,
                          size_t name_len, const void *answer, size_t len);

#endif
