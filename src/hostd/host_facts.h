/* What this machine is, for HostSystem: read once at start, load and free space when asked. */
#ifndef HOSTD_HOST_FACTS_H
#define HOSTD_HOST_FACTS_H

#include <stdbool.h>
#include <stdint.h>

struct host_facts {
    char vendor[64], model[64], uuid[37];
    char cpu_model[128], cpu_vendor[32];
    int64_t memory; /* bytes */
    int cpu_mhz;
    int packages, cores, threads;
    int nics;
    int64_t boot_time; /* wall clock, us */
};

/* Never fails: what cannot be read gets a plausible value ("Unknown", 1 core). */
void host_facts_read(struct host_facts *ret);

struct host_load {
    int64_t memory_used; /* bytes */
    int cpu_permille;    /* of all cores, load average of a minute */
    int64_t uptime;      /* seconds */
};
void host_load_read(const struct host_facts *facts, struct host_load *ret);

#endif
