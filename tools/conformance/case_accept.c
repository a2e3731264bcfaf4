/* SPDX-License-Identifier: MIT */
/* Accepting: who comes, in which order, and what ends the wait. */
#define _DEFAULT_SOURCE

#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "suite.h"

struct accepting {
    zio_listener_t *listener;
    zio_stream_t *stream;
    zio_addr_t peer;
    zio_deadline_t deadline;
};

static zio_err_t accept_one(void *ud) {
    struct accepting *one = ud;
    return zio_accept(one->listener, &one->stream, &one->peer, one->deadline);
}

static struct accepting at(zio_listener_t *listener) {
    struct accepting one;
    memset(&one, 0, sizeof one);
    one.listener = listener;
    one.deadline = ZIO_NEVER;
    return one;
}

static zio_listener_t *fresh_listener(const struct link *link, zio_addr_t *address) {
    const zio_addr_t asked = fresh_address(link->kind);
    zio_listener_t *listener = listen_at(&asked);
    *address = bound_to(listener);
    return listener;
}

static void tell_accept(const char *what, zio_listener_t *listener, zio_deadline_t deadline) {
    zio_stream_t *stream = NULL;
    tell(what, zio_accept(listener, &stream, NULL, deadline));
    MUST(zio_stream_close(stream) == 0);
}

static void deadlines(struct link *link) {
    zio_addr_t address;
    zio_listener_t *listener = fresh_listener(link, &address);
    tell_accept("immediate", listener, ZIO_IMMEDIATE);
    tell_accept("past", listener, PAST);
    const zio_deadline_t future = zio_after_ms(5);
    tell_accept("future", listener, future);
    tell_truth("early", zio_now() < future);
    tell_accept("odd", listener, -2);
    zio_stream_t *client = connect_to(&address);
    settle();
    tell_accept("late", listener, PAST);
    MUST(zio_stream_close(client) == 0);
    client = connect_to(&address);
    settle();
    tell_accept("at_once", listener, ZIO_IMMEDIATE);
    MUST(zio_stream_close(client) == 0);
    MUST(zio_listener_close(listener) == 0);
}

static void canceled(struct link *link) {
    zio_addr_t address;
    zio_listener_t *listener = fresh_listener(link, &address);
    struct accepting one = at(listener);
    zio_task_t *task = start(accept_one, &one);
    settle();
    tell("waiting", cancel(task));
    tell_truth("untouched", one.stream == NULL);
    zio_stream_t *client = connect_to(&address);
    settle();
    MUST(zio_task_request_cancel(zio_task_self()) == 0);
    tell_accept("before", listener, ZIO_NEVER);
    tell_accept("then", listener, soon());
    MUST(zio_stream_close(client) == 0);
    MUST(zio_listener_close(listener) == 0);
}

static void closed(struct link *link) {
    zio_addr_t address;
    zio_listener_t *listener = fresh_listener(link, &address);
    struct accepting first = at(listener), second = at(listener);
    zio_stream_t *client = connect_to(&address), *server = accept_from(listener);
    zio_task_t *waits = start(accept_one, &first), *queues = start(accept_one, &second);
    settle();
    tell("close", zio_listener_close(listener));
    tell("waiting", finish(waits));
    tell("queued", finish(queues));
    tell_accept("later", listener, soon());
    tell_accept("immediate", listener, ZIO_IMMEDIATE);
    tell("address", zio_listener_addr(listener, &address));
    tell("again", zio_listener_close(listener));
    send_text(client, "alive");
    tell_text("accepted", server, 5);
    MUST(zio_stream_close(client) == 0);
    MUST(zio_stream_close(server) == 0);
}

/* Those that nobody accepted are broken off with the listener. */
static void unaccepted(struct link *link) {
    zio_addr_t address;
    zio_listener_t *listener = fresh_listener(link, &address);
    char byte;
    zio_stream_t *client = connect_to(&address);
    settle();
    MUST(zio_listener_close(listener) == 0);
    tell("read", zio_stream_read(client, &byte, 1, soon()));
    MUST(zio_stream_close(client) == 0);
}

static void in_order(struct link *link) {
    enum { COUNT = 5 };
    zio_addr_t address;
    zio_listener_t *listener = fresh_listener(link, &address);
    zio_stream_t *clients[COUNT];
    for (int i = 0; i < COUNT; i++) {
        const char text[2] = {(char)('1' + i), '\0'};
        clients[i] = connect_to(&address);
        send_text(clients[i], text);
    }
    for (int i = 0; i < COUNT; i++) {
        zio_stream_t *server = accept_from(listener);
        tell_text("got", server, 1);
        MUST(zio_stream_close(server) == 0);
        MUST(zio_stream_close(clients[i]) == 0);
    }
    MUST(zio_listener_close(listener) == 0);
}

