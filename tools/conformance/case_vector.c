/* SPDX-License-Identifier: MIT */
/* Reading into and writing from several pieces of memory. */
#define _DEFAULT_SOURCE

#include <stdlib.h>
#include <string.h>

#include "suite.h"

static void gather(struct link *link) {
    const zio_cbuf_t pieces[] = {{"one", 3}, {NULL, 0}, {"two", 3}, {"", 0}, {"three", 5}};
    tell("writev", zio_stream_writev(link->a, pieces, 5, soon()));
    tell_text("read", link->b, 11);
}

/* A read may give less than there is, so it is repeated. */
static void scatter(struct link *link) {
    char text[12] = "...........";
    size_t count = 0;
    send_text(link->a, "onetwothree");
    settle();
    while (count < 11) {
        char one[3], three[5];
        const zio_buf_t pieces[] = {{one, 3}, {NULL, 0}, {three, 5}};
        const zio_ssize_t got = zio_stream_readv(link->b, pieces, 3, soon());
        MUST(got > 0 && got <= 8 && count + (size_t)got <= 11);
        const size_t head = got < 3 ? (size_t)got : 3;
        memcpy(text + count, one, head);
        memcpy(text + count + head, three, (size_t)got - head);
        count += (size_t)got;
    }
    tell_bytes("bytes", text, 11);
}

static void nothing(struct link *link) {
    char byte;
    const zio_buf_t empty[] = {{NULL, 0}, {&byte, 0}};
    const zio_cbuf_t empty_from[] = {{NULL, 0}, {"", 0}};
    const zio_buf_t wrong[] = {{&byte, 1}, {NULL, 1}};
    const zio_cbuf_t wrong_from[] = {{"x", 1}, {NULL, 1}};
    const zio_buf_t long_ones[] = {{&byte, SIZE_MAX / 2 + 1}, {&byte, SIZE_MAX / 2 + 1}};
    tell("readv", zio_stream_readv(link->b, empty, 2, ZIO_NEVER));
    tell("none", zio_stream_readv(link->b, NULL, 0, ZIO_NEVER));
    tell("writev", zio_stream_writev(link->a, empty_from, 2, ZIO_NEVER));
    tell("none", zio_stream_writev(link->a, NULL, 0, ZIO_NEVER));
    tell("null", zio_stream_readv(link->b, NULL, 1, ZIO_NEVER));
    tell("piece", zio_stream_readv(link->b, wrong, 2, ZIO_NEVER));
    tell("null", zio_stream_writev(link->a, NULL, 1, ZIO_NEVER));
    tell("piece", zio_stream_writev(link->a, wrong_from, 2, ZIO_NEVER));
    tell("long", zio_stream_readv(link->b, long_ones, 2, ZIO_NEVER));
    tell("odd", zio_stream_readv(link->b, empty, 2, -2));
    tell("read", zio_stream_read(link->b, &byte, 1, ZIO_IMMEDIATE));
}

/* More pieces than the system takes in one call, most of them empty. */
static void many_pieces(struct link *link) {
    enum { COUNT = 5000, BYTES = 1000 };
    zio_cbuf_t *const from = calloc(COUNT, sizeof *from);
    zio_buf_t *const to = calloc(COUNT, sizeof *to);
    unsigned char sent[BYTES], got[BYTES];
    size_t count = 0;
    MUST(from != NULL && to != NULL);
    fill_bytes(sent, BYTES, 0);
    for (size_t i = 0; i < COUNT; i += COUNT / BYTES) {
        from[i].base = sent + i / (COUNT / BYTES);
        from[i].len = 1;
    }
    tell("writev", zio_stream_writev(link->a, from, COUNT, soon()));
    settle();
    while (count < BYTES) {
        for (size_t i = 0; i < BYTES - count; i++) {
            to[COUNT - 1 - i].base = got + (BYTES - 1 - i);
            to[COUNT - 1 - i].len = 1;
        }
        const zio_ssize_t moved =
            zio_stream_readv(link->b, to + (COUNT - BYTES) + count, BYTES - count, soon());
        MUST(moved > 0);
        count += (size_t)moved;
    }
    tell_truth("same", are_bytes(got, BYTES, 0));
    to[COUNT - 1].base = got;
    send_text(link->a, "x");
    for (size_t i = 0; i < COUNT - 1; i++) to[i].len = 0;
    tell("last", zio_stream_readv(link->b, to, COUNT, soon()));
    free(from);
    free(to);
}

