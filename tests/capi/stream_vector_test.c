/* SPDX-License-Identifier: MIT */
/* zio/stream.h: several pieces of memory in one call. */
#include <stdlib.h>
#include <string.h>

#include "net_kit.h"
#include "zio/stream.h"

static zio_err_t write_pieces(zio_stream_t *stream, const zio_cbuf_t *pieces, size_t count) {
    size_t total = 0;
    for (size_t i = 0; i < count; ++i) total += pieces[i].len;
    const zio_ssize_t written = zio_stream_writev(stream, pieces, count, ZIO_NEVER);
    return written < 0 ? (zio_err_t)written : (size_t)written == total ? 0 : 1;
}

IN_TASK(pieces_are_taken_and_filled_in_order) {
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        const zio_cbuf_t from[5] = {{"", 0}, {"one ", 4}, {NULL, 0}, {"two ", 4}, {"three", 5}};
        char head[3] = {0}, middle[6] = {0}, tail[16] = {0};
        const zio_buf_t into[5] = {{NULL, 0}, {head, 3}, {middle, 0}, {middle, 6}, {tail, 16}};
        assert_int_equal(write_pieces(link.a, from, 5), 0);
        settle();
        const zio_ssize_t got = zio_stream_readv(link.b, into, 5, ZIO_NEVER);
        assert_in_range(got, 1, 13);
        if (!is_simulated()) assert_int_equal(got, 13); /* which moves less than it could */
        char whole[32] = {0};
        memcpy(whole, head, 3);
        memcpy(whole + 3, middle, 6);
        memcpy(whole + 9, tail, 16);
        if (got < 13) {
            assert_int_equal(
                zio_stream_read_exact(link.b, whole + got, (size_t)(13 - got), NULL, ZIO_NEVER), 0);
        }
        assert_string_equal(whole, "one two three");
        close_link(&link);
    }
}

/* More pieces than the system takes in one call, many of them empty. */
enum { PIECES = 5000 };
static unsigned char many[PIECES * 7];

static zio_err_t write_many(void *ud) {
    static zio_cbuf_t pieces[PIECES];
    size_t at = 0;
    for (size_t i = 0; i < PIECES; ++i) {
        const size_t length = i % 7; /* 0 to 6 */
        pieces[i].base = length != 0 ? many + at : NULL;
        pieces[i].len = length;
        at += length;
    }
    const zio_err_t status = write_pieces(ud, pieces, PIECES);
    return status != 0 ? status : (zio_err_t)at;
}

IN_TASK(more_pieces_than_the_system_takes_at_once) {
    static unsigned char got[sizeof many];
    static zio_buf_t pieces[PIECES];
    for (size_t i = 0; i < sizeof many; ++i) many[i] = byte_at(i);
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        zio_task_t *writer = start(write_many, link.a);
        const size_t total = PIECES / 7 * 21 + 0 + 1; /* 5000 = 714 * 7 + 2: pieces of 0 and 1 */
        size_t moved = 0;
        memset(got, 0, sizeof got);
        while (moved < total) {
            size_t at = moved;
            for (size_t i = 0; i < PIECES; ++i) {
                const size_t length = at + i % 3 < sizeof got ? i % 3 : 0;
                pieces[i].base = got + at;
                pieces[i].len = length;
                at += length;
            }
            const zio_ssize_t count = zio_stream_readv(link.b, pieces, PIECES, ZIO_NEVER);
            assert_true(count > 0);
            moved += (size_t)count;
        }
        assert_int_equal(moved, total);
        assert_int_equal(finish(writer), total);
        assert_memory_equal(got, many, total);
        close_link(&link);
    }
}

/* Only empty pieces up to the system's limit, then one with bytes. */
IN_TASK(a_thousand_empty_pieces_hide_none) {
    static zio_cbuf_t from[2001];
    static zio_buf_t into[2001];
    struct link link = make_link(LINK_TCP);
    char byte = 0;
    from[2000].base = "z";
    from[2000].len = 1;
    into[2000].base = &byte;
    into[2000].len = 1;
    assert_int_equal(zio_stream_writev(link.a, from, 2001, ZIO_NEVER), 1);
    assert_int_equal(zio_stream_readv(link.b, into, 2001, ZIO_NEVER), 1);
    assert_int_equal(byte, 'z');
    assert_int_equal(zio_stream_readv(link.b, into, 2001, ZIO_IMMEDIATE), ZIO_EAGAIN);
    close_link(&link);
}

