/* SPDX-License-Identifier: MIT */
#include "syntax.h"

/* Sets of bytes below 128, as two words of bits. */
struct byte_set {
    uint64_t words[2];
};

#define BIT(byte) ((uint64_t)1 << ((byte)&63))
/* All bits from one to another of the same word. */
#define BITS(from, to) ((BIT(to) << 1) - BIT(from))

static const struct byte_set token_bytes = {
    {BITS('0', '9') | BIT('!') | BITS('#', '\'') | BITS('*', '+') | BITS('-', '.'),
     BITS('A', 'Z') | BITS('^', 'z') | BIT('|') | BIT('~')}};

static const struct byte_set host_bytes = {
    {BITS('0', ':') | BIT('!') | BITS('$', '.') | BIT(';') | BIT('='),
     BITS('A', 'Z') | BITS('a', 'z') | BIT('[') | BIT(']') | BIT('_') | BIT('~')}};

static inline bool contains(const struct byte_set *set, char c) {
    const unsigned char byte = (unsigned char)c;
    return byte < 128 && (set->words[byte >> 6] >> (byte & 63) & 1) != 0;
}

static size_t span(const struct byte_set *set, const char *text, size_t length) {
    size_t i = 0;
    while (i < length && contains(set, text[i])) i++;
    return i;
}

size_t token_length(const char *text, size_t length) {
    return span(&token_bytes, text, length);
}

bool is_host(const char *text, size_t length) {
    return span(&host_bytes, text, length) == length;
}

bool is_field_text(const char *text, size_t length) {
    bool good = true;
    for (size_t i = 0; i < length; i++) {
        const unsigned char byte = (unsigned char)text[i];
        good &= (byte >= ' ' && byte != 0x7f) || byte == '\t';
    }
    return good;
}

bool is_target_text(const char *text, size_t length) {
    bool good = true;
    for (size_t i = 0; i < length; i++) {
        const unsigned char byte = (unsigned char)text[i];
        good &= byte > ' ' && byte != 0x7f;
    }
    return good;
}

/* --- numbers -------------------------------------------------------------------------------- */

bool parse_decimal(const char *text, size_t length, int64_t *value) {
    int64_t sum = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        const int digit = text[i] - '0';
        if (sum > (INT64_MAX - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return length > 0;
}

static int hexadecimal_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

size_t parse_hexadecimal(const char *text, size_t length, int64_t *value) {
    int64_t sum = 0;
    size_t i = 0;
    for (; i < length && hexadecimal_digit(text[i]) >= 0; i++) {
        if (sum > INT64_MAX >> 4) return 0;
        sum = sum << 4 | hexadecimal_digit(text[i]);
    }
    *value = sum;
    return i;
}

size_t format_number(char *out, uint64_t value, unsigned base) {
    char reversed[20];
    size_t digits = 0, length = 0;
    do {
        reversed[digits++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (digits > 0) out[length++] = reversed[--digits];
    return length;
}

/* --- words ---------------------------------------------------------------------------------- */

bool same_word(const char *text, size_t length, const char *word) {
    size_t i = 0;
    for (; i < length && word[i] != '\0'; i++) {
        char c = text[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c | 0x20);
        if (c != word[i]) return false;
    }
    return i == length && word[i] == '\0';
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

void trim(const char **text, size_t *length) {
    while (*length > 0 && is_blank(**text)) {
        ++*text;
        --*length;
    }
    while (*length > 0 && is_blank((*text)[*length - 1])) --*length;
}