static void end_and_deadlines(struct link *link) {
    char byte;
    const zio_buf_t piece = {&byte, 1};
    const zio_cbuf_t from = {"x", 1};
    tell("immediate", zio_stream_readv(link->b, &piece, 1, ZIO_IMMEDIATE));
    tell("past", zio_stream_readv(link->b, &piece, 1, PAST));
    tell("future", zio_stream_readv(link->b, &piece, 1, zio_after_ms(5)));
    tell("writev", zio_stream_writev(link->a, &from, 1, ZIO_IMMEDIATE));
    tell("readv", zio_stream_readv(link->b, &piece, 1, soon()));
    MUST(zio_stream_shutdown(link->a, soon()) == 0);
    tell("end", zio_stream_readv(link->b, &piece, 1, soon()));
    tell("after", zio_stream_writev(link->a, &from, 1, soon()));
}

static zio_err_t drain_all(void *ud) {
    struct calling *reads = ud;
    drain(reads->stream, reads->size);
    return 0;
}

/* What does not fit at once is written on as room comes. */
static void large(struct link *link) {
    enum { SIZE = 3 << 20 };
    char *const bytes = calloc(1, SIZE);
    const zio_cbuf_t pieces[] = {{bytes, SIZE / 2}, {bytes + SIZE / 2, SIZE / 2}};
    struct calling reads = {link->b, CALL_READ, SIZE, 0, 0};
    MUST(bytes != NULL);
    zio_task_t *task = start(drain_all, &reads);
    tell("writev", zio_stream_writev(link->a, pieces, 2, soon()));
    tell("read", finish(task));
    free(bytes);
}

/* A part was written: that is the result, and the reason comes with the next call. */
static void stopped(struct link *link) {
    enum { SIZE = 8 << 20 };
    char *const bytes = calloc(1, SIZE);
    const zio_cbuf_t piece = {bytes, SIZE};
    char byte;
    MUST(bytes != NULL);
    const zio_ssize_t part = zio_stream_writev(link->a, &piece, 1, zio_after_ms(20));
    tell_truth("part", part > 0 && part < SIZE);
    if (part > 0) drain(link->b, (size_t)part);
    settle();
    tell("more", zio_stream_read(link->b, &byte, 1, ZIO_IMMEDIATE));
    free(bytes);
}

const struct test_case vector_cases[] = {
    {"vector.gather", "writev=11 read=onetwothree", NULL, gather, ALL, 0},
    {"vector.scatter", "bytes=onetwothree", NULL, scatter, ALL, 0},
    {"vector.of_no_length",
     "readv=0 none=0 writev=0 none=0 null=EINVAL piece=EINVAL null=EINVAL piece=EINVAL "
     "long=EINVAL odd=EINVAL read=EAGAIN",
     NULL, nothing, ALL, 0},
    {"vector.of_many_pieces", "writev=1000 same=yes last=1", NULL, many_pieces, ALL, 0},
    {"vector.end_and_deadlines",
     "immediate=EAGAIN past=ETIMEDOUT future=ETIMEDOUT writev=1 readv=1 end=0 after=EPIPE", NULL,
     end_and_deadlines, ALL, 0},
    {"vector.of_megabytes", "writev=3145728 read=0", NULL, large, ALL, 0},
    {"vector.stopped_in_the_middle", "part=yes more=EAGAIN", NULL, stopped, ALL, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};
