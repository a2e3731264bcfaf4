/* SPDX-License-Identifier: MIT */
/* zio/stream.h: reading and writing, by one task at a time. */
#include "zio/stream.h"

#include <string.h>

#include "net_kit.h"

/* --- bytes ---------------------------------------------------------------------------------- */

/* What is written on one side is read on the other, in order, whatever the kind of stream. */
IN_TASK(bytes_arrive_in_order) {
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        char bytes[16];
        assert_int_equal(zio_stream_write_all(link.a, "hello ", 6, NULL, ZIO_NEVER), 0);
        assert_int_equal(zio_stream_write_all(link.a, "world", 5, NULL, ZIO_NEVER), 0);
        assert_int_equal(zio_stream_read_exact(link.b, bytes, 11, NULL, ZIO_NEVER), 0);
        assert_memory_equal(bytes, "hello world", 11);
        assert_int_equal(zio_stream_write_all(link.b, "answer", 6, NULL, ZIO_NEVER), 0);
        assert_int_equal(zio_stream_read_exact(link.a, bytes, 6, NULL, ZIO_NEVER), 0);
        assert_memory_equal(bytes, "answer", 6);
        close_link(&link);
    }
}

/* A read gives what is there and does not wait for more; a peek leaves it there. */
IN_TASK(a_read_gives_what_is_there) {
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        char bytes[64] = {0};
        assert_int_equal(zio_stream_write_all(link.a, "abc", 3, NULL, ZIO_NEVER), 0);
        const zio_ssize_t seen = zio_stream_peek(link.b, bytes, sizeof bytes, ZIO_NEVER);
        assert_in_range(seen, 1, 3);
        assert_memory_equal(bytes, "abc", seen);
        settle();
        assert_true(zio_stream_peek(link.b, bytes, sizeof bytes, ZIO_NEVER) >= 1);
        assert_int_equal(zio_stream_read_exact(link.b, bytes, 3, NULL, ZIO_NEVER), 0);
        assert_memory_equal(bytes, "abc", 3);
        assert_int_equal(zio_stream_peek(link.b, bytes, sizeof bytes, ZIO_IMMEDIATE), ZIO_EAGAIN);
        close_link(&link);
    }
}

/* Larger than any buffer of the system: both sides have to wait for each other. */
static zio_err_t write_much(void *ud) {
    static unsigned char bytes[3 << 20];
    size_t done = 0;
    for (size_t i = 0; i < sizeof bytes; ++i) bytes[i] = byte_at(i);
    const zio_err_t status = zio_stream_write_all(ud, bytes, sizeof bytes, &done, ZIO_NEVER);
    return status != 0 ? status : (zio_err_t)done;
}

IN_TASK(large_transfers_wait_for_each_other) {
    static unsigned char bytes[3 << 20];
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        zio_task_t *writer = start(write_much, link.a);
        size_t done = 0;
        memset(bytes, 0, sizeof bytes);
        assert_int_equal(zio_stream_read_exact(link.b, bytes, sizeof bytes, &done, ZIO_NEVER), 0);
        assert_int_equal(done, sizeof bytes);
        assert_int_equal(finish(writer), sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; ++i) assert_int_equal(bytes[i], byte_at(i));
        close_link(&link);
    }
}

/* --- deadlines ------------------------------------------------------------------------------ */

IN_TASK(immediate_tries_once_and_never_waits) {
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        char bytes[8];
        size_t done = 99;
        assert_int_equal(zio_stream_read(link.a, bytes, 8, ZIO_IMMEDIATE), ZIO_EAGAIN);
        assert_int_equal(zio_stream_read_exact(link.a, bytes, 8, &done, ZIO_IMMEDIATE), ZIO_EAGAIN);
        assert_int_equal(done, 0);
        if (!has_firm_room((enum link_kind)kind)) {
            close_link(&link);
            continue;
        }
        const size_t room = fill(link.b);
        assert_int_equal(zio_stream_write(link.b, bytes, 8, ZIO_IMMEDIATE), ZIO_EAGAIN);
        done = 99;
        assert_int_equal(zio_stream_write_all(link.b, bytes, 8, &done, ZIO_IMMEDIATE), ZIO_EAGAIN);
        assert_int_equal(done, 0);
        settle();
        assert_int_equal(zio_stream_read(link.a, bytes, 1, ZIO_IMMEDIATE), 1);
        drain(link.a, room - 1);
        close_link(&link);
    }
}

