/* SPDX-License-Identifier: MIT */
/* zio/buffered.h: reading by lines and pieces, writing in drops. */
#include "zio/buffered.h"

#include <string.h>

#include "net_kit.h"

static zio_reader_t *reader_of(zio_stream_t *stream, size_t capacity) {
    zio_reader_t *reader = NULL;
    assert_int_equal(zio_reader_create(&reader, stream, capacity), 0);
    return reader;
}

static zio_writer_t *writer_of(zio_stream_t *stream, size_t capacity) {
    zio_writer_t *writer = NULL;
    assert_int_equal(zio_writer_create(&writer, stream, capacity), 0);
    return writer;
}

static void send_text(zio_stream_t *stream, const char *text) {
    assert_int_equal(zio_stream_write_all(stream, text, strlen(text), NULL, ZIO_NEVER), 0);
}

static void expect(const zio_cbuf_t *got, const char *text) {
    assert_int_equal(got->len, strlen(text));
    assert_memory_equal(got->base, text, got->len);
}

/* --- reading -------------------------------------------------------------------------------- */

/* Lines, however they arrive; the rest comes with the end of the stream and is then gone. */
IN_TASK(lines_and_the_rest) {
    struct link link = make_link(LINK_TCP);
    zio_reader_t *reader = reader_of(link.a, 0);
    zio_cbuf_t line;
    send_text(link.b, "one\ntwo\n\nthr");
    assert_int_equal(zio_reader_read_until(reader, '\n', &line, ZIO_NEVER), 0);
    expect(&line, "one\n");
    assert_int_equal(zio_reader_read_until(reader, '\n', &line, ZIO_NEVER), 0);
    expect(&line, "two\n");
    assert_int_equal(zio_reader_read_until(reader, '\n', &line, ZIO_NEVER), 0);
    expect(&line, "\n");
    /* A wait that ends late keeps what came. */
    line.base = NULL;
    assert_int_equal(zio_reader_read_until(reader, '\n', &line, zio_after_ns(2 * MS)),
                     ZIO_ETIMEDOUT);
    assert_null(line.base);
    assert_int_equal(zio_reader_read_until(reader, '\n', &line, ZIO_IMMEDIATE), ZIO_EAGAIN);
    send_text(link.b, "ee\nrest");
    assert_int_equal(zio_stream_close(link.b), 0);
    link.b = NULL;
    assert_int_equal(zio_reader_read_until(reader, '\n', &line, ZIO_NEVER), 0);
    expect(&line, "three\n");
    assert_int_equal(zio_reader_read_until(reader, '\n', &line, ZIO_NEVER), ZIO_EEOF);
    expect(&line, "rest");
    assert_int_equal(zio_reader_read_until(reader, '\n', &line, ZIO_NEVER), ZIO_EEOF);
    expect(&line, "");
    assert_int_equal(zio_reader_destroy(reader), 0);
    close_link(&link);
}

/* A line longer than the buffer is refused; nothing is lost, it can be read. */
IN_TASK(a_line_larger_than_the_buffer) {
    struct link link = make_link(LINK_PAIR);
    zio_reader_t *reader = reader_of(link.a, 8);
    zio_cbuf_t line;
    char bytes[16] = {0};
    send_text(link.b, "ab\n0123456789\nx");
    assert_int_equal(zio_reader_read_until(reader, '\n', &line, ZIO_NEVER), 0);
    expect(&line, "ab\n");
    for (int i = 0; i < 2; ++i) {
        assert_int_equal(zio_reader_read_until(reader, '\n', &line, ZIO_NEVER), ZIO_EMSGSIZE);
    }
    assert_int_equal(zio_reader_peek(reader, 8, &line, ZIO_NEVER), 0);
    expect(&line, "01234567");
    assert_int_equal(zio_reader_read_exact(reader, bytes, 11, NULL, ZIO_NEVER), 0);
    assert_string_equal(bytes, "0123456789\n");
    /* A line that fits exactly is no problem. */
    send_text(link.b, "2345678");
    assert_int_equal(zio_reader_peek(reader, 8, &line, ZIO_NEVER), 0);
    expect(&line, "x2345678");
    assert_int_equal(zio_reader_read_until(reader, '8', &line, ZIO_NEVER), 0);
    expect(&line, "x2345678");
    assert_int_equal(zio_reader_destroy(reader), 0);
    close_link(&link);
}

