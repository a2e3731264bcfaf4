/* SPDX-License-Identifier: MIT */
/* What several workers cost, through the C ABI of the shared library: one case in each run, so that
 * it can take turns with the same case of others. Prints one number, nanoseconds.
 *   workers round-trip|round-trip-asleep|wake-busy|wake-asleep|life WORKERS|idle SECONDS */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workers/kit.h"

int main(int argc, char **argv) {
    const char *const name = argc > 1 ? argv[1] : "";
    const long number = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    int64_t ns;
    if (strcmp(name, "round-trip") == 0) {
        ns = measure_round_trip();
    } else if (strcmp(name, "round-trip-asleep") == 0) {
        ns = measure_round_trip_asleep();
    } else if (strcmp(name, "wake-busy") == 0) {
        ns = measure_wake(1);
    } else if (strcmp(name, "wake-asleep") == 0) {
        ns = measure_wake(0);
    } else if (strcmp(name, "life") == 0 && number > 0) {
        ns = measure_life((uint32_t)number);
    } else if (strcmp(name, "idle") == 0) {
        stay_idle(number);
        return 0;
    } else {
        fprintf(stderr, "workers: no such case: %s\n", name);
        return 2;
    }
    printf("%" PRId64 "\n", ns);
    return 0;
}
