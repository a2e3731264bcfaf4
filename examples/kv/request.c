/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inline.h"
#include "text.h"

enum {
    READ_BYTES = 16 * 1024,    /* of a buffer at rest */
    SPARE_BYTES = 2 * 1024,    /* less room than this is not worth a read */
    LARGE_BYTES = 64 * 1024,   /* a buffer that grew beyond this is given back */
    LONG_ARGUMENT = 32 * 1024, /* from here on an argument has a blob of its own */
    LONGEST_LINE = 64 * 1024,
    LONGEST_REQUEST = 1 << 30 /* long arguments not counted */
};

void request_init(struct request *request) {
    memset(request, 0, sizeof *request);
    request->buffer = must_allocate(READ_BYTES);
    request->capacity = READ_BYTES;
    request->bulk_length = -1;
}

static void release_arguments(struct request *request) {
    for (size_t i = 0; i < request->count; i++) blob_release(request->arguments[i].blob);
    request->count = 0;
    request->complete = false;
    request->start = request->position;
}

void request_destroy(struct request *request) {
    release_arguments(request);
    blob_release(request->filling);
    free(request->arguments);
    free(request->buffer);
}

static enum request_state broken(struct request *request, const char *problem) {
    request->problem = problem;
    return REQUEST_BROKEN;
}

/* Finds the next `wanted`. Like the server whose protocol this is, it stops at a NUL: a line that
 * has one never ends. */
static bool find(struct request *request, char wanted, size_t *at) {
    size_t i = request->scanned > request->position ? request->scanned : request->position;
    while (i < request->end && request->buffer[i] != wanted && request->buffer[i] != '\0') i++;
    request->scanned = i;
    *at = i;
    return i < request->end && request->buffer[i] == wanted;
}

/* The number in a line "*12\r\n" or "$5\r\n"; `mark` is its first byte. */
enum line { LINE_OK, LINE_INCOMPLETE, LINE_TOO_LONG, LINE_NO_NUMBER };

static enum line take_number(struct request *request, int64_t *value) {
    size_t line_end;
    if (!find(request, '\r', &line_end)) {
        return request->end - request->position > LONGEST_LINE ? LINE_TOO_LONG : LINE_INCOMPLETE;
    }
    if (request->end - line_end < 2) return LINE_INCOMPLETE;
    const char *digits = request->buffer + request->position + 1;
    const size_t length = line_end - request->position - 1;
    if (length == 1 && *digits >= '0' && *digits <= '9') {
        *value = *digits - '0';
    } else if (!parse_integer(digits, length, value)) {
        return LINE_NO_NUMBER;
    }
    return LINE_OK;
}

static void end_line(struct request *request) {
    request->position = request->scanned + 2;
}

static void add_argument(struct request *request, const char *data, size_t length,
                         struct blob *blob) {
    if (request->count == request->argument_capacity) {
        request->argument_capacity =
            request->argument_capacity == 0 ? 8 : request->argument_capacity * 2;
        request->arguments = must_resize(request->arguments,
                                         request->argument_capacity * sizeof *request->arguments);
    }
    request->arguments[request->count++] = (struct argument){data, length, blob};
}

static enum request_state take_count(struct request *request) {
    int64_t count = 0;
    switch (take_number(request, &count)) {
        case LINE_INCOMPLETE:
            return REQUEST_INCOMPLETE;
        case LINE_TOO_LONG:
            return broken(request, "too big mbulk count string");
        case LINE_NO_NUMBER:
            return broken(request, "invalid multibulk length");
        case LINE_OK:
            break;
    }
    if (count > INT_MAX) return broken(request, "invalid multibulk length");
    end_line(request);
    request->missing = count > 0 ? count : 0;
    return REQUEST_READY;
}

static enum request_state take_bulk_length(struct request *request) {
    int64_t length = 0;
    const enum line line = take_number(request, &length);
    if (line == LINE_INCOMPLETE) return REQUEST_INCOMPLETE;
    if (line == LINE_TOO_LONG) return broken(request, "too big bulk count string");
    const char mark = request->buffer[request->position];
    if (mark != '$') {
        snprintf(request->expected, sizeof request->expected, "expected '$', got '%c'", mark);
        return broken(request, request->expected);
    }
    if (line == LINE_NO_NUMBER || length < 0 || length > LONGEST_VALUE) {
        return broken(request, "invalid bulk length");
    }
    end_line(request);
    request->bulk_length = length;
    return REQUEST_READY;
}

/* Starts a blob for a long argument with the part of it that has come. */
static enum request_state start_filling(struct request *request) {
    const size_t length = (size_t)request->bulk_length;
    size_t here = request->end - request->position;
    if (here > length) here = length;
    request->filling = blob_create(length);
    if (request->filling == NULL) return REQUEST_TOO_LARGE;
    memcpy(request->filling->data, request->buffer + request->position, here);
    request->filled = here;
    if (request->position + here == request->end) {
        request->end = request->position;
    } else {
        request->position += here;
    }
    return REQUEST_READY;
}

