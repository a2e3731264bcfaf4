/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "server/kit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

void kit_fail(const char *what) {
    perror(what);
    exit(1);
}

static void allow_many_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int kit_listen(void) {
    const int on = 1;
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    allow_many_descriptors();
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        bind(listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 4096) != 0) {
        kit_fail("cannot listen");
    }
    return listener;
}

void kit_ready(int listener, const char *backend) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    if (getsockname(listener, (struct sockaddr *)&address, &length) != 0) kit_fail("getsockname");
    printf("listening on 127.0.0.1:%u (backend %s, workers 1)\n", ntohs(address.sin_port), backend);
    fflush(stdout);
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void kit_work(size_t length) {
    static int64_t work_ns = -1;
    if (work_ns < 0) {
        const char *const text = getenv("BENCH_WORK_NS");
        work_ns = text != NULL ? strtoll(text, NULL, 10) : 0;
    }
    if (work_ns == 0) return;
    const int64_t end = now_ns() + work_ns * (int64_t)(length / MESSAGE_BYTES);
    while (now_ns() < end) continue;
}
