/* SPDX-License-Identifier: MIT */
/* Closing, also while others use the stream. */
#define _DEFAULT_SOURCE

#include <string.h>

#include "suite.h"

/* Each call on its own, waiting when the stream is closed. */
static void wakes_readers(struct link *link) {
    for (int call = CALL_READ; call <= CALL_PEEK; call++) {
        struct link mine;
        make_link(&mine, link->kind);
        struct calling calling = {mine.a, (enum call)call, 8, ZIO_NEVER, 0};
        zio_task_t *task = start(make_call, &calling);
        settle();
        close_a(&mine);
        tell(call_name((enum call)call), finish(task));
        if (call == CALL_READ_EXACT) tell("done", (int64_t)calling.done);
        close_link(&mine);
    }
}

static void wakes_writers(struct link *link) {
    for (int call = CALL_WRITE; call <= CALL_WRITE_ALL; call++) {
        struct link mine;
        make_link(&mine, link->kind);
        struct calling calling = {mine.a, (enum call)call, 8, ZIO_NEVER, 0};
        (void)fill(mine.a);
        zio_task_t *task = start(make_call, &calling);
        settle();
        tell_truth("waits", !has_ended(task));
        close_a(&mine);
        tell(call_name((enum call)call), finish(task));
        if (call == CALL_WRITE_ALL) tell("done", (int64_t)calling.done);
        close_link(&mine);
    }
}

/* Those behind them in the queue, too. */
static void wakes_the_queue(struct link *link) {
    enum { COUNT = 4 };
    struct calling readers[COUNT], writers[COUNT];
    zio_task_t *reads[COUNT], *writes[COUNT];
    (void)fill(link->a);
    for (int i = 0; i < COUNT; i++) {
        readers[i] = (struct calling){link->a, CALL_READ, 1, ZIO_NEVER, 0};
        writers[i] = (struct calling){link->a, CALL_WRITE, 1, ZIO_NEVER, 0};
        if (i == 2) readers[i].deadline = writers[i].deadline = soon();
        if (i == 3) writers[i].call = CALL_SHUTDOWN;
        reads[i] = start(make_call, &readers[i]);
        writes[i] = start(make_call, &writers[i]);
        settle();
    }
    close_a(link);
    for (int i = 0; i < COUNT; i++) {
        tell("read", finish(reads[i]));
        tell(i == 3 ? "shutdown" : "write", finish(writes[i]));
    }
}

static void in_the_middle(struct link *link) {
    struct calling reads = {link->a, CALL_READ_EXACT, 8, ZIO_NEVER, 0};
    struct calling writes = {link->a, CALL_WRITE_ALL, 8 << 20, ZIO_NEVER, 0};
    char byte;
    zio_task_t *reader = start(make_call, &reads), *writer = start(make_call, &writes);
    send_text(link->b, "four");
    settle();
    close_a(link);
    tell("read", finish(reader));
    tell("done", (int64_t)reads.done);
    tell("write", finish(writer));
    tell_truth("part", writes.done > 0 && writes.done < 8 << 20);
    drain(link->b, writes.done);
    tell("end", zio_stream_read(link->b, &byte, 1, soon()));
}

static void then_bad(struct link *link) {
    zio_stream_t *stream = link->a;
    zio_addr_t address;
    int64_t value = 0;
    close_a(link);
    for (int call = 0; call < CALLS; call++) {
        struct calling calling = {stream, (enum call)call, 1, ZIO_NEVER, 0};
        tell(call_name((enum call)call), make_call(&calling));
    }
    struct calling at_once = {stream, CALL_READ, 1, ZIO_IMMEDIATE, 0};
    tell("immediate", make_call(&at_once));
    tell("addr", zio_stream_addr(stream, &address, NULL));
    tell("option", zio_stream_get_option(stream, ZIO_OPT_RCVBUF, &value));
    tell("abort", zio_stream_abort(stream));
    tell("close", zio_stream_close(stream));
    tell("none", zio_stream_close(NULL));
}

static void delivers(struct link *link) {
    char byte;
    send_text(link->a, "last words");
    close_a(link);
    tell_text("read", link->b, 10);
    tell("end", zio_stream_read(link->b, &byte, 1, soon()));
}

static zio_err_t sleep_then_close(void *ud) {
    zio_stream_t **stream = ud;
    zio_stream_t *closed = *stream;
    *stream = NULL;
    settle();
    return zio_stream_close(closed);
}

/* The other side hears of it at once, although somebody still waits here. */
static void peer_hears(struct link *link) {
    struct calling reads = {link->a, CALL_READ, 1, ZIO_NEVER, 0};
    char byte;
    zio_task_t *reader = start(make_call, &reads), *closer = start(sleep_then_close, &link->a);
    tell("end", zio_stream_read(link->b, &byte, 1, soon()));
    tell("read", finish(reader));
    tell("close", finish(closer));
}

/* Bytes that nobody read make the end a reset. */
static void with_unread_bytes(struct link *link) {
    char byte;
    send_text(link->b, "unread");
    settle();
    close_a(link);
    settle();
    tell("read", zio_stream_read(link->b, &byte, 1, soon()));
    tell("then", zio_stream_read(link->b, &byte, 1, soon()));
}

/* A number that is free again belongs to the next, and old handles do not reach it. */
static void numbers_are_reused(struct link *link) {
    enum { COUNT = 20 };
    zio_stream_t *old[COUNT];
    int bad = 0, good = 0;
    for (int i = 0; i < COUNT; i++) {
        struct link mine;
        char byte = 0;
        make_link(&mine, link->kind);
        old[i] = mine.a;
        send_text(mine.b, "x");
        good += zio_stream_read(mine.a, &byte, 1, soon()) == 1 && byte == 'x';
        for (int k = 0; k < i; k++) bad += zio_stream_write(old[k], "y", 1, soon()) == ZIO_EBADF;
        close_link(&mine);
    }
    tell("good", good);
    tell("bad", bad);
}

const struct test_case close_cases[] = {
    {"close.wakes_readers", "read=ECLOSED readv=ECLOSED read_exact=ECLOSED done=0 peek=ECLOSED",
     NULL, wakes_readers, ALL, 0},
    {"close.wakes_writers",
     "waits=yes write=ECLOSED waits=yes writev=ECLOSED waits=yes write_all=ECLOSED done=0", NULL,
     wakes_writers, LOCAL, 0},
    {"close.wakes_who_waits_for_a_turn",
     "read=ECLOSED write=ECLOSED read=ECLOSED write=ECLOSED read=ECLOSED write=ECLOSED "
     "read=ECLOSED shutdown=ECLOSED",
     NULL, wakes_the_queue, LOCAL, 0},
    {"close.in_the_middle", "read=ECLOSED done=4 write=ECLOSED part=yes end=0", NULL, in_the_middle,
     ALL, 0},
    {"close.then_the_handle_is_bad",
     "read=EBADF readv=EBADF read_exact=EBADF peek=EBADF write=EBADF writev=EBADF write_all=EBADF "
     "shutdown=EBADF immediate=EBADF addr=EBADF option=EBADF abort=EBADF close=EBADF none=0",
     NULL, then_bad, ALL, 0},
    {"close.delivers_what_was_written", "read=last.words end=0", NULL, delivers, ALL, 0},
    {"close.is_heard_at_once", "end=0 read=ECLOSED close=0", NULL, peer_hears, ALL, 0},
    {"close.with_unread_bytes", "read=ECONNRESET then=0", NULL, with_unread_bytes, ALL, 0},
    {"close.numbers_are_reused", "good=20 bad=190", NULL, numbers_are_reused, ALL, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};
