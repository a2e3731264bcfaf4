/* SPDX-License-Identifier: MIT */
/* What is said on a connection: a message that comes back as it is, or a web page. */
#ifndef BENCH_LOAD_DIALOGUE_H
#define BENCH_LOAD_DIALOGUE_H

#include <stdbool.h>
#include <stdint.h>

enum { MESSAGE_BYTES = 64, LARGEST_ANSWER = 1024 };

struct dialogue {
    bool is_http;
    uint32_t request_bytes, answer_bytes;
    uint32_t head_bytes;         /* of a page's answer, whose date changes */
    char answer[LARGEST_ANSWER]; /* a page's, as it came the first time */
};

/* Messages of MESSAGE_BYTES that come back. */
void dialogue_echo(struct dialogue *dialogue);

/* `GET /`. Asks once on `fd`, which blocks, and takes the answer as the model of all others. False,
 * and errno, when there was none that can be one. */
bool dialogue_http(struct dialogue *dialogue, int fd);

/* The message of connection number `index`, MESSAGE_BYTES at most. */
void dialogue_write(const struct dialogue *dialogue, uint32_t index, char *message);

/* Whether `length` bytes at `bytes` are those at `from` of the answer to `message`. */
bool dialogue_matches(const struct dialogue *dialogue, const char *message, const char *bytes,
                      uint32_t from, uint32_t length);

#endif
