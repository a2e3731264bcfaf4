/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE

#include "table.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

enum { NAME_WIDTH = 40, CELL_WIDTH = 10 };

static const char *word_of(enum verdict verdict) {
    return verdict == AGREES ? "ok" : verdict == DIFFERS ? "DIFFERS" : "-";
}

/* As RFC 4180 has it. */
static void print_field(const char *text, const char *end) {
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"') putchar('"');
        putchar(*text);
    }
    printf("\"%s", end);
}

/* Nothing is left blank behind the last one. */
static void print_cell(const struct table *table, size_t place, const char *text) {
    const bool is_last = place + 1 == table->backend_count;
    printf(" %-*s%s", is_last ? 0 : CELL_WIDTH - 1, text, is_last ? "\n" : "");
}

void table_begin(const struct table *table) {
    struct utsname system;
    if (table->is_csv) {
        printf("case,backend,verdict,outcome,expected\n");
        return;
    }
    memset(&system, 0, sizeof system);
    (void)uname(&system);
    printf("libzio %s on %s %s, %s\n\n", zio_version_string(), system.sysname, system.release,
           system.machine);
    for (size_t i = 0; i < table->backend_count; i++) {
        const struct backend *backend = table->backends[i];
        const bool is_other = strcmp(backend->name, backend->in_use) != 0;
        printf("%-9s %s%s%s\n", backend->name, is_other ? backend->in_use : "",
               is_other ? ": " : "", backend->words);
    }
    printf("\n%-*s", NAME_WIDTH, "case");
    for (size_t i = 0; i < table->backend_count; i++) {
        print_cell(table, i, table->backends[i]->name);
    }
}

static void print_csv(const struct table *table, const struct test_case *one,
                      const struct result *results) {
    for (size_t i = 0; i < table->backend_count; i++) {
        printf("%s,%s,%s,", one->name, table->backends[i]->name, word_of(results[i].verdict));
        print_field(results[i].text, ",");
        print_field(one->expected, "\n");
    }
}

/* The backends that have the text of the one at `first`, which none before it has. */
static void print_outcome(const struct table *table, const struct result *results, size_t first) {
    for (size_t i = 0; i < first; i++) {
        if (strcmp(results[i].text, results[first].text) == 0) return;
    }
    printf("    ");
    for (size_t i = first; i < table->backend_count; i++) {
        if (strcmp(results[i].text, results[first].text) != 0) continue;
        printf("%s%s", i > first ? ", " : "", table->backends[i]->name);
    }
    printf(": %s\n", results[first].text);
}

static void print_row(const struct table *table, const struct test_case *one,
                      const struct result *results) {
    char name[NAME_WIDTH + 1];
    bool differs = false;
    (void)snprintf(name, sizeof name, "%s%s", one->name, (one->flags & HOST) != 0 ? " *" : "");
    printf("%-*s", NAME_WIDTH, name);
    for (size_t i = 0; i < table->backend_count; i++) {
        print_cell(table, i, word_of(results[i].verdict));
        differs = differs || results[i].verdict == DIFFERS;
    }
    if (!differs && !table->is_verbose) return;
    printf("    expected: %s\n", one->expected);
    for (size_t i = 0; i < table->backend_count; i++) print_outcome(table, results, i);
}

void table_row(struct table *table, const struct test_case *one, const struct result *results) {
    table->cases++;
    table->has_host = table->has_host || (one->flags & HOST) != 0;
    for (size_t i = 0; i < table->backend_count; i++) {
        table->outcomes += results[i].verdict != NOT_HERE;
        table->differences += results[i].verdict == DIFFERS;
        table->not_here += results[i].verdict == NOT_HERE;
    }
    if (table->is_csv) {
        print_csv(table, one, results);
    } else {
        print_row(table, one, results);
    }
    fflush(stdout);
}

void table_end(const struct table *table) {
    if (table->is_csv) return;
    printf("\n");
    if (table->has_host) {
        printf("*  on descriptors of the system, which the simulated backend leaves to it\n");
    }
    if (table->not_here != 0) {
        printf("-  makes no sense there, or this machine lacks what it needs\n");
    }
    printf("%u cases, %u outcomes, %u differences\n", table->cases, table->outcomes,
           table->differences);
}
