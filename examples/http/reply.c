/* SPDX-License-Identifier: MIT */
#include "reply.h"

#include <assert.h>
#include <string.h>

#include "syntax.h"

/* A head and a line of text are made of a few short things, all of them known here. */
enum { MOST_BYTES = 512 };

struct text {
    char data[MOST_BYTES];
    size_t length;
};

static void append(struct text *text, const char *data, size_t length) {
    assert(length <= sizeof text->data - text->length);
    memcpy(text->data + text->length, data, length);
    text->length += length;
}

static void append_words(struct text *text, const char *words) {
    append(text, words, strlen(words));
}

static const char *words_of(int status) {
    switch (status) {
        case 200:
            return "200 OK";
        case 400:
            return "400 Bad Request";
        case 404:
            return "404 Not Found";
        case 405:
            return "405 Method Not Allowed";
        case 408:
            return "408 Request Timeout";
        case 417:
            return "417 Expectation Failed";
        case 431:
            return "431 Request Header Fields Too Large";
        default:
            return "500 Internal Server Error";
    }
}

static void append_head(struct text *text, struct connection *connection,
                        const struct request *request, const struct reply *reply) {
    char digits[20];
    append_words(text, "HTTP/1.1 ");
    append_words(text, words_of(reply->status));
    append_words(text, "\r\nDate: ");
    append_words(text, connection_date(connection));
    append_words(text, "\r\nContent-Type: ");
    append_words(text, reply->type);
    if (reply->allow != NULL) {
        append_words(text, "\r\nAllow: ");
        append_words(text, reply->allow);
    }
    if (reply->length == LENGTH_UNKNOWN) {
        append_words(text, "\r\nTransfer-Encoding: chunked");
    } else {
        append_words(text, "\r\nContent-Length: ");
        append(text, digits, format_number(digits, (uint64_t)reply->length, 10));
    }
    if (!request->keep_alive) {
        append_words(text, "\r\nConnection: close");
    } else if (request->is_1_0) {
        append_words(text, "\r\nConnection: keep-alive");
    }
    append_words(text, "\r\n\r\n");
}

zio_err_t reply_head(struct connection *connection, const struct request *request,
                     const struct reply *reply) {
    struct text text;
    text.length = 0;
    append_head(&text, connection, request, reply);
    return connection_write(connection, text.data, text.length);
}

static zio_err_t reply_line(struct connection *connection, const struct request *request,
                            int status, const char *allow, const char *line) {
    const struct reply reply = {status, "text/plain", allow, (int64_t)strlen(line) + 1};
    struct text text;
    text.length = 0;
    append_head(&text, connection, request, &reply);
    if (request->method != METHOD_HEAD) {
        append_words(&text, line);
        append_words(&text, "\n");
    }
    return connection_write(connection, text.data, text.length);
}

zio_err_t reply_text(struct connection *connection, const struct request *request,
                     const char *line) {
    return reply_line(connection, request, 200, NULL, line);
}

zio_err_t reply_status(struct connection *connection, const struct request *request, int status,
                       const char *allow) {
    return reply_line(connection, request, status, allow, words_of(status));
}

zio_err_t reply_continue(struct connection *connection) {
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    return connection_write(connection, interim, sizeof interim - 1);
}
