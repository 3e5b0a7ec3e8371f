/*
 * Moving bytes between a file or pipe of the guest and the connection of a raw stream. For threads
 * that may block: nothing here returns before the end, an error, or the connection's end.
 *
 * `sock` is a blocking stream socket; shutting it down both ways ends every call. *count grows as
 * bytes move. 0 or a negative errno code; -EPIPE and -ECONNRESET: the host is gone.
 */
#ifndef GUEST_DATA_MOVE_H
#define GUEST_DATA_MOVE_H

#include <stdint.h>

/* Sends `size` bytes of a file from its beginning. -EIO when it has become shorter. */
int data_move_send_file(int sock, int fd, uint64_t size, uint64_t *count);
/* Sends what reading gives until its end, for files whose size nobody knows. */
int data_move_send_read(int sock, int fd, uint64_t *count);
/* Sends what comes out of a non-blocking pipe until its end. */
int data_move_send_pipe(int sock, int pipe, uint64_t *count);
/* Writes what comes, until its end, into a file that is empty; stretches of zeros become holes.
 * More than `max` bytes are -EFBIG. */
int data_move_receive_file(int sock, int fd, uint64_t max, uint64_t *count);
/* The same into a non-blocking pipe. -EPIPE: nobody reads it. */
int data_move_receive_pipe(int sock, int pipe, uint64_t *count);

#endif
