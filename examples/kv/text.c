/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <ctype.h>
#include <string.h>

bool parse_integer(const char *text, size_t length, int64_t *value) {
    const bool negative = length > 1 && text[0] == '-';
    const size_t first = negative ? 1 : 0;
    if (length == 0 || length > 20) return false;
    if (text[first] == '0' && length > 1) return false;

    const uint64_t largest = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    uint64_t sum = 0;
    for (size_t i = first; i < length; i++) {
        const unsigned digit = (unsigned)(unsigned char)text[i] - '0';
        if (digit > 9 || sum > (largest - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    *value = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return true;
}

size_t format_integer(char *out, int64_t value) {
    char reversed[20];
    size_t digits = 0, length = 0;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        reversed[digits++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (value < 0) out[length++] = '-';
    while (digits > 0) out[length++] = reversed[--digits];
    return length;
}

static char fold(char c, bool ignore_case) {
    return ignore_case ? (char)tolower((unsigned char)c) : c;
}

/* One set, `at` behind its bracket. Leaves `*at` behind the closing bracket, or at the end of a
 * pattern that never closes it. A `]` right at the start closes an empty set. */
static bool set_has(const char **at, const char *end, char c, bool ignore_case) {
    const char *p = *at;
    const bool negated = p < end && *p == '^';
    bool found = false;
    if (negated) p++;
    while (p < end && *p != ']') {
        if (*p == '\\' && end - p >= 2) {
            p++;
            /* An escaped byte is compared as it is, whatever the case. */
            if (*p == c) found = true;
        } else if (end - p >= 3 && p[1] == '-') {
            char low = fold(p[0], ignore_case), high = fold(p[2], ignore_case);
            if (low > high) {
                const char swapped = low;
                low = high;
                high = swapped;
            }
            if (low <= fold(c, ignore_case) && fold(c, ignore_case) <= high) found = true;
            p += 2;
        } else if (fold(*p, ignore_case) == fold(c, ignore_case)) {
            found = true;
        }
        p++;
    }
    *at = p < end ? p + 1 : end;
    return found != negated;
}

/* Does the pattern's next part, which is no `*`, take this byte? `*at` moves behind the part. */
static bool part_takes(const char **at, const char *end, char c, bool ignore_case) {
    const char *p = (*at)++;
    if (*p == '?') return true;
    if (*p == '[') return set_has(at, end, c, ignore_case);
    if (*p == '\\' && end - p >= 2) p = (*at)++;
    return fold(*p, ignore_case) == fold(c, ignore_case);
}

bool glob_match(const char *pattern, size_t pattern_length, const char *text, size_t text_length,
                bool ignore_case) {
    const char *p = pattern, *const pattern_end = pattern + pattern_length;
    const char *t = text, *const text_end = text + text_length;
    /* After a failure only the last star needs to try again, one byte further on: what the earlier
     * ones took was the shortest that fits. So the work is at most pattern times text. */
    const char *star = NULL, *retry = NULL;
    /* As in Redis, a star alone does not match nothing at all, only what else is left of a text. */
    if (text_length == 0) return pattern_length == 0;
    while (t < text_end) {
        if (p < pattern_end && *p == '*') {
            star = ++p;
            retry = t;
        } else if (p < pattern_end && part_takes(&p, pattern_end, *t, ignore_case)) {
            t++;
        } else if (star != NULL) {
            p = star;
            t = ++retry;
        } else {
            return false;
        }
    }
    while (p < pattern_end && *p == '*') p++;
    return p == pattern_end;
}

bool same_word(const char *text, size_t length, const char *word) {
    size_t i = 0;
    for (; i < length && word[i] != '\0'; i++) {
        char c = text[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c | 0x20);
        if (c != word[i]) return false;
    }
    return i == length && word[i] == '\0';
}
