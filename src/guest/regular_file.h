/*
 * A regular file of the guest that the host reads or writes, by HGFS packets or a raw stream.
 *
 * An upload that does not come to its end leaves nothing behind. A file that is made new, or
 * emptied, is written without a name (O_TMPFILE) and gets its name when it is complete: whatever
 * dies before, even this process by SIGKILL, leaves no half file, and an old file keeps its content
 * until then. Where that is not possible, or would change what the old file is (hard links,
 * extended attributes, an owner that cannot be kept), the file is written in place, and removed
 * when it stays unfinished.
 *
 * Everything here may block: thread pool. Whoever holds the struct sees to it that one thread at a
 * time uses it.
 */
#ifndef GUEST_REGULAR_FILE_H
#define GUEST_REGULAR_FILE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#define REGULAR_FILE_NEW_MODE 0600

struct regular_file {
    int fd;     /* -1 = not open */
    char *path; /* owned */
    dev_t dev;
    ino_t ino;
    bool writable;
    bool pseudo;     /* made up by the kernel: read in one go */
    bool unfinished; /* what was created or emptied here and is not wanted until it is complete */
    bool nameless;   /* written without a name, which it gets when it is complete */
    bool replace;    /* ... also when the name exists by then */
};

#define REGULAR_FILE_INIT \
    (struct regular_file) \
    {                     \
        .fd = -1          \
    }

/* Opens f->path, with the flags of open(2). Anything but a regular file is -EACCES: a pipe or a
 * device has no content to transfer, and may hang. */
int regular_file_open(struct regular_file *f, int flags, mode_t mode);
/* What was written is whole: it gets its name and is closed, whatever comes out. An error that only
 * close(2) tells (a full quota on a network file system) is told. */
int regular_file_complete(struct regular_file *f);
/* Closes it, and removes it when it is an unfinished upload. */
void regular_file_close(struct regular_file *f);
/* The removal alone, also while the file is in use. */
void regular_file_remove(const struct regular_file *f);

#endif
