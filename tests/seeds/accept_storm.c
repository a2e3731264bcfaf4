/* SPDX-License-Identifier: MIT */
/* Many connect at once to a listener with a short queue, in a system that runs out of descriptors.
 * Nobody accepted is forgotten, none is served twice for one question, every descriptor is closed.
 * The bug: who hangs up without a question is not closed. */
#include "kit.h"

enum { MOST_CLIENTS = 12, ACCEPTORS = 3, TRIES = 5 };

static zio_addr_t address;
static zio_listener_t *listener;
static unsigned asked[MOST_CLIENTS], served[MOST_CLIENTS], answered[MOST_CLIENTS];
static unsigned rude_count;

static void serve(zio_stream_t *stream) {
    unsigned char id;
    const zio_ssize_t got = zio_stream_read(stream, &id, 1, zio_after_ms(20000));
    must(got <= 1, "one byte is asked for");
    if (got == 1) {
        must(id < MOST_CLIENTS, "who asks is known");
        must(++served[id] <= asked[id], "none is served more often than it asked");
        id ^= 0x55;
        went_well(zio_stream_write_all(stream, &id, 1, NULL, ZIO_NEVER), "zio_stream_write_all");
    } else if (got == ZIO_ETIMEDOUT) {
        must(is_harsh(), "who connects asks soon");
    } else {
        went_well(got, "zio_stream_read");
        if (is_planted) return;
    }
    zio_stream_close(stream);
}

static zio_err_t accept_all(void *ud) {
    (void)ud;
    for (;;) {
        zio_addr_t peer;
        zio_stream_t *stream;
        const zio_err_t err = zio_accept(listener, &stream, &peer, some_deadline(5000));
        if (err == ZIO_ECLOSED || err == ZIO_EBADF) return ZIO_OK;
        /* Never that there is no descriptor: it waits for one by itself. */
        must(err == ZIO_OK || err == ZIO_ETIMEDOUT, "zio_accept() survives");
        if (err != ZIO_OK) continue;
        must(peer.family == ZIO_AF_INET && peer.port != 0, "who connected has an address");
        serve(stream);
    }
}

/* True: it got its answer. */
static bool ask(unsigned char id) {
    zio_stream_t *stream;
    unsigned char answer = 0;
    if (!went_well(zio_connect(&stream, &address, NULL, ZIO_NEVER), "zio_connect")) return false;
    asked[id]++;
    bool goes_on = went_well(zio_stream_write_all(stream, &id, 1, NULL, ZIO_NEVER), "a write");
    if (goes_on) {
        const zio_err_t err = zio_stream_read_exact(stream, &answer, 1, NULL, ZIO_NEVER);
        goes_on = went_well(err, "a read");
    }
    if (goes_on) must(answer == (id ^ 0x55), "the answer is to the question");
    zio_stream_close(stream);
    return goes_on;
}

static void hang_up(void) {
    zio_stream_t *stream;
    if (!went_well(zio_connect(&stream, &address, NULL, ZIO_NEVER), "zio_connect")) return;
    rude_count++;
    zio_stream_close(stream);
}

static zio_err_t client(void *ud) {
    const unsigned char id = *(unsigned char *)ud;
    for (unsigned tries = 0; must_finish() || tries < TRIES; tries++) {
        pause_us(tries > 0 ? 1000000 : 500);
        if (chance(150)) hang_up();
        if (!ask(id)) continue;
        answered[id]++;
        break;
    }
    return ZIO_OK;
}

static zio_err_t body(void *ud) {
    unsigned char ids[MOST_CLIENTS];
    zio_task_t *clients[MOST_CLIENTS], *acceptors[ACCEPTORS];
    zio_rt_stats_t stats;
    const unsigned count = 6 + (unsigned)below(MOST_CLIENTS - 5);
    const unsigned acceptor_count = 1 + (unsigned)below(ACCEPTORS);
    (void)ud;
    address = host(1);
    listener = listen_at(&address, (uint32_t)below(6));
    for (unsigned i = 0; i < acceptor_count; i++) acceptors[i] = start(accept_all, NULL);
    for (unsigned i = 0; i < count; i++) {
        ids[i] = (unsigned char)i;
        clients[i] = start(client, &ids[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        finish(clients[i]);
        must(answered[i] <= served[i], "no answer comes from nowhere");
        if (must_finish()) must(answered[i] == 1, "everybody is answered");
    }
    zio_listener_close(listener);
    for (unsigned i = 0; i < acceptor_count; i++) finish(acceptors[i]);
    zio_rt_stats_init(&stats, sizeof stats);
    must(zio_rt_stats(zio_rt_current(), &stats) == ZIO_OK, "there are statistics");
    zio_sim_sometimes(stats.accept_backoffs > 0, "an accept waits for a descriptor");
    zio_sim_sometimes(rude_count > 0, "somebody hangs up");
    return ZIO_OK;
}

const struct program accept_storm = {"accept_storm", body,
                                     "refuse,lose,reset,cut,descriptors,memory"};
