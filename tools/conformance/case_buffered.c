/* SPDX-License-Identifier: MIT */
/* Readers and writers with a buffer. */
#define _DEFAULT_SOURCE

#include <stdlib.h>
#include <string.h>

#include "suite.h"

static zio_reader_t *reader_of(zio_stream_t *stream, size_t capacity) {
    zio_reader_t *reader = NULL;
    MUST(zio_reader_create(&reader, stream, capacity) == 0);
    return reader;
}

static zio_writer_t *writer_of(zio_stream_t *stream, size_t capacity) {
    zio_writer_t *writer = NULL;
    MUST(zio_writer_create(&writer, stream, capacity) == 0);
    return writer;
}

static void tell_until(const char *what, zio_reader_t *reader, zio_deadline_t deadline) {
    zio_cbuf_t found = {NULL, 0};
    const zio_err_t error = zio_reader_read_until(reader, '\n', &found, deadline);
    if (error != 0) tell(what, error);
    if (error == 0 || error == ZIO_EEOF) tell_bytes(what, found.base, found.len);
}

static void lines(struct link *link) {
    zio_reader_t *reader = reader_of(link->b, 0);
    send_text(link->a, "one\ntwo\n\nrest");
    close_a(link);
    for (int i = 0; i < 3; i++) tell_until("line", reader, soon());
    tell_until("rest", reader, soon());
    tell_until("then", reader, soon());
    tell("destroy", zio_reader_destroy(reader));
}

static void long_line(struct link *link) {
    zio_reader_t *reader = reader_of(link->b, 8);
    char bytes[16];
    size_t done = 99;
    send_text(link->a, "0123456789\nabc");
    tell_until("line", reader, soon());
    tell("exact", zio_reader_read_exact(reader, bytes, 8, &done, soon()));
    tell_bytes("bytes", bytes, 8);
    tell_until("line", reader, soon());
    tell("beyond", zio_reader_read_exact(reader, bytes, 16, &done, zio_after_ms(5)));
    tell("done", (int64_t)done);
    MUST(zio_reader_destroy(reader) == 0);
}

static void peek_and_consume(struct link *link) {
    zio_reader_t *reader = reader_of(link->b, 8);
    zio_cbuf_t shown = {NULL, 0};
    send_text(link->a, "abcde");
    tell("nothing", zio_reader_peek(reader, 0, &shown, ZIO_NEVER));
    tell("size", (int64_t)shown.len);
    tell("peek", zio_reader_peek(reader, 5, &shown, soon()));
    tell_bytes("bytes", shown.base, shown.len);
    tell("consume", zio_reader_consume(reader, 2));
    tell("peek", zio_reader_peek(reader, 3, &shown, soon()));
    tell_bytes("bytes", shown.base, shown.len);
    tell("too_much", zio_reader_consume(reader, 4));
    tell("too_far", zio_reader_peek(reader, 9, &shown, soon()));
    tell("late", zio_reader_peek(reader, 4, &shown, zio_after_ms(5)));
    close_a(link);
    tell("end", zio_reader_peek(reader, 4, &shown, soon()));
    tell_bytes("bytes", shown.base, shown.len);
    tell("consume", zio_reader_consume(reader, 3));
    tell("end", zio_reader_peek(reader, 1, &shown, soon()));
    MUST(zio_reader_destroy(reader) == 0);
}

struct reading {
    zio_reader_t *reader;
    zio_deadline_t deadline;
};

static zio_err_t read_line(void *ud) {
    const struct reading *reading = ud;
    zio_cbuf_t found;
    return zio_reader_read_until(reading->reader, '\n', &found, reading->deadline);
}

/* What came before the end of a wait stays in the buffer. */
static void stopped(struct link *link) {
    zio_reader_t *reader = reader_of(link->b, 64);
    struct reading reading = {reader, ZIO_NEVER};
    char byte;
    tell_until("immediate", reader, ZIO_IMMEDIATE);
    send_text(link->a, "half");
    settle();
    tell_until("late", reader, zio_after_ms(5));
    zio_task_t *task = start(read_line, &reading);
    settle();
    tell("busy", zio_reader_read(reader, &byte, 1, soon()));
    tell("canceled", cancel(task));
    send_text(link->a, "-done\n");
    tell_until("line", reader, soon());
    MUST(zio_reader_destroy(reader) == 0);
}

static void closed(struct link *link) {
    zio_reader_t *reader = reader_of(link->b, 64), *none = NULL;
    struct reading reading = {reader, ZIO_NEVER};
    zio_stream_t *stream = link->b;
    zio_task_t *task = start(read_line, &reading);
    settle();
    close_b(link);
    tell("waiting", finish(task));
    tell_until("later", reader, soon());
    tell("create", zio_reader_create(&none, stream, 0));
    tell("destroy", zio_reader_destroy(reader));
    tell("again", zio_reader_destroy(reader));
    tell("none", zio_reader_destroy(NULL));
    tell_until("dead", reader, soon());
}

