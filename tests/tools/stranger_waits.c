/* SPDX-License-Identifier: MIT */
/* The waits of stranger.c: for other threads and for descriptors of the host, with a time limit.
 * Each is in vain, so that it really lasts and time passes; those for nothing at all only let it
 * pass. */
#define _GNU_SOURCE
#include "stranger_waits.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { SPAN_MS = 50, HOUR_MS = 3600000 };

static int64_t ms_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct timespec later(clockid_t id) {
    struct timespec at;
    clock_gettime(id, &at);
    at.tv_nsec += SPAN_MS * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

static void *takes(void *lock) {
    pthread_rwlock_wrlock(lock);
    return NULL;
}

static bool waits_for_threads(int way) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, taken = PTHREAD_MUTEX_INITIALIZER;
    pthread_condattr_t monotonic;
    pthread_cond_t condition;
    pthread_rwlock_t written = PTHREAD_RWLOCK_INITIALIZER, read = PTHREAD_RWLOCK_INITIALIZER;
    pthread_t taker;
    sem_t none;
    mtx_t lock;
    cnd_t signal;
    const clockid_t id = way % 2 == 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    sem_init(&none, 0, 0);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, id);
    pthread_cond_init(&condition, &monotonic);
    mtx_init(&lock, mtx_timed);
    mtx_lock(&lock);
    cnd_init(&signal);
    pthread_mutex_lock(&mutex);
    pthread_mutex_lock(&taken);
    pthread_rwlock_rdlock(&read);
    pthread_create(&taker, NULL, takes, &written);
    pthread_join(taker, NULL);
    const struct timespec at = later(id);
    if (way < 2) return pthread_cond_timedwait(&condition, &mutex, &at) == ETIMEDOUT;
    if (way < 4) return pthread_cond_clockwait(&condition, &mutex, id, &at) == ETIMEDOUT;
    if (way == 4) return pthread_mutex_timedlock(&taken, &at) == ETIMEDOUT;
    if (way == 5) return pthread_mutex_clocklock(&taken, id, &at) == ETIMEDOUT;
    if (way == 6) return pthread_rwlock_timedrdlock(&written, &at) == ETIMEDOUT;
    if (way == 7) return pthread_rwlock_clockrdlock(&written, id, &at) == ETIMEDOUT;
    if (way == 8) return pthread_rwlock_timedwrlock(&read, &at) == ETIMEDOUT;
    if (way == 9) return pthread_rwlock_clockwrlock(&read, id, &at) == ETIMEDOUT;
    if (way == 10) return cnd_timedwait(&signal, &lock, &at) == thrd_timedout;
    if (way == 11 || way == 13) return sem_clockwait(&none, id, &at) != 0 && errno == ETIMEDOUT;
    if (way == 12) return mtx_timedlock(&lock, &at) == thrd_timedout;
    return sem_timedwait(&none, &at) != 0 && errno == ETIMEDOUT;
}
enum { THREAD_WAYS = 15, HOST_WAYS = 5 };

/* For bytes that never come; with a descriptor less, for nothing. */
static bool waits_for_host(int way, int descriptor, int ms) {
    const struct timespec span = {ms / 1000, ms % 1000 * 1000000};
    struct timeval rough = {ms / 1000, ms % 1000 * 1000};
    struct pollfd entry = {descriptor, POLLIN, 0};
    struct epoll_event event = {0};
    fd_set set;
    FD_ZERO(&set);
    if (descriptor >= 0) FD_SET(descriptor, &set);
    if (way == 0) return poll(&entry, descriptor >= 0, ms) == 0;
    if (way == 1) return ppoll(&entry, descriptor >= 0, &span, NULL) == 0;
    if (way == 2) return select(descriptor + 1, &set, NULL, NULL, &rough) == 0;
    if (way == 3) return pselect(descriptor + 1, &set, NULL, NULL, &span, NULL) == 0;
    return epoll_wait(epoll_create1(EPOLL_CLOEXEC), &event, 1, ms) == 0;
}

void check_waits(void (*expect)(bool holds, const char *what)) {
    const int64_t tick_ms = 1000 / sysconf(_SC_CLK_TCK), slack_ms = 5;
    struct timespec moment;
    struct tms unused;
    int pipe_ends[2];
    if (pipe(pipe_ends) != 0) return;
    for (int way = 0; way < THREAD_WAYS + HOST_WAYS; way++) {
        const int64_t before = ms_now(), real_before = times(&unused);
        const bool was_in_vain = way < THREAD_WAYS
                                     ? waits_for_threads(way)
                                     : waits_for_host(way - THREAD_WAYS, pipe_ends[0], SPAN_MS);
        const int64_t passed = ms_now() - before;
        const int64_t really = (times(&unused) - real_before) * tick_ms;
        expect(was_in_vain, "a wait is in vain");
        expect(really >= SPAN_MS - 2 * tick_ms, "a wait is real");
        expect(passed >= SPAN_MS && passed < SPAN_MS + slack_ms, "and lasts as long in the world");
    }
    for (int way = 0; way < HOST_WAYS - 1; way++) {
        const int64_t before = ms_now();
        expect(waits_for_host(way, -1, HOUR_MS), "nothing comes from nobody");
        const int64_t passed = ms_now() - before;
        expect(passed >= HOUR_MS && passed < HOUR_MS + slack_ms, "an hour passes");
    }
    const int64_t before = ms_now();
    expect(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &moment) == 0, "a call by number");
    expect((int64_t)moment.tv_sec * 1000 + moment.tv_nsec / 1000000 - before < slack_ms,
           "a call by number sees the same clock");
    expect(syscall(SYS_getppid) == getppid(), "other calls by number are what they were");
    expect(syscall(SYS_close, -1) == -1 && errno == EBADF, "and so are their errors");
}
