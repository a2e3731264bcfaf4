/* SPDX-License-Identifier: MIT */
/* A stream of numbered bytes whose reads and writes are canceled and late all the time. None is
 * lost, none comes twice: a call that was canceled has moved nothing, or says what it moved. The
 * bug: the writer forgets what a canceled call had written. */
#include "kit.h"

enum { MOST_BYTES = 15000, MOST_PIECE = 2500 };

static struct link link_;
static uint64_t total, sent, received;
static bool is_broken, is_over;
static unsigned canceled, canceled_inside;
static zio_task_t *writer, *reader;

/* What the calls here may end with. True: it goes on. */
static bool goes_on(int64_t result, size_t done, const char *what) {
    if (result == ZIO_ECANCELED) {
        canceled++;
        canceled_inside += done > 0;
    }
    if (result == ZIO_EAGAIN) {
        const zio_err_t err = zio_yield();
        must(err == ZIO_OK || err == ZIO_ECANCELED, "a yield goes well");
    }
    if (result == ZIO_ECANCELED || result == ZIO_ETIMEDOUT || result == ZIO_EAGAIN) return true;
    if (went_well(result, what)) return true;
    is_broken = true;
    return false;
}

static zio_deadline_t any_deadline(void) {
    return chance(100) ? (zio_deadline_t)ZIO_IMMEDIATE : some_deadline(600);
}

static zio_err_t write_all(void *ud) {
    unsigned char bytes[MOST_PIECE];
    (void)ud;
    while (sent < total) {
        size_t size = 1 + (size_t)below(sizeof bytes), done = 0;
        int64_t result;
        if (size > total - sent) size = (size_t)(total - sent);
        const size_t half = size / 2;
        const zio_cbuf_t pieces[2] = {{bytes, half}, {bytes + half, size - half}};
        const zio_deadline_t deadline = any_deadline();
        fill_bytes(bytes, size, sent);
        switch (below(3)) {
            case 0:
                result = zio_stream_write_all(link_.a, bytes, size, &done, deadline);
                break;
            case 1:
                result = zio_stream_write(link_.a, bytes, size, deadline);
                done = result > 0 ? (size_t)result : 0;
                break;
            default:
                result = zio_stream_writev(link_.a, pieces, 2, deadline);
                done = result > 0 ? (size_t)result : 0;
        }
        memset(bytes, 0xee, sizeof bytes); /* nobody looks at them any more */
        must(done <= size, "no more is written than there is");
        if (!is_planted || result != ZIO_ECANCELED) sent += done;
        if (!goes_on(result, done, "a write")) return ZIO_OK;
    }
    zio_err_t err = ZIO_ECANCELED;
    while (err == ZIO_ECANCELED) err = zio_stream_shutdown(link_.a, ZIO_NEVER);
    if (!went_well(err, "zio_stream_shutdown")) is_broken = true;
    return ZIO_OK;
}

/* One read of some kind. 0: the end of the stream. */
static int64_t read_some(unsigned char *bytes, size_t size, size_t *done) {
    const zio_deadline_t deadline = any_deadline();
    const zio_buf_t pieces[2] = {{bytes, size / 3}, {bytes + size / 3, size - size / 3}};
    int64_t result;
    switch (below(4)) {
        case 0:
            result = zio_stream_read_exact(link_.b, bytes, size, done, deadline);
            return result == ZIO_OK ? (int64_t)*done : result;
        case 1:
            result = zio_stream_peek(link_.b, bytes, size, deadline);
            if (result > 0)
                must(are_bytes(bytes, (size_t)result, received), "a peek shows what is next");
            return result > 0 ? ZIO_EAGAIN : result;
        case 2:
            result = zio_stream_readv(link_.b, pieces, 2, deadline);
            break;
        default:
            result = zio_stream_read(link_.b, bytes, size, deadline);
    }
    *done = result > 0 ? (size_t)result : 0;
    return result;
}

static zio_err_t read_all(void *ud) {
    unsigned char bytes[MOST_PIECE];
    (void)ud;
    for (;;) {
        size_t done = 0;
        const int64_t result = read_some(bytes, 1 + (size_t)below(sizeof bytes), &done);
        must(done <= sizeof bytes, "no more is read than there is room");
        must(are_bytes(bytes, done, received), "no byte is lost or comes twice");
        received += done;
        if (result == 0) break;
        if (result == ZIO_EEOF) break;
        if (!goes_on(result, done, "a read")) break;
    }
    return ZIO_OK;
}

static zio_err_t disturb(void *ud) {
    (void)ud;
    for (unsigned left = (unsigned)below(40); left > 0 && !is_over; left--) {
        if (pause_us(2000) != ZIO_OK) break;
        if (!is_over) zio_task_request_cancel(chance(500) ? writer : reader);
    }
    return ZIO_OK;
}

static zio_err_t body(void *ud) {
    zio_task_t *disturber;
    (void)ud;
    link_ = make_link();
    /* Little room, so that writes wait. */
    must(zio_stream_set_option(link_.a, ZIO_OPT_SNDBUF, 256) == ZIO_OK, "a buffer can be small");
    must(zio_stream_set_option(link_.b, ZIO_OPT_RCVBUF, 256) == ZIO_OK, "a buffer can be small");
    total = below(MOST_BYTES);
    writer = start(write_all, NULL);
    reader = start(read_all, NULL);
    disturber = start(disturb, NULL);
    must(zio_task_join(writer, NULL, ZIO_NEVER) == ZIO_OK, "the writer ends");
    const bool is_cut_off = is_broken; /* who reads may wait for what never comes */
    if (is_cut_off) zio_stream_close(link_.a);
    must(zio_task_join(reader, NULL, ZIO_NEVER) == ZIO_OK, "the reader ends");
    is_over = true;
    stop(disturber);
    finish(writer);
    finish(reader);
    if (!is_cut_off) zio_stream_close(link_.a);
    zio_stream_close(link_.b);
    must(received <= total, "no more comes than was sent");
    must(is_broken || received == total, "all comes that was sent");
    zio_sim_sometimes(canceled > 4, "several calls are canceled");
    zio_sim_sometimes(canceled_inside > 0, "a call is canceled after a part of its work");
    zio_sim_sometimes(is_broken, "a connection breaks");
    return ZIO_OK;
}

const struct program numbered_bytes = {"numbered_bytes", body, "reset,cut,descriptors,memory"};
