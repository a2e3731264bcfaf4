/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void make_printable(char *text) {
    for (; *text != '\0'; text++) {
        if (*text < ' ' || *text > '~') *text = '?';
    }
}

void report_section(struct report *report, const char *name, const char *title, ...) {
    if (report->section_count == SECTIONS_MOST) abort();
    struct section *section = &report->sections[report->section_count++];
    va_list arguments;
    va_start(arguments, title);
    (void)vsnprintf(section->title, sizeof section->title, title, arguments);
    va_end(arguments);
    section->name = name;
}

struct finding *report_add(struct report *report, const char *name, enum verdict verdict,
                           const char *text, ...) {
    if (report->count == FINDINGS_MOST || report->section_count == 0) abort();
    struct finding *finding = &report->findings[report->count++];
    va_list arguments;
    memset(finding, 0, sizeof *finding);
    finding->section = report->sections[report->section_count - 1].name;
    finding->verdict = verdict;
    (void)snprintf(finding->name, sizeof finding->name, "%s", name);
    va_start(arguments, text);
    (void)vsnprintf(finding->text, sizeof finding->text, text, arguments);
    va_end(arguments);
    make_printable(finding->name);
    make_printable(finding->text);
    return finding;
}

void finding_fix(struct finding *finding, const char *text, ...) {
    va_list arguments;
    va_start(arguments, text);
    (void)vsnprintf(finding->fix, sizeof finding->fix, text, arguments);
    va_end(arguments);
    make_printable(finding->fix);
}

void finding_value(struct finding *finding, uint64_t value) {
    finding->value = value;
    finding->has_value = true;
}

void finding_word(struct finding *finding, const char *word) {
    (void)snprintf(finding->word, sizeof finding->word, "%s", word);
    make_printable(finding->word);
    finding->has_word = true;
}

void finding_fails_at(struct finding *finding, uint64_t count) {
    finding->fails_at = count;
    finding->fails = true;
}

const struct finding *report_first_failure(const struct report *report) {
    const struct finding *first = NULL;
    for (size_t i = 0; i < report->count; i++) {
        const struct finding *finding = &report->findings[i];
        if (finding->verdict != VERDICT_FAIL || !finding->fails) continue;
        if (first == NULL || finding->fails_at < first->fails_at) first = finding;
    }
    return first;
}

enum verdict report_verdict(const struct report *report) {
    enum verdict worst = VERDICT_OK;
    for (size_t i = 0; i < report->count; i++) {
        if (report->findings[i].verdict > worst) worst = report->findings[i].verdict;
    }
    return worst;
}

int report_status(const struct report *report) {
    if (report->is_unusable) return 2;
    return report_verdict(report) == VERDICT_FAIL ? 1 : 0;
}

const char *verdict_name(enum verdict verdict) {
    static const char *const names[] = {"ok", "warn", "fail"};
    return names[verdict];
}