/* --- whole messages ------------------------------------------------------------------------- */

/* Several writers at once, messages much larger than the socket's buffer: each arrives whole. */
enum { WRITERS = 6, MESSAGES = 6, MESSAGE = 96 * 1024 };
struct writer {
    zio_stream_t *stream;
    unsigned number;
};

static zio_err_t write_messages(void *ud) {
    const struct writer *writer = ud;
    unsigned char *bytes = malloc(MESSAGE);
    zio_err_t status = bytes != NULL ? 0 : ZIO_ENOMEM;
    for (unsigned i = 0; i < MESSAGES && status == 0; ++i) {
        memset(bytes, (int)(writer->number * MESSAGES + i + 1), MESSAGE);
        if ((i + writer->number) % 2 == 0) {
            status = zio_stream_write_all(writer->stream, bytes, MESSAGE, NULL, ZIO_NEVER);
            continue;
        }
        zio_cbuf_t pieces[9];
        for (size_t p = 0; p < 9; ++p) {
            pieces[p].base = bytes + p * (MESSAGE / 8);
            pieces[p].len = p < 8 ? MESSAGE / 8 : 0;
        }
        status = write_pieces(writer->stream, pieces, 9);
    }
    free(bytes);
    return status;
}

IN_TASK(messages_of_several_writers_never_mix) {
    static unsigned char got[MESSAGE];
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        struct writer writers[WRITERS];
        zio_task_t *tasks[WRITERS];
        bool seen[WRITERS * MESSAGES + 1] = {false};
        assert_int_equal(zio_stream_set_option(link.a, ZIO_OPT_SNDBUF, 8192), 0);
        for (unsigned i = 0; i < WRITERS; ++i) {
            writers[i].stream = link.a;
            writers[i].number = i;
            tasks[i] = start(write_messages, &writers[i]);
        }
        for (unsigned m = 0; m < WRITERS * MESSAGES; ++m) {
            assert_int_equal(zio_stream_read_exact(link.b, got, MESSAGE, NULL, ZIO_NEVER), 0);
            const unsigned tag = got[0];
            assert_in_range(tag, 1, WRITERS * MESSAGES);
            assert_false(seen[tag]);
            seen[tag] = true;
            for (size_t i = 0; i < MESSAGE; ++i) {
                if (got[i] != tag) fail_msg("message %u has a byte of %u at %zu", tag, got[i], i);
            }
        }
        for (unsigned i = 0; i < WRITERS; ++i) assert_int_equal(finish(tasks[i]), 0);
        close_link(&link);
    }
}

/* A vector that was cut short by a cancel says how far it came, and the cancel stays pending. */
static zio_err_t write_beyond_the_buffer(void *ud) {
    static const char bytes[8 << 20];
    const zio_cbuf_t pieces[2] = {{bytes, sizeof bytes / 2}, {bytes, sizeof bytes / 2}};
    const zio_ssize_t written = zio_stream_writev(ud, pieces, 2, ZIO_NEVER);
    if (written <= 0 || written >= (zio_ssize_t)sizeof bytes) return ZIO_EINTERNAL;
    return zio_check_cancel() == ZIO_ECANCELED ? (zio_err_t)written : ZIO_EUNKNOWN;
}

IN_TASK(a_canceled_vector_counts_what_it_wrote) {
    for (int kind = 0; kind < LINK_KINDS; ++kind) {
        struct link link = make_link((enum link_kind)kind);
        zio_task_t *writer = start(write_beyond_the_buffer, link.a);
        zio_err_t written = 0;
        char byte;
        settle();
        assert_int_equal(zio_task_cancel(writer, &written), 0);
        assert_true(written > 0);
        assert_int_equal(zio_task_unref(writer), 0);
        drain(link.b, (size_t)written);
        settle();
        assert_int_equal(zio_stream_read(link.b, &byte, 1, ZIO_IMMEDIATE), ZIO_EAGAIN);
        close_link(&link);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_taken_and_filled_in_order),
        cmocka_unit_test(more_pieces_than_the_system_takes_at_once),
        cmocka_unit_test(a_thousand_empty_pieces_hide_none),
        cmocka_unit_test(messages_of_several_writers_never_mix),
        cmocka_unit_test(a_canceled_vector_counts_what_it_wrote),
    };
    return cmocka_run_group_tests_name("stream_vector", tests, NULL, NULL);
}
