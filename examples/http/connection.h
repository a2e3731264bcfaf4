/* SPDX-License-Identifier: MIT */
/* One client's connection: a window on the bytes that have come, and replies that are gathered.
 * Nothing gathered waits while the connection waits for its client: so replies to requests that
 * came together leave together, and none is late. */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "zio.h"

struct limits {
    uint32_t header_timeout_ms; /* from a request's first byte to the end of its head; 0: none */
    uint32_t idle_timeout_ms;   /* while nothing comes that could; 0: none */
};

struct connection {
    zio_stream_t *stream;
    zio_reader_t *reader;
    zio_writer_t *writer;
    const struct limits *limits;
    /* What has come and was not used, until the next connection_more(). */
    const char *input;
    size_t available;
    size_t used;        /* bytes before `input` that the reader still keeps */
    bool gathered;      /* the writer may hold something */
    time_t date_second; /* when `date` was right */
    char date[sizeof "Sun, 06 Nov 1994 08:49:37 GMT"];
};

zio_err_t connection_init(struct connection *connection, zio_stream_t *stream,
                          const struct limits *limits);
void connection_destroy(struct connection *connection);

/* Waits until there are more bytes than `available`. After an error `input` must not be read. */
zio_err_t connection_more(struct connection *connection, zio_deadline_t deadline);
/* Takes bytes off the front of `input`; they stay readable until the next connection_more(). */
void connection_use(struct connection *connection, size_t count);

/* Gathers what is small and writes what is large. */
zio_err_t connection_write(struct connection *connection, const void *data, size_t length);
zio_err_t connection_flush(struct connection *connection);
/* The last reply is on its way, and the client is not to miss it. */
void connection_end(struct connection *connection);

/* The deadline that lies so far ahead, 0: never. */
zio_deadline_t deadline_after(uint32_t ms);
/* The value of a Date field now; valid until the next call. */
const char *connection_date(struct connection *connection);

#endif
