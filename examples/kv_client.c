/* SPDX-License-Identifier: MIT */
/* Clients of a server that speaks the Redis protocol, each a task with a connection and keys of its
 * own. They set, read, count and delete by chance, several commands in one message, and compare
 * each answer with what it must be. kv_client ADDR:PORT [CLIENTS [ROUNDS]] Who loses a connection
 * makes another and goes on with new keys, as nobody knows what became of what was under way.
 * Prints a line; status 1 when an answer was wrong, or a client could not go on. With a server in
 * one simulated world: zio-sim run -- kv_server --port 6379 -- kv_client 127.0.0.1:6379 */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zio.h"
#include "zio/sim.h"

enum { KEYS = 4, MOST_COMMANDS = 8, VALUE_ROOM = 3000, ROUND_MS = 60000, MOST_CONNECTIONS = 200 };

enum verb { VERB_SET, VERB_GET, VERB_DEL, VERB_INCR, VERB_COUNT };
struct command {
    enum verb verb;
    unsigned key;
    char argument[VALUE_ROOM];
};

struct client {
    zio_task_t *task;
    zio_stream_t *stream;
    zio_reader_t *reader;
    char values[KEYS][VALUE_ROOM]; /* what each key holds; "": there is none */
    struct command commands[MOST_COMMANDS];
    char answer[VALUE_ROOM];
    uint64_t random;
    uint32_t number, connections;
};

static zio_addr_t server;
static unsigned long client_count = 10, round_count = 30;
static unsigned long answer_count, connection_count;

/* From the seed where the world is simulated. */
static unsigned below(struct client *client, unsigned count) {
    if (zio_sim_is_active()) return (unsigned)(zio_sim_random() % count);
    client->random = client->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(client->random >> 33) % count;
}

/* --- what is said --------------------------------------------------------------------------- */

static zio_err_t say(struct client *client, zio_deadline_t limit, const char *format, ...) {
    char text[VALUE_ROOM + 200];
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return zio_stream_write_all(client->stream, text, (size_t)size, NULL, limit);
}

static zio_err_t ask(struct client *client, const struct command *command, zio_deadline_t limit) {
    static const char *const words[] = {"SET", "GET", "DEL", "INCR"};
    char key[40];
    const size_t key_size = (size_t)snprintf(key, sizeof key, "client-%" PRIu32 "-%" PRIu32 "-%u",
                                             client->number, client->connections, command->key);
    const char *const word = words[command->verb];
    if (command->verb != VERB_SET) {
        return say(client, limit, "*2\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(word), word,
                   key_size, key);
    }
    return say(client, limit, "*3\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(word),
               word, key_size, key, strlen(command->argument), command->argument);
}

/* One answer, as a text: nothing is "". */
static zio_err_t hear(struct client *client, zio_deadline_t limit) {
    zio_cbuf_t line;
    zio_err_t error = zio_reader_read_until(client->reader, '\n', &line, limit);
    if (error != 0) return error;
    const char *const text = line.base;
    if (line.len < 3 || line.len > VALUE_ROOM || text[line.len - 2] != '\r') return ZIO_EPROTO;
    const char kind = text[0];
    memcpy(client->answer, text + 1, line.len - 3);
    client->answer[line.len - 3] = '\0';
    if (kind != '$') return kind == '+' || kind == ':' ? 0 : ZIO_EPROTO;
    const long length = strtol(client->answer, NULL, 10);
    client->answer[0] = '\0';
    if (length < 0) return 0;
    if (length > VALUE_ROOM - 2) return ZIO_EPROTO;
    error = zio_reader_read_exact(client->reader, client->answer, (size_t)length + 2, NULL, limit);
    client->answer[length] = '\0';
    return error;
}

/* --- what must be true ---------------------------------------------------------------------- */

/* What a command makes of a value, and the answer to it. */
static void apply(const struct command *command, char *value, char *answer) {
    switch (command->verb) {
        case VERB_SET:
            strcpy(value, command->argument);
            strcpy(answer, "OK");
            break;
        case VERB_GET:
            strcpy(answer, value);
            break;
        case VERB_DEL:
            strcpy(answer, value[0] != '\0' ? "1" : "0");
            value[0] = '\0';
            break;
        default:
            snprintf(value, VALUE_ROOM, "%lld", strtoll(value, NULL, 10) + 1);
            strcpy(answer, value);
    }
}

static zio_err_t judge(struct client *client, const struct command *command) {
    static char expected[VALUE_ROOM]; /* no other task runs while it is used */
    apply(command, client->values[command->key], expected);
    answer_count++;
    if (strcmp(client->answer, expected) == 0) return 0;
    fprintf(stderr, "client %" PRIu32 ": '%s' where '%s' is right\n", client->number,
            client->answer, expected);
    return ZIO_EPROTO;
}

/* --- a client ------------------------------------------------------------------------------- */

