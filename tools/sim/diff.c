/* SPDX-License-Identifier: MIT */
/* `zio-sim diff`: the same seed twice. A program that asks something else than the library (the
 * time, an address, another thread) goes another way, and here is where it begins to. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "run.h"

enum { CONTEXT = 5, LINE = 300 };

static void print_before(char before[CONTEXT][LINE], uint64_t number) {
    const uint64_t from = number > CONTEXT ? number - CONTEXT : 0;
    for (uint64_t i = from; i < number; i++) printf("    %s", before[i % CONTEXT]);
}

/* 0: they are the same. */
static int compare(FILE *first, FILE *second) {
    static char before[CONTEXT][LINE];
    char one[LINE], other[LINE];
    for (uint64_t number = 0;; number++) {
        const bool has_one = fgets(one, sizeof one, first) != NULL;
        const bool has_other = fgets(other, sizeof other, second) != NULL;
        if (!has_one && !has_other) {
            printf("the same, %" PRIu64 " lines of trace\n", number);
            return 0;
        }
        if (!has_one || !has_other || strcmp(one, other) != 0) {
            printf("they differ from event %" PRIu64 " on:\n", number + 1);
            print_before(before, number);
            printf("  1 %s  2 %s", has_one ? one : "ended\n", has_other ? other : "ended\n");
            return 1;
        }
        memcpy(before[number % CONTEXT], one, sizeof one);
    }
}

/* The events may be the same and the run not: sleeping is no event. */
static int compare_ends(const struct run *first, const struct run *second) {
    if (first->status == second->status && first->virtual_ns == second->virtual_ns) return 0;
    printf("but they end otherwise: after %.9f s of virtual time, %s;",
           (double)first->virtual_ns / 1e9, describe_run(first));
    printf(" and after %.9f s, %s\n", (double)second->virtual_ns / 1e9, describe_run(second));
    return 1;
}

int diff_seed(const struct options *options) {
    char paths[2][100];
    struct run runs[2];
    FILE *files[2];
    for (int i = 0; i < 2; i++) {
        if (!make_file(paths[i], sizeof paths[i]) ||
            !whole_run(&runs[i], options, options->seed, false, paths[i])) {
            return 2;
        }
        close_run(&runs[i]);
        files[i] = fopen(paths[i], "r");
        if (files[i] == NULL) {
            fprintf(stderr, "zio-sim: the program left no trace: it made no simulated runtime\n");
            return 2;
        }
    }
    int differs = compare(files[0], files[1]);
    fclose(files[0]);
    fclose(files[1]);
    if (differs == 0) differs = compare_ends(&runs[0], &runs[1]);
    return differs;
}
