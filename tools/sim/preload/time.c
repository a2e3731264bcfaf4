/* SPDX-License-Identifier: MIT */
/* What time is it? */
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "preload.h"

HOST(clock_gettime)
HOST(gettimeofday)
HOST(time)
HOST(timespec_get)
HOST(clock)

static struct timespec timespec_of(uint64_t ns) {
    return (struct timespec){(time_t)(ns / second_ns), (long)(ns % second_ns)};
}

/* libzio asks for the host's time in one place and by this clock alone, and must be told it: it
 * waits for the host. Other code is not taken for it when a task ends with a call of a clock,
 * which returns right into libzio, unless by this clock, too. */
static bool is_for_host(clockid_t id, const void *caller) {
    return id == CLOCK_MONOTONIC && is_of_library(caller);
}

INTERCEPTED int clock_gettime(clockid_t id, struct timespec *out) {
    uint64_t ns;
    if (host_clock_gettime == NULL) {
        return (int)call_kernel(SYS_clock_gettime, (long[6]){id, (long)out});
    }
    const struct library *const zio = find_clock();
    if (zio == NULL || is_for_host(id, __builtin_return_address(0)) || !read_clock(zio, id, &ns)) {
        return NEXT(clock_gettime)(id, out);
    }
    *out = timespec_of(ns);
    return 0;
}

INTERCEPTED int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    uint64_t ns;
    const struct library *const zio = find_clock();
    if (zio == NULL) return NEXT(gettimeofday)(out, zone);
    read_clock(zio, CLOCK_REALTIME, &ns);
    *out = (struct timeval){(time_t)(ns / second_ns), (suseconds_t)(ns % second_ns / 1000)};
    if (zone != NULL) *(struct timezone *)zone = (struct timezone){0, 0};
    return 0;
}

INTERCEPTED time_t time(time_t *out) {
    uint64_t ns;
    const struct library *const zio = find_clock();
    if (zio == NULL) return NEXT(time)(out);
    read_clock(zio, CLOCK_REALTIME, &ns);
    if (out != NULL) *out = (time_t)(ns / second_ns);
    return (time_t)(ns / second_ns);
}

INTERCEPTED int timespec_get(struct timespec *out, int base) {
    uint64_t ns;
    const struct library *const zio = find_clock();
    if (zio == NULL || base != TIME_UTC) return NEXT(timespec_get)(out, base);
    read_clock(zio, CLOCK_REALTIME, &ns);
    *out = timespec_of(ns);
    return base;
}

INTERCEPTED clock_t clock(void) {
    uint64_t ns;
    const struct library *const zio = find_clock();
    if (zio == NULL) return NEXT(clock)();
    read_clock(zio, CLOCK_PROCESS_CPUTIME_ID, &ns);
    return (clock_t)(ns / (second_ns / CLOCKS_PER_SEC));
}
