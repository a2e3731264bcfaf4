/* SPDX-License-Identifier: MIT */
#include "body.h"

#include <string.h>

#include "syntax.h"

enum {
    LONGEST_LINE = 4 * 1024,      /* of a chunk's size, or of a trailer */
    MOST_EXTRAS = 16 * 1024,      /* of what surrounds the chunks and nobody wants */
    WAITS = 10,                   /* all waits for a body take so many idle timeouts at most, */
    NS_PER_BYTE = 2 * 1000 * 1000 /* and this much more for each byte that comes */
};

static int64_t idle_timeout_ns(const struct connection *connection) {
    return (int64_t)connection->limits->idle_timeout_ms * 1000 * 1000;
}

void body_init(struct body *body, struct connection *connection, const struct request *request) {
    body->connection = connection;
    body->left = request->content_length;
    body->extras = 0;
    body->allowance_ns = WAITS * idle_timeout_ns(connection);
    if (request->chunked) {
        body->state = BODY_CHUNK_SIZE;
    } else {
        body->state = body->left > 0 ? BODY_SIZED : BODY_ENDED;
    }
}

bool body_has_ended(const struct body *body) {
    return body->state == BODY_ENDED;
}

/* --- waiting -------------------------------------------------------------------------------- */

/* A client that stops is given up after the idle timeout, and one that only ever sends a byte now
 * and then after some of them. */
static int wait_for_more(struct body *body) {
    struct connection *const connection = body->connection;
    const size_t before = connection->available;
    const int64_t idle_ns = idle_timeout_ns(connection);
    zio_err_t error = connection_flush(connection);
    if (error != 0) return CONNECTION_LOST;
    if (idle_ns == 0) {
        error = connection_more(connection, ZIO_NEVER);
    } else {
        const int64_t start = zio_now();
        error = connection_more(
            connection, start + (idle_ns < body->allowance_ns ? idle_ns : body->allowance_ns));
        body->allowance_ns -= zio_now() - start;
        if (error == 0) {
            body->allowance_ns += (int64_t)(connection->available - before) * NS_PER_BYTE;
        }
        if (body->allowance_ns > WAITS * idle_ns) body->allowance_ns = WAITS * idle_ns;
    }
    if (error == ZIO_ETIMEDOUT) return 408;
    if (error == ZIO_EEOF) return 400;
    return error == 0 ? 0 : CONNECTION_LOST;
}

/* --- lines between chunks ------------------------------------------------------------------- */

/* A line without its end, which is used up and valid until more is waited for. */
static int take_line(struct body *body, const char **line, size_t *length) {
    struct connection *const connection = body->connection;
    const char *newline = NULL;
    size_t searched = 0;
    for (;;) {
        if (connection->available > searched) {
            newline = memchr(connection->input + searched, '\n', connection->available - searched);
        }
        if (newline != NULL) break;
        searched = connection->available;
        if (searched > LONGEST_LINE) return 431;
        const int status = wait_for_more(body);
        if (status != 0) return status;
    }
    *line = connection->input;
    *length = (size_t)(newline - *line);
    connection_use(connection, *length + 1);
    if (*length == 0 || (*line)[*length - 1] != '\r') return 400;
    --*length;
    return *length > LONGEST_LINE ? 431 : 0;
}

/* "1a;name=value": extensions are understood by nobody, and only looked through. */
static int take_chunk_size(struct body *body) {
    const char *line;
    size_t length;
    const int status = take_line(body, &line, &length);
    if (status != 0) return status == 431 ? 400 : status;
    const size_t digits = parse_hexadecimal(line, length, &body->left);
    if (digits == 0) return 400;
    const char *extension = line + digits;
    size_t extension_length = length - digits;
    body->extras += extension_length;
    trim(&extension, &extension_length);
    if (digits < length && (extension_length == 0 || extension[0] != ';')) return 400;
    if (!is_field_text(extension, extension_length) || body->extras > MOST_EXTRAS) return 400;
    body->state = body->left > 0 ? BODY_CHUNK : BODY_TRAILER;
    return 0;
}

static int take_chunk_end(struct body *body) {
    const struct connection *const connection = body->connection;
    static const char expected[] = "\r\n";
    for (size_t seen = 0; seen < 2; seen++) {
        while (connection->available <= seen) {
            const int status = wait_for_more(body);
            if (status != 0) return status;
        }
        if (connection->input[seen] != expected[seen]) return 400;
    }
    connection_use(body->connection, 2);
    body->state = BODY_CHUNK_SIZE;
    return 0;
}

static int take_trailer(struct body *body) {
    const char *line;
    size_t length;
    struct field field;
    const int status = take_line(body, &line, &length);
    if (status != 0) return status;
    if (length == 0) {
        body->state = BODY_ENDED;
        return 0;
    }
    body->extras += length + 2;
    if (body->extras > MOST_EXTRAS) return 431;
    return field_parse(&field, line, length) ? 0 : 400;
}

/* --- pieces --------------------------------------------------------------------------------- */

static int take_piece(struct body *body, zio_cbuf_t *piece) {
    struct connection *const connection = body->connection;
    if (connection->available == 0) {
        const int status = wait_for_more(body);
        if (status != 0) return status;
    }
    piece->base = connection->input;
    piece->len = connection->available;
    if ((uint64_t)body->left < piece->len) piece->len = (size_t)body->left;
    connection_use(connection, piece->len);
    body->left -= (int64_t)piece->len;
    if (body->left == 0) body->state = body->state == BODY_SIZED ? BODY_ENDED : BODY_CHUNK_END;
    return 0;
}

int body_next(struct body *body, zio_cbuf_t *piece) {
    int status = 0;
    *piece = (zio_cbuf_t){NULL, 0};
    while (status == 0 && piece->len == 0 && body->state != BODY_ENDED) {
        switch (body->state) {
            case BODY_CHUNK_SIZE:
                status = take_chunk_size(body);
                break;
            case BODY_CHUNK_END:
                status = take_chunk_end(body);
                break;
            case BODY_TRAILER:
                status = take_trailer(body);
                break;
            default:
                status = take_piece(body, piece);
                break;
        }
    }
    return status;
}
