/* SPDX-License-Identifier: MIT */
/* Reading: what is there, what comes, and the end. */
#define _DEFAULT_SOURCE

#include <string.h>

#include "suite.h"

struct reader {
    zio_stream_t *stream;
    char bytes[16];
    size_t done;
};

static zio_err_t read_some(void *ud) {
    struct reader *reader = ud;
    return (zio_err_t)zio_stream_read(reader->stream, reader->bytes, sizeof reader->bytes,
                                      ZIO_NEVER);
}

static zio_err_t read_eight(void *ud) {
    struct reader *reader = ud;
    reader->done = 99;
    return zio_stream_read_exact(reader->stream, reader->bytes, 8, &reader->done, ZIO_NEVER);
}

static void waits(struct link *link) {
    struct reader reader = {link->b, "", 0};
    zio_task_t *task = start(read_some, &reader);
    settle();
    tell_truth("waits", !has_ended(task));
    send_text(link->a, "x");
    tell("read", finish(task));
    tell_bytes("bytes", reader.bytes, 1);
}

static void in_pieces(struct link *link) {
    char bytes[8];
    size_t count = 0;
    send_text(link->a, "abcdefg");
    settle();
    while (count < 7) {
        const zio_ssize_t got = zio_stream_read(link->b, bytes + count, 3, soon());
        MUST(got > 0 && got <= 3 && count + (size_t)got <= 7);
        count += (size_t)got;
    }
    tell_bytes("bytes", bytes, 7);
    tell("more", zio_stream_read(link->b, bytes, 8, ZIO_IMMEDIATE));
}

static void deadlines(struct link *link) {
    char bytes[8];
    tell("immediate", zio_stream_read(link->b, bytes, 8, ZIO_IMMEDIATE));
    tell("past", zio_stream_read(link->b, bytes, 8, PAST));
    const zio_deadline_t future = zio_after_ms(5);
    tell("future", zio_stream_read(link->b, bytes, 8, future));
    tell_truth("early", zio_now() < future);
    tell("odd", zio_stream_read(link->b, bytes, 8, -2));
    send_text(link->a, "a");
    settle();
    tell("at_once", zio_stream_read(link->b, bytes, 8, ZIO_IMMEDIATE));
    send_text(link->a, "b");
    settle();
    tell("late", zio_stream_read(link->b, bytes, 8, PAST));
    send_text(link->a, "c");
    tell("never", zio_stream_read(link->b, bytes, 8, INT64_MAX));
}

static void nothing(struct link *link) {
    char byte;
    tell("empty", zio_stream_read(link->b, NULL, 0, ZIO_NEVER));
    send_text(link->a, "x");
    settle();
    tell("full", zio_stream_read(link->b, &byte, 0, ZIO_NEVER));
    tell("exact", zio_stream_read_exact(link->b, &byte, 0, NULL, ZIO_NEVER));
    tell("peek", zio_stream_peek(link->b, &byte, 0, ZIO_NEVER));
    tell("null", zio_stream_read(link->b, NULL, 1, ZIO_NEVER));
    tell("odd", zio_stream_read(link->b, &byte, 0, -2));
    tell_text("then", link->b, 1);
}

static void end(struct link *link) {
    char bytes[8];
    size_t done = 99;
    send_text(link->a, "abc");
    close_a(link);
    tell("exact", zio_stream_read_exact(link->b, bytes, 8, &done, soon()));
    tell("done", (int64_t)done);
    tell_bytes("bytes", bytes, 3);
    tell("read", zio_stream_read(link->b, bytes, 8, soon()));
    tell("peek", zio_stream_peek(link->b, bytes, 8, soon()));
    tell("immediate", zio_stream_read(link->b, bytes, 8, ZIO_IMMEDIATE));
    tell("past", zio_stream_read(link->b, bytes, 8, PAST));
    tell("exact", zio_stream_read_exact(link->b, bytes, 1, &done, soon()));
    tell("done", (int64_t)done);
}

static void end_wakes(struct link *link) {
    struct reader one = {link->b, "", 0};
    zio_task_t *task = start(read_some, &one);
    settle();
    MUST(zio_stream_shutdown(link->a, soon()) == 0);
    tell("read", finish(task));
}

