/* SPDX-License-Identifier: MIT */
/* What was found out, one finding after the other, and how it is shown: as text for people or as
 * JSON for scripts. Both say the same. */
#ifndef TOOLS_ZIO_REPORT_H
#define TOOLS_ZIO_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum verdict {
    VERDICT_OK,
    VERDICT_WARN, /* it works, but not as well, or not for all uses */
    VERDICT_FAIL  /* it does not work, or not for as many as were asked about */
};

enum { FINDINGS_MOST = 96, SECTIONS_MOST = 16, TEXT_SIZE = 640, WORD_SIZE = 128 };

struct finding {
    const char *section;
    char name[40];
    enum verdict verdict;
    char text[TEXT_SIZE]; /* a sentence without its full stop */
    char fix[TEXT_SIZE];  /* the line that raises the limit; may be empty */
    char word[WORD_SIZE]; /* the value, when it is a word */
    uint64_t value;       /* the value, when it is a number */
    uint64_t fails_at;    /* how many still work */
    bool has_word;
    bool has_value;
    bool fails;
};

struct section {
    const char *name;      /* in JSON */
    char title[WORD_SIZE]; /* in text */
};

struct report {
    uint64_t tasks;
    uint64_t connections;
    bool is_unusable; /* the library cannot run at all */
    struct finding findings[FINDINGS_MOST];
    size_t count;
    struct section sections[SECTIONS_MOST];
    size_t section_count;
};

/* What is added from here on belongs to it. The name is static text. */
void report_section(struct report *report, const char *name, const char *title, ...)
    __attribute__((format(printf, 3, 4)));

/* Never NULL. Whatever is no printable ASCII, as in values from outside, becomes `?`. */
struct finding *report_add(struct report *report, const char *name, enum verdict verdict,
                           const char *text, ...) __attribute__((format(printf, 4, 5)));
void finding_fix(struct finding *finding, const char *text, ...)
    __attribute__((format(printf, 2, 3)));
void finding_value(struct finding *finding, uint64_t value);
void finding_word(struct finding *finding, const char *word);
/* So many work, one more does not. */
void finding_fails_at(struct finding *finding, uint64_t count);

/* The failure that comes first when the numbers grow; NULL when none has a number. */
const struct finding *report_first_failure(const struct report *report);
enum verdict report_verdict(const struct report *report);
/* 0: all well, 1: something would fail, 2: the library cannot run. */
int report_status(const struct report *report);

const char *verdict_name(enum verdict verdict);
void report_print_text(const struct report *report, FILE *to);
void report_print_json(const struct report *report, FILE *to);

#endif
