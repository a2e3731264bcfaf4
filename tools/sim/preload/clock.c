/* SPDX-License-Identifier: MIT */
/* The simulated clocks: those of the world while there is one. In a program that was started for a
 * simulation they stand still before and after it, and only looking at them and sleeping moves
 * them. Several worlds follow each other in time. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#include "preload.h"

/* 2000-01-01 00:00:00 UTC; the seed decides at which second of that day the time begins. */
static const uint64_t epoch_ns = UINT64_C(946684800) * second_ns;
enum { seconds_of_day = 86400 };

static const uint64_t look_ns = 10;
/* No clock ever shows more: further additions must not overflow. */
static const uint64_t last_ns = UINT64_C(4000000000000000000);

/* Taken only by who finds it free: a signal handler, or an allocator that is called while libzio
 * answers, gets the time that was seen last. */
static atomic_flag is_busy = ATOMIC_FLAG_INIT;
static _Atomic uint64_t seen_ns = second_ns;
static _Atomic uint64_t outside_ns;   /* passed outside of the present world */
static uint64_t world_ns = second_ns; /* seen last in the present world, or in the last */

const struct library *find_clock(void) {
    uint64_t seed;
    const struct library *const zio = find_library();
    return zio != NULL && (zio->is_active() != 0 || is_asked_for(&seed)) ? zio : NULL;
}

uint64_t virtual_time(const struct library *zio) {
    if (atomic_flag_test_and_set(&is_busy)) return atomic_load(&seen_ns);
    if (zio->is_active() != 0) {
        const uint64_t now = (uint64_t)zio->now();
        if (now < world_ns) atomic_fetch_add(&outside_ns, world_ns - beginning); /* another */
        world_ns = now;
    } else {
        atomic_fetch_add(&outside_ns, look_ns);
    }
    uint64_t ns = atomic_load(&outside_ns) + world_ns;
    if (ns > last_ns) ns = last_ns;
    atomic_store(&seen_ns, ns);
    atomic_flag_clear(&is_busy);
    return ns;
}

void pass_time(const struct library *zio, uint64_t ns) {
    const uint64_t most_ns = UINT64_C(1000000000000000000); /* in one call */
    const uint64_t now = virtual_time(zio);
    if (ns > last_ns - now) ns = last_ns - now;
    while (ns > 0) {
        const uint64_t part = ns < most_ns ? ns : most_ns;
        if (zio->advance((int64_t)part) != 0) atomic_fetch_add(&outside_ns, part);
        ns -= part;
    }
}

/* Decided once, so that the calendar does not jump when a world begins. */
static uint64_t first_wall_ns(void) {
    static _Atomic uint64_t decided;
    uint64_t first = atomic_load(&decided), seed = 0;
    if (first != 0) return first;
    if (!is_asked_for(&seed)) find_seed(&seed);
    first = epoch_ns + mixed(seed ^ UINT64_C(0x63616c656e646172)) % seconds_of_day * second_ns;
    atomic_store(&decided, first);
    return first;
}

bool read_clock(const struct library *zio, int id, uint64_t *ns) {
    switch (id) {
        case CLOCK_REALTIME:
        case CLOCK_REALTIME_COARSE:
        case CLOCK_REALTIME_ALARM:
        case CLOCK_TAI:
            *ns = virtual_time(zio) - beginning + first_wall_ns();
            return true;
        case CLOCK_MONOTONIC:
        case CLOCK_MONOTONIC_RAW:
        case CLOCK_MONOTONIC_COARSE:
        case CLOCK_BOOTTIME:
        case CLOCK_BOOTTIME_ALARM:
            *ns = virtual_time(zio);
            return true;
        case CLOCK_PROCESS_CPUTIME_ID: /* as if the program computed all the time */
        case CLOCK_THREAD_CPUTIME_ID:
            *ns = virtual_time(zio) - beginning;
            return true;
        default: /* of another process, or of a device; or none */
            return false;
    }
}

/* Another thread may have been at it in the parent. */
static void release_in_child(void) {
    atomic_flag_clear(&is_busy);
}

__attribute__((constructor)) static void watch_forks(void) {
    pthread_atfork(NULL, NULL, release_in_child);
}
