/* SPDX-License-Identifier: MIT */
/* A room in which everybody hears everybody: a server with a queue for each, slow readers whose
 * queue runs over and who are thrown out. Who stays hears each line whole, and of each speaker
 * every line in order. The bug: the server writes a line in two pieces, from the task of whoever
 * spoke. */
#include "kit.h"

enum { MOST_CLIENTS = 4, LINES = 6, QUEUE = 5, BODY = 20 };

struct line {
    uint32_t speaker, number;
    unsigned char body[BODY];
};
struct member {
    zio_stream_t *stream;
    zio_task_t *writer; /* NULL: it has ended */
    struct line queue[QUEUE];
    unsigned first, count;
    bool is_out, has_said_all;
};

static zio_addr_t address;
static zio_listener_t *listener;
static struct member members[MOST_CLIENTS];
static unsigned client_count, joined, thrown_out, serving, whole;

/* ---- the server ---------------------------------------------------------------------------- */

static void throw_out(struct member *member) {
    if (member->is_out) return;
    member->is_out = true;
    zio_stream_abort(member->stream);
    if (member->writer != NULL) zio_task_unpark(member->writer);
}

static void say_to(struct member *member, const struct line *line) {
    if (member->is_out) return;
    if (is_planted) {
        const size_t head = sizeof *line - BODY;
        if (zio_stream_write_all(member->stream, line, head, NULL, ZIO_NEVER) < 0 ||
            zio_stream_write_all(member->stream, line->body, BODY, NULL, ZIO_NEVER) < 0) {
            throw_out(member);
        }
        return;
    }
    if (member->count == QUEUE) {
        thrown_out++;
        throw_out(member);
        return;
    }
    member->queue[(member->first + member->count++) % QUEUE] = *line;
    if (member->writer != NULL) zio_task_unpark(member->writer);
}

static bool all_said(void) {
    for (unsigned i = 0; i < joined; i++) {
        if (!members[i].has_said_all) return false;
    }
    return joined == client_count;
}

/* Until everybody has said all and it has told it. */
static zio_err_t write_lines(void *ud) {
    struct member *const member = ud;
    while (!member->is_out && !(member->count == 0 && all_said())) {
        if (member->count == 0) {
            must(zio_task_park(ZIO_NEVER) == ZIO_OK, "nobody cancels who writes");
            continue;
        }
        const struct line line = member->queue[member->first];
        const zio_err_t err =
            zio_stream_write_all(member->stream, &line, sizeof line, NULL, ZIO_NEVER);
        if (member->is_out) break;
        if (!went_well(err, "a line")) throw_out(member);
        member->first = (member->first + 1) % QUEUE;
        member->count--;
    }
    member->writer = NULL;
    if (!member->is_out) {
        member->is_out = true;
        zio_stream_close(member->stream);
    }
    return ZIO_OK;
}

static void member_has_said_all(struct member *member) {
    member->has_said_all = true;
    for (unsigned i = 0; i < joined && all_said(); i++) {
        if (members[i].writer != NULL) zio_task_unpark(members[i].writer);
    }
}

static zio_err_t read_lines(void *ud) {
    struct member *const member = ud;
    zio_task_t *const writer = start(write_lines, member);
    struct line line;
    zio_err_t err;
    member->writer = writer;
    for (;;) {
        size_t done = 0;
        err = zio_stream_read_exact(member->stream, &line, sizeof line, &done, ZIO_NEVER);
        if (err != ZIO_OK) break;
        must(are_bytes(line.body, BODY, line.speaker * 100 + line.number), "lines come whole");
        for (unsigned i = 0; i < joined; i++) {
            if (&members[i] != member) say_to(&members[i], &line);
        }
    }
    must(err == ZIO_EEOF || err == ZIO_ECLOSED || err == ZIO_EBADF || is_weather(err),
         "a connection ends as it may");
    if (err != ZIO_EEOF) throw_out(member);
    member_has_said_all(member);
    finish(writer);
    serving--;
    return ZIO_OK;
}

