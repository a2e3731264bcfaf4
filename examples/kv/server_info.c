/* SPDX-License-Identifier: MIT */
#include "server_info.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

static void reply_word(struct reply *reply, const char *word) {
    reply_bulk(reply, word, strlen(word));
}

/* --- INFO ----------------------------------------------------------------------------------- */

struct info_text {
    char data[4096];
    size_t length;
};

static void add(struct info_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct info_text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const size_t left = sizeof text->data - text->length;
    const int written = vsnprintf(text->data + text->length, left, format, arguments);
    va_end(arguments);
    if (written > 0) text->length += (size_t)written < left ? (size_t)written : left - 1;
}

static uint64_t resident_bytes(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL) return 0;
    if (fscanf(file, "%*u %lu", &pages) != 1) pages = 0;
    fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void info_server(struct info_text *text, const struct database *database) {
    const int64_t up_s = (store_now_ms(&database->store) - database->started_ms) / 1000;
    add(text, "redis_version:7.0.0\r\nredis_mode:standalone\r\nserver_name:kv_server\r\n");
    add(text, "zio_version:%s\r\nmultiplexing_api:%s\r\n", zio_version_string(), database->backend);
    add(text, "process_id:%ld\r\ntcp_port:%u\r\n", (long)getpid(), (unsigned)database->port);
    add(text, "uptime_in_seconds:%" PRId64 "\r\nuptime_in_days:%" PRId64 "\r\n", up_s,
        up_s / 86400);
}

static void info_clients(struct info_text *text, const struct database *database) {
    add(text, "connected_clients:%" PRIu64 "\r\nblocked_clients:0\r\n", database->clients);
}

static void info_memory(struct info_text *text, const struct database *database) {
    (void)database;
    const uint64_t bytes = resident_bytes();
    add(text, "used_memory:%" PRIu64 "\r\nused_memory_rss:%" PRIu64 "\r\nmaxmemory:0\r\n", bytes,
        bytes);
}

static void info_stats(struct info_text *text, const struct database *database) {
    add(text, "total_connections_received:%" PRIu64 "\r\n", database->connections);
    add(text, "total_commands_processed:%" PRIu64 "\r\n", database->commands);
    add(text, "expired_keys:%" PRIu64 "\r\n", database->store.expired_count);
    add(text, "keyspace_hits:%" PRIu64 "\r\nkeyspace_misses:%" PRIu64 "\r\n", database->hits,
        database->misses);
}

static void info_replication(struct info_text *text, const struct database *database) {
    (void)database;
    add(text, "role:master\r\nconnected_slaves:0\r\n");
}

static void info_keyspace(struct info_text *text, const struct database *database) {
    if (database->store.count == 0) return;
    add(text, "db0:keys=%zu,expires=%zu,avg_ttl=0\r\n", database->store.count,
        database->store.expiring_count);
}

static const struct {
    const char *name, *title;
    void (*write)(struct info_text *text, const struct database *database);
} sections[] = {
    {"server", "Server", info_server},
    {"clients", "Clients", info_clients},
    {"memory", "Memory", info_memory},
    {"stats", "Stats", info_stats},
    {"replication", "Replication", info_replication},
    {"keyspace", "Keyspace", info_keyspace},
};

static bool wants_section(const struct argument *arguments, size_t count, const char *name) {
    for (size_t i = 1; i < count; i++) {
        if (argument_is(&arguments[i], name) || argument_is(&arguments[i], "all") ||
            argument_is(&arguments[i], "default") || argument_is(&arguments[i], "everything")) {
            return true;
        }
    }
    return count == 1;
}

void command_info(struct session *session, const struct argument *arguments, size_t count) {
    struct info_text text;
    text.length = 0;
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        if (!wants_section(arguments, count, sections[i].name)) continue;
        add(&text, "%s# %s\r\n", text.length > 0 ? "\r\n" : "", sections[i].title);
        sections[i].write(&text, session->database);
    }
    reply_bulk(&session->reply, text.data, text.length);
}

/* --- COMMAND -------------------------------------------------------------------------------- */

static size_t command_count(void) {
    size_t count = 0;
    while (commands[count].name != NULL) count++;
    return count;
}

