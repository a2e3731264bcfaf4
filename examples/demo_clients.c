/* SPDX-License-Identifier: MIT */
/* Many clients of an echo server at once, each a task with a connection of its own: it sends a
 * message no other client sends, waits for the answer, compares, and starts again.
 *   demo_clients ADDR:PORT CLIENTS SECONDS
 * Prints one line of name=value; status 1 when any client had a wrong answer or an error. */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "demo/measure.h"
#include "zio.h"

enum { MESSAGE_BYTES = 64, CONNECT_MS = 10000, ANSWER_MS = 10000, SPARE_DESCRIPTORS = 64 };

struct load;

struct client {
    struct load *load;
    zio_task_t *task;
    uint32_t number;
    uint64_t answers;
};

struct load {
    zio_addr_t server;
    struct client *clients;
    uint32_t count;
    uint32_t connecting; /* how many have not tried yet */
    uint32_t failed;
    zio_task_t *starter;
    zio_deadline_t end;
    double seconds;
    struct durations durations;
};

/* --- a client ------------------------------------------------------------------------------- */

static zio_err_t ask(struct client *client, zio_stream_t *stream) {
    char question[MESSAGE_BYTES + 1], answer[MESSAGE_BYTES];
    snprintf(question, sizeof question, "%032" PRIu32 "%032" PRIu64, client->number,
             client->answers);
    const zio_deadline_t limit = zio_after_ms(ANSWER_MS);
    const int64_t began = zio_now();
    zio_err_t error = zio_stream_write_all(stream, question, MESSAGE_BYTES, NULL, limit);
    if (error == 0) error = zio_stream_read_exact(stream, answer, sizeof answer, NULL, limit);
    if (error != 0) return error;
    durations_add(&client->load->durations, (uint64_t)(zio_now() - began));
    client->answers++;
    return memcmp(question, answer, sizeof answer) == 0 ? 0 : ZIO_EIO;
}

static zio_err_t connect_and_wait(struct load *load, zio_stream_t **stream) {
    zio_sock_options_t options;
    zio_err_t error = zio_sock_options_init(&options, sizeof options);
    options.flags = ZIO_SO_NODELAY;
    if (error == 0) error = zio_connect(stream, &load->server, &options, zio_after_ms(CONNECT_MS));
    if (--load->connecting == 0) zio_task_unpark(load->starter);
    const zio_err_t waited = zio_task_park(ZIO_NEVER); /* all start at once */
    return error != 0 ? error : waited;
}

static zio_err_t ZIO_CALL run_client(void *ud) {
    struct client *client = ud;
    struct load *load = client->load;
    zio_stream_t *stream = NULL;
    zio_err_t error = connect_and_wait(load, &stream);
    while (error == 0 && zio_now() < load->end) error = ask(client, stream);
    if (error != 0 && load->failed++ == 0) {
        fprintf(stderr, "client %" PRIu32 ": %s\n", client->number, zio_strerror(error));
    }
    zio_stream_close(stream);
    return error;
}

/* --- all of them ---------------------------------------------------------------------------- */

static zio_err_t start_clients(struct load *load) {
    load->starter = zio_task_self();
    load->connecting = load->count;
    for (uint32_t i = 0; i < load->count; i++) {
        struct client *client = &load->clients[i];
        client->load = load;
        client->number = i;
        const zio_err_t error = zio_spawn(NULL, &client->task, run_client, client, NULL);
        if (error != 0) return error;
    }
    const zio_err_t error = zio_task_park(ZIO_NEVER);
    load->end = zio_after_ns((int64_t)(load->seconds * 1e9));
    for (uint32_t i = 0; i < load->count; i++) zio_task_unpark(load->clients[i].task);
    return error;
}

static void print_line(const struct load *load, double seconds) {
    uint64_t least = UINT64_MAX, most = 0;
    for (uint32_t i = 0; i < load->count; i++) {
        const uint64_t answers = load->clients[i].answers;
        if (answers < least) least = answers;
        if (answers > most) most = answers;
    }
    printf("clients=%" PRIu32 " failed=%" PRIu32 " requests=%" PRIu64
           " per_second=%.0f "
           "p50_ms=%.3f p99_ms=%.3f least=%" PRIu64 " most=%" PRIu64 "\n",
           load->count, load->failed, load->durations.count,
           (double)load->durations.count / seconds, durations_quantile_ms(&load->durations, 0.5),
           durations_quantile_ms(&load->durations, 0.99), least, most);
}

static zio_err_t ZIO_CALL run_load(void *ud) {
    struct load *load = ud;
    zio_err_t error = start_clients(load);
    if (error != 0) return error; /* ends the program, and with it the clients */
    const int64_t began = zio_now();
    for (uint32_t i = 0; i < load->count; i++) {
        zio_task_t *task = load->clients[i].task;
        error = zio_task_join(task, NULL, ZIO_NEVER);
        if (error != 0) return error;
        zio_task_unref(task);
    }
    print_line(load, (double)(zio_now() - began) / 1e9);
    return load->failed == 0 ? 0 : ZIO_EIO;
}

/* As many clients as the system gives descriptors for. */
static uint32_t allowed(uint32_t wanted) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur <= SPARE_DESCRIPTORS) return 1;
    return limit.rlim_cur - SPARE_DESCRIPTORS < wanted
               ? (uint32_t)(limit.rlim_cur - SPARE_DESCRIPTORS)
               : wanted;
}

int main(int argc, char **argv) {
    static struct load load;
    zio_rt_t *runtime;
    load.count = argc == 4 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    load.seconds = argc == 4 ? strtod(argv[3], NULL) : 0;
    if (load.count == 0 || load.seconds <= 0 ||
        zio_addr_parse(&load.server, argv[1], (size_t)-1, 0) != 0) {
        fprintf(stderr, "usage: %s ADDR:PORT CLIENTS SECONDS\n", argv[0]);
        return 2;
    }
    load.count = allowed(load.count);
    load.clients = calloc(load.count, sizeof *load.clients);
    zio_err_t error = load.clients == NULL ? ZIO_ENOMEM : zio_rt_create(&runtime, NULL);
    if (error == 0) error = zio_rt_run(runtime, run_load, &load);
    if (error != 0) fprintf(stderr, "%s: %s\n", argv[0], zio_strerror(error));
    return error == 0 && zio_rt_shutdown(runtime, zio_after_ms(CONNECT_MS)) == 0 &&
                   zio_rt_destroy(runtime) == 0
               ? 0
               : 1;
}
