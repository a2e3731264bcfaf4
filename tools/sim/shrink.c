/* SPDX-License-Identifier: MIT */
/* `zio-sim shrink`: which of the faults that struck a failing run does its failure need? Leaves out
 * more and more of them, halves first, and keeps what still fails in the same way. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "run.h"

struct list {
    char (*lines)[100];
    unsigned count;
};

struct search {
    struct options options;
    char failure[300]; /* how it is described: what has to stay */
    char only[100];    /* the file that each try reads */
    unsigned tries;
};

static bool read_list(const char *path, struct list *out) {
    char line[300];
    unsigned room = 0;
    FILE *const file = fopen(path, "r");
    memset(out, 0, sizeof *out);
    if (file == NULL) return false;
    while (fgets(line, sizeof line, file) != NULL) {
        const char *const mark = strstr(line, "! ");
        if (mark == NULL) continue;
        if (out->count == room) {
            room = room != 0 ? 2 * room : 256;
            void *const more = realloc(out->lines, room * sizeof *out->lines);
            if (more == NULL) break;
            out->lines = more;
        }
        snprintf(out->lines[out->count++], sizeof *out->lines, "%.98s", line);
    }
    fclose(file);
    return true;
}

/* Without those from `from` to before `to`. */
static bool write_list(const char *path, const struct list *list, unsigned from, unsigned to) {
    FILE *const file = fopen(path, "w");
    if (file == NULL) return false;
    for (unsigned i = 0; i < list->count; i++) {
        if (i < from || i >= to) fputs(list->lines[i], file);
    }
    return fclose(file) == 0;
}

static bool still_fails(struct search *search) {
    struct run run;
    search->tries++;
    search->options.only = search->only;
    if (!whole_run(&run, &search->options, search->options.seed, false, NULL)) return false;
    const bool same = has_failed(&run) && strcmp(describe_run(&run), search->failure) == 0;
    close_run(&run);
    return same;
}

static void leave_out(struct list *list, unsigned from, unsigned to) {
    memmove(list->lines + from, list->lines + to, (list->count - to) * sizeof *list->lines);
    list->count -= to - from;
}

static void shrink(struct search *search, struct list *list) {
    for (unsigned size = (list->count + 1) / 2; size > 0 && list->count > 0; size /= 2) {
        bool went = true;
        while (went) {
            went = false;
            for (unsigned from = 0; from < list->count;) {
                const unsigned to = from + size < list->count ? from + size : list->count;
                if (write_list(search->only, list, from, to) && still_fails(search)) {
                    leave_out(list, from, to);
                    went = size == 1; /* one that was needed may not be any more */
                } else {
                    from = to;
                }
            }
        }
    }
}

int shrink_seed(const struct options *options) {
    struct search search = {.options = *options};
    char trace[100];
    struct run run;
    struct list list;
    if (!make_file(trace, sizeof trace) || !make_file(search.only, sizeof search.only)) return 2;
    if (!whole_run(&run, options, options->seed, false, trace)) return 2;
    if (!has_failed(&run)) {
        printf("seed %" PRIu64 " does not fail\n", options->seed);
        return 2;
    }
    snprintf(search.failure, sizeof search.failure, "%s", describe_run(&run));
    close_run(&run);
    if (!read_list(trace, &list)) {
        fprintf(stderr, "zio-sim: the program left no trace: it made no simulated runtime\n");
        return 2;
    }
    const unsigned before = list.count;
    if (!write_list(search.only, &list, 0, 0) || !still_fails(&search)) {
        printf("seed %" PRIu64 " does not fail again with the same faults: see zio-sim diff\n",
               options->seed);
        free(list.lines);
        return 2;
    }
    shrink(&search, &list);
    char kept[64];
    snprintf(kept, sizeof kept, "zio-sim-%" PRIu64 ".faults", options->seed);
    const char *const path = options->trace != NULL ? options->trace : kept;
    if (!write_list(path, &list, 0, 0)) perror(path);
    printf("seed %" PRIu64 " %s\n%u of %u faults are needed (%u runs):\n", options->seed,
           search.failure, list.count, before, search.tries);
    for (unsigned i = 0; i < list.count; i++) printf("  %s", list.lines[i]);
    printf("kept in %s, for\n", path);
    print_command(options, options->seed, path);
    free(list.lines);
    return 1;
}
