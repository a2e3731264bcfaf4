/* SPDX-License-Identifier: MIT */
/* The head of a request, from its first line to the empty one, taken apart as its bytes come. It
 * is strict: what two programs might understand differently is an error. It keeps nothing of the
 * bytes it was shown, so that they may move between two calls. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LONGEST_HEAD = 16 * 1024, LONGEST_PATH = 63 };

enum method { METHOD_OTHER, METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_OPTIONS };

struct request {
    enum method method;
    char path[LONGEST_PATH]; /* without the query; of a longer one only the start */
    size_t path_length;      /* all of it */
    bool is_1_0;             /* HTTP/1.0, else 1.1 */
    bool keep_alive;         /* the connection goes on after the reply */
    bool expects_continue;
    bool chunked;
    bool sized; /* `content_length` was given */
    int64_t content_length;

    int status;  /* of a broken request: what it is to be answered */
    size_t size; /* bytes of the lines that were understood; of a complete one its head's */

    /* Where the parser stands, and what it has seen. */
    size_t searched; /* no line ends before this byte */
    bool in_fields, empty_line_skipped, has_host, says_close, says_keep_alive;
};

enum request_state { REQUEST_INCOMPLETE, REQUEST_COMPLETE, REQUEST_BROKEN };

void request_init(struct request *request);
/* `data` begins with the request's first byte, each time. */
enum request_state request_parse(struct request *request, const char *data, size_t length);

/* One line of a head, or of the trailers behind a body, without its end: false when it is no
 * field. */
struct field {
    const char *name, *value;
    size_t name_length, value_length;
};
bool field_parse(struct field *field, const char *line, size_t length);

#endif
