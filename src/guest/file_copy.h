/* Moving files and folders, also from one file system to another. Blocks; any thread. */
#ifndef GUEST_FILE_COPY_H
#define GUEST_FILE_COPY_H

/* rename(2); without `replace` an existing target is -EEXIST, also when it appears meanwhile. */
int file_rename(const char *from, const char *to, int replace);

/* Copies beside the target under another name, puts that in place, removes the source: at no time
 * is there half a target. Owner (where allowed), mode, times and links are kept; extended
 * attributes, hard links among the files, and special files are not (-EINVAL for those). */
int file_move_across(const char *from, const char *to, int replace);

#endif
