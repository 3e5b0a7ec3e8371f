/* Programs under test, with their output caught in files. */
#ifndef TEST_CHILD_H
#define TEST_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct child {
    pid_t pid;
    int out, err; /* unlinked files */
};

/* `program` in the build tree; argv[0] is the name it is called by; `link` becomes TOOLBOX_LINK. */
void child_start(struct child *c, const char *program, const char *link, const char *const argv[]);
/* True when it has ended; then *ret_code is its exit code (128 + signal). */
bool child_ended(struct child *c, int *ret_code);
/* What it wrote so far; free() it. */
char *child_output(int fd);
void child_close(struct child *c);

#endif
