/* SPDX-License-Identifier: MIT */
/* Does this kernel do it? Of pipes, files, epoll and signals. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "quirk_kit.h"

static enum answer truth(bool is_so) {
    return is_so ? YES : NO;
}

static int64_t now_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void nothing(int signal_number) {
    (void)signal_number;
}

/* A signal comes after so many milliseconds, and again and again. */
static void send_signals(int flags, long ms) {
    const struct itimerval timer = {{0, ms * 1000}, {0, ms * 1000}};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = nothing;
    action.sa_flags = flags;
    (void)sigaction(SIGALRM, &action, NULL);
    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

enum answer probe_pipes_raise_a_signal(void) {
    sigset_t set;
    int ends[2];
    if (pipe(ends) != 0) return CANNOT_TELL;
    (void)close(ends[0]);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGPIPE);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    if (write(ends[1], "x", 1) >= 0 || errno != EPIPE) return NO;
    (void)sigpending(&set);
    return truth(sigismember(&set, SIGPIPE) == 1);
}

enum answer probe_ready_pipes_block(void) {
    static char bytes[65536];
    int ends[2];
    if (pipe2(ends, O_NONBLOCK) != 0) return CANNOT_TELL;
    while (write(ends[1], bytes, 4096) > 0) continue;
    if (read(ends[0], bytes, 4096) != 4096) return CANNOT_TELL;
    struct pollfd entry = {ends[1], POLLOUT, 0};
    if (poll(&entry, 1, 0) != 1 || fcntl(ends[1], F_SETFL, 0) != 0) return NO;
    send_signals(0, 20);
    const int64_t begun = now_ms();
    const ssize_t written = write(ends[1], bytes, 8192);
    return truth(written == 4096 && now_ms() - begun >= 10);
}

static int open_file(void) {
    char name[] = "/tmp/zio-conformance-XXXXXX";
    const int fd = mkstemp(name);
    if (fd >= 0) (void)unlink(name);
    return fd;
}

enum answer probe_files_are_not_watched(void) {
    const int epoll = epoll_create1(0), file = open_file();
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll < 0 || file < 0) return CANNOT_TELL;
    return truth(epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event) < 0 && errno == EPERM);
}

enum answer probe_poll_skips_bad_numbers(void) {
    struct pollfd entry = {-1, POLLIN, 0};
    return truth(poll(&entry, 1, 0) == 0 && entry.revents == 0);
}

enum answer probe_epoll_forgets_the_closed(void) {
    const int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    int first[2], second[2];
    if (epoll < 0 || pipe(first) != 0) return CANNOT_TELL;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, first[0], &event) != 0) return CANNOT_TELL;
    (void)close(first[0]);
    if (pipe(second) != 0 || second[0] != first[0]) return CANNOT_TELL;
    return truth(epoll_ctl(epoll, EPOLL_CTL_DEL, second[0], &event) < 0 && errno == ENOENT);
}

enum answer probe_epoll_is_never_restarted(void) {
    const int epoll = epoll_create1(0);
    struct epoll_event event;
    if (epoll < 0) return CANNOT_TELL;
    send_signals(SA_RESTART, 5);
    return truth(epoll_wait(epoll, &event, 1, 5000) < 0 && errno == EINTR);
}

enum answer probe_epoll_waits_nanoseconds(void) {
#if defined(SYS_epoll_pwait2)
    const int epoll = epoll_create1(0);
    const struct { int64_t seconds, nanoseconds; } moment = {0, 1000};
    struct epoll_event event;
    if (epoll < 0) return CANNOT_TELL;
    const long result = syscall(SYS_epoll_pwait2, epoll, &event, 1, &moment, NULL, (size_t)0);
    if (result < 0 && errno == EPERM) return CANNOT_TELL; /* a sandbox that does not know it */
    return truth(result == 0);
#else
    return CANNOT_TELL;
#endif
}
