/* SPDX-License-Identifier: MIT */
/* Sleeping: virtual time passes, as if the caller had computed for so long, and nobody waits.
 * Threads that are none of the simulation's sleep really; else those that only wake from time to
 * time would drive the clock as fast as they can. */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "preload.h"

HOST(nanosleep)
HOST(clock_nanosleep)
HOST(usleep)
HOST(sleep)
HOST(thrd_sleep)

/* Tasks are, wherever they run, and the thread that the program began with. */
bool is_of_simulation(const struct library *zio) {
    return zio->task_self() != NULL || gettid() == getpid();
}

static const struct library *find_clock_to_sleep_by(void) {
    const struct library *const zio = find_clock();
    return zio != NULL && is_of_simulation(zio) ? zio : NULL;
}

bool is_span(const struct timespec *span) {
    return span->tv_sec >= 0 && span->tv_nsec >= 0 && span->tv_nsec < second_ns;
}

/* The longest are as good as for ever. */
uint64_t ns_of(const struct timespec *span) {
    const uint64_t longest_s = UINT64_C(8000000000);
    const uint64_t seconds =
        (uint64_t)span->tv_sec < longest_s ? (uint64_t)span->tv_sec : longest_s;
    return seconds * second_ns + (uint64_t)span->tv_nsec;
}

INTERCEPTED int nanosleep(const struct timespec *span, struct timespec *rest) {
    const struct library *const zio = find_clock_to_sleep_by();
    if (zio == NULL) return NEXT(nanosleep)(span, rest);
    if (!is_span(span)) {
        errno = EINVAL;
        return -1;
    }
    pass_time(zio, ns_of(span));
    return 0;
}

INTERCEPTED int clock_nanosleep(clockid_t id, int flags, const struct timespec *span,
                                struct timespec *rest) {
    uint64_t now;
    const struct library *const zio = find_clock_to_sleep_by();
    if (zio == NULL || id == CLOCK_THREAD_CPUTIME_ID || !read_clock(zio, id, &now)) {
        return NEXT(clock_nanosleep)(id, flags, span, rest);
    }
    if (!is_span(span)) return EINVAL;
    uint64_t ns = ns_of(span);
    if ((flags & TIMER_ABSTIME) != 0) ns = ns > now ? ns - now : 0;
    pass_time(zio, ns);
    return 0;
}

INTERCEPTED int usleep(useconds_t us) {
    const struct library *const zio = find_clock_to_sleep_by();
    if (zio == NULL) return NEXT(usleep)(us);
    pass_time(zio, (uint64_t)us * 1000);
    return 0;
}

INTERCEPTED unsigned sleep(unsigned seconds) {
    const struct library *const zio = find_clock_to_sleep_by();
    if (zio == NULL) return NEXT(sleep)(seconds);
    pass_time(zio, (uint64_t)seconds * second_ns);
    return 0;
}

INTERCEPTED int thrd_sleep(const struct timespec *span, struct timespec *rest) {
    const struct library *const zio = find_clock_to_sleep_by();
    if (zio == NULL) return NEXT(thrd_sleep)(span, rest);
    if (!is_span(span)) return -2;
    pass_time(zio, ns_of(span));
    return 0;
}