/* Several accept at one listener: first come, first served. */
static void by_turns(struct link *link) {
    enum { COUNT = 4 };
    zio_addr_t address;
    zio_listener_t *listener = fresh_listener(link, &address);
    struct accepting all[COUNT];
    zio_task_t *tasks[COUNT];
    for (int i = 0; i < COUNT; i++) {
        all[i] = at(listener);
        tasks[i] = start(accept_one, &all[i]);
        settle();
    }
    for (int i = 0; i < COUNT; i++) {
        zio_stream_t *client = connect_to(&address);
        settle();
        int ended = 0;
        for (int k = 0; k < COUNT; k++) ended += all[k].stream != NULL;
        say("%d:%s", ended, all[i].stream != NULL ? "next" : "other");
        MUST(zio_stream_close(client) == 0);
    }
    for (int i = 0; i < COUNT; i++) {
        MUST(finish(tasks[i]) == 0);
        MUST(zio_stream_close(all[i].stream) == 0);
    }
    MUST(zio_listener_close(listener) == 0);
}

/* Without a descriptor left it goes on trying by itself. */
static void no_descriptor(struct link *link) {
    struct rlimit before, few;
    zio_rt_stats_t stats;
    zio_addr_t address;
    zio_listener_t *listener = fresh_listener(link, &address);
    struct accepting one = at(listener);
    zio_stream_t *client = connect_to(&address);
    settle();
    const int next = dup(0);
    MUST(next > 0 && close(next) == 0);
    MUST(getrlimit(RLIMIT_NOFILE, &before) == 0);
    few = before;
    few.rlim_cur = (rlim_t)next;
    MUST(setrlimit(RLIMIT_NOFILE, &few) == 0);
    tell_accept("immediate", listener, ZIO_IMMEDIATE);
    tell_accept("past", listener, PAST);
    tell_accept("future", listener, zio_after_ms(5));
    zio_task_t *task = start(accept_one, &one);
    settle();
    tell("canceled", cancel(task));
    task = start(accept_one, &one);
    settle();
    MUST(setrlimit(RLIMIT_NOFILE, &before) == 0);
    tell("then", finish(task));
    MUST(zio_rt_stats_init(&stats, sizeof stats) == 0);
    MUST(zio_rt_stats(the_runtime, &stats) == 0);
    tell_truth("counted", stats.accept_backoffs > 0);
    MUST(zio_stream_close(one.stream) == 0);
    MUST(zio_stream_close(client) == 0);
    MUST(zio_listener_close(listener) == 0);
}

static void of_a_descriptor(void) {
    const zio_addr_t name = fresh_address(LINK_ABSTRACT);
    struct sockaddr_storage system;
    const zio_ssize_t size = zio_addr_to_sockaddr(&name, &system, sizeof system);
    zio_listener_t *listener = NULL;
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0), other = socket(AF_UNIX, SOCK_DGRAM, 0);
    int ends[2];
    MUST(fd >= 0 && other >= 0 && pipe(ends) == 0 && size > 0);
    tell("fresh", zio_listener_from_fd(&listener, fd));
    tell("datagrams", zio_listener_from_fd(&listener, other));
    tell("pipe", zio_listener_from_fd(&listener, ends[0]));
    tell("nothing", zio_listener_from_fd(&listener, -1));
    MUST(close(other) == 0 && close(ends[0]) == 0 && close(ends[1]) == 0);
    MUST(bind(fd, (struct sockaddr *)&system, (socklen_t)size) == 0 && listen(fd, 5) == 0);
    tell("listening", zio_listener_from_fd(&listener, fd));
    tell_accept("empty", listener, PAST);
    zio_stream_t *client = connect_to(&name);
    tell_accept("accept", listener, soon());
    MUST(zio_stream_close(client) == 0);
    MUST(zio_listener_close(listener) == 0);
}

const struct test_case accept_cases[] = {
    {"accept.deadlines",
     "immediate=EAGAIN past=ETIMEDOUT future=ETIMEDOUT early=no odd=EINVAL late=0 at_once=0", NULL,
     deadlines, TCP | PATH | ABSTRACT, 0},
    {"accept.canceled", "waiting=ECANCELED untouched=yes before=ECANCELED then=0", NULL, canceled,
     TCP | PATH | ABSTRACT, 0},
    {"accept.listener_is_closed",
     "close=0 waiting=ECLOSED queued=ECLOSED later=EBADF immediate=EBADF address=EBADF "
     "again=EBADF accepted=alive",
     NULL, closed, TCP | PATH | ABSTRACT, 0},
    {"accept.nobody_did", "read=ECONNRESET", NULL, unaccepted, TCP | PATH | ABSTRACT, 0},
    {"accept.in_the_order_of_connecting", "got=1 got=2 got=3 got=4 got=5", NULL, in_order,
     TCP | PATH | ABSTRACT, 0},
    {"accept.by_turns", "1:next 2:next 3:next 4:next", NULL, by_turns, TCP | PATH | ABSTRACT, 0},
    {"accept.without_a_descriptor_left",
     "immediate=EAGAIN past=ETIMEDOUT future=ETIMEDOUT canceled=ECANCELED then=0 counted=yes", NULL,
     no_descriptor, TCP | PATH | ABSTRACT, REAL},
    {"accept.at_a_given_descriptor",
     "fresh=EINVAL datagrams=EPROTOTYPE pipe=EBADF nothing=EBADF listening=0 empty=ETIMEDOUT "
     "accept=0",
     of_a_descriptor, NULL, 0, REAL},
    {NULL, NULL, NULL, NULL, 0, 0},
};
