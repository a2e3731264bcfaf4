/* SPDX-License-Identifier: MIT */
/* Breaking a connection off, seen from both sides. */
#define _DEFAULT_SOURCE

#include <string.h>

#include "suite.h"

static void abort_a(struct link *link) {
    zio_stream_t *stream = link->a;
    link->a = NULL;
    MUST(zio_stream_abort(stream) == 0);
}

static void before_reading(struct link *link) {
    char byte;
    abort_a(link);
    settle();
    tell("read", zio_stream_read(link->b, &byte, 1, soon()));
    tell("os", zio_last_os_error());
    tell("again", zio_stream_read(link->b, &byte, 1, soon()));
    tell("write", zio_stream_write(link->b, "x", 1, soon()));
}

static void while_reading(struct link *link) {
    struct calling reads = {link->b, CALL_READ, 1, ZIO_NEVER, 0};
    struct calling exact = {link->b, CALL_READ_EXACT, 2, ZIO_NEVER, 0};
    zio_task_t *task = start(make_call, &reads);
    settle();
    send_text(link->a, "x");
    tell("read", finish(task));
    task = start(make_call, &exact);
    settle();
    send_text(link->a, "y");
    settle();
    abort_a(link);
    tell("exact", finish(task));
    tell("done", (int64_t)exact.done);
}

static void while_writing(struct link *link) {
    struct calling writes = {link->b, CALL_WRITE_ALL, 16 << 20, ZIO_NEVER, 0};
    zio_task_t *task = start(make_call, &writes);
    settle();
    abort_a(link);
    const zio_err_t result = finish(task);
    tell_truth("refused", result == ZIO_ECONNRESET || result == ZIO_EPIPE);
    tell_truth("part", writes.done > 0 && writes.done < 16 << 20);
}

static void own_calls(struct link *link) {
    struct calling reads = {link->a, CALL_READ, 1, ZIO_NEVER, 0};
    struct calling writes = {link->a, CALL_WRITE_ALL, 16 << 20, ZIO_NEVER, 0};
    zio_stream_t *stream = link->a;
    zio_task_t *reader = start(make_call, &reads), *writer = start(make_call, &writes);
    settle();
    abort_a(link);
    tell("read", finish(reader));
    tell("write", finish(writer));
    tell("again", zio_stream_abort(stream));
    tell("close", zio_stream_close(stream));
    tell("none", zio_stream_abort(NULL));
}

/* Within the system nothing can be broken off: it is a close. */
static void within_the_system(struct link *link) {
    char byte;
    send_text(link->a, "x");
    abort_a(link);
    tell_text("read", link->b, 1);
    tell("end", zio_stream_read(link->b, &byte, 1, soon()));
    tell("write", zio_stream_write(link->b, "x", 1, soon()));
}

/* A close that the option makes a break. */
static void by_option(struct link *link) {
    char byte;
    MUST(zio_stream_set_option(link->a, ZIO_OPT_LINGER_MS, 0) == 0);
    close_a(link);
    settle();
    const zio_ssize_t result = zio_stream_read(link->b, &byte, 1, soon());
    tell_truth("ended", result == 0 || result == ZIO_ECONNRESET);
}

const struct test_case abort_cases[] = {
    {"abort.before_reading", "read=ECONNRESET os=104 again=0 write=EPIPE", NULL, before_reading,
     TCP, 0},
    {"abort.while_reading", "read=1 exact=ECONNRESET done=1", NULL, while_reading, TCP, 0},
    {"abort.while_writing", "refused=yes part=yes", NULL, while_writing, TCP, 0},
    {"abort.ends_own_calls", "read=ECLOSED write=ECLOSED again=EBADF close=EBADF none=0", NULL,
     own_calls, ALL, 0},
    {"abort.within_the_system", "read=x end=0 write=EPIPE", NULL, within_the_system, LOCAL, 0},
    {"abort.by_linger", "ended=yes", NULL, by_option, ALL, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};
