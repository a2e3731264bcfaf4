/* SPDX-License-Identifier: MIT */
/* Numbers, patterns and words as the Redis protocol has them. */
#ifndef KV_TEXT_H
#define KV_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The one way to write a number: an optional minus, no plus, no leading zero, no blank, no "-0". */
bool parse_integer(const char *text, size_t length, int64_t *value);
/* Writes the digits (at most 20, no NUL) and gives their count. */
size_t format_integer(char *out, int64_t value);
/* `*` any bytes, `?` one byte, `[a-z]` and `[^a-z]` one of a set, `\` takes the next as it is. */
bool glob_match(const char *pattern, size_t pattern_length, const char *text, size_t text_length,
                bool ignore_case);
/* `word` is lower case and ends with a NUL. */
bool same_word(const char *text, size_t length, const char *word);

#endif
