/* SPDX-License-Identifier: MIT */
/* What the example servers have in common: the command line, the line that says they are ready, one
 * task for each client, and an orderly end when the system asks for it. */
#ifndef EXAMPLES_SERVER_H
#define EXAMPLES_SERVER_H

#include <stdint.h>

#include "zio.h"

struct server_status {
    const char *backend;
    uint32_t workers;
    zio_addr_t address;
};

/* A number that only one program's command line has. */
struct server_option {
    const char *name; /* "--limit" */
    const char *help; /* what it is */
    uint32_t *value;  /* its default, until the command line says otherwise */
};

struct server_program {
    const char *purpose; /* one line for --help */
    uint16_t default_port;
    /* Serves one client, in a task of its own; the stream is closed when it returns. */
    void (*serve)(zio_stream_t *stream, void *ud);
    /* Runs as a task once the server listens and before it accepts; may be NULL. 0 or an error. */
    zio_err_t (*start)(const struct server_status *status, void *ud);
    void *ud;
    const struct server_option *options; /* the last one without a name; may be NULL */
};

/* The whole program: what main() returns. */
int server_main(int argc, char **argv, const struct server_program *program);

#endif
