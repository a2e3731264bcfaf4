/* SPDX-License-Identifier: MIT */
/* Streams and listeners closed, aborted and half closed while several read, write and accept on
 * them. A call under way ends with its result or learns of the close, a later one knows no such
 * handle, and nobody waits for ever. The bug: who was to close is content with the write side. */
#include "kit.h"

enum { ROUNDS = 3, USERS = 5 };

struct round {
    struct link link;
    zio_listener_t *listener;
    zio_addr_t address;
    bool is_a_closed, is_b_closed, is_listener_closed;
    uint64_t bytes_in, bytes_out;
};

static unsigned closed_inside, closed_before;

/* Whether a call told that the handle is gone, as it must be when it says so. */
static bool is_gone(int64_t result, bool is_closed, bool was_closed) {
    if (was_closed) must(result == ZIO_EBADF, "a call after the close knows no such handle");
    if (result != ZIO_ECLOSED && result != ZIO_EBADF) return false;
    must(is_closed, "no handle goes by itself");
    must(result == ZIO_EBADF || !was_closed, "a call under way learns of the close");
    closed_inside += result == ZIO_ECLOSED;
    closed_before += result == ZIO_EBADF;
    return true;
}

/* What a broken connection, or the other side's close, may give. */
static bool is_end(int64_t result) {
    return result == ZIO_ECONNRESET || result == ZIO_EPIPE || result == ZIO_EEOF ||
           is_weather((zio_err_t)result);
}

static zio_err_t read_from_b(void *ud) {
    struct round *const round = ud;
    unsigned char bytes[200];
    for (;;) {
        const bool was_closed = round->is_b_closed;
        size_t done = 0;
        int64_t result;
        if (chance(300)) {
            result = zio_stream_read_exact(round->link.b, bytes, 1 + (size_t)below(sizeof bytes),
                                           &done, ZIO_NEVER);
            round->bytes_in += done;
            if (result == 0) continue;
        } else {
            result = zio_stream_read(round->link.b, bytes, sizeof bytes, ZIO_NEVER);
        }
        if (is_gone(result, round->is_b_closed, was_closed)) break;
        if (result == 0 || is_end(result)) break;
        must(result > 0, "a read ends as it may");
        round->bytes_in += (uint64_t)result;
    }
    return ZIO_OK;
}

static zio_err_t write_to_a(void *ud) {
    struct round *const round = ud;
    static const unsigned char bytes[3000] = {1, 2, 3};
    for (;;) {
        const bool was_closed = round->is_a_closed;
        size_t done = 0;
        const size_t size = 1 + (size_t)below(sizeof bytes);
        const int64_t result = zio_stream_write_all(round->link.a, bytes, size, &done, ZIO_NEVER);
        round->bytes_out += done;
        if (is_gone(result, round->is_a_closed, was_closed)) break;
        if (is_end(result)) break;
        must(result == 0 && done == size, "a write ends as it may");
        pause_us(300);
    }
    return ZIO_OK;
}

static zio_err_t accept_some(void *ud) {
    struct round *const round = ud;
    for (;;) {
        const bool was_closed = round->is_listener_closed;
        zio_stream_t *stream;
        const zio_err_t err = zio_accept(round->listener, &stream, NULL, ZIO_NEVER);
        if (is_gone(err, round->is_listener_closed, was_closed)) break;
        must(err == ZIO_OK, "an accept ends as it may");
        zio_stream_close(stream);
    }
    return ZIO_OK;
}

static zio_err_t connect_some(void *ud) {
    struct round *const round = ud;
    for (uint64_t left = below(4); left > 0; left--) {
        zio_stream_t *stream;
        const zio_err_t err = zio_connect(&stream, &round->address, NULL, ZIO_NEVER);
        const bool is_right =
            err == ZIO_OK || is_weather(err) ||
            (round->is_listener_closed && (err == ZIO_ECONNREFUSED || err == ZIO_ECONNRESET));
        must(is_right, "a connect ends as it may");
        if (err != ZIO_OK) continue;
        pause_us(200);
        zio_stream_close(stream);
    }
    return ZIO_OK;
}

static void close_stream(zio_stream_t *stream, bool *is_closed) {
    if (is_planted && chance(200)) {
        const zio_err_t err = zio_stream_shutdown(stream, ZIO_IMMEDIATE);
        (void)err;
        return;
    }
    *is_closed = true;
    const zio_err_t err = chance(500) ? zio_stream_close(stream) : zio_stream_abort(stream);
    must(err == ZIO_OK, "a stream can be closed");
    must(zio_stream_close(stream) == ZIO_EBADF, "once");
}

static zio_err_t close_all(void *ud) {
    struct round *const round = ud;
    const bool is_b_first = chance(500);
    pause_us(3000);
    if (chance(300)) {
        const zio_err_t err = zio_stream_shutdown(round->link.b, ZIO_NEVER);
        must(err == ZIO_OK || is_weather(err), "a half can be closed");
    }
    if (is_b_first) close_stream(round->link.b, &round->is_b_closed);
    pause_us(1000);
    round->is_listener_closed = true;
    must(zio_listener_close(round->listener) == ZIO_OK, "a listener can be closed");
    close_stream(round->link.a, &round->is_a_closed);
    pause_us(1000);
    if (!is_b_first) close_stream(round->link.b, &round->is_b_closed);
    return ZIO_OK;
}

static zio_err_t body(void *ud) {
    static const zio_task_fn entries[] = {read_from_b, write_to_a, accept_some, connect_some};
    zio_task_t *users[USERS + 4];
    (void)ud;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct round round = {.link = make_link(), .address = host(1)};
        round.listener = listen_at(&round.address, 0);
        for (unsigned u = 0; u < USERS + 4; u++) {
            users[u] = start(u < 4 ? entries[u] : entries[below(4)], &round);
        }
        finish(start(close_all, &round));
        for (unsigned u = 0; u < USERS + 4; u++) finish(users[u]);
        must(round.bytes_in <= round.bytes_out, "no byte comes from nowhere");
    }
    zio_sim_sometimes(closed_inside > 4, "many calls are under way at a close");
    zio_sim_sometimes(closed_before > 1, "some calls come too late");
    return ZIO_OK;
}

const struct program close_races = {"close_races", body,
                                    "refuse,lose,reset,cut,descriptors,memory"};
