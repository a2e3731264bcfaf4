/* SPDX-License-Identifier: MIT */
/* What a case found out, as text: words like `read=5` or `accept=ECLOSED` in the order in which
 * they were told. Two backends agree when these texts are the same. It lies in memory that the
 * process of the case shares with the one that compares. */
#ifndef TOOLS_CONFORMANCE_OUTCOME_H
#define TOOLS_CONFORMANCE_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OUTCOME_SIZE = 4096 };

struct outcome {
    bool is_absent; /* the machine lacks what the case needs, and the text says what */
    size_t length;
    char text[OUTCOME_SIZE];
};

/* Where everything below goes. */
void outcome_begin(struct outcome *outcome);
struct outcome *outcome_now(void);

/* `what=5`, or `what=EAGAIN` for a negative number. */
void tell(const char *what, int64_t result);
/* Words of one's own. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* `what=yes` or `what=no`. */
void tell_truth(const char *what, bool truth);
/* `what=text`, what is not printable as dots. */
void tell_bytes(const char *what, const void *bytes, size_t size);

/* What has to hold for the case to make sense at all: says where it does not and ends the process.
 */
#define MUST(condition)                                                \
    do {                                                               \
        if (!(condition)) must_failed(__FILE__, __LINE__, #condition); \
    } while (0)
void must_failed(const char *file, int line, const char *condition) __attribute__((noreturn));

/* Ends the case: the machine lacks something. */
void is_absent(const char *what) __attribute__((noreturn));

#endif
