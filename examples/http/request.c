/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <string.h>

#include "syntax.h"

void request_init(struct request *request) {
    memset(request, 0, sizeof *request);
}

static bool same_bytes(const char *text, size_t length, const char *wanted) {
    return length == strlen(wanted) && memcmp(text, wanted, length) == 0;
}

/* --- the first line ------------------------------------------------------------------------- */

static enum method find_method(const char *name, size_t length) {
    if (same_bytes(name, length, "GET")) return METHOD_GET;
    if (same_bytes(name, length, "HEAD")) return METHOD_HEAD;
    if (same_bytes(name, length, "POST")) return METHOD_POST;
    return same_bytes(name, length, "OPTIONS") ? METHOD_OPTIONS : METHOD_OTHER;
}

static void take_path(struct request *request, const char *path, size_t length) {
    const char *query = memchr(path, '?', length);
    if (query != NULL) length = (size_t)(query - path);
    if (length == 0) {
        path = "/";
        length = 1;
    }
    request->path_length = length;
    memcpy(request->path, path, length < LONGEST_PATH ? length : LONGEST_PATH);
}

/* "http://host:80/path?query", as proxies are asked; every server has to understand it. */
static bool take_absolute(struct request *request, const char *target, size_t length) {
    const char *colon = memchr(target, ':', length);
    const size_t scheme = colon == NULL ? 0 : (size_t)(colon - target);
    if (!same_word(target, scheme, "http") && !same_word(target, scheme, "https")) return false;
    if (length - scheme < 3 || memcmp(colon, "://", 3) != 0) return false;
    const char *host = colon + 3;
    const size_t rest = length - scheme - 3;
    size_t host_length = 0;
    while (host_length < rest && host[host_length] != '/' && host[host_length] != '?') {
        host_length++;
    }
    if (host_length == 0 || !is_host(host, host_length)) return false;
    take_path(request, host + host_length, rest - host_length);
    return true;
}

static bool take_target(struct request *request, const char *target, size_t length) {
    if (length == 0 || !is_target_text(target, length)) return false;
    if (target[0] == '/' ||
        (length == 1 && target[0] == '*' && request->method == METHOD_OPTIONS)) {
        take_path(request, target, length);
        return true;
    }
    return take_absolute(request, target, length);
}

/* "GET /path HTTP/1.1": three words with one space between two. */
static int take_request_line(struct request *request, const char *line, size_t length) {
    const size_t method = token_length(line, length);
    if (method == 0 || method == length || line[method] != ' ') return 400;
    request->method = find_method(line, method);

    const char *const target = line + method + 1, *const end = line + length;
    const char *const space = memchr(target, ' ', (size_t)(end - target));
    if (space == NULL || !take_target(request, target, (size_t)(space - target))) return 400;

    const char *const version = space + 1;
    request->is_1_0 = same_bytes(version, (size_t)(end - version), "HTTP/1.0");
    if (!request->is_1_0 && !same_bytes(version, (size_t)(end - version), "HTTP/1.1")) return 400;
    return 0;
}

/* --- fields --------------------------------------------------------------------------------- */

bool field_parse(struct field *field, const char *line, size_t length) {
    field->name = line;
    field->name_length = token_length(line, length);
    if (field->name_length == 0 || field->name_length == length) return false;
    if (line[field->name_length] != ':') return false;
    field->value = line + field->name_length + 1;
    field->value_length = length - field->name_length - 1;
    trim(&field->value, &field->value_length);
    return is_field_text(field->value, field->value_length);
}

static int take_host(struct request *request, const char *value, size_t length) {
    if (request->has_host || !is_host(value, length)) return 400;
    request->has_host = true;
    return 0;
}

static int take_content_length(struct request *request, const char *value, size_t length) {
    if (request->sized || !parse_decimal(value, length, &request->content_length)) return 400;
    request->sized = true;
    return 0;
}

static int take_transfer_encoding(struct request *request, const char *value, size_t length) {
    if (request->chunked || !same_word(value, length, "chunked")) return 400;
    request->chunked = true;
    return 0;
}

static int take_expect(struct request *request, const char *value, size_t length) {
    if (request->is_1_0) return 0; /* it had no such thing */
    if (!same_word(value, length, "100-continue")) return 417;
    request->expects_continue = true;
    return 0;
}

/* Words with commas between; those that nobody here knows are somebody else's. */
static int take_connection(struct request *request, const char *value, size_t length) {
    for (;;) {
        const char *const comma = memchr(value, ',', length);
        const char *word = value;
        size_t word_length = comma == NULL ? length : (size_t)(comma - value);
        trim(&word, &word_length);
        if (same_word(word, word_length, "close")) request->says_close = true;
        if (same_word(word, word_length, "keep-alive")) request->says_keep_alive = true;
        if (comma == NULL) return 0;
        length -= (size_t)(comma - value) + 1;
        value = comma + 1;
    }
}

static const struct {
    size_t length;
    const char *name;
    int (*take)(struct request *request, const char *value, size_t length);
} known_fields[] = {
    {4, "host", take_host},
    {6, "expect", take_expect},
    {10, "connection", take_connection},
    {14, "content-length", take_content_length},
    {17, "transfer-encoding", take_transfer_encoding},
};

static int take_field(struct request *request, const char *line, size_t length) {
    struct field field;
    if (!field_parse(&field, line, length)) return 400;
    for (size_t i = 0; i < sizeof known_fields / sizeof known_fields[0]; i++) {
        if (field.name_length == known_fields[i].length &&
            same_word(field.name, field.name_length, known_fields[i].name)) {
            return known_fields[i].take(request, field.value, field.value_length);
        }
    }
    return 0;
}

/* --- the whole ------------------------------------------------------------------------------ */

/* What can only be said when all fields are known. */
static int check(struct request *request) {
    if (!request->is_1_0 && !request->has_host) return 400;
    /* Two lengths, or one that an old program in between would not see: a way to smuggle. */
    if (request->chunked && (request->sized || request->is_1_0)) return 400;
    request->keep_alive = !request->says_close && (!request->is_1_0 || request->says_keep_alive);
    return 0;
}

/* Takes one line, without its end. Sets `*complete` at the one behind the last field. */
static int take_line(struct request *request, const char *line, size_t length, bool *complete) {
    if (request->in_fields) {
        if (length > 0) return take_field(request, line, length);
        *complete = true;
        return check(request);
    }
    /* Some old clients send one empty line more than they should behind a body. */
    if (length == 0 && !request->empty_line_skipped) {
        request->empty_line_skipped = true;
        return 0;
    }
    request->in_fields = true;
    return take_request_line(request, line, length);
}

enum request_state request_parse(struct request *request, const char *data, size_t length) {
    bool complete = false;
    while (!complete) {
        const char *const newline =
            length > request->searched
                ? memchr(data + request->searched, '\n', length - request->searched)
                : NULL;
        if (newline == NULL) {
            request->searched = length;
            return REQUEST_INCOMPLETE;
        }
        const char *const line = data + request->size;
        const size_t line_length = (size_t)(newline - line);
        request->size += line_length + 1;
        request->searched = request->size;
        request->status = 400;
        /* A line ends with both bytes. Whoever takes one of them for an end sees other lines. */
        if (line_length == 0 || line[line_length - 1] != '\r') return REQUEST_BROKEN;
        request->status = take_line(request, line, line_length - 1, &complete);
        if (request->status != 0) return REQUEST_BROKEN;
    }
    return REQUEST_COMPLETE;
}
