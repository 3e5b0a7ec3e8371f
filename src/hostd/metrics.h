/* Counters for Prometheus at /metrics. */
#ifndef HOSTD_METRICS_H
#define HOSTD_METRICS_H

#include "hostd/hostd.h"

extern const struct host_module metrics_module;

#endif
