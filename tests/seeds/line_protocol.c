/* SPDX-License-Identifier: MIT */
/* Numbered requests, many under way at once, over buffered readers and writers with small buffers;
 * waits are late all the time. Answers come in order, each to its question. The bug: the server
 * looks at the line of a request after it has read on. */
#include "kit.h"

enum { MOST_REQUESTS = 12, MOST_BODY = 120, WINDOW = 4, TRIES = 3 };

struct session {
    zio_stream_t *stream;
    unsigned count, sent, answered;
    uint64_t key;
    bool is_broken;
};

static zio_addr_t address;
static zio_listener_t *listener;
static unsigned late, serving;

static unsigned sum_of(const unsigned char *bytes, size_t size) {
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++) sum = sum * 31 + bytes[i];
    return sum % 100000;
}

/* The next line without its end, at `out`; false: there is none. */
static bool read_line(zio_reader_t *reader, zio_cbuf_t *out) {
    zio_err_t err;
    do {
        err = zio_reader_read_until(reader, '\n', out, some_deadline(500));
        late += err == ZIO_ETIMEDOUT;
    } while (err == ZIO_ETIMEDOUT);
    if (err == ZIO_EEOF) must(out->len == 0 || is_harsh(), "a stream ends after a whole line");
    if (err == ZIO_EEOF || err == ZIO_ECLOSED || err == ZIO_EBADF) return false;
    return went_well(err, "zio_reader_read_until");
}

static bool read_body(zio_reader_t *reader, unsigned char *bytes, size_t size) {
    size_t done = 0;
    zio_err_t err = ZIO_ETIMEDOUT;
    while (err == ZIO_ETIMEDOUT) {
        size_t more = 0;
        err = zio_reader_read_exact(reader, bytes + done, size - done, &more, some_deadline(500));
        done += more;
        late += err == ZIO_ETIMEDOUT;
    }
    return went_well(err, "zio_reader_read_exact");
}

static bool write_bytes(zio_writer_t *writer, const void *bytes, size_t size) {
    size_t done = 0;
    zio_err_t err = ZIO_ETIMEDOUT;
    while (err == ZIO_ETIMEDOUT) {
        size_t more = 0;
        err = zio_writer_write(writer, (const char *)bytes + done, size - done, &more,
                               some_deadline(500));
        done += more;
    }
    return went_well(err, "zio_writer_write");
}

static bool flush(zio_writer_t *writer) {
    zio_err_t err = ZIO_ETIMEDOUT;
    while (err == ZIO_ETIMEDOUT) err = zio_writer_flush(writer, some_deadline(500));
    return went_well(err, "zio_writer_flush");
}

/* ---- the server ---------------------------------------------------------------------------- */

static bool answer_one(zio_reader_t *reader, zio_writer_t *writer) {
    unsigned char bytes[MOST_BODY];
    char text[40] = "";
    unsigned number = 0, size = 0;
    zio_cbuf_t line, rest;
    must(zio_reader_peek(reader, 0, &rest, ZIO_NEVER) == ZIO_OK, "a look at the buffer goes well");
    /* Nothing is held back while it waits for more. */
    if (rest.len == 0 && !flush(writer)) return false;
    if (!read_line(reader, &line)) return false;
    must(line.len < sizeof text, "a line is short");
    memcpy(text, line.base, line.len);
    must(sscanf(text, "%u %u", &number, &size) == 2 && size <= MOST_BODY, "a request is one");
    if (!read_body(reader, bytes, size)) return false;
    if (is_planted) memcpy(text, line.base, line.len);
    number = (unsigned)strtoul(text, NULL, 10);
    snprintf(text, sizeof text, "%u %u\n", number, sum_of(bytes, size));
    return write_bytes(writer, text, strlen(text));
}

static zio_err_t serve(void *ud) {
    zio_stream_t *const stream = ud;
    zio_reader_t *reader;
    zio_writer_t *writer;
    must(zio_reader_create(&reader, stream, 16 + below(100)) == ZIO_OK, "it can be made");
    must(zio_writer_create(&writer, stream, 16 + below(100)) == ZIO_OK, "it can be made");
    while (answer_one(reader, writer)) {
    }
    zio_reader_destroy(reader);
    zio_writer_destroy(writer);
    zio_stream_close(stream);
    serving--;
    return ZIO_OK;
}