static void describe(struct reply *reply, const struct command *command) {
    size_t flags = 1;
    for (const char *p = command->flags; *p != '\0'; p++) flags += *p == ' ';
    reply_array(reply, 10);
    reply_word(reply, command->name);
    reply_integer(reply, command->arity);
    reply_array(reply, flags);
    for (const char *p = command->flags; flags > 0; flags--) {
        const size_t length = strcspn(p, " ");
        reply_bulk(reply, p, length);
        p += length + 1;
    }
    reply_integer(reply, command->first_key);
    reply_integer(reply, command->last_key);
    reply_integer(reply, command->key_step);
    /* Categories, hints, positions of keys, subcommands: nothing is said about them. */
    for (int i = 0; i < 4; i++) reply_array(reply, 0);
}

void command_command(struct session *session, const struct argument *arguments, size_t count) {
    (void)arguments;
    (void)count;
    reply_array(&session->reply, command_count());
    for (const struct command *command = commands; command->name != NULL; command++) {
        describe(&session->reply, command);
    }
}

static void command_count_part(struct session *session, const struct argument *arguments,
                               size_t count) {
    (void)arguments;
    (void)count;
    reply_integer(&session->reply, (int64_t)command_count());
}

static void command_list_part(struct session *session, const struct argument *arguments,
                              size_t count) {
    if (count > 2) {
        (void)arguments;
        reply_error(&session->reply, "syntax error");
        return;
    }
    reply_array(&session->reply, command_count());
    for (const struct command *command = commands; command->name != NULL; command++) {
        reply_word(&session->reply, command->name);
    }
}

static void command_info_part(struct session *session, const struct argument *arguments,
                              size_t count) {
    if (count == 2) {
        command_command(session, arguments, count);
        return;
    }
    reply_array(&session->reply, count - 2);
    for (size_t i = 2; i < count; i++) {
        const struct command *command = command_find(commands, &arguments[i]);
        if (command == NULL) {
            reply_null(&session->reply);
        } else {
            describe(&session->reply, command);
        }
    }
}

static void document(struct reply *reply, const struct command *command) {
    reply_word(reply, command->name);
    reply_array(reply, 6);
    reply_word(reply, "summary");
    reply_word(reply, command->summary);
    reply_word(reply, "since");
    reply_word(reply, command->since);
    reply_word(reply, "group");
    reply_word(reply, command->group);
}

static void command_docs_part(struct session *session, const struct argument *arguments,
                              size_t count) {
    struct reply *reply = &session->reply;
    if (count == 2) {
        reply_array(reply, 2 * command_count());
        for (const struct command *command = commands; command->name != NULL; command++) {
            document(reply, command);
        }
        return;
    }
    size_t known = 0;
    for (size_t i = 2; i < count; i++) known += command_find(commands, &arguments[i]) != NULL;
    reply_array(reply, 2 * known);
    for (size_t i = 2; i < count; i++) {
        const struct command *command = command_find(commands, &arguments[i]);
        if (command != NULL) document(reply, command);
    }
}

static void reply_help(struct reply *reply, const struct command *command,
                       const struct command *parts) {
    size_t count = 1;
    for (const struct command *part = parts; part->name != NULL; part++) count += 2;
    reply_array(reply, count);
    char line[80];
    snprintf(line, sizeof line,
             "%s <subcommand> [<argument> ...]. Subcommands are:", command->name);
    reply_status(reply, line);
    for (const struct command *part = parts; part->name != NULL; part++) {
        reply_status(reply, part->name);
        snprintf(line, sizeof line, "    %s", part->summary);
        reply_status(reply, line);
    }
}

static void command_help_part(struct session *session, const struct argument *arguments,
                              size_t count) {
    (void)count;
    const struct command *command = command_find(commands, &arguments[0]);
    reply_help(&session->reply, command, command->parts);
}

const struct command command_parts[] = {
    {"count", command_count_part, 2, 0, 0, 0, "loading stale", "server", "2.8.13",
     "Count the commands.", NULL},
    {"docs", command_docs_part, -2, 0, 0, 0, "loading stale", "server", "7.0.0",
     "Say in words what commands do.", NULL},
    {"info", command_info_part, -2, 0, 0, 0, "loading stale", "server", "2.8.13",
     "Describe commands.", NULL},
    {"list", command_list_part, -2, 0, 0, 0, "loading stale", "server", "7.0.0",
     "Name the commands.", NULL},
    {"help", command_help_part, 2, 0, 0, 0, "loading stale", "server", "5.0.0", "Give this text.",
     NULL},
    {NULL, NULL, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL},
};