static zio_err_t accept_all(void *ud) {
    zio_stream_t *stream;
    (void)ud;
    while (joined < client_count && zio_accept(listener, &stream, NULL, ZIO_NEVER) == ZIO_OK) {
        struct member *const member = &members[joined++];
        member->stream = stream;
        serving++;
        must(zio_spawn(NULL, NULL, read_lines, member, NULL) == ZIO_OK, "a task can be spawned");
    }
    zio_listener_close(listener); /* the room is full */
    return ZIO_OK;
}

/* ---- the clients --------------------------------------------------------------------------- */

struct client {
    uint32_t id;
    zio_stream_t *stream;
};

/* Until the room closes, or it is thrown out. */
static zio_err_t listen_to_all(void *ud) {
    const struct client *const client = ud;
    uint32_t next[MOST_CLIENTS] = {0};
    bool has_heard[MOST_CLIENTS] = {false};
    const bool is_slow = chance(300);
    struct line line;
    size_t done = 0;
    zio_err_t err;
    while ((err = zio_stream_read_exact(client->stream, &line, sizeof line, &done, ZIO_NEVER)) ==
           ZIO_OK) {
        must(line.speaker < client_count && line.speaker != client->id, "a speaker is another");
        must(are_bytes(line.body, BODY, line.speaker * 100 + line.number), "lines come whole");
        must(!has_heard[line.speaker] || line.number == next[line.speaker],
             "of each speaker every line in order");
        has_heard[line.speaker] = true;
        next[line.speaker] = line.number + 1;
        if (is_slow) pause_us(20000);
    }
    must(err == ZIO_EEOF || err == ZIO_ECONNRESET || is_weather(err), "a room closes as it may");
    if (err == ZIO_EEOF && done == 0 && !is_harsh() && thrown_out == 0) {
        for (uint32_t i = 0; i < client_count; i++) {
            must(!has_heard[i] || next[i] == LINES, "who stays hears all to the end");
        }
        whole++;
    }
    return ZIO_OK;
}

static zio_err_t talk(void *ud) {
    struct client self = {*(uint32_t *)ud, NULL};
    while (!went_well(zio_connect(&self.stream, &address, NULL, ZIO_NEVER), "zio_connect")) {
        if (joined == client_count) return ZIO_OK; /* it was in already, and broken off at once */
    }
    zio_task_t *const hearer = start(listen_to_all, &self);
    zio_err_t err = ZIO_OK;
    for (uint32_t i = 0; i < LINES && err == ZIO_OK; i++) {
        struct line line = {self.id, i, {0}};
        fill_bytes(line.body, BODY, self.id * 100 + i);
        err = zio_stream_write_all(self.stream, &line, sizeof line, NULL, ZIO_NEVER);
        pause_us(1000);
    }
    if (err == ZIO_OK) err = zio_stream_shutdown(self.stream, ZIO_NEVER);
    must(err == ZIO_OK || err == ZIO_ECONNRESET || err == ZIO_EPIPE || err == ZIO_ENOTCONN,
         "who is thrown out notices");
    finish(hearer);
    zio_stream_close(self.stream);
    return ZIO_OK;
}

static zio_err_t body(void *ud) {
    uint32_t ids[MOST_CLIENTS];
    zio_task_t *clients[MOST_CLIENTS];
    (void)ud;
    client_count = 2 + (unsigned)below(MOST_CLIENTS - 1);
    address = host(1);
    listener = listen_at(&address, 0);
    zio_task_t *const acceptor = start(accept_all, NULL);
    for (unsigned i = 0; i < client_count; i++) {
        ids[i] = i;
        clients[i] = start(talk, &ids[i]);
    }
    for (unsigned i = 0; i < client_count; i++) finish(clients[i]);
    finish(acceptor);
    while (serving > 0) pause_us(100000);
    zio_sim_sometimes(thrown_out > 0, "somebody is thrown out");
    zio_sim_sometimes(whole == client_count, "everybody hears all");
    return ZIO_OK;
}

const struct program relay_chat = {"relay_chat", body, "refuse,lose,reset,cut,descriptors,memory"};
