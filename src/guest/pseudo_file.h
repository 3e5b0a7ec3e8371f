/*
 * Files that the kernel makes up as they are read, on procfs, sysfs and their like: the size that
 * stat(2) tells for them (0, or a page) says nothing about the content.
 */
#ifndef GUEST_PSEUDO_FILE_H
#define GUEST_PSEUDO_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* What hosts are told in place of a size that nobody knows (HGFS protocol, archive handler). */
#define SIZE_NOT_KNOWN INT64_MAX

/* `st` is what fd or path has; links are followed, so ask only about what is no link. */
bool pseudo_file_fd(int fd, const struct stat *st);
bool pseudo_file_path(const char *path, const struct stat *st);

#endif