/* A peek shows and keeps, also with the end of the stream; consume takes what was shown. */
IN_TASK(peek_keeps_and_consume_takes) {
    struct link link = make_link(LINK_TCP);
    zio_reader_t *reader = reader_of(link.a, 16);
    zio_cbuf_t seen;
    assert_int_equal(zio_reader_peek(reader, 0, &seen, ZIO_NEVER), 0);
    assert_int_equal(seen.len, 0);
    assert_int_equal(zio_reader_consume(reader, 1), ZIO_EINVAL);
    assert_int_equal(zio_reader_consume(reader, 0), 0);
    assert_int_equal(zio_reader_peek(reader, 17, &seen, ZIO_NEVER), ZIO_EMSGSIZE);
    assert_int_equal(zio_reader_peek(reader, 1, &seen, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_reader_peek(reader, 1, &seen, zio_after_ns(MS)), ZIO_ETIMEDOUT);
    send_text(link.b, "abcdef");
    for (int i = 0; i < 2; ++i) {
        assert_int_equal(zio_reader_peek(reader, 6, &seen, ZIO_NEVER), 0);
        expect(&seen, "abcdef");
    }
    assert_int_equal(zio_reader_consume(reader, 7), ZIO_EINVAL); /* and nothing was consumed */
    assert_int_equal(zio_reader_consume(reader, 4), 0);
    assert_int_equal(zio_reader_peek(reader, 0, &seen, ZIO_IMMEDIATE), 0);
    expect(&seen, "ef");
    send_text(link.b, "0123456789ABCD"); /* what is there moves to make room */
    assert_int_equal(zio_reader_peek(reader, 16, &seen, ZIO_NEVER), 0);
    expect(&seen, "ef0123456789ABCD");
    assert_int_equal(zio_reader_consume(reader, 14), 0);
    assert_int_equal(zio_stream_close(link.b), 0);
    link.b = NULL;
    for (int i = 0; i < 2; ++i) {
        assert_int_equal(zio_reader_peek(reader, 3, &seen, ZIO_NEVER), ZIO_EEOF);
        expect(&seen, "CD");
    }
    assert_int_equal(zio_reader_consume(reader, 2), 0);
    assert_int_equal(zio_reader_peek(reader, 1, &seen, ZIO_NEVER), ZIO_EEOF);
    assert_int_equal(seen.len, 0);
    assert_int_equal(zio_reader_destroy(reader), 0);
    close_link(&link);
}

/* Reads of any size come to the same bytes, in order. */
IN_TASK(reads_of_every_size) {
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        zio_reader_t *reader = reader_of(link.a, 64);
        static unsigned char bytes[20000];
        uint64_t at = 0, random = 7;
        size_t done = 99;
        for (size_t i = 0; i < sizeof bytes; ++i) bytes[i] = byte_at(i);
        assert_int_equal(zio_stream_write_all(link.b, bytes, sizeof bytes, NULL, ZIO_NEVER), 0);
        assert_int_equal(zio_stream_close(link.b), 0);
        link.b = NULL;
        while (at < sizeof bytes - 500) {
            unsigned char got[300];
            const size_t size = next_random(&random) % sizeof got;
            const uint64_t way = next_random(&random) % 3;
            zio_ssize_t count = 0;
            if (way == 0) {
                count = zio_reader_read(reader, got, size, ZIO_NEVER);
                assert_true(size == 0 ? count == 0 : count > 0);
            } else if (way == 1) {
                assert_int_equal(zio_reader_read_exact(reader, got, size, &done, ZIO_NEVER), 0);
                assert_int_equal(done, size);
                count = (zio_ssize_t)done;
            } else {
                zio_cbuf_t seen;
                assert_int_equal(zio_reader_peek(reader, size % 65, &seen, ZIO_NEVER), 0);
                assert_true(seen.len >= size % 65);
                memcpy(got, seen.base, seen.len);
                count = (zio_ssize_t)seen.len;
                assert_int_equal(zio_reader_consume(reader, seen.len), 0);
            }
            for (zio_ssize_t i = 0; i < count; ++i) assert_int_equal(got[i], byte_at(at++));
        }
        const size_t left = sizeof bytes - at;
        assert_int_equal(zio_reader_read_exact(reader, bytes, left + 1, &done, ZIO_NEVER),
                         ZIO_EEOF);
        assert_int_equal(done, left);
        for (size_t i = 0; i < left; ++i) assert_int_equal(bytes[i], byte_at(at + i));
        assert_int_equal(zio_reader_read(reader, bytes, 10, ZIO_NEVER), 0);
        assert_int_equal(zio_reader_read(reader, bytes, 100, ZIO_NEVER), 0);
        assert_int_equal(zio_reader_destroy(reader), 0);
        close_link(&link);
    }
}

