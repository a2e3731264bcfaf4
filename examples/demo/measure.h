/* SPDX-License-Identifier: MIT */
/* What the demo's programs measure with: how long answers took, and how much memory is in use. */
#ifndef EXAMPLES_DEMO_MEASURE_H
#define EXAMPLES_DEMO_MEASURE_H

#include <stdint.h>

enum { STEPS_LOG2 = 5, STEPS = 1 << STEPS_LOG2, BUCKETS = (64 - STEPS_LOG2) * STEPS };

/* Counts durations in buckets that are 3 % wide at most. */
struct durations {
    uint64_t count;
    uint64_t in_bucket[BUCKETS];
};

void durations_add(struct durations *durations, uint64_t ns);

/* The duration that `share` of all, 0 to 1, do not exceed. */
double durations_quantile_ms(const struct durations *durations, double share);

/* A line of /proc/self/status in KiB, e.g. "VmRSS"; 0 if there is none. */
uint64_t memory_kib(const char *name);

#endif
