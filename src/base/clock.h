/*
 * Time. Deadlines use clock_ms (monotonic); only what people read uses clock_wall_us.
 * Tests may stop the clock with clock_set_fake and move it by hand.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

uint64_t clock_ms(void);          /* monotonic milliseconds */
int64_t clock_wall_us(void);      /* microseconds since 1970-01-01T00:00:00Z */
void clock_set_fake(uint64_t ms); /* 0 = the real clock again */

#define CLOCK_RFC3339_SIZE 32
/* "2026-11-21T11:38:04.123Z" for a time of clock_wall_us; returns out. */
const char *clock_rfc3339(int64_t wall_us, char out[CLOCK_RFC3339_SIZE]);

#endif
