/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "hopes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct hope *find_or_add(struct hopes *hopes, const char *text) {
    for (unsigned i = 0; i < hopes->count; i++) {
        if (strcmp(hopes->all[i].text, text) == 0) return &hopes->all[i];
    }
    struct hope *const more = realloc(hopes->all, (hopes->count + 1) * sizeof *more);
    if (more == NULL) return NULL;
    hopes->all = more;
    struct hope *const added = &more[hopes->count++];
    memset(added, 0, sizeof *added);
    snprintf(added->text, sizeof added->text, "%s", text);
    return added;
}

void read_hopes(struct hopes *hopes, const char *path) {
    char line[300];
    FILE *const file = fopen(path, "r");
    if (file == NULL) return;
    while (fgets(line, sizeof line, file) != NULL) {
        uint64_t true_count, asked_count;
        int used = 0;
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "? %" SCNu64 " %" SCNu64 " %n", &true_count, &asked_count, &used) != 2) {
            continue;
        }
        struct hope *const hope = find_or_add(hopes, line + used);
        if (hope == NULL) break;
        hope->true_count += true_count;
        hope->runs += true_count != 0;
    }
    fclose(file);
    unlink(path);
}

void print_hopes(const struct hopes *hopes) {
    for (unsigned i = 0; i < hopes->count; i++) {
        const struct hope *const hope = &hopes->all[i];
        if (hope->true_count == 0) {
            printf("never true: %s\n", hope->text);
        } else {
            printf("true in %" PRIu64 " runs: %s\n", hope->runs, hope->text);
        }
    }
}

void free_hopes(struct hopes *hopes) {
    free(hopes->all);
    hopes->all = NULL;
    hopes->count = 0;
}
