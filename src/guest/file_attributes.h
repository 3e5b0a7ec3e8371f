/* Owner, mode and times of a file, as requests and uploads set them. */
#ifndef GUEST_FILE_ATTRIBUTES_H
#define GUEST_FILE_ATTRIBUTES_H

#include "wire/vix_attributes.h"

/* Sets those that a->options names, of what `path` leads to; a->path does not count. The first
 * failure ends it, a negative errno code; what was done stays. May block. */
int file_attributes_set(const char *path, const struct vix_set_attributes *a);

#endif
