/* SPDX-License-Identifier: MIT */
/* A server on one host that keeps what it counted over a crash, clients on others that ask until
 * they are answered, and hosts that are cut off, crash and come back. Each transfer counts exactly
 * once. The bug: the server does not look whether it has counted a transfer already. */
#include "kit.h"

enum { MOST_CLIENTS = 3, MOST_TRANSFERS = 5, PORT = 7000, TRIES = 25, WAIT_MS = 2000 };

struct transfer {
    uint32_t client, number, amount;
};

struct client {
    uint32_t number;
    uint64_t expected; /* the sum of what was answered */
};

static zio_addr_t server_host, client_hosts[MOST_CLIENTS];
static unsigned client_count, serving;
static bool is_over;
/* What the server has on its disk. */
static uint32_t counted[MOST_CLIENTS];
static uint64_t sum;
static unsigned repeats, crashes, tries_of_all;

/* What calls may end with where a host goes down or falls silent. */
static bool is_bad_luck(zio_err_t err) {
    return err == ZIO_ETIMEDOUT || err == ZIO_ECONNRESET || err == ZIO_ECONNREFUSED ||
           err == ZIO_ENETDOWN || err == ZIO_EEOF || err == ZIO_EPIPE || err == ZIO_ENETTIMEOUT ||
           err == ZIO_EADDRNOTAVAIL || err == ZIO_ENOTCONN || is_weather(err);
}

static bool passed(zio_err_t err, const char *what) {
    char text[120];
    if (err >= 0) return true;
    snprintf(text, sizeof text, "%s gives %s", what, zio_err_name(err));
    must(is_bad_luck(err), text);
    return false;
}

/* ---- the server ---------------------------------------------------------------------------- */

static void count(const struct transfer *transfer) {
    must(transfer->client < client_count, "a transfer is one");
    const uint32_t last = counted[transfer->client];
    must(transfer->number <= last + 1, "no transfer is left out");
    if (transfer->number == last + 1 || is_planted) {
        sum += transfer->amount;
        counted[transfer->client] = transfer->number;
    } else {
        repeats++;
    }
}

static zio_err_t serve(void *ud) {
    zio_stream_t *const stream = ud;
    struct transfer transfer;
    for (;;) {
        const zio_err_t err = zio_stream_read_exact(stream, &transfer, sizeof transfer, NULL,
                                                    zio_after_ms(20 * WAIT_MS));
        if (!passed(err, "a read of the server")) break;
        count(&transfer);
        if (chance(300)) pause_us(3000);
        if (!passed(zio_stream_write_all(stream, &transfer.number, sizeof transfer.number, NULL,
                                         zio_after_ms(20 * WAIT_MS)),
                    "a write of the server")) {
            break;
        }
    }
    zio_stream_close(stream);
    serving--;
    return ZIO_OK;
}

/* Until its host crashes, which an accept that fails tells. */
static void accept_all(zio_listener_t *listener) {
    zio_stream_t *stream;
    zio_err_t err = ZIO_OK;
    while (!is_over && (err == ZIO_OK || err == ZIO_ETIMEDOUT)) {
        err = zio_accept(listener, &stream, NULL, zio_after_ms(1000));
        if (err != ZIO_OK) continue;
        serving++;
        must(zio_spawn(NULL, NULL, serve, stream, NULL) == ZIO_OK, "a task can be spawned");
    }
    must(err == ZIO_OK || err == ZIO_ETIMEDOUT || err == ZIO_EINVAL, "only a crash ends it");
}

static zio_err_t server(void *ud) {
    (void)ud;
    while (!is_over) {
        zio_listener_t *listener;
        const zio_err_t err = zio_listen(&listener, &server_host, NULL);
        if (passed(err, "zio_listen")) {
            accept_all(listener);
            zio_listener_close(listener);
        }
        pause_us(200000);
    }
    return ZIO_OK;
}

/* ---- the clients --------------------------------------------------------------------------- */