static enum request_state take_argument(struct request *request) {
    const size_t length = (size_t)request->bulk_length;
    size_t here = request->end - request->position;
    if (request->filling == NULL && length >= LONG_ARGUMENT && here < length + 2) {
        const enum request_state state = start_filling(request);
        if (state != REQUEST_READY) return state;
        here = request->end - request->position;
    }
    if (request->filling != NULL) {
        if (request->filled < length || here < 2) return REQUEST_INCOMPLETE;
        add_argument(request, request->filling->data, length, request->filling);
        request->filling = NULL;
        request->position += 2;
    } else {
        if (here < length + 2) return REQUEST_INCOMPLETE;
        add_argument(request, request->buffer + request->position, length, NULL);
        request->position += length + 2;
    }
    request->bulk_length = -1;
    request->missing--;
    return REQUEST_READY;
}

static enum request_state take_array(struct request *request) {
    while (request->missing > 0) {
        enum request_state state = REQUEST_READY;
        if (request->bulk_length < 0) state = take_bulk_length(request);
        if (state == REQUEST_READY) state = take_argument(request);
        if (state != REQUEST_READY) return state;
    }
    return REQUEST_READY;
}

static enum request_state take_line(struct request *request) {
    size_t newline;
    const bool found = find(request, '\n', &newline);
    if ((found ? newline : request->end) - request->position > LONGEST_LINE) {
        return broken(request, "too big inline request");
    }
    if (!found) return REQUEST_INCOMPLETE;
    char *word = request->buffer + request->position;
    char *line_end = request->buffer + newline;
    if (line_end > word && line_end[-1] == '\r') line_end--;
    for (;;) {
        size_t length = 0;
        char *next = word;
        switch (inline_word(&next, line_end, &word, &length)) {
            case INLINE_WORD:
                add_argument(request, word, length, NULL);
                word = next;
                break;
            case INLINE_UNBALANCED:
                return broken(request, "unbalanced quotes in request");
            case INLINE_END:
                request->position = newline + 1;
                return REQUEST_READY;
        }
    }
}

enum request_state request_next(struct request *request) {
    if (request->complete) release_arguments(request);
    /* Empty arrays and lines are no requests: go on behind them. */
    for (;;) {
        enum request_state state;
        if (request->missing > 0) {
            state = take_array(request);
        } else if (request->position == request->end) {
            state = REQUEST_INCOMPLETE;
        } else if (request->buffer[request->position] == '*') {
            state = take_count(request);
            if (state == REQUEST_READY) state = take_array(request);
        } else {
            state = take_line(request);
        }
        if (state != REQUEST_READY) return state;
        if (request->count > 0) {
            request->complete = true;
            return REQUEST_READY;
        }
        request->start = request->position;
    }
}

/* --- the buffer ----------------------------------------------------------------------------- */

/* Brings the unfinished request to the front of a buffer of this size. */
static void move_to_front(struct request *request, size_t capacity) {
    char *const from = request->buffer + request->start;
    const size_t length = request->end - request->start;
    char *const to = capacity == request->capacity ? request->buffer : must_allocate(capacity);
    if (length > 0) memmove(to, from, length);
    for (size_t i = 0; i < request->count; i++) {
        struct argument *argument = &request->arguments[i];
        if (argument->blob == NULL) argument->data = to + (argument->data - from);
    }
    if (to != request->buffer) free(request->buffer);
    request->buffer = to;
    request->capacity = capacity;
    request->position -= request->start;
    request->scanned = request->scanned > request->start ? request->scanned - request->start : 0;
    request->end = length;
    request->start = 0;
}

bool request_space(struct request *request, char **where, size_t *room) {
    if (request->filling != NULL && request->filled < (size_t)request->bulk_length) {
        *where = request->filling->data + request->filled;
        *room = (size_t)request->bulk_length - request->filled;
        return true;
    }
    if (request->start == request->end) {
        const bool shrink = request->capacity > LARGE_BYTES;
        move_to_front(request, shrink ? READ_BYTES : request->capacity);
        if (request->argument_capacity > LARGE_BYTES / sizeof *request->arguments) {
            free(request->arguments);
            request->arguments = NULL;
            request->argument_capacity = 0;
        }
    }
    if (request->capacity - request->end < SPARE_BYTES) {
        const size_t used = request->end - request->start;
        size_t capacity = request->capacity;
        if (used + SPARE_BYTES > capacity / 2) capacity *= 2;
        if (capacity > LONGEST_REQUEST) return false;
        move_to_front(request, capacity);
    }
    *where = request->buffer + request->end;
    *room = request->capacity - request->end;
    return true;
}

void request_received(struct request *request, size_t length) {
    if (request->filling != NULL && request->filled < (size_t)request->bulk_length) {
        request->filled += length;
    } else {
        request->end += length;
    }
}
