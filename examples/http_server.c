/* SPDX-License-Identifier: MIT */
/* A web server with three resources: point curl or wrk at it.
 *
 *   GET /           a greeting
 *   GET /bytes/N    N bytes
 *   POST /echo      the body that was sent
 *
 * One task serves one client, from top to bottom, as if it were alone: it waits for a request,
 * answers it, and goes on with the next. It never looks at more than a window on what has come
 * (http/connection), where a request's head is taken apart in place (http/request) and its body is
 * taken in pieces (http/body). Replies (http/reply) are gathered and leave together as soon as the
 * task has to wait for more requests. So a client costs one small stack and two buffers, whatever
 * it asks for and however slowly it reads.
 *
 * A body is held in memory until it is whole (http/spool), so that a fault in it can still be
 * answered. One that is too large for that is sent back while it comes.
 *
 * Whoever breaks the rules gets one answer that says so, and the connection ends: what follows
 * could be taken for another request than the one it was meant to be. */
#include <string.h>

#include "http/body.h"
#include "http/connection.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/spool.h"
#include "http/syntax.h"
#include "server.h"

enum {
    LARGEST_IGNORED = 1024 * 1024, /* of a body that nobody wants, to keep the connection */
    PATTERN_BYTES = 64 * 1024
};

enum outcome {
    GO_ON, /* the request was answered */
    LEAVE  /* nothing more is to be said, or can be */
};

struct exchange {
    struct connection connection;
    struct request request;
    int64_t number; /* of the path, where it has one */
};

static enum outcome outcome_of(zio_err_t error) {
    return error == 0 ? GO_ON : LEAVE;
}

/* Answers a request that broke the rules; the connection is to end with it. */
static enum outcome refuse(struct exchange *exchange, int status) {
    if (status == CONNECTION_LOST) return LEAVE;
    exchange->request.keep_alive = false;
    return outcome_of(reply_status(&exchange->connection, &exchange->request, status, NULL));
}

/* --- GET / and GET /bytes/N ----------------------------------------------------------------- */

static enum outcome serve_greeting(struct exchange *exchange) {
    return outcome_of(
        reply_text(&exchange->connection, &exchange->request, "Hello from a task of libzio."));
}

static char pattern[PATTERN_BYTES];

static void fill_pattern(void) {
    for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = "0123456789abcdef"[i % 16];
}

/* The same bytes for everybody, written from one place. A client that does not read them keeps
 * its own task waiting in a write, and nothing else. */
static enum outcome serve_bytes(struct exchange *exchange) {
    const struct reply reply = {200, "application/octet-stream", NULL, exchange->number};
    zio_err_t error = reply_head(&exchange->connection, &exchange->request, &reply);
    int64_t left = exchange->request.method == METHOD_HEAD ? 0 : exchange->number;
    while (left > 0 && error == 0) {
        const size_t piece = left < PATTERN_BYTES ? (size_t)left : PATTERN_BYTES;
        error = connection_write(&exchange->connection, pattern, piece);
        left -= (int64_t)piece;
    }
    return outcome_of(error);
}

/* --- POST /echo ----------------------------------------------------------------------------- */

/* Reads until the body has ended, or there is no room for more. `last` are the bytes that were
 * taken and not put into the spool. 0, or the status to answer, or CONNECTION_LOST. */
static int hold_body(struct body *body, struct spool *spool, zio_cbuf_t *last) {
    for (;;) {
        const int status = body_next(body, last);
        if (status != 0 || last->len == 0 || body_has_ended(body)) return status;
        const size_t taken = spool_add(spool, last->base, last->len);
        last->base = (const char *)last->base + taken;
        last->len -= taken;
        if (last->len > 0) return 0;
    }
}

/* A piece of a body whose length was not told has it in front. */
static zio_err_t begin_piece(struct exchange *exchange, size_t length) {
    if (!exchange->request.chunked) return 0;
    char line[24];
    const size_t digits = format_number(line, length, 16);
    memcpy(line + digits, "\r\n", 2);
    return connection_write(&exchange->connection, line, digits + 2);
}

