/* SPDX-License-Identifier: MIT */
/* An echo server and a crowd of clients, in pieces as they come. Each client gets back what it
 * sent, all of it, in order and nothing else. The bug: the server does not look how much of a piece
 * was written. */
#include "kit.h"

enum { MOST_CLIENTS = 5, MOST_BYTES = 2500, TRIES = 4 };

static zio_addr_t address;
static zio_listener_t *listener;
static unsigned serving, retries;

static bool write_piece(zio_stream_t *stream, const unsigned char *bytes, size_t size) {
    if (is_planted) {
        return went_well(zio_stream_write(stream, bytes, size, ZIO_NEVER), "zio_stream_write");
    }
    return went_well(zio_stream_write_all(stream, bytes, size, NULL, ZIO_NEVER),
                     "zio_stream_write_all");
}

static zio_err_t serve(void *ud) {
    zio_stream_t *const stream = ud;
    unsigned char bytes[700];
    for (;;) {
        const zio_ssize_t got = zio_stream_read(stream, bytes, 1 + below(sizeof bytes), ZIO_NEVER);
        if (!went_well(got, "zio_stream_read") || got == 0) break;
        if (!write_piece(stream, bytes, (size_t)got)) break;
    }
    zio_stream_close(stream);
    serving--;
    return ZIO_OK;
}

static zio_err_t accept_all(void *ud) {
    zio_stream_t *stream;
    zio_err_t err;
    (void)ud;
    while ((err = zio_accept(listener, &stream, NULL, ZIO_NEVER)) == ZIO_OK) {
        serving++;
        must(zio_spawn(NULL, NULL, serve, stream, NULL) == ZIO_OK, "a task can be spawned");
    }
    must(err == ZIO_ECLOSED || err == ZIO_EBADF, "an accept ends with its listener");
    return ZIO_OK;
}

/* Sends in pieces and reads them back now and then. True: all came back. */
static bool converse(zio_stream_t *stream, uint64_t size, uint64_t key) {
    unsigned char bytes[600];
    uint64_t sent = 0, got = 0;
    while (got < size) {
        if (sent < size && chance(600)) {
            uint64_t piece = 1 + below(sizeof bytes);
            if (piece > size - sent) piece = size - sent;
            fill_bytes(bytes, piece, key + sent);
            if (!went_well(zio_stream_write_all(stream, bytes, piece, NULL, ZIO_NEVER),
                           "zio_stream_write_all")) {
                return false;
            }
            sent += piece;
        } else if (got < sent) {
            const zio_ssize_t count =
                zio_stream_read(stream, bytes, 1 + below(sizeof bytes), ZIO_NEVER);
            if (!went_well(count, "zio_stream_read")) return false;
            must(count > 0, "the server does not end the stream first");
            must(are_bytes(bytes, (size_t)count, key + got), "what comes back is what was sent");
            got += (uint64_t)count;
        }
    }
    must(got == sent, "no more comes back than was sent");
    if (!went_well(zio_stream_shutdown(stream, ZIO_NEVER), "zio_stream_shutdown")) return false;
    const zio_ssize_t rest = zio_stream_read(stream, bytes, sizeof bytes, ZIO_NEVER);
    must(rest == 0 || is_weather((zio_err_t)rest), "then the stream ends");
    return true;
}

static zio_err_t client(void *ud) {
    const uint64_t size = 1 + below(MOST_BYTES), key = below(100000);
    zio_stream_t *stream;
    bool is_done = false;
    (void)ud;
    for (unsigned tries = 0; !is_done && (must_finish() || tries < TRIES); tries++) {
        const zio_err_t err = pause_us(tries > 0 ? 1000000 : 1000);
        must(err == ZIO_OK, "nobody cancels a client");
        retries += tries > 0;
        if (!went_well(zio_connect(&stream, &address, NULL, ZIO_NEVER), "zio_connect")) continue;
        is_done = converse(stream, size, key);
        zio_stream_close(stream);
    }
    return ZIO_OK;
}

static zio_err_t body(void *ud) {
    zio_task_t *clients[MOST_CLIENTS], *acceptor;
    const unsigned count = 2 + (unsigned)below(MOST_CLIENTS - 1);
    (void)ud;
    address = host(1);
    listener = listen_at(&address, 0);
    acceptor = start(accept_all, NULL);
    for (unsigned i = 0; i < count; i++) clients[i] = start(client, NULL);
    for (unsigned i = 0; i < count; i++) finish(clients[i]);
    zio_listener_close(listener);
    finish(acceptor);
    while (serving > 0) pause_us(1000000);
    zio_sim_sometimes(retries > 3, "the weather is bad");
    return ZIO_OK;
}

const struct program echo_crowd = {"echo_crowd", body, "refuse,lose,reset,cut,descriptors,memory"};
