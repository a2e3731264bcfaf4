/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L

#include "connection.h"

#include <string.h>

#include "request.h"

enum {
    WRITE_MS = 60 * 1000,    /* a client takes this long for PIECE_BYTES, or it is gone */
    PIECE_BYTES = 64 * 1024, /* of one write */
    LINGER_MS = 2000,
    LINGER_BYTES = 64 * 1024 * 1024
};

/* The reader holds the longest head there may be, and no more. */
zio_err_t connection_init(struct connection *connection, zio_stream_t *stream,
                          const struct limits *limits) {
    memset(connection, 0, sizeof *connection);
    connection->stream = stream;
    connection->limits = limits;
    zio_err_t error = zio_reader_create(&connection->reader, stream, LONGEST_HEAD);
    if (error == 0) error = zio_writer_create(&connection->writer, stream, 0);
    return error;
}

void connection_destroy(struct connection *connection) {
    (void)zio_reader_destroy(connection->reader);
    (void)zio_writer_destroy(connection->writer);
}

zio_deadline_t deadline_after(uint32_t ms) {
    return ms == 0 ? ZIO_NEVER : zio_after_ms(ms);
}

/* --- reading -------------------------------------------------------------------------------- */

zio_err_t connection_more(struct connection *connection, zio_deadline_t deadline) {
    zio_err_t error = connection_flush(connection);
    if (error == 0 && connection->used > 0) {
        error = zio_reader_consume(connection->reader, connection->used);
        connection->used = 0;
    }
    if (error != 0) return error;
    zio_cbuf_t seen;
    error = zio_reader_peek(connection->reader, connection->available + 1, &seen, deadline);
    if (error != 0) return error;
    connection->input = seen.base;
    connection->available = seen.len;
    return 0;
}

void connection_use(struct connection *connection, size_t count) {
    connection->input += count;
    connection->available -= count;
    connection->used += count;
}

/* --- writing -------------------------------------------------------------------------------- */

/* A client that reads slowly is waited for as long as it reads at all. */
zio_err_t connection_write(struct connection *connection, const void *data, size_t length) {
    const char *from = data;
    while (length > 0) {
        const size_t piece = length < PIECE_BYTES ? length : PIECE_BYTES;
        const zio_err_t error =
            zio_writer_write(connection->writer, from, piece, NULL, zio_after_ms(WRITE_MS));
        if (error != 0) return error;
        connection->gathered = true;
        from += piece;
        length -= piece;
    }
    return 0;
}

zio_err_t connection_flush(struct connection *connection) {
    if (!connection->gathered) return 0;
    connection->gathered = false;
    return zio_writer_flush(connection->writer, zio_after_ms(WRITE_MS));
}

/* A connection that is closed with unread bytes is reset, and the reset may overtake the last
 * reply. So the rest of what the client sends is read and thrown away, up to a limit. */
void connection_end(struct connection *connection) {
    char unwanted[4096];
    if (connection_flush(connection) != 0) return;
    const zio_deadline_t end = zio_after_ms(LINGER_MS);
    zio_ssize_t length = zio_stream_shutdown(connection->stream, end);
    for (size_t total = 0; length >= 0 && total < LINGER_BYTES; total += (size_t)length) {
        length = zio_stream_read(connection->stream, unwanted, sizeof unwanted, end);
        if (length == 0) return;
    }
}

/* --- date ----------------------------------------------------------------------------------- */

const char *connection_date(struct connection *connection) {
    const time_t now = time(NULL);
    struct tm parts;
    if (now != connection->date_second && gmtime_r(&now, &parts) != NULL) {
        strftime(connection->date, sizeof connection->date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        connection->date_second = now;
    }
    return connection->date;
}
