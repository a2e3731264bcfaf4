/* SPDX-License-Identifier: MIT */
/* Waits for other threads until a point of time: the kernel knows the host's clocks alone, so the
 * point is moved there. They are real waits; one that was in vain has lasted as long in the world,
 * too, where it was a thread of the simulation that waited. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <threads.h>
#include <time.h>

#include "preload.h"

HOST(clock_gettime)
HOST(pthread_cond_timedwait)
HOST(pthread_cond_clockwait)
HOST(pthread_mutex_timedlock)
HOST(pthread_mutex_clocklock)
HOST(pthread_rwlock_timedrdlock)
HOST(pthread_rwlock_clockrdlock)
HOST(pthread_rwlock_timedwrlock)
HOST(pthread_rwlock_clockwrlock)
HOST(sem_timedwait)
HOST(sem_clockwait)
HOST(cnd_timedwait)
HOST(mtx_timedlock)

struct wait {
    const struct library *zio; /* NULL: time does not pass by it */
    uint64_t ns;
    struct timespec until; /* on the clock of the host */
};

/* Some are not told which clock is meant. The simulated calendar begins after the year 2000, and
 * the other clock does not get that far. */
static clockid_t clock_meant_by(const struct timespec *until) {
    return until->tv_sec >= 900000000 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
}

/* False: nothing is to be moved. */
static bool move_to_host(const void *caller, clockid_t id, const struct timespec *until,
                         struct wait *out) {
    uint64_t now;
    const struct library *const zio = find_clock();
    if (is_of_library(caller)) return false; /* it knows */
    if (zio == NULL || !is_span(until) || !read_clock(zio, id, &now)) return false;
    const uint64_t end = ns_of(until);
    out->zio = is_of_simulation(zio) ? zio : NULL;
    out->ns = end > now ? end - now : 0;
    if (NEXT(clock_gettime)(id, &out->until) != 0) return false;
    const uint64_t nsec = (uint64_t)out->until.tv_nsec + out->ns % second_ns;
    out->until.tv_sec += (time_t)(out->ns / second_ns + nsec / second_ns);
    out->until.tv_nsec = (long)(nsec % second_ns);
    return true;
}

static int end_of(const struct wait *wait, int result, bool was_in_vain) {
    if (!was_in_vain || wait->zio == NULL) return result;
    const int error = errno;
    pass_time(wait->zio, wait->ns);
    errno = error;
    return result;
}

INTERCEPTED int pthread_cond_timedwait(pthread_cond_t *restrict condition,
                                       pthread_mutex_t *restrict mutex,
                                       const struct timespec *restrict until) {
    struct wait wait;
    if (!move_to_host(__builtin_return_address(0), clock_meant_by(until), until, &wait)) {
        return NEXT(pthread_cond_timedwait)(condition, mutex, until);
    }
    const int result = NEXT(pthread_cond_timedwait)(condition, mutex, &wait.until);
    return end_of(&wait, result, result == ETIMEDOUT);
}

INTERCEPTED int pthread_cond_clockwait(pthread_cond_t *restrict condition,
                                       pthread_mutex_t *restrict mutex, clockid_t id,
                                       const struct timespec *restrict until) {
    struct wait wait;
    if (!move_to_host(__builtin_return_address(0), id, until, &wait)) {
        return NEXT(pthread_cond_clockwait)(condition, mutex, id, until);
    }
    const int result = NEXT(pthread_cond_clockwait)(condition, mutex, id, &wait.until);
    return end_of(&wait, result, result == ETIMEDOUT);
}

INTERCEPTED int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex,
                                        const struct timespec *restrict until) {
    struct wait wait;
    if (!move_to_host(__builtin_return_address(0), CLOCK_REALTIME, until, &wait)) {
        return NEXT(pthread_mutex_timedlock)(mutex, until);
    }
    const int result = NEXT(pthread_mutex_timedlock)(mutex, &wait.until);
    return end_of(&wait, result, result == ETIMEDOUT);
}

