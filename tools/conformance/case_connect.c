/* SPDX-License-Identifier: MIT */
/* Connecting: every way in which it works, waits or is refused. */
#define _DEFAULT_SOURCE

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "suite.h"

static void tell_connect(const char *what, const zio_addr_t *address, zio_deadline_t deadline) {
    zio_stream_t *stream = NULL;
    tell(what, zio_connect(&stream, address, NULL, deadline));
    MUST(zio_stream_close(stream) == 0);
}

static void both_ways(struct link *link) {
    send_text(link->a, "there");
    send_text(link->b, "back");
    tell_text("b", link->b, 5);
    tell_text("a", link->a, 4);
}

static void refused(struct link *link) {
    const zio_addr_t nobody = nobodys_address(link->kind);
    zio_stream_t *stream = NULL;
    tell("connect", zio_connect(&stream, &nobody, NULL, soon()));
    tell("os", zio_last_os_error());
    tell_truth("untouched", stream == NULL);
}

static void arguments(void) {
    zio_addr_t address = nobodys_address(LINK_ABSTRACT);
    zio_stream_t *stream = NULL;
    tell("no_out", zio_connect(NULL, &address, NULL, soon()));
    tell("no_address", zio_connect(&stream, NULL, NULL, soon()));
    tell("deadline", zio_connect(&stream, &address, NULL, -2));
    memset(&address, 0, sizeof address);
    tell("no_family", zio_connect(&stream, &address, NULL, soon()));
    address.family = ZIO_AF_UNIX;
    tell("unnamed", zio_connect(&stream, &address, NULL, soon()));
}

/* A path with something at it that is no listener. */
static void bind_at(const zio_addr_t *name, int type) {
    struct sockaddr_storage system;
    const zio_ssize_t size = zio_addr_to_sockaddr(name, &system, sizeof system);
    const int fd = socket(AF_UNIX, type, 0);
    MUST(size > 0 && fd >= 0);
    MUST(bind(fd, (struct sockaddr *)&system, (socklen_t)size) == 0);
    tell_connect(type == SOCK_DGRAM ? "datagrams" : "not_listening", name, soon());
    MUST(close(fd) == 0);
    tell_connect("nobodys", name, soon());
    MUST(unlink(name->path) == 0);
}

