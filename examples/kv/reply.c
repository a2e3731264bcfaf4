/* SPDX-License-Identifier: MIT */
#include "reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

enum {
    REST_BYTES = 4 * 1024,   /* of a buffer at rest */
    LARGE_BYTES = 64 * 1024, /* a buffer that grew beyond this is given back */
    LARGE_VALUE = 16 * 1024, /* from here on a value is written from its own memory */
    SMALL_VALUE = 128,       /* as long as this one is not worth a piece of its own */
    LONGEST_HEADER = 32,     /* "$123\r\n" */
    LONGEST_ERROR = 512,
    PIECES_PER_WRITE = 32
};

void reply_init(struct reply *reply) {
    memset(reply, 0, sizeof *reply);
}

static void release_splices(struct reply *reply) {
    for (size_t i = 0; i < reply->splice_count; i++) blob_release(reply->splices[i].blob);
    reply->splice_count = 0;
    reply->spliced_bytes = 0;
}

void reply_destroy(struct reply *reply) {
    release_splices(reply);
    free(reply->splices);
    free(reply->data);
}

/* --- gathering ------------------------------------------------------------------------------ */

static void grow(struct reply *reply, size_t more) {
    size_t capacity = reply->capacity == 0 ? REST_BYTES : reply->capacity;
    while (capacity - reply->length < more) capacity *= 2;
    reply->data = must_resize(reply->data, capacity);
    reply->capacity = capacity;
}

/* Room for `more` bytes at the end of the buffer. */
static inline char *room(struct reply *reply, size_t more) {
    if (reply->capacity - reply->length < more) grow(reply, more);
    return reply->data + reply->length;
}

static void append(struct reply *reply, const char *data, size_t length) {
    memcpy(room(reply, length), data, length);
    reply->length += length;
}

/* A line with a mark and a number: ":12\r\n", "$3\r\n", "*2\r\n". */
static inline size_t write_header(char *out, char mark, int64_t value) {
    size_t length = 1;
    out[0] = mark;
    if (value >= 0 && value <= 9) {
        out[length++] = (char)('0' + value);
    } else {
        length += format_integer(out + 1, value);
    }
    out[length++] = '\r';
    out[length++] = '\n';
    return length;
}

static void append_header(struct reply *reply, char mark, int64_t value) {
    reply->length += write_header(room(reply, LONGEST_HEADER), mark, value);
}

void reply_text(struct reply *reply, const char *line) {
    append(reply, line, strlen(line));
}

void reply_status(struct reply *reply, const char *words) {
    append(reply, "+", 1);
    append(reply, words, strlen(words));
    append(reply, "\r\n", 2);
}

void reply_error(struct reply *reply, const char *format, ...) {
    char words[LONGEST_ERROR];
    va_list arguments;
    va_start(arguments, format);
    const int written = vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    size_t length = written < 0 ? 0 : (size_t)written;
    if (length >= sizeof words) length = sizeof words - 1;
    for (size_t i = 0; i < length; i++) {
        if (words[i] == '\r' || words[i] == '\n') words[i] = ' ';
    }
    append(reply, "-ERR ", 5);
    append(reply, words, length);
    append(reply, "\r\n", 2);
}

void reply_integer(struct reply *reply, int64_t value) {
    append_header(reply, ':', value);
}

void reply_null(struct reply *reply) {
    append(reply, "$-1\r\n", 5);
}

void reply_array(struct reply *reply, size_t count) {
    append_header(reply, '*', (int64_t)count);
}

void reply_bulk(struct reply *reply, const char *data, size_t length) {
    char *const out = room(reply, length + LONGEST_HEADER);
    size_t at = write_header(out, '$', (int64_t)length);
    memcpy(out + at, data, length);
    at += length;
    out[at++] = '\r';
    out[at++] = '\n';
    reply->length += at;
}

void reply_value(struct reply *reply, struct blob *value) {
    /* One reply may hold many values, or one many times: once the buffer is large, only what is
     * smaller than the note of a splice is still copied into it. */
    if (value->length < SMALL_VALUE ||
        (value->length < LARGE_VALUE && reply->length < LARGE_BYTES)) {
        reply_bulk(reply, value->data, value->length);
        return;
    }
    append_header(reply, '$', (int64_t)value->length);
    if (reply->splice_count == reply->splice_capacity) {
        reply->splice_capacity = reply->splice_capacity == 0 ? 4 : reply->splice_capacity * 2;
        reply->splices =
            must_resize(reply->splices, reply->splice_capacity * sizeof *reply->splices);
    }
    reply->splices[reply->splice_count++] = (struct splice){reply->length, blob_share(value)};
    reply->spliced_bytes += value->length;
    append(reply, "\r\n", 2);
}

void reply_append(struct reply *reply, const struct reply *gathered) {
    if (gathered->length > 0) append(reply, gathered->data, gathered->length);
}

size_t reply_pending(const struct reply *reply) {
    return reply->length + reply->spliced_bytes;
}

/* --- writing -------------------------------------------------------------------------------- */

/* Writes all pieces; `pieces` is used up. */
static zio_err_t write_pieces(zio_stream_t *stream, zio_cbuf_t *pieces, size_t count) {
    size_t first = 0;
    for (;;) {
        while (first < count && pieces[first].len == 0) first++;
        if (first == count) return 0;
        zio_ssize_t written = zio_stream_writev(stream, pieces + first, count - first, ZIO_NEVER);
        if (written < 0) return (zio_err_t)written;
        for (; first < count && (size_t)written >= pieces[first].len; first++) {
            written -= (zio_ssize_t)pieces[first].len;
        }
        if (first < count) {
            pieces[first].base = (const char *)pieces[first].base + written;
            pieces[first].len -= (size_t)written;
        }
    }
}

static zio_err_t write_spliced(struct reply *reply, zio_stream_t *stream) {
    zio_cbuf_t pieces[PIECES_PER_WRITE];
    size_t count = 0, offset = 0;
    zio_err_t error = 0;
    for (size_t i = 0; i < reply->splice_count && error == 0; i++) {
        const struct splice *splice = &reply->splices[i];
        pieces[count++] = (zio_cbuf_t){reply->data + offset, splice->offset - offset};
        pieces[count++] = (zio_cbuf_t){splice->blob->data, splice->blob->length};
        offset = splice->offset;
        if (count + 2 > PIECES_PER_WRITE) {
            error = write_pieces(stream, pieces, count);
            count = 0;
        }
    }
    if (error != 0) return error;
    pieces[count++] = (zio_cbuf_t){reply->data + offset, reply->length - offset};
    return write_pieces(stream, pieces, count);
}

zio_err_t reply_write(struct reply *reply, zio_stream_t *stream) {
    zio_err_t error;
    if (reply->splice_count == 0) {
        error = zio_stream_write_all(stream, reply->data, reply->length, NULL, ZIO_NEVER);
    } else {
        error = write_spliced(reply, stream);
        release_splices(reply);
    }
    reply->length = 0;
    if (reply->capacity > 2 * LARGE_BYTES) {
        reply->data = must_resize(reply->data, REST_BYTES);
        reply->capacity = REST_BYTES;
    }
    return error;
}