/* An instant that has passed: what is there is given whatever the time, else it is late. */
IN_TASK(ready_and_late_gives_the_result) {
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        char bytes[4] = {0};
        assert_int_equal(zio_stream_read(link.a, bytes, 4, zio_after_ns(0)), ZIO_ETIMEDOUT);
        assert_int_equal(zio_stream_read(link.a, bytes, 4, 1), ZIO_ETIMEDOUT);
        assert_int_equal(zio_stream_write_all(link.b, "late", 4, NULL, ZIO_NEVER), 0);
        settle();
        zio_ssize_t got = 0;
        if (is_simulated()) { /* where an attempt may take a while although the bytes are there */
            got = zio_stream_read(link.a, bytes, 4, zio_after_ns(MS));
        } else {
            got = zio_stream_read(link.a, bytes, 4, zio_after_ns(-5));
            assert_int_equal(got, 4);
        }
        assert_true(got >= 1);
        assert_memory_equal(bytes, "late", got);
        close_link(&link);
    }
}

/* A wait ends at its deadline, not before, and has taken nothing. */
IN_TASK(a_deadline_ends_a_wait_without_effect) {
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        char bytes[8];
        const int64_t before = zio_now();
        assert_int_equal(zio_stream_read(link.a, bytes, 8, zio_after_ns(10 * MS)), ZIO_ETIMEDOUT);
        const int64_t waited = zio_now() - before;
        assert_in_range(waited, 10 * MS, 1000 * MS);
        assert_int_equal(zio_stream_write_all(link.b, "12345678", 8, NULL, ZIO_NEVER), 0);
        assert_int_equal(zio_stream_read_exact(link.a, bytes, 8, NULL, zio_after_ns(1000 * MS)), 0);
        assert_memory_equal(bytes, "12345678", 8);
        close_link(&link);
    }
}

