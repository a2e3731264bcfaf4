/* SPDX-License-Identifier: MIT */
/* What the server can do: a table of commands, and the state they work on. */
#ifndef KV_COMMANDS_H
#define KV_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reply.h"
#include "request.h"
#include "store.h"

/* One per server; all but `store.lock` is guarded by that lock. */
struct database {
    struct store store;
    zio_task_t *expirer; /* sleeps until `expirer_wakes_ms`, 0: for ever */
    int64_t expirer_wakes_ms;
    int64_t started_ms;
    const char *backend;
    uint16_t port;
    uint64_t clients, connections, commands, hits, misses;
};

/* One per client. */
struct session {
    struct database *database;
    struct reply reply;
    bool closing; /* after what has been replied */
};

typedef void (*command_fn)(struct session *session, const struct argument *arguments, size_t count);

struct command {
    const char *name;
    command_fn run;
    int arity; /* words, the name included; negative: at least that many */
    int first_key, last_key, key_step;
    const char *flags; /* words, as COMMAND gives them */
    const char *group, *since, *summary;
    const struct command *parts; /* subcommands, the last one without a name; may be NULL */
};

extern const struct command commands[]; /* the last one has no name */

const struct command *command_find(const struct command *list, const struct argument *name);
bool command_takes(const struct command *command, size_t count);
/* Runs one request, with the store locked. */
void command_run(struct session *session, const struct argument *arguments, size_t count);

/* `text` (lower case) is what the argument says, whatever its case. */
bool argument_is(const struct argument *argument, const char *text);
/* Tells the expirer when a key now expires earlier than it would wake. */
void expirer_notice(struct database *database);

#endif
