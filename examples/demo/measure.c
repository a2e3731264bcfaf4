/* SPDX-License-Identifier: MIT */
#include "demo/measure.h"

#include <stdio.h>
#include <string.h>

/* The first STEPS buckets are one nanosecond wide, and each STEPS after them twice as wide as those
 * before. */
static unsigned bucket_of(uint64_t ns) {
    unsigned doublings = 0;
    while (ns >> doublings >= 2 * STEPS) doublings++;
    if (ns < STEPS) return (unsigned)ns;
    return doublings * STEPS + (unsigned)(ns >> doublings);
}

static uint64_t end_of(unsigned bucket) {
    if (bucket < STEPS) return bucket;
    const unsigned doublings = bucket / STEPS - 1;
    return ((uint64_t)(bucket % STEPS + STEPS + 1) << doublings) - 1;
}

void durations_add(struct durations *durations, uint64_t ns) {
    durations->in_bucket[bucket_of(ns)]++;
    durations->count++;
}

double durations_quantile_ms(const struct durations *durations, double share) {
    const double wanted = share * (double)durations->count;
    uint64_t seen = 0;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        seen += durations->in_bucket[bucket];
        if (seen > 0 && (double)seen >= wanted) return (double)end_of(bucket) / 1e6;
    }
    return 0;
}

uint64_t memory_kib(const char *name) {
    char line[256];
    unsigned long long value = 0;
    const size_t length = strlen(name);
    FILE *file = fopen("/proc/self/status", "r");
    if (file == NULL) return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, length) != 0 || line[length] != ':') continue;
        (void)sscanf(line + length + 1, "%llu", &value);
        break;
    }
    fclose(file);
    return value;
}