INTERCEPTED int pthread_mutex_clocklock(pthread_mutex_t *restrict mutex, clockid_t id,
                                        const struct timespec *restrict until) {
    struct wait wait;
    if (!move_to_host(__builtin_return_address(0), id, until, &wait))
        return NEXT(pthread_mutex_clocklock)(mutex, id, until);
    const int result = NEXT(pthread_mutex_clocklock)(mutex, id, &wait.until);
    return end_of(&wait, result, result == ETIMEDOUT);
}

INTERCEPTED int pthread_rwlock_timedrdlock(pthread_rwlock_t *restrict lock,
                                           const struct timespec *restrict until) {
    struct wait wait;
    if (!move_to_host(__builtin_return_address(0), CLOCK_REALTIME, until, &wait)) {
        return NEXT(pthread_rwlock_timedrdlock)(lock, until);
    }
    const int result = NEXT(pthread_rwlock_timedrdlock)(lock, &wait.until);
    return end_of(&wait, result, result == ETIMEDOUT);
}

INTERCEPTED int pthread_rwlock_clockrdlock(pthread_rwlock_t *restrict lock, clockid_t id,
                                           const struct timespec *restrict until) {
    struct wait wait;
    if (!move_to_host(__builtin_return_address(0), id, until, &wait))
        return NEXT(pthread_rwlock_clockrdlock)(lock, id, until);
    const int result = NEXT(pthread_rwlock_clockrdlock)(lock, id, &wait.until);
    return end_of(&wait, result, result == ETIMEDOUT);
}

INTERCEPTED int pthread_rwlock_timedwrlock(pthread_rwlock_t *restrict lock,
                                           const struct timespec *restrict until) {
    struct wait wait;
    if (!move_to_host(__builtin_return_address(0), CLOCK_REALTIME, until, &wait)) {
        return NEXT(pthread_rwlock_timedwrlock)(lock, until);
    }
    const int result = NEXT(pthread_rwlock_timedwrlock)(lock, &wait.until);
    return end_of(&wait, result, result == ETIMEDOUT);
}

INTERCEPTED int pthread_rwlock_clockwrlock(pthread_rwlock_t *restrict lock, clockid_t id,
                                           const struct timespec *restrict until) {
    struct wait wait;
    if (!move_to_host(__builtin_return_address(0), id, until, &wait))
        return NEXT(pthread_rwlock_clockwrlock)(lock, id, until);
    const int result = NEXT(pthread_rwlock_clockwrlock)(lock, id, &wait.until);
    return end_of(&wait, result, result == ETIMEDOUT);
}

INTERCEPTED int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
    struct wait wait;
    if (!move_to_host(__builtin_return_address(0), CLOCK_REALTIME, until, &wait))
        return NEXT(sem_timedwait)(semaphore, until);
    const int result = NEXT(sem_timedwait)(semaphore, &wait.until);
    return end_of(&wait, result, result != 0 && errno == ETIMEDOUT);
}

INTERCEPTED int sem_clockwait(sem_t *restrict semaphore, clockid_t id,
                              const struct timespec *restrict until) {
    struct wait wait;
    if (!move_to_host(__builtin_return_address(0), id, until, &wait))
        return NEXT(sem_clockwait)(semaphore, id, until);
    const int result = NEXT(sem_clockwait)(semaphore, id, &wait.until);
    return end_of(&wait, result, result != 0 && errno == ETIMEDOUT);
}

INTERCEPTED int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                              const struct timespec *restrict until) {
    struct wait wait;
    if (!move_to_host(__builtin_return_address(0), CLOCK_REALTIME, until, &wait)) {
        return NEXT(cnd_timedwait)(condition, mutex, until);
    }
    const int result = NEXT(cnd_timedwait)(condition, mutex, &wait.until);
    return end_of(&wait, result, result == thrd_timedout);
}

INTERCEPTED int mtx_timedlock(mtx_t *restrict mutex, const struct timespec *restrict until) {
    struct wait wait;
    if (!move_to_host(__builtin_return_address(0), CLOCK_REALTIME, until, &wait))
        return NEXT(mtx_timedlock)(mutex, until);
    const int result = NEXT(mtx_timedlock)(mutex, &wait.until);
    return end_of(&wait, result, result == thrd_timedout);
}