static void dead_paths(void) {
    const zio_addr_t name = fresh_address(LINK_PATH);
    const zio_addr_t in_file = address_of("unix:/dev/null/x");
    bind_at(&name, SOCK_STREAM);
    bind_at(&name, SOCK_DGRAM);
    const int file = open(name.path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    MUST(file >= 0 && close(file) == 0);
    tell_connect("file", &name, soon());
    MUST(unlink(name.path) == 0);
    tell_connect("in_file", &in_file, soon());
}

/* One attempt: to where nobody has to answer it succeeds. */
static void at_once(struct link *link) {
    const zio_addr_t asked = fresh_address(link->kind);
    zio_listener_t *listener = listen_at(&asked);
    const zio_addr_t address = bound_to(listener);
    tell_connect("connect", &address, ZIO_IMMEDIATE);
    MUST(zio_listener_close(listener) == 0);
}

static void wildcard(struct link *link) {
    const zio_addr_t asked = fresh_address(link->kind);
    zio_listener_t *listener = listen_at(&asked);
    const zio_addr_t bound = bound_to(listener);
    zio_addr_t wild = bound, local, peer;
    memset(wild.ip, 0, sizeof wild.ip);
    zio_stream_t *stream = NULL;
    tell("connect", zio_connect(&stream, &wild, NULL, soon()));
    MUST(zio_stream_addr(stream, &local, &peer) == 0);
    tell_truth("peer", same_address(&peer, &bound));
    tell_truth("local", memcmp(local.ip, bound.ip, sizeof bound.ip) == 0);
    MUST(zio_stream_close(stream) == 0);
    MUST(zio_listener_close(listener) == 0);
}

static void tell_from(const char *what, const zio_addr_t *to, const zio_addr_t *from) {
    zio_sock_options_t options;
    zio_stream_t *stream = NULL;
    zio_addr_t local;
    MUST(zio_sock_options_init(&options, sizeof options) == 0);
    options.bind_addr = from;
    const zio_err_t error = zio_connect(&stream, to, &options, soon());
    tell(what, error);
    if (error != 0) return;
    MUST(zio_stream_addr(stream, &local, NULL) == 0);
    tell_truth("from", memcmp(local.ip, from->ip, sizeof local.ip) == 0);
    MUST(zio_stream_close(stream) == 0);
}

static void own_address(void) {
    const zio_addr_t asked = fresh_address(LINK_TCP4);
    const zio_addr_t foreign = address_of("192.0.2.1:0"), other = address_of("127.0.0.2:0");
    zio_listener_t *listener = listen_at(&asked);
    const zio_addr_t address = bound_to(listener);
    tell_from("other", &address, &other);
    tell_from("foreign", &address, &foreign);
    tell_from("taken", &address, &address);
    MUST(zio_listener_close(listener) == 0);
}

static void own_address_of_another_family(void) {
    const zio_addr_t four = nobodys_address(LINK_TCP4), any4 = fresh_address(LINK_TCP4);
    if (!has_link(LINK_TCP6)) is_absent("no IPv6");
    const zio_addr_t six = nobodys_address(LINK_TCP6), any6 = fresh_address(LINK_TCP6);
    tell_from("ipv4", &four, &any6);
    tell_from("ipv6", &six, &any4);
}

/* Which of the errors that mean so is the system's business. */
static void no_way(void) {
    const zio_addr_t group = address_of("224.0.0.1:9");
    zio_stream_t *stream = NULL;
    const zio_err_t error = zio_connect(&stream, &group, NULL, soon());
    if (error == ZIO_ENETUNREACH || error == ZIO_EHOSTUNREACH) {
        say("no_way");
    } else {
        tell("connect", error);
    }
    MUST(zio_stream_close(stream) == 0);
}

struct connecting {
    zio_addr_t address;
    zio_stream_t *stream;
};

static zio_err_t connect_one(void *ud) {
    struct connecting *connecting = ud;
    return zio_connect(&connecting->stream, &connecting->address, NULL, soon());
}

/* A Unix listener whose queue is full lets others wait. How many fit is the system's business. */
static void queue_is_full(struct link *link) {
    enum { MOST = 64 };
    zio_stream_t *waiting[MOST];
    zio_sock_options_t options;
    zio_listener_t *listener = NULL;
    struct connecting one = {fresh_address(link->kind), NULL};
    size_t count = 0;
    MUST(zio_sock_options_init(&options, sizeof options) == 0);
    options.backlog = 1;
    MUST(zio_listen(&listener, &one.address, &options) == 0);
    zio_err_t error = 0;
    while (count < MOST) {
        error = zio_connect(&waiting[count], &one.address, NULL, ZIO_IMMEDIATE);
        if (error != 0) break;
        count++;
    }
    tell("immediate", error);
    tell_connect("past", &one.address, PAST);
    tell_connect("future", &one.address, zio_after_ms(5));
    zio_task_t *task = start(connect_one, &one);
    settle();
    tell("canceled", cancel(task));
    task = start(connect_one, &one);
    settle();
    tell_truth("waits", !has_ended(task));
    for (size_t i = 0; i < count; i++) {
        zio_stream_t *server = accept_from(listener);
        MUST(zio_stream_close(server) == 0);
    }
    tell("then", finish(task));
    MUST(zio_stream_close(one.stream) == 0);
    for (size_t i = 0; i < count; i++) MUST(zio_stream_close(waiting[i]) == 0);
    MUST(zio_listener_close(listener) == 0);
}

static unsigned char next_number;

static zio_err_t connect_and_send(void *ud) {
    const struct connecting *from = ud;
    const unsigned char mine = next_number++;
    zio_stream_t *stream = connect_to(&from->address);
    MUST(zio_stream_write_all(stream, &mine, 1, NULL, soon()) == 0);
    return zio_stream_close(stream);
}

static void crowd(struct link *link) {
    enum { COUNT = 40 };
    const zio_addr_t asked = fresh_address(link->kind);
    zio_listener_t *listener = listen_at(&asked);
    struct connecting to = {bound_to(listener), NULL};
    zio_task_t *tasks[COUNT];
    bool seen[COUNT] = {false};
    int count = 0;
    next_number = 0;
    for (int i = 0; i < COUNT; i++) tasks[i] = start(connect_and_send, &to);
    for (int i = 0; i < COUNT; i++) {
        unsigned char number = 0;
        zio_stream_t *server = accept_from(listener);
        MUST(zio_stream_read(server, &number, 1, soon()) == 1);
        if (number < COUNT && !seen[number]) count++;
        seen[number % COUNT] = true;
        MUST(zio_stream_close(server) == 0);
    }
    for (int i = 0; i < COUNT; i++) MUST(finish(tasks[i]) == 0);
    tell("different", count);
    MUST(zio_listener_close(listener) == 0);
}

static void canceled_before(struct link *link) {
    const zio_addr_t asked = fresh_address(link->kind);
    zio_listener_t *listener = listen_at(&asked);
    const zio_addr_t address = bound_to(listener);
    zio_stream_t *server = NULL;
    MUST(zio_task_request_cancel(zio_task_self()) == 0);
    tell_connect("connect", &address, soon());
    settle();
    tell("accept", zio_accept(listener, &server, NULL, ZIO_IMMEDIATE));
    tell_connect("again", &address, soon());
    MUST(zio_listener_close(listener) == 0);
}

static void closed_at_once(struct link *link) {
    const zio_addr_t asked = fresh_address(link->kind);
    zio_listener_t *listener = listen_at(&asked);
    struct connecting one = {bound_to(listener), NULL};
    char byte;
    zio_task_t *task = start(connect_one, &one);
    zio_stream_t *server = accept_from(listener);
    MUST(zio_stream_close(server) == 0);
    tell("connect", finish(task));
    tell("read", zio_stream_read(one.stream, &byte, 1, soon()));
    MUST(zio_stream_close(one.stream) == 0);
    MUST(zio_listener_close(listener) == 0);
}

const struct test_case connect_cases[] = {
    {"connect.bytes_go_both_ways", "b=there a=back", NULL, both_ways, ALL, 0},
    {"connect.where_nobody_listens", "connect=ECONNREFUSED os=111 untouched=yes", NULL, refused,
     TCP | ABSTRACT, 0},
    {"connect.to_no_path", "connect=ENOENT os=2 untouched=yes", NULL, refused, PATH, 0},
    {"connect.to_what_is_no_listener",
     "not_listening=ECONNREFUSED nobodys=ECONNREFUSED datagrams=EPROTOTYPE nobodys=ECONNREFUSED "
     "file=ECONNREFUSED in_file=ENOTDIR",
     dead_paths, NULL, 0, REAL},
    {"connect.wrong_arguments",
     "no_out=EINVAL no_address=EINVAL deadline=EINVAL no_family=EAFNOSUPPORT unnamed=EINVAL",
     arguments, NULL, 0, 0},
    {"connect.immediate_over_a_network", "connect=EAGAIN", NULL, at_once, TCP, 0},
    {"connect.immediate_within_the_system", "connect=0", NULL, at_once, PATH | ABSTRACT, 0},
    {"connect.to_the_wildcard", "connect=0 peer=yes local=yes", NULL, wildcard, TCP, 0},
    {"connect.from_an_address", "other=0 from=yes foreign=EADDRNOTAVAIL taken=EADDRINUSE",
     own_address, NULL, 0, 0},
    {"connect.from_another_family", "ipv4=EAFNOSUPPORT ipv6=EINVAL", own_address_of_another_family,
     NULL, 0, 0},
    {"connect.where_no_way_leads", "no_way", no_way, NULL, 0, 0},
    {"connect.to_a_full_queue",
     "immediate=EAGAIN past=ETIMEDOUT future=ETIMEDOUT canceled=ECANCELED waits=yes then=0", NULL,
     queue_is_full, PATH | ABSTRACT, 0},
    {"connect.many_at_once", "different=40", NULL, crowd, TCP | PATH | ABSTRACT, 0},
    {"connect.canceled_before", "connect=ECANCELED accept=EAGAIN again=0", NULL, canceled_before,
     TCP | PATH | ABSTRACT, 0},
    {"connect.closed_at_once", "connect=0 read=0", NULL, closed_at_once, TCP | PATH | ABSTRACT, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};
