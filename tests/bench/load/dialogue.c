/* SPDX-License-Identifier: MIT */
#include "load/dialogue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

static const char page_request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
static const char page_status[] = "HTTP/1.1 200 OK\r\n";

enum { STATUS_BYTES = sizeof page_status - 1 };

void dialogue_echo(struct dialogue *dialogue) {
    *dialogue = (struct dialogue){.request_bytes = MESSAGE_BYTES, .answer_bytes = MESSAGE_BYTES};
}

/* How long head and body are together; 0 while the head has not come. -1: it says no length. */
static long measure_answer(struct dialogue *dialogue, const char *text) {
    static const char name[] = "\r\nContent-Length:";
    const char *const end = strstr(text, "\r\n\r\n");
    if (end == NULL) return 0;
    dialogue->head_bytes = (uint32_t)(end + 4 - text);
    for (const char *line = strstr(text, "\r\n"); line != end; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line, name, sizeof name - 1) != 0) continue;
        return (long)dialogue->head_bytes + strtol(line + sizeof name - 1, NULL, 10);
    }
    return -1;
}

bool dialogue_http(struct dialogue *dialogue, int fd) {
    *dialogue = (struct dialogue){.is_http = true, .request_bytes = sizeof page_request - 1};
    if (send(fd, page_request, sizeof page_request - 1, MSG_NOSIGNAL) < 0) return false;
    long wanted = 0;
    uint32_t had = 0;
    do {
        const ssize_t length = recv(fd, dialogue->answer + had, LARGEST_ANSWER - 1 - had, 0);
        errno = length == 0 ? EPIPE : errno;
        if (length <= 0) return false;
        had += (uint32_t)length;
        dialogue->answer[had] = '\0';
        wanted = measure_answer(dialogue, dialogue->answer);
    } while (wanted == 0 || (long)had < wanted);
    dialogue->answer_bytes = had;
    errno = EBADMSG;
    return (long)had == wanted && memcmp(dialogue->answer, page_status, STATUS_BYTES) == 0;
}

void dialogue_write(const struct dialogue *dialogue, uint32_t index, char *message) {
    char text[MESSAGE_BYTES + 1];
    snprintf(text, sizeof text, "%0*u", MESSAGE_BYTES, index);
    memcpy(message, dialogue->is_http ? page_request : text, dialogue->request_bytes);
}

/* Of what stands from `begin` to `end` in an answer, the part that came. */
static bool part_matches(const char *model, uint32_t begin, uint32_t end, const char *bytes,
                         uint32_t from, uint32_t length) {
    const uint32_t first = begin > from ? begin : from;
    const uint32_t last = end < from + length ? end : from + length;
    return first >= last || memcmp(model + first, bytes + (first - from), last - first) == 0;
}

bool dialogue_matches(const struct dialogue *dialogue, const char *message, const char *bytes,
                      uint32_t from, uint32_t length) {
    if (!dialogue->is_http) return memcmp(bytes, message + from, length) == 0;
    return part_matches(dialogue->answer, 0, STATUS_BYTES, bytes, from, length) &&
           part_matches(dialogue->answer, dialogue->head_bytes, dialogue->answer_bytes, bytes, from,
                        length);
}