static void writes(struct link *link) {
    zio_writer_t *writer = writer_of(link->a, 16);
    char byte;
    size_t done = 99;
    tell("write", zio_writer_write(writer, "hello ", 6, &done, ZIO_NEVER));
    tell("done", (int64_t)done);
    settle();
    tell("before", zio_stream_read(link->b, &byte, 1, ZIO_IMMEDIATE));
    tell("write", zio_writer_write(writer, "there", 5, NULL, ZIO_NEVER));
    tell("flush", zio_writer_flush(writer, soon()));
    tell_text("read", link->b, 11);
    tell("empty", zio_writer_flush(writer, soon()));
    tell("write", zio_writer_write(writer, "lost", 4, NULL, ZIO_NEVER));
    tell("destroy", zio_writer_destroy(writer));
    settle();
    tell("after", zio_stream_read(link->b, &byte, 1, ZIO_IMMEDIATE));
    tell("null", zio_writer_destroy(NULL));
}

static zio_err_t write_much(void *ud) {
    zio_writer_t *writer = ud;
    unsigned char *const bytes = malloc(300000);
    size_t done = 0;
    MUST(bytes != NULL);
    fill_bytes(bytes, 300000, 0);
    zio_err_t error = 0;
    for (size_t at = 0, size = 1; at < 300000 && error == 0; at += size, size = size * 3 + 1) {
        if (size > 300000 - at) size = 300000 - at;
        error = zio_writer_write(writer, bytes + at, size, &done, soon());
        if (error == 0 && done != size) error = ZIO_EIO;
    }
    free(bytes);
    return error != 0 ? error : zio_writer_flush(writer, soon());
}

static void writes_much(struct link *link) {
    zio_writer_t *writer = writer_of(link->a, 100);
    zio_reader_t *reader = reader_of(link->b, 1000);
    unsigned char *const bytes = malloc(300000);
    size_t done = 0;
    MUST(bytes != NULL);
    zio_task_t *task = start(write_much, writer);
    tell("read", zio_reader_read_exact(reader, bytes, 300000, &done, soon()));
    tell_truth("same", done == 300000 && are_bytes(bytes, 300000, 0));
    tell("write", finish(task));
    MUST(zio_writer_destroy(writer) == 0);
    MUST(zio_reader_destroy(reader) == 0);
    free(bytes);
}

/* A flush that was stopped goes on where it was. */
static void flush_stopped(struct link *link) {
    zio_writer_t *writer = writer_of(link->a, 64);
    const size_t room = fill(link->a);
    tell("write", zio_writer_write(writer, "kept", 4, NULL, ZIO_NEVER));
    tell("immediate", zio_writer_flush(writer, ZIO_IMMEDIATE));
    tell("past", zio_writer_flush(writer, PAST));
    tell("late", zio_writer_flush(writer, zio_after_ms(5)));
    drain(link->b, room);
    tell("flush", zio_writer_flush(writer, soon()));
    tell_text("read", link->b, 4);
    close_b(link);
    tell("write", zio_writer_write(writer, "x", 1, NULL, ZIO_NEVER));
    tell("gone", zio_writer_flush(writer, soon()));
    MUST(zio_writer_destroy(writer) == 0);
}

const struct test_case buffered_cases[] = {
    {"buffered.lines", "line=one. line=two. line=. rest=EEOF rest=rest then=EEOF then= destroy=0",
     NULL, lines, ALL, 0},
    {"buffered.line_that_does_not_fit",
     "line=EMSGSIZE exact=0 bytes=01234567 line=89. beyond=ETIMEDOUT done=3", NULL, long_line, ALL,
     0},
    {"buffered.peek_and_consume",
     "nothing=0 size=0 peek=0 bytes=abcde consume=0 peek=0 bytes=cde too_much=EINVAL "
     "too_far=EMSGSIZE late=ETIMEDOUT end=EEOF bytes=cde consume=0 end=EEOF",
     NULL, peek_and_consume, ALL, 0},
    {"buffered.stopped",
     "immediate=EAGAIN late=ETIMEDOUT busy=EBUSY canceled=ECANCELED line=half-done.", NULL, stopped,
     ALL, 0},
    {"buffered.closed",
     "waiting=ECLOSED later=EBADF create=EBADF destroy=0 again=EBADF none=0 dead=EBADF", NULL,
     closed, ALL, 0},
    {"buffered.writes",
     "write=0 done=6 before=EAGAIN write=0 flush=0 read=hello.there empty=0 write=0 destroy=0 "
     "after=EAGAIN null=0",
     NULL, writes, ALL, 0},
    {"buffered.much", "read=0 same=yes write=0", NULL, writes_much, ALL, 0},
    {"buffered.flush_that_was_stopped",
     "write=0 immediate=EAGAIN past=ETIMEDOUT late=ETIMEDOUT flush=0 read=kept write=0 gone=EPIPE",
     NULL, flush_stopped, LOCAL, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};
