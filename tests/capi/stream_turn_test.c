/* SPDX-License-Identifier: MIT */
/* zio/stream.h: several tasks and threads at one stream. One reads and one writes at a time, the
 * others wait their turn, first come first served, each under its own deadline. */
#include <string.h>

#include "net_kit.h"
#include "zio/stream.h"

enum { CROWD = 8 };
struct turn {
    zio_stream_t *stream;
    zio_deadline_t deadline;
    char bytes[4];
    size_t done;
};

static zio_err_t read_four(void *ud) {
    struct turn *turn = ud;
    turn->done = 99;
    return zio_stream_read_exact(turn->stream, turn->bytes, 4, &turn->done, turn->deadline);
}

/* Those who wait for their turn, in the order in which they came. */
static void line_up(zio_stream_t *stream, struct turn *turns, zio_task_t **tasks) {
    for (int i = 0; i < CROWD; ++i) {
        turns[i].stream = stream;
        turns[i].deadline = ZIO_NEVER;
        tasks[i] = start(read_four, &turns[i]);
        settle();
    }
}

IN_TASK(readers_are_served_in_the_order_they_came) {
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        struct turn turns[CROWD];
        zio_task_t *tasks[CROWD];
        line_up(link.a, turns, tasks);
        assert_int_equal(zio_stream_read(link.a, turns[0].bytes, 1, ZIO_IMMEDIATE), ZIO_EAGAIN);
        /* In drops, so that nobody can keep what belongs to the next. */
        for (int i = 0; i < CROWD * 4; ++i) {
            const char byte = (char)('A' + i);
            assert_int_equal(zio_stream_write_all(link.b, &byte, 1, NULL, ZIO_NEVER), 0);
            if (i % 3 == 0) settle();
        }
        for (int i = 0; i < CROWD; ++i) {
            assert_int_equal(finish(tasks[i]), 0);
            for (int k = 0; k < 4; ++k) assert_int_equal(turns[i].bytes[k], 'A' + i * 4 + k);
        }
        close_link(&link);
    }
}

/* One who is canceled or late while he waits leaves the line, and the turn passes him by. */
IN_TASK(who_leaves_the_line_holds_nobody_up) {
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        struct turn turns[CROWD];
        zio_task_t *tasks[CROWD];
        zio_err_t result = 0;
        line_up(link.a, turns, tasks);
        struct turn late = {link.a, zio_after_ns(2 * MS), {0}, 0};
        zio_task_t *late_task = start(read_four, &late);
        assert_int_equal(finish(late_task), ZIO_ETIMEDOUT);
        assert_int_equal(late.done, 0);
        /* The one who has the turn, one in the middle, the last. */
        const int gone[3] = {0, 3, CROWD - 1};
        for (int i = 0; i < 3; ++i) {
            assert_int_equal(zio_task_cancel(tasks[gone[i]], &result), 0);
            assert_int_equal(result, ZIO_ECANCELED);
            assert_int_equal(turns[gone[i]].done, 0);
            assert_int_equal(zio_task_unref(tasks[gone[i]]), 0);
        }
        assert_int_equal(
            zio_stream_write_all(link.b, "1111222233334444555566667777", 20, NULL, ZIO_NEVER), 0);
        char expected = '1';
        for (int i = 0; i < CROWD; ++i) {
            if (i == gone[0] || i == gone[1] || i == gone[2]) continue;
            assert_int_equal(finish(tasks[i]), 0);
            assert_int_equal(turns[i].bytes[0], expected);
            assert_int_equal(turns[i].bytes[3], expected++);
        }
        close_link(&link);
    }
}

/* A scope ends a wait for the turn as it ends any other. */
static zio_err_t read_in_a_scope(void *ud) {
    uint64_t scope = 0;
    char byte;
    if (zio_timeout_push(&scope, zio_after_ns(2 * MS)) != 0) return ZIO_EINTERNAL;
    const zio_ssize_t result = zio_stream_read(ud, &byte, 1, ZIO_NEVER);
    return zio_timeout_pop(scope) ? (zio_err_t)result : ZIO_EINTERNAL;
}

IN_TASK(a_scope_ends_the_wait_for_a_turn) {
    struct link link = make_link(LINK_TCP);
    struct turn first = {link.a, ZIO_NEVER, {0}, 0};
    zio_task_t *reader = start(read_four, &first);
    settle();
    assert_int_equal(finish(start(read_in_a_scope, link.a)), ZIO_ETIMEDOUT);
    assert_int_equal(zio_stream_write_all(link.b, "1234", 4, NULL, ZIO_NEVER), 0);
    assert_int_equal(finish(reader), 0);
    close_link(&link);
}

/* Reading and writing have a turn each: neither waits for the other. */
static zio_err_t echo_much(void *ud) {
    static char bytes[64 * 1024];
    zio_ssize_t got = 0;
    while ((got = zio_stream_read(ud, bytes, sizeof bytes, ZIO_NEVER)) > 0) {
        const zio_err_t status = zio_stream_write_all(ud, bytes, (size_t)got, NULL, ZIO_NEVER);
        if (status != 0) return status;
    }
    return (zio_err_t)got;
}

static zio_err_t send_much(void *ud) {
    static char bytes[2 << 20];
    const zio_err_t status = zio_stream_write_all(ud, bytes, sizeof bytes, NULL, ZIO_NEVER);
    return status != 0 ? status : zio_stream_shutdown(ud, ZIO_NEVER);
}

IN_TASK(a_reader_and_a_writer_do_not_wait_for_each_other) {
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        char byte;
        zio_task_t *echo = start(echo_much, link.b);
        zio_task_t *sender = start(send_much, link.a);
        drain(link.a, 2 << 20);
        assert_int_equal(finish(sender), 0);
        assert_int_equal(finish(echo), 0);
        assert_int_equal(zio_stream_close(link.b), 0);
        link.b = NULL;
        assert_int_equal(zio_stream_read(link.a, &byte, 1, ZIO_NEVER), 0);
        close_link(&link);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_are_served_in_the_order_they_came),
        cmocka_unit_test(who_leaves_the_line_holds_nobody_up),
        cmocka_unit_test(a_scope_ends_the_wait_for_a_turn),
        cmocka_unit_test(a_reader_and_a_writer_do_not_wait_for_each_other),
    };
    return cmocka_run_group_tests_name("stream_turn", tests, NULL, NULL);
}
