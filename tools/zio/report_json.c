/* SPDX-License-Identifier: MIT */
/* The report for scripts. Every finding has the same keys, null where there is nothing to say:
 *   {"version", "tasks", "connections", "status", "exit", "first": {"section", "name", "fails_at",
 *    "fix"}, "checks": {SECTION: {NAME: {"status", "value", "text", "fails_at", "fix"}}}} */
#include <inttypes.h>
#include <string.h>

#include "report.h"
#include "zio.h"

/* All text is printable ASCII already. */
static void print_string(FILE *to, const char *text) {
    fputc('"', to);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', to);
        fputc(*text, to);
    }
    fputc('"', to);
}

static void print_key(FILE *to, int indent, const char *key) {
    fprintf(to, "%*s", indent, "");
    print_string(to, key);
    fputs(": ", to);
}

static void print_string_or_null(FILE *to, const char *text) {
    if (text[0] != '\0') {
        print_string(to, text);
    } else {
        fputs("null", to);
    }
}

static void print_count_or_null(FILE *to, bool known, uint64_t count) {
    if (known) {
        fprintf(to, "%" PRIu64, count);
    } else {
        fputs("null", to);
    }
}

static void print_finding(FILE *to, const struct finding *finding) {
    print_key(to, 6, finding->name);
    fputs("{\n", to);
    print_key(to, 8, "status");
    print_string(to, verdict_name(finding->verdict));
    fputs(",\n", to);
    print_key(to, 8, "value");
    if (finding->has_word) {
        print_string(to, finding->word);
    } else {
        print_count_or_null(to, finding->has_value, finding->value);
    }
    fputs(",\n", to);
    print_key(to, 8, "text");
    print_string(to, finding->text);
    fputs(",\n", to);
    print_key(to, 8, "fails_at");
    print_count_or_null(to, finding->fails, finding->fails_at);
    fputs(",\n", to);
    print_key(to, 8, "fix");
    print_string_or_null(to, finding->fix);
    fputs("\n      }", to);
}

static void print_section(const struct report *report, FILE *to, const char *section) {
    const char *separator = "";
    print_key(to, 4, section);
    fputs("{\n", to);
    for (size_t i = 0; i < report->count; i++) {
        if (strcmp(report->findings[i].section, section) != 0) continue;
        fputs(separator, to);
        print_finding(to, &report->findings[i]);
        separator = ",\n";
    }
    fputs("\n    }", to);
}

static void print_first(const struct report *report, FILE *to) {
    const struct finding *first = report_first_failure(report);
    print_key(to, 2, "first");
    if (first == NULL) {
        fputs("null,\n", to);
        return;
    }
    fputs("{\"section\": ", to);
    print_string(to, first->section);
    fputs(", \"name\": ", to);
    print_string(to, first->name);
    fprintf(to, ", \"fails_at\": %" PRIu64 ", \"fix\": ", first->fails_at);
    print_string_or_null(to, first->fix);
    fputs("},\n", to);
}

void report_print_json(const struct report *report, FILE *to) {
    fputs("{\n", to);
    print_key(to, 2, "version");
    print_string(to, zio_version_string());
    fprintf(to, ",\n  \"tasks\": %" PRIu64 ",\n  \"connections\": %" PRIu64 ",\n", report->tasks,
            report->connections);
    print_key(to, 2, "status");
    print_string(to, verdict_name(report_verdict(report)));
    fprintf(to, ",\n  \"exit\": %d,\n", report_status(report));
    print_first(report, to);
    print_key(to, 2, "checks");
    fputs("{\n", to);
    for (size_t i = 0; i < report->section_count; i++) {
        print_section(report, to, report->sections[i].name);
        fputs(i + 1 < report->section_count ? ",\n" : "\n", to);
    }
    fputs("  }\n}\n", to);
}
