/* SPDX-License-Identifier: MIT */
/* Takes the bytes a client sends apart into requests: arrays of byte strings ("*2\r\n$3\r\nGET…")
 * or lines of words. It keeps what was read in one buffer, hands out requests as long as whole ones
 * are in it, and takes up again where it stopped when bytes are missing. A long argument is not
 * gathered in the buffer: it gets a blob of its own, and the bytes are read straight into that. */
#ifndef KV_REQUEST_H
#define KV_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blob.h"

struct argument {
    const char *data;
    size_t length;
    struct blob *blob; /* holds `data` when the argument was long; else NULL, data in the buffer */
};

struct request {
    /* The request, valid until the next call of request_next(). */
    struct argument *arguments;
    size_t count;
    const char *problem; /* what the client did wrong, after REQUEST_BROKEN */
    char expected[40];

    /* The rest is the parser's. `start` <= `position` <= `end` <= `capacity`. */
    size_t argument_capacity;
    char *buffer;
    size_t capacity;
    size_t start;        /* of the request that is being taken apart */
    size_t position;     /* up to here it has been */
    size_t scanned;      /* up to here there is no end of the current line */
    size_t end;          /* of what was read */
    int64_t missing;     /* arguments that have not been seen */
    int64_t bulk_length; /* of the next argument, -1: not known */
    struct blob *filling;
    size_t filled;
    bool complete;
};

enum request_state {
    REQUEST_READY,
    REQUEST_INCOMPLETE, /* read more */
    REQUEST_BROKEN,     /* answer `problem` and close */
    REQUEST_TOO_LARGE   /* close */
};

enum { LONGEST_VALUE = 512 * 1024 * 1024 };

void request_init(struct request *request);
void request_destroy(struct request *request);
enum request_state request_next(struct request *request);
/* Where the next bytes from the client belong and how many; then tell how many came. */
bool request_space(struct request *request, char **where, size_t *room);
void request_received(struct request *request, size_t length);

#endif
