/* SPDX-License-Identifier: MIT */
/* zio/stream.h against the real system: descriptors made elsewhere, options, and connects that
 * fail. What fails, is late or canceled leaves no descriptor. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net_kit.h"
#include "zio/listener.h"
#include "zio/stream.h"

/* --- descriptors made elsewhere ------------------------------------------------------------- */

IN_TASK(a_socket_of_somebody_elses_making) {
    int pair[2];
    char bytes[8];
    zio_stream_t *stream = NULL;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(zio_stream_from_fd(NULL, pair[0]), ZIO_EINVAL);
    assert_int_equal(zio_stream_from_fd(&stream, pair[0]), 0);
    assert_true((fcntl(pair[0], F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(pair[0], F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(zio_stream_fd(stream), pair[0]);
    assert_int_equal(zio_stream_read(stream, bytes, 8, zio_after_ns(MS)), ZIO_ETIMEDOUT);
    assert_int_equal(write(pair[1], "plain", 5), 5);
    assert_int_equal(zio_stream_read_exact(stream, bytes, 5, NULL, ZIO_NEVER), 0);
    assert_memory_equal(bytes, "plain", 5);
    assert_int_equal(zio_stream_write_all(stream, "back", 4, NULL, ZIO_NEVER), 0);
    assert_int_equal(read(pair[1], bytes, 8), 4);
    assert_int_equal(zio_stream_close(stream), 0);
    assert_int_equal(fcntl(pair[0], F_GETFD), -1);
    assert_int_equal(read(pair[1], bytes, 8), 0);
    close(pair[1]);
}

/* Somebody else may hold the same connection: closing the stream does not end it for him. */
IN_TASK(a_shared_connection_survives_the_close) {
    int pair[2];
    char bytes[8];
    zio_stream_t *stream = NULL;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    const int copy = dup(pair[0]);
    assert_int_equal(zio_stream_from_fd(&stream, pair[0]), 0);
    assert_int_equal(zio_stream_read(stream, bytes, 8, zio_after_ns(MS)), ZIO_ETIMEDOUT);
    assert_int_equal(zio_stream_close(stream), 0);
    assert_int_equal(write(copy, "still", 5), 5);
    assert_int_equal(read(pair[1], bytes, 8), 5);
    close(copy);
    close(pair[1]);
}

IN_TASK(what_is_no_connected_stream_stays_the_callers) {
    const struct sockaddr_in any = {.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    zio_stream_t *stream = NULL;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    const int datagram = socket(AF_INET, SOCK_DGRAM, 0);
    const int packets = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    const int fresh = socket(AF_INET, SOCK_STREAM, 0);
    const int listening = socket(AF_INET, SOCK_STREAM, 0);
    const int file = open("/dev/null", O_RDWR);
    assert_int_equal(bind(listening, (const struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(zio_stream_from_fd(&stream, -1), ZIO_EBADF);
    assert_int_equal(zio_stream_from_fd(&stream, 987654), ZIO_EBADF);
    assert_int_equal(zio_stream_from_fd(&stream, ((zio_fd_t)1 << 32) | fresh), ZIO_EBADF);
    assert_int_equal(zio_stream_from_fd(&stream, pipes[0]), ZIO_EBADF);
    assert_int_equal(zio_stream_from_fd(&stream, file), ZIO_EBADF);
    assert_int_equal(zio_stream_from_fd(&stream, datagram), ZIO_EPROTOTYPE);
    assert_int_equal(zio_stream_from_fd(&stream, packets), ZIO_EPROTOTYPE);
    assert_int_equal(zio_stream_from_fd(&stream, fresh), ZIO_ENOTCONN);
    assert_int_equal(zio_stream_from_fd(&stream, listening), ZIO_ENOTCONN);
    assert_null(stream);
    const int fds[] = {pipes[0], pipes[1], datagram, packets, fresh, listening, file};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; ++i) {
        assert_int_equal(fcntl(fds[i], F_GETFL) & O_NONBLOCK, 0);
        assert_int_equal(fcntl(fds[i], F_GETFD) & FD_CLOEXEC, 0);
        assert_int_equal(close(fds[i]), 0);
    }
}

/* --- options -------------------------------------------------------------------------------- */

static int64_t option_of(zio_stream_t *stream, uint32_t option) {
    int64_t value = -99;
    assert_int_equal(zio_stream_get_option(stream, option, &value), 0);
    return value;
}

IN_TASK(options_can_be_set_and_read) {
    struct link link = make_link(LINK_TCP);
    int64_t value = -99;
    assert_int_equal(option_of(link.a, ZIO_OPT_NODELAY), 0);
    assert_int_equal(zio_stream_set_option(link.a, ZIO_OPT_NODELAY, 1), 0);
    assert_int_equal(option_of(link.a, ZIO_OPT_NODELAY), 1);
    assert_int_equal(option_of(link.a, ZIO_OPT_KEEPALIVE_S), 0);
    assert_int_equal(zio_stream_set_option(link.a, ZIO_OPT_KEEPALIVE_S, 77), 0);
    assert_int_equal(option_of(link.a, ZIO_OPT_KEEPALIVE_S), 77);
    assert_int_equal(zio_stream_set_option(link.a, ZIO_OPT_KEEPALIVE_S, 0), 0);
    assert_int_equal(option_of(link.a, ZIO_OPT_KEEPALIVE_S), 0);
    assert_int_equal(zio_stream_set_option(link.a, ZIO_OPT_RCVBUF, 20000), 0);
    assert_true(option_of(link.a, ZIO_OPT_RCVBUF) >= 20000);
    assert_int_equal(zio_stream_set_option(link.a, ZIO_OPT_SNDBUF, 20000), 0);
    assert_true(option_of(link.a, ZIO_OPT_SNDBUF) >= 20000);
    assert_int_equal(option_of(link.a, ZIO_OPT_LINGER_MS), -1);
    assert_int_equal(zio_stream_set_option(link.a, ZIO_OPT_LINGER_MS, 2000), 0);
    assert_int_equal(option_of(link.a, ZIO_OPT_LINGER_MS), 2000);
    assert_int_equal(zio_stream_set_option(link.a, ZIO_OPT_LINGER_MS, 1), 0);
    assert_int_equal(option_of(link.a, ZIO_OPT_LINGER_MS), 1000); /* whole seconds */
    assert_int_equal(zio_stream_set_option(link.a, ZIO_OPT_LINGER_MS, -1), 0);
    assert_int_equal(option_of(link.a, ZIO_OPT_LINGER_MS), -1);
    assert_int_equal(zio_stream_set_option(link.a, ZIO_OPT_QUICKACK, 1), 0);
    const struct {
        uint32_t option;
        int64_t value;
    } wrong[] = {{0, 1},
                 {7, 1},
                 {UINT32_MAX, 0},
                 {ZIO_OPT_NODELAY, 2},
                 {ZIO_OPT_NODELAY, -1},
                 {ZIO_OPT_KEEPALIVE_S, -1},
                 {ZIO_OPT_KEEPALIVE_S, 1 << 20},
                 {ZIO_OPT_RCVBUF, -1},
                 {ZIO_OPT_SNDBUF, (int64_t)1 << 40},
                 {ZIO_OPT_LINGER_MS, -2},
                 {ZIO_OPT_QUICKACK, 5}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i) {
        assert_int_equal(zio_stream_set_option(link.a, wrong[i].option, wrong[i].value),
                         ZIO_EINVAL);
    }
    assert_int_equal(zio_stream_get_option(link.a, 0, &value), ZIO_EINVAL);
    assert_int_equal(zio_stream_get_option(link.a, ZIO_OPT_NODELAY, NULL), ZIO_EINVAL);
    assert_int_equal(value, -99);
    close_link(&link);
    link = make_link(LINK_UNIX);
    assert_int_equal(zio_stream_set_option(link.a, ZIO_OPT_NODELAY, 1), ZIO_ENOTSUP);
    assert_int_equal(zio_stream_get_option(link.a, ZIO_OPT_NODELAY, &value), ZIO_ENOTSUP);
    assert_int_equal(zio_stream_get_option(link.a, ZIO_OPT_QUICKACK, &value), ZIO_ENOTSUP);
    assert_int_equal(zio_stream_set_option(link.a, ZIO_OPT_SNDBUF, 50000), 0);
    assert_true(option_of(link.a, ZIO_OPT_SNDBUF) >= 50000);
    close_link(&link);
}

/* Linger 0: the close breaks the connection off. */
IN_TASK(a_close_without_linger_is_a_reset) {
    struct link link = make_link(LINK_TCP);
    char byte;
    assert_int_equal(zio_stream_set_option(link.a, ZIO_OPT_LINGER_MS, 0), 0);
    assert_int_equal(zio_stream_close(link.a), 0);
    link.a = NULL;
    assert_int_equal(zio_stream_read(link.b, &byte, 1, zio_after_ns(2000 * MS)), ZIO_ECONNRESET);
    close_link(&link);
}

/* What a listener is given holds for the streams it accepts; a connect has its own. */
IN_TASK(a_listeners_options_hold_for_its_streams) {
    const zio_addr_t any = address_of("127.0.0.1:0"), source = address_of("127.0.0.5:0");
    zio_sock_options_t options;
    zio_listener_t *listener = NULL;
    zio_stream_t *client = NULL, *plain = NULL, *server = NULL;
    zio_addr_t local, peer;
    assert_int_equal(zio_sock_options_init(&options, sizeof options), 0);
    options.flags = ZIO_SO_NODELAY | ZIO_SO_KEEPALIVE | ZIO_SO_REUSEPORT;
    options.keepalive_s = 55;
    options.rcvbuf = 30000;
    options.sndbuf = 40000;
    assert_int_equal(zio_listen(&listener, &any, &options), 0);
    const zio_addr_t address = bound_to(listener);
    zio_listener_t *second = NULL;
    assert_int_equal(zio_listen(&second, &address, &options), 0); /* they share the port */
    assert_int_equal(zio_listener_close(second), 0);
    assert_int_equal(zio_connect(&plain, &address, NULL, ZIO_NEVER), 0);
    assert_int_equal(zio_accept(listener, &server, NULL, ZIO_NEVER), 0);
    assert_int_equal(option_of(server, ZIO_OPT_NODELAY), 1);
    assert_int_equal(option_of(server, ZIO_OPT_KEEPALIVE_S), 55);
    assert_true(option_of(server, ZIO_OPT_RCVBUF) >= 30000);
    assert_true(option_of(server, ZIO_OPT_SNDBUF) >= 40000);
    assert_int_equal(option_of(plain, ZIO_OPT_NODELAY), 0);
    assert_int_equal(zio_stream_close(server), 0);
    options.flags = ZIO_SO_NODELAY;
    options.keepalive_s = 0;
    options.bind_addr = &source;
    assert_int_equal(zio_connect(&client, &address, &options, ZIO_NEVER), 0);
    assert_int_equal(zio_accept(listener, &server, &peer, ZIO_NEVER), 0);
    assert_int_equal(option_of(client, ZIO_OPT_NODELAY), 1);
    assert_int_equal(option_of(client, ZIO_OPT_KEEPALIVE_S), 0);
    assert_int_equal(zio_stream_addr(client, &local, NULL), 0);
    assert_memory_equal(local.ip, source.ip, 4);
    assert_memory_equal(peer.ip, source.ip, 4);
    assert_int_equal(zio_stream_close(client), 0);
    assert_int_equal(zio_stream_close(server), 0);
    assert_int_equal(zio_stream_close(plain), 0);
    /* Only IPv6, or both. */
    const zio_addr_t any6 = address_of("[::]:0");
    for (int only = 0; only < 2; ++only) {
        assert_int_equal(zio_sock_options_init(&options, sizeof options), 0);
        options.flags = only != 0 ? ZIO_SO_V6ONLY : 0;
        assert_int_equal(zio_listen(&second, &any6, &options), 0);
        zio_addr_t four = address_of("127.0.0.1:0");
        four.port = bound_to(second).port;
        const zio_err_t status = zio_connect(&client, &four, NULL, ZIO_NEVER);
        assert_int_equal(status, only != 0 ? ZIO_ECONNREFUSED : 0);
        if (status == 0) assert_int_equal(zio_stream_close(client), 0);
        assert_int_equal(zio_listener_close(second), 0);
    }
    assert_int_equal(zio_listener_close(listener), 0);
}

/* --- connects that fail --------------------------------------------------------------------- */

static zio_err_t try_connect(const zio_addr_t *address, const zio_sock_options_t *options,
                             zio_deadline_t deadline) {
    zio_stream_t *stream = NULL;
    const zio_err_t status = zio_connect(&stream, address, options, deadline);
    if (status == 0) assert_int_equal(zio_stream_close(stream), 0);
    if (status != 0) assert_null(stream);
    return status;
}

IN_TASK(a_connect_tells_why_it_failed) {
    zio_sock_options_t options;
    zio_listener_t *listener = listen_tcp();
    const zio_addr_t closed = bound_to(listener), elsewhere = address_of("192.0.2.77:0");
    zio_addr_t odd = closed;
    zio_stream_t *stream = NULL;
    assert_int_equal(zio_listener_close(listener), 0);
    assert_int_equal(zio_sock_options_init(&options, sizeof options), 0);
    settle();
    const unsigned before = descriptor_count();
    assert_int_equal(try_connect(&closed, NULL, ZIO_NEVER), ZIO_ECONNREFUSED);
    assert_int_equal(zio_last_os_error(), 111);
    assert_int_equal(zio_connect(NULL, &closed, NULL, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_connect(&stream, NULL, NULL, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(try_connect(&closed, NULL, -2), ZIO_EINVAL);
    odd.family = ZIO_AF_NONE;
    assert_int_equal(try_connect(&odd, NULL, ZIO_NEVER), ZIO_EAFNOSUPPORT);
    odd.family = 99;
    assert_int_equal(try_connect(&odd, NULL, ZIO_NEVER), ZIO_EAFNOSUPPORT);
    memset(&odd, 0, sizeof odd);
    odd.family = ZIO_AF_UNIX; /* unnamed */
    assert_int_equal(try_connect(&odd, NULL, ZIO_NEVER), ZIO_EINVAL);
    odd.path_len = 112;
    memset(odd.path, 'x', sizeof odd.path);
    assert_int_equal(try_connect(&odd, NULL, ZIO_NEVER), ZIO_ENAMETOOLONG);
    odd = address_of("unix:/dev/null/x");
    assert_int_equal(try_connect(&odd, NULL, ZIO_NEVER), ZIO_ENOTDIR);
    odd = address_of("unix:/nowhere/at/all");
    assert_int_equal(try_connect(&odd, NULL, ZIO_NEVER), ZIO_ENOENT);
    odd = fresh_name();
    assert_int_equal(try_connect(&odd, NULL, ZIO_NEVER), ZIO_ECONNREFUSED);
    /* A path that is a Unix socket of another kind. */
    char here[512], path[640];
    assert_non_null(getcwd(here, sizeof here));
    snprintf(path, sizeof path, "unix:%s/zio-datagrams-%ld", here, (long)getpid());
    odd = address_of(path);
    struct sockaddr_storage storage;
    const zio_ssize_t size = zio_addr_to_sockaddr(&odd, &storage, sizeof storage);
    const int datagram = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(datagram, (const struct sockaddr *)&storage, (socklen_t)size), 0);
    assert_int_equal(try_connect(&odd, NULL, ZIO_NEVER), ZIO_EPROTOTYPE);
    close(datagram);
    assert_int_equal(unlink(odd.path), 0);
    options.bind_addr = &elsewhere;
    assert_int_equal(try_connect(&closed, &options, ZIO_NEVER), ZIO_EADDRNOTAVAIL);
    options.bind_addr = NULL;
    options.flags = 1u << 30;
    assert_int_equal(try_connect(&closed, &options, ZIO_NEVER), ZIO_EINVAL);
    options.flags = 0;
    options.reserved[0] = 1;
    assert_int_equal(try_connect(&closed, &options, ZIO_NEVER), ZIO_EINVAL);
    options.reserved[0] = 0;
    options.struct_size = 1;
    assert_int_equal(try_connect(&closed, &options, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_task_request_cancel(zio_task_self()), 0);
    assert_int_equal(try_connect(&closed, NULL, ZIO_NEVER), ZIO_ECANCELED);
    assert_int_equal(zio_nosuspend_begin(), 0);
    assert_int_equal(try_connect(&closed, NULL, ZIO_NEVER), ZIO_ENOSUSPEND);
    assert_int_equal(zio_nosuspend_end(), 0);
    assert_int_equal(descriptor_count(), before);
}

static zio_err_t connect_to(void *ud) {
    return try_connect(ud, NULL, ZIO_NEVER);
}

/* A full queue of TCP answers nobody: the connect waits until it is late or canceled. */
IN_TASK(a_connect_that_nobody_answers) {
    const zio_addr_t any = address_of("127.0.0.1:0");
    zio_sock_options_t options;
    zio_listener_t *listener = NULL;
    zio_stream_t *clients[8] = {NULL};
    zio_err_t result = 0;
    unsigned count = 0;
    uint64_t scope = 0;
    assert_int_equal(zio_sock_options_init(&options, sizeof options), 0);
    options.backlog = 1;
    assert_int_equal(zio_listen(&listener, &any, &options), 0);
    zio_addr_t address = bound_to(listener);
    while (count < 8 && zio_connect(&clients[count], &address, NULL, zio_after_ns(50 * MS)) == 0) {
        ++count;
    }
    assert_in_range(count, 1, 7); /* then the queue was full */
    const unsigned before = descriptor_count();
    assert_int_equal(try_connect(&address, NULL, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(try_connect(&address, NULL, 1), ZIO_ETIMEDOUT);
    assert_int_equal(try_connect(&address, NULL, zio_after_ns(10 * MS)), ZIO_ETIMEDOUT);
    assert_int_equal(zio_timeout_push(&scope, zio_after_ns(10 * MS)), 0);
    assert_int_equal(try_connect(&address, NULL, ZIO_NEVER), ZIO_ETIMEDOUT);
    assert_true(zio_timeout_pop(scope));
    zio_task_t *task = start(connect_to, &address);
    settle();
    assert_int_equal(zio_task_cancel(task, &result), 0);
    assert_int_equal(result, ZIO_ECANCELED);
    assert_int_equal(zio_task_unref(task), 0);
    assert_int_equal(descriptor_count(), before);
    for (unsigned i = 0; i < count; ++i) assert_int_equal(zio_stream_close(clients[i]), 0);
    assert_int_equal(zio_listener_close(listener), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_of_somebody_elses_making),
        cmocka_unit_test(a_shared_connection_survives_the_close),
        cmocka_unit_test(what_is_no_connected_stream_stays_the_callers),
        cmocka_unit_test(options_can_be_set_and_read),
        cmocka_unit_test(a_close_without_linger_is_a_reset),
        cmocka_unit_test(a_listeners_options_hold_for_its_streams),
        cmocka_unit_test(a_connect_tells_why_it_failed),
        cmocka_unit_test(a_connect_that_nobody_answers),
    };
    return cmocka_run_group_tests_name("stream_system", tests, NULL, NULL);
}
