/* SPDX-License-Identifier: MIT */
/* The replies to one client that have not been written yet. Small ones are copied into one buffer,
 * so that a batch of requests is answered with one write. Large values are not copied: the reply
 * holds a reference and is written from the value itself. */
#ifndef KV_REPLY_H
#define KV_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "blob.h"
#include "zio.h"

/* A value to be written after the first `offset` bytes of the buffer. */
struct splice {
    size_t offset;
    struct blob *blob;
};

struct reply {
    char *data;
    size_t length, capacity;
    struct splice *splices;
    size_t splice_count, splice_capacity;
    size_t spliced_bytes;
};

void reply_init(struct reply *reply);
void reply_destroy(struct reply *reply);

void reply_text(struct reply *reply, const char *line); /* "+OK\r\n" and the like, as it is */
void reply_status(struct reply *reply, const char *words);
/* "-ERR " and the words, formatted; line breaks in them become blanks. */
void reply_error(struct reply *reply, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void reply_integer(struct reply *reply, int64_t value);
void reply_null(struct reply *reply);
void reply_array(struct reply *reply, size_t count); /* that many replies follow */
void reply_bulk(struct reply *reply, const char *data, size_t length);
void reply_value(struct reply *reply, struct blob *value);
/* Copies what was gathered in another one, which holds no large value. */
void reply_append(struct reply *reply, const struct reply *gathered);

/* Bytes that wait to be written. */
size_t reply_pending(const struct reply *reply);
/* Writes everything; 0 or an error. */
zio_err_t reply_write(struct reply *reply, zio_stream_t *stream);

#endif
