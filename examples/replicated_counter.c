/* SPDX-License-Identifier: MIT */
/* A counter on two hosts: a primary that clients add to, and a backup that gets each new value
 * before the client gets its answer. It has a bug, which a simulation finds:
 *
 *   zio-sim run --seeds 1000 -- replicated_counter
 *
 * With --careful it has none. docs/guide/simulation.md goes through it. Everything is in one
 * program, so that one process can be simulated; it runs on a real machine, too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zio.h>

enum { CLIENTS = 3, ADDITIONS = 4 };

struct server {
    const char *host;
    zio_addr_t address;
    zio_listener_t *listener;
    zio_task_t *acceptor;
    long value;
    struct server *backup; /* of the primary */
};
struct connection {
    struct server *server;
    zio_stream_t *stream;
};

static struct server backup = {.host = "127.0.0.2"};
static struct server primary = {.host = "127.0.0.1", .backup = &backup};
static int is_careful;
static long additions_done, additions_unknown;

/* ---- messages: a letter and a number, 16 bytes --------------------------------------------- */

static zio_err_t send_message(zio_stream_t *stream, char what, long number) {
    char text[16] = {0};
    snprintf(text, sizeof text, "%c%ld", what, number);
    return zio_stream_write_all(stream, text, sizeof text, NULL, ZIO_NEVER);
}

static zio_err_t receive_message(zio_stream_t *stream, char *what, long *number) {
    char text[16];
    const zio_err_t err = zio_stream_read_exact(stream, text, sizeof text, NULL, ZIO_NEVER);
    if (err != ZIO_OK) return err;
    text[sizeof text - 1] = '\0';
    *what = text[0];
    *number = strtol(text + 1, NULL, 10);
    return ZIO_OK;
}

/* One question on a connection of its own. */
static zio_err_t ask(const struct server *server, char what, long number, long *answer) {
    zio_stream_t *stream;
    char said;
    zio_err_t err = zio_connect(&stream, &server->address, NULL, ZIO_NEVER);
    if (err != ZIO_OK) return err;
    err = send_message(stream, what, number);
    if (err == ZIO_OK) err = receive_message(stream, &said, answer);
    zio_stream_close(stream);
    return err;
}

/* ---- the servers --------------------------------------------------------------------------- */

/* The bug: while the backup is asked, other tasks run, and one of them may add to the same old
 * value. Whoever is careful has counted before it waits. */
static zio_err_t add(struct server *server, long number, long *answer) {
    const long sum = server->value + number;
    long stored;
    if (is_careful) server->value = sum;
    const zio_err_t err = ask(server->backup, 's', sum, &stored);
    server->value = is_careful ? server->value : sum;
    *answer = sum;
    return err;
}

/* A backup keeps the larger value: what was sent first may arrive last. */
static long store(struct server *server, long value) {
    if (value > server->value) server->value = value;
    return server->value;
}

static zio_err_t serve(void *ud) {
    struct connection *const connection = ud;
    struct server *const server = connection->server;
    char what;
    long number, answer;
    while (receive_message(connection->stream, &what, &number) == ZIO_OK) {
        zio_err_t err = ZIO_OK;
        answer = server->value;
        if (what == 'a') err = add(server, number, &answer);
        if (what == 's') answer = store(server, number);
        if (err != ZIO_OK || send_message(connection->stream, what, answer) != ZIO_OK) break;
    }
    zio_stream_close(connection->stream);
    free(connection);
    return ZIO_OK;
}

static zio_err_t accept_all(void *ud) {
    struct server *const server = ud;
    zio_stream_t *stream;
    while (zio_accept(server->listener, &stream, NULL, ZIO_NEVER) == ZIO_OK) {
        struct connection *const connection = malloc(sizeof *connection);
        if (connection != NULL) *connection = (struct connection){server, stream};
        if (connection == NULL || zio_spawn(NULL, NULL, serve, connection, NULL) != ZIO_OK) {
            zio_stream_close(stream);
            free(connection);
        }
    }
    return ZIO_OK;
}

static zio_err_t begin(struct server *server) {
    zio_err_t err = zio_addr_parse(&server->address, server->host, strlen(server->host), 0);
    if (err == ZIO_OK) err = zio_listen(&server->listener, &server->address, NULL);
    if (err == ZIO_OK) err = zio_listener_addr(server->listener, &server->address);
    if (err == ZIO_OK) err = zio_spawn(NULL, &server->acceptor, accept_all, server, NULL);
    return err;
}

static void end(struct server *server) {
    zio_err_t ignored;
    zio_listener_close(server->listener);
    ignored = zio_task_join(server->acceptor, NULL, ZIO_NEVER);
    (void)ignored;
    zio_task_unref(server->acceptor);
}

/* ---- the clients, and what must hold ------------------------------------------------------- */

static zio_err_t client(void *ud) {
    uint64_t pause_us = zio_sim_is_active() ? zio_sim_random() : 0;
    (void)ud;
    for (int i = 0; i < ADDITIONS; i++) {
        long sum;
        zio_err_t err = zio_sleep_until(zio_after_ns((int64_t)(pause_us % 200000) * 1000));
        if (err != ZIO_OK) return err;
        pause_us = pause_us * 6364136223846793005u + 1442695040888963407u;
        /* Without an answer nobody knows whether it was counted. */
        err = ask(&primary, 'a', 1, &sum);
        additions_done += err == ZIO_OK;
        additions_unknown += err != ZIO_OK;
    }
    return ZIO_OK;
}

static zio_err_t program(void *ud) {
    zio_group_t *clients;
    (void)ud;
    zio_err_t err = begin(&backup);
    if (err == ZIO_OK) err = begin(&primary);
    if (err == ZIO_OK) err = zio_group_create(NULL, &clients, 0);
    if (err != ZIO_OK) return err;
    for (int i = 0; i < CLIENTS && err == ZIO_OK; i++) {
        err = zio_group_spawn(clients, client, NULL, NULL);
    }
    if (err == ZIO_OK) err = zio_group_wait(clients, ZIO_NEVER);
    zio_group_destroy(clients);
    end(&primary);
    end(&backup);
    printf("%ld additions, the primary has %ld, the backup %ld\n", additions_done, primary.value,
           backup.value);
    zio_sim_sometimes(additions_unknown > 0, "an addition gets no answer");
    zio_sim_always(primary.value >= additions_done, "no addition is lost");
    zio_sim_always(primary.value <= additions_done + additions_unknown, "none counts twice");
    zio_sim_always(backup.value >= additions_done, "the backup has what was answered");
    return err;
}

int main(int argc, char **argv) {
    zio_rt_t *rt;
    zio_err_t err;
    is_careful = argc > 1 && strcmp(argv[1], "--careful") == 0;
    err = zio_rt_create(&rt, NULL);
    if (err == ZIO_OK) {
        err = zio_rt_run(rt, program, NULL);
        if (zio_rt_shutdown(rt, ZIO_NEVER) == ZIO_OK) zio_rt_destroy(rt);
    }
    if (err != ZIO_OK) fprintf(stderr, "replicated_counter: %s\n", zio_strerror(err));
    return err != ZIO_OK;
}
