/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L

#include "server.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { BACKLOG = 4096, GRACE_MS = 4000, EXIT_USAGE = 2 };

struct options {
    const char *host;
    uint16_t port;
    uint32_t workers;
    uint32_t backend;
};

struct server {
    const struct server_program *program;
    struct options options;
    zio_rt_t *runtime;
    zio_listener_t *listener;
    int signals; /* readable when the system asks the program to end */
};

struct client {
    const struct server_program *program;
    zio_stream_t *stream;
};

/* --- command line --------------------------------------------------------------------------- */

static const struct {
    const char *name;
    uint32_t number;
} backends[] = {
    {"auto", ZIO_BACKEND_AUTO}, {"io_uring", ZIO_BACKEND_IO_URING}, {"epoll", ZIO_BACKEND_EPOLL},
    {"poll", ZIO_BACKEND_POLL}, {"kqueue", ZIO_BACKEND_KQUEUE},     {"iocp", ZIO_BACKEND_IOCP},
    {"uv", ZIO_BACKEND_UV},     {"sim", ZIO_BACKEND_SIM},
};

static void usage(FILE *to, const char *name, const struct server_program *program) {
    fprintf(to, "%s: %s\n", name, program->purpose);
    fprintf(to, "  --port N        port to listen on, 0 = any free one (%u)\n",
            (unsigned)program->default_port);
    fprintf(to, "  --host ADDR     address to listen on (127.0.0.1)\n");
    fprintf(to, "  --workers W     threads that run tasks, 0 = one for each CPU (1)\n");
    fprintf(to, "  --backend NAME  way to the kernel (auto):");
    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++) {
        fprintf(to, " %s", backends[i].name);
    }
    fprintf(to, "\n");
    for (const struct server_option *own = program->options; own != NULL && own->name != NULL;
         own++) {
        fprintf(to, "  %s N  %s (%u)\n", own->name, own->help, (unsigned)*own->value);
    }
}

static bool take_number(const char *text, unsigned long largest, unsigned long *value) {
    char *end;
    if (*text < '0' || *text > '9') return false;
    *value = strtoul(text, &end, 10);
    return *end == '\0' && *value <= largest;
}

static bool take_option(struct options *options, const struct server_option *own, const char *name,
                        const char *value) {
    unsigned long number;
    if (strcmp(name, "--host") == 0) {
        options->host = value;
        return true;
    }
    if (strcmp(name, "--port") == 0 && take_number(value, UINT16_MAX, &number)) {
        options->port = (uint16_t)number;
        return true;
    }
    if (strcmp(name, "--workers") == 0 && take_number(value, 1024, &number)) {
        options->workers = (uint32_t)number;
        return true;
    }
    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++) {
        if (strcmp(name, "--backend") == 0 && strcmp(value, backends[i].name) == 0) {
            options->backend = backends[i].number;
            return true;
        }
    }
    for (; own != NULL && own->name != NULL; own++) {
        if (strcmp(name, own->name) == 0 && take_number(value, UINT32_MAX, &number)) {
            *own->value = (uint32_t)number;
            return true;
        }
    }
    return false;
}

/* Ends the program when it cannot go on. Both `--port 1` and `--port=1` are understood. */
static void take_options(struct options *options, int argc, char **argv,
                         const struct server_program *program) {
    for (int i = 1; i < argc; i++) {
        char name[32] = "";
        const char *const argument = argv[i];
        const char *value = strchr(argument, '=');
        const size_t length = value != NULL ? (size_t)(value - argument) : strlen(argument);
        if (length < sizeof name) memcpy(name, argument, length);
        if (strcmp(name, "--help") == 0) {
            usage(stdout, argv[0], program);
            exit(EXIT_SUCCESS);
        }
        value = value != NULL ? value + 1 : i + 1 < argc ? argv[++i] : "";
        if (!take_option(options, program->options, name, value)) {
            fprintf(stderr, "%s: cannot make sense of '%s'\n", argv[0], argument);
            usage(stderr, argv[0], program);
            exit(EXIT_USAGE);
        }
    }
}

/* --- preparations, before there is a runtime ------------------------------------------------ */

/* The library leaves signals alone. Blocked for all threads that will be made, they wait in a
 * descriptor, and a task reads that like any other. */
static int block_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return -1;
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* Many clients need many descriptors; the usual limit of 1024 is only a default. */
static void allow_many_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int complain(const char *what, zio_err_t error) {
    const char *detail = zio_last_error_detail();
    fprintf(stderr, "%s: %s%s%s\n", what, zio_strerror(error), detail[0] != '\0' ? ": " : "",
            detail);
    return EXIT_FAILURE;
}

/* --- tasks ---------------------------------------------------------------------------------- */

static zio_err_t ZIO_CALL serve_client(void *ud) {
    const struct client *client = ud;
    client->program->serve(client->stream, client->program->ud);
    return 0;
}

static void ZIO_CALL end_client(void *ud) {
    struct client *client = ud;
    (void)zio_stream_close(client->stream);
    free(client);
}

