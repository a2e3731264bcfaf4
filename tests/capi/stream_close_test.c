/* SPDX-License-Identifier: MIT */
/* zio/stream.h: the end of a stream, from either side, in order or by force. */
#include <signal.h>
#include <string.h>

#include "net_kit.h"
#include "zio/stream.h"

/* --- end of stream and half-close ----------------------------------------------------------- */

IN_TASK(the_end_of_the_stream_is_a_read_of_zero) {
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        char bytes[8];
        size_t done = 99;
        assert_int_equal(zio_stream_write_all(link.a, "abc", 3, NULL, ZIO_NEVER), 0);
        assert_int_equal(zio_stream_close(link.a), 0);
        link.a = NULL;
        /* What was written before the close is still delivered. */
        assert_int_equal(zio_stream_read_exact(link.b, bytes, 8, &done, ZIO_NEVER), ZIO_EEOF);
        assert_int_equal(done, 3);
        assert_memory_equal(bytes, "abc", 3);
        for (int i = 0; i < 3; ++i) {
            assert_int_equal(zio_stream_read(link.b, bytes, 8, ZIO_NEVER), 0);
            assert_int_equal(zio_stream_peek(link.b, bytes, 8, ZIO_NEVER), 0);
            assert_int_equal(zio_stream_read(link.b, bytes, 8, ZIO_IMMEDIATE), 0);
        }
        assert_int_equal(zio_stream_read_exact(link.b, bytes, 1, &done, ZIO_NEVER), ZIO_EEOF);
        assert_int_equal(done, 0);
        close_link(&link);
    }
}

IN_TASK(shutdown_ends_one_direction) {
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        char bytes[8];
        size_t done = 99;
        assert_int_equal(zio_stream_write_all(link.a, "last", 4, NULL, ZIO_NEVER), 0);
        assert_int_equal(zio_stream_shutdown(link.a, ZIO_NEVER), 0);
        assert_int_equal(zio_stream_shutdown(link.a, ZIO_NEVER), 0); /* a second one is 0 */
        assert_int_equal(zio_stream_shutdown(link.a, ZIO_IMMEDIATE), 0);
        assert_int_equal(zio_stream_write(link.a, "x", 1, ZIO_NEVER), ZIO_EPIPE);
        assert_int_equal(zio_stream_write_all(link.a, "x", 1, &done, ZIO_NEVER), ZIO_EPIPE);
        assert_int_equal(done, 0);
        assert_int_equal(zio_stream_read_exact(link.b, bytes, 4, NULL, ZIO_NEVER), 0);
        assert_memory_equal(bytes, "last", 4);
        assert_int_equal(zio_stream_read(link.b, bytes, 8, ZIO_NEVER), 0);
        /* The other direction goes on. */
        assert_int_equal(zio_stream_write_all(link.b, "reply", 5, NULL, ZIO_NEVER), 0);
        assert_int_equal(zio_stream_read_exact(link.a, bytes, 5, NULL, ZIO_NEVER), 0);
        assert_memory_equal(bytes, "reply", 5);
        close_link(&link);
    }
}

static zio_err_t write_a_megabyte(void *ud) {
    static const char bytes[1 << 20];
    return zio_stream_write_all(ud, bytes, sizeof bytes, NULL, ZIO_NEVER);
}