static zio_err_t accept_all(void *ud) {
    zio_stream_t *stream;
    (void)ud;
    while (zio_accept(listener, &stream, NULL, ZIO_NEVER) == ZIO_OK) {
        serving++;
        must(zio_spawn(NULL, NULL, serve, stream, NULL) == ZIO_OK, "a task can be spawned");
    }
    return ZIO_OK;
}

/* ---- the client: one task writes, one reads ------------------------------------------------- */

static size_t body_size(const struct session *session, unsigned number) {
    return (size_t)(session->key * (number + 3) % MOST_BODY);
}

static zio_err_t read_answers(void *ud) {
    struct session *const session = ud;
    unsigned char bytes[MOST_BODY];
    zio_reader_t *reader;
    zio_cbuf_t line;
    const zio_err_t err = zio_reader_create(&reader, session->stream, 16 + below(100));
    must(err == ZIO_OK || session->is_broken, "a reader can be made");
    if (err != ZIO_OK) return ZIO_OK;
    while (session->answered < session->count && read_line(reader, &line)) {
        char text[40] = "", right[40];
        const size_t size = body_size(session, session->answered);
        must(line.len < sizeof text, "a line is short");
        memcpy(text, line.base, line.len);
        fill_bytes(bytes, size, session->key + session->answered);
        snprintf(right, sizeof right, "%u %u\n", session->answered, sum_of(bytes, size));
        must(strcmp(text, right) == 0, "answers come in order, each to its question");
        must(session->answered++ < session->sent, "no answer comes before its question");
    }
    if (session->answered < session->count) {
        must(is_harsh(), "every question is answered");
        session->is_broken = true;
    }
    zio_reader_destroy(reader);
    return ZIO_OK;
}

static void write_requests(struct session *session) {
    unsigned char bytes[MOST_BODY];
    zio_writer_t *writer;
    bool goes_on = true;
    must(zio_writer_create(&writer, session->stream, 16 + below(200)) == ZIO_OK, "it can be made");
    while (goes_on && session->sent < session->count && !session->is_broken) {
        char text[40];
        const unsigned number = session->sent;
        const size_t size = body_size(session, number);
        fill_bytes(bytes, size, session->key + number);
        snprintf(text, sizeof text, "%u %u\n", number, (unsigned)size);
        session->sent++;
        goes_on = write_bytes(writer, text, strlen(text)) && write_bytes(writer, bytes, size);
        if (chance(300)) goes_on = goes_on && flush(writer);
        while (goes_on && !session->is_broken && session->sent - session->answered >= WINDOW) {
            goes_on = flush(writer);
            pause_us(400);
        }
    }
    if (goes_on) goes_on = flush(writer);
    if (!goes_on) session->is_broken = true;
    zio_writer_destroy(writer);
}

/* True: all was asked and answered. */
static bool converse(void) {
    struct session session = {.count = 1 + (unsigned)below(MOST_REQUESTS), .key = below(1000000)};
    if (!went_well(zio_connect(&session.stream, &address, NULL, ZIO_NEVER), "zio_connect")) {
        return false;
    }
    zio_task_t *const reader = start(read_answers, &session);
    write_requests(&session);
    const bool is_aborted = session.is_broken;
    if (is_aborted) zio_stream_abort(session.stream);
    finish(reader);
    if (!is_aborted) zio_stream_close(session.stream);
    return session.answered == session.count;
}

static zio_err_t client(void *ud) {
    bool is_done = false;
    (void)ud;
    for (unsigned tries = 0; !is_done && (must_finish() || tries < TRIES); tries++) {
        if (tries > 0) pause_us(1000000);
        is_done = converse();
    }
    return ZIO_OK;
}

static zio_err_t body(void *ud) {
    zio_task_t *clients[2];
    (void)ud;
    address = host(1);
    listener = listen_at(&address, 0);
    zio_task_t *const acceptor = start(accept_all, NULL);
    for (unsigned i = 0; i < 2; i++) clients[i] = start(client, NULL);
    for (unsigned i = 0; i < 2; i++) finish(clients[i]);
    zio_listener_close(listener);
    finish(acceptor);
    while (serving > 0) pause_us(1000000);
    zio_sim_sometimes(late > 10, "many waits are late");
    return ZIO_OK;
}

const struct program line_protocol = {"line_protocol", body, "refuse,lose,reset,cut"};
