/*
 * The path of a resource, as a guest wrote it: hostile until it has been through here
 * (GuestStore protocol, lookup rules).
 */
#ifndef GSTORED_PATH_H
#define GSTORED_PATH_H

#include <stddef.h>

#include "wire/gstore.h"

#define PATH_FOLDER_RESOURCE "metadata.json" /* what a path that ends in '/' means */

/* Puts the final path, beginning with '/' and NUL-terminated, into `ret`. NULL, or what is wrong
 * with the path, for the log: not 1 to GSTORE_PATH_MAX bytes, no '/' at the start, control bytes,
 * an empty segment, or a segment "." or "..", also when it is one only after percent-decoding (once
 * or more often), with backslashes for slashes, or in overlong UTF-8: no server that a path goes to
 * gets the chance to understand more than we did. */
const char *path_resolve(const void *path, size_t len, char ret[GSTORE_PATH_MAX + 1]);

#endif