static zio_err_t end_piece(struct exchange *exchange) {
    return exchange->request.chunked ? connection_write(&exchange->connection, "\r\n", 2) : 0;
}

static zio_err_t send_piece(struct exchange *exchange, const zio_cbuf_t *piece) {
    if (piece->len == 0) return 0;
    zio_err_t error = begin_piece(exchange, piece->len);
    if (error == 0) error = connection_write(&exchange->connection, piece->base, piece->len);
    return error == 0 ? end_piece(exchange) : error;
}

/* Sends what was held, and then each piece when it comes. A fault in the rest can only be answered
 * by leaving before the end. */
static enum outcome send_on(struct exchange *exchange, struct body *body, struct spool *spool,
                            const zio_cbuf_t *last) {
    const struct request *const request = &exchange->request;
    const struct reply reply = {200, "application/octet-stream", NULL,
                                request->chunked ? LENGTH_UNKNOWN : request->content_length};
    zio_cbuf_t piece = *last;
    zio_err_t error = reply_head(&exchange->connection, request, &reply);
    if (error == 0) error = begin_piece(exchange, spool->length);
    if (error == 0) error = spool_write(spool, &exchange->connection);
    if (error == 0) error = end_piece(exchange);
    while (error == 0 && piece.len > 0) {
        error = send_piece(exchange, &piece);
        if (error == 0 && body_next(body, &piece) != 0) return LEAVE;
    }
    if (error == 0 && request->chunked) {
        error = connection_write(&exchange->connection, "0\r\n\r\n", 5);
    }
    return outcome_of(error);
}

static enum outcome send_whole(struct exchange *exchange, struct spool *spool,
                               const zio_cbuf_t *last) {
    struct connection *const connection = &exchange->connection;
    const struct reply reply = {200, "application/octet-stream", NULL,
                                (int64_t)(spool->length + last->len)};
    zio_err_t error = reply_head(connection, &exchange->request, &reply);
    if (error == 0) error = spool_write(spool, connection);
    if (error == 0) error = connection_write(connection, last->base, last->len);
    return outcome_of(error);
}

static enum outcome serve_echo(struct exchange *exchange) {
    struct body body;
    struct spool spool;
    zio_cbuf_t last;
    body_init(&body, &exchange->connection, &exchange->request);
    spool_init(&spool);
    if (exchange->request.expects_continue && exchange->connection.available == 0 &&
        !body_has_ended(&body) && reply_continue(&exchange->connection) != 0) {
        return LEAVE;
    }
    const int status = hold_body(&body, &spool, &last);
    enum outcome outcome;
    if (status != 0) {
        outcome = refuse(exchange, status);
    } else if (body_has_ended(&body)) {
        outcome = send_whole(exchange, &spool, &last);
    } else {
        outcome = send_on(exchange, &body, &spool, &last);
    }
    spool_clear(&spool);
    return outcome;
}

/* --- which of them -------------------------------------------------------------------------- */

static const struct resource {
    const char *path;
    bool numbered; /* behind the path stands a number */
    bool takes_body;
    const char *methods;
    enum outcome (*serve)(struct exchange *exchange);
} resources[] = {
    {"/", false, false, "GET, HEAD", serve_greeting},
    {"/bytes/", true, false, "GET, HEAD", serve_bytes},
    {"/echo", false, true, "POST", serve_echo},
};

static const struct resource *find_resource(struct exchange *exchange) {
    const char *const path = exchange->request.path;
    const size_t length = exchange->request.path_length;
    if (length > LONGEST_PATH) return NULL;
    for (size_t i = 0; i < sizeof resources / sizeof resources[0]; i++) {
        const size_t own = strlen(resources[i].path);
        if (length < own || memcmp(path, resources[i].path, own) != 0) continue;
        if (resources[i].numbered ? parse_decimal(path + own, length - own, &exchange->number)
                                  : length == own) {
            return &resources[i];
        }
    }
    return NULL;
}

