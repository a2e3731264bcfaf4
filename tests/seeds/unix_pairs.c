/* SPDX-License-Identifier: MIT */
/* Questions over Unix sockets and pairs that end with the end of the stream: the other side looks
 * first, reads to the end and answers over the half that is open. The bug: it takes what the first
 * read gives for everything. */
#include "kit.h"

enum { MOST_CLIENTS = 4, MOST_BYTES = 1500 };

static zio_addr_t address;
static zio_listener_t *listener;
static unsigned answered, pieces, looks;

static uint64_t sum_of(const unsigned char *bytes, size_t size, uint64_t sum) {
    for (size_t i = 0; i < size; i++) sum = sum * 1099511628211u + bytes[i];
    return sum;
}

/* What is there stays there. */
static void look_twice(zio_stream_t *stream) {
    unsigned char once[64], again[64];
    const zio_ssize_t first = zio_stream_peek(stream, once, 1 + below(sizeof once), ZIO_NEVER);
    must(first >= 0, "a peek goes well");
    const zio_ssize_t second = zio_stream_peek(stream, again, sizeof again, ZIO_NEVER);
    must((first == 0) == (second == 0), "the end stays the end");
    const size_t both = (size_t)(first < second ? first : second);
    must(memcmp(once, again, both) == 0, "what was looked at is still there");
    looks++;
}

static zio_err_t answer(void *ud) {
    zio_stream_t *const stream = ud;
    unsigned char bytes[300];
    uint64_t sum = 0;
    zio_ssize_t got = 1;
    while (got > 0) {
        if (chance(300)) look_twice(stream);
        got = zio_stream_read(stream, bytes, 1 + below(sizeof bytes), ZIO_NEVER);
        must(got >= 0, "a read goes well");
        sum = sum_of(bytes, (size_t)got, sum);
        pieces++;
        if (is_planted) break;
    }
    if (!is_planted) {
        must(zio_stream_read(stream, bytes, 1, ZIO_NEVER) == 0, "the end stays the end");
    }
    /* The other side may have gone, but only where it was canceled. */
    const zio_err_t err = zio_stream_write_all(stream, &sum, sizeof sum, NULL, ZIO_NEVER);
    must(err == ZIO_OK || err == ZIO_EPIPE || err == ZIO_ECONNRESET, "the answer can be written");
    zio_stream_close(stream);
    return ZIO_OK;
}

static zio_err_t accept_all(void *ud) {
    zio_stream_t *stream;
    (void)ud;
    while (zio_accept(listener, &stream, NULL, ZIO_NEVER) == ZIO_OK) {
        must(zio_spawn(NULL, NULL, answer, stream, NULL) == ZIO_OK, "a task can be spawned");
    }
    return ZIO_OK;
}

static zio_stream_t *reach_answerer(void) {
    zio_stream_t *stream;
    if (chance(500)) {
        const struct link link = make_pair();
        must(zio_spawn(NULL, NULL, answer, link.b, NULL) == ZIO_OK, "a task can be spawned");
        return link.a;
    }
    while (!went_well(zio_connect(&stream, &address, NULL, ZIO_NEVER), "zio_connect")) {
    }
    return stream;
}

static void ask(void) {
    unsigned char bytes[MOST_BYTES];
    uint64_t sum = 0;
    const uint64_t key = below(10000);
    const size_t size = (size_t)below(MOST_BYTES);
    size_t done = 0;
    zio_stream_t *const stream = reach_answerer();
    fill_bytes(bytes, size, key);
    while (done < size) {
        const size_t piece = 1 + (size_t)below(size - done);
        const zio_err_t err = zio_stream_write_all(stream, bytes + done, piece, NULL, ZIO_NEVER);
        must(err == ZIO_OK, "the other side reads to the end");
        done += piece;
        if (chance(300)) pause_us(300);
    }
    must(zio_stream_shutdown(stream, ZIO_NEVER) == ZIO_OK, "a half can be closed");
    must(zio_stream_write_all(stream, bytes, 1, NULL, ZIO_NEVER) == ZIO_EPIPE,
         "nothing can be written after it");
    must(zio_stream_read_exact(stream, &sum, sizeof sum, NULL, ZIO_NEVER) == ZIO_OK,
         "the other half is open");
    must(sum == sum_of(bytes, size, 0), "the answer is about all that was sent");
    must(zio_stream_read(stream, bytes, 1, ZIO_NEVER) == 0, "then the stream ends");
    zio_stream_close(stream);
    answered++;
}

/* It goes in the midst of it all; who answers must bear it. */
static void ask_and_go(void) {
    unsigned char bytes[100] = {0};
    zio_stream_t *const stream = reach_answerer();
    const zio_err_t err = zio_stream_write_all(stream, bytes, sizeof bytes, NULL, ZIO_NEVER);
    must(err == ZIO_OK || is_planted, "there is room for little");
    zio_stream_close(stream);
}

static zio_err_t client(void *ud) {
    (void)ud;
    for (unsigned i = 0; i < 3; i++) {
        ask();
        if (chance(200)) ask_and_go();
    }
    return ZIO_OK;
}

static zio_err_t body(void *ud) {
    zio_task_t *clients[MOST_CLIENTS];
    const unsigned count = 1 + (unsigned)below(MOST_CLIENTS);
    zio_rt_stats_t stats;
    (void)ud;
    must(zio_addr_parse(&address, "unix:@pairs", (size_t)-1, 0) == ZIO_OK, "a name is one");
    listener = listen_at(&address, (uint32_t)below(3));
    zio_task_t *const acceptor = start(accept_all, NULL);
    for (unsigned i = 0; i < count; i++) clients[i] = start(client, NULL);
    for (unsigned i = 0; i < count; i++) finish(clients[i]);
    must(answered == 3 * count, "every question is answered");
    zio_rt_stats_init(&stats, sizeof stats);
    /* Main and the acceptor are left when all answerers are done. */
    do {
        pause_us(1000);
        must(zio_rt_stats(zio_rt_current(), &stats) == ZIO_OK, "there are statistics");
    } while (stats.tasks_live > 2);
    zio_listener_close(listener);
    finish(acceptor);
    zio_sim_sometimes(pieces > 20, "a question comes in pieces");
    zio_sim_sometimes(looks > 3, "somebody looks first");
    return ZIO_OK;
}

const struct program unix_pairs = {"unix_pairs", body, "descriptors,memory"};