/* --- CONFIG --------------------------------------------------------------------------------- */

/* All of them say what is; none can be changed while the server runs. */
static const struct {
    const char *name, *value; /* NULL: the port */
} parameters[] = {
    {"appendonly", "no"}, {"databases", "1"},
    {"maxmemory", "0"},   {"maxmemory-policy", "noeviction"},
    {"port", NULL},       {"proto-max-bulk-len", "536870912"},
    {"save", ""},         {"timeout", "0"},
};

enum { PARAMETER_COUNT = sizeof parameters / sizeof parameters[0] };

static const char *parameter_value(const struct database *database, size_t i, char *port,
                                   size_t size) {
    if (parameters[i].value != NULL) return parameters[i].value;
    snprintf(port, size, "%u", (unsigned)database->port);
    return port;
}

static void config_get_part(struct session *session, const struct argument *arguments,
                            size_t count) {
    bool wanted[PARAMETER_COUNT];
    size_t found = 0;
    for (size_t i = 0; i < PARAMETER_COUNT; i++) {
        wanted[i] = false;
        for (size_t j = 2; j < count && !wanted[i]; j++) {
            wanted[i] = glob_match(arguments[j].data, arguments[j].length, parameters[i].name,
                                   strlen(parameters[i].name), true);
        }
        found += wanted[i];
    }
    reply_array(&session->reply, 2 * found);
    for (size_t i = 0; i < PARAMETER_COUNT; i++) {
        char port[8];
        if (!wanted[i]) continue;
        reply_word(&session->reply, parameters[i].name);
        reply_word(&session->reply, parameter_value(session->database, i, port, sizeof port));
    }
}

static size_t find_parameter(const struct argument *name) {
    size_t i = 0;
    while (i < PARAMETER_COUNT && !argument_is(name, parameters[i].name)) i++;
    return i;
}

/* Setting what is already so succeeds, so that scripts which make sure of a value go on. */
static void config_set_part(struct session *session, const struct argument *arguments,
                            size_t count) {
    if (count % 2 != 0) {
        reply_error(&session->reply, "syntax error");
        return;
    }
    for (size_t i = 2; i < count; i += 2) {
        if (find_parameter(&arguments[i]) == PARAMETER_COUNT) {
            reply_error(&session->reply,
                        "Unknown option or number of arguments for CONFIG SET - '%.*s'",
                        (int)arguments[i].length, arguments[i].data);
            return;
        }
    }
    for (size_t i = 2; i < count; i += 2) {
        char port[8];
        const size_t parameter = find_parameter(&arguments[i]);
        const char *value = parameter_value(session->database, parameter, port, sizeof port);
        if (strlen(value) != arguments[i + 1].length ||
            memcmp(value, arguments[i + 1].data, arguments[i + 1].length) != 0) {
            reply_error(&session->reply,
                        "CONFIG SET failed (possibly related to argument '%s') - "
                        "can't set immutable config",
                        parameters[parameter].name);
            return;
        }
    }
    reply_text(&session->reply, "+OK\r\n");
}

static void config_resetstat_part(struct session *session, const struct argument *arguments,
                                  size_t count) {
    (void)arguments;
    (void)count;
    struct database *database = session->database;
    database->connections = database->commands = database->hits = database->misses = 0;
    database->store.expired_count = 0;
    reply_text(&session->reply, "+OK\r\n");
}

static void config_rewrite_part(struct session *session, const struct argument *arguments,
                                size_t count) {
    (void)arguments;
    (void)count;
    reply_error(&session->reply, "The server is running without a config file");
}

const struct command config_parts[] = {
    {"get", config_get_part, -3, 0, 0, 0, "admin", "server", "2.0.0",
     "Give the parameters that match patterns.", NULL},
    {"set", config_set_part, -4, 0, 0, 0, "admin", "server", "2.0.0",
     "Make sure that parameters have values.", NULL},
    {"resetstat", config_resetstat_part, 2, 0, 0, 0, "admin", "server", "2.0.0",
     "Set the counters of INFO to zero.", NULL},
    {"rewrite", config_rewrite_part, 2, 0, 0, 0, "admin", "server", "2.8.0",
     "Write the configuration file.", NULL},
    {"help", command_help_part, 2, 0, 0, 0, "admin", "server", "5.0.0", "Give this text.", NULL},
    {NULL, NULL, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL},
};
