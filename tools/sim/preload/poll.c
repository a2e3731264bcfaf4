/* SPDX-License-Identifier: MIT */
/* Waits for descriptors of the host: real ones, except where there is no descriptor and it is a way
 * to sleep. One that was in vain has lasted as long in the world, too. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>

#include "preload.h"

HOST(poll)
HOST(ppoll)
HOST(select)
HOST(pselect)
HOST(epoll_wait)

static const struct library *find_clock_for(const void *caller) {
    const struct library *const zio = is_of_library(caller) ? NULL : find_clock();
    return zio != NULL && is_of_simulation(zio) ? zio : NULL;
}

static uint64_t ns_of_ms(int ms) {
    return ms > 0 ? (uint64_t)ms * 1000000 : 0;
}

INTERCEPTED int poll(struct pollfd *entries, nfds_t count, int ms) {
    const struct library *const zio = find_clock_for(__builtin_return_address(0));
    const bool only_sleeps = zio != NULL && count == 0 && ms >= 0;
    const int result = only_sleeps ? 0 : NEXT(poll)(entries, count, ms);
    if (result == 0 && zio != NULL) pass_time(zio, ns_of_ms(ms));
    return result;
}

INTERCEPTED int ppoll(struct pollfd *entries, nfds_t count, const struct timespec *span,
                      const sigset_t *mask) {
    const struct library *const zio = find_clock_for(__builtin_return_address(0));
    const bool can_pass = zio != NULL && span != NULL && is_span(span);
    const bool only_sleeps = can_pass && count == 0 && mask == NULL;
    const int result = only_sleeps ? 0 : NEXT(ppoll)(entries, count, span, mask);
    if (result == 0 && can_pass) pass_time(zio, ns_of(span));
    return result;
}

INTERCEPTED int select(int count, fd_set *restrict read, fd_set *restrict write,
                       fd_set *restrict except, struct timeval *restrict span) {
    const struct library *const zio = find_clock_for(__builtin_return_address(0));
    struct timespec exact = {0, -1};
    if (span != NULL && span->tv_usec >= 0 && span->tv_usec < 1000000) {
        exact = (struct timespec){span->tv_sec, span->tv_usec * 1000};
    }
    const bool can_pass = zio != NULL && is_span(&exact);
    const bool only_sleeps = can_pass && count == 0;
    const int result = only_sleeps ? 0 : NEXT(select)(count, read, write, except, span);
    if (only_sleeps) *span = (struct timeval){0, 0};
    if (result == 0 && can_pass) pass_time(zio, ns_of(&exact));
    return result;
}

INTERCEPTED int pselect(int count, fd_set *restrict read, fd_set *restrict write,
                        fd_set *restrict except, const struct timespec *restrict span,
                        const sigset_t *restrict mask) {
    const struct library *const zio = find_clock_for(__builtin_return_address(0));
    const bool can_pass = zio != NULL && span != NULL && is_span(span);
    const bool only_sleeps = can_pass && count == 0 && mask == NULL;
    const int result = only_sleeps ? 0 : NEXT(pselect)(count, read, write, except, span, mask);
    if (result == 0 && can_pass) pass_time(zio, ns_of(span));
    return result;
}

INTERCEPTED int epoll_wait(int descriptor, struct epoll_event *events, int count, int ms) {
    const struct library *const zio = find_clock_for(__builtin_return_address(0));
    const int result = NEXT(epoll_wait)(descriptor, events, count, ms);
    if (result == 0 && zio != NULL) pass_time(zio, ns_of_ms(ms));
    return result;
}