static void exact(struct link *link) {
    struct reader reader = {link->b, "", 0};
    zio_task_t *task = start(read_eight, &reader);
    send_text(link->a, "abc");
    settle();
    tell_truth("waits", !has_ended(task));
    send_text(link->a, "defghi");
    tell("exact", finish(task));
    tell("done", (int64_t)reader.done);
    tell_bytes("bytes", reader.bytes, 8);
    tell_text("rest", link->b, 1);
}

/* What came before the error is told, and what comes later is still there. */
static void exact_stops(struct link *link) {
    struct reader reader = {link->b, "", 0};
    char bytes[8];
    size_t done = 99;
    tell("immediate", zio_stream_read_exact(link->b, bytes, 8, &done, ZIO_IMMEDIATE));
    tell("done", (int64_t)done);
    send_text(link->a, "abc");
    settle();
    tell("late", zio_stream_read_exact(link->b, bytes, 8, &done, zio_after_ms(5)));
    tell("done", (int64_t)done);
    send_text(link->a, "de");
    zio_task_t *task = start(read_eight, &reader);
    settle();
    tell("canceled", cancel(task));
    tell("done", (int64_t)reader.done);
    send_text(link->a, "f");
    tell_text("then", link->b, 1);
}

static void peek(struct link *link) {
    char bytes[8];
    struct calling peeks = {link->b, CALL_PEEK, 1, ZIO_NEVER, 0};
    tell("immediate", zio_stream_peek(link->b, bytes, 8, ZIO_IMMEDIATE));
    tell("past", zio_stream_peek(link->b, bytes, 8, PAST));
    tell("future", zio_stream_peek(link->b, bytes, 8, zio_after_ms(5)));
    zio_task_t *task = start(make_call, &peeks);
    settle();
    send_text(link->a, "abc");
    tell("waiting", finish(task));
    settle();
    for (int i = 0; i < 2; i++) {
        tell("peek", zio_stream_peek(link->b, bytes, 8, soon()));
        tell_bytes("bytes", bytes, 3);
    }
    tell("part", zio_stream_peek(link->b, bytes, 2, soon()));
    tell_text("read", link->b, 3);
    tell("then", zio_stream_peek(link->b, bytes, 8, ZIO_IMMEDIATE));
}

/* Bytes that the sender wrote with one call may come in several, and the other way round; nothing
 * is lost or turned round. */
static void order_of_bytes(struct link *link) {
    char text[27] = "";
    for (int i = 0; i < 26; i++) {
        const char letter[2] = {(char)('a' + i), '\0'};
        send_text(link->a, letter);
    }
    MUST(zio_stream_read_exact(link->b, text, 26, NULL, soon()) == 0);
    say("%s", text);
}

const struct test_case read_cases[] = {
    {"read.waits_for_bytes", "waits=yes read=1 bytes=x", NULL, waits, ALL, 0},
    {"read.in_pieces", "bytes=abcdefg more=EAGAIN", NULL, in_pieces, ALL, 0},
    {"read.deadlines",
     "immediate=EAGAIN past=ETIMEDOUT future=ETIMEDOUT early=no odd=EINVAL at_once=1 late=1 "
     "never=1",
     NULL, deadlines, ALL, 0},
    {"read.of_no_length", "empty=0 full=0 exact=0 peek=0 null=EINVAL odd=EINVAL then=x", NULL,
     nothing, ALL, 0},
    {"read.end_of_stream",
     "exact=EEOF done=3 bytes=abc read=0 peek=0 immediate=0 past=0 exact=EEOF done=0", NULL, end,
     ALL, 0},
    {"read.end_of_stream_wakes", "read=0", NULL, end_wakes, ALL, 0},
    {"read.exactly", "waits=yes exact=0 done=8 bytes=abcdefgh rest=i", NULL, exact, ALL, 0},
    {"read.exactly_and_stopped",
     "immediate=EAGAIN done=0 late=ETIMEDOUT done=3 canceled=ECANCELED done=2 then=f", NULL,
     exact_stops, ALL, 0},
    {"read.peek",
     "immediate=EAGAIN past=ETIMEDOUT future=ETIMEDOUT waiting=1 peek=3 bytes=abc peek=3 "
     "bytes=abc part=2 read=abc then=EAGAIN",
     NULL, peek, ALL, 0},
    {"read.bytes_stay_in_order", "abcdefghijklmnopqrstuvwxyz", NULL, order_of_bytes, ALL, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};
