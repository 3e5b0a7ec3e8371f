#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t fake_ms;

void clock_set_fake(uint64_t ms)
{
    fake_ms = ms;
}

uint64_t clock_ms(void)
{
    struct timespec ts;

    if (fake_ms)
        return fake_ms;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int64_t clock_wall_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

const char *clock_rfc3339(int64_t wall_us, char out[CLOCK_RFC3339_SIZE])
{
    time_t sec = (time_t)(wall_us / 1000000);
    int ms = (int)(wall_us % 1000000 / 1000);
    struct tm tm;
    char day[24];

    if (ms < 0) {
        ms += 1000;
        sec--;
    }
    gmtime_r(&sec, &tm);
    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, CLOCK_RFC3339_SIZE, "%s.%03dZ", day, ms);
    return out;
}
