/* SPDX-License-Identifier: MIT */
/* The report for people: a line for each finding that begins with ok, warn or fail, within 80
 * columns; in colour on a terminal. */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "zio.h"

enum { COLUMNS = 79, NAME_AT = 6, TEXT_AT = 25 };

/* Breaks at blanks; a word that is longer than a line stays whole. */
static void print_wrapped(FILE *to, const char *text, int column, int indent) {
    int at = column;
    for (bool first = true; *text != '\0'; first = false) {
        const int length = (int)strcspn(text, " ");
        if (!first && at + 1 + length > COLUMNS) {
            fprintf(to, "\n%*s", indent, "");
            at = indent;
        } else if (!first) {
            fputc(' ', to);
            at++;
        }
        fprintf(to, "%.*s", length, text);
        at += length;
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', to);
}

static bool wants_colour(FILE *to) {
    const char *terminal = getenv("TERM");
    const char *none = getenv("NO_COLOR");
    if (!isatty(fileno(to)) || (none != NULL && none[0] != '\0')) return false;
    return terminal != NULL && strcmp(terminal, "dumb") != 0;
}

static void print_finding(FILE *to, const struct finding *finding, bool coloured) {
    static const char *const colours[] = {"\033[32m", "\033[33m", "\033[31m"};
    const char *colour = coloured ? colours[finding->verdict] : "";
    const char *plain = coloured ? "\033[0m" : "";
    const char *verdict = verdict_name(finding->verdict);
    const int width = TEXT_AT - NAME_AT - 1;
    int column = NAME_AT + (int)strlen(finding->name) + 1;
    if (column < TEXT_AT) column = TEXT_AT;
    fprintf(to, "%s%s%s%*s%-*s ", colour, verdict, plain, NAME_AT - (int)strlen(verdict), "", width,
            finding->name);
    print_wrapped(to, finding->text, column, TEXT_AT);
    if (finding->fix[0] == '\0') return;
    fprintf(to, "%*s", TEXT_AT, "to change it: ");
    print_wrapped(to, finding->fix, TEXT_AT, TEXT_AT);
}

static void print_summary(const struct report *report, FILE *to) {
    unsigned counts[3] = {0, 0, 0};
    const struct finding *first = report_first_failure(report);
    for (size_t i = 0; i < report->count; i++) counts[report->findings[i].verdict]++;
    fprintf(to, "\n%u ok, %u warn, %u fail\n", counts[VERDICT_OK], counts[VERDICT_WARN],
            counts[VERDICT_FAIL]);
    if (report->is_unusable) fprintf(to, "the library cannot run here\n");
    if (first != NULL) {
        fprintf(to, "first to fail: %s %s, at %" PRIu64 "\n", first->section, first->name,
                first->fails_at);
    }
}

void report_print_text(const struct report *report, FILE *to) {
    const bool coloured = wants_colour(to);
    fprintf(to, "zio doctor: libzio %s\n", zio_version_string());
    for (size_t i = 0; i < report->section_count; i++) {
        const struct section *section = &report->sections[i];
        fprintf(to, "\n%s\n", section->title);
        for (size_t j = 0; j < report->count; j++) {
            if (strcmp(report->findings[j].section, section->name) != 0) continue;
            print_finding(to, &report->findings[j], coloured);
        }
    }
    print_summary(report, to);
}
