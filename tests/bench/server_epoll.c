/* SPDX-License-Identifier: MIT */
/* The echo server one would write by hand on epoll, with nothing that can be left out:
 * level-triggered, each socket registered once, one receive and one send for each event. A client
 * that does not take its answer ends the program; the benchmark's clients do. */
#define _GNU_SOURCE

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/kit.h"

enum { BATCH = 1024 };

static void watch(int poller, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) kit_fail("epoll_ctl");
}

static void accept_one(int poller, int listener) {
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        watch(poller, fd);
    } else if (errno != EAGAIN && errno != ECONNABORTED) {
        kit_fail("accept4");
    }
}

static void serve(int fd) {
    static char bytes[BUFFER_BYTES];
    const ssize_t length = recv(fd, bytes, sizeof bytes, 0);
    if (length <= 0) {
        if (length < 0 && errno == EAGAIN) return;
        close(fd);
        return;
    }
    kit_work((size_t)length);
    if (send(fd, bytes, (size_t)length, MSG_NOSIGNAL) != length) kit_fail("send");
}

int main(void) {
    static struct epoll_event events[BATCH];
    const int listener = kit_listen();
    const int poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0) kit_fail("epoll_create1");
    watch(poller, listener);
    kit_ready(listener, "epoll by hand");
    for (;;) {
        const int count = epoll_wait(poller, events, BATCH, -1);
        if (count < 0 && errno != EINTR) kit_fail("epoll_wait");
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listener) {
                accept_one(poller, listener);
            } else {
                serve(events[i].data.fd);
            }
        }
    }
}
