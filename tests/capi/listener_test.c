/* SPDX-License-Identifier: MIT */
/* zio/listener.h: listening and accepting. */
#include "zio/listener.h"

#include <string.h>

#include "net_kit.h"

struct acceptor {
    zio_listener_t *listener;
    zio_stream_t *stream;
    zio_addr_t peer;
    zio_deadline_t deadline;
};

static zio_err_t accept_one(void *ud) {
    struct acceptor *me = ud;
    return zio_accept(me->listener, &me->stream, &me->peer, me->deadline);
}

static zio_stream_t *connect_to(zio_listener_t *listener) {
    zio_stream_t *stream = NULL;
    const zio_addr_t address = bound_to(listener);
    assert_int_equal(zio_connect(&stream, &address, NULL, zio_after_ns(5000 * MS)), 0);
    return stream;
}

static bool same(const zio_addr_t *a, const zio_addr_t *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

/* --- addresses ------------------------------------------------------------------------------ */

IN_TASK(both_sides_know_the_addresses) {
    const char *asked[] = {"127.0.0.1:0", "[::1]:0"};
    for (int i = 0; i < 2; ++i) {
        const zio_addr_t any = address_of(asked[i]);
        zio_listener_t *listener = NULL;
        zio_stream_t *accepted = NULL;
        zio_addr_t peer, local_a, peer_a, local_b, peer_b;
        assert_int_equal(zio_listen(&listener, &any, NULL), 0);
        const zio_addr_t bound = bound_to(listener);
        assert_int_equal(bound.family, any.family);
        assert_memory_equal(bound.ip, any.ip, sizeof any.ip);
        assert_int_not_equal(bound.port, 0);
        zio_stream_t *connected = connect_to(listener);
        assert_int_equal(zio_accept(listener, &accepted, &peer, ZIO_NEVER), 0);
        assert_int_equal(zio_stream_addr(connected, &local_a, &peer_a), 0);
        assert_int_equal(zio_stream_addr(accepted, &local_b, &peer_b), 0);
        assert_true(same(&peer_a, &bound));
        assert_true(same(&local_b, &bound));
        assert_true(same(&peer, &local_a));
        assert_true(same(&peer_b, &local_a));
        assert_int_equal(zio_stream_addr(accepted, NULL, &peer_b), 0);
        assert_int_equal(zio_stream_addr(accepted, &local_b, NULL), 0);
        assert_int_equal(zio_stream_addr(accepted, NULL, NULL), 0);
        assert_int_equal(zio_stream_close(connected), 0);
        assert_int_equal(zio_stream_close(accepted), 0);
        assert_int_equal(zio_listener_close(listener), 0);
    }
}

/* Who connects over a Unix socket has no name, and neither have the two ends of a pair. */
IN_TASK(a_unix_peer_has_no_name) {
    const zio_addr_t name = fresh_name();
    zio_listener_t *listener = NULL;
    zio_stream_t *accepted = NULL, *pair[2];
    zio_addr_t peer, local, other;
    assert_int_equal(zio_listen(&listener, &name, NULL), 0);
    zio_stream_t *connected = connect_to(listener);
    memset(&peer, 0xff, sizeof peer);
    assert_int_equal(zio_accept(listener, &accepted, &peer, ZIO_NEVER), 0);
    assert_int_equal(peer.family, ZIO_AF_UNIX);
    assert_int_equal(peer.path_len, 0);
    assert_int_equal(zio_stream_addr(connected, &local, &other), 0);
    assert_int_equal(local.family, ZIO_AF_UNIX);
    assert_int_equal(local.path_len, 0);
    assert_true(same(&other, &name));
    assert_int_equal(zio_stream_addr(accepted, &local, &other), 0);
    assert_true(same(&local, &name));
    assert_int_equal(other.path_len, 0);
    assert_int_equal(zio_stream_pair(&pair[0], &pair[1]), 0);
    assert_int_equal(zio_stream_addr(pair[0], &local, &other), 0);
    assert_int_equal(local.family, ZIO_AF_UNIX);
    assert_int_equal(local.path_len + other.path_len, 0);
    for (int i = 0; i < 2; ++i) assert_int_equal(zio_stream_close(pair[i]), 0);
    assert_int_equal(zio_stream_close(connected), 0);
    assert_int_equal(zio_stream_close(accepted), 0);
    assert_int_equal(zio_listener_close(listener), 0);
}

IN_TASK(an_address_is_taken_until_the_listener_is_closed) {
    const zio_addr_t any = address_of("127.0.0.1:0"), name = fresh_name();
    zio_listener_t *first = NULL, *second = NULL;
    assert_int_equal(zio_listen(&first, &any, NULL), 0);
    const zio_addr_t bound = bound_to(first);
    assert_int_equal(zio_listen(&second, &bound, NULL), ZIO_EADDRINUSE);
    assert_int_equal(zio_last_os_error(), 98);
    assert_null(second); /* an out-parameter is written on success only */
    assert_int_equal(zio_listener_close(first), 0);
    /* Closed is closed: the port can be taken again at once. */
    assert_int_equal(zio_listen(&second, &bound, NULL), 0);
    /* Also while connections of the earlier listener linger. */
    zio_stream_t *client = connect_to(second), *server = NULL;
    assert_int_equal(zio_accept(second, &server, NULL, ZIO_NEVER), 0);
    assert_int_equal(zio_listener_close(second), 0);
    assert_int_equal(zio_stream_close(server), 0);
    assert_int_equal(zio_listen(&first, &bound, NULL), 0);
    assert_int_equal(zio_listener_close(first), 0);
    assert_int_equal(zio_stream_close(client), 0);
    assert_int_equal(zio_listen(&first, &name, NULL), 0);
    assert_int_equal(zio_listen(&second, &name, NULL), ZIO_EADDRINUSE);
    assert_int_equal(zio_listener_close(first), 0);
    assert_int_equal(zio_listen(&first, &name, NULL), 0);
    assert_int_equal(zio_listener_close(first), 0);
}

/* --- accepting ------------------------------------------------------------------------------ */

IN_TASK(accept_waits_as_any_call_does) {
    zio_listener_t *listener = listen_tcp();
    struct acceptor one = {.listener = listener, .deadline = ZIO_NEVER};
    uint64_t scope = 0;
    zio_err_t result = 0;
    assert_int_equal(zio_accept(listener, &one.stream, NULL, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_accept(listener, &one.stream, NULL, 1), ZIO_ETIMEDOUT);
    assert_int_equal(zio_accept(listener, &one.stream, NULL, zio_after_ns(MS)), ZIO_ETIMEDOUT);
    assert_int_equal(zio_timeout_push(&scope, zio_after_ns(MS)), 0);
    assert_int_equal(zio_accept(listener, &one.stream, NULL, ZIO_NEVER), ZIO_ETIMEDOUT);
    assert_true(zio_timeout_pop(scope));
    assert_null(one.stream);
    /* Canceled while it waits: nothing is lost. */
    zio_task_t *task = start(accept_one, &one);
    settle();
    assert_int_equal(zio_task_cancel(task, &result), 0);
    assert_int_equal(result, ZIO_ECANCELED);
    assert_int_equal(zio_task_unref(task), 0);
    /* Canceled before: it does not look whether somebody is there. */
    zio_stream_t *client = connect_to(listener);
    settle();
    assert_int_equal(zio_task_request_cancel(zio_task_self()), 0);
    assert_int_equal(zio_accept(listener, &one.stream, NULL, ZIO_NEVER), ZIO_ECANCELED);
    assert_int_equal(zio_accept(listener, &one.stream, NULL, 1), 0); /* ready and late */
    assert_int_equal(zio_stream_close(one.stream), 0);
    assert_int_equal(zio_stream_close(client), 0);
    assert_int_equal(zio_listener_close(listener), 0);
}

/* Several accept at one listener: first come, first served; each connection goes to one of them. */
IN_TASK(acceptors_take_turns) {
    enum { COUNT = 6 };
    zio_listener_t *listener = listen_tcp();
    struct acceptor acceptors[COUNT];
    zio_task_t *tasks[COUNT];
    zio_stream_t *clients[COUNT];
    for (int i = 0; i < COUNT; ++i) {
        acceptors[i] = (struct acceptor){.listener = listener, .deadline = ZIO_NEVER};
        tasks[i] = start(accept_one, &acceptors[i]);
        settle();
    }
    for (int i = 0; i < COUNT; ++i) {
        zio_addr_t local;
        clients[i] = connect_to(listener);
        assert_int_equal(finish(tasks[i]), 0);
        assert_int_equal(zio_stream_addr(clients[i], &local, NULL), 0);
        assert_true(same(&local, &acceptors[i].peer));
    }
    for (int i = 0; i < COUNT; ++i) {
        assert_int_equal(zio_stream_close(clients[i]), 0);
        assert_int_equal(zio_stream_close(acceptors[i].stream), 0);
    }
    assert_int_equal(zio_listener_close(listener), 0);
}

/* Calls under way end with ECLOSED, later ones with EBADF; accepted streams live on. */
IN_TASK(closing_ends_the_accepts_under_way) {
    enum { COUNT = 4 };
    for (int kind = 0; kind < 2; ++kind) {
        const zio_addr_t asked = kind == 0 ? address_of("127.0.0.1:0") : fresh_name();
        zio_listener_t *listener = NULL;
        struct acceptor acceptors[COUNT];
        zio_task_t *tasks[COUNT];
        zio_stream_t *accepted = NULL;
        zio_addr_t address;
        char byte = 0;
        assert_int_equal(zio_listen(&listener, &asked, NULL), 0);
        zio_stream_t *client = connect_to(listener);
        assert_int_equal(zio_accept(listener, &accepted, NULL, ZIO_NEVER), 0);
        for (int i = 0; i < COUNT; ++i) {
            acceptors[i] = (struct acceptor){.listener = listener, .deadline = ZIO_NEVER};
            tasks[i] = start(accept_one, &acceptors[i]);
        }
        settle();
        const zio_addr_t bound = bound_to(listener);
        assert_int_equal(zio_listener_close(listener), 0);
        for (int i = 0; i < COUNT; ++i) assert_int_equal(finish(tasks[i]), ZIO_ECLOSED);
        assert_int_equal(zio_accept(listener, &client, NULL, ZIO_NEVER), ZIO_EBADF);
        assert_int_equal(zio_accept(listener, &client, NULL, ZIO_IMMEDIATE), ZIO_EBADF);
        assert_int_equal(zio_listener_addr(listener, &address), ZIO_EBADF);
        assert_int_equal(zio_listener_close(listener), ZIO_EBADF);
        zio_stream_t *nobody = NULL;
        assert_int_equal(zio_connect(&nobody, &bound, NULL, zio_after_ns(2000 * MS)),
                         ZIO_ECONNREFUSED);
        assert_int_equal(zio_stream_write_all(client, "x", 1, NULL, ZIO_NEVER), 0);
        assert_int_equal(zio_stream_read(accepted, &byte, 1, ZIO_NEVER), 1);
        assert_int_equal(zio_stream_close(client), 0);
        assert_int_equal(zio_stream_close(accepted), 0);
    }
}

/* Connections that nobody accepted end with their listener. */
IN_TASK(waiting_connections_end_with_the_listener) {
    zio_listener_t *listener = listen_tcp();
    char byte;
    zio_stream_t *client = connect_to(listener);
    settle();
    assert_int_equal(zio_listener_close(listener), 0);
    const zio_ssize_t got = zio_stream_read(client, &byte, 1, zio_after_ns(2000 * MS));
    assert_true(got == 0 || got == ZIO_ECONNRESET);
    assert_int_equal(zio_stream_close(client), 0);
}

/* --- arguments and options ------------------------------------------------------------------ */

IN_TASK(wrong_arguments_are_refused) {
    const zio_addr_t any = address_of("127.0.0.1:0");
    zio_listener_t *listener = listen_tcp(), *none = NULL;
    zio_stream_t *stream = NULL;
    zio_addr_t odd = any;
    zio_sock_options_t options;
    assert_int_equal(zio_sock_options_init(&options, sizeof options), 0);
    assert_int_equal(zio_listen(NULL, &any, NULL), ZIO_EINVAL);
    assert_int_equal(zio_listen(&none, NULL, NULL), ZIO_EINVAL);
    odd.family = 77;
    assert_int_equal(zio_listen(&none, &odd, NULL), ZIO_EAFNOSUPPORT);
    odd.family = ZIO_AF_NONE;
    assert_int_equal(zio_listen(&none, &odd, NULL), ZIO_EAFNOSUPPORT);
    odd = any;
    odd.reserved0 = 1;
    assert_int_equal(zio_listen(&none, &odd, NULL), ZIO_EINVAL);
    odd = address_of("192.0.2.77:0");
    if (!is_simulated()) {
        assert_int_equal(zio_listen(&none, &odd, NULL), ZIO_EADDRNOTAVAIL);
        assert_int_equal(zio_last_os_error(), 99);
    }
    options.flags = 1 << 20;
    assert_int_equal(zio_listen(&none, &any, &options), ZIO_EINVAL);
    options.flags = 0;
    options.reserved[2] = 1;
    assert_int_equal(zio_listen(&none, &any, &options), ZIO_EINVAL);
    options.reserved[2] = 0;
    options.struct_size = 8;
    assert_int_equal(zio_listen(&none, &any, &options), ZIO_EINVAL);
    struct {
        zio_sock_options_t known;
        uint64_t newer;
    } larger = {.known = options, .newer = 1};
    larger.known.struct_size = sizeof larger;
    assert_int_equal(zio_listen(&none, &any, &larger.known), ZIO_E2BIG);
    assert_null(none);
    assert_int_equal(zio_accept(listener, NULL, NULL, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_accept(listener, &stream, NULL, -2), ZIO_EINVAL);
    assert_int_equal(zio_accept(NULL, &stream, NULL, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_listener_addr(listener, NULL), ZIO_EINVAL);
    assert_int_equal(zio_listener_addr(NULL, &odd), ZIO_EBADF);
    assert_int_equal(zio_listener_close(NULL), 0);
    assert_int_equal(zio_stream_pair(&stream, (zio_stream_t **)&none), 0);
    assert_int_equal(zio_accept((zio_listener_t *)stream, &stream, NULL, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_listener_close((zio_listener_t *)stream), ZIO_EBADF);
    assert_int_equal(zio_stream_close(stream), 0);
    assert_int_equal(zio_stream_close((zio_stream_t *)none), 0);
    assert_int_equal(zio_nosuspend_begin(), 0);
    assert_int_equal(zio_accept(listener, &stream, NULL, ZIO_NEVER), ZIO_ENOSUSPEND);
    assert_int_equal(zio_accept(listener, &stream, NULL, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_nosuspend_end(), 0);
    assert_int_equal(zio_listener_close(listener), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_know_the_addresses),
        cmocka_unit_test(a_unix_peer_has_no_name),
        cmocka_unit_test(an_address_is_taken_until_the_listener_is_closed),
        cmocka_unit_test(accept_waits_as_any_call_does),
        cmocka_unit_test(acceptors_take_turns),
        cmocka_unit_test(closing_ends_the_accepts_under_way),
        cmocka_unit_test(waiting_connections_end_with_the_listener),
        cmocka_unit_test(wrong_arguments_are_refused),
    };
    return cmocka_run_group_tests_name("listener", tests, NULL, NULL);
}
