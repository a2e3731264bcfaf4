/* SPDX-License-Identifier: MIT */
#include "commands.h"

#include <string.h>

#include "keys.h"
#include "server_info.h"
#include "text.h"

#define NO_KEYS 0, 0, 0
#define FIRST_KEY 1, 1, 1
#define EVERY_KEY 1, -1, 1

static void command_ping(struct session *session, const struct argument *arguments, size_t count) {
    if (count > 2) {
        reply_error(&session->reply, "wrong number of arguments for 'ping' command");
    } else if (count == 2) {
        reply_bulk(&session->reply, arguments[1].data, arguments[1].length);
    } else {
        reply_text(&session->reply, "+PONG\r\n");
    }
}

static void command_echo(struct session *session, const struct argument *arguments, size_t count) {
    (void)count;
    reply_bulk(&session->reply, arguments[1].data, arguments[1].length);
}

static void command_quit(struct session *session, const struct argument *arguments, size_t count) {
    (void)arguments;
    (void)count;
    reply_text(&session->reply, "+OK\r\n");
    session->closing = true;
}

/* A browser that was made to talk to this port says so first; nobody means it. */
static void command_refuse(struct session *session, const struct argument *arguments,
                           size_t count) {
    (void)arguments;
    (void)count;
    session->closing = true;
}

/* What is used most stands first: the table is searched from the front. */
const struct command commands[] = {
    {"get", command_get, 2, FIRST_KEY, "readonly fast", "string", "1.0.0", "Get the value of a key",
     NULL},
    {"set", command_set, -3, FIRST_KEY, "write denyoom", "string", "1.0.0",
     "Set the value of a key, and when it expires", NULL},
    {"incr", command_incr, 2, FIRST_KEY, "write denyoom fast", "string", "1.0.0",
     "Add one to the number a key holds", NULL},
    {"mget", command_mget, -2, EVERY_KEY, "readonly fast", "string", "1.0.0",
     "Get the values of several keys", NULL},
    {"mset", command_mset, -3, 1, -1, 2, "write denyoom", "string", "1.0.1", "Set several keys",
     NULL},
    {"ping", command_ping, -1, NO_KEYS, "fast", "connection", "1.0.0",
     "Ask whether the server answers", NULL},
    {"echo", command_echo, 2, NO_KEYS, "fast", "connection", "1.0.0", "Get the argument back",
     NULL},
    {"del", command_del, -2, EVERY_KEY, "write", "generic", "1.0.0", "Delete keys", NULL},
    {"exists", command_exists, -2, EVERY_KEY, "readonly fast", "generic", "1.0.0",
     "Count how many of the keys exist", NULL},
    {"expire", command_expire, -3, FIRST_KEY, "write fast", "generic", "1.0.0",
     "Set in how many seconds a key expires", NULL},
    {"ttl", command_ttl, 2, FIRST_KEY, "readonly fast", "generic", "1.0.0",
     "Get in how many seconds a key expires", NULL},
    {"keys", command_keys, 2, NO_KEYS, "readonly", "generic", "1.0.0",
     "Get all keys that match a pattern", NULL},
    {"dbsize", command_dbsize, 1, NO_KEYS, "readonly fast", "server", "1.0.0", "Count the keys",
     NULL},
    {"flushall", command_flushall, -1, NO_KEYS, "write", "server", "1.0.0", "Remove all keys",
     NULL},
    {"info", command_info, -1, NO_KEYS, "loading stale", "server", "1.0.0",
     "Get what the server says about itself", NULL},
    {"command", command_command, -1, NO_KEYS, "loading stale", "server", "2.8.13",
     "Describe the commands", command_parts},
    {"config", NULL, -2, NO_KEYS, "admin noscript loading stale", "server", "2.0.0",
     "Get and set parameters", config_parts},
    {"quit", command_quit, -1, NO_KEYS, "fast", "connection", "1.0.0", "Close the connection",
     NULL},
    {"post", command_refuse, -1, NO_KEYS, "fast", "connection", "1.0.0",
     "Close the connection of a web client", NULL},
    {"host:", command_refuse, -1, NO_KEYS, "fast", "connection", "1.0.0",
     "Close the connection of a web client", NULL},
    {NULL, NULL, 0, NO_KEYS, NULL, NULL, NULL, NULL, NULL},
};

bool argument_is(const struct argument *argument, const char *text) {
    return same_word(argument->data, argument->length, text);
}

const struct command *command_find(const struct command *list, const struct argument *name) {
    for (const struct command *command = list; command->name != NULL; command++) {
        if (argument_is(name, command->name)) return command;
    }
    return NULL;
}

bool command_takes(const struct command *command, size_t count) {
    return command->arity >= 0 ? count == (size_t)command->arity : count >= (size_t)-command->arity;
}

enum { LONGEST_SHOWN = 128 };

/* The part of an argument that an error shows: at most `limit` bytes, and nothing behind a NUL. */
static int shown(const struct argument *argument, size_t limit) {
    const size_t length = argument->length < limit ? argument->length : limit;
    const char *nul = memchr(argument->data, '\0', length);
    return (int)(nul == NULL ? length : (size_t)(nul - argument->data));
}

static void reply_unknown(struct session *session, const struct argument *arguments, size_t count) {
    char words[2 * LONGEST_SHOWN];
    size_t length = 0;
    for (size_t i = 1; i < count && length < LONGEST_SHOWN; i++) {
        const int bytes = shown(&arguments[i], LONGEST_SHOWN - length);
        words[length++] = '\'';
        memcpy(words + length, arguments[i].data, (size_t)bytes);
        length += (size_t)bytes;
        words[length++] = '\'';
        words[length++] = ' ';
    }
    reply_error(&session->reply, "unknown command '%.*s', with args beginning with: %.*s",
                shown(&arguments[0], LONGEST_SHOWN), arguments[0].data, (int)length, words);
}

void command_run(struct session *session, const struct argument *arguments, size_t count) {
    session->database->commands++;
    const struct command *command = command_find(commands, &arguments[0]);
    if (command == NULL) {
        reply_unknown(session, arguments, count);
        return;
    }
    const struct command *part = NULL;
    if (command->parts != NULL && count > 1) {
        part = command_find(command->parts, &arguments[1]);
        if (part == NULL) {
            char upper[16];
            size_t i = 0;
            for (; command->name[i] != '\0'; i++) upper[i] = (char)(command->name[i] & ~0x20);
            upper[i] = '\0';
            reply_error(&session->reply, "unknown subcommand '%.*s'. Try %s HELP.",
                        shown(&arguments[1], LONGEST_SHOWN), arguments[1].data, upper);
            return;
        }
    }
    if (!command_takes(part != NULL ? part : command, count)) {
        reply_error(&session->reply, "wrong number of arguments for '%s%s%s' command",
                    command->name, part != NULL ? "|" : "", part != NULL ? part->name : "");
        return;
    }
    (part != NULL ? part : command)->run(session, arguments, count);
}

void expirer_notice(struct database *database) {
    const int64_t next_ms = store_next_expiry_ms(&database->store);
    if (next_ms == 0 || database->expirer == NULL) return;
    if (database->expirer_wakes_ms == 0 || next_ms < database->expirer_wakes_ms) {
        database->expirer_wakes_ms = next_ms;
        zio_task_unpark(database->expirer);
    }
}
