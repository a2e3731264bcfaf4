/* SPDX-License-Identifier: MIT */
#include "inline.h"

#include <stdbool.h>
#include <string.h>

static bool is_blank(char c) {
    return c != '\0' && strchr(" \t\n\v\f\r", c) != NULL;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static char escaped(char c) {
    switch (c) {
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        case 'b':
            return '\b';
        case 'a':
            return '\a';
        default:
            return c;
    }
}

/* The byte that stands at `*p` between double quotes. */
static char quoted_byte(const char **p, const char *end) {
    const char *at = *p;
    if (*at == '\\' && end - at >= 4 && at[1] == 'x' && hex_digit(at[2]) >= 0 &&
        hex_digit(at[3]) >= 0) {
        *p = at + 4;
        return (char)(hex_digit(at[2]) * 16 + hex_digit(at[3]));
    }
    if (*at == '\\' && end - at >= 2) {
        *p = at + 2;
        return escaped(at[1]);
    }
    *p = at + 1;
    return *at;
}

/* The part between two quotes; the second one must end the word. */
static bool quoted(const char **p, const char *end, char quote, char **out) {
    const char *at = *p + 1;
    while (at < end && *at != quote) {
        if (quote == '"') {
            *(*out)++ = quoted_byte(&at, end);
        } else {
            if (*at == '\\' && end - at >= 2 && at[1] == '\'') at++;
            *(*out)++ = *at++;
        }
    }
    if (at == end) return false;
    *p = ++at;
    return at == end || is_blank(*at);
}

enum inline_state inline_word(char **at, const char *end, char **word, size_t *length) {
    const char *p = *at;
    while (p < end && is_blank(*p)) p++;
    if (p == end) return INLINE_END;

    char *out = *at;
    *word = out;
    /* A vertical tab or form feed separates words but does not end one. */
    while (p < end && *p != ' ' && *p != '\t' && *p != '\r') {
        if (*p == '"' || *p == '\'') {
            if (!quoted(&p, end, *p, &out)) return INLINE_UNBALANCED;
            break;
        }
        *out++ = *p++;
    }
    *length = (size_t)(out - *word);
    *at += p - *at;
    return INLINE_WORD;
}