/* A scope bounds every wait inside it; popping tells whether it was the reason. */
IN_TASK(a_scope_bounds_reads_and_writes) {
    struct link link = make_link(LINK_PAIR);
    uint64_t scope = 0;
    char byte = 'x';
    const size_t room = fill(link.a);
    assert_int_equal(zio_timeout_push(&scope, zio_after_ns(5 * MS)), 0);
    assert_int_equal(zio_stream_write(link.a, &byte, 1, ZIO_NEVER), ZIO_ETIMEDOUT);
    assert_int_equal(zio_stream_read(link.a, &byte, 1, zio_after_ns(5000 * MS)), ZIO_ETIMEDOUT);
    assert_int_equal(zio_stream_read(link.a, &byte, 1, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_true(zio_timeout_pop(scope));
    assert_int_equal(zio_timeout_push(&scope, zio_after_ns(5000 * MS)), 0);
    assert_int_equal(zio_stream_read(link.a, &byte, 1, zio_after_ns(MS)), ZIO_ETIMEDOUT);
    assert_false(zio_timeout_pop(scope)); /* the call's own deadline was the reason */
    drain(link.b, room);
    close_link(&link);
}

/* A call that gives a count is no late one, also when the scope ended it after a part. */
IN_TASK(a_scope_that_cut_a_writev_short_was_no_timeout) {
    static const char bytes[8 << 20];
    struct link link = make_link(LINK_PAIR);
    const zio_cbuf_t pieces[2] = {{bytes, sizeof bytes / 2}, {bytes, sizeof bytes / 2}};
    uint64_t scope = 0;
    assert_int_equal(zio_timeout_push(&scope, zio_after_ns(5 * MS)), 0);
    const zio_ssize_t written = zio_stream_writev(link.a, pieces, 2, ZIO_NEVER);
    assert_true(written > 0 && (size_t)written < sizeof bytes);
    assert_false(zio_timeout_pop(scope));
    drain(link.b, (size_t)written);
    assert_int_equal(zio_stream_read(link.b, (char[1]){0}, 1, zio_after_ns(MS)), ZIO_ETIMEDOUT);
    close_link(&link);
}

/* --- arguments ------------------------------------------------------------------------------ */

IN_TASK(wrong_arguments_are_refused) {
    struct link link = make_link(LINK_PAIR);
    char bytes[4];
    size_t done = 99;
    const zio_buf_t into = {bytes, 4}, no_memory = {NULL, 4};
    const zio_cbuf_t from = {bytes, 4}, nothing = {NULL, 4};
    const zio_cbuf_t too_many[2] = {{bytes, SIZE_MAX / 2}, {bytes, SIZE_MAX / 2}};
    assert_int_equal(zio_stream_read(link.a, NULL, 4, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_stream_read(link.a, bytes, 4, -2), ZIO_EINVAL);
    assert_int_equal(zio_stream_peek(link.a, NULL, 4, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_stream_write(link.a, NULL, 4, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_stream_write(link.a, bytes, 4, INT64_MIN), ZIO_EINVAL);
    assert_int_equal(zio_stream_readv(link.a, NULL, 1, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_stream_readv(link.a, &no_memory, 1, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_stream_readv(link.a, &into, 1, -3), ZIO_EINVAL);
    assert_int_equal(zio_stream_writev(link.a, NULL, 1, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_stream_writev(link.a, &nothing, 1, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_stream_writev(link.a, too_many, 2, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_stream_writev(link.a, &from, 1, -3), ZIO_EINVAL);
    assert_int_equal(zio_stream_read_exact(link.a, NULL, 4, &done, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(done, 0);
    done = 99;
    assert_int_equal(zio_stream_write_all(link.a, NULL, 4, &done, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(done, 0);
    assert_int_equal(zio_stream_shutdown(link.a, -2), ZIO_EINVAL);
    assert_int_equal(zio_stream_pair(NULL, &link.a), ZIO_EINVAL);
    assert_int_equal(zio_stream_pair(&link.a, NULL), ZIO_EINVAL);
    close_link(&link);
}

static void expect_dead(zio_stream_t *s) {
    char bytes[4];
    size_t done = 99;
    zio_addr_t address;
    int64_t value;
    const zio_buf_t into = {bytes, 4};
    const zio_cbuf_t from = {bytes, 4};
    assert_int_equal(zio_stream_read(s, bytes, 4, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_stream_read(s, bytes, 0, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_stream_readv(s, &into, 1, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_stream_peek(s, bytes, 4, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_stream_read_exact(s, bytes, 4, &done, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(done, 0);
    assert_int_equal(zio_stream_write(s, bytes, 4, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_stream_write(s, bytes, 0, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_stream_writev(s, &from, 1, ZIO_IMMEDIATE), ZIO_EBADF);
    done = 99;
    assert_int_equal(zio_stream_write_all(s, bytes, 4, &done, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(done, 0);
    assert_int_equal(zio_stream_shutdown(s, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_stream_addr(s, &address, &address), ZIO_EBADF);
    assert_int_equal(zio_stream_fd(s), -1);
    assert_int_equal(zio_stream_set_option(s, ZIO_OPT_NODELAY, 1), ZIO_EBADF);
    assert_int_equal(zio_stream_get_option(s, ZIO_OPT_NODELAY, &value), ZIO_EBADF);
}

IN_TASK(a_dead_handle_is_an_error) {
    struct link link = make_link(LINK_PAIR);
    struct link live = make_link(LINK_PAIR);
    zio_stream_t *dead = link.a;
    zio_listener_t *listener = listen_tcp();
    close_link(&link);
    expect_dead(dead);
    expect_dead(NULL);
    expect_dead((zio_stream_t *)listener);
    expect_dead((zio_stream_t *)(uintptr_t)0x123456789abcdef0);
    assert_int_equal(zio_stream_close(dead), ZIO_EBADF);
    assert_int_equal(zio_stream_abort(dead), ZIO_EBADF);
    assert_int_equal(zio_stream_close(NULL), 0);
    assert_int_equal(zio_stream_abort(NULL), 0);
    assert_int_equal(zio_listener_close(listener), 0);
    close_link(&live);
}

/* A length of 0 looks at the handle and at a pending cancel, and at nothing else. */
IN_TASK(a_length_of_zero_moves_nothing) {
    struct link link = make_link(LINK_TCP);
    zio_task_t *self = zio_task_self();
    char bytes[2];
    size_t done = 99;
    const zio_buf_t empty[2] = {{NULL, 0}, {bytes, 0}};
    const zio_cbuf_t none[2] = {{NULL, 0}, {bytes, 0}};
    assert_int_equal(zio_stream_write_all(link.b, "ab", 2, NULL, ZIO_NEVER), 0);
    assert_int_equal(zio_stream_read(link.a, NULL, 0, ZIO_NEVER), 0);
    assert_int_equal(zio_stream_peek(link.a, bytes, 0, ZIO_NEVER), 0);
    assert_int_equal(zio_stream_readv(link.a, empty, 2, ZIO_NEVER), 0);
    assert_int_equal(zio_stream_readv(link.a, NULL, 0, ZIO_NEVER), 0);
    assert_int_equal(zio_stream_read_exact(link.a, NULL, 0, &done, ZIO_NEVER), 0);
    assert_int_equal(done, 0);
    assert_int_equal(zio_stream_write(link.a, NULL, 0, ZIO_NEVER), 0);
    assert_int_equal(zio_stream_writev(link.a, none, 2, ZIO_NEVER), 0);
    assert_int_equal(zio_stream_write_all(link.a, NULL, 0, NULL, ZIO_NEVER), 0);
    assert_int_equal(zio_task_request_cancel(self), 0);
    assert_int_equal(zio_stream_read(link.a, NULL, 0, ZIO_IMMEDIATE), 0);
    assert_int_equal(zio_stream_read(link.a, NULL, 0, ZIO_NEVER), ZIO_ECANCELED);
    assert_int_equal(zio_task_request_cancel(self), 0);
    assert_int_equal(zio_stream_writev(link.a, none, 2, ZIO_NEVER), ZIO_ECANCELED);
    assert_int_equal(zio_stream_read_exact(link.a, bytes, 2, NULL, ZIO_NEVER), 0);
    assert_memory_equal(bytes, "ab", 2);
    close_link(&link);
}

/* --- cancel --------------------------------------------------------------------------------- */

/* A pending cancel is delivered without an attempt; an immediate call delivers none. */
IN_TASK(a_pending_cancel_comes_before_ready_bytes) {
    struct link link = make_link(LINK_TCP);
    zio_task_t *self = zio_task_self();
    char bytes[4];
    size_t done = 99;
    assert_int_equal(zio_stream_write_all(link.b, "1234", 4, NULL, ZIO_NEVER), 0);
    settle();
    assert_int_equal(zio_task_request_cancel(self), 0);
    assert_int_equal(zio_stream_read(link.a, bytes, 1, ZIO_IMMEDIATE), 1);
    assert_int_equal(zio_stream_read(link.a, bytes, 4, ZIO_NEVER), ZIO_ECANCELED);
    assert_int_equal(zio_task_request_cancel(self), 0);
    assert_int_equal(zio_stream_read_exact(link.a, bytes, 3, &done, ZIO_NEVER), ZIO_ECANCELED);
    assert_int_equal(done, 0);
    assert_int_equal(zio_task_request_cancel(self), 0);
    assert_int_equal(zio_stream_write(link.a, "x", 1, ZIO_NEVER), ZIO_ECANCELED);
    assert_int_equal(zio_task_request_cancel(self), 0);
    assert_int_equal(zio_stream_shutdown(link.a, ZIO_NEVER), ZIO_ECANCELED);
    /* A shield holds it back. */
    assert_int_equal(zio_task_request_cancel(self), 0);
    assert_int_equal(zio_shield_begin(), 0);
    assert_int_equal(zio_stream_read_exact(link.a, bytes, 3, NULL, ZIO_NEVER), 0);
    assert_memory_equal(bytes, "234", 3);
    assert_int_equal(zio_shield_end(), 0);
    assert_int_equal(zio_check_cancel(), ZIO_ECANCELED);
    close_link(&link);
}

static zio_err_t read_one(void *ud) {
    char byte;
    return (zio_err_t)zio_stream_read(ud, &byte, 1, ZIO_NEVER);
}

IN_TASK(a_wait_ends_when_it_is_canceled) {
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        zio_err_t result = 0;
        char byte = 0;
        zio_task_t *reader = start(read_one, link.a);
        settle();
        assert_int_equal(zio_task_cancel(reader, &result), 0);
        assert_int_equal(result, ZIO_ECANCELED);
        assert_int_equal(zio_task_unref(reader), 0);
        assert_int_equal(zio_stream_write_all(link.b, "k", 1, NULL, ZIO_NEVER), 0);
        assert_int_equal(zio_stream_read(link.a, &byte, 1, ZIO_NEVER), 1);
        assert_int_equal(byte, 'k');
        close_link(&link);
    }
}

/* Where nothing may suspend only an immediate call is allowed. */
IN_TASK(where_nothing_may_suspend_only_immediate_calls_work) {
    struct link link = make_link(LINK_PAIR);
    char bytes[2] = "ab";
    assert_int_equal(zio_nosuspend_begin(), 0);
    assert_int_equal(zio_stream_read(link.a, bytes, 2, ZIO_NEVER), ZIO_ENOSUSPEND);
    assert_int_equal(zio_stream_write(link.a, bytes, 2, 1), ZIO_ENOSUSPEND);
    assert_int_equal(zio_stream_shutdown(link.a, ZIO_NEVER), ZIO_ENOSUSPEND);
    assert_true(zio_stream_write(link.a, bytes, 2, ZIO_IMMEDIATE) >= 1);
    assert_true(zio_stream_read(link.b, bytes, 2, ZIO_IMMEDIATE) >= 1);
    assert_int_equal(zio_nosuspend_end(), 0);
    close_link(&link);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_arrive_in_order),
        cmocka_unit_test(a_read_gives_what_is_there),
        cmocka_unit_test(large_transfers_wait_for_each_other),
        cmocka_unit_test(immediate_tries_once_and_never_waits),
        cmocka_unit_test(ready_and_late_gives_the_result),
        cmocka_unit_test(a_deadline_ends_a_wait_without_effect),
        cmocka_unit_test(a_scope_bounds_reads_and_writes),
        cmocka_unit_test(a_scope_that_cut_a_writev_short_was_no_timeout),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(a_dead_handle_is_an_error),
        cmocka_unit_test(a_length_of_zero_moves_nothing),
        cmocka_unit_test(a_pending_cancel_comes_before_ready_bytes),
        cmocka_unit_test(a_wait_ends_when_it_is_canceled),
        cmocka_unit_test(where_nothing_may_suspend_only_immediate_calls_work),
    };
    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
