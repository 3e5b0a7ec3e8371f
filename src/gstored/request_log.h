/*
 * gstored.log: everything that this daemon says, and a line for each request. When the file has
 * reached its size it becomes gstored.log.1 (the one before is gone) and a new one is begun, so
 * that no guest can fill the disk by asking.
 */
#ifndef GSTORED_REQUEST_LOG_H
#define GSTORED_REQUEST_LOG_H

#include "base/error.h"

#define REQUEST_LOG_MAX (16u << 20)

/* Opens `name` in the folder and makes it the process's log. The folder stays open. */
int request_log_open(int dirfd, const char *name, struct error *err);

/* One line for a request. */
void request_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