/* Also what is in the buffer is not given to a task that was canceled: each call with a deadline is
 * a suspension point. */
IN_TASK(a_pending_cancel_comes_before_the_buffer) {
    struct link link = make_link(LINK_PAIR);
    zio_reader_t *reader = reader_of(link.a, 0);
    zio_writer_t *writer = writer_of(link.b, 0);
    zio_task_t *self = zio_task_self();
    zio_cbuf_t seen;
    char bytes[8];
    size_t done = 99;
    send_text(link.b, "abc\ndef\n");
    assert_int_equal(zio_reader_peek(reader, 8, &seen, ZIO_NEVER), 0);
    assert_int_equal(zio_task_request_cancel(self), 0);
    assert_int_equal(zio_reader_peek(reader, 8, &seen, ZIO_IMMEDIATE), 0);
    assert_int_equal(zio_reader_read_until(reader, '\n', &seen, ZIO_NEVER), ZIO_ECANCELED);
    assert_int_equal(zio_task_request_cancel(self), 0);
    assert_int_equal(zio_reader_read(reader, bytes, 8, ZIO_NEVER), ZIO_ECANCELED);
    assert_int_equal(zio_task_request_cancel(self), 0);
    assert_int_equal(zio_reader_read_exact(reader, bytes, 2, &done, ZIO_NEVER), ZIO_ECANCELED);
    assert_int_equal(done, 0);
    assert_int_equal(zio_task_request_cancel(self), 0);
    assert_int_equal(zio_reader_peek(reader, 1, &seen, ZIO_NEVER), ZIO_ECANCELED);
    assert_int_equal(zio_task_request_cancel(self), 0);
    assert_int_equal(zio_writer_write(writer, "x", 1, &done, ZIO_NEVER), ZIO_ECANCELED);
    assert_int_equal(done, 0);
    assert_int_equal(zio_task_request_cancel(self), 0);
    assert_int_equal(zio_writer_flush(writer, ZIO_NEVER), ZIO_ECANCELED);
    assert_int_equal(zio_reader_read_until(reader, '\n', &seen, ZIO_NEVER), 0);
    expect(&seen, "abc\n");
    assert_int_equal(zio_writer_destroy(writer), 0);
    assert_int_equal(zio_reader_destroy(reader), 0);
    close_link(&link);
}

/* --- one at a time -------------------------------------------------------------------------- */

static zio_err_t wait_for_a_line(void *ud) {
    zio_cbuf_t line;
    return zio_reader_read_until(ud, '\n', &line, ZIO_NEVER);
}

static zio_err_t wait_for_bytes(void *ud) {
    char bytes[4];
    return zio_reader_read_exact(ud, bytes, 4, NULL, ZIO_NEVER);
}

