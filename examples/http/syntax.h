/* SPDX-License-Identifier: MIT */
/* What single bytes, words and numbers may look like in HTTP/1.1. */
#ifndef HTTP_SYNTAX_H
#define HTTP_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many of the bytes from the front on may stand in a token: a method, a field's name. */
size_t token_length(const char *text, size_t length);
/* No control characters, but for tabs: what a field's value may hold. */
bool is_field_text(const char *text, size_t length);
/* Also no blanks: what a request's target may hold. */
bool is_target_text(const char *text, size_t length);
/* The name or address of a host, with or without a port; may be empty. */
bool is_host(const char *text, size_t length);

/* Digits only, at least one, and a number that an int64_t holds. */
bool parse_decimal(const char *text, size_t length, int64_t *value);
/* As many hexadecimal digits as stand at the front; 0: none, or a number too large. */
size_t parse_hexadecimal(const char *text, size_t length, int64_t *value);
/* Writes the digits (at most 20, no NUL) and gives their count. */
size_t format_number(char *out, uint64_t value, unsigned base);

/* `word` is lower case and ends with a NUL; the text may be of any case. */
bool same_word(const char *text, size_t length, const char *word);
/* Takes blanks off both ends. */
void trim(const char **text, size_t *length);

#endif
