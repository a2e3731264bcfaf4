/* SPDX-License-Identifier: MIT */
/* What the server says: a status, a few fields, and perhaps a short text. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "connection.h"
#include "request.h"

enum { LENGTH_UNKNOWN = -1 }; /* the body is sent in chunks */

struct reply {
    int status;
    const char *type;  /* of the body */
    const char *allow; /* methods, with 405; else NULL */
    int64_t length;    /* of the body */
};

/* Writes all that stands before the body. */
zio_err_t reply_head(struct connection *connection, const struct request *request,
                     const struct reply *reply);
/* Writes a whole reply with one short line of text, which a HEAD request does not get. */
zio_err_t reply_text(struct connection *connection, const struct request *request,
                     const char *line);
/* Writes a whole reply whose text is the status in words. */
zio_err_t reply_status(struct connection *connection, const struct request *request, int status,
                       const char *allow);
/* Tells a client that waits for it to send its body. */
zio_err_t reply_continue(struct connection *connection);

#endif