/* It comes after the writes that came before, and waits for them. */
IN_TASK(shutdown_waits_for_the_writes_before) {
    struct link link = make_link(LINK_PAIR);
    char byte;
    zio_task_t *writer = start(write_a_megabyte, link.a);
    settle();
    assert_int_equal(zio_stream_shutdown(link.a, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_stream_shutdown(link.a, zio_after_ns(5 * MS)), ZIO_ETIMEDOUT);
    drain(link.b, 1 << 20);
    assert_int_equal(finish(writer), 0);
    assert_int_equal(zio_stream_shutdown(link.a, ZIO_NEVER), 0);
    assert_int_equal(zio_stream_read(link.b, &byte, 1, ZIO_NEVER), 0);
    close_link(&link);
}

/* --- a peer that is gone -------------------------------------------------------------------- */

/* No signal is raised, whatever its disposition: here the default, which would end the process. */
IN_TASK(writing_to_nobody_is_an_error_and_no_signal) {
    struct sigaction action;
    assert_int_equal(sigaction(SIGPIPE, NULL, &action), 0);
    assert_true(action.sa_handler == SIG_DFL);
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        const zio_cbuf_t piece = {"xy", 2};
        zio_ssize_t result = 1;
        assert_int_equal(zio_stream_close(link.b), 0);
        link.b = NULL;
        settle();
        for (int i = 0; i < 1000 && result > 0; ++i) { /* TCP hears of it after the first write */
            result = i % 2 == 0 ? zio_stream_write(link.a, "x", 1, ZIO_NEVER)
                                : zio_stream_writev(link.a, &piece, 1, ZIO_NEVER);
            settle();
        }
        assert_true(result == ZIO_EPIPE || result == ZIO_ECONNRESET);
        assert_int_equal(zio_stream_write(link.a, "x", 1, ZIO_NEVER), ZIO_EPIPE);
        close_link(&link);
    }
}

static zio_err_t read_one(void *ud) {
    char byte;
    return (zio_err_t)zio_stream_read(ud, &byte, 1, ZIO_NEVER);
}

/* An abort breaks the connection off: before, while and after the other side reads. */
IN_TASK(an_abort_resets_the_connection) {
    for (int kind = LINK_TCP; kind <= LINK_TCP6; ++kind) {
        for (int moment = 0; moment < 3; ++moment) {
            struct link link = make_link((enum link_kind)kind);
            char byte;
            zio_task_t *own = start(read_one, link.a);
            zio_task_t *reader = moment == 1 ? start(read_one, link.b) : NULL;
            if (moment == 2) {
                assert_int_equal(zio_stream_write_all(link.a, "x", 1, NULL, ZIO_NEVER), 0);
                assert_int_equal(zio_stream_read(link.b, &byte, 1, ZIO_NEVER), 1);
            }
            settle();
            assert_int_equal(zio_stream_abort(link.a), 0);
            link.a = NULL;
            assert_int_equal(finish(own), ZIO_ECLOSED);
            if (reader != NULL) {
                assert_int_equal(finish(reader), ZIO_ECONNRESET);
            } else {
                settle();
                assert_int_equal(zio_stream_read(link.b, &byte, 1, ZIO_NEVER), ZIO_ECONNRESET);
                assert_int_equal(zio_last_os_error(), 104);
            }
            assert_int_equal(zio_stream_read(link.b, &byte, 1, ZIO_NEVER), 0);
            assert_int_equal(zio_stream_write(link.b, &byte, 1, ZIO_NEVER), ZIO_EPIPE);
            close_link(&link);
        }
    }
}

/* --- closing under others ------------------------------------------------------------------- */

enum { USERS = 10 };
struct user {
    zio_stream_t *stream;
    int what;
    size_t done;
};

static zio_err_t use(void *ud) {
    static char bytes[4 << 20];
    struct user *user = ud;
    const zio_cbuf_t piece = {bytes, sizeof bytes};
    const zio_buf_t into = {bytes, sizeof bytes};
    switch (user->what) {
        case 0:
            return (zio_err_t)zio_stream_read(user->stream, bytes, 10, ZIO_NEVER);
        case 1:
            return (zio_err_t)zio_stream_write(user->stream, bytes, 10, ZIO_NEVER);
        case 2:
            return zio_stream_read_exact(user->stream, bytes, 10, &user->done, ZIO_NEVER);
        case 3:
            return zio_stream_write_all(user->stream, bytes, sizeof bytes, &user->done, ZIO_NEVER);
        case 4:
            return (zio_err_t)zio_stream_peek(user->stream, bytes, 10, ZIO_NEVER);
        case 5:
            return (zio_err_t)zio_stream_writev(user->stream, &piece, 1, ZIO_NEVER);
        case 6:
            return (zio_err_t)zio_stream_readv(user->stream, &into, 1, ZIO_NEVER);
        case 7:
            return (zio_err_t)zio_stream_read(user->stream, bytes, 1, zio_after_ns(9000 * MS));
        case 8:
            return (zio_err_t)zio_stream_write(user->stream, bytes, 1, zio_after_ns(9000 * MS));
        default:
            return zio_stream_shutdown(user->stream, ZIO_NEVER);
    }
}