static bool takes_method(const struct resource *resource, enum method method) {
    if (resource->takes_body) return method == METHOD_POST;
    return method == METHOD_GET || method == METHOD_HEAD;
}

/* Reads a body that nobody wants, to find the next request behind it. When it is large, or the
 * client asked whether to send it, the connection ends instead. */
static int ignore_body(struct exchange *exchange) {
    struct request *const request = &exchange->request;
    struct body body;
    zio_cbuf_t piece = {NULL, 0};
    size_t total = 0;
    int status = 0;
    body_init(&body, &exchange->connection, request);
    while (!body_has_ended(&body) && status == 0 && request->keep_alive) {
        if (request->expects_continue || total > LARGEST_IGNORED) {
            request->keep_alive = false;
        } else {
            status = body_next(&body, &piece);
            total += piece.len;
        }
    }
    return status;
}

static enum outcome answer(struct exchange *exchange) {
    const struct resource *const resource = find_resource(exchange);
    const bool served = resource != NULL && takes_method(resource, exchange->request.method);
    if (!served || !resource->takes_body) {
        const int status = ignore_body(exchange);
        if (status != 0) return refuse(exchange, status);
    }
    if (served) return resource->serve(exchange);
    return outcome_of(reply_status(&exchange->connection, &exchange->request,
                                   resource == NULL ? 404 : 405,
                                   resource == NULL ? NULL : resource->methods));
}

/* --- clients -------------------------------------------------------------------------------- */

/* Waits for the head of a request. 0, or the status to answer, or CONNECTION_LOST. */
static int receive(struct exchange *exchange) {
    struct connection *const connection = &exchange->connection;
    zio_deadline_t deadline = ZIO_NEVER;
    bool begun = false;
    request_init(&exchange->request);
    for (;;) {
        if (connection->available > 0) {
            switch (request_parse(&exchange->request, connection->input, connection->available)) {
                case REQUEST_COMPLETE:
                    connection_use(connection, exchange->request.size);
                    return 0;
                case REQUEST_BROKEN:
                    return exchange->request.status;
                case REQUEST_INCOMPLETE:
                    break;
            }
            if (!begun) deadline = deadline_after(connection->limits->header_timeout_ms);
            begun = true;
        } else {
            deadline = deadline_after(connection->limits->idle_timeout_ms);
        }
        const zio_err_t error = connection_more(connection, deadline);
        if (error != 0 && !begun) return CONNECTION_LOST;
        if (error == ZIO_ETIMEDOUT) return 408;
        if (error == ZIO_EMSGSIZE) return 431;
        if (error == ZIO_EEOF) return 400;
        if (error != 0) return CONNECTION_LOST;
    }
}

static void converse(struct exchange *exchange) {
    do {
        const int status = receive(exchange);
        const enum outcome outcome = status == 0 ? answer(exchange) : refuse(exchange, status);
        if (outcome == LEAVE) return;
    } while (exchange->request.keep_alive);
    connection_end(&exchange->connection);
}

static void serve(zio_stream_t *stream, void *ud) {
    struct exchange exchange;
    if (connection_init(&exchange.connection, stream, ud) == 0) converse(&exchange);
    connection_destroy(&exchange.connection);
}

int main(int argc, char **argv) {
    static struct limits limits = {.header_timeout_ms = 10 * 1000, .idle_timeout_ms = 60 * 1000};
    const struct server_option options[] = {
        {"--header-timeout-ms",
         "from a request's first byte to the end of its header, 0 = no limit",
         &limits.header_timeout_ms},
        {"--idle-timeout-ms", "while a client sends nothing, 0 = no limit",
         &limits.idle_timeout_ms},
        {NULL, NULL, NULL},
    };
    const struct server_program program = {
        .purpose = "serves web clients: GET /, GET /bytes/N, POST /echo",
        .default_port = 8080,
        .options = options,
        .serve = serve,
        .ud = &limits,
    };
    fill_pattern();
    return server_main(argc, argv, &program);
}