static void choose(struct client *client, struct command *command) {
    command->verb = (enum verb)below(client, VERB_COUNT);
    command->key = below(client, KEYS);
    if (command->verb == VERB_INCR) command->key = 0; /* the one that holds numbers */
    if (command->verb != VERB_SET) return;
    if (command->key == 0) {
        snprintf(command->argument, sizeof command->argument, "%u", below(client, 1000));
        return;
    }
    const unsigned size = 1 + below(client, below(client, 4) == 0 ? VALUE_ROOM - 100 : 20);
    for (unsigned i = 0; i < size; i++) command->argument[i] = (char)('a' + (size + i) % 26);
    command->argument[size] = '\0';
}

/* Some commands in one go, and their answers. */
static zio_err_t talk(struct client *client) {
    const zio_deadline_t limit = zio_after_ms(ROUND_MS);
    const unsigned count = 1 + below(client, MOST_COMMANDS);
    zio_err_t error = 0;
    for (unsigned i = 0; i < count; i++) choose(client, &client->commands[i]);
    for (unsigned i = 0; i < count && error == 0; i++) {
        error = ask(client, &client->commands[i], limit);
    }
    for (unsigned i = 0; i < count && error == 0; i++) {
        error = hear(client, limit);
        if (error == 0) error = judge(client, &client->commands[i]);
    }
    return error;
}

static void disconnect(struct client *client) {
    if (client->reader != NULL) (void)zio_reader_destroy(client->reader);
    if (client->stream != NULL) zio_stream_close(client->stream);
    client->reader = NULL;
    client->stream = NULL;
}

static zio_err_t connect_again(struct client *client) {
    zio_err_t error;
    do {
        if (client->connections++ == MOST_CONNECTIONS) return ZIO_ECONNREFUSED;
        disconnect(client);
        error = zio_connect(&client->stream, &server, NULL, zio_after_ms(ROUND_MS));
        if (error == 0) error = zio_reader_create(&client->reader, client->stream, 0);
        if (error != 0) (void)zio_sleep_until(zio_after_ms(20));
    } while (error != 0);
    memset(client->values, 0, sizeof client->values);
    connection_count++;
    return 0;
}

static zio_err_t ZIO_CALL run_client(void *ud) {
    struct client *const client = ud;
    zio_err_t error = connect_again(client);
    for (unsigned long round = 0; round < round_count && error == 0; round++) {
        error = talk(client);
        if (error != 0 && error != ZIO_EPROTO) error = connect_again(client);
    }
    disconnect(client);
    if (error != 0) {
        fprintf(stderr, "client %" PRIu32 ": %s\n", client->number, zio_strerror(error));
    }
    zio_sim_always(error != ZIO_EPROTO, "each answer is right");
    return error;
}

/* --- all of them ---------------------------------------------------------------------------- */

static zio_err_t ZIO_CALL run_clients(void *ud) {
    struct client *const clients = ud;
    zio_err_t result = 0;
    for (uint32_t i = 0; i < client_count; i++) {
        clients[i].number = i;
        clients[i].random = i;
        const zio_err_t error = zio_spawn(NULL, &clients[i].task, run_client, &clients[i], NULL);
        if (error != 0) return error; /* ends the program, and with it the clients */
    }
    for (uint32_t i = 0; i < client_count; i++) {
        zio_err_t end = 0;
        const zio_err_t error = zio_task_join(clients[i].task, &end, ZIO_NEVER);
        if (result == 0) result = error != 0 ? error : end;
        zio_task_unref(clients[i].task);
    }
    zio_sim_sometimes(connection_count > client_count, "a client lost its connection");
    printf("clients=%lu rounds=%lu answers=%lu connections=%lu\n", client_count, round_count,
           answer_count, connection_count);
    return result;
}

static bool take_count(const char *text, unsigned long *count) {
    char *end;
    *count = strtoul(text, &end, 10);
    return *end == '\0' && *count > 0 && *count <= 100000;
}

static int complain(const char *what, zio_err_t error) {
    const char *const detail = zio_last_error_detail();
    fprintf(stderr, "%s: %s%s%s\n", what, zio_strerror(error), detail[0] != '\0' ? ": " : "",
            detail);
    return EXIT_FAILURE;
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 4 || (argc > 2 && !take_count(argv[2], &client_count)) ||
        (argc > 3 && !take_count(argv[3], &round_count))) {
        fprintf(stderr, "usage: %s ADDR:PORT [CLIENTS [ROUNDS]]\n", argv[0]);
        return 2;
    }
    zio_err_t error = zio_addr_parse(&server, argv[1], (size_t)-1, 0);
    if (error != 0) return complain(argv[1], error);
    struct client *const clients = calloc(client_count, sizeof *clients);
    if (clients == NULL) return complain("clients", ZIO_ENOMEM);
    zio_rt_t *runtime;
    error = zio_rt_create(&runtime, NULL);
    if (error != 0) return complain("zio_rt_create", error);
    error = zio_rt_run(runtime, run_clients, clients);
    const zio_err_t stopped = zio_rt_shutdown(runtime, zio_after_ms(ROUND_MS));
    const zio_err_t destroyed = zio_rt_destroy(runtime);
    free(clients);
    if (error != 0) return complain("clients", error);
    if (stopped != 0 || destroyed != 0)
        return complain("the end", stopped != 0 ? stopped : destroyed);
    return EXIT_SUCCESS;
}
