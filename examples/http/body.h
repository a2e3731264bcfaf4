/* SPDX-License-Identifier: MIT */
/* The body of a request, piece by piece as it comes, wherever it has its length from. */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include "connection.h"
#include "request.h"

/* Instead of a status: nothing can be said to this client any more. */
enum { CONNECTION_LOST = -1 };

struct body {
    struct connection *connection;
    enum {
        BODY_ENDED,
        BODY_SIZED,
        BODY_CHUNK_SIZE,
        BODY_CHUNK,
        BODY_CHUNK_END,
        BODY_TRAILER
    } state;
    int64_t left;         /* bytes to come of the sized body, or of the chunk */
    size_t extras;        /* bytes of chunk extensions and trailers so far */
    int64_t allowance_ns; /* how long all waits for it may still take */
};

void body_init(struct body *body, struct connection *connection, const struct request *request);
/* Gives the next piece, which is valid until the next call; an empty one at the end. 0, or the
 * status to answer, or CONNECTION_LOST. */
int body_next(struct body *body, zio_cbuf_t *piece);
/* No byte of it is missing any more. */
bool body_has_ended(const struct body *body);

#endif
