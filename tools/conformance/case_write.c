/* SPDX-License-Identifier: MIT */
/* Writing: room, no room, nobody there, and the end of one direction. */
#define _DEFAULT_SOURCE

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

static void nothing(struct link *link) {
    char byte;
    tell("write", zio_stream_write(link->a, NULL, 0, ZIO_NEVER));
    tell("all", zio_stream_write_all(link->a, NULL, 0, NULL, ZIO_NEVER));
    tell("null", zio_stream_write(link->a, NULL, 1, ZIO_NEVER));
    tell("odd", zio_stream_write(link->a, "x", 1, -2));
    tell("read", zio_stream_read(link->b, &byte, 1, ZIO_IMMEDIATE));
    MUST(zio_stream_shutdown(link->a, soon()) == 0);
    tell("after_the_end", zio_stream_write(link->a, "", 0, ZIO_NEVER));
}

static void with_room(struct link *link) {
    tell("immediate", zio_stream_write(link->a, "a", 1, ZIO_IMMEDIATE));
    tell("past", zio_stream_write(link->a, "b", 1, PAST));
    tell("never", zio_stream_write(link->a, "c", 1, ZIO_NEVER));
    tell("all", zio_stream_write_all(link->a, "de", 2, NULL, ZIO_IMMEDIATE));
    tell_text("read", link->b, 5);
}

static void without_room(struct link *link) {
    struct calling writes = {link->a, CALL_WRITE, 1, ZIO_NEVER, 0};
    size_t done = 99;
    const size_t room = fill(link->a);
    tell("immediate", zio_stream_write(link->a, "x", 1, ZIO_IMMEDIATE));
    tell("past", zio_stream_write(link->a, "x", 1, PAST));
    const zio_deadline_t future = zio_after_ms(5);
    tell("future", zio_stream_write(link->a, "x", 1, future));
    tell_truth("early", zio_now() < future);
    tell("all", zio_stream_write_all(link->a, "x", 1, &done, PAST));
    tell("done", (int64_t)done);
    zio_task_t *task = start(make_call, &writes);
    settle();
    tell("canceled", cancel(task));
    task = start(make_call, &writes);
    settle();
    tell_truth("waits", !has_ended(task));
    drain(link->b, room);
    tell("then", finish(task));
    drain(link->b, 1);
    char byte;
    settle();
    tell("more", zio_stream_read(link->b, &byte, 1, ZIO_IMMEDIATE));
}

/* `done` says exactly what the other side will read. */
static void all_stops(struct link *link) {
    enum { SIZE = 8 << 20 };
    struct calling writes = {link->a, CALL_WRITE_ALL, SIZE, zio_after_ms(20), 0};
    char byte;
    tell("late", make_call(&writes));
    tell_truth("part", writes.done > 0 && writes.done < SIZE);
    drain(link->b, writes.done);
    settle();
    tell("more", zio_stream_read(link->b, &byte, 1, ZIO_IMMEDIATE));
    writes.deadline = ZIO_NEVER;
    zio_task_t *task = start(make_call, &writes);
    settle();
    tell("canceled", cancel(task));
    tell_truth("part", writes.done > 0 && writes.done < SIZE);
    drain(link->b, writes.done);
    settle();
    tell("more", zio_stream_read(link->b, &byte, 1, ZIO_IMMEDIATE));
}

