/* SPDX-License-Identifier: MIT */
/* Much at once: megabytes through small buffers, both ways, and many streams. */
#define _DEFAULT_SOURCE

#include <stdlib.h>
#include <string.h>

#include "suite.h"

enum { PIECE_MOST = 100000 };

/* One direction: numbered bytes in pieces of changing size. */
struct flow {
    zio_stream_t *from;
    zio_stream_t *to;
    uint64_t size;
    size_t piece; /* of the sender; the reader's are odd */
    bool is_wrong;
};

static zio_err_t send_flow(void *ud) {
    const struct flow *flow = ud;
    unsigned char *const bytes = malloc(PIECE_MOST);
    zio_err_t error = 0;
    MUST(bytes != NULL && flow->piece <= PIECE_MOST);
    for (uint64_t at = 0; at < flow->size && error == 0;) {
        const uint64_t left = flow->size - at;
        const size_t size = left < flow->piece ? (size_t)left : flow->piece;
        fill_bytes(bytes, size, at);
        error = zio_stream_write_all(flow->from, bytes, size, NULL, soon());
        at += size;
    }
    free(bytes);
    return error != 0 ? error : zio_stream_shutdown(flow->from, soon());
}

static zio_err_t receive_flow(void *ud) {
    struct flow *flow = ud;
    unsigned char *const bytes = malloc(PIECE_MOST);
    zio_ssize_t got = 1;
    uint64_t at = 0;
    MUST(bytes != NULL);
    for (uint64_t turn = 0; got > 0; turn++) {
        const size_t size = 1 + (size_t)(turn * 7919 % (turn % 3 == 0 ? 61 : PIECE_MOST - 1));
        got = zio_stream_read(flow->to, bytes, size, soon());
        if (got > 0 && !are_bytes(bytes, (size_t)got, at)) flow->is_wrong = true;
        if (got > 0) at += (uint64_t)got;
    }
    free(bytes);
    if (at != flow->size) flow->is_wrong = true;
    return (zio_err_t)got;
}

static void megabytes(struct link *link) {
    struct flow there = {link->a, link->b, 5 << 20, 70001, false};
    struct flow back = {link->b, link->a, 3 << 20, 333, false};
    zio_task_t *tasks[] = {start(send_flow, &there), start(receive_flow, &there),
                           start(send_flow, &back), start(receive_flow, &back)};
    for (int i = 0; i < 4; i++) tell("task", finish(tasks[i]));
    tell_truth("same", !there.is_wrong && !back.is_wrong);
}

static void small_buffers(struct link *link) {
    struct flow there = {link->a, link->b, 400000, 12345, false};
    MUST(zio_stream_set_option(link->a, ZIO_OPT_SNDBUF, 4000) == 0);
    MUST(zio_stream_set_option(link->b, ZIO_OPT_RCVBUF, 20000) == 0);
    zio_task_t *tasks[] = {start(send_flow, &there), start(receive_flow, &there)};
    for (int i = 0; i < 2; i++) tell("task", finish(tasks[i]));
    tell_truth("same", !there.is_wrong);
}

static void single_bytes(struct link *link) {
    struct flow there = {link->a, link->b, 3000, 1, false};
    zio_task_t *tasks[] = {start(send_flow, &there), start(receive_flow, &there)};
    for (int i = 0; i < 2; i++) tell("task", finish(tasks[i]));
    tell_truth("same", !there.is_wrong);
}

static zio_err_t echo(void *ud) {
    zio_stream_t *stream = ud;
    char bytes[64];
    for (;;) {
        const zio_ssize_t got = zio_stream_read(stream, bytes, sizeof bytes, soon());
        if (got <= 0) return (zio_err_t)got;
        const zio_err_t error = zio_stream_write_all(stream, bytes, (size_t)got, NULL, soon());
        if (error != 0) return error;
    }
}

static zio_err_t ask(void *ud) {
    char sent[100], got[100];
    for (int i = 0; i < 20; i++) {
        memset(sent, 'a' + i, sizeof sent);
        zio_err_t error = zio_stream_write_all(ud, sent, sizeof sent, NULL, soon());
        if (error == 0) error = zio_stream_read_exact(ud, got, sizeof got, NULL, soon());
        if (error != 0) return error;
        if (memcmp(sent, got, sizeof got) != 0) return ZIO_EIO;
    }
    return zio_stream_shutdown(ud, soon());
}

static void many_streams(struct link *link) {
    enum { COUNT = 50 };
    struct link links[COUNT];
    zio_task_t *servers[COUNT], *clients[COUNT];
    int good = 0;
    for (int i = 0; i < COUNT; i++) {
        make_link(&links[i], link->kind);
        servers[i] = start(echo, links[i].b);
        clients[i] = start(ask, links[i].a);
    }
    for (int i = 0; i < COUNT; i++) {
        const zio_err_t asked = finish(clients[i]), echoed = finish(servers[i]);
        good += asked == 0 && echoed == 0;
        close_link(&links[i]);
    }
    tell("good", good);
}

const struct test_case transfer_cases[] = {
    {"transfer.megabytes_both_ways", "task=0 task=0 task=0 task=0 same=yes", NULL, megabytes, ALL,
     0},
    {"transfer.through_small_buffers", "task=0 task=0 same=yes", NULL, small_buffers, ALL, 0},
    {"transfer.byte_by_byte", "task=0 task=0 same=yes", NULL, single_bytes, ALL, 0},
    {"transfer.on_many_streams", "good=50", NULL, many_streams, ALL, 0},
    {NULL, NULL, NULL, NULL, 0, 0},
};