/* Those under way get ECLOSED, whether they had the turn or waited for it; the peer sees the end.
 */
IN_TASK(close_ends_the_calls_under_way) {
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        if (!has_firm_room((enum link_kind)kind)) continue;
        for (int first = 0; first < USERS - 1; ++first) {
            struct link link = make_link((enum link_kind)kind);
            struct user users[USERS];
            zio_task_t *tasks[USERS];
            zio_stream_t *closed = link.a;
            char byte;
            const size_t room = fill(link.a);
            for (int i = 0; i < USERS; ++i) {
                users[i].stream = link.a;
                /* Each comes first once; the shutdown last, it does not wait for room itself. */
                users[i].what = i < USERS - 1 ? (first + i) % (USERS - 1) : USERS - 1;
                users[i].done = 99;
                if (i == USERS - 1) settle();
                tasks[i] = start(use, &users[i]);
            }
            settle();
            const int64_t before = zio_now();
            assert_int_equal(zio_stream_close(link.a), 0);
            link.a = NULL;
            assert_int_equal(zio_stream_read(closed, &byte, 1, ZIO_NEVER), ZIO_EBADF);
            for (int i = 0; i < USERS; ++i) {
                const zio_err_t result = finish(tasks[i]);
                if (result != ZIO_ECLOSED) {
                    fail_msg("kind %d, %d first, call %d: %d", kind, first, users[i].what,
                             (int)result);
                }
                if (users[i].what == 2 || users[i].what == 3) assert_int_equal(users[i].done, 0);
            }
            assert_int_equal(zio_stream_close(closed), ZIO_EBADF);
            drain(link.b, room);
            assert_int_equal(zio_stream_read(link.b, &byte, 1, ZIO_NEVER), 0);
            assert_true(zio_now() - before < 1000 * MS);
            close_link(&link);
        }
    }
}

/* A call that had already moved something tells how much. */
IN_TASK(close_in_the_middle_tells_how_far_it_came) {
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        struct user reader = {link.a, 2, 99}, writer = {link.a, 3, 99};
        zio_task_t *reads = start(use, &reader), *writes = start(use, &writer);
        char byte;
        assert_int_equal(zio_stream_write_all(link.b, "four", 4, NULL, ZIO_NEVER), 0);
        settle();
        settle();
        assert_int_equal(zio_stream_close(link.a), 0);
        link.a = NULL;
        assert_int_equal(finish(reads), ZIO_ECLOSED);
        assert_int_equal(finish(writes), ZIO_ECLOSED);
        assert_int_equal(reader.done, 4);
        assert_true(writer.done > 0 && writer.done < (4 << 20));
        drain(link.b, writer.done);
        assert_int_equal(zio_stream_read(link.b, &byte, 1, ZIO_NEVER), 0);
        close_link(&link);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_of_the_stream_is_a_read_of_zero),
        cmocka_unit_test(shutdown_ends_one_direction),
        cmocka_unit_test(shutdown_waits_for_the_writes_before),
        cmocka_unit_test(writing_to_nobody_is_an_error_and_no_signal),
        cmocka_unit_test(an_abort_resets_the_connection),
        cmocka_unit_test(close_ends_the_calls_under_way),
        cmocka_unit_test(close_in_the_middle_tells_how_far_it_came),
    };
    return cmocka_run_group_tests_name("stream_close", tests, NULL, NULL);
}