/* A second user is refused; a reader destroyed under a call ends it when its wait is over. */
IN_TASK(a_reader_has_one_user_at_a_time) {
    zio_task_fn const users[2] = {wait_for_a_line, wait_for_bytes};
    for (int i = 0; i < 2; ++i) {
        struct link link = make_link(LINK_PAIR);
        zio_reader_t *reader = reader_of(link.a, 64);
        zio_cbuf_t seen;
        char byte;
        zio_task_t *user = start(users[i], reader);
        settle();
        assert_int_equal(zio_reader_read_until(reader, 'x', &seen, ZIO_NEVER), ZIO_EBUSY);
        assert_int_equal(zio_reader_read(reader, &byte, 1, ZIO_NEVER), ZIO_EBUSY);
        assert_int_equal(zio_reader_read_exact(reader, &byte, 1, NULL, ZIO_NEVER), ZIO_EBUSY);
        assert_int_equal(zio_reader_peek(reader, 1, &seen, ZIO_IMMEDIATE), ZIO_EBUSY);
        assert_int_equal(zio_reader_consume(reader, 0), ZIO_EBUSY);
        assert_int_equal(zio_reader_destroy(reader), 0);
        assert_int_equal(zio_reader_destroy(reader), ZIO_EBADF);
        assert_int_equal(zio_reader_consume(reader, 0), ZIO_EBADF);
        send_text(link.b, "abcd\n");
        assert_int_equal(finish(user), ZIO_ECLOSED);
        close_link(&link);
    }
}