static void start_client(const struct server *server, zio_stream_t *stream) {
    struct client *client = malloc(sizeof *client);
    if (client == NULL) {
        (void)zio_stream_close(stream);
        return;
    }
    client->program = server->program;
    client->stream = stream;
    zio_spawn_options_t options;
    zio_err_t error = zio_spawn_options_init(&options, sizeof options);
    options.name = "client";
    options.ud_free = end_client;
    if (error == 0) error = zio_spawn(NULL, NULL, serve_client, client, &options);
    if (error != 0) {
        (void)complain("cannot serve a client", error);
        end_client(client);
    }
}

static zio_err_t ZIO_CALL accept_clients(void *ud) {
    const struct server *server = ud;
    for (;;) {
        zio_stream_t *stream;
        const zio_err_t error = zio_accept(server->listener, &stream, NULL, ZIO_NEVER);
        if (error == ZIO_ECLOSED || error == ZIO_EBADF || error == ZIO_ECANCELED) return 0;
        if (error != 0) {
            (void)complain("cannot accept", error);
            return error;
        }
        start_client(server, stream);
    }
}

static zio_err_t start_listening(struct server *server) {
    zio_addr_t address;
    zio_sock_options_t options;
    zio_err_t error =
        zio_addr_parse(&address, server->options.host, (size_t)-1, server->options.port);
    if (error == 0) error = zio_sock_options_init(&options, sizeof options);
    if (error != 0) return error;
    options.flags = ZIO_SO_NODELAY; /* accepted streams inherit it */
    options.backlog = BACKLOG;
    return zio_listen(&server->listener, &address, &options);
}

/* Whoever started this program waits for this line; so nothing may hold it back. */
static zio_err_t say_ready(const struct server *server, struct server_status *status) {
    char text[160];
    zio_rt_stats_t stats;
    zio_err_t error = zio_listener_addr(server->listener, &status->address);
    if (error == 0) error = zio_rt_stats_init(&stats, sizeof stats);
    if (error == 0) error = zio_rt_stats(server->runtime, &stats);
    if (error != 0) return error;
    status->backend = zio_rt_backend_name(server->runtime);
    status->workers = stats.workers;
    if (server->program->start != NULL) {
        error = server->program->start(status, server->program->ud);
        if (error != 0) return error;
    }
    const zio_ssize_t length = zio_addr_format(&status->address, text, sizeof text);
    if (length < 0) return (zio_err_t)length;
    printf("listening on %s (backend %s, workers %u)\n", text, status->backend,
           (unsigned)status->workers);
    fflush(stdout);
    return 0;
}

static zio_err_t wait_for_signal(int signals) {
    struct signalfd_siginfo info;
    zio_ssize_t length;
    do {
        const zio_err_t error = zio_fd_wait(signals, ZIO_READABLE, NULL, ZIO_NEVER);
        if (error != 0) return error;
        length = zio_fd_read(signals, &info, sizeof info, ZIO_IMMEDIATE);
    } while (length == ZIO_EAGAIN);
    return length < 0 ? (zio_err_t)length : 0;
}

static zio_err_t ZIO_CALL main_task(void *ud) {
    struct server *server = ud;
    struct server_status status;
    zio_err_t error = start_listening(server);
    if (error == 0) error = say_ready(server, &status);
    if (error == 0) error = zio_spawn(NULL, NULL, accept_clients, server, NULL);
    if (error != 0) {
        (void)complain("cannot listen", error);
    } else {
        error = wait_for_signal(server->signals);
        if (error != 0) (void)complain("cannot wait for signals", error);
    }
    (void)zio_listener_close(server->listener);
    return error;
}

/* --- the program ---------------------------------------------------------------------------- */

/* Every client's next read or write ends with ZIO_ECANCELED, and with it the client's task. */
static int stop(zio_rt_t *runtime) {
    const zio_err_t error = zio_rt_shutdown(runtime, zio_after_ms(GRACE_MS));
    if (error != 0) {
        char tasks[4096];
        (void)complain("cannot stop", error);
        if (zio_rt_dump(runtime, tasks, sizeof tasks) > 0) fputs(tasks, stderr);
        return EXIT_FAILURE;
    }
    return zio_rt_destroy(runtime) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int server_main(int argc, char **argv, const struct server_program *program) {
    struct server server = {program, {"127.0.0.1", 0, 1, ZIO_BACKEND_AUTO}, NULL, NULL, -1};
    server.options.port = program->default_port;
    take_options(&server.options, argc, argv, program);
    allow_many_descriptors();
    server.signals = block_signals();
    if (server.signals < 0) {
        perror("signalfd");
        return EXIT_FAILURE;
    }
    zio_rt_options_t options;
    zio_err_t error = zio_rt_options_init(&options, sizeof options);
    options.backend = server.options.backend;
    options.workers = server.options.workers;
    /* Several workers, and clients on the same machine: they share the processors. */
    if (options.workers > 1) options.flags = ZIO_RT_GIVE_WAY;
    if (error == 0) error = zio_rt_create(&server.runtime, &options);
    if (error != 0) {
        (void)complain("cannot make a runtime", error);
        return EXIT_USAGE;
    }
    error = zio_rt_run(server.runtime, main_task, &server);
    const int status = stop(server.runtime);
    close(server.signals);
    return error != 0 ? EXIT_FAILURE : status;
}