static void to_nobody(struct link *link) {
    struct sigaction action;
    zio_ssize_t result = 1;
    size_t done = 99;
    MUST(sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
    close_b(link);
    settle();
    for (int i = 0; i < 100 && result > 0; i++) { /* over a network it is heard of after a write */
        result = zio_stream_write(link->a, "x", 1, soon());
        settle();
    }
    tell_truth("refused", result == ZIO_EPIPE || result == ZIO_ECONNRESET);
    tell("write", zio_stream_write(link->a, "x", 1, soon()));
    tell("all", zio_stream_write_all(link->a, "x", 1, &done, soon()));
    tell("done", (int64_t)done);
}

static void to_nobody_wakes(struct link *link) {
    struct calling writes = {link->a, CALL_WRITE, 1, ZIO_NEVER, 0};
    (void)fill(link->a);
    zio_task_t *task = start(make_call, &writes);
    settle();
    close_b(link);
    const zio_err_t result = finish(task);
    tell_truth("refused", result == ZIO_EPIPE || result == ZIO_ECONNRESET);
}

static void half_close(struct link *link) {
    char byte;
    size_t done = 99;
    send_text(link->a, "last");
    tell("shutdown", zio_stream_shutdown(link->a, soon()));
    tell("again", zio_stream_shutdown(link->a, soon()));
    tell("immediate", zio_stream_shutdown(link->a, ZIO_IMMEDIATE));
    tell("odd", zio_stream_shutdown(link->a, -2));
    tell("write", zio_stream_write(link->a, "x", 1, soon()));
    tell("all", zio_stream_write_all(link->a, "x", 1, &done, soon()));
    tell("done", (int64_t)done);
    tell_text("peer", link->b, 4);
    tell("end", zio_stream_read(link->b, &byte, 1, soon()));
    send_text(link->b, "reply");
    tell_text("back", link->a, 5);
    tell("other", zio_stream_shutdown(link->b, soon()));
    tell("end", zio_stream_read(link->a, &byte, 1, soon()));
}

/* It comes after the writes that came before it, and waits for them. */
static void shutdown_waits(struct link *link) {
    struct calling writes = {link->a, CALL_WRITE_ALL, 8 << 20, ZIO_NEVER, 0};
    struct calling shuts = {link->a, CALL_SHUTDOWN, 0, ZIO_NEVER, 0};
    char byte;
    zio_task_t *writer = start(make_call, &writes);
    settle();
    tell("immediate", zio_stream_shutdown(link->a, ZIO_IMMEDIATE));
    tell("future", zio_stream_shutdown(link->a, zio_after_ms(5)));
    zio_task_t *shutter = start(make_call, &shuts);
    settle();
    drain(link->b, 8 << 20);
    tell("write", finish(writer));
    tell("shutdown", finish(shutter));
    tell("end", zio_stream_read(link->b, &byte, 1, soon()));
}

/* The end of one's own direction does not end the wait for the other's. */
static void shutdown_while_reading(struct link *link) {
    struct calling reads = {link->a, CALL_READ, 1, ZIO_NEVER, 0};
    zio_task_t *task = start(make_call, &reads);
    settle();
    MUST(zio_stream_shutdown(link->a, soon()) == 0);
    settle();
    tell_truth("waits", !has_ended(task));
    send_text(link->b, "x");
    tell("read", finish(task));
}

const struct test_case write_cases[] = {
    {"write.of_no_length", "write=0 all=0 null=EINVAL odd=EINVAL read=EAGAIN after_the_end=0", NULL,
     nothing, ALL, 0},
    {"write.with_room", "immediate=1 past=1 never=1 all=0 read=abcde", NULL, with_room, ALL, 0},
    {"write.without_room",
     "immediate=EAGAIN past=ETIMEDOUT future=ETIMEDOUT early=no all=ETIMEDOUT done=0 "
     "canceled=ECANCELED waits=yes then=1 more=EAGAIN",
     NULL, without_room, LOCAL, 0},
    {"write.all_and_stopped",
     "late=ETIMEDOUT part=yes more=EAGAIN canceled=ECANCELED part=yes more=EAGAIN", NULL, all_stops,
     ALL, 0},
    {"write.to_nobody", "refused=yes write=EPIPE all=EPIPE done=0", NULL, to_nobody, ALL, 0},
    {"write.to_who_leaves", "refused=yes", NULL, to_nobody_wakes, ALL, 0},
    {"write.end_of_one_direction",
     "shutdown=0 again=0 immediate=0 odd=EINVAL write=EPIPE all=EPIPE done=0 peer=last end=0 "
     "back=reply other=0 end=0",
     NULL, half_close, ALL, 0},
    {"write.end_waits_for_writes", "immediate=EAGAIN future=ETIMEDOUT write=0 shutdown=0 end=0",
     NULL, shutdown_waits, ALL, 0},
    {"write.end_while_reading", "waits=yes read=1", NULL, shutdown_while_reading, ALL, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};