static bool try_transfer(const struct transfer *transfer) {
    zio_sock_options_t options;
    zio_stream_t *stream;
    uint32_t answer = 0;
    zio_sock_options_init(&options, sizeof options);
    options.bind_addr = &client_hosts[transfer->client];
    tries_of_all++;
    zio_err_t err = zio_connect(&stream, &server_host, &options, zio_after_ms(WAIT_MS));
    if (!passed(err, "zio_connect")) return false;
    err = zio_stream_write_all(stream, transfer, sizeof *transfer, NULL, zio_after_ms(WAIT_MS));
    if (err == ZIO_OK) {
        err = zio_stream_read_exact(stream, &answer, sizeof answer, NULL, zio_after_ms(WAIT_MS));
    }
    zio_stream_close(stream);
    if (!passed(err, "a question")) return false;
    must(answer == transfer->number, "the answer is to the question");
    must(counted[transfer->client] >= transfer->number, "what is answered was counted");
    return true;
}

static zio_err_t client(void *ud) {
    struct client *const self = ud;
    struct transfer transfer = {.client = self->number};
    for (uint64_t left = 1 + below(MOST_TRANSFERS); left > 0; left--) {
        bool is_done = false;
        transfer.number++;
        transfer.amount = 1 + (uint32_t)below(1000);
        for (unsigned tries = 0; !is_done && (must_finish() || tries < TRIES); tries++) {
            is_done = try_transfer(&transfer);
            if (!is_done) pause_us(1000000);
        }
        if (!is_done) return ZIO_EIO; /* nobody knows whether the last one counts */
        self->expected += transfer.amount;
        pause_us(500000);
    }
    return ZIO_OK;
}

/* ---- what befalls the hosts ---------------------------------------------------------------- */

static zio_err_t chaos(void *ud) {
    (void)ud;
    for (uint64_t left = below(7); left > 0; left--) {
        const zio_addr_t *const one = &client_hosts[below(client_count)];
        const zio_addr_t *const victim = chance(700) ? &server_host : one;
        pause_us(800000);
        if (chance(500)) {
            must(zio_sim_partition(one, &server_host) == ZIO_OK, "a host can be cut off");
            pause_us(3000000);
            must(zio_sim_heal(one, &server_host) == ZIO_OK, "a cut can be healed");
        } else {
            must(zio_sim_crash(victim) == ZIO_OK, "a host can crash");
            crashes++;
            pause_us(3000000);
            must(zio_sim_restart(victim) == ZIO_OK, "a host can come back");
        }
    }
    return ZIO_OK;
}

static zio_err_t body(void *ud) {
    struct client each[MOST_CLIENTS];
    zio_task_t *clients[MOST_CLIENTS];
    uint64_t expected = 0;
    bool is_sure = true;
    (void)ud;
    server_host = host(1);
    server_host.port = PORT;
    client_count = 1 + (unsigned)below(MOST_CLIENTS);
    zio_task_t *const server_task = start(server, NULL);
    for (unsigned i = 0; i < client_count; i++) {
        client_hosts[i] = host(2 + i);
        each[i] = (struct client){i, 0};
        clients[i] = start(client, &each[i]);
    }
    zio_task_t *const chaos_task = start(chaos, NULL);
    for (unsigned i = 0; i < client_count; i++) {
        is_sure &= finish(clients[i]) == ZIO_OK;
        expected += each[i].expected;
    }
    must(is_sure || !must_finish(), "every transfer is answered some day");
    finish(chaos_task);
    is_over = true;
    finish(server_task);
    while (serving > 0) pause_us(5000000);
    if (is_sure) {
        must(sum == expected, "each transfer counts exactly once");
    } else {
        must(sum >= expected, "what was answered counts");
    }
    zio_sim_sometimes(repeats > 0, "a transfer comes twice");
    zio_sim_sometimes(crashes > 1, "hosts crash");
    zio_sim_sometimes(tries_of_all > 15, "it takes many tries");
    return ZIO_OK;
}

const struct program exactly_once = {"exactly_once", body,
                                     "refuse,lose,reset,cut,descriptors,memory"};