/* The stream is borrowed: closing it ends the reader's calls as it ends the stream's. */
IN_TASK(the_stream_may_go_first) {
    struct link link = make_link(LINK_TCP);
    zio_reader_t *reader = reader_of(link.a, 64);
    zio_writer_t *writer = writer_of(link.a, 64), *none = NULL;
    zio_stream_t *stream = link.a;
    zio_cbuf_t seen;
    zio_reader_t *no_reader = NULL;
    char byte = 0;
    assert_int_equal(zio_writer_write(writer, "never sent", 10, NULL, ZIO_NEVER), 0);
    send_text(link.b, "kept");
    assert_int_equal(zio_reader_peek(reader, 4, &seen, ZIO_NEVER), 0);
    assert_int_equal(zio_reader_read(reader, &byte, 1, ZIO_NEVER), 1);
    zio_reader_t *second = reader_of(link.a, 64);
    zio_task_t *user = start(wait_for_a_line, second);
    settle();
    assert_int_equal(zio_stream_close(link.a), 0);
    link.a = NULL;
    assert_int_equal(finish(user), ZIO_ECLOSED);
    assert_int_equal(zio_reader_read_until(reader, '\n', &seen, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_reader_read(reader, &byte, 1, ZIO_NEVER), 1); /* it was in the buffer */
    assert_int_equal(byte, 'e');
    assert_int_equal(zio_writer_flush(writer, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_writer_write(writer, "x", 1, NULL, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_reader_create(&no_reader, stream, 0), ZIO_EBADF);
    assert_int_equal(zio_writer_create(&none, stream, 0), ZIO_EBADF);
    assert_int_equal(zio_reader_destroy(second), 0);
    assert_int_equal(zio_reader_destroy(reader), 0);
    assert_int_equal(zio_writer_destroy(writer), 0);
    close_link(&link);
}

/* --- writing -------------------------------------------------------------------------------- */

/* Nothing is sent before the buffer is full or flushed; order is kept past the buffer. */
IN_TASK(a_writer_collects) {
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        zio_writer_t *writer = writer_of(link.a, 16);
        char bytes[64] = {0};
        size_t done = 99;
        assert_int_equal(zio_writer_write(writer, "0123456789", 10, &done, ZIO_NEVER), 0);
        assert_int_equal(done, 10);
        settle();
        assert_int_equal(zio_stream_read(link.b, bytes, 64, ZIO_IMMEDIATE), ZIO_EAGAIN);
        assert_int_equal(zio_writer_write(writer, NULL, 0, &done, ZIO_NEVER), 0);
        assert_int_equal(done, 0);
        assert_int_equal(zio_writer_write(writer, "abcdefghij", 10, &done, ZIO_NEVER), 0);
        assert_int_equal(zio_stream_read_exact(link.b, bytes, 16, NULL, ZIO_NEVER), 0);
        assert_string_equal(bytes, "0123456789abcdef");
        assert_int_equal(
            zio_writer_write(writer, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 36, &done, ZIO_NEVER),
            0);
        assert_int_equal(done, 36);
        assert_int_equal(zio_writer_flush(writer, ZIO_NEVER), 0);
        assert_int_equal(zio_writer_flush(writer, ZIO_NEVER), 0);
        memset(bytes, 0, sizeof bytes);
        assert_int_equal(zio_stream_read_exact(link.b, bytes, 40, NULL, ZIO_NEVER), 0);
        assert_string_equal(bytes, "ghijABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
        assert_int_equal(zio_writer_write(writer, "lost", 4, NULL, ZIO_NEVER), 0);
        assert_int_equal(zio_writer_destroy(writer), 0); /* does not write */
        settle();
        assert_int_equal(zio_stream_read(link.b, bytes, 64, ZIO_IMMEDIATE), ZIO_EAGAIN);
        close_link(&link);
    }
}

/* After an error the rest is still there, and `done` says what need not be written again. */
IN_TASK(a_writer_goes_on_where_it_was_stopped) {
    struct link link = make_link(LINK_PAIR);
    zio_writer_t *writer = writer_of(link.a, 64);
    char bytes[512];
    size_t done = 99;
    for (size_t i = 0; i < sizeof bytes; ++i) bytes[i] = (char)byte_at(i);
    const size_t room = fill(link.a);
    assert_int_equal(zio_writer_write(writer, bytes, 40, &done, zio_after_ns(MS)), 0);
    assert_int_equal(zio_writer_write(writer, bytes + 40, 100, &done, zio_after_ns(MS)),
                     ZIO_ETIMEDOUT);
    assert_int_equal(done, 24); /* what filled the buffer */
    assert_int_equal(zio_writer_write(writer, bytes + 64, 1, &done, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(done, 0);
    assert_int_equal(zio_writer_flush(writer, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_writer_flush(writer, zio_after_ns(MS)), ZIO_ETIMEDOUT);
    drain(link.b, room);
    assert_int_equal(zio_writer_write(writer, bytes + 64, 448, &done, ZIO_NEVER), 0);
    assert_int_equal(done, 448);
    assert_int_equal(zio_writer_flush(writer, ZIO_NEVER), 0);
    char got[512];
    assert_int_equal(zio_stream_read_exact(link.b, got, 512, NULL, ZIO_NEVER), 0);
    assert_memory_equal(got, bytes, 512);
    assert_int_equal(zio_stream_read(link.b, got, 1, ZIO_IMMEDIATE), ZIO_EAGAIN);
    assert_int_equal(zio_stream_shutdown(link.a, ZIO_NEVER), 0);
    assert_int_equal(zio_writer_write(writer, bytes, 64, &done, ZIO_NEVER), ZIO_EPIPE);
    assert_int_equal(done, 0);
    assert_int_equal(zio_writer_destroy(writer), 0);
    close_link(&link);
}

static zio_err_t write_three_times_the_buffer(void *ud) {
    static const char bytes[192];
    zio_err_t status = zio_writer_write(ud, bytes, 10, NULL, ZIO_NEVER);
    if (status == 0) status = zio_writer_write(ud, bytes, sizeof bytes, NULL, ZIO_NEVER);
    return status;
}

IN_TASK(a_writer_has_one_user_at_a_time) {
    struct link link = make_link(LINK_PAIR);
    zio_writer_t *writer = writer_of(link.a, 64);
    size_t done = 99;
    const size_t room = fill(link.a);
    zio_task_t *user = start(write_three_times_the_buffer, writer);
    settle();
    assert_int_equal(zio_writer_write(writer, "x", 1, &done, ZIO_NEVER), ZIO_EBUSY);
    assert_int_equal(done, 0);
    assert_int_equal(zio_writer_flush(writer, ZIO_IMMEDIATE), ZIO_EBUSY);
    assert_int_equal(zio_writer_destroy(writer), 0);
    assert_int_equal(zio_writer_flush(writer, ZIO_NEVER), ZIO_EBADF);
    drain(link.b, room);
    assert_int_equal(finish(user), ZIO_ECLOSED);
    close_link(&link);
}

/* --- arguments ------------------------------------------------------------------------------ */

IN_TASK(wrong_arguments_are_refused) {
    struct link link = make_link(LINK_PAIR);
    zio_reader_t *reader = reader_of(link.a, 1), *none = NULL;
    zio_writer_t *writer = writer_of(link.a, 1), *no_writer = NULL;
    zio_cbuf_t seen;
    char byte;
    size_t done = 99;
    assert_int_equal(zio_reader_create(NULL, link.a, 0), ZIO_EINVAL);
    assert_int_equal(zio_writer_create(NULL, link.a, 0), ZIO_EINVAL);
    assert_int_equal(zio_reader_create(&none, NULL, 0), ZIO_EBADF);
    assert_int_equal(zio_writer_create(&no_writer, NULL, 0), ZIO_EBADF);
    assert_int_equal(zio_reader_create(&none, link.a, SIZE_MAX / 2), ZIO_ENOMEM);
    assert_int_equal(zio_writer_create(&no_writer, link.a, SIZE_MAX), ZIO_ENOMEM);
    assert_int_equal(zio_reader_read_until(reader, 0, NULL, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_reader_read_until(reader, 0, &seen, -2), ZIO_EINVAL);
    assert_int_equal(zio_reader_read(reader, NULL, 1, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_reader_read(reader, &byte, 1, -2), ZIO_EINVAL);
    assert_int_equal(zio_reader_read(reader, NULL, 0, ZIO_NEVER), 0);
    assert_int_equal(zio_reader_read_exact(reader, NULL, 1, &done, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(done, 0);
    assert_int_equal(zio_reader_read_exact(reader, NULL, 0, NULL, ZIO_NEVER), 0);
    assert_int_equal(zio_reader_peek(reader, 1, NULL, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_reader_peek(reader, 1, &seen, -2), ZIO_EINVAL);
    assert_int_equal(zio_writer_write(writer, NULL, 1, &done, ZIO_NEVER), ZIO_EINVAL);
    assert_int_equal(zio_writer_write(writer, &byte, 1, NULL, -2), ZIO_EINVAL);
    assert_int_equal(zio_writer_flush(writer, -2), ZIO_EINVAL);
    assert_int_equal(zio_reader_read(NULL, &byte, 1, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_reader_read((zio_reader_t *)writer, &byte, 1, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_writer_flush((zio_writer_t *)reader, ZIO_NEVER), ZIO_EBADF);
    assert_int_equal(zio_reader_destroy((zio_reader_t *)link.a), ZIO_EBADF);
    assert_int_equal(zio_reader_destroy(NULL), 0);
    assert_int_equal(zio_writer_destroy(NULL), 0);
    assert_int_equal(zio_reader_destroy(reader), 0);
    assert_int_equal(zio_writer_destroy(writer), 0);
    assert_int_equal(zio_writer_destroy(writer), ZIO_EBADF);
    close_link(&link);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_and_the_rest),
        cmocka_unit_test(a_line_larger_than_the_buffer),
        cmocka_unit_test(peek_keeps_and_consume_takes),
        cmocka_unit_test(reads_of_every_size),
        cmocka_unit_test(the_stream_may_go_first),
        cmocka_unit_test(a_writer_collects),
        cmocka_unit_test(a_writer_goes_on_where_it_was_stopped),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(a_pending_cancel_comes_before_the_buffer),
        cmocka_unit_test(a_reader_has_one_user_at_a_time),
        cmocka_unit_test(a_writer_has_one_user_at_a_time),
    };
    return cmocka_run_group_tests_name("buffered", tests, NULL, NULL);
}
