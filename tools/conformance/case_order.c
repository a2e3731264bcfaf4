/* SPDX-License-Identifier: MIT */
/* Several tasks on one stream: one read and one write at a time, first come, first served. */
#define _DEFAULT_SOURCE

#include <stdlib.h>
#include <string.h>

#include "suite.h"

enum { COUNT = 5 };

struct queued {
    zio_stream_t *stream;
    char byte;
};

static zio_err_t read_byte(void *ud) {
    struct queued *queued = ud;
    return (zio_err_t)zio_stream_read(queued->stream, &queued->byte, 1, ZIO_NEVER);
}

static void readers(struct link *link) {
    struct queued all[COUNT];
    zio_task_t *tasks[COUNT];
    char text[COUNT];
    for (int i = 0; i < COUNT; i++) {
        all[i] = (struct queued){link->b, '.'};
        tasks[i] = start(read_byte, &all[i]);
        settle();
    }
    send_text(link->a, "abcde");
    for (int i = 0; i < COUNT; i++) {
        MUST(finish(tasks[i]) == 1);
        text[i] = all[i].byte;
    }
    tell_bytes("order", text, COUNT);
}

/* A message each: whole, and in the order in which they came. */
struct message {
    zio_stream_t *stream;
    unsigned char letter;
    bool in_vector;
};
enum { MESSAGE = 300000 };

static zio_err_t send_message(void *ud) {
    const struct message *message = ud;
    unsigned char *const bytes = malloc(MESSAGE);
    MUST(bytes != NULL);
    memset(bytes, message->letter, MESSAGE);
    const zio_cbuf_t pieces[] = {{bytes, 1000}, {bytes + 1000, MESSAGE - 1000}};
    zio_ssize_t result = 0;
    if (message->in_vector) {
        result = zio_stream_writev(message->stream, pieces, 2, soon());
        result = result == MESSAGE ? 0 : result < 0 ? result : ZIO_EIO;
    } else {
        result = zio_stream_write_all(message->stream, bytes, MESSAGE, NULL, soon());
    }
    free(bytes);
    return (zio_err_t)result;
}

static void writers(struct link *link) {
    struct message all[COUNT];
    zio_task_t *tasks[COUNT];
    unsigned char *const bytes = malloc(MESSAGE);
    char text[COUNT];
    MUST(bytes != NULL);
    for (int i = 0; i < COUNT; i++) {
        all[i] = (struct message){link->a, (unsigned char)('a' + i), i % 2 == 1};
        tasks[i] = start(send_message, &all[i]);
        settle();
    }
    for (int i = 0; i < COUNT; i++) {
        MUST(zio_stream_read_exact(link->b, bytes, MESSAGE, NULL, soon()) == 0);
        text[i] = (char)bytes[0];
        for (size_t k = 0; k < MESSAGE; k++) {
            if (bytes[k] != bytes[0]) text[i] = '?';
        }
    }
    for (int i = 0; i < COUNT; i++) MUST(finish(tasks[i]) == 0);
    tell_bytes("order", text, COUNT);
    free(bytes);
}

/* One that waits for its turn has a deadline of its own, and may be canceled. */
static void leaving_the_queue(struct link *link) {
    struct calling first = {link->b, CALL_READ, 1, ZIO_NEVER, 0};
    struct calling second = {link->b, CALL_READ, 1, zio_after_ms(5), 0};
    struct calling third = {link->b, CALL_READ, 1, ZIO_NEVER, 0};
    struct calling fourth = {link->b, CALL_READ, 1, ZIO_NEVER, 0};
    char byte;
    zio_task_t *one = start(make_call, &first), *two = start(make_call, &second);
    settle();
    zio_task_t *three = start(make_call, &third), *four = start(make_call, &fourth);
    settle();
    tell("immediate", zio_stream_read(link->b, &byte, 1, ZIO_IMMEDIATE));
    tell("past", zio_stream_read(link->b, &byte, 1, PAST));
    tell("late", finish(two));
    tell("canceled", cancel(three));
    send_text(link->a, "x");
    tell("first", finish(one));
    tell_truth("waits", !has_ended(four));
    send_text(link->a, "y");
    tell("fourth", finish(four));
}

/* The two directions do not wait for each other. */
static void both_directions(struct link *link) {
    struct calling reads = {link->a, CALL_READ, 1, ZIO_NEVER, 0};
    zio_task_t *task = start(make_call, &reads);
    settle();
    tell("write", zio_stream_write(link->a, "x", 1, ZIO_IMMEDIATE));
    tell_text("peer", link->b, 1);
    send_text(link->b, "y");
    tell("read", finish(task));
}

const struct test_case order_cases[] = {
    {"order.of_readers", "order=abcde", NULL, readers, ALL, 0},
    {"order.of_writers", "order=abcde", NULL, writers, ALL, 0},
    {"order.leaving_the_queue",
     "immediate=EAGAIN past=ETIMEDOUT late=ETIMEDOUT canceled=ECANCELED first=1 waits=yes fourth=1",
     NULL, leaving_the_queue, ALL, 0},
    {"order.of_two_directions", "write=1 peer=x read=1", NULL, both_directions, ALL, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};
